//! Proof Key for Code Exchange [RFC 7636]: whoever redeems a code is whoever asked for it. `S256` only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::parameters::Parameters;
use crate::secret::{constant_time_eq, sha256};

/// `code_challenge`: the SHA-256 of a verifier [RFC 7636 §4.2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    pub const METHOD: &'static str = "S256";

    /// The challenge of an authorization request, if there is one. `plain` would let whoever reads the
    /// request redeem the code, and it is what a request without a method means [RFC 7636 §4.3].
    pub fn of_request(parameters: &Parameters) -> Result<Option<Self>, Refusal> {
        let Some(text) = parameters.get("code_challenge") else {
            return match parameters.get("code_challenge_method") {
                None => Ok(None),
                Some(_) => Err(Refusal::invalid_request("code_challenge_method without code_challenge.")),
            };
        };
        if parameters.get("code_challenge_method") != Some(Self::METHOD) {
            return Err(Refusal::invalid_request("code_challenge_method must be S256."));
        }
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(|digest| Some(Self(digest)))
            .ok_or(Refusal::invalid_request("code_challenge is not the base64url of a SHA-256."))
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Whether this verifier was meant. One of another length or other characters is none
    /// [RFC 7636 §4.1].
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let well_formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
        constant_time_eq(&self.0, &sha256(verifier.as_bytes())) && well_formed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn request(query: &str) -> Result<Option<CodeChallenge>, Refusal> {
        CodeChallenge::of_request(&Parameters::parse(query.as_bytes()).unwrap())
    }

    #[test]
    fn rfc7636_b_the_example_of_the_specification() {
        let challenge = request(&format!("code_challenge={CHALLENGE}&code_challenge_method=S256")).unwrap().unwrap();
        assert!(challenge.is_met_by(VERIFIER));
        assert!(!challenge.is_met_by(&VERIFIER.replace('d', "e")));
        assert!(!challenge.is_met_by(CHALLENGE));
        assert!(!challenge.is_met_by(""));
    }

    #[test]
    fn rfc7636_4_1_a_verifier_has_43_to_128_unreserved_characters() {
        for verifier in
            ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(50)), format!("{} ", "a".repeat(50))]
        {
            assert!(!CodeChallenge(sha256(verifier.as_bytes())).is_met_by(&verifier), "{verifier}");
        }
        for verifier in ["a".repeat(43), "~".repeat(128)] {
            assert!(CodeChallenge(sha256(verifier.as_bytes())).is_met_by(&verifier), "{verifier}");
        }
    }

    #[test]
    fn rfc7636_4_3_only_s256() {
        assert_eq!(request("").unwrap(), None);
        for refused in [
            format!("code_challenge={CHALLENGE}"),
            format!("code_challenge={CHALLENGE}&code_challenge_method=plain"),
            format!("code_challenge={CHALLENGE}&code_challenge_method=s256"),
            "code_challenge_method=S256".to_owned(),
            format!("code_challenge={VERIFIER}x&code_challenge_method=S256"),
            format!("code_challenge={}&code_challenge_method=S256", CHALLENGE.replace('-', "+")),
        ] {
            assert!(request(&refused).is_err(), "{refused}");
        }
    }
}
