//! Values that must not leak: [`Secret`] in memory, [`Digest`] where only recognition is needed,
//! [`Sealed`] where we must read the value again.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::entropy::Entropy;

/// A value that is wiped when dropped and never printed: no `Display`, no `Serialize`.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each caller is a place to look at in a review.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.0.as_ref())
    }
}

/// SHA-256 of a `T`, or for what is short enough to be searched its HMAC: enough to recognise it, useless to present it. `T` says what was digested, so
/// that the digest of one kind of handle is never looked up as another.
pub struct Digest<T>([u8; 32], PhantomData<fn() -> T>);

impl<T> Digest<T> {
    pub fn of(value: &[u8]) -> Self {
        Self(sha256(value), PhantomData)
    }

    /// HMAC-SHA-256: of use to nobody without the key.
    pub fn keyed(key: &ring::hmac::Key, value: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(ring::hmac::sign(key, value).as_ref());
        Self(bytes, PhantomData)
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes, PhantomData)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the digest of `value`, in constant time.
    pub fn matches(&self, value: &[u8]) -> bool {
        constant_time_eq(&self.0, &sha256(value))
    }
}

impl<T> Clone for Digest<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Digest<T> {}
impl<T> PartialEq for Digest<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Digest<T> {}
impl<T> std::hash::Hash for Digest<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Eleven characters: enough to follow one request through a log, not enough to guess from.
impl<T> fmt::Display for Digest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (short, _) = self.0.split_at(8);
        f.write_str(&URL_SAFE_NO_PAD.encode(short))
    }
}

impl<T> fmt::Debug for Digest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl<T> Serialize for Digest<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de, T> Deserialize<'de> for Digest<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            URL_SAFE_NO_PAD
                .decode(text)
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
                .ok_or_else(|| serde::de::Error::custom("not a base64url SHA-256 digest"))?
        } else {
            <[u8; 32]>::deserialize(deserializer)?
        };
        Ok(Self(bytes, PhantomData))
    }
}

/// Ciphertext of a value that we must be able to read again: nonce, then AES-256-GCM.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// The key that seals what rests in the database. It comes from a file or the environment and
/// never from the database itself.
pub struct MasterKey {
    sealing: LessSafeKey,
    derivation: ring::hmac::Key,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// The sealed value was made with another key, for another place, or was altered.
#[derive(Debug, thiserror::Error)]
#[error("a sealed value cannot be opened: wrong master key, or the value was altered")]
pub struct CannotOpen;

impl MasterKey {
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        let derivation = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.expose());
        // Never the raw key for two purposes: both uses get a key of their own.
        let sealing = ring::hmac::sign(&derivation, b"nod sealing v1");
        #[expect(clippy::expect_used, reason = "HMAC-SHA-256 gives the 32 bytes that AES-256 takes")]
        let unbound = UnboundKey::new(&AES_256_GCM, sealing.as_ref()).expect("32 bytes");
        Self { sealing: LessSafeKey::new(unbound), derivation }
    }

    /// A key for another purpose, the same on every node.
    pub fn derive(&self, purpose: &str) -> ring::hmac::Key {
        let derived = ring::hmac::sign(&self.derivation, purpose.as_bytes());
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, derived.as_ref())
    }

    /// `place` names table, column and row: a sealed value that was copied elsewhere does not open.
    pub fn seal(&self, place: &str, plain: &[u8], entropy: &Entropy) -> Sealed {
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut cipher = plain.to_vec();
        #[expect(clippy::expect_used, reason = "AES-GCM refuses only inputs of 64 GiB and more")]
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut cipher)
            .expect("a small input");
        let mut out = nonce.to_vec();
        out.append(&mut cipher);
        Sealed(out)
    }

    pub fn open(&self, place: &str, sealed: &Sealed) -> Result<Secret<Vec<u8>>, CannotOpen> {
        let (nonce, cipher) = sealed.0.split_at_checked(NONCE_LEN).ok_or(CannotOpen)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        let mut buffer = cipher.to_vec();
        let length =
            self.sealing.open_in_place(nonce, Aad::from(place.as_bytes()), &mut buffer).map_err(|_| CannotOpen)?.len();
        buffer.truncate(length);
        Ok(Secret::new(buffer))
    }
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    out
}

/// Compares without telling by its time where two values of the same length differ.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0u8, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_with_its_key() {
        let entropy = Entropy::seeded(1);
        let key = MasterKey::new(&Secret::new([7; 32]));
        let sealed = key.seal("signing_key|private|k1", b"private", &entropy);
        assert_eq!(key.open("signing_key|private|k1", &sealed).unwrap().expose(), b"private");
        assert!(key.open("signing_key|private|k2", &sealed).is_err());
        let other = MasterKey::new(&Secret::new([8; 32]));
        assert!(other.open("signing_key|private|k1", &sealed).is_err());
        let mut altered = sealed.as_bytes().to_vec();
        *altered.last_mut().unwrap() ^= 1;
        assert!(key.open("signing_key|private|k1", &Sealed::from_bytes(altered)).is_err());
    }
}
