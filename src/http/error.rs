//! The one place that knows HTTP statuses, and the words of each family of endpoints: OAuth errors,
//! bearer challenges, problem documents. Every refused request passes here on its way out, is
//! audited once and logged once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use poem::error::ResponseError as _;
use poem::http::StatusCode;
use poem::http::header::{self, HeaderValue};
use poem::{Endpoint, IntoResponse, Request, Response};
use serde::Serialize;

use crate::call::POLL;
use crate::clock::Clock;
use crate::domain::audit::Action;
use crate::http::body::BodyError;
use crate::http::client_authentication::access_token;
use crate::http::discovery::path;
use crate::http::headers::{harden, retry_after};
use crate::http::observe::NotYet;
use crate::http::{admin, device, dpop, flow, openapi};
use crate::protocol::access_token::Scheme;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::ClientId;
use crate::usecase;
use crate::usecase::authenticate_device::{DeviceError, Nonces};
use crate::usecase::record_refusal::RecordRefusal;

/// A use case said no. What it means on the wire is decided in [`Errors`].
#[derive(Debug)]
pub struct Failure {
    cause: Cause,
    client: Option<ClientId>,
    /// What was refused, where the endpoint alone does not tell.
    action: Option<Action>,
}

#[derive(Debug)]
enum Cause {
    OAuth(usecase::Error),
    Device(DeviceError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::OAuth(error) => error.fmt(f),
            Cause::Device(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    pub fn of_client(client: &ClientId) -> impl Fn(usecase::Error) -> poem::Error + '_ {
        |error| Self { cause: Cause::OAuth(error), client: Some(client.clone()), action: None }.into()
    }

    pub fn of(action: Action, client: &ClientId) -> impl Fn(usecase::Error) -> poem::Error + '_ {
        move |error| Self { cause: Cause::OAuth(error), client: Some(client.clone()), action: Some(action) }.into()
    }

    pub fn unauthenticated(error: usecase::Error) -> poem::Error {
        Self { cause: Cause::OAuth(error), client: None, action: None }.into()
    }

    pub fn device(error: DeviceError) -> poem::Error {
        Self { cause: Cause::Device(error), client: None, action: None }.into()
    }
}

impl From<Failure> for poem::Error {
    fn from(failure: Failure) -> Self {
        // The status is set in `Errors`; this one would only show where `Errors` is missing.
        Self::new(failure, StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Which words an endpoint uses, and what a refusal there is called in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Backchannel,
    Token,
    Direct(Action),
    Resource,
    /// Clients that register themselves.
    Registration,
    Device,
    Admin,
    /// A page: whoever is there is a browser.
    Page,
    /// The flow API.
    Flow,
    /// No endpoint of ours: nothing was refused, nothing is there.
    Elsewhere,
}

impl Family {
    pub(super) fn of(path: &str) -> Self {
        match path {
            path::BACKCHANNEL_AUTHENTICATION => Self::Backchannel,
            path::TOKEN => Self::Token,
            path::REVOCATION => Self::Direct(Action::TokenRevoked),
            path::PUSHED_AUTHORIZATION_REQUEST => Self::Direct(Action::SignInRefused),
            path::DEVICE_AUTHORIZATION => Self::Direct(Action::DeviceAuthorizationRequested),
            path::INTROSPECTION => Self::Direct(Action::TokenIntrospected),
            path::USERINFO => Self::Resource,
            path::REGISTRATION => Self::Registration,
            path if path.strip_prefix(path::REGISTRATION).is_some_and(|rest| rest.starts_with('/')) => {
                Self::Registration
            }
            path if path.starts_with("/device/") => Self::Device,
            path if path.starts_with(admin::PREFIX) => Self::Admin,
            path::AUTHORIZATION | path::END_SESSION | path::USER_AUTHORIZATION | "/sign-out" => Self::Page,
            path if [flow::PAGES, "/as/resume/"].iter().any(|prefix| path.starts_with(prefix)) => Self::Page,
            path if path.starts_with(flow::PREFIX) => Self::Flow,
            _ => Self::Elsewhere,
        }
    }

    /// An answer that no endpoint has given: for the accept loop. Without a nonce, in the device API.
    pub(super) fn unreached(self, status: StatusCode, description: &'static str) -> Response {
        let (device, code) = match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                (DeviceErrorCode::TemporarilyUnavailable, ErrorCode::TemporarilyUnavailable.as_str())
            }
            StatusCode::INTERNAL_SERVER_ERROR => (DeviceErrorCode::InternalError, "server_error"),
            _ => (DeviceErrorCode::InvalidRequest, ErrorCode::InvalidRequest.as_str()),
        };
        let mut response = match self {
            Self::Device => {
                let (status_code, code) = (status.as_u16(), device.as_str());
                let body = Problem { kind: "about:blank", title: description, status: status_code, code };
                json(status, "application/problem+json", &body)
            }
            // Nobody here knows the issuer: the address of the page is a relative one.
            Self::Admin => admin::problem::Worded::unreached(status).respond("", None),
            Self::Page => page(status, description),
            Self::Flow => flow::refused(status),
            Self::Backchannel
            | Self::Token
            | Self::Direct(_)
            | Self::Resource
            | Self::Registration
            | Self::Elsewhere => {
                json(status, "application/json", &OAuthBody { error: code, error_description: description })
            }
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        harden(response.headers_mut());
        response
    }

    pub(super) const fn action(self) -> Option<Action> {
        match self {
            Self::Backchannel => Some(Action::RequestCreated),
            Self::Token => Some(Action::RequestRedeemed),
            Self::Direct(action) => Some(action),
            Self::Resource => Some(Action::UserinfoRead),
            Self::Registration => Some(Action::ClientRegistered),
            Self::Device => Some(Action::DeviceCalled),
            Self::Admin => Some(Action::AdminCalled),
            Self::Page | Self::Flow => Some(Action::SignInRefused),
            Self::Elsewhere => None,
        }
    }
}

/// Wraps all endpoints: turns every error into an answer in the format of its endpoint.
pub struct Errors<E> {
    pub inner: E,
    pub record: RecordRefusal,
    pub nonces: Nonces,
    pub dpop_nonces: Nonces,
    pub clock: Arc<dyn Clock>,
    pub issuer: Arc<str>,
    pub openapi: openapi::Published,
}

impl<E: Endpoint> Endpoint for Errors<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let family = Family::of(request.uri().path());
        let shown = Shown {
            scheme: if matches!(family, Family::Resource | Family::Registration) {
                access_token(&request).ok().flatten().map(|(scheme, _)| scheme)
            } else {
                None
            },
            proof: request.headers().contains_key(dpop::PROOF),
        };
        let uri = request.uri().clone();
        match self.inner.call(request).await {
            Ok(response) => {
                let mut response = response.into_response();
                self.with_nonce(family, shown, &mut response);
                Ok(response)
            }
            // In boxes: an answer that is no refusal does not carry the room for one about.
            Err(error) if family == Family::Admin => {
                Ok(Box::pin(self.refuse_administrator(&error, shown, uri.path())).await)
            }
            Err(error) => Ok(Box::pin(self.refuse(family, &error, shown, uri.path())).await),
        }
    }
}

/// What a request brought along that its answer depends on, however it is refused.
#[derive(Clone, Copy)]
struct Shown {
    /// With an access token.
    scheme: Option<Scheme>,
    /// A DPoP proof, good or bad.
    proof: bool,
}

/// An answer in the making.
struct Answer {
    status: StatusCode,
    /// The code on the wire.
    code: &'static str,
    description: &'static str,
    /// For log and audit.
    detail: String,
    retry_after: Option<Duration>,
    client: Option<ClientId>,
    action: Option<Action>,
    /// Waiting is not a refusal, and some refusals are recorded already.
    audited: bool,
}

impl Answer {
    fn is_not_yet(&self) -> bool {
        self.code == ErrorCode::AuthorizationPending.as_str() || self.code == ErrorCode::SlowDown.as_str()
    }

    fn log(&self) {
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

impl<E> Errors<E> {
    /// Every answer of the device API has a nonce for the next call, and so has every answer to a DPoP proof.
    fn with_nonce(&self, family: Family, shown: Shown, response: &mut Response) {
        if family == Family::Device {
            response.headers_mut().insert(device::NONCE, device::nonce(&self.nonces, &*self.clock));
        }
        if shown.proof
            && matches!(
                family,
                Family::Backchannel | Family::Token | Family::Resource | Family::Direct(_) | Family::Admin
            )
        {
            dpop::offer(response.headers_mut(), &self.dpop_nonces.current(self.clock.now()));
        }
    }

    async fn refuse_administrator(&self, error: &poem::Error, shown: Shown, path: &str) -> Response {
        let worded = admin::problem::Worded::of(error);
        let (code, status) = (worded.code.as_str(), worded.status.as_u16());
        if worded.status.is_server_error() {
            tracing::error!(error = code, detail = worded.reason, status, "failed");
        } else if worded.code == AdminErrorCode::UseDpopNonce {
            // Part of the handshake.
            tracing::debug!(error = code, status, "nonce handed out");
        } else {
            tracing::info!(error = code, detail = worded.reason, status, "refused");
            let actor = error.data::<admin::RefusedActor>().map(|admin::RefusedActor(actor)| actor.clone());
            self.record.record_by(Action::AdminCalled, format!("{code}: {}", worded.reason), actor).await;
        }
        let allow = (worded.status == StatusCode::METHOD_NOT_ALLOWED).then(|| self.openapi.allow(path)).flatten();
        let proof = shown.proof || worded.code == AdminErrorCode::InvalidDpopProof;
        let mut response = worded.respond(&self.issuer, allow.as_ref());
        self.with_nonce(Family::Admin, Shown { proof, ..shown }, &mut response);
        response
    }

    async fn refuse(&self, family: Family, error: &poem::Error, shown: Shown, path: &str) -> Response {
        let answer = answer(family, error);
        answer.log();
        if let Some(action) =
            answer.action.or(family.action()).filter(|_| answer.audited && !answer.status.is_server_error())
        {
            let action =
                if answer.code == ErrorCode::InvalidClient.as_str() { Action::ClientAuthenticated } else { action };
            let reason = format!("{}: {}", answer.code, answer.detail);
            self.record.record(action, reason, answer.client.clone()).await;
        }
        let mut response = match family {
            Family::Device => problem(&answer),
            Family::Backchannel
            | Family::Token
            | Family::Direct(_)
            | Family::Resource
            | Family::Registration
            | Family::Admin
            | Family::Elsewhere => oauth(&answer),
            Family::Page => page(answer.status, answer.description),
            Family::Flow => flow::refused(answer.status),
        };
        // [RFC 9449 §9] whoever lacks a proof will need a nonce for it.
        let proof = shown.proof || answer.code == ErrorCode::InvalidDpopProof.as_str();
        self.with_nonce(family, Shown { proof, ..shown }, &mut response);
        if answer.is_not_yet() {
            response.set_data(NotYet);
        }
        let headers = response.headers_mut();
        if let Some(after) = answer.retry_after {
            headers.insert(header::RETRY_AFTER, retry_after(after));
        }
        if answer.status == StatusCode::METHOD_NOT_ALLOWED {
            // What has no operation is a document.
            let allow = self.openapi.allow(path).unwrap_or(HeaderValue::from_static("GET"));
            headers.insert(header::ALLOW, allow);
        }
        if answer.status == StatusCode::UNAUTHORIZED {
            for challenge in challenges(family, shown.scheme, answer.code) {
                headers.append(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}

/// [RFC 9110 §15.5.2] each 401 says how to authenticate, also where [RFC 6749 §5.2] would not ask for it: to
/// whoever sent a secret in the form, an assertion, or nothing.
fn challenges(family: Family, scheme: Option<Scheme>, code: &str) -> Vec<HeaderValue> {
    let fixed = |text| vec![HeaderValue::from_static(text)];
    match (family, scheme) {
        (Family::Resource, Some(Scheme::Dpop)) => vec![dpop::challenge(Some(code))],
        (Family::Resource, Some(Scheme::Bearer)) => {
            vec![HeaderValue::from_static("Bearer error=\"invalid_token\""), dpop::challenge(None)]
        }
        // [RFC 6750 §3.1] no token, no error code.
        (Family::Resource, None) => vec![HeaderValue::from_static("Bearer"), dpop::challenge(None)],
        // The tokens of registration are bound to nothing [RFC 7592 §1.3].
        (Family::Registration, Some(_)) => fixed("Bearer error=\"invalid_token\""),
        (Family::Registration, None) => fixed("Bearer"),
        // [RFC 7617 §2.1] the names and secrets are UTF-8 before they are form-encoded.
        (Family::Backchannel | Family::Token | Family::Direct(_), _) => fixed("Basic realm=\"nod\", charset=\"UTF-8\""),
        (Family::Device, _) => fixed(device::CHALLENGE),
        // Administrators get theirs with their problem document; elsewhere nobody authenticates.
        (Family::Admin | Family::Page | Family::Flow | Family::Elsewhere, _) => Vec::new(),
    }
}

fn answer(family: Family, error: &poem::Error) -> Answer {
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
            | Family::Elsewhere => ErrorCode::InvalidRequest.as_str(),
        };
        return Answer {
            status: body.status(),
            code,
            description: body.description(),
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
        description: refusal.description,
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
        | DeviceErrorCode::NumberRequired => StatusCode::BAD_REQUEST,
        DeviceErrorCode::ProofRequired
        | DeviceErrorCode::ProofInvalid
        | DeviceErrorCode::ProofExpired
        | DeviceErrorCode::ProofReplayed
        | DeviceErrorCode::UseDeviceNonce
        | DeviceErrorCode::DeviceUnknown => StatusCode::UNAUTHORIZED,
        DeviceErrorCode::DeviceBlocked | DeviceErrorCode::NumberMismatch => StatusCode::FORBIDDEN,
        DeviceErrorCode::NotificationNotFound | DeviceErrorCode::DeviceNotFound | DeviceErrorCode::NotFound => {
            StatusCode::NOT_FOUND
        }
        DeviceErrorCode::MethodLimitReached
        | DeviceErrorCode::Expired
        | DeviceErrorCode::AlreadyDecided
        | DeviceErrorCode::Canceled => StatusCode::CONFLICT,
        DeviceErrorCode::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        DeviceErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        DeviceErrorCode::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Answer {
        status,
        code: refusal.code.as_str(),
        description: refusal.code.title(),
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
        | Family::Elsewhere => {
            (ErrorCode::TemporarilyUnavailable.as_str(), "Too many requests; wait as long as Retry-After says.")
        }
    };
    Answer {
        status: StatusCode::TOO_MANY_REQUESTS,
        code,
        description,
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
        | Family::Elsewhere => (ErrorCode::TemporarilyUnavailable.as_str(), "The server cannot answer now; try again."),
    };
    Answer {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code,
        description,
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
        description,
        detail: if server { error.to_string() } else { description.to_owned() },
        retry_after: None,
        client: None,
        action: None,
        audited: status != StatusCode::NOT_FOUND,
    }
}

/// [RFC 6749 §5.2]
#[derive(Serialize)]
struct OAuthBody {
    error: &'static str,
    error_description: &'static str,
}

/// For what no page of ours was reached for: the words are constant, and no style is worth a second request.
fn page(status: StatusCode, description: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{description}</title><h1>{description}</h1></html>"
    );
    Response::builder().status(status).header(header::CONTENT_TYPE, "text/html; charset=utf-8").body(text)
}

fn oauth(answer: &Answer) -> Response {
    let body = OAuthBody { error: answer.code, error_description: answer.description };
    json(answer.status, "application/json", &body)
}

/// [RFC 9457]
#[derive(Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
}

fn problem(answer: &Answer) -> Response {
    let body =
        Problem { kind: "about:blank", title: answer.description, status: answer.status.as_u16(), code: answer.code };
    json(answer.status, "application/problem+json", &body)
}

pub(super) fn json<T: Serialize>(status: StatusCode, content_type: &'static str, body: &T) -> Response {
    // Constant strings and a number: serde has nothing to refuse.
    let body = serde_json::to_vec(body).unwrap_or_default();
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CACHE_CONTROL, "no-store")
        .body(body)
}
