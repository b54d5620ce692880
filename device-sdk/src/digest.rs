//! SHA-256 values on the wire: base64url without padding, one type per meaning.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Not 32 bytes in base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes in base64url without padding")]
pub struct NotADigest;

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
                Self(Sha256::digest(bytes).into())
            }

            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = NotADigest;

            fn from_str(text: &str) -> Result<Self, NotADigest> {
                decode_32(text).map(Self).ok_or(NotADigest)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pub(crate) fn decode_32(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

digests! {
    /// What was shown to the person, see [`context`](crate::context).
    ContextHash;
    /// The body of a request: the claim `bd`.
    BodyDigest;
    /// What a public key is called [RFC 7638].
    Thumbprint;
    /// A push token, where the token itself has no business: the claim `push.th`.
    PushTokenHash;
    /// The sign-in that a mobile payload is for: the claim `bind`.
    PayloadBinding;
}

impl BodyDigest {
    pub fn of(body: &[u8]) -> Self {
        Self::of_bytes(body)
    }
}

impl PushTokenHash {
    pub fn of(token: &str) -> Self {
        Self::of_bytes(token.as_bytes())
    }
}

impl PayloadBinding {
    /// Of a flow id, or of a PKCE `code_challenge` [RFC 7636 §4.2] as it is sent.
    pub fn of(sign_in: &str) -> Self {
        Self::of_bytes(sign_in.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_spelling() {
        let text = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(BodyDigest::of(b"").to_string(), text);
        assert_eq!(text.parse(), Ok(BodyDigest::of(b"")));
        // Padding, the other alphabet, stray bits in the last character, a wrong length.
        let others = [format!("{text}="), text.replace('-', "+"), text.replace("uFU", "uFV"), text[..42].to_owned()];
        for other in others {
            assert_eq!(other.parse::<BodyDigest>(), Err(NotADigest), "{other}");
        }
    }
}
