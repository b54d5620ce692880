//! A question is put, and the phones that are reached hear of it; it ends, and they hear of that.

use nod_device::{DenyReason, PushKind};
use serde_json::json;

use super::{APNS_TOKEN, FCM_TOKEN, Scene, a_while, audited, done, is_untouched, pushes, read, with_app};
use crate::world::{Backing, seconds};

#[tokio::test]
async fn a_phone_is_told_by_fcm_and_finds_the_question() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let scene = Scene::with(|builder| builder.backing(backing)).await.reached_by_fcm().await;
        let watch = scene.world.watch().await;
        let asked = scene.asks().await;
        let sent = scene.services.fcm.takes(1).await.remove(0);
        assert_eq!(sent.token, FCM_TOKEN);
        let android = &sent.body["message"]["android"];
        assert_eq!((&android["priority"], &android["ttl"]), (&json!("HIGH"), &json!("120s")));
        let said = read(&sent);
        assert_eq!(said.kind, PushKind::Authentication);
        let question = scene.phone().question().await;
        assert_eq!(said.notification_id, question.notification_id);
        scene.is_quiet().await;
        scene.phone().approve(&question).await.ok();
        scene.shop.poll(&asked).await.tokens();
        a_while().await;
        assert_eq!(scene.services.fcm.asked().len(), 1, "once, and whoever has answered is not told that it is over");
        assert_eq!(audited(&watch).await, [done()]);
    }
}

#[tokio::test]
async fn a_phone_is_told_by_apns() {
    let scene = Scene::start().await.reached_by_apns().await;
    scene.asks().await;
    let sent = scene.services.apns.takes(1).await.remove(0);
    let question = scene.phone().question().await;
    assert_eq!(sent.token, APNS_TOKEN);
    let header = |name: &str| sent.headers[name].as_str();
    assert_eq!((header("apns-push-type"), header("apns-priority")), ("alert", "10"));
    assert_eq!(header("apns-topic"), super::BUNDLE);
    assert_eq!(header("apns-collapse-id"), question.notification_id.to_string());
    assert_eq!(header("apns-expiration"), (scene.world.now() + seconds(120)).seconds().to_string());
    assert_eq!(
        sent.body["aps"]["alert"],
        json!({"title-loc-key": "NOD_QUESTION_TITLE", "loc-key": "NOD_QUESTION_BODY"})
    );
    assert_eq!(read(&sent).notification_id, question.notification_id);
    is_untouched(&scene.services.sandbox);
    is_untouched(&scene.services.fcm);
}

#[tokio::test]
async fn an_app_for_developers_is_told_in_the_sandbox() {
    let scene = Scene::start().await;
    assert_eq!(scene.phone().reached_at("APNS", "sandbox", APNS_TOKEN).await.status, 204);
    scene.asks().await;
    scene.services.sandbox.takes(1).await;
    is_untouched(&scene.services.apns);
}

#[tokio::test]
async fn rfc8291_a_browser_is_told_and_nobody_on_the_way_can_read_it() {
    let scene = Scene::start().await.reached_by_browser().await;
    scene.asks().await;
    let sent = scene.services.web.takes(1).await.remove(0);
    let question = scene.phone().question().await;
    assert_eq!((sent.token.as_str(), sent.status), ("/push/alice", 201));
    let header = |name: &str| sent.headers[name].as_str();
    assert_eq!((header("ttl"), header("urgency")), ("120", "high"));
    assert_eq!(header("topic").len(), 22);
    assert_eq!(read(&sent).notification_id, question.notification_id);
}

/// [security.md 95, 123] Nothing in it can be read, guessed from, or approved with.
#[tokio::test]
async fn s123_a_push_says_that_there_is_something_and_nothing_else() {
    let scene = Scene::start().await;
    for (n, provider) in ["FCM", "APNS", "WEB_PUSH"].into_iter().enumerate() {
        let subscription = scene.services.web.subscription("alice");
        let token = match provider {
            "FCM" => FCM_TOKEN,
            "APNS" => APNS_TOKEN,
            _ => subscription.as_str(),
        };
        assert_eq!(scene.phone().reached_at(provider, "production", token).await.status, 204);
        let bank = scene.world.client(&format!("bank{n}")).number_matching(nod::domain::client::NumberMatching::Pick);
        let bank = bank.await;
        let asked = bank.ask_with(&scene.alice, &[("binding_message", "W4SCT-pay-1000")]).await;
        let service = match provider {
            "FCM" => &scene.services.fcm,
            "APNS" => &scene.services.apns,
            _ => &scene.services.web,
        };
        let sent = service.takes(1).await.remove(0);
        let says = sent.says.as_object().unwrap();
        let mut members: Vec<_> = says.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["notificationId", "type"], "{provider}");
        let all = format!("{} {:?}", sent.body, sent.headers);
        for secret in ["W4SCT", "bank", "alice", "The real", asked.auth_req_id.as_str()] {
            let named = sent.token.contains(secret) || !all.contains(secret);
            assert!(named, "{provider} says {secret}");
        }
        for number in scene.phone().pending().await.iter().filter_map(|question| match &question.number_matching {
            Some(nod_device::NumberMatching::SelectNumber { options }) => Some(options.clone()),
            _ => None,
        }) {
            assert!(number.iter().all(|number| !says.values().any(|value| *value == json!(number))));
        }
        // Who has it and no key has nothing.
        let id = says["notificationId"].as_str().unwrap();
        assert_eq!(scene.world.get(&format!("/device/v1/notifications/{id}")).await.status, 401);
        bank.poll(&asked).await.refused(400, "authorization_pending");
        assert_eq!(bank.revoke(&asked.auth_req_id, Some("auth_req_id")).await.status, 200);
    }
}

/// [reliability R7] The other phone learns that it is over.
#[tokio::test]
async fn the_other_phone_is_told_that_it_was_answered() {
    let mut scene = Scene::start().await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    let other = &scene.alice.phones[1];
    assert_eq!(other.reached_at("APNS", "production", APNS_TOKEN).await.status, 204);
    scene.asks().await;
    scene.services.fcm.takes(1).await;
    scene.services.apns.takes(1).await;
    scene.phone().deny(&scene.phone().question().await, DenyReason::None).await.ok();
    let over = scene.services.apns.takes(2).await.remove(1);
    let header = |name: &str| over.headers[name].as_str();
    assert_eq!((header("apns-push-type"), header("apns-priority")), ("background", "5"));
    assert_eq!(over.body["aps"], json!({ "content-available": 1 }), "nothing is shown");
    assert_eq!(read(&over).kind, PushKind::AuthCanceled);
    a_while().await;
    assert_eq!(scene.services.fcm.asked().len(), 1, "whoever has answered knows");
}

#[tokio::test]
async fn who_withdraws_takes_it_back_from_the_phones() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let asked = scene.asks().await;
    let first = scene.services.fcm.takes(1).await.remove(0);
    assert_eq!(scene.shop.revoke(&asked.auth_req_id, Some("auth_req_id")).await.status, 200);
    let over = scene.services.fcm.takes(2).await.remove(1);
    assert_eq!(over.body["message"]["android"]["priority"], "NORMAL");
    assert_eq!(read(&over).kind, PushKind::AuthCanceled);
    assert_eq!(read(&over).notification_id, read(&first).notification_id);
}

/// A browser has to show something for every push, so it hears of no end.
#[tokio::test]
async fn a_browser_is_not_told_that_it_is_over() {
    let scene = Scene::start().await.reached_by_browser().await;
    let asked = scene.asks().await;
    scene.services.web.takes(1).await;
    assert_eq!(scene.shop.revoke(&asked.auth_req_id, Some("auth_req_id")).await.status, 200);
    a_while().await;
    assert_eq!(scene.services.web.asked().len(), 1);
}

#[tokio::test]
async fn a_question_that_is_over_is_pushed_no_more() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.services.fcm.will([super::double::Reply::Later(503, 1)]);
    let asked = scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    scene.is_planned_in(1).await;
    scene.phone().approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
    scene.world.clock.advance(seconds(1));
    scene.is_quiet().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
}

#[tokio::test]
async fn nobody_is_pushed_whose_phone_is_not_reached() {
    let scene = Scene::start().await;
    scene.asks().await;
    assert!(pushes(&scene.world).await.is_empty());
    assert_eq!(scene.phone().pending().await.len(), 1);
    let scene = scene.reached_by_fcm().await;
    assert_eq!(scene.phone().call(&nod_device::Call::remove_push_token()).await.status, 204);
    assert!(!scene.has_token().await);
    scene.asks().await;
    a_while().await;
    is_untouched(&scene.services.fcm);
}

/// Two nodes empty one outbox, and every phone is told once.
#[tokio::test]
async fn r21_two_nodes_tell_a_phone_once() {
    let scene = Scene::with(|builder| builder.nodes(2)).await.reached_by_fcm().await;
    for _ in 0..10 {
        scene.asks().await;
    }
    scene.settles().await;
    let mut told: Vec<_> = scene.services.fcm.asked().iter().map(|sent| read(sent).notification_id).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 10);
    // One whose end a busy database could not write down comes again; the other node takes none of them as well.
    assert!(scene.services.fcm.asked().len() < 15, "{}", scene.services.fcm.asked().len());
    assert!(scene.services.fcm.assertions() <= 2, "one access token for each node");
}
