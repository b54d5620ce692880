//! Somebody who has a device signs in by an app that is none of theirs: they are asked about it on another one
//! [flows.md F10].

use nod_device::messages::DeviceRole;
use nod_device::{Kind, NewDevice, NewDeviceChoice, Notification};
use serde_json::Value;

use super::step_up::{REJECTED, SELECTION, TIMED_OUT, WAITING, gives_up, poll, select};
use super::step_up_message::{NUMBER, here};
use super::step_up_otp::check;
use super::{PASSWORD, Scene, authenticate, claims, json, made, ticket, usual};
use crate::sign_in::every_state::only_its_links;
use crate::sign_in::rfc9126_pushed_requests::{bring, push, request_uri};
use crate::world::{Browser, Phone, World, limited, seconds};

/// Without numbers, so that a yes is a yes.
pub(super) fn policy() -> Value {
    let mut mfa = usual();
    mfa["number_matching"] = json!("off");
    mfa
}

/// The payload of an app that says what it runs on.
pub(super) fn payload_of(phone: &Phone, model: &str) -> String {
    phone.payload(|claims| {
        claims["model"] = json!(model);
        claims["osv"] = json!("16");
    })
}

impl Scene {
    /// A sign-in of alice by an app of this model.
    pub(super) async fn by_new(&self, phone: &Phone, model: &str) -> (Browser, String, Value) {
        let mut browser = self.world.browser();
        let id = self.at_second_factor(&mut browser).await;
        let state = authenticate(&mut browser, &id, &payload_of(phone, model)).await.ok();
        (browser, id, state)
    }

    /// How many phones are devices.
    pub(super) async fn devices(&self) -> usize {
        self.world.rows("device").await.len()
    }
}

/// The question is about this new device, and nothing else.
pub(super) fn is_about(question: &Notification, model: &str) {
    assert_eq!(question.kind, Kind::ApproveNewDevice);
    let (model, os) = (Some(model.to_owned()), Some("android 16".to_owned()));
    assert_eq!(question.new_device, Some(NewDevice { model, os, application: Some("The shop".to_owned()) }));
}

#[tokio::test]
async fn t10_1_the_primary_phone_lets_in_another_one_which_is_trusted_from_then_on() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(WAITING), &json!("APPROVE_NEW_DEVICE")));
    assert_eq!(state["selectedDeviceRef"]["id"], primary.device().to_string());
    assert_eq!(state["newDevice"], json!({ "model": "Pixel 9", "os": "android 16", "application": "The shop" }));
    assert!(state.get("serverPayload").is_none(), "nothing is offered before somebody has said so");
    only_its_links(&scene.world, &mut browser, &state, &id).await;

    let question = primary.question().await;
    is_about(&question, "Pixel 9");
    primary.choose(&question, NewDeviceChoice::Trusted).await.ok();
    let state = poll(&mut browser, &id).await;
    assert_eq!(scene.devices().await, 1, "nothing is paired by a yes");
    only_its_links(&scene.world, &mut browser, &state, &id).await;
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["acr"], "urn:nod:acr:device");
    assert_eq!(told["amr"], json!(["pwd", "pop", "swk", "user", "mfa"]));
    assert!(told.get("device_enrollment").is_none(), "it is one already");
    assert_eq!(primary.me().await.users[0].role, DeviceRole::Primary);
    assert_eq!(new.me().await.users[0].role, DeviceRole::Trusted);
    // The decision that is kept says what was chosen, and of what.
    let decisions = scene.world.rows("decision").await;
    assert!(decisions.len() == 1 && decisions[0].contains("trusted") && decisions[0].contains("Pixel 9"));

    let (_, _, state) = scene.by(&new).await;
    assert_eq!(state["code"], "device_authorized");
    assert!(primary.pending().await.is_empty());
}

/// [flows.md F6] the app need not answer before the flow goes on.
#[tokio::test]
async fn t10_1_what_was_not_answered_in_the_flow_is_offered_in_the_id_token() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let mut new = scene.world.phone();
    let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
    primary.choose(&primary.question().await, NewDeviceChoice::Trusted).await.ok();
    let state = poll(&mut browser, &id).await;
    let told = claims(&scene.tokens(&mut browser, &id).await)["device_enrollment"].clone();
    assert_eq!((&told["offered"], told["ticket"].as_str()), (&json!(true), Some(ticket(&state))));
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    assert_eq!(scene.devices().await, 2);
}

#[tokio::test]
async fn t10_2_a_code_by_email_an_sms_or_a_call_lets_in_a_phone_where_that_is_all_there_is() {
    for (channel, target) in [("email", "alice@home.example"), ("sms", NUMBER), ("voice", NUMBER)] {
        let mut mfa = policy();
        mfa[channel] = json!({ "enabled": true });
        let scene = Scene::with_places(here().start().await, mfa, &[(channel, target)]).await;
        let mut new = scene.world.phone();
        let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
        assert_eq!((&state["status"], &state["purpose"]), (&json!("OTP_REQUIRED"), &json!("APPROVE_NEW_DEVICE")));
        assert_eq!(state["newDevice"]["model"], "Pixel 9");
        let code = if channel == "email" {
            let letter = &scene.letters(1).await[0].letter;
            assert!(letter.text.contains("a device that you have not used here before"), "{}", letter.text);
            scene.code(1).await
        } else {
            scene.text(1)
        };
        let body = json!({ "otp": code, "mobilePayload": payload_of(&new, "Pixel 9") });
        let state = browser.act(&id, "checkOtp", &body).await.ok();
        assert_eq!(new.enrol(ticket(&state)).await.status, 201, "{channel}");
        let told = claims(&scene.tokens(&mut browser, &id).await);
        assert_eq!(told["acr"], "urn:nod:acr:otp", "{channel}");
        assert_eq!(scene.by(&new).await.2["code"], "device_authorized", "{channel}");
    }
}

#[tokio::test]
async fn t10_3_a_no_ends_the_sign_in_and_nothing_is_paired() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let new = scene.world.phone();
    let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
    primary.choose(&primary.question().await, NewDeviceChoice::Deny).await.ok();
    assert_eq!(poll(&mut browser, &id).await["status"], REJECTED);
    gives_up(&mut browser, &id).await;
    assert_eq!(scene.devices().await, 1);
    assert!(scene.world.rows("app_standing").await.is_empty());
    // It was for this time.
    assert_eq!(scene.by_new(&new, "Pixel 9").await.2["status"], WAITING);
}

#[tokio::test]
async fn t10_4_what_is_let_in_once_stays_no_device_and_is_not_asked_about_for_a_while() {
    let mut mfa = policy();
    mfa["let_in_for"] = json!(600);
    let scene = Scene::of(mfa).await;
    let primary = scene.trusted().await;
    let new = scene.world.phone();
    let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
    primary.choose(&primary.question().await, NewDeviceChoice::Once).await.ok();
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("device_access_allowed")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["acr"], "urn:nod:acr:device");
    assert!(told.get("device_enrollment").is_none(), "{told}");
    assert_eq!(scene.devices().await, 1);

    scene.world.clock.advance(seconds(599));
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("device_access_allowed")));
    assert!(primary.pending().await.is_empty(), "nobody is asked");
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["acr"], "urn:nod:acr:password", "nobody has vouched for that one");
    // Another app is another one.
    let other = scene.world.phone();
    assert_eq!(scene.by_new(&other, "Pixel 9").await.2["status"], WAITING);
    scene.world.clock.advance(seconds(60));
    assert_eq!(scene.by_new(&new, "Pixel 9").await.2["status"], WAITING);
}

#[tokio::test]
async fn t10_5_what_is_blocked_is_not_asked_about_again() {
    let mut scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let new = scene.world.phone();
    let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
    primary.choose(&primary.question().await, NewDeviceChoice::Block).await.ok();
    // Whether anybody comes for the answer or not.
    let (_, _, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("DEVICE_BLOCKED")));
    assert_eq!(poll(&mut browser, &id).await["status"], REJECTED);
    scene.world.clock.advance(seconds(90 * 86_400));
    let (_, _, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!(state["code"], "DEVICE_BLOCKED");
    assert!(primary.pending().await.is_empty());
    assert_eq!(scene.devices().await, 1);
    // An administrator who gives out a key for it has looked.
    scene.alice.pair(new).await;
    let state = scene.by_new(scene.alice.phone(), "Pixel 9").await.2;
    assert_eq!((&state["status"], state.get("purpose")), (&json!(WAITING), None));
    assert!(scene.world.rows("app_standing").await.is_empty());
}

#[tokio::test]
async fn t10_6_where_each_app_is_paired_by_itself_the_primary_phone_is_not_asked() {
    let mut mfa = policy();
    mfa["additional_trusted_devices"] = json!("pair_individually");
    let scene = Scene::of(mfa).await;
    let primary = scene.trusted().await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    assert!(primary.pending().await.is_empty());
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["acr"], "urn:nod:acr:password", "nobody has vouched");
    assert_eq!(new.me().await.users[0].role, DeviceRole::Trusted);
    // Where nobody gets in without a device, a password alone is not enough for another one either.
    let admin = scene.world.robot("another", "nod:admin").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "no_devices_mode": "block" })).await.ok();
    let state = scene.by_new(&scene.world.phone(), "Pixel 10").await.2;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(WAITING), &json!("APPROVE_NEW_DEVICE")));
}

/// With a passcode of the phone it would be the same: there is none yet.
#[tokio::test]
async fn t10_7_where_the_primary_phone_is_off_a_code_by_email_lets_in_the_new_one() {
    let mut mfa = policy();
    mfa["email"] = json!({ "enabled": true });
    let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
    scene.trusted().await;
    scene.address("alice", "alice@home.example").await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["changeDevicePermitted"]), (&json!(WAITING), &json!(true)));
    scene.world.clock.advance(seconds(41));
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["newDevice"]["model"]), (&json!(TIMED_OUT), &json!("Pixel 9")));
    let address = state["devices"][1]["id"].as_str().unwrap();
    let state = select(&mut browser, &id, address).await.ok();
    assert_eq!((&state["status"], &state["purpose"]), (&json!("OTP_REQUIRED"), &json!("APPROVE_NEW_DEVICE")));
    let code = scene.code(1).await;
    let state = check(&mut browser, &id, &code).await.ok();
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    assert_eq!(claims(&scene.tokens(&mut browser, &id).await)["acr"], "urn:nod:acr:otp");
}

#[tokio::test]
async fn t10_8_at_the_limit_a_yes_signs_in_and_pairs_nothing() {
    let world = World::with().settings(|settings| settings.max_devices = 1).start().await;
    let scene = Scene::in_world(world, policy()).await;
    let primary = scene.trusted().await;
    let (mut browser, id, state) = scene.by_new(&scene.world.phone(), "Pixel 9").await;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(WAITING), &json!("APPROVE_NEW_DEVICE")));
    primary.choose(&primary.question().await, NewDeviceChoice::Trusted).await.ok();
    let before = limited("devices_per_user");
    let state = poll(&mut browser, &id).await;
    assert!(limited("devices_per_user") > before, "whoever watches the limit sees it");
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("push_confirmed")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["device_enrollment"], json!({ "offered": false, "reason": "METHOD_LIMIT_REACHED" }));
    assert_eq!(told["acr"], "urn:nod:acr:device");
    assert_eq!(scene.devices().await, 1);
}

/// Nor does somebody get around it who is faster.
#[tokio::test]
async fn t10_8_the_limit_is_looked_at_again_when_the_app_says_yes() {
    let world = World::with().settings(|settings| settings.max_devices = 2).start().await;
    let mut scene = Scene::in_world(world, policy()).await;
    let primary = scene.trusted().await;
    let mut new = scene.world.phone();
    let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
    primary.choose(&primary.question().await, NewDeviceChoice::Trusted).await.ok();
    let state = poll(&mut browser, &id).await;
    let other = scene.world.phone();
    scene.alice.pair(other).await;
    let answer = new.enrol(ticket(&state)).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (409, json!("METHOD_LIMIT_REACHED")));
    scene.tokens(&mut browser, &id).await;
}

#[tokio::test]
async fn t10_9_where_the_primary_phone_cannot_be_asked_the_person_says_which() {
    let scene = Scene::with_phones(policy(), 3).await;
    scene.alice.phones[0].block().await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(SELECTION), &json!("APPROVE_NEW_DEVICE")));
    let offered: Vec<_> = state["devices"].as_array().unwrap().iter().map(|device| device["id"].clone()).collect();
    assert_eq!(offered, [json!(scene.device(1)), json!(scene.device(2))]);
    let state = select(&mut browser, &id, &scene.device(2)).await.ok();
    assert_eq!((&state["status"], &state["purpose"]), (&json!(WAITING), &json!("APPROVE_NEW_DEVICE")));
    let asked = &scene.alice.phones[2];
    asked.choose(&asked.question().await, NewDeviceChoice::Trusted).await.ok();
    let state = poll(&mut browser, &id).await;
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    scene.tokens(&mut browser, &id).await;
}

/// Three questions without an answer cost a password, and must not choose who is asked about an app.
#[tokio::test]
async fn t10_9_a_primary_phone_that_does_not_answer_is_asked_about_a_new_one_all_the_same() {
    let mut mfa = policy();
    mfa["push_limit"] = json!({ "count": 50 });
    let scene = Scene::with_phones(mfa, 3).await;
    for _ in 0..3 {
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["selectedDeviceRef"]["id"], scene.device(0));
        scene.world.clock.advance(seconds(41));
        assert_eq!(poll(&mut browser, &id).await["status"], TIMED_OUT);
    }
    let (_, _, state) = scene.asked().await;
    assert_eq!(state["selectedDeviceRef"]["id"], scene.device(1), "it is suspect");
    let of =
        |state: &Value| (state["status"].clone(), state["purpose"].clone(), state["selectedDeviceRef"]["id"].clone());
    let primary = (json!(WAITING), json!("APPROVE_NEW_DEVICE"), json!(scene.device(0)));
    let (_, _, state) = scene.by_new(&scene.world.phone(), "Pixel 9").await;
    assert_eq!(of(&state), primary);
    // Nor is there anything to choose where the next one cannot be asked.
    scene.alice.phones[1].block().await;
    let (_, _, state) = scene.by_new(&scene.world.phone(), "Pixel 9").await;
    assert_eq!(of(&state), primary);
}

/// [flows.md F7, T7.3] in a web view, on our own pages.
#[tokio::test]
async fn t7_3_t10_1_the_pages_wait_for_the_primary_phone_and_the_id_token_has_the_offer() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let mut new = scene.world.phone();
    let mut browser = scene.world.browser();
    let pushed = push(&scene.shop, &[("mobilePayload", &payload_of(&new, "Pixel 9"))]).await;
    let page = bring(&mut browser, &scene.shop, &request_uri(&pushed)).await.expect("a page");
    let page = browser.sign_in(&page, "alice", PASSWORD).await.expect("somebody is asked");
    page.has("whether this device is yours");
    let question = primary.question().await;
    is_about(&question, "Pixel 9");
    primary.choose(&question, NewDeviceChoice::Trusted).await.ok();
    let callback = browser.press(&page, "poll", &[]).await.expect_err("back at the app");
    let told = claims(&scene.shop.redeem(callback.get("code")).await.ok());
    assert_eq!((&told["acr"], &told["device_enrollment"]["offered"]), (&json!("urn:nod:acr:device"), &json!(true)));
    assert_eq!(new.enrol(told["device_enrollment"]["ticket"].as_str().unwrap()).await.status, 201);
}

/// A second factor that is asked for after it, and knows nothing of the app, takes nothing back.
#[tokio::test]
async fn t10_1_what_one_step_has_let_in_is_offered_after_the_next_one() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let admin = scene.world.robot("another", "nod:admin").await;
    made(&admin, "/admin/v1/mfa-policies", json!({ "id": "more", "incompatible_devices_mode": "bypass" })).await;
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "mfa", "source": "mfa", "mfa_policy": "mfa" },
        { "id": "more", "source": "mfa", "mfa_policy": "more" },
    ]);
    made(&admin, "/admin/v1/policies", json!({ "id": "twice", "steps": steps })).await;
    admin.patch("/admin/v1/sign-on-settings", &json!({ "default_policy": "twice" })).await.ok();
    let mut new = scene.world.phone();
    let (mut browser, page) = scene.page(Some(&new)).await;
    primary.choose(&primary.question().await, NewDeviceChoice::Trusted).await.ok();
    let callback = browser.press(&page, "poll", &[]).await.expect_err("back at the app");
    let told = scene.claims(&callback).await["device_enrollment"].clone();
    assert_eq!(told["offered"], true, "{told}");
    assert_eq!(new.enrol(told["ticket"].as_str().unwrap()).await.status, 201);
}
