//! The relying party and the phones.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use nod::clock::{Clock as _, SystemClock};
use nod::entropy::Entropy;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::jwt::SigningKey;
use nod_device::event_stream::Decoder;
use nod_device::messages::{PairingRequest, Pending};
use nod_device::proof::{DEVICE_NONCE, DEVICE_PROOF, Freshness};
use nod_device::{
    Call, DenyReason, DeviceId, InstallationId, InstallationInfo, Issuer, Notification, PairingKey, SoftwareKey,
    Timestamp, decide,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::wire::{Answer, Held, request, send};
use super::{ISSUER, until};

pub(crate) const CIBA: &str = "urn:openid:params:grant-type:ciba";
pub(super) const CALLBACK: &str = "https://shop.example/callback";

fn now() -> Timestamp {
    Timestamp::from_millis(SystemClock.now().millis())
}

/// A client with `private_key_jwt`.
#[derive(Debug)]
pub(crate) struct RelyingParty {
    pub(crate) id: String,
    key: SigningKey,
}

impl RelyingParty {
    pub(crate) fn new(id: &str) -> Self {
        let (key, _) = SigningKey::generate(Algorithm::ES256).expect("a key");
        Self { id: id.to_owned(), key }
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.key.public_jwk()] })
    }

    pub(crate) fn assertion(&self) -> String {
        let now = now().seconds();
        let claims = json!({
            "iss": self.id, "sub": self.id, "aud": ISSUER, "iat": now, "exp": now + 60,
            "jti": Entropy::default().token().expose(),
        });
        self.key.sign("JWT", &claims).expect("a signature").expose().clone()
    }

    fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Vec<u8> {
        form(path, parameters, &self.assertion())
    }

    /// A token of its own, with all of its scopes.
    pub(crate) async fn token(&self, at: SocketAddr) -> String {
        let request = self.post("/as/token.oauth2", &[("grant_type", "client_credentials")]);
        send(at, &request).await.expect("an answer").is(200, "").text("access_token").to_owned()
    }

    pub(crate) fn ask(&self, user: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let mut parameters = vec![("scope", "openid"), ("login_hint", user), ("binding_message", "K7Q2")];
        parameters.extend(more);
        self.post("/as/bc-auth.ciba", &parameters)
    }

    pub(crate) fn poll(&self, auth_req_id: &str) -> Vec<u8> {
        self.post("/as/token.oauth2", &[("grant_type", CIBA), ("auth_req_id", auth_req_id)])
    }

    /// A poll with an assertion that may have been seen before.
    pub(crate) fn poll_with(auth_req_id: &str, assertion: &str) -> Vec<u8> {
        form("/as/token.oauth2", &[("grant_type", CIBA), ("auth_req_id", auth_req_id)], assertion)
    }

    pub(crate) fn redeem(&self, code: &str) -> Vec<u8> {
        let parameters = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        self.post("/as/token.oauth2", &parameters)
    }

    pub(crate) fn refresh(&self, token: &str) -> Vec<u8> {
        self.post("/as/token.oauth2", &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    pub(crate) fn cancel(&self, auth_req_id: &str) -> Vec<u8> {
        self.post("/as/revoke_token.oauth2", &[("token", auth_req_id), ("token_type_hint", "auth_req_id")])
    }

    pub(crate) fn introspect(&self, token: &str) -> Vec<u8> {
        self.post("/as/introspect.oauth2", &[("token", token)])
    }

    /// Asks and is acknowledged.
    pub(crate) async fn asks(&self, at: SocketAddr, user: &str, more: &[(&str, &str)]) -> String {
        let answer = send(at, &self.ask(user, more)).await.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("auth_req_id").to_owned()
    }

    pub(crate) async fn polls(&self, at: SocketAddr, auth_req_id: &str) -> Answer {
        send(at, &self.poll(auth_req_id)).await.expect("an answer")
    }
}

fn form(path: &str, parameters: &[(&str, &str)], assertion: &str) -> Vec<u8> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    form.append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form.append_pair("client_assertion", assertion);
    request("POST", path, &[], Some(("application/x-www-form-urlencoded", form.finish().as_bytes())))
}

/// A phone that is paired for one person.
#[derive(Debug)]
pub(crate) struct Phone {
    key: SoftwareKey,
    pub(crate) device: DeviceId,
    installation: InstallationId,
    nonce: Mutex<String>,
}

impl Phone {
    pub(crate) async fn pair(at: SocketAddr, key: &str) -> Self {
        let mut phone = Self::unpaired(at).await;
        let answer = send(at, &phone.pairing(key)).await.expect("an answer");
        phone.paired(&answer);
        phone
    }

    /// One that is nobody's device yet, with a nonce for its first call.
    pub(crate) async fn unpaired(at: SocketAddr) -> Self {
        let nobody = InstallationId::new(Entropy::default().uuid());
        let phone = Self {
            key: SoftwareKey::generate().expect("a key"),
            device: DeviceId::new(nobody.uuid()),
            installation: nobody,
            nonce: Mutex::default(),
        };
        let refused = phone.sends(at, &phone.me()).await;
        assert_eq!((refused.status, refused.code()), (401, "USE_DEVICE_NONCE"));
        assert!(!phone.nonce.lock().unwrap().is_empty(), "a nonce");
        phone
    }

    /// The call that makes it a device of whoever has the key.
    pub(crate) fn pairing(&self, key: &str) -> Vec<u8> {
        self.request(&Call::pair(&PairingRequest {
            pairing_key: PairingKey::parse(key).expect("a pairing key"),
            installation: InstallationInfo { platform: "TEST".to_owned(), ..InstallationInfo::default() },
        }))
    }

    /// It is one from now on.
    pub(crate) fn paired(&mut self, answer: &Answer) {
        assert_eq!(answer.status, 201, "{answer:?}");
        self.device = answer.text("deviceId").parse().expect("an id");
        self.installation = answer.text("installationId").parse().expect("an id");
    }

    /// The call with a proof of its own.
    pub(crate) fn request(&self, call: &Call) -> Vec<u8> {
        let nonce = self.nonce.lock().unwrap().clone();
        let fresh = Freshness {
            iat: now().seconds(),
            jti: Entropy::default().bytes(),
            nonce: (!nonce.is_empty()).then_some(nonce),
        };
        let issuer = Issuer::parse(ISSUER).expect("an issuer");
        let proof = call.prove(&issuer, &self.key, &fresh).expect("a proof");
        let url = call.url(&issuer);
        let path = url.strip_prefix(ISSUER).expect("a path below the issuer");
        let body = call.body().map(|body| ("application/json", body));
        request(call.method().as_str(), path, &[(DEVICE_PROOF, &proof)], body)
    }

    pub(crate) fn me(&self) -> Vec<u8> {
        self.request(&Call::me())
    }

    pub(crate) fn approve(&self, question: &Notification) -> Vec<u8> {
        let amr = ["pin".to_owned()];
        // A test may want to be late on purpose, so the phone's own clock stands still.
        let call = decide::approve(&self.own(question), self.installation, None, &amr, question.issued_at);
        self.request(&call.expect("a decision"))
    }

    pub(crate) fn deny(&self, question: &Notification) -> Vec<u8> {
        self.request(&decide::deny(&self.own(question), self.installation, DenyReason::None))
    }

    /// The question as this phone sees it. Phones of one person differ in nothing else.
    fn own(&self, question: &Notification) -> Notification {
        Notification { device_id: self.device, ..question.clone() }
    }

    /// Sends, and learns the nonce of the answer.
    pub(crate) async fn sends(&self, at: SocketAddr, request: &[u8]) -> Answer {
        let answer = send(at, request).await.expect("an answer");
        if let Some(nonce) = answer.header(DEVICE_NONCE) {
            nonce.clone_into(&mut self.nonce.lock().unwrap());
        }
        answer
    }

    pub(crate) async fn pending(&self, at: SocketAddr) -> Vec<Notification> {
        let answer = self.sends(at, &self.request(&Call::pending())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_value::<Pending>(answer.body).expect("what is pending").notifications
    }

    /// The one question that is not answered.
    pub(crate) async fn question(&self, at: SocketAddr) -> Notification {
        let mut pending = self.pending(at).await;
        assert_eq!(pending.len(), 1, "{pending:?}");
        pending.remove(0)
    }

    /// Opens the live channel.
    pub(crate) async fn listen(&self, at: SocketAddr) -> Listener {
        let mut stream = Held::new(at, &self.request(&Call::events())).await.expect("a node that accepts");
        stream.release().expect("an open connection");
        let mut listener =
            Listener { stream, raw: Vec::new(), in_body: false, decoder: Decoder::default(), frames: Vec::new() };
        assert_eq!(listener.next("ready").await, json!({}));
        listener
    }
}

/// An open live channel.
#[derive(Debug)]
pub(crate) struct Listener {
    stream: Held,
    raw: Vec<u8>,
    in_body: bool,
    decoder: Decoder,
    frames: Vec<(String, Value)>,
}

impl Listener {
    /// The next event, which has to be of this kind.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        // Sooner than the server would look by itself: somebody has to ring.
        let next = timeout(Duration::from_secs(6), self.frame()).await;
        let (event, data) = next.unwrap_or_else(|_| panic!("no {kind} on the live channel in time"));
        assert_eq!(event, kind, "{data}");
        data
    }

    /// The server ends the channel, after whatever was still on its way.
    pub(crate) async fn closes(mut self) {
        while !self.stream.some(64 * 1024).await.unwrap_or_default().is_empty() {}
    }

    async fn frame(&mut self) -> (String, Value) {
        while self.frames.is_empty() {
            let bytes = self.stream.some(64 * 1024).await.expect("an open live channel");
            assert!(!bytes.is_empty(), "the live channel was closed");
            self.raw.extend_from_slice(&bytes);
            self.decode();
        }
        self.frames.remove(0)
    }

    /// Takes the head off, then chunk after chunk [RFC 9112 §7.1].
    fn decode(&mut self) {
        if !self.in_body {
            let Some(end) = self.raw.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            assert!(self.raw.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&self.raw));
            self.raw.drain(..end + 4);
            self.in_body = true;
        }
        while let Some(end) = self.raw.windows(2).position(|window| window == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..end]).expect("a chunk");
            let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
            if self.raw.len() < end + 2 + size + 2 {
                return;
            }
            let chunk: Vec<u8> = self.raw.drain(..end + 2 + size + 2).skip(end + 2).take(size).collect();
            for frame in self.decoder.push(&chunk).expect("short events") {
                let data = serde_json::from_str(&frame.data).expect("JSON");
                self.frames.push((frame.event, data));
            }
        }
    }
}

/// Polls until nothing is pending any more, at the pace of the server.
pub(crate) async fn polled_to_the_end(shop: &RelyingParty, at: SocketAddr, id: &str, within: Duration) -> Answer {
    until("a final answer to polls", within, || async {
        let answer = shop.polls(at, id).await;
        let last = !matches!(answer.code(), "authorization_pending" | "slow_down");
        if !last {
            tokio::time::sleep(Duration::from_millis(90)).await;
        }
        last.then_some(answer)
    })
    .await
}
