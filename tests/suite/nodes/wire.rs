//! HTTP/1.1 by hand, so that a test says when which byte leaves.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing that a test asks for takes longer.
const LONGEST: Duration = Duration::from_secs(40);

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
    /// From the last byte of the request to the last of the answer.
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The error code of either family of endpoints; empty when there is none.
    pub(crate) fn code(&self) -> &str {
        self.body["error"].as_str().or(self.body["code"].as_str()).unwrap_or_default()
    }

    /// This status, and this error code or none.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
        self
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no {member} in {self:?}"))
    }
}

/// One request as bytes, behind the proxy of the site.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: id.example.com\r\nX-Forwarded-For: 192.0.2.1\r\n\
         X-Forwarded-Proto: https\r\n"
    )
    .into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if let Some((kind, body)) = body {
        bytes.extend_from_slice(format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
    } else {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    request("GET", path, &[], None)
}

/// A request whose last byte has not left yet.
#[derive(Debug)]
pub(crate) struct Held {
    stream: TcpStream,
    last: u8,
}

impl Held {
    pub(crate) async fn new(to: SocketAddr, request: &[u8]) -> io::Result<Self> {
        let mut stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (last, rest) = request.split_last().expect("a request");
        stream.write_all(rest).await?;
        Ok(Self { stream, last: *last })
    }

    /// Lets the last byte go, without waiting for anything.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        match self.stream.try_write(&[self.last])? {
            1 => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    pub(crate) async fn answer(mut self) -> io::Result<Answer> {
        let released = Instant::now();
        let mut bytes = Vec::new();
        let read = read_answer(&mut self.stream, &mut bytes);
        let (head, body) = timeout(LONGEST, read).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Answer { status, head, body, took: released.elapsed() })
    }

    /// The next bytes of the answer, at most so many; none when the peer has closed.
    pub(crate) async fn some(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let read = self.stream.read(&mut bytes);
        let length = timeout(LONGEST, read).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        bytes.truncate(length);
        Ok(bytes)
    }
}

async fn read_answer(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<(String, Vec<u8>)> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Ok((head, bytes[end + 4..end + 4 + length].to_vec()));
            }
        }
        if stream.read_buf(bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// One request, one answer. An error: nobody answered, or not to the end.
pub(crate) async fn send(to: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let mut held = Held::new(to, request).await?;
    held.release()?;
    held.answer().await
}

/// All requests at once: each is on its way but for its last byte, then all last bytes leave together.
pub(crate) async fn volley(requests: Vec<(SocketAddr, Vec<u8>)>) -> Vec<io::Result<Answer>> {
    let mut held = Vec::with_capacity(requests.len());
    for (to, request) in requests {
        held.push(Held::new(to, &request).await.expect("a node that accepts"));
    }
    // The nodes read what is there; nothing tells us when they have. A moment is enough, and a race
    // that starts a little early is still one.
    tokio::time::sleep(Duration::from_millis(3)).await;
    for one in &mut held {
        one.release().expect("an open connection");
    }
    futures_util::future::join_all(held.into_iter().map(Held::answer)).await
}
