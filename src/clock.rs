//! Time, asked in one place. Everything else is handed a [`Timestamp`].

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time: whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Milliseconds, because both databases and both stores keep them exactly: a value read back
/// equals the value written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down: the unit of every JWT claim (RFC 7519 §2, `NumericDate`).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC, as the JSON APIs write it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0) * 1_000_000;
        match OffsetDateTime::from_unix_timestamp_nanos(nanos).map(|at| at.format(&Rfc3339)) {
            Ok(Ok(text)) => f.write_str(&text),
            Ok(Err(_)) | Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// Where "now" comes from. A use case asks once and hands the answer down.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that a test, or a person in dev mode, moves by hand. It starts at a chosen time and
/// never moves by itself.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub const fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A clock that a person in dev mode moves ahead of another one, which it follows otherwise.
pub struct OffsetClock {
    under: Arc<dyn Clock>,
    ahead: AtomicI64,
}

impl OffsetClock {
    /// A century: further away, dates stop making sense to those who read them.
    const FURTHEST: Duration = Duration::from_secs(100 * 365 * 86_400);

    pub const fn new(under: Arc<dyn Clock>) -> Self {
        Self { under, ahead: AtomicI64::new(0) }
    }

    /// Forward only: what happened stays in the past.
    pub fn advance(&self, by: Duration) {
        let furthest = i64::try_from(Self::FURTHEST.as_millis()).unwrap_or(i64::MAX);
        let by = i64::try_from(by.as_millis()).unwrap_or(furthest);
        let moved = |ahead: i64| Some(ahead.saturating_add(by).min(furthest));
        // The closure always gives a value.
        let _ = self.ahead.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }

    pub fn ahead(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.ahead.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        self.under.now() + self.ahead()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_clock_follows_the_other_and_goes_forward_only() {
        let under = Arc::new(ManualClock::new(Timestamp::from_seconds(1000)));
        let clock = OffsetClock::new(Arc::<ManualClock>::clone(&under));
        assert_eq!(clock.now().seconds(), 1000);
        clock.advance(Duration::from_secs(31));
        under.advance(Duration::from_secs(1));
        assert_eq!((clock.now().seconds(), clock.ahead()), (1032, Duration::from_secs(31)));
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.ahead(), OffsetClock::FURTHEST);
    }
}
