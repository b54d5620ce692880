//! What client certificates are good for at this server [RFC 8705].

use std::sync::Arc;

use crate::protocol::client_certificate::Authorities;

#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// Whether any get here: at the second port, or by a proxy that hands them on.
    pub arrive: bool,
    /// What the addresses of the second port begin with, where there is one.
    pub alias: Option<String>,
    pub authorities: Arc<Authorities>,
}

pub const OF_AN_AUTHORITY: &str = "tls_client_auth";
pub const SELF_SIGNED: &str = "self_signed_tls_client_auth";

impl Certificates {
    /// The methods of client authentication that work with them.
    pub fn methods(&self) -> &'static [&'static str] {
        match (self.arrive, self.authorities.is_empty()) {
            (false, _) => &[],
            (true, true) => &[SELF_SIGNED],
            (true, false) => &[OF_AN_AUTHORITY, SELF_SIGNED],
        }
    }
}
