//! Everything that we call.

pub mod client_callback;
pub mod document;
pub mod egress;
pub mod jwks;
pub mod logout;
#[cfg(feature = "otel")]
pub mod otlp;
pub mod request_object;
pub mod sector;
pub mod webhook;
