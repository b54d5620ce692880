//! The relying parties: who they are, and what they send.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nod::clock::{Clock as _, SystemClock};
use nod::entropy::Entropy;
use nod::protocol::client_assertion::ASSERTION_TYPE;
use nod::protocol::id::ClientId;
use nod::protocol::jwt::{Algorithm, SigningKey};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::Result;

pub(crate) const HOST: &str = "id.example";
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const SCOPE: &str = "openid profile";
/// What a client asks for without a person.
pub(crate) const OWN_SCOPE: &str = "stock";
/// Several, so that nothing is measured that works for one client only.
const RELYING_PARTIES: usize = 8;

pub(crate) struct RelyingParty {
    pub id: ClientId,
    pub kind: Kind,
    key: SigningKey,
}

/// What relying parties are registered for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// CIBA, with opaque access tokens.
    Backchannel,
    /// CIBA, with signed access tokens.
    Signed,
    /// The ordinary sign-in, refresh tokens, tokens of their own; opaque access tokens.
    SignIn,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Backchannel => "shop",
            Self::Signed => "jwt-shop",
            Self::SignIn => "site",
        }
    }
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

pub(crate) fn relying_parties(kind: Kind) -> Result<Vec<RelyingParty>> {
    (0..RELYING_PARTIES)
        .map(|n| {
            let id = ClientId::parse(&format!("{}-{n}", kind.name())).ok_or("no client_id")?;
            let (key, _) = SigningKey::generate(Algorithm::ES256)?;
            Ok(RelyingParty { id, kind, key })
        })
        .collect()
}

impl RelyingParty {
    /// A `private_key_jwt` [RFC 7523 §3] that is good for four minutes.
    pub(crate) fn assertion(&self, entropy: &Entropy) -> String {
        let now = SystemClock.now().seconds();
        let id = self.id.as_str();
        let jti = entropy.uuid().to_string();
        let claims = Assertion { iss: id, sub: id, aud: ISSUER, iat: now, exp: now + 240, jti: &jti };
        self.key.sign("JWT", &claims).expect("a key that signs").expose().clone()
    }

    pub(crate) fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [self.key.public_jwk()] })
    }
}

/// For the bare server.
pub(crate) fn write_public_keys(relying_parties: &[RelyingParty], file: &Path) -> Result<()> {
    let keys: serde_json::Map<String, serde_json::Value> = relying_parties
        .iter()
        .map(|party| Ok((party.id.to_string(), serde_json::to_value(party.key.public_jwk())?)))
        .collect::<Result<_>>()?;
    Ok(std::fs::write(file, serde_json::to_vec(&keys)?)?)
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// How a client says who it is, in each form.
fn authenticated(assertion: &str) -> String {
    format!("client_assertion_type={}&client_assertion={assertion}", encoded(ASSERTION_TYPE))
}

pub(crate) fn ask_form(assertion: &str, login_hint: &str) -> String {
    format!(
        "scope={}&login_hint={}&binding_message={}&{}",
        encoded(SCOPE),
        encoded(login_hint),
        encoded("Order 4711"),
        authenticated(assertion),
    )
}

pub(crate) fn token_form(assertion: &str, auth_req_id: &str) -> String {
    let grant = encoded("urn:openid:params:grant-type:ciba");
    format!("grant_type={grant}&auth_req_id={auth_req_id}&{}", authenticated(assertion))
}

pub(crate) const CALLBACK: &str = "https://site.example/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-one-of-RFC-7636";

/// What a browser is sent to the authorization endpoint with.
pub(crate) fn authorization(party: &RelyingParty) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, VERIFIER.as_bytes()));
    let (scope, callback) = (encoded(SCOPE), encoded(CALLBACK));
    format!(
        "/as/authorization.oauth2?response_type=code&client_id={}&redirect_uri={callback}&scope={scope}&state=af0ifjsld\
         &nonce=n-0S6_WzA2Mj&code_challenge={challenge}&code_challenge_method=S256",
        party.id.as_str(),
    )
}

pub(crate) fn code_form(assertion: &str, code: &str) -> String {
    format!(
        "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}&{}",
        encoded(CALLBACK),
        authenticated(assertion),
    )
}

pub(crate) fn refresh_form(assertion: &str, token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}&{}", authenticated(assertion))
}

pub(crate) fn client_credentials_form(assertion: &str) -> String {
    format!("grant_type=client_credentials&scope={OWN_SCOPE}&{}", authenticated(assertion))
}

pub(crate) fn introspection_form(assertion: &str, token: &str) -> String {
    format!("token={token}&{}", authenticated(assertion))
}
