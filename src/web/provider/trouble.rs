//! What stops somebody on the way, as a page: nobody is sent anywhere.

use std::time::Duration;

use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};

use crate::http::body::BodyError;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::flow_api::FlowErrorCode;
use crate::usecase::Error;
use crate::usecase::sign_in::advance::FlowError;
use crate::web::sign_in::error::{Kind, View, render};
use crate::web::sign_in::{Around, Back};
use crate::words::Foreign;

#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Refused(Refusal),
    Body(BodyError),
    Method,
    /// A form of another page than ours.
    Foreign,
    /// There is no such flow for this browser.
    Gone,
    /// The browser keeps nothing by which its flow could be known.
    NoCookies,
    /// There is nothing here.
    Nothing,
    /// Nobody is signed in where somebody has to be.
    SignedOut,
    TooMany(Duration),
    Unavailable,
    /// What must not be.
    Internal,
}

/// What is known of the way that somebody was on.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub client: Option<Foreign>,
    /// It was switched off.
    pub disabled: bool,
    pub back: Option<Back>,
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) | Error::Recorded(refusal) | Error::NotYet { refusal, .. } => refusal.into(),
            Error::TooMany { retry_after } => Self::TooMany(retry_after),
            Error::Busy { .. } => Self::Unavailable,
            Error::Unavailable(error) => {
                tracing::error!(%error, "failed");
                Self::Unavailable
            }
        }
    }
}

impl From<FlowError> for Trouble {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Refused(refusal) if refusal.code == FlowErrorCode::FlowNotFound => Self::Gone,
            FlowError::Refused(refusal) => {
                Refusal::invalid_request("The form is not possible here.").because(refusal.why).into()
            }
            FlowError::Other(error) => error.into(),
        }
    }
}

impl Trouble {
    /// For the audit trail. Not what is nobody's fault.
    pub(super) fn recorded(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => Some(format!("{}: {}", refusal.code.as_str(), refusal.detail)),
            Self::Body(error) => Some(format!("invalid_request: {error}")),
            Self::Foreign => Some("a form of another page".to_owned()),
            Self::TooMany(_) => Some("a limit was reached".to_owned()),
            Self::Method
            | Self::Gone
            | Self::NoCookies
            | Self::Nothing
            | Self::SignedOut
            | Self::Unavailable
            | Self::Internal => None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) if refusal.code == ErrorCode::UnauthorizedClient => Kind::UnknownClient,
            Self::Refused(refusal) if refusal.code == ErrorCode::AccessDenied => Kind::Denied,
            Self::Refused(_) | Self::Body(_) | Self::Method => Kind::Request,
            Self::Foreign => Kind::CrossSite,
            Self::Gone => Kind::Expired,
            Self::NoCookies => Kind::CookiesBlocked,
            Self::Nothing => Kind::NotFound,
            Self::SignedOut => Kind::SignedOut,
            Self::TooMany(wait) => Kind::TooManyRequests(*wait),
            Self::Unavailable => Kind::Unavailable,
            Self::Internal => Kind::Internal,
        }
    }

    pub(super) fn page(&self, about: &About, reference: Option<String>, around: &Around<'_>) -> Response {
        let kind = self.kind();
        let disabled = about.disabled && matches!(kind, Kind::UnknownClient);
        let kind = if disabled { Kind::ClientDisabled } else { kind };
        let view = View { kind, client: about.client.clone(), reference, back: about.back.clone() };
        let mut response = render(&view, around);
        match self {
            Self::Method => {
                response.set_status(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            }
            Self::Body(error) => response.set_status(poem::error::ResponseError::status(error)),
            Self::Unavailable => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Refused(_)
            | Self::Foreign
            | Self::Gone
            | Self::NoCookies
            | Self::Nothing
            | Self::SignedOut
            | Self::TooMany(_)
            | Self::Internal => {}
        }
        response
    }
}
