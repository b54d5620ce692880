//! Whether people can come to trust an app on their phones: what that needs, and what of it is not there
//! [flows.md F2].

use std::sync::Arc;

use super::client::Client;
use super::mfa_policy::{MfaPolicy, Without};
use super::native_application::NativeApplication;
use super::policy::SignOnPolicy;
use super::push::Provider;
use super::sign_on::SignOn;
use crate::protocol::id::MfaPolicyId;
use crate::protocol::words::words;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub code: FindingCode,
    /// Of which policy it is said, where it is said of one.
    pub mfa_policy: Option<MfaPolicyId>,
}

words! {
    /// What is not there, or should be known.
    FindingCode {
        PackageNameMissing = "package_name_missing",
        BundleIdMissing = "bundle_id_missing",
        FcmCredentialsMissing = "fcm_credentials_missing",
        ApnsCredentialsMissing = "apns_credentials_missing",
        ClientSignsNobodyIn = "client_signs_nobody_in",
        AutoEnrollmentMissing = "auto_enrollment_missing",
        MfaStepMissing = "mfa_step_missing",
        SignOnPolicyNotAssigned = "sign_on_policy_not_assigned",
        MfaStepUnreachable = "mfa_step_unreachable",
        PoliciesDisabled = "policies_disabled",
        DeviceAuthorizationMissing = "device_authorization_missing",
        NoDevicesBlocked = "no_devices_blocked",
        TrustOnFirstUse = "trust_on_first_use",
        ExtraVerificationUnreachable = "extra_verification_unreachable",
    }
}

words! {
    /// How much a finding weighs.
    Level {
        /// Without it, nobody is offered to trust the app.
        Missing = "missing",
        /// It works, in a way that the operator should know of.
        Warning = "warning",
    }
}

impl FindingCode {
    pub const fn level(self) -> Level {
        match self {
            Self::ClientSignsNobodyIn
            | Self::AutoEnrollmentMissing
            | Self::MfaStepMissing
            | Self::SignOnPolicyNotAssigned
            | Self::MfaStepUnreachable
            | Self::PoliciesDisabled => Level::Missing,
            // An app may be for one of the two systems; and without a push, it finds questions when it is opened.
            Self::PackageNameMissing
            | Self::BundleIdMissing
            | Self::FcmCredentialsMissing
            | Self::ApnsCredentialsMissing
            | Self::DeviceAuthorizationMissing
            | Self::NoDevicesBlocked
            | Self::TrustOnFirstUse
            | Self::ExtraVerificationUnreachable => Level::Warning,
        }
    }

    pub const fn detail(self) -> &'static str {
        match self {
            Self::PackageNameMissing => "There is no package_name: the app is not known on Android.",
            Self::BundleIdMissing => "There is no bundle_id: the app is not known on Apple's systems.",
            Self::FcmCredentialsMissing => {
                "There are no push credentials for fcm: phones with Android learn of questions only while the app is open."
            }
            Self::ApnsCredentialsMissing => {
                "There are no push credentials for apns: Apple's devices learn of questions only while the app is open."
            }
            Self::ClientSignsNobodyIn => "The client is disabled, or has no grant that signs people in.",
            Self::AutoEnrollmentMissing => "No MFA policy names the application with auto_enrollment.",
            Self::MfaStepMissing => {
                "No sign-on policy has a step with an MFA policy that names the application with auto_enrollment."
            }
            Self::SignOnPolicyNotAssigned => {
                "The sign-on policy of the client has no step with an MFA policy that names the application with \
                 auto_enrollment."
            }
            Self::MfaStepUnreachable => {
                "The sign-on policy of the client never comes to that step for this client: see the conditions (when)."
            }
            Self::PoliciesDisabled => {
                "policies_disabled is set: everybody signs in with username and password, whatever policies say."
            }
            Self::DeviceAuthorizationMissing => {
                "The application has no device_authorization: as a device it proves nothing by itself, and its person is \
                 asked."
            }
            Self::NoDevicesBlocked => {
                "no_devices_mode is block: whoever has no device yet does not get in to enrol one."
            }
            Self::TrustOnFirstUse => {
                "no_devices_mode is bypass: whoever knows the password of somebody without devices enrols the first one."
            }
            Self::ExtraVerificationUnreachable => {
                "extra_verification wants an answer to a push, and there are no push credentials: only an app that is \
                 open can answer."
            }
        }
    }
}

/// All of them, in the order of the codes.
pub fn findings(
    application: &NativeApplication,
    client: Option<&Client>,
    sign_on: &SignOn,
    push: &[Provider],
) -> Vec<Finding> {
    let enrolling: Vec<_> = sign_on.mfa_policies().filter(|policy| policy.enrols(&application.id)).collect();
    let enrols = |policy: &SignOnPolicy| policy.mfa_policies().any(|id| enrolling.iter().any(|one| one.id == *id));
    let signs_in = client.is_some_and(|client| client.sign_in.is_some() && !client.disabled);
    let policy = client.and_then(|client| sign_on.assigned_to(client)).filter(|policy| enrols(policy));
    let unreachable = client.zip(policy).is_some_and(|(client, policy)| {
        let asked = policy.steps_for(&client.id, &client.scope);
        let mut asked = asked.iter().filter_map(|step| step.mfa_policy.as_ref());
        !asked.any(|id| enrolling.iter().any(|one| one.id == *id))
    });
    let lacks = [
        (application.package_name.is_none(), FindingCode::PackageNameMissing),
        (application.bundle_id.is_none(), FindingCode::BundleIdMissing),
        (application.package_name.is_some() && !push.contains(&Provider::Fcm), FindingCode::FcmCredentialsMissing),
        (application.bundle_id.is_some() && !push.contains(&Provider::Apns), FindingCode::ApnsCredentialsMissing),
        (!signs_in, FindingCode::ClientSignsNobodyIn),
        (enrolling.is_empty(), FindingCode::AutoEnrollmentMissing),
        (!sign_on.policies().any(|policy| enrols(policy)), FindingCode::MfaStepMissing),
        (policy.is_none(), FindingCode::SignOnPolicyNotAssigned),
        (unreachable, FindingCode::MfaStepUnreachable),
        (sign_on.policies_disabled(), FindingCode::PoliciesDisabled),
    ];
    let lacks = lacks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, code)| Finding { code, mfa_policy: None });
    let of_policies = enrolling.iter().flat_map(|policy| {
        let first = match policy.no_devices_mode {
            // What they make on the way is no app of this kind.
            Without::Block | Without::Setup | Without::Offer => FindingCode::NoDevicesBlocked,
            Without::Bypass => FindingCode::TrustOnFirstUse,
        };
        let silent = policy.authorizes(&application.id);
        let asked = (!silent).then_some(FindingCode::DeviceAuthorizationMissing);
        asked.into_iter().chain([first]).map(move |code| Finding { code, mfa_policy: Some(policy.id.clone()) })
    });
    let asks = |policy: &&Arc<MfaPolicy>| policy.authorizes(&application.id) && policy.extra(&application.id).is_some();
    let unheard = sign_on
        .mfa_policies()
        .filter(asks)
        .filter(|_| push.is_empty())
        .map(|policy| Finding { code: FindingCode::ExtraVerificationUnreachable, mfa_policy: Some(policy.id.clone()) });
    lacks.chain(of_policies).chain(unheard).collect()
}

/// Whether nothing is missing.
pub fn is_ready(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.code.level() != Level::Missing)
}
