use std::fmt;

use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;

/// A `NumericDate`: seconds since 1970, a fraction allowed [RFC 7519 §2]. Between 1970 and 2100:
/// `1e300` and the like are no dates, and arithmetic on those we take cannot overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumericDate(Timestamp);

const LATEST_SECOND: u64 = 4_102_444_800;

impl NumericDate {
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }
}

/// Rounds down to the whole second, which is what will be written.
impl From<Timestamp> for NumericDate {
    fn from(timestamp: Timestamp) -> Self {
        Self(Timestamp::from_seconds(timestamp.seconds()))
    }
}

impl Serialize for NumericDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.seconds())
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = NumericDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds between 1970 and 2100")
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<NumericDate, E> {
                match i64::try_from(seconds) {
                    Ok(signed) if seconds <= LATEST_SECOND => Ok(NumericDate(Timestamp::from_seconds(signed))),
                    Ok(_) | Err(_) => Err(E::invalid_value(Unexpected::Unsigned(seconds), &self)),
                }
            }

            fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<NumericDate, E> {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                let latest = LATEST_SECOND as f64;
                if !(0.0..=latest).contains(&seconds) {
                    return Err(E::invalid_value(Unexpected::Float(seconds), &self));
                }
                #[expect(clippy::cast_possible_truncation, reason = "just checked to be between 0 and 2^42")]
                let millis = (seconds * 1000.0).floor() as i64;
                Ok(NumericDate(Timestamp::from_millis(millis)))
            }
        }

        deserializer.deserialize_any(Number).map_err(|_| D::Error::custom("not a NumericDate"))
    }
}
