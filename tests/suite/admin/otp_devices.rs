//! `/admin/v1/users/{user_id}/otp-devices`, apart from what a flow does with them (`device_trust/step_up_otp.rs`).

use reqwest::Method;
use serde_json::json;

use super::location;
use super::robot::usr;
use crate::world::{Answer, World};

/// [flows.md D.5] up to a hundred characters.
#[tokio::test]
async fn d5_a_place_for_codes_is_named() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let all = format!("/admin/v1/users/{}/otp-devices", usr(&alice));
    let made = admin.post(&all, &json!({ "type": "sms", "target": "+49 151 23456789", "nickname": "work" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let at = location(&made);

    let watch = world.watch().await;
    let named = admin.patch(&at, &json!({ "nickname": "x".repeat(100) })).await;
    assert_eq!(named.ok()["nickname"], "x".repeat(100));
    let events = watch.events().await;
    assert!(events.iter().any(|event| event.action == "otp_device.updated"), "{events:?}");
    let read = admin.get(&at).await;
    assert_eq!((&read.json()["nickname"], &read.json()["target"]), (&json!("x".repeat(100)), &json!("+4915123456789")));

    for bad in [json!("x".repeat(101)), json!(""), json!(" "), json!("a\u{7}")] {
        admin.patch(&at, &json!({ "nickname": bad })).await.admin_problem(422, "validation_failed");
    }
    let other = admin.patch(&at, &json!({ "target": "+4915198765432" })).await;
    other.admin_problem(422, "validation_failed");
    assert_eq!(other.json()["errors"][0]["code"], "read_only");
    assert_eq!(admin.get(&at).await.ok(), read.json(), "nothing of this changed anything");
    assert_eq!(admin.patch(&at, &read.json()).await.ok(), read.json(), "what was read can be sent back");

    let of_bob = at.replace(&usr(&alice), &usr(&bob));
    admin.patch(&of_bob, &json!({ "nickname": "mine" })).await.admin_problem(404, "not_found");
    let stale = admin.request(Method::PATCH, &at).header("if-match", "\"another\"");
    let stale = stale.header("content-type", "application/merge-patch+json");
    let answer = Answer::of(stale.body(json!({ "nickname": "late" }).to_string())).await;
    answer.admin_problem(412, "precondition_failed");
    let unnamed = admin.patch(&at, &json!({ "nickname": null })).await.ok();
    assert!(unnamed.get("nickname").is_none(), "{unnamed}");
    let reader = world.robot("reader", "nod:users:read").await;
    reader.patch(&at, &json!({ "nickname": "mine" })).await.admin_problem(403, "insufficient_scope");
}
