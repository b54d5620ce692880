//! Pages for people: templates and assets beside their handlers. Those of sign-in, of dev mode, and `/docs`.

pub mod assets;
pub mod dev;
pub mod docs;
mod guard;
mod page;
pub mod provider;
pub mod sign_in;
