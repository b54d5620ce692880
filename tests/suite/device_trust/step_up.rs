//! Whoever signs in on the web is asked on their phone [flows.md F9; security.md 1.14, 5.6; reliability.md R11].

use nod_device::{DenyReason, NumberMatching};
use serde_json::Value;

use super::{PASSWORD, Scene, authenticate, claims, json, made};
use crate::admin::robot::Robot;
use crate::sign_in::cookieless::Caller;
use crate::sign_in::every_state::only_its_links;
use crate::world::{Answer, Browser, FLOWS, World, seconds};

pub(super) const WAITING: &str = "PUSH_CONFIRMATION_WAITING";
pub(super) const TIMED_OUT: &str = "PUSH_CONFIRMATION_TIMED_OUT";
pub(super) const REJECTED: &str = "PUSH_CONFIRMATION_REJECTED";
pub(super) const SELECTION: &str = "DEVICE_SELECTION_REQUIRED";

/// A policy for people who have their phones from a key.
pub(super) fn without_numbers() -> Value {
    json!({ "id": "mfa", "number_matching": "off" })
}

impl Scene {
    /// With so many phones of alice, the first of them the primary one.
    pub(super) async fn with_phones(mfa: Value, phones: usize) -> Self {
        Self::with_phones_in(World::start().await, mfa, phones).await
    }

    pub(super) async fn with_phones_in(world: World, mfa: Value, phones: usize) -> Self {
        let mut scene = Self::in_world(world, mfa).await;
        for _ in 0..phones {
            let phone = scene.world.phone();
            scene.alice.pair(phone).await;
        }
        scene
    }

    /// A sign-in whose second factor is asked for.
    pub(super) async fn asked(&self) -> (Browser, String, Value) {
        let mut browser = self.world.browser();
        let id = self.at_second_factor(&mut browser).await;
        let state = browser.act(&id, "authenticate", &json!({})).await.ok();
        (browser, id, state)
    }

    pub(super) fn device(&self, phone: usize) -> String {
        self.alice.phones[phone].device().to_string()
    }
}

pub(super) async fn poll(browser: &mut Browser, id: &str) -> Value {
    browser.act(id, "poll", &json!({})).await.ok()
}

pub(super) async fn select(browser: &mut Browser, id: &str, device: &str) -> Answer {
    browser.act(id, "selectDevice", &json!({ "deviceRef": { "id": device } })).await
}

/// A sign-in at this world's shop, from the password to the tokens, with a yes on a phone.
pub(crate) async fn signs_in_with_a_phone(world: World) -> World {
    let scene = Scene::with_phones_in(world, without_numbers(), 1).await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], WAITING);
    scene.alice.phone().approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["status"], "MFA_COMPLETED");
    scene.tokens(&mut browser, &id).await;
    scene.world
}

/// Gave up: the client is told.
pub(super) async fn gives_up(browser: &mut Browser, id: &str) {
    let state = browser.act(id, "cancelAuthentication", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["authorizeResponse"]["error"]), (&json!("FAILED"), &json!("access_denied")));
}

#[tokio::test]
async fn t9_1_whoever_signs_in_on_the_web_is_asked_on_their_phone() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], WAITING);
    assert_eq!(
        (&state["selectedDeviceRef"]["id"], &state["changeDevicePermitted"]),
        (&json!(scene.device(0)), &json!(false))
    );
    let device = &state["devices"][0];
    assert_eq!(
        (&device["id"], &device["type"], &device["usable"]),
        (&json!(scene.device(0)), &json!("MOBILE"), &json!(true))
    );
    assert!(state.get("numberMatching").is_none() && state["expiresAt"].is_string());
    assert_eq!(poll(&mut browser, &id).await, state, "nobody has answered");

    let phone = scene.alice.phone();
    let question = phone.question().await;
    assert!(question.title.contains("shop"), "{}", question.title);
    phone.approve(&question).await.ok();
    assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), state, "looking changes nothing");
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("push_confirmed")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["acr"], "urn:nod:acr:device");
    assert_eq!(told["amr"], json!(["pwd", "pop", "swk", "user", "mfa"]));

    // The evidence is kept, and the only grant is that of the code.
    let decisions = scene.world.rows("decision").await;
    assert!(decisions.len() == 1 && decisions[0].contains("approved"), "{decisions:?}");
    assert_eq!(scene.world.rows("token_grant").await.len(), 1);
    // What was proved for one sign-in is worth nothing for the next.
    let next = browser.flow(&scene.shop, &[]).await;
    assert_eq!(next["status"], "AUTHENTICATION_REQUIRED");
}

/// [flows.md A.1 rule 8, F13]
#[tokio::test]
async fn an_application_without_cookies_has_somebody_asked_as_well() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let app = scene.world.client("app").signs_in().redirectless().implied_consent().cookieless().await;
    let (mut caller, _) = Caller::begin(&scene.world, &app).await;
    caller.act("checkUsernamePassword", &json!({ "username": "alice", "password": PASSWORD })).await.ok();
    let state = caller.act("authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(WAITING), &json!(scene.device(0))));
    let [first, second] = &scene.alice.phones[..] else { panic!("two phones") };
    let given_up = first.question().await;

    let state = caller.act("selectDevice", &json!({ "deviceRef": { "id": scene.device(1) } })).await.ok();
    assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(WAITING), &json!(scene.device(1))));
    assert_eq!(first.approve(&given_up).await.status, 409);
    assert_eq!(caller.act("poll", &json!({})).await.ok()["status"], WAITING);
    second.approve(&second.question().await).await.ok();
    assert_eq!(caller.again().await["status"], WAITING, "looking changes nothing");
    let state = caller.act("poll", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("push_confirmed")));
    let state = caller.act("continueAuthentication", &json!({})).await.ok();
    assert_eq!(state["status"], "COMPLETED");
    let tokens = app.redeem(state["authorizeResponse"]["code"].as_str().unwrap()).await.ok();
    assert_eq!(claims(&tokens)["acr"], "urn:nod:acr:device");
}

#[tokio::test]
async fn t9_5_a_payload_that_is_none_asks_nobody() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let answer = authenticate(&mut browser, &id, "nonsense").await;
    assert_eq!((answer.status, answer.json()["details"][0]["code"].clone()), (400, json!("INVALID_MOBILE_PAYLOAD")));
    assert!(scene.alice.phone().pending().await.is_empty());
    // That of an app that nobody trusts yet leads to the phone that is.
    let (other, mut again) = (scene.world.phone(), scene.world.browser());
    let id = scene.at_second_factor(&mut again).await;
    let state = authenticate(&mut again, &id, &other.payload(|_| {})).await.ok();
    assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(WAITING), &json!(scene.device(0))));
    let body = json!({ "deviceRef": { "id": scene.device(0) }, "mobilePayload": "nonsense" });
    let answer = again.act(&id, "selectDevice", &body).await;
    assert_eq!((answer.status, answer.json()["details"][0]["code"].clone()), (400, json!("INVALID_MOBILE_PAYLOAD")));
    assert_eq!(scene.alice.phone().pending().await.len(), 1);
}

#[tokio::test]
async fn t9_6_a_no_ends_the_sign_in_and_a_report_locks_the_person() {
    for reason in [DenyReason::None, DenyReason::ReportFraud] {
        let scene = Scene::with_phones(without_numbers(), 1).await;
        let (mut browser, id, _) = scene.asked().await;
        let phone = scene.alice.phone();
        phone.deny(&phone.question().await, reason).await.ok();
        let state = poll(&mut browser, &id).await;
        assert_eq!(state["status"], REJECTED);
        only_its_links(&scene.world, &mut browser, &state, &id).await;
        gives_up(&mut browser, &id).await;
        assert!(scene.world.rows("token_grant").await.is_empty());
        let locked = scene.world.rows("audit").await.iter().any(|row| row.contains("user.locked"));
        assert_eq!(locked, reason == DenyReason::ReportFraud);
    }
}

#[tokio::test]
async fn t9_7_nobody_answers_in_time_and_is_asked_again() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let (mut browser, id, state) = scene.asked().await;
    let phone = scene.alice.phone();
    let old = phone.question().await;
    scene.world.clock.advance(seconds(41));
    let looked = browser.get(&format!("{FLOWS}{id}")).await.ok();
    assert_eq!(looked, state, "time alone leads nowhere");
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(TIMED_OUT), &json!(scene.device(0))));
    assert!(phone.pending().await.is_empty());
    assert_eq!(phone.approve(&old).await.status, 409);
    only_its_links(&scene.world, &mut browser, &state, &id).await;

    let state = select(&mut browser, &id, &scene.device(0)).await.ok();
    assert_eq!(state["status"], WAITING);
    let new = phone.question().await;
    assert_ne!(new.notification_id, old.notification_id);
    assert_eq!(phone.approve(&old).await.status, 409, "the old question is over");
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
    phone.approve(&new).await.ok();
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
    scene.tokens(&mut browser, &id).await;
}

/// [reliability R11] an approval that came in time counts, if somebody comes for it in time.
#[tokio::test]
async fn an_approval_that_nobody_came_for_is_worth_nothing_after_a_while() {
    for (later, status) in [(99, "MFA_COMPLETED"), (101, TIMED_OUT)] {
        let scene = Scene::with_phones(without_numbers(), 1).await;
        let (mut browser, id, _) = scene.asked().await;
        scene.alice.phone().approve_the_question().await;
        scene.world.clock.advance(seconds(later));
        assert_eq!(poll(&mut browser, &id).await["status"], status, "{later}");
    }
}

/// [security.md case 122]
#[tokio::test]
async fn t9_12_nobody_is_asked_without_end() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    for _ in 0..5 {
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["status"], WAITING);
        gives_up(&mut browser, &id).await;
    }
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let failed = |answer: Answer| {
        let told = answer.json();
        assert_eq!((answer.status, &told["code"]), (400, &json!("REQUEST_FAILED")), "{told}");
        assert_eq!(told["details"][0]["code"], "PUSH_FAILED");
    };
    failed(browser.act(&id, "authenticate", &json!({})).await);
    assert!(scene.alice.phone().pending().await.is_empty(), "nothing was sent");
    assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok()["status"], "AUTHENTICATION_REQUIRED");
    scene.world.clock.advance(seconds(29 * 60));
    failed(browser.act(&id, "authenticate", &json!({})).await);
    scene.world.clock.advance(seconds(61));
    let (_, _, state) = scene.asked().await;
    assert_eq!(state["status"], WAITING);
}

/// It is the person who is asked, whatever asks them: another policy gives no other five questions.
#[tokio::test]
async fn security_5_6_another_policy_asks_no_more_often() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let mut another = without_numbers();
    another["id"] = json!("another");
    made(&admin, "/admin/v1/mfa-policies", another).await;
    for policy in ["mfa", "another", "mfa", "another", "mfa"] {
        asks_by(&admin, policy).await;
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["status"], WAITING);
        gives_up(&mut browser, &id).await;
    }
    for policy in ["another", "mfa"] {
        asks_by(&admin, policy).await;
        let mut browser = scene.world.browser();
        let id = scene.at_second_factor(&mut browser).await;
        let told = browser.act(&id, "authenticate", &json!({})).await.json();
        assert_eq!(told["details"][0]["code"], "PUSH_FAILED", "{policy}: {told}");
    }
    assert!(scene.alice.phone().pending().await.is_empty(), "nothing was sent");
}

/// The MFA policy of the second step, from now on.
async fn asks_by(admin: &Robot<'_>, policy: &str) {
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "mfa", "source": "mfa", "mfa_policy": policy },
    ]);
    admin.patch("/admin/v1/policies/both", &json!({ "steps": steps })).await.ok();
}

/// On our own pages, nobody has anything to press: the policy knows what becomes of it.
#[tokio::test]
async fn t9_13_what_becomes_of_those_without_devices_is_nothing_to_those_who_have_one() {
    let mut mfa = without_numbers();
    mfa["no_devices_mode"] = json!("bypass");
    mfa["incompatible_devices_mode"] = json!("bypass");
    let scene = Scene::with_phones(mfa, 1).await;
    let (_, _, state) = scene.asked().await;
    assert_eq!(state["status"], WAITING);
    scene.alice.phone().block().await;
    let (_, _, state) = scene.asked().await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("bypassed")));
}

#[tokio::test]
async fn t9_14_another_device_is_asked_and_the_first_one_no_more() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let (mut browser, id, state) = scene.asked().await;
    let (first, second) = (&scene.alice.phones[0], &scene.alice.phones[1]);
    assert_eq!((state["devices"].as_array().unwrap().len(), &state["changeDevicePermitted"]), (2, &json!(true)));
    let question = first.question().await;
    assert!(second.pending().await.is_empty(), "one device is asked");
    assert_eq!(second.approve(&question).await.status, 404, "and no other answers");

    let state = select(&mut browser, &id, &scene.device(1)).await.ok();
    assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(WAITING), &json!(scene.device(1))));
    assert!(first.pending().await.is_empty());
    assert_eq!(first.approve(&question).await.status, 409);
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
    second.approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
}

/// [security.md case 123]
#[tokio::test]
async fn t9_15_the_number_of_the_screen_is_picked_on_the_phone() {
    let scene = Scene::with_phones(json!({ "id": "mfa" }), 1).await;
    let phone = scene.alice.phone();
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["numberMatching"]["type"], "SELECT_NUMBER");
    let number = u32::try_from(state["numberMatching"]["value"].as_u64().unwrap()).unwrap();
    let question = phone.question().await;
    let Some(NumberMatching::SelectNumber { options }) = question.number_matching.clone() else { unreachable!() };
    assert!(options.contains(&number) && options.len() == 3);
    phone.approve_with(&question, number).await.ok();
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
    assert_eq!(claims(&scene.tokens(&mut browser, &id).await)["acr"], "urn:nod:acr:device-number");

    let (mut browser, id, state) = scene.asked().await;
    let right = u32::try_from(state["numberMatching"]["value"].as_u64().unwrap()).unwrap();
    let wrong = if right == 99 { 98 } else { right + 1 };
    phone.approve_with_any(&phone.question().await, wrong).await.problem(403, "NUMBER_MISMATCH");
    assert_eq!(poll(&mut browser, &id).await["status"], REJECTED, "one try");

    let (mut browser, id, _) = scene.asked().await;
    let question = phone.question().await;
    let offered = match &question.number_matching {
        Some(NumberMatching::SelectNumber { options }) => options[0],
        _ => unreachable!(),
    };
    let bare = phone.craft_approval(&question, Some(offered)).said("numberPicked", Value::Null);
    phone.send(&bare).await.problem(403, "NUMBER_MISMATCH");
    assert_eq!(poll(&mut browser, &id).await["status"], REJECTED, "nor is it approved without");
}

#[tokio::test]
async fn the_person_says_on_which_device_where_the_policy_says_so() {
    let mut mfa = without_numbers();
    mfa["device_selection"] = json!("prompt_to_select");
    let scene = Scene::with_phones(mfa, 2).await;
    let bob = scene.world.user("bob").with_phone().await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], SELECTION);
    assert_eq!(
        state["devices"].as_array().unwrap().iter().map(|one| &one["role"]).collect::<Vec<_>>(),
        ["PRIMARY", "TRUSTED"]
    );
    assert_eq!((&state["manageDevicesAllowed"], &state["deviceManagementState"]), (&json!(true), &json!(false)));
    for flag in
        ["userSelectedDefault", "manualPairingPermitted", "newPairingAuthRequired", "usePasswordAuthenticationEnabled"]
    {
        assert_eq!(state[flag], false, "{flag}");
    }
    assert!(scene.alice.phones[0].pending().await.is_empty(), "nobody is asked yet");
    only_its_links(&scene.world, &mut browser, &state, &id).await;

    let invalid = |answer: Answer, code: &str| {
        let told = answer.json();
        assert_eq!((answer.status, &told["details"][0]["code"]), (400, &json!(code)), "{told}");
    };
    // [flows.md I8]
    invalid(select(&mut browser, &id, &bob.phone().device().to_string()).await, "INVALID_DEVICE");
    invalid(select(&mut browser, &id, "nonsense").await, "INVALID_DEVICE");
    for (body, code) in [
        (json!({}), "FIELD_REQUIRED"),
        (json!({ "deviceRef": {} }), "FIELD_REQUIRED"),
        (json!({ "deviceRef": scene.device(1) }), "INVALID_FIELD_FORMAT"),
        (json!({ "deviceRef": { "id": scene.device(1), "more": true } }), "INVALID_FIELD_FORMAT"),
        (json!({ "deviceRef": { "id": 1 } }), "INVALID_FIELD_FORMAT"),
    ] {
        invalid(browser.act(&id, "selectDevice", &body).await, code);
    }
    scene.alice.phones[1].block().await;
    invalid(select(&mut browser, &id, &scene.device(1)).await, "INVALID_DEVICE");
    assert_eq!(select(&mut browser, &id, &scene.device(0)).await.ok()["status"], WAITING);
    scene.alice.phones[0].approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
}

#[tokio::test]
async fn whoever_gives_up_takes_the_question_back() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let (mut browser, id, state) = scene.asked().await;
    let phone = scene.alice.phone();
    let question = phone.question().await;
    only_its_links(&scene.world, &mut browser, &state, &id).await;
    gives_up(&mut browser, &id).await;
    assert!(phone.pending().await.is_empty());
    phone.approve(&question).await.problem(409, "CANCELED");
    assert!(scene.world.rows("token_grant").await.is_empty());
}

/// [security.md 94] what is blocked between the answer and the tokens vouches for nobody.
#[tokio::test]
async fn a_device_that_is_blocked_after_its_yes_vouches_for_nobody() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let (mut browser, id, _) = scene.asked().await;
    scene.alice.phone().approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
    scene.alice.phone().block().await;
    let state = browser.act(&id, "continueAuthentication", &json!({})).await.ok();
    assert_eq!(state["authorizeResponse"]["error"], "access_denied");
}

/// [OIDCC §5.5.1.1]
#[tokio::test]
async fn an_essential_acr_of_a_device_can_be_had_on_the_web() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    for (value, answer) in [("urn:nod:acr:device", "code"), ("urn:nod:acr:trusted-device", "error")] {
        let needs = format!(r#"{{"id_token":{{"acr":{{"essential":true,"value":"{value}"}}}}}}"#);
        let mut browser = scene.world.browser();
        let first = browser.flow(&scene.shop, &[("claims", &needs)]).await;
        let id = first["id"].as_str().unwrap().to_owned();
        browser.password(&id, "alice", PASSWORD).await.ok();
        browser.act(&id, "authenticate", &json!({})).await.ok();
        scene.alice.phone().approve_the_question().await;
        poll(&mut browser, &id).await;
        let state = browser.act(&id, "continueAuthentication", &json!({})).await.ok();
        assert!(state["authorizeResponse"].get(answer).is_some(), "{state}");
    }
}
