//! The client against a double that answers on a real socket.

mod devices;
mod enrollment;
mod events;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::json;

use super::*;
use crate::digest::BodyDigest;
use crate::double::{Answer, Double, Received};
use crate::event_stream::Event;
use crate::messages::RotateRequest;
use crate::notification::{CancelReason, NumberMatching};
use crate::proof::{ProofClaims, Purpose, Statement, UnverifiedProof};
use crate::push::ProofValue;

const INSTALLATION: InstallationId = InstallationId::new(uuid::Uuid::from_u128(1));
const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);
const HTTP_NOW: &str = "Sun, 01 Mar 2026 12:00:00 GMT";

fn verify(jwk: &PublicJwk, signing_input: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.to_uncompressed_point())
        .verify(signing_input, signature)
        .is_ok()
}

/// What the proof of a request says, after it was compared with the request.
fn proof(issuer: &str, request: &Received) -> (ProofClaims, PublicJwk) {
    let proof = UnverifiedProof::parse(request.header("device-proof").unwrap()).unwrap();
    let jwk = *proof.jwk();
    let claims = proof.claims(verify).unwrap();
    assert_eq!(claims.htm.as_str(), request.method);
    assert_eq!(claims.htu, format!("{issuer}{}", request.path));
    assert_eq!(claims.aud, issuer);
    assert_eq!(claims.bd, (!request.body.is_empty()).then(|| BodyDigest::of(&request.body)));
    (claims, jwk)
}

fn clock_at(at: Timestamp) -> Clock {
    Arc::new(move || at)
}

/// Times short enough to wait for.
fn brief() -> Timing {
    Timing {
        answer: Duration::from_secs(2),
        silence: Duration::from_secs(1),
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(20),
        keys: Duration::from_mins(1),
    }
}

fn client(issuer: &str) -> DeviceClient {
    let key = Some(SoftwareKey::generate().unwrap().to_stored());
    let state =
        PairedState { issuer: Issuer::parse(issuer).unwrap(), installation_id: INSTALLATION, users: vec![], key };
    DeviceClient::builder().clock(clock_at(NOW)).timing(brief()).restore(state).unwrap()
}

fn notification(number: u128) -> Notification {
    let mut notification = crate::notification::tests::notification();
    notification.notification_id = NotificationId::new(uuid::Uuid::from_u128(number));
    notification
}

fn event(name: &str, data: impl Serialize) -> String {
    format!("event: {name}\ndata: {}\n\n", serde_json::to_string(&data).unwrap())
}

fn ready() -> String {
    event("ready", json!({}))
}

fn me() -> Answer {
    let me = json!({"installationId": INSTALLATION, "issuer": "https://id.example", "users": [], "time": NOW});
    Answer::json(200, me.to_string())
}

fn pairing(installation: InstallationId, device: u128, username: &str) -> Answer {
    let pairing = json!({
        "deviceId": uuid::Uuid::from_u128(device),
        "installationId": installation,
        "user": {"userId": uuid::Uuid::from_u128(device + 1000), "username": username},
        "authenticators": [{"type": "push", "status": "failed", "errorCode": "MissingDeviceToken"}],
    });
    Answer::json(201, pairing.to_string())
}

fn info() -> InstallationInfo {
    InstallationInfo { platform: "TEST".to_owned(), ..InstallationInfo::default() }
}

fn pairing_key() -> PairingKey {
    PairingKey::parse("0123 4567 8901").unwrap()
}

#[tokio::test]
async fn a_missing_nonce_is_fetched_and_kept() {
    let double = Double::start(|_, number| match number {
        0 => Answer::problem(401, "USE_DEVICE_NONCE").header("Device-Nonce", "n1"),
        1 => me().header("Device-Nonce", "n2"),
        _ => me(),
    })
    .await;
    let client = client(&double.issuer);
    assert_eq!(client.me().await.unwrap().installation_id, INSTALLATION);
    client.me().await.unwrap();
    client.me().await.unwrap();
    let claims: Vec<_> = double.received().iter().map(|request| proof(&double.issuer, request).0).collect();
    let nonces: Vec<_> = claims.iter().map(|claims| claims.nonce.as_deref()).collect();
    assert_eq!(nonces, [None, Some("n1"), Some("n2"), Some("n2")]);
    assert_ne!(claims[0].jti, claims[1].jti, "a repeated call needs a proof of its own");
    assert!(claims.iter().all(|claims| claims.statement == Statement::Read && claims.iat == NOW.seconds()));
}

#[tokio::test]
async fn a_server_that_wants_ever_new_nonces_is_asked_twice() {
    let double = Double::start(|_, number| {
        Answer::problem(401, "USE_DEVICE_NONCE").header("Device-Nonce", &format!("n{number}"))
    })
    .await;
    let error = client(&double.issuer).me().await.unwrap_err();
    assert_eq!(error.code(), "USE_DEVICE_NONCE");
    assert_eq!(double.received().len(), 2);

    let double = Double::start(|_, _| Answer::problem(401, "USE_DEVICE_NONCE")).await;
    client(&double.issuer).me().await.unwrap_err();
    assert_eq!(double.received().len(), 1, "without a nonce there is nothing to repeat");
}

#[tokio::test]
async fn a_wrong_clock_is_put_right_by_the_server() {
    let double = Double::start(|_, number| match number {
        0 => Answer::problem(401, "PROOF_EXPIRED").header("Date", HTTP_NOW),
        _ => me(),
    })
    .await;
    let clock = Arc::new(AtomicI64::new(NOW.millis() - 3_600_000));
    let asked = clock.clone();
    let state = client(&double.issuer).state();
    let client = DeviceClient::builder()
        .clock(Arc::new(move || Timestamp::from_millis(asked.load(Ordering::SeqCst))))
        .restore(state)
        .unwrap();
    client.me().await.unwrap();
    assert_eq!(client.now(), NOW);
    clock.fetch_add(7000, Ordering::SeqCst);
    client.me().await.unwrap();
    let iats: Vec<_> = double.received().iter().map(|request| proof(&double.issuer, request).0.iat).collect();
    assert_eq!(iats, [NOW.seconds() - 3600, NOW.seconds(), NOW.seconds() + 7]);
}

#[tokio::test]
async fn a_clock_that_stays_wrong_is_an_error() {
    let double = Double::start(|_, _| Answer::problem(401, "PROOF_EXPIRED").header("Date", HTTP_NOW)).await;
    assert_eq!(client(&double.issuer).me().await.unwrap_err().code(), "PROOF_EXPIRED");
    assert_eq!(double.received().len(), 2);
    let double = Double::start(|_, _| Answer::problem(401, "PROOF_EXPIRED")).await;
    assert_eq!(client(&double.issuer).me().await.unwrap_err().code(), "PROOF_EXPIRED");
    assert_eq!(double.received().len(), 1);
}

#[tokio::test]
async fn the_clock_of_the_system_is_compared_with_every_answer() {
    let double = Double::start(|_, _| me().header("Date", HTTP_NOW)).await;
    let state = client(&double.issuer).state();
    let system = DeviceClient::restore(state.clone()).unwrap();
    system.me().await.unwrap();
    assert!(system.now().seconds().abs_diff(NOW.seconds()) <= 5, "{}", system.now());
    // An app that brings its own clock knows better, until a proof is refused.
    let given = DeviceClient::builder().clock(clock_at(Timestamp::from_seconds(1))).restore(state).unwrap();
    given.me().await.unwrap();
    assert_eq!(given.now(), Timestamp::from_seconds(1));
}

#[tokio::test]
async fn a_nonce_and_a_clock_can_both_be_wrong() {
    let double = Double::start(|_, number| match number {
        0 => Answer::problem(401, "USE_DEVICE_NONCE").header("Device-Nonce", "n1"),
        1 => Answer::problem(401, "PROOF_EXPIRED").header("Date", HTTP_NOW),
        _ => me(),
    })
    .await;
    client(&double.issuer).me().await.unwrap();
    assert_eq!(double.received().len(), 3);
}

#[tokio::test]
async fn pairing_storing_and_restoring() {
    let double = Double::start(|request, number| match (request.path.as_str(), number) {
        ("/device/v1/pairings", 0) => pairing(INSTALLATION, 1, "alice"),
        ("/device/v1/pairings", _) => pairing(INSTALLATION, 2, "bob"),
        _ => me(),
    })
    .await;
    let (client, first) = DeviceClient::pair(&double.issuer, &pairing_key(), &info()).await.unwrap();
    assert_eq!(first.authenticators[0].error_code.as_deref(), Some("MissingDeviceToken"));
    let second = client.pair_another(&pairing_key(), &info()).await.unwrap();
    let stored = serde_json::to_string(&client.state()).unwrap();
    let restored = DeviceClient::restore(serde_json::from_str(&stored).unwrap()).unwrap();
    restored.me().await.unwrap();
    assert_eq!(restored.state(), client.state());
    assert_eq!(restored.installation_id(), INSTALLATION);
    let names: Vec<_> = restored.state().users.into_iter().map(|paired| (paired.device_id, paired.user)).collect();
    assert_eq!(names, [(first.device_id, first.user), (second.device_id, second.user)]);

    let received = double.received();
    let body: serde_json::Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(body, json!({"pairingKey": "012345678901", "installation": {"platform": "TEST"}}));
    assert_eq!(received[0].header("content-type"), Some("application/json"));
    let proofs: Vec<_> = received.iter().map(|request| proof(&double.issuer, request)).collect();
    let purposes: Vec<_> = proofs.iter().map(|(claims, _)| claims.statement.purpose()).collect();
    assert_eq!(purposes, [Purpose::Pairing, Purpose::Pairing, Purpose::Read]);
    assert!(proofs.iter().all(|(_, jwk)| *jwk == client.public_jwk()), "one key for everybody on the phone");
    assert!(!format!("{:?}", client.state()).contains(&stored[stored.len() - 40..stored.len() - 2]));
}

#[tokio::test]
async fn another_installation_is_not_taken_for_ours() {
    let double = Double::start(|_, _| pairing(InstallationId::new(uuid::Uuid::from_u128(9)), 1, "alice")).await;
    let client = client(&double.issuer);
    assert_eq!(client.pair_another(&pairing_key(), &info()).await.unwrap_err().code(), "ANSWER_INVALID");
    assert!(client.state().users.is_empty());
}

#[tokio::test]
async fn a_decision_is_signed_and_sent() {
    let double = Double::start(|request, _| {
        let status = if request.path.ends_with("/approve") { "APPROVED" } else { "DENIED" };
        Answer::json(200, json!({"status": status}).to_string())
    })
    .await;
    let client = client(&double.issuer);
    let mut question = notification(7);
    question.number_matching = Some(NumberMatching::SelectNumber { options: vec![12, 47, 83] });
    client.approve(&question, Some(47), &["face".to_owned()]).await.unwrap();
    client.deny(&question, DenyReason::ReportFraud).await.unwrap();
    let received = double.received();
    let Statement::Approve(approval) = proof(&double.issuer, &received[0]).0.statement else { panic!("no approval") };
    assert!(approval.agrees_with(&serde_json::from_slice(&received[0].body).unwrap()));
    assert_eq!(approval.context_hash, question.context_hash());
    assert_eq!((approval.installation_id, approval.number_picked), (INSTALLATION, Some(47)));
    let Statement::Deny(denial) = proof(&double.issuer, &received[1]).0.statement else { panic!("no denial") };
    assert!(denial.agrees_with(&serde_json::from_slice(&received[1].body).unwrap()));
    assert_eq!(denial.reason, DenyReason::ReportFraud);
}

#[tokio::test]
async fn what_cannot_be_approved_is_not_sent() {
    let double = Double::start(|_, _| Answer::problem(500, "NEVER")).await;
    let client = client(&double.issuer);
    let mut question = notification(7);
    question.number_matching = Some(NumberMatching::SelectNumber { options: vec![12, 47, 83] });
    assert_eq!(client.approve(&question, None, &[]).await.unwrap_err().code(), "NUMBER_REQUIRED");
    question.expires_at = NOW;
    assert_eq!(client.approve(&question, Some(12), &[]).await.unwrap_err().code(), "EXPIRED");
    assert!(double.received().is_empty());
}

#[tokio::test]
async fn refusals_keep_their_codes() {
    let cases = [
        (409, "EXPIRED", false),
        (409, "ALREADY_DECIDED", false),
        (409, "CANCELED", false),
        (400, "CONTEXT_HASH_MISMATCH", false),
        (400, "PROOF_MISMATCH", false),
        (403, "NUMBER_MISMATCH", false),
        (403, "DEVICE_BLOCKED", false),
        (404, "NOTIFICATION_NOT_FOUND", false),
        (429, "TOO_MANY_ATTEMPTS", true),
        (503, "TEMPORARILY_UNAVAILABLE", true),
        (418, "SOMETHING_NEW", false),
    ];
    for (status, code, retryable) in cases {
        let double = Double::start(move |_, _| Answer::problem(status, code).header("Retry-After", "7")).await;
        let error = client(&double.issuer).approve(&notification(1), None, &[]).await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (code, retryable));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        let Error::Refused { problem, .. } = &error else { panic!("{error:?}") };
        assert_eq!(problem.status, status);
        assert_eq!(double.received().len(), 1, "{code} is for the person to see, not to repeat");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_servers_is_an_error() {
    let html = "<html>Sign in to the free Wi-Fi</html>";
    let cases = [
        (Answer::new(200, "text/html", html), false),
        (Answer::new(200, "text/plain", r#"{"status":"APPROVED"}"#), false),
        (Answer::json(200, html), false),
        (Answer::json(200, r#"{"status":"DENIED"}"#), false),
        (Answer::new(502, "text/html", html), true),
        (Answer::new(400, "application/problem+json", html), false),
        // A code in another type of document is nobody's word.
        (Answer::json(409, r#"{"status":409,"code":"EXPIRED"}"#), false),
        (Answer::json(200, " ".repeat(300_000)), false),
        (Answer::json(200, "{}").header("Content-Length", "99999999999").hold(), true),
        (Answer::new(400, "application/problem+json", " ".repeat(20_000)), false),
    ];
    for (answer, retryable) in cases {
        let case = format!("{} {:?}", answer.status, answer.headers);
        let double = Double::start(move |_, _| answer.clone()).await;
        let error = client(&double.issuer).approve(&notification(1), None, &[]).await.unwrap_err();
        assert_eq!(error.is_retryable(), retryable, "{case}: {error:?}");
        assert!(["ANSWER_INVALID", "UNREACHABLE"].contains(&error.code()), "{case}: {error:?}");
    }
}

#[tokio::test]
async fn an_oversized_answer_is_left_at_its_limit() {
    let piece = (Duration::ZERO, vec![b' '; 64 * 1024]);
    let double = Double::start(move |_, _| {
        let mut answer = Answer::json(200, "[").hold();
        answer.body.extend(std::iter::repeat_n(piece.clone(), 5));
        answer
    })
    .await;
    // The double never ends its answer: only the limit ends the reading before time runs out.
    let error = client(&double.issuer).me().await.unwrap_err();
    assert!(matches!(error, Error::Answer { what: "too long", .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Double::start(|_, _| me()).await;
    let location = format!("{}/device/v1/me", elsewhere.issuer);
    let double = Double::start(move |_, _| Answer::json(307, "").header("Location", &location)).await;
    assert_eq!(client(&double.issuer).me().await.unwrap_err().code(), "ANSWER_INVALID");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn only_this_machine_is_spoken_to_without_tls() {
    let refused = DeviceClient::pair("http://id.example", &pairing_key(), &info()).await.unwrap_err();
    assert_eq!(refused.code(), "ISSUER_INSECURE");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let double = Double::start(|_, _| Answer::json(200, "{").hold()).await;
    let state = client(&double.issuer).state();
    let timing = Timing { answer: Duration::from_millis(100), ..brief() };
    let hasty = DeviceClient::builder().clock(clock_at(NOW)).timing(timing).restore(state).unwrap();
    let error = hasty.me().await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("UNREACHABLE", true));
    // Nobody listens on port 1.
    let error = client("http://127.0.0.1:1").me().await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("UNREACHABLE", true));
}

#[tokio::test]
async fn a_new_key_is_used_when_it_is_stored() {
    let double = Double::start(|request, number| match (request.path.as_str(), number) {
        ("/device/v1/keys/rotate", 0) => Answer::problem(401, "USE_DEVICE_NONCE").header("Device-Nonce", "n1"),
        ("/device/v1/keys/rotate", _) => Answer::json(200, json!({"installationId": INSTALLATION}).to_string()),
        _ => me(),
    })
    .await;
    let client = client(&double.issuer);
    let old = client.public_jwk();
    let rotated = client.rotate_key().await.unwrap();
    let stored = rotated.state();
    client.me().await.unwrap();
    rotated.activate();
    client.me().await.unwrap();
    assert_eq!(client.state(), stored);
    assert_eq!(DeviceClient::restore(stored).unwrap().public_jwk(), client.public_jwk());

    let received = double.received();
    let signers: Vec<_> = received.iter().map(|request| proof(&double.issuer, request).1).collect();
    assert_eq!(signers, [old, old, old, client.public_jwk()]);
    let by_new = |request: &Received| {
        let body: RotateRequest = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body.new_jwk, client.public_jwk());
        let proof = UnverifiedProof::parse(&body.proof_by_new).unwrap();
        assert_eq!(*proof.jwk(), body.new_jwk);
        proof.rotation_claims(verify).unwrap()
    };
    let (first, second) = (by_new(&received[0]), by_new(&received[1]));
    assert_eq!((second.aud.as_str(), second.installation_id), (double.issuer.as_str(), INSTALLATION));
    assert_eq!((first.nonce, second.nonce.as_deref()), (None, Some("n1")), "both proofs are made anew");
    assert_ne!(first.jti, second.jti);
    assert_ne!(second.jti, proof(&double.issuer, &received[1]).0.jti);
}

#[tokio::test]
async fn unpairing_takes_everybody_off() {
    let double = Double::start(|request, number| match (request.method.as_str(), number) {
        ("POST", 0) => pairing(INSTALLATION, 1, "alice"),
        ("POST", 1) => pairing(INSTALLATION, 2, "bob"),
        ("POST", _) => pairing(INSTALLATION, 3, "alice"),
        ("DELETE", 3 | 4) => Answer { status: 204, ..Answer::default() },
        _ => Answer::problem(401, "DEVICE_UNKNOWN"),
    })
    .await;
    let (client, first) = DeviceClient::pair(&double.issuer, &pairing_key(), &info()).await.unwrap();
    client.pair_another(&pairing_key(), &info()).await.unwrap();
    client.pair_another(&pairing_key(), &info()).await.unwrap();
    client.unpair_device(first.device_id).await.unwrap();
    assert_eq!(client.state().users.len(), 2);
    client.unpair().await.unwrap();
    assert!(client.state().users.is_empty());
    let received = double.received();
    assert_eq!(received[3].path, format!("/device/v1/devices/{}", first.device_id));
    assert_eq!(proof(&double.issuer, &received[3]).0.statement, Statement::Unpair);
    assert_eq!(received.len(), 6, "the one that the server no longer knows counts as done");
}

/// A key that lives elsewhere and asks its person.
struct Enclave {
    key: SoftwareKey,
    willing: bool,
}

impl DeviceKey for Enclave {
    fn public_jwk(&self) -> PublicJwk {
        self.key.public_jwk()
    }

    fn sign(&self, signing_input: &[u8]) -> Result<[u8; 64], KeyError> {
        std::thread::sleep(Duration::from_millis(20));
        if self.willing { self.key.sign(signing_input) } else { Err(KeyError::Declined) }
    }
}

#[tokio::test]
async fn a_key_can_live_elsewhere() {
    let double = Double::start(|_, number| match number {
        0 => pairing(INSTALLATION, 1, "alice"),
        _ => Answer::json(200, r#"{"notifications":[]}"#),
    })
    .await;
    let key = Arc::new(Enclave { key: SoftwareKey::generate().unwrap(), willing: true });
    let builder = DeviceClient::builder().key(key.clone());
    let (client, _) = builder.pair(&double.issuer, &pairing_key(), &info()).await.unwrap();
    assert!(client.pending().await.unwrap().is_empty());
    assert_eq!(proof(&double.issuer, &double.received()[1]).1, key.public_jwk());
    let state = client.state();
    assert_eq!(state.key, None);
    assert_eq!(DeviceClient::restore(state.clone()).unwrap_err().code(), "KEY_UNAVAILABLE");
    let unwilling = Arc::new(Enclave { key: SoftwareKey::generate().unwrap(), willing: false });
    let client = DeviceClient::builder().key(unwilling).restore(state).unwrap();
    assert_eq!(client.pending().await.unwrap_err().code(), "KEY_DECLINED");
    assert_eq!(double.received().len(), 2);
}

#[tokio::test]
async fn one_notification_is_fetched_by_its_name() {
    let double = Double::start(|_, number| match number {
        0 => Answer::json(200, serde_json::to_string(&notification(1)).unwrap()),
        1 => Answer::json(200, serde_json::to_string(&notification(2)).unwrap()),
        _ => Answer::json(200, json!({"notifications": [notification(1), notification(2)]}).to_string()),
    })
    .await;
    let client = client(&double.issuer);
    let id = notification(1).notification_id;
    assert_eq!(client.notification(id).await.unwrap(), notification(1));
    assert_eq!(client.notification(id).await.unwrap_err().code(), "ANSWER_INVALID");
    assert_eq!(client.pending().await.unwrap(), [notification(1), notification(2)]);
    assert_eq!(double.received()[0].path, format!("/device/v1/notifications/{id}"));
}
