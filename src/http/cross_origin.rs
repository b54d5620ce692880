//! Browser-based applications: pages of other origins that call as clients (CORS, [Fetch §3.2]; security.md 5.5).
//!
//! Cookies are no part of it, so a page can do nothing that a program could not. What it may read is another matter:
//! an answer about a client is for pages at its own redirect URIs. Which client it is shows only when it has
//! authenticated, or its token was read; a preflight therefore lets everybody ask. A refusal that is about nobody can be
//! read by all, as the metadata can: an application has to learn that its token is worth nothing any more.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::call::{self, Readers};
use crate::domain::client::Client;
use crate::http::discovery::path;

/// Where browser-based applications call. What only servers call is not among them.
const OPEN: [&str; 4] = [path::TOKEN, path::USERINFO, path::REVOCATION, path::PUSHED_AUTHORIZATION_REQUEST];

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const SENT: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, DPoP, X-Fapi-Interaction-Id");
/// Beside the body.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("DPoP-Nonce, Retry-After, WWW-Authenticate, X-Fapi-Interaction-Id, X-Request-Id");
/// Seconds for which a browser may remember what a preflight said.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Whose page asks, as the browser says it. Two of them are none.
fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut all = headers.get_all(header::ORIGIN).iter();
    all.next().filter(|_| all.next().is_none())
}

/// The answer is about this client.
pub(super) fn is_about(client: &Client, headers: &HeaderMap) {
    if let Some(origin) = origin(headers) {
        call::is_for_page(origin.to_str().is_ok_and(|origin| client.has_pages_at(origin)));
    }
}

/// Lets pages read what they may.
pub struct CrossOrigin<E>(pub E);

impl<E: Endpoint> Endpoint for CrossOrigin<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let asks = origin(request.headers()).filter(|_| OPEN.contains(&request.uri().path())).cloned();
        let Some(origin) = asks else {
            return self.0.call(request).await.map(IntoResponse::into_response);
        };
        let preflight = *request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if preflight {
            return Ok(Response::builder()
                .status(StatusCode::NO_CONTENT)
                .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY)
                .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)
                .header(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT)
                .header(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED)
                .finish());
        }
        // In a box: most calls are not of pages, and do not carry the room for it.
        let mut response = Box::pin(self.0.call(request)).await?.into_response();
        // What is not this client's is never said again.
        let by = match call::readers() {
            Readers::This => Some(origin),
            Readers::Any => (!response.is_success()).then_some(ANY),
            Readers::None => None,
        };
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(by) = by {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, by);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        Ok(response)
    }
}
