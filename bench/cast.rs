//! The relying parties: who they are, and what they send.

use std::path::Path;

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
/// Several, so that nothing is measured that works for one client only.
const RELYING_PARTIES: usize = 8;

pub(crate) struct RelyingParty {
    pub id: ClientId,
    /// Gets access tokens that are signed, instead of opaque ones.
    pub jwt: bool,
    key: SigningKey,
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

pub(crate) fn relying_parties(jwt: bool) -> Result<Vec<RelyingParty>> {
    (0..RELYING_PARTIES)
        .map(|n| {
            let name = if jwt { "jwt-shop" } else { "shop" };
            let id = ClientId::parse(&format!("{name}-{n}")).ok_or("no client_id")?;
            let (key, _) = SigningKey::generate(Algorithm::ES256)?;
            Ok(RelyingParty { id, jwt, key })
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

pub(crate) fn ask_form(assertion: &str, login_hint: &str) -> String {
    format!(
        "scope={}&login_hint={}&binding_message={}&client_assertion_type={}&client_assertion={assertion}",
        encoded(SCOPE),
        encoded(login_hint),
        encoded("Order 4711"),
        encoded(ASSERTION_TYPE),
    )
}

pub(crate) fn token_form(assertion: &str, auth_req_id: &str) -> String {
    format!(
        "grant_type={}&auth_req_id={auth_req_id}&client_assertion_type={}&client_assertion={assertion}",
        encoded("urn:openid:params:grant-type:ciba"),
        encoded(ASSERTION_TYPE),
    )
}
