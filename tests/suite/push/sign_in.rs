//! Whoever signs in is asked on the phone that they have chosen, and on no other (flows.md F9, F5; security.md 122).

use nod_device::Call;
use serde_json::{Value, json};

use super::double::Reply;
use super::{APNS_TOKEN, FCM_TOKEN, Scene, a_while, is_untouched, read, unregistered, with_app};
use crate::world::{Browser, Client, Watch, seconds};

const PASSWORD: &str = "correct horse battery";

/// At the point where bob is asked.
async fn begun(scene: &Scene, site: &Client) -> (Browser, String) {
    begun_by(scene, site, "bob").await
}

async fn begun_by(scene: &Scene, site: &Client, username: &str) -> (Browser, String) {
    let mut browser = scene.world.browser();
    let flow = browser.flow(site, &[]).await;
    let id = flow["id"].as_str().unwrap().to_owned();
    let state = browser.password(&id, username, PASSWORD).await.ok();
    assert_eq!(state["status"], "AUTHENTICATION_REQUIRED");
    (browser, id)
}

async fn act(browser: &mut Browser, id: &str, action: &str, body: Value) -> Value {
    browser.act(id, action, &body).await.ok()
}

/// bob signs in with a password and with one of two phones.
struct SignIn {
    scene: Scene,
    site: Client,
    bob: crate::world::Person,
}

impl SignIn {
    async fn start() -> Self {
        Self::at(Scene::start().await.unpairs_automatically().await).await
    }

    async fn at(scene: Scene) -> Self {
        let admin = scene.world.robot("policies", "nod:admin").await;
        let mfa = json!({ "id": "mfa", "number_matching": "off" });
        assert_eq!(admin.post("/admin/v1/mfa-policies", &mfa).await.status, 201);
        let steps = json!([
            { "id": "password", "source": "password" }, { "id": "mfa", "source": "mfa", "mfa_policy": "mfa" },
        ]);
        assert_eq!(admin.post("/admin/v1/policies", &json!({ "id": "both", "steps": steps })).await.status, 201);
        admin.patch("/admin/v1/sign-on-settings", &json!({ "default_policy": "both" })).await.ok();
        drop(admin);
        let site = scene.world.client("site").signs_in().redirectless().implied_consent().await;
        let mut bob = scene.world.user("bob").with_password(PASSWORD).await;
        with_app(&scene.world, &mut bob).await;
        with_app(&scene.world, &mut bob).await;
        assert_eq!(bob.phones[0].reached_at("FCM", "production", FCM_TOKEN).await.status, 204);
        assert_eq!(bob.phones[1].reached_at("APNS", "production", APNS_TOKEN).await.status, 204);
        Self { scene, site, bob }
    }
}

/// [reliability R11]
#[tokio::test]
async fn r11_the_phone_that_is_chosen_is_told_and_the_one_that_was_hears_that_it_is_over() {
    let SignIn { scene, site, bob } = SignIn::start().await;
    let (mut browser, id) = begun(&scene, &site).await;
    let state = act(&mut browser, &id, "authenticate", json!({})).await;
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
    let first = scene.services.fcm.takes(1).await.remove(0);
    assert_eq!(first.body["message"]["android"]["ttl"], "40s");
    let old = bob.phones[0].question().await;
    let other = json!({ "deviceRef": { "id": bob.phones[1].device().to_string() } });
    act(&mut browser, &id, "selectDevice", other).await;
    let second = scene.services.apns.takes(1).await.remove(0);
    let over = scene.services.fcm.takes(2).await.remove(1);
    assert_eq!(read(&over).kind, nod_device::PushKind::AuthCanceled);
    assert_eq!(read(&over).notification_id, read(&first).notification_id);
    assert_ne!(read(&second).notification_id, read(&first).notification_id, "another question");
    assert_eq!(bob.phones[0].approve(&old).await.status, 409);
    bob.phones[1].approve_the_question().await;
    assert_eq!(act(&mut browser, &id, "poll", json!({})).await["status"], "MFA_COMPLETED");
    a_while().await;
    assert_eq!((scene.services.fcm.asked().len(), scene.services.apns.asked().len()), (2, 1));
}

/// [flows.md A.1.3] `pushEnabled` tells whether a push reaches the phone.
#[tokio::test]
async fn a1_3_a_phone_without_a_token_is_shown_as_one_that_no_push_reaches() {
    let SignIn { scene, site, bob } = SignIn::start().await;
    let (mut browser, id) = begun(&scene, &site).await;
    let state = act(&mut browser, &id, "authenticate", json!({})).await;
    assert_eq!(
        reached(&state),
        [(bob.phones[0].device().to_string(), true), (bob.phones[1].device().to_string(), true)]
    );
    assert_eq!(bob.phones[1].call(&Call::remove_push_token()).await.status, 204);
    let state = act(&mut browser, &id, "poll", json!({})).await;
    assert_eq!(reached(&state)[1], (bob.phones[1].device().to_string(), false), "{state}");
}

/// The devices of a state, and whether it says that a push reaches them.
fn reached(state: &Value) -> Vec<(String, bool)> {
    let devices = state["devices"].as_array().unwrap().iter();
    devices.map(|own| (own["id"].as_str().unwrap().to_owned(), own["pushEnabled"].as_bool().unwrap())).collect()
}

/// [flows.md H.4] Whoever wants no pushes on a phone is rung on another one, and chooses this one all the same.
#[tokio::test]
async fn h4_a_phone_that_is_not_to_ring_is_not_asked_first() {
    let SignIn { scene, site, bob } = SignIn::start().await;
    let [first, second] = &bob.phones[..] else { panic!("two phones") };
    assert_eq!(first.call(&Call::allow_push_notifications(false)).await.status, 204);
    let (mut browser, id) = begun(&scene, &site).await;
    let state = act(&mut browser, &id, "authenticate", json!({})).await;
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
    assert_eq!(reached(&state), [(second.device().to_string(), true), (first.device().to_string(), false)]);
    assert_eq!(state["selectedDeviceRef"]["id"], second.device().to_string());
    scene.services.apns.takes(1).await;
    let chosen = json!({ "deviceRef": { "id": first.device().to_string() } });
    let state = act(&mut browser, &id, "selectDevice", chosen).await;
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
    first.approve_the_question().await;
    assert_eq!(act(&mut browser, &id, "poll", json!({})).await["status"], "MFA_COMPLETED");
    a_while().await;
    is_untouched(&scene.services.fcm);
    assert_eq!(first.call(&Call::allow_push_notifications(true)).await.status, 204);
    let (mut browser, id) = begun(&scene, &site).await;
    let state = act(&mut browser, &id, "authenticate", json!({})).await;
    assert_eq!(state["selectedDeviceRef"]["id"], first.device().to_string());
    scene.services.fcm.takes(1).await;
}

/// [flows.md H.4] A phone that a push reaches is asked before one that has to come by itself.
#[tokio::test]
async fn h4_a_phone_that_no_push_reaches_is_asked_after_one_that_rings() {
    let SignIn { scene, site, bob } = SignIn::start().await;
    let [first, second] = &bob.phones[..] else { panic!("two phones") };
    for (call, asked) in [(Some(Call::remove_push_token()), second), (None, first)] {
        match call {
            Some(call) => assert_eq!(first.call(&call).await.status, 204),
            None => assert_eq!(first.reached_at("FCM", "production", FCM_TOKEN).await.status, 204),
        }
        let (mut browser, id) = begun(&scene, &site).await;
        let state = act(&mut browser, &id, "authenticate", json!({})).await;
        assert_eq!(state["selectedDeviceRef"]["id"], asked.device().to_string(), "{state}");
        asked.approve_the_question().await;
        assert_eq!(act(&mut browser, &id, "poll", json!({})).await["status"], "MFA_COMPLETED");
    }
}

/// Whoever asked is told that nobody answers, so many times, without anybody asking for it.
async fn withdrawn(watch: &Watch, times: usize) {
    crate::admin::until("questions are withdrawn", async || {
        let events = watch.events().await;
        let ended = events.iter().filter(|event| event.action == "request.cancelled");
        (ended.filter(|event| event.reason.as_deref() == Some("app_uninstalled")).count() == times).then_some(())
    })
    .await;
}

/// [flows.md F5] The flow does not wait for a phone that has no app any more: the next one is asked.
#[tokio::test]
async fn t5_5_a_sign_in_goes_on_when_the_phone_is_gone() {
    let SignIn { scene, site, bob } = SignIn::start().await;
    scene.services.fcm.will([Reply::Says(404, unregistered())]);
    let watch = scene.world.watch().await;
    let (mut browser, id) = begun(&scene, &site).await;
    act(&mut browser, &id, "authenticate", json!({})).await;
    withdrawn(&watch, 1).await;
    let state = act(&mut browser, &id, "poll", json!({})).await;
    let other = json!(bob.phones[1].device().to_string());
    assert_eq!(
        (&state["status"], &state["selectedDeviceRef"]["id"]),
        (&json!("PUSH_CONFIRMATION_WAITING"), &other),
        "{state}"
    );
    assert_eq!(scene.world.now(), crate::world::BEGIN, "at once, and not when the time is over");
    scene.services.apns.takes(1).await;
    bob.phones[1].approve_the_question().await;
    assert_eq!(act(&mut browser, &id, "poll", json!({})).await["status"], "MFA_COMPLETED");
}

/// [flows.md F5] of everybody on the phone: who has no other is the policy's affair, in the same flow.
#[tokio::test]
async fn t5_5_t5_6_nobody_waits_for_the_phone_of_another() {
    let SignIn { scene, site, mut bob } = SignIn::start().await;
    let carol = scene.world.user("carol").with_password(PASSWORD).await;
    assert_eq!(bob.phones[0].pair_as(&carol.pairing_key().await, super::PACKAGE).await.status, 201);
    let (mut browser, id) = begun_by(&scene, &site, "carol").await;
    let state = act(&mut browser, &id, "authenticate", json!({})).await;
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
    scene.services.fcm.takes(1).await;
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Says(404, unregistered())]);
    let (mut browser_of_bob, of_bob) = begun(&scene, &site).await;
    act(&mut browser_of_bob, &of_bob, "authenticate", json!({})).await;
    withdrawn(&watch, 2).await;
    let state = act(&mut browser, &id, "poll", json!({})).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
    let state = act(&mut browser_of_bob, &of_bob, "poll", json!({})).await;
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
    bob.phones[1].approve_the_question().await;
    assert_eq!(act(&mut browser_of_bob, &of_bob, "poll", json!({})).await["status"], "MFA_COMPLETED");
}

/// [flows.md F5] where nobody is unpaired for it, the phone rings no more all the same, and nobody waits until the end.
#[tokio::test]
async fn t5_5_a_phone_that_stays_a_device_is_waited_for_no_more() {
    let SignIn { scene, site, mut bob } = SignIn::at(Scene::start().await).await;
    let carol = scene.world.user("carol").with_password(PASSWORD).await;
    assert_eq!(bob.phones[0].pair_as(&carol.pairing_key().await, super::PACKAGE).await.status, 201);
    let (mut browser, id) = begun_by(&scene, &site, "carol").await;
    act(&mut browser, &id, "authenticate", json!({})).await;
    scene.services.fcm.takes(1).await;
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Says(404, unregistered())]);
    let (mut browser_of_bob, of_bob) = begun(&scene, &site).await;
    act(&mut browser_of_bob, &of_bob, "authenticate", json!({})).await;
    withdrawn(&watch, 2).await;
    for (browser, id) in [(&mut browser, &id), (&mut browser_of_bob, &of_bob)] {
        assert_eq!(act(browser, id, "poll", json!({})).await["status"], "PUSH_CONFIRMATION_TIMED_OUT");
    }
    assert_eq!(scene.world.now(), crate::world::BEGIN);
    let other = json!({ "deviceRef": { "id": bob.phones[1].device().to_string() } });
    act(&mut browser_of_bob, &of_bob, "selectDevice", other).await;
    bob.phones[1].approve_the_question().await;
    assert_eq!(act(&mut browser_of_bob, &of_bob, "poll", json!({})).await["status"], "MFA_COMPLETED");
    // It is a device still, and who has the app after all finds the question without being rung.
    let again = json!({ "deviceRef": { "id": bob.phones[0].device_of(carol.id).to_string() } });
    assert_eq!(act(&mut browser, &id, "selectDevice", again).await["status"], "PUSH_CONFIRMATION_WAITING");
    bob.phones[0].approve_the_question().await;
    assert_eq!(act(&mut browser, &id, "poll", json!({})).await["status"], "MFA_COMPLETED");
}

/// [security.md 122; reliability R19] However many sign-ins are begun, the phone rings five times.
#[tokio::test]
async fn s122_r19_a_phone_rings_no_more_often_than_the_policy_says() {
    let SignIn { scene, site, .. } = SignIn::start().await;
    let mut begun_flows = Vec::new();
    for _ in 0..12 {
        begun_flows.push(begun(&scene, &site).await);
    }
    let body = json!({});
    let asks = begun_flows.iter_mut().map(|(browser, id)| browser.act(id, "authenticate", &body));
    futures_util::future::join_all(asks).await;
    scene.settles().await;
    assert!(rung(&scene) <= 5, "{}", rung(&scene));
    // Of those that came at once, a busy store may have refused some. However many more, it is five.
    for _ in 0..6 {
        let (mut browser, id) = begun(&scene, &site).await;
        browser.act(&id, "authenticate", &body).await;
    }
    scene.settles().await;
    assert_eq!(rung(&scene), 5);
    scene.world.clock.advance(seconds(600));
    let (mut browser, id) = begun(&scene, &site).await;
    browser.act(&id, "authenticate", &body).await;
    scene.settles().await;
    assert_eq!(rung(&scene), 5, "locked for half an hour");
}

/// How many questions the phone was told of.
fn rung(scene: &Scene) -> usize {
    let mut told: Vec<_> = scene.services.fcm.taken().iter().map(read).collect();
    told.retain(|said| said.kind == nod_device::PushKind::Authentication);
    told.sort_unstable_by_key(|said| said.notification_id);
    told.dedup();
    told.len()
}
