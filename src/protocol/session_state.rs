//! OpenID Connect Session Management 1.0: what a page of a relying party can tell from its own browser whether
//! whoever signed in there still is who is signed in here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::id::{ClientId, SessionToken};
use crate::secret::sha256;

/// "OP browser state" [OIDC Session §2]: changes when somebody signs in, signs in again, or signs out. Scripts of our
/// own read it from a cookie; nobody is signed in by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserState(String);

impl BrowserState {
    /// Not the digest that the session is found by.
    pub fn of(session: &SessionToken) -> Self {
        let digest = sha256(format!("browser state\0{}", session.expose()).as_bytes());
        Self(URL_SAFE_NO_PAD.encode(digest))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `session_state` [OIDC Session §3.2], which is good for one client, at one origin. `None`: answers that go to
    /// this address reach no page. `assets/check_session.js` makes the same.
    pub fn told(&self, client: &ClientId, redirect_uri: &str, salt: [u8; 12]) -> Option<String> {
        let origin = Url::parse(redirect_uri).ok()?.origin();
        if !origin.is_tuple() {
            return None;
        }
        let (origin, salt) = (origin.ascii_serialization(), URL_SAFE_NO_PAD.encode(salt));
        let digest = sha256(format!("{client} {origin} {} {salt}", self.0).as_bytes());
        Some(format!("{}.{salt}", URL_SAFE_NO_PAD.encode(digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_session_3_2_it_is_of_one_client_at_one_origin_in_one_browser() {
        let told = |client: &str, uri: &str, session: &str, salt| {
            let state = BrowserState::of(&SessionToken::presented(session));
            state.told(&ClientId::parse(client).unwrap(), uri, [salt; 12]).unwrap()
        };
        let one = told("shop", "https://shop.example/cb", "session", 1);
        assert_eq!(told("shop", "https://shop.example:443/other?x=1", "session", 1), one);
        assert!(!one.contains(' ') && one.matches('.').count() == 1);
        for other in [
            told("bank", "https://shop.example/cb", "session", 1),
            told("shop", "https://shop.example:8443/cb", "session", 1),
            told("shop", "https://shop.example/cb", "another", 1),
            told("shop", "https://shop.example/cb", "session", 2),
        ] {
            assert_ne!(other.split_once('.').unwrap().0, one.split_once('.').unwrap().0);
        }
        let state = BrowserState::of(&SessionToken::presented("session"));
        assert_eq!(state.told(&ClientId::parse("app").unwrap(), "com.example.app:/cb", [1; 12]), None);
        assert!(!state.as_str().contains("session"));
    }
}
