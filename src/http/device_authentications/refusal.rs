//! Why a call was refused: `{id, code, message, details}` [flows.md A.2].

use std::borrow::Cow;
use std::time::Duration;

use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{DeviceAuthenticationsApi, Refused};
use crate::domain::audit::{Action, Actor};
use crate::http::admin::problem;
use crate::http::error::json as answer;
use crate::http::headers::retry_after;
use crate::protocol::device_authentication::ErrorCode;
use crate::protocol::flow_api::{Detail, DetailCode, FlowErrorCode, FlowRefusal};
use crate::usecase;
use crate::usecase::admin::AdminError;
use crate::usecase::sign_in::advance::FlowError;

/// A refusal, as it is told.
struct Worded<'a> {
    status: StatusCode,
    code: ErrorCode,
    /// For log and audit trail.
    why: Cow<'a, str>,
    details: &'a [Detail],
    wait: Option<Duration>,
    challenge: Option<HeaderValue>,
    allow: Option<&'static str>,
}

impl<'a> Worded<'a> {
    fn new(status: StatusCode, code: ErrorCode, why: impl Into<Cow<'a, str>>) -> Self {
        Self { status, code, why: why.into(), details: &[], wait: None, challenge: None, allow: None }
    }

    fn later(wait: Duration) -> Self {
        let worded = Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RequestLimited, "too many");
        Self { wait: Some(wait), ..worded }
    }

    fn unavailable() -> Self {
        let worded = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::UnexpectedError, "a dependency is away");
        Self { wait: Some(Duration::from_secs(1)), ..worded }
    }

    fn of(refused: &'a Refused) -> Self {
        match refused {
            Refused::Caller(AdminError::Refused(refusal)) => {
                let status = problem::status(refusal.code);
                let code = match status {
                    StatusCode::UNAUTHORIZED => ErrorCode::InvalidToken,
                    StatusCode::FORBIDDEN => ErrorCode::AccessDenied,
                    _ => ErrorCode::InvalidRequest,
                };
                let challenge = problem::challenge(refusal.code, refusal.needs);
                Self { challenge, ..Self::new(status, code, &*refusal.detail) }
            }
            Refused::Caller(AdminError::TooMany { retry_after })
            | Refused::Flow(FlowError::Other(
                usecase::Error::TooMany { retry_after } | usecase::Error::Busy { retry_after },
            )) => Self::later(*retry_after),
            Refused::Caller(AdminError::Unavailable(error)) => {
                tracing::error!(%error, "failed");
                Self::unavailable()
            }
            Refused::Flow(FlowError::Other(error)) => {
                tracing::error!(%error, "failed");
                Self::unavailable()
            }
            Refused::Flow(FlowError::Refused(refusal)) => Self::of_flow(refusal),
            Refused::Status(status) => Self::new(*status, ErrorCode::InvalidRequest, "a body that is not taken"),
            Refused::Method(allow) => {
                let worded = Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::InvalidRequest, "another method");
                Self { allow: Some(*allow), ..worded }
            }
        }
    }

    fn of_flow(refusal: &'a FlowRefusal) -> Self {
        let (status, code) = match refusal.code {
            FlowErrorCode::ValidationError => (StatusCode::BAD_REQUEST, ErrorCode::InvalidData),
            FlowErrorCode::InvalidRequest | FlowErrorCode::InvalidActionId => {
                (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest)
            }
            FlowErrorCode::RequestFailed => (StatusCode::BAD_REQUEST, ErrorCode::RequestFailed),
            FlowErrorCode::FlowNotFound => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
            FlowErrorCode::UnexpectedError => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::UnexpectedError),
        };
        Self { details: &refusal.details, ..Self::new(status, code, refusal.why) }
    }
}

impl DeviceAuthenticationsApi {
    /// `id`: by which the call is found in the log. `actor`: who called, where that is known.
    pub(super) async fn refuse(&self, refused: &Refused, id: Option<String>, actor: Option<Actor>) -> Response {
        let worded = Worded::of(refused);
        let (status, code) = (worded.status, worded.code.as_str());
        if !status.is_server_error() {
            tracing::info!(error = code, detail = %worded.why, status = status.as_u16(), "device authentication refused");
            // A wrong code has its own event; what is not there is nobody's business.
            let of_code = worded.details.iter().any(|detail| detail.code == DetailCode::InvalidOtp);
            if !of_code && worded.code != ErrorCode::NotFound {
                let reason = format!("{code}: {}", worded.why);
                self.refusals.record_by(Action::SecondFactorEvaluated, reason, actor).await;
            }
        }
        let mut told = body(worded.code);
        if let Value::Object(told) = &mut told {
            told.extend(id.map(|id| ("id".to_owned(), json!(id))));
            if !worded.details.is_empty() {
                told.insert("details".to_owned(), worded.details.iter().map(detailed).collect());
            }
        }
        let mut response = answer(status, "application/json", &told);
        let headers = response.headers_mut();
        if let Some(wait) = worded.wait {
            headers.insert(header::RETRY_AFTER, retry_after(wait));
        }
        if let Some(challenge) = worded.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(allow) = worded.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

fn body(code: ErrorCode) -> Value {
    json!({ "code": code.as_str(), "message": code.message() })
}

fn detailed(detail: &Detail) -> Value {
    let mut told = json!({ "code": detail.code.as_str(), "message": detail.code.message() });
    if let Value::Object(told) = &mut told {
        // As it is called here.
        let target = detail.target.as_deref().map(|target| if target == "deviceRef" { "device.id" } else { target });
        told.extend(target.map(|target| ("target".to_owned(), json!(target))));
        told.extend(detail.attempts_remaining.map(|left| ("attemptsRemaining".to_owned(), json!(left))));
    }
    told
}

/// For what did not reach the endpoint.
pub(in crate::http) fn refused(status: StatusCode) -> Response {
    let code = if status.is_server_error() { ErrorCode::UnexpectedError } else { ErrorCode::InvalidRequest };
    answer(status, "application/json", &body(code))
}
