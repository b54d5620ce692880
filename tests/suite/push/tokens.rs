//! Where a phone is reached: said by the phone alone, kept from everybody, one phone's at a time (security.md 94, 95).

use nod::domain::device::Status;
use nod_device::Call;
use serde_json::{Value, json};

use super::{APNS_TOKEN, FCM_TOKEN, Scene, a_while, is_untouched, with_app};
use crate::world::World;

#[tokio::test]
async fn s95_a_token_is_one_phones_and_the_last_one_has_it() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let mut mallory = scene.world.user("mallory").await;
    with_app(&scene.world, &mut mallory).await;
    assert_eq!(mallory.phone().reached_at("FCM", "production", FCM_TOKEN).await.status, 204);
    assert_eq!(scene.world.rows("push_token").await.len(), 1);
    // alice's phone is not told what mallory is asked, but that something is; and finds nothing.
    scene.shop.ask(&mallory).await;
    scene.services.fcm.takes(1).await;
    assert!(scene.phone().pending().await.is_empty());
    // What alice is asked is told to nobody, and nobody else can see it; the app finds it when it looks.
    scene.asks().await;
    a_while().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
    assert_eq!((scene.phone().pending().await.len(), mallory.phone().pending().await.len()), (1, 1));
    // It says so again when it starts, and is told again.
    let scene = scene.reached_by_fcm().await;
    scene.asks().await;
    scene.services.fcm.takes(2).await;
    // In capital letters, it is the same token of Apple's.
    assert_eq!(scene.phone().reached_at("APNS", "production", APNS_TOKEN).await.status, 204);
    assert_eq!(mallory.phone().reached_at("APNS", "production", &APNS_TOKEN.to_uppercase()).await.status, 204);
    assert_eq!(scene.world.rows("push_token").await.len(), 1);
    scene.alice.phones.first().unwrap();
}

/// [reliability R12] However many hand it in at once.
#[tokio::test]
async fn s95_of_many_at_once_one_has_it() {
    let mut scene = Scene::start().await;
    for _ in 0..3 {
        with_app(&scene.world, &mut scene.alice).await;
    }
    for phone in &scene.alice.phones {
        phone.warm().await;
    }
    let calls = scene.alice.phones.iter().map(|phone| phone.reached_at("FCM", "production", FCM_TOKEN));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 204 | 503)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 204));
    assert_eq!(scene.world.rows("push_token").await.len(), 1);
}

#[tokio::test]
async fn s94_who_is_blocked_or_unpaired_is_not_heard() {
    let mut scene = Scene::start().await;
    with_app(&scene.world, &mut scene.alice).await;
    let [blocked, gone] = &scene.alice.phones[..] else { panic!("two phones") };
    assert_eq!(blocked.reached_at("FCM", "production", FCM_TOKEN).await.status, 204);
    blocked.set_status(Status::Blocked).await;
    let answer = blocked.reached_at("FCM", "production", "another:token").await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (403, json!("DEVICE_BLOCKED")));
    assert_eq!(blocked.call(&Call::remove_push_token()).await.status, 403);
    assert_eq!(gone.call(&Call::unpair(gone.device())).await.status, 204);
    let answer = gone.reached_at("FCM", "production", "another:token").await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (401, json!("DEVICE_UNKNOWN")));
    // Nor is anything told to whoever was blocked after that.
    scene.asks().await;
    a_while().await;
    is_untouched(&scene.services.fcm);
}

/// One proof is good for one call, and for nothing else than this.
#[tokio::test]
async fn a_token_is_handed_in_with_a_proof_made_for_that() {
    let scene = Scene::start().await;
    let token = nod_device::PushToken {
        provider: "FCM".to_owned(),
        environment: "production".to_owned(),
        token: FCM_TOKEN.to_owned(),
    };
    let phone = scene.phone().warm().await;
    let call = Call::set_push_token(&token);
    let crafted = phone.craft(&call);
    for other in ["read", "rotate", "unpair", "pairing"] {
        let answer = phone.send(&phone.craft(&call).claim("purpose", other)).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (401, json!("PROOF_INVALID")), "{other}");
    }
    let proof = phone.sign(&crafted);
    let mut changed = crafted.clone();
    changed.body = Some(br#"{"provider":"FCM","environment":"production","token":"somebody-elses"}"#.to_vec());
    assert_eq!(phone.send_with(&changed, &proof).await.status, 401, "another body");
    assert_eq!(phone.send_with(&crafted, &proof).await.status, 204);
    assert_eq!(phone.send_with(&crafted, &proof).await.json()["code"], "PROOF_REPLAYED");
    assert_eq!(phone.unproved(&crafted).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let scene = Scene::start().await;
    let long = "a".repeat(4097);
    let inside = json!({
        "endpoint": "https://10.0.0.1/push/1", "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    });
    let plain = inside.to_string().replace("https://10.0.0.1", "http://push.example");
    let inside = inside.to_string();
    for (provider, environment, token) in [
        ("HMS", "production", "abc"),
        ("fcm", "production", "abc"),
        ("FCM", "staging", "abc"),
        ("FCM", "production", ""),
        ("FCM", "production", "a b"),
        ("FCM", "production", "ä"),
        ("FCM", "production", "a\u{0}"),
        ("FCM", "production", &long),
        ("APNS", "production", "../../3/device/abcd"),
        ("APNS", "production", "74f4"),
        ("WEB_PUSH", "production", "https://push.example/1"),
        ("WEB_PUSH", "production", "{}"),
        // [security.md 81] It leads inside, or in the clear.
        ("WEB_PUSH", "production", &inside),
        ("WEB_PUSH", "production", &plain),
    ] {
        let token = json!({ "provider": provider, "environment": environment, "token": token });
        let phone = scene.phone().warm().await;
        let empty = nod_device::PushToken { provider: String::new(), environment: String::new(), token: String::new() };
        let crafted = phone.craft(&Call::set_push_token(&empty)).bytes(token.to_string().into_bytes());
        let answer = phone.send(&crafted).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("INVALID_REQUEST")), "{token}");
    }
    assert!(!scene.has_token().await);
}

#[tokio::test]
async fn an_app_that_is_not_registered_is_reached_by_nobody() {
    let scene = Scene::start().await;
    let mut phone = scene.world.phone();
    assert_eq!(phone.pair(&scene.alice.pairing_key().await).await.status, 201);
    let answer = phone.reached_at("FCM", "production", FCM_TOKEN).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (409, json!("PUSH_UNAVAILABLE")));
}

/// [security.md 149, 158] No token is read again: not by the app, not by an administrator, not from the database.
#[tokio::test]
async fn s149_nobody_reads_a_token_again() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let device =
        nod::protocol::public_id::encode(nod::protocol::public_id::Kind::Device, scene.phone().device().uuid());
    let mut seen = vec![scene.phone().call(&Call::me()).await.text()];
    for path in ["/admin/v1/devices", &format!("/admin/v1/devices/{device}"), "/admin/v1/native-applications/shop-app"]
    {
        let answer = admin.get(path).await;
        answer.ok();
        seen.push(answer.text());
    }
    assert!(seen.iter().all(|text| !text.contains(FCM_TOKEN)));
    // The end of the world looks into log and database.
}

#[tokio::test]
async fn a_token_is_there_after_a_restart_and_at_every_node() {
    let scene = Scene::with(|builder| builder.nodes(2)).await.reached_by_fcm().await;
    let Scene { services, mut world, shop, alice } = scene;
    shop.ask(&alice).await;
    services.fcm.takes(1).await;
    let rows = world.rows("push_token").await;
    world.restart().await;
    assert_eq!(world.rows("push_token").await, rows);
    let alice = alice.in_world(&world);
    let shop = shop.in_world(&world);
    shop.ask(&alice).await;
    services.fcm.takes(2).await;
}

/// The offer to become a device takes a token along.
#[tokio::test]
async fn a_phone_that_is_enrolled_with_a_token_is_reached_at_once() {
    let scene = Scene::start().await;
    for (token, told) in [
        (
            json!({ "provider": "FCM", "environment": "production", "token": "enrolled:token" }),
            json!({
                "type": "push", "status": "completed",
            }),
        ),
        (
            json!({ "provider": "HMS", "environment": "production", "token": "enrolled" }),
            json!({
                "type": "push", "status": "failed", "errorCode": "InvalidDeviceToken",
            }),
        ),
    ] {
        let enrolled = enrolled(&scene.world, &token).await;
        assert_eq!(enrolled["authenticators"][0], told);
    }
    assert_eq!(scene.world.rows("push_token").await.len(), 1);
}

/// What an app is told that becomes the first device of somebody.
async fn enrolled(world: &World, token: &Value) -> Value {
    let name = format!("person{}", world.rows("account").await.len());
    let admin = world.robot(&format!("admin{name}"), "nod:admin").await;
    if admin.get("/admin/v1/mfa-policies/mfa").await.status == 404 {
        let applications = json!([{ "application": "shop-app", "auto_enrollment": true }]);
        let mfa = json!({ "id": "mfa", "no_devices_mode": "bypass", "applications": applications });
        assert_eq!(admin.post("/admin/v1/mfa-policies", &mfa).await.status, 201);
        let steps = json!([
            { "id": "password", "source": "password" }, { "id": "mfa", "source": "mfa", "mfa_policy": "mfa" },
        ]);
        assert_eq!(admin.post("/admin/v1/policies", &json!({ "id": "both", "steps": steps })).await.status, 201);
        admin.patch("/admin/v1/sign-on-settings", &json!({ "default_policy": "both" })).await.ok();
    }
    let _person = world.user(&name).with_password("correct horse battery").await;
    let (mut browser, phone) = (world.browser(), world.phone());
    let app = world.known_client("app", "");
    let flow = browser.flow(&app, &[]).await;
    let id = flow["id"].as_str().unwrap().to_owned();
    browser.password(&id, &name, "correct horse battery").await.ok();
    let payload = json!({ "mobilePayload": phone.payload(|_| {}) });
    let state = browser.act(&id, "authenticate", &payload).await.ok();
    let ticket = state["serverPayload"]["ticket"].as_str().unwrap_or_else(|| panic!("{state}")).to_owned();
    phone.warm().await;
    let request = nod_device::messages::ApproveEnrollmentRequest {
        installation: nod_device::InstallationInfo { platform: "TEST".to_owned(), ..Default::default() },
        push_token: None,
    };
    let call = Call::approve_enrollment(&ticket.parse().unwrap(), &request);
    let answer = phone.send(&phone.craft(&call).with_body(|body| body["pushToken"] = token.clone())).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}
