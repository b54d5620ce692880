//! A person lets their phone ring, or not (flows.md H.3, H.4).

use nod::domain::device::Status;
use nod_device::{Call, PushMessage};
use serde_json::json;

use super::double::Reply;
use super::silent::{Silent, policy};
use super::{FCM_TOKEN, Scene, a_while, is_untouched};
use crate::world::seconds;

fn off() -> Call {
    Call::allow_push_notifications(false)
}

fn on() -> Call {
    Call::allow_push_notifications(true)
}

#[tokio::test]
async fn h3_a_phone_that_is_not_to_ring_is_not_rung_until_its_person_wants_it() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    assert_eq!(scene.phone().call(&off()).await.status, 204);
    assert_eq!(scene.phone().call(&off()).await.status, 204, "said again");
    scene.asks().await;
    a_while().await;
    is_untouched(&scene.services.fcm);
    scene.phone().approve_the_question().await;
    // Nor is it forgotten when the app starts, and hands in its token.
    assert_eq!(scene.phone().reached_at("FCM", "production", FCM_TOKEN).await.status, 204);
    scene.asks().await;
    a_while().await;
    is_untouched(&scene.services.fcm);
    assert_eq!(scene.phone().call(&on()).await.status, 204);
    scene.asks().await;
    scene.services.fcm.takes(1).await;
    let said = crate::admin::until("both are written down", async || {
        let events = watch.events().await.into_iter().map(|event| event.action);
        let said: Vec<_> = events.filter(|action| action.ends_with("abled")).collect();
        (said.len() >= 2).then_some(said)
    })
    .await;
    assert_eq!(said, ["device.push_disabled", "device.push_enabled"]);
}

/// What waits to be sent is not sent any more.
#[tokio::test]
async fn h3_who_wants_no_pushes_meanwhile_is_not_rung() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.services.fcm.will([Reply::Later(503, 1)]);
    scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    scene.is_planned_in(1).await;
    assert_eq!(scene.phone().call(&off()).await.status, 204);
    scene.world.clock.advance(seconds(1));
    scene.is_quiet().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
}

/// Every node knows, and so does a server that starts.
#[tokio::test]
async fn h3_it_is_known_at_every_node_and_after_a_restart() {
    let scene = Scene::with(|builder| builder.nodes(2)).await.reached_by_fcm().await;
    assert_eq!(scene.phone().call(&off()).await.status, 204);
    // The other one looks for changes every third of a second.
    a_while().await;
    scene.shop.at(1).ask(&scene.alice).await;
    scene.phone().approve_the_question().await;
    let Scene { services, mut world, shop, alice } = scene;
    world.restart().await;
    let alice = alice.in_world(&world);
    shop.in_world(&world).ask(&alice).await;
    a_while().await;
    is_untouched(&services.fcm);
    alice.phone().approve_the_question().await;
}

/// [flows.md F3] What nobody sees goes by the live channel then, as where there is no token.
#[tokio::test]
async fn f3_a_silent_push_does_not_go_to_a_phone_that_is_not_to_ring() {
    let silent = Silent::start(policy("restrictive")).await;
    assert_eq!(silent.phone.call(&off()).await.status, 204);
    let mut events = silent.phone.listen().await;
    assert_eq!(events.next().await.unwrap().0, "ready");
    let (mut browser, id, _) = silent.scene.by(&silent.phone).await;
    let (kind, data) = events.next().await.unwrap();
    assert_eq!(kind, "silent_verify");
    let said = PushMessage::read(data.to_string().as_bytes()).unwrap();
    silent.scene.world.guard(&said.pv.unwrap().expose());
    silent.acknowledges(&said).await;
    assert_eq!(browser.act(&id, "poll", &json!({})).await.ok()["status"], "MFA_COMPLETED");
    is_untouched(&silent.services.fcm);
}

/// It is said with a proof that is made for this, by a device that may be asked, in these words and no others.
#[tokio::test]
async fn h3_nobody_else_says_whether_a_phone_rings() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let phone = scene.phone().warm().await;
    for other in ["read", "rotate", "unpair", "pairing"] {
        phone.send(&phone.craft(&off()).claim("purpose", other)).await.problem(401, "PROOF_INVALID");
    }
    let crafted = phone.craft(&off());
    let proof = phone.sign(&crafted);
    let mut changed = crafted.clone();
    changed.body = Some(br#"{"enabled":true}"#.to_vec());
    assert_eq!(phone.send_with(&changed, &proof).await.status, 401, "another body");
    assert_eq!(phone.unproved(&crafted).send().await.unwrap().status(), 401);
    for body in ["{}", r#"{"enabled":"false"}"#, r#"{"enabled":null}"#, r#"{"enabled":false,"until":1}"#, "false"] {
        let answer = phone.send(&phone.craft(&off()).bytes(body.as_bytes().to_vec())).await;
        answer.problem(400, "INVALID_REQUEST");
    }
    let stranger = scene.world.phone();
    stranger.warm().await;
    stranger.call(&off()).await.problem(401, "DEVICE_UNKNOWN");
    phone.set_status(Status::Blocked).await;
    phone.call(&off()).await.problem(403, "DEVICE_BLOCKED");
    phone.set_status(Status::Active).await;
    scene.asks().await;
    scene.services.fcm.takes(1).await;
}
