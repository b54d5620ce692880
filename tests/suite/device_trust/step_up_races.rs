//! A question that several want to end at once has one end [reliability.md R11].

use serde_json::Value;

use super::step_up_otp::check;
use super::{Scene, json};
use crate::world::{Browser, World, seconds};

const ROUNDS: usize = 8;

fn mfa() -> Value {
    json!({ "id": "mfa", "number_matching": "off", "push_limit": { "count": 50 } })
}

async fn scene() -> Scene {
    let mut scene = Scene::of(mfa()).await;
    for _ in 0..2 {
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
    }
    for phone in &scene.alice.phones {
        phone.warm().await;
    }
    scene
}

async fn asked(scene: &Scene) -> (Browser, String) {
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
    (browser, id)
}

async fn status(browser: &mut Browser, id: &str) -> Value {
    browser.act(id, "poll", &json!({})).await.ok()["status"].clone()
}

#[tokio::test]
async fn r11_an_answer_and_the_choice_of_another_device() {
    let scene = scene().await;
    let second = scene.alice.phones[1].device().to_string();
    for _ in 0..ROUNDS {
        let (mut browser, id) = asked(&scene).await;
        let question = scene.alice.phones[0].question().await;
        let body = json!({ "deviceRef": { "id": second } });
        let (chosen, answered) =
            tokio::join!(browser.act(&id, "selectDevice", &body), scene.alice.phones[0].approve(&question));
        let state = chosen.ok();
        if answered.status == 200 {
            assert_eq!(state["code"], "push_confirmed", "the answer counts");
            assert!(scene.alice.phones[1].pending().await.is_empty(), "and nobody else is asked");
        } else {
            assert_eq!((answered.status, &state["status"]), (409, &json!("PUSH_CONFIRMATION_WAITING")));
            scene.alice.phones[1].approve_the_question().await;
            assert_eq!(status(&mut browser, &id).await, "MFA_COMPLETED");
        }
    }
}

#[tokio::test]
async fn r11_an_answer_and_whoever_gives_up() {
    let scene = scene().await;
    for _ in 0..ROUNDS {
        let (mut browser, id) = asked(&scene).await;
        let question = scene.alice.phones[0].question().await;
        let nothing = json!({});
        let (ended, answered) =
            tokio::join!(browser.act(&id, "cancelAuthentication", &nothing), scene.alice.phones[0].approve(&question));
        assert_eq!(ended.ok()["status"], "FAILED");
        assert!([200, 409].contains(&answered.status), "{}", answered.text());
        assert!(scene.alice.phones[0].pending().await.is_empty());
        assert_eq!(
            scene.alice.phones[0].approve(&question).await.status,
            if answered.status == 200 { 200 } else { 409 }
        );
    }
    assert!(scene.world.rows("token_grant").await.is_empty());
}

#[tokio::test]
async fn r11_an_answer_and_the_end_of_the_time() {
    let scene = scene().await;
    for _ in 0..ROUNDS {
        let (mut browser, id) = asked(&scene).await;
        // One that has not answered for long is asked after the other.
        let first_is_asked = !scene.alice.phones[0].pending().await.is_empty();
        let phone = &scene.alice.phones[usize::from(!first_is_asked)];
        let question = phone.question().await;
        let clock = async { scene.world.clock.advance(seconds(40)) };
        let (answered, (), first) = tokio::join!(phone.approve(&question), clock, status(&mut browser, &id));
        let last = if first == "PUSH_CONFIRMATION_WAITING" { status(&mut browser, &id).await } else { first };
        let counts = if answered.status == 200 { "MFA_COMPLETED" } else { "PUSH_CONFIRMATION_TIMED_OUT" };
        assert_eq!(last, counts, "{}", answered.text());
    }
}

/// Of many who poll, each is told the same, and the flow goes on once.
#[tokio::test]
async fn an_answer_is_taken_once() {
    let scene = scene().await;
    let (mut browser, id) = asked(&scene).await;
    scene.alice.phones[0].approve_the_question().await;
    let mut others: Vec<_> = (0..6).map(|_| browser.at(0)).collect();
    let nothing = json!({});
    let polls = others.iter_mut().map(|other| other.act(&id, "poll", &nothing));
    let answers = futures_util::future::join_all(polls).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.json()["code"] == "INVALID_ACTION_ID"));
    scene.tokens(&mut browser, &id).await;
    assert_eq!(scene.world.rows("token_grant").await.len(), 1);
}

/// [flows.md F5, T5.4] a phone is suspect after three questions, and not after one that several come for.
#[tokio::test]
async fn t5_4_a_question_that_nobody_answered_counts_once_however_many_come_for_it() {
    let scene = scene().await;
    for round in 0..3 {
        let (browser, id, state) = scene.asked().await;
        assert_eq!(state["selectedDeviceRef"]["id"], scene.device(0), "{round}: it is not suspect yet");
        scene.world.clock.advance(seconds(41));
        let mut tabs: Vec<_> = (0..6).map(|_| browser.at(0)).collect();
        let nothing = json!({});
        let polls = tabs.iter_mut().map(|tab| tab.act(&id, "poll", &nothing));
        let answers = futures_util::future::join_all(polls).await;
        assert!(answers.iter().any(|answer| answer.json()["status"] == "PUSH_CONFIRMATION_TIMED_OUT"), "{round}");
    }
    let (_, _, state) = scene.asked().await;
    assert_eq!(state["selectedDeviceRef"]["id"], scene.device(1));
}

/// [flows.md F5] whoever has a phone that is gone is sent one code, and not one for each tab.
#[tokio::test]
async fn t5_5_however_many_poll_when_the_phone_is_gone_the_person_is_asked_once() {
    let mut mfa = mfa();
    mfa["email"] = json!({ "enabled": true });
    let mut scene = Scene::in_world(World::with().letters().start().await, mfa).await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    scene.address("alice", "alice@home.example").await;
    let (mut browser, id) = asked(&scene).await;
    scene.alice.phone().block().await;
    let mut tabs: Vec<_> = (0..6).map(|_| browser.at(0)).collect();
    let nothing = json!({});
    let polls = tabs.iter_mut().map(|tab| tab.act(&id, "poll", &nothing));
    let answers = futures_util::future::join_all(polls).await;
    let went_on = answers.iter().filter(|answer| answer.json()["status"] == "OTP_REQUIRED").count();
    let late = answers.iter().filter(|answer| answer.json()["code"] == "INVALID_ACTION_ID").count();
    assert_eq!((went_on, late), (1, 5));
    scene.world.nothing_waits().await;
    let code = scene.code(1).await;
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
}
