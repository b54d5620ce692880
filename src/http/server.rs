//! The accept loop: from a listening socket to calls of a [`poem::Endpoint`], within limits.
//!
//! The framework's own server has no limit on connections, heads or silence, and spins when file
//! descriptors run out. This one owns its connections: each is a task that ends, at the latest some
//! seconds after the shutdown.

mod limits;
mod stop;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::uri::Scheme;
use http::{Method, StatusCode, Version, header};
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, debug, error, info, warn};

pub use self::limits::Limits;
use self::stop::{CLOSE, CloseOnDrop, FINISH, Stop, Tracked};
pub use super::call_time::CallTime;
use super::discovery::Documents;
use super::error::Family;
use super::flow::{FlowApi, whose_page};
use super::forwarded_certificate::ForwardedCertificate;
use super::gate::{Activity, Gate, Open, Patience, REFUSED_METHOD};
use super::head::{HeadLimits, Refused, is_host};
use super::headers::RequestId;
use super::observe::{Observed, endpoint};
use super::remote::{Cleartext, TrustedProxies, contains, network};
use crate::call;
use crate::domain::audit::Action;
use crate::entropy::Entropy;
use crate::metrics::{Limit, OneMore, metrics};
use crate::protocol::client_certificate::ClientCertificate;
use crate::trace;
use crate::usecase::record_refusal::RecordRefusal;

/// A listener's settings.
#[derive(Clone, Default)]
pub struct Edge {
    pub limits: Limits,
    /// With it, the listener speaks TLS and nothing else.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub proxies: TrustedProxies,
    /// How they hand on the certificate of a client, if they do.
    pub forwarded: Option<ForwardedCertificate>,
    /// Whom it answers over plain HTTP.
    pub cleartext: Cleartext,
    /// For the listener that everybody reaches: its requests and connections are in the metrics, and heads
    /// that it refuses are in the audit trail.
    pub public: Option<RecordRefusal>,
    /// Answered before anything is made ready for a handler. (What looks at every answer, as dev mode does,
    /// has them from the endpoint.)
    pub documents: Option<Documents>,
    /// Knows which pages of other origins may read what is answered in its place.
    pub flow_api: Option<FlowApi>,
}

/// Listens on `address`, or on the first free one of the `tries` ports after it. Says whether it
/// had to move.
pub async fn bind_next_free(address: SocketAddr, tries: u16) -> io::Result<(TcpListener, bool)> {
    let mut taken = match TcpListener::bind(address).await {
        Ok(listener) => return Ok((listener, false)),
        Err(error) => error,
    };
    for port in (1..=tries).map_while(|step| address.port().checked_add(step)) {
        if taken.kind() != io::ErrorKind::AddrInUse {
            break;
        }
        match TcpListener::bind(SocketAddr::new(address.ip(), port)).await {
            Ok(listener) => return Ok((listener, true)),
            Err(error) => taken = error,
        }
    }
    Err(taken)
}

/// Serves `endpoint` until `shutdown` is cancelled, then lets what runs come to its end.
pub async fn serve(listener: TcpListener, endpoint: impl Endpoint + 'static, edge: Edge, shutdown: CancellationToken) {
    let drain = edge.limits.drain;
    let server = Arc::new(Server::new(endpoint, edge, shutdown));
    // Whoever drops this future closes its connections too.
    let _close = CloseOnDrop(Arc::clone(&server.stop));
    server.accept(&listener).await;
    drop(listener);

    server.stop.announce(FINISH);
    server.tasks.close();
    if timeout(drain, server.tasks.wait()).await.is_err() {
        info!(tasks = server.tasks.len(), "closing connections that did not end in time");
        server.stop.announce(CLOSE);
        let _ = timeout(Duration::from_secs(1), server.tasks.wait()).await;
    }
}

struct Server<E> {
    endpoint: E,
    edge: Edge,
    http: Builder<Tracked>,
    tls: Option<TlsAcceptor>,
    permits: Arc<Semaphore>,
    peers: Arc<Peers>,
    tasks: TaskTracker,
    shutdown: Arc<CancellationToken>,
    stop: Arc<Stop>,
    entropy: Entropy,
}

impl<E: Endpoint + 'static> Server<E> {
    fn new(endpoint: E, edge: Edge, shutdown: CancellationToken) -> Self {
        let tasks = TaskTracker::new();
        let mut http = Builder::new(Tracked(tasks.clone()));
        // The gate tells a head that drips from a connection that rests; this timer could not.
        http.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(64 * 1024);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(edge.limits.streams)
            // What is larger than this, the library refuses in its own words; what is larger than ours, we.
            .max_header_list_size(u32::try_from(edge.limits.head_bytes.saturating_mul(4)).unwrap_or(u32::MAX))
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(256 * 1024)
            .max_send_buf_size(64 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20));
        Self {
            endpoint,
            http,
            tls: edge.tls.clone().map(TlsAcceptor::from),
            permits: Arc::new(Semaphore::new(edge.limits.connections.min(Semaphore::MAX_PERMITS))),
            peers: Arc::default(),
            tasks,
            shutdown: Arc::new(shutdown),
            stop: Arc::default(),
            entropy: Entropy::default(),
            edge,
        }
    }

    async fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let mut exhausted = false;
        loop {
            // At the limit new clients wait in the kernel's queue; the silent ones before them time out.
            let next = async {
                if self.edge.public.is_some() && self.permits.available_permits() == 0 {
                    metrics().limited(Limit::Connections);
                }
                let permit = Arc::clone(&self.permits).acquire_owned().await;
                (permit, listener.accept().await)
            };
            let Some((permit, accepted)) = self.shutdown.run_until_cancelled(next).await else { return };
            let Ok(permit) = permit else { return };
            match accepted {
                Ok((stream, peer)) => {
                    exhausted = false;
                    self.admit(stream, peer, permit);
                }
                // The client's doing, before we got to it.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
                    ) => {}
                // Ours, file descriptors mostly. Trying again at once would only burn the processor.
                Err(error) => {
                    if !exhausted {
                        warn!(%error, "cannot accept connections");
                    }
                    exhausted = true;
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        let Some(place) = self.place(peer.ip()) else {
            if self.edge.public.is_some() {
                metrics().limited(Limit::ConnectionsPerPeer);
            }
            debug!(%peer, "too many connections from this address");
            return;
        };
        let server = Arc::clone(self);
        let counted = self.edge.public.is_some().then(|| OneMore::of(&metrics().connections));
        self.tasks.spawn(async move {
            server.connection(stream, peer).await;
            drop((place, permit, counted));
        });
    }

    /// A place among the connections of one peer, or none when they are all taken.
    fn place(&self, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        if contains(&self.edge.limits.uncounted, peer) || self.edge.proxies.contains(peer) {
            return Some(Place { peer, counted: None });
        }
        let peer = network(peer);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = peers.entry(peer).or_default();
        if *count >= self.edge.limits.connections_per_peer {
            return None;
        }
        *count += 1;
        Some(Place { peer, counted: Some(Arc::clone(&self.peers)) })
    }

    async fn connection(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Answers are small; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(peer);
        match &self.tls {
            None => self.http(stream, Shown { local, peer, tls: false, certificate: None }).await,
            Some(tls) => {
                let handshake = pin!(timeout(self.edge.limits.tls_handshake, tls.accept(stream)));
                match self.stop.unless(FINISH, handshake).await {
                    Some(Ok(Ok(stream))) => {
                        // None but where the listener asks for them.
                        let chain = stream.get_ref().1.peer_certificates();
                        let chain = chain.into_iter().flatten().map(|one| one.clone().into_owned());
                        let certificate = ClientCertificate::new(chain);
                        self.http(stream, Shown { local, peer, tls: true, certificate }).await;
                    }
                    Some(Ok(Err(error))) => debug!(%peer, %error, "no TLS connection"),
                    Some(Err(_)) => debug!(%peer, "the TLS handshake took too long"),
                    None => {}
                }
            }
        }
    }

    async fn http<S>(self: &Arc<Self>, stream: S, shown: Shown)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.edge.limits;
        let head = HeadLimits { bytes: limits.head_bytes, fields: limits.head_fields, target: limits.target };
        let patience = Patience {
            head: limits.head,
            idle: limits.idle,
            stalled: limits.stalled,
            linger: Duration::from_secs(1).min(limits.head),
        };
        let activity = Arc::new(Activity::new());
        let gate = Gate::new(stream, head, patience, Arc::clone(&activity));
        let peer = shown.peer;
        let line = Arc::new(Line { shown, activity });
        let service = service_fn(|request| {
            let server = Arc::clone(self);
            let line = Arc::clone(&line);
            async move { Ok::<_, Infallible>(server.answer(&line, request).await) }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(gate), service));
        let mut ended = self.stop.unless(FINISH, connection.as_mut()).await;
        if ended.is_none() {
            connection.as_mut().graceful_shutdown();
            ended = self.stop.unless(CLOSE, connection.as_mut()).await;
        }
        if let Some(Err(error)) = ended {
            debug!(%peer, error, "a connection ended early");
        }
    }

    /// Answers one request, whatever it is.
    async fn answer(&self, line: &Line, mut request: http::Request<Incoming>) -> http::Response<Answer> {
        let mut open = Open::new(&line.activity);
        let endpoint = endpoint(request.uri().path());
        let id = RequestId::of(request.headers(), &self.entropy);
        let observed = self.edge.public.is_some().then(|| Observed::begin(endpoint));
        if let Some(id) = &id {
            request.extensions_mut().insert(id.clone());
        }
        let name = id.as_ref().map(RequestId::value);
        let span = trace::received(name.as_ref(), request.headers(), endpoint.as_str());
        let mut work = pin!(call::under(name, self.respond(line, request).instrument(span)));
        let mut response = work.as_mut().await;
        if let Some(observed) = observed {
            observed.end(&response, call::was_held(work));
        }
        if let Some(id) = id {
            id.put(response.headers_mut());
        }
        open.is_waiting(false);
        http::Response::<BoxBody<Bytes, io::Error>>::from(response).map(|body| Answer { body, open })
    }

    async fn respond(&self, line: &Line, request: http::Request<Incoming>) -> Response {
        let refused = if request.method().as_str() == REFUSED_METHOD { line.activity.refused() } else { None };
        let scheme = self.edge.proxies.scheme(line.shown.peer.ip(), request.headers(), line.shown.tls);
        let in_the_clear = || {
            (scheme != Scheme::HTTPS && !self.edge.cleartext.takes(line.shown.peer.ip())).then_some(Refused::InTheClear)
        };
        match refused.or_else(|| self.refused(&request)).or_else(in_the_clear) {
            Some(refused) => {
                let family = Family::of(request.uri().path());
                let (status, description) = worded(refused);
                info!(status = status.as_u16(), detail = description, "refused");
                if let Some(record) = &self.edge.public {
                    if matches!(refused, Refused::TooLarge | Refused::TargetTooLong) {
                        metrics().limited(Limit::RequestHead);
                    }
                    let action = family.action().unwrap_or(Action::InputRefused);
                    record.record(action, format!("invalid_request: {description}"), None).await;
                }
                let mut answer = family.unreached(status, description);
                if let Some(flow_api) = self.edge.flow_api.as_ref().filter(|_| family == Family::Flow) {
                    flow_api.in_words(request.headers(), &mut answer);
                }
                answer
            }
            // [RFC 9110 §9.3.6] is for proxies.
            None if request.method() == Method::CONNECT => {
                Family::Elsewhere.unreached(StatusCode::NOT_IMPLEMENTED, "CONNECT is not implemented.")
            }
            None => match self.documents(&request) {
                Some(document) => document,
                None => self.call(line, scheme, request).await,
            },
        }
    }

    fn documents(&self, request: &http::Request<Incoming>) -> Option<Response> {
        self.edge.documents.as_ref()?.answer(request.method(), request.uri())?.ok()
    }

    /// What [`Head`](super::head::Head) asks of HTTP/1, asked of HTTP/2.
    fn refused(&self, request: &http::Request<Incoming>) -> Option<Refused> {
        if request.version() != Version::HTTP_2 {
            return None;
        }
        let limits = &self.edge.limits;
        let (uri, headers) = (request.uri(), request.headers());
        if uri.path_and_query().is_some_and(|target| target.as_str().len() > limits.target) {
            return Some(Refused::TargetTooLong);
        }
        // [RFC 9113 §6.5.2] its way to measure a list.
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        if headers.len() > limits.head_fields || size > limits.head_bytes {
            return Some(Refused::TooLarge);
        }
        // [RFC 9113 §8.3.1] `:authority` is the host, and a `Host` beside it says the same.
        let mut hosts = uri
            .authority()
            .map(|authority| authority.as_str().as_bytes())
            .into_iter()
            .chain(headers.get_all(header::HOST).iter().map(header::HeaderValue::as_bytes));
        let one = hosts.next().filter(|host| is_host(host));
        let valid = one.is_some_and(|one| hosts.all(|other| other == one));
        (!valid).then_some(Refused::Malformed("The request does not name one valid host."))
    }

    async fn call(&self, line: &Line, scheme: Scheme, mut request: http::Request<Incoming>) -> Response {
        let limits = &self.edge.limits;
        let allowed = if request.body().is_end_stream() { limits.handler } else { limits.handler + limits.body };
        let time = CallTime::new(allowed, limits.body, Arc::clone(&self.shutdown));
        request.extensions_mut().insert(time.clone());
        let family = Family::of(request.uri().path());
        let Shown { local, peer, ref certificate, .. } = line.shown;
        let certificate = match &self.edge.forwarded {
            None => certificate.clone(),
            Some(header) => header.take(request.headers_mut(), self.edge.proxies.contains(peer.ip())),
        };
        if let Some(certificate) = certificate {
            request.extensions_mut().insert(certificate);
        }
        let client = self.edge.proxies.client(peer, request.headers());
        // What is answered in place of a handler is for the page that called, too.
        let flow_api = self.edge.flow_api.as_ref().filter(|_| family == Family::Flow);
        let page = flow_api.map(|flow_api| (flow_api, whose_page(request.headers())));
        let (local, remote) = (LocalAddr(Addr::SocketAddr(local)), RemoteAddr(Addr::SocketAddr(client)));
        let request = Request::from((request, local, remote, scheme));

        let mut work = pin!(AssertUnwindSafe(self.endpoint.get_response(request)).catch_unwind());
        let mut unreached = loop {
            let deadline = time.deadline();
            match timeout_at(deadline, work.as_mut()).await {
                Ok(Ok(response)) => return response,
                Ok(Err(_panic)) => {
                    // The panic hook has written where and why.
                    error!("a handler panicked");
                    break family.unreached(StatusCode::INTERNAL_SERVER_ERROR, "The server failed.");
                }
                Err(_) if time.deadline() > deadline => {}
                Err(_) => {
                    warn!("a handler took too long");
                    break family.unreached(StatusCode::SERVICE_UNAVAILABLE, "The server is busy. Try again later.");
                }
            }
        };
        if let Some((flow_api, headers)) = &page {
            flow_api.in_words(headers, &mut unreached);
            flow_api.admit_unreached(headers, unreached.headers_mut()).await;
        }
        unreached
    }
}

/// One connection, as its requests see it.
struct Line {
    shown: Shown,
    activity: Arc<Activity>,
}

/// What is known of a connection before it says anything.
struct Shown {
    local: SocketAddr,
    peer: SocketAddr,
    tls: bool,
    certificate: Option<ClientCertificate>,
}

const fn worded(refused: Refused) -> (StatusCode, &'static str) {
    match refused {
        Refused::Malformed(description) => (StatusCode::BAD_REQUEST, description),
        Refused::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The request head did not arrive in time."),
        Refused::TargetTooLong => (StatusCode::URI_TOO_LONG, "The request target is too long."),
        Refused::TooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The request head is too large."),
        Refused::InTheClear => {
            (StatusCode::BAD_REQUEST, "The request was not encrypted on its way. Use the https address of the issuer.")
        }
    }
}

/// The body of an answer. It tells the gate whether the client is to take more, or we are to give it.
struct Answer {
    body: BoxBody<Bytes, io::Error>,
    open: Open,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        this.open.is_waiting(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How many connections each peer has.
type Peers = Mutex<HashMap<IpAddr, usize>>;

/// The place of a connection among those of its peer; given back when dropped.
struct Place {
    peer: IpAddr,
    counted: Option<Arc<Peers>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(peers) = &self.counted else { return };
        let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = peers.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}
