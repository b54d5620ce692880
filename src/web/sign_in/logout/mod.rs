//! Signing out: whether somebody means it, and what came of it.

pub mod confirm;
pub mod done;
pub mod stayed;
