//! How a [`Call`] reaches the server and an answer comes back: proofs, nonce, clock, limits.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Response, redirect};
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::de::DeserializeOwned;

use super::keys::KeyCache;
use crate::call::Call;
use crate::error::Error;
use crate::exchange::{AnswerHead, Bearings, JSON, PROBLEM, Tries};
use crate::id::InstallationId;
use crate::issuer::Issuer;
use crate::messages::RotateRequest;
use crate::proof::{DEVICE_PROOF, DeviceKey, Freshness, KeyError, Method, RotationClaims};
use crate::software_key::SoftwareKey;
use crate::system;
use crate::timestamp::Timestamp;

/// More than any answer of a Nod server holds.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
const MAX_PROBLEM_BYTES: usize = 16 * 1024;

pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// Asks the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// From the first byte sent to the last byte read; for events, to the answer's header.
    pub answer: Duration,
    /// Two keep-alives of the server (15 s) may get lost.
    pub silence: Duration,
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// How long the issuer's keys are taken for its keys.
    pub keys: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            silence: Duration::from_secs(40),
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(5),
            keys: Duration::from_hours(1),
        }
    }
}

#[derive(Clone)]
pub(super) enum Key {
    Software(Arc<SoftwareKey>),
    /// It may ask the person before it signs, so it signs where blocking is allowed.
    Foreign(Arc<dyn DeviceKey>),
}

impl Key {
    pub(super) fn as_dyn(&self) -> &dyn DeviceKey {
        match self {
            Self::Software(key) => &**key,
            Self::Foreign(key) => &**key,
        }
    }
}

/// What is sent. A rotation holds a second proof in its body, which has to be as fresh as the first.
#[derive(Clone)]
pub(super) enum Request {
    Call(Call),
    Rotation { installation_id: InstallationId, new: Key },
}

impl Request {
    fn prepare(self, issuer: &Issuer, key: &Key, fresh: &Fresh) -> Result<(Call, String), KeyError> {
        let call = match self {
            Self::Call(call) => call,
            Self::Rotation { installation_id, new } => {
                let claims = RotationClaims::new(issuer.as_str(), installation_id, &fresh.second);
                let proof_by_new = claims.sign(new.as_dyn())?;
                Call::rotate(&RotateRequest { new_jwk: new.as_dyn().public_jwk(), proof_by_new })
            }
        };
        let proof = call.prove(issuer, key.as_dyn(), &fresh.first)?;
        Ok((call, proof))
    }
}

struct Fresh {
    first: Freshness,
    second: Freshness,
}

pub(super) struct Connection {
    issuer: Issuer,
    http: reqwest::Client,
    clock: Clock,
    /// A clock that the app handed in is believed until the server contradicts; the system's is
    /// compared with every answer.
    clock_is_given: bool,
    pub(super) timing: Timing,
    pub(super) keys: KeyCache,
    state: Mutex<State>,
}

struct State {
    key: Key,
    bearings: Bearings,
}

pub(super) struct Settings {
    pub clock: Option<Clock>,
    pub trust_only: Vec<Vec<u8>>,
    pub timing: Timing,
}

impl Connection {
    pub(super) fn new(issuer: Issuer, key: Key, settings: Settings) -> Result<Self, Error> {
        let http = http_client(&issuer, settings.trust_only, settings.timing)?;
        let clock_is_given = settings.clock.is_some();
        let clock = settings.clock.unwrap_or_else(|| Arc::new(system::now));
        let state = Mutex::new(State { key, bearings: Bearings::default() });
        let keys = KeyCache::default();
        Ok(Self { issuer, http, clock, clock_is_given, timing: settings.timing, keys, state })
    }

    pub(super) const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(super) fn key(&self) -> Key {
        self.state().key.clone()
    }

    pub(super) fn set_key(&self, key: Key) {
        self.state().key = key;
    }

    /// The server's time as well as it is known here.
    pub(super) fn now(&self) -> Timestamp {
        let local = self.local();
        self.state().bearings.now(local)
    }

    pub(super) fn local(&self) -> Timestamp {
        (self.clock)()
    }

    /// Nothing panics while it holds the lock, and each field is whole at any time.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.ask_for(Request::Call(call)).await
    }

    pub(super) async fn ask_for<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let response = self.exchange(&request, JSON).await?;
        let head = head(&response);
        head.json(&read(response, MAX_ANSWER_BYTES).await?)
    }

    /// What the issuer publishes for everybody, without a proof. `url` has to be below the issuer.
    pub(super) async fn fetch(&self, url: &str) -> Result<Vec<u8>, Error> {
        let request = self.http.get(url).header(ACCEPT, JSON).timeout(self.timing.answer);
        let response = request.send().await.map_err(unreachable)?;
        let head = head(&response);
        self.learn(&head);
        if head.is_success() && head.content_type == JSON {
            read(response, MAX_ANSWER_BYTES).await
        } else {
            Err(head.not_understood("not a published document"))
        }
    }

    /// Runs what may sign. A key that lives elsewhere may ask the person first.
    pub(super) async fn with_key<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn DeviceKey) -> T + Send + 'static,
    ) -> Result<T, KeyError> {
        match self.key() {
            Key::Software(key) => Ok(work(&*key)),
            Key::Foreign(key) => {
                tokio::task::spawn_blocking(move || work(&*key)).await.map_err(|_| KeyError::Unavailable)
            }
        }
    }

    /// For calls whose answer has no content.
    pub(super) async fn tell(&self, call: Call) -> Result<(), Error> {
        self.exchange(&Request::Call(call), JSON).await.map(drop)
    }

    /// The open stream. Whoever reads it watches the time.
    pub(super) async fn listen(&self) -> Result<Response, Error> {
        let response = self.exchange(&Request::Call(Call::events()), EVENT_STREAM).await?;
        let head = head(&response);
        if head.content_type == EVENT_STREAM { Ok(response) } else { Err(head.not_understood("not an event stream")) }
    }

    /// Sends, and sends once more where [`Tries`] says so.
    async fn exchange(&self, request: &Request, accept: &'static str) -> Result<Response, Error> {
        let mut tries = Tries::default();
        loop {
            let response = self.send(request, accept).await?;
            let head = head(&response);
            if head.is_success() {
                return Ok(response);
            }
            let refusal = if head.content_type == PROBLEM {
                read(response, MAX_PROBLEM_BYTES).await.map_or_else(|error| error, |body| head.refusal(&body))
            } else {
                // A page of something in between is not worth waiting for.
                head.refusal(&[])
            };
            let local = self.local();
            if !tries.again(&refusal, &head, &mut self.state().bearings, local) {
                return Err(refusal);
            }
        }
    }

    async fn send(&self, request: &Request, accept: &'static str) -> Result<Response, Error> {
        let (call, proof) = self.prepare(request.clone()).await?;
        let method = match call.method() {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder =
            self.http.request(method, call.url(&self.issuer)).header(DEVICE_PROOF, proof).header(ACCEPT, accept);
        if let Some(body) = call.body() {
            builder = builder.header(CONTENT_TYPE, JSON).body(body.to_vec());
        }
        if accept != EVENT_STREAM {
            builder = builder.timeout(self.timing.answer);
        }
        let response = tokio::time::timeout(self.timing.answer, builder.send())
            .await
            .map_err(|elapsed| Error::Unreachable(Arc::new(elapsed)))?
            .map_err(unreachable)?;
        self.learn(&head(&response));
        Ok(response)
    }

    async fn prepare(&self, request: Request) -> Result<(Call, String), Error> {
        let fresh = Fresh { first: self.fresh()?, second: self.fresh()? };
        let key = self.key();
        let issuer = self.issuer.clone();
        let foreign =
            matches!(key, Key::Foreign(_)) || matches!(&request, Request::Rotation { new: Key::Foreign(_), .. });
        let work = move || request.prepare(&issuer, &key, &fresh);
        let prepared =
            if foreign { tokio::task::spawn_blocking(work).await.map_err(|_| KeyError::Unavailable)? } else { work() };
        Ok(prepared?)
    }

    pub(super) fn fresh(&self) -> Result<Freshness, KeyError> {
        let (local, jti) = (self.local(), system::random()?);
        Ok(self.state().bearings.freshness(local, jti))
    }

    fn learn(&self, head: &AnswerHead) {
        let local = self.local();
        self.state().bearings.learn(head, local, !self.clock_is_given);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.issuer)
    }
}

/// The provider and the verifier are chosen for this client alone: nothing is installed for the
/// whole process, which belongs to the app.
fn http_client(issuer: &Issuer, trust_only: Vec<Vec<u8>>, timing: Timing) -> Result<reqwest::Client, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.map_err(setup)?;
    // Plain http (this machine alone) trusts no certificate, and needs no store of them.
    let mut tls = if trust_only.is_empty() && issuer.is_https() {
        tls.with_platform_verifier().map_err(setup)?.with_no_client_auth()
    } else {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in trust_only {
            roots.add(CertificateDer::from(certificate)).map_err(setup)?;
        }
        tls.with_root_certificates(roots).with_no_client_auth()
    };
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(issuer.is_https())
        // A proof is for one URL; somewhere else it only leaks.
        .redirect(redirect::Policy::none())
        .connect_timeout(timing.answer)
        // A phone that changed networks finds out before the person does.
        .http2_keep_alive_interval(timing.silence / 2)
        .http2_keep_alive_timeout(timing.answer)
        .user_agent(concat!("nod-device/", env!("CARGO_PKG_VERSION")));
    if !issuer.is_https() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(setup)
}

fn setup(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Setup(Arc::new(error))
}

pub(super) fn unreachable(error: reqwest::Error) -> Error {
    // The URL names a notification: nothing for a log.
    Error::Unreachable(Arc::new(error.without_url()))
}

fn head(response: &Response) -> AnswerHead {
    let headers = response.headers();
    AnswerHead::read(response.status().as_u16(), |name| headers.get(name).and_then(|value| value.to_str().ok()))
}

/// Reads no more than `limit` bytes, whatever `Content-Length` says.
async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > limit {
            return Err(Error::Answer { status: response.status().as_u16(), what: "too long" });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
