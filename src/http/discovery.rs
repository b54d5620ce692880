//! What relying parties read first: the provider's metadata (OIDC Discovery §4) and its keys.

use std::sync::Arc;

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode, Uri};
use poem::error::MethodNotAllowedError;
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::http::headers::harden;
use crate::http::openapi;
use crate::usecase::signing_keys::KeyRing;

pub use metadata::Discovery;

mod metadata;

/// Where everything is, below the issuer.
pub mod path {
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
    pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
    pub const JWKS: &str = "/pf/JWKS";
    pub const TOKEN: &str = "/as/token.oauth2";
    pub const BACKCHANNEL_AUTHENTICATION: &str = "/as/bc-auth.ciba";
    pub const PUSHED_AUTHORIZATION_REQUEST: &str = "/as/par.oauth2";
    pub const AUTHORIZATION: &str = "/as/authorization.oauth2";
    pub const DEVICE_AUTHORIZATION: &str = "/as/device_authz.oauth2";
    /// Where a person types the code of a device.
    pub const USER_AUTHORIZATION: &str = "/as/user_authz.oauth2";
    pub const REVOCATION: &str = "/as/revoke_token.oauth2";
    pub const INTROSPECTION: &str = "/as/introspect.oauth2";
    pub const USERINFO: &str = "/idp/userinfo.openid";
    /// The frame of OpenID Connect Session Management.
    pub const CHECK_SESSION: &str = "/idp/check_session.openid";
    pub const END_SESSION: &str = "/idp/init_logout.openid";
    pub const REGISTRATION: &str = "/as/clients.oauth2";
    pub const OPENAPI: &str = "/openapi.json";
}

/// What clients call directly: the members of the metadata, and the paths. At the second port, too [RFC 8705 §5].
pub const DIRECT: [(&str, &str); 7] = [
    ("token_endpoint", path::TOKEN),
    ("revocation_endpoint", path::REVOCATION),
    ("introspection_endpoint", path::INTROSPECTION),
    ("pushed_authorization_request_endpoint", path::PUSHED_AUTHORIZATION_REQUEST),
    ("backchannel_authentication_endpoint", path::BACKCHANNEL_AUTHENTICATION),
    ("device_authorization_endpoint", path::DEVICE_AUTHORIZATION),
    ("userinfo_endpoint", path::USERINFO),
];

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
            path::DISCOVERY | path::AUTHORIZATION_SERVER => (self.discovery.bytes(), AN_HOUR),
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
