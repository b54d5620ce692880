//! A server has somebody asked for a second factor, outside of any sign-in [flows.md A.3, H.4].

use nod::domain::user::Status;
use nod::protocol::public_id::{self, Kind};
use reqwest::Method;
use serde_json::Value;

use super::step_up::without_numbers;
use super::step_up_fido2::{self, Desk};
use super::step_up_otp::wrong;
use super::{Scene, json, phone_passcodes, usual};
use crate::admin::robot::{Robot, usr};
use crate::world::{Answer, FLOWS, World, b64, seconds};

pub(super) const PATH: &str = "/deviceAuthentications";
const SCOPE: &str = "nod:device-authentications";
pub(super) const WAITING: &str = "PUSH_CONFIRMATION_REQUIRED";

/// Where one is, for its client.
pub(super) struct Asked {
    pub(super) at: String,
    pub(super) state: Value,
}

impl Scene {
    /// A server that may have people asked.
    pub(super) async fn server(&self) -> Robot<'_> {
        self.world.robot("server", SCOPE).await
    }

    pub(super) fn about_alice(&self) -> Value {
        json!({ "user": { "id": self.alice.id.uuid().to_string() } })
    }
}

pub(super) async fn begin(server: &Robot<'_>, wanted: &Value) -> Asked {
    let answer = server.post(PATH, wanted).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let state = answer.json();
    let at = format!("{PATH}/{}", state["id"].as_str().unwrap());
    assert!(answer.header("location").unwrap().ends_with(&at), "{:?}", answer.header("location"));
    assert_eq!(answer.header("location").unwrap(), state["_links"]["self"]["href"]);
    Asked { at, state }
}

pub(super) async fn look(server: &Robot<'_>, asked: &Asked) -> Value {
    server.get(&asked.at).await.ok()
}

pub(super) async fn act(server: &Robot<'_>, asked: &Asked, action: &str, body: &Value) -> Answer {
    let kind = format!("application/vnd.pingidentity.{action}+json");
    let request = server.request(Method::POST, &asked.at).header("content-type", kind);
    Answer::of(request.body(body.to_string())).await
}

/// Each call once.
pub(super) async fn examples(scene: &Scene) {
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    assert_eq!(look(&server, &asked).await["status"], WAITING);
    act(&server, &asked, "cancel.push.authentication", &json!({ "reason": "CHANGE_DEVICE" })).await.ok();
}

pub(super) fn failed(state: &Value, code: &str) {
    assert_eq!((&state["status"], &state["error"]["code"]), (&json!("FAILED"), &json!(code)), "{state}");
    assert_eq!(state["authenticators"], json!([]));
}

pub(super) fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{}", answer.text());
    assert!(answer.json()["message"].is_string() && answer.json()["id"].is_string(), "{}", answer.text());
}

#[tokio::test]
async fn a3_a_server_has_somebody_asked_on_their_phone() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let server = scene.server().await;
    let mut wanted = scene.about_alice();
    wanted["policy"] = json!({ "id": "mfa" });
    let asked = begin(&server, &wanted).await;
    let state = &asked.state;
    assert_eq!((&state["status"], &state["policy"]["id"]), (&json!(WAITING), &json!("mfa")), "{state}");
    assert_eq!(state["selectedDevice"]["id"], scene.device(0));
    assert_eq!(state["_embedded"]["devices"][0]["type"], "MOBILE");
    assert_eq!(look(&server, &asked).await, *state, "nobody has answered");

    scene.alice.phone().approve_the_question().await;
    let state = look(&server, &asked).await;
    assert_eq!((&state["status"], &state["bypassed"]), (&json!("COMPLETED"), &json!(false)), "{state}");
    assert_eq!(state["authenticators"], json!(["pop", "swk", "user", "mfa"]));
    assert_eq!(look(&server, &asked).await, state, "and it stays so");
    refused(&act(&server, &asked, "cancel.push.authentication", &json!({})).await, 400, "INVALID_REQUEST");
    // It signs nobody in.
    assert!(scene.world.rows("token_grant").await.is_empty());
    assert_eq!(scene.world.rows("decision").await.len(), 1);
}

/// By the MFA policy of its sign-on policy, and by the name that the admin API has for people.
#[tokio::test]
async fn a3_without_a_policy_it_is_that_of_the_client() {
    let scene = Scene::with_phones(json!({ "id": "mfa" }), 1).await;
    let server = scene.server().await;
    let asked = begin(&server, &json!({ "user": { "id": usr(&scene.alice) } })).await;
    assert_eq!(asked.state["policy"]["id"], "mfa");
    let number = u32::try_from(asked.state["numberMatching"]["value"].as_u64().unwrap()).unwrap();
    let phone = scene.alice.phone();
    phone.approve_with(&phone.question().await, number).await.ok();
    assert_eq!(look(&server, &asked).await["status"], "COMPLETED");
    let asked = begin(&server, &scene.about_alice()).await;
    phone.deny_the_question().await;
    failed(&look(&server, &asked).await, "PUSH_CONFIRMATION_REJECTED");
}

/// Neither is it told whether there is one, nor is it a flow.
#[tokio::test]
async fn a3_nobody_else_learns_anything_of_it() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    let other = scene.world.robot("other", SCOPE).await;
    let (foreign, unknown) = (other.get(&asked.at).await, other.get(&format!("{PATH}/{}", uuid::Uuid::nil())).await);
    for answer in [&foreign, &unknown] {
        refused(answer, 404, "NOT_FOUND");
    }
    assert_eq!(foreign.json()["message"], unknown.json()["message"]);
    refused(&act(&other, &asked, "cancel.push.authentication", &json!({})).await, 404, "NOT_FOUND");

    let cannot = scene.world.robot("cannot", "nod:users:write nod:devices:write").await;
    for answer in [cannot.get(&asked.at).await, cannot.post(PATH, &scene.about_alice()).await] {
        refused(&answer, 403, "ACCESS_DENIED");
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{SCOPE}\"");
        assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
    }
    for (token, challenge) in [(None, "Bearer"), (Some("nonsense"), "Bearer error=\"invalid_token\"")] {
        let answer = scene.world.admin_call(Method::GET, &asked.at, token).await;
        refused(&answer, 401, "INVALID_TOKEN");
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }

    let id = asked.state["id"].as_str().unwrap();
    let mut browser = scene.world.browser();
    let flow = scene.at_second_factor(&mut browser).await;
    assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.status, 404);
    assert_eq!(server.get(&format!("{PATH}/{flow}")).await.status, 404);
    assert_eq!(look(&server, &asked).await["status"], WAITING, "it is where it was");
}

#[tokio::test]
async fn a3_a_code_is_brought_once_and_wrong_ones_are_counted() {
    let mfa = json!({ "id": "mfa", "email": { "enabled": true } });
    let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
    scene.address("alice", "alice@home.example").await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    assert_eq!((&asked.state["status"], &asked.state["otpLength"]), (&json!("OTP_REQUIRED"), &json!(6)));
    let code = scene.code(1).await;
    let watch = scene.world.watch().await;
    let answer = act(&server, &asked, "otp.check", &json!({ "otp": wrong(&code) })).await;
    refused(&answer, 400, "INVALID_DATA");
    let detail = &answer.json()["details"][0];
    assert_eq!((&detail["code"], &detail["target"]), (&json!("INVALID_OTP"), &json!("otp")), "{detail}");
    assert_eq!(detail["attemptsRemaining"], 2);
    let state = act(&server, &asked, "otp.check", &json!({ "otp": code })).await.ok();
    assert_eq!(state["status"], "COMPLETED", "{state}");
    assert!(state["authenticators"].as_array().unwrap().contains(&json!("otp")), "{state}");
    // A code counts where it was taken, and a wrong one has one event, its own.
    let reasons = crate::admin::until("it is written down", async || {
        let reasons: Vec<String> = watch.events().await.into_iter().filter_map(|event| event.reason).collect();
        reasons.iter().any(|why| why == "otp_verified").then_some(reasons)
    });
    let reasons = reasons.await;
    assert!(!reasons.iter().any(|why| why.starts_with("INVALID_DATA")), "{reasons:?}");
    refused(&act(&server, &asked, "otp.check", &json!({ "otp": code })).await, 400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a3_the_code_of_an_authenticator_app_will_do() {
    let mfa = json!({ "id": "mfa", "totp": { "enabled": true } });
    let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
    let own = scene.authenticator("alice").await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    assert_eq!((&asked.state["status"], &asked.state["attemptsRemaining"]), (&json!("OTP_REQUIRED"), &json!(3)));
    let code = own.app.code(scene.world.now(), 0);
    let state = act(&server, &asked, "otp.check", &json!({ "otp": code })).await.ok();
    assert_eq!(state["status"], "COMPLETED", "{state}");
}

/// By the rules of sign-ins, on a page of the issuer's origin.
#[tokio::test]
async fn a3_a_passkey_answers_as_in_a_sign_in() {
    let (desk, mut passkey) = Desk::with_passkey(step_up_fido2::policy()).await;
    let (scene, origin) = (&desk.scene, passkey.origin.clone());
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    assert_eq!(asked.state["status"], "ASSERTION_REQUIRED", "{}", asked.state);
    let options = |state: &Value| state["publicKeyCredentialRequestOptions"].clone();
    let made = passkey.get(&options(&asked.state)).to_string();
    let sent = |made: &str, (name, value): (&str, &str)| json!({ "assertion": made, name: value });
    for said in [("origin", "https://shop.example"), ("compatibility", "SOME")] {
        let answer = act(&server, &asked, "assertion.check", &sent(&made, said)).await;
        refused(&answer, 400, "INVALID_DATA");
        let detail = &answer.json()["details"][0];
        assert_eq!((&detail["code"], &detail["target"]), (&json!("INVALID_FIELD_VALUE"), &json!(said.0)), "{detail}");
    }
    assert_eq!(look(&server, &asked).await, asked.state, "that was no try");
    passkey.challenge = Some(b64(b"something else"));
    let of_another = passkey.get(&options(&asked.state)).to_string();
    passkey.challenge = None;
    let answer = act(&server, &asked, "assertion.check", &sent(&of_another, ("origin", &origin))).await;
    refused(&answer, 400, "INVALID_DATA");
    assert_eq!(answer.json()["details"][0]["code"], "CREDENTIAL_VALIDATION_FAILED");
    refused(&act(&server, &asked, "assertion.check", &sent(&made, ("origin", &origin))).await, 400, "INVALID_DATA");
    let state = look(&server, &asked).await;
    assert_ne!(options(&state)["challenge"], options(&asked.state)["challenge"], "each try has its own");
    let made = passkey.get(&options(&state)).to_string();
    let state = act(&server, &asked, "assertion.check", &sent(&made, ("compatibility", "FULL"))).await.ok();
    assert_eq!((&state["status"], &state["bypassed"]), (&json!("COMPLETED"), &json!(false)), "{state}");
}

#[tokio::test]
async fn a3_another_device_is_chosen_and_a_question_is_taken_back() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let server = scene.server().await;
    let [first, second] = &scene.alice.phones[..] else { panic!("two phones") };
    let asked = begin(&server, &scene.about_alice()).await;
    let question = first.question().await;
    let changes = json!({ "reason": "CHANGE_DEVICE" });
    let state = act(&server, &asked, "cancel.push.authentication", &changes).await.ok();
    assert_eq!(state["status"], "DEVICE_SELECTION_REQUIRED", "{state}");
    assert_eq!(first.approve(&question).await.status, 409, "nobody waits for it");
    let chosen = json!({ "device": { "id": scene.device(1) } });
    let state = act(&server, &asked, "device.select", &chosen).await.ok();
    assert_eq!((&state["status"], &state["selectedDevice"]["id"]), (&json!(WAITING), &json!(scene.device(1))));
    let question = second.question().await;
    let state = act(&server, &asked, "cancel.push.authentication", &json!({})).await.ok();
    failed(&state, "CANCELLED");
    assert_eq!(second.approve(&question).await.status, 409);
    failed(&look(&server, &asked).await, "CANCELLED");

    // One that is chosen from the beginning, by either name.
    for id in [scene.device(1), public_id::encode(Kind::Device, second.device().uuid())] {
        let mut wanted = scene.about_alice();
        wanted["selectedDevice"] = json!({ "id": id });
        let asked = begin(&server, &wanted).await;
        assert!(first.pending().await.is_empty(), "that one is not asked");
        second.approve_the_question().await;
        assert_eq!(look(&server, &asked).await["status"], "COMPLETED");
    }
}

/// [flows.md F9]
#[tokio::test]
async fn a3_a_phone_whose_push_is_lost_shows_a_passcode() {
    let (scene, phone, key) = Scene::with_passcodes(phone_passcodes::policy()).await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    let takes_passcode = |state: &Value, status: &str, left: u32| {
        assert_eq!((&state["status"], &state["attemptsRemaining"]), (&json!(status), &json!(left)), "{state}");
        assert_eq!(state["_embedded"]["devices"][0]["otpEnabled"], true, "{state}");
        assert!(state["_links"]["otp.check"]["href"].is_string(), "{state}");
    };
    takes_passcode(&asked.state, WAITING, 3);
    let answer = act(&server, &asked, "otp.check", &json!({ "otp": wrong(&scene.passcode(&key)) })).await;
    refused(&answer, 400, "INVALID_DATA");
    assert_eq!(answer.json()["details"][0]["attemptsRemaining"], 2);
    assert_eq!(phone.pending().await.len(), 1, "a wrong one withdraws nothing");
    takes_passcode(&look(&server, &asked).await, WAITING, 2);
    let state = act(&server, &asked, "otp.check", &json!({ "otp": scene.passcode(&key) })).await.ok();
    assert_eq!(state["status"], "COMPLETED", "{state}");
    assert!(state["authenticators"].as_array().unwrap().contains(&json!("otp")), "{state}");
    assert!(phone.pending().await.is_empty(), "nobody is asked any more");

    // Nor is it too late when nobody has answered.
    let asked = begin(&server, &scene.about_alice()).await;
    scene.world.clock.advance(seconds(41));
    takes_passcode(&look(&server, &asked).await, "PUSH_CONFIRMATION_TIMED_OUT", 3);
    let state = act(&server, &asked, "otp.check", &json!({ "otp": scene.passcode(&key) })).await.ok();
    assert_eq!(state["status"], "COMPLETED", "{state}");
}

/// The server has said where, and nobody is asked elsewhere whatever becomes of that.
#[tokio::test]
async fn a3_a_device_that_was_selected_is_the_only_one() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let server = scene.server().await;
    let [first, second] = &scene.alice.phones[..] else { panic!("two phones") };
    let mut wanted = scene.about_alice();
    wanted["selectedDevice"] = json!({ "id": scene.device(1) });
    let asked = begin(&server, &wanted).await;
    let offered = |state: &Value| {
        let devices = state["_embedded"]["devices"].as_array().unwrap();
        devices.iter().map(|device| device["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(offered(&asked.state), [scene.device(1)]);
    let select = async |n: usize| {
        let chosen = json!({ "device": { "id": scene.device(n) } });
        act(&server, &asked, "device.select", &chosen).await
    };
    refused(&select(0).await, 400, "INVALID_DATA");
    let changes = json!({ "reason": "CHANGE_DEVICE" });
    let state = act(&server, &asked, "cancel.push.authentication", &changes).await.ok();
    assert_eq!(state["status"], "DEVICE_SELECTION_REQUIRED", "{state}");
    assert_eq!(offered(&state), [scene.device(1)]);
    refused(&select(0).await, 400, "INVALID_DATA");
    let state = select(1).await.ok();
    assert_eq!((&state["status"], offered(&state)), (&json!(WAITING), vec![scene.device(1)]));
    second.block().await;
    failed(&look(&server, &asked).await, "NO_USABLE_DEVICES");
    assert!(first.pending().await.is_empty(), "that one is not asked");

    // Nor where it is found out by what is done next.
    second.set_status(nod::domain::device::Status::Active).await;
    let asked = begin(&server, &wanted).await;
    scene.world.clock.advance(seconds(41));
    assert_eq!(look(&server, &asked).await["status"], "PUSH_CONFIRMATION_TIMED_OUT");
    second.block().await;
    let chosen = json!({ "device": { "id": scene.device(1) } });
    failed(&act(&server, &asked, "device.select", &chosen).await.ok(), "NO_USABLE_DEVICES");
    assert!(first.pending().await.is_empty());
}

/// [flows.md I8]
#[tokio::test]
async fn a3_a_device_of_somebody_else_is_none() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let mut bob = scene.world.user("bob").await;
    let phone = scene.world.phone();
    bob.pair(phone).await;
    let server = scene.server().await;
    let mut wanted = scene.about_alice();
    wanted["selectedDevice"] = json!({ "id": bob.phone().device().to_string() });
    let answer = server.post(PATH, &wanted).await;
    refused(&answer, 400, "INVALID_DATA");
    assert_eq!(answer.json()["details"][0]["code"], "INVALID_DEVICE");
    let asked = begin(&server, &scene.about_alice()).await;
    let chosen = json!({ "device": { "id": bob.phone().device().to_string() } });
    let answer = act(&server, &asked, "device.select", &chosen).await;
    refused(&answer, 400, "INVALID_DATA");
    let detail = &answer.json()["details"][0];
    assert_eq!((&detail["code"], &detail["target"]), (&json!("INVALID_DEVICE"), &json!("device.id")));
    assert!(bob.phone().pending().await.is_empty());
    scene.alice.phone().approve_the_question().await;
    assert_eq!(look(&server, &asked).await["status"], "COMPLETED");
}

#[tokio::test]
async fn a3_nobody_is_asked_who_is_stopped() {
    for (status, why) in [(Status::Locked, "ACCOUNT_LOCKED_OUT"), (Status::Disabled, "USER_DISABLED")] {
        let scene = Scene::with_phones(without_numbers(), 1).await;
        let server = scene.server().await;
        let waits = begin(&server, &scene.about_alice()).await;
        scene.alice.set_status(status).await;
        failed(&look(&server, &waits).await, why);
        failed(&begin(&server, &scene.about_alice()).await.state, why);
    }
    let scene = Scene::with_phones(without_numbers(), 0).await;
    let server = scene.server().await;
    failed(&begin(&server, &scene.about_alice()).await.state, "NO_DEVICES");
}

#[tokio::test]
async fn a3_it_is_over_in_time() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    let question = scene.alice.phone().question().await;
    scene.world.clock.advance(seconds(41));
    let state = look(&server, &asked).await;
    assert_eq!(state["status"], "PUSH_CONFIRMATION_TIMED_OUT", "{state}");
    assert_ne!(scene.alice.phone().approve(&question).await.status, 200);
    // Once more, on the same one.
    let chosen = json!({ "device": { "id": scene.device(0) } });
    assert_eq!(act(&server, &asked, "device.select", &chosen).await.ok()["status"], WAITING);
    scene.alice.phone().approve_the_question().await;
    assert_eq!(look(&server, &asked).await["status"], "COMPLETED");
    scene.world.clock.advance(seconds(600 - 41));
    // Its token is over as well.
    let server = scene.world.admin_again(&server).await;
    refused(&server.get(&asked.at).await, 404, "NOT_FOUND");
}

/// [security.md case 122]
#[tokio::test]
async fn a3_it_counts_as_what_a_sign_in_asks() {
    let mut mfa = without_numbers();
    mfa["push_limit"] = json!({ "count": 1 });
    let scene = Scene::with_phones(mfa, 1).await;
    let server = scene.server().await;
    begin(&server, &scene.about_alice()).await;
    scene.alice.phone().deny_the_question().await;
    failed(&begin(&server, &scene.about_alice()).await.state, "PUSH_FAILED");
    assert!(scene.alice.phone().pending().await.is_empty());
}

/// [flows.md A.3, H.4 step 4]
#[tokio::test]
async fn a3_a_trusted_app_vouches_by_its_payload() {
    let scene = Scene::in_world(World::start().await, usual()).await;
    let app = scene.trusted().await;
    let server = scene.server().await;
    let mut wanted = scene.about_alice();
    let payload = app.payload(|_| {});
    wanted["mobilePayload"] = json!(payload);
    refused(&server.post(PATH, &wanted).await, 400, "INVALID_DATA");
    wanted["application"] = json!({ "id": "shop-app" });
    let asked = begin(&server, &wanted).await;
    assert_eq!(asked.state["status"], "COMPLETED", "{}", asked.state);
    assert_eq!(asked.state["authenticators"], json!(["pop", "swk", "mfa"]));
    let again = server.post(PATH, &wanted).await;
    refused(&again, 400, "INVALID_DATA");
    assert_eq!(again.json()["details"][0]["code"], "INVALID_MOBILE_PAYLOAD", "it was for that one");
}

#[tokio::test]
async fn a3_what_is_no_request_has_the_errors_of_this_api() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let server = scene.server().await;
    let alice = scene.about_alice();
    let with = |name: &str, value: Value| {
        let mut wanted = alice.clone();
        wanted[name] = value;
        wanted
    };
    let cases = [
        (json!({}), Some("user.id")),
        (json!({ "user": { "id": "alice" } }), Some("user.id")),
        (json!({ "user": { "id": uuid::Uuid::nil().to_string() } }), Some("user.id")),
        (with("policy", json!({ "id": "none" })), Some("policy.id")),
        (with("selectedDevice", json!({ "id": 5 })), None),
        (with("notification", json!({})), Some("notification.message")),
        (json!([]), None),
    ];
    for (wanted, target) in cases {
        let answer = server.post(PATH, &wanted).await;
        refused(&answer, 400, "INVALID_DATA");
        assert_eq!(answer.json()["details"][0]["target"].as_str(), target, "{wanted}");
    }
    let asked = begin(&server, &alice).await;
    let plain = server.post(&asked.at, &json!({})).await;
    refused(&plain, 415, "INVALID_REQUEST");
    refused(&act(&server, &asked, "password.check", &json!({})).await, 400, "INVALID_REQUEST");
    refused(&act(&server, &asked, "otp.check", &json!({ "otp": "123456" })).await, 400, "INVALID_REQUEST");
    refused(&act(&server, &asked, "cancel.push.authentication", &json!({ "reason": "X" })).await, 400, "INVALID_DATA");
    let taken = server.delete(&asked.at).await;
    refused(&taken, 405, "INVALID_REQUEST");
    assert_eq!(taken.header("allow"), Some("GET, POST"));
    refused(&server.get(PATH).await, 405, "INVALID_REQUEST");
    scene.alice.phone().approve_the_question().await;
    assert_eq!(look(&server, &asked).await["status"], "COMPLETED");
}
