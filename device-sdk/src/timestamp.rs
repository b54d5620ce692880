//! Points in time, as the wire writes them. Nothing here asks a clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// Whole milliseconds since 1970-01-01T00:00:00Z; RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Not a time in the form that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time")]
pub struct NotATime;

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

    /// Rounded down: the unit of `iat` [RFC 7519 §2, `NumericDate`].
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The `Date` header [RFC 9110 §5.6.7], in its one current form.
    pub fn from_http_date(text: &str) -> Result<Self, NotATime> {
        if !text.ends_with(" GMT") {
            return Err(NotATime);
        }
        OffsetDateTime::parse(text, &Rfc2822).map(Self::from).map_err(|_| NotATime)
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        Self(i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }
}

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        OffsetDateTime::parse(text, &Rfc3339).map(Self::from).map_err(|_| NotATime)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0) * 1_000_000;
        match OffsetDateTime::from_unix_timestamp_nanos(nanos).map(|at| at.format(&Rfc3339)) {
            Ok(Ok(text)) => f.write_str(&text),
            Ok(Err(_)) | Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_in_utc() {
        let at: Timestamp = "2026-03-01T13:00:00.250+01:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-03-01T12:00:00.25Z");
        assert_eq!(at.seconds(), 1_772_366_400);
        assert!("2026-03-01".parse::<Timestamp>().is_err());
    }

    #[test]
    fn the_date_header_is_read() {
        let at = Timestamp::from_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(at, Timestamp::from_seconds(784_111_777));
        for bad in ["Sun, 06 Nov 1994 08:49:37 +0100", "1994-11-06T08:49:37Z", "soon", ""] {
            assert_eq!(Timestamp::from_http_date(bad), Err(NotATime), "{bad}");
        }
    }
}
