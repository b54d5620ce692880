//! By what a server has somebody show that it is them, and what comes of it at once on several nodes [flows.md A.3, H.4].

use serde_json::Value;

use super::device_authentications::{Asked, PATH, WAITING, act, begin, failed, look, refused};
use super::races::KNOWN;
use super::step_up::without_numbers;
use super::step_up_fido2::{Desk, OPTIONS, policy as by_passkey};
use super::step_up_message::{NUMBER, here, policy as by_message};
use super::{PASSWORD, Scene, json};
use crate::admin::until;
use crate::world::{Answer, World, b64};

const OTP: &str = "OTP_REQUIRED";

/// [WebAuthn §7.2] one signature is for one try, of one person, of one page.
#[tokio::test]
async fn a3_a_passkey_answers_to_what_it_was_asked_and_once() {
    let (desk, mut passkey) = Desk::with_passkey(by_passkey()).await;
    let scene = &desk.scene;
    scene.world.user("bob").with_password(PASSWORD).await;
    let mut bobs = desk.passkey("bob").await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    let first = &asked.state;
    let device = &first["_embedded"]["devices"][0];
    assert_eq!((&first["status"], &device["type"]), (&json!("ASSERTION_REQUIRED"), &json!("FIDO2")), "{first}");
    assert_eq!(first["selectedDevice"]["id"], device["id"]);
    let own = json!([{ "type": "public-key", "id": b64(&passkey.id) }]);
    assert_eq!(first[OPTIONS]["allowCredentials"], own);
    let check = async |body: Value| act(&server, &asked, "assertion.check", &body).await;
    let shown = |made: &Value| json!({ "assertion": made.to_string() });

    let old = passkey.get(&first[OPTIONS]);
    let answer = check(shown(&bobs.get(&first[OPTIONS]))).await;
    refused(&answer, 400, "INVALID_DATA");
    let detail = &answer.json()["details"][0];
    let wrong = (&json!("CREDENTIAL_VALIDATION_FAILED"), &json!("assertion"));
    assert_eq!((&detail["code"], &detail["target"]), wrong, "{detail}");
    let again = look(&server, &asked).await;
    assert_ne!(again[OPTIONS]["challenge"], first[OPTIONS]["challenge"], "there is something else to sign");
    refused(&check(shown(&old)).await, 400, "INVALID_DATA");

    let state = look(&server, &asked).await;
    let good = passkey.get(&state[OPTIONS]);
    let mut elsewhere = shown(&good);
    elsewhere["origin"] = json!("https://elsewhere.example");
    let answer = check(elsewhere).await;
    refused(&answer, 400, "INVALID_DATA");
    assert_eq!(answer.json()["details"][0]["target"], "origin");
    let state = check(shown(&good)).await.ok();
    assert_eq!((&state["status"], &state["bypassed"]), (&json!("COMPLETED"), &json!(false)), "{state}");
    assert_eq!(state["authenticators"], json!(["pop", "swk", "user", "mfa"]));
    refused(&check(shown(&good)).await, 400, "INVALID_REQUEST");
    assert!(scene.world.rows("token_grant").await.is_empty());
    until("it is written down", async || {
        let trail = scene.world.rows("audit").await;
        trail.iter().any(|row| row.contains("assertion_verified")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a3_the_code_of_a_text_and_of_a_call_will_do() {
    for (channel, kind, amr) in [("sms", "SMS", "sms"), ("voice", "VOICE", "tel")] {
        let scene = Scene::with_places(here().start().await, by_message(), &[(channel, NUMBER)]).await;
        let server = scene.server().await;
        let asked = begin(&server, &scene.about_alice()).await;
        let state = &asked.state;
        let device = &state["_embedded"]["devices"][0];
        let seen = (&state["status"], &state["delivery"], &device["type"], &device["target"]);
        assert_eq!(seen, (&json!(OTP), &json!("SENT"), &json!(kind), &json!("•••89")), "{state}");
        assert!(!state.to_string().contains("4915123456789"), "{state}");
        let state = act(&server, &asked, "otp.check", &json!({ "otp": scene.text(1) })).await.ok();
        assert_eq!((&state["status"], &state["authenticators"]), (&json!("COMPLETED"), &json!(["otp", amr, "mfa"])));
    }
}

/// Where there are several, whoever asks says which.
#[tokio::test]
async fn a3_a_code_goes_to_the_number_that_was_chosen() {
    let places = [("sms", NUMBER), ("voice", "+4915123456700")];
    let scene = Scene::with_places(here().start().await, by_message(), &places).await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    assert_eq!(asked.state["status"], "DEVICE_SELECTION_REQUIRED", "{}", asked.state);
    assert!(scene.world.texts().is_empty(), "nothing is sent before");
    let chosen = json!({ "device": { "id": asked.state["_embedded"]["devices"][1]["id"] } });
    let state = act(&server, &asked, "device.select", &chosen).await.ok();
    assert_eq!((&state["status"], &state["selectedDevice"]), (&json!(OTP), &chosen["device"]), "{state}");
    let texts = scene.world.texts();
    assert_eq!((texts.len(), texts[0].text.aloud), (1, true));
    let state = act(&server, &asked, "otp.check", &json!({ "otp": scene.text(1) })).await.ok();
    assert_eq!(state["status"], "COMPLETED", "{state}");
}

/// [flows.md F15] for networks that take no other content type than JSON.
#[tokio::test]
async fn a3_an_action_may_be_named_by_the_query() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    let nothing = json!({});
    let at = |action: &str| format!("{}?action={action}", asked.at);
    refused(&server.post(&at("password.check"), &nothing).await, 400, "INVALID_REQUEST");
    let two = Asked { at: at("otp.check"), state: Value::Null };
    refused(&act(&server, &two, "cancel.push.authentication", &nothing).await, 400, "INVALID_REQUEST");
    assert_eq!(look(&server, &asked).await["status"], WAITING, "it is where it was");
    let state = server.post(&at("cancel.push.authentication"), &nothing).await.ok();
    failed(&state, "CANCELLED");
}

fn two_nodes() -> crate::world::Builder {
    World::with().redis().nodes(2)
}

/// Somebody else was faster.
fn not_now(answer: &Answer) -> bool {
    answer.status == 400 && answer.json()["code"] == "INVALID_REQUEST"
}

/// [reliability.md R14]
#[tokio::test]
async fn r14_a_right_code_that_is_brought_twice_at_once_counts_once() {
    let mut mfa = without_numbers();
    mfa["email"] = json!({ "enabled": true });
    for round in 1..=3 {
        // Redis has a clock of its own, by which half a minute passes between two letters to somebody.
        let scene = Scene::in_world(two_nodes().letters().start().await, mfa.clone()).await;
        scene.address("alice", "alice@home.example").await;
        let server = scene.server().await;
        let other = server.also_at(1);
        tokio::time::sleep(KNOWN).await;
        let asked = begin(&server, &scene.about_alice()).await;
        let otp = json!({ "otp": scene.code(1).await });
        let watch = scene.world.watch().await;
        let (one, two) = tokio::join!(act(&server, &asked, "otp.check", &otp), act(&other, &asked, "otp.check", &otp));
        let both = format!("{round}: {} {}", one.text(), two.text());
        assert!([one.status, two.status].contains(&200), "{both}");
        assert!([&one, &two].into_iter().any(not_now), "{both}");
        let verified = until("it is written down", async || {
            let events = watch.events().await;
            let verified = events.iter().filter(|event| event.reason.as_deref() == Some("otp_verified")).count();
            (verified > 0).then_some(verified)
        });
        assert_eq!(verified.await, 1, "{round}");
        for robot in [&server, &other] {
            assert_eq!(look(robot, &asked).await["status"], "COMPLETED");
        }
    }
}

/// [reliability.md R11] one of them counts, and every node says the same.
#[tokio::test]
async fn r11_an_answer_and_whoever_takes_the_question_back() {
    let mut mfa = without_numbers();
    mfa["push_limit"] = json!({ "count": 50 });
    let scene = Scene::with_phones_in(two_nodes().start().await, mfa, 1).await;
    let (server, phone) = (scene.server().await, scene.alice.phone());
    let other = server.also_at(1);
    phone.warm().await;
    tokio::time::sleep(KNOWN).await;
    for round in 0..8 {
        let asked = begin(&server, &scene.about_alice()).await;
        assert_eq!(asked.state["status"], WAITING, "{round}: {}", asked.state);
        let (question, nothing) = (phone.question().await, json!({}));
        let (ended, answered) =
            tokio::join!(act(&other, &asked, "cancel.push.authentication", &nothing), phone.approve(&question));
        let state = look(&server, &asked).await;
        if answered.status == 200 {
            assert_eq!(state["status"], "COMPLETED", "{round}: the answer counts: {}", ended.text());
        } else {
            assert_eq!((answered.status, ended.status), (409, 200), "{round}: {}", ended.text());
            failed(&state, "CANCELLED");
        }
        assert_eq!(look(&other, &asked).await["status"], state["status"]);
        assert!(phone.pending().await.is_empty());
    }
    assert!(scene.world.rows("token_grant").await.is_empty());
}

/// [reliability.md R11] of many who look when there is an answer, all see the same, and it is written down once.
#[tokio::test]
async fn r11_an_answer_that_several_come_for_is_taken_once() {
    let scene = Scene::with_phones_in(two_nodes().start().await, without_numbers(), 1).await;
    let server = scene.server().await;
    let robots = [server.also_at(0), server.also_at(1)];
    tokio::time::sleep(KNOWN).await;
    let asked = begin(&server, &scene.about_alice()).await;
    scene.alice.phone().approve_the_question().await;
    let looks = (0..8).map(|n| look(&robots[n % 2], &asked));
    for state in futures_util::future::join_all(looks).await {
        assert_eq!((&state["id"], &state["status"]), (&asked.state["id"], &json!("COMPLETED")), "{state}");
    }
    assert!(scene.world.rows("token_grant").await.is_empty());
    assert_eq!(scene.world.rows("decision").await.len(), 1);
    let answer = server.also_at(1).get(&format!("{PATH}/{}", uuid::Uuid::nil())).await;
    refused(&answer, 404, "NOT_FOUND");
}
