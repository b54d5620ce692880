//! A flow as an authentication application sees it: the state, and the actions that are its links.

use super::{At, Flow, SecondFactor};
use crate::domain::passkey::{Ceremony, Purpose};
use crate::domain::policy::Source;
use crate::protocol::flow_api::{Action, Status};

impl Flow {
    pub const fn status(&self) -> Status {
        match &self.at {
            At::UserCode => Status::OauthDeviceUserCodeRequired,
            At::Device => Status::OauthDeviceUserCodeConfirmationRequired,
            At::Connected => Status::OauthDeviceCompleted,
            At::Account(_) | At::Asking(_, Source::Identifier) => Status::IdentifierRequired,
            At::Asking(_, Source::Password) => Status::UsernamePasswordRequired,
            At::Asking(_, Source::Passkey) if self.makes_passkey() => Status::Fido2ActivationRequired,
            At::Asking(_, Source::Passkey) => Status::AssertionRequired,
            At::Asking(_, Source::Mfa) if self.manages() => Status::DeviceManagement,
            At::Asking(_, Source::Mfa) => match &self.second_factor {
                None => Status::AuthenticationRequired,
                Some(
                    SecondFactor::Authorized(_)
                    | SecondFactor::Verified { .. }
                    | SecondFactor::OtpVerified(_)
                    | SecondFactor::PasskeyVerified(_)
                    | SecondFactor::Waived
                    | SecondFactor::LetIn(_)
                    | SecondFactor::Remembered(_),
                ) => Status::MfaCompleted,
                Some(SecondFactor::Asserting(_)) => Status::AssertionRequired,
                Some(SecondFactor::Pairing(..)) => Status::MobilePairingRequired,
                Some(SecondFactor::Failed(_)) => Status::MfaFailed,
                Some(SecondFactor::Choosing(_)) => Status::DeviceSelectionRequired,
                Some(SecondFactor::Waiting(_) | SecondFactor::Verifying(_)) => Status::PushConfirmationWaiting,
                Some(SecondFactor::TimedOut(_)) => Status::PushConfirmationTimedOut,
                Some(SecondFactor::Rejected) => Status::PushConfirmationRejected,
                Some(SecondFactor::Otp(_) | SecondFactor::Totp(_)) => Status::OtpRequired,
                Some(SecondFactor::SettingUp(setting_up)) => setting_up.status(),
            },
            At::Errand(errand) => errand.status(),
            At::Consent(_) => Status::ConsentRequired,
            At::Ready | At::Left => Status::Resume,
            At::Completed(_) => Status::Completed,
            At::Failed(_) => Status::Failed,
        }
    }

    /// What can be done now, and nothing else can.
    pub fn actions(&self) -> Vec<Action> {
        let mut actions = self.own_actions().to_vec();
        let status = self.status();
        if self.recoverable && status == Status::UsernamePasswordRequired {
            actions.insert(1, Action::InitiateAccountRecovery);
        }
        let proves = matches!(status, Status::UsernamePasswordRequired | Status::AssertionRequired);
        if proves && self.second_factor.is_none() && !self.ways.is_empty() {
            actions.insert(1, Action::UseAlternativeAuthenticationSource);
        }
        if self.may_manage() {
            // Giving up is the last.
            actions.insert(actions.len().saturating_sub(1), Action::ManageDevices);
        }
        actions
    }

    /// Asked for a passkey, the person makes their first one.
    const fn makes_passkey(&self) -> bool {
        matches!(&self.ceremony, Some(Ceremony { purpose: Purpose::Register, .. }))
    }

    /// Of the state itself, whatever else there is.
    const fn own_actions(&self) -> &'static [Action] {
        match &self.at {
            At::UserCode => &[Action::SubmitUserCode],
            At::Device => &[Action::ConfirmUserCode, Action::Cancel],
            At::Account(_) => &[Action::SubmitIdentifier, Action::ClearIdentifier, Action::CancelIdentifierSubmission],
            At::Asking(_, Source::Identifier) => &[Action::SubmitIdentifier, Action::CancelIdentifierSubmission],
            At::Asking(_, Source::Password) => {
                &[Action::CheckUsernamePassword, Action::InitiatePasswordChange, Action::Cancel]
            }
            At::Asking(_, Source::Passkey) if self.makes_passkey() => {
                &[Action::ActivateFido2Device, Action::CancelAuthentication]
            }
            At::Asking(_, Source::Passkey) => &[Action::CheckAssertion, Action::CancelAuthentication],
            At::Asking(_, Source::Mfa) if self.manages() => &[
                Action::SetDefaultDevice,
                Action::RemoveDevice,
                Action::UpdateDeviceNickname,
                Action::ResumeAuthentication,
                Action::CancelAuthentication,
            ],
            At::Asking(_, Source::Mfa) => match &self.second_factor {
                None => &[Action::Authenticate, Action::CancelAuthentication],
                Some(
                    SecondFactor::Authorized(_)
                    | SecondFactor::Verified { .. }
                    | SecondFactor::OtpVerified(_)
                    | SecondFactor::PasskeyVerified(_)
                    | SecondFactor::Waived
                    | SecondFactor::LetIn(_)
                    | SecondFactor::Remembered(_)
                    | SecondFactor::Pairing(..),
                ) => &[Action::ContinueAuthentication],
                Some(SecondFactor::Otp(_)) => {
                    &[Action::CheckOtp, Action::ResendOtp, Action::SelectDevice, Action::CancelAuthentication]
                }
                Some(SecondFactor::Totp(_)) => &[Action::CheckOtp, Action::SelectDevice, Action::CancelAuthentication],
                Some(SecondFactor::Asserting(_)) => {
                    &[Action::CheckAssertion, Action::SelectDevice, Action::CancelAuthentication]
                }
                Some(SecondFactor::Failed(_) | SecondFactor::Rejected) => &[Action::CancelAuthentication],
                Some(SecondFactor::Verifying(_)) => &[Action::Poll, Action::CancelAuthentication],
                Some(waiting @ SecondFactor::Waiting(_)) if waiting.takes_passcode() => {
                    &[Action::Poll, Action::CheckOtp, Action::SelectDevice, Action::CancelAuthentication]
                }
                Some(SecondFactor::Waiting(_)) => &[Action::Poll, Action::SelectDevice, Action::CancelAuthentication],
                Some(over @ SecondFactor::TimedOut(_)) if over.takes_passcode() => {
                    &[Action::CheckOtp, Action::SelectDevice, Action::CancelAuthentication]
                }
                Some(SecondFactor::SettingUp(setting_up)) => setting_up.actions(),
                Some(SecondFactor::Choosing(_)) if self.managing.is_some() => {
                    &[Action::SelectDevice, Action::ResumeAuthentication, Action::CancelAuthentication]
                }
                Some(SecondFactor::Choosing(_) | SecondFactor::TimedOut(_)) => {
                    &[Action::SelectDevice, Action::CancelAuthentication]
                }
            },
            At::Errand(errand) => errand.actions(),
            At::Consent(_) => &[Action::GrantConsent, Action::DenyConsent],
            At::Ready | At::Completed(_) | At::Left | At::Connected | At::Failed(_) => &[],
        }
    }
}
