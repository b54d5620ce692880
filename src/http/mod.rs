//! The edge: sockets, HTTP, limits. No rule of a protocol lives here.

pub mod body;
