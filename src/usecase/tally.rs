//! How often something happened lately, on this node alone: for limits that must cost nothing.

use std::hash::Hash;
use std::time::Duration;

use crate::clock::Timestamp;

/// More keys than that, and those that were not seen for longest are forgotten.
const KEYS: u64 = 50_000;

/// One count for each key, which begins anew with each window.
#[derive(Clone)]
pub(super) struct Tally<K: Eq + Hash> {
    counts: moka::sync::Cache<K, (u32, Timestamp)>,
    window: Duration,
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Tally<K> {
    pub(super) fn new(window: Duration) -> Self {
        let counts = moka::sync::Cache::builder().max_capacity(KEYS).time_to_live(window).build();
        Self { counts, window }
    }

    /// How often within this window, and for how long it still lasts.
    pub(super) fn look(&self, key: &K, now: Timestamp) -> Option<(u32, Duration)> {
        self.counts.get(key).and_then(|counted| self.left(counted, now))
    }

    /// The same, with one more.
    pub(super) fn count(&self, key: K, now: Timestamp) -> (u32, Duration) {
        let counted = self.counts.entry(key).and_upsert_with(|entry| match entry.map(moka::Entry::into_value) {
            Some((count, since)) if now < since + self.window => (count.saturating_add(1), since),
            Some(_) | None => (1, now),
        });
        self.left(counted.into_value(), now).unwrap_or((1, self.window))
    }

    fn left(&self, (count, since): (u32, Timestamp), now: Timestamp) -> Option<(u32, Duration)> {
        let end = since + self.window;
        (now < end).then(|| (count, end.since(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_the_first_and_ends_for_all() {
        let tally = Tally::new(Duration::from_secs(60));
        let at = |seconds| Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(seconds);
        assert_eq!(tally.look(&"a", at(0)), None);
        assert_eq!(tally.count("a", at(0)), (1, Duration::from_secs(60)));
        assert_eq!(tally.count("a", at(59)), (2, Duration::from_secs(1)));
        assert_eq!(tally.look(&"a", at(59)), Some((2, Duration::from_secs(1))));
        assert_eq!(tally.look(&"b", at(59)), None);
        assert_eq!(tally.look(&"a", at(60)), None);
        assert_eq!(tally.count("a", at(60)), (1, Duration::from_secs(60)));
    }
}
