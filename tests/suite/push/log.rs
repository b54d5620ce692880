//! What was pushed to a device, and what became of it, can be looked up.

use nod::protocol::public_id::{self, Kind};
use nod_device::PushKind;
use serde_json::{Value, json};

use super::double::Reply;
use super::{Scene, a_while, fcm_error, read, with_app};
use crate::admin::until;
use crate::world::{limited, seconds};

#[tokio::test]
async fn product_2_3_what_was_pushed_to_a_device_is_listed() {
    let mut scene = Scene::start().await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    let device = |n: usize| public_id::encode(Kind::Device, scene.alice.phones[n].device().uuid());
    let of = |n: usize| format!("/admin/v1/devices/{}/deliveries", device(n));
    let admin = scene.world.robot("reader", "nod:devices:read").await;
    let listed = async |list: String, count: usize| -> Vec<Value> {
        until("the log", async || {
            let items = admin.get(&list).await.ok()["items"].as_array().unwrap().clone();
            (items.len() == count).then_some(items)
        })
        .await
    };
    assert!(listed(of(0), 0).await.is_empty());

    scene.asks().await;
    let taken = listed(of(0), 1).await.remove(0);
    assert_eq!((&taken["state"], &taken["device_id"]), (&json!("delivered"), &json!(device(0))));
    assert_eq!((&taken["client_id"], taken.get("reason")), (&json!("shop"), None));
    for (member, prefix) in [("id", "evt_"), ("user_id", "usr_"), ("request_id", "req_")] {
        assert!(taken[member].as_str().unwrap().starts_with(prefix), "{taken}");
    }

    scene.world.clock.advance(seconds(10));
    scene.services.fcm.will([Reply::Says(400, fcm_error(400, "INVALID_ARGUMENT", "SENDER_ID_MISMATCH"))]);
    scene.asks().await;
    let both = listed(of(0), 2).await;
    assert_eq!((&both[0]["state"], &both[1]), (&json!("failed"), &taken), "the newest first");
    assert!(both[0]["reason"].as_str().is_some_and(|why| why.contains("SENDER_ID_MISMATCH")), "{both:?}");

    let since = "?created_after=2027-01-15T08:00:05Z&count=true";
    let late = admin.get(&format!("{}{since}", of(0))).await.ok();
    assert_eq!((&late["items"], &late["total"]), (&json!([both[0]]), &json!(1)));
    assert_eq!(listed(format!("{}?state=delivered", of(0)), 1).await[0], taken);
    assert_eq!(listed(format!("{}?state=failed", of(0)), 1).await[0], both[0]);
    let part = admin.get(&format!("{}?limit=1", of(0))).await.ok();
    let next = part["next_cursor"].as_str().expect("there is more");
    assert_eq!(admin.get(&format!("{}?limit=1&cursor={next}", of(0))).await.ok()["items"], json!([taken]));
    admin.get(&format!("{}?cursor={next}", of(1))).await.admin_problem(400, "invalid_cursor");

    // Of a phone that nobody rings there is nothing, and of one that is none, no list.
    assert!(listed(of(1), 0).await.is_empty());
    let nothing = "/admin/v1/devices/dev_0000000000000000000000000z/deliveries";
    admin.get(nothing).await.admin_problem(404, "not_found");
}

/// [flows.md H.3] By the service and the token that a question would go by.
#[tokio::test]
async fn h3_a_test_is_pushed_and_asks_nothing() {
    let mut scene = Scene::start().await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    let of = |n: usize, what: &str| {
        let device = public_id::encode(Kind::Device, scene.alice.phones[n].device().uuid());
        format!("/admin/v1/devices/{device}/{what}")
    };
    let admin = scene.world.robot("operator", "nod:devices:write").await;
    assert_eq!(admin.act(&of(0, "test-push")).await.ok(), json!({ "sent": true }));
    let sent = scene.services.fcm.takes(1).await.remove(0);
    assert_eq!((read(&sent).kind, sent.says.as_object().unwrap().len()), (PushKind::Test, 2), "{}", sent.says);
    assert!(scene.phone().pending().await.is_empty());
    let log = until("the log", async || {
        let items = admin.get(&of(0, "deliveries")).await.ok()["items"].as_array().unwrap().clone();
        (!items.is_empty()).then_some(items)
    })
    .await;
    assert_eq!((&log[0]["state"], &log[0]["reason"]), (&json!("delivered"), &json!("test")));
    assert!(log.len() == 1 && log[0].get("client_id").is_none() && log[0].get("request_id").is_none(), "{log:?}");

    // Where nobody would be rung by a question, nobody is by this.
    assert_eq!(admin.act(&of(1, "test-push")).await.ok(), json!({ "sent": false }));
    scene.phone().block().await;
    assert_eq!(admin.act(&of(0, "test-push")).await.ok(), json!({ "sent": false }));
    a_while().await;
    assert_eq!(scene.services.fcm.taken().len(), 1);
}

/// [flows.md B.2, H.3] The app asks for one, to see that a push arrives.
#[tokio::test]
async fn h3_an_app_has_a_test_pushed_to_itself() {
    let mut scene = Scene::start().await.reached_by_fcm().await;
    with_app(&scene.world, &mut scene.alice).await;
    let ask = async |phone: &crate::world::Phone| phone.call(&nod_device::Call::test_push()).await;
    assert_eq!(ask(scene.phone()).await.ok(), json!({ "sent": true }));
    let sent = scene.services.fcm.takes(1).await.remove(0);
    assert_eq!((read(&sent).kind, sent.says.as_object().unwrap().len()), (PushKind::Test, 2), "{}", sent.says);
    assert!(scene.phone().pending().await.is_empty());
    assert_eq!(ask(&scene.alice.phones[1]).await.ok(), json!({ "sent": false }), "nobody rings it");
    // Three in ten minutes, of each app.
    for _ in 0..2 {
        assert_eq!(ask(scene.phone()).await.ok(), json!({ "sent": true }));
    }
    scene.services.fcm.takes(3).await;
    let before = limited("test_pushes");
    ask(scene.phone()).await.problem(429, "TOO_MANY_ATTEMPTS");
    assert!(limited("test_pushes") > before, "whoever watches the limit sees it");
    a_while().await;
    assert_eq!(scene.services.fcm.taken().len(), 3);
}
