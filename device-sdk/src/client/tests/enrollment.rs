//! Automatic enrollment against the double: payload, ID token, yes and no.

use super::*;
use crate::enrollment::{DeviceEnrollment, EnrollmentTicket};
use crate::id_token::{Expectations, Processed};
use crate::jws;
use crate::messages::{ApproveEnrollmentRequest, PushToken};
use crate::payload::{PayloadClaims, PayloadFacts, UnverifiedPayload};
use crate::proof::EnrollmentDecision;

const METADATA: &str = "/.well-known/openid-configuration";
const EXPIRES_AT: &str = "2026-03-01T12:05:00Z";

fn ticket() -> EnrollmentTicket {
    EnrollmentTicket::from_bytes([7; 32])
}

/// The issuer, and what it says to a phone.
fn jwk(signer: &SoftwareKey, kid: &str) -> serde_json::Value {
    let mut jwk = serde_json::to_value(signer.public_jwk()).unwrap();
    jwk["kid"] = kid.into();
    jwk
}

fn id_token(issuer: &str, signer: &SoftwareKey, kid: &str, said: Option<&DeviceEnrollment>) -> String {
    let mut claims = json!({
        "iss": issuer, "aud": "shop-app", "iat": NOW.seconds(), "exp": NOW.seconds() + 300, "nonce": "n1",
    });
    if let Some(said) = said {
        claims["device_enrollment"] = serde_json::to_value(said).unwrap();
    }
    jws::sign(&json!({"alg": "ES256", "kid": kid}), &claims, signer).unwrap()
}

fn offered() -> DeviceEnrollment {
    DeviceEnrollment::Offered { ticket: ticket(), exp: NOW.seconds() + 300 }
}

fn expected() -> Expectations {
    Expectations { client_id: "shop-app".to_owned(), nonce: Some("n1".to_owned()) }
}

fn facts() -> PayloadFacts {
    PayloadFacts {
        application_id: "shop-app".to_owned(),
        platform: "android".to_owned(),
        package: "com.example.shop".to_owned(),
        ..PayloadFacts::default()
    }
}

fn push_token() -> PushToken {
    let text = |text: &str| text.to_owned();
    PushToken { provider: text("FCM"), environment: text("production"), token: text("a push token") }
}

/// Metadata and keys; everything else is answered by `rest`.
async fn issuer(keys: serde_json::Value, rest: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Double {
    Double::start(move |request, _| match request.path.as_str() {
        METADATA => metadata(request, "/keys"),
        "/keys" => Answer::json(200, json!({ "keys": keys }).to_string()),
        _ => rest(request),
    })
    .await
}

/// Of the server that was asked, with its keys at `path`.
fn metadata(request: &Received, path: &str) -> Answer {
    let issuer = format!("http://{}", request.header("host").unwrap());
    Answer::json(200, json!({"issuer": issuer, "jwks_uri": format!("{issuer}{path}")}).to_string())
}

fn enrollment() -> Answer {
    let user = uuid::Uuid::from_u128(1001);
    Answer::json(
        200,
        json!({
            "user": {"id": user, "display": "Alice"},
            "application": {"id": "shop-app", "name": "Shop"},
            "expiresAt": EXPIRES_AT,
        })
        .to_string(),
    )
}

fn unpaired(issuer: &str) -> UnpairedClient {
    DeviceClient::builder().clock(clock_at(NOW)).timing(brief()).unpaired(issuer).unwrap()
}

fn accepted(processed: Result<Processed<PairingObject>, Error>) -> PairingObject {
    let Ok(Processed::Offer(offer)) = processed else { panic!("no offer: {processed:?}") };
    offer
}

fn paths(double: &Double) -> Vec<String> {
    double.received().into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn a_person_enrolls_by_signing_in() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |request| match request.method.as_str() {
        "GET" => enrollment(),
        _ => pairing(INSTALLATION, 1, "alice"),
    })
    .await;
    let client = unpaired(&double.issuer);
    let payload = UnverifiedPayload::parse(&client.generate_mobile_payload(&facts()).await.unwrap()).unwrap();
    assert_eq!(*payload.jwk(), client.public_jwk());
    // The app may be killed while the person signs in.
    let client = DeviceClient::builder().clock(clock_at(NOW)).restore_unpaired(client.state()).unwrap();

    let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
    let offer = accepted(client.process_id_token(&token, &expected()).await);
    assert_eq!((offer.user().display.as_str(), offer.application().name.as_str()), ("Alice", "Shop"));
    assert_eq!((offer.expires_at(), offer.ticket()), (EXPIRES_AT.parse().unwrap(), &ticket()));
    let (paired, pairing) = offer.approve(&info(), Some(&push_token())).await.unwrap();
    assert_eq!(pairing.user.username, "alice");
    assert_eq!((paired.installation_id(), paired.state().users.len()), (INSTALLATION, 1));
    assert_eq!(paired.public_jwk(), client.public_jwk());
    assert_eq!(DeviceClient::restore(paired.state()).unwrap().public_jwk(), client.public_jwk());

    let received = double.received();
    let (asked, approved) = (&received[2], &received[3]);
    assert_eq!(asked.path, format!("/device/v1/enrollments/{}", ticket().expose()));
    assert_eq!(proof(&double.issuer, asked).0.statement, Statement::Read);
    assert_eq!(approved.path, format!("/device/v1/enrollments/{}/approve", ticket().expose()));
    let yes = Statement::Enrollment(EnrollmentDecision { ticket: ticket(), decision: Decision::Approved });
    let (claims, signer) = proof(&double.issuer, approved);
    assert_eq!((claims.statement, signer), (yes, client.public_jwk()));
    let body: ApproveEnrollmentRequest = serde_json::from_slice(&approved.body).unwrap();
    assert_eq!(body, ApproveEnrollmentRequest { installation: info(), push_token: Some(push_token()) });
    for public in &received[..2] {
        assert_eq!(public.header("device-proof"), None, "what everybody may read needs no proof");
    }
}

#[tokio::test]
async fn a_person_says_no() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |request| match request.method.as_str() {
        "GET" => enrollment(),
        _ => Answer { status: 204, ..Answer::default() },
    })
    .await;
    let client = unpaired(&double.issuer);
    let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
    let offer = accepted(client.process_id_token(&token, &expected()).await);
    offer.deny().await.unwrap();
    let denied = double.received().pop().unwrap();
    assert_eq!(denied.path, format!("/device/v1/enrollments/{}/deny", ticket().expose()));
    assert_eq!(denied.body, b"{}");
    let no = Statement::Enrollment(EnrollmentDecision { ticket: ticket(), decision: Decision::Denied });
    assert_eq!(proof(&double.issuer, &denied).0.statement, no);
}

#[tokio::test]
async fn another_person_joins_an_installation() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |request| match request.method.as_str() {
        "GET" => enrollment(),
        _ => pairing(INSTALLATION, 2, "bob"),
    })
    .await;
    let client = client(&double.issuer);
    let payload = UnverifiedPayload::parse(&client.generate_mobile_payload(&facts()).await.unwrap()).unwrap();
    let claims: PayloadClaims = payload.claims(verify).unwrap();
    assert_eq!((claims.inst, claims.iat), (Some(INSTALLATION), NOW.seconds()));
    assert_eq!(claims.sdkv.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
    let offer = accepted(client.process_id_token(&token, &expected()).await);
    let (same, _) = offer.approve(&info(), None).await.unwrap();
    assert_eq!((same.state(), client.state().users.len()), (client.state(), 1));
}

#[tokio::test]
async fn an_installation_does_not_become_another() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |request| match request.method.as_str() {
        "GET" => enrollment(),
        _ => pairing(InstallationId::new(uuid::Uuid::from_u128(99)), 2, "bob"),
    })
    .await;
    let client = client(&double.issuer);
    let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
    let offer = accepted(client.process_id_token(&token, &expected()).await);
    assert_eq!(offer.approve(&info(), None).await.unwrap_err().code(), "ANSWER_INVALID");
    assert!(client.state().users.is_empty());
}

#[tokio::test]
async fn without_an_offer_the_device_api_is_not_asked() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |_| Answer::problem(500, "INTERNAL_ERROR")).await;
    let client = unpaired(&double.issuer);
    let limit = DeviceEnrollment::NotOffered { reason: Code::MethodLimitReached };
    let tokens = [None, Some(&limit)].map(|said| id_token(&double.issuer, &signer, "k1", said));
    let nothing = client.process_id_token(&tokens[0], &expected()).await.unwrap();
    assert!(matches!(nothing, Processed::Nothing));
    let told = client.process_id_token(&tokens[1], &expected()).await.unwrap();
    assert!(matches!(told, Processed::NotEnrolled { reason: Code::MethodLimitReached }));
    assert_eq!(paths(&double), [METADATA, "/keys"], "and the keys are kept");
}

/// Whatever did not come back is asked for again, by the same key.
#[tokio::test]
async fn a_lost_answer_is_made_up_for() {
    let signer = SoftwareKey::generate().unwrap();
    let lost = AtomicI64::new(2);
    let double = issuer(json!([jwk(&signer, "k1")]), move |request| match request.path.as_str() {
        "/device/v1/me" => Answer::json(
            200,
            json!({
                "installationId": INSTALLATION, "issuer": "https://id.example", "time": NOW,
                "users": [{
                    "userId": uuid::Uuid::from_u128(1001), "username": "alice", "deviceId": uuid::Uuid::from_u128(1),
                    "role": "PRIMARY", "status": "ACTIVE",
                }],
            })
            .to_string(),
        ),
        _ if request.method == "GET" => enrollment(),
        // A server that is done, and whose answer goes nowhere.
        _ if lost.fetch_sub(1, Ordering::SeqCst) > 0 => Answer::default(),
        _ => pairing(INSTALLATION, 1, "alice"),
    })
    .await;
    let client = unpaired(&double.issuer);
    let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
    let offer = accepted(client.process_id_token(&token, &expected()).await);
    offer.approve(&info(), None).await.unwrap_err();
    let recovered = client.recover().await.unwrap().unwrap().state();
    client.pair(&pairing_key(), &info()).await.unwrap_err();

    let (approved, _) = offer.approve(&info(), None).await.unwrap();
    let (paired, _) = client.pair(&pairing_key(), &info()).await.unwrap();
    assert_eq!(recovered.users.len(), 1);
    assert_eq!((approved.state(), paired.state()), (recovered.clone(), recovered));
    let sent: Vec<_> = double.received().into_iter().filter(|request| request.method == "POST").collect();
    let keys: Vec<_> = sent.iter().map(|request| proof(&double.issuer, request).1).collect();
    assert_eq!(keys, [client.public_jwk(); 4], "the key that was used is the one that comes again");
}

#[tokio::test]
async fn what_is_nobodys_device_recovers_nothing() {
    let double = Double::start(|_, _| Answer::problem(401, "DEVICE_UNKNOWN")).await;
    assert!(unpaired(&double.issuer).recover().await.unwrap().is_none());
    let double = Double::start(|_, _| Answer::problem(503, "TEMPORARILY_UNAVAILABLE")).await;
    assert_eq!(unpaired(&double.issuer).recover().await.unwrap_err().code(), "TEMPORARILY_UNAVAILABLE");
}

#[tokio::test]
async fn an_offer_to_another_phone_is_none() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |_| Answer::problem(404, "ENROLLMENT_NOT_FOUND")).await;
    let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
    let error = unpaired(&double.issuer).process_id_token(&token, &expected()).await.unwrap_err();
    assert_eq!((error.refusal(), error.is_retryable()), (Some(&Code::EnrollmentNotFound), false));
}

#[tokio::test]
async fn an_offer_that_is_over_says_why() {
    for (status, code) in [(410, "ENROLLMENT_GONE"), (409, "METHOD_LIMIT_REACHED"), (403, "DEVICE_REQUIREMENTS_FAILED")]
    {
        let signer = SoftwareKey::generate().unwrap();
        let double = issuer(json!([jwk(&signer, "k1")]), move |request| match request.method.as_str() {
            "GET" => enrollment(),
            _ => Answer::problem(status, code),
        })
        .await;
        let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
        let client = unpaired(&double.issuer);
        let offer = accepted(client.process_id_token(&token, &expected()).await);
        let error = offer.approve(&info(), None).await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (code, false));
    }
}

#[tokio::test]
async fn a_key_that_is_not_known_yet_is_looked_for_once() {
    let (old, new) = (SoftwareKey::generate().unwrap(), SoftwareKey::generate().unwrap());
    let (first, second) = (json!({"keys": [jwk(&old, "k1")]}), json!({"keys": [jwk(&old, "k1"), jwk(&new, "k2")]}));
    let double = Double::start(move |request, number| match (request.path.as_str(), number) {
        (METADATA, _) => metadata(request, "/keys"),
        (_, 1) => Answer::json(200, first.to_string()),
        _ => Answer::json(200, second.to_string()),
    })
    .await;
    let client = unpaired(&double.issuer);
    for (signer, kid, asked) in [(&old, "k1", 2), (&new, "k2", 4), (&old, "k1", 4)] {
        client.process_id_token(&id_token(&double.issuer, signer, kid, None), &expected()).await.unwrap();
        assert_eq!(double.received().len(), asked, "{kid}");
    }
    let forged = id_token(&double.issuer, &old, "k3", Some(&offered()));
    assert_eq!(client.process_id_token(&forged, &expected()).await.unwrap_err().code(), "ID_TOKEN_UNTRUSTED");
    assert_eq!(double.received().len(), 6);
    let forged = id_token(&double.issuer, &new, "k1", Some(&offered()));
    assert_eq!(client.process_id_token(&forged, &expected()).await.unwrap_err().code(), "ID_TOKEN_UNTRUSTED");
    assert_eq!(double.received().len(), 6, "a wrong signature is not the fault of old keys");
}

#[tokio::test]
async fn old_keys_are_fetched_again() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |_| enrollment()).await;
    let timing = Timing { keys: Duration::ZERO, ..brief() };
    let client = DeviceClient::builder().clock(clock_at(NOW)).timing(timing).unpaired(&double.issuer).unwrap();
    let token = id_token(&double.issuer, &signer, "k1", None);
    for _ in 0..2 {
        client.process_id_token(&token, &expected()).await.unwrap();
    }
    assert_eq!(paths(&double), [METADATA, "/keys", METADATA, "/keys"]);
}

#[tokio::test]
async fn keys_are_the_issuers_own() {
    let signer = SoftwareKey::generate().unwrap();
    let keys = json!({"keys": [jwk(&signer, "k1")]}).to_string();
    let served = keys.clone();
    let elsewhere = Double::start(move |_, _| Answer::json(200, served.clone())).await;
    let cases = [
        json!({"issuer": "{issuer}", "jwks_uri": format!("{}/keys", elsewhere.issuer)}),
        json!({"issuer": "{issuer}", "jwks_uri": "{issuer}.evil.example/keys"}),
        json!({"issuer": "{issuer}", "jwks_uri": "{issuer}@evil.example/keys"}),
        json!({"issuer": "{issuer}/", "jwks_uri": "{issuer}/keys"}),
        json!({"issuer": "https://id.example", "jwks_uri": "{issuer}/keys"}),
        json!({"issuer": "{issuer}"}),
        json!([]),
    ];
    for case in cases {
        let (text, keys) = (case.to_string(), keys.clone());
        let double = Double::start(move |request, _| {
            let issuer = format!("http://{}", request.header("host").unwrap());
            let body = if request.path == METADATA { text.replace("{issuer}", &issuer) } else { keys.clone() };
            Answer::json(200, body)
        })
        .await;
        let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
        let error = unpaired(&double.issuer).process_id_token(&token, &expected()).await.unwrap_err();
        assert_eq!(error.code(), "ANSWER_INVALID", "{case}");
        assert_eq!(paths(&double), [METADATA], "{case}");
    }
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn keys_that_do_not_come_are_an_error() {
    let cases = [
        (Answer::new(200, "text/html", "<html>"), "ANSWER_INVALID", false),
        (Answer::json(404, "{}"), "ANSWER_INVALID", false),
        (Answer::json(503, "{}"), "ANSWER_INVALID", true),
        (Answer::json(307, "").header("Location", "/keys"), "ANSWER_INVALID", false),
        (Answer::json(200, " ".repeat(300_000)), "ANSWER_INVALID", false),
        (Answer::json(200, "{").hold(), "UNREACHABLE", true),
    ];
    for broken in [METADATA, "/keys"] {
        for (answer, code, retryable) in cases.clone() {
            let double =
                Double::start(
                    move |request, _| {
                        if request.path == broken { answer.clone() } else { metadata(request, "/keys") }
                    },
                )
                .await;
            let signer = SoftwareKey::generate().unwrap();
            let token = id_token(&double.issuer, &signer, "k1", None);
            let timing = Timing { answer: Duration::from_millis(300), ..brief() };
            let client = DeviceClient::builder().clock(clock_at(NOW)).timing(timing).unpaired(&double.issuer).unwrap();
            let error = client.process_id_token(&token, &expected()).await.unwrap_err();
            assert_eq!((error.code(), error.is_retryable()), (code, retryable), "{broken}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_key_that_lives_elsewhere_signs_payloads() {
    let double = Double::start(|_, _| me()).await;
    let make = |willing| {
        let key = Arc::new(Enclave { key: SoftwareKey::generate().unwrap(), willing });
        DeviceClient::builder().key(key).unpaired(&double.issuer).unwrap()
    };
    let client = make(true);
    let payload = UnverifiedPayload::parse(&client.generate_mobile_payload(&facts()).await.unwrap()).unwrap();
    assert_eq!(payload.claims(verify).unwrap().inst, None);
    let state = client.state();
    assert_eq!(state.key, None);
    assert_eq!(UnpairedClient::restore(state).unwrap_err().code(), "KEY_UNAVAILABLE");
    assert_eq!(make(false).generate_mobile_payload(&facts()).await.unwrap_err().code(), "KEY_DECLINED");
    let long = PayloadFacts { model: Some("M".repeat(4096)), ..facts() };
    assert_eq!(client.generate_mobile_payload(&long).await.unwrap_err().code(), "PAYLOAD_TOO_LONG");
    assert!(double.received().is_empty());
}

#[tokio::test]
async fn nothing_of_an_offer_is_printed() {
    let signer = SoftwareKey::generate().unwrap();
    let double = issuer(json!([jwk(&signer, "k1")]), |_| enrollment()).await;
    let client = unpaired(&double.issuer);
    let token = id_token(&double.issuer, &signer, "k1", Some(&offered()));
    let offer = client.process_id_token(&token, &expected()).await.unwrap();
    let request = ApproveEnrollmentRequest { installation: info(), push_token: Some(push_token()) };
    let call = Call::approve_enrollment(&ticket(), &request);
    let printed = format!("{offer:?} {call:?} {:?} {:?} {request:?}", call.statement(), offered());
    assert!(!printed.contains(&ticket().expose()) && !printed.contains("a push token"), "{printed}");
}
