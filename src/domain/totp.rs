//! Authenticator apps of people: a second factor that nobody is sent [RFC 6238; flows.md D.1, D.5].

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::otp::Tries;
use crate::clock::Timestamp;
use crate::protocol::id::{DeviceId, UserId};
use crate::protocol::totp::{STEP, TotpKey};
use crate::protocol::words::words;
use crate::secret::{MasterKey, Sealed};

/// An authenticator app of a person, by the key that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotpDevice {
    pub id: DeviceId,
    pub user: UserId,
    pub nickname: Option<String>,
    pub key: Sealed,
    /// `None`: nobody has shown yet that an app has the key.
    pub activated_at: Option<Timestamp>,
    /// The newest time step whose code was taken.
    pub last_step: Option<i64>,
    pub created_at: Timestamp,
}

words! {
    /// Whether it counts.
    TotpStatus {
        /// Not yet: somebody has to bring a code first.
        ActivationRequired = "activation_required",
        Active = "active",
    }
}

impl TotpDevice {
    pub const fn status(&self) -> TotpStatus {
        if self.activated_at.is_some() { TotpStatus::Active } else { TotpStatus::ActivationRequired }
    }

    pub fn is_active(&self) -> bool {
        self.status() == TotpStatus::Active
    }

    /// Of its newest code that was taken. `None`: none was.
    pub fn last_used_at(&self) -> Option<Timestamp> {
        self.last_step.map(|step| Timestamp::from_seconds(step.saturating_mul(STEP)))
    }

    /// Where its key rests.
    pub fn place(id: DeviceId) -> String {
        format!("totp_device|key|{id}")
    }

    /// `None`: it was sealed elsewhere, or by another master key.
    pub fn opened(&self, master: &MasterKey) -> Option<TotpKey> {
        TotpKey::from_bytes(master.open(&Self::place(self.id), &self.key).ok()?.expose())
    }
}

/// What a trusted device makes one-time passcodes of, for when no push reaches it [flows.md F9].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePasscode {
    pub device: DeviceId,
    pub key: Sealed,
    /// The newest time step whose passcode was taken.
    pub last_step: Option<i64>,
}

impl DevicePasscode {
    /// Where its key rests.
    pub fn place(device: DeviceId) -> String {
        format!("device_passcode|key|{device}")
    }

    /// `None`: it was sealed elsewhere, or by another master key.
    pub fn opened(&self, master: &MasterKey) -> Option<TotpKey> {
        TotpKey::from_bytes(master.open(&Self::place(self.device), &self.key).ok()?.expose())
    }
}

/// What an MFA policy says of authenticator apps [flows.md D.1, H.9].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotpMethod {
    pub enabled: bool,
    /// So many wrong codes,
    pub attempts: u32,
    /// and then none is looked at for this long, in seconds.
    pub cool_down: u32,
    /// How many time steps a code may be before or after its own.
    pub passcode_grace_period: u32,
}

impl TotpMethod {
    pub const GRACE_PERIOD: RangeInclusive<u32> = 1..=10;

    pub const fn tries(self) -> Tries {
        Tries { attempts: self.attempts, cool_down: self.cool_down }
    }
}

impl Default for TotpMethod {
    // [security.md case 121] one before and one after.
    fn default() -> Self {
        Self { enabled: false, attempts: 3, cool_down: 120, passcode_grace_period: 1 }
    }
}

/// A code of an authenticator app is waited for, in one flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// On which the person could be asked, the primary one first.
    pub devices: Vec<DeviceId>,
    /// Whose code it is.
    pub selected: DeviceId,
    /// As the policy had it then.
    pub method: TotpMethod,
}
