//! How many of the codes come back that are sent to a range of numbers. Whoever earns on messages has many sent to
//! numbers in a row, and types none of them [security.md case 118].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// What is counted, from the first message on.
pub const WINDOW: Duration = Duration::from_secs(3600);
/// Fewer say nothing.
const LEAST: u32 = 20;
/// Of so many, one comes back at least: a fifth [security.md case 118].
const ONE_OF: u32 = 5;

/// Messages to one range, by one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeTally {
    since: Option<Timestamp>,
    sent: u32,
    verified: u32,
}

impl RangeTally {
    /// One more, counted before it is sent, so that it holds however many come at once. `false`: not one more.
    #[must_use]
    pub fn send(self, now: Timestamp) -> (Self, bool) {
        let over = self.since.is_none_or(|since| now >= since + WINDOW);
        let own = if over { Self { since: Some(now), ..Self::default() } } else { self };
        if own.sent >= LEAST && own.verified.saturating_mul(ONE_OF) < own.sent {
            return (own, false);
        }
        let sent = own.sent.saturating_add(1);
        (Self { sent, ..own }, true)
    }

    /// One has come back.
    #[must_use]
    pub fn verified(self) -> Self {
        Self { verified: self.verified.saturating_add(1), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn sends(tally: &mut RangeTally, seconds: i64) -> bool {
        let (next, sends) = tally.clone().send(at(seconds));
        *tally = next;
        sends
    }

    #[test]
    fn security_118_where_fewer_than_a_fifth_come_back_nothing_more_is_sent_for_an_hour() {
        let mut tally = RangeTally::default();
        assert!((0..20).all(|second| sends(&mut tally, second)));
        assert!(!sends(&mut tally, 20), "none of twenty came back");
        for _ in 0..3 {
            tally = tally.verified();
        }
        assert!(!sends(&mut tally, 21), "three of twenty are fewer than a fifth");
        tally = tally.verified();
        assert!(sends(&mut tally, 22), "four of twenty are a fifth");
        assert!(!sends(&mut tally, 23), "four of twenty-one are not");
        assert!(!sends(&mut tally, 3599));
        assert!(sends(&mut tally, 3600), "an hour after the first one it begins anew");
    }
}
