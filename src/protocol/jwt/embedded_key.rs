use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::compact::{AcceptedTyp, JwtError, Unverified, Verified};
use super::{Algorithm, KeyError, Material, RawJwk, Thumbprint, VerificationKey, coordinate, usable_algorithms};

/// A proof of possession: a token that carries its own key, as in [RFC 9449 §4.2]. That it
/// verifies says only that its sender holds that key; who that is, the thumbprint must tell.
///
/// The one place where a key is taken from a token.
#[derive(Debug)]
pub struct EmbeddedKeyProof<'t> {
    token: Unverified<'t>,
    typ: AcceptedTyp,
    algorithm: Algorithm,
    material: Material,
    thumbprint: Thumbprint,
}

/// Exactly the public members of a P-256 key: a `d` among them is a leaked key [RFC 9449 §4.3].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct P256Jwk {
    pub(super) kty: String,
    pub(super) crv: String,
    pub(super) x: String,
    pub(super) y: String,
}

/// Exactly what the device core writes and reads: what is kept as evidence must verify there too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "typ")]
    _typ: IgnoredAny,
    #[serde(rename = "alg")]
    _alg: IgnoredAny,
    jwk: P256Jwk,
}

/// Where members that we do not know mean nothing.
#[derive(Deserialize)]
struct OpenHeader {
    jwk: RawJwk,
}

impl<'t> EmbeddedKeyProof<'t> {
    pub fn parse(token: &'t str, typ: &'static str, max_bytes: usize) -> Result<Self, JwtError> {
        let token = Unverified::parse_within(token, max_bytes)?;
        if token.algorithm() != Algorithm::ES256 {
            return Err(JwtError::Algorithm);
        }
        let Header { jwk, .. } = serde_json::from_slice(&token.header).map_err(|_| JwtError::EmbeddedKey)?;
        if jwk.kty != "EC" || jwk.crv != "P-256" {
            return Err(JwtError::EmbeddedKey);
        }
        let read = |member: &str| coordinate(Some(member)).map_err(|_| JwtError::EmbeddedKey);
        let material = Material::P256 { x: read(&jwk.x)?, y: read(&jwk.y)? };
        Ok(Self::new(token, typ, Algorithm::ES256, material))
    }

    /// By a key of any kind that we know, described as clients describe theirs.
    pub fn of_any_key(token: &'t str, typ: &'static str, max_bytes: usize) -> Result<Self, JwtError> {
        let token = Unverified::parse_within(token, max_bytes)?;
        let OpenHeader { jwk } = serde_json::from_slice(&token.header).map_err(|_| JwtError::EmbeddedKey)?;
        let algorithm = token.algorithm();
        // [RFC 9449 §4.3] a private member is a leaked key, and no proof of anything.
        if !usable_algorithms(&jwk).map_err(|_| JwtError::EmbeddedKey)?.contains(&algorithm) {
            return Err(JwtError::KeyAlgorithm);
        }
        let material = jwk.material().map_err(|_| JwtError::EmbeddedKey)?;
        Ok(Self::new(token, typ, algorithm, material))
    }

    fn new(token: Unverified<'t>, typ: &'static str, algorithm: Algorithm, material: Material) -> Self {
        let thumbprint = material.thumbprint();
        Self { token, typ: AcceptedTyp::Exactly(typ), algorithm, material, thumbprint }
    }

    /// Of the embedded key: where to look for a [`VerificationKey`] made earlier.
    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Reads the embedded key, which costs more than using it: keep it under its thumbprint
    /// and the algorithm that it is for.
    pub fn verification_key(&self) -> Result<VerificationKey, KeyError> {
        VerificationKey::new(self.material.clone(), self.algorithm, None)
    }

    /// `key` must be the embedded one, fresh or remembered.
    pub fn verify<C: DeserializeOwned>(&self, key: &VerificationKey) -> Result<Verified<C>, JwtError> {
        if key.thumbprint() != self.thumbprint {
            return Err(JwtError::UnknownKey);
        }
        self.token.verify(key, self.typ)
    }
}
