//! Where a client wants to hear that a session has ended [BCL §2.2, FCL §2].

use url::Url;

use super::address::is_callable;
use super::{ClientMetadata, Problems};
use crate::domain::client::{Logout, LogoutUri};
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::FieldCode;
use crate::protocol::redirect_uri::RedirectUri;

impl ClientMetadata {
    pub(super) fn logout(
        &self,
        redirect_uris: &[RedirectUri],
        egress: Option<&Egress>,
        problems: &mut Problems,
    ) -> Logout {
        if self.backchannel_logout_uri.as_ref().is_some_and(|uri| !is_callable(uri, egress)) {
            let detail = "An https URL of at most 400 characters, without fragment, that leads to a public address.";
            problems.add("/backchannel_logout_uri", FieldCode::Invalid, detail);
        }
        if self.frontchannel_logout_uri.as_ref().is_some_and(|uri| !is_at_home(uri, redirect_uris)) {
            let detail = "https, or http on this machine, with scheme, host and port of one of the redirect_uris.";
            problems.add("/frontchannel_logout_uri", FieldCode::Invalid, detail);
        }
        let mut channel = |uri: &Option<String>, required: Option<bool>, pointer| {
            if uri.is_none() && required == Some(true) {
                problems.add(pointer, FieldCode::NotAllowed, "Only with a logout URI.");
            }
            Some(LogoutUri { uri: uri.clone()?, session_required: required.unwrap_or(false) })
        };
        Logout {
            backchannel: channel(
                &self.backchannel_logout_uri,
                self.backchannel_logout_session_required,
                "/backchannel_logout_session_required",
            ),
            frontchannel: channel(
                &self.frontchannel_logout_uri,
                self.frontchannel_logout_session_required,
                "/frontchannel_logout_session_required",
            ),
        }
    }
}

/// [FCL §2] a client is framed where it has people come back to, and nowhere else.
fn is_at_home(uri: &str, redirect_uris: &[RedirectUri]) -> bool {
    let web = |text: &str| Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    // The rules for addresses that browsers are sent to.
    let Some(url) = RedirectUri::parse(uri).ok().and_then(|uri| web(uri.as_str())) else { return false };
    redirect_uris.iter().filter_map(|home| web(home.as_str())).any(|home| home.origin() == url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fcl_2_a_client_is_framed_at_home() {
        let homes = ["https://shop.example/cb", "com.example.app:/cb", "http://localhost:*/cb"]
            .map(|home| RedirectUri::parse(home).unwrap());
        for (uri, good) in [
            ("https://shop.example/out?x=1", true),
            ("https://shop.example:443/out", true),
            ("https://shop.example:8443/out", false),
            ("http://shop.example/out", false),
            ("https://evil.test/out", false),
            ("https://shop.example/out#x", false),
            ("https://a@shop.example/out", false),
            ("com.example.app:/out", false),
            ("javascript:alert(1)", false),
            ("http://localhost:3000/out", false),
            ("", false),
        ] {
            assert_eq!(is_at_home(uri, &homes), good, "{uri}");
        }
    }
}
