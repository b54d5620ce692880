//! The edge of the server, over real sockets: `http::server` around a tiny endpoint, and clients
//! that speak bytes. Deadlines are shortened where a test waits for one.

mod app;
mod http1;
mod http2;
mod load;
mod shutdown;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use nod::http::server::{Edge, bind_next_free, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A running server.
struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// An edge whose deadlines a test can wait for.
fn hasty() -> Edge {
    let mut edge = Edge::default();
    let limits = &mut edge.limits;
    for deadline in [
        &mut limits.head,
        &mut limits.body,
        &mut limits.handler,
        &mut limits.tls_handshake,
        &mut limits.idle,
        &mut limits.stalled,
        &mut limits.drain,
    ] {
        *deadline = HASTE;
    }
    edge
}

const HASTE: Duration = Duration::from_millis(300);
/// What is surely not before its time.
const ALMOST: Duration = Duration::from_millis(280);

async fn start(edge: Edge) -> Running {
    let (listener, _) = bind_next_free("127.0.0.1:0".parse().unwrap(), 0).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    #[expect(clippy::disallowed_methods, reason = "the test is the caller that serves")]
    let served = tokio::spawn(serve(listener, app::app(), edge, shutdown.clone()));
    Running { address, shutdown, served }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and returns all that comes back until the server closes.
    async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // The server may close before it has read everything.
        let _ = stream.write_all(request.as_ref()).await;
        until_closed(&mut stream).await
    }

    /// The status of a GET on a connection of its own.
    async fn status(&self, path: &str) -> u16 {
        status(&self.exchange(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await)
    }
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("closed in time").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads one answer that has a `Content-Length`.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let read = timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.expect("an answer in time").unwrap();
        assert_ne!(read, 0, "closed after {text:?}");
        answer.extend_from_slice(&buffer[..read]);
    }
}

/// The status of an answer; 0 when there is none.
fn status(answer: &str) -> u16 {
    answer
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..))
        .and_then(|rest| rest.get(..3))
        .map_or(0, |digits| digits.parse().unwrap())
}
