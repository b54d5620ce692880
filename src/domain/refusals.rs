//! Refusals that come again and again. The first of a kind are written into the audit trail each by
//! itself; of those that follow within a minute, the trail says how many they were. So whoever knocks
//! at the door a million times is seen there, and fills no database.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Actor};
use crate::protocol::id::ClientId;

/// So many of a kind are written each by itself.
const ALONE: u64 = 20;

/// How long those that follow are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// So many kinds are told apart. A kind names at most a registered client, and has our own words.
const KINDS: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    pub action: Action,
    /// Our own words or a code, never what was sent.
    pub reason: String,
    pub client: Option<ClientId>,
    pub actor: Option<Actor>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    seen: u64,
}

impl Count {
    const fn more(self) -> u64 {
        self.seen.saturating_sub(ALONE)
    }

    fn is_over(self, now: Timestamp) -> bool {
        // A clock that was set back ends a window as well.
        now < self.since || self.since + WINDOW <= now
    }
}

/// What is written of one more refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The refusal itself, unless it is only counted.
    pub alone: Option<Kind>,
    /// How many of its kind were counted in the window that has ended.
    pub before: Option<(Kind, u64)>,
}

#[derive(Debug, Default)]
pub struct Tally {
    kinds: HashMap<Kind, Count>,
}

impl Tally {
    pub fn add(&mut self, kind: Kind, now: Timestamp) -> Told {
        let kind = if self.kinds.len() < KINDS || self.kinds.contains_key(&kind) {
            kind
        } else {
            Kind { reason: "more kinds than are told apart".to_owned(), client: None, actor: None, ..kind }
        };
        let count = self.kinds.entry(kind.clone()).or_insert(Count { since: now, seen: 0 });
        let before = if count.is_over(now) {
            let more = count.more();
            *count = Count { since: now, seen: 0 };
            more
        } else {
            0
        };
        count.seen += 1;
        let alone = (count.seen <= ALONE).then(|| kind.clone());
        Told { alone, before: (before > 0).then_some((kind, before)) }
    }

    /// What was counted in windows that have ended.
    pub fn over(&mut self, now: Timestamp) -> Vec<(Kind, u64)> {
        self.take(|count| count.is_over(now))
    }

    /// What was counted so far: the server stops.
    pub fn all(&mut self) -> Vec<(Kind, u64)> {
        self.take(|_| true)
    }

    fn take(&mut self, which: impl Fn(Count) -> bool) -> Vec<(Kind, u64)> {
        let taken = self.kinds.extract_if(|_, count| which(*count));
        taken.map(|(kind, count)| (kind, count.more())).filter(|(_, more)| *more > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(reason: &str) -> Kind {
        Kind { action: Action::InputRefused, reason: reason.to_owned(), client: None, actor: None }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_million_of_a_kind_are_twenty_rows_and_a_number() {
        let mut tally = Tally::default();
        let alone = (0..1_000_000).filter(|_| tally.add(kind("bad"), at(0)).alone.is_some()).count();
        assert_eq!(alone, 20);
        assert_eq!(tally.over(at(59)), []);
        assert_eq!(tally.over(at(60)), [(kind("bad"), 999_980)]);
        assert_eq!(tally.over(at(600)), [], "said once");
    }

    #[test]
    fn one_that_comes_after_the_window_is_written_with_the_number_before_it() {
        let mut tally = Tally::default();
        for _ in 0..25 {
            tally.add(kind("bad"), at(0));
        }
        let told = tally.add(kind("bad"), at(60));
        assert_eq!(told, Told { alone: Some(kind("bad")), before: Some((kind("bad"), 5)) });
        assert_eq!(tally.all(), []);
        assert!(tally.add(kind("bad"), at(-100)).alone.is_some());
    }

    #[test]
    fn a_flood_of_one_kind_hides_no_other() {
        let mut tally = Tally::default();
        for _ in 0..1000 {
            tally.add(kind("bad"), at(0));
        }
        assert_eq!(tally.add(kind("worse"), at(0)).alone, Some(kind("worse")));
        let of_shop = Kind { client: ClientId::parse("shop"), ..kind("bad") };
        assert_eq!(tally.add(of_shop.clone(), at(0)).alone, Some(of_shop));
    }

    #[test]
    fn kinds_without_end_take_no_memory_without_end() {
        let mut tally = Tally::default();
        let written = (0..10_000).filter(|n| tally.add(kind(&n.to_string()), at(0)).alone.is_some()).count();
        assert_eq!(written, KINDS + 20);
        assert_eq!(tally.kinds.len(), KINDS + 1);
        assert_eq!(tally.all(), [(kind("more kinds than are told apart"), 10_000 - KINDS as u64 - 20)]);
    }
}
