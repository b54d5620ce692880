//! What the second factor of somebody comes to: one function, total and pure [flows.md H.4].

use super::device::{Device, Status};
use super::enrolment::{Enrolment, WhyNot};
use super::mfa_policy::{MfaPolicy, Without};
use super::mobile_app::MobileApp;
use crate::protocol::id::{DeviceId, NativeApplicationId};
use crate::protocol::words::words;

/// Who is asked for a second factor, and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub policy: &'a MfaPolicy,
    /// All of the person.
    pub devices: &'a [Device],
    /// By which they sign in.
    pub app: Option<By<'a>>,
    /// As many devices as one may have.
    pub most: u32,
}

/// The app that called, and which of the person's devices it is.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub app: &'a MobileApp,
    pub device: Option<&'a Device>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The trusted device has proved by its key that it is there.
    Authorized(DeviceId),
    /// The policy does without.
    Waived(Missing),
    Failed(Why),
}

words! {
    /// What somebody has not.
    Missing {
        /// Any device.
        NoDevices = "no_devices",
        /// One that will do.
        Incompatible = "incompatible_devices",
    }
}

words! {
    /// Why nobody gets through: `code` of MFA_FAILED.
    Why {
        NoDevices = "NO_DEVICES",
        NoUsableDevices = "NO_USABLE_DEVICES",
        /// The device that called is blocked.
        DeviceBlocked = "DEVICE_BLOCKED",
    }
}

impl Why {
    /// For the developer.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoDevices => "The person has no device, and the MFA policy lets nobody in without.",
            Self::NoUsableDevices => "None of the person's devices will do, and the MFA policy lets nobody in without.",
            Self::DeviceBlocked => "The device is blocked.",
        }
    }
}

impl Asked<'_> {
    /// Whether somebody gets through, and whether the app that they use may become a device of theirs.
    pub fn evaluate(&self) -> (Verdict, Option<Enrolment>) {
        let verdict = self.verdict();
        (verdict, self.enrolment(verdict))
    }

    fn verdict(&self) -> Verdict {
        if let Some(By { app, device: Some(device) }) = self.app {
            if device.status == Status::Blocked {
                return Verdict::Failed(Why::DeviceBlocked);
            }
            let permitted =
                self.policy.permits(&app.application).is_some_and(|permitted| permitted.device_authorization);
            if permitted && trusts(device, &app.application) {
                return Verdict::Authorized(device.id);
            }
        }
        let (mode, missing, why) = if self.devices.is_empty() {
            (self.policy.no_devices_mode, Missing::NoDevices, Why::NoDevices)
        } else {
            (self.policy.incompatible_devices_mode, Missing::Incompatible, Why::NoUsableDevices)
        };
        match mode {
            Without::Block => Verdict::Failed(why),
            Without::Bypass => Verdict::Waived(missing),
        }
    }

    /// [flows.md H.5] offered to whoever has shown a second factor, or has none at all and needs none.
    fn enrolment(&self, verdict: Verdict) -> Option<Enrolment> {
        let By { app, device } = self.app?;
        let satisfied = match verdict {
            Verdict::Authorized(_) | Verdict::Waived(Missing::NoDevices) => true,
            Verdict::Waived(Missing::Incompatible) | Verdict::Failed(_) => false,
        };
        let permitted = self.policy.permits(&app.application).is_some_and(|permitted| permitted.auto_enrollment);
        if device.is_some() || !satisfied || !permitted {
            return None;
        }
        let full = u32::try_from(self.devices.len()).is_ok_and(|count| count >= self.most);
        Some(if full { Enrolment::Not(WhyNot::MethodLimitReached) } else { Enrolment::Offered(app.clone()) })
    }
}

/// A device is trusted as the app that it was paired by: one that became a device under the rules of another
/// application, or by a key for any, is asked like every other.
fn trusts(device: &Device, application: &NativeApplicationId) -> bool {
    device.application.as_ref() == Some(application)
}
