//! Pages for people: templates and assets beside their handlers. Those of dev mode, and `/docs`.

mod assets;
pub mod dev;
pub mod docs;
mod guard;
mod page;
