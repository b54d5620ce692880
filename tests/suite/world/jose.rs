//! Signing and verifying with another library than the server's: what both agree on is no accident
//! of one of them.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::jwt::SigningKey;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair, UnparsedPublicKey,
};
use serde_json::{Value, json};

/// A private key of a relying party.
pub(crate) enum Jwk {
    P256(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl Jwk {
    pub(crate) fn p256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    /// Always the same one: it takes long to make.
    pub(crate) fn rsa() -> Self {
        static MADE: OnceLock<Value> = OnceLock::new();
        let jwk = MADE.get_or_init(|| {
            let (_, private) = SigningKey::generate(Algorithm::RS256).unwrap();
            serde_json::from_slice(private.expose()).unwrap()
        });
        let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: part("n"), e: part("e") },
            d: part("d"),
            p: part("p"),
            q: part("q"),
            dP: part("dp"),
            dQ: part("dq"),
            qInv: part("qi"),
        };
        Self::Rsa(Box::new(RsaKeyPair::from_components(&components).unwrap()))
    }

    pub(crate) fn for_algorithm(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::ES256 => Self::p256(),
            Algorithm::PS256 | Algorithm::RS256 => Self::rsa(),
            Algorithm::EdDSA => Self::ed25519(),
        }
    }

    /// The public half, without `kid`.
    pub(crate) fn public(&self) -> Value {
        match self {
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])})
            }
            Self::Rsa(pair) => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                json!({"kty": "RSA", "n": b64(&n), "e": b64(&e)})
            }
            Self::Ed25519(pair) => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref())}),
        }
    }

    /// By the `alg` that is named, as far as the key can.
    pub(crate) fn sign(&self, alg: &str, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::P256(pair) => pair.sign(&random, input).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(input).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let padding: &dyn signature::RsaEncoding =
                    if alg == "PS256" { &signature::RSA_PSS_SHA256 } else { &signature::RSA_PKCS1_SHA256 };
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, input, &mut signed).unwrap();
                signed
            }
        }
    }

    /// A compact JWS by this key; the header says with which algorithm.
    pub(crate) fn jws(&self, header: &Value, claims: &Value) -> String {
        compact(header, claims, |input| self.sign(header["alg"].as_str().unwrap_or_default(), input))
    }
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// [OIDCC §3.1.3.6] for the algorithms with SHA-256, which are all of ours.
pub(crate) fn at_hash(access_token: &str) -> String {
    b64(&ring::digest::digest(&ring::digest::SHA256, access_token.as_bytes()).as_ref()[..16])
}

/// A compact JWS with any header, any claims and any signature.
pub(crate) fn compact(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
    let signature = b64(&sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// Header and claims, unverified.
pub(crate) fn decoded(token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(parts[0]), read(parts[1]))
}

/// Header and claims of a token that one of the published keys signed.
#[track_caller]
pub(crate) fn verify(token: &str, jwks: &Value) -> (Value, Value) {
    let (header, claims) = decoded(token);
    let kid = header["kid"].as_str().expect("a kid");
    let keys: Vec<&Value> = jwks["keys"].as_array().unwrap().iter().filter(|jwk| jwk["kid"] == kid).collect();
    assert_eq!(keys.len(), 1, "one key of this name");
    let (key, alg) = (keys[0], header["alg"].as_str().unwrap());
    assert_eq!(key["alg"], alg);
    let part = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let (input, signed) = token.rsplit_once('.').unwrap();
    let (input, signed) = (input.as_bytes(), URL_SAFE_NO_PAD.decode(signed).unwrap());
    let rsa = |parameters: &signature::RsaParameters| {
        PublicKeyComponents { n: part("n"), e: part("e") }.verify(parameters, input, &signed)
    };
    let verified = match alg {
        "ES256" => {
            let point = [vec![4], part("x"), part("y")].concat();
            UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(input, &signed)
        }
        "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        other => panic!("no algorithm of ours: {other}"),
    };
    verified.expect("a signature by the published key");
    (header, claims)
}
