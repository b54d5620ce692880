//! Whoever has no second factor makes one on the way, where the MFA policy says so [flows.md A.1.3, H.4, H.7].

use futures_util::future::join;
use serde_json::Value;

use super::step_up_otp::{refused, wrong};
use super::{PASSWORD, Scene, claims, json};
use crate::admin::robot::usr;
use crate::sign_in::every_state::only_its_links;
use crate::world::authenticator_app::AuthenticatorApp;
use crate::world::{Answer, Browser, FLOWS, World, seconds};

pub(super) const SET_UP: &str = "MFA_SETUP_REQUIRED";
pub(super) const METHOD: &str = "DEVICE_PAIRING_METHOD_REQUIRED";
const ACTIVATION: &str = "TOTP_ACTIVATION_REQUIRED";
const NEW: &str = "twelve green bottles";

pub(super) fn policy() -> Value {
    json!({
        "id": "mfa", "number_matching": "off", "no_devices_mode": "setup", "new_device_notification": "email",
        "totp": { "enabled": true },
    })
}

pub(super) async fn scene(mfa: Value) -> Scene {
    Scene::in_world(World::with().letters().start().await, mfa).await
}

/// Somebody who makes an authenticator app, up to its first code.
struct Making {
    browser: Browser,
    id: String,
    app: AuthenticatorApp,
    state: Value,
}

impl Making {
    async fn select(browser: &mut Browser, id: &str) -> Value {
        let method = json!({ "devicePairingMethod": { "deviceType": "TOTP" } });
        browser.act(id, "selectDevicePairingMethod", &method).await.ok()
    }

    async fn activate(&mut self, otp: &str) -> Answer {
        self.browser.act(&self.id, "activateTotpDevice", &json!({ "otp": otp })).await
    }
}

impl Scene {
    /// Alice signs in and has to choose another one.
    pub(super) async fn chooses_another_password(&self) {
        let admin = self.another_robot("changes").await;
        let password = format!("/admin/v1/users/{}/password", usr(&self.alice));
        admin.patch(&password, &json!({ "must_change": true })).await.ok();
        let mut browser = self.world.browser();
        let id = browser.flow(&self.shop, &[]).await["id"].as_str().unwrap().to_owned();
        browser.password(&id, "alice", PASSWORD).await.ok();
        browser.act(&id, "checkNewPassword", &json!({ "newPassword": NEW })).await.ok();
    }

    /// A sign-in that has come to its second factor, and what that came to.
    pub(super) async fn without(&self) -> (Browser, String, Value) {
        let mut browser = self.world.browser();
        let id = self.at_second_factor(&mut browser).await;
        let state = browser.act(&id, "authenticate", &json!({})).await.ok();
        (browser, id, state)
    }

    async fn making(&self) -> Making {
        let (mut browser, id, state) = self.without().await;
        assert_eq!(state["status"], SET_UP, "{state}");
        browser.act(&id, "setupMfa", &json!({})).await.ok();
        let state = Making::select(&mut browser, &id).await;
        assert_eq!(state["status"], ACTIVATION, "{state}");
        let app = self.app_of(&state);
        Making { browser, id, app, state }
    }

    /// The app that has the key of a state.
    fn app_of(&self, state: &Value) -> AuthenticatorApp {
        let key = state["pairingKey"].as_str().unwrap();
        self.world.guard(key);
        AuthenticatorApp::typed(key)
    }

    fn now_of(&self, app: &AuthenticatorApp) -> String {
        app.code(self.world.now(), 0)
    }

    async fn apps(&self) -> usize {
        self.world.rows("totp_device").await.len()
    }
}

/// A policy as it was, but for passkeys.
pub(super) fn with_passkeys() -> Value {
    let mut mfa = policy();
    mfa["fido2"] = json!({ "enabled": true });
    mfa
}

fn completed(state: &Value) {
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("otp_verified")), "{state}");
}

pub(super) fn failed(state: &Value, code: &str) {
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!(code)), "{state}");
}

#[tokio::test]
async fn whoever_has_no_second_factor_makes_an_authenticator_app_on_the_way() {
    let scene = scene(policy()).await;
    let (mut browser, id, state) = scene.without().await;
    assert_eq!((&state["status"], &state["allowSkipMfa"]), (&json!(SET_UP), &json!(false)));
    only_its_links(&scene.world, &mut browser, &state, SET_UP).await;
    let state = browser.act(&id, "setupMfa", &json!({})).await.ok();
    assert_eq!(
        (&state["status"], &state["devicePairingMethods"]),
        (&json!(METHOD), &json!([{ "deviceType": "MOBILE" }, { "deviceType": "TOTP" }]))
    );
    only_its_links(&scene.world, &mut browser, &state, METHOD).await;
    let state = Making::select(&mut browser, &id).await;
    assert_eq!(
        (&state["status"], &state["otpLength"], &state["attemptsRemaining"]),
        (&json!(ACTIVATION), &json!(6), &json!(3))
    );
    let key = state["pairingKey"].as_str().unwrap();
    let uri = format!("otpauth://totp/localhost:alice?secret={key}&issuer=localhost&algorithm=SHA1&digits=6&period=30");
    assert_eq!(state["keyUri"], uri);
    only_its_links(&scene.world, &mut browser, &state, ACTIVATION).await;
    let app = scene.app_of(&state);
    let right = scene.now_of(&app);
    let mut making = Making { browser, id, app, state };
    refused(&making.activate(&wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    assert_eq!(scene.apps().await, 0, "it is nobody's yet");
    completed(&making.activate(&format!(" {} {}", &right[..3], &right[3..])).await.ok());
    let Making { mut browser, id, app, .. } = making;
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp", "mfa"])));
    let letters = scene.letters(1).await;
    assert_eq!(letters[0].letter.subject, "Nod: a device was added to your account");
    let added =
        async || scene.world.rows("audit").await.iter().any(|row| row.contains("totp_device.added")).then_some(());
    crate::admin::until("a row of the audit trail", added).await;
    // From then on it is what they are asked for, and the code that made it is worth nothing.
    let (mut browser, id, state) = scene.without().await;
    assert_eq!((&state["status"], &state["devices"][0]["type"]), (&json!("OTP_REQUIRED"), &json!("TOTP")));
    let check = json!({ "otp": right });
    refused(&browser.act(&id, "checkOtp", &check).await, "VALIDATION_ERROR", "INVALID_OTP");
    scene.world.clock.advance(seconds(30));
    let check = json!({ "otp": scene.now_of(&app) });
    completed(&browser.act(&id, "checkOtp", &check).await.ok());
}

#[tokio::test]
async fn a_key_that_was_shown_and_not_used_is_worth_nothing() {
    let scene = scene(policy()).await;
    let mut making = scene.making().await;
    let state = making.browser.act(&making.id, "cancelDevicePairing", &json!({})).await.ok();
    assert_eq!(state["status"], SET_UP);
    making.browser.act(&making.id, "setupMfa", &json!({})).await.ok();
    let state = Making::select(&mut making.browser, &making.id).await;
    assert_ne!(state["pairingKey"], making.state["pairingKey"]);
    let old = scene.now_of(&making.app);
    refused(&making.activate(&old).await, "VALIDATION_ERROR", "INVALID_OTP");
    // However many begin, nothing stays of it; and one flow takes no code of another's.
    for _ in 0..6 {
        // A network has so many tries a minute.
        scene.world.clock.advance(seconds(10));
        scene.making().await;
    }
    assert_eq!(scene.apps().await, 0);
    let another = scene.making().await;
    refused(&making.activate(&scene.now_of(&another.app)).await, "VALIDATION_ERROR", "INVALID_OTP");
    let answer = making.browser.act(&making.id, "cancelAuthentication", &json!({})).await.ok();
    assert_eq!(answer["status"], "FAILED");
    let unknown = json!({ "devicePairingMethod": { "deviceType": "SMS" } });
    let (mut browser, id, _) = scene.without().await;
    browser.act(&id, "setupMfa", &json!({})).await.ok();
    let answer = browser.act(&id, "selectDevicePairingMethod", &unknown).await;
    assert_eq!((answer.status, &answer.json()["details"][0]["target"]), (400, &json!("devicePairingMethod")));
}

/// [security.md 5.6] counted as every other code: by the person, and not by the flow.
#[tokio::test]
async fn t9_9_three_wrong_first_codes_and_none_is_looked_at() {
    let scene = scene(policy()).await;
    let mut making = scene.making().await;
    let right = scene.now_of(&making.app);
    for _ in 0..2 {
        refused(&making.activate(&wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    }
    refused(&making.activate(&wrong(&right)).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    refused(&making.activate(&right).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    let mut another = scene.making().await;
    let right = scene.now_of(&another.app);
    refused(&another.activate(&right).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    assert_eq!(scene.apps().await, 0);
}

/// Somebody may have left it open: who makes a device has given the password just now.
#[tokio::test]
async fn a_session_alone_makes_no_device() {
    let mut mfa = policy();
    mfa["no_devices_mode"] = json!("bypass");
    let scene = scene(mfa).await;
    let (mut browser, id, state) = scene.without().await;
    assert_eq!(state["code"], "bypassed");
    scene.tokens(&mut browser, &id).await;
    let admin = scene.another_robot("changes").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "no_devices_mode": "setup" })).await.ok();
    let next = browser.flow(&scene.shop, &[]).await;
    assert_eq!(next["status"], "AUTHENTICATION_REQUIRED");
    let state = browser.act(next["id"].as_str().unwrap(), "authenticate", &json!({})).await.ok();
    failed(&state, "NO_DEVICES");
    assert_eq!(scene.without().await.2["status"], SET_UP);
}

#[tokio::test]
async fn who_has_got_a_device_meanwhile_shows_that_one() {
    let scene = scene(policy()).await;
    let mut making = scene.making().await;
    let own = scene.authenticator("alice").await;
    let theirs = scene.now_of(&making.app);
    let state = making.activate(&theirs).await.ok();
    assert_eq!((&state["status"], &state["devices"][0]["nickname"]), (&json!("OTP_REQUIRED"), &json!("work")));
    assert_eq!(scene.apps().await, 1);
    let check = json!({ "otp": theirs });
    refused(&making.browser.act(&making.id, "checkOtp", &check).await, "VALIDATION_ERROR", "INVALID_OTP");
    let check = json!({ "otp": scene.now_of(&own.app) });
    completed(&making.browser.act(&making.id, "checkOtp", &check).await.ok());
}

/// [reliability.md R14] of two who make the first one at once, one does.
#[tokio::test]
async fn r14_one_first_device_is_made_at_once() {
    let scene = scene(policy()).await;
    let (mut one, mut other) = (scene.making().await, scene.making().await);
    let (first, second) = (scene.now_of(&one.app), scene.now_of(&other.app));
    let (first, second) = join(one.activate(&first), other.activate(&second)).await;
    let done = [first, second].iter().filter(|answer| answer.json()["status"] == "MFA_COMPLETED").count();
    assert_eq!((done, scene.apps().await), (1, 1));
}

/// [reliability.md H.8] what a stolen password was worth ends with it.
#[tokio::test]
async fn no_first_device_is_made_by_a_password_that_was_changed_meanwhile() {
    let scene = scene(policy()).await;
    let mut thief = scene.making().await;
    scene.world.clock.advance(seconds(1));
    scene.chooses_another_password().await;
    let answer = thief.activate(&scene.now_of(&thief.app)).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("REQUEST_FAILED")), "{}", answer.text());
    assert_eq!(scene.apps().await, 0);
}

/// Whoever is locked makes nothing either.
#[tokio::test]
async fn h4_nothing_is_made_where_the_policy_has_no_way_or_by_who_is_locked() {
    let mut mfa = policy();
    (mfa["totp"], mfa["mobile"]) = (json!({ "enabled": false }), json!({ "enabled": false }));
    failed(&scene(mfa).await.without().await.2, "NO_DEVICES");
    let scene = scene(policy()).await;
    let mut making = scene.making().await;
    scene.alice.lock().await;
    failed(&making.activate(&scene.now_of(&making.app)).await.ok(), "ACCOUNT_LOCKED_OUT");
    assert_eq!(scene.apps().await, 0);
}

/// [flows.md H.4] whoever has begun says anew what it is to be.
#[tokio::test]
async fn h4_no_app_is_made_once_the_policy_has_none_any_more() {
    let scene = scene(policy()).await;
    let mut making = scene.making().await;
    let admin = scene.another_robot("changes").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "totp": { "enabled": false } })).await.ok();
    let state = making.activate(&scene.now_of(&making.app)).await.ok();
    let kinds = json!([{ "deviceType": "MOBILE" }]);
    assert_eq!((&state["status"], &state["devicePairingMethods"]), (&json!(METHOD), &kinds), "{state}");
    assert_eq!(scene.apps().await, 0);
}

/// Another choice than for whoever has no device at all.
#[tokio::test]
async fn h4_whoever_has_devices_that_will_not_do_makes_one_where_the_policy_says_so() {
    let mut mfa = policy();
    mfa["no_devices_mode"] = json!("block");
    let scene = scene(mfa).await;
    failed(&scene.without().await.2, "NO_DEVICES");
    scene.address("alice", "alice@home.example").await;
    failed(&scene.without().await.2, "NO_USABLE_DEVICES");
    let admin = scene.another_robot("changes").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "incompatible_devices_mode": "setup" })).await.ok();
    assert_eq!(scene.without().await.2["status"], SET_UP);
}

/// [flows.md A.1.3, H.7] where the policy says so; and of what it said before, nobody has the good any more.
#[tokio::test]
async fn a_1_3_whoever_may_skip_it_goes_on_without() {
    let mut mfa = policy();
    mfa["no_devices_mode"] = json!("offer");
    let scene = scene(mfa).await;
    let (mut browser, id, state) = scene.without().await;
    assert_eq!((&state["status"], &state["allowSkipMfa"]), (&json!(SET_UP), &json!(true)));
    only_its_links(&scene.world, &mut browser, &state, SET_UP).await;
    // Whoever has begun may still go on without.
    browser.act(&id, "setupMfa", &json!({})).await.ok();
    let state = browser.act(&id, "cancelDevicePairing", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["allowSkipMfa"]), (&json!(SET_UP), &json!(true)));
    let state = browser.act(&id, "skipMfa", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("bypassed")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["amr"], json!(["pwd"]));
    // A session alone makes nothing, and needs nothing.
    let next = browser.flow(&scene.shop, &[]).await;
    let state = browser.act(next["id"].as_str().unwrap(), "authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("bypassed")));
    let (mut browser, page) = scene.page(None).await;
    page.has("Continue without");
    assert!(browser.press(&page, "skip", &[]).await.is_err(), "back at the shop");
    // The policy says otherwise by now.
    let (mut browser, id, _) = scene.without().await;
    let admin = scene.another_robot("changes").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "no_devices_mode": "setup" })).await.ok();
    let state = browser.act(&id, "skipMfa", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["allowSkipMfa"]), (&json!(SET_UP), &json!(false)));
    assert_eq!(scene.apps().await, 0);
}

/// On our own pages, without a script.
#[tokio::test]
async fn the_pages_lead_to_an_authenticator_app_and_on() {
    let scene = scene(policy()).await;
    let (mut browser, page) = scene.page(None).await;
    page.has("Set up a second step");
    let page = browser.press(&page, "start", &[]).await.unwrap();
    page.has("What do you want to use?");
    let page = browser.press(&page, "totp", &[]).await.unwrap();
    page.has("Connect your authenticator app").has("otpauth://totp/");
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    let app = scene.app_of(&state);
    let key = state["pairingKey"].as_str().unwrap();
    page.has(&format!("{} {}", &key[..4], &key[4..8]));
    let page = browser.press(&page, "other", &[]).await.unwrap();
    page.has("Set up a second step");
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "totp", &[]).await.unwrap();
    assert!(!page.answer.text().contains(&key[..4]) || !page.answer.text().contains(&key[4..8]), "another key");
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    let (old, right) = (scene.now_of(&app), scene.now_of(&scene.app_of(&state)));
    browser.press(&page, "continue", &[("code", "")]).await.unwrap().has("Enter the code.");
    assert_ne!(old, right);
    browser.press(&page, "continue", &[("code", &old)]).await.unwrap().has("This code is not right");
    assert!(browser.press(&page, "continue", &[("code", &right)]).await.is_err(), "back at the shop");
    assert_eq!(scene.apps().await, 1);
}

/// Whoever gives up is back at the shop, and nothing was made.
#[tokio::test]
async fn the_pages_let_somebody_give_up() {
    let scene = scene(policy()).await;
    let (mut browser, page) = scene.page(None).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let Err(callback) = browser.press(&page, "cancel", &[]).await else { panic!("still on a page") };
    callback.error("access_denied");
    assert_eq!(scene.apps().await, 0);
}

/// Whatever cannot be made, they are told so where they choose, and take another way.
#[tokio::test]
async fn the_pages_say_that_nothing_could_be_made() {
    let scene = scene(policy()).await;
    for _ in 0..20 {
        let _unused = scene.alice.pairing_key().await;
    }
    let (mut browser, page) = scene.page(None).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "phone", &[]).await.unwrap();
    page.has("This could not be set up.").has("What do you want to use?");
    browser.press(&page, "totp", &[]).await.unwrap().has("Connect your authenticator app");
}
