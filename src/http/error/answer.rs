//! What each refusal is: its status, its code, its words.

use std::borrow::Cow;
use std::time::Duration;

use poem::error::ResponseError as _;
use poem::http::StatusCode;

use super::{Cause, Failure, Family};
use crate::call::POLL;
use crate::domain::audit::Action;
use crate::http::body::BodyError;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::ClientId;
use crate::usecase;
use crate::usecase::authenticate_device::DeviceError;

/// An answer in the making.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The code on the wire.
    pub(super) code: &'static str,
    pub(super) description: Cow<'static, str>,
    /// For log and audit.
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
    pub(super) client: Option<ClientId>,
    pub(super) action: Option<Action>,
    /// Waiting is not a refusal, and some refusals are recorded already.
    pub(super) audited: bool,
}

impl Answer {
    pub(super) fn is_not_yet(&self) -> bool {
        self.code == ErrorCode::AuthorizationPending.as_str() || self.code == ErrorCode::SlowDown.as_str()
    }

    pub(super) fn log(&self) {
        let (error, status) = (self.code, self.status.as_u16());
        // One that authenticated: what others call themselves is anybody's text.
        let client = self.client.as_ref().map(tracing::field::display);
        if self.status.is_server_error() {
            tracing::error!(client.id = client, error, detail = self.detail, status, "failed");
        } else if self.is_not_yet() {
            tracing::debug!(target: POLL, { client.id = client, error, status }, "poll");
        } else if [DeviceErrorCode::UseDeviceNonce.as_str(), ErrorCode::UseDpopNonce.as_str()].contains(&self.code) {
            tracing::debug!(error, status, "nonce handed out");
        } else if self.status == StatusCode::NOT_FOUND && !self.audited {
            tracing::debug!(error, status, "nothing here");
        } else {
            tracing::info!(client.id = client, error, detail = self.detail, status, "refused");
        }
    }
}

pub(super) fn answer(family: Family, error: &poem::Error) -> Answer {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        let mut answer = match &failure.cause {
            Cause::OAuth(usecase::Error::Refused(refusal)) => refused(family, refusal),
            Cause::OAuth(usecase::Error::NotYet { refusal, wait }) => Answer {
                retry_after: Some(*wait).filter(|wait| !wait.is_zero()),
                audited: false,
                ..refused(family, refusal)
            },
            Cause::OAuth(usecase::Error::Recorded(refusal)) => Answer { audited: false, ..refused(family, refusal) },
            Cause::Device(DeviceError::Refused(refusal)) => device_refused(refusal),
            Cause::OAuth(usecase::Error::TooMany { retry_after })
            | Cause::Device(DeviceError::TooMany { retry_after }) => too_many(family, *retry_after),
            Cause::OAuth(error @ usecase::Error::Busy { retry_after }) => {
                Answer { retry_after: Some(*retry_after), ..unavailable(family, error.to_string()) }
            }
            Cause::OAuth(usecase::Error::Unavailable(error)) | Cause::Device(DeviceError::Unavailable(error)) => {
                unavailable(family, error.to_string())
            }
        };
        answer.client.clone_from(&failure.client);
        answer.action = failure.action;
        return answer;
    }
    if let Some(body) = error.downcast_ref::<BodyError>() {
        let code = match family {
            Family::Device => DeviceErrorCode::InvalidRequest.as_str(),
            Family::Backchannel
            | Family::Token
            | Family::Direct(_)
            | Family::Resource
            | Family::Registration
            | Family::Admin
            | Family::Page
            | Family::Flow
            | Family::DeviceAuthentications
            | Family::Elsewhere => ErrorCode::InvalidRequest.as_str(),
        };
        return Answer {
            status: body.status(),
            code,
            description: body.description().to_owned().into(),
            detail: body.to_string(),
            retry_after: None,
            client: None,
            action: None,
            audited: true,
        };
    }
    framework(family, error)
}

/// [CIBA §11, §13] the same code has another status at another endpoint.
fn refused(family: Family, refusal: &Refusal) -> Answer {
    let status = match (refusal.code, family) {
        (ErrorCode::InvalidClient | ErrorCode::InvalidToken, _)
        // [RFC 9449 §7.1, §9] where a token is used; where one is asked for, the request is a bad one.
        | (ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce, Family::Resource) => StatusCode::UNAUTHORIZED,
        (ErrorCode::AccessDenied, Family::Backchannel) | (ErrorCode::InsufficientScope, _) => StatusCode::FORBIDDEN,
        (ErrorCode::TemporarilyUnavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        (ErrorCode::ServerError, _) => StatusCode::INTERNAL_SERVER_ERROR,
        (
            ErrorCode::InvalidRequest
            | ErrorCode::InvalidGrant
            | ErrorCode::UnauthorizedClient
            | ErrorCode::UnsupportedGrantType
            | ErrorCode::InvalidScope
            | ErrorCode::AuthorizationPending
            | ErrorCode::SlowDown
            | ErrorCode::ExpiredToken
            | ErrorCode::AccessDenied
            | ErrorCode::ExpiredLoginHintToken
            | ErrorCode::UnknownUserId
            | ErrorCode::MissingUserCode
            | ErrorCode::InvalidUserCode
            | ErrorCode::InvalidBindingMessage
            | ErrorCode::UnsupportedTokenType
            | ErrorCode::InvalidRedirectUri
            | ErrorCode::InvalidClientMetadata
            | ErrorCode::InvalidSoftwareStatement
            | ErrorCode::UnapprovedSoftwareStatement
            | ErrorCode::InvalidDpopProof
            | ErrorCode::UseDpopNonce
            | ErrorCode::UnsupportedResponseType
            | ErrorCode::InteractionRequired
            | ErrorCode::LoginRequired
            | ErrorCode::AccountSelectionRequired
            | ErrorCode::ConsentRequired
            | ErrorCode::RequestNotSupported
            | ErrorCode::RequestUriNotSupported
            | ErrorCode::RegistrationNotSupported
            | ErrorCode::InvalidRequestUri
            | ErrorCode::InvalidRequestObject
            | ErrorCode::InvalidTarget
            | ErrorCode::InvalidAuthorizationDetails
            | ErrorCode::UnmetAuthenticationRequirements,
            _,
        ) => StatusCode::BAD_REQUEST,
    };
    Answer {
        status,
        code: refusal.code.as_str(),
        description: refusal.description.clone(),
        detail: refusal.detail.clone().into_owned(),
        retry_after: None,
        client: None,
        action: None,
        // Asking for a nonce is part of the handshake.
        audited: refusal.code != ErrorCode::UseDpopNonce,
    }
}

fn device_refused(refusal: &DeviceRefusal) -> Answer {
    let status = match refusal.code {
        DeviceErrorCode::InvalidRequest
        | DeviceErrorCode::PairingKeyInvalid
        | DeviceErrorCode::ContextHashMismatch
        | DeviceErrorCode::ProofMismatch
        | DeviceErrorCode::NumberRequired
        | DeviceErrorCode::ChoiceRequired => StatusCode::BAD_REQUEST,
        DeviceErrorCode::ProofRequired
        | DeviceErrorCode::ProofInvalid
        | DeviceErrorCode::ProofExpired
        | DeviceErrorCode::ProofReplayed
        | DeviceErrorCode::UseDeviceNonce
        | DeviceErrorCode::DeviceUnknown => StatusCode::UNAUTHORIZED,
        DeviceErrorCode::DeviceBlocked | DeviceErrorCode::NumberMismatch | DeviceErrorCode::PushValueInvalid => {
            StatusCode::FORBIDDEN
        }
        DeviceErrorCode::NotificationNotFound
        | DeviceErrorCode::EnrollmentNotFound
        | DeviceErrorCode::DeviceNotFound
        | DeviceErrorCode::NotFound => StatusCode::NOT_FOUND,
        DeviceErrorCode::EnrollmentGone => StatusCode::GONE,
        DeviceErrorCode::MethodLimitReached
        | DeviceErrorCode::Expired
        | DeviceErrorCode::AlreadyDecided
        | DeviceErrorCode::Canceled
        | DeviceErrorCode::PushUnavailable => StatusCode::CONFLICT,
        DeviceErrorCode::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        DeviceErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        DeviceErrorCode::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Answer {
        status,
        code: refusal.code.as_str(),
        description: refusal.code.title().into(),
        detail: refusal.detail.clone().into_owned(),
        retry_after: None,
        client: None,
        action: None,
        // Asking for a nonce is part of the handshake; a wrong number was audited as a denial.
        audited: !matches!(refusal.code, DeviceErrorCode::UseDeviceNonce | DeviceErrorCode::NumberMismatch),
    }
}

fn too_many(family: Family, retry_after: Duration) -> Answer {
    let (code, description) = match family {
        Family::Device => {
            let code = DeviceErrorCode::TooManyAttempts;
            (code.as_str(), code.title())
        }
        Family::Backchannel
        | Family::Token
        | Family::Direct(_)
        | Family::Resource
        | Family::Registration
        | Family::Admin
        | Family::Page
        | Family::Flow
        | Family::DeviceAuthentications
        | Family::Elsewhere => {
            (ErrorCode::TemporarilyUnavailable.as_str(), "Too many requests; wait as long as Retry-After says.")
        }
    };
    Answer {
        status: StatusCode::TOO_MANY_REQUESTS,
        code,
        description: description.into(),
        detail: "a limit was reached".to_owned(),
        retry_after: Some(retry_after),
        client: None,
        action: None,
        audited: true,
    }
}

fn unavailable(family: Family, detail: String) -> Answer {
    let (code, description) = match family {
        Family::Device => {
            let code = DeviceErrorCode::TemporarilyUnavailable;
            (code.as_str(), code.title())
        }
        Family::Backchannel
        | Family::Token
        | Family::Direct(_)
        | Family::Resource
        | Family::Registration
        | Family::Admin
        | Family::Page
        | Family::Flow
        | Family::DeviceAuthentications
        | Family::Elsewhere => (ErrorCode::TemporarilyUnavailable.as_str(), "The server cannot answer now; try again."),
    };
    Answer {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code,
        description: description.into(),
        detail,
        retry_after: Some(Duration::from_secs(1)),
        client: None,
        action: None,
        audited: false,
    }
}

/// What the framework refused before it reached us.
fn framework(family: Family, error: &poem::Error) -> Answer {
    let status = error.status();
    let description = match status {
        StatusCode::NOT_FOUND => "There is nothing here.",
        StatusCode::METHOD_NOT_ALLOWED => "The method is not allowed here.",
        status if status.is_server_error() => "Something went wrong on the server.",
        _ => "The request is malformed.",
    };
    let server = status.is_server_error();
    let code = match (family, status) {
        (Family::Device, StatusCode::NOT_FOUND) => DeviceErrorCode::NotFound.as_str(),
        (Family::Device, _) if server => DeviceErrorCode::InternalError.as_str(),
        (Family::Device, _) => DeviceErrorCode::InvalidRequest.as_str(),
        (_, StatusCode::NOT_FOUND) => "not_found",
        _ if server => "server_error",
        _ => ErrorCode::InvalidRequest.as_str(),
    };
    Answer {
        status,
        code,
        description: description.into(),
        detail: if server { error.to_string() } else { description.to_owned() },
        retry_after: None,
        client: None,
        action: None,
        audited: status != StatusCode::NOT_FOUND,
    }
}
