//! One-time passcodes of a phone [RFC 6238]: where no push reaches it, the person types what the app shows.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

#[cfg(feature = "ring")]
use crate::timestamp::Timestamp;

/// How long a passcode is shown, in seconds [RFC 6238 §4.1].
pub const STEP: i64 = 30;
const KEY: usize = 20;

/// What passcodes are made of: 20 bytes that the server gives a new device. It belongs where the app keeps its secrets.
/// Serializes as base64url, never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct PasscodeKey(Zeroizing<[u8; KEY]>);

/// Not 27 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the key of one-time passcodes")]
pub struct NotAPasscodeKey;

impl PasscodeKey {
    pub fn new(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// The text on the wire. Each caller is a place to look at in a review.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.as_bytes())
    }

    /// What the app shows at `now`: six digits, others every 30 seconds. No network is needed.
    #[cfg(feature = "ring")]
    pub fn one_time_passcode(&self, now: Timestamp) -> String {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.as_bytes());
        let mac = ring::hmac::sign(&key, &now.seconds().div_euclid(STEP).to_be_bytes());
        // [RFC 4226 §5.3]
        let at = mac.as_ref().last().map_or(0, |last| usize::from(last & 0x0f));
        let word = mac.as_ref().get(at..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
        format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
    }
}

impl FromStr for PasscodeKey {
    type Err = NotAPasscodeKey;

    fn from_str(text: &str) -> Result<Self, NotAPasscodeKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAPasscodeKey)?;
        bytes.try_into().map(Self::new).map_err(|_| NotAPasscodeKey)
    }
}

impl fmt::Debug for PasscodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for PasscodeKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for PasscodeKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling_and_never_prints() {
        let key = PasscodeKey::new(*b"12345678901234567890");
        assert_eq!(key.expose(), "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA");
        assert_eq!("MTIzNDU2Nzg5MDEyMzQ1Njc4OTA".parse(), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "[redacted]");
        for wrong in ["", "MTIz", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="] {
            assert_eq!(wrong.parse::<PasscodeKey>(), Err(NotAPasscodeKey), "{wrong}");
        }
    }
}
