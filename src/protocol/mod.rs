//! The specifications' words and rules. Pure: no I/O, no clock, no randomness of its own.

pub mod client_assertion;
pub mod error;
pub mod id;
pub mod jwt;
