//! What stops somebody on the way, as a page: nobody is sent anywhere.

use std::time::Duration;

use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};

use crate::http::body::BodyError;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::usecase::Error;
use crate::web::sign_in::Around;
use crate::web::sign_in::error::{Kind, View, render};

#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Refused(Refusal),
    Body(BodyError),
    Method,
    /// A form of another page than ours.
    Foreign,
    /// There is no such flow for this browser.
    Gone,
    /// There is nothing here.
    Nothing,
    /// Nobody is signed in where somebody has to be.
    SignedOut,
    TooMany(Duration),
    Unavailable,
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

impl Trouble {
    /// For the audit trail. Not what is nobody's fault.
    pub(super) fn recorded(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => Some(format!("{}: {}", refusal.code.as_str(), refusal.detail)),
            Self::Body(error) => Some(format!("invalid_request: {error}")),
            Self::Foreign => Some("a form of another page".to_owned()),
            Self::TooMany(_) => Some("a limit was reached".to_owned()),
            Self::Method | Self::Gone | Self::Nothing | Self::SignedOut | Self::Unavailable => None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) if refusal.code == ErrorCode::UnauthorizedClient => Kind::UnknownClient,
            Self::Refused(refusal) if refusal.code == ErrorCode::AccessDenied => Kind::Denied,
            Self::Refused(_) | Self::Body(_) | Self::Method => Kind::Request,
            Self::Foreign => Kind::CrossSite,
            Self::Gone => Kind::Expired,
            Self::Nothing => Kind::NotFound,
            Self::SignedOut => Kind::SignedOut,
            Self::TooMany(wait) => Kind::TooManyRequests(*wait),
            Self::Unavailable => Kind::Unavailable,
        }
    }

    pub(super) fn page(&self, reference: Option<String>, around: &Around<'_>) -> Response {
        let view = View { kind: self.kind(), client: None, reference, back: None };
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
            Self::Refused(_) | Self::Foreign | Self::Gone | Self::Nothing | Self::SignedOut | Self::TooMany(_) => {}
        }
        response
    }
}
