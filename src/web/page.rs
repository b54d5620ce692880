//! A page as it goes out: its markup and the header fields that fence it in.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse as _, Request, Response};

use crate::http::headers::fence;
use crate::secret::sha256;

/// Nothing inline, nothing from elsewhere, no markup made from strings by a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
     form-action 'self'";

/// What no page of ours needs. Not the clipboard: some have buttons that copy.
const NO_FEATURES: HeaderValue = HeaderValue::from_static(
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
     microphone=(), midi=(), payment=(), usb=(), xr-spatial-tracking=()",
);

/// How far a page reaches.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Sources beside our own to which its forms may go.
    pub forms: Vec<String>,
    /// Sources that its frames show.
    pub frames: Vec<String>,
    pub referrer: Referrer,
}

/// What whoever is asked from a page is told about it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Referrer {
    /// A form that is sent from a page without any referrer has the origin `null`, which is refused
    /// (guard.rs). Other origins are told nothing.
    #[default]
    SameOrigin,
    /// For a page whose form goes to a relying party: that may ask whether it comes from its provider.
    Origin,
    /// For a page with a secret in its own address. What its forms send has the origin `null`.
    Nothing,
}

impl Referrer {
    const fn policy(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::Origin => "strict-origin",
            Self::Nothing => "no-referrer",
        }
    }
}

impl Reach {
    fn policy(&self) -> String {
        let forms: String = self.forms.iter().map(|source| format!(" {source}")).collect();
        match self.frames.as_slice() {
            [] => format!("{POLICY}{forms}"),
            frames => format!("{POLICY}{forms}; frame-src {}", frames.join(" ")),
        }
    }
}

pub(super) fn html(status: StatusCode, template: &impl Template) -> Response {
    reaching(status, template, &Reach::default())
}

pub(super) fn reaching(status: StatusCode, template: &impl Template, reach: &Reach) -> Response {
    match template.render() {
        Ok(markup) => fenced_in(status, markup, reach),
        Err(error) => broken(&error),
    }
}

fn fenced_in(status: StatusCode, markup: String, reach: &Reach) -> Response {
    let mut page = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, reach.policy())
        .header(header::REFERRER_POLICY, reach.referrer.policy())
        .header(HeaderName::from_static("permissions-policy"), NO_FEATURES)
        .body(markup);
    fence(page.headers_mut());
    page
}

fn broken(error: &askama::Error) -> Response {
    tracing::error!(%error, "a page could not be written");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// A page that is the same for everybody, and as good as long as the server is not another one.
pub(super) fn public(request: &Request, template: &impl Template) -> Response {
    match template.render() {
        Ok(markup) => {
            let digest = sha256(markup.as_bytes());
            let mut page = fenced_in(StatusCode::OK, markup, &Reach::default());
            tag(request, &mut page, &digest);
            page
        }
        Err(error) => broken(&error),
    }
}

/// Lets an answer be kept and asked for again before each use; one that is still good is not sent again
/// [RFC 9110 §13.1.2]. `digest`: of its body.
pub(super) fn tag(request: &Request, answer: &mut Response, digest: &[u8; 32]) {
    let short = digest.first_chunk::<16>().copied().unwrap_or_default();
    let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(short));
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    // A proxy that compresses makes a strong tag a weak one; here the comparison is weak anyway.
    let mut known = known.flat_map(|tags| tags.split(',')).map(str::trim);
    let is_known = known.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag);
    if is_known {
        answer.set_body(poem::Body::empty());
        answer.set_status(StatusCode::NOT_MODIFIED);
        answer.headers_mut().remove(header::CONTENT_TYPE);
    }
    if let Ok(etag) = etag.parse() {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    answer.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
}

/// Kept, but asked for again each time: whoever works on a page, or upgrades the server, sees the change.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Whether the caller is a person's browser and not a script: it gets a page, or is sent to one.
pub(super) fn wants_html(request: &Request) -> bool {
    request.header(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
}

/// After a form was sent: to a page that can be loaded again without sending it again.
pub(super) fn see_other(location: &str) -> Response {
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location).finish()
}

pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}

/// The same address with one parameter more, in place of what it had by that name.
pub(super) fn with_parameter(address: &str, name: &str, value: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let mut parameters = url::form_urlencoded::Serializer::new(String::new());
    parameters.extend_pairs(url::form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known != name));
    format!("{path}?{}", parameters.append_pair(name, value).finish())
}
