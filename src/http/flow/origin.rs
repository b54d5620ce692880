//! Which pages may call: ours, and those of registered applications (CORS, [Fetch §3.2]). Browsers say whose
//! page it is; nobody else can be made to say it.

use poem::Response;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{FlowApi, Refused, STATE_HEADER, XSRF};
use crate::usecase::StoreError;
use crate::usecase::sign_in::Page;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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

impl FlowApi {
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
