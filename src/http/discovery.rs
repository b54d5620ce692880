//! What relying parties read first: the provider's metadata (OIDC Discovery §4) and its keys.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode, Uri};
use poem::error::MethodNotAllowedError;
use poem::{Endpoint, IntoResponse, Request, Response};
use serde_json::{Value, json};

use crate::domain::client::GrantType;
use crate::http::headers::harden;
use crate::http::openapi;
use crate::protocol::acr::Acr;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::pkce::CodeChallenge;
use crate::usecase::sign_in::read_request::Rules;
use crate::usecase::signing_keys::KeyRing;
use crate::words::Locale;

/// Where everything is, below the issuer.
pub mod path {
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
    pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
    pub const JWKS: &str = "/pf/JWKS";
    pub const TOKEN: &str = "/as/token.oauth2";
    pub const BACKCHANNEL_AUTHENTICATION: &str = "/as/bc-auth.ciba";
    pub const PUSHED_AUTHORIZATION_REQUEST: &str = "/as/par.oauth2";
    pub const AUTHORIZATION: &str = "/as/authorization.oauth2";
    pub const REVOCATION: &str = "/as/revoke_token.oauth2";
    pub const INTROSPECTION: &str = "/as/introspect.oauth2";
    pub const USERINFO: &str = "/idp/userinfo.openid";
    pub const END_SESSION: &str = "/idp/init_logout.openid";
    pub const REGISTRATION: &str = "/as/clients.oauth2";
    pub const OPENAPI: &str = "/openapi.json";
}

/// The document, made once: nothing in it changes while the server runs. It lists what works, and
/// nothing else.
#[derive(Clone)]
pub struct Discovery(Bytes);

impl Discovery {
    /// `registration`: clients may register themselves.
    pub fn new(issuer: &str, registration: bool, rules: &Rules) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let names = |algorithms: &[Algorithm]| algorithms.iter().map(|alg| alg.as_str()).collect::<Vec<_>>();
        let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
        let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": at(path::AUTHORIZATION),
            "pushed_authorization_request_endpoint": at(path::PUSHED_AUTHORIZATION_REQUEST),
            "token_endpoint": at(path::TOKEN),
            "userinfo_endpoint": at(path::USERINFO),
            "jwks_uri": at(path::JWKS),
            "revocation_endpoint": at(path::REVOCATION),
            "introspection_endpoint": at(path::INTROSPECTION),
            "end_session_endpoint": at(path::END_SESSION),
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "frontchannel_logout_supported": true,
            "frontchannel_logout_session_supported": true,
            "backchannel_authentication_endpoint": at(path::BACKCHANNEL_AUTHENTICATION),
            "backchannel_token_delivery_modes_supported": ["poll"],
            "backchannel_user_code_parameter_supported": false,
            "scopes_supported": ["openid", "profile", "email"],
            "response_types_supported": ResponseType::SUPPORTED.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
            "response_modes_supported":
                ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"],
            "authorization_signing_alg_values_supported": names(&Algorithm::SIGNING),
            "code_challenge_methods_supported": [CodeChallenge::METHOD],
            "authorization_response_iss_parameter_supported": true,
            "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": names(&Algorithm::SIGNING),
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": names(&Algorithm::ALL),
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": names(&Algorithm::ALL),
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": names(&Algorithm::ALL),
            "acr_values_supported": Acr::ALL.map(Acr::as_str),
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "at_hash", "nonce", "sid",
                "name", "preferred_username", "updated_at", "email", "email_verified"
            ],
        });
        if let Some(members) = document.as_object_mut() {
            if registration {
                members.insert("registration_endpoint".to_owned(), json!(at(path::REGISTRATION)));
            }
            if let Value::Object(requests) = of_requests(rules) {
                members.extend(requests);
            }
        }
        Self(Bytes::from(serde_json::to_vec(&document).unwrap_or_default()))
    }

    pub fn document(&self) -> &[u8] {
        &self.0
    }
}

/// What an authorization request may be.
fn of_requests(rules: &Rules) -> Value {
    let details: Vec<&str> = rules.details.iter().map(|known| known.name.as_str()).collect();
    json!({
        "require_pushed_authorization_requests": rules.require_pushed,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "request_object_signing_alg_values_supported": Algorithm::ALL.map(Algorithm::as_str),
        "claims_parameter_supported": true,
        "display_values_supported": ["page"],
        "ui_locales_supported": Locale::ALL.iter().map(|locale| locale.tag()).collect::<Vec<_>>(),
        "authorization_details_types_supported": details,
    })
}

/// What everybody reads.
#[derive(Clone)]
pub struct Documents {
    pub discovery: Discovery,
    pub openapi: openapi::Published,
    pub ring: Arc<KeyRing>,
}

const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// Well below the time for which a next key is announced.
const FIVE_MINUTES: HeaderValue = HeaderValue::from_static("public, max-age=300");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Readable from any page: there is nothing of anybody in it.
const ANY: HeaderValue = HeaderValue::from_static("*");

impl Documents {
    /// `None`: it is for somebody else.
    pub fn answer(&self, method: &Method, uri: &Uri) -> Option<poem::Result<Response>> {
        let (body, cache) = match uri.path() {
            path::DISCOVERY | path::AUTHORIZATION_SERVER => (self.discovery.0.clone(), AN_HOUR),
            path::JWKS => (self.ring.jwks(), FIVE_MINUTES),
            path::OPENAPI => match self.openapi.find(uri.query().unwrap_or_default()) {
                Some(document) => (document, FIVE_MINUTES),
                None => return Some(Err(StatusCode::NOT_FOUND.into())),
            },
            _ => return None,
        };
        // The body of an answer to HEAD is left out by the HTTP library.
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Some(Err(MethodNotAllowedError.into()));
        }
        let mut response = Response::default();
        response.set_body(body);
        let headers = response.headers_mut();
        headers.reserve(8);
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CACHE_CONTROL, cache);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        harden(headers);
        Some(Ok(response))
    }
}

/// Answers with the documents, and hands on everything else.
pub struct Published<E> {
    pub documents: Documents,
    pub inner: E,
}

impl<E: Endpoint> Endpoint for Published<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match self.documents.answer(request.method(), request.uri()) {
            Some(answer) => answer,
            // In a box, since it is large, and the documents are small.
            None => Box::pin(self.inner.call(request)).await.map(IntoResponse::into_response),
        }
    }
}
