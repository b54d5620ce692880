//! A browser in which somebody is not asked for a second factor, for some time [flows.md D.1, `rememberMe.web`].

use super::mfa_policy::MfaPolicy;
use crate::clock::Timestamp;
use crate::protocol::id::{DeviceId, MfaPolicyId, UserId};

/// What is kept of it for one person, and for one policy: it goes for no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub user: UserId,
    pub policy: MfaPolicyId,
    /// That they have shown there. With it ends what it was good for.
    pub device: DeviceId,
    pub since: Timestamp,
    /// As they were told.
    pub until: Timestamp,
}

impl Remembered {
    /// `None`: by this policy no browser is remembered.
    pub fn by((user, device): (UserId, DeviceId), policy: &MfaPolicy, now: Timestamp) -> Option<Self> {
        let lasts = policy.remember_me.lasts()?;
        Some(Self { user, policy: policy.id.clone(), device, since: now, until: now + lasts })
    }

    /// Whether it counts by the policy as it is now: for no longer than they were told, and no longer than it says today. One
    /// that was made anew under the same name is another policy.
    pub fn counts(&self, policy: &MfaPolicy, now: Timestamp) -> bool {
        let lasts = policy.remember_me.lasts().is_some_and(|lasts| now < self.since + lasts);
        lasts && now < self.until && self.policy == policy.id && self.since >= policy.created_at
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn policy(id: &str, created_at: Timestamp, enabled: bool, lifetime: u32) -> MfaPolicy {
        let remember_me = json!({ "enabled": enabled, "lifetime": lifetime });
        let policy = json!({ "id": id, "name": id, "created_at": created_at, "remember_me": remember_me });
        serde_json::from_value(policy).unwrap()
    }

    #[test]
    fn d1_it_counts_for_no_longer_than_was_said_and_than_the_policy_says_now() {
        let whose = (UserId::new(Uuid::from_u128(1)), DeviceId::new(Uuid::from_u128(2)));
        let of = |enabled, lifetime| policy("mfa", at(0), enabled, lifetime);
        assert_eq!(Remembered::by(whose, &of(false, 7200), at(0)), None);
        let own = Remembered::by(whose, &of(true, 7200), at(0)).unwrap();
        for (policy, seconds, counts) in [
            (of(true, 7200), 7199, true),
            (of(true, 7200), 7200, false),
            // Longer now, which nobody has told the person.
            (of(true, 90_000), 7200, false),
            (of(true, 3600), 3599, true),
            (of(true, 3600), 3600, false),
            (of(false, 7200), 1, false),
            (policy("other", at(0), true, 7200), 1, false),
            // Deleted, and made anew under the same name.
            (policy("mfa", at(1), true, 7200), 2, false),
        ] {
            assert_eq!(own.counts(&policy, at(seconds)), counts, "{seconds}: {policy:?}");
        }
    }
}
