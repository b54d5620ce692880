//! Which pages may call: ours, and those of registered applications (CORS, [Fetch §3.2]). Browsers say whose
//! page it is; nobody else can be made to say it.

use std::time::Duration;

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};
use tokio::time::timeout;

use super::{FlowApi, Refused, STATE_HEADER, XSRF};
use crate::http::headers::{SEC_FETCH_SITE, queried};
use crate::protocol::authorization_request::ResponseMode;
use crate::usecase::StoreError;
use crate::usecase::sign_in::Page;

const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After, X-Request-Id");

/// How long a browser may remember what a preflight said.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Whose page calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Ours, or none: a native application, say.
    Own,
    /// That of a registered application.
    Application(HeaderValue, String),
    /// Another one. It is not told what it may not know, and changes nothing.
    Foreign,
}

impl Caller {
    pub(super) fn page(&self) -> Page<'_> {
        match self {
            Self::Own | Self::Foreign => Page::Own,
            Self::Application(_, origin) => Page::Of(origin),
        }
    }

    /// Lets the page read the answer, if it is one that may.
    pub(super) fn admit(&self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Self::Application(origin, _) = self {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            // Beside the body.
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

/// What a head says of whose page calls. Whoever needs it after the request is gone need not keep all of the head.
pub(in crate::http) fn whose_page(headers: &HeaderMap) -> HeaderMap {
    let mut own = HeaderMap::new();
    for name in [header::ORIGIN, SEC_FETCH_SITE] {
        for value in headers.get_all(&name) {
            own.append(&name, value.clone());
        }
    }
    own
}

/// The least that is waited for a store where something was waited for already.
const A_MOMENT: Duration = Duration::from_millis(200);

impl FlowApi {
    /// Lets a page read what another endpoint answers it with in place of a redirect [flows.md A.1.7], if it shows
    /// what this client asks for.
    pub async fn admit(&self, client: &str, request: &HeaderMap, answer: &mut HeaderMap) {
        let caller = self.caller_for(client, request).await.unwrap_or(Caller::Foreign);
        caller.admit(answer);
    }

    async fn caller_for(&self, client: &str, headers: &HeaderMap) -> Result<Caller, StoreError> {
        let caller = self.caller(headers).await?;
        let Caller::Application(_, origin) = &caller else { return Ok(caller) };
        Ok(if self.advance.shows(origin, client).await? { caller } else { Caller::Foreign })
    }

    /// What a browser asks before it lets a page call another endpoint so. `None`: it asks something else, or of a page
    /// that may not.
    pub async fn before(&self, request: &Request) -> Option<Response> {
        if *request.method() != Method::OPTIONS || queried(request, "response_mode")? != ResponseMode::Flow.as_str() {
            return None;
        }
        let caller = self.caller_for(&queried(request, "client_id")?, request.headers()).await.ok()?;
        let mut response = Self::preflight(request.method(), request.headers(), &caller)?.ok()?;
        caller.admit(response.headers_mut());
        Some(response)
    }

    /// Lets a page read what is answered in place of this API.
    pub(in crate::http) async fn admit_unreached(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if let Ok(Ok(caller)) = timeout(A_MOMENT, self.caller(request)).await {
            caller.admit(answer);
        }
    }

    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, StoreError> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            // A form of another site, in a browser that does not say of which.
            (None, _) if headers.get_all(SEC_FETCH_SITE).iter().any(|site| site == "cross-site") => Ok(Caller::Foreign),
            (None, _) => Ok(Caller::Own),
            (Some(origin), None) if origin.as_bytes() == self.origin.as_bytes() => Ok(Caller::Own),
            (Some(origin), None) => match origin.to_str() {
                Ok(text) if self.advance.admits(text).await? => {
                    Ok(Caller::Application(origin.clone(), text.to_owned()))
                }
                Ok(_) | Err(_) => Ok(Caller::Foreign),
            },
            (Some(_), Some(_)) => Ok(Caller::Foreign),
        }
    }

    /// Before a browser lets a page of another origin call, it asks whether it may.
    pub(super) fn preflight(
        method: &Method,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Option<Result<Response, Refused>> {
        let asks = method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        asks.then(|| match caller {
            Caller::Application(..) => Ok(Response::builder()
                .status(StatusCode::NO_CONTENT)
                .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST")
                .header(header::ACCESS_CONTROL_ALLOW_HEADERS, format!("Content-Type, {XSRF}, {STATE_HEADER}"))
                .header(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED)
                .finish()),
            Caller::Own | Caller::Foreign => Err(Refused::Status(StatusCode::FORBIDDEN)),
        })
    }
}
