//! The admin API, `/admin/v1`: one file for each resource, and the gate before all of them.

use std::collections::HashSet;
use std::sync::Arc;

use poem::http::Method;
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::domain::audit::Actor;
use crate::http::client_authentication::{access_token, with_proof};
use crate::http::openapi::Published;
use crate::protocol::access_token::Scheme;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::error::Refusal;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::admin::idempotency::Idempotency;
use crate::usecase::admin::{AdminError, Administrator};

pub mod access;
pub mod applications;
mod asked;
pub mod audit;
pub mod bootstrap;
pub mod clients;
mod closed;
pub mod device_logs;
pub mod devices;
pub mod error_pages;
pub mod events;
pub mod initial_access_tokens;
pub mod keys;
pub mod members;
pub mod mfa_policies;
pub mod native_applications;
pub mod otp_devices;
pub mod page;
pub mod pairing_keys;
pub mod passkeys;
pub mod passwords;
pub mod policies;
pub mod precondition;
pub mod problem;
pub mod push_credentials;
pub mod remembered_browsers;
pub mod repeated;
pub mod reply;
pub mod requests;
pub mod sign_on_settings;
pub mod time;
pub mod totp_devices;
pub mod user_codes;
pub mod users;
pub mod webhooks;

use reply::Refused;

/// Everything under here is answered by this API, errors too.
pub const PREFIX: &str = "/admin/";
const BOOTSTRAP: &str = "/admin/v1/bootstrap";

/// Stands before all endpoints. Whoever calls the admin API is looked at here, once for each call and
/// before anything else is; every other call passes.
pub struct AdminGate<E> {
    pub inner: E,
    pub authorize: Arc<Authorize>,
    pub idempotency: Idempotency,
    /// What the operations take.
    pub openapi: Published,
}

/// Who was refused, for the audit trail.
#[derive(Clone, Debug)]
pub struct RefusedActor(pub Actor);

impl<E: Endpoint> Endpoint for AdminGate<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        if !path.starts_with(PREFIX) {
            return self.inner.call(request).await.map(IntoResponse::into_response);
        }
        let mut actor = None;
        // In a box: requests of others do not carry the room for it about.
        Box::pin(self.admit(request, &mut actor)).await.map_err(|mut error| {
            if let Some(actor) = actor {
                error.set_data(RefusedActor(actor));
            }
            error
        })
    }
}

impl<E: Endpoint> AdminGate<E> {
    async fn admit(&self, mut request: Request, actor: &mut Option<Actor>) -> poem::Result<Response> {
        request.set_data(self.openapi.clone());
        // It has a token of its own kind.
        if request.uri().path() != BOOTSTRAP {
            let by = Arc::<Administrator>::new(identify(&self.authorize, &request).await.map_err(Refused::from)?);
            *actor = Some(by.actor.clone());
            request.set_data(Arc::clone(&by));
            if repeats_a_parameter(&request) {
                let why = "A query parameter is repeated.";
                return Err(Refused::from(AdminError::because(AdminErrorCode::InvalidRequest, why)).into());
            }
            if *request.method() == Method::POST
                && let Some(key) = repeated::key(&request)?
            {
                return repeated::once(&self.idempotency, &by, &key, request, &self.inner).await;
            }
        }
        self.inner.call(request).await.map(IntoResponse::into_response)
    }
}

/// By the token of a call, and what it is bound to.
pub(in crate::http) async fn identify(authorize: &Authorize, http: &Request) -> Result<Administrator, AdminError> {
    let token = token(http)?.ok_or(AdminErrorCode::TokenRequired)?;
    let unreadable = |refusal: Refusal| AdminError::because(AdminErrorCode::InvalidDpopProof, refusal.detail);
    let presented = with_proof(http, http.uri().path(), token).map_err(unreadable)?;
    authorize.identify(&presented).await
}

/// Of two parameters of one name, nobody can tell which counts.
fn repeats_a_parameter(http: &Request) -> bool {
    let query = http.uri().query().unwrap_or_default();
    let mut seen = HashSet::new();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| !seen.insert(name.into_owned()))
}

/// The access token, and how it is shown. Two headers are no token that anybody has given.
fn token(http: &Request) -> Result<Option<(Scheme, &str)>, AdminError> {
    let unreadable = |_| AdminError::because(AdminErrorCode::TokenInvalid, "more than one, or not ASCII");
    access_token(http).map_err(unreadable)
}

/// The token of whoever may show none of the other kind.
fn bearer(http: &Request) -> Result<Option<&str>, AdminError> {
    Ok(token(http)?.filter(|(scheme, _)| *scheme == Scheme::Bearer).map(|(_, token)| token))
}
