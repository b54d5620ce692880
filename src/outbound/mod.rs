//! Everything that we call.

pub mod egress;
pub mod jwks;
pub mod webhook;
