//! The header fields that every answer carries, and the identifier that ties it to the log.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use poem::{Endpoint, Middleware, Request, Response};

use crate::entropy::Entropy;

/// Whose page a browser calls for [Fetch Metadata §2.3].
pub const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const NOTHING_RUNS: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Fills in what the handler left open. Whoever lets something be cached, or a page run, says so.
pub fn harden(headers: &mut HeaderMap) {
    // With the identifier, and without growing: a map has room for six at first.
    headers.reserve(5);
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(NOSNIFF);
    headers.entry(REFERRER_POLICY).or_insert(NO_REFERRER);
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING_RUNS);
}

/// What pages of others cannot do with one of ours, beside what its policy says: show it in a frame, hold on to its window,
/// load it.
pub fn fence(headers: &mut HeaderMap) {
    // `frame-ancestors` for browsers that do not know it.
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    for policy in ["cross-origin-opener-policy", "cross-origin-resource-policy"] {
        headers.insert(HeaderName::from_static(policy), HeaderValue::from_static("same-origin"));
    }
}

/// Names one request in logs and to the client. The request carries it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// What the client or a proxy chose, when it is harmless in a log.
    fn given(headers: &HeaderMap) -> Option<Self> {
        let given = headers.get(X_REQUEST_ID)?;
        let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=64).contains(&given.len()) && given.as_bytes().iter().all(harmless)).then(|| Self(given.clone()))
    }

    fn fresh(entropy: &Entropy) -> Option<Self> {
        let mut text = [0; 22];
        let length = URL_SAFE_NO_PAD.encode_slice(entropy.bytes::<16>(), &mut text).ok()?;
        HeaderValue::from_bytes(text.get(..length)?).ok().map(Self)
    }

    /// The client's own, or a new one.
    pub fn of(headers: &HeaderMap, entropy: &Entropy) -> Option<Self> {
        Self::given(headers).or_else(|| Self::fresh(entropy))
    }

    pub fn put(self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.0);
    }

    pub fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// A parameter in the query of a request that is no protocol's: the first one of its name.
pub fn queried(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Seconds for `Retry-After`: one at least, and nobody is told to come too early [RFC 9110 §10.2.3].
pub fn retry_after(wait: std::time::Duration) -> HeaderValue {
    HeaderValue::from((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
}

/// The identifier of this request, for whoever writes about it to us.
pub fn reference(request: &Request) -> Option<String> {
    let id = request.data::<RequestId>()?.value();
    id.to_str().ok().map(str::to_owned)
}

/// Puts [`harden`] and [`RequestId`] around an endpoint. It is the outermost middleware: it turns
/// errors into answers, so those that word errors belong inside of it.
#[derive(Clone, Debug)]
pub struct Headers(Arc<Entropy>);

impl Headers {
    pub const fn new(entropy: Arc<Entropy>) -> Self {
        Self(entropy)
    }
}

impl<E: Endpoint> Middleware<E> for Headers {
    type Output = WithHeaders<E>;

    fn transform(&self, inner: E) -> WithHeaders<E> {
        WithHeaders { inner, entropy: Arc::clone(&self.0) }
    }
}

#[derive(Debug)]
pub struct WithHeaders<E> {
    inner: E,
    entropy: Arc<Entropy>,
}

impl<E: Endpoint> Endpoint for WithHeaders<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        // Behind the accept loop the request has one, and the answer gets it there.
        let own =
            if request.data::<RequestId>().is_none() { RequestId::of(request.headers(), &self.entropy) } else { None };
        if let Some(id) = &own {
            request.set_data(id.clone());
        }
        let mut response = self.inner.get_response(request).await;
        harden(response.headers_mut());
        if let Some(id) = own {
            id.put(response.headers_mut());
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use poem::{EndpointExt as _, Route, get, handler};

    use super::*;

    #[handler]
    fn plain(request: &Request) -> String {
        request.data::<RequestId>().unwrap().value().to_str().unwrap().to_owned()
    }

    #[handler]
    fn page() -> Response {
        Response::builder()
            .header(CACHE_CONTROL, "max-age=60")
            .header(CONTENT_SECURITY_POLICY, "default-src 'self'")
            .finish()
    }

    async fn ask(path: &str, id: Option<&str>) -> Response {
        let headers = Headers::new(Arc::new(Entropy::seeded(1)));
        let app = Route::new().at("/plain", get(plain)).at("/page", get(page)).with(headers);
        let mut request = Request::builder().uri_str(path);
        if let Some(id) = id {
            request = request.header(X_REQUEST_ID, id);
        }
        app.get_response(request.finish()).await
    }

    fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
        assert!(response.headers().get_all(name).iter().count() < 2, "{name}");
        response.header(name)
    }

    #[tokio::test]
    async fn every_answer_is_hardened_errors_included() {
        for (path, status) in [("/plain", StatusCode::OK), ("/missing", StatusCode::NOT_FOUND)] {
            let response = ask(path, None).await;
            assert_eq!(response.status(), status);
            assert_eq!(header(&response, "cache-control"), Some("no-store"));
            assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
            assert_eq!(header(&response, "referrer-policy"), Some("no-referrer"));
            assert_eq!(
                header(&response, "content-security-policy"),
                Some("default-src 'none'; frame-ancestors 'none'")
            );
        }
    }

    #[tokio::test]
    async fn what_a_handler_says_stays() {
        let response = ask("/page", None).await;
        assert_eq!(header(&response, "cache-control"), Some("max-age=60"));
        assert_eq!(header(&response, "content-security-policy"), Some("default-src 'self'"));
    }

    #[tokio::test]
    async fn a_harmless_request_id_is_kept_and_any_other_replaced() {
        let longest = "a".repeat(64);
        for id in ["a", "Trace_1.2-3", &longest] {
            let response = ask("/plain", Some(id)).await;
            assert_eq!(header(&response, "x-request-id"), Some(id));
            assert_eq!(response.into_body().into_string().await.unwrap(), id, "the handler sees the same");
        }
        let too_long = "a".repeat(65);
        for id in [None, Some(""), Some("a b"), Some("a\u{e9}"), Some("{\"a\":1}"), Some(too_long.as_str())] {
            let response = ask("/plain", id).await;
            let fresh = header(&response, "x-request-id").unwrap().to_owned();
            assert_eq!(fresh.len(), 22, "{id:?}");
            assert_eq!(response.into_body().into_string().await.unwrap(), fresh);
        }
    }
}
