//! The tiny endpoint that the edge is tested around.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use nod::http::body::{PageForm, RawBody};
use nod::http::server::CallTime;
use nod::protocol::client_certificate::ClientCertificate;
use poem::web::sse::{Event, SSE};
use poem::web::{Path, RemoteAddr};
use poem::{Body, Request, Response, Route, get, handler, post};
use tokio::time::sleep;

pub(super) fn app() -> Route {
    Route::new()
        .at("/", get(hello))
        .at("/form", post(form))
        .at("/raw", post(raw))
        .at("/ignore", post(ignores_the_body))
        .at("/who", get(who))
        .at("/certificate", get(certificate))
        .at("/panic", get(panics))
        .at("/slow/:millis", get(slow))
        .at("/device/v1/panic", get(panics))
        .at("/device/v1/slow/:millis", get(slow))
        .at("/poll/:millis", get(long_poll))
        .at("/events", get(events))
        .at("/silent", get(silent))
        .at("/large", get(large))
}

#[handler]
fn hello() -> &'static str {
    "hello"
}

#[handler]
fn form(PageForm(parameters): PageForm) -> String {
    parameters.names().collect::<Vec<_>>().join(" ")
}

#[handler]
fn raw(RawBody(body): RawBody) -> String {
    body.len().to_string()
}

#[handler]
fn ignores_the_body() -> &'static str {
    "ignored"
}

#[handler]
fn who(request: &Request, remote: &RemoteAddr) -> String {
    format!("{} {} {:?}", remote.0, request.scheme(), request.version())
}

/// What the client has shown.
#[handler]
fn certificate(request: &Request) -> String {
    request.extensions().get::<ClientCertificate>().map_or("none".to_owned(), |one| one.thumbprint().to_string())
}

#[handler]
fn panics() -> String {
    panic!("on purpose")
}

/// Takes its time.
#[handler]
async fn slow(Path(millis): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(millis)).await;
    "slow"
}

/// Takes its time, and has asked for it.
#[handler]
async fn long_poll(Path(millis): Path<u64>, time: CallTime) -> &'static str {
    let wait = Duration::from_millis(millis);
    time.extend(wait * 2);
    match time.shutdown().run_until_cancelled(sleep(wait)).await {
        Some(()) => "waited",
        None => "shutdown",
    }
}

/// Streams until the shutdown.
#[handler]
#[expect(clippy::needless_pass_by_value, reason = "extractors are values")]
fn events(time: CallTime) -> SSE {
    let ends = time.shutdown().clone();
    SSE::new(stream::unfold(0, move |n: u32| {
        let ends = ends.clone();
        async move {
            ends.run_until_cancelled(sleep(Duration::from_millis(20))).await.map(|()| (Event::message("x"), n + 1))
        }
    }))
}

/// Streams and does not care for the shutdown.
#[handler]
fn silent() -> Response {
    let head = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"begun"))]);
    let silence = stream::pending();
    Response::builder().body(Body::from_bytes_stream(futures_util::StreamExt::chain(head, silence)))
}

/// 256 MiB, made while they are sent.
#[handler]
fn large() -> Response {
    static CHUNK: [u8; 65_536] = [b'x'; 65_536];
    let chunks = stream::iter((0..4096).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&CHUNK))));
    Response::builder().body(Body::from_bytes_stream(chunks))
}
