//! The other side of the wire: connections that are kept, requests, and how long they took.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Result;

/// One kept connection, as a reverse proxy holds it.
pub(crate) struct Wire(SendRequest<Full<Bytes>>);

pub(crate) struct Answer {
    pub status: StatusCode,
    pub nonce: Option<String>,
    pub location: Option<String>,
    pub body: Bytes,
}

impl Answer {
    /// The bytes, if the status is the expected one.
    pub(crate) fn expect(self, status: u16) -> Result<Bytes> {
        if self.status == status {
            return Ok(self.body);
        }
        Err(format!("{} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

pub(crate) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Wire {
    #[expect(clippy::disallowed_methods, reason = "a connection needs somebody to drive it")]
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        self.0.ready().await?;
        let (head, body) = self.0.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let field = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: head.status, nonce: field("device-nonce"), location: field("location"), body })
    }

    pub(crate) async fn post(&mut self, path: &str, body: String) -> Result<Answer> {
        let mut request = request(Method::POST, path, body.into());
        request.headers_mut().insert(header::CONTENT_TYPE, FORM);
        self.send(request).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(request(Method::GET, path, Bytes::new())).await
    }

    pub(crate) async fn get_with(&mut self, path: &str, name: HeaderName, value: HeaderValue) -> Result<Answer> {
        let mut request = request(Method::GET, path, Bytes::new());
        request.headers_mut().insert(name, value);
        self.send(request).await
    }
}

/// What a proxy passes on.
pub(crate) fn request(method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().expect("a path");
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static(crate::cast::HOST));
    headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    request
}

/// How long each step took, in microseconds.
#[derive(Default)]
pub(crate) struct Tally(pub BTreeMap<&'static str, Histogram<u64>>);

impl Tally {
    pub(crate) fn record(&mut self, step: &'static str, since: Instant) {
        let took = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.histogram(step).saturating_record(took);
    }

    fn histogram(&mut self, step: &'static str) -> &mut Histogram<u64> {
        // From 1 µs to a minute, to three digits.
        let empty = || Histogram::new_with_bounds(1, 60_000_000, 3).expect("sensible bounds");
        self.0.entry(step).or_insert_with(empty)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (step, histogram) in &other.0 {
            self.histogram(step).add(histogram).expect("the same bounds");
        }
    }
}

/// Gives the items to as many connections as there are to be, each of which takes the next when it is
/// done with one: a closed loop. Answers how long the steps took, and how long all of it did.
pub(crate) async fn run<T>(
    address: SocketAddr,
    connections: usize,
    items: Vec<T>,
    work: impl AsyncFn(&mut Wire, &mut Tally, T) -> Result<()>,
) -> Result<(Tally, Duration)> {
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::connect(address).await?);
    }
    let items = std::cell::RefCell::new(items.into_iter());
    let start = Instant::now();
    let tallies = wires.into_iter().map(async |mut wire| {
        let mut tally = Tally::default();
        loop {
            let item = items.borrow_mut().next();
            match item {
                Some(item) => work(&mut wire, &mut tally, item).await?,
                None => return Result::Ok(tally),
            }
        }
    });
    let tallies = try_join_all(tallies).await?;
    let wall = start.elapsed();
    let mut all = Tally::default();
    for tally in &tallies {
        all.add(tally);
    }
    Ok((all, wall))
}
