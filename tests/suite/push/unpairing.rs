//! [flows.md F5] A service says that an app is gone: the token goes, and where the operator wants it, so does the trust.

use nod::domain::device::Status as DeviceStatus;
use nod::domain::user::Status;
use nod_device::Call;
use serde_json::{Value, json};

use super::double::Reply;
use super::{APNS_TOKEN, FCM_TOKEN, Scene, a_while, audited, fcm_error, gave_up, unregistered, with_app};
use crate::world::{Watch, seconds};

/// APNs says that it found the token to be good no more at this time.
fn gone_since(seconds: i64) -> Reply {
    Reply::Says(410, json!({ "reason": "Unregistered", "timestamp": seconds * 1000 }))
}

async fn actions(watch: &Watch, action: &str) -> Vec<Option<String>> {
    watch.events().await.into_iter().filter(|event| event.action == action).map(|event| event.reason).collect()
}

async fn devices(scene: &Scene) -> usize {
    scene.world.rows("device").await.len()
}

/// [reliability F21] The device stays unless the application's policy says otherwise.
#[tokio::test]
async fn t5_1_unregistered_drops_the_token_and_the_device_stays_where_the_policy_says_nothing() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Says(404, unregistered())]);
    let asked = scene.asks().await;
    scene.is_quiet().await;
    assert!(!scene.has_token().await);
    assert_eq!(devices(&scene).await, 1);
    assert_eq!(actions(&watch, "device.push_token_removed").await, [Some("app_uninstalled".to_owned())]);
    assert_eq!(audited(&watch).await, [gave_up("the app is gone")]);
    // The request is none the worse for it.
    scene.phone().approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn t5_1_unregistered_unpairs_where_the_policy_says_so_and_the_next_device_follows() {
    let mut scene = Scene::start().await.unpairs_automatically().await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Says(404, unregistered())]);
    let asked = scene.asks().await;
    scene.is_quiet().await;
    crate::admin::until("it is unpaired", async || (devices(&scene).await == 1).then_some(())).await;
    assert_eq!(actions(&watch, "device.unpaired").await, [Some("app_uninstalled".to_owned())]);
    assert!(!scene.has_token().await);
    assert_eq!(scene.phone().call(&Call::me()).await.status, 401, "its key is worth nothing");
    let other = &scene.alice.phones[1];
    let me = other.me().await;
    assert_eq!(me.users[0].role, nod_device::messages::DeviceRole::Primary);
    other.approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
}

/// A 404 that is about the project is about no phone.
#[tokio::test]
async fn t5_1_not_found_without_that_word_is_about_no_phone() {
    let scene = Scene::start().await.unpairs_automatically().await.reached_by_fcm().await;
    for said in [Value::Null, json!({ "error": { "code": 404, "status": "NOT_FOUND" } })] {
        scene.services.fcm.will([Reply::Says(404, said)]);
        scene.asks().await;
        scene.is_quiet().await;
    }
    // Nor is that word with another status.
    scene.services.fcm.will([Reply::Says(400, unregistered())]);
    scene.asks().await;
    scene.is_quiet().await;
    assert!(scene.has_token().await && devices(&scene).await == 1);
}

#[tokio::test]
async fn t5_2_word_of_an_earlier_registration_changes_nothing() {
    let scene = Scene::start().await.unpairs_automatically().await;
    scene.world.clock.advance(seconds(100));
    let scene = scene.reached_by_apns().await;
    let (registered, watch) = (scene.world.now().seconds(), scene.world.watch().await);
    scene.world.clock.advance(seconds(50));
    for since in [registered - 100, registered] {
        scene.services.apns.will([gone_since(since)]);
        scene.asks().await;
        scene.is_quiet().await;
        assert!(scene.has_token().await && devices(&scene).await == 1, "{since}");
    }
    // Nor does one that says no time.
    scene.services.apns.will([Reply::Says(410, json!({ "reason": "Unregistered" }))]);
    scene.asks().await;
    scene.is_quiet().await;
    assert!(scene.has_token().await && devices(&scene).await == 1);
    assert_eq!(audited(&watch).await[0], gave_up("word of an earlier life of the token"));
    // Handed in again, it lives again; and word of later than that counts.
    scene.services.apns.will([gone_since(scene.world.now().seconds() + 1)]);
    scene.asks().await;
    crate::admin::until("it is unpaired", async || (devices(&scene).await == 0).then_some(())).await;
    assert!(!scene.has_token().await);
}

/// Handed in again while the old word was on its way: the new token is tried, and nobody is unpaired.
#[tokio::test]
async fn t5_2_a_token_that_was_replaced_meanwhile_stays() {
    let scene = Scene::start().await.unpairs_automatically().await.reached_by_fcm().await;
    scene.services.fcm.will([Reply::SaysAfter(404, unregistered(), 1000)]);
    scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    assert_eq!(scene.phone().reached_at("FCM", "production", "another:token_of_the_app").await.status, 204);
    let taken = scene.services.fcm.takes(1).await;
    assert_eq!(taken[0].token, "another:token_of_the_app");
    assert!(scene.has_token().await && devices(&scene).await == 1);
}

#[tokio::test]
async fn t5_3_bad_device_token_unpairs_nobody_and_the_other_environment_is_tried() {
    let scene = Scene::start().await.unpairs_automatically().await.reached_by_apns().await;
    let bad = || Reply::Says(400, json!({ "reason": "BadDeviceToken" }));
    let watch = scene.world.watch().await;
    // Neither knows it.
    scene.services.apns.will([bad()]);
    scene.services.sandbox.will([bad()]);
    scene.asks().await;
    scene.is_quiet().await;
    assert!(scene.has_token().await && devices(&scene).await == 1);
    assert_eq!(audited(&watch).await, [gave_up("status 400 BadDeviceToken")]);
    // The other one does, and from then on it is asked first.
    scene.services.apns.will([bad()]);
    scene.asks().await;
    scene.services.sandbox.takes(1).await;
    scene.is_quiet().await;
    let asked_before = scene.services.apns.asked().len();
    scene.asks().await;
    scene.services.sandbox.takes(2).await;
    assert_eq!(scene.services.apns.asked().len(), asked_before);
    assert_eq!(devices(&scene).await, 1);
}

/// Mistakes of the operator's, and troubles of the services', are about no phone.
#[tokio::test]
async fn t5_3_nothing_else_unpairs() {
    let scene = Scene::start().await.unpairs_automatically().await.reached_by_fcm().await;
    for (status, name, code) in [
        (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
        (403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
        (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
    ] {
        let reply = || Reply::Says(status, fcm_error(status, name, code));
        scene.services.fcm.will(if status == 401 { vec![reply(), reply()] } else { vec![reply()] });
        scene.asks().await;
        scene.is_quiet().await;
        assert!(scene.has_token().await && devices(&scene).await == 1, "{code}");
    }
    let scene = scene.reached_by_apns().await;
    for (status, reason) in [
        (403, "InvalidProviderToken"),
        (400, "DeviceTokenNotForTopic"),
        (400, "BadTopic"),
        (410, "ExpiredToken"),
        (413, "PayloadTooLarge"),
    ] {
        let reply = || Reply::Says(status, json!({ "reason": reason }));
        scene.services.apns.will([reply()]);
        scene.services.sandbox.will([reply()]);
        scene.asks().await;
        scene.is_quiet().await;
        assert!(scene.has_token().await && devices(&scene).await == 1, "{reason}");
        scene.services.sandbox.will([]);
    }
}

/// [RFC 8030 §7.3]
#[tokio::test]
async fn t5_1_a_subscription_that_is_gone_is_dropped() {
    for status in [404, 410] {
        let scene = Scene::start().await.unpairs_automatically().await.reached_by_browser().await;
        scene.services.web.will([Reply::Says(status, Value::Null)]);
        scene.asks().await;
        crate::admin::until("it is unpaired", async || (devices(&scene).await == 0).then_some(())).await;
        assert!(!scene.has_token().await);
    }
    for status in [400, 401, 403, 413] {
        let scene = Scene::start().await.unpairs_automatically().await.reached_by_browser().await;
        scene.services.web.will([Reply::Says(status, Value::Null)]);
        scene.asks().await;
        scene.is_quiet().await;
        assert!(scene.has_token().await && devices(&scene).await == 1, "{status}");
    }
}

#[tokio::test]
async fn t5_4_without_an_answer_the_question_times_out_and_the_device_stays() {
    let scene = Scene::start().await.unpairs_automatically().await.reached_by_apns().await;
    for _ in 0..3 {
        let asked = scene.asks().await;
        scene.is_quiet().await;
        scene.world.clock.advance(seconds(121));
        scene.shop.poll(&asked).await.refused(400, "expired_token");
    }
    assert_eq!(scene.services.apns.taken().len(), 3, "nobody came to any of them");
    assert!(scene.has_token().await && devices(&scene).await == 1);
}

#[tokio::test]
async fn t5_6_a_phone_of_two_people_is_nobodys() {
    let mut scene = Scene::start().await.unpairs_automatically().await.reached_by_fcm().await;
    let mut bob = scene.world.user("bob").await;
    let mut shared = scene.alice.phones.remove(0);
    assert_eq!(shared.pair_as(&bob.pairing_key().await, super::PACKAGE).await.status, 201);
    bob.phones.push(shared);
    assert_eq!(devices(&scene).await, 2);
    let watch = scene.world.watch().await;
    scene.services.fcm.will([Reply::Says(404, unregistered())]);
    scene.shop.ask(&bob).await;
    crate::admin::until("it is nobody's", async || (devices(&scene).await == 0).then_some(())).await;
    assert_eq!(scene.world.rows("installation").await.len(), 0);
    assert_eq!(actions(&watch, "device.unpaired").await.len(), 2);
}

/// Installed again, the app is another installation with a token of its own.
#[tokio::test]
async fn t5_7_an_app_that_was_installed_again_is_another_one() {
    let mut scene = Scene::start().await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    assert_eq!(scene.alice.phones[1].reached_at("APNS", "production", APNS_TOKEN).await.status, 204);
    scene.services.fcm.will([Reply::Says(404, unregistered())]);
    let asked = scene.asks().await;
    scene.services.apns.takes(1).await;
    scene.is_quiet().await;
    assert_eq!((devices(&scene).await, scene.world.rows("push_token").await.len()), (2, 1));
    scene.alice.phones[1].approve_the_question().await;
    scene.shop.poll(&asked).await.tokens();
}

/// [reliability R18] Unpaired while it was being told: nothing is told any more, and its yes is worth nothing.
#[tokio::test]
async fn r18_who_was_unpaired_is_told_nothing() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.services.fcm.will([Reply::Later(503, 1)]);
    scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    scene.is_planned_in(1).await;
    let question = scene.phone().question().await;
    assert_eq!(scene.phone().call(&Call::unpair(scene.phone().device())).await.status, 204);
    scene.world.clock.advance(seconds(1));
    scene.is_quiet().await;
    a_while().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
    assert_eq!(scene.phone().approve(&question).await.status, 401);
    assert!(!scene.has_token().await, "it went with the installation");
}

/// [security 94] Blocked while it was being told.
#[tokio::test]
async fn s94_who_is_blocked_meanwhile_is_told_nothing() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.services.fcm.will([Reply::Later(503, 1)]);
    scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    scene.is_planned_in(1).await;
    scene.phone().set_status(DeviceStatus::Blocked).await;
    scene.world.clock.advance(seconds(1));
    scene.is_quiet().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
}

/// [reliability R10; flows.md H.4] Locked while they were being told: their phone rings for nobody.
#[tokio::test]
async fn r10_who_is_locked_is_rung_no_more() {
    let scene = Scene::start().await.reached_by_fcm().await;
    scene.services.fcm.will([Reply::Later(503, 1)]);
    scene.asks().await;
    scene.services.fcm.is_asked(1).await;
    scene.is_planned_in(1).await;
    scene.alice.set_status(Status::Locked).await;
    scene.world.clock.advance(seconds(1));
    scene.is_quiet().await;
    a_while().await;
    assert_eq!(scene.services.fcm.asked().len(), 1);
}

/// [reliability R10] The same for whoever is locked.
#[tokio::test]
async fn r10_who_is_locked_has_nothing_to_approve() {
    let scene = Scene::start().await.reached_by_fcm().await;
    let asked = scene.asks().await;
    scene.services.fcm.takes(1).await;
    let question = scene.phone().question().await;
    scene.alice.set_status(Status::Locked).await;
    assert_eq!(scene.phone().approve(&question).await.status, 404);
    scene.shop.poll(&asked).await.refused(400, "authorization_pending");
    assert_eq!(scene.services.fcm.asked()[0].token, FCM_TOKEN);
}
