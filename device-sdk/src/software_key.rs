//! A P-256 key in memory, for machines without a key store of their own: desktops, tests, CI.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::jwk::PublicJwk;
use crate::proof::{DeviceKey, KeyError};
use crate::system;

/// Signs with ring. What this type keeps for storage is wiped when it is dropped; ring itself does
/// not wipe its own copy, which is one reason to prefer a hardware key where there is one.
pub struct SoftwareKey {
    pair: EcdsaKeyPair,
    public: PublicJwk,
    stored: StoredKey,
}

/// PKCS#8 [RFC 5958]: for an encrypted file or the platform's secret store, nowhere else.
/// Serializes as base64url, never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey(Zeroizing<Vec<u8>>);

impl SoftwareKey {
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &system::randomness())
            .map_err(|_| KeyError::Unavailable)?;
        Self::from_stored(&StoredKey::from_pkcs8(document.as_ref()))
    }

    pub fn from_stored(stored: &StoredKey) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &stored.0, &system::randomness())
            .map_err(|_| KeyError::Damaged)?;
        let public = PublicJwk::from_uncompressed_point(pair.public_key().as_ref()).map_err(|_| KeyError::Damaged)?;
        Ok(Self { pair, public, stored: stored.clone() })
    }

    pub fn to_stored(&self) -> StoredKey {
        self.stored.clone()
    }
}

impl DeviceKey for SoftwareKey {
    fn public_jwk(&self) -> PublicJwk {
        self.public
    }

    fn sign(&self, signing_input: &[u8]) -> Result<[u8; 64], KeyError> {
        let signature = self.pair.sign(&system::randomness(), signing_input).map_err(|_| KeyError::Unavailable)?;
        signature.as_ref().try_into().map_err(|_| KeyError::Unavailable)
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKey({})", self.public.thumbprint())
    }
}

impl StoredKey {
    pub fn from_pkcs8(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The private key. Each caller is a place to look at in a review.
    pub fn expose_pkcs8(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for StoredKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(URL_SAFE_NO_PAD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for StoredKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        URL_SAFE_NO_PAD
            .decode(text.as_bytes())
            .map(|bytes| Self(Zeroizing::new(bytes)))
            .map_err(|_| serde::de::Error::custom("not base64url"))
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_key_survives_storage() {
        let key = SoftwareKey::generate().unwrap();
        let text = serde_json::to_string(&key.to_stored()).unwrap();
        let again = SoftwareKey::from_stored(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(again.public_jwk(), key.public_jwk());
        let signature = again.sign(b"text").unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_jwk().to_uncompressed_point());
        assert!(public.verify(b"text", &signature).is_ok());
        assert!(public.verify(b"test", &signature).is_err());
    }

    #[test]
    fn a_damaged_key_is_told_from_a_good_one() {
        let key = SoftwareKey::generate().unwrap();
        let mut bytes = key.to_stored().expose_pkcs8().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(SoftwareKey::from_stored(&StoredKey::from_pkcs8(&bytes)).unwrap_err(), KeyError::Damaged);
        assert_eq!(SoftwareKey::from_stored(&StoredKey::from_pkcs8(b"")).unwrap_err(), KeyError::Damaged);
    }

    #[test]
    fn a_key_never_prints() {
        let key = SoftwareKey::generate().unwrap();
        assert_eq!(format!("{:?}", key.to_stored()), "[redacted]");
        assert_eq!(format!("{key:?}"), format!("SoftwareKey({})", key.public_jwk().thumbprint()));
    }
}
