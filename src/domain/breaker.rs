//! A service that does not work is left alone for a while, and then tried once.

use std::time::Duration;

use crate::clock::Timestamp;

/// So many failures after each other, and it counts as away.
const FAILURES: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    /// Nobody calls before.
    shut_until: Option<Timestamp>,
    /// How long it is left alone at first, and at most.
    pauses: (Duration, Duration),
}

impl Breaker {
    /// Each pause is twice as long as the one before, from `first` to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { failures: 0, shut_until: None, pauses: (first, longest) }
    }

    /// Whether it may be called. Where it was away, one call goes out, and all others wait for what comes of it.
    pub fn admits(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        match self.shut_until {
            Some(until) if now < until => Err(until),
            Some(_) => {
                self.shut_until = Some(now + self.pauses.0);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub const fn worked(&mut self) {
        *self = Self::new(self.pauses.0, self.pauses.1);
    }

    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if let Some(over) = self.failures.checked_sub(FAILURES) {
            let (first, longest) = self.pauses;
            self.shut_until = Some(now + (first * (1 << over.min(4))).min(longest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f21_a_service_that_fails_is_left_alone_and_tried_by_one() {
        let at = Timestamp::from_seconds;
        let mut breaker = Breaker::new(Duration::from_secs(5), Duration::from_secs(60));
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
        let mut breaker = Breaker::new(Duration::from_secs(5), Duration::from_secs(60));
        (0..100).for_each(|_| breaker.failed(at(0)));
        assert_eq!(breaker.admits(at(0)), Err(at(60)));
    }

    #[test]
    fn f23_after_five_failures_in_a_row_one_message_in_half_a_minute() {
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        let half_a_minute = Duration::from_secs(30);
        let mut breaker = Breaker::new(half_a_minute, half_a_minute);
        for _ in 0..4 {
            breaker.failed(at(0));
        }
        breaker.worked();
        for _ in 0..5 {
            assert_eq!(breaker.admits(at(0)), Ok(()), "in a row");
            breaker.failed(at(0));
        }
        assert!(breaker.admits(at(29)).is_err());
        assert!(breaker.admits(at(30)).is_ok() && breaker.admits(at(31)).is_err(), "one alone");
        let (mut trying, mut well) = (breaker, breaker);
        trying.failed(at(32));
        assert!(trying.admits(at(61)).is_err());
        well.worked();
        assert!(well.admits(at(32)).is_ok());
        well.failed(at(33));
        assert!(well.admits(at(33)).is_ok());
        // Whose fate nobody learns, holds nobody up for ever.
        assert!(breaker.admits(at(60)).is_ok());
    }
}
