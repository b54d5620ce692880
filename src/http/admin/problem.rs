//! Problem documents [RFC 9457]: which status a code has, and what is told.

use std::borrow::Cow;
use std::time::Duration;

use poem::Response;
use poem::error::ResponseError as _;
use poem::http::StatusCode;
use poem::http::header::{self, HeaderValue};
use poem_openapi::Object;
use poem_openapi::error::ParseParamError;
use poem_openapi::types::ToJSON as _;

use crate::http::admin::closed::closed;
use crate::http::admin::reply::Failure;
use crate::http::body::BodyError;
use crate::http::dpop;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem, Place};
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::{AdminError, AdminRefusal};

closed! {
    #[doc = "What went wrong. Each code has a page, at `type`."]
    ProblemCode: AdminErrorCode = AdminErrorCode::ALL.iter().map(|code| code.as_str());
    #[doc = "What is wrong with one member."]
    ProblemFieldCode: FieldCode = FieldCode::ALL.iter().map(|code| code.as_str());
}

/// What went wrong [RFC 9457].
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Problem {
    /// The page of the code.
    #[oai(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    code: ProblemCode,
    /// What it was about this time.
    detail: Option<String>,
    /// The members of the body and the parameters that are not acceptable.
    errors: Option<Vec<ProblemField>>,
    /// Seconds to wait.
    retry_after_seconds: Option<u32>,
}

/// A member or a parameter that is not acceptable.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ProblemField {
    /// A JSON pointer to a member of the body.
    pointer: Option<String>,
    /// The name of a query parameter or header.
    parameter: Option<String>,
    code: ProblemFieldCode,
    detail: String,
}

impl From<&FieldProblem> for ProblemField {
    fn from(problem: &FieldProblem) -> Self {
        let (pointer, parameter) = match &problem.place {
            Place::Member(pointer) => (Some(pointer.clone().into_owned()), None),
            Place::Parameter(name) => (None, Some(name.clone().into_owned())),
        };
        Self { pointer, parameter, code: problem.code.into(), detail: problem.detail.clone().into_owned() }
    }
}

/// A problem in the making.
pub struct Worded {
    pub status: StatusCode,
    pub code: AdminErrorCode,
    /// For log and audit.
    pub reason: String,
    /// For the caller: our own words.
    told: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    needs: Option<Permission>,
    errors: Vec<ProblemField>,
}

pub const fn status(code: AdminErrorCode) -> StatusCode {
    match code {
        AdminErrorCode::InvalidRequest | AdminErrorCode::InvalidCursor => StatusCode::BAD_REQUEST,
        AdminErrorCode::ValidationFailed | AdminErrorCode::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        AdminErrorCode::TokenRequired
        | AdminErrorCode::TokenInvalid
        | AdminErrorCode::BootstrapTokenInvalid
        | AdminErrorCode::InvalidDpopProof
        | AdminErrorCode::UseDpopNonce => StatusCode::UNAUTHORIZED,
        AdminErrorCode::InsufficientScope | AdminErrorCode::ScopeNotGrantable => StatusCode::FORBIDDEN,
        AdminErrorCode::NotFound => StatusCode::NOT_FOUND,
        AdminErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        AdminErrorCode::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        AdminErrorCode::ClientExists
        | AdminErrorCode::ClientInUse
        | AdminErrorCode::ClientHasNoSecret
        | AdminErrorCode::UsernameTaken
        | AdminErrorCode::TooManyPairingKeys
        | AdminErrorCode::TooManyWebhooks
        | AdminErrorCode::PolicyExists
        | AdminErrorCode::PolicyInUse
        | AdminErrorCode::ApplicationExists
        | AdminErrorCode::ApplicationInUse
        | AdminErrorCode::NativeApplicationExists
        | AdminErrorCode::NativeApplicationInUse
        | AdminErrorCode::MfaPolicyExists
        | AdminErrorCode::MfaPolicyInUse
        | AdminErrorCode::AlreadyDecided
        | AdminErrorCode::KeyNotRetiring
        | AdminErrorCode::KeyNotKnownYet
        | AdminErrorCode::RequestInProgress
        | AdminErrorCode::OutcomeUnknown => StatusCode::CONFLICT,
        AdminErrorCode::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        AdminErrorCode::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        AdminErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        AdminErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        AdminErrorCode::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        AdminErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Worded {
    fn new(code: AdminErrorCode, reason: impl Into<String>) -> Self {
        let status = status(code);
        Self { status, code, reason: reason.into(), told: None, retry_after: None, needs: None, errors: Vec::new() }
    }

    /// Words whatever stopped a call.
    pub fn of(error: &poem::Error) -> Self {
        if let Some(Failure(failure)) = error.downcast_ref::<Failure>() {
            return Self::failure(failure);
        }
        if let Some(body) = error.downcast_ref::<BodyError>() {
            let code = match body.status() {
                StatusCode::PAYLOAD_TOO_LARGE => AdminErrorCode::BodyTooLarge,
                StatusCode::UNSUPPORTED_MEDIA_TYPE => AdminErrorCode::UnsupportedMediaType,
                StatusCode::REQUEST_TIMEOUT => AdminErrorCode::RequestTimeout,
                _ => AdminErrorCode::InvalidRequest,
            };
            return Self { told: Some(body.description().to_owned().into()), ..Self::new(code, body.to_string()) };
        }
        let status = error.status();
        match status {
            StatusCode::NOT_FOUND => Self::new(AdminErrorCode::NotFound, "no such path"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(AdminErrorCode::MethodNotAllowed, "no such method"),
            status if status.is_server_error() => Self::new(AdminErrorCode::InternalError, error.to_string()),
            // Its own words may quote what was sent.
            _ => {
                let code = AdminErrorCode::InvalidRequest;
                let name = error.downcast_ref::<ParseParamError>().map(|refused| refused.name);
                match name {
                    Some(name) => Self::failure(&AdminError::parameter(code, name, "It cannot be read.")),
                    None => Self::new(code, "a parameter cannot be read"),
                }
            }
        }
    }

    /// What the accept loop answers in place of an endpoint.
    pub fn unreached(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => AdminErrorCode::TemporarilyUnavailable,
            StatusCode::INTERNAL_SERVER_ERROR => AdminErrorCode::InternalError,
            StatusCode::REQUEST_TIMEOUT => AdminErrorCode::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => AdminErrorCode::BodyTooLarge,
            StatusCode::NOT_FOUND => AdminErrorCode::NotFound,
            _ => AdminErrorCode::InvalidRequest,
        };
        Self { status, ..Self::new(code, "unreached") }
    }

    fn failure(failure: &AdminError) -> Self {
        match failure {
            AdminError::Refused(refusal) => Self {
                told: told(refusal),
                retry_after: refusal.retry_after,
                needs: refusal.needs,
                errors: refusal.problems.iter().map(ProblemField::from).collect(),
                ..Self::new(refusal.code, refusal.detail.clone())
            },
            AdminError::TooMany { retry_after } => Self {
                retry_after: Some(*retry_after),
                ..Self::new(AdminErrorCode::TooManyRequests, "a limit was reached")
            },
            AdminError::Unavailable(error) => Self {
                retry_after: Some(Duration::from_secs(1)),
                ..Self::new(AdminErrorCode::TemporarilyUnavailable, error.to_string())
            },
        }
    }

    pub fn respond(self, issuer: &str, allow: Option<&HeaderValue>) -> Response {
        let seconds = self.retry_after.map(|after| after.as_secs().max(1));
        let problem = Problem {
            kind: page(issuer, self.code),
            title: self.code.title().to_owned(),
            status: self.status.as_u16(),
            code: self.code.into(),
            detail: self.told.map(Cow::into_owned),
            errors: (!self.errors.is_empty()).then_some(self.errors),
            retry_after_seconds: seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
        };
        let mut response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, "application/problem+json")
            .header(header::CACHE_CONTROL, "no-store")
            .body(problem.to_json_string());
        let headers = response.headers_mut();
        if let Some(seconds) = seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let (AdminErrorCode::MethodNotAllowed, Some(allow)) = (self.code, allow) {
            headers.insert(header::ALLOW, allow.clone());
        }
        if let Some(challenge) = challenge(self.code, self.needs) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What it was about this time, where the title does not say it and the caller may know.
fn told(refusal: &AdminRefusal) -> Option<Cow<'static, str>> {
    if let Some(permission) = refusal.needs {
        return Some(format!("{permission} is needed.").into());
    }
    match refusal.problems.as_slice() {
        [] => {}
        [one] => return Some(one.sentence().into()),
        [first, others @ ..] => {
            return Some(format!("{} And {} more in errors.", first.sentence(), others.len()).into());
        }
    }
    let own = refusal.code == AdminErrorCode::InvalidRequest && refusal.detail != refusal.code.title();
    own.then(|| refusal.detail.clone())
}

/// [RFC 6750 §3, RFC 9449 §7.1]
pub(in crate::http) fn challenge(code: AdminErrorCode, needs: Option<Permission>) -> Option<HeaderValue> {
    if matches!(code, AdminErrorCode::InvalidDpopProof | AdminErrorCode::UseDpopNonce) {
        return Some(dpop::challenge(Some(code.as_str())));
    }
    let text = match (status(code), needs) {
        // [RFC 6750 §3.1] no token, no error code.
        (StatusCode::UNAUTHORIZED, _) if code == AdminErrorCode::TokenRequired => "Bearer".to_owned(),
        (StatusCode::UNAUTHORIZED, _) => "Bearer error=\"invalid_token\"".to_owned(),
        (StatusCode::FORBIDDEN, Some(permission)) => {
            format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\"")
        }
        (StatusCode::FORBIDDEN, None) => "Bearer error=\"insufficient_scope\"".to_owned(),
        _ => return None,
    };
    HeaderValue::from_str(&text).ok()
}

/// Where a code is explained.
pub fn page(issuer: &str, code: AdminErrorCode) -> String {
    format!("{issuer}/docs/errors/{}", code.as_str())
}
