//! Somebody who is told what happens, and answers as a test wants.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::world::Identity;

/// What was received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The request line.
    pub(crate) line: String,
    pub(crate) authorization: String,
    pub(crate) content_type: String,
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) signature: String,
    pub(crate) idempotency_key: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// 204, after so many milliseconds.
    After(u64),
    /// This status, after so many milliseconds.
    Late(u64, u16),
    /// Not in time.
    Silence,
    /// A part of the head, and no more.
    Half,
    /// 200 with a body of so many bytes.
    Body(usize),
    /// This, as JSON.
    Said(u16, &'static str),
}

#[derive(Clone)]
pub(crate) struct Receiver {
    origin: String,
    received: Arc<Mutex<Vec<Received>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Receiver {
    /// Answers 204 when nothing else is wanted.
    pub(crate) fn start() -> Self {
        Self::listen("http", Some)
    }

    /// The same over TLS, with this certificate.
    pub(crate) fn over_tls(identity: &Identity) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain.clone(), identity.key())
            .unwrap();
        let config = Arc::new(config);
        Self::listen("https", move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).ok()?;
            Some(StreamOwned::new(connection, stream))
        })
    }

    fn listen<S: Read + Write + Send + 'static>(
        scheme: &str,
        accept: impl Fn(TcpStream) -> Option<S> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("{scheme}://{}", listener.local_addr().unwrap());
        let receiver = Self { origin, received: Arc::default(), replies: Arc::default() };
        let serving = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten().filter_map(accept) {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/hook", self.origin)
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) async fn gets(&self, count: usize) -> Vec<Received> {
        super::until(&format!("{count} deliveries"), async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }

    fn serve(&self, stream: impl Read + Write) {
        let mut reader = BufReader::new(stream);
        loop {
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push(line.trim().to_owned());
            }
            let header = |name: &str| {
                let found = head.iter().filter_map(|line| line.split_once(':'));
                let mut found = found.filter(|(own, _)| own.eq_ignore_ascii_case(name));
                found.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
            };
            let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
            if reader.read_exact(&mut body).is_err() {
                return;
            }
            self.received.lock().unwrap().push(Received {
                line: head.first().cloned().unwrap_or_default(),
                authorization: header("authorization"),
                content_type: header("content-type"),
                id: header("webhook-id"),
                timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"),
                idempotency_key: header("idempotency-key"),
                body: String::from_utf8(body).unwrap(),
            });
            let reply = self.replies.lock().unwrap().pop_front().unwrap_or(Reply::Status(204));
            let status = match reply {
                Reply::Status(status) => status,
                Reply::After(millis) => {
                    std::thread::sleep(Duration::from_millis(millis));
                    204
                }
                Reply::Late(millis, status) => {
                    std::thread::sleep(Duration::from_millis(millis));
                    status
                }
                Reply::Silence => {
                    std::thread::sleep(Duration::from_secs(6));
                    return;
                }
                Reply::Half => {
                    let _ = reader.get_mut().write_all(b"HTTP/1.1 20");
                    return;
                }
                Reply::Body(size) => {
                    let head = format!("HTTP/1.1 200 X\r\ncontent-length: {size}\r\n\r\n");
                    // Whoever does not read it hangs up.
                    let _ = reader.get_mut().write_all(&[head.as_bytes(), &vec![b'x'; size]].concat());
                    continue;
                }
                Reply::Said(status, body) => {
                    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: ");
                    let answer = format!("{head}{}\r\n\r\n{body}", body.len());
                    if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                    continue;
                }
            };
            let answer = format!("HTTP/1.1 {status} X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", self.url());
            if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}
