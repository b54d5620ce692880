//! How many codes somebody may get wrong: so many and then none is looked at for some time, ten in an hour, and at the
//! hundredth in a row none for a day. Counted for the person, whatever flow it is in; what is locked is this path, never
//! the person [security.md 5.1, 5.6, 5.7, case 115].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ladder::{DAY, MOST_FAILURES};
use super::otp::Tries;
use crate::clock::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);
/// Wrong ones within it.
const PER_HOUR: usize = 10;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtpGuard {
    /// Since the last right one, or the last lock.
    wrong: u32,
    /// Since the last right one.
    in_a_row: u32,
    last: Option<Timestamp>,
    /// Within an hour, the first time first.
    recent: Vec<Timestamp>,
    /// A code that was sent before is worth nothing any more.
    void_before: Option<Timestamp>,
    locked_until: Option<Timestamp>,
}

/// What a try is told before anything is compared for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// So many are left if it is wrong.
    Looked { left: u32 },
    /// Nothing is looked at.
    Locked,
}

impl OtpGuard {
    /// `sent_at`: when the code was sent that is compared; `None` where an app shows it. A try is counted as a wrong one
    /// until it turns out to be right: however many come at once, no more are compared.
    #[must_use]
    pub fn attempt(mut self, tries: Tries, sent_at: Option<Timestamp>, now: Timestamp) -> (Self, Tried) {
        if self.is_locked(now) || self.is_void(sent_at) {
            return (self, Tried::Locked);
        }
        if self.last.is_some_and(|last| now >= last + DAY) {
            self = Self { void_before: self.void_before, ..Self::default() };
        }
        self.recent.retain(|at| now < *at + HOUR);
        self.recent.push(now);
        self.last = Some(now);
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.wrong = self.wrong.saturating_add(1);
        let left = tries.attempts.saturating_sub(self.wrong);
        if let Some(lock) = self.lock(tries, left, now) {
            self = Self { wrong: 0, void_before: Some(now), locked_until: Some(lock), ..self };
            return (self, Tried::Looked { left: 0 });
        }
        (self, Tried::Looked { left })
    }

    /// Until when nothing is looked at after this one. `None`: the next one is.
    fn lock(&self, tries: Tries, left: u32, now: Timestamp) -> Option<Timestamp> {
        if self.in_a_row >= MOST_FAILURES {
            return Some(now + DAY);
        }
        let too_many =
            (self.recent.len() >= PER_HOUR).then(|| self.recent.first().map(|first| *first + HOUR)).flatten();
        let cool_down = (left == 0).then(|| now + Duration::from_secs(u64::from(tries.cool_down)));
        too_many.max(cool_down)
    }

    /// The last try was right.
    #[must_use]
    pub fn succeeded(mut self) -> Self {
        self.recent.pop();
        Self { wrong: 0, in_a_row: 0, locked_until: None, ..self }
    }

    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    fn is_void(&self, sent_at: Option<Timestamp>) -> bool {
        self.void_before.zip(sent_at).is_some_and(|(at, sent_at)| sent_at <= at)
    }

    /// How many wrong ones a code has left.
    pub fn left(&self, tries: Tries, sent_at: Option<Timestamp>, now: Timestamp) -> u32 {
        if self.is_locked(now) || self.is_void(sent_at) { 0 } else { tries.attempts.saturating_sub(self.wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::otp::OtpMethod;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn tried(guard: &mut OtpGuard, sent: i64, seconds: i64) -> Tried {
        let (next, tried) = guard.clone().attempt(OtpMethod::default().tries(), Some(at(sent)), at(seconds));
        *guard = next;
        tried
    }

    #[test]
    fn t9_9_three_wrong_ones_and_then_none_for_two_minutes() {
        let mut guard = OtpGuard::default();
        for left in [2, 1, 0] {
            assert_eq!(tried(&mut guard, 0, 1), Tried::Looked { left });
        }
        assert_eq!(tried(&mut guard, 0, 2), Tried::Locked);
        assert_eq!(tried(&mut guard, 100, 120), Tried::Locked, "a newer code changes nothing");
        assert_eq!(tried(&mut guard, 0, 121), Tried::Locked, "the old one is worth nothing any more");
        assert_eq!(tried(&mut guard, 100, 121), Tried::Looked { left: 2 });
    }

    #[test]
    fn a_right_one_forgets_what_was_wrong_but_for_the_hour() {
        let mut guard = OtpGuard::default();
        let mut wrong = 0;
        for round in 0..5 {
            for _ in 0..2 {
                wrong += 1;
                assert_ne!(tried(&mut guard, round * 10, round * 10 + 1), Tried::Locked);
            }
            let (next, tried) =
                guard.clone().attempt(OtpMethod::default().tries(), Some(at(round * 10)), at(round * 10 + 2));
            if round < 4 {
                assert_ne!(tried, Tried::Locked);
                guard = next.succeeded();
            } else {
                assert_eq!((wrong, tried), (10, Tried::Locked), "ten in an hour");
            }
        }
        assert_eq!(tried(&mut guard, 3599, 3600), Tried::Locked);
        assert_eq!(tried(&mut guard, 3600, 3601), Tried::Looked { left: 2 });
    }

    #[test]
    fn security_5_1_the_hundredth_in_a_row_locks_for_a_day() {
        let (mut guard, mut now) = (OtpGuard::default(), 0);
        for _ in 0..MOST_FAILURES {
            now += 600;
            assert_ne!(tried(&mut guard, now - 1, now), Tried::Locked);
        }
        assert_eq!(tried(&mut guard, now + 86_399, now + 86_399), Tried::Locked);
        assert_eq!(tried(&mut guard, now + 86_400, now + 86_400 + 1), Tried::Looked { left: 2 });
    }
}
