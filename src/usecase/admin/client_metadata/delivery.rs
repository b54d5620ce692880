//! How a client comes to the answers of people [CIBA §4, §5].

use url::{Host, Url};

use super::{ClientMetadata, Problems, is_callable};
use crate::domain::client::Delivery;
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::FieldCode;

pub(super) const MODE: &str = "/backchannel_token_delivery_mode";
pub(super) const ENDPOINT: &str = "/backchannel_client_notification_endpoint";

impl ClientMetadata {
    pub(super) fn delivery(&self, egress: Option<&Egress>, problems: &mut Problems) -> Delivery {
        match (self.backchannel_token_delivery_mode.as_deref(), &self.backchannel_client_notification_endpoint) {
            (None | Some("poll"), None) => {}
            (None | Some("poll"), Some(_)) => {
                problems.add(ENDPOINT, FieldCode::NotAllowed, "Only with backchannel_token_delivery_mode ping.");
            }
            (Some("ping"), None) => problems.add(ENDPOINT, FieldCode::Required, "With ping, where the client is told."),
            (Some("ping"), Some(endpoint)) => {
                if is_callable(endpoint, egress) && is_web(endpoint) {
                    return Delivery::Ping { endpoint: endpoint.clone() };
                }
                let detail =
                    "An https URL of at most 400 characters, without fragment, that leads to a public address.";
                problems.add(ENDPOINT, FieldCode::Invalid, detail);
            }
            (Some(_), _) => problems.add(MODE, FieldCode::Invalid, "poll or ping."),
        }
        Delivery::Poll
    }
}

/// https; without TLS on this machine alone, where a server that is set so may call it.
fn is_web(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    (url.scheme() == "https" || url.scheme() == "http" && here) && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciba_4_a_client_is_told_over_https() {
        for (uri, good) in [
            ("https://shop.example/ping", true),
            ("https://shop.example:8443/ping?x=1", true),
            ("http://127.0.0.1:3000/ping", true),
            ("http://localhost:3000/ping", true),
            ("http://[::1]:3000/ping", true),
            ("http://shop.example/ping", false),
            ("http://127.0.0.1.example/ping", false),
            ("https://shop.example/ping#x", false),
            ("ftp://shop.example/ping", false),
            ("com.example.app:/ping", false),
            ("/ping", false),
            ("", false),
        ] {
            assert_eq!(is_web(uri), good, "{uri}");
        }
    }
}
