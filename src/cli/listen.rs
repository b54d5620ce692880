//! `nod listen`: a receiver for webhooks and pings, on this machine.

mod signature;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use self::signature::{Key, Verdict};
use crate::cli::exchange::{Http, PROMPT, send};
use crate::cli::exit::{Exit, Why};
use crate::cli::private_file;
use crate::cli::serve::stopped;
use crate::cli::terminal::{Ink, Terminal, safe, say};
use crate::clock::{Clock as _, SystemClock};
use crate::entropy::Entropy;
use crate::worker::Worker;

/// Receive webhooks and pings here, check their signatures, and forward them
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod listen
  nod listen --forward-to http://localhost:3000/hooks
  nod listen --print-secret

The secret is made once and stays the same, so that a webhook has to be registered only once. Senders
must have it too. For Nod's own webhooks: send what --print-secret prints along as `secret` with
POST /admin/v1/webhooks; or put the secret of its answer into a file, and name it with --secret-file.
Answers: 204; 401 for a signature that is wrong; with --forward-to, what was answered there.")]
pub(super) struct Arguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Send everything on to this address too
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// The secret of the signatures, made where it is missing [default: webhook.secret in --data-dir]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Print the secret and end
    #[arg(long)]
    print_secret: bool,
    /// End with the first one: 0, or 5 when its signature is wrong
    #[arg(long)]
    once: bool,
    /// One JSON object for each
    #[arg(long)]
    json: bool,
    /// Where the secret is kept by default
    #[arg(long, value_name = "DIR", default_value = ".nod")]
    data_dir: PathBuf,
}

const LARGEST: usize = 1024 * 1024;
const AT_ONCE: usize = 64;

/// What came in, and what became of it.
struct Received {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    verdict: Verdict,
    /// The status of where it was forwarded to, or why there is none.
    forwarded: Option<Result<u16, String>>,
}

struct Receiver {
    key: Key,
    forward_to: Option<(Http, String)>,
    told: mpsc::Sender<Received>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Exit> {
    let file = arguments.secret_file.clone().unwrap_or_else(|| arguments.data_dir.join("webhook.secret"));
    let secret = kept(&file)?;
    if arguments.print_secret {
        say(secret.trim());
        return Ok(());
    }
    let key = Key::parse(&secret).ok_or_else(|| Exit::usage(format!("{} holds no whsec_ secret", file.display())))?;
    let forward_to = match &arguments.forward_to {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => Some((Http::plain()?, url.clone())),
        Some(_) => return Err(Exit::usage("--forward-to is an http or https address")),
        None => None,
    };
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| Exit::failed(format!("cannot listen on {}: {error}", arguments.listen)))?;
    let mut out = Terminal::stdout();
    if !arguments.json {
        let address = listener.local_addr()?;
        out.line(format!("listening  http://{address}/    Ctrl-C stops"))?;
        out.line(format!("secret     {} (`nod listen --print-secret` prints it)", file.display()))?;
    }
    let (told, mut heard) = mpsc::channel(AT_ONCE);
    let receiver = Arc::new(Receiver { key, forward_to, told });
    let worker = Worker::default();
    worker.run(accept(listener, receiver));
    let ended = stopped();
    tokio::pin!(ended);
    let result = loop {
        let received = tokio::select! {
            received = heard.recv() => received,
            () = &mut ended => break Ok(()),
        };
        let Some(received) = received else { break Ok(()) };
        if arguments.json {
            out.line(object(&received))?;
        } else {
            tell(&mut out, &received)?;
        }
        if arguments.once {
            let wrong = matches!(received.verdict, Verdict::Wrong | Verdict::Stale);
            break if wrong { Err(Exit::told(Why::NotPermitted)) } else { Ok(()) };
        }
    };
    // Whoever was just told about gets its answer.
    tokio::time::sleep(Duration::from_millis(50)).await;
    worker.stop(Duration::from_secs(1)).await;
    result
}

/// The secret from the file, which is made with a new one if it is not there.
fn kept(file: &Path) -> Result<String, Exit> {
    let failed = |error: std::io::Error| Exit::failed(format!("{}: {error}", file.display()));
    if !file.exists() {
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let secret = format!("whsec_{}", private_file::new_key(&Entropy::default()).expose());
        private_file::create(file, secret.as_bytes()).map_err(failed)?;
    }
    std::fs::read_to_string(file).map_err(failed)
}

async fn accept(listener: TcpListener, receiver: Arc<Receiver>) {
    let worker = Worker::default();
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let receiver = Arc::clone(&receiver);
        worker.run(async move {
            let service = service_fn(move |request| {
                let receiver = Arc::clone(&receiver);
                async move { Ok::<_, Infallible>(receiver.receive(request).await) }
            });
            let mut connection = hyper::server::conn::http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            // A sender that goes away was not received, and that is all there is to say.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

impl Receiver {
    async fn receive(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let limited = Limited::new(body, LARGEST).collect();
        let Ok(Ok(body)) = tokio::time::timeout(Duration::from_secs(10), limited).await else {
            return answer(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new());
        };
        let body = body.to_bytes();
        let verdict = self.key.verify(&head.headers, &body, SystemClock.now());
        let mut response = match verdict {
            Verdict::Valid | Verdict::Unsigned => answer(StatusCode::NO_CONTENT, Bytes::new()),
            Verdict::Wrong | Verdict::Stale => {
                let mut response = answer(StatusCode::UNAUTHORIZED, Bytes::new());
                // [RFC 9110 §15.5.2] named as the header that carries the signature.
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Webhook-Signature"));
                response
            }
        };
        let mut forwarded = None;
        if let Some((http, url)) = &self.forward_to {
            let outcome = forward(http, url, &head.method, &head.headers, body.clone()).await;
            response = match &outcome {
                Ok((status, said)) => answer(StatusCode::from_u16(*status).unwrap_or(StatusCode::OK), said.clone()),
                Err(_) => answer(StatusCode::BAD_GATEWAY, Bytes::new()),
            };
            forwarded = Some(outcome.map(|(status, _)| status));
        }
        let path = head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        let received = Received { method: head.method, path, headers: head.headers, body, verdict, forwarded };
        // Nobody listens any more: it ends just now.
        let _ = self.told.send(received).await;
        response
    }
}

fn answer(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

/// With the header fields that say something about the message, and none about the connection.
async fn forward(
    http: &Http,
    url: &str,
    method: &Method,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(u16, Bytes), String> {
    let mut request = http.request(method.clone(), url).body(body);
    for (name, value) in headers {
        let own = ["host", "connection", "content-length", "transfer-encoding", "keep-alive", "upgrade"];
        if !own.contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
    let answer = send(request, PROMPT).await.map_err(|error| error.to_string())?;
    Ok((answer.status, Bytes::copy_from_slice(answer.body())))
}

fn tell(out: &mut Terminal<std::io::Stdout>, received: &Received) -> Result<(), Exit> {
    let (ink, verdict) = match received.verdict {
        Verdict::Valid => (Ink::Good, "signature ✓"),
        Verdict::Unsigned => (Ink::Faint, "not signed"),
        Verdict::Wrong => (Ink::Bad, "signature ✗"),
        Verdict::Stale => (Ink::Bad, "signature too old ✗"),
    };
    let verdict = out.paint(ink, verdict);
    let forwarded = match &received.forwarded {
        None => String::new(),
        Some(Ok(status)) => format!("  forwarded {status}"),
        Some(Err(why)) => format!("  not forwarded: {}", safe(why)),
    };
    let method = received.method.as_str();
    out.line(format!("{}  {method} {}  {verdict}{forwarded}", SystemClock.now(), safe(&received.path)))?;
    let shown = match serde_json::from_slice::<Value>(&received.body) {
        Ok(json) => format!("{json:#}"),
        Err(_) => String::from_utf8_lossy(&received.body).into_owned(),
    };
    for line in shown.lines() {
        out.line(format!("    {}", safe(line)))?;
    }
    Ok(())
}

fn object(received: &Received) -> Value {
    let verdict = match received.verdict {
        Verdict::Valid => "valid",
        Verdict::Unsigned => "none",
        Verdict::Wrong => "wrong",
        Verdict::Stale => "stale",
    };
    // What opens something is not for the screen: a ping has its client's token.
    let shown = |name: &str, value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match (name, text.split_once(' ')) {
            ("authorization", Some((scheme, _))) => format!("{scheme} ***"),
            ("authorization" | "cookie", _) => "***".to_owned(),
            _ => text,
        }
    };
    let headers: serde_json::Map<_, _> =
        received.headers.iter().map(|(name, value)| (name.to_string(), shown(name.as_str(), value).into())).collect();
    let body = serde_json::from_slice::<Value>(&received.body)
        .unwrap_or_else(|_| String::from_utf8_lossy(&received.body).into());
    json!({
        "at": SystemClock.now().to_string(),
        "method": received.method.as_str(),
        "path": received.path,
        "signature": verdict,
        "headers": headers,
        "body": body,
        "forwarded": received.forwarded.as_ref().map(|outcome| match outcome {
            Ok(status) => json!(status),
            Err(why) => json!(why),
        }),
    })
}
