//! What happened, for whoever must answer for it later.

use serde::Serialize;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::protocol::id::{ClientId, DeviceId, RequestId, UserId};

/// One event. Past tense, dotted names; never a token, a hint, a message or an address.
#[derive(Clone, Debug)]
pub struct Event {
    /// Ordered by time. An event that is written twice, because nobody knew whether it was, is one.
    pub id: Uuid,
    pub at: Timestamp,
    pub action: Action,
    pub outcome: Outcome,
    /// Why, for a refusal: our own words or a code, never what was sent. Or what it is about.
    pub reason: Option<String>,
    pub client: Option<ClientId>,
    pub user: Option<UserId>,
    pub device: Option<DeviceId>,
    pub request: Option<RequestId>,
    /// Whose hand did it, where it was not the client, the person or the device itself.
    pub actor: Option<Actor>,
}

/// Who administers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A client with administrative scopes.
    Client(ClientId),
    /// Whoever holds the bootstrap token.
    Bootstrap,
    /// Whoever runs commands on the server's data.
    CommandLine,
}

impl Actor {
    pub fn text(&self) -> String {
        match self {
            Self::Client(id) => format!("client:{id}"),
            Self::Bootstrap => "bootstrap".to_owned(),
            Self::CommandLine => "command_line".to_owned(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Refused,
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

macro_rules! actions {
    ($($name:ident = $text:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($name,)* }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

actions! {
    RequestCreated = "request.created",
    RequestApproved = "request.approved",
    RequestDenied = "request.denied",
    RequestReported = "request.reported",
    RequestCancelled = "request.cancelled",
    RequestPinged = "request.pinged",
    RequestPushed = "request.pushed",
    RequestRedeemed = "request.redeemed",
    SignInCompleted = "sign_in.completed",
    SignInRefused = "sign_in.refused",
    CodeRedeemed = "code.redeemed",
    CodeReused = "code.reused",
    SessionBegun = "session.begun",
    SessionEnded = "session.ended",
    SessionEndNotTold = "session.end_not_told",
    ConsentGiven = "consent.given",
    ConsentWithdrawn = "consent.withdrawn",
    DeviceAuthorizationRequested = "device_authorization.requested",
    DeviceAuthorizationApproved = "device_authorization.approved",
    DeviceAuthorizationDenied = "device_authorization.denied",
    DeviceAuthorizationRedeemed = "device_authorization.redeemed",
    TokenIssued = "token.issued",
    TokenExchanged = "token.exchanged",
    TokenRefreshed = "token.refreshed",
    TokenReused = "token.reused",
    TokenRevoked = "token.revoked",
    TokenIntrospected = "token.introspected",
    UserinfoRead = "userinfo.read",
    SecondFactorEvaluated = "second_factor.evaluated",
    OtpSent = "otp.sent",
    OtpDeviceAdded = "otp_device.added",
    OtpDeviceUpdated = "otp_device.updated",
    OtpDeviceRemoved = "otp_device.removed",
    TotpDeviceAdded = "totp_device.added",
    TotpDeviceActivated = "totp_device.activated",
    TotpDeviceRemoved = "totp_device.removed",
    DevicePaired = "device.paired",
    DeviceUnpaired = "device.unpaired",
    DeviceBlocked = "device.blocked",
    DeviceUnblocked = "device.unblocked",
    DeviceUpdated = "device.updated",
    DeviceKeyRotated = "device.key_rotated",
    DeviceCalled = "device.called",
    DevicePushTokenSet = "device.push_token_set",
    DevicePushTokenRemoved = "device.push_token_removed",
    DevicePushEnabled = "device.push_enabled",
    DevicePushDisabled = "device.push_disabled",
    ClientAuthenticated = "client.authenticated",
    ClientCreated = "client.created",
    ClientRegistered = "client.registered",
    ClientUpdated = "client.updated",
    ClientSecretRotated = "client.secret_rotated",
    ClientDeleted = "client.deleted",
    UserCreated = "user.created",
    UserUpdated = "user.updated",
    UserLocked = "user.locked",
    UserUnlocked = "user.unlocked",
    UserDisabled = "user.disabled",
    UserDeleted = "user.deleted",
    PasswordChecked = "password.checked",
    PasswordChanged = "password.changed",
    PasswordChangeRequired = "password.change_required",
    PasswordChangeWaived = "password.change_waived",
    PasswordChangeTold = "password.change_told",
    DeviceChangeTold = "device.change_told",
    PasswordRecoverySent = "password.recovery_sent",
    PasswordReset = "password.reset",
    UserCodeSet = "user_code.set",
    UserCodeRemoved = "user_code.removed",
    PasskeyChecked = "passkey.checked",
    PasskeyAdded = "passkey.added",
    PasskeyUpdated = "passkey.updated",
    PasskeyRemoved = "passkey.removed",
    InitialAccessTokenCreated = "initial_access_token.created",
    InitialAccessTokenRevoked = "initial_access_token.revoked",
    PairingKeyCreated = "pairing_key.created",
    PairingKeyRevoked = "pairing_key.revoked",
    KeyCreated = "key.created",
    KeyRotated = "key.rotated",
    KeyRetired = "key.retired",
    PolicyCreated = "policy.created",
    PolicyUpdated = "policy.updated",
    PolicyDeleted = "policy.deleted",
    ApplicationCreated = "application.created",
    ApplicationUpdated = "application.updated",
    ApplicationDeleted = "application.deleted",
    NativeApplicationCreated = "native_application.created",
    NativeApplicationUpdated = "native_application.updated",
    NativeApplicationDeleted = "native_application.deleted",
    PushCredentialsSet = "push_credentials.set",
    PushCredentialsRemoved = "push_credentials.removed",
    MfaPolicyCreated = "mfa_policy.created",
    MfaPolicyUpdated = "mfa_policy.updated",
    MfaPolicyDeleted = "mfa_policy.deleted",
    SignOnSettingsUpdated = "sign_on_settings.updated",
    WebhookCreated = "webhook.created",
    WebhookUpdated = "webhook.updated",
    WebhookSecretRotated = "webhook.secret_rotated",
    WebhookDeleted = "webhook.deleted",
    WebhookGaveUp = "webhook.gave_up",
    WebhookDisabled = "webhook.disabled",
    AdminBootstrapped = "admin.bootstrapped",
    AdminCalled = "admin.called",
    InputRefused = "input.refused",
}

impl Event {
    pub fn new(id: Uuid, at: Timestamp, action: Action) -> Self {
        Self {
            id,
            at,
            action,
            outcome: Outcome::Done,
            reason: None,
            client: None,
            user: None,
            device: None,
            request: None,
            actor: None,
        }
    }

    #[must_use]
    pub fn refused(self, reason: impl Into<String>) -> Self {
        Self { outcome: Outcome::Refused, reason: Some(reason.into()), ..self }
    }

    /// What it is about, where that is none of the others: a name that an operator gave.
    #[must_use]
    pub fn of(self, name: &str) -> Self {
        Self { reason: Some(name.to_owned()), ..self }
    }

    #[must_use]
    pub fn client(self, client: &ClientId) -> Self {
        Self { client: Some(client.clone()), ..self }
    }

    #[must_use]
    pub fn user(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    #[must_use]
    pub fn device(self, device: DeviceId) -> Self {
        Self { device: Some(device), ..self }
    }

    #[must_use]
    pub fn by(self, actor: Actor) -> Self {
        Self { actor: Some(actor), ..self }
    }

    #[must_use]
    pub fn request(self, request: RequestId) -> Self {
        Self { request: Some(request), ..self }
    }
}
