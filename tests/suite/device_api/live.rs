//! The live channel: server-sent events.

use nod_device::{Call, DenyReason};
use serde_json::json;

use crate::world::{World, limited, seconds};

#[tokio::test]
async fn the_channel_says_when_it_listens_and_what_waits() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.ask(&alice).await;
    let question = alice.phone().question().await;
    let mut events = alice.phone().listen().await;
    assert_eq!(events.next().await, Some(("ready".to_owned(), json!({}))));
    assert_eq!(events.next().await, Some(("notification".to_owned(), json!(question))));
    assert!(events.is_silent().await);
}

#[tokio::test]
async fn a_question_arrives_at_once_on_all_phones() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    let bob = world.user("bob").with_phone().await;
    let (mut one, mut two) = (alice.phones[0].listen().await, alice.phones[1].listen().await);
    let mut other = bob.phone().listen().await;
    for events in [&mut one, &mut two, &mut other] {
        assert_eq!(events.next().await.unwrap().0, "ready");
    }
    let asked = shop.ask(&alice).await;
    let (kind, first) = one.next().await.unwrap();
    assert_eq!(kind, "notification");
    let (kind, second) = two.next().await.unwrap();
    assert_eq!(kind, "notification");
    assert_eq!(first["notificationId"], second["notificationId"]);
    assert_ne!(first["deviceId"], second["deviceId"]);

    // The first answer wins, and the others are told.
    alice.phones[0].approve_the_question().await;
    let gone = json!({"notificationId": first["notificationId"], "reason": "ALREADY_DECIDED"});
    assert_eq!(two.next().await, Some(("canceled".to_owned(), gone.clone())));
    assert_eq!(one.next().await, Some(("canceled".to_owned(), gone)));
    let late = alice.phones[1].call(&Call::pending()).await.ok();
    assert_eq!(late, json!({"notifications": []}));
    assert!(other.is_silent().await, "bob hears nothing of it");
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn an_answer_that_lost_is_told_so() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    shop.ask(&alice).await;
    let (one, two) = (&alice.phones[0], &alice.phones[1]);
    let question = two.question().await;
    one.deny_the_question().await;
    two.approve(&question).await.problem(409, "ALREADY_DECIDED");
    two.deny(&question, DenyReason::None).await.problem(409, "ALREADY_DECIDED");
}

#[tokio::test]
async fn the_channel_tells_that_a_question_expired() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.ask(&alice).await;
    let question = alice.phone().question().await;
    let mut events = alice.phone().listen().await;
    events.next().await;
    events.next().await;
    world.clock.advance(seconds(121));
    // The channel looks when the next question rings it.
    shop.ask(&alice).await;
    let gone = json!({"notificationId": question.notification_id, "reason": "EXPIRED"});
    let mut seen = [events.next().await.unwrap(), events.next().await.unwrap()];
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(seen[0], ("canceled".to_owned(), gone));
    assert_eq!(seen[1].0, "notification");
}

#[tokio::test]
async fn the_channel_tells_that_a_question_was_withdrawn() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let mut events = alice.phone().listen().await;
    events.next().await;
    let asked = shop.ask(&alice).await;
    let (_, question) = events.next().await.unwrap();
    shop.revoke(&asked.auth_req_id, Some("auth_req_id")).await;
    let gone = json!({"notificationId": question["notificationId"], "reason": "CANCELED"});
    assert_eq!(events.next().await, Some(("canceled".to_owned(), gone)));
}

#[tokio::test]
async fn the_channel_ends_with_the_trust() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let phone = alice.phone();
    let mut events = phone.listen().await;
    events.next().await;
    assert_eq!(phone.call(&Call::unpair(phone.device())).await.status, 204);
    assert_eq!(events.next().await, Some(("unpaired".to_owned(), json!({}))));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_listening_phone_hears_of_a_new_person_at_once() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let (mut alice, bob) = (world.user("alice").with_phone().await, world.user("bob").await);
    let mut phone = alice.phones.remove(0);
    let mut events = phone.listen().await;
    events.next().await;
    phone.pair(&bob.pairing_key().await).await;
    shop.ask(&bob).await;
    let (kind, question) = events.next().await.unwrap();
    assert_eq!(kind, "notification");
    assert_eq!(question["userId"], bob.id.to_string());
}

#[tokio::test]
async fn a_stopping_server_ends_the_channel() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let mut events = alice.phone().listen().await;
    events.next().await;
    world.shut_down(0);
    assert_eq!(events.next().await, None);
    world.stopped(0).await;
}

#[tokio::test]
async fn the_channel_outlives_the_patience_for_ordinary_calls() {
    let hasty = |edge: &mut nod::http::server::Edge| edge.limits.handler = std::time::Duration::from_millis(200);
    let world = World::with().edge(hasty).start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let mut events = alice.phone().listen().await;
    events.next().await;
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    shop.ask(&alice).await;
    assert_eq!(events.next().await.unwrap().0, "notification");
}

#[tokio::test]
async fn a_phone_on_another_node_hears_everything_at_once() {
    let world = World::with().redis().nodes(2).start().await;
    let (shop, mut alice) = (world.client("shop").await, world.user("alice").with_phone().with_phone().await);
    alice.phones[0].move_to(1);
    let mut events = alice.phones[0].listen().await;
    assert_eq!(events.next().await.unwrap().0, "ready");

    let asked = shop.ask(&alice).await;
    assert_eq!(events.next().await.unwrap().0, "notification");
    alice.phones[1].approve_the_question().await;
    let (kind, data) = events.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["reason"]), ("canceled", &json!("ALREADY_DECIDED")));
    shop.at(1).poll(&asked).await.tokens();

    let asked = shop.ask(&alice).await;
    assert_eq!(events.next().await.unwrap().0, "notification");
    shop.revoke(&asked.auth_req_id, None).await;
    assert_eq!(events.next().await.unwrap().1["reason"], "CANCELED");

    alice.phones[0].unpair_by_administrator().await;
    // [security 94] on all nodes within a second.
    let begin = std::time::Instant::now();
    while alice.phones[0].call(&Call::me()).await.status != 401 {
        assert!(begin.elapsed() < seconds(1), "the other node still believes in the phone");
    }
}

#[tokio::test]
async fn a_phone_opens_a_few_channels_and_no_more() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let alice = world.user("alice").with_phone().with_phone().await;
    let phone = alice.phone();
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut events = phone.listen().await;
        assert_eq!(events.next().await.unwrap().0, "ready");
        open.push(events);
    }
    let before = limited("live_channels");
    let refused = phone.call(&Call::events()).await;
    refused.problem(429, "TOO_MANY_ATTEMPTS");
    assert!(limited("live_channels") > before, "whoever watches the limit sees it");
    assert_eq!(refused.retry_after(), 5);
    // Her other phone listens all the same, and what is open stays open.
    open.push(alice.phones[1].listen().await);
    assert_eq!(open[4].next().await.unwrap().0, "ready");
    shop.ask(&alice).await;
    for events in &mut open {
        assert_eq!(events.next().await.unwrap().0, "notification");
    }
    // A closed one makes room, and only one.
    drop(open.remove(0));
    let begin = std::time::Instant::now();
    let again = loop {
        let crafted = phone.craft(&Call::events());
        let response = phone.unproved(&crafted).header("device-proof", phone.sign(&crafted)).send().await.unwrap();
        if response.status() == 200 {
            break response;
        }
        assert!(begin.elapsed() < seconds(2), "no room again");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    phone.call(&Call::events()).await.problem(429, "TOO_MANY_ATTEMPTS");
    drop(again);
}
