//! The system's clock and its randomness, each asked here and nowhere else in this crate.

use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::proof::KeyError;
use crate::timestamp::Timestamp;

#[expect(clippy::disallowed_methods, reason = "the one place of this crate that asks the system")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) fn randomness() -> SystemRandom {
    SystemRandom::new()
}

/// A system without randomness has no usable keys either.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    randomness().fill(&mut bytes).map_err(|_| KeyError::Unavailable)?;
    Ok(bytes)
}
