//! What the second factor of somebody comes to: one function, total and pure [flows.md H.4].

use super::device::{Device, Status};
use super::enrolment::{Enrolment, Grounds, NotOffered};
use super::mfa_policy::{DeviceSelection, Extra, MfaPolicy, Without};
use super::mobile_app::{MobileApp, Standing};
use super::otp::{OtpDevice, Served};
use super::totp::TotpDevice;
use super::user;
use crate::protocol::id::{DeviceId, NativeApplicationId};
use crate::protocol::words::words;

/// Who is asked for a second factor, and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Of the person, as they are now. `None`: there is nobody of that name any more.
    pub standing: Option<user::Status>,
    pub policy: &'a MfaPolicy,
    /// Of the person, the primary one first.
    pub devices: &'a [Device],
    /// Those of them that the person does not want to ring.
    pub muted: &'a [DeviceId],
    /// Browsers have passkeys here.
    pub browsers: bool,
    /// Passkeys of theirs that browsers can use here, the oldest first.
    pub passkeys: &'a [DeviceId],
    /// Authenticator apps of theirs, the oldest first.
    pub totps: &'a [TotpDevice],
    /// Where they get codes, the oldest first.
    pub addresses: &'a [OtpDevice],
    /// By what codes can be sent at all.
    pub served: &'a Served,
    /// By which they sign in.
    pub app: Option<By<'a>>,
    /// There is something that they have to read, and a phone shows it.
    pub reads: bool,
    /// The device by which they have shown a second factor in this browser before, where the browser is remembered and
    /// nobody wants it shown anew.
    pub remembered: Option<DeviceId>,
}

/// The app that called, and which of the person's devices it is.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub app: &'a MobileApp,
    pub device: Option<&'a Device>,
    /// What the person has said of it, where that stands and it is none.
    pub standing: Option<Standing>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The trusted device has proved by its key that it is there.
    Authorized(DeviceId),
    /// The same, and it has to answer a push besides, that nobody sees.
    Verify(DeviceId, Extra),
    /// The app is no device of the person, and they let it in not long ago.
    LetIn,
    /// The person would be asked, and has shown this device in the same browser not long ago.
    Remembered(DeviceId),
    /// The person is asked on one of these, the primary one first.
    Ask(Vec<DeviceId>, First),
    /// The policy does without.
    Waived(Missing),
    /// The person has nothing that will do, and may make it on the way. Why they get through with nothing else; or what
    /// they have not, where the policy lets them go on without.
    SetUp(Why, Option<Missing>),
    Failed(Why),
}

impl Verdict {
    /// The same where nobody is asked on another device than this one.
    #[must_use]
    pub fn only_on(self, device: DeviceId) -> Self {
        match self {
            Self::Ask(devices, _) if devices.contains(&device) => Self::Ask(vec![device], First::Ask),
            Self::Ask(..) => Self::Failed(Why::NoUsableDevices),
            Self::Authorized(_)
            | Self::Verify(..)
            | Self::LetIn
            | Self::Remembered(_)
            | Self::Waived(_)
            | Self::SetUp(..)
            | Self::Failed(_) => self,
        }
    }

    /// Whether somebody may be asked at an address that was given for them instead: nobody is stopped, and no app has
    /// vouched for them.
    pub const fn leaves_open(&self) -> bool {
        match self {
            Self::Ask(..) | Self::Waived(_) | Self::SetUp(..) | Self::Failed(Why::NoDevices | Why::NoUsableDevices) => {
                true
            }
            Self::Authorized(_)
            | Self::Verify(..)
            | Self::LetIn
            | Self::Remembered(_)
            | Self::Failed(
                Why::DeviceBlocked
                | Why::PushFailed
                | Why::OtpResendLimit
                | Why::OtpAttemptsLimit
                | Why::AccountLockedOut
                | Why::UserDisabled
                | Why::ExtraVerificationFailed,
            ) => false,
        }
    }
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
        /// This app as a device: each becomes one by itself.
        Individually = "paired_individually",
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
        /// The person was locked since they said who they are.
        AccountLockedOut = "ACCOUNT_LOCKED_OUT",
        /// The person was disabled, or deleted, since.
        UserDisabled = "USER_DISABLED",
        /// The app on the trusted device did not answer a push, as it has to.
        ExtraVerificationFailed = "EXTRA_VERIFICATION_FAILED",
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
            Self::AccountLockedOut => "The person is locked, and is asked nothing until they are unlocked.",
            Self::UserDisabled => "The person is disabled, or there is no such person any more.",
            Self::ExtraVerificationFailed => "The app on the trusted device did not answer a silent push.",
        }
    }
}

impl Asked<'_> {
    /// Whether somebody gets through, and whether the app that they use may become a device of theirs.
    pub fn evaluate(&self) -> (Verdict, Option<Enrolment>) {
        let first = self.stopped().or_else(|| self.shown()).or_else(|| self.vouched_for());
        let verdict = first.unwrap_or_else(|| self.spared(self.without()));
        let enrolment = self.enrolment(&verdict);
        (verdict, enrolment)
    }

    /// The same where the device that called vouches for nobody: it has not answered as it has to.
    pub fn evaluate_otherwise(&self) -> (Verdict, Option<Enrolment>) {
        let verdict = self.stopped().or_else(|| self.shown()).unwrap_or_else(|| self.without());
        let enrolment = self.enrolment(&verdict);
        (verdict, enrolment)
    }

    /// On which phone a relying party has somebody asked whom no browser brings: the primary one first, and no other way
    /// stands in for it. Nobody gets through by a policy that does without [flows.md H.4 step 7, F12].
    pub fn phone(&self) -> Result<DeviceId, Why> {
        if let Some(Verdict::Failed(why)) = self.stopped() {
            return Err(why);
        }
        let usable = self.devices.iter().find(|device| self.is_usable(device)).map(|device| device.id);
        usable.ok_or(if self.devices.is_empty() { Why::NoDevices } else { Why::NoUsableDevices })
    }

    /// [flows.md H.4 step 6] what somebody has to read, they are asked on a phone: no key, code or passkey stands in for
    /// that, and nobody gets through by a policy that does without. `None`: there is nothing to read.
    fn shown(&self) -> Option<Verdict> {
        if !self.reads {
            return None;
        }
        let mut phones: Vec<_> = self.devices.iter().filter(|own| self.is_usable(own)).map(|own| own.id).collect();
        phones.sort_by_key(|id| self.muted.contains(id));
        if phones.is_empty() {
            return Some(Verdict::Failed(if self.has_none() { Why::NoDevices } else { Why::NoUsableDevices }));
        }
        let first = if self.chooses(phones.len()) { First::Choose } else { First::Ask };
        Some(Verdict::Ask(phones, first))
    }

    /// Whether the person says on which of so many devices they are asked.
    const fn chooses(&self, usable: usize) -> bool {
        match self.policy.device_selection {
            DeviceSelection::DefaultToFirst => false,
            DeviceSelection::PromptToSelect => usable > 1,
            DeviceSelection::AlwaysDisplayDevices => true,
        }
    }

    /// First of all: nobody is rung, or let in by a policy that does without, in the name of somebody who is stopped, nor
    /// by an app that is. `None`: nobody is.
    fn stopped(&self) -> Option<Verdict> {
        match self.standing {
            Some(user::Status::Active) => {}
            Some(user::Status::Locked) => return Some(Verdict::Failed(Why::AccountLockedOut)),
            Some(user::Status::Disabled) | None => return Some(Verdict::Failed(Why::UserDisabled)),
        }
        let by = self.app?;
        let blocked = match by.device {
            Some(device) => device.status == Status::Blocked,
            None => by.standing == Some(Standing::Blocked),
        };
        blocked.then_some(Verdict::Failed(Why::DeviceBlocked))
    }

    /// By the device that called. `None`: it is none of the person's, or not enough.
    fn vouched_for(&self) -> Option<Verdict> {
        let By { app, device: Some(device), .. } = self.app? else { return None };
        let vouches =
            self.policy.authorizes(&app.application) && trusts(device, &app.application) && !self.policy.refuses(app);
        vouches.then(|| match self.policy.extra(&app.application) {
            Some(extra) => Verdict::Verify(device.id, extra),
            None => Verdict::Authorized(device.id),
        })
    }

    /// A browser that is remembered spares a question, and opens nothing that would be closed without it: where the device is
    /// there no more, or will not do any more, it spares nothing. An app has ways of its own.
    fn spared(&self, verdict: Verdict) -> Verdict {
        let by = self.remembered.filter(|_| self.policy.remember_me.enabled && self.app.is_none());
        match (verdict, by) {
            (Verdict::Ask(devices, _), Some(by)) if devices.contains(&by) => Verdict::Remembered(by),
            (verdict, _) => verdict,
        }
    }

    /// By what else there is.
    fn without(&self) -> Verdict {
        let newcomer = self.newcomer();
        if newcomer.is_some() && self.app.and_then(|by| by.standing) == Some(Standing::LetIn) {
            return Verdict::LetIn;
        }
        if newcomer.is_some_and(|app| self.policy.enrols_individually(&app.application)) {
            return Verdict::Waived(Missing::Individually);
        }
        let mut phones: Vec<_> = self.devices.iter().filter(|device| self.is_usable(device)).collect();
        if newcomer.is_some() {
            // [flows.md F10] in the order of the person: who has a password makes a phone suspect, and would choose by it
            // which one is asked about an app of theirs.
            phones.sort_by_key(|device| device.position);
        }
        let phones = phones.into_iter().map(|own| own.id);
        let addresses = self.addresses.iter().filter(|address| self.is_served(address)).map(|own| own.id);
        let shown = self.policy.totp.enabled;
        let apps = self.active().filter(|_| shown).map(|own| own.id);
        let passkeys = self.passkeys.iter().copied().filter(|_| self.policy.fido2.enabled);
        // What needs nothing but the person comes first: a phone that rings, then what they have at hand, and then codes
        // that somebody has to be sent.
        let mut usable: Vec<_> = phones.chain(passkeys).chain(apps).chain(addresses).collect();
        // A phone that does not ring is asked by whoever chooses it, and where there is nothing else.
        usable.sort_by_key(|id| self.muted.contains(id));
        if !usable.is_empty() {
            let chooses = match newcomer {
                // [flows.md F10] the primary device, and where that cannot be asked, one of the others.
                Some(_) => usable.len() > 1 && !self.primary_is_usable(),
                None => self.chooses(usable.len()),
            };
            return Verdict::Ask(usable, if chooses { First::Choose } else { First::Ask });
        }
        let (mode, missing, why) = if self.has_none() {
            (self.policy.no_devices_mode, Missing::NoDevices, Why::NoDevices)
        } else {
            (self.policy.incompatible_devices_mode, Missing::Incompatible, Why::NoUsableDevices)
        };
        let makes = !self.policy.makes(self.browsers, self.served).is_empty();
        match mode {
            Without::Setup if makes => Verdict::SetUp(why, None),
            Without::Offer if makes => Verdict::SetUp(why, Some(missing)),
            // Or the policy has nothing that somebody could make.
            Without::Bypass | Without::Offer => Verdict::Waived(missing),
            Without::Block | Without::Setup => Verdict::Failed(why),
        }
    }

    /// The app, where it may become a device of somebody who has others and has none of it.
    fn newcomer(&self) -> Option<&MobileApp> {
        let By { app, .. } = self.app.filter(|by| by.device.is_none() && !self.has_none())?;
        Some(app).filter(|app| self.policy.enrols(&app.application) && !self.policy.refuses(app))
    }

    fn primary_is_usable(&self) -> bool {
        let rings = |primary: &Device| self.is_usable(primary) && !self.muted.contains(&primary.id);
        self.devices.iter().find(|device| device.is_primary()).is_none_or(rings)
    }

    /// Whether the person may be asked on it.
    fn is_usable(&self, device: &Device) -> bool {
        device.status == Status::Active && self.policy.asks(device.application.as_ref())
    }

    /// Those whose codes somebody has brought before.
    fn active(&self) -> impl Iterator<Item = &TotpDevice> {
        self.totps.iter().filter(|own| own.is_active())
    }

    fn has_none(&self) -> bool {
        // With a passkey alone people sign in everywhere: it is a device where the policy says so.
        let passkeys = self.policy.fido2.enabled && !self.passkeys.is_empty();
        !passkeys && self.devices.is_empty() && self.addresses.is_empty() && self.active().next().is_none()
    }

    /// Whether the person may be sent a code there.
    fn is_served(&self, address: &OtpDevice) -> bool {
        self.policy.otp(address.channel).enabled && self.served.has(address)
    }

    /// [flows.md H.5] offered to whoever has no device at all, and needs none. Whoever has one shows that first, unless
    /// the policy does without.
    fn enrolment(&self, verdict: &Verdict) -> Option<Enrolment> {
        let By { app, .. } = self.app.filter(|by| !self.reads && self.policy.enrols(&by.app.application))?;
        let grounds = match verdict {
            Verdict::Waived(Missing::NoDevices) if self.policy.refuses(app) => {
                Err(NotOffered::DeviceRequirementsFailed)
            }
            Verdict::Waived(Missing::NoDevices) => Ok(Grounds::First),
            Verdict::Waived(Missing::Individually) => Ok(Grounds::Individually),
            Verdict::Ask(..) if self.newcomer().is_some() => Ok(Grounds::Approved),
            Verdict::Ask(..)
            | Verdict::Authorized(_)
            | Verdict::Verify(..)
            | Verdict::LetIn
            | Verdict::Remembered(_)
            | Verdict::Waived(Missing::Incompatible)
            | Verdict::SetUp(..)
            | Verdict::Failed(_) => return None,
        };
        Some(Enrolment { app: app.clone(), policy: self.policy.id.clone(), grounds })
    }
}

/// A device is trusted as the app that it was paired by: one that became a device under the rules of another
/// application, or by a key for any, is asked like every other.
fn trusts(device: &Device, application: &NativeApplicationId) -> bool {
    device.application.as_ref() == Some(application)
}

#[cfg(test)]
mod tests;
