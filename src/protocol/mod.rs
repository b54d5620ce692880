//! The specifications' words and rules. Pure: no I/O, no clock, no randomness of its own.

pub mod acr;
pub mod algorithm;
pub mod error;
pub mod id;
pub mod scope;
