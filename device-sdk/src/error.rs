//! Everything that can go wrong, with a stable code for each.
//!
//! Who comes from an SDK that counts its errors from 10000 finds them by [`Error::number`]:
//!
//! | number | code |
//! |---|---|
//! | 10001 device token missing | no error: the pairing says `MissingDeviceToken` of `push`, and so does the self test |
//! | 10002 unrecognized notification | `NOTIFICATION_NOT_FOUND`; a push that is not ours is no error |
//! | 10003 server | what the server said; `ANSWER_INVALID`, `TEMPORARILY_UNAVAILABLE`, `TOO_MANY_ATTEMPTS` |
//! | 10004 no connectivity | `UNREACHABLE`, `SILENT` |
//! | 10005 pairing key | `PAIRING_KEY_INVALID`, `PAIRING_KEY_MALFORMED`, `PAIRING_LINK_INVALID`, `ENROLLMENT_NOT_FOUND`, `ENROLLMENT_GONE` |
//! | 10006 bundle id | `AUDIENCE_MISMATCH` |
//! | 10007 wrong datacenter | `ISSUER_MISMATCH` |
//! | 10008 device not paired | `DEVICE_UNKNOWN` |
//! | 10009 push confirmation timeout | `EXPIRED` |
//! | 10012 policy requirements failed | `METHOD_LIMIT_REACHED`, `DEVICE_BLOCKED` |
//! | 10017 trust failed | `ID_TOKEN_INVALID`, `ID_TOKEN_UNTRUSTED`, `ID_TOKEN_EXPIRED`, `ID_TOKEN_NOT_YET_VALID`, `NONCE_MISMATCH` |
//! | 10018 configure | `ISSUER_INSECURE`, `ISSUER_INVALID`, `HTTP_UNAVAILABLE` |
//! | 10020 authentication canceled | `CANCELED` |
//! | 10023 device mismatch | `KEY_DAMAGED`, `PROOF_INVALID`, `CONTEXT_HASH_MISMATCH` |
//! | 10024 device requirements | `DEVICE_REQUIREMENTS_FAILED` |
//! | 10000 internal | every other one |

use std::sync::Arc;
use std::time::Duration;

use crate::decide::DecisionError;
use crate::id_token::IdTokenError;
use crate::issuer::NotAnIssuer;
use crate::pairing_link::PairingLinkError;
use crate::payload::PayloadError;
use crate::problem::{Code, Problem};
use crate::proof::KeyError;

/// What an app tells its person about is [`Error::code`]; whether it offers "try again" is
/// [`Error::is_retryable`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    PairingLink(#[from] PairingLinkError),
    #[error(transparent)]
    Issuer(#[from] NotAnIssuer),
    /// Refused on the device, before anything was sent.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A mobile payload that the server would not read.
    #[error("the mobile payload would be too long")]
    PayloadTooLong,
    /// An ID token that this app should not believe, whatever else it does with it.
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
    /// The server said no, and said why.
    #[error("the server refused: {}", problem.code)]
    Refused { problem: Problem, retry_after: Option<Duration> },
    /// No answer: no network, no server, no trust in its certificate, or not in time.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The event stream said nothing for longer than its keep-alive allows.
    #[error("the server fell silent")]
    Silent,
    /// Not the answer of a Nod server, or too long to be one.
    #[error("the answer is not understood: {what}")]
    Answer { status: u16, what: &'static str },
    /// The HTTP or TLS stack of this machine could not be set up.
    #[error("no HTTP client on this machine")]
    Setup(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Stable: apps translate it and count it. The server's own codes come through as they are.
    pub fn code(&self) -> &str {
        match self {
            Self::PairingLink(PairingLinkError::Issuer(NotAnIssuer::Insecure))
            | Self::Issuer(NotAnIssuer::Insecure) => "ISSUER_INSECURE",
            Self::PairingLink(PairingLinkError::Issuer(NotAnIssuer::Malformed))
            | Self::Issuer(NotAnIssuer::Malformed) => "ISSUER_INVALID",
            Self::PairingLink(PairingLinkError::Key) => "PAIRING_KEY_MALFORMED",
            Self::PairingLink(
                PairingLinkError::NotAPairingLink | PairingLinkError::Missing(_) | PairingLinkError::Repeated(_),
            ) => "PAIRING_LINK_INVALID",
            // The same code as the server's 409: for the person it is the same thing.
            Self::Decision(DecisionError::Expired) => "EXPIRED",
            Self::Decision(DecisionError::NumberRequired) => "NUMBER_REQUIRED",
            Self::Decision(DecisionError::NumberNotOffered) => "NUMBER_NOT_OFFERED",
            Self::Decision(DecisionError::NumberNotAsked) => "NUMBER_NOT_ASKED",
            Self::Decision(DecisionError::ChoiceRequired) => "CHOICE_REQUIRED",
            Self::Decision(DecisionError::ChoiceNotAsked) => "CHOICE_NOT_ASKED",
            Self::Decision(DecisionError::NotUnderstood) => "APP_OUTDATED",
            Self::Key(KeyError::Unavailable) => "KEY_UNAVAILABLE",
            Self::Key(KeyError::Declined) => "KEY_DECLINED",
            Self::Key(KeyError::Damaged) => "KEY_DAMAGED",
            Self::PayloadTooLong => "PAYLOAD_TOO_LONG",
            Self::IdToken(error) => error.code(),
            Self::Refused { problem, .. } => problem.code.as_str(),
            Self::Unreachable(_) => "UNREACHABLE",
            Self::Silent => "SILENT",
            Self::Answer { .. } => "ANSWER_INVALID",
            Self::Setup(_) => "HTTP_UNAVAILABLE",
        }
    }

    /// Whether the same call, made again later, can succeed without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::PairingLink(_)
            | Self::Issuer(_)
            | Self::Decision(_)
            | Self::Key(KeyError::Unavailable | KeyError::Damaged)
            | Self::PayloadTooLong
            | Self::IdToken(_)
            | Self::Setup(_) => false,
            Self::Key(KeyError::Declined) | Self::Unreachable(_) | Self::Silent => true,
            Self::Refused { problem, .. } => problem.code.is_retryable(),
            // What stands between phone and server answers in its own words when the server is away.
            Self::Answer { status, .. } => *status >= 500 || *status == 429 || *status == 408,
        }
    }

    /// How long the server asks to wait.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::PairingLink(_)
            | Self::Issuer(_)
            | Self::Decision(_)
            | Self::Key(_)
            | Self::PayloadTooLong
            | Self::IdToken(_)
            | Self::Unreachable(_)
            | Self::Silent
            | Self::Answer { .. }
            | Self::Setup(_) => None,
        }
    }

    /// The server's code, when it was the server that refused.
    pub const fn refusal(&self) -> Option<&Code> {
        match self {
            Self::Refused { problem, .. } => Some(&problem.code),
            Self::PairingLink(_)
            | Self::Issuer(_)
            | Self::Decision(_)
            | Self::Key(_)
            | Self::PayloadTooLong
            | Self::IdToken(_)
            | Self::Unreachable(_)
            | Self::Silent
            | Self::Answer { .. }
            | Self::Setup(_) => None,
        }
    }
}

impl From<PayloadError> for Error {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Key(error) => error.into(),
            PayloadError::TooLong => Self::PayloadTooLong,
        }
    }
}
