use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::compact::{AcceptedTyp, JwtError, Unverified, Verified};
use super::encryption::{Candidate, EncryptionKey, chosen};
use super::{Algorithm, KeyError, PublicJwk, RawJwk, Thumbprint, VerificationKey, strict_json, usable_algorithms};
use crate::protocol::encryption::KeyManagement;
use crate::secret::sha256;

const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 100;
/// How many keys are tried for one token: each try costs a signature verification.
const MAX_CANDIDATES: usize = 5;

/// A JWK Set [RFC 7517 §5], reduced to the keys that can verify, and those that can be encrypted for.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    unusable: Vec<UnusableKey>,
    encryption: Vec<Candidate>,
    /// Of keys of any kind: who shows one has proved its key in the handshake.
    certificates: Vec<Thumbprint>,
}

/// A member of a key set that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKey {
    pub index: usize,
    pub reason: KeyError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("the key set is larger than 64 KiB")]
    TooLarge,
    #[error("the key set has more than 100 keys")]
    TooManyKeys,
    #[error("the document is not a JWK Set")]
    Malformed,
}

impl KeySet {
    /// One bad key does not spoil the set: unusable members are passed over [RFC 7517 §5], and
    /// remembered in [`unusable`](Self::unusable) for those who registered them.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        if json.len() > MAX_DOCUMENT_BYTES {
            return Err(KeySetError::TooLarge);
        }
        strict_json::check(json).map_err(|_| KeySetError::Malformed)?;
        let document: Document = serde_json::from_slice(json).map_err(|_| KeySetError::Malformed)?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut set = Self::default();
        for (index, jwk) in document.keys.into_iter().enumerate() {
            set.certificates.extend(certificate(&jwk));
            set.encryption.extend(RawJwk::deserialize(&jwk).ok().as_ref().and_then(Candidate::read));
            match read(&jwk) {
                Ok(keys) => set.keys.extend(keys),
                Err(reason) => set.unusable.push(UnusableKey { index, reason }),
            }
        }
        Ok(set)
    }

    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    pub fn unusable(&self) -> &[UnusableKey] {
        &self.unusable
    }

    /// Whether two keys that could verify the same token have one name. Which of them was meant, nobody could say.
    pub fn has_a_name_twice(&self) -> bool {
        let mut names: Vec<_> =
            self.keys.iter().filter_map(|key| Some((key.kid()?, key.algorithm().as_str()))).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() < all
    }

    /// What to encrypt with for whoever published the set, if it has a key for that.
    pub fn encryption_key(&self, alg: KeyManagement) -> Option<EncryptionKey> {
        chosen(&self.encryption, alg)
    }

    /// Of which certificates the set tells.
    pub fn certificates(&self) -> &[Thumbprint] {
        &self.certificates
    }

    /// The keys to try for a token. With a `kid` those of that name; without one the only suitable
    /// key, if there is only one [RFC 7515 §4.1.4, Appendix D].
    pub fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<&VerificationKey> {
        let suitable = self.keys.iter().filter(|key| key.algorithm() == algorithm);
        if kid.is_some() {
            return suitable.filter(|key| key.kid() == kid).take(MAX_CANDIDATES).collect();
        }
        let found: Vec<_> = suitable.take(2).collect();
        if found.len() == 1 { found } else { Vec::new() }
    }

    /// The claims, if one of the candidates for `algorithm` signed them. The algorithm is what was
    /// agreed with the signer, never what the token says of itself.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &Unverified<'_>,
        algorithm: Algorithm,
        typ: AcceptedTyp,
    ) -> Result<Verified<C>, JwtError> {
        if token.algorithm() != algorithm {
            return Err(JwtError::KeyAlgorithm);
        }
        let mut outcome = Err(JwtError::UnknownKey);
        for key in self.candidates(token.kid(), algorithm) {
            outcome = token.verify(key, typ);
            if !matches!(outcome, Err(JwtError::Signature)) {
                break;
            }
        }
        outcome
    }
}

impl FromIterator<VerificationKey> for KeySet {
    fn from_iter<I: IntoIterator<Item = VerificationKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), ..Self::default() }
    }
}

/// An RSA key without `alg` is good for PS256 and RS256, and becomes two keys.
fn read(jwk: &serde_json::Value) -> Result<Vec<VerificationKey>, KeyError> {
    let jwk = RawJwk::deserialize(jwk).map_err(|_| KeyError::Malformed)?;
    let algorithms = usable_algorithms(&jwk)?;
    let material = jwk.material()?;
    algorithms.iter().map(|algorithm| VerificationKey::new(material.clone(), *algorithm, jwk.kid.as_deref())).collect()
}

/// The first of a chain is that of the key [RFC 7517 §4.7].
fn certificate(jwk: &serde_json::Value) -> Option<Thumbprint> {
    let der = STANDARD.decode(jwk.get("x5c")?.get(0)?.as_str()?).ok().filter(|der| !der.is_empty())?;
    Some(Thumbprint::from_bytes(sha256(&der)))
}

/// The document behind `jwks_uri`.
pub fn public_jwks(keys: impl IntoIterator<Item = PublicJwk>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document {
        keys: Vec<PublicJwk>,
    }
    let document = Document { keys: keys.into_iter().collect() };
    // Strings only: nothing that JSON could not write.
    serde_json::to_vec(&document).unwrap_or_default()
}
