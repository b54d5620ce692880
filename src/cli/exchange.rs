//! One HTTP request and its answer, as the commands see a server: bounded, timed, no redirects.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nod_device::Issuer;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, redirect};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::exit::Exit;

/// More than any answer that the commands read.
const MAX_BODY_BYTES: usize = 256 * 1024;
const CONNECT: Duration = Duration::from_secs(5);
/// For calls that are answered at once.
pub(super) const PROMPT: Duration = Duration::from_secs(10);

/// An HTTP client for one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Http(reqwest::Client);

impl Http {
    pub(super) fn new(issuer: &Issuer) -> Result<Self, Exit> {
        Self::build(issuer).map_err(|why| Exit::failed(format!("no HTTP client on this machine: {why}")))
    }

    /// For addresses that are not secret's business: plain http, and https with the system's trust.
    pub(super) fn plain() -> Result<Self, Exit> {
        let built = || -> Result<Self, Box<dyn std::error::Error>> {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
            let tls = tls.with_platform_verifier()?.with_no_client_auth();
            let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(redirect::Policy::none());
            let agent = concat!("nod/", env!("CARGO_PKG_VERSION"));
            Ok(Self(builder.no_proxy().connect_timeout(CONNECT).user_agent(agent).build()?))
        };
        built().map_err(|why| Exit::failed(format!("no HTTP client on this machine: {why}")))
    }

    fn build(issuer: &Issuer) -> Result<Self, Box<dyn std::error::Error>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut tls = if issuer.is_https() {
            tls.with_platform_verifier()?.with_no_client_auth()
        } else {
            // Plain http, on this machine alone: no certificate to trust, and no store to read.
            tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        };
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(issuer.is_https())
            // Requests carry secrets for one place.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .user_agent(concat!("nod/", env!("CARGO_PKG_VERSION")));
        if !issuer.is_https() {
            builder = builder.no_proxy();
        }
        Ok(Self(builder.build()?))
    }

    pub(super) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.0.request(method, url)
    }

    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        self.0.request(Method::GET, url)
    }

    pub(super) fn post(&self, url: &str) -> RequestBuilder {
        self.0.request(Method::POST, url)
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// From the first byte sent to the last byte read.
    pub took: Duration,
}

/// No answer, or none that is read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("{0}")]
    Unreachable(String),
    #[error("the answer is longer than {} KiB", MAX_BODY_BYTES / 1024)]
    TooLong,
}

impl From<reqwest::Error> for Unanswered {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Unreachable("no answer in time".to_owned());
        }
        // The innermost cause is the one that says something: "Connection refused".
        let error = error.without_url();
        let mut cause = error.source();
        let mut text = error.to_string();
        while let Some(inner) = cause {
            text = inner.to_string();
            cause = inner.source();
        }
        Self::Unreachable(text)
    }
}

pub(super) async fn send(request: RequestBuilder, limit: Duration) -> Result<Answer, Unanswered> {
    let started = Instant::now();
    let mut response = request.timeout(limit).send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(Unanswered::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    let status = response.status().as_u16();
    Ok(Answer { status, headers: response.headers().clone(), body, took: started.elapsed() })
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that may be there more than once.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn is_json(&self) -> bool {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    }

    /// Whether no cache may keep it [RFC 6749 §5.1].
    pub(super) fn is_not_stored(&self) -> bool {
        let values = self.headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let mut directives = values.flat_map(|value| value.split(','));
        directives.any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
    }

    /// [RFC 9110 §10.2.3] in its form of seconds.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// Whether a secret may be sent there: over TLS, or without leaving this machine.
pub(super) fn is_secure(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => is_loopback(&host),
        _ => false,
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_over_tls_or_stay_on_this_machine() {
        for good in
            ["https://id.example/as/token.oauth2", "http://localhost:8080/x", "http://127.0.0.1/", "http://[::1]:1/"]
        {
            assert!(is_secure(good), "{good}");
        }
        for bad in
            ["http://id.example/", "http://localhost.example/", "ftp://localhost/", "file:///etc", "/as/token", ""]
        {
            assert!(!is_secure(bad), "{bad}");
        }
    }
}
