//! The one place that knows HTTP statuses, and the words of each family of endpoints: OAuth errors,
//! bearer challenges, problem documents. Every refused request passes here on its way out, is
//! audited once and logged once.

use std::fmt;
use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::{self, HeaderValue};
use poem::{Endpoint, IntoResponse, Request, Response};

use self::answer::answer;
pub(super) use self::body::json;
use self::body::{oauth, page, problem};
pub(super) use self::family::Family;
use crate::clock::Clock;
use crate::domain::audit::Action;
use crate::http::client_authentication::access_token;
use crate::http::headers::retry_after;
use crate::http::observe::NotYet;
use crate::http::{admin, device, device_authentications, dpop, flow, openapi};
use crate::protocol::access_token::Scheme;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::error::ErrorCode;
use crate::protocol::id::ClientId;
use crate::usecase;
use crate::usecase::authenticate_device::{DeviceError, Nonces};
use crate::usecase::record_refusal::RecordRefusal;

mod answer;
mod body;
mod family;

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

impl<E> Errors<E> {
    /// Every answer of the device API has a nonce for the next call, and so has every answer to a DPoP proof.
    fn with_nonce(&self, family: Family, shown: Shown, response: &mut Response) {
        if family == Family::Device {
            response.headers_mut().insert(device::NONCE, device::nonce(&self.nonces, &*self.clock));
        }
        if shown.proof
            && matches!(
                family,
                Family::Backchannel
                    | Family::Token
                    | Family::Resource
                    | Family::Direct(_)
                    | Family::Admin
                    | Family::DeviceAuthentications
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
            Family::Page => page(answer.status, &answer.description),
            Family::Flow => flow::refused(answer.status),
            Family::DeviceAuthentications => device_authentications::refused(answer.status),
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
        // Administrators and servers get theirs with their own refusals; elsewhere nobody authenticates.
        (Family::Admin | Family::DeviceAuthentications | Family::Page | Family::Flow | Family::Elsewhere, _) => {
            Vec::new()
        }
    }
}
