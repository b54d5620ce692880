//! A password that somebody forgot, and the message that lets them choose another.
//!
//! What the message has in it, a code and a link, is computed from the name of the recovery and a key: it
//! rests nowhere, and a message that has to be sent twice says the same twice.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::protocol::id::{RecoveryId, UserId};
use crate::secret::{Secret, constant_time_eq};

/// [ASVS 6.5.5] what comes by mail is good for ten minutes.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// How often somebody may type a code before it is worth nothing [security.md 5.1].
pub const TRIES: u32 = 3;

/// What the message has in it, to show by that it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Means {
    #[default]
    Both,
    Code,
    Link,
}

impl Means {
    pub const fn has_code(self) -> bool {
        match self {
            Self::Both | Self::Code => true,
            Self::Link => false,
        }
    }

    pub const fn has_link(self) -> bool {
        match self {
            Self::Both | Self::Link => true,
            Self::Code => false,
        }
    }
}

/// Whose password may be chosen anew. It is there from the moment the message goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub user: UserId,
    /// When the forgotten one was chosen; `None`: there never was one. In its place alone another comes, and
    /// that is decided where passwords are kept: so it happens once, and an older message is worth nothing.
    pub instead_of: Option<Timestamp>,
    pub expires_at: Timestamp,
}

impl Recovery {
    pub fn has_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

/// Makes and knows what the messages have in them.
#[derive(Clone)]
pub struct RecoverySecrets(hmac::Key);

/// Of a link, in bytes: which recovery, and that it is from us.
const NAME: usize = 16;

impl RecoverySecrets {
    pub const fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    /// Eight digits: nobody has to tell letters from each other.
    pub fn code(&self, id: RecoveryId) -> Secret<String> {
        let mac = self.mac(b"code", id);
        let bytes = mac.as_ref().first_chunk::<8>().copied().unwrap_or_default();
        Secret::new(format!("{:08}", u64::from_be_bytes(bytes) % 100_000_000))
    }

    /// Whether this is the code, with whatever people put between its digits.
    pub fn is_code(&self, id: RecoveryId, typed: &str) -> bool {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        constant_time_eq(self.code(id).expose().as_bytes(), typed.as_bytes())
    }

    pub fn link(&self, id: RecoveryId) -> Secret<String> {
        let all = [id.uuid().as_bytes().as_slice(), self.mac(b"link", id).as_ref()].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(all))
    }

    /// `None`: we have made no such link.
    pub fn opened(&self, link: &str) -> Option<RecoveryId> {
        let bytes = URL_SAFE_NO_PAD.decode(link).ok()?;
        let (name, mac) = bytes.split_first_chunk::<NAME>()?;
        let id = RecoveryId::new(Uuid::from_bytes(*name));
        constant_time_eq(self.mac(b"link", id).as_ref(), mac).then_some(id)
    }

    fn mac(&self, what: &[u8], id: RecoveryId) -> hmac::Tag {
        hmac::sign(&self.0, &[what, b"\0", id.uuid().as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(key: u8) -> RecoverySecrets {
        RecoverySecrets::new(hmac::Key::new(hmac::HMAC_SHA256, &[key; 32]))
    }

    fn id(n: u128) -> RecoveryId {
        RecoveryId::new(Uuid::from_u128(n))
    }

    #[test]
    fn a_code_is_typed_as_people_type() {
        let code = secrets(1).code(id(7)).expose().clone();
        assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        let (first, last) = code.split_at(4);
        for typed in [code.clone(), format!(" {first} {last}\n"), format!("{first}-{last}")] {
            assert!(secrets(1).is_code(id(7), &typed), "{typed}");
        }
        for wrong in [String::new(), format!("{code}0"), first.to_owned(), secrets(2).code(id(7)).expose().clone()] {
            assert!(!secrets(1).is_code(id(7), &wrong), "{wrong}");
        }
        assert!(!secrets(1).is_code(id(8), &code));
    }

    #[test]
    fn a_link_is_ours_or_opens_nothing() {
        let link = secrets(1).link(id(7)).expose().clone();
        assert_eq!(link.len(), 64);
        assert_eq!(secrets(1).opened(&link), Some(id(7)));
        let another = format!("B{}", &link[1..]);
        for wrong in ["", "x", link.trim_end_matches(|_| true), &another, &link[..63], secrets(2).link(id(7)).expose()]
        {
            assert_eq!(secrets(1).opened(wrong), None, "{wrong}");
        }
    }
}
