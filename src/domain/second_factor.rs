//! What the second factor of somebody comes to: one function, total and pure [flows.md H.4].

use super::device::{Device, Status};
use super::enrolment::Enrolment;
use super::mfa_policy::{DeviceSelection, MfaPolicy, Without};
use super::mobile_app::MobileApp;
use super::otp::{OtpDevice, Served};
use crate::protocol::id::{DeviceId, NativeApplicationId};
use crate::protocol::words::words;

/// Who is asked for a second factor, and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub policy: &'a MfaPolicy,
    /// Of the person, the primary one first.
    pub devices: &'a [Device],
    /// Where they get codes, the oldest first.
    pub addresses: &'a [OtpDevice],
    /// By what codes can be sent at all.
    pub served: &'a Served,
    /// By which they sign in.
    pub app: Option<By<'a>>,
}

/// The app that called, and which of the person's devices it is.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub app: &'a MobileApp,
    pub device: Option<&'a Device>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The trusted device has proved by its key that it is there.
    Authorized(DeviceId),
    /// The person is asked on one of these, the primary one first.
    Ask(Vec<DeviceId>, First),
    /// The policy does without.
    Waived(Missing),
    Failed(Why),
}

/// What comes first, where somebody is asked on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The person says on which one.
    Choose,
    Ask,
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
        /// Nobody could be asked: too often within a short time.
        PushFailed = "PUSH_FAILED",
        /// No code is sent: too many were, within a short time.
        OtpResendLimit = "OTP_RESEND_LIMIT",
        /// No code is sent, since none is looked at: too many were wrong.
        OtpAttemptsLimit = "OTP_ATTEMPTS_LIMIT",
    }
}

impl Why {
    /// For the developer.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoDevices => "The person has no device, and the MFA policy lets nobody in without.",
            Self::NoUsableDevices => "None of the person's devices will do, and the MFA policy lets nobody in without.",
            Self::DeviceBlocked => "The device is blocked.",
            Self::PushFailed => "The person is asked too often, and is not asked on a device for some time.",
            Self::OtpResendLimit => "Too many codes were sent, and none is for some time.",
            Self::OtpAttemptsLimit => "Too many codes were wrong, and none is looked at for some time.",
        }
    }
}

impl Asked<'_> {
    /// Whether somebody gets through, and whether the app that they use may become a device of theirs.
    pub fn evaluate(&self) -> (Verdict, Option<Enrolment>) {
        let verdict = self.verdict();
        let enrolment = self.enrolment(&verdict);
        (verdict, enrolment)
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
        let phones = self.devices.iter().filter(|device| self.is_usable(device)).map(|own| own.id);
        let addresses = self.addresses.iter().filter(|address| self.is_served(address)).map(|own| own.id);
        // A phone proves more than a code: it comes first.
        let usable: Vec<_> = phones.chain(addresses).collect();
        if !usable.is_empty() {
            let chooses = match self.policy.device_selection {
                DeviceSelection::DefaultToFirst => false,
                DeviceSelection::PromptToSelect => usable.len() > 1,
                DeviceSelection::AlwaysDisplayDevices => true,
            };
            return Verdict::Ask(usable, if chooses { First::Choose } else { First::Ask });
        }
        let (mode, missing, why) = if self.devices.is_empty() && self.addresses.is_empty() {
            (self.policy.no_devices_mode, Missing::NoDevices, Why::NoDevices)
        } else {
            (self.policy.incompatible_devices_mode, Missing::Incompatible, Why::NoUsableDevices)
        };
        match mode {
            Without::Block => Verdict::Failed(why),
            Without::Bypass => Verdict::Waived(missing),
        }
    }

    /// Whether the person may be asked on it.
    fn is_usable(&self, device: &Device) -> bool {
        device.status == Status::Active && self.policy.asks(device.application.as_ref())
    }

    /// Whether the person may be sent a code there.
    fn is_served(&self, address: &OtpDevice) -> bool {
        self.policy.otp(address.channel).enabled && self.served.has(address)
    }

    /// [flows.md H.5] offered to whoever has no device at all, and needs none. Whoever has one shows that first.
    fn enrolment(&self, verdict: &Verdict) -> Option<Enrolment> {
        let By { app, .. } = self.app?;
        let offered = *verdict == Verdict::Waived(Missing::NoDevices) && self.policy.enrols(&app.application);
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
    use crate::domain::mfa_policy::{Matching, Permitted, PushLimit, push_timeout};
    use crate::domain::otp::{Channel, OtpMethod};
    use crate::protocol::id::{InstallationId, MfaPolicyId, UserId};
    use crate::protocol::phone_number::{Country, Reach};

    fn application(id: &str) -> NativeApplicationId {
        NativeApplicationId::parse(id).unwrap()
    }

    fn policy(no_devices_mode: Without, incompatible_devices_mode: Without) -> MfaPolicy {
        MfaPolicy {
            id: MfaPolicyId::parse("mfa").unwrap(),
            name: "mfa".into(),
            no_devices_mode,
            incompatible_devices_mode,
            device_selection: DeviceSelection::default(),
            number_matching: Matching::default(),
            push_timeout: push_timeout(),
            push_limit: PushLimit::default(),
            email: OtpMethod::default(),
            sms: OtpMethod::default(),
            voice: OtpMethod::default(),
            applications: vec![Permitted {
                application: application("bank"),
                auto_enrollment: true,
                device_authorization: true,
                push: true,
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
        Asked { policy, devices, addresses: &[], served: &by_mail(), app }.evaluate()
    }

    fn by_mail() -> Served {
        Served { email: true, ..Served::default() }
    }

    fn at(channel: Channel, target: &str) -> OtpDevice {
        OtpDevice {
            id: DeviceId::new(Uuid::from_u128(9)),
            user: UserId::new(Uuid::nil()),
            channel,
            target: target.into(),
            nickname: None,
            created_at: Timestamp::from_seconds(0),
        }
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
        let of_another = [device(Some(application("shop")), Status::Active)];
        let blocked = [device(Some(application("bank")), Status::Blocked)];
        let elsewhere: [(&[Device], Option<&MobileApp>, bool); 4] = [
            (&of_another, Some(&bank), true),
            (&of_another, None, false),
            (&blocked, None, false),
            (&blocked, Some(&app("unknown")), false),
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
    fn h4_who_has_a_device_that_will_do_is_asked_whatever_becomes_of_those_without() {
        let (bank, id) = (app("bank"), DeviceId::new(Uuid::from_u128(1)));
        let by_key = [device(None, Status::Active)];
        let theirs = [device(Some(application("bank")), Status::Active)];
        let elsewhere: [(&[Device], Option<&MobileApp>, bool); 4] = [
            (&by_key, Some(&bank), true),
            (&theirs, Some(&bank), false),
            (&theirs, None, false),
            (&theirs, Some(&app("unknown")), true),
        ];
        for mode in [Without::Block, Without::Bypass] {
            for (devices, app, own) in elsewhere {
                let asked = (Verdict::Ask(vec![id], First::Ask), None);
                assert_eq!(evaluated(&policy(mode, mode), devices, app, own), asked);
            }
        }
        // The app may be there for something else.
        let mut silent = policy(Without::Block, Without::Block);
        silent.applications[0].push = false;
        assert_eq!(evaluated(&silent, &theirs, None, false), (Verdict::Failed(Why::NoUsableDevices), None));
        silent.applications[0].push = true;
        silent.applications[0].device_authorization = false;
        assert_eq!(evaluated(&silent, &theirs, Some(&bank), true), (Verdict::Ask(vec![id], First::Ask), None));
    }

    #[test]
    fn d1_the_policy_says_who_chooses_the_device() {
        let one = [device(None, Status::Active)];
        let second = Device { id: DeviceId::new(Uuid::from_u128(2)), position: 1, ..one[0].clone() };
        let two = [one[0].clone(), second];
        for (selection, of_one, of_two) in [
            (DeviceSelection::DefaultToFirst, First::Ask, First::Ask),
            (DeviceSelection::PromptToSelect, First::Ask, First::Choose),
            (DeviceSelection::AlwaysDisplayDevices, First::Choose, First::Choose),
        ] {
            let policy = MfaPolicy { device_selection: selection, ..policy(Without::Block, Without::Block) };
            assert_eq!(evaluated(&policy, &one, None, false).0, Verdict::Ask(vec![one[0].id], of_one));
            assert_eq!(
                evaluated(&policy, &two, None, false).0,
                Verdict::Ask(two.iter().map(|own| own.id).collect(), of_two)
            );
        }
    }

    #[test]
    fn h5_an_app_is_offered_to_whoever_has_no_device_where_the_policy_says_so() {
        let policy = policy(Without::Bypass, Without::Block);
        let offered = Enrolment { app: app("bank"), policy: policy.id.clone() };
        let waived = || Verdict::Waived(Missing::NoDevices);
        assert_eq!(evaluated(&policy, &[], Some(&app("bank")), false), (waived(), Some(offered)));
        assert_eq!(evaluated(&policy, &[], Some(&app("unknown")), false), (waived(), None));
        assert_eq!(evaluated(&policy, &[], None, false), (waived(), None));
        let mut silent = policy.clone();
        silent.applications[0].auto_enrollment = false;
        assert_eq!(evaluated(&silent, &[], Some(&app("bank")), false), (waived(), None));
    }

    #[test]
    fn h4_a_code_is_sent_where_the_policy_has_codes_and_somebody_carries_them() {
        let address = at(Channel::Email, "alice@example.com");
        let addresses = std::slice::from_ref(&address);
        let phone = [device(None, Status::Active)];
        let with_codes = MfaPolicy {
            email: OtpMethod { enabled: true, ..OtpMethod::default() },
            ..policy(Without::Bypass, Without::Block)
        };
        let asked = |policy: &MfaPolicy, devices: &[Device], served: &Served| {
            Asked { policy, devices, addresses, served, app: None }.evaluate().0
        };
        let mail = by_mail();
        assert_eq!(asked(&with_codes, &[], &mail), Verdict::Ask(vec![address.id], First::Ask));
        assert_eq!(asked(&with_codes, &phone, &mail), Verdict::Ask(vec![phone[0].id, address.id], First::Ask));
        let without_codes = policy(Without::Bypass, Without::Block);
        for (policy, served) in [(&with_codes, &Served::default()), (&without_codes, &mail)] {
            assert_eq!(asked(policy, &[], served), Verdict::Failed(Why::NoUsableDevices), "it is no bypass either");
            assert_eq!(asked(policy, &phone, served), Verdict::Ask(vec![phone[0].id], First::Ask));
        }
    }

    /// [security.md case 118] nobody is sent anything to a country that nobody has allowed, and gets in without it neither.
    #[test]
    fn security_118_a_number_counts_where_its_channel_reaches_it() {
        let enabled = OtpMethod { enabled: true, ..OtpMethod::default() };
        let policy = MfaPolicy { sms: enabled, voice: enabled, ..policy(Without::Bypass, Without::Block) };
        let germany = Reach::Within(Country::parse("DE").into_iter().collect());
        let asked = |number: &OtpDevice, served: &Served| {
            let addresses = std::slice::from_ref(number);
            Asked { policy: &policy, devices: &[], addresses, served, app: None }.evaluate().0
        };
        for (channel, served, other) in [
            (
                Channel::Sms,
                Served { sms: germany.clone(), ..by_mail() },
                Served { voice: germany.clone(), ..by_mail() },
            ),
            (Channel::Voice, Served { voice: germany.clone(), ..by_mail() }, Served { sms: germany, ..by_mail() }),
        ] {
            let number = at(channel, "+4915123456789");
            assert_eq!(asked(&number, &served), Verdict::Ask(vec![number.id], First::Ask));
            let unserved = Verdict::Failed(Why::NoUsableDevices);
            assert_eq!(asked(&number, &other), unserved, "{channel}");
            for elsewhere in ["+33612345678", "+499001234567", "+12125550123"] {
                assert_eq!(asked(&at(channel, elsewhere), &served), unserved, "{elsewhere}");
            }
        }
    }
}
