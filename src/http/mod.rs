//! HTTP: sockets and limits at the edge, endpoints behind them. No rule of a protocol lives here.

use poem_openapi::Tags;

pub mod admin;
pub mod authorization;
pub mod backchannel_authentication;
pub mod body;
mod call_time;
pub mod client_authentication;
pub mod dev;
pub mod device;
pub mod device_events;
pub mod discovery;
pub mod error;
mod gate;
mod head;
pub mod headers;
pub mod health;
pub mod remote;
pub mod server;
pub mod tls;
pub mod token;
pub mod token_management;
pub mod userinfo;

/// How the operations are grouped in the `OpenAPI` document.
#[derive(Tags)]
pub enum Tag {
    /// Ask a person on a device that they trust.
    Ciba,
    /// Tokens: fetch, refresh, revoke, introspect.
    #[oai(rename = "OAuth")]
    OAuth,
    /// Claims about a person.
    #[oai(rename = "OpenID Connect")]
    Oidc,
    /// Administration: registered clients, and the first administrator.
    #[oai(rename = "Admin: clients")]
    AdminClients,
}
