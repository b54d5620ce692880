//! Listens to the public routes of dev mode, and changes nothing of what passes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use nod_device::event_stream::Decoder;
use nod_device::proof::DEVICE_PROOF;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Endpoint, Request, Response};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::clock::Clock;
use crate::http::admin;
use crate::protocol::id::{AuthReqId, AuthorizationCode, DeviceCode, FlowId, RequestId};
use crate::protocol::public_id::{self, Kind};
use crate::usecase::dev::{Dev, SignIn, Vouched};
use crate::usecase::told::{Told, Whom};
use crate::web::dev::names;
use crate::web::dev::shop;
use crate::web::dev::token::{self, Signature};
use crate::web::dev::wire::{Actor, Answer, Call, Content, Message, Name, Wire};

/// More than the longest body that is taken.
const LONGEST: usize = 64 * 1024;
/// Says that a call is a message of the past, sent again. Its value is the number of that message.
pub(super) const REPLAY_OF: HeaderName = HeaderName::from_static("nod-dev-replay-of");

pub(super) struct Captured<E> {
    pub inner: E,
    pub listen: Arc<Listen>,
}

pub(super) struct Listen {
    pub wire: Arc<Wire>,
    pub dev: Arc<Dev>,
    pub clock: Arc<dyn Clock>,
    /// The address of the server, for the line in the log that leads to a page.
    pub base: String,
}

impl<E: Endpoint> Endpoint for Captured<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        let replay_of = request.headers_mut().remove(REPLAY_OF).and_then(|of| of.to_str().ok()?.parse().ok());
        let uri = request.original_uri();
        let call = Call {
            method: request.method().to_string(),
            target: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            headers: texts(request.headers()),
            body: Bytes::new(),
        };
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        let body = Tee { inner: request.take_body().into(), copy: Arc::clone(&sent) };
        request.set_body(BoxBody::new(body));
        let content = Content::Call { call: call.clone(), answer: None };
        let at = self.listen.clock.now();
        let number = self.listen.wire.begin(|number| Message {
            number,
            at,
            actor: Actor::Unknown,
            content,
            names: Vec::new(),
            signed: Vec::new(),
            replay_of,
        });
        let mut response = self.inner.get_response(request).await;
        // Apps learn the time from it, and hyper would put the machine's time there.
        if let Ok(date) = HeaderValue::from_str(&http_date(&*self.listen.clock)) {
            response.headers_mut().insert(header::DATE, date);
        }
        let body = Bytes::from(std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner)));
        let call = Call { body, ..call };
        let streams = response.content_type().is_some_and(|kind| kind.starts_with("text/event-stream"));
        let answered = if streams { Bytes::new() } else { whole(&mut response).await };
        let answer = Answer {
            status: response.status().as_u16(),
            headers: texts(response.headers()),
            body: answered,
            took: started.elapsed(),
        };
        let actor = self.listen.finish(number, call, answer).await;
        if streams {
            let body = response.take_body().into_bytes_stream();
            let listen = Arc::clone(&self.listen);
            let events = Events { inner: Box::pin(body), decoder: Decoder::default(), listen, actor };
            response.set_body(poem::Body::from_bytes_stream(events));
        }
        Ok(response)
    }
}

/// An answer of ours is short, and complete when its handler is done.
async fn whole(response: &mut Response) -> Bytes {
    let body = response.take_body().into_bytes().await.unwrap_or_default();
    response.set_body(body.clone());
    body
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// [RFC 9110 §5.6.7]
fn http_date(clock: &dyn Clock) -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let now = time::OffsetDateTime::from_unix_timestamp(clock.now().seconds()).ok();
    now.and_then(|now| now.format(format).ok()).unwrap_or_default()
}

impl Listen {
    async fn finish(&self, number: u64, call: Call, answer: Answer) -> Actor {
        let form = call.form();
        let field = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let body = answer.json();
        let given = |name: &str| body.as_ref()?.get(name)?.as_str().map(str::to_owned);

        let mut names = names::of(&call, &answer, &self.base);
        let accepted = given("auth_req_id").filter(|_| call.path() == "/as/bc-auth.ciba");
        if let Some(auth_req_id) = accepted {
            names.push(Name::of(&auth_req_id));
            // The store that is away now was there a moment ago; without it, only the link is missing.
            if let Ok(Some((request, notification))) = self.dev.request_of(&AuthReqId::presented(&auth_req_id)).await {
                let public = public_id::encode(Kind::Request, request.uuid());
                let names = [&auth_req_id, &notification.to_string(), &public];
                self.wire.link(names.map(|name| Name::of(name)), request);
                tracing::info!(page = %format!("{}/dev/wire/{request}", self.base), "└ look");
            }
        }
        self.link_sign_ins(&call, &answer).await;
        let actor = self.actor(&call, field("client_id")).await;
        let signed = self.signed(&call).await;
        self.wire.change(number, |message| {
            message.actor = actor.clone();
            message.signed = signed;
            message.names = names;
            message.content = Content::Call { call, answer: Some(answer) };
        });
        self.link_tokens(number);
        actor
    }

    /// A sign-in is known by its flow, by its code and by what it asks on a device, once it is known what operators
    /// call it. What connects a device is a sign-in, too, and begins with the code of that device.
    async fn link_sign_ins(&self, call: &Call, answer: &Answer) {
        let link = |handle: &str, request: RequestId| {
            let public = public_id::encode(Kind::Request, request.uuid());
            self.wire.link([Name::of(handle), Name::of(&public)], request);
        };
        // Without the store, only the link is missing.
        for flow in names::flows(call, answer, &self.base) {
            // Looked at each time: it may ask on another device by now.
            let Ok(Some(SignIn { transaction, question })) = self.dev.sign_in_of(&FlowId::presented(&flow)).await
            else {
                continue;
            };
            link(&flow, transaction);
            if let Some((question, notification)) = question {
                let public = public_id::encode(Kind::Request, question.uuid());
                self.wire.link([public, notification.to_string()].map(|name| Name::of(&name)), transaction);
            }
        }
        if let Some(code) = names::device_code(call, answer)
            && !self.wire.knows(Name::of(&code))
            && let Ok(Some(request)) = self.dev.device_behind(&DeviceCode::presented(&code)).await
        {
            link(&code, request);
        }
        for code in names::codes(call, answer) {
            if !self.wire.knows(Name::of(&code))
                && let Ok(Some(request)) = self.dev.sign_in_behind(&AuthorizationCode::presented(&code)).await
            {
                link(&code, request);
            }
        }
    }

    /// Looked at now, since the client may have other keys when somebody reads it.
    async fn signed(&self, call: &Call) -> Vec<(Name, Signature)> {
        let sent: Vec<(String, String)> = call.form().into_iter().chain(call.query()).collect();
        let client_id = sent.iter().find(|(name, _)| name == "client_id").map(|(_, value)| value.as_str());
        let mut signed = Vec::new();
        for (name, value) in &sent {
            let Some(typ) = token::of_clients(name) else { continue };
            // Without the store, only the word on the signature is missing.
            let signature = match self.dev.vouch(value, typ, client_id).await.unwrap_or_default() {
                Vouched::By { client, key } => Signature::By(format!("the key {key} of {client}")),
                Vouched::Broken => Signature::Broken,
                Vouched::Nobody => Signature::Unknown,
            };
            signed.push((Name::of(value), signature));
        }
        signed
    }

    /// What names the tokens of a request names the request.
    fn link_tokens(&self, number: u64) {
        let Some(message) = self.wire.find(number) else { return };
        if let Some(request) = self.wire.request_of(&message) {
            self.wire.link(message.names.iter().copied(), request);
        }
    }

    async fn actor(&self, call: &Call, client_id: Option<&str>) -> Actor {
        if call.path().starts_with(admin::PREFIX) {
            let token = call.header("authorization").and_then(token::shown);
            return Actor::Admin(match token {
                Some(token) => self.dev.client_of(token).await.unwrap_or_default().map(|id| id.as_str().to_owned()),
                None => None,
            });
        }
        if let Some(proof) = call.header(DEVICE_PROOF) {
            let owner = match token::thumbprint(proof) {
                Some(thumbprint) => self.dev.phone(&thumbprint).await.unwrap_or_default(),
                None => None,
            };
            return Actor::Phone(owner.unwrap_or_else(|| "a phone".to_owned()));
        }
        let basic = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        let decoded = basic.and_then(|value| STANDARD.decode(value).ok()).and_then(|pair| String::from_utf8(pair).ok());
        let named = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(id, _)| id).or(client_id);
        let ours = call.header("user-agent").filter(|agent| *agent == shop::USER_AGENT).map(|_| shop::CLIENT_ID);
        named.or(ours).map_or(Actor::Unknown, |id| Actor::Client(id.to_owned()))
    }

    fn event(&self, actor: &Actor, name: String, data: String) {
        let notification = serde_json::from_str::<serde_json::Value>(&data).ok();
        let named = |member: &str| notification.as_ref()?.get(member)?.as_str();
        let names = ["notificationId", "request_id"].into_iter().filter_map(named).map(Name::of).collect();
        let (at, actor) = (self.clock.now(), actor.clone());
        self.wire.begin(|number| Message {
            number,
            at,
            actor,
            content: Content::Event { name, data },
            names,
            signed: Vec::new(),
            replay_of: None,
        });
    }
}

/// Writes down what webhooks and clients are told, as long as there is somebody who tells them.
pub(super) async fn overhear(wire: Arc<Wire>, clock: Arc<dyn Clock>, mut told: broadcast::Receiver<Arc<Told>>) {
    loop {
        let told = match told.recv().await {
            Ok(told) => told,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let call = Call {
            method: "POST".to_owned(),
            target: told.url[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
            headers: told.headers.clone(),
            body: Bytes::from(told.body.clone()),
        };
        let answered = |status| Answer { status, headers: Vec::new(), body: Bytes::new(), took: told.took };
        let content = Content::Delivery { call, answer: told.outcome.clone().map(answered) };
        let said = serde_json::from_slice::<serde_json::Value>(&told.body).ok();
        let named = |member: &str| said.as_ref()?.get(member)?.as_str();
        let names = names::requests(named("request_id").into_iter()).chain(named("auth_req_id").map(Name::of));
        let (at, names) = (clock.now(), names.collect());
        let actor = match &told.whom {
            Whom::Webhook => Actor::Webhook(told.url.host_str().unwrap_or("somewhere").to_owned()),
            Whom::Client(client) => Actor::Client(client.as_str().to_owned()),
        };
        wire.begin(|number| Message { number, at, actor, content, names, signed: Vec::new(), replay_of: None });
    }
}

/// A body that leaves a copy of its beginning.
struct Tee {
    inner: BoxBody<Bytes, std::io::Error>,
    copy: Arc<Mutex<Vec<u8>>>,
}

impl Body for Tee {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
            let room = LONGEST.saturating_sub(copy.len());
            copy.extend(data.iter().take(room));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A live channel, whose events are messages of their own.
struct Events {
    inner: Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>,
    decoder: Decoder,
    listen: Arc<Listen>,
    actor: Actor,
}

impl Stream for Events {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let next = this.inner.as_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &next {
            for frame in this.decoder.push(bytes).unwrap_or_default() {
                this.listen.event(&this.actor, frame.event, frame.data);
            }
        }
        next
    }
}
