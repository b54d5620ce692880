//! The private keys that we sign with.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::alg::ed::EdCurve;
use josekit::jwk::{Jwk, KeyPair as _};
use josekit::jws::{ES256, EdDSA, JwsSigner, PS256, RS256};
use josekit::{JoseError, Map, Value};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde::Serialize;
use zeroize::Zeroize as _;

use super::{Algorithm, KeyError, Material, PublicJwk, RawJwk, VerificationKey, point};
use crate::secret::Secret;

/// A token could not be signed. Neither is the fault of a client.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
    #[error("the cryptographic library refused to sign")]
    Signature(#[source] JoseError),
    #[error("there is no randomness to sign with")]
    Randomness,
}

/// One of our private keys, ready to sign. Its `kid` is its thumbprint, so it is never stored.
#[derive(Clone)]
pub struct SigningKey {
    public: VerificationKey,
    kid: Arc<str>,
    signer: Signer,
}

/// Who makes a signature. For ES256, ring needs half of what OpenSSL 3.0 does under josekit.
#[derive(Clone)]
enum Signer {
    Ring(Arc<EcdsaKeyPair>),
    Josekit(Arc<dyn JwsSigner>),
}

impl Signer {
    fn new(jwk: &Jwk, algorithm: Algorithm, material: &Material) -> Result<Self, KeyError> {
        let signer: Result<Arc<dyn JwsSigner>, JoseError> = match algorithm {
            Algorithm::ES256 => return Self::p256(jwk, material),
            Algorithm::PS256 => PS256.signer_from_jwk(jwk).map(|signer| Arc::new(signer) as _),
            Algorithm::RS256 => RS256.signer_from_jwk(jwk).map(|signer| Arc::new(signer) as _),
            Algorithm::EdDSA => EdDSA.signer_from_jwk(jwk).map(|signer| Arc::new(signer) as _),
        };
        Ok(Self::Josekit(signer.map_err(|_| KeyError::Refused)?))
    }

    fn p256(jwk: &Jwk, material: &Material) -> Result<Self, KeyError> {
        let Material::P256 { x, y } = material else { return Err(KeyError::Unsupported) };
        let text = jwk.parameter("d").and_then(Value::as_str).ok_or(KeyError::Malformed)?;
        let private = Secret::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Malformed)?);
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, private.expose(), &point(x, y)?, &random);
        Ok(Self::Ring(Arc::new(pair.map_err(|_| KeyError::Refused)?)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Ring(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| SigningError::Randomness)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Josekit(signer) => signer.sign(message).map_err(SigningError::Signature),
        }
    }
}

impl SigningKey {
    /// A new key, and its private JWK to be sealed and stored. OpenSSL draws the randomness. An
    /// RSA key takes up to a second: not on an async worker.
    pub fn generate(algorithm: Algorithm) -> Result<(Self, Secret<Vec<u8>>), KeyError> {
        const RSA_BITS: u32 = 2048;
        let jwk: Result<Jwk, JoseError> = match algorithm {
            Algorithm::ES256 => ES256.generate_key_pair().map(|pair| pair.to_jwk_key_pair()),
            Algorithm::PS256 => PS256.generate_key_pair(RSA_BITS).map(|pair| pair.to_jwk_key_pair()),
            Algorithm::RS256 => RS256.generate_key_pair(RSA_BITS).map(|pair| pair.to_jwk_key_pair()),
            Algorithm::EdDSA => EdDSA.generate_key_pair(EdCurve::Ed25519).map(|pair| pair.to_jwk_key_pair()),
        };
        let mut members: Map<String, Value> = jwk.map_err(|_| KeyError::Refused)?.into();
        // Large enough from the start: a buffer that grows leaves copies behind.
        let mut private = Vec::with_capacity(4096);
        serde_json::to_writer(&mut private, &members).map_err(|_| KeyError::Malformed)?;
        wipe(&mut members);
        let private = Secret::new(private);
        Ok((Self::import(&private)?, private))
    }

    /// Reads a private JWK that [`generate`](Self::generate) gave. A key that does not verify its
    /// own signature is refused here and not by the first client that gets a token.
    pub fn import(private: &Secret<Vec<u8>>) -> Result<Self, KeyError> {
        let jwk: RawJwk = serde_json::from_slice(private.expose()).map_err(|_| KeyError::Malformed)?;
        let algorithm = jwk.alg.as_deref().and_then(Algorithm::parse).ok_or(KeyError::Unsupported)?;
        if !jwk.algorithms()?.contains(&algorithm) {
            return Err(KeyError::Unsupported);
        }
        let material = jwk.material()?;
        let kid: Arc<str> = Arc::from(material.thumbprint().to_string());

        let jwk = Jwk::from_bytes(private.expose()).map_err(|_| KeyError::Malformed)?;
        let signer = Signer::new(&jwk, algorithm, &material);
        wipe(&mut jwk.into());
        let public = VerificationKey::new(material, algorithm, Some(&kid))?;
        let key = Self { public, kid, signer: signer? };

        let probe = b"nod";
        let signature = key.signer.sign(probe).map_err(|_| KeyError::Refused)?;
        if key.public.signed(probe, &signature) { Ok(key) } else { Err(KeyError::Mismatch) }
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    pub const fn verification_key(&self) -> &VerificationKey {
        &self.public
    }

    pub fn public_jwk(&self) -> PublicJwk {
        self.public.public_jwk()
    }

    /// The compact serialisation of `claims` [RFC 7515 §7.1]. `typ` says which kind of token it is,
    /// so that no kind passes for another [RFC 8725 §3.11].
    pub fn sign<C: Serialize>(&self, typ: &str, claims: &C) -> Result<Secret<String>, SigningError> {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: Algorithm,
            typ: &'a str,
            kid: &'a str,
        }
        let header = Header { alg: self.algorithm(), typ, kid: &self.kid };
        let header = serde_json::to_vec(&header).map_err(SigningError::Claims)?;
        let claims = serde_json::to_vec(claims).map_err(SigningError::Claims)?;
        self.sign_parts(&header, &claims)
    }

    pub(super) fn sign_parts(&self, header: &[u8], payload: &[u8]) -> Result<Secret<String>, SigningError> {
        let mut token = String::with_capacity((header.len() + payload.len() + 512).div_ceil(3) * 4);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.signer.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::new(token))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid)
    }
}

pub(super) fn wipe(members: &mut Map<String, Value>) {
    for member in members.values_mut() {
        if let Value::String(text) = member {
            text.zeroize();
        }
    }
}
