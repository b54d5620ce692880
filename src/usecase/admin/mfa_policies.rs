//! MFA policies: made, changed, deleted.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::mfa_policy::{
    AdditionalDevices, DeviceSelection, ExtraVerification, Fido2Method, IntegrityDetection, LET_IN_FOR, Matching,
    MfaPolicy, MobileMethod, Notification, PAIRING_KEY_LIFETIME, PUSH_TIMEOUT, Permitted, PushLimit, SILENT_TIMEOUT,
    Unanswered, Without, let_in_for, push_timeout, silent_timeout,
};
use crate::domain::otp::OtpMethod;
use crate::domain::totp::TotpMethod;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{MfaPolicyId, NativeApplicationId};
use crate::protocol::public_id::Kind;
use crate::store::ephemeral::StoreError;
use crate::store::sql::sign_on::NativeApplications;
use crate::usecase::admin::client_metadata::{LONGEST_NAME, Problems, name};
use crate::usecase::admin::parts::{Described, ManageParts};

mod methods;
mod remember_me;
pub use self::methods::{Fido2MethodWish, MobileMethodWish};
pub use self::remember_me::RememberMeWish;

pub type ManageMfaPolicies = ManageParts<MfaPolicy>;

/// Each is looked at when somebody signs in.
const MOST_APPLICATIONS: usize = 20;

/// What may be changed of an MFA policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MfaPolicyWish {
    /// The identifier when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `block` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_devices_mode: Option<String>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incompatible_devices_mode: Option<String>,
    /// `verify_with_primary` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_trusted_devices: Option<String>,
    /// Seconds; 3600 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub let_in_for: Option<u32>,
    /// `none` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_device_notification: Option<String>,
    /// `default_to_first` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_selection: Option<String>,
    /// `pick` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_matching: Option<String>,
    /// Seconds; 40 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub push_timeout: Option<u32>,
    /// Five within ten minutes, and then none for thirty, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_limit: Option<PushLimitWish>,
    /// Phones count when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<MobileMethodWish>,
    /// No codes by e-mail when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<OtpMethodWish>,
    /// No codes by SMS when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<OtpMethodWish>,
    /// No codes by calls when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<OtpMethodWish>,
    /// No authenticator apps when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<TotpMethodWish>,
    /// No passcodes of phones when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_otp: Option<TotpMethodWish>,
    /// No passkeys when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fido2: Option<Fido2MethodWish>,
    /// No browser is remembered when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember_me: Option<RememberMeWish>,
    #[serde(default)]
    pub applications: Vec<PermittedWish>,
}

/// Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtpMethodWish {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub otp_length: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub lifetime: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub cool_down: Option<u32>,
}

/// Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotpMethodWish {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub cool_down: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub passcode_grace_period: Option<u32>,
}

/// Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushLimitWish {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub time_period: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub lock_duration: Option<u32>,
}

/// Whatever number somebody writes: one that is none of ours is out of every range, and told as such.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let wished = Option::<Number>::deserialize(deserializer)?;
    let of = |number: Number| number.as_u64().and_then(|number| u32::try_from(number).ok());
    Ok(wished.map(|number| of(number).unwrap_or(u32::MAX)))
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermittedWish {
    pub application: String,
    #[serde(default)]
    pub auto_enrollment: bool,
    #[serde(default)]
    pub device_authorization: bool,
    /// `true` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<bool>,
    /// `disabled` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_verification: Option<String>,
    /// Seconds; 7 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "whole")]
    pub extra_verification_timeout: Option<u32>,
    /// `fail` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_verification_fallback: Option<String>,
    /// `disabled` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity_detection: Option<String>,
    /// Seconds; as the server has it when left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole")]
    pub pairing_key_lifetime: Option<u32>,
}

impl Described for MfaPolicy {
    type Wish = MfaPolicyWish;
    type Others = NativeApplications;

    const KIND: Kind = Kind::MfaPolicy;
    const NAME: &'static str = "MFA policy";
    const CREATED: Action = Action::MfaPolicyCreated;
    const UPDATED: Action = Action::MfaPolicyUpdated;
    const DELETED: Action = Action::MfaPolicyDeleted;
    const EXISTS: AdminErrorCode = AdminErrorCode::MfaPolicyExists;
    const IN_USE: AdminErrorCode = AdminErrorCode::MfaPolicyInUse;

    fn wish(&self) -> MfaPolicyWish {
        MfaPolicyWish {
            name: Some(self.name.clone()),
            no_devices_mode: Some(self.no_devices_mode.to_string()),
            incompatible_devices_mode: Some(self.incompatible_devices_mode.to_string()),
            additional_trusted_devices: Some(self.additional_trusted_devices.to_string()),
            let_in_for: Some(self.let_in_for),
            new_device_notification: Some(self.new_device_notification.to_string()),
            device_selection: Some(self.device_selection.to_string()),
            number_matching: Some(self.number_matching.to_string()),
            push_timeout: Some(self.push_timeout),
            push_limit: Some(PushLimitWish::of(self.push_limit)),
            mobile: Some(MobileMethodWish { enabled: Some(self.mobile.enabled) }),
            email: Some(OtpMethodWish::of(self.email)),
            sms: Some(OtpMethodWish::of(self.sms)),
            voice: Some(OtpMethodWish::of(self.voice)),
            totp: Some(TotpMethodWish::of(self.totp)),
            mobile_otp: Some(TotpMethodWish::of(self.mobile_otp)),
            fido2: Some(Fido2MethodWish { enabled: Some(self.fido2.enabled) }),
            remember_me: Some(RememberMeWish::of(self.remember_me)),
            applications: self.applications.iter().map(PermittedWish::of).collect(),
        }
    }

    fn made(wish: &MfaPolicyWish, id: MfaPolicyId, created_at: Timestamp) -> Result<Self, Vec<FieldProblem>> {
        wish.policy(id, created_at)
    }

    async fn missing(&self, applications: &NativeApplications) -> Result<Vec<FieldProblem>, StoreError> {
        let mut problems = Vec::new();
        for (at, permitted) in self.applications.iter().enumerate() {
            if applications.find(&permitted.application).await?.is_none() {
                problems.push(no_application(at));
            }
        }
        Ok(problems)
    }
}

fn no_application(at: usize) -> FieldProblem {
    let pointer = format!("/applications/{at}/application");
    FieldProblem::member(pointer, FieldCode::Unknown, "There is no such native application.")
}

impl MfaPolicyWish {
    /// The policy that these words describe.
    fn policy(&self, id: MfaPolicyId, created_at: Timestamp) -> Result<MfaPolicy, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let name = name("/name", self.name.as_deref(), id.as_str(), LONGEST_NAME, &mut problems);
        let mode = Word { parse: Without::parse, words: "block, bypass, setup or offer." };
        let selection = "default_to_first, prompt_to_select or always_display_devices.";
        let selection = Word { parse: DeviceSelection::parse, words: selection };
        let additional = "verify_with_primary or pair_individually.";
        let additional = Word { parse: AdditionalDevices::parse, words: additional };
        let notification = Word { parse: Notification::parse, words: "none, email, email_then_sms or sms_then_email." };
        let matching = Word { parse: Matching::parse, words: "pick, type or off." };
        let policy = MfaPolicy {
            id,
            name,
            no_devices_mode: mode.of("/no_devices_mode", self.no_devices_mode.as_deref(), &mut problems),
            incompatible_devices_mode: mode.of(
                "/incompatible_devices_mode",
                self.incompatible_devices_mode.as_deref(),
                &mut problems,
            ),
            additional_trusted_devices: additional.of(
                "/additional_trusted_devices",
                self.additional_trusted_devices.as_deref(),
                &mut problems,
            ),
            let_in_for: within(
                ("/let_in_for", "0 to 7776000 seconds."),
                self.let_in_for.unwrap_or_else(let_in_for),
                LET_IN_FOR,
                &mut problems,
            ),
            new_device_notification: notification.of(
                "/new_device_notification",
                self.new_device_notification.as_deref(),
                &mut problems,
            ),
            device_selection: selection.of("/device_selection", self.device_selection.as_deref(), &mut problems),
            number_matching: matching.of("/number_matching", self.number_matching.as_deref(), &mut problems),
            push_timeout: within(
                ("/push_timeout", "40 to 150 seconds."),
                self.push_timeout.unwrap_or_else(push_timeout),
                PUSH_TIMEOUT,
                &mut problems,
            ),
            push_limit: self.push_limit.clone().unwrap_or_default().limit(&mut problems),
            mobile: MobileMethod { enabled: self.mobile.as_ref().and_then(|wish| wish.enabled).unwrap_or(true) },
            email: self.email.clone().unwrap_or_default().method("/email", &mut problems),
            sms: self.sms.clone().unwrap_or_default().method("/sms", &mut problems),
            voice: self.voice.clone().unwrap_or_default().method("/voice", &mut problems),
            totp: self.totp.clone().unwrap_or_default().method("/totp", &mut problems),
            mobile_otp: self.mobile_otp.clone().unwrap_or_default().method("/mobile_otp", &mut problems),
            fido2: Fido2Method { enabled: self.fido2.as_ref().and_then(|wish| wish.enabled).unwrap_or_default() },
            remember_me: self.remember_me.clone().unwrap_or_default().remember_me(&mut problems),
            applications: self.applications(&mut problems),
            created_at,
        };
        if problems.0.is_empty() { Ok(policy) } else { Err(problems.0) }
    }

    fn applications(&self, problems: &mut Problems) -> Vec<Permitted> {
        if self.applications.len() > MOST_APPLICATIONS {
            problems.add("/applications", FieldCode::TooLong, "At most 20.");
            return Vec::new();
        }
        let mut parsed: Vec<Permitted> = Vec::new();
        for (at, wish) in self.applications.iter().enumerate() {
            match NativeApplicationId::parse(&wish.application) {
                Some(id) if parsed.iter().any(|other| other.application == id) => {
                    problems.add_to(format!("/applications/{at}"), FieldCode::Invalid, "It is there twice.");
                }
                Some(application) => parsed.push(wish.permitted(application, at, problems)),
                None => problems.0.push(no_application(at)),
            }
        }
        parsed
    }
}

/// A word of a closed list.
struct Word<T> {
    parse: fn(&str) -> Option<T>,
    words: &'static str,
}

impl<T: Default> Word<T> {
    fn of(&self, pointer: impl Into<String>, wished: Option<&str>, problems: &mut Problems) -> T {
        let Some(text) = wished else { return T::default() };
        (self.parse)(text).unwrap_or_else(|| {
            problems.add_to(pointer.into(), FieldCode::Unknown, self.words);
            T::default()
        })
    }
}

fn within(
    (pointer, words): (&'static str, &'static str),
    wished: u32,
    possible: RangeInclusive<u32>,
    problems: &mut Problems,
) -> u32 {
    if !possible.contains(&wished) {
        problems.add(pointer, FieldCode::Invalid, words);
    }
    wished
}

/// A number of the method at this place: what is wished for, or what is usual.
fn of_method(
    at: &str,
    problems: &mut Problems,
) -> impl FnMut((&str, &'static str), Option<u32>, u32, RangeInclusive<u32>) -> u32 {
    move |(member, words), wished, usual, possible| {
        let wished = wished.unwrap_or(usual);
        if !possible.contains(&wished) {
            problems.add_to(format!("{at}/{member}"), FieldCode::Invalid, words);
        }
        wished
    }
}

impl OtpMethodWish {
    const fn of(method: OtpMethod) -> Self {
        let OtpMethod { enabled, otp_length, lifetime, attempts, cool_down } = method;
        Self {
            enabled: Some(enabled),
            otp_length: Some(otp_length),
            lifetime: Some(lifetime),
            attempts: Some(attempts),
            cool_down: Some(cool_down),
        }
    }

    fn method(self, at: &str, problems: &mut Problems) -> OtpMethod {
        let usual = OtpMethod::default();
        let mut of = of_method(at, problems);
        OtpMethod {
            enabled: self.enabled.unwrap_or(usual.enabled),
            otp_length: of(("otp_length", "6 to 10 digits."), self.otp_length, usual.otp_length, OtpMethod::OTP_LENGTH),
            lifetime: of(("lifetime", "60 to 1800 seconds."), self.lifetime, usual.lifetime, OtpMethod::LIFETIME),
            attempts: of(("attempts", "1 to 7."), self.attempts, usual.attempts, OtpMethod::ATTEMPTS),
            cool_down: of(("cool_down", "120 to 1800 seconds."), self.cool_down, usual.cool_down, OtpMethod::COOL_DOWN),
        }
    }
}

impl TotpMethodWish {
    const fn of(method: TotpMethod) -> Self {
        let TotpMethod { enabled, attempts, cool_down, passcode_grace_period } = method;
        Self {
            enabled: Some(enabled),
            attempts: Some(attempts),
            cool_down: Some(cool_down),
            passcode_grace_period: Some(passcode_grace_period),
        }
    }

    fn method(self, at: &str, problems: &mut Problems) -> TotpMethod {
        let usual = TotpMethod::default();
        let mut of = of_method(at, problems);
        let windows = ("passcode_grace_period", "1 to 10.");
        TotpMethod {
            enabled: self.enabled.unwrap_or(usual.enabled),
            attempts: of(("attempts", "1 to 7."), self.attempts, usual.attempts, OtpMethod::ATTEMPTS),
            cool_down: of(("cool_down", "120 to 1800 seconds."), self.cool_down, usual.cool_down, OtpMethod::COOL_DOWN),
            passcode_grace_period: of(
                windows,
                self.passcode_grace_period,
                usual.passcode_grace_period,
                TotpMethod::GRACE_PERIOD,
            ),
        }
    }
}

impl PushLimitWish {
    const fn of(limit: PushLimit) -> Self {
        let PushLimit { count, time_period, lock_duration } = limit;
        Self { count: Some(count), time_period: Some(time_period), lock_duration: Some(lock_duration) }
    }

    fn limit(self, problems: &mut Problems) -> PushLimit {
        let usual = PushLimit::default();
        let mut of =
            |member, wished: Option<u32>, usual, possible| within(member, wished.unwrap_or(usual), possible, problems);
        let seconds = "60 to 7200 seconds.";
        PushLimit {
            count: of(("/push_limit/count", "1 to 50."), self.count, usual.count, PushLimit::COUNT),
            time_period: of(
                ("/push_limit/time_period", seconds),
                self.time_period,
                usual.time_period,
                PushLimit::SECONDS,
            ),
            lock_duration: of(
                ("/push_limit/lock_duration", seconds),
                self.lock_duration,
                usual.lock_duration,
                PushLimit::SECONDS,
            ),
        }
    }
}

impl PermittedWish {
    fn of(permitted: &Permitted) -> Self {
        Self {
            application: permitted.application.to_string(),
            auto_enrollment: permitted.auto_enrollment,
            device_authorization: permitted.device_authorization,
            push: Some(permitted.push),
            extra_verification: Some(permitted.extra_verification.to_string()),
            extra_verification_timeout: Some(permitted.extra_verification_timeout),
            extra_verification_fallback: Some(permitted.extra_verification_fallback.to_string()),
            integrity_detection: Some(permitted.integrity_detection.to_string()),
            pairing_key_lifetime: permitted.pairing_key_lifetime,
        }
    }

    /// What the application that is named at this place may do.
    fn permitted(&self, application: NativeApplicationId, at: usize, problems: &mut Problems) -> Permitted {
        let member = |name: &str| format!("/applications/{at}/{name}");
        let words = "disabled, permissive or restrictive.";
        let extra = Word { parse: ExtraVerification::parse, words };
        let integrity = Word { parse: IntegrityDetection::parse, words };
        let fallback = Word { parse: Unanswered::parse, words: "fail or other_method." };
        let timeout = self.extra_verification_timeout.unwrap_or_else(silent_timeout);
        if !SILENT_TIMEOUT.contains(&timeout) {
            problems.add_to(member("extra_verification_timeout"), FieldCode::Invalid, "3 to 15 seconds.");
        }
        if self.pairing_key_lifetime.is_some_and(|seconds| !PAIRING_KEY_LIFETIME.contains(&seconds)) {
            problems.add_to(member("pairing_key_lifetime"), FieldCode::Invalid, "60 to 172800 seconds.");
        }
        Permitted {
            application,
            auto_enrollment: self.auto_enrollment,
            device_authorization: self.device_authorization,
            push: self.push.unwrap_or(true),
            extra_verification: extra.of(member("extra_verification"), self.extra_verification.as_deref(), problems),
            extra_verification_timeout: timeout,
            extra_verification_fallback: fallback.of(
                member("extra_verification_fallback"),
                self.extra_verification_fallback.as_deref(),
                problems,
            ),
            integrity_detection: integrity.of(
                member("integrity_detection"),
                self.integrity_detection.as_deref(),
                problems,
            ),
            pairing_key_lifetime: self.pairing_key_lifetime,
        }
    }
}
