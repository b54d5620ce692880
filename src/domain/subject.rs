//! Who a person is to a client [OIDCC §8]: the same one to all of them, or in each sector somebody else, so that
//! clients of different owners cannot tell that they know the same person.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::client::Client;
use crate::protocol::id::UserId;
use crate::secret::constant_time_eq;

/// Whose clients know people by the same subjects [OIDCC §8.1].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sector {
    pub host: String,
    /// `sector_identifier_uri`: what the host was taken from, where that is no other address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

/// Makes subjects, and knows people by them again.
///
/// A pairwise one is the person's identifier, encrypted with the sector as context and without randomness: a synthetic
/// initialization vector, which is a keyed digest of sector and person, and the person under a pad made of that. So
/// it is the same each time, only this server can tell whose it is, and nothing has to be kept.
pub struct Subjects {
    key: ring::hmac::Key,
}

impl fmt::Debug for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subjects")
    }
}

const HALF: usize = 16;

impl Subjects {
    pub const fn new(key: ring::hmac::Key) -> Self {
        Self { key }
    }

    /// `sub`, as this client is told.
    pub fn of(&self, client: &Client, user: UserId) -> String {
        match &client.pairwise {
            None => user.to_string(),
            Some(sector) => self.pairwise(&sector.host, user),
        }
    }

    /// Whom a `sub` stands for that this client was told. `None`: nobody whom it knows.
    pub fn user(&self, client: &Client, subject: &str) -> Option<UserId> {
        match &client.pairwise {
            None => subject.parse().ok(),
            Some(sector) => self.of_pairwise(&sector.host, subject),
        }
    }

    fn pairwise(&self, host: &str, user: UserId) -> String {
        let person = *user.uuid().as_bytes();
        let vector = self.half(b"vector", host, &person);
        let hidden = masked(person, self.half(b"pad", host, &vector));
        URL_SAFE_NO_PAD.encode([vector, hidden].concat())
    }

    fn of_pairwise(&self, host: &str, subject: &str) -> Option<UserId> {
        let bytes = URL_SAFE_NO_PAD.decode(subject).ok()?;
        let (vector, hidden) = bytes.split_first_chunk::<HALF>()?;
        let hidden: [u8; HALF] = hidden.try_into().ok()?;
        let person = masked(hidden, self.half(b"pad", host, vector));
        let genuine = constant_time_eq(&self.half(b"vector", host, &person), vector);
        genuine.then(|| UserId::new(Uuid::from_bytes(person)))
    }

    /// The host goes last: it alone has no fixed length.
    fn half(&self, purpose: &[u8], host: &str, about: &[u8; HALF]) -> [u8; HALF] {
        let mut context = ring::hmac::Context::with_key(&self.key);
        context.update(purpose);
        context.update(&[0]);
        context.update(about);
        context.update(host.as_bytes());
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

fn masked(mut bytes: [u8; HALF], pad: [u8; HALF]) -> [u8; HALF] {
    for (byte, pad) in bytes.iter_mut().zip(pad) {
        *byte ^= pad;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(key: u8) -> Subjects {
        Subjects::new(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[key; 32]))
    }

    fn user(number: u128) -> UserId {
        UserId::new(Uuid::from_u128(number))
    }

    #[test]
    fn oidcc_8_1_it_is_the_same_each_time_and_another_in_each_sector_for_each_person_on_each_server() {
        let one = subjects(1).pairwise("shop.example", user(1));
        assert_eq!(subjects(1).pairwise("shop.example", user(1)), one);
        for other in [
            subjects(1).pairwise("bank.example", user(1)),
            subjects(1).pairwise("shop.example", user(2)),
            subjects(2).pairwise("shop.example", user(1)),
        ] {
            let halves = |text: &str| text.split_at(21).0.to_owned();
            assert!(other != one && halves(&other) != halves(&one), "{one} {other}");
        }
        assert_eq!(one.len(), 43);
    }

    #[test]
    fn oidcc_8_1_only_its_own_sector_is_understood() {
        let subject = subjects(1).pairwise("shop.example", user(7));
        assert_eq!(subjects(1).of_pairwise("shop.example", &subject), Some(user(7)));
        assert_eq!(subjects(1).of_pairwise("bank.example", &subject), None);
        assert_eq!(subjects(2).of_pairwise("shop.example", &subject), None);
        for wrong in ["", "x", &user(7).to_string(), &subject[1..], &format!("{subject}AA"), &"A".repeat(43)] {
            assert_eq!(subjects(1).of_pairwise("shop.example", wrong), None, "{wrong:?}");
        }
    }

    /// Clients have kept them: another version of this file makes the same ones.
    #[test]
    fn what_was_given_once_stays() {
        let subject = subjects(9).pairwise("shop.example", user(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10));
        assert_eq!(subject, "We9S1zP976vmgvsg1j_-dQ9WHHVl4zSK0szc_V3aehs");
    }
}
