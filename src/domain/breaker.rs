//! A service that does not work is left alone for a while, and then tried once.

use std::time::Duration;

use crate::clock::Timestamp;

/// So many failures after each other, and it counts as away.
const FAILURES: u32 = 5;
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    /// Nobody calls before.
    shut_until: Option<Timestamp>,
}

impl Breaker {
    /// Whether it may be called. Where it was away, one call goes out, and all others wait for what comes of it.
    pub fn admits(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        match self.shut_until {
            Some(until) if now < until => Err(until),
            Some(_) => {
                self.shut_until = Some(now + FIRST);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub const fn worked(&mut self) {
        *self = Self { failures: 0, shut_until: None };
    }

    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if let Some(over) = self.failures.checked_sub(FAILURES) {
            self.shut_until = Some(now + (FIRST * (1 << over.min(4))).min(LONGEST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f21_a_service_that_fails_is_left_alone_and_tried_by_one() {
        let at = Timestamp::from_seconds;
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert_eq!(breaker.admits(at(0)), Ok(()));
            breaker.failed(at(0));
        }
        assert_eq!((breaker.admits(at(0)), breaker.admits(at(4))), (Err(at(5)), Err(at(5))));
        assert_eq!((breaker.admits(at(5)), breaker.admits(at(5))), (Ok(()), Err(at(10))), "one alone");
        breaker.failed(at(6));
        assert_eq!(breaker.admits(at(15)), Err(at(16)), "for longer");
        assert_eq!(breaker.admits(at(16)), Ok(()));
        breaker.worked();
        assert_eq!((breaker.admits(at(16)), breaker.admits(at(16))), (Ok(()), Ok(())));
    }

    #[test]
    fn no_pause_is_longer_than_a_minute() {
        let at = Timestamp::from_seconds;
        let mut breaker = Breaker::default();
        (0..100).for_each(|_| breaker.failed(at(0)));
        assert_eq!(breaker.admits(at(0)), Err(at(60)));
    }
}
