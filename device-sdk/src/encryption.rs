//! A mobile payload that nobody on the way can read (flows.md H.2): in a URL it has to be one. The JWS of
//! [`payload`](crate::payload) in a compact JWE [RFC 7516 §7.1] for a key of the issuer, by ECDH-ES on P-256 and A256GCM.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::digest::decode_32;
use crate::jwk::PublicJwk;
use crate::messages::to_json;
use crate::payload::{MAX_PAYLOAD_BYTES, PAYLOAD_TYPE, PayloadError};
use crate::proof::KeyError;
use crate::system;

const ALG: &str = "ECDH-ES";
const ENC: &str = "A256GCM";

/// The key of an issuer that payloads are encrypted for. It has a name, and is on P-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadKey {
    kid: String,
    jwk: PublicJwk,
}

#[derive(Deserialize)]
struct SetWire {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct KeyWire {
    kty: String,
    #[serde(rename = "use")]
    usage: String,
    alg: String,
    kid: String,
    crv: String,
    x: String,
    y: String,
}

impl KeyWire {
    fn key(self) -> Option<PayloadKey> {
        let is_for_payloads = self.kty == "EC" && self.crv == "P-256" && self.usage == "enc" && self.alg == ALG;
        let jwk = PublicJwk::new(decode_32(&self.x)?, decode_32(&self.y)?);
        is_for_payloads.then_some(PayloadKey { kid: self.kid, jwk })
    }
}

/// Exactly these members, in this order.
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    enc: &'static str,
    kid: &'a str,
    cty: &'static str,
    epk: &'a PublicJwk,
}

impl PayloadKey {
    /// The first of them in the document behind the issuer's `jwks_uri`.
    pub fn from_jwks(json: &[u8]) -> Option<Self> {
        let set: SetWire = serde_json::from_slice(json).ok()?;
        set.keys.into_iter().find_map(|key| serde_json::from_value::<KeyWire>(key).ok()?.key())
    }

    fn header(&self, epk: &PublicJwk) -> Vec<u8> {
        to_json(&Header { alg: ALG, enc: ENC, kid: &self.kid, cty: PAYLOAD_TYPE, epk })
    }
}

/// What [`generate_mobile_payload`](crate::payload::generate_mobile_payload) gave, for this issuer alone. Made anew each
/// time: the key that is agreed on is used once.
pub fn encrypt_mobile_payload(payload: &str, key: &PayloadKey) -> Result<String, PayloadError> {
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &system::randomness()).map_err(|_| KeyError::Unavailable)?;
    let point = own.compute_public_key().map_err(|_| KeyError::Unavailable)?;
    let epk = PublicJwk::from_uncompressed_point(point.as_ref()).map_err(|_| KeyError::Unavailable)?;
    let issuers = UnparsedPublicKey::new(&ECDH_P256, key.jwk.to_uncompressed_point());
    // A point that is not on the curve agrees on nothing.
    let content_key = agree_ephemeral(own, &issuers, content_key).map_err(|_| KeyError::Damaged)?;
    seal(payload, &key.header(&epk), &content_key, system::random()?)
}

/// The Concat KDF of SHA-256 [RFC 7518 §4.6.2]: 256 bits for [`ENC`], of two that have nothing more to say.
fn content_key(agreed: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(agreed);
    hash.update(7_u32.to_be_bytes());
    hash.update(ENC);
    hash.update(0_u32.to_be_bytes());
    hash.update(0_u32.to_be_bytes());
    hash.update(256_u32.to_be_bytes());
    Zeroizing::new(hash.finalize().into())
}

fn seal(payload: &str, header: &[u8], content_key: &[u8; 32], nonce: [u8; 12]) -> Result<String, PayloadError> {
    let protected = URL_SAFE_NO_PAD.encode(header);
    let key = UnboundKey::new(&AES_256_GCM, content_key).map_err(|_| KeyError::Unavailable)?;
    let mut sealed = payload.as_bytes().to_vec();
    let tag = LessSafeKey::new(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(protected.as_bytes()), &mut sealed)
        .map_err(|_| KeyError::Unavailable)?;
    let parts = [nonce.as_slice(), sealed.as_slice(), tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let encrypted = format!("{protected}..{}", parts.join("."));
    if encrypted.len() > MAX_PAYLOAD_BYTES { Err(PayloadError::TooLong) } else { Ok(encrypted) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Whoever made them has seen no line of this.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("../vectors/payload_encryption.json")).unwrap()
    }

    fn bytes<const N: usize>(value: &Value) -> [u8; N] {
        URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
    }

    #[test]
    fn h2_a_payload_is_encrypted_as_in_the_vectors() {
        let vectors = vectors();
        let key = PayloadKey::from_jwks(vectors["jwks"].to_string().as_bytes()).unwrap();
        let epk: PublicJwk = serde_json::from_value(vectors["epk"].clone()).unwrap();
        let header = key.header(&epk);
        assert_eq!(header, vectors["header"].as_str().unwrap().as_bytes());
        let agreed: [u8; 32] = bytes(&vectors["agreed"]);
        let content_key = content_key(&agreed);
        assert_eq!(*content_key, bytes::<32>(&vectors["contentKey"]));
        let payload = vectors["payload"].as_str().unwrap();
        let sealed = seal(payload, &header, &content_key, bytes(&vectors["nonce"])).unwrap();
        assert_eq!(sealed, vectors["encrypted"].as_str().unwrap());
    }

    #[test]
    fn h2_no_other_key_of_an_issuer_is_taken_for_that_of_payloads() {
        let vectors = vectors();
        let key = &vectors["jwks"]["keys"][1];
        for (member, other) in [("use", "sig"), ("alg", "ES256"), ("kty", "OKP"), ("crv", "P-384"), ("x", "AA")] {
            let mut key = key.clone();
            key[member] = other.into();
            assert_eq!(
                PayloadKey::from_jwks(serde_json::json!({ "keys": [key] }).to_string().as_bytes()),
                None,
                "{member}"
            );
        }
        assert!(PayloadKey::from_jwks(serde_json::json!({ "keys": [key] }).to_string().as_bytes()).is_some());
        assert_eq!(PayloadKey::from_jwks(b"{}"), None);
    }

    #[test]
    fn h2_a_payload_is_encrypted_anew_each_time_and_not_too_long() {
        let vectors = vectors();
        let key = PayloadKey::from_jwks(vectors["jwks"].to_string().as_bytes()).unwrap();
        let one = encrypt_mobile_payload("a.b.c", &key).unwrap();
        let other = encrypt_mobile_payload("a.b.c", &key).unwrap();
        assert!(one.split('.').count() == 5 && one != other, "{one} {other}");
        let long = "a".repeat(MAX_PAYLOAD_BYTES * 3 / 4);
        assert_eq!(encrypt_mobile_payload(&long, &key), Err(PayloadError::TooLong));
    }
}
