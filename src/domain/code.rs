//! An authorization code: what one sign-in is worth, until somebody redeems it [RFC 6749 §4.1.2].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enrolment::Enrolment;
use super::session::Authentication;
use crate::clock::Timestamp;
use crate::protocol::error::Refusal;
use crate::protocol::extent::Extent;
use crate::protocol::id::{AuthorizationCode, ClientId, ConsentId, DeviceId, RequestId, SessionId, UserId};
use crate::protocol::jwt::Thumbprint;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::scope::Scope;
use crate::secret::Digest;

/// [RFC 6749 §4.1.2] "A maximum authorization code lifetime of 10 minutes is RECOMMENDED"; a client needs
/// a second.
pub const LIFETIME: Duration = Duration::from_secs(60);
/// A code that comes again within this time after it was issued is noticed as one.
pub const REMEMBER: Duration = Duration::from_secs(15 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// One flow gives one grant: SQL refuses a second one for the same.
    pub transaction: RequestId,
    pub client: ClientId,
    pub redirect_uri: String,
    pub challenge: Option<CodeChallenge>,
    /// Of the only key that its tokens may be bound to [RFC 9449 §10].
    pub dpop_jkt: Option<Thumbprint>,
    pub user: UserId,
    pub session: SessionId,
    /// In which the person agreed to the scope: with it ends the code.
    pub consent: Option<ConsentId>,
    pub scope: Scope,
    pub nonce: Option<String>,
    pub extent: Extent,
    pub authentication: Authentication,
    /// When the password was chosen that the person gave.
    pub password: Option<Timestamp>,
    /// The trusted device that was there: with it ends what the code gives.
    pub device: Option<DeviceId>,
    /// What the app is told by which the person signed in.
    pub enrolment: Option<Enrolment>,
    pub issued_at: Timestamp,
    /// Somebody showed the code with the wrong verifier or another address: whoever comes next is refused.
    pub burnt: bool,
}

/// What presenting a code comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// Everything fits. Whether it is the first time, SQL says.
    Fits,
    /// Another client's: nothing is changed by it.
    Foreign,
    Refused(Refusal),
}

/// What came with the code.
#[derive(Clone, Copy, Debug)]
pub struct With<'a> {
    pub client: &'a ClientId,
    pub redirect_uri: Option<&'a str>,
    pub verifier: Option<&'a str>,
    /// What a DPoP proof shows.
    pub key: Option<Thumbprint>,
}

/// Names what the authorization endpoint gave beside a code, as [`Code::transaction`] names what the code gives: who
/// shows the code again ends both.
pub fn given_beside(code: &Digest<AuthorizationCode>) -> RequestId {
    let half = code.as_bytes().first_chunk().copied().unwrap_or_default();
    RequestId::new(uuid::Builder::from_custom_bytes(half).into_uuid())
}

impl Code {
    #[must_use]
    pub fn presented(self, with: &With<'_>, now: Timestamp) -> (Self, Presented) {
        // First, so that a stranger learns nothing and spoils nothing.
        if self.client != *with.client {
            return (self, Presented::Foreign);
        }
        if self.burnt {
            return (self, Presented::Refused(Refusal::invalid_grant("the code was burnt by a wrong try")));
        }
        if now >= self.issued_at + LIFETIME {
            return (self, Presented::Refused(Refusal::invalid_grant("the code has expired")));
        }
        let fits = with.redirect_uri == Some(&self.redirect_uri);
        let proved = match (&self.challenge, with.verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => challenge.is_met_by(verifier),
            // [RFC 9700 §2.1.1] a verifier without a challenge: somebody took the challenge away.
            (Some(_), None) | (None, Some(_)) => false,
        };
        let bound = self.dpop_jkt.is_none() || self.dpop_jkt == with.key;
        match (fits, proved, bound) {
            (true, true, true) => (self, Presented::Fits),
            (false, _, _) => self.burn("another redirect_uri than the one of the request"),
            (true, true, false) => self.burn("another key than dpop_jkt of the request"),
            (true, false, _) => self.burn("the code_verifier is missing, wrong, or was not announced"),
        }
    }

    /// [RFC 7636 §7.1] who has the code and not the rest is guessing: one try and no more.
    fn burn(self, why: &'static str) -> (Self, Presented) {
        (Self { burnt: true, ..self }, Presented::Refused(Refusal::invalid_grant(why)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::protocol::acr::Acr;
    use crate::protocol::parameters::Parameters;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const URI: &str = "https://shop.example/cb";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn code(with_challenge: bool) -> Code {
        let query = "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
        let challenge = CodeChallenge::of_request(&Parameters::parse(query.as_bytes()).unwrap()).unwrap();
        Code {
            transaction: RequestId::new(Uuid::nil()),
            client: ClientId::parse("shop").unwrap(),
            redirect_uri: URI.into(),
            challenge: challenge.filter(|_| with_challenge),
            dpop_jkt: None,
            user: UserId::new(Uuid::nil()),
            session: SessionId::new(Uuid::nil()),
            consent: None,
            scope: Scope::parse("openid").unwrap(),
            nonce: None,
            extent: Extent::default(),
            authentication: Authentication { at: at(0), acr: Acr::Password, amr: "pwd".into() },
            password: None,
            device: None,
            enrolment: None,
            issued_at: at(0),
            burnt: false,
        }
    }

    fn present(code: Code, client: &str, uri: Option<&str>, verifier: Option<&str>, seconds: i64) -> (Code, Presented) {
        let client = ClientId::parse(client).unwrap();
        code.presented(&With { client: &client, redirect_uri: uri, verifier, key: None }, at(seconds))
    }

    #[test]
    fn rfc9449_10_a_code_fits_its_key() {
        let (own, other) = (Thumbprint::from_bytes([1; 32]), Thumbprint::from_bytes([2; 32]));
        let client = ClientId::parse("shop").unwrap();
        let with = |key| With { client: &client, redirect_uri: Some(URI), verifier: Some(VERIFIER), key };
        let bound = Code { dpop_jkt: Some(own), ..code(true) };
        assert_eq!(bound.clone().presented(&with(Some(own)), at(0)).1, Presented::Fits);
        assert_eq!(code(true).presented(&with(Some(own)), at(0)).1, Presented::Fits, "bound to none");
        for key in [None, Some(other)] {
            let (burnt, refused) = bound.clone().presented(&with(key), at(0));
            assert!(matches!(refused, Presented::Refused(_)));
            assert!(matches!(burnt.presented(&with(Some(own)), at(0)).1, Presented::Refused(_)));
        }
    }

    #[test]
    fn rfc6749_4_1_3_a_code_fits_its_client_its_address_and_its_verifier() {
        assert_eq!(present(code(true), "shop", Some(URI), Some(VERIFIER), 59).1, Presented::Fits);
        assert_eq!(present(code(false), "shop", Some(URI), None, 0).1, Presented::Fits);
        let (_, late) = present(code(true), "shop", Some(URI), Some(VERIFIER), 60);
        assert!(matches!(late, Presented::Refused(_)));
    }

    #[test]
    fn rfc9700_4_5_a_stranger_neither_learns_nor_spoils_anything() {
        let (after, presented) = present(code(true), "other", Some("https://evil.test"), None, 0);
        assert_eq!(presented, Presented::Foreign);
        assert_eq!(present(after, "shop", Some(URI), Some(VERIFIER), 1).1, Presented::Fits);
    }

    #[test]
    fn rfc7636_4_6_a_wrong_try_burns_the_code() {
        for (uri, verifier) in [
            (Some(URI), Some("x")),
            (Some(URI), None),
            (None, Some(VERIFIER)),
            (Some("https://shop.example/cb/"), Some(VERIFIER)),
        ] {
            let (burnt, refused) = present(code(true), "shop", uri, verifier, 0);
            assert!(matches!(refused, Presented::Refused(_)), "{uri:?} {verifier:?}");
            let (_, again) = present(burnt, "shop", Some(URI), Some(VERIFIER), 0);
            assert!(matches!(again, Presented::Refused(_)), "{uri:?} {verifier:?}");
        }
        // A verifier where no challenge was sent: the challenge was stripped on the way [RFC 9700 §4.8.2].
        assert!(matches!(present(code(false), "shop", Some(URI), Some(VERIFIER), 0).1, Presented::Refused(_)));
    }
}
