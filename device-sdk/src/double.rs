// A server double: a real listener on this machine that answers HTTP/1.1 as a closure tells it to,
// one request a connection. Used by the tests of this crate, and by the example in its
// documentation, which includes this file as text; hence tokio and std alone, and no `//!` here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Sent piece by piece, each after its pause. `Content-Length` only when the test sets it: the
    /// end of the connection ends the body.
    pub body: Vec<(Duration, Vec<u8>)>,
    /// Leave the connection open after the body, as an event stream does.
    pub hold: bool,
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: vec![(Duration::ZERO, body.into())], hold: false }
    }

    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "application/json", body)
    }

    pub fn problem(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"type":"about:blank","title":"No","status":{status},"code":"{code}"}}"#);
        Self::new(status, "application/problem+json", body)
    }

    /// An event stream that stays open.
    pub fn events(text: &str) -> Self {
        Self::new(200, "text/event-stream", text).hold()
    }

    pub fn hold(mut self) -> Self {
        self.hold = true;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub struct Double {
    pub issuer: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Double {
    /// `answer` gets the request and its number, counted from zero.
    pub async fn start(answer: impl Fn(&Received, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (received.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, log.clone(), answer.clone()));
            }
        });
        Self { issuer, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(
    mut socket: TcpStream,
    log: Arc<Mutex<Vec<Received>>>,
    answer: Arc<impl Fn(&Received, usize) -> Answer + Send + Sync + 'static>,
) -> Option<()> {
    let request = receive(&mut socket).await?;
    let number = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    let Answer { status, headers, body, hold } = answer(&request, number);
    let mut head = format!("HTTP/1.1 {status} Answer\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    socket.write_all(format!("{head}\r\n").as_bytes()).await.ok()?;
    for (pause, piece) in body {
        tokio::time::sleep(pause).await;
        socket.write_all(&piece).await.ok()?;
    }
    if hold {
        // Until the other side goes away.
        let _ = socket.read(&mut [0]).await;
    }
    Some(())
}

async fn receive(socket: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut piece = [0; 4096];
        let length = socket.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&piece[..length]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<_> = lines.filter_map(header).collect();
    let mut request = Received { method, path, headers, body: bytes[end + 4..].to_vec() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while request.body.len() < length {
        let mut piece = [0; 4096];
        let read = socket.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        request.body.extend_from_slice(&piece[..read]);
    }
    Some(request)
}
