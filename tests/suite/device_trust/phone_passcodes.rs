//! A phone that no push reaches shows a one-time passcode [RFC 6238; flows.md F2, F9, F10, H.7; security.md 1.13].

use nod_device::{DenyReason, PasscodeKey, Timestamp};
use serde_json::Value;

use super::step_up::{REJECTED, TIMED_OUT, WAITING, poll};
use super::step_up_otp::{check, refused, wrong};
use super::{PASSWORD, Scene, claims, json, new_device, ticket, usual};
use crate::world::{Answer, Browser, Phone, seconds};

pub(super) fn policy() -> Value {
    json!({ "id": "mfa", "number_matching": "off", "mobile_otp": { "enabled": true } })
}

/// What the phone was given when it was paired.
fn key_of(scene: &Scene, paired: &Answer) -> PasscodeKey {
    assert_eq!(paired.status, 201, "{}", paired.text());
    let told = paired.json();
    let key = told["oneTimePasscodeKey"].as_str().unwrap();
    scene.world.guard(key);
    key.parse().unwrap()
}

impl Scene {
    pub(super) async fn with_passcodes(mfa: Value) -> (Self, Phone, PasscodeKey) {
        let scene = Self::of(mfa).await;
        let mut phone = scene.world.phone();
        let paired = phone.pair(&scene.alice.pairing_key().await).await;
        let key = key_of(&scene, &paired);
        (scene, phone, key)
    }

    /// What the app shows now, without any network.
    pub(super) fn passcode(&self, key: &PasscodeKey) -> String {
        key.one_time_passcode(Timestamp::from_millis(self.world.now().millis()))
    }

    async fn waits(&self) -> (Browser, String, Value) {
        let (browser, id, state) = self.asked().await;
        assert_eq!(state["status"], WAITING, "{state}");
        (browser, id, state)
    }
}

#[tokio::test]
async fn t9_8_a_phone_that_no_push_reaches_shows_a_passcode() {
    let (scene, phone, key) = Scene::with_passcodes(policy()).await;
    let (mut browser, id, state) = scene.waits().await;
    assert!(state["_links"]["checkOtp"].is_object(), "{state}");
    assert_eq!(state["devices"][0]["otpEnabled"], true);
    assert_eq!((&state["otpLength"], &state["attemptsRemaining"]), (&json!(6), &json!(3)));
    let right = scene.passcode(&key);
    refused(&check(&mut browser, &id, &wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    assert_eq!(phone.pending().await.len(), 1, "a wrong one withdraws nothing");
    assert_eq!(poll(&mut browser, &id).await["attemptsRemaining"], 2);
    let state = check(&mut browser, &id, &right).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("otp_verified")));
    assert!(phone.pending().await.is_empty(), "nobody is asked any more");
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp", "mfa"])));
}

#[tokio::test]
async fn t9_10_a_passcode_of_a_phone_is_taken_once_and_none_before_it() {
    let (scene, _phone, key) = Scene::with_passcodes(policy()).await;
    let before = scene.passcode(&key);
    scene.world.clock.advance(seconds(30));
    let right = scene.passcode(&key);
    let (mut browser, id, _) = scene.waits().await;
    check(&mut browser, &id, &right).await.ok();
    let (mut another, other, _) = scene.waits().await;
    for worthless in [right, before] {
        refused(&check(&mut another, &other, &worthless).await, "VALIDATION_ERROR", "INVALID_OTP");
    }
    scene.world.clock.advance(seconds(30));
    assert_eq!(check(&mut another, &other, &scene.passcode(&key)).await.ok()["code"], "otp_verified");
}

#[tokio::test]
async fn t9_9_three_wrong_passcodes_and_the_right_one_is_not_looked_at() {
    let (scene, _phone, key) = Scene::with_passcodes(policy()).await;
    let (mut browser, id, _) = scene.waits().await;
    let right = scene.passcode(&key);
    for _ in 0..2 {
        refused(&check(&mut browser, &id, &wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    }
    for otp in [wrong(&right), right] {
        refused(&check(&mut browser, &id, &otp).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    }
}

#[tokio::test]
async fn a_passcode_counts_where_the_policy_has_them() {
    let (scene, _phone, key) = Scene::with_passcodes(json!({ "id": "mfa", "number_matching": "off" })).await;
    let (mut browser, id, state) = scene.waits().await;
    assert!(state["_links"].get("checkOtp").is_none() && state.get("attemptsRemaining").is_none(), "{state}");
    let answer = check(&mut browser, &id, &scene.passcode(&key)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("INVALID_ACTION_ID")));
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
}

/// [flows.md H.7]
#[tokio::test]
async fn h7_a_passcode_does_once_nobody_has_answered_in_time() {
    let (scene, _phone, key) = Scene::with_passcodes(policy()).await;
    let (mut browser, id, _) = scene.waits().await;
    scene.world.clock.advance(seconds(40));
    let state = poll(&mut browser, &id).await;
    assert_eq!(state["status"], TIMED_OUT);
    assert!(state["_links"]["checkOtp"].is_object(), "{state}");
    assert_eq!(check(&mut browser, &id, &scene.passcode(&key)).await.ok()["code"], "otp_verified");
}

/// [flows.md H.4] a push that is not sent.
#[tokio::test]
async fn h4_a_phone_that_is_asked_too_often_shows_a_passcode() {
    let mut mfa = policy();
    mfa["push_limit"] = json!({ "count": 1 });
    let (scene, phone, key) = Scene::with_passcodes(mfa).await;
    scene.waits().await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], "OTP_REQUIRED", "{state}");
    assert_eq!(state["selectedDeviceRef"]["id"], phone.device().to_string());
    assert_eq!((&state["otpLength"], &state["attemptsRemaining"]), (&json!(6), &json!(3)));
    assert_eq!(phone.pending().await.len(), 1, "it is asked nothing more");
    assert_eq!(check(&mut browser, &id, &scene.passcode(&key)).await.ok()["code"], "otp_verified");
}

/// [flows.md H.4; security.md 5.7] none is waited for that nobody would look at.
#[tokio::test]
async fn h4_where_no_code_is_looked_at_no_passcode_is_asked_for() {
    let mut mfa = policy();
    mfa["push_limit"] = json!({ "count": 1 });
    let (scene, phone, key) = Scene::with_passcodes(mfa).await;
    let (mut browser, id, _) = scene.waits().await;
    for _ in 0..3 {
        check(&mut browser, &id, &wrong(&scene.passcode(&key))).await;
    }
    let mut another = scene.world.browser();
    let next = scene.at_second_factor(&mut another).await;
    let answer = another.act(&next, "authenticate", &json!({})).await;
    assert_eq!((answer.status, &answer.json()["details"][0]["code"]), (400, &json!("PUSH_FAILED")));
    assert_eq!(phone.pending().await.len(), 1, "it is asked nothing more");
}

/// On our own page, without a script.
#[tokio::test]
async fn t9_8_the_page_that_waits_takes_the_passcode_of_the_phone() {
    let (scene, phone, key) = Scene::with_passcodes(policy()).await;
    for late in [false, true] {
        scene.world.clock.advance(seconds(60));
        let mut browser = scene.world.browser();
        let page = browser.authorize(&scene.shop, &[]).await.unwrap();
        let mut page = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
        page.has("Approve on your phone").has("name=\"code\"").has("Check the code");
        if late {
            scene.world.clock.advance(seconds(40));
            page = browser.press(&page, "poll", &[]).await.unwrap();
            page.has("You did not answer in time").has("name=\"code\"");
        }
        let right = scene.passcode(&key);
        let page = browser.press(&page, "passcode", &[("code", "")]).await.unwrap();
        page.has("aria-invalid=\"true\"").has("code-error");
        let page = browser.press(&page, "passcode", &[("code", &wrong(&right))]).await.unwrap();
        page.has("aria-invalid=\"true\"").has("code-error");
        browser.press(&page, "passcode", &[("code", &right)]).await.expect_err("back at the client").get("code");
        assert!(phone.pending().await.is_empty(), "late: {late}");
    }
    // By a policy that has none there is nothing to type.
    let admin = scene.world.robot("operator", "nod:admin").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "mobile_otp": { "enabled": false } })).await.ok();
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let page = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    page.has("Approve on your phone");
    assert!(!page.answer.text().contains("name=\"code\""), "{}", page.answer.text());
}

/// Whoever has said no has said so.
#[tokio::test]
async fn a_passcode_undoes_no_answer_of_the_phone() {
    let (scene, phone, key) = Scene::with_passcodes(policy()).await;
    let (mut browser, id, _) = scene.waits().await;
    let question = phone.question().await;
    phone.deny(&question, DenyReason::None).await.ok();
    assert_eq!(check(&mut browser, &id, &scene.passcode(&key)).await.ok()["status"], REJECTED);
}

/// [flows.md F10]
#[tokio::test]
async fn t10_7_where_the_primary_phone_is_off_its_passcode_lets_in_the_new_one() {
    let mut mfa = new_device::policy();
    mfa["mobile_otp"] = json!({ "enabled": true });
    let (scene, primary, key) = Scene::with_passcodes(mfa).await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(WAITING), &json!("APPROVE_NEW_DEVICE")), "{state}");
    let right = scene.passcode(&key);
    refused(&check(&mut browser, &id, &wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    let state = check(&mut browser, &id, &right).await.ok();
    assert_eq!(scene.devices().await, 1, "nothing is paired by a passcode");
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    assert!(primary.pending().await.is_empty());
    assert_eq!(scene.devices().await, 2);
    scene.tokens(&mut browser, &id).await;
}

#[tokio::test]
async fn t2_11_without_a_push_token_a_phone_is_a_device_with_passcodes() {
    let mut mfa = usual();
    mfa["number_matching"] = json!("off");
    mfa["mobile_otp"] = json!({ "enabled": true });
    let scene = Scene::of(mfa).await;
    let mut phone = scene.world.phone();
    let (_, _, state) = scene.by(&phone).await;
    let enrolled = phone.enrol(ticket(&state)).await;
    assert_eq!(
        enrolled.json()["authenticators"],
        json!([
            { "type": "push", "status": "failed", "errorCode": "MissingDeviceToken" },
            { "type": "one_time_passcode", "status": "completed" },
        ])
    );
    let key = key_of(&scene, &enrolled);
    let (mut browser, id, _) = scene.waits().await;
    assert_eq!(check(&mut browser, &id, &scene.passcode(&key)).await.ok()["code"], "otp_verified");
}

/// [flows.md H.8]
#[tokio::test]
async fn h8_a_phone_is_a_device_without_passcodes_too() {
    let scene = Scene::of(policy()).await;
    scene
        .world
        .sql(
            "CREATE TRIGGER no_passcodes BEFORE INSERT ON device_passcode \
             BEGIN SELECT RAISE(ABORT, 'none'); END",
        )
        .await;
    let mut phone = scene.world.phone();
    let paired = phone.pair(&scene.alice.pairing_key().await).await;
    assert_eq!(paired.status, 201, "{}", paired.text());
    let told = paired.json();
    let without = json!({ "type": "one_time_passcode", "status": "failed", "errorCode": "Unavailable" });
    assert_eq!(told["authenticators"][1], without);
    assert!(told.get("oneTimePasscodeKey").is_none(), "{told}");
    let (mut browser, id, state) = scene.waits().await;
    assert!(state["_links"].get("checkOtp").is_none(), "{state}");
    phone.approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
}
