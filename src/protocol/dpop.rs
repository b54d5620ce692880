//! DPoP [RFC 9449]: a client shows at each request that it has the key that its tokens are bound to.
//!
//! Pure: the signature is checked before ([`Verified`]), and that the `jti` is new and the nonce ours is
//! checked after, by whoever knows them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use url::Url;

use super::algorithm::Algorithm;
use super::error::{ErrorCode, Refusal};
use super::jwt::{EmbeddedKeyProof, JwtError, NumericDate, Thumbprint};
use crate::clock::Timestamp;
use crate::secret::{constant_time_eq, sha256};

/// `typ` [RFC 9449 §4.2].
pub const TYP: &str = "dpop+jwt";

/// The authentication scheme [RFC 9449 §7.1].
pub const SCHEME: &str = "DPoP";

/// A proof with an RSA key of 4096 bits has 2 KiB.
const MAX_BYTES: usize = 4096;

/// How far the clock of a client may be off. The nonce, which is always asked for, says the same by our own
/// clock.
const SKEW: Duration = Duration::from_secs(60);

/// As long as a `jti` must be remembered: a proof from a fast clock is fresh for twice the skew.
pub const REMEMBER: Duration = Duration::from_secs(2 * SKEW.as_secs() + 1);

/// What a proof may be signed with: `dpop_signing_alg_values_supported`.
pub const ALGORITHMS: [Algorithm; 4] = Algorithm::ALL;

/// The claims of a proof [RFC 9449 §4.2]. All optional here, so that the rule below says which one is missing.
#[derive(Debug, Deserialize)]
pub struct ProofClaims {
    jti: Option<String>,
    htm: Option<String>,
    htu: Option<String>,
    iat: Option<NumericDate>,
    ath: Option<String>,
    nonce: Option<String>,
}

/// The request that a proof came with.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub method: &'a str,
    /// Without query.
    pub uri: &'a str,
    /// The same at the second port [RFC 8705 §5].
    pub alias: Option<&'a str>,
    /// Presented along with the proof.
    pub access_token: Option<&'a str>,
}

/// What is left to check: that the nonce is ours, and the `jti` new.
#[derive(Debug, PartialEq, Eq)]
pub struct Fitting {
    pub jti: String,
    pub nonce: Option<String>,
}

/// Reads a proof as far as that goes without a key.
pub fn parse(proof: &str) -> Result<EmbeddedKeyProof<'_>, Refusal> {
    EmbeddedKeyProof::of_any_key(proof, TYP, MAX_BYTES).map_err(unverified)
}

pub fn unverified(error: JwtError) -> Refusal {
    refused("The DPoP proof cannot be verified.").because(format!("DPoP: {error}"))
}

pub const fn refused(description: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidDpopProof, description)
}

/// [RFC 8705 §3.4] A token is bound to one thing, and which one is registered.
pub const NOT_TO_A_KEY: Refusal =
    Refusal::invalid_request("The tokens of the client are bound to its certificate, and to no DPoP key.");

/// [RFC 9449 §4.3] whether verified claims were made for this call, just now.
pub fn accept(claims: ProofClaims, call: &Call<'_>, now: Timestamp) -> Result<Fitting, Refusal> {
    if claims.htm.as_deref() != Some(call.method) {
        return Err(refused("htm of the DPoP proof is not the method of the request."));
    }
    let is_this = |htu: &str| same_resource(htu, call.uri) || call.alias.is_some_and(|alias| same_resource(htu, alias));
    if !claims.htu.as_deref().is_some_and(is_this) {
        return Err(refused("htu of the DPoP proof is not the address of the request."));
    }
    let made = claims.iat.ok_or(refused("iat of the DPoP proof is missing."))?.timestamp();
    if made.since(now) > SKEW || now.since(made) > SKEW {
        return Err(refused("iat of the DPoP proof is too far from now."));
    }
    let ath = call.access_token.map(ath);
    match (&ath, &claims.ath) {
        (Some(ath), Some(claimed)) if constant_time_eq(ath.as_bytes(), claimed.as_bytes()) => {}
        (Some(_), _) => return Err(refused("ath of the DPoP proof is not the hash of the access token.")),
        // Made along with a token, it is no less a proof for a request without one.
        (None, _) => {}
    }
    match claims.jti {
        Some(jti) if (1..=256).contains(&jti.len()) => Ok(Fitting { jti, nonce: claims.nonce }),
        Some(_) | None => Err(refused("jti of the DPoP proof must have 1 to 256 bytes.")),
    }
}

/// [RFC 9449 §4.2]
fn ath(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(access_token.as_bytes()))
}

/// [RFC 9449 §4.3] compared without query and fragment, after the normalization of [RFC 3986 §6.2].
fn same_resource(htu: &str, uri: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    htu.len() <= 2048 && bare(htu).is_some_and(|htu| Some(htu) == bare(uri))
}

/// `dpop_jkt` of an authorization request [RFC 9449 §10]: the code is for this key alone.
pub fn jkt(text: &str) -> Result<Thumbprint, Refusal> {
    Thumbprint::parse(text).ok_or(Refusal::invalid_request("dpop_jkt is not the base64url of a SHA-256."))
}

/// The key that a request names, or shows, for what comes of it.
pub fn one_key(named: Option<Thumbprint>, shown: Option<Thumbprint>) -> Result<Option<Thumbprint>, Refusal> {
    match (named, shown) {
        // [RFC 9449 §10.1] who shows one key and names another is in somebody's hands.
        (Some(named), Some(shown)) if named != shown => Err(refused("dpop_jkt is not the key of the DPoP proof.")),
        (named, shown) => Ok(named.or(shown)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const URI: &str = "https://op.example/as/token.oauth2";

    fn accepted(change: &Value, access_token: Option<&str>) -> Result<Fitting, Refusal> {
        let mut claims = json!({"jti": "one", "htm": "POST", "htu": URI, "iat": NOW.seconds(), "nonce": "n"});
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        accept(
            serde_json::from_value(claims).unwrap(),
            &Call { method: "POST", uri: URI, alias: None, access_token },
            NOW,
        )
    }

    #[track_caller]
    fn refused(change: &Value) -> String {
        let refusal = accepted(change, None).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidDpopProof);
        refusal.description.into_owned()
    }

    #[test]
    fn rfc9449_4_3_a_proof_is_for_one_request() {
        assert_eq!(accepted(&json!({}), None).unwrap(), Fitting { jti: "one".into(), nonce: Some("n".into()) });
        for method in [json!("GET"), json!("post"), Value::Null] {
            assert!(refused(&json!({ "htm": method })).contains("htm"));
        }
        for htu in [
            "HTTPS://OP.example:443/as/./token.oauth2?x=y#z",
            "https://op.example/as/token.oauth2?",
            "https://op.example/x/../as/token.oauth2",
        ] {
            accepted(&json!({ "htu": htu }), None).unwrap();
        }
        for htu in [
            "https://op.example/as/token.oauth2/",
            "https://op.example/as/token",
            "http://op.example/as/token.oauth2",
            "https://op.example:8443/as/token.oauth2",
            "https://user@op.example/as/token.oauth2",
            "https://op.example.evil.test/as/token.oauth2",
            "/as/token.oauth2",
            "",
        ] {
            assert!(refused(&json!({ "htu": htu })).contains("htu"), "{htu}");
        }
    }

    #[test]
    fn rfc9449_4_3_a_proof_is_fresh() {
        let now = NOW.seconds();
        for iat in [now - 60, now + 60] {
            accepted(&json!({ "iat": iat }), None).unwrap();
        }
        for iat in [json!(now - 61), json!(now + 61), Value::Null] {
            assert!(refused(&json!({ "iat": iat })).contains("iat"));
        }
    }

    #[test]
    fn rfc9449_4_2_a_proof_has_a_name() {
        for jti in [json!(""), json!("x".repeat(257)), Value::Null] {
            assert!(refused(&json!({ "jti": jti })).contains("jti"));
        }
    }

    #[test]
    fn rfc9449_4_3_a_proof_is_for_the_token_that_comes_along() {
        // [RFC 9449 §7.1] the example.
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        let hash = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
        accepted(&json!({ "ath": hash }), Some(token)).unwrap();
        for ath in [json!("x"), Value::Null] {
            assert!(accepted(&json!({ "ath": ath }), Some(token)).unwrap_err().description.contains("ath"));
        }
        accepted(&json!({ "ath": hash }), None).unwrap();
    }
}
