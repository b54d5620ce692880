//! Why somebody is written to. What the letter says is in `letters.rs`; the outbox has only this.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::mfa_policy::Notification;
use super::otp::Channel;
use crate::clock::Timestamp;
use crate::protocol::id::{ClientId, DeviceId, RequestId, UserId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Somebody has forgotten the password of who is called so. There may be nobody: that is found out when
    /// the letter is written, where nobody who asks can watch.
    PasswordForgotten { username: String, language: String },
    /// A password was changed. Whoever did it, its owner hears of it.
    PasswordChanged { user: UserId, language: String },
    /// Something has become of the devices of somebody. Whoever did it, they hear of it.
    OfDevices {
        user: UserId,
        notice: Notice,
        language: String,
        #[serde(default)]
        by: Notification,
    },
    /// Somebody signs in and is to bring a code, that of the row. Times in seconds.
    OneTimeCode {
        user: UserId,
        device: DeviceId,
        client: ClientId,
        transaction: RequestId,
        length: u32,
        lifetime: u32,
        language: String,
        /// With the code they let in an app that may become a device of theirs.
        #[serde(default)]
        new_device: bool,
        /// Where it goes, if that is no device of theirs yet.
        #[serde(default)]
        new_address: Option<(Channel, String)>,
    },
}

/// What has become of somebody's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    Added,
    Removed,
    /// They were asked there too often, and are not for some time.
    PushLocked,
}

/// A text with word of something that is counted among those of the day: handed over again, it is no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidText {
    pub at: Timestamp,
}

impl Occasion {
    /// As it rests in the outbox.
    pub fn encode(&self) -> Vec<u8> {
        // Nothing in it that JSON does not have.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// After this, the letter is of no use to anybody.
    pub const fn worth_for(&self) -> Duration {
        match self {
            Self::PasswordForgotten { .. } => super::recovery::LIFETIME,
            Self::PasswordChanged { .. } | Self::OfDevices { .. } => Duration::from_secs(86_400),
            Self::OneTimeCode { lifetime, .. } => Duration::from_secs(*lifetime as u64),
        }
    }
}
