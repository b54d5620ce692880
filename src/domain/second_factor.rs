//! What the second factor of somebody comes to: one function, total and pure [flows.md H.4].

use super::device::{Device, Status};
use super::enrolment::Enrolment;
use super::mfa_policy::{MfaPolicy, Without};
use super::mobile_app::MobileApp;
use crate::protocol::id::{DeviceId, NativeApplicationId};
use crate::protocol::words::words;

/// Who is asked for a second factor, and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub policy: &'a MfaPolicy,
    /// Whether the person has any device.
    pub has_devices: bool,
    /// By which they sign in.
    pub app: Option<By<'a>>,
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
    /// Why nobody gets through: `code` of `MFA_FAILED`.
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
            if self.policy.authorizes(&app.application) && trusts(device, &app.application) {
                return Verdict::Authorized(device.id);
            }
        }
        let (mode, missing, why) = if self.has_devices {
            (self.policy.incompatible_devices_mode, Missing::Incompatible, Why::NoUsableDevices)
        } else {
            (self.policy.no_devices_mode, Missing::NoDevices, Why::NoDevices)
        };
        match mode {
            Without::Block => Verdict::Failed(why),
            Without::Bypass => Verdict::Waived(missing),
        }
    }

    /// [flows.md H.5] offered to whoever has no device at all, and needs none. Whoever has one shows that first.
    fn enrolment(&self, verdict: Verdict) -> Option<Enrolment> {
        let By { app, .. } = self.app?;
        let offered = verdict == Verdict::Waived(Missing::NoDevices) && self.policy.enrols(&app.application);
        offered.then(|| Enrolment { app: app.clone(), policy: self.policy.id.clone() })
    }
}

/// A device is trusted as the app that it was paired by: one that became a device under the rules of another
/// application, or by a key for any, is asked like every other.
fn trusts(device: &Device, application: &NativeApplicationId) -> bool {
    device.application.as_ref() == Some(application)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::device::About;
    use crate::domain::mfa_policy::Permitted;
    use crate::protocol::id::{InstallationId, MfaPolicyId, UserId};

    fn application(id: &str) -> NativeApplicationId {
        NativeApplicationId::parse(id).unwrap()
    }

    fn policy(no_devices_mode: Without, incompatible_devices_mode: Without) -> MfaPolicy {
        MfaPolicy {
            id: MfaPolicyId::parse("mfa").unwrap(),
            name: "mfa".into(),
            no_devices_mode,
            incompatible_devices_mode,
            applications: vec![Permitted {
                application: application("bank"),
                auto_enrollment: true,
                device_authorization: true,
            }],
            created_at: Timestamp::from_seconds(0),
        }
    }

    fn app(id: &str) -> MobileApp {
        MobileApp { application: application(id), jkt: "jkt".into(), public_jwk: "{}".into(), about: About::default() }
    }

    fn device(application: Option<NativeApplicationId>, status: Status) -> Device {
        Device {
            id: DeviceId::new(Uuid::from_u128(1)),
            user: UserId::new(Uuid::nil()),
            installation: InstallationId::new(Uuid::nil()),
            application,
            nickname: None,
            status,
            position: 0,
            paired_at: Timestamp::from_seconds(0),
        }
    }

    /// What comes of it, and whether a device is offered: for all that a person and a policy can be.
    fn evaluated(
        policy: &MfaPolicy,
        devices: &[Device],
        app: Option<&MobileApp>,
        own: bool,
    ) -> (Verdict, Option<Enrolment>) {
        let app = app.map(|app| By { app, device: devices.first().filter(|_| own) });
        Asked { policy, has_devices: !devices.is_empty(), app }.evaluate()
    }

    #[test]
    fn h4_the_trusted_device_is_enough_and_a_blocked_one_never() {
        for (none, other) in [(Without::Block, Without::Block), (Without::Bypass, Without::Bypass)] {
            let policy = policy(none, other);
            let trusted = [device(Some(application("bank")), Status::Active)];
            let id = DeviceId::new(Uuid::from_u128(1));
            assert_eq!(evaluated(&policy, &trusted, Some(&app("bank")), true), (Verdict::Authorized(id), None));
            let blocked = [device(Some(application("bank")), Status::Blocked)];
            let refused = (Verdict::Failed(Why::DeviceBlocked), None);
            assert_eq!(evaluated(&policy, &blocked, Some(&app("bank")), true), refused, "{none:?}");
        }
    }

    #[test]
    fn h4_whoever_has_nothing_that_will_do_is_the_policys_affair() {
        let bank = app("bank");
        let by_key = [device(None, Status::Active)];
        let of_another = [device(Some(application("shop")), Status::Active)];
        let theirs = [device(Some(application("bank")), Status::Active)];
        let elsewhere: [(&[Device], Option<&MobileApp>, bool); 5] = [
            (&by_key, Some(&bank), true),
            (&of_another, Some(&bank), true),
            (&theirs, Some(&bank), false),
            (&theirs, None, false),
            (&theirs, Some(&app("unknown")), true),
        ];
        for (devices, app, own) in elsewhere {
            let blocks = policy(Without::Bypass, Without::Block);
            assert_eq!(evaluated(&blocks, devices, app, own), (Verdict::Failed(Why::NoUsableDevices), None));
            let bypasses = policy(Without::Block, Without::Bypass);
            assert_eq!(evaluated(&bypasses, devices, app, own), (Verdict::Waived(Missing::Incompatible), None));
        }
        let blocks = policy(Without::Block, Without::Bypass);
        assert_eq!(evaluated(&blocks, &[], Some(&bank), false), (Verdict::Failed(Why::NoDevices), None));
    }

    #[test]
    fn h5_an_app_is_offered_to_whoever_has_no_device_where_the_policy_says_so() {
        let policy = policy(Without::Bypass, Without::Block);
        let offered = Enrolment { app: app("bank"), policy: policy.id.clone() };
        let waived = Verdict::Waived(Missing::NoDevices);
        assert_eq!(evaluated(&policy, &[], Some(&app("bank")), false), (waived, Some(offered)));
        assert_eq!(evaluated(&policy, &[], Some(&app("unknown")), false), (waived, None));
        assert_eq!(evaluated(&policy, &[], None, false), (waived, None));
        let mut silent = policy.clone();
        silent.applications[0].auto_enrollment = false;
        assert_eq!(evaluated(&silent, &[], Some(&app("bank")), false), (waived, None));
    }
}
