//! MFA policies: what counts as a second factor for whom, and which apps may become trusted devices by themselves
//! [flows.md D.1].

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::protocol::id::{MfaPolicyId, NativeApplicationId};
use crate::protocol::words::words;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MfaPolicy {
    pub id: MfaPolicyId,
    /// For operators.
    pub name: String,
    /// For people without any device.
    #[serde(default)]
    pub no_devices_mode: Without,
    /// For people none of whose devices will do.
    #[serde(default)]
    pub incompatible_devices_mode: Without,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Permitted>,
    pub created_at: Timestamp,
}

words! {
    /// What becomes of somebody who has nothing to show.
    #[derive(Default)]
    Without {
        /// They do not get in.
        #[default]
        Block = "block",
        /// They get in without.
        Bypass = "bypass",
    }
}

/// What an app may do. One that is not named may do nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permitted {
    pub application: NativeApplicationId,
    /// Whoever signs in by it is offered to have it as a device, without typing anything.
    #[serde(default)]
    pub auto_enrollment: bool,
    /// As a trusted device it proves by itself that it is there.
    #[serde(default)]
    pub device_authorization: bool,
}

impl MfaPolicy {
    fn permits(&self, application: &NativeApplicationId) -> Option<&Permitted> {
        self.applications.iter().find(|permitted| permitted.application == *application)
    }

    /// Whether people may have the app as a device without typing anything.
    pub fn enrols(&self, application: &NativeApplicationId) -> bool {
        self.permits(application).is_some_and(|permitted| permitted.auto_enrollment)
    }

    /// Whether people without devices may have it so, as their first.
    pub fn enrols_first(&self, application: &NativeApplicationId) -> bool {
        self.enrols(application) && self.no_devices_mode == Without::Bypass
    }

    /// Whether a device proves as this app that it is there.
    pub fn authorizes(&self, application: &NativeApplicationId) -> bool {
        self.permits(application).is_some_and(|permitted| permitted.device_authorization)
    }
}
