//! MFA policies: what counts as a second factor for whom, which apps may become trusted devices by themselves, and how
//! people are asked on their phones [flows.md D.1].

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::NumberMatching;
use super::mobile_app::MobileApp;
use super::otp::{Channel, OtpMethod, Served};
use super::totp::TotpMethod;
use crate::clock::Timestamp;
use crate::protocol::id::{MfaPolicyId, NativeApplicationId};
use crate::protocol::phone_number::Reach;
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
    /// What becomes of an app that is no device of somebody who has one.
    #[serde(default)]
    pub additional_trusted_devices: AdditionalDevices,
    /// An app that is let in once is not asked about for this long, in seconds.
    #[serde(default = "let_in_for")]
    pub let_in_for: u32,
    /// Who hears of a new device of theirs, or of what else becomes of those that they have.
    #[serde(default)]
    pub new_device_notification: Notification,
    /// Which device of a person is asked.
    #[serde(default)]
    pub device_selection: DeviceSelection,
    /// What the person carries from the screen to the device.
    #[serde(default)]
    pub number_matching: Matching,
    /// How long a device is asked, in seconds.
    #[serde(default = "push_timeout")]
    pub push_timeout: u32,
    #[serde(default)]
    pub push_limit: PushLimit,
    /// Phones, as whatever app.
    #[serde(default)]
    pub mobile: MobileMethod,
    /// Codes by e-mail.
    #[serde(default)]
    pub email: OtpMethod,
    /// The same by SMS,
    #[serde(default)]
    pub sms: OtpMethod,
    /// and by a call.
    #[serde(default)]
    pub voice: OtpMethod,
    /// Codes of authenticator apps.
    #[serde(default)]
    pub totp: TotpMethod,
    /// One-time passcodes of phones, where no push reaches them.
    #[serde(default)]
    pub mobile_otp: TotpMethod,
    /// Passkeys.
    #[serde(default)]
    pub fido2: Fido2Method,
    /// Browsers in which somebody has shown a second factor.
    #[serde(default)]
    pub remember_me: RememberMe,
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
        /// They make what they have not on the way.
        Setup = "setup",
        /// The same, or they get in without.
        Offer = "offer",
    }
}

words! {
    /// What becomes of another app of somebody who has a device.
    #[derive(Default)]
    AdditionalDevices {
        /// The primary device is asked about it.
        #[default]
        VerifyWithPrimary = "verify_with_primary",
        /// Nobody is asked: it becomes a device as the first one did.
        PairIndividually = "pair_individually",
    }
}

words! {
    /// How a person hears of what becomes of their devices.
    #[derive(Default)]
    Notification {
        /// They do not.
        #[default]
        Nothing = "none",
        /// They are written to.
        Email = "email",
        /// The same, and where that cannot be they are sent a text.
        EmailThenSms = "email_then_sms",
        /// They are sent a text, and where that cannot be they are written to.
        SmsThenEmail = "sms_then_email",
    }
}

words! {
    /// Which device is asked.
    #[derive(Default)]
    DeviceSelection {
        /// The primary one, unless the person wants another.
        #[default]
        DefaultToFirst = "default_to_first",
        /// Where there are several, the one that the person says.
        PromptToSelect = "prompt_to_select",
        /// The one that the person says, be it the only one.
        AlwaysDisplayDevices = "always_display_devices",
    }
}

words! {
    /// What somebody carries from the screen to the device, so that nobody approves what they do not see.
    #[derive(Default)]
    Matching {
        Off = "off",
        /// One of three numbers is picked.
        #[default]
        Pick = "pick",
        /// The number is typed.
        Type = "type",
    }
}

impl Matching {
    pub const fn asked(self) -> Option<NumberMatching> {
        match self {
            Self::Off => None,
            Self::Pick => Some(NumberMatching::Pick),
            Self::Type => Some(NumberMatching::Type),
        }
    }
}

words! {
    /// What somebody can make on the way who has no second factor: its `deviceType` [flows.md A.1.3].
    Makes {
        /// A phone, by a pairing key.
        Mobile = "MOBILE",
        /// A passkey.
        Fido2 = "FIDO2",
        /// An authenticator app.
        Totp = "TOTP",
        /// An address or a number for codes.
        Email = "EMAIL",
        Sms = "SMS",
        Voice = "VOICE",
    }
}

/// Whether the phones of people count: are asked, vouch by themselves, or become devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MobileMethod {
    pub enabled: bool,
}

impl Default for MobileMethod {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Whether the passkeys of people are devices of theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fido2Method {
    pub enabled: bool,
}

/// Whether somebody may say that in the browser in which they have just shown a second factor none is asked of them for
/// some time [flows.md D.1, `rememberMe.web`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberMe {
    pub enabled: bool,
    /// In seconds.
    pub lifetime: u32,
}

impl RememberMe {
    /// An hour to 90 days.
    pub const LIFETIME: RangeInclusive<u32> = 3600..=7_776_000;

    /// `None`: no browser is remembered.
    pub fn lasts(self) -> Option<Duration> {
        self.enabled.then(|| Duration::from_secs(self.lifetime.into()))
    }
}

impl Default for RememberMe {
    /// Thirty days, once somebody enables it.
    fn default() -> Self {
        Self { enabled: false, lifetime: 2_592_000 }
    }
}

words! {
    /// Whether an app on a trusted device has to answer a push that nobody sees, before it is believed [flows.md F3].
    #[derive(Default)]
    ExtraVerification {
        /// Its key is enough: nothing is pushed.
        #[default]
        Disabled = "disabled",
        /// It is asked, and believed without an answer as well.
        Permissive = "permissive",
        /// Without an answer it is not believed.
        Restrictive = "restrictive",
    }
}

words! {
    /// What becomes of somebody whose app has not answered, where it had to.
    #[derive(Default)]
    Unanswered {
        /// They do not get in.
        #[default]
        Fail = "fail",
        /// They are asked for what else they have.
        OtherMethod = "other_method",
    }
}

words! {
    /// What becomes of an app that says that its phone is rooted, debugged or hooked into.
    #[derive(Default)]
    IntegrityDetection {
        /// Nobody looks.
        #[default]
        Disabled = "disabled",
        /// It is written down.
        Permissive = "permissive",
        /// It vouches for nobody, and becomes nobody's device.
        Restrictive = "restrictive",
    }
}

/// What an app on a trusted device has to answer, how soon, and what becomes of it if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    pub mode: ExtraVerification,
    pub timeout: Duration,
    pub fallback: Unanswered,
}

/// How long an app has for an answer to a push that nobody sees, in seconds [flows.md H.4].
pub const SILENT_TIMEOUT: RangeInclusive<u32> = 3..=15;

pub const fn silent_timeout() -> u32 {
    7
}

/// How often the devices of one person are asked [flows.md D.1, H.9; security.md 5.6]. All times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushLimit {
    pub count: u32,
    /// Within this time.
    pub time_period: u32,
    /// Whoever wants more waits for this long.
    pub lock_duration: u32,
}

impl PushLimit {
    pub const COUNT: RangeInclusive<u32> = 1..=50;
    pub const SECONDS: RangeInclusive<u32> = 60..=7200;
}

impl Default for PushLimit {
    fn default() -> Self {
        Self { count: 5, time_period: 600, lock_duration: 1800 }
    }
}

/// How long a device may be asked, in seconds.
pub const PUSH_TIMEOUT: RangeInclusive<u32> = 40..=150;

pub const fn push_timeout() -> u32 {
    *PUSH_TIMEOUT.start()
}

/// How long a pairing key is good, in seconds: a minute to two days [flows.md D.1].
pub const PAIRING_KEY_LIFETIME: RangeInclusive<u32> = 60..=172_800;

/// For how long an app that was let in once is not asked about, in seconds: none to 90 days.
pub const LET_IN_FOR: RangeInclusive<u32> = 0..=7_776_000;

/// An hour.
pub const fn let_in_for() -> u32 {
    3600
}

const fn yes() -> bool {
    true
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
    /// As a device it asks its person.
    #[serde(default = "yes")]
    pub push: bool,
    /// What it has to answer before it is believed that it is there.
    #[serde(default)]
    pub extra_verification: ExtraVerification,
    /// Within this time, in seconds.
    #[serde(default = "silent_timeout")]
    pub extra_verification_timeout: u32,
    #[serde(default)]
    pub extra_verification_fallback: Unanswered,
    #[serde(default)]
    pub integrity_detection: IntegrityDetection,
    /// How long a pairing key is good that is for it, in seconds. `None`: as long as any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairing_key_lifetime: Option<u32>,
}

impl MfaPolicy {
    fn permits(&self, application: &NativeApplicationId) -> Option<&Permitted> {
        let named = self.applications.iter().find(|permitted| permitted.application == *application);
        named.filter(|_| self.mobile.enabled)
    }

    /// Whether people may have the app as a device without typing anything.
    pub fn enrols(&self, application: &NativeApplicationId) -> bool {
        self.permits(application).is_some_and(|permitted| permitted.auto_enrollment)
    }

    /// Whether people without devices may have it so, as their first.
    pub fn enrols_first(&self, application: &NativeApplicationId) -> bool {
        self.enrols(application) && self.no_devices_mode == Without::Bypass
    }

    /// Whether somebody gets through who has nothing to show.
    pub fn may_do_without(&self) -> bool {
        let lets_through = |mode| matches!(mode, Without::Bypass | Without::Offer);
        lets_through(self.no_devices_mode) || lets_through(self.incompatible_devices_mode)
    }

    /// Whether people who have a device may have it so as another one, without being asked on that.
    pub fn enrols_individually(&self, application: &NativeApplicationId) -> bool {
        self.additional_trusted_devices == AdditionalDevices::PairIndividually && self.enrols_first(application)
    }

    /// Whether a device that was enrolled as this app asks its person. One that was paired with a key is for any.
    pub fn asks(&self, application: Option<&NativeApplicationId>) -> bool {
        let may = |application| self.permits(application).is_some_and(|permitted| permitted.push);
        self.mobile.enabled && application.is_none_or(may)
    }

    /// What somebody carries to the device whom a relying party has asked: as the client is registered, or more. One that
    /// shows no number has nobody type one.
    pub const fn matching_for(&self, registered: Option<NumberMatching>) -> Option<NumberMatching> {
        match (registered, self.number_matching) {
            (Some(_), Matching::Type) => Some(NumberMatching::Type),
            (registered, Matching::Off | Matching::Pick | Matching::Type) => registered,
        }
    }

    /// Of codes by this channel.
    pub const fn otp(&self, channel: Channel) -> OtpMethod {
        match channel {
            Channel::Email => self.email,
            Channel::Sms => self.sms,
            Channel::Voice => self.voice,
        }
    }

    /// How many wrong codes may come in a row: they are counted together, so the strictest of the ways that are on says
    /// it for all of them.
    pub fn attempts(&self) -> u32 {
        let sent = [self.email, self.sms, self.voice].map(|method| (method.enabled, method.attempts));
        let all = sent.into_iter().chain([self.totp, self.mobile_otp].map(|method| (method.enabled, method.attempts)));
        all.filter_map(|(enabled, attempts)| enabled.then_some(attempts)).fold(*OtpMethod::ATTEMPTS.end(), u32::min)
    }

    /// What people can make on the way who have nothing that will do. Nothing: they do not get in. `browsers`: those have
    /// passkeys here. `served`: by what codes can be sent.
    pub fn makes(&self, browsers: bool, served: &Served) -> Vec<Makes> {
        let ways = [
            (Makes::Mobile, self.mobile.enabled),
            (Makes::Fido2, self.fido2.enabled && browsers),
            (Makes::Totp, self.totp.enabled),
            (Makes::Email, self.email.enabled && served.email),
            (Makes::Sms, self.sms.enabled && served.sms != Reach::Nobody),
            (Makes::Voice, self.voice.enabled && served.voice != Reach::Nobody),
        ];
        ways.into_iter().filter_map(|(kind, enabled)| enabled.then_some(kind)).collect()
    }

    pub const fn asked_for(&self) -> Duration {
        Duration::from_secs(self.push_timeout as u64)
    }

    /// Whether a device proves as this app that it is there.
    pub fn authorizes(&self, application: &NativeApplicationId) -> bool {
        self.permits(application).is_some_and(|permitted| permitted.device_authorization)
    }

    /// What a device has to answer that proves so. `None`: nothing.
    pub fn extra(&self, application: &NativeApplicationId) -> Option<Extra> {
        let permitted = self.permits(application)?;
        let mode = permitted.extra_verification;
        (mode != ExtraVerification::Disabled).then(|| Extra {
            mode,
            timeout: Duration::from_secs(permitted.extra_verification_timeout.into()),
            fallback: permitted.extra_verification_fallback,
        })
    }

    /// Whether an app vouches for nobody, and becomes nobody's device, by what it says of its phone.
    pub fn refuses(&self, app: &MobileApp) -> bool {
        app.unsound && self.integrity(&app.application) == IntegrityDetection::Restrictive
    }

    /// How long a pairing key is good that is for an app. `None`: it says nothing of that.
    pub fn pairing_key_lifetime(&self, application: &NativeApplicationId) -> Option<Duration> {
        self.permits(application)?.pairing_key_lifetime.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// What becomes of an app that says that its phone is not as it should be.
    pub fn integrity(&self, application: &NativeApplicationId) -> IntegrityDetection {
        self.permits(application).map(|permitted| permitted.integrity_detection).unwrap_or_default()
    }
}
