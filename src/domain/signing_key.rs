//! The lives of our signing keys: announced, used, kept for verification, gone.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::algorithm::Algorithm;
use crate::secret::Sealed;

/// A key as it rests: the private part sealed under the master key.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    pub algorithm: Algorithm,
    pub state: State,
    /// The public JWK with `kid`, `use` and `alg`.
    pub public_jwk: String,
    pub sealed_private: Sealed,
    pub created_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    pub retiring_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Published, signs nothing yet.
    Next,
    /// Signs. One per algorithm.
    Current,
    /// Signs no more, still verifies.
    Retiring,
    /// No longer published; its private part is erased.
    Retired,
}

/// When keys change by themselves.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// A current key older than this is replaced.
    pub rotate_after: Duration,
    /// A next key is published at least this long before it signs, so that no cache of the JWKS misses
    /// it; in an emergency it is not.
    pub announce_before: Duration,
    /// A retiring key is published this long: longer than any token that it signed lives.
    pub retire_after: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self { rotate_after: DAY * 90, announce_before: DAY * 14, retire_after: DAY * 2 }
    }
}

/// What is due for the keys of one algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// There is no current key: make one and use it.
    Create,
    /// There is no current key, but a next one: somebody was cut off between the two.
    PromoteFirst(String),
    Announce,
    /// The named next key becomes current; the current one begins to retire.
    Promote(String),
    Retire(String),
}

impl Schedule {
    /// From when on a next key may sign: nobody who keeps a copy of the JWKS misses it then.
    pub fn known_from(&self, next: &StoredKey) -> Timestamp {
        next.created_at + self.announce_before
    }

    /// What is due now, in the order in which to do it.
    pub fn due(&self, keys: &[StoredKey], now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        let current = keys.iter().find(|key| key.state == State::Current);
        let next = keys.iter().find(|key| key.state == State::Next);
        match (current, next) {
            (None, Some(next)) => due.push(Due::PromoteFirst(next.kid.clone())),
            (None, None) => due.push(Due::Create),
            (Some(current), next) => {
                let age = now.since(current.activated_at.unwrap_or(current.created_at));
                match next {
                    // Always one ahead: even a rotation by command then finds a key that relying
                    // parties have seen.
                    None => due.push(Due::Announce),
                    Some(next) if age >= self.rotate_after && now >= self.known_from(next) => {
                        due.push(Due::Promote(next.kid.clone()));
                    }
                    Some(_) => {}
                }
            }
        }
        due.extend(
            keys.iter()
                .filter(|key| key.state == State::Retiring)
                .filter(|key| key.retiring_at.is_some_and(|since| now.since(since) >= self.retire_after))
                .map(|key| Due::Retire(key.kid.clone())),
        );
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn key(kid: &str, state: State, day: u32) -> StoredKey {
        let at = Timestamp::from_seconds(0) + DAY * day;
        StoredKey {
            kid: kid.into(),
            algorithm: Algorithm::ES256,
            state,
            public_jwk: String::new(),
            sealed_private: Sealed::from_bytes(Vec::new()),
            created_at: at,
            activated_at: (state == State::Current).then_some(at),
            retiring_at: (state == State::Retiring).then_some(at),
        }
    }

    #[test]
    fn oidcc_10_1_1_a_key_is_announced_before_it_signs_and_kept_after() {
        let schedule = Schedule::default();
        let day = |n: u32| Timestamp::from_seconds(0) + DAY * n;
        assert_eq!(schedule.due(&[], day(0)), [Due::Create]);
        assert_eq!(schedule.due(&[key("a", State::Next, 0)], day(0)), [Due::PromoteFirst("a".into())]);
        let only = [key("a", State::Current, 0)];
        assert_eq!(schedule.due(&only, day(0)), [Due::Announce], "the next one can be seen from the beginning");
        let announced = [key("a", State::Current, 0), key("b", State::Next, 0)];
        assert_eq!(schedule.due(&announced, day(89)), []);
        assert_eq!(schedule.due(&announced, day(90)), [Due::Promote("b".into())]);
        let late = [key("a", State::Current, 0), key("b", State::Next, 100)];
        assert_eq!(schedule.due(&late, day(113)), [], "not before relying parties could see it");
        let retiring = [key("b", State::Current, 90), key("c", State::Next, 90), key("a", State::Retiring, 90)];
        assert_eq!(schedule.due(&retiring, day(91)), []);
        assert_eq!(schedule.due(&retiring, day(92)), [Due::Retire("a".into())]);
    }
}
