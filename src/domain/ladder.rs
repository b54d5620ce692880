//! Failures on one path to one account: a wait after each, longer and longer, and a day at the hundredth.
//! What is locked is the path, never the person [security.md 5.7].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// [NIST SP 800-63B §3.2.2] no more than a hundred consecutive failures.
pub const MOST_FAILURES: u32 = 100;

/// How long the path is locked then; and how long failures are remembered at all.
pub const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Since the last success.
    failures: u32,
    /// When somebody last tried.
    last: Option<Timestamp>,
}

/// What a try is told before anything is looked at for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climbed {
    /// If it fails, it is the so many'th failure in a row.
    To(u32),
    Wait(Duration),
}

impl Ladder {
    /// A try counts as a failure until it turns out to be none: of many at the same moment, one gets through.
    pub fn climb(self, now: Timestamp) -> (Self, Climbed) {
        if let Some(last) = self.last {
            let until = last + wait_after(self.failures);
            if now < until {
                return (self, Climbed::Wait(until.since(now)));
            }
        }
        let forgotten = self.last.is_none_or(|last| now >= last + DAY);
        let failures = if forgotten { 1 } else { self.failures.saturating_add(1) };
        (Self { failures, last: Some(now) }, Climbed::To(failures))
    }

    /// Of a try that nobody could look at: it was no failure.
    #[must_use]
    pub fn withdraw(self) -> Self {
        Self { failures: self.failures.saturating_sub(1), ..self }
    }
}

fn wait_after(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        1 => Duration::from_secs(1),
        2 => Duration::from_secs(3),
        3 => Duration::from_secs(5),
        4..MOST_FAILURES => Duration::from_secs(10),
        MOST_FAILURES.. => DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn security_5_6_each_failure_makes_the_next_wait_longer() {
        let (mut ladder, mut now) = (Ladder::default(), 0);
        for (failures, wait) in [(1, 1), (2, 3), (3, 5), (4, 10), (5, 10)] {
            let climbed;
            (ladder, climbed) = ladder.climb(at(now));
            assert_eq!(climbed, Climbed::To(failures));
            let unchanged = ladder.clone();
            let (early, climbed) = ladder.climb(at(now));
            assert_eq!((early, climbed), (unchanged.clone(), Climbed::Wait(seconds(wait))), "nobody waits twice");
            ladder = unchanged;
            now += i64::try_from(wait).unwrap();
        }
    }

    #[test]
    fn security_5_7_the_hundredth_failure_locks_for_a_day() {
        let (mut ladder, mut now) = (Ladder::default(), 0);
        for _ in 0..MOST_FAILURES {
            now += 10;
            ladder = ladder.climb(at(now)).0;
        }
        let (ladder, climbed) = ladder.climb(at(now + 60));
        assert_eq!(climbed, Climbed::Wait(seconds(86_400 - 60)));
        assert_eq!(ladder.climb(at(now + 86_400)).1, Climbed::To(1));
    }

    #[test]
    fn what_nobody_looked_at_was_no_failure() {
        let ladder = Ladder::default().climb(at(0)).0.withdraw();
        assert_eq!(ladder.clone().climb(at(0)).1, Climbed::To(1));
        let ladder = ladder.climb(at(0)).0.climb(at(1)).0.withdraw();
        assert_eq!(ladder.climb(at(1)).1, Climbed::Wait(seconds(1)));
    }

    #[test]
    fn a_day_without_a_try_forgets() {
        let ladder = Ladder::default().climb(at(0)).0.climb(at(1)).0;
        assert_eq!(ladder.clone().climb(at(86_400)).1, Climbed::To(3));
        assert_eq!(ladder.climb(at(86_401)).1, Climbed::To(1));
    }
}
