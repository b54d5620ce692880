//! The push services, each on a socket of its own and by its real wire: TLS, HTTP/2, tokens that are checked, messages that
//! are opened. They answer as a test wants, and sometimes as nobody does.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use josekit::jwk::KeyPair as _;
use josekit::jws::{ES256, RS256};
use nod::outbound::egress::{Egress, EgressSettings};
use nod::outbound::push::Addresses;
use rustls::ServerConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use self::browser::Browser;
use crate::world::{Authority, Builder, World, seconds};

mod browser;
mod judge;

pub(super) const PROJECT: &str = "the-shop-1";
pub(super) const EMAIL: &str = "push@the-shop-1.iam.example";
pub(super) const TEAM: &str = "TEAM012345";
pub(super) const KEY_ID: &str = "KEY0123456";
pub(super) const BUNDLE: &str = "com.example.shop.ios";
pub(super) const SUBJECT: &str = "mailto:ops@example.com";

/// A message that was sent, as its service has understood it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Of the phone.
    pub(super) token: String,
    /// Headers, by their names in lower case.
    pub(super) headers: HashMap<String, String>,
    /// The whole body; of Web Push, what was in it.
    pub(super) body: Value,
    /// What the app is told.
    pub(super) says: Value,
    /// What it answered.
    pub(super) status: u16,
    /// By which it was let in.
    pub(super) authorization: String,
}

#[derive(Clone, Debug)]
pub(super) enum Reply {
    Says(u16, Value),
    /// With `Retry-After`.
    Later(u16, u64),
    /// As usual, after so many milliseconds.
    After(u64),
    /// After so many milliseconds in which it can be seen that it was asked.
    SaysAfter(u16, Value, u64),
    /// Never in time.
    Silence,
    /// Says 200, and breaks off in its body.
    Half,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Fcm,
    Apns,
    WebPush,
}

/// One service.
#[derive(Clone)]
pub(super) struct Double(Arc<Inner>);

struct Inner {
    origin: String,
    service: Service,
    replies: Mutex<VecDeque<Reply>>,
    sent: Mutex<Vec<Sent>>,
    /// Access tokens that are good, the newest last; and how many were asked for.
    access: Mutex<Vec<String>>,
    token_replies: Mutex<VecDeque<Reply>>,
    assertions: Mutex<usize>,
    /// When Apple's tokens were made, by those that were shown.
    providers: Mutex<Vec<(String, i64)>>,
    /// What a browser has kept for itself.
    browser: Browser,
    /// How nasty it is: of a hundred answers, so many are not what they should be.
    nasty: Mutex<(u32, u64)>,
}

/// Keys of the operator, and what the services know of them.
struct Operator {
    account: josekit::jwk::alg::rsa::RsaKeyPair,
    team: josekit::jwk::alg::ec::EcKeyPair,
}

fn operator() -> &'static Operator {
    static OPERATOR: OnceLock<Operator> = OnceLock::new();
    OPERATOR.get_or_init(|| Operator {
        account: RS256.generate_key_pair(2048).unwrap(),
        team: ES256.generate_key_pair().unwrap(),
    })
}

type Body = BoxBody<Bytes, io::Error>;

fn answer(status: u16, headers: &[(&str, String)], body: &Value) -> Response<Body> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let full = Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed();
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(full).unwrap()
}

fn half() -> Response<Body> {
    let first = Ok(Frame::data(Bytes::from_static(b"{\"na")));
    let frames = stream::iter([first]).chain(stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::other("cut off"))
    }));
    Response::builder().status(200).header("content-length", "100").body(BoxBody::new(StreamBody::new(frames))).unwrap()
}

impl Double {
    fn of(service: Service, origin: String) -> Self {
        Self(Arc::new(Inner {
            origin,
            service,
            replies: Mutex::default(),
            sent: Mutex::default(),
            access: Mutex::default(),
            token_replies: Mutex::default(),
            assertions: Mutex::default(),
            providers: Mutex::default(),
            browser: Browser::new(),
            nasty: Mutex::default(),
        }))
    }

    pub(super) fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        self.0.replies.lock().unwrap().extend(replies);
    }

    /// The same for whoever asks for an access token.
    pub(super) fn token_endpoint_will(&self, replies: impl IntoIterator<Item = Reply>) {
        self.0.token_replies.lock().unwrap().extend(replies);
    }

    /// From now on, so many answers of a hundred are wrong in some way.
    pub(super) fn is_nasty(&self, percent: u32, seed: u64) {
        *self.0.nasty.lock().unwrap() = (percent, seed);
    }

    /// What was asked of it, whatever it answered.
    pub(super) fn asked(&self) -> Vec<Sent> {
        self.0.sent.lock().unwrap().clone()
    }

    /// What it has taken.
    pub(super) fn taken(&self) -> Vec<Sent> {
        self.asked().into_iter().filter(|sent| matches!(sent.status, 200 | 201)).collect()
    }

    pub(super) async fn takes(&self, count: usize) -> Vec<Sent> {
        crate::admin::until(&format!("{count} pushes"), async || {
            let taken = self.taken();
            (taken.len() >= count).then_some(taken)
        })
        .await
    }

    pub(super) async fn is_asked(&self, count: usize) -> Vec<Sent> {
        crate::admin::until(&format!("{count} calls"), async || {
            let asked = self.asked();
            (asked.len() >= count).then_some(asked)
        })
        .await
    }

    pub(super) fn assertions(&self) -> usize {
        *self.0.assertions.lock().unwrap()
    }

    /// No access token is good any more.
    pub(super) fn withdraws_access(&self) {
        self.0.access.lock().unwrap().clear();
    }

    /// Apple's tokens that it was shown.
    pub(super) fn providers(&self) -> usize {
        self.0.providers.lock().unwrap().len()
    }

    fn base(&self) -> Url {
        Url::parse(&self.0.origin).unwrap()
    }

    async fn serve(self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let headers: HashMap<_, _> =
            parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let path = parts.uri.path().to_owned();
        assert_eq!(parts.method, Method::POST);
        if path == "/token" {
            return Ok(self.token(&headers, &body).await);
        }
        let authorization = headers.get("authorization").cloned().unwrap_or_default();
        let heard = match self.0.service {
            Service::Fcm => self.fcm(&path, &authorization, &body),
            Service::Apns => self.apns(&path, &headers, &authorization, &body, parts.version),
            Service::WebPush => self.web_push(&path, &headers, &authorization, &body),
        };
        let (token, body, says) = match heard {
            Ok(heard) => heard,
            Err(refusal) => {
                let (status, said) = *refusal;
                self.note(("", &headers), (Value::Null, Value::Null), status);
                return Ok(answer(status, &[], &said));
            }
        };
        let usual = if self.0.service == Service::WebPush { 201 } else { 200 };
        let scripted = self.0.replies.lock().unwrap().pop_front().or_else(|| self.nastiness());
        let (status, response) = match scripted {
            None => (usual, answer(usual, &[], &json!({ "name": "projects/p/messages/1" }))),
            Some(Reply::Says(status, said)) => (status, answer(status, &[], &said)),
            Some(Reply::Later(status, pause)) => {
                (status, answer(status, &[("retry-after", pause.to_string())], &Value::Null))
            }
            Some(Reply::After(millis)) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                (usual, answer(usual, &[], &json!({})))
            }
            Some(Reply::SaysAfter(status, said, millis)) => {
                self.note((&token, &headers), (body, says), status);
                tokio::time::sleep(Duration::from_millis(millis)).await;
                return Ok(answer(status, &[], &said));
            }
            Some(Reply::Silence) => {
                self.note((&token, &headers), (body, says), 0);
                tokio::time::sleep(Duration::from_secs(20)).await;
                return Ok(answer(usual, &[], &json!({})));
            }
            Some(Reply::Half) => (0, half()),
        };
        self.note((&token, &headers), (body, says), status);
        Ok(response)
    }

    fn note(&self, (token, headers): (&str, &HashMap<String, String>), (body, says): (Value, Value), status: u16) {
        self.0.sent.lock().unwrap().push(Sent {
            token: token.to_owned(),
            headers: headers.clone(),
            body,
            says,
            status,
            authorization: headers.get("authorization").cloned().unwrap_or_default(),
        });
    }

    /// One of the ways in which services fail, drawn.
    fn nastiness(&self) -> Option<Reply> {
        let mut nasty = self.0.nasty.lock().unwrap();
        let (percent, seed) = *nasty;
        // Knuth's.
        let drawn = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        nasty.1 = drawn;
        let drawn = drawn >> 33;
        (u32::try_from(drawn % 100).unwrap() < percent).then(|| match (drawn / 100) % 6 {
            0 => Reply::Says(500, json!({ "error": { "status": "INTERNAL" } })),
            1 => Reply::Later(503, 1),
            2 => Reply::Later(429, 2),
            3 => Reply::After(150),
            4 => Reply::Half,
            _ => Reply::Says(502, Value::Null),
        })
    }

    /// Where the push service of a browser takes messages for `name`, as the browser hands it over.
    pub(super) fn subscription(&self, name: &str) -> String {
        let browser = &self.0.browser;
        json!({
            "endpoint": format!("{}/push/{name}", self.0.origin),
            "expirationTime": null,
            "keys": {
                "p256dh": URL_SAFE_NO_PAD.encode(browser.public()),
                "auth": URL_SAFE_NO_PAD.encode(browser.auth),
            },
        })
        .to_string()
    }
}

/// All of them.
pub(super) struct Services {
    pub(super) fcm: Double,
    pub(super) apns: Double,
    pub(super) sandbox: Double,
    pub(super) web: Double,
    authority: String,
}

impl Services {
    pub(super) fn start() -> Self {
        let authority = Authority::new("the push services' authority");
        let mut params = crate::world::named("127.0.0.1");
        params.subject_alt_names = vec![rcgen::SanType::IpAddress("127.0.0.1".parse().unwrap())];
        let identity = authority.issues(&params);
        let config = |alpn: &[&str]| {
            let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(identity.chain.clone(), identity.key())
                .unwrap();
            config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
            Arc::new(config)
        };
        let start = |service, alpn: &[&str]| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let double = Double::of(service, format!("https://{}", listener.local_addr().unwrap()));
            let (serving, config) = (double.clone(), config(alpn));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(listen(listener, config, serving));
            });
            double
        };
        Self {
            fcm: start(Service::Fcm, &["h2", "http/1.1"]),
            // Apple speaks nothing else.
            apns: start(Service::Apns, &["h2"]),
            sandbox: start(Service::Apns, &["h2"]),
            web: start(Service::WebPush, &["h2", "http/1.1"]),
            authority: authority.pem(),
        }
    }

    /// A world whose servers call these.
    pub(super) fn around(&self) -> Builder {
        let addresses = Addresses { fcm: self.fcm.base(), apns: self.apns.base(), apns_sandbox: self.sandbox.base() };
        let authority = self.authority.clone().into_bytes();
        World::with().generous().settings(move |settings| {
            let egress = EgressSettings {
                allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
                extra_trust_anchors: authority.clone(),
                total_timeout: seconds(20),
                ..EgressSettings::default()
            };
            settings.egress = Egress::new(&egress).unwrap();
            settings.push = addresses.clone();
        })
    }

    /// As Google gives it.
    pub(super) fn service_account(&self) -> Value {
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "account-key",
            "private_key": String::from_utf8(operator().account.to_pem_private_key()).unwrap(),
            "client_email": EMAIL,
            "client_id": "104",
            "auth_uri": "https://accounts.example/o/oauth2/auth",
            "token_uri": format!("{}/token", self.fcm.0.origin),
            "universe_domain": "googleapis.example",
        })
    }
}

/// As Apple gives it.
pub(super) fn p8() -> String {
    String::from_utf8(operator().team.to_pem_private_key()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the double owns its tasks")]
async fn listen(listener: std::net::TcpListener, config: Arc<ServerConfig>, double: Double) {
    let listener = TcpListener::from_std(listener).unwrap();
    let acceptor = TlsAcceptor::from(config);
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, double) = (acceptor.clone(), double.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| double.clone().serve(request));
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
