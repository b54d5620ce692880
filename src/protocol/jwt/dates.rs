use std::time::Duration;

use super::NumericDate;
use crate::clock::Timestamp;

/// How long a message may be good for that somebody signed for us [FAPI 1 Advanced §5.2.2, FAPI 2 Message Signing §5.3.2].
const LONGEST: Duration = Duration::from_hours(1);
/// How far ahead the clock of whoever signed it may be.
const EARLY: Duration = Duration::from_secs(30);
/// How long after `exp` it is still accepted.
const LATE: Duration = Duration::from_secs(5);

/// When such a message says that it is good.
#[derive(Clone, Copy, Debug)]
pub struct Dates {
    pub exp: Option<NumericDate>,
    pub nbf: Option<NumericDate>,
    pub iat: Option<NumericDate>,
}

/// Why it is not good now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untimely {
    #[error("exp is missing")]
    NoEnd,
    #[error("it has expired")]
    Expired,
    #[error("nbf or iat is in the future")]
    Early,
    #[error("it is good for more than an hour")]
    TooLong,
}

impl Dates {
    /// Until when it is accepted, if it is good now: so long it could come again.
    pub fn good_until(self, now: Timestamp) -> Result<Timestamp, Untimely> {
        let exp = self.exp.map(NumericDate::timestamp).ok_or(Untimely::NoEnd)?;
        if exp + LATE <= now {
            return Err(Untimely::Expired);
        }
        // Without nbf, it is good from now on.
        let nbf = self.nbf.map_or(now, NumericDate::timestamp);
        if nbf > now + EARLY || self.iat.is_some_and(|iat| iat.timestamp() > now + EARLY) {
            return Err(Untimely::Early);
        }
        if exp > nbf + LONGEST {
            return Err(Untimely::TooLong);
        }
        Ok(exp + LATE)
    }
}
