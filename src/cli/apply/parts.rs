//! Policies and applications, and the settings beside them, as the file has them.

use serde::Deserialize;

use super::state::repeated;
use super::written::{Fields, list, quoted};
use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::native_application::NativeApplication;
use crate::domain::policy::SignOnPolicy;
use crate::domain::sign_on::Settings;
use crate::protocol::origin::AllowedOrigin;
use crate::usecase::admin::applications::ApplicationWish;
use crate::usecase::admin::mfa_policies::{
    Fido2MethodWish, MfaPolicyWish, MobileMethodWish, OtpMethodWish, PermittedWish, PushLimitWish, RememberMeWish,
    TotpMethodWish, whole,
};
use crate::usecase::admin::native_applications::NativeApplicationWish;
use crate::usecase::admin::parts::{BAD_ID_DETAIL, Described, part_id};
use crate::usecase::admin::policies::{PolicyWish, StepWish};

/// What a file can declare.
pub(super) trait Kind: Described {
    /// What its tables are called.
    const KEY: &'static str;

    /// Names and values, as TOML writes them. All but the identifier.
    fn fields(&self) -> Fields;
}

/// A table of a file.
pub(super) trait Entry {
    type Part: Kind;

    fn parts(self) -> (String, <Self::Part as Described>::Wish);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyEntry {
    id: String,
    name: Option<String>,
    application: Option<String>,
    #[serde(default)]
    steps: Vec<StepWish>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationEntry {
    id: String,
    name: Option<String>,
    url: Option<String>,
    #[serde(default)]
    additional_allowed_origins: Vec<String>,
    client_for_redirectless_mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NativeApplicationEntry {
    id: String,
    name: Option<String>,
    client: Option<String>,
    package_name: Option<String>,
    bundle_id: Option<String>,
    uri_prefix: Option<String>,
    #[serde(default)]
    automatic_unpairing: bool,
    min_sdk_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MfaPolicyEntry {
    id: String,
    name: Option<String>,
    no_devices_mode: Option<String>,
    incompatible_devices_mode: Option<String>,
    additional_trusted_devices: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    let_in_for: Option<u32>,
    new_device_notification: Option<String>,
    device_selection: Option<String>,
    number_matching: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    push_timeout: Option<u32>,
    push_limit: Option<PushLimitWish>,
    mobile: Option<MobileMethodWish>,
    email: Option<OtpMethodWish>,
    sms: Option<OtpMethodWish>,
    voice: Option<OtpMethodWish>,
    totp: Option<TotpMethodWish>,
    mobile_otp: Option<TotpMethodWish>,
    fido2: Option<Fido2MethodWish>,
    remember_me: Option<RememberMeWish>,
    #[serde(default)]
    applications: Vec<PermittedWish>,
}

impl Entry for PolicyEntry {
    type Part = SignOnPolicy;

    fn parts(self) -> (String, PolicyWish) {
        let Self { id, name, application, steps } = self;
        (id, PolicyWish { name, application, steps })
    }
}

impl Entry for ApplicationEntry {
    type Part = Application;

    fn parts(self) -> (String, ApplicationWish) {
        let Self { id, name, url, additional_allowed_origins, client_for_redirectless_mode } = self;
        (id, ApplicationWish { name, url, additional_allowed_origins, client_for_redirectless_mode })
    }
}

impl Entry for NativeApplicationEntry {
    type Part = NativeApplication;

    fn parts(self) -> (String, NativeApplicationWish) {
        let wish = NativeApplicationWish {
            name: self.name,
            client: self.client,
            package_name: self.package_name,
            bundle_id: self.bundle_id,
            uri_prefix: self.uri_prefix,
            automatic_unpairing: self.automatic_unpairing,
            min_sdk_version: self.min_sdk_version,
        };
        (self.id, wish)
    }
}

impl Entry for MfaPolicyEntry {
    type Part = MfaPolicy;

    fn parts(self) -> (String, MfaPolicyWish) {
        let wish = MfaPolicyWish {
            name: self.name,
            no_devices_mode: self.no_devices_mode,
            incompatible_devices_mode: self.incompatible_devices_mode,
            additional_trusted_devices: self.additional_trusted_devices,
            let_in_for: self.let_in_for,
            new_device_notification: self.new_device_notification,
            device_selection: self.device_selection,
            number_matching: self.number_matching,
            push_timeout: self.push_timeout,
            push_limit: self.push_limit,
            mobile: self.mobile,
            email: self.email,
            sms: self.sms,
            voice: self.voice,
            totp: self.totp,
            mobile_otp: self.mobile_otp,
            fido2: self.fido2,
            remember_me: self.remember_me,
            applications: self.applications,
        };
        (self.id, wish)
    }
}

/// Whoever makes it says when.
const UNKNOWN: Timestamp = Timestamp::from_millis(0);

/// `None`: the file does not mention the kind.
pub(super) fn declared<E: Entry>(entries: Option<Vec<E>>, problems: &mut Vec<String>) -> Option<Vec<E::Part>> {
    let key = E::Part::KEY;
    let entries: Vec<_> = entries?.into_iter().map(E::parts).collect();
    repeated(key, entries.iter().map(|(id, _)| id.clone()).collect(), problems);
    let mut parts = Vec::new();
    for (id, wish) in entries {
        let Some(parsed) = part_id::<E::Part>(&id) else {
            problems.push(format!("{key} {id}: id: {BAD_ID_DETAIL}"));
            continue;
        };
        match E::Part::made(&wish, parsed, UNKNOWN) {
            Ok(part) => parts.push(part),
            Err(own) => problems.extend(own.iter().map(|problem| format!("{key} {id}: {}", problem.sentence()))),
        }
    }
    Some(parts)
}

impl Kind for SignOnPolicy {
    const KEY: &'static str = "policy";

    fn fields(&self) -> Fields {
        let PolicyWish { application, steps, .. } = self.wish();
        let mut fields = vec![("name", quoted(&self.name))];
        fields.extend(application.map(|application| ("application", quoted(&application))));
        fields.push(("steps", value(&steps)));
        fields
    }
}

impl Kind for Application {
    const KEY: &'static str = "application";

    fn fields(&self) -> Fields {
        let mut fields = vec![("name", quoted(&self.name)), ("url", quoted(self.url.as_str()))];
        let origins = self.additional_allowed_origins.iter().map(AllowedOrigin::as_str);
        fields.push(("additional_allowed_origins", list(origins)));
        let client = self.client_for_redirectless_mode.as_ref();
        fields.extend(client.map(|client| ("client_for_redirectless_mode", quoted(client.as_str()))));
        fields
    }
}

impl Kind for NativeApplication {
    const KEY: &'static str = "native_application";

    fn fields(&self) -> Fields {
        let mut fields = vec![("name", quoted(&self.name)), ("client", quoted(self.client.as_str()))];
        fields.extend(self.package_name.as_ref().map(|name| ("package_name", quoted(name))));
        fields.extend(self.bundle_id.as_ref().map(|id| ("bundle_id", quoted(id))));
        fields.extend(self.uri_prefix.as_ref().map(|prefix| ("uri_prefix", quoted(prefix))));
        fields.push(("automatic_unpairing", self.automatic_unpairing.to_string()));
        fields.extend(self.min_sdk_version.map(|version| ("min_sdk_version", quoted(&version.to_string()))));
        fields
    }
}

impl Kind for MfaPolicy {
    const KEY: &'static str = "mfa_policy";

    fn fields(&self) -> Fields {
        vec![
            ("name", quoted(&self.name)),
            ("no_devices_mode", quoted(self.no_devices_mode.as_str())),
            ("incompatible_devices_mode", quoted(self.incompatible_devices_mode.as_str())),
            ("additional_trusted_devices", quoted(self.additional_trusted_devices.as_str())),
            ("let_in_for", self.let_in_for.to_string()),
            ("new_device_notification", quoted(self.new_device_notification.as_str())),
            ("device_selection", quoted(self.device_selection.as_str())),
            ("number_matching", quoted(self.number_matching.as_str())),
            ("push_timeout", self.push_timeout.to_string()),
            ("push_limit", value(&self.wish().push_limit)),
            ("mobile", value(&self.wish().mobile)),
            ("email", value(&self.wish().email)),
            ("sms", value(&self.wish().sms)),
            ("voice", value(&self.wish().voice)),
            ("totp", value(&self.wish().totp)),
            ("mobile_otp", value(&self.wish().mobile_otp)),
            ("fido2", value(&self.wish().fido2)),
            ("remember_me", value(&self.wish().remember_me)),
            ("applications", value(&self.wish().applications)),
        ]
    }
}

/// Texts, numbers and lists always become TOML.
fn value(wishes: &impl serde::Serialize) -> String {
    toml::Value::try_from(wishes).map(|value| value.to_string()).unwrap_or_default()
}

pub(super) fn settings_fields(settings: &Settings) -> Fields {
    let Settings {
        default_policy,
        default_application,
        restrict_access_to_redirectless_mode,
        policies_disabled,
        flow_api_disabled,
        include_request_context,
    } = settings;
    let mut fields = Vec::new();
    fields.extend(default_policy.as_ref().map(|id| ("default_policy", quoted(id.as_str()))));
    fields.extend(default_application.as_ref().map(|id| ("default_application", quoted(id.as_str()))));
    fields.push(("restrict_access_to_redirectless_mode", restrict_access_to_redirectless_mode.to_string()));
    fields.push(("policies_disabled", policies_disabled.to_string()));
    fields.push(("flow_api_disabled", flow_api_disabled.to_string()));
    fields.push(("include_request_context", include_request_context.to_string()));
    fields
}
