//! Where the browser comes back to: an address of this machine, for as long as the command runs [RFC 8252 §7.3].

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;
use url::form_urlencoded::parse;

use crate::cli::exit::{Exit, Why};

/// For as long a person may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// A browser sends what it has to say at once.
const SENT: Duration = Duration::from_secs(5);
/// More than the head of any request that we wait for.
const LONGEST: usize = 32 * 1024;

pub(super) struct Arrivals {
    listener: TcpListener,
    base: String,
}

/// A browser that has come back.
pub(super) struct Arrival {
    pub(super) answer: Parameters,
    /// By which it waits for a page, where it is somebody's.
    stream: Option<TcpStream>,
}

/// What it has brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of_query(query: &str) -> Self {
        Self(parse(query.as_bytes()).into_owned().collect())
    }

    /// `None` where it is missing, or there twice [RFC 6749 §3.1].
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter().filter(|(own, _)| own == name);
        let (_, value) = all.next()?;
        if all.next().is_none() { Some(value) } else { None }
    }
}

impl Arrivals {
    pub(super) async fn listen() -> Result<Self, Exit> {
        let bound = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let base = format!("http://{}", listener.local_addr()?);
            Ok::<_, io::Error>(Self { listener, base })
        };
        bound.await.map_err(|error| Exit::failed(format!("cannot listen on this machine: {error}")))
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The browser that comes to `path`. Whatever else comes, a search for an icon say, is sent away.
    pub(super) async fn next(&self, path: &str) -> Result<Arrival, Exit> {
        let late = || Exit::new(Why::Expired, format!("nobody came back within {} minutes", PATIENCE.as_secs() / 60));
        timeout(PATIENCE, self.wait(path)).await.map_err(|_| late())
    }

    async fn wait(&self, path: &str) -> Arrival {
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(Some(target)) = timeout(SENT, asked(&mut stream)).await else { continue };
            let (own, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
            if own == path {
                return Arrival { answer: Parameters::of_query(query), stream: Some(stream) };
            }
            say(&mut stream, "404 Not Found", "There is nothing here.").await;
        }
    }
}

impl Arrival {
    /// Of nobody who would read what we say.
    pub(super) const fn unseen(answer: Parameters) -> Self {
        Self { answer, stream: None }
    }

    pub(super) async fn says(self, text: &str) {
        if let Some(mut stream) = self.stream {
            say(&mut stream, "200 OK", text).await;
        }
    }

    /// The browser goes on.
    pub(super) async fn leads_to(self, url: &Url) {
        if let Some(mut stream) = self.stream {
            let head = format!("HTTP/1.1 303 See Other\r\nlocation: {url}\r\n");
            send(&mut stream, &head, "").await;
        }
    }
}

/// What a GET asks for. `None`: it is none, or too long.
async fn asked(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(piece.get(..read)?);
        if head.len() > LONGEST {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.strip_prefix("GET ")?.split(' ').next()?;
    Some(target.to_owned())
}

async fn say(stream: &mut TcpStream, status: &str, text: &str) {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n");
    send(stream, &head, text).await;
}

/// A browser that goes away was answered, as far as we can.
async fn send(stream: &mut TcpStream, head: &str, body: &str) {
    // What it came with is in its address: it stays in no cache and goes nowhere else.
    let fences = "cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n";
    let answer = format!("{head}{fences}content-length: {}\r\n\r\n{body}", body.len());
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn exchange(base: &str, request: &str) -> String {
        let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn whoever_comes_elsewhere_is_sent_away() {
        let arrivals = Arrivals::listen().await.unwrap();
        let base = arrivals.at("");
        let browser = async {
            for other in ["GET /favicon.ico HTTP/1.1\r\n\r\n", "GET /callback/x HTTP/1.1\r\n\r\n"] {
                assert!(exchange(&base, other).await.starts_with("HTTP/1.1 404 "), "{other}");
            }
            // Neither a form nor rubbish is what is waited for.
            for other in ["POST /callback HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"] {
                assert_eq!(exchange(&base, other).await, "", "{other}");
            }
            exchange(&base, "GET /callback?code=a%20b&state=s&state=t HTTP/1.1\r\nhost: x\r\n\r\n").await
        };
        let party = async {
            let arrival = arrivals.next("/callback").await.unwrap();
            assert_eq!(arrival.answer.get("code"), Some("a b"));
            assert_eq!(arrival.answer.get("state"), None, "it is there twice");
            arrival.leads_to(&Url::parse("http://127.0.0.1:1/next").unwrap()).await;
        };
        let (answer, ()) = tokio::join!(browser, party);
        assert!(answer.starts_with("HTTP/1.1 303 See Other\r\nlocation: http://127.0.0.1:1/next\r\n"), "{answer}");
        assert!(answer.contains("cache-control: no-store"), "{answer}");
    }
}
