//! One app at two servers, and its self test.

use super::*;
use crate::pairing_link::PairingLink;
use crate::payload::PushState;
use crate::self_test::{Subject, Verdict};

fn link(double: &Double) -> PairingLink {
    PairingLink { issuer: Issuer::parse(&double.issuer).unwrap(), key: pairing_key() }
}

fn builder() -> DeviceClientBuilder {
    DeviceClient::builder().clock(clock_at(NOW)).timing(brief())
}

/// Pairs device after device with the installation of that number, and has one question open.
async fn server(installation: u128, question: u128) -> Double {
    let installation = InstallationId::new(uuid::Uuid::from_u128(installation));
    Double::start(move |request, number| match request.path.as_str() {
        "/device/v1/pairings" => pairing(installation, number as u128 + 1, &format!("person {number}")),
        "/device/v1/notifications/pending" => {
            Answer::json(200, json!({"notifications": [notification(question)]}).to_string())
        }
        path if path.ends_with(&NotificationId::new(uuid::Uuid::from_u128(question)).to_string()) => {
            Answer::json(200, serde_json::to_string(&notification(question)).unwrap())
        }
        path if path.starts_with("/device/v1/notifications/") => Answer::problem(404, "NOTIFICATION_NOT_FOUND"),
        _ => Answer::new(204, "", ""),
    })
    .await
}

#[tokio::test]
async fn one_app_serves_several_people_of_several_servers() {
    let (here, there) = (server(1, 100).await, server(2, 200).await);
    let devices = Devices::default();
    for double in [&here, &here, &there] {
        devices.pair(builder(), &link(double), &info()).await.unwrap();
    }
    let people =
        |devices: &Devices| -> Vec<usize> { devices.all().iter().map(|one| one.state().users.len()).collect() };
    let mut counted = people(&devices);
    counted.sort_unstable();
    assert_eq!(counted, [1, 2], "two people at one server, one at the other");

    let stored = serde_json::to_string(&devices.state()).unwrap();
    let restored = Devices::restore(serde_json::from_str(&stored).unwrap()).unwrap();
    assert_eq!(restored.state(), devices.state());
    let keys: Vec<_> = restored.all().iter().map(DeviceClient::public_jwk).collect();
    assert_ne!(keys[0], keys[1], "no two servers see the same key");

    let mut open: Vec<_> = devices
        .pending()
        .await
        .into_iter()
        .flat_map(|(_, pending)| pending.unwrap())
        .map(|n| n.notification_id)
        .collect();
    open.sort_unstable();
    assert_eq!(open, [100, 200].map(|id| NotificationId::new(uuid::Uuid::from_u128(id))));

    devices.unpair(&link(&here).issuer).await.unwrap();
    assert!(devices.at(&link(&here).issuer).is_none());
    assert!(devices.at(&link(&there).issuer).is_some());
}

#[tokio::test]
async fn the_server_that_asks_is_found_by_the_question() {
    let (here, there) = (server(1, 100).await, server(2, 200).await);
    let devices = Devices::default();
    for double in [&here, &there] {
        devices.pair(builder(), &link(double), &info()).await.unwrap();
    }
    for (question, double) in [(100, &here), (200, &there)] {
        let id = NotificationId::new(uuid::Uuid::from_u128(question));
        let (client, found) = devices.find(id).await.unwrap().unwrap();
        assert_eq!((client.issuer().as_str(), found.notification_id), (double.issuer.as_str(), id));
    }
    let unknown = NotificationId::new(uuid::Uuid::from_u128(300));
    assert!(devices.find(unknown).await.unwrap().is_none());

    // One that cannot be asked may be the one that knows.
    let away = Double::start(|_, _| Answer::problem(503, "TEMPORARILY_UNAVAILABLE")).await;
    devices.add(client(&away.issuer));
    assert_eq!(devices.find(unknown).await.unwrap_err().code(), "TEMPORARILY_UNAVAILABLE");
    assert!(devices.find(NotificationId::new(uuid::Uuid::from_u128(100))).await.unwrap().is_some());
    let asked = devices.pending().await;
    assert_eq!(asked.iter().filter(|(_, pending)| pending.is_ok()).count(), 2, "the others answer all the same");
}

#[tokio::test]
async fn a_server_that_has_forgotten_this_phone_is_paired_with_anew() {
    let ours = |number: usize| InstallationId::new(uuid::Uuid::from_u128(number as u128 + 1));
    let double = Double::start(move |_, number| pairing(ours(number), number as u128 + 1, "alice")).await;
    let devices = Devices::default();
    for number in 0..2 {
        let (client, _) = devices.pair(builder(), &link(&double), &info()).await.unwrap();
        assert_eq!(client.installation_id(), ours(number));
        assert_eq!(client.state().users.len(), 1);
        assert_eq!(devices.state(), [client.state()]);
    }
}

/// A server where everything is well, until `answer` says otherwise.
async fn well(answer: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static) -> Double {
    Double::start(move |request, _| {
        let issuer = format!("http://{}", request.header("host").unwrap());
        answer(request).unwrap_or_else(|| match request.path.as_str() {
            "/.well-known/openid-configuration" => {
                Answer::json(200, json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")}).to_string())
            }
            "/jwks" => Answer::json(200, r#"{"keys": []}"#),
            "/device/v1/me" => {
                let user = json!({
                    "userId": uuid::Uuid::from_u128(1001), "username": "alice", "deviceId": uuid::Uuid::from_u128(1),
                    "role": "PRIMARY", "status": "ACTIVE",
                });
                let me = json!({"installationId": INSTALLATION, "issuer": issuer, "users": [user], "time": NOW});
                Answer::json(200, me.to_string())
            }
            "/device/v1/pairings" => pairing(INSTALLATION, 1, "alice"),
            "/device/v1/events" => Answer::events(&ready()),
            _ => Answer::new(204, "", ""),
        })
    })
    .await
}

async fn tested(double: &Double) -> Vec<(Subject, Verdict, Option<String>)> {
    let (client, _) = builder().pair(&double.issuer, &pairing_key(), &info()).await.unwrap();
    let token = PushToken { provider: "FCM".to_owned(), environment: "production".to_owned(), token: "t".to_owned() };
    let push = PushState { token, enabled: true, permitted: true };
    let checks = client.self_test(Some(&push)).await;
    checks.into_iter().map(|check| (check.subject, check.verdict, check.code)).collect()
}

#[tokio::test]
async fn the_self_test_tries_all_that_a_question_needs() {
    let double = well(|_| None).await;
    let checks = tested(&double).await;
    assert_eq!(checks.len(), 8);
    assert!(checks.iter().all(|(_, verdict, _)| *verdict == Verdict::Pass), "{checks:?}");
    let paths: Vec<_> = double.received().into_iter().map(|request| request.path).collect();
    for path in
        ["/device/v1/me", "/.well-known/openid-configuration", "/jwks", "/device/v1/events", "/device/v1/push-token"]
    {
        assert!(paths.iter().any(|asked| asked == path), "{path} was not tried");
    }
}

#[tokio::test]
async fn the_self_test_says_what_is_broken() {
    for (path, code, subject) in [
        ("/device/v1/me", "DEVICE_UNKNOWN", Subject::Pairing),
        ("/device/v1/me", "DEVICE_BLOCKED", Subject::Pairing),
        ("/device/v1/events", "TEMPORARILY_UNAVAILABLE", Subject::Events),
        ("/device/v1/push-token", "PUSH_UNAVAILABLE", Subject::Push),
    ] {
        let double = well(move |request| (request.path == path).then(|| Answer::problem(403, code))).await;
        let checks = tested(&double).await;
        assert!(checks.contains(&(subject, Verdict::Fail, Some(code.to_owned()))), "{code}: {checks:?}");
    }
    let double = well(|request| (request.path == "/jwks").then(|| Answer::new(200, "text/html", "no"))).await;
    let checks = tested(&double).await;
    assert!(checks.contains(&(Subject::IssuerKeys, Verdict::Fail, Some("ANSWER_INVALID".to_owned()))), "{checks:?}");
}

/// The public half of one key, and the signatures of another.
struct Broken(SoftwareKey, SoftwareKey);

impl DeviceKey for Broken {
    fn public_jwk(&self) -> PublicJwk {
        self.0.public_jwk()
    }

    fn sign(&self, signing_input: &[u8]) -> Result<[u8; 64], KeyError> {
        self.1.sign(signing_input)
    }
}

#[tokio::test]
async fn the_self_test_sees_a_key_that_signs_as_another() {
    let double = well(|_| None).await;
    let key = Arc::new(Broken(SoftwareKey::generate().unwrap(), SoftwareKey::generate().unwrap()));
    let (client, _) = builder().key(key).pair(&double.issuer, &pairing_key(), &info()).await.unwrap();
    let checks = client.self_test(None).await;
    let key = checks.iter().find(|check| check.subject == Subject::Key).unwrap();
    assert_eq!((key.verdict, key.code.as_deref()), (Verdict::Fail, Some("KEY_DAMAGED")));
    assert_eq!(key.fix, "Pair this phone again.");
}
