//! `/admin/v1/mfa-policies`.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};

use crate::domain::mfa_policy::{
    AdditionalDevices, DeviceSelection, ExtraVerification, Fido2Method, IntegrityDetection, Matching, MfaPolicy,
    MobileMethod, Notification, Permitted, PushLimit, Unanswered, Without,
};
use crate::domain::otp::OtpMethod;
use crate::domain::totp::TotpMethod;
use crate::http::Tag;
use crate::http::admin::access::{Admin, PoliciesRead, PoliciesWrite};
use crate::http::admin::closed::closed;
use crate::http::admin::members::{Members, Patch, parsed, take_id};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::mfa_policies::ManageMfaPolicies;

mod remember_me;
pub use self::remember_me::RememberMeBody;

pub struct MfaPoliciesApi {
    pub policies: ManageMfaPolicies,
    pub cursors: Cursors,
}

closed! {
    #[doc = "What becomes of somebody who has nothing to show: `block`, they do not get in; `bypass`, they get in without; `setup`, they make a second factor on the way, as far as the policy has one that can be made; `offer`, they make one so, or get in without."]
    WithoutDevice: Without = Without::ALL.iter().map(|mode| mode.as_str());
}

closed! {
    #[doc = "What becomes of an app that is no device of somebody who has one: `verify_with_primary`, the primary device is asked about it; `pair_individually`, nobody is asked, and it becomes a device as the first one did."]
    AdditionalTrustedDevices: AdditionalDevices = AdditionalDevices::ALL.iter().map(|mode| mode.as_str());
}

closed! {
    #[doc = "How people hear of a device that was added or removed, or that they were asked too often: `none`, they do not; `email`, they are written to; `email_then_sms`, and where that cannot be they are sent a text; `sms_then_email`, the other way round."]
    DeviceNoticeMode: Notification = Notification::ALL.iter().map(|mode| mode.as_str());
}

closed! {
    #[doc = "Which device of a person is asked: `default_to_first`, the primary one; `prompt_to_select`, where there are several, the one that the person says; `always_display_devices`, the one that the person says."]
    DeviceSelectionMode: DeviceSelection = DeviceSelection::ALL.iter().map(|mode| mode.as_str());
}

closed! {
    #[doc = "What somebody carries from the screen to the device: `pick`, one of three numbers; `type`, a number that is typed; `off`, nothing."]
    PushNumberMatching: Matching = Matching::ALL.iter().map(|mode| mode.as_str());
}

closed! {
    #[doc = "Whether an app on a trusted device has to answer a push that nobody sees: `disabled`, its key is enough; `permissive`, it is asked, and believed without an answer as well; `restrictive`, without one it is not believed."]
    ExtraVerificationMode: ExtraVerification = ExtraVerification::ALL.iter().map(|mode| mode.as_str());
}

closed! {
    #[doc = "What becomes of somebody whose app has not answered, where it had to: `fail`, they do not get in; `other_method`, they are asked for what else they have."]
    ExtraVerificationFallback: Unanswered = Unanswered::ALL.iter().map(|mode| mode.as_str());
}

closed! {
    #[doc = "What becomes of an app that says that its phone is rooted, debugged or hooked into: `disabled`, nothing; `permissive`, it is written down; `restrictive`, it vouches for nobody, and becomes nobody's device."]
    IntegrityDetectionMode: IntegrityDetection = IntegrityDetection::ALL.iter().map(|mode| mode.as_str());
}

/// How often the devices of one person are asked, in seconds.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaPushLimit", skip_serializing_if_is_none)]
pub struct PushLimitBody {
    /// So many times, 5 when left out,
    #[oai(validator(minimum(value = "1"), maximum(value = "50")))]
    pub count: Option<u32>,
    /// within this time, 600 when left out.
    #[oai(validator(minimum(value = "60"), maximum(value = "7200")))]
    pub time_period: Option<u32>,
    /// Whoever is asked more is not asked for this long, 1800 when left out.
    #[oai(validator(minimum(value = "60"), maximum(value = "7200")))]
    pub lock_duration: Option<u32>,
}

/// Phones as a second factor.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaMobileMethod", skip_serializing_if_is_none)]
pub struct MobileMethodBody {
    /// Whether the phones of people count: are asked, vouch by themselves, or become devices. `true` when left out.
    pub enabled: Option<bool>,
}

impl From<MobileMethod> for MobileMethodBody {
    fn from(method: MobileMethod) -> Self {
        Self { enabled: Some(method.enabled) }
    }
}

/// One-time codes that are sent, in seconds.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaOtpMethod", skip_serializing_if_is_none)]
pub struct OtpMethodBody {
    /// Whether people may have them. `false` when left out.
    pub enabled: Option<bool>,
    /// How many digits a code has, 6 when left out.
    #[oai(validator(minimum(value = "6"), maximum(value = "10")))]
    pub otp_length: Option<u32>,
    /// How long one is good, 300 when left out.
    #[oai(validator(minimum(value = "60"), maximum(value = "1800")))]
    pub lifetime: Option<u32>,
    /// So many wrong ones, 3 when left out,
    #[oai(validator(minimum(value = "1"), maximum(value = "7")))]
    pub attempts: Option<u32>,
    /// and then none is looked at for this long, 120 when left out.
    #[oai(validator(minimum(value = "120"), maximum(value = "1800")))]
    pub cool_down: Option<u32>,
}

impl From<OtpMethod> for OtpMethodBody {
    fn from(method: OtpMethod) -> Self {
        let OtpMethod { enabled, otp_length, lifetime, attempts, cool_down } = method;
        Self {
            enabled: Some(enabled),
            otp_length: Some(otp_length),
            lifetime: Some(lifetime),
            attempts: Some(attempts),
            cool_down: Some(cool_down),
        }
    }
}

/// Codes that an app shows.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaTotpMethod", skip_serializing_if_is_none)]
pub struct TotpMethodBody {
    /// Whether people may have them. `false` when left out.
    pub enabled: Option<bool>,
    /// So many wrong ones, 3 when left out,
    #[oai(validator(minimum(value = "1"), maximum(value = "7")))]
    pub attempts: Option<u32>,
    /// and then none is looked at for this long, in seconds; 120 when left out.
    #[oai(validator(minimum(value = "120"), maximum(value = "1800")))]
    pub cool_down: Option<u32>,
    /// How many time steps of 30 seconds a code may be before or after its own. 1 when left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "10")))]
    pub passcode_grace_period: Option<u32>,
}

impl From<TotpMethod> for TotpMethodBody {
    fn from(method: TotpMethod) -> Self {
        let TotpMethod { enabled, attempts, cool_down, passcode_grace_period } = method;
        Self {
            enabled: Some(enabled),
            attempts: Some(attempts),
            cool_down: Some(cool_down),
            passcode_grace_period: Some(passcode_grace_period),
        }
    }
}

/// Passkeys as a second factor.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaFido2Method", skip_serializing_if_is_none)]
pub struct Fido2MethodBody {
    /// Whether the passkeys of people are devices of theirs. `false` when left out.
    pub enabled: Option<bool>,
}

impl From<Fido2Method> for Fido2MethodBody {
    fn from(method: Fido2Method) -> Self {
        Self { enabled: Some(method.enabled) }
    }
}

/// What a native application may do.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaPolicyApplication", skip_serializing_if_is_none)]
pub struct PermittedBody {
    /// The `id` of a native application.
    pub application: String,
    /// Whoever signs in by it is offered to have it as a device, without typing anything. `false` when left out.
    pub auto_enrollment: Option<bool>,
    /// As a trusted device it proves by itself that it is there. `false` when left out.
    pub device_authorization: Option<bool>,
    /// As a device it asks its person. `true` when left out.
    pub push: Option<bool>,
    /// What it has to answer before it is believed that it is there. `disabled` when left out.
    pub extra_verification: Option<ExtraVerificationMode>,
    /// Within so many seconds, 7 when left out.
    #[oai(validator(minimum(value = "3"), maximum(value = "15")))]
    pub extra_verification_timeout: Option<u32>,
    /// For `restrictive`. `fail` when left out.
    pub extra_verification_fallback: Option<ExtraVerificationFallback>,
    /// `disabled` when left out. A phone that lies says that all is well.
    pub integrity_detection: Option<IntegrityDetectionMode>,
    /// How long a pairing key is good that is for it, in seconds. As `devices.pairing_key_lifetime` says when left out.
    #[oai(validator(minimum(value = "60"), maximum(value = "172800")))]
    pub pairing_key_lifetime: Option<u32>,
}

/// What counts as a second factor for whom, and which apps may become trusted devices by themselves.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MfaPolicy", skip_serializing_if_is_none)]
pub struct MfaPolicyBody {
    pub id: String,
    /// For operators.
    pub name: String,
    /// For people without any device.
    pub no_devices_mode: WithoutDevice,
    /// For people none of whose devices will do.
    pub incompatible_devices_mode: WithoutDevice,
    /// For an app that is no device of somebody who has one.
    pub additional_trusted_devices: AdditionalTrustedDevices,
    /// An app that is let in once is not asked about for this long, in seconds.
    pub let_in_for: u32,
    /// For whoever has enrolled by this policy or is asked by it. Pairing keys and removals are of no policy: they are told
    /// where any policy says so.
    pub new_device_notification: DeviceNoticeMode,
    pub device_selection: DeviceSelectionMode,
    pub number_matching: PushNumberMatching,
    /// How long a device is asked, in seconds.
    pub push_timeout: u32,
    pub push_limit: PushLimitBody,
    /// Phones.
    pub mobile: MobileMethodBody,
    /// One-time codes by e-mail.
    pub email: OtpMethodBody,
    /// The same by SMS.
    pub sms: OtpMethodBody,
    /// The same by a call that says them.
    pub voice: OtpMethodBody,
    /// Codes of authenticator apps.
    pub totp: TotpMethodBody,
    /// One-time passcodes that the app on a trusted device shows, where no push reaches it.
    pub mobile_otp: TotpMethodBody,
    /// Passkeys.
    pub fido2: Fido2MethodBody,
    pub remember_me: RememberMeBody,
    /// One that is not named may do nothing.
    pub applications: Vec<PermittedBody>,
    pub created_at: DateTime,
}

/// An MFA policy to be made.
#[derive(Debug, Object)]
#[oai(rename = "MfaPolicyCreation")]
pub struct NewMfaPolicyBody {
    /// Made when left out: 1 to 40 of `A-Z a-z 0-9 - . _ ~`.
    pub id: Option<String>,
    /// The identifier when left out.
    pub name: Option<String>,
    /// For people without any device. `block` when left out. With `bypass` and `auto_enrollment`, whoever knows the
    /// password of somebody without devices enrols the first one.
    pub no_devices_mode: Option<WithoutDevice>,
    /// For people none of whose devices will do. `block` when left out.
    pub incompatible_devices_mode: Option<WithoutDevice>,
    /// `verify_with_primary` when left out. `pair_individually` takes effect with `no_devices_mode` `bypass`: whoever
    /// knows a password enrols a device then, whatever devices there are.
    pub additional_trusted_devices: Option<AdditionalTrustedDevices>,
    /// An app that is let in once is not asked about for this long, in seconds. 3600 when left out.
    #[oai(validator(maximum(value = "7776000")))]
    pub let_in_for: Option<u32>,
    /// `none` when left out.
    pub new_device_notification: Option<DeviceNoticeMode>,
    /// `default_to_first` when left out.
    pub device_selection: Option<DeviceSelectionMode>,
    /// `pick` when left out.
    pub number_matching: Option<PushNumberMatching>,
    /// How long a device is asked, in seconds. 40 when left out.
    #[oai(validator(minimum(value = "40"), maximum(value = "150")))]
    pub push_timeout: Option<u32>,
    pub push_limit: Option<PushLimitBody>,
    /// Phones.
    pub mobile: Option<MobileMethodBody>,
    /// One-time codes by e-mail: weaker than an app, since whoever has the mailbox need not be the person.
    pub email: Option<OtpMethodBody>,
    /// The same by SMS: weaker than an app, since numbers are taken over and messages are read on their way.
    pub sms: Option<OtpMethodBody>,
    /// The same by a call that says them.
    pub voice: Option<OtpMethodBody>,
    /// Codes of authenticator apps: weaker than an app of yours, since a page of somebody else's can ask for them.
    pub totp: Option<TotpMethodBody>,
    /// One-time passcodes that the app on a trusted device shows, where no push reaches it: a page of somebody else's can ask
    /// for them, and whoever types one has not seen on the device what it is for.
    pub mobile_otp: Option<TotpMethodBody>,
    /// Passkeys: no page of somebody else's can ask for them.
    pub fido2: Option<Fido2MethodBody>,
    /// Browsers in which somebody has shown a second factor: whoever has one, and the password, shows no other there.
    pub remember_me: Option<RememberMeBody>,
    /// Each once. One that is not named may do nothing.
    #[oai(validator(max_items = 20))]
    pub applications: Option<Vec<PermittedBody>>,
}

/// Changes to an MFA policy, as a merge patch.
#[derive(Debug, Object)]
#[oai(rename = "MfaPolicyPatch")]
pub struct MfaPolicyPatch {
    pub name: Option<String>,
    pub no_devices_mode: Option<WithoutDevice>,
    pub incompatible_devices_mode: Option<WithoutDevice>,
    pub additional_trusted_devices: Option<AdditionalTrustedDevices>,
    #[oai(validator(maximum(value = "7776000")))]
    pub let_in_for: Option<u32>,
    pub new_device_notification: Option<DeviceNoticeMode>,
    pub device_selection: Option<DeviceSelectionMode>,
    pub number_matching: Option<PushNumberMatching>,
    #[oai(validator(minimum(value = "40"), maximum(value = "150")))]
    pub push_timeout: Option<u32>,
    pub push_limit: Option<PushLimitBody>,
    pub mobile: Option<MobileMethodBody>,
    pub email: Option<OtpMethodBody>,
    pub sms: Option<OtpMethodBody>,
    pub voice: Option<OtpMethodBody>,
    pub totp: Option<TotpMethodBody>,
    pub mobile_otp: Option<TotpMethodBody>,
    pub fido2: Option<Fido2MethodBody>,
    pub remember_me: Option<RememberMeBody>,
    /// All of them: a list is replaced, not added to.
    #[oai(validator(max_items = 20))]
    pub applications: Option<Vec<PermittedBody>>,
}

/// Part of a list of MFA policies.
#[derive(Object)]
#[oai(rename = "MfaPolicyPage", skip_serializing_if_is_none)]
pub struct MfaPolicyPage {
    pub items: Vec<MfaPolicyBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&MfaPolicy> for MfaPolicyBody {
    fn from(policy: &MfaPolicy) -> Self {
        Self {
            id: policy.id.to_string(),
            name: policy.name.clone(),
            no_devices_mode: policy.no_devices_mode.into(),
            incompatible_devices_mode: policy.incompatible_devices_mode.into(),
            additional_trusted_devices: policy.additional_trusted_devices.into(),
            let_in_for: policy.let_in_for,
            new_device_notification: policy.new_device_notification.into(),
            device_selection: policy.device_selection.into(),
            number_matching: policy.number_matching.into(),
            push_timeout: policy.push_timeout,
            push_limit: policy.push_limit.into(),
            mobile: policy.mobile.into(),
            email: policy.email.into(),
            sms: policy.sms.into(),
            voice: policy.voice.into(),
            totp: policy.totp.into(),
            mobile_otp: policy.mobile_otp.into(),
            fido2: policy.fido2.into(),
            remember_me: policy.remember_me.into(),
            applications: policy.applications.iter().map(PermittedBody::from).collect(),
            created_at: policy.created_at.into(),
        }
    }
}

impl From<&Permitted> for PermittedBody {
    fn from(permitted: &Permitted) -> Self {
        Self {
            application: permitted.application.to_string(),
            auto_enrollment: Some(permitted.auto_enrollment),
            device_authorization: Some(permitted.device_authorization),
            push: Some(permitted.push),
            extra_verification: Some(permitted.extra_verification.into()),
            extra_verification_timeout: Some(permitted.extra_verification_timeout),
            extra_verification_fallback: Some(permitted.extra_verification_fallback.into()),
            integrity_detection: Some(permitted.integrity_detection.into()),
            pairing_key_lifetime: permitted.pairing_key_lifetime,
        }
    }
}

impl From<PushLimit> for PushLimitBody {
    fn from(limit: PushLimit) -> Self {
        let PushLimit { count, time_period, lock_duration } = limit;
        Self { count: Some(count), time_period: Some(time_period), lock_duration: Some(lock_duration) }
    }
}

/// As it is named in the log of a list.
const LIST: &str = "mfa-policies";

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminSignOn")]
impl MfaPoliciesApi {
    /// List MFA policies
    ///
    /// Newest first.
    #[oai(path = "/mfa-policies", method = "get", operation_id = "listMfaPolicies")]
    async fn list(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<MfaPolicyPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(LIST, since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let page = self.policies.list(after.as_ref(), page::limit(limit.0)).await?.since(since, |item| item.created_at);
        Ok(Shown::of(MfaPolicyPage {
            next_cursor: self.cursors.next(&list, page.next.as_ref()),
            total: page::total(count.0, self.policies.count(since)).await?,
            items: page.items.iter().map(MfaPolicyBody::from).collect(),
        }))
    }

    /// Make an MFA policy
    ///
    /// Steps of sign-on policies name it.
    #[oai(
        path = "/mfa-policies",
        method = "post",
        operation_id = "createMfaPolicy",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        body: Members<NewMfaPolicyBody>,
    ) -> Result<Created<MfaPolicyBody>> {
        let mut members = body.value;
        let id = take_id(&mut members, "id")?;
        let policy = MfaPolicyBody::from(&self.policies.create(&admin, id.as_deref(), &parsed(members)?).await?);
        Ok(Created::at(format!("/admin/v1/mfa-policies/{}", policy.id), &policy.clone(), policy))
    }

    /// Read an MFA policy
    #[oai(path = "/mfa-policies/:mfa_policy_id", method = "get", operation_id = "getMfaPolicy")]
    async fn read(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        mfa_policy_id: Path<String>,
    ) -> Result<Read<MfaPolicyBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.policies.read(&mfa_policy_id).await?).into()))
    }

    /// Change an MFA policy
    ///
    /// A merge patch (RFC 7396). Whoever is signing in goes on by the changed policy.
    #[oai(path = "/mfa-policies/:mfa_policy_id", method = "patch", operation_id = "updateMfaPolicy")]
    async fn update(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        mfa_policy_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<MfaPolicyPatch, MfaPolicyBody>,
    ) -> Result<Read<MfaPolicyBody>> {
        let unchanged = unchanged::<MfaPolicy, MfaPolicyBody>(if_match);
        let policy = self.policies.update(&admin, &mfa_policy_id, body.value.into(), &unchanged).await?;
        Ok(Read::of((&policy).into()))
    }

    /// Delete an MFA policy
    ///
    /// Refused while a step of a sign-on policy names it.
    #[oai(path = "/mfa-policies/:mfa_policy_id", method = "delete", operation_id = "deleteMfaPolicy")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        mfa_policy_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<MfaPolicy, MfaPolicyBody>(if_match);
        self.policies.delete(&admin, &mfa_policy_id, &unchanged).await?;
        Ok(Done)
    }
}
