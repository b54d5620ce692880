//! Everything that we call.

pub mod egress;
pub mod jwks;
#[cfg(feature = "otel")]
pub mod otlp;
pub mod request_object;
pub mod webhook;
