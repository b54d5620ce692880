//! HTTP: sockets and limits at the edge, endpoints behind them. No rule of a protocol lives here.

use poem_openapi::Tags;

pub mod authorization;
pub mod backchannel_authentication;
pub mod body;
mod call_time;
pub mod client_authentication;
pub mod described;
pub mod dev;
pub mod device;
pub mod discovery;
pub mod error;
mod gate;
mod head;
pub mod headers;
pub mod health;
pub mod metrics;
mod observe;
pub mod openapi;
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
    /// What a phone asks and answers.
    Device,
    /// Claims about a person.
    #[oai(rename = "OpenID Connect")]
    Oidc,
}
