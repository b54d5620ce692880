//! Whoever signs in on the web brings the code of an authenticator app [RFC 6238; flows.md A.1.3, D.1; security.md 1.13].

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use nod::protocol::public_id::{self, Kind};
use serde_json::Value;

use super::step_up_otp::{check, refused, wrong};
use super::{PASSWORD, Scene, claims, json, new_device, ticket};
use crate::sign_in::every_state::only_its_links;
use crate::world::authenticator_app::AuthenticatorApp;
use crate::world::{Backing, Browser, FLOWS, Page, World, seconds};

const REQUIRED: &str = "OTP_REQUIRED";

fn policy() -> Value {
    json!({ "id": "mfa", "number_matching": "off", "totp": { "enabled": true } })
}

/// An authenticator app of somebody, and how the admin API calls it.
pub(super) struct Own {
    pub(super) app: AuthenticatorApp,
    pub(super) path: String,
}

impl Own {
    /// Whoever would remove it on the pages of the account, in this browser, is to bring a code of it first: the page that
    /// asks for one.
    pub(super) async fn is_asked_for(&self, browser: &mut Browser) -> Page {
        let page = browser.open("/account/devices").await.unwrap();
        let id = self.path.rsplit('/').next().unwrap();
        let asked = browser.press(&page, "remove", &[("device", id)]).await.unwrap();
        assert_eq!(asked.path, "/account/confirm?for=devices");
        asked.has("name=\"code\"");
        asked
    }
}

impl Scene {
    async fn with_app(mfa: Value) -> (Self, Own) {
        let scene = Self::in_world(World::with().letters().start().await, mfa).await;
        let own = scene.authenticator("alice").await;
        (scene, own)
    }

    /// An authenticator app that was activated, and shows another code by now.
    pub(super) async fn authenticator(&self, username: &str) -> Own {
        let own = self.made_authenticator(username).await;
        let otp = json!({ "otp": own.app.code(self.world.now(), 0) });
        let admin = self.another_robot("activates").await;
        assert_eq!(admin.post(&format!("{}/activate", own.path), &otp).await.ok()["status"], "active");
        self.world.clock.advance(seconds(30));
        own
    }

    async fn made_authenticator(&self, username: &str) -> Own {
        let admin = self.another_robot("makes").await;
        let found = admin.get(&format!("/admin/v1/users?username={username}")).await.ok();
        let all = format!("/admin/v1/users/{}/totp-devices", found["items"][0]["id"].as_str().unwrap());
        let made = admin.post(&all, &json!({ "nickname": "work" })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let shown = made.json();
        let secret = shown["secret"].as_str().unwrap();
        self.world.guard(secret);
        let path = format!("{all}/{}", shown["id"].as_str().unwrap());
        assert_eq!(made.header("location"), Some(path.as_str()));
        assert_eq!(shown["status"], "activation_required");
        let uri = format!(
            "otpauth://totp/localhost:{username}?secret={secret}&issuer=localhost&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(shown["key_uri"], uri);
        Own { app: AuthenticatorApp::typed(secret), path }
    }

    pub(super) async fn another_robot(&self, what: &str) -> crate::admin::robot::Robot<'_> {
        static ROBOTS: AtomicU32 = AtomicU32::new(0);
        self.world.robot(&format!("{what}-{}", ROBOTS.fetch_add(1, Ordering::Relaxed)), "nod:admin").await
    }

    /// A sign-in in which a code of the app is waited for, at this node.
    async fn typing(&self, node: usize) -> (Browser, String, Value) {
        let mut browser = self.world.browser().at(node);
        let id = self.at_second_factor(&mut browser).await;
        let state = browser.act(&id, "authenticate", &json!({})).await.ok();
        assert_eq!(state["status"], REQUIRED, "{state}");
        (browser, id, state)
    }

    /// Until this node knows what was made at another one.
    async fn known_at(&self, node: usize) {
        for _ in 0..10 {
            let mut browser = self.world.browser().at(node);
            let first = browser.flow(&self.shop, &[]).await;
            let state = browser.password(first["id"].as_str().unwrap(), "alice", PASSWORD).await;
            if state.json()["status"] == "AUTHENTICATION_REQUIRED" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        panic!("node {node} does not learn of the policy");
    }

    /// What the app shows, so many steps from now.
    fn shown(&self, own: &Own, steps: i64) -> String {
        own.app.code(self.world.now(), steps)
    }
}

#[tokio::test]
async fn whoever_signs_in_on_the_web_brings_the_code_of_an_authenticator_app() {
    let (scene, own) = Scene::with_app(policy()).await;
    let (mut browser, id, state) = scene.typing(0).await;
    assert_eq!((&state["otpLength"], &state["attemptsRemaining"]), (&json!(6), &json!(3)));
    let device = &state["devices"][0];
    assert_eq!(state["selectedDeviceRef"]["id"], device["id"]);
    assert_eq!(
        (&device["type"], &device["nickname"], &device["otpEnabled"], &device["pushEnabled"], &device["usable"]),
        (&json!("TOTP"), &json!("work"), &json!(true), &json!(false), &json!(true))
    );
    for sent in ["resendAfter", "expiresAt", "delivery"] {
        assert!(state.get(sent).is_none(), "nothing was sent: {state}");
    }
    assert!(state["_links"].get("resendOtp").is_none());
    only_its_links(&scene.world, &mut browser, &state, &id).await;
    let code = scene.shown(&own, 0);
    let typed = format!(" {} {}", &code[..3], &code[3..]);
    let state = check(&mut browser, &id, &typed).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("otp_verified")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp", "mfa"])));
    let trail = scene.world.rows("audit").await;
    for said in ["totp_device.added", "totp_device.activated", "otp_verified"] {
        assert!(trail.iter().any(|row| row.contains(said)), "{said}: {trail:?}");
    }
    assert!(!trail.iter().any(|row| row.contains(&code)), "{trail:?}");
    assert!(scene.world.inbox().is_empty(), "nobody is sent anything");
    // What was proved for one sign-in is worth nothing for the next.
    assert_eq!(browser.flow(&scene.shop, &[]).await["status"], "AUTHENTICATION_REQUIRED");
}

#[tokio::test]
async fn security_121_a_code_is_taken_once_and_none_before_it() {
    let (scene, own) = Scene::with_app(policy()).await;
    let (mut browser, id, _) = scene.typing(0).await;
    let code = scene.shown(&own, 0);
    check(&mut browser, &id, &code).await.ok();
    scene.tokens(&mut browser, &id).await;
    // In another flow, and in the same session.
    let (mut another, other, _) = scene.typing(0).await;
    for worthless in [code.clone(), scene.shown(&own, -1)] {
        refused(&check(&mut another, &other, &worthless).await, "VALIDATION_ERROR", "INVALID_OTP");
    }
    let next = browser.flow(&scene.shop, &[]).await;
    let next = next["id"].as_str().unwrap();
    assert_eq!(browser.act(next, "authenticate", &json!({})).await.ok()["status"], REQUIRED);
    scene.world.clock.advance(seconds(30));
    assert_eq!(check(&mut another, &other, &scene.shown(&own, 0)).await.ok()["code"], "otp_verified");
    refused(&check(&mut browser, next, &scene.shown(&own, 0)).await, "VALIDATION_ERROR", "INVALID_OTP");
}

/// Nor is the one of the activation.
#[tokio::test]
async fn security_121_the_code_that_activated_an_app_signs_nobody_in() {
    let scene = Scene::of(policy()).await;
    let own = scene.made_authenticator("alice").await;
    let code = scene.shown(&own, 0);
    let admin = scene.another_robot("activates").await;
    admin.post(&format!("{}/activate", own.path), &json!({ "otp": code })).await.ok();
    let (mut browser, id, _) = scene.typing(0).await;
    refused(&check(&mut browser, &id, &code).await, "VALIDATION_ERROR", "INVALID_OTP");
}

#[tokio::test]
async fn security_121_a_code_is_good_for_its_own_step_and_those_beside_it() {
    for (grace, steps, good) in
        [(1, -1, true), (1, 1, true), (1, -2, false), (1, 2, false), (3, -3, true), (3, 3, true), (3, 4, false)]
    {
        let mut mfa = policy();
        mfa["totp"]["passcode_grace_period"] = json!(grace);
        let (scene, own) = Scene::with_app(mfa).await;
        scene.world.clock.advance(seconds(300));
        let (mut browser, id, _) = scene.typing(0).await;
        let answer = check(&mut browser, &id, &scene.shown(&own, steps)).await;
        if good {
            assert_eq!(answer.ok()["code"], "otp_verified", "{steps} of {grace}");
        } else {
            refused(&answer, "VALIDATION_ERROR", "INVALID_OTP");
        }
    }
}

/// [security.md case 115] and by no other way either.
#[tokio::test]
async fn t9_9_three_wrong_codes_of_an_app_lock_those_that_are_sent_too() {
    let mut mfa = policy();
    mfa["email"] = json!({ "enabled": true });
    let (scene, own) = Scene::with_app(mfa).await;
    scene.address("alice", "alice@home.example").await;
    let (mut browser, id, state) = scene.typing(0).await;
    let right = scene.shown(&own, 0);
    for left in [2, 1] {
        let answer = check(&mut browser, &id, &wrong(&right)).await;
        refused(&answer, "VALIDATION_ERROR", "INVALID_OTP");
        assert_eq!(answer.json()["details"][0]["attemptsRemaining"], left);
        assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok()["attemptsRemaining"], left);
    }
    for otp in [wrong(&right), right] {
        refused(&check(&mut browser, &id, &otp).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    }
    let address = json!({ "deviceRef": { "id": state["devices"][1]["id"] } });
    refused(&browser.act(&id, "selectDevice", &address).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    let mut another = scene.world.browser();
    let next = scene.at_second_factor(&mut another).await;
    refused(&another.act(&next, "authenticate", &json!({})).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    assert!(scene.world.inbox().is_empty());
    scene.world.clock.advance(seconds(120));
    assert_eq!(check(&mut browser, &id, &scene.shown(&own, 0)).await.ok()["code"], "otp_verified");
}

/// [security.md 5.1] they are counted together, so that each way shows how many are left of them all.
#[tokio::test]
async fn t9_9_the_strictest_way_says_for_all_how_many_codes_may_be_wrong() {
    let mut mfa = policy();
    mfa["totp"]["attempts"] = json!(7);
    mfa["email"] = json!({ "enabled": true, "attempts": 4 });
    // One that is off says nothing.
    mfa["sms"] = json!({ "enabled": false, "attempts": 1 });
    let (scene, own) = Scene::with_app(mfa).await;
    scene.address("alice", "alice@home.example").await;
    let (mut browser, id, state) = scene.typing(0).await;
    assert_eq!(state["attemptsRemaining"], 4);
    let address = json!({ "deviceRef": { "id": state["devices"][1]["id"] } });
    let right = scene.shown(&own, 0);
    for left in [3, 2, 1] {
        assert_eq!(check(&mut browser, &id, &wrong(&right)).await.json()["details"][0]["attemptsRemaining"], left);
    }
    assert_eq!(browser.act(&id, "selectDevice", &address).await.ok()["attemptsRemaining"], 1);
    let code = scene.code(1).await;
    refused(&check(&mut browser, &id, &wrong(&code)).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
}

/// [reliability.md R14]
#[tokio::test]
async fn r14_of_a_hundred_guesses_at_once_three_are_compared_with_what_an_app_shows() {
    let (scene, own) = Scene::with_app(policy()).await;
    let (browser, id, _) = scene.typing(0).await;
    let code = scene.shown(&own, 0);
    let guesses = (0..100).map(|guess| {
        let mut browser = browser.clone();
        let (id, otp) = (id.clone(), if guess == 50 { code.clone() } else { wrong(&code) });
        async move { check(&mut browser, &id, &otp).await }
    });
    let answers = join_all(guesses).await;
    let right = answers.iter().filter(|answer| answer.status == 200).count();
    let looked = answers.iter().filter(|answer| answer.text().contains("INVALID_OTP")).count();
    assert!(right <= 1 && looked <= 3, "{right} right, {looked} looked at");
}

/// [RFC 6238 §5.2; security.md case 121] one code, several flows, two nodes.
#[tokio::test]
async fn r14_of_many_who_bring_one_code_on_two_nodes_one_gets_through() {
    const CROWD: usize = 3;
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).redis().nodes(2).start().await;
        let mut mfa = policy();
        mfa["totp"]["attempts"] = json!(7);
        let scene = Scene::in_world(world, mfa).await;
        scene.known_at(1).await;
        let own = scene.authenticator("alice").await;
        // Nine wrong ones at most: the tenth in an hour would lock.
        for round in 0..4 {
            let mut flows = Vec::new();
            for number in 0..CROWD {
                flows.push(scene.typing(number % 2).await);
            }
            let code = scene.shown(&own, 0);
            let tries = flows.iter_mut().map(|(browser, id, _)| check(browser, id, &code));
            let answers = join_all(tries).await;
            let right = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(right, 1, "{backing:?}, round {round}");
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                refused(answer, "VALIDATION_ERROR", "INVALID_OTP");
            }
            scene.world.clock.advance(seconds(30));
        }
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_counts_once_a_code_was_brought() {
    let mut mfa = policy();
    mfa["no_devices_mode"] = json!("bypass");
    let scene = Scene::of(mfa).await;
    let own = scene.made_authenticator("alice").await;
    let admin = scene.another_robot("reads").await;
    let (all, _) = own.path.rsplit_once('/').unwrap();
    let read = admin.get(&own.path).await.ok();
    assert_eq!((&read["status"], &read["nickname"]), (&json!("activation_required"), &json!("work")));
    assert!(read.get("secret").is_none() && read.get("key_uri").is_none(), "{read}");
    assert_eq!(admin.get(all).await.ok()["items"], json!([read]));
    // Nobody has it yet.
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    assert_eq!(browser.act(&id, "authenticate", &json!({})).await.ok()["code"], "bypassed");

    let activate = format!("{}/activate", own.path);
    let right = scene.shown(&own, 0);
    for otp in [wrong(&right), String::new(), scene.shown(&own, 2)] {
        let answer = admin.post(&activate, &json!({ "otp": otp })).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/otp", "{}", answer.text());
    }
    let active = admin.post(&activate, &json!({ "otp": right })).await.ok();
    assert_eq!(active["status"], "active");
    assert!(active["activated_at"].is_string());
    scene.world.clock.advance(seconds(30));
    let again = admin.post(&activate, &json!({ "otp": scene.shown(&own, 0) })).await;
    again.admin_problem(422, "validation_failed");
    scene.typing(0).await;

    for _ in 0..4 {
        scene.made_authenticator("alice").await;
    }
    admin.post(all, &json!({})).await.admin_problem(422, "validation_failed");
    for nickname in ["", "\u{7}", &"a".repeat(101)] {
        admin.post(all, &json!({ "nickname": nickname })).await.admin_problem(422, "validation_failed");
    }
    let nobody = "/admin/v1/users/usr_00000000000000000000000000/totp-devices";
    admin.post(nobody, &json!({})).await.admin_problem(404, "not_found");
    assert_eq!(admin.delete(&own.path).await.status, 204);
    for answer in [admin.get(&own.path).await, admin.delete(&own.path).await] {
        answer.admin_problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_codes_of_an_app_that_was_taken_away_are_worth_nothing() {
    let (scene, own) = Scene::with_app(policy()).await;
    let (mut browser, id, _) = scene.typing(0).await;
    assert_eq!(scene.another_robot("deletes").await.delete(&own.path).await.status, 204);
    let state = check(&mut browser, &id, &scene.shown(&own, 0)).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
    assert!(scene.world.rows("token_grant").await.is_empty());
}

/// [flows.md H.7 I8]
#[tokio::test]
async fn the_app_of_another_person_is_none() {
    let (scene, own) = Scene::with_app(policy()).await;
    scene.world.user("bob").with_password(PASSWORD).await;
    let bobs = scene.authenticator("bob").await;
    let (mut browser, id, state) = scene.typing(0).await;
    refused(&check(&mut browser, &id, &scene.shown(&bobs, 0)).await, "VALIDATION_ERROR", "INVALID_OTP");
    assert_eq!(state["devices"].as_array().unwrap().len(), 1, "{state}");
    assert_eq!(check(&mut browser, &id, &scene.shown(&own, 0)).await.ok()["code"], "otp_verified");
}

#[tokio::test]
async fn an_authenticator_app_counts_where_the_policy_has_them() {
    let mfa = json!({ "id": "mfa", "no_devices_mode": "bypass" });
    let (scene, _) = Scene::with_app(mfa).await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_USABLE_DEVICES")));
}

/// [flows.md F10] as every other way.
#[tokio::test]
async fn t10_2_the_code_of_an_authenticator_app_lets_in_a_phone_where_that_is_all_there_is() {
    let mut mfa = new_device::policy();
    mfa["totp"] = json!({ "enabled": true });
    let (scene, own) = Scene::with_app(mfa).await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(REQUIRED), &json!("APPROVE_NEW_DEVICE")));
    assert_eq!((&state["devices"][0]["type"], &state["newDevice"]["model"]), (&json!("TOTP"), &json!("Pixel 9")));
    let right = scene.shown(&own, 0);
    refused(&check(&mut browser, &id, &wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    let state = check(&mut browser, &id, &right).await.ok();
    assert_eq!(scene.devices().await, 0, "nothing is paired by a code");
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp", "mfa"])));
    assert_eq!(scene.by(&new).await.2["code"], "device_authorized");
}

/// On our own pages, without a script.
#[tokio::test]
async fn the_page_takes_the_code_of_an_authenticator_app() {
    let mut mfa = policy();
    mfa["email"] = json!({ "enabled": true });
    let (scene, own) = Scene::with_app(mfa).await;
    scene.address("alice", "alice@home.example").await;
    let (mut browser, page) = scene.page(None).await;
    page.has("Your authenticator app shows the code.");
    assert!(!page.answer.text().contains("value=\"resend\""), "{}", page.answer.text());
    let right = scene.shown(&own, 0);
    browser.press(&page, "continue", &[("code", "")]).await.unwrap().has("Enter the code.");
    browser.press(&page, "continue", &[("code", &wrong(&right))]).await.unwrap().has("This code is not right");
    let choice = browser.open(&format!("/sign-in/{}?method=device", page.flow())).await.unwrap();
    choice.has("Code from your authenticator app").has("a•••@home.example");
    let done = browser.press(&page, "continue", &[("code", &right)]).await;
    assert!(done.is_err(), "back at the shop");
}

#[tokio::test]
async fn the_page_says_that_no_code_of_an_app_is_looked_at_any_more() {
    let (scene, own) = Scene::with_app(policy()).await;
    let (mut browser, mut page) = scene.page(None).await;
    let right = scene.shown(&own, 0);
    for _ in 0..3 {
        page = browser.press(&page, "continue", &[("code", &wrong(&right))]).await.unwrap();
    }
    page.has("Too many codes were wrong").has("then try again");
    browser.press(&page, "continue", &[("code", &right)]).await.unwrap().has("Too many codes were wrong");
}

/// [flows.md D.5] what was shown in a sign-in a moment ago is not asked for again on the page of the account.
#[tokio::test]
async fn whoever_has_just_brought_a_code_changes_their_devices_on_the_page() {
    let (mut scene, own) = Scene::with_app(policy()).await;
    let (mut browser, id, _) = scene.typing(0).await;
    check(&mut browser, &id, &scene.shown(&own, 0)).await.ok();
    scene.tokens(&mut browser, &id).await;
    for _ in 0..2 {
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
    }
    let devices = "/account/devices";
    let ids = [0, 1].map(|phone| public_id::encode(Kind::Device, scene.alice.phones[phone].device().uuid()));
    let page = browser.open(devices).await.unwrap();
    assert_eq!(browser.press(&page, "remove", &[("device", ids[1].as_str())]).await.unwrap().path, devices);
    assert_eq!(scene.world.rows("device").await.len(), 1);
    // The next sign-in asks for one of its own, whatever it was.
    assert_eq!(browser.flow(&scene.shop, &[]).await["status"], "AUTHENTICATION_REQUIRED");
    scene.world.clock.advance(seconds(5 * 60));
    let page = browser.open(devices).await.unwrap();
    let asked = browser.press(&page, "remove", &[("device", ids[0].as_str())]).await.unwrap();
    assert_eq!(asked.path, "/account/confirm?for=devices");
    assert_eq!(scene.world.rows("device").await.len(), 1);
}
