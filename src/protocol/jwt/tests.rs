use base64::engine::general_purpose::URL_SAFE;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

mod decryption;
mod keys;
mod reading;
mod signing;

const JWT: AcceptedTyp = AcceptedTyp::AbsentOr(&["JWT"]);
const PROOF: &str = "nod-proof+jwt";

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: Option<NumericDate>,
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().0
}

/// A token whose header and payload are exactly these bytes, rightly signed.
fn token(key: &SigningKey, header: &str, payload: &str) -> String {
    key.sign_parts(header.as_bytes(), payload.as_bytes()).unwrap().expose().clone()
}

fn verify(token: &str, key: &SigningKey) -> Result<Verified<Claims>, JwtError> {
    Unverified::parse(token)?.verify(key.verification_key(), JWT)
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn jwk_of(key: &SigningKey) -> Value {
    serde_json::to_value(key.public_jwk()).unwrap()
}

fn bytes_of(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// Things that look like tokens, so that the deeper layers are reached too.
fn nearly_a_token() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        Just(r#""alg":"ES256""#.to_owned()),
        Just(r#""alg":"RS256""#.to_owned()),
        Just(r#""kid":"a""#.to_owned()),
        Just(r#""typ":"JWT""#.to_owned()),
        Just(r#""jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.to_owned()),
        "\"[a-z]{1,4}\":(-?[0-9]{1,30}|[0-9]e[0-9]{1,4}|null|\\[\\]|\\{\\}|\"[^\"\\\\]{0,8}\")",
    ];
    let object = prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")));
    let part = prop_oneof![
        3 => object.prop_map(base64url),
        1 => any::<Vec<u8>>().prop_map(base64url),
        1 => ".{0,20}",
    ];
    prop::collection::vec(part, 0..7).prop_map(|parts| parts.join("."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_token_makes_us_panic(token in prop_oneof![nearly_a_token(), any::<String>()]) {
        static KEY: std::sync::OnceLock<SigningKey> = std::sync::OnceLock::new();
        let key = KEY.get_or_init(|| key(Algorithm::ES256));
        if let Ok(unverified) = Unverified::parse(&token) {
            let _ = unverified.untrusted_party();
            prop_assert!(unverified.verify::<Claims>(key.verification_key(), JWT).is_err());
        }
        if let Ok(proof) = EmbeddedKeyProof::parse(&token, PROOF, 4096) {
            let _ = proof.verification_key();
        }
    }

    #[test]
    fn no_payload_makes_us_panic(payload in prop_oneof![
        any::<Vec<u8>>(),
        "\\{\"(sub|exp|iat)\":(-?[0-9]{1,40}(\\.[0-9]{1,9})?(e-?[0-9]{1,5})?|\"[^\"]{0,9}\")\\}".prop_map(String::into_bytes),
    ]) {
        static KEY: std::sync::OnceLock<SigningKey> = std::sync::OnceLock::new();
        let key = KEY.get_or_init(|| key(Algorithm::ES256));
        let token = key.sign_parts(br#"{"alg":"ES256"}"#, &payload).unwrap();
        let _ = verify(token.expose(), key);
    }

    #[test]
    fn no_key_set_makes_us_panic(
        bytes in any::<Vec<u8>>(),
        kty in "EC|RSA|OKP|oct|[A-Z]{2}",
        crv in "P-256|Ed25519|P-384",
        x in "[A-Za-z0-9_=-]{0,90}",
        e in "[A-Za-z0-9_-]{0,12}",
    ) {
        let _ = KeySet::parse(&bytes);
        let document = json!({"keys": [{"kty": kty, "crv": crv, "x": x, "y": x, "n": x.repeat(8), "e": e}]});
        let set = KeySet::parse(&bytes_of(&document)).unwrap();
        prop_assert!(set.keys().len() <= 2);
    }
}
