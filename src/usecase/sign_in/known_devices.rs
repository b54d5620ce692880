//! In which browsers a person has signed in before: guesses of others do not keep them out there.
//!
//! The browser keeps what shows it. That names nobody, and proves nothing but where somebody was: whoever has it
//! gets one more path to guess on, as slow as the others (`usecase/password_ladder.rs`).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::protocol::id::UserId;
use crate::secret::MasterKey;

/// Without a sign-in for this long, a browser is like any other.
pub const REMEMBERED: Duration = Duration::from_secs(180 * 86_400);

/// A household; with more, who signed in last counts.
const MOST: usize = 5;
const TIME: usize = 8;
const TAG: usize = 32;
const ENTRY: usize = TIME + TAG;

/// The longest text of one.
pub const LONGEST: usize = (MOST * ENTRY * 4).div_ceil(3);

/// What a browser keeps: when people signed in there, each with a tag of our own.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownDevice(Vec<[u8; ENTRY]>);

impl KnownDevice {
    /// What is none is like nothing at all.
    pub fn presented(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (entries, rest) = bytes.as_chunks();
        (rest.is_empty() && entries.len() <= MOST).then(|| Self(entries.to_vec()))
    }

    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_flattened())
    }
}

impl std::fmt::Debug for KnownDevice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "KnownDevice({})", self.0.len())
    }
}

pub struct KnownDevices {
    key: ring::hmac::Key,
}

impl KnownDevices {
    pub fn new(master: &MasterKey) -> Self {
        Self { key: master.derive("known device") }
    }

    /// Whether this person has signed in there, and lately.
    pub fn knows(&self, device: Option<&KnownDevice>, user: UserId, now: Timestamp) -> bool {
        device.is_some_and(|device| device.0.iter().any(|entry| self.is_of(entry, user, now)))
    }

    /// As it is after this person has signed in.
    pub fn after(&self, device: Option<&KnownDevice>, user: UserId, now: Timestamp) -> KnownDevice {
        let others = device.into_iter().flat_map(|device| &device.0).filter(|entry| !self.is_of(entry, user, now));
        let entries = std::iter::once(self.entry(user, now)).chain(others.copied());
        KnownDevice(entries.take(MOST).collect())
    }

    fn entry(&self, user: UserId, at: Timestamp) -> [u8; ENTRY] {
        let at = at.seconds().to_be_bytes();
        let tag = ring::hmac::sign(&self.key, &signed(at, user));
        let mut entry = [0; ENTRY];
        for (to, from) in entry.iter_mut().zip(at.iter().chain(tag.as_ref())) {
            *to = *from;
        }
        entry
    }

    fn is_of(&self, entry: &[u8; ENTRY], user: UserId, now: Timestamp) -> bool {
        let Some((&at, tag)) = entry.split_first_chunk::<TIME>() else { return false };
        let since = now.seconds().checked_sub(i64::from_be_bytes(at)).and_then(|age| u64::try_from(age).ok());
        since.is_some_and(|age| age <= REMEMBERED.as_secs())
            && ring::hmac::verify(&self.key, &signed(at, user), tag).is_ok()
    }
}

fn signed(at: [u8; TIME], user: UserId) -> Vec<u8> {
    [at.as_slice(), user.uuid().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::secret::Secret;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn devices(seed: u8) -> KnownDevices {
        KnownDevices::new(&MasterKey::new(&Secret::new([seed; 32])))
    }

    fn user(number: u128) -> UserId {
        UserId::new(Uuid::from_u128(number))
    }

    #[test]
    fn security_5_6_a_device_is_known_to_whoever_signed_in_there() {
        let (devices, others) = (devices(1), devices(2));
        let device = devices.after(None, user(1), NOW);
        let again = KnownDevice::presented(&device.text()).unwrap();
        assert!(devices.knows(Some(&again), user(1), NOW));
        assert!(!devices.knows(Some(&again), user(2), NOW));
        assert!(!devices.knows(None, user(1), NOW));
        assert!(!others.knows(Some(&again), user(1), NOW), "another server's");
    }

    #[test]
    fn it_is_forgotten_and_comes_from_no_other_time() {
        let devices = devices(1);
        let device = devices.after(None, user(1), NOW);
        assert!(devices.knows(Some(&device), user(1), NOW + REMEMBERED));
        assert!(!devices.knows(Some(&device), user(1), NOW + REMEMBERED + Duration::from_secs(1)));
        let early = devices.after(None, user(1), NOW + Duration::from_secs(60));
        assert!(!devices.knows(Some(&early), user(1), NOW));
    }

    #[test]
    fn no_bit_of_it_can_be_changed() {
        let devices = devices(1);
        let device = devices.after(None, user(1), NOW);
        for bit in 0..ENTRY * 8 {
            let mut other = device.clone();
            other.0[0][bit / 8] ^= 1 << (bit % 8);
            assert!(!devices.knows(Some(&other), user(1), NOW), "bit {bit}");
        }
    }

    #[test]
    fn who_signs_in_again_stands_there_once_and_the_oldest_makes_room() {
        let devices = devices(1);
        let mut device = devices.after(None, user(1), NOW);
        device = devices.after(Some(&device), user(1), NOW + Duration::from_secs(1));
        assert_eq!(device.0.len(), 1);
        for number in 2..=6 {
            device = devices.after(Some(&device), user(number), NOW);
        }
        assert_eq!((device.0.len(), device.text().len()), (MOST, LONGEST));
        assert!(!devices.knows(Some(&device), user(1), NOW));
        assert!((2..=6).all(|number| devices.knows(Some(&device), user(number), NOW)));
    }

    #[test]
    fn what_is_none_is_none() {
        for text in ["=", "AAAA", "ä", &"A".repeat(LONGEST + 32)] {
            assert_eq!(KnownDevice::presented(text), None, "{text}");
        }
        assert_eq!(KnownDevice::presented("").map(|device| device.0.len()), Some(0));
    }
}
