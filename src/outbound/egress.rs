//! The one HTTP client. Most of what it calls, relying parties choose: `jwks_uri`, notification
//! endpoints, push services. So it trusts no URL: no plain HTTP, no redirects, no private
//! addresses, no proxies of the environment, limits on time and size.
//!
//! Addresses are checked where they are used. The resolver checks what it hands to the connector,
//! which connects to nothing else; nobody looks the name up a second time, so a name that changes
//! its mind in between gains nothing [RFC 9700 §4.9]. The connected peer is checked once more.

mod address;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::secret::Secret;
use crate::trace;

/// What may be called besides the public internet, and for how long a call may take.
#[derive(Clone, Debug)]
pub struct EgressSettings {
    /// Private networks that URLs may lead to after all.
    pub allowed_networks: Vec<IpNet>,
    /// Hosts whose addresses are not looked at, spelled as in the URL.
    pub allowed_hosts: Vec<String>,
    /// Hosts that may be called without TLS: for tests and local development.
    pub plain_http_hosts: Vec<String>,
    /// Certificate authorities in PEM, trusted besides those of the system.
    pub extra_trust_anchors: Vec<u8>,
    pub connect_timeout: Duration,
    /// From the look-up of the name to the last byte of the answer.
    pub total_timeout: Duration,
}

impl Default for EgressSettings {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            allowed_hosts: Vec::new(),
            plain_http_hosts: Vec::new(),
            extra_trust_anchors: Vec::new(),
            connect_timeout: Duration::from_secs(2),
            total_timeout: Duration::from_millis(2500),
        }
    }
}

/// Why there is no answer. Holds nothing of what was sent, and no URL.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("the URL is refused: {0}")]
    Url(&'static str),
    #[error("the host leads to a private or special-purpose address")]
    PrivateAddress,
    #[error("the host has no address")]
    NoAddress,
    #[error("no answer in time")]
    Timeout,
    #[error("the answer is too large")]
    TooLarge,
    #[error("a header cannot be sent")]
    Header,
    #[error("a configured trust anchor is no certificate")]
    TrustAnchor,
    #[error("the connection failed: {0}")]
    Connection(String),
}

/// A request of ours.
#[derive(Debug)]
pub struct Outgoing {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Instead of the usual [`total_timeout`](EgressSettings::total_timeout).
    pub timeout: Option<Duration>,
}

impl Outgoing {
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new(), timeout: None }
    }

    pub fn post(url: Url, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, body: body.into(), ..Self::get(url) }
            .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// `Authorization: Bearer` [RFC 6750 §2.1], marked so that nothing prints it.
    pub fn bearer(self, token: &Secret<String>) -> Result<Self, EgressError> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| EgressError::Header)?;
        value.set_sensitive(true);
        Ok(self.header(header::AUTHORIZATION, value))
    }
}

/// What to do with the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerBody {
    /// Read it; more bytes than this are an error.
    UpTo(usize),
    /// Do not even read it [CIBA §10.2].
    Ignored,
}

#[derive(Debug)]
pub struct Answer {
    /// Redirects arrive here like any other status; nobody follows them.
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Empty where it was to be ignored.
    pub body: Bytes,
}

/// Cheap to clone; all clones share their connections.
#[derive(Clone, Debug)]
pub struct Egress {
    client: reqwest::Client,
    rules: Arc<Rules>,
    lookup: Lookup,
    total_timeout: Duration,
}

impl Egress {
    pub fn new(settings: &EgressSettings) -> Result<Self, EgressError> {
        Self::with_lookup(settings, Lookup::System)
    }

    fn with_lookup(settings: &EgressSettings, lookup: Lookup) -> Result<Self, EgressError> {
        let rules = Arc::new(Rules {
            networks: settings.allowed_networks.clone(),
            hosts: settings.allowed_hosts.clone(),
            plain_http_hosts: settings.plain_http_hosts.clone(),
        });
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&settings.extra_trust_anchors)?)
            .dns_resolver(GuardedResolver { rules: Arc::clone(&rules), lookup: lookup.clone() })
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("nod/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(30))
            // Whoever answers with more than was asked for fills his buffers, not ours.
            .http2_initial_stream_window_size(65_535)
            .http2_initial_connection_window_size(65_535)
            .http2_max_header_list_size(16 * 1024)
            .build()
            .map_err(|error| EgressError::Connection(error.without_url().to_string()))?;
        Ok(Self { client, rules, lookup, total_timeout: settings.total_timeout })
    }

    /// Whether a URL may be called, as far as that can be told without looking up its host: for
    /// registration. Sending checks again, and more.
    pub fn check_url(&self, url: &Url) -> Result<(), EgressError> {
        self.rules.check_url(url)
    }

    /// Whether somebody listens where a URL leads: connects by the same rules as [`Self::send`], and says nothing.
    pub async fn reach(&self, url: &Url) -> Result<(), EgressError> {
        self.rules.check_url(url)?;
        match tokio::time::timeout(self.total_timeout, self.connect(url)).await {
            Ok(connected) => connected,
            Err(_) => Err(EgressError::Timeout),
        }
    }

    async fn connect(&self, url: &Url) -> Result<(), EgressError> {
        let port = url.port_or_known_default().ok_or(EgressError::Url("has no port"))?;
        let addresses = match url.host() {
            // A literal address was looked at with the URL.
            Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
            Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
            Some(Host::Domain(name)) => self.lookup.admitted(name, &self.rules).await?,
            None => return Err(EgressError::Url("has no host")),
        };
        let sockets: Vec<SocketAddr> = addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        let connected = TcpStream::connect(&sockets[..]).await;
        connected.map(drop).map_err(|error| EgressError::Connection(error.to_string()))
    }

    pub async fn send(&self, request: Outgoing, body: AnswerBody) -> Result<Answer, EgressError> {
        self.rules.check_url(&request.url)?;
        let timeout = request.timeout.unwrap_or(self.total_timeout);
        match tokio::time::timeout(timeout, self.exchange(request, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(EgressError::Timeout),
        }
    }

    async fn exchange(&self, mut request: Outgoing, body: AnswerBody) -> Result<Answer, EgressError> {
        trace::sent(&mut request.headers);
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let response = self
            .client
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(explain)?;
        let peer = response.remote_addr().ok_or(EgressError::PrivateAddress)?;
        if !self.rules.admits(&host, peer.ip()) {
            return Err(EgressError::PrivateAddress);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match body {
            AnswerBody::UpTo(limit) => read(response, limit).await?,
            AnswerBody::Ignored => Bytes::new(),
        };
        Ok(Answer { status, headers, body })
    }
}

async fn read(mut response: reqwest::Response, limit: usize) -> Result<Bytes, EgressError> {
    if response.content_length().is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(EgressError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(explain)? {
        if chunk.len() > limit - body.len() {
            return Err(EgressError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[derive(Debug)]
struct Rules {
    networks: Vec<IpNet>,
    hosts: Vec<String>,
    plain_http_hosts: Vec<String>,
}

impl Rules {
    fn check_url(&self, url: &Url) -> Result<(), EgressError> {
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http_hosts.iter().any(|allowed| allowed == host) => {}
            _ => return Err(EgressError::Url("not https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Url("holds credentials"));
        }
        if url.fragment().is_some() {
            return Err(EgressError::Url("has a fragment"));
        }
        // A literal address is never looked up, so no resolver sees it.
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(EgressError::Url("has no host")),
        };
        if self.admits(host, literal) { Ok(()) } else { Err(EgressError::PrivateAddress) }
    }

    fn admits(&self, host: &str, ip: IpAddr) -> bool {
        let reached = address::embedded_v4(ip);
        address::is_public(ip)
            || self.networks.iter().any(|network| network.contains(&ip) || network.contains(&reached))
            || self.hosts.iter().any(|allowed| allowed == host)
    }
}

/// Looks a name up and hands out its addresses only if all of them may be called: a name that is
/// public and private at once is an attack or a mistake.
struct GuardedResolver {
    rules: Arc<Rules>,
    lookup: Lookup,
}

#[derive(Clone, Debug)]
enum Lookup {
    System,
    /// One answer after the other, the last one for ever.
    #[cfg(test)]
    Scripted(Arc<std::sync::Mutex<Vec<Vec<IpAddr>>>>),
}

impl Lookup {
    /// At least one, and all of them may be called.
    async fn admitted(&self, name: &str, rules: &Rules) -> Result<Vec<IpAddr>, EgressError> {
        let addresses = self.addresses(name).await?;
        if addresses.is_empty() {
            return Err(EgressError::NoAddress);
        }
        if !addresses.iter().all(|ip| rules.admits(name, *ip)) {
            return Err(EgressError::PrivateAddress);
        }
        Ok(addresses)
    }

    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, EgressError> {
        match self {
            Self::System => {
                let found = tokio::net::lookup_host((name, 0)).await.map_err(|_| EgressError::NoAddress)?;
                Ok(found.map(|address| address.ip()).collect())
            }
            #[cfg(test)]
            Self::Scripted(script) => {
                let mut script = script.lock().unwrap();
                Ok(if script.len() > 1 { script.remove(0) } else { script[0].clone() })
            }
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, lookup) = (Arc::clone(&self.rules), self.lookup.clone());
        Box::pin(async move {
            let addresses = lookup.admitted(name.as_str(), &rules).await?;
            // Port 0 stands for the port of the URL.
            let sockets: Addrs = Box::new(addresses.into_iter().map(|ip| (ip, 0).into()));
            Ok(sockets)
        })
    }
}

/// TLS 1.3 and 1.2 by ring, verified against the system's trust anchors and ours.
pub(super) fn tls(extra_trust_anchors: &[u8]) -> Result<rustls::ClientConfig, EgressError> {
    let mut roots = rustls::RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (_, _) = roots.add_parsable_certificates(system.certs);
    for certificate in CertificateDer::pem_slice_iter(extra_trust_anchors) {
        let certificate = certificate.map_err(|_| EgressError::TrustAnchor)?;
        roots.add(certificate).map_err(|_| EgressError::TrustAnchor)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::Connection(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// What went wrong underneath, without the URL.
fn explain(error: reqwest::Error) -> EgressError {
    let error = error.without_url();
    if error.is_timeout() {
        return EgressError::Timeout;
    }
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    let mut innermost = error.to_string();
    while let Some(inner) = cause {
        match inner.downcast_ref::<EgressError>() {
            Some(EgressError::PrivateAddress) => return EgressError::PrivateAddress,
            Some(EgressError::NoAddress) => return EgressError::NoAddress,
            Some(
                EgressError::Url(_)
                | EgressError::Timeout
                | EgressError::TooLarge
                | EgressError::Header
                | EgressError::TrustAnchor
                | EgressError::Connection(_),
            )
            | None => {}
        }
        innermost = inner.to_string();
        cause = inner.source();
    }
    EgressError::Connection(innermost)
}
