//! Tokens that are encrypted for a client [RFC 7516], after they were signed [RFC 7519 §11.2].

use std::fmt;
use std::sync::Arc;

use josekit::JoseError;
use josekit::jwe::{ECDH_ES, JweEncrypter, JweHeader, RSA_OAEP_256, serialize_compact};
use josekit::jwk::Jwk;

use super::{Material, RawJwk};
use crate::protocol::encryption::{ContentEncryption, KeyManagement};
use crate::secret::Secret;

/// A member of a key set that something may be encrypted for.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    material: Material,
    kid: Option<String>,
    alg: KeyManagement,
    /// By its `use`. Another may sign as well.
    meant: bool,
}

impl Candidate {
    pub(super) fn read(jwk: &RawJwk) -> Option<Self> {
        let material = jwk.material().ok()?;
        let alg = match material {
            Material::P256 { .. } => KeyManagement::EcdhEs,
            Material::Rsa { .. } => KeyManagement::RsaOaep256,
            Material::Ed25519 { .. } => return None,
        };
        // [RFC 7517 §4.2, §4.3, §4.4] absent means no restriction.
        let encrypts = ["encrypt", "wrapKey", "deriveKey", "deriveBits"];
        let fits = !jwk.holds_secrets()
            && jwk.key_use.as_deref().is_none_or(|key_use| key_use == "enc")
            && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| encrypts.contains(&op.as_str())))
            && jwk.alg.as_deref().is_none_or(|named| named == alg.as_str());
        fits.then(|| Self { material, kid: jwk.kid.clone(), alg, meant: jwk.key_use.is_some() })
    }

    fn key(&self) -> Option<EncryptionKey> {
        let jwk = Jwk::from_bytes(self.material.canonical()).ok()?;
        let encrypter: Arc<dyn JweEncrypter> = match self.alg {
            KeyManagement::EcdhEs => Arc::new(ECDH_ES.encrypter_from_jwk(&jwk).ok()?),
            KeyManagement::RsaOaep256 => Arc::new(RSA_OAEP_256.encrypter_from_jwk(&jwk).ok()?),
        };
        Some(EncryptionKey { kid: self.kid.clone(), alg: self.alg, encrypter })
    }
}

/// The key to use: rather one that is there for nothing else [OIDCC §10.2.1].
pub(super) fn chosen(candidates: &[Candidate], alg: KeyManagement) -> Option<EncryptionKey> {
    let usable = |meant: bool| {
        candidates.iter().filter(move |one| one.alg == alg && one.meant == meant).find_map(Candidate::key)
    };
    usable(true).or_else(|| usable(false))
}

/// A public key of a client, ready to encrypt for it.
#[derive(Clone)]
pub struct EncryptionKey {
    kid: Option<String>,
    alg: KeyManagement,
    encrypter: Arc<dyn JweEncrypter>,
}

/// A token could not be encrypted.
#[derive(Debug, thiserror::Error)]
#[error("the cryptographic library refused to encrypt")]
pub struct EncryptionError(#[source] JoseError);

impl EncryptionKey {
    /// The compact serialisation [RFC 7516 §7.1] of a token in a token [RFC 7519 §5.2].
    pub fn encrypt(&self, token: &Secret<String>, enc: ContentEncryption) -> Result<Secret<String>, EncryptionError> {
        let mut header = JweHeader::new();
        header.set_content_encryption(enc.as_str());
        header.set_content_type("JWT");
        if let Some(kid) = &self.kid {
            header.set_key_id(kid);
        }
        let sealed = serialize_compact(token.expose().as_bytes(), &header, &*self.encrypter);
        sealed.map(Secret::new).map_err(EncryptionError)
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.alg.as_str())
    }
}
