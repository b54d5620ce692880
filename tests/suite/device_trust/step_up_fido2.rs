//! A passkey of somebody as a second factor [flows.md A.1.3, D.1, D.5; Web Authentication, Level 2].

use serde_json::Value;

use super::{PASSWORD, Scene, claims, json, made, new_device, new_device_told, ticket, usual};
use crate::sign_in::every_state::only_its_links;
use crate::sign_in::passkeys::options;
use crate::world::authenticator::Passkey;
use crate::world::{Answer, Browser, Client, FLOWS, b64, seconds};

const REQUIRED: &str = "ASSERTION_REQUIRED";
pub(super) const OPTIONS: &str = "publicKeyCredentialRequestOptions";

pub(super) fn policy() -> Value {
    json!({ "id": "mfa", "number_matching": "off", "fido2": { "enabled": true } })
}

pub(super) struct Desk {
    pub(super) scene: Scene,
    /// Whose people sign in with a password alone, and make passkeys then.
    desk: Client,
}

impl Desk {
    async fn of(mfa: Value) -> Self {
        let scene = Scene::of(mfa).await;
        let admin = scene.world.robot("desks", "nod:admin").await;
        let steps = json!([{ "id": "password", "source": "password" }]);
        made(&admin, "/admin/v1/policies", json!({ "id": "password-alone", "steps": steps })).await;
        let desk = scene.world.client("desk").signs_in().implied_consent().policy("password-alone").await;
        Self { scene, desk }
    }

    /// A passkey of somebody, made in a browser of their own.
    pub(super) async fn passkey(&self, username: &str) -> Passkey {
        let mut browser = self.scene.world.browser();
        browser.log_in(&self.desk, username, PASSWORD).await;
        let passkey = browser.enrol(Passkey::new(self.scene.world.issuer())).await;
        // The oldest is the first; and whoever has just given a password waits a moment before the next try counts.
        self.scene.world.clock.advance(seconds(5));
        passkey
    }

    pub(super) async fn with_passkey(mfa: Value) -> (Self, Passkey) {
        let desk = Self::of(mfa).await;
        let passkey = desk.passkey("alice").await;
        (desk, passkey)
    }

    /// Alice's, by an administrator.
    async fn deletes_passkey(&self) {
        let admin = self.scene.world.robot("deletes", "nod:admin").await;
        let found = admin.get("/admin/v1/users?username=alice").await.ok();
        let all = format!("/admin/v1/users/{}/passkeys", found["items"][0]["id"].as_str().unwrap());
        let own = admin.get(&all).await.ok()["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(admin.delete(&format!("{all}/{own}")).await.status, 204);
    }

    /// A sign-in in which a passkey is asked for.
    async fn asked(&self) -> (Browser, String, Value) {
        let mut browser = self.scene.world.browser();
        let id = self.scene.at_second_factor(&mut browser).await;
        let state = browser.act(&id, "authenticate", &json!({})).await.ok();
        assert_eq!(state["status"], REQUIRED, "{state}");
        (browser, id, state)
    }
}

async fn assertion(browser: &mut Browser, id: &str, made: &Value) -> Answer {
    browser.act(id, "checkAssertion", &json!({ "assertion": made.to_string() })).await
}

async fn select(browser: &mut Browser, id: &str, device: &Value) -> Answer {
    browser.act(id, "selectDevice", &json!({ "deviceRef": { "id": device["id"] } })).await
}

fn refused(answer: &Answer) {
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (400, &json!("VALIDATION_ERROR")), "{told}");
    assert_eq!(told["details"][0]["code"], "CREDENTIAL_VALIDATION_FAILED", "{told}");
}

#[tokio::test]
async fn whoever_signs_in_on_the_web_is_asked_for_their_passkey() {
    let (desk, mut passkey) = Desk::with_passkey(policy()).await;
    let scene = &desk.scene;
    let (mut browser, id, state) = desk.asked().await;
    let device = &state["devices"][0];
    assert_eq!((&state["selectedDeviceRef"]["id"], &state["changeDevicePermitted"]), (&device["id"], &json!(false)));
    assert_eq!(
        (&device["type"], &device["nickname"], &device["otpEnabled"], &device["pushEnabled"], &device["usable"]),
        (&json!("FIDO2"), &json!("My phone"), &json!(false), &json!(false), &json!(true))
    );
    assert_eq!(state["user"]["username"], "alice");
    let own = json!([{ "type": "public-key", "id": b64(&passkey.id) }]);
    assert_eq!((&state[OPTIONS]["allowCredentials"], &state[OPTIONS]["userVerification"]), (&own, &json!("required")));
    only_its_links(&scene.world, &mut browser, &state, &id).await;
    let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let state = assertion(&mut browser, &id, &passkey.get(&state[OPTIONS])).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("assertion_verified")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(
        (&told["acr"], &told["amr"]),
        (&json!("urn:nod:acr:passkey"), &json!(["pwd", "pop", "swk", "user", "mfa"]))
    );
    let trail = scene.world.rows("audit").await;
    assert!(trail.iter().any(|row| row.contains("assertion_verified")), "{trail:?}");
    // What counts as a second factor, each sign-in asks anew.
    assert_eq!(browser.flow(&scene.shop, &[]).await["status"], "AUTHENTICATION_REQUIRED");
}

/// [WebAuthn §7.2] one signature is for one try, of one person, in time.
#[tokio::test]
async fn what_another_one_has_signed_or_was_signed_before_is_refused() {
    let (desk, mut passkey) = Desk::with_passkey(policy()).await;
    let world = &desk.scene.world;
    world.user("bob").with_password(PASSWORD).await;
    let mut bobs = desk.passkey("bob").await;
    let (mut browser, id, state) = desk.asked().await;
    let old = passkey.get(&state[OPTIONS]);
    refused(&assertion(&mut browser, &id, &bobs.get(&state[OPTIONS])).await);
    let again = browser.get(&format!("{FLOWS}{id}")).await.ok();
    assert_eq!((&again["status"], &again["selectedDeviceRef"]), (&json!(REQUIRED), &state["selectedDeviceRef"]));
    assert_ne!(again[OPTIONS]["challenge"], state[OPTIONS]["challenge"], "there is something else to sign");
    refused(&assertion(&mut browser, &id, &old).await);
    let late = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let late = passkey.get(&late[OPTIONS]);
    world.clock.advance(seconds(600));
    refused(&assertion(&mut browser, &id, &late).await);
    assert!(world.rows("token_grant").await.is_empty());
    let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let good = passkey.get(&state[OPTIONS]);
    assert_eq!(assertion(&mut browser, &id, &good).await.ok()["code"], "assertion_verified");
    let twice = assertion(&mut browser, &id, &good).await;
    assert_eq!((twice.status, &twice.json()["code"]), (400, &json!("INVALID_ACTION_ID")));
}

#[tokio::test]
async fn the_person_says_which_of_their_devices_it_is() {
    let mut mfa = policy();
    mfa["device_selection"] = json!("prompt_to_select");
    let (mut desk, mut passkey) = Desk::with_passkey(mfa).await;
    let phone = desk.scene.world.phone();
    desk.scene.alice.pair(phone).await;
    let world = &desk.scene.world;
    let mut browser = world.browser();
    let id = desk.scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["status"], "DEVICE_SELECTION_REQUIRED");
    let devices = state["devices"].as_array().unwrap();
    let types: Vec<_> = devices.iter().map(|device| device["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["MOBILE", "FIDO2"]);
    let one = select(&mut browser, &id, &devices[1]).await.ok();
    assert_eq!(one[OPTIONS]["allowCredentials"], json!([{ "type": "public-key", "id": b64(&passkey.id) }]));
    let old = passkey.get(&one[OPTIONS]);
    // On the phone, the passkey is asked for no more.
    let waiting = select(&mut browser, &id, &devices[0]).await.ok();
    assert_eq!((&waiting["status"], waiting.get(OPTIONS)), (&json!("PUSH_CONFIRMATION_WAITING"), None));
    assert_eq!(assertion(&mut browser, &id, &old).await.json()["code"], "INVALID_ACTION_ID");
    let question = desk.scene.alice.phone().question().await;
    let other = select(&mut browser, &id, &devices[1]).await.ok();
    assert_ne!(other[OPTIONS]["challenge"], one[OPTIONS]["challenge"]);
    assert_eq!(desk.scene.alice.phone().approve(&question).await.status, 409, "the phone is asked no more either");
    refused(&assertion(&mut browser, &id, &old).await);
    let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let answer = passkey.get(&state[OPTIONS]);
    assert_eq!(assertion(&mut browser, &id, &answer).await.ok()["code"], "assertion_verified");
}

#[tokio::test]
async fn a_passkey_is_a_device_where_the_policy_has_them_and_it_is_still_there() {
    let (desk, _) = Desk::with_passkey(json!({ "id": "mfa", "no_devices_mode": "bypass" })).await;
    let mut browser = desk.scene.world.browser();
    let id = desk.scene.at_second_factor(&mut browser).await;
    assert_eq!(browser.act(&id, "authenticate", &json!({})).await.ok()["code"], "bypassed");

    let (desk, mut passkey) = Desk::with_passkey(policy()).await;
    let (mut browser, id, state) = desk.asked().await;
    let answer = passkey.get(&state[OPTIONS]);
    let admin = desk.scene.world.robot("takes", "nod:admin").await;
    let off = json!({ "fido2": { "enabled": false } });
    admin.patch("/admin/v1/mfa-policies/mfa", &off).await.ok();
    let refused = assertion(&mut browser, &id, &answer).await.ok();
    assert_eq!((&refused["status"], &refused["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "fido2": { "enabled": true } })).await.ok();
    let (mut browser, id, state) = desk.asked().await;
    let answer = passkey.get(&state[OPTIONS]);
    desk.deletes_passkey().await;
    let refused = assertion(&mut browser, &id, &answer).await.ok();
    assert_eq!((&refused["status"], &refused["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
    assert!(desk.scene.world.rows("token_grant").await.is_empty());
}

/// [flows.md H.4/5] whatever they bring: the next device is asked for.
#[tokio::test]
async fn nobody_is_stuck_with_a_passkey_that_was_deleted() {
    let mut mfa = policy();
    mfa["totp"] = json!({ "enabled": true });
    for late in [false, true] {
        let (desk, mut passkey) = Desk::with_passkey(mfa.clone()).await;
        desk.scene.authenticator("alice").await;
        let (mut browser, id, state) = desk.asked().await;
        let answer = passkey.get(&state[OPTIONS]);
        desk.deletes_passkey().await;
        let state = if late {
            // Whoever has nothing to bring, and comes too late to sign anything, is asked anew.
            desk.scene.world.clock.advance(seconds(600));
            assert_eq!(browser.act(&id, "checkAssertion", &json!({})).await.status, 400);
            let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
            assert_eq!((&state["status"], state.get(OPTIONS)), (&json!("AUTHENTICATION_REQUIRED"), None));
            browser.act(&id, "authenticate", &json!({})).await.ok()
        } else {
            assertion(&mut browser, &id, &answer).await.ok()
        };
        assert_eq!((&state["status"], state.get(OPTIONS)), (&json!("OTP_REQUIRED"), None), "{state}");
        assert_eq!((state["devices"].as_array().unwrap().len(), &state["devices"][0]["type"]), (1, &json!("TOTP")));
        only_its_links(&desk.scene.world, &mut browser, &state, &id).await;
    }
}

/// And on our own pages.
#[tokio::test]
async fn the_page_asks_for_another_device_where_the_passkey_was_deleted() {
    let mut mfa = policy();
    mfa["totp"] = json!({ "enabled": true });
    let (desk, mut passkey) = Desk::with_passkey(mfa).await;
    desk.scene.authenticator("alice").await;
    let (mut browser, page) = desk.scene.page(None).await;
    page.has("Use your passkey");
    desk.deletes_passkey().await;
    let Ok(page) = browser.answer(&page, &mut passkey).await else { panic!("back at the shop") };
    page.has("Your authenticator app shows the code.");
}

/// On our own pages.
#[tokio::test]
async fn the_page_asks_for_the_passkey_and_shows_other_ways() {
    let mut mfa = policy();
    mfa["totp"] = json!({ "enabled": true });
    let (desk, mut passkey) = Desk::with_passkey(mfa).await;
    desk.scene.authenticator("alice").await;
    let (mut browser, page) = desk.scene.page(None).await;
    page.has("Use your passkey");
    let own = json!([{ "type": "public-key", "id": b64(&passkey.id) }]);
    assert_eq!(options(&page, "get")["allowCredentials"], own);
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    page.has("Passkeys need JavaScript.");
    let choice = browser.open(&format!("/sign-in/{}?method=device", page.flow())).await.unwrap();
    choice.has("Passkey").has("My phone").has("Code from your authenticator app");
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    let app = state["devices"][1]["id"].as_str().unwrap();
    let code = browser.press(&choice, "continue", &[("method", app)]).await.unwrap();
    code.has("Your authenticator app shows the code.");
    let choice = browser.open(&format!("/sign-in/{}?method=device", page.flow())).await.unwrap();
    let own = state["devices"][0]["id"].as_str().unwrap();
    let page = browser.press(&choice, "continue", &[("method", own)]).await.unwrap();
    assert!(browser.answer(&page, &mut passkey).await.is_err(), "back at the shop");
}

/// [flows.md F10] as every other way.
#[tokio::test]
async fn t10_2_a_passkey_lets_in_a_phone_where_that_is_all_there_is() {
    let mut mfa = new_device::policy();
    mfa["fido2"] = json!({ "enabled": true });
    let (desk, mut passkey) = Desk::with_passkey(mfa).await;
    let scene = &desk.scene;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(REQUIRED), &json!("APPROVE_NEW_DEVICE")));
    assert_eq!((&state["devices"][0]["type"], &state["newDevice"]["model"]), (&json!("FIDO2"), &json!("Pixel 9")));
    let state = assertion(&mut browser, &id, &passkey.get(&state[OPTIONS])).await.ok();
    assert_eq!(scene.devices().await, 0, "nothing is paired by a passkey");
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    assert_eq!(claims(&scene.tokens(&mut browser, &id).await)["acr"], "urn:nod:acr:passkey");
    assert_eq!(scene.by(&new).await.2["code"], "device_authorized");
}

/// [flows.md F10] as every other way.
#[tokio::test]
async fn f10_the_page_of_the_passkey_says_that_a_new_device_is_let_in() {
    let mut mfa = new_device::policy();
    mfa["fido2"] = json!({ "enabled": true });
    let (desk, _) = Desk::with_passkey(mfa).await;
    let (_, page) = desk.scene.page(None).await;
    page.has("Use your passkey");
    assert!(!page.answer.text().contains(new_device_told::NOTE));
    let (_, page) = desk.scene.page(Some(&desk.scene.world.phone())).await;
    page.has("Use your passkey").has(new_device_told::NOTE);
}

/// Any page can send a browser here, and with a session it is at the second factor at once [security.md 1.14].
#[tokio::test]
async fn a_session_alone_is_asked_first_whether_it_is_them() {
    let (desk, mut passkey) = Desk::with_passkey(policy()).await;
    let mut browser = desk.scene.world.browser();
    browser.log_in(&desk.desk, "alice", PASSWORD).await;
    let page = browser.authorize(&desk.scene.shop, &[]).await.unwrap();
    page.has("Confirm that it is me");
    let page = browser.press(&page, "ask", &[]).await.unwrap();
    page.has("Use your passkey");
    assert!(browser.answer(&page, &mut passkey).await.is_err(), "back at the shop");
}

/// [flows.md H.5] a passkey is one where the policy says so.
#[tokio::test]
async fn an_offer_of_a_first_device_ends_with_a_passkey_that_counts() {
    for counts in [true, false] {
        let mut mfa = usual();
        mfa["fido2"] = json!({ "enabled": counts });
        let desk = Desk::of(mfa).await;
        let mut phone = desk.scene.world.phone();
        let (_, _, state) = desk.scene.by(&phone).await;
        desk.passkey("alice").await;
        let answer = phone.enrol(ticket(&state)).await;
        assert_eq!(answer.status, if counts { 410 } else { 201 }, "{}", answer.text());
    }
}

/// As on the page: a password and a phone must not be enough to take passkeys away.
#[tokio::test]
async fn security_whoever_has_passkeys_shows_one_before_they_look_after_devices() {
    let mut mfa = policy();
    mfa["device_selection"] = json!("prompt_to_select");
    let (mut desk, mut passkey) = Desk::with_passkey(mfa).await;
    let phone = desk.scene.world.phone();
    desk.scene.alice.pair(phone).await;
    let mut browser = desk.scene.world.browser();
    let id = desk.scene.at_second_factor(&mut browser).await;
    let before = browser.act(&id, "authenticate", &json!({})).await.ok();
    let state = browser.act(&id, "manageDevices", &json!({})).await.ok();
    let offered: Vec<_> = state["devices"].as_array().unwrap().iter().map(|device| &device["id"]).collect();
    assert_eq!(offered, [&before["devices"][1]["id"]], "the passkey alone");
    let told = select(&mut browser, &id, &before["devices"][0]).await.json();
    assert_eq!(told["details"][0]["code"], "INVALID_DEVICE", "{told}");
    assert_eq!(browser.act(&id, "resumeAuthentication", &json!({})).await.ok(), before, "nobody has to");
    // Where the passkey is asked for, they may say so as well.
    let asked = select(&mut browser, &id, &before["devices"][1]).await.ok();
    let state = browser.act(&id, "manageDevices", &json!({})).await.ok();
    assert_eq!((&state["status"], &state[OPTIONS]), (&json!(REQUIRED), &asked[OPTIONS]));
    assert_eq!(state["changeDevicePermitted"], false, "{state}");
    let state = assertion(&mut browser, &id, &passkey.get(&state[OPTIONS])).await.ok();
    let types: Vec<_> = state["devices"].as_array().unwrap().iter().map(|device| device["type"].clone()).collect();
    assert_eq!((&state["status"], types), (&json!("DEVICE_MANAGEMENT"), vec![json!("MOBILE"), json!("FIDO2")]));
    let own = json!({ "id": before["devices"][1]["id"], "nickname": "The key" });
    let state = browser.act(&id, "updateDeviceNickname", &own).await.ok();
    assert_eq!(state["devices"][1]["nickname"], "The key", "{state}");
    let own = json!({ "deviceRef": { "id": before["devices"][1]["id"] } });
    let state = browser.act(&id, "removeDevice", &own).await.ok();
    assert_eq!(state["devices"].as_array().unwrap().len(), 1, "{state}");
    let removed =
        async || desk.scene.world.rows("audit").await.iter().any(|row| row.contains("passkey.removed")).then_some(());
    crate::admin::until("a row of the audit trail", removed).await;
    assert_eq!(browser.act(&id, "resumeAuthentication", &json!({})).await.ok()["code"], "assertion_verified");
    assert_eq!(claims(&desk.scene.tokens(&mut browser, &id).await)["acr"], "urn:nod:acr:passkey");
}

/// The same where the policy asks for none.
#[tokio::test]
async fn security_no_other_device_stands_in_for_a_passkey_of_whoever_looks_after_devices() {
    let mfa = json!({ "id": "mfa", "number_matching": "off", "device_selection": "prompt_to_select" });
    let (mut desk, _) = Desk::with_passkey(mfa).await;
    for _ in 0..2 {
        let phone = desk.scene.world.phone();
        desk.scene.alice.pair(phone).await;
    }
    let mut browser = desk.scene.world.browser();
    let id = desk.scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["status"], "DEVICE_SELECTION_REQUIRED", "{state}");
    let answer = browser.act(&id, "manageDevices", &json!({})).await;
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (400, &json!("REQUEST_FAILED")), "{told}");
    assert_eq!(told["details"][0]["code"], "INVALID_DEVICE", "{told}");
    assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), state);
}
