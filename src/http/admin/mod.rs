//! The admin API, `/admin/v1`: one file for each resource, and the gate before all of them.

use std::collections::HashSet;
use std::sync::Arc;

use poem::http::header::HeaderValue;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::domain::audit::Actor;
use crate::http::client_authentication::authorization;
use crate::protocol::admin_error::AdminErrorCode;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::admin::idempotency::Idempotency;
use crate::usecase::admin::{AdminError, Administrator};

pub mod access;
pub mod audit;
pub mod bootstrap;
pub mod clients;
mod closed;
pub mod devices;
pub mod error_pages;
pub mod events;
pub mod keys;
pub mod page;
pub mod pairing_keys;
pub mod precondition;
pub mod problem;
pub mod repeated;
pub mod reply;
pub mod requests;
pub mod time;
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
    pub methods: Methods,
    pub issuer: Arc<str>,
}

/// Who was refused, for the audit trail.
#[derive(Clone, Debug)]
pub struct RefusedActor(pub Actor);

/// What `Allow` says, where a method was not allowed.
#[derive(Clone, Debug)]
pub struct Allow(pub HeaderValue);

impl<E: Endpoint> Endpoint for AdminGate<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        if let Some(code) = path.strip_prefix(error_pages::PREFIX)
            && matches!(*request.method(), Method::GET | Method::HEAD)
            && let Some(page) = error_pages::page(code, &self.issuer)
        {
            return Ok(page);
        }
        if !path.starts_with(PREFIX) {
            return self.inner.call(request).await.map(IntoResponse::into_response);
        }
        let allow = self.methods.allow(path);
        let mut actor = None;
        self.admit(request, &mut actor).await.map_err(|mut error| {
            if let Some(actor) = actor {
                error.set_data(RefusedActor(actor));
            }
            if let Some(allow) = allow.filter(|_| error.status() == StatusCode::METHOD_NOT_ALLOWED) {
                error.set_data(Allow(allow));
            }
            error
        })
    }
}

impl<E: Endpoint> AdminGate<E> {
    async fn admit(&self, mut request: Request, actor: &mut Option<Actor>) -> poem::Result<Response> {
        // It has a token of its own kind.
        if request.uri().path() != BOOTSTRAP {
            let token = bearer(&request)?.ok_or_else(|| Refused::from(AdminErrorCode::TokenRequired))?;
            let administrator = self.authorize.identify(token).await.map_err(Refused::from)?;
            let by = Arc::<Administrator>::new(administrator);
            *actor = Some(by.actor.clone());
            request.set_data(Arc::clone(&by));
            if repeats_a_parameter(&request) {
                return Err(Refused::from(AdminErrorCode::InvalidRequest).into());
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

/// Of two parameters of one name, nobody can tell which counts.
fn repeats_a_parameter(http: &Request) -> bool {
    let query = http.uri().query().unwrap_or_default();
    let mut seen = HashSet::new();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| !seen.insert(name.into_owned()))
}

/// The bearer token [RFC 6750 §2.1], in the header only.
fn bearer(http: &Request) -> Result<Option<&str>, Refused> {
    let invalid = || Refused::from(AdminError::because(AdminErrorCode::TokenInvalid, "more than one, or not ASCII"));
    let Some(header) = authorization(http).map_err(|_| invalid())? else { return Ok(None) };
    let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Ok(token.map(|(_, token)| token.trim()))
}

/// Which methods there are where, as the `OpenAPI` document has it.
#[derive(Clone, Debug, Default)]
pub struct Methods(Vec<(String, HeaderValue)>);

impl Methods {
    pub fn of(document: &str) -> Self {
        let document: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document.get("paths").and_then(serde_json::Value::as_object).into_iter().flatten();
        let methods = paths.filter(|(path, _)| path.starts_with(PREFIX)).filter_map(|(path, operations)| {
            let names: Vec<String> = operations.as_object()?.keys().map(|name| name.to_uppercase()).collect();
            Some((path.clone(), HeaderValue::from_str(&names.join(", ")).ok()?))
        });
        Self(methods.collect())
    }

    fn allow(&self, path: &str) -> Option<HeaderValue> {
        let fits = |template: &str| {
            let (mut wanted, mut given) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), given.next()) {
                    (None, None) => return true,
                    (Some(wanted), Some(given)) if wanted == given || wanted.starts_with('{') => {}
                    _ => return false,
                }
            }
        };
        self.0.iter().find(|(template, _)| fits(template)).map(|(_, allow)| allow.clone())
    }
}
