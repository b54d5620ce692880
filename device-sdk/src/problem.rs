//! How the device API says no: `application/problem+json` [RFC 9457] with a stable `code`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    #[serde(default)]
    pub title: String,
    pub status: u16,
    pub code: Code,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What went wrong, as a program reads it. Codes are never renamed.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// From a server newer than this version.
            Other(String),
        }

        impl Code {
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }

            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

codes! {
    /// Unknown, expired or used: which of them is not told.
    PairingKeyInvalid = "PAIRING_KEY_INVALID",
    MethodLimitReached = "METHOD_LIMIT_REACHED",
    /// Not there, or offered to another key: which of them is not told.
    EnrollmentNotFound = "ENROLLMENT_NOT_FOUND",
    /// Used, denied or expired.
    EnrollmentGone = "ENROLLMENT_GONE",
    /// Rooted, or too old: the policy wants no such phone.
    DeviceRequirementsFailed = "DEVICE_REQUIREMENTS_FAILED",
    TooManyAttempts = "TOO_MANY_ATTEMPTS",
    NotificationNotFound = "NOTIFICATION_NOT_FOUND",
    Expired = "EXPIRED",
    AlreadyDecided = "ALREADY_DECIDED",
    Canceled = "CANCELED",
    /// What was shown is not what the server asked.
    ContextHashMismatch = "CONTEXT_HASH_MISMATCH",
    /// Body and proof say different things.
    ProofMismatch = "PROOF_MISMATCH",
    /// What becomes of a new device has to be said, or nothing was asked of that kind.
    ChoiceRequired = "CHOICE_REQUIRED",
    /// The wrong number was picked; the request is denied now.
    NumberMismatch = "NUMBER_MISMATCH",
    /// Not what was in the push; there is one try.
    PushValueInvalid = "PUSH_VALUE_INVALID",
    ProofRequired = "PROOF_REQUIRED",
    ProofInvalid = "PROOF_INVALID",
    /// `iat` is too far from the server's clock.
    ProofExpired = "PROOF_EXPIRED",
    ProofReplayed = "PROOF_REPLAYED",
    /// The proof lacks the server's current nonce; the answer carries it.
    UseDeviceNonce = "USE_DEVICE_NONCE",
    /// The key belongs to no paired installation.
    DeviceUnknown = "DEVICE_UNKNOWN",
    DeviceBlocked = "DEVICE_BLOCKED",
    /// The app is none of those that the server sends pushes to.
    PushUnavailable = "PUSH_UNAVAILABLE",
    InvalidRequest = "INVALID_REQUEST",
    TemporarilyUnavailable = "TEMPORARILY_UNAVAILABLE",
}

impl Code {
    /// Whether the same call can succeed later, made anew with a new proof.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TooManyAttempts | Self::TemporarilyUnavailable | Self::UseDeviceNonce | Self::ProofReplayed => true,
            Self::PairingKeyInvalid
            | Self::MethodLimitReached
            | Self::EnrollmentNotFound
            | Self::EnrollmentGone
            | Self::DeviceRequirementsFailed
            | Self::NotificationNotFound
            | Self::Expired
            | Self::AlreadyDecided
            | Self::Canceled
            | Self::ContextHashMismatch
            | Self::ProofMismatch
            | Self::ChoiceRequired
            | Self::NumberMismatch
            | Self::PushValueInvalid
            | Self::ProofRequired
            | Self::ProofInvalid
            | Self::ProofExpired
            | Self::DeviceUnknown
            | Self::DeviceBlocked
            | Self::PushUnavailable
            | Self::InvalidRequest
            | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}
