//! The words of the authentication-flow API: states, actions, errors.

mod members;
mod plugin;
mod validator;

use std::borrow::Cow;

pub use self::members::Members;
pub use self::plugin::Plugin;
pub use self::validator::Validator;
use super::words::words;

words! {
    /// Where a flow is.
    Status {
        IdentifierRequired = "IDENTIFIER_REQUIRED",
        UsernamePasswordRequired = "USERNAME_PASSWORD_REQUIRED",
        /// A passkey is to answer to `publicKeyCredentialRequestOptions`.
        AssertionRequired = "ASSERTION_REQUIRED",
        /// A passkey is to be made of `publicKeyCredentialCreationOptions`.
        Fido2ActivationRequired = "FIDO2_ACTIVATION_REQUIRED",
        /// A second factor is asked for: which one, the app or the person says.
        AuthenticationRequired = "AUTHENTICATION_REQUIRED",
        /// The person says on which of their devices they are asked.
        DeviceSelectionRequired = "DEVICE_SELECTION_REQUIRED",
        /// The person looks after their devices.
        DeviceManagement = "DEVICE_MANAGEMENT",
        /// The person is asked on a device of theirs.
        PushConfirmationWaiting = "PUSH_CONFIRMATION_WAITING",
        /// Nobody has answered in time.
        PushConfirmationTimedOut = "PUSH_CONFIRMATION_TIMED_OUT",
        /// The person said no.
        PushConfirmationRejected = "PUSH_CONFIRMATION_REJECTED",
        /// A code was sent to the person.
        OtpRequired = "OTP_REQUIRED",
        /// The second factor is done with.
        MfaCompleted = "MFA_COMPLETED",
        /// The app may become a trusted device before the flow goes on.
        MobilePairingRequired = "MOBILE_PAIRING_REQUIRED",
        /// The person has nothing that counts as a second factor, and makes it on the way.
        MfaSetupRequired = "MFA_SETUP_REQUIRED",
        /// What is it to be?
        DevicePairingMethodRequired = "DEVICE_PAIRING_METHOD_REQUIRED",
        /// An authenticator app is to have `pairingKey`, and to show a code of it.
        TotpActivationRequired = "TOTP_ACTIVATION_REQUIRED",
        /// The app on a phone is to bring `pairingKey`.
        MobileActivationRequired = "MOBILE_ACTIVATION_REQUIRED",
        /// Where are codes to be sent?
        EmailPairingTargetRequired = "EMAIL_PAIRING_TARGET_REQUIRED",
        SmsPairingTargetRequired = "SMS_PAIRING_TARGET_REQUIRED",
        VoicePairingTargetRequired = "VOICE_PAIRING_TARGET_REQUIRED",
        /// One was sent there, to whoever said so.
        EmailActivationRequired = "EMAIL_ACTIVATION_REQUIRED",
        SmsActivationRequired = "SMS_ACTIVATION_REQUIRED",
        VoiceActivationRequired = "VOICE_ACTIVATION_REQUIRED",
        /// There is no second factor, or none that counts.
        MfaFailed = "MFA_FAILED",
        /// The person is to agree to what the relying party asks for.
        ConsentRequired = "CONSENT_REQUIRED",
        /// Which code does the device show?
        OauthDeviceUserCodeRequired = "OAUTH_DEVICE_USER_CODE_REQUIRED",
        /// Is it the device in front of the person, and what they want?
        OauthDeviceUserCodeConfirmationRequired = "OAUTH_DEVICE_USER_CODE_CONFIRMATION_REQUIRED",
        /// The device is connected.
        OauthDeviceCompleted = "OAUTH_DEVICE_COMPLETED",
        /// Whoever wants another password gives the one that there is.
        CurrentCredentialsRequired = "CURRENT_CREDENTIALS_REQUIRED",
        NewPasswordRequired = "NEW_PASSWORD_REQUIRED",
        /// Nothing goes on until the password is changed.
        MustChangePassword = "MUST_CHANGE_PASSWORD",
        SuccessfulPasswordChange = "SUCCESSFUL_PASSWORD_CHANGE",
        AccountRecoveryUsernameRequired = "ACCOUNT_RECOVERY_USERNAME_REQUIRED",
        /// A message with a link is on its way, if there is somebody to send it to: it goes on where that is opened.
        AccountRecoveryOtlVerificationRequired = "ACCOUNT_RECOVERY_OTL_VERIFICATION_REQUIRED",
        /// A message with a code is on its way, if there is somebody to send it to.
        RecoveryCodeRequired = "RECOVERY_CODE_REQUIRED",
        PasswordResetRequired = "PASSWORD_RESET_REQUIRED",
        SuccessfulPasswordReset = "SUCCESSFUL_PASSWORD_RESET",
        /// The person gave up on `canceledOperation`.
        Canceled = "CANCELED",
        /// The browser goes to `resumeUrl`.
        Resume = "RESUME",
        /// Without a browser: the answer is in `authorizeResponse`.
        Completed = "COMPLETED",
        Failed = "FAILED",
    }
}

words! {
    /// What a client of the API can do to a flow.
    Action {
        SubmitIdentifier = "submitIdentifier",
        /// The one that is offered is not the one.
        ClearIdentifier = "clearIdentifier",
        CancelIdentifierSubmission = "cancelIdentifierSubmission",
        CheckUsernamePassword = "checkUsernamePassword",
        CheckAssertion = "checkAssertion",
        ActivateFido2Device = "activateFido2Device",
        Authenticate = "authenticate",
        /// On this device the person is asked, be it once more.
        SelectDevice = "selectDevice",
        /// First of all, the person wants to look after their devices.
        ManageDevices = "manageDevices",
        SetDefaultDevice = "setDefaultDevice",
        RemoveDevice = "removeDevice",
        UpdateDeviceNickname = "updateDeviceNickname",
        /// Enough of that.
        ResumeAuthentication = "resumeAuthentication",
        /// The code that was sent.
        CheckOtp = "checkOtp",
        /// Another one, in its place.
        ResendOtp = "resendOtp",
        /// Is there an answer?
        Poll = "poll",
        /// Whoever has no second factor makes one.
        SetupMfa = "setupMfa",
        /// Or goes on without.
        SkipMfa = "skipMfa",
        /// Of this kind.
        SelectDevicePairingMethod = "selectDevicePairingMethod",
        /// The first code of an authenticator app.
        ActivateTotpDevice = "activateTotpDevice",
        /// Where codes are sent from now on.
        SubmitEmailTarget = "submitEmailTarget",
        SubmitSmsTarget = "submitSmsTarget",
        SubmitVoiceTarget = "submitVoiceTarget",
        /// The first code that was sent there.
        ActivateEmailDevice = "activateEmailDevice",
        ActivateSmsDevice = "activateSmsDevice",
        ActivateVoiceDevice = "activateVoiceDevice",
        CancelDevicePairing = "cancelDevicePairing",
        UseAlternativeAuthenticationSource = "useAlternativeAuthenticationSource",
        Cancel = "cancel",
        CancelAuthentication = "cancelAuthentication",
        GrantConsent = "grantConsent",
        DenyConsent = "denyConsent",
        SubmitUserCode = "submitUserCode",
        ConfirmUserCode = "confirmUserCode",
        InitiatePasswordChange = "initiatePasswordChange",
        CheckCurrentCredentials = "checkCurrentCredentials",
        CheckNewPassword = "checkNewPassword",
        CancelPasswordChange = "cancelPasswordChange",
        InitiateAccountRecovery = "initiateAccountRecovery",
        CheckAccountRecoveryUsername = "checkAccountRecoveryUsername",
        CheckRecoveryCode = "checkRecoveryCode",
        CheckPasswordReset = "checkPasswordReset",
        CancelAccountRecovery = "cancelAccountRecovery",
        ContinueAuthentication = "continueAuthentication",
    }
}

words! {
    /// What the person gave up.
    CanceledOperation {
        PasswordChange = "PASSWORD_CHANGE",
        AccountRecovery = "ACCOUNT_RECOVERY",
    }
}

/// One member of an action's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: &'static str,
    pub required: bool,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Flag,
    /// An object whose one member is the `id` of something.
    Reference,
    /// The same, with the `deviceType` of a device that is to be made.
    Method,
}

impl Kind {
    /// The one member of an object. `None`: it is no object.
    pub const fn names(self) -> Option<&'static str> {
        match self {
            Self::Text | Self::Flag => None,
            Self::Reference => Some("id"),
            Self::Method => Some("deviceType"),
        }
    }
}

/// By which the person says that they are not asked for a second factor in this browser for some time.
pub const REMEMBER_ME: &str = "rememberMe";

impl Action {
    /// What the body of the action may have; it has nothing else.
    pub const fn members(self) -> &'static [Member] {
        const fn text(name: &'static str, required: bool) -> Member {
            Member { name, required, kind: Kind::Text }
        }
        const fn flag(name: &'static str) -> Member {
            Member { name, required: false, kind: Kind::Flag }
        }
        const IDENTIFIER: &[Member] = &[text("identifier", true)];
        const PASSWORD: &[Member] = &[
            text("username", true),
            text("password", true),
            flag("rememberMyUsername"),
            flag("thisIsMyDevice"),
            text("captchaResponse", false),
        ];
        const ASSERTION: &[Member] = &[text("assertion", true), text("origin", false), text("compatibility", false)];
        const ATTESTATION: &[Member] = &[text("attestation", true), text("origin", false), text("nickname", false)];
        const PAYLOAD: &[Member] = &[text("mobilePayload", false)];
        const DEVICE: &[Member] =
            &[Member { name: "deviceRef", required: true, kind: Kind::Reference }, text("mobilePayload", false)];
        const OWN_DEVICE: &[Member] = &[Member { name: "deviceRef", required: true, kind: Kind::Reference }];
        const NICKNAME: &[Member] = &[text("id", true), text("nickname", true)];
        const OTP: &[Member] = &[text("otp", true), text("mobilePayload", false)];
        const FIRST_OTP: &[Member] = &[text("otp", true)];
        const ADDRESS: &[Member] = &[text("email", true)];
        const NUMBER: &[Member] = &[text("phone", true)];
        const METHOD: &[Member] = &[Member { name: "devicePairingMethod", required: true, kind: Kind::Method }];
        const SOURCE: &[Member] = &[text("authenticationSource", true)];
        const CONSENT: &[Member] = &[text("scope", false)];
        const USER_CODE: &[Member] = &[text("userCode", true)];
        const CREDENTIALS: &[Member] = &[text("username", true), text("password", true)];
        const NEW_PASSWORD: &[Member] = &[
            text("username", false),
            text("existingPassword", false),
            text("newPassword", true),
            text("captchaResponse", false),
        ];
        const HINT: &[Member] = &[text("usernameHint", false)];
        const FORGOTTEN: &[Member] = &[text("username", true), text("captchaResponse", false)];
        const RECOVERY_CODE: &[Member] = &[text("recoveryCode", true)];
        const RESET: &[Member] = &[text("newPassword", true)];
        const ONWARD: &[Member] = &[flag(REMEMBER_ME)];
        match self {
            Self::CheckCurrentCredentials => CREDENTIALS,
            Self::CheckNewPassword => NEW_PASSWORD,
            Self::InitiateAccountRecovery => HINT,
            Self::CheckAccountRecoveryUsername => FORGOTTEN,
            Self::CheckRecoveryCode => RECOVERY_CODE,
            Self::CheckPasswordReset => RESET,
            Self::SubmitIdentifier | Self::ClearIdentifier => IDENTIFIER,
            Self::CheckUsernamePassword => PASSWORD,
            Self::CheckAssertion => ASSERTION,
            Self::ActivateFido2Device => ATTESTATION,
            Self::Authenticate => PAYLOAD,
            Self::SelectDevice => DEVICE,
            Self::SetDefaultDevice | Self::RemoveDevice => OWN_DEVICE,
            Self::UpdateDeviceNickname => NICKNAME,
            Self::CheckOtp => OTP,
            Self::SelectDevicePairingMethod => METHOD,
            Self::SubmitEmailTarget => ADDRESS,
            Self::SubmitSmsTarget | Self::SubmitVoiceTarget => NUMBER,
            Self::ActivateTotpDevice
            | Self::ActivateEmailDevice
            | Self::ActivateSmsDevice
            | Self::ActivateVoiceDevice => FIRST_OTP,
            Self::UseAlternativeAuthenticationSource => SOURCE,
            Self::GrantConsent => CONSENT,
            Self::SubmitUserCode | Self::ConfirmUserCode => USER_CODE,
            Self::CancelIdentifierSubmission
            | Self::Cancel
            | Self::CancelAuthentication
            | Self::DenyConsent
            | Self::Poll
            | Self::ManageDevices
            | Self::ResumeAuthentication
            | Self::ResendOtp
            | Self::SetupMfa
            | Self::SkipMfa
            | Self::CancelDevicePairing
            | Self::InitiatePasswordChange
            | Self::CancelPasswordChange
            | Self::CancelAccountRecovery => &[],
            Self::ContinueAuthentication => ONWARD,
        }
    }
}

words! {
    /// Why an action was refused.
    FlowErrorCode {
        ValidationError = "VALIDATION_ERROR",
        InvalidRequest = "INVALID_REQUEST",
        InvalidActionId = "INVALID_ACTION_ID",
        RequestFailed = "REQUEST_FAILED",
        FlowNotFound = "FLOW_NOT_FOUND",
        UnexpectedError = "UNEXPECTED_ERROR",
    }
}

words! {
    /// What exactly.
    DetailCode {
        FieldRequired = "FIELD_REQUIRED",
        InvalidFieldFormat = "INVALID_FIELD_FORMAT",
        InvalidFieldValue = "INVALID_FIELD_VALUE",
        UnrecognizedFieldName = "UNRECOGNIZED_FIELD_NAME",
        UnexpectedActionModel = "UNEXPECTED_ACTION_MODEL",
        CredentialValidationFailed = "CREDENTIAL_VALIDATION_FAILED",
        InvalidMobilePayload = "INVALID_MOBILE_PAYLOAD",
        InvalidDevice = "INVALID_DEVICE",
        PushFailed = "PUSH_FAILED",
        InvalidUserCode = "INVALID_USER_CODE",
        InvalidOtp = "INVALID_OTP",
        OtpAttemptsLimit = "OTP_ATTEMPTS_LIMIT",
        OtpResendLimit = "OTP_RESEND_LIMIT",
        OtpExpired = "OTP_EXPIRED",
        PasswordChangeError = "PASSWORD_CHANGE_ERROR",
        UserCodeExpired = "USER_CODE_EXPIRED",
        InvalidContentType = "INVALID_CONTENT_TYPE",
    }
}

impl FlowErrorCode {
    /// For the developer.
    pub const fn message(self) -> &'static str {
        match self {
            Self::ValidationError => "One or more validation errors occurred; see details.",
            Self::InvalidRequest => "The request is malformed; see details.",
            Self::InvalidActionId => "The action is not one of the links of the present state.",
            Self::RequestFailed => "The request was understood and did not succeed; see details.",
            Self::FlowNotFound => "There is no such flow, it has ended, or it is another browser's.",
            Self::UnexpectedError => "Something went wrong on the server.",
        }
    }
}

impl DetailCode {
    /// For the developer.
    pub const fn message(self) -> &'static str {
        match self {
            Self::FieldRequired => "The member is required.",
            Self::InvalidFieldFormat => "The member has another type.",
            Self::InvalidFieldValue => "The value is not possible here.",
            Self::UnrecognizedFieldName => "The action has no such member.",
            Self::UnexpectedActionModel => "The body is not a JSON object.",
            Self::CredentialValidationFailed => "The credentials are wrong.",
            Self::InvalidMobilePayload => "The payload is none that the SDK has just made for this application.",
            Self::InvalidDevice => "The device is none on which the person can be asked, or none of theirs.",
            Self::PushFailed => "The person is asked too often, and is not asked on a device for some time.",
            Self::InvalidUserCode => "The code is not the one of this flow, or of no device that waits.",
            Self::UserCodeExpired => "The device waits no more.",
            Self::InvalidOtp => "The code is wrong.",
            Self::OtpAttemptsLimit => "Too many codes were wrong: this one is worth nothing any more.",
            Self::OtpResendLimit => "No other code is sent yet.",
            Self::OtpExpired => "The message is worth nothing any more.",
            Self::PasswordChangeError => "This cannot be the new password; see failedValidators.",
            Self::InvalidContentType => "The content type names no action, or another one than the query.",
        }
    }
}

/// The longest name of an unknown member that is told again.
const LONGEST_NAME: usize = 64;

/// One reason among those of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    pub code: DetailCode,
    /// The member that it is about. An unknown one is told again where it looks like the name of a member.
    pub target: Option<Cow<'static, str>>,
    /// What a new password does not fulfil.
    pub failed: Option<Validator>,
    /// How many more may be wrong.
    pub attempts_remaining: Option<u32>,
}

/// A refused action. The flow is where it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {why}")]
pub struct FlowRefusal {
    pub code: FlowErrorCode,
    pub details: Vec<Detail>,
    /// For log and audit trail: our own words.
    pub why: &'static str,
}

impl FlowRefusal {
    pub const fn new(code: FlowErrorCode, why: &'static str) -> Self {
        Self { code, details: Vec::new(), why }
    }

    #[must_use]
    pub fn about(mut self, code: DetailCode, target: Option<&'static str>) -> Self {
        let target = target.map(Cow::Borrowed);
        self.details.push(Detail { code, target, failed: None, attempts_remaining: None });
        self
    }

    /// A member that the action does not have.
    #[must_use]
    fn about_unknown(mut self, name: &str) -> Self {
        let is_name =
            name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let (code, target) = (DetailCode::UnrecognizedFieldName, is_name.then(|| Cow::Owned(name.to_owned())));
        self.details.push(Detail { code, target, failed: None, attempts_remaining: None });
        self
    }

    /// A password that somebody chose, and cannot have.
    #[must_use]
    pub fn failing(mut self, target: &'static str, validator: Validator) -> Self {
        let code = DetailCode::PasswordChangeError;
        let target = Some(Cow::Borrowed(target));
        self.details.push(Detail { code, target, failed: Some(validator), attempts_remaining: None });
        self
    }

    /// A code that was wrong, and may be so many times more.
    pub fn wrong_code(attempts_remaining: u32) -> Self {
        let mut refusal = Self::new(FlowErrorCode::ValidationError, "a wrong code");
        let (code, target) = (DetailCode::InvalidOtp, Some(Cow::Borrowed("otp")));
        let attempts_remaining = Some(attempts_remaining);
        refusal.details.push(Detail { code, target, failed: None, attempts_remaining });
        refusal
    }

    pub fn invalid(code: DetailCode, target: Option<&'static str>, why: &'static str) -> Self {
        Self::new(FlowErrorCode::ValidationError, why).about(code, target)
    }

    /// Whether a member was left out that has to be there.
    pub fn misses(&self, member: &str) -> bool {
        self.details
            .iter()
            .any(|detail| detail.code == DetailCode::FieldRequired && detail.target.as_deref() == Some(member))
    }

    pub const fn not_found(why: &'static str) -> Self {
        Self::new(FlowErrorCode::FlowNotFound, why)
    }

    pub const fn not_now() -> Self {
        Self::new(FlowErrorCode::InvalidActionId, "an action that is no link of the state")
    }
}
