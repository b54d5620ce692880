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
