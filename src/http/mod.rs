//! HTTP: sockets and limits at the edge, endpoints behind them. No rule of a protocol lives here.

use poem_openapi::Tags;

pub mod admin;
pub mod backchannel_authentication;
pub mod body;
mod call_time;
pub mod client_authentication;
pub mod cookies;
pub mod cross_origin;
pub mod described;
pub mod dev;
pub mod device;
pub mod device_authentications;
pub mod device_authorization;
pub mod discovery;
pub mod dispatch;
pub mod dpop;
pub mod error;
pub mod flow;
pub mod forwarded_certificate;
mod gate;
mod head;
pub mod headers;
pub mod health;
pub mod metrics;
mod observe;
pub mod openapi;
pub mod pushed_authorization_request;
pub mod registration;
pub mod remote;
pub mod second_port;
pub mod server;
pub mod signed;
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
    /// The first administrator.
    #[oai(rename = "Admin: bootstrap")]
    AdminBootstrap,
    /// Relying parties, and clients that administer.
    #[oai(rename = "Admin: clients")]
    AdminClients,
    /// People.
    #[oai(rename = "Admin: users")]
    AdminUsers,
    /// What people carry.
    #[oai(rename = "Admin: devices")]
    AdminDevices,
    /// By which phones become devices.
    #[oai(rename = "Admin: pairing keys")]
    AdminPairingKeys,
    /// What was asked, and what became of it.
    #[oai(rename = "Admin: requests")]
    AdminRequests,
    /// How people sign in, and who shows it.
    #[oai(rename = "Admin: sign-on")]
    AdminSignOn,
    /// Signing keys.
    #[oai(rename = "Admin: keys")]
    AdminKeys,
    /// What happened.
    #[oai(rename = "Admin: audit")]
    AdminAudit,
    /// What happens.
    #[oai(rename = "Admin: events")]
    AdminEvents,
    /// Whom to tell what happens.
    #[oai(rename = "Admin: webhooks")]
    AdminWebhooks,
}
