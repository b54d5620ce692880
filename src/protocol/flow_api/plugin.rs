//! What it is that asks in a state [flows.md A.1].

use super::Status;
use crate::protocol::words::words;

words! {
    /// What it is that asks: `pluginTypeId`.
    Plugin {
        Identifier = "identifier",
        /// Its change and its recovery as well.
        Password = "password",
        Passkey = "passkey",
        Mfa = "mfa",
        Consent = "consent",
        DeviceGrant = "device_grant",
        /// Nothing asks any more.
        Policy = "policy",
    }
}

impl Status {
    pub const fn plugin(self) -> Plugin {
        match self {
            Self::IdentifierRequired => Plugin::Identifier,
            Self::UsernamePasswordRequired
            | Self::CurrentCredentialsRequired
            | Self::NewPasswordRequired
            | Self::MustChangePassword
            | Self::SuccessfulPasswordChange
            | Self::AccountRecoveryUsernameRequired
            | Self::AccountRecoveryOtlVerificationRequired
            | Self::RecoveryCodeRequired
            | Self::PasswordResetRequired
            | Self::SuccessfulPasswordReset
            | Self::Canceled => Plugin::Password,
            Self::AssertionRequired | Self::Fido2ActivationRequired => Plugin::Passkey,
            Self::AuthenticationRequired
            | Self::DeviceSelectionRequired
            | Self::DeviceManagement
            | Self::PushConfirmationWaiting
            | Self::PushConfirmationTimedOut
            | Self::PushConfirmationRejected
            | Self::OtpRequired
            | Self::MfaCompleted
            | Self::MobilePairingRequired
            | Self::MfaSetupRequired
            | Self::DevicePairingMethodRequired
            | Self::TotpActivationRequired
            | Self::MobileActivationRequired
            | Self::EmailPairingTargetRequired
            | Self::SmsPairingTargetRequired
            | Self::VoicePairingTargetRequired
            | Self::EmailActivationRequired
            | Self::SmsActivationRequired
            | Self::VoiceActivationRequired
            | Self::MfaFailed => Plugin::Mfa,
            Self::ConsentRequired => Plugin::Consent,
            Self::OauthDeviceUserCodeRequired
            | Self::OauthDeviceUserCodeConfirmationRequired
            | Self::OauthDeviceCompleted => Plugin::DeviceGrant,
            Self::Resume | Self::Completed | Self::Failed => Plugin::Policy,
        }
    }
}
