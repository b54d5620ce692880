//! How many pairing keys somebody may get wrong: ten within fifteen minutes, five of them within a minute, and then none
//! is compared, a right one neither, until the first of those is that long ago [security.md 5.6, case 82; flows.md T19.4].
//! Which key was meant nobody knows, so what is closed is the way of whoever guesses, and never that of the person whose
//! key it could be.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Wrong ones within [`WINDOW`].
const MOST: usize = 10;
pub const WINDOW: Duration = Duration::from_secs(900);
/// Those of one installation within [`MINUTE`].
const AT_ONCE: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// Who guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Installation,
    /// Of whom there may be many.
    Network,
}

/// When somebody guessed, the first time first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingGuesses(Vec<Timestamp>);

impl PairingGuesses {
    /// A key counts as a wrong one until it turns out to be right: however many come at once, no more are compared.
    /// `Some`: this one is not, and so long none is.
    #[must_use]
    pub fn guess(mut self, whose: Whose, now: Timestamp) -> (Self, Option<Duration>) {
        self.0.retain(|at| now < *at + WINDOW);
        let at_once = match whose {
            Whose::Installation => self.wait(AT_ONCE, MINUTE, now),
            Whose::Network => None,
        };
        let wait = self.wait(MOST, WINDOW, now).max(at_once);
        if wait.is_none() {
            self.0.push(now);
        }
        (self, wait)
    }

    /// How long it takes until there is room for one more among so `many` within this time. `None`: there is.
    fn wait(&self, many: usize, within: Duration, now: Timestamp) -> Option<Duration> {
        let first = self.0.get(self.0.len().checked_sub(many)?)?;
        Some((*first + within).since(now)).filter(|wait| !wait.is_zero())
    }

    /// One of them was right, or was compared with nothing.
    #[must_use]
    pub fn taken_back(mut self) -> Self {
        self.0.pop();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    #[test]
    fn security_82_ten_wrong_keys_and_then_none_for_fifteen_minutes() {
        let mut guesses = PairingGuesses::default();
        let mut guess = |seconds| {
            let (next, wait) = guesses.clone().guess(Whose::Network, at(seconds));
            guesses = next;
            wait.map(|wait| wait.as_secs())
        };
        for second in 0..10 {
            assert_eq!(guess(second), None);
        }
        // Nobody waits the longer for trying.
        assert_eq!((guess(10), guess(11), guess(899)), (Some(890), Some(889), Some(1)));
        assert_eq!((guess(900), guess(900)), (None, Some(1)), "the first of them is fifteen minutes ago");
    }

    #[test]
    fn t19_4_an_installation_has_five_of_them_within_a_minute() {
        let mut guesses = PairingGuesses::default();
        let mut guess = |seconds| {
            let (next, wait) = guesses.clone().guess(Whose::Installation, at(seconds));
            guesses = next;
            wait.map(|wait| wait.as_secs())
        };
        for second in 0..5 {
            assert_eq!(guess(second), None);
        }
        assert_eq!((guess(5), guess(59), guess(60), guess(60)), (Some(55), Some(1), None, Some(1)));
        for second in 61..65 {
            assert_eq!(guess(second), None);
        }
        // The longer of both.
        assert_eq!((guess(65), guess(899), guess(900)), (Some(835), Some(1), None));
    }

    #[test]
    fn security_82_right_keys_are_not_counted() {
        let mut guesses = PairingGuesses::default();
        for _ in 0..100 {
            let (next, wait) = guesses.guess(Whose::Installation, at(0));
            assert_eq!(wait, None);
            guesses = next.taken_back();
        }
        for _ in 0..10 {
            guesses = guesses.guess(Whose::Network, at(1)).0;
        }
        let (closed, wait) = guesses.guess(Whose::Network, at(1));
        assert!(wait.is_some());
        assert_eq!(closed.taken_back().guess(Whose::Network, at(2)).1, None);
        assert_eq!(PairingGuesses::default().taken_back(), PairingGuesses::default());
    }
}
