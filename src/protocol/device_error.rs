//! The error codes of the device API: a closed list, told to the app as `code` of a problem document
//! (RFC 9457).

use std::borrow::Cow;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DeviceErrorCode { $($(#[$doc])* $name,)* }

        impl DeviceErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// One sentence for the developer of the app.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    InvalidRequest = "INVALID_REQUEST", "The request is malformed.";
    ProofRequired = "PROOF_REQUIRED", "The request has no device proof.";
    ProofInvalid = "PROOF_INVALID", "The device proof does not verify, or is for another request.";
    ProofExpired = "PROOF_EXPIRED", "The device proof was made at another time; set the clock by the Date header.";
    ProofReplayed = "PROOF_REPLAYED", "The device proof was used before.";
    UseDeviceNonce = "USE_DEVICE_NONCE", "The device proof needs the nonce of the Device-Nonce header.";
    DeviceUnknown = "DEVICE_UNKNOWN", "The key belongs to no paired installation.";
    DeviceBlocked = "DEVICE_BLOCKED", "The device is blocked.";
    PairingKeyInvalid = "PAIRING_KEY_INVALID", "The pairing key is unknown, expired or used.";
    MethodLimitReached = "METHOD_LIMIT_REACHED", "The person has as many devices as are allowed.";
    EnrollmentNotFound = "ENROLLMENT_NOT_FOUND", "There is no such offer for this installation.";
    EnrollmentGone = "ENROLLMENT_GONE", "The offer was answered, or is not made any more.";
    TooManyAttempts = "TOO_MANY_ATTEMPTS", "Too many attempts; wait as long as Retry-After says.";
    NotificationNotFound = "NOTIFICATION_NOT_FOUND", "There is no such notification for this device.";
    Expired = "EXPIRED", "The time to answer is over.";
    AlreadyDecided = "ALREADY_DECIDED", "The question was answered before.";
    Canceled = "CANCELED", "The question was withdrawn.";
    ContextHashMismatch = "CONTEXT_HASH_MISMATCH", "What was shown is not what was asked.";
    ProofMismatch = "PROOF_MISMATCH", "The body and the signed decision differ.";
    NumberRequired = "NUMBER_REQUIRED", "The question asks for no number, and one was given.";
    ChoiceRequired = "CHOICE_REQUIRED", "The question asks what becomes of a new device and nothing was said of it, or the other way round.";
    NumberMismatch = "NUMBER_MISMATCH", "The number was wrong, or not given; the question is denied.";
    PushValueInvalid = "PUSH_VALUE_INVALID", "It is not what was in the push, and there is one try.";
    DeviceNotFound = "DEVICE_NOT_FOUND", "There is no such device of this installation.";
    PushUnavailable = "PUSH_UNAVAILABLE", "The app is none of those that the server sends pushes to.";
    NotFound = "NOT_FOUND", "There is no such resource.";
    TemporarilyUnavailable = "TEMPORARILY_UNAVAILABLE", "The server cannot answer now; try again.";
    InternalError = "INTERNAL_ERROR", "Something went wrong on the server.";
}

/// A refused call. `detail` is for the log and the audit trail alone.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct DeviceRefusal {
    pub code: DeviceErrorCode,
    pub detail: Cow<'static, str>,
}

impl DeviceRefusal {
    pub fn new(code: DeviceErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<DeviceErrorCode> for DeviceRefusal {
    fn from(code: DeviceErrorCode) -> Self {
        Self { code, detail: Cow::Borrowed(code.title()) }
    }
}
