//! The phones of people: how many, and how long what they are paired with is good, and what their apps show at a sign-in.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Code, Problem, Values};

/// [flows.md D.3]
const MAX_PER_USER: RangeInclusive<u32> = 1..=15;

/// [flows.md D.1]
const PAIRING_KEY_LIFETIME: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(48);

/// [flows.md H.2] An SDK makes none that is good for longer.
const PAYLOAD_MAX_AGE: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_mins(2);

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    [max_per_user, pairing_key_lifetime, payload_max_age].iter().filter_map(|rule| rule(values)).collect()
}

fn max_per_user(values: &Values) -> Option<Problem> {
    let most: u32 = values.get("devices.max_per_user")?;
    let problem = || Problem::new(Code::Devices, "devices.max_per_user is not 1 to 15");
    (!MAX_PER_USER.contains(&most)).then(|| problem().at(values.origin("devices.max_per_user")).help("usual are 5"))
}

fn pairing_key_lifetime(values: &Values) -> Option<Problem> {
    let lifetime: Duration = values.get("devices.pairing_key_lifetime")?;
    let problem = || Problem::new(Code::Devices, "devices.pairing_key_lifetime is not 1m to 48h");
    let at = values.origin("devices.pairing_key_lifetime");
    (!PAIRING_KEY_LIFETIME.contains(&lifetime)).then(|| problem().at(at).help("usual are 10m"))
}

fn payload_max_age(values: &Values) -> Option<Problem> {
    let age: Duration = values.get("payload.max_age")?;
    let problem = || Problem::new(Code::Devices, "payload.max_age is not 10s to 2m");
    (!PAYLOAD_MAX_AGE.contains(&age)).then(|| problem().at(values.origin("payload.max_age")).help("usual are 2m"))
}
