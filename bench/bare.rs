//! The bare server: what the exchange costs when nothing is done that could be left out.
//!
//! The same requests and answers, on hyper without a framework: the form is parsed, the client's
//! assertion verified with a key that is read once, one round trip to Redis made, one ID token
//! signed. It has one client table in memory, no database, no user, no device signature, no replay
//! check, no log. It is no server to learn from: it is the floor under `nod`'s figures.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use josekit::jwk::Jwk;
use josekit::jws::alg::ecdsa::{EcdsaJwsSigner, EcdsaJwsVerifier};
use josekit::jws::{ES256, JwsSigner as _, JwsVerifier as _};
use nod::clock::{Clock as _, SystemClock};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{IntoConnectionInfo as _, Script, Value};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// The process that the driver starts: this very program, with these arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    pub listen: SocketAddr,
    #[arg(long)]
    pub redis: String,
    #[arg(long)]
    pub issuer: String,
    /// JSON: the public JWK of each client, by `client_id`.
    #[arg(long)]
    pub clients: PathBuf,
    /// Served as they are.
    #[arg(long)]
    pub discovery: PathBuf,
    #[arg(long)]
    pub jwks: PathBuf,
}

const MAX_BODY: usize = 64 * 1024;
const EXPIRES_IN: i64 = 120;
const INTERVAL: u8 = 5;

/// One script for a poll and a redemption: an approved request is taken, a pending one remembers
/// when it was polled.
const POLL: &str = "
local v = redis.call('GET', KEYS[1])
if not v then return false end
if string.byte(v) == 65 then redis.call('DEL', KEYS[1]) else redis.call('SETRANGE', KEYS[1], 2, ARGV[1]) end
return v";

const APPROVE: &str = "
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SETRANGE', KEYS[1], 0, 'A')
return 1";

struct Bare {
    issuer: String,
    token_endpoint: String,
    clients: HashMap<String, EcdsaJwsVerifier>,
    signer: EcdsaJwsSigner,
    /// Encoded, with the dot.
    id_token_header: String,
    redis: MultiplexedConnection,
    poll: Script,
    approve: Script,
    random: SystemRandom,
    discovery: Bytes,
    jwks: Bytes,
}

type Answer = Response<Full<Bytes>>;

/// Why a request is refused: the code of RFC 6749, or a Redis that did not answer.
enum Refused {
    Code(StatusCode, &'static str),
    Unavailable,
}

const fn refused(code: &'static str) -> Refused {
    Refused::Code(StatusCode::BAD_REQUEST, code)
}

impl From<redis::RedisError> for Refused {
    fn from(_: redis::RedisError) -> Self {
        Self::Unavailable
    }
}

pub(crate) fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    // As many workers as there are processors to run on, as `nod` has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(arguments))
}

#[expect(clippy::disallowed_methods, reason = "its connections end with its process")]
async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let jwks: HashMap<String, serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&std::fs::read(&arguments.clients)?)?;
    let mut clients = HashMap::new();
    for (client, jwk) in jwks {
        clients.insert(client, ES256.verifier_from_jwk(&Jwk::from_map(jwk)?)?);
    }
    let key = ES256.generate_key_pair()?;
    let info = arguments.redis.as_str().into_connection_info()?;
    let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let bare = Arc::new(Bare {
        token_endpoint: format!("{}/as/token.oauth2", arguments.issuer),
        issuer: arguments.issuer.clone(),
        clients,
        signer: ES256.signer_from_jwk(&josekit::jwk::KeyPair::to_jwk_key_pair(&key))?,
        id_token_header: format!("{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"JWT","kid":"the-only-one"}"#)),
        redis: redis::Client::open(info)?.get_multiplexed_async_connection().await?,
        poll: Script::new(POLL),
        approve: Script::new(APPROVE),
        random: SystemRandom::new(),
        discovery: std::fs::read(&arguments.discovery)?.into(),
        jwks: std::fs::read(&arguments.jwks)?.into(),
    });
    let listener = TcpListener::bind(arguments.listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let bare = Arc::clone(&bare);
        let service = service_fn(move |request| {
            let bare = Arc::clone(&bare);
            async move { Ok::<_, Infallible>(bare.answer(request).await) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Bare {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let answered = match (request.method(), request.uri().path()) {
            (&Method::GET, "/.well-known/openid-configuration") => {
                return json(StatusCode::OK, "public, max-age=3600", self.discovery.clone());
            }
            (&Method::GET, "/pf/JWKS") => return json(StatusCode::OK, "public, max-age=300", self.jwks.clone()),
            (&Method::POST, "/as/bc-auth.ciba") => self.request(&body(request).await).await,
            (&Method::POST, "/as/token.oauth2") => self.token(&body(request).await).await,
            (&Method::POST, "/approve") => self.approve(&body(request).await).await,
            _ => Err(Refused::Code(StatusCode::NOT_FOUND, "not_found")),
        };
        match answered {
            Ok(body) => json(StatusCode::OK, "no-store", body.into()),
            Err(Refused::Code(status, code)) => json(status, "no-store", format!(r#"{{"error":"{code}"}}"#).into()),
            Err(Refused::Unavailable) => {
                json(StatusCode::SERVICE_UNAVAILABLE, "no-store", r#"{"error":"temporarily_unavailable"}"#.into())
            }
        }
    }

    async fn request(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        #[derive(Serialize)]
        struct Acknowledgement<'a> {
            auth_req_id: &'a str,
            expires_in: i64,
            interval: u8,
        }
        let form = Form::parse(body);
        let now = SystemClock.now().seconds();
        let client = self.client(form.assertion(), now)?;
        let scope = form.scope.as_deref().unwrap_or_default();
        if !scope.split(' ').any(|name| name == "openid") {
            return Err(refused("invalid_scope"));
        }
        let user = form.login_hint.as_deref().filter(|hint| !hint.is_empty()).ok_or(refused("invalid_request"))?;
        let id = self.handle();
        let message = form.binding_message.as_deref().unwrap_or_default();
        let stored = stored(INTERVAL, now + EXPIRES_IN, user, scope, message);
        let mut redis = self.redis.clone();
        let mut command = redis::cmd("SET");
        command.arg(key(client, &id)).arg(stored).arg("NX").arg("PX").arg(EXPIRES_IN * 1000);
        let answer: Value = command.query_async(&mut redis).await?;
        if answer == Value::Nil {
            return Err(Refused::Unavailable);
        }
        Ok(written(&Acknowledgement { auth_req_id: &id, expires_in: EXPIRES_IN, interval: INTERVAL }))
    }

    async fn token(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        #[derive(Serialize)]
        struct Tokens<'a> {
            access_token: &'a str,
            token_type: &'a str,
            expires_in: i64,
            id_token: String,
            scope: &'a str,
        }
        let form = Form::parse(body);
        let now = SystemClock.now().seconds();
        let client = self.client(form.assertion(), now)?;
        if form.grant_type.as_deref() != Some("urn:openid:params:grant-type:ciba") {
            return Err(refused("unsupported_grant_type"));
        }
        let id = form.auth_req_id.as_deref().ok_or(refused("invalid_request"))?;
        let mut redis = self.redis.clone();
        let mut call = self.poll.key(key(client, id));
        let found: Option<Vec<u8>> = call.arg(&now.to_be_bytes()[..]).invoke_async(&mut redis).await?;
        let found = found.ok_or(refused("invalid_grant"))?;
        let request = Stored::parse(&found).ok_or(refused("invalid_grant"))?;
        if request.expires_at <= now {
            return Err(refused("expired_token"));
        }
        if !request.approved {
            let early = now < request.polled_at + i64::from(request.interval);
            return Err(refused(if early { "slow_down" } else { "authorization_pending" }));
        }
        let access_token = self.handle();
        let id_token = self.id_token(client, &request, id, &access_token, now)?;
        Ok(written(&Tokens {
            access_token: &access_token,
            token_type: "Bearer",
            expires_in: 600,
            id_token,
            scope: request.scope,
        }))
    }

    /// What stands for the device: whoever sends this says yes. Nothing is verified.
    async fn approve(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        #[derive(Deserialize)]
        struct Approve<'a> {
            client_id: &'a str,
            auth_req_id: &'a str,
        }
        let approve: Approve<'_> = serde_json::from_slice(body).map_err(|_| refused("invalid_request"))?;
        let mut redis = self.redis.clone();
        let call = self.approve.key(key(approve.client_id, approve.auth_req_id));
        if call.invoke_async(&mut redis).await? {
            Ok(br#"{"status":"APPROVED"}"#.to_vec())
        } else {
            Err(refused("gone"))
        }
    }

    /// [RFC 7523 §3] all that can be checked without remembering anything.
    fn client<'a>(&self, assertion: &'a str, now: i64) -> Result<&str, Refused> {
        #[derive(Deserialize)]
        struct Header<'a> {
            alg: &'a str,
        }
        #[derive(Deserialize)]
        struct Claims<'a> {
            #[serde(borrow)]
            iss: Cow<'a, str>,
            #[serde(borrow)]
            sub: Cow<'a, str>,
            #[serde(borrow)]
            aud: Cow<'a, str>,
            exp: i64,
            #[serde(borrow)]
            jti: Cow<'a, str>,
        }
        let invalid = || Refused::Code(StatusCode::UNAUTHORIZED, "invalid_client");
        let decode = |part: &'a str| URL_SAFE_NO_PAD.decode(part).map_err(|_| invalid());
        let (signed, signature) = assertion.rsplit_once('.').ok_or_else(invalid)?;
        let (header, payload) = signed.split_once('.').ok_or_else(invalid)?;
        let header = decode(header)?;
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| invalid())?;
        let payload = decode(payload)?;
        let claims: Claims<'_> = serde_json::from_slice(&payload).map_err(|_| invalid())?;
        let (client, verifier) = self.clients.get_key_value(&*claims.sub).ok_or_else(invalid)?;
        let right = header.alg == "ES256"
            && claims.iss == *client
            && (claims.aud == self.issuer || claims.aud == self.token_endpoint)
            && (now + 1..=now + 300).contains(&claims.exp)
            && (1..=256).contains(&claims.jti.len());
        if !right {
            return Err(invalid());
        }
        verifier.verify(signed.as_bytes(), &decode(signature)?).map_err(|_| invalid())?;
        Ok(client)
    }

    fn id_token(
        &self,
        client: &str,
        request: &Stored<'_>,
        auth_req_id: &str,
        access_token: &str,
        now: i64,
    ) -> Result<String, Refused> {
        #[derive(Serialize)]
        struct Claims<'a> {
            iss: &'a str,
            sub: &'a str,
            aud: &'a str,
            exp: i64,
            iat: i64,
            auth_time: i64,
            at_hash: String,
            #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id")]
            auth_req_id: &'a str,
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, access_token.as_bytes());
        let at_hash = URL_SAFE_NO_PAD.encode(digest.as_ref().split_at(16).0);
        let (iss, sub) = (self.issuer.as_str(), request.user);
        let claims = Claims { iss, sub, aud: client, exp: now + 300, iat: now, auth_time: now, at_hash, auth_req_id };
        let mut token = String::with_capacity(768);
        token.push_str(&self.id_token_header);
        URL_SAFE_NO_PAD.encode_string(written(&claims), &mut token);
        let signature = self.signer.sign(token.as_bytes()).map_err(|_| Refused::Unavailable)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// 256 random bits.
    fn handle(&self) -> String {
        let mut bytes = [0; 32];
        self.random.fill(&mut bytes).expect("the system has randomness");
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

async fn body(request: Request<Incoming>) -> Bytes {
    match Limited::new(request.into_body(), MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    }
}

fn json(status: StatusCode, cache: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static(cache));
    response
}

fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("names and numbers")
}

#[derive(Default)]
struct Form<'a> {
    client_assertion_type: Option<Cow<'a, str>>,
    client_assertion: Option<Cow<'a, str>>,
    scope: Option<Cow<'a, str>>,
    login_hint: Option<Cow<'a, str>>,
    binding_message: Option<Cow<'a, str>>,
    grant_type: Option<Cow<'a, str>>,
    auth_req_id: Option<Cow<'a, str>>,
}

impl<'a> Form<'a> {
    fn parse(body: &'a [u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let field = match &*name {
                "client_assertion_type" => &mut form.client_assertion_type,
                "client_assertion" => &mut form.client_assertion,
                "scope" => &mut form.scope,
                "login_hint" => &mut form.login_hint,
                "binding_message" => &mut form.binding_message,
                "grant_type" => &mut form.grant_type,
                "auth_req_id" => &mut form.auth_req_id,
                _ => continue,
            };
            *field = Some(value);
        }
        form
    }

    fn assertion(&self) -> &str {
        let right = self.client_assertion_type.as_deref() == Some(nod::protocol::client_assertion::ASSERTION_TYPE);
        if right { self.client_assertion.as_deref().unwrap_or_default() } else { "" }
    }
}

fn key(client: &str, auth_req_id: &str) -> String {
    format!("bare:{client}:{auth_req_id}")
}

/// `P` or `A`, interval, last poll, end, then the texts: what a request needs between its steps.
struct Stored<'a> {
    approved: bool,
    interval: u8,
    polled_at: i64,
    expires_at: i64,
    user: &'a str,
    scope: &'a str,
}

fn stored(interval: u8, expires_at: i64, user: &str, scope: &str, message: &str) -> Vec<u8> {
    let mut value = Vec::with_capacity(128);
    value.extend_from_slice(&[b'P', interval]);
    value.extend_from_slice(&0_i64.to_be_bytes());
    value.extend_from_slice(&expires_at.to_be_bytes());
    value.extend_from_slice(user.as_bytes());
    value.push(0);
    value.extend_from_slice(scope.as_bytes());
    value.push(0);
    value.extend_from_slice(message.as_bytes());
    value
}

impl<'a> Stored<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        let ([state, interval], rest) = value.split_first_chunk()?;
        let (polled_at, rest) = rest.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let mut texts = std::str::from_utf8(rest).ok()?.splitn(3, '\0');
        Some(Self {
            approved: *state == b'A',
            interval: *interval,
            polled_at: i64::from_be_bytes(*polled_at),
            expires_at: i64::from_be_bytes(*expires_at),
            user: texts.next()?,
            scope: texts.next()?,
        })
    }
}

/// A pending request that may be polled at any pace: its key and its value.
pub(crate) fn outstanding(client: &str, auth_req_id: &str, user: &str, expires_at: i64) -> (String, Vec<u8>) {
    (key(client, auth_req_id), stored(0, expires_at, user, "openid profile", "Order 4711"))
}
