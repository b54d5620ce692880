//! What a server has somebody read where they are asked, and what it is told besides [flows.md A.3, E, H.4].

use serde_json::Value;

use super::device_authentications::{PATH, WAITING, act, begin, failed, look, refused};
use super::step_up::without_numbers;
use super::{Scene, json, usual};
use crate::world::World;

const MESSAGE: &str = "Pay 5 EUR to C. Parker";

impl Scene {
    /// Alice is to read this.
    fn has_to_read(&self, notification: Value) -> Value {
        let mut wanted = self.about_alice();
        wanted["notification"] = notification;
        wanted
    }
}

#[tokio::test]
async fn t11_what_a_server_says_is_read_on_the_phone_and_is_what_was_signed() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let (server, phone) = (scene.server().await, scene.alice.phone());
    let asked = begin(&server, &scene.has_to_read(json!({ "title": "A payment", "message": MESSAGE }))).await;
    assert_eq!(asked.state["status"], WAITING, "{}", asked.state);
    let question = phone.question().await;
    assert_eq!((question.title.as_str(), question.body.as_str()), ("A payment", MESSAGE));
    assert_eq!(question.client_context.client_id, "server", "who asks is there all the same");
    phone.approve(&question).await.ok();
    assert_eq!(look(&server, &asked).await["status"], "COMPLETED");
    let decided = scene.world.rows("decision").await;
    assert!(decided.len() == 1 && decided[0].contains(MESSAGE), "{decided:?}");
    let trail = scene.world.rows("audit").await;
    assert!(!trail.iter().any(|row| row.contains(MESSAGE)), "{trail:?}");

    // Without a title of theirs it is ours.
    begin(&server, &scene.has_to_read(json!({ "message": MESSAGE }))).await;
    let question = phone.question().await;
    assert_eq!((question.title.contains("asks for your approval"), question.body.as_str()), (true, MESSAGE));
}

/// Whoever shows another text has no yes.
#[tokio::test]
async fn t11_5_a_yes_to_another_text_is_none() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let (server, phone) = (scene.server().await, scene.alice.phone());
    let asked = begin(&server, &scene.has_to_read(json!({ "message": MESSAGE }))).await;
    let question = phone.question().await;
    let mut forged = question.clone();
    forged.body = "Pay 5000 EUR to C. Parker".to_owned();
    assert_eq!(phone.approve(&forged).await.status, 400);
    assert_eq!(look(&server, &asked).await["status"], WAITING, "it is where it was");
    phone.approve(&question).await.ok();
    assert_eq!(look(&server, &asked).await["status"], "COMPLETED");
}

#[tokio::test]
async fn t11_10_a_yes_to_one_of_two_is_none_to_the_other() {
    let world = World::with().generous().start().await;
    let scene = Scene::with_phones_in(world, without_numbers(), 1).await;
    let (server, phone) = (scene.server().await, scene.alice.phone());
    let one = begin(&server, &scene.has_to_read(json!({ "message": MESSAGE }))).await;
    let other = begin(&server, &scene.has_to_read(json!({ "message": "Pay 7 EUR to D. Parker" }))).await;
    let pending = phone.pending().await;
    let question = pending.iter().find(|question| question.body == MESSAGE).unwrap();
    phone.approve(question).await.ok();
    assert_eq!(look(&server, &one).await["status"], "COMPLETED");
    assert_eq!(look(&server, &other).await["status"], WAITING);
}

/// [flows.md H.4 steps 4, 6] its key says nothing of what was read.
#[tokio::test]
async fn t11_4_the_app_that_calls_does_not_stand_in_for_what_has_to_be_read() {
    let scene = Scene::in_world(World::start().await, usual()).await;
    let app = scene.trusted().await;
    let server = scene.server().await;
    let mut wanted = scene.has_to_read(json!({ "message": MESSAGE }));
    wanted["application"] = json!({ "id": "shop-app" });
    wanted["mobilePayload"] = json!(app.payload(|_| {}));
    let asked = begin(&server, &wanted).await;
    assert_eq!(asked.state["status"], WAITING, "{}", asked.state);
    let question = app.question().await;
    assert_eq!(question.body, MESSAGE);
    let number = u32::try_from(asked.state["numberMatching"]["value"].as_u64().unwrap()).unwrap();
    app.approve_with(&question, number).await.ok();
    let state = look(&server, &asked).await;
    assert_eq!((&state["status"], &state["authenticators"][2]), (&json!("COMPLETED"), &json!("user")), "{state}");
}

/// A policy that does without does not for what has to be read, and no code stands in for it.
#[tokio::test]
async fn t11_12_nobody_gets_through_who_cannot_read_it() {
    let mut mfa = usual();
    mfa["email"] = json!({ "enabled": true });
    mfa["incompatible_devices_mode"] = json!("bypass");
    let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.about_alice()).await;
    let state = &asked.state;
    let seen = (&state["status"], &state["bypassed"], &state["bypassAllowed"]);
    assert_eq!(seen, (&json!("COMPLETED"), &json!(true), &json!(true)), "{state}");
    let wanted = scene.has_to_read(json!({ "message": MESSAGE }));
    let asked = begin(&server, &wanted).await;
    failed(&asked.state, "NO_DEVICES");
    assert_eq!(asked.state["bypassAllowed"], false);
    scene.address("alice", "alice@home.example").await;
    failed(&begin(&server, &wanted).await.state, "NO_USABLE_DEVICES");
    assert!(scene.world.inbox().is_empty());
}

/// Where nobody is there who could make anything, an offer to go on without is taken.
#[tokio::test]
async fn a3_whoever_may_go_on_without_does_and_the_server_is_told_so() {
    let mut mfa = usual();
    mfa["no_devices_mode"] = json!("offer");
    let scene = Scene::in_world(World::start().await, mfa).await;
    let asked = begin(&scene.server().await, &scene.about_alice()).await;
    let state = &asked.state;
    let seen = (&state["status"], &state["bypassed"], &state["bypassAllowed"]);
    assert_eq!(seen, (&json!("COMPLETED"), &json!(true), &json!(true)), "{state}");
}

/// [flows.md F5] nor where the phone goes away meanwhile.
#[tokio::test]
async fn t11_12_a_phone_that_goes_away_is_followed_by_no_code() {
    let mut mfa = without_numbers();
    mfa["email"] = json!({ "enabled": true });
    let scene = Scene::with_phones_in(World::with().letters().start().await, mfa, 1).await;
    scene.address("alice", "alice@home.example").await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.has_to_read(json!({ "message": MESSAGE }))).await;
    assert_eq!(asked.state["_embedded"]["devices"].as_array().unwrap().len(), 1, "{}", asked.state);
    let code = json!({ "otp": "123456" });
    refused(&act(&server, &asked, "otp.check", &code).await, 400, "INVALID_REQUEST");
    scene.alice.phone().block().await;
    failed(&look(&server, &asked).await, "NO_USABLE_DEVICES");
    assert!(scene.world.inbox().is_empty());
}

/// [flows.md E, T11.8]
#[tokio::test]
async fn t11_8_what_is_too_long_or_cannot_be_shown_is_refused_and_nobody_is_asked() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let server = scene.server().await;
    let long = |most: usize| "\u{5b57}".repeat(most);
    let cases = [
        (json!({ "title": long(201), "message": MESSAGE }), Some("notification.title")),
        (json!({ "message": long(401) }), Some("notification.message")),
        (json!({ "message": "" }), Some("notification.message")),
        (json!({ "message": "Pay\u{202e}001" }), Some("notification.message")),
        (json!({ "title": "<b>", "message": MESSAGE }), Some("notification.title")),
        (json!({ "title": "A payment" }), Some("notification.message")),
        (json!({ "message": MESSAGE, "category": "x" }), None),
        (json!({ "message": 5 }), None),
    ];
    for (notification, target) in cases {
        let answer = server.post(PATH, &scene.has_to_read(notification.clone())).await;
        refused(&answer, 400, "INVALID_DATA");
        assert_eq!(answer.json()["details"][0]["target"].as_str(), target, "{notification}");
    }
    assert!(scene.alice.phone().pending().await.is_empty());
    let longest = json!({ "title": long(200), "message": long(400) });
    assert_eq!(begin(&server, &scene.has_to_read(longest)).await.state["status"], WAITING);
    assert_eq!(scene.alice.phone().question().await.body, long(400));
}

#[tokio::test]
async fn a3_the_server_is_told_which_devices_are_blocked() {
    let scene = Scene::with_phones(without_numbers(), 2).await;
    let server = scene.server().await;
    assert_eq!(begin(&server, &scene.about_alice()).await.state["blockedDevices"], json!([]));
    let asked = begin(&server, &scene.about_alice()).await;
    assert_eq!(asked.state["bypassAllowed"], false);
    scene.alice.phones[1].block().await;
    let state = look(&server, &asked).await;
    assert_eq!(state["blockedDevices"], json!([{ "id": scene.device(1) }]), "{state}");
    let mut wanted = scene.about_alice();
    wanted["selectedDevice"] = json!({ "id": scene.device(1) });
    refused(&server.post(PATH, &wanted).await, 400, "INVALID_DATA");
}
