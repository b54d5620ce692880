//! JSON Web Tokens: what we sign, and what we believe.
//!
//! A token arrives as [`Unverified`], which shows its header and nothing else. Only a key makes it
//! [`Verified`]. Keys are parsed once and kept: on OpenSSL 3.0 reading one costs twice as much as
//! using it. This module alone calls josekit, and of josekit only what signs, verifies, encrypts, decrypts
//! and makes keys; all that reads a stranger's JSON is ours, because josekit accepts repeated members,
//! panics at dates like `1e300` and drops a whole key set for one bad key. ES256 signatures, the most
//! of them, are made and verified by ring.

mod audience;
mod compact;
mod dates;
mod decryption;
mod embedded_key;
mod encryption;
mod key_set;
mod numeric_date;
mod service_key;
mod signing_key;
mod strict_json;
#[cfg(test)]
mod tests;
mod thumbprint;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jws::{ES256, EdDSA, JwsVerifier, PS256, RS256};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

pub use self::audience::Audience;
pub use self::compact::{AcceptedTyp, JwtError, MAX_TOKEN_BYTES, UntrustedParty, Unverified, Verified};
pub use self::dates::{Dates, Untimely};
pub use self::decryption::{DecryptionKey, PublicEncryptionJwk, published_jwks};
pub use self::embedded_key::EmbeddedKeyProof;
pub use self::encryption::{EncryptionError, EncryptionKey};
pub use self::key_set::{KeySet, KeySetError, UnusableKey, public_jwks};
pub use self::numeric_date::NumericDate;
pub use self::service_key::ServiceKey;
pub use self::signing_key::{SigningError, SigningKey};
pub use self::thumbprint::Thumbprint;
pub use super::algorithm::Algorithm;
use crate::secret::sha256;

/// `at_hash`: the left half of the digest of an access token, with the hash of the signature
/// algorithm that protects the ID token [OIDCC §3.1.3.6]. Ed25519 hashes with SHA-512 [RFC 8032 §5.1].
pub fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    let hash = match algorithm {
        Algorithm::ES256 | Algorithm::PS256 | Algorithm::RS256 => &ring::digest::SHA256,
        Algorithm::EdDSA => &ring::digest::SHA512,
    };
    let digest = ring::digest::digest(hash, access_token.as_bytes());
    let (left, _) = digest.as_ref().split_at(digest.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// Whether this is a JSON object that two readers understand alike: no member twice, no deep nesting.
pub fn is_strict_object(json: &[u8]) -> bool {
    strict_json::check(json).is_ok()
}

/// Why a key is of no use to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key is not a well-formed JWK")]
    Malformed,
    #[error("the key carries private or symmetric members")]
    Private,
    #[error("the key is not meant for signatures")]
    Use,
    #[error("the key type, curve or algorithm is not supported")]
    Unsupported,
    #[error("the RSA modulus must have 2048 to 4096 bits")]
    ModulusSize,
    #[error("the RSA exponent must be odd, at least 3 and of at most 64 bits")]
    Exponent,
    #[error("the key does not verify what its private half signs")]
    Mismatch,
    #[error("the cryptographic library refused the key")]
    Refused,
}

impl KeyError {
    /// Of a kind that we know, and no good; private ones are known to others than their owner now.
    pub const fn is_weak(self) -> bool {
        match self {
            Self::Private | Self::ModulusSize | Self::Exponent | Self::Mismatch | Self::Refused => true,
            Self::Malformed | Self::Use | Self::Unsupported => false,
        }
    }
}

/// The members of a JWK that we look at; all others are ignored [RFC 7517 §4].
#[derive(Deserialize)]
struct RawJwk {
    kty: String,
    #[serde(rename = "use")]
    key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    #[serde(default)]
    d: Present,
    #[serde(default)]
    p: Present,
    #[serde(default)]
    q: Present,
    #[serde(default)]
    dp: Present,
    #[serde(default)]
    dq: Present,
    #[serde(default)]
    qi: Present,
    #[serde(default)]
    oth: Present,
    #[serde(default)]
    k: Present,
}

impl RawJwk {
    fn holds_secrets(&self) -> bool {
        [&self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth, &self.k].iter().any(|member| member.0)
    }

    /// The algorithms this key may be used with: its `alg`, or else what its type can do.
    fn algorithms(&self) -> Result<&'static [Algorithm], KeyError> {
        let suitable: &'static [Algorithm] = match self.kty.as_str() {
            "EC" => &[Algorithm::ES256],
            "RSA" => &[Algorithm::PS256, Algorithm::RS256],
            "OKP" => &[Algorithm::EdDSA],
            _ => return Err(KeyError::Unsupported),
        };
        let Some(alg) = &self.alg else { return Ok(suitable) };
        suitable.chunks(1).find(|one| one.iter().any(|a| a.as_str() == alg)).ok_or(KeyError::Unsupported)
    }

    fn for_signatures(&self) -> bool {
        // [RFC 7517 §4.2, §4.3] absent means no restriction.
        self.key_use.as_deref().is_none_or(|key_use| key_use == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }

    fn material(&self) -> Result<Material, KeyError> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => {
                Ok(Material::P256 { x: coordinate(self.x.as_deref())?, y: coordinate(self.y.as_deref())? })
            }
            ("OKP", Some("Ed25519")) => Ok(Material::Ed25519 { x: coordinate(self.x.as_deref())? }),
            ("RSA", _) => Material::rsa(self.n.as_deref(), self.e.as_deref()),
            _ => Err(KeyError::Unsupported),
        }
    }
}

/// Whether a member is there at all, be its value `null`.
#[derive(Clone, Copy, Debug, Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// 32 bytes, always all of them [RFC 7518 §6.2.1.2].
fn coordinate(member: Option<&str>) -> Result<String, KeyError> {
    let text = member.ok_or(KeyError::Malformed)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Malformed)?;
    if bytes.len() == 32 { Ok(text.to_owned()) } else { Err(KeyError::Malformed) }
}

/// A public key in its canonical text form: base64url without padding, no leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    P256 { x: String, y: String },
    Ed25519 { x: String },
    Rsa { n: String, e: String },
}

impl Material {
    fn rsa(n: Option<&str>, e: Option<&str>) -> Result<Self, KeyError> {
        let unsigned = |member: Option<&str>| -> Result<Vec<u8>, KeyError> {
            let text = member.ok_or(KeyError::Malformed)?;
            // 4096 bits are 683 characters: a longer modulus is refused unread, for reading and
            // using one of 16384 bits costs milliseconds.
            if text.len() > 700 {
                return Err(KeyError::ModulusSize);
            }
            let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Malformed)?;
            Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
        };
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);

        let modulus = unsigned(n)?;
        let leading = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !(2048..=4096).contains(&(modulus.len() * 8 - leading)) || !odd(&modulus) {
            return Err(KeyError::ModulusSize);
        }
        let exponent = unsigned(e)?;
        // e = 1 makes every padded message its own signature; a huge e makes verifying slow.
        if !odd(&exponent) || exponent == [1] || exponent.len() > 8 {
            return Err(KeyError::Exponent);
        }
        Ok(Self::Rsa { n: URL_SAFE_NO_PAD.encode(modulus), e: URL_SAFE_NO_PAD.encode(exponent) })
    }

    /// The members in lexicographic order, without whitespace [RFC 7638 §3.3]. None of them needs
    /// escaping: they are base64url.
    fn canonical(&self) -> String {
        match self {
            Self::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        }
    }

    fn thumbprint(&self) -> Thumbprint {
        Thumbprint::from_bytes(sha256(self.canonical().as_bytes()))
    }

    fn to_public_jwk(&self, algorithm: Algorithm, kid: Option<&str>) -> PublicJwk {
        let (kty, crv, x, y, n, e) = match self {
            Self::P256 { x, y } => ("EC", Some("P-256"), Some(x), Some(y), None, None),
            Self::Ed25519 { x } => ("OKP", Some("Ed25519"), Some(x), None, None, None),
            Self::Rsa { n, e } => ("RSA", None, None, None, Some(n), Some(e)),
        };
        PublicJwk {
            kty: kty.to_owned(),
            key_use: "sig".to_owned(),
            alg: algorithm,
            kid: kid.map(ToOwned::to_owned),
            crv: crv.map(ToOwned::to_owned),
            x: x.cloned(),
            y: y.cloned(),
            n: n.cloned(),
            e: e.cloned(),
        }
    }

    fn verifier(&self, algorithm: Algorithm) -> Result<Verifier, KeyError> {
        // josekit looks whether the point lies on the curve, for ring does so at each use only.
        let verifier = self.josekit_verifier(algorithm)?;
        Ok(match self {
            Self::P256 { x, y } => Verifier::Ring(Arc::new(p256(x, y)?)),
            Self::Ed25519 { .. } | Self::Rsa { .. } => Verifier::Josekit(verifier),
        })
    }

    fn josekit_verifier(&self, algorithm: Algorithm) -> Result<Arc<dyn JwsVerifier>, KeyError> {
        let jwk = Jwk::from_bytes(self.canonical()).map_err(|_| KeyError::Refused)?;
        let verifier: Result<Arc<dyn JwsVerifier>, JoseError> = match algorithm {
            Algorithm::ES256 => ES256.verifier_from_jwk(&jwk).map(|verifier| Arc::new(verifier) as _),
            Algorithm::PS256 => PS256.verifier_from_jwk(&jwk).map(|verifier| Arc::new(verifier) as _),
            Algorithm::RS256 => RS256.verifier_from_jwk(&jwk).map(|verifier| Arc::new(verifier) as _),
            Algorithm::EdDSA => EdDSA.verifier_from_jwk(&jwk).map(|verifier| Arc::new(verifier) as _),
        };
        verifier.map_err(|_| KeyError::Refused)
    }
}

/// Who checks a signature. Most of what a poll costs is one ES256 verification, and ring needs a fifth
/// less for it than OpenSSL 3.0 under josekit.
#[derive(Clone)]
enum Verifier {
    Ring(Arc<UnparsedPublicKey<[u8; 65]>>),
    Josekit(Arc<dyn JwsVerifier>),
}

/// The uncompressed point [SEC 1 §2.3.3], for signatures in the form of JOSE: `r || s` [RFC 7518 §3.4].
fn p256(x: &str, y: &str) -> Result<UnparsedPublicKey<[u8; 65]>, KeyError> {
    Ok(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(x, y)?))
}

fn point(x: &str, y: &str) -> Result<[u8; 65], KeyError> {
    let mut point = [4; 65];
    let (_, coordinates) = point.split_at_mut(1);
    let (to_x, to_y) = coordinates.split_at_mut(32);
    for (text, to) in [(x, to_x), (y, to_y)] {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Malformed)?;
        if bytes.len() != to.len() {
            return Err(KeyError::Malformed);
        }
        to.copy_from_slice(&bytes);
    }
    Ok(point)
}

/// A public key as we publish it, with distinct `kid`, `use` and `alg` [OIDCC §10.1].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicJwk {
    kty: String,
    #[serde(rename = "use")]
    key_use: String,
    alg: Algorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

/// A public key, for one algorithm: the key chooses the algorithm, never the token [RFC 8725 §3.1].
/// Cheap to clone.
#[derive(Clone)]
pub struct VerificationKey {
    kid: Option<Arc<str>>,
    algorithm: Algorithm,
    material: Arc<Material>,
    thumbprint: Thumbprint,
    verifier: Verifier,
}

impl VerificationKey {
    /// Reads one public JWK for use with `algorithm`. Costs about 100 µs on OpenSSL 3.0: keep it.
    pub fn from_jwk(jwk: &[u8], algorithm: Algorithm) -> Result<Self, KeyError> {
        strict_json::check(jwk).map_err(|_| KeyError::Malformed)?;
        let jwk: RawJwk = serde_json::from_slice(jwk).map_err(|_| KeyError::Malformed)?;
        if !usable_algorithms(&jwk)?.contains(&algorithm) {
            return Err(KeyError::Unsupported);
        }
        Self::new(jwk.material()?, algorithm, jwk.kid.as_deref())
    }

    fn new(material: Material, algorithm: Algorithm, kid: Option<&str>) -> Result<Self, KeyError> {
        Ok(Self {
            kid: kid.map(Arc::from),
            algorithm,
            thumbprint: material.thumbprint(),
            verifier: material.verifier(algorithm)?,
            material: Arc::new(material),
        })
    }

    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub const fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    pub fn public_jwk(&self) -> PublicJwk {
        self.material.to_public_jwk(self.algorithm, self.kid())
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.verifier {
            Verifier::Ring(key) => key.verify(message, signature).is_ok(),
            Verifier::Josekit(verifier) => verifier.verify(message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({} {})", self.algorithm, self.thumbprint)
    }
}

/// The rules every foreign key must pass, and the algorithms it is then good for.
fn usable_algorithms(jwk: &RawJwk) -> Result<&'static [Algorithm], KeyError> {
    if jwk.kty == "oct" || jwk.holds_secrets() {
        return Err(KeyError::Private);
    }
    if !jwk.for_signatures() {
        return Err(KeyError::Use);
    }
    jwk.algorithms()
}
