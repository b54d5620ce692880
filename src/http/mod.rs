//! The edge: sockets, HTTP, limits. No rule of a protocol lives here.

pub mod body;
mod gate;
mod head;
pub mod headers;
pub mod remote;
pub mod server;
pub mod tls;
