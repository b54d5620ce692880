//! A trusted app answers a push that nobody sees, before it is believed (flows.md F1, F3, F5; security.md 94, 95).

use nod_device::id_token::{Expectations, KeySet, Processed, process_id_token};
use nod_device::{Call, NotificationId, ProofValue, PushKind, PushMessage};
use serde_json::{Value, json};

use super::double::{BUNDLE, KEY_ID, Reply, SUBJECT, Services, TEAM, p8};
use super::{APNS_TOKEN, FCM_TOKEN, a_while, is_untouched, read, unregistered};
use crate::device_trust::{PAIRING, Scene, claims, usual};
use crate::world::{Browser, Phone, Watch, seconds};

const WAITING: &str = "PUSH_CONFIRMATION_WAITING";

/// alice's app is a trusted device, which FCM reaches.
pub(super) struct Silent {
    pub(super) services: Services,
    pub(super) scene: Scene,
    pub(super) phone: Phone,
}

/// What the policy says of the app.
pub(super) fn policy(mode: &str) -> Value {
    let mut mfa = usual();
    mfa["number_matching"] = json!("off");
    mfa["applications"][0]["extra_verification"] = json!(mode);
    mfa
}

impl Silent {
    pub(super) async fn start(mfa: Value) -> Self {
        let silent = Self::unreached(mfa).await;
        assert_eq!(silent.phone.reached_at("FCM", "production", FCM_TOKEN).await.status, 204);
        silent
    }

    /// The same, and no service reaches it.
    async fn unreached(mfa: Value) -> Self {
        let services = Services::start();
        let world = services.around().start().await;
        world.guard(services.service_account()["private_key"].as_str().unwrap());
        world.guard(&p8());
        let scene = Scene::in_world(world, mfa).await;
        {
            let admin = scene.world.robot("operator", "nod:admin").await;
            let app = "/admin/v1/native-applications/shop-app";
            admin.patch(app, &json!({ "bundle_id": BUNDLE })).await.ok();
            let fcm = json!({ "service_account": services.service_account() });
            admin.put(&format!("{app}/push-credentials/fcm"), &fcm).await.ok();
            let apns = json!({ "team_id": TEAM, "key_id": KEY_ID, "private_key": p8() });
            admin.put(&format!("{app}/push-credentials/apns"), &apns).await.ok();
            admin.put(&format!("{app}/push-credentials/web_push"), &json!({ "subject": SUBJECT })).await.ok();
        }
        let phone = scene.trusted().await;
        Self { services, scene, phone }
    }

    /// A sign-in that waits, and what was pushed for it.
    async fn waiting(&self) -> (Browser, String, PushMessage) {
        let (browser, id, state) = self.scene.by(&self.phone).await;
        assert_eq!((&state["status"], &state["silent"]), (&json!(WAITING), &json!(true)), "{state}");
        (browser, id, self.pushed().await)
    }

    /// The last of what FCM was told. What is in it is nobody else's.
    pub(super) async fn pushed(&self) -> PushMessage {
        let before = self.services.fcm.taken().len();
        let sent = self.services.fcm.takes(before.max(1)).await.pop().unwrap();
        let said = read(&sent);
        assert_eq!(said.kind, PushKind::SilentVerify);
        self.scene.world.guard(&value(&said).expose());
        said
    }

    pub(super) async fn acknowledges(&self, said: &PushMessage) {
        let answer = self.phone.call(&acknowledgement(&self.phone, said)).await;
        assert_eq!(answer.ok(), json!({ "status": "DONE" }));
    }

    async fn patched(&self, change: &Value) {
        let admin = self.scene.world.robot("policies", "nod:admin").await;
        admin.patch("/admin/v1/mfa-policies/mfa", change).await.ok();
    }

    async fn unpairs_automatically(self) -> Self {
        {
            let admin = self.scene.world.robot("unpairing", "nod:admin").await;
            let change = json!({ "automatic_unpairing": true });
            admin.patch("/admin/v1/native-applications/shop-app", &change).await.ok();
        }
        self
    }
}

fn value(said: &PushMessage) -> ProofValue {
    said.pv.expect("a value")
}

fn acknowledgement(phone: &Phone, said: &PushMessage) -> Call {
    Call::acknowledge(phone.installation(), said.notification_id, value(said))
}

async fn poll(browser: &mut Browser, id: &str) -> Value {
    browser.act(id, "poll", &json!({})).await.ok()
}

/// What the trail says of the second factor since.
pub(super) async fn evaluated(watch: &Watch) -> Vec<String> {
    let events = watch.events().await.into_iter().filter(|event| event.action == "second_factor.evaluated");
    events.filter_map(|event| event.reason).collect()
}

fn authorized(extra: &str) -> Value {
    json!(["MFA_COMPLETED", "device_authorized", extra])
}

fn told(state: &Value) -> Value {
    json!([state["status"], state["code"], state["extraVerification"]])
}

/// [T1.1 with extra verification] In this order, on the device that the app is.
#[tokio::test]
async fn t3_2_t1_1_the_app_answers_and_is_believed() {
    for mode in ["permissive", "restrictive"] {
        let silent = Silent::start(policy(mode)).await;
        let watch = silent.scene.world.watch().await;
        let (mut browser, id, state) = silent.scene.by(&silent.phone).await;
        assert_eq!((&state["status"], &state["silent"]), (&json!(WAITING), &json!(true)));
        assert_eq!(state["selectedDeviceRef"]["id"], silent.phone.device().to_string());
        assert_eq!((&state["pollInterval"], &state["changeDevicePermitted"]), (&json!(1), &json!(false)));
        assert_eq!(state["expiresAt"], (silent.scene.world.now() + seconds(7)).to_string());
        let mut links: Vec<_> = state["_links"].as_object().unwrap().keys().map(String::as_str).collect();
        links.sort_unstable();
        assert_eq!(links, ["cancelAuthentication", "poll", "self"]);
        let said = silent.pushed().await;
        assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
        silent.acknowledges(&said).await;
        let state = poll(&mut browser, &id).await;
        assert_eq!(told(&state), authorized("ok"));
        let claims = claims(&silent.scene.tokens(&mut browser, &id).await);
        assert_eq!(claims["acr"], "urn:nod:acr:trusted-device");
        assert_eq!(claims["amr"], json!(["pwd", "pop", "swk", "mfa"]));
        assert!(claims.get("device_enrollment").is_none());
        assert_eq!(evaluated(&watch).await, ["extra_verification", "extra_verification_ok"]);
    }
}

#[tokio::test]
async fn t3_3_permissive_waits_for_the_whole_time_and_no_longer() {
    let silent = Silent::start(policy("permissive")).await;
    let watch = silent.scene.world.watch().await;
    let (mut browser, id, _) = silent.waiting().await;
    silent.scene.world.clock.advance(seconds(6));
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
    silent.scene.world.clock.advance(seconds(1));
    assert_eq!(told(&poll(&mut browser, &id).await), authorized("skipped"));
    silent.scene.tokens(&mut browser, &id).await;
    assert_eq!(evaluated(&watch).await, ["extra_verification", "extra_verification_skipped"]);
}

#[tokio::test]
async fn t3_4_restrictive_lets_nobody_in_who_does_not_answer() {
    let silent = Silent::start(policy("restrictive")).await;
    let watch = silent.scene.world.watch().await;
    let (mut browser, id, _) = silent.waiting().await;
    silent.scene.world.clock.advance(seconds(7));
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("EXTRA_VERIFICATION_FAILED")));
    assert_eq!(evaluated(&watch).await, ["extra_verification", "EXTRA_VERIFICATION_FAILED"]);
    let state = browser.act(&id, "cancelAuthentication", &json!({})).await.ok();
    assert_eq!(state["authorizeResponse"]["error"], "access_denied");
    assert!(silent.scene.world.rows("token_grant").await.is_empty());
    assert_eq!(silent.scene.world.rows("device").await.len(), 1, "silence unpairs nobody");
}

/// The policy says how long, and what comes instead.
#[tokio::test]
async fn h4_the_policy_names_the_time_and_another_method() {
    let mut mfa = policy("restrictive");
    mfa["applications"][0]["extra_verification_timeout"] = json!(3);
    mfa["applications"][0]["extra_verification_fallback"] = json!("other_method");
    let silent = Silent::start(mfa).await;
    let (mut browser, id, _) = silent.waiting().await;
    silent.scene.world.clock.advance(seconds(3));
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], state.get("silent")), (&json!(WAITING), None), "the person is asked: {state}");
    silent.phone.approve_the_question().await;
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("push_confirmed")));
}

/// [security.md 95] What an app fetches has no value in it, and one that is made up is the one try.
#[tokio::test]
async fn t3_5_an_answer_without_the_push_is_none() {
    let silent = Silent::start(policy("restrictive")).await;
    let (mut browser, id, said) = silent.waiting().await;
    let (phone, notification) = (&silent.phone, said.notification_id);
    assert!(phone.pending().await.is_empty(), "nothing is to be fetched");
    phone.call(&Call::notification(notification)).await.problem(404, "NOTIFICATION_NOT_FOUND");
    let guess = Call::acknowledge(phone.installation(), notification, ProofValue::new([7; 16]));
    let without = phone.craft(&guess).with_body(|body| *body = json!({}));
    phone.send(&without).await.problem(400, "INVALID_REQUEST");
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING, "that was no try");
    phone.call(&guess).await.problem(403, "PUSH_VALUE_INVALID");
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("EXTRA_VERIFICATION_FAILED")));
    phone.call(&acknowledgement(phone, &said)).await.problem(409, "ALREADY_DECIDED");
}

#[tokio::test]
async fn t3_6_an_answer_of_another_installation_is_not_heard() {
    let silent = Silent::start(policy("restrictive")).await;
    let bob = silent.scene.world.user("bob").with_phone().await;
    let (mut browser, id, said) = silent.waiting().await;
    let other = bob.phone();
    other.call(&acknowledgement(other, &said)).await.problem(404, "NOTIFICATION_NOT_FOUND");
    // In the name of the right one, by another key.
    other.call(&acknowledgement(&silent.phone, &said)).await.problem(400, "PROOF_MISMATCH");
    // By the right one, for another push.
    let another = NotificationId::new(uuid::Uuid::from_u128(1));
    let path = format!("/device/v1/notifications/{}/ack", said.notification_id);
    let signed = Call::acknowledge(silent.phone.installation(), another, value(&said));
    let mut crafted = silent.phone.craft(&signed);
    let htu = format!("{}{path}", silent.scene.world.issuer());
    crafted.path = path;
    silent.phone.send(&crafted.claim("htu", htu)).await.problem(400, "PROOF_MISMATCH");
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
    silent.acknowledges(&said).await;
    assert_eq!(told(&poll(&mut browser, &id).await), authorized("ok"));
}

/// A proof for one call serves no other, and no body but its own.
#[tokio::test]
async fn h3_the_signature_is_over_the_value_and_for_this_call() {
    let silent = Silent::start(policy("restrictive")).await;
    let (mut browser, id, said) = silent.waiting().await;
    let phone = &silent.phone;
    let crafted = phone.craft(&acknowledgement(phone, &said));
    let proof = phone.sign(&crafted);
    let mut other = crafted.clone();
    other.body = Some(json!({ "pv": ProofValue::new([7; 16]).expose() }).to_string().into_bytes());
    phone.send_with(&other, &proof).await.problem(401, "PROOF_INVALID");
    for purpose in ["read", "approve", "push"] {
        let wrong = phone.craft(&acknowledgement(phone, &said)).claim("purpose", purpose);
        phone.send(&wrong).await.problem(401, "PROOF_INVALID");
    }
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING, "none of it was a try");
    silent.acknowledges(&said).await;
    phone.call(&acknowledgement(phone, &said)).await.problem(409, "ALREADY_DECIDED");
    assert_eq!(told(&poll(&mut browser, &id).await), authorized("ok"));
}

#[tokio::test]
async fn t3_7_a_late_answer_changes_nothing() {
    for (mode, status) in [("permissive", "MFA_COMPLETED"), ("restrictive", "MFA_FAILED")] {
        let silent = Silent::start(policy(mode)).await;
        let (mut browser, id, said) = silent.waiting().await;
        silent.scene.world.clock.advance(seconds(7));
        silent.phone.call(&acknowledgement(&silent.phone, &said)).await.problem(409, "EXPIRED");
        let state = poll(&mut browser, &id).await;
        assert_eq!(state["status"], status);
        silent.phone.call(&acknowledgement(&silent.phone, &said)).await.problem(409, "EXPIRED");
        assert_eq!(browser.get(&format!("{}{id}", crate::world::FLOWS)).await.ok(), state);
    }
}

#[tokio::test]
async fn t3_8_without_device_authorization_the_person_is_asked() {
    let mut mfa = policy("restrictive");
    mfa["applications"][0]["device_authorization"] = json!(false);
    let silent = Silent::start(mfa).await;
    let (mut browser, id, state) = silent.scene.by(&silent.phone).await;
    assert_eq!((&state["status"], state.get("silent")), (&json!(WAITING), None));
    let sent = silent.services.fcm.takes(1).await.remove(0);
    assert_eq!(read(&sent).kind, PushKind::Authentication);
    silent.phone.approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
}

#[tokio::test]
async fn t3_1_disabled_nothing_is_pushed() {
    let silent = Silent::start(policy("disabled")).await;
    let (_, _, state) = silent.scene.by(&silent.phone).await;
    assert_eq!(told(&state), json!(["MFA_COMPLETED", "device_authorized", null]));
    a_while().await;
    is_untouched(&silent.services.fcm);
}

#[tokio::test]
async fn t3_10_a_silent_push_counts_for_no_limit_and_shows_nothing() {
    let mut mfa = policy("permissive");
    mfa["push_limit"] = json!({ "count": 1 });
    let silent = Silent::start(mfa).await;
    for round in 1..=3 {
        let (mut browser, id, state) = silent.scene.by(&silent.phone).await;
        assert_eq!(state["silent"], true);
        let sent = silent.services.fcm.takes(round).await.pop().unwrap();
        let message = sent.body["message"].as_object().unwrap();
        assert!(!message.contains_key("notification"), "the system shows nothing");
        assert_eq!(sent.body["message"]["android"], json!({ "priority": "HIGH", "ttl": "7s" }));
        let members = sent.says.as_object().unwrap().keys().collect::<Vec<_>>();
        assert_eq!(members.len(), 3, "{members:?}");
        assert!(silent.phone.pending().await.is_empty());
        silent.acknowledges(&silent.pushed().await).await;
        assert_eq!(told(&poll(&mut browser, &id).await), authorized("ok"));
    }
    // The one question that the policy lets be asked.
    let mut browser = silent.scene.world.browser();
    let id = silent.scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["status"], WAITING);
    let id = silent.scene.at_second_factor(&mut browser).await;
    let refused = browser.act(&id, "authenticate", &json!({})).await;
    assert_eq!(refused.json()["details"][0]["code"], "PUSH_FAILED");
}

#[tokio::test]
async fn t3_10_apple_and_browsers_carry_it_too() {
    let silent = Silent::unreached(policy("restrictive")).await;
    assert_eq!(silent.phone.reached_at("APNS", "production", APNS_TOKEN).await.status, 204);
    let (mut browser, id, _) = silent.scene.by(&silent.phone).await;
    let sent = silent.services.apns.takes(1).await.remove(0);
    let header = |name: &str| sent.headers[name].as_str();
    assert_eq!((header("apns-push-type"), header("apns-priority")), ("background", "5"));
    assert_eq!(sent.body["aps"], json!({ "content-available": 1 }), "nothing is shown, and nothing is heard");
    let said = read(&sent);
    silent.scene.world.guard(&value(&said).expose());
    silent.acknowledges(&said).await;
    assert_eq!(told(&poll(&mut browser, &id).await), authorized("ok"));

    let subscription = silent.services.web.subscription("alice");
    assert_eq!(silent.phone.reached_at("WEB_PUSH", "production", &subscription).await.status, 204);
    let (mut browser, id, _) = silent.scene.by(&silent.phone).await;
    let sent = silent.services.web.takes(1).await.remove(0);
    assert_eq!((sent.headers["ttl"].as_str(), sent.headers["urgency"].as_str()), ("7", "high"));
    let said = read(&sent);
    silent.scene.world.guard(&value(&said).expose());
    silent.acknowledges(&said).await;
    assert_eq!(told(&poll(&mut browser, &id).await), authorized("ok"));
}

/// Where no service reaches it, the live channel is the way of its pushes; and where one does, it is not.
#[tokio::test]
async fn f3_an_app_that_listens_is_told_where_no_service_reaches_it() {
    let silent = Silent::unreached(policy("restrictive")).await;
    let mut events = silent.phone.listen().await;
    assert_eq!(events.next().await.unwrap().0, "ready");
    let (mut browser, id, _) = silent.scene.by(&silent.phone).await;
    let (kind, data) = events.next().await.unwrap();
    assert_eq!(kind, "silent_verify");
    let said = PushMessage::read(data.to_string().as_bytes()).unwrap();
    silent.scene.world.guard(&value(&said).expose());
    silent.acknowledges(&said).await;
    assert_eq!(told(&poll(&mut browser, &id).await), authorized("ok"));
    assert_eq!(silent.phone.reached_at("FCM", "production", FCM_TOKEN).await.status, 204);
    let (mut browser, id, said) = silent.waiting().await;
    assert!(events.is_silent().await, "FCM carries it");
    silent.acknowledges(&said).await;
    assert_eq!(told(&poll(&mut browser, &id).await), authorized("ok"));
}

/// A service that will not take it is no answer, and nobody waits for one in vain.
#[tokio::test]
async fn f3_what_no_service_takes_is_as_good_as_unanswered() {
    for (mode, expected) in [
        ("permissive", authorized("skipped")),
        ("restrictive", json!(["MFA_FAILED", "EXTRA_VERIFICATION_FAILED", null])),
    ] {
        let silent = Silent::start(policy(mode)).await;
        silent.services.fcm.will([Reply::Says(400, json!({}))]);
        let (mut browser, id, _) = silent.scene.by(&silent.phone).await;
        let state = crate::admin::until("it was not taken", async || {
            let state = poll(&mut browser, &id).await;
            (state["status"] != WAITING).then_some(state)
        })
        .await;
        assert_eq!(told(&state), expected);
        assert_eq!(silent.scene.world.now(), crate::world::BEGIN, "at once");
        assert_eq!(silent.scene.world.rows("device").await.len(), 1, "and it unpairs nobody");
    }
}

/// [flows.md F5, H.4] In both modes: the app is gone, the phone is nobody's, and the sign-in goes on with what is left.
#[tokio::test]
async fn t5_5_a_phone_that_is_gone_is_unpaired_and_the_sign_in_goes_on() {
    for mode in ["permissive", "restrictive"] {
        for (without, expected) in [("bypass", PAIRING), ("block", "MFA_FAILED")] {
            let silent = Silent::start(policy(mode)).await.unpairs_automatically().await;
            silent.patched(&json!({ "no_devices_mode": without })).await;
            silent.services.fcm.will([Reply::Says(404, unregistered())]);
            let (mut browser, id, _) = silent.scene.by(&silent.phone).await;
            let state = crate::admin::until("the flow goes on", async || {
                let state = poll(&mut browser, &id).await;
                (state["status"] != WAITING).then_some(state)
            })
            .await;
            assert_eq!(state["status"], expected, "{mode}: {state}");
            assert!(silent.scene.world.rows("device").await.is_empty());
        }
    }
}

/// Where the operator keeps such phones, the app vouches for nobody all the same.
#[tokio::test]
async fn t5_5_an_app_that_is_gone_is_not_believed_where_its_phone_stays() {
    let silent = Silent::start(policy("permissive")).await;
    silent.services.fcm.will([Reply::Says(404, unregistered())]);
    let (mut browser, id, _) = silent.scene.by(&silent.phone).await;
    let state = crate::admin::until("the person is asked", async || {
        let state = poll(&mut browser, &id).await;
        state.get("silent").is_none().then_some(state)
    })
    .await;
    assert_eq!(state["status"], WAITING, "{state}");
    assert_eq!(silent.scene.world.rows("device").await.len(), 1);
}

/// [security.md 94; flows.md F3] What was decided meanwhile counts.
#[tokio::test]
async fn t3_9_a_device_that_is_blocked_or_gone_meanwhile_vouches_for_nobody() {
    let silent = Silent::start(policy("permissive")).await;
    let (mut browser, id, said) = silent.waiting().await;
    silent.phone.block().await;
    silent.phone.call(&acknowledgement(&silent.phone, &said)).await.problem(403, "DEVICE_BLOCKED");
    silent.scene.world.clock.advance(seconds(7));
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("DEVICE_BLOCKED")));

    let silent = Silent::start(policy("permissive")).await;
    let (mut browser, id, said) = silent.waiting().await;
    silent.acknowledges(&said).await;
    silent.phone.unpair_by_administrator().await;
    assert_eq!(poll(&mut browser, &id).await["status"], PAIRING, "it is offered anew");
}

/// [reliability R11; T1.4] Of many who poll while the app answers, one takes it.
#[tokio::test]
async fn t1_4_many_polls_are_one_transition() {
    let silent = Silent::start(policy("restrictive")).await;
    let (mut browser, id, said) = silent.waiting().await;
    silent.phone.warm().await;
    let mut others: Vec<_> = (0..100).map(|_| browser.at(0)).collect();
    let nothing = json!({});
    let polls = others.iter_mut().map(|other| other.act(&id, "poll", &nothing));
    let (answers, ()) = tokio::join!(futures_util::future::join_all(polls), silent.acknowledges(&said));
    for answer in &answers {
        let legal = answer.status == 200 || answer.json()["code"] == "INVALID_ACTION_ID";
        assert!(legal, "{} {}", answer.status, answer.text());
    }
    let state = browser.get(&format!("{}{id}", crate::world::FLOWS)).await.ok();
    if state["status"] == WAITING {
        poll(&mut browser, &id).await;
    }
    let moved = answers.iter().filter(|answer| answer.json()["status"] == "MFA_COMPLETED").count();
    assert!(moved <= 1, "{moved} took it");
    silent.scene.tokens(&mut browser, &id).await;
    assert_eq!(silent.scene.world.rows("token_grant").await.len(), 1);
}

#[tokio::test]
async fn t3_11_an_id_token_that_is_handed_in_twice_offers_nothing_both_times() {
    let silent = Silent::start(policy("permissive")).await;
    let (mut browser, id, said) = silent.waiting().await;
    silent.acknowledges(&said).await;
    poll(&mut browser, &id).await;
    let tokens = silent.scene.tokens(&mut browser, &id).await;
    let keys = silent.scene.world.get("/pf/JWKS").await;
    let keys = KeySet::parse(&keys.body).unwrap();
    let issuer = nod_device::Issuer::parse(silent.scene.world.issuer()).unwrap();
    let nonce = claims(&tokens)["nonce"].as_str().map(str::to_owned);
    let expected = Expectations { client_id: silent.scene.shop.id.clone(), nonce };
    let now = nod_device::Timestamp::from_millis(silent.scene.world.now().millis());
    for _ in 0..2 {
        let token = tokens["id_token"].as_str().unwrap();
        let told = process_id_token(token, &keys, &issuer, &expected, now, nod_device::client::verify).unwrap();
        assert_eq!(told, Processed::Nothing);
    }
}

/// A person who gives up is not asked anything more, and an answer leads nowhere.
#[tokio::test]
async fn h7_whoever_gives_up_is_let_in_by_no_answer() {
    let silent = Silent::start(policy("permissive")).await;
    let (mut browser, id, said) = silent.waiting().await;
    for action in ["selectDevice", "authenticate", "checkOtp", "continueAuthentication"] {
        let refused = browser.act(&id, action, &json!({})).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (400, json!("INVALID_ACTION_ID")), "{action}");
    }
    let state = browser.act(&id, "cancelAuthentication", &json!({})).await.ok();
    assert_eq!(state["status"], "FAILED");
    silent.acknowledges(&said).await;
    assert_eq!(browser.act(&id, "poll", &json!({})).await.json()["code"], "INVALID_ACTION_ID");
    assert!(silent.scene.world.rows("token_grant").await.is_empty());
}
