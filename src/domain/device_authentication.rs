//! A second factor that a server asks for, of somebody whom it knows by means of its own [flows.md A.3].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::flow::{Flow, SecondFactor};
use super::policy::{Branch, SignOnPolicy, Source, Step};
use super::session::amr_of_code;
use crate::clock::Timestamp;
use crate::protocol::acr::AMR_PASSKEY;
use crate::protocol::authorization_request::{AuthorizationRequest, Destination, ResponseMode, ResponseType};
use crate::protocol::device_authentication::{Action, CANCELLED, REJECTED, Status};
use crate::protocol::extent::Extent;
use crate::protocol::id::{ClientId, DeviceId, MfaPolicyId, PolicyId, StepId};
use crate::protocol::scope::Scope;

/// From when it was asked for, one is there so long, whatever comes of it.
pub const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The one policy, and its one step.
const NAME: &str = "device-authentication";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAuthentication {
    /// Has a second factor and nothing else. It rests here alone: the flow API does not know it.
    pub flow: Flow,
    pub policy: MfaPolicyId,
    /// On this device the person is asked, and on no other. `None`: the policy says where.
    pub device: Option<DeviceId>,
    /// Whoever asked wants no answer any more.
    pub cancelled: bool,
    pub updated_at: Timestamp,
}

impl DeviceAuthentication {
    /// Who asked, and nobody else may look.
    pub const fn client(&self) -> &ClientId {
        &self.flow.client
    }

    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.flow.started_at + LONGEST
    }

    /// Where it is now.
    #[must_use]
    pub fn at(self, flow: Flow, now: Timestamp) -> Self {
        let updated_at = if flow == self.flow { self.updated_at } else { now };
        Self { flow, updated_at, ..self }
    }

    /// Nobody is asked on a phone any more: on which of these devices, is said next. `ends`: on none.
    #[must_use]
    pub fn taken_back(mut self, devices: Vec<DeviceId>, ends: bool, now: Timestamp) -> Self {
        self.flow.second_factor = Some(SecondFactor::Choosing(devices));
        Self { cancelled: ends, updated_at: now, ..self }
    }

    pub const fn status(&self) -> Status {
        if self.cancelled {
            return Status::Failed;
        }
        match &self.flow.second_factor {
            // For a moment, while it is found out whom else there is to ask.
            None | Some(SecondFactor::Waiting(_) | SecondFactor::Verifying(_)) => Status::PushConfirmationRequired,
            Some(SecondFactor::TimedOut(_)) => Status::PushConfirmationTimedOut,
            Some(SecondFactor::Choosing(_)) => Status::DeviceSelectionRequired,
            Some(SecondFactor::Otp(_) | SecondFactor::Totp(_)) => Status::OtpRequired,
            Some(SecondFactor::Asserting(_)) => Status::AssertionRequired,
            Some(
                SecondFactor::Authorized(_)
                | SecondFactor::Waived
                | SecondFactor::Pairing(..)
                | SecondFactor::OtpVerified(_)
                | SecondFactor::LetIn(_)
                | SecondFactor::Remembered(_)
                | SecondFactor::PasskeyVerified(_)
                | SecondFactor::Verified { .. },
            ) => Status::Completed,
            // Devices are made on the way of a sign-in alone.
            Some(SecondFactor::Failed(_) | SecondFactor::Rejected | SecondFactor::SettingUp(_)) => Status::Failed,
        }
    }

    /// What can be done now.
    pub const fn actions(&self) -> &'static [Action] {
        // [flows.md F9] that of a phone that no push reaches does as well as its answer.
        let by_passcode = match &self.flow.second_factor {
            Some(second_factor) => second_factor.takes_passcode(),
            None => false,
        };
        match self.status() {
            Status::PushConfirmationTimedOut if by_passcode => &[Action::CheckOtp, Action::SelectDevice],
            Status::DeviceSelectionRequired | Status::PushConfirmationTimedOut => &[Action::SelectDevice],
            Status::OtpRequired => &[Action::CheckOtp, Action::SelectDevice],
            Status::AssertionRequired => &[Action::CheckAssertion, Action::SelectDevice],
            // An app that nobody looks at is not asked on another device.
            Status::PushConfirmationRequired if self.flow.waits_for().is_some() => {
                if by_passcode {
                    &[Action::CheckOtp, Action::SelectDevice, Action::CancelPush]
                } else {
                    &[Action::SelectDevice, Action::CancelPush]
                }
            }
            Status::PushConfirmationRequired | Status::Completed | Status::Failed => &[],
        }
    }

    /// Why it has failed: a code, and words for the developer.
    pub const fn error(&self) -> Option<(&'static str, &'static str)> {
        if self.cancelled {
            return Some(CANCELLED);
        }
        match &self.flow.second_factor {
            Some(SecondFactor::Failed(why)) => Some((why.as_str(), why.message())),
            Some(SecondFactor::Rejected) => Some(REJECTED),
            Some(_) | None => None,
        }
    }

    /// By what it is the person: space-separated RFC 8176 names. `None`: nothing was shown.
    pub fn amr(&self) -> Option<&'static str> {
        match self.flow.second_factor.as_ref()? {
            SecondFactor::Authorized(trusted)
            | SecondFactor::Verified { trusted, .. }
            | SecondFactor::LetIn(Some(trusted)) => Some(trusted.amr()),
            SecondFactor::OtpVerified(source) => Some(amr_of_code(*source)),
            SecondFactor::PasskeyVerified(_) => Some(AMR_PASSKEY),
            SecondFactor::Waived
            | SecondFactor::LetIn(None)
            | SecondFactor::Remembered(_)
            | SecondFactor::Pairing(..)
            | SecondFactor::Failed(_)
            | SecondFactor::Choosing(_)
            | SecondFactor::Waiting(_)
            | SecondFactor::TimedOut(_)
            | SecondFactor::Rejected
            | SecondFactor::Otp(_)
            | SecondFactor::Totp(_)
            | SecondFactor::Asserting(_)
            | SecondFactor::SettingUp(_)
            | SecondFactor::Verifying(_) => None,
        }
    }
}

/// A second factor by this MFA policy is all that is asked for.
pub fn one_step(policy: &MfaPolicyId) -> Option<SignOnPolicy> {
    let step = Step {
        id: StepId::parse(NAME)?,
        source: Source::Mfa,
        alternatives: Vec::new(),
        enrol: false,
        mfa_policy: Some(policy.clone()),
        when: Vec::new(),
        success: Branch::Done,
        failure: Branch::Fail,
    };
    Some(SignOnPolicy {
        id: PolicyId::parse(NAME)?,
        name: NAME.to_owned(),
        application: None,
        root: Branch::Step(Box::new(step)),
        created_at: Timestamp::from_seconds(0),
    })
}

/// No relying party has sent anybody, and nobody is sent anywhere.
pub fn request() -> Option<AuthorizationRequest> {
    Some(AuthorizationRequest {
        destination: Destination { redirect_uri: String::new(), mode: ResponseMode::Flow, state: None },
        response_type: ResponseType::Code,
        scope: Scope::parse(Scope::OPENID)?,
        nonce: None,
        challenge: None,
        dpop_jkt: None,
        prompt: Vec::new(),
        max_age: None,
        acr_values: None,
        login_hint: None,
        ui_locales: None,
        extent: Extent::default(),
    })
}
