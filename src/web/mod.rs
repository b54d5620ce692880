//! Pages for people: templates and assets beside their handlers. So far they are those of dev mode.

mod assets;
pub mod dev;
mod guard;
mod page;
