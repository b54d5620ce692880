//! Everything that we call.

pub mod apns;
pub mod breaker;
pub mod client_callback;
pub mod courier;
pub mod dev_inbox;
pub mod document;
pub mod egress;
pub mod fcm;
pub mod jwks;
pub mod logo;
pub mod logout;
#[cfg(feature = "otel")]
pub mod otlp;
pub mod push;
pub mod request_object;
pub mod sector;
pub mod smtp;
pub mod text_webhook;
pub mod twilio;
pub mod verdict;
pub mod web_push;
pub mod webhook;
