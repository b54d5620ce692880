//! Phones: the core of the SDK with a key of their own, moved by a client that can also lie.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nod::clock::Clock as _;
use nod::domain::audit::Action;
use nod::domain::device::Status;
use nod::store::sql::devices::Devices;
use nod_device::event_stream::{Decoder, Frame};
use nod_device::messages::{ApproveEnrollmentRequest, Me, Pairing, PairingRequest, Pending, RotateRequest};
use nod_device::payload::{PayloadClaims, PayloadFacts};
use nod_device::proof::{DEVICE_PROOF, Freshness, Method, RotationClaims};
use nod_device::{
    BodyDigest, Call, DenyReason, DeviceId, DeviceKey as _, InstallationId, InstallationInfo, Issuer, NewDeviceChoice,
    Notification, NumberMatching, PairingKey, PushToken, SoftwareKey, Timestamp, UserId, decide,
};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::jose::compact;
use super::{Answer, Inner, seconds};

pub(crate) struct Phone {
    world: Arc<Inner>,
    key: SoftwareKey,
    node: usize,
    nonce: Mutex<Option<String>>,
    installation: Option<InstallationId>,
    devices: Vec<(UserId, DeviceId)>,
}

/// A call in parts, so that a test can change one of them before it is signed and sent.
#[derive(Clone, Debug)]
pub(crate) struct Crafted {
    pub(crate) method: reqwest::Method,
    pub(crate) path: String,
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) content_type: &'static str,
}

impl Crafted {
    /// Changes the body, and what the proof says of it.
    pub(crate) fn with_body(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut body: Value = serde_json::from_slice(self.body.as_deref().expect("a body")).unwrap();
        change(&mut body);
        self.bytes(body.to_string().into_bytes())
    }

    pub(crate) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.claims["bd"] = json!(BodyDigest::of(&body));
        self.body = Some(body);
        self
    }

    /// Sets a claim, or takes it away with `null`.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if value.is_null() {
            self.claims.as_object_mut().unwrap().remove(name);
        } else {
            self.claims[name] = value;
        }
        self
    }

    /// The same member in the body and in the proof.
    pub(crate) fn said(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let crafted = self.claim(name, value.clone());
        crafted.with_body(|body| {
            if value.is_null() {
                body.as_object_mut().unwrap().remove(name);
            } else {
                body[name] = value;
            }
        })
    }

    pub(crate) fn head(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }
}

impl Phone {
    pub(super) fn new(world: Arc<Inner>) -> Self {
        Self {
            world,
            key: SoftwareKey::generate().unwrap(),
            node: 0,
            nonce: Mutex::default(),
            installation: None,
            devices: Vec::new(),
        }
    }

    pub(super) fn move_into(&mut self, world: Arc<Inner>) {
        self.world = world;
        self.node = 0;
    }

    /// From now on this phone calls another node.
    pub(crate) fn move_to(&mut self, node: usize) {
        self.node = node;
    }

    /// The first of its devices.
    pub(crate) fn device(&self) -> DeviceId {
        self.devices[0].1
    }

    pub(crate) fn device_of(&self, user: nod::protocol::id::UserId) -> DeviceId {
        self.devices.iter().find(|(own, _)| own.uuid() == user.uuid()).expect("paired with this person").1
    }

    pub(crate) fn key(&self) -> &SoftwareKey {
        &self.key
    }

    pub(crate) fn installation(&self) -> InstallationId {
        self.installation.expect("a paired phone")
    }

    fn issuer(&self) -> Issuer {
        Issuer::parse(&self.world.issuer).unwrap()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.clock.now().millis())
    }

    fn fresh(&self) -> Freshness {
        let nonce = self.nonce.lock().unwrap().clone();
        Freshness { iat: self.now().seconds(), jti: self.world.entropy.bytes(), nonce }
    }

    pub(crate) fn craft(&self, call: &Call) -> Crafted {
        let issuer = self.issuer();
        let method = match call.method() {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        Crafted {
            method,
            path: call.url(&issuer).strip_prefix(issuer.as_str()).unwrap().to_owned(),
            header: json!({"typ": "nod-proof+jwt", "alg": "ES256", "jwk": self.key.public_jwk()}),
            claims: serde_json::to_value(call.claims(&issuer, &self.fresh())).unwrap(),
            body: call.body().map(<[u8]>::to_vec),
            content_type: "application/json",
        }
    }

    pub(crate) fn sign(&self, crafted: &Crafted) -> String {
        compact(&crafted.header, &crafted.claims, |input| self.key.sign(input).unwrap().to_vec())
    }

    /// The request of a call, without a proof.
    pub(crate) fn unproved(&self, crafted: &Crafted) -> RequestBuilder {
        let request = self.world.request(self.node, crafted.method.clone(), &crafted.path);
        match &crafted.body {
            Some(body) => request.header("content-type", crafted.content_type).body(body.clone()),
            None => request,
        }
    }

    pub(crate) async fn send(&self, crafted: &Crafted) -> Answer {
        let proof = self.sign(crafted);
        self.send_with(crafted, &proof).await
    }

    pub(crate) async fn send_with(&self, crafted: &Crafted, proof: &str) -> Answer {
        self.take_nonce(Answer::of(self.unproved(crafted).header(DEVICE_PROOF, proof)).await)
    }

    fn take_nonce(&self, answer: Answer) -> Answer {
        if let Some(nonce) = answer.header("device-nonce") {
            *self.nonce.lock().unwrap() = Some(nonce.to_owned());
        }
        answer
    }

    /// As the SDK would: once more when the server wants a nonce.
    pub(crate) async fn call(&self, call: &Call) -> Answer {
        let answer = self.send(&self.craft(call)).await;
        if answer.status == 401 && answer.json()["code"] == "USE_DEVICE_NONCE" {
            return self.send(&self.craft(call)).await;
        }
        answer
    }

    /// Gets a nonce, so that the next call needs no second try.
    pub(crate) async fn warm(&self) -> &Self {
        if self.nonce.lock().unwrap().is_none() {
            self.send(&self.craft(&Call::me())).await;
        }
        self
    }

    pub(crate) fn pairing_call(key: &PairingKey) -> Call {
        let installation = InstallationInfo {
            platform: "TEST".to_owned(),
            name: Some("A phone".to_owned()),
            ..InstallationInfo::default()
        };
        Call::pair(&PairingRequest { pairing_key: key.clone(), installation })
    }

    /// Pairs an app that says what it is called.
    pub(crate) async fn pair_as(&mut self, key: &PairingKey, package: &str) -> Answer {
        self.warm().await;
        let named = |body: &mut Value| body["installation"]["application"] = json!(package);
        let answer = self.send(&self.craft(&Self::pairing_call(key)).with_body(named)).await;
        if answer.status == 201 {
            self.installed(&answer);
        }
        answer
    }

    /// Says where it is reached. The token is a secret.
    pub(crate) async fn reached_at(&self, provider: &str, environment: &str, token: &str) -> Answer {
        self.world.guard(token);
        let token =
            PushToken { provider: provider.to_owned(), environment: environment.to_owned(), token: token.to_owned() };
        self.call(&Call::set_push_token(&token)).await
    }

    pub(crate) async fn pair(&mut self, key: &PairingKey) -> Answer {
        let answer = self.call(&Self::pairing_call(key)).await;
        if answer.status == 201 {
            self.installed(&answer);
        }
        answer
    }

    /// What its app sends along with a sign-in [flows.md H.2], and what a test changes of it.
    pub(crate) fn payload(&self, change: impl FnOnce(&mut Value)) -> String {
        let facts = PayloadFacts {
            application_id: "shop-app".to_owned(),
            platform: "android".to_owned(),
            package: "com.example.shop".to_owned(),
            ..PayloadFacts::default()
        };
        let claims = PayloadClaims::new(&facts, &self.issuer(), self.installation, &self.fresh());
        let mut claims = serde_json::to_value(claims).unwrap();
        change(&mut claims);
        let header = json!({"typ": "mobile-payload+jwt", "alg": "ES256", "jwk": self.key.public_jwk()});
        compact(&header, &claims, |input| self.key.sign(input).unwrap().to_vec())
    }

    pub(crate) async fn see(&self, ticket: &str) -> Answer {
        self.call(&Call::enrollment(&ticket.parse().unwrap())).await
    }

    pub(crate) async fn enrol(&mut self, ticket: &str) -> Answer {
        let installation = InstallationInfo { platform: "TEST".to_owned(), ..InstallationInfo::default() };
        let request = ApproveEnrollmentRequest { installation, push_token: None };
        let answer = self.call(&Call::approve_enrollment(&ticket.parse().unwrap(), &request)).await;
        if answer.status == 201 {
            self.installed(&answer);
        }
        answer
    }

    pub(crate) async fn refuse_enrolment(&self, ticket: &str) -> Answer {
        self.call(&Call::deny_enrollment(&ticket.parse().unwrap())).await
    }

    fn installed(&mut self, answer: &Answer) {
        let pairing: Pairing = serde_json::from_slice(&answer.body).unwrap();
        self.installation = Some(pairing.installation_id);
        self.devices.push((pairing.user.user_id, pairing.device_id));
    }

    pub(crate) async fn pending(&self) -> Vec<Notification> {
        let answer = self.call(&Call::pending()).await;
        answer.ok();
        serde_json::from_slice::<Pending>(&answer.body).unwrap().notifications
    }

    /// The only question.
    pub(crate) async fn question(&self) -> Notification {
        let mut pending = self.pending().await;
        assert_eq!(pending.len(), 1, "one question");
        pending.remove(0)
    }

    pub(crate) async fn me(&self) -> Me {
        let answer = self.call(&Call::me()).await;
        answer.ok();
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn approval(&self, question: &Notification, number: Option<u32>) -> Call {
        decide::approve(question, self.installation(), number, &["pin".to_owned()], question.issued_at).unwrap()
    }

    fn denial(&self, question: &Notification, reason: DenyReason) -> Call {
        decide::deny(question, self.installation(), reason)
    }

    /// A yes in parts. The nonce is fresh if this phone has called before.
    pub(crate) fn craft_approval(&self, question: &Notification, number: Option<u32>) -> Crafted {
        self.craft(&self.approval(question, number))
    }

    pub(crate) fn craft_denial(&self, question: &Notification) -> Crafted {
        self.craft(&self.denial(question, DenyReason::None))
    }

    fn choice(&self, question: &Notification, choice: NewDeviceChoice) -> Call {
        let amr = ["pin".to_owned()];
        decide::choose(question, self.installation(), choice, None, &amr, question.issued_at).unwrap()
    }

    /// What becomes of a new device, in parts.
    pub(crate) fn craft_choice(&self, question: &Notification, choice: NewDeviceChoice) -> Crafted {
        self.craft(&self.choice(question, choice))
    }

    pub(crate) async fn choose(&self, question: &Notification, choice: NewDeviceChoice) -> Answer {
        self.call(&self.choice(question, choice)).await
    }

    pub(crate) async fn approve(&self, question: &Notification) -> Answer {
        self.call(&self.approval(question, None)).await
    }

    pub(crate) async fn approve_with(&self, question: &Notification, number: u32) -> Answer {
        self.call(&self.approval(question, Some(number))).await
    }

    /// A number that the SDK itself would refuse.
    pub(crate) async fn approve_with_any(&self, question: &Notification, number: u32) -> Answer {
        let offered = match &question.number_matching {
            Some(NumberMatching::SelectNumber { options }) => options[0],
            Some(NumberMatching::EnterManually | NumberMatching::Unknown) | None => number,
        };
        self.send(&self.craft_approval(question, Some(offered)).said("numberPicked", number)).await
    }

    pub(crate) async fn deny(&self, question: &Notification, reason: DenyReason) -> Answer {
        self.call(&self.denial(question, reason)).await
    }

    /// Yes to the only question.
    pub(crate) async fn approve_the_question(&self) {
        let question = self.question().await;
        assert_eq!(self.approve(&question).await.ok(), json!({"status": "APPROVED"}));
    }

    pub(crate) async fn deny_the_question(&self) {
        let question = self.question().await;
        assert_eq!(self.deny(&question, DenyReason::None).await.ok(), json!({"status": "DENIED"}));
    }

    /// Announces `new` as the key of this installation.
    pub(crate) fn rotation(&self, new: &SoftwareKey) -> Call {
        let claims = RotationClaims::new(&self.world.issuer, self.installation(), &self.fresh());
        let proof_by_new = claims.sign(new).unwrap();
        Call::rotate(&RotateRequest { new_jwk: new.public_jwk(), proof_by_new })
    }

    /// The same phone with another key.
    pub(crate) fn with_key(&self, key: SoftwareKey) -> Self {
        Self {
            world: Arc::clone(&self.world),
            key,
            node: self.node,
            nonce: Mutex::new(self.nonce.lock().unwrap().clone()),
            installation: self.installation,
            devices: self.devices.clone(),
        }
    }

    pub(crate) async fn listen(&self) -> Events {
        self.warm().await;
        let crafted = self.craft(&Call::events());
        let proof = self.sign(&crafted);
        let response = self.unproved(&crafted).header(DEVICE_PROOF, proof).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Events { response, decoder: Decoder::default(), frames: Vec::new() }
    }

    /// What an administrator does with a lost phone, or with one that was found again.
    pub(crate) async fn set_status(&self, status: Status) {
        let parts = self.world.parts();
        let devices = Devices::new(parts.database.clone(), Arc::clone(&parts.directory));
        let id = nod::protocol::id::DeviceId::new(self.device().uuid());
        let event = self.world.event(Action::DeviceBlocked).device(id);
        self.world.among_servers(async move { devices.set_status(id, status, &event).await }).await.unwrap();
    }

    pub(crate) async fn block(&self) {
        self.set_status(Status::Blocked).await;
    }

    /// What an administrator does when a phone is gone for good.
    pub(crate) async fn unpair_by_administrator(&self) {
        let parts = self.world.parts();
        let devices = Devices::new(parts.database.clone(), Arc::clone(&parts.directory));
        let id = nod::protocol::id::DeviceId::new(self.device().uuid());
        let event = self.world.event(Action::DeviceUnpaired).device(id);
        self.world.among_servers(async move { devices.unpair(id, &event).await }).await.unwrap();
    }
}

/// The live channel.
pub(crate) struct Events {
    response: Response,
    decoder: Decoder,
    frames: Vec<Frame>,
}

impl Events {
    /// The next event with its data; `None` when the server has ended the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        tokio::time::timeout(seconds(2), self.read()).await.expect("an event in time")
    }

    /// That nothing comes for a moment.
    pub(crate) async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(50), self.read()).await.is_err()
    }

    async fn read(&mut self) -> Option<(String, Value)> {
        while self.frames.is_empty() {
            let chunk = self.response.chunk().await.unwrap()?;
            self.frames.extend(self.decoder.push(&chunk).unwrap());
        }
        let frame = self.frames.remove(0);
        Some((frame.event, serde_json::from_str(&frame.data).unwrap()))
    }
}
