//! How often the devices of one person are asked, whatever policy asks: so many times within a time, and then not at all
//! for some time. What is locked is this path, never the person [security.md 5.6, 5.7, case 122].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::mfa_policy::PushLimit;
use crate::clock::Timestamp;

/// For as long as any policy may look back, or lock.
pub const REMEMBERED: Duration = Duration::from_secs(7200);
/// So many at most are counted by any policy.
const MOST: usize = 50;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushAllowance {
    /// When they were asked, the first time first.
    asked: Vec<Timestamp>,
    locked_until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    Yes,
    /// This one was too much: nobody is asked from now on.
    Locked,
    /// Nobody is asked at the moment.
    No,
}

impl PushAllowance {
    /// One more, counted before it is sent, so that it holds however many come at once.
    #[must_use]
    pub fn ask(mut self, limit: PushLimit, now: Timestamp) -> (Self, Allowed) {
        if self.locked_until.is_some_and(|until| now < until) {
            return (self, Allowed::No);
        }
        let period = Duration::from_secs(u64::from(limit.time_period));
        // Another policy may look further back than this one.
        self.asked.retain(|at| now < *at + REMEMBERED);
        let within = self.asked.iter().filter(|at| now < **at + period).count();
        if within >= usize::try_from(limit.count).unwrap_or(usize::MAX) {
            let until = now + Duration::from_secs(u64::from(limit.lock_duration));
            // With the lock, what came before is served.
            return (Self { asked: Vec::new(), locked_until: Some(until) }, Allowed::Locked);
        }
        let surplus = (self.asked.len() + 1).saturating_sub(MOST);
        self.asked.drain(..surplus);
        self.asked.push(now);
        (Self { locked_until: None, ..self }, Allowed::Yes)
    }

    /// After one that was too much: until when nobody is asked.
    pub const fn locked_until(&self) -> Option<Timestamp> {
        self.locked_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t9_12_five_in_ten_minutes_and_then_none_for_thirty() {
        let (limit, at) = (PushLimit::default(), Timestamp::from_seconds);
        let mut allowance = PushAllowance::default();
        let mut ask = |seconds| {
            let (next, allowed) = allowance.clone().ask(limit, at(seconds));
            allowance = next;
            allowed
        };
        for second in 0..5 {
            assert_eq!(ask(second), Allowed::Yes);
        }
        assert_eq!((ask(5), ask(6)), (Allowed::Locked, Allowed::No));
        assert_eq!(ask(5 + 1800 - 1), Allowed::No);
        assert_eq!(ask(5 + 1800), Allowed::Yes);
        for second in [10, 20, 30, 40] {
            assert_eq!(ask(1805 + second), Allowed::Yes);
        }
        // The first one is ten minutes ago.
        assert_eq!((ask(1805 + 600), ask(1805 + 601)), (Allowed::Yes, Allowed::Locked));
    }

    #[test]
    fn security_5_6_each_policy_counts_what_the_others_asked() {
        let at = Timestamp::from_seconds;
        let (strict, brief) = (PushLimit::default(), PushLimit { count: 50, time_period: 60, lock_duration: 60 });
        let mut allowance = PushAllowance::default();
        let mut ask = |limit, seconds| {
            let (next, allowed) = allowance.clone().ask(limit, at(seconds));
            allowance = next;
            allowed
        };
        // Whoever looks back for a minute alone forgets nothing for those who look further.
        for second in 0..5 {
            assert_eq!(ask(brief, 61 * second), Allowed::Yes);
        }
        assert_eq!(ask(strict, 300), Allowed::Locked);
        assert_eq!(ask(brief, 301), Allowed::No, "it is one path, whoever locked it");
    }

    #[test]
    fn what_is_remembered_is_enough_for_any_policy() {
        assert_eq!(REMEMBERED, Duration::from_secs(u64::from(*PushLimit::SECONDS.end())));
        assert_eq!(MOST, usize::try_from(*PushLimit::COUNT.end()).unwrap());
        let limit = PushLimit { count: *PushLimit::COUNT.end(), time_period: 60, lock_duration: 60 };
        let mut allowance = PushAllowance::default();
        for second in 0..200 {
            allowance = allowance.ask(limit, Timestamp::from_seconds(second * 2)).0;
            assert!(allowance.asked.len() <= MOST);
        }
    }
}
