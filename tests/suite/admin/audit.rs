//! `/admin/v1/audit`.

use serde_json::{Value, json};

use super::location;
use crate::world::World;

const AUDIT: &str = "/admin/v1/audit";

fn types(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_change_is_recorded_with_whose_hand_it_was() {
    let world = World::start().await;
    let admin = world.admin().await;
    let secret = admin.post("/admin/v1/clients", &json!({ "client_id": "shop" })).await.json()["client_secret"].clone();
    let at = location(&admin.post("/admin/v1/users", &json!({ "username": "alice" })).await);
    let id = at.rsplit('/').next().unwrap();
    admin.act(&format!("{at}/lock")).await;
    let key = admin.act(&format!("{at}/pairing-keys")).await.json()["key"].clone();
    admin.delete("/admin/v1/clients/shop").await;
    let page = admin.get(&format!("{AUDIT}?result=done")).await;
    let text = page.text();
    for secret in [&secret, &key] {
        assert!(!text.contains(secret.as_str().unwrap()), "never a secret");
    }
    let mut page = page.ok();
    // The token of the administrator is told of a moment later.
    page["items"].as_array_mut().unwrap().retain(|event| event["type"] != "token.issued");
    let begin = ["client.deleted", "pairing_key.created", "user.locked", "user.created", "client.created"];
    assert_eq!(types(&page)[..5], begin, "newest first");
    for event in &page["items"].as_array().unwrap()[..5] {
        assert_eq!(event["actor"], "client:root", "{event}");
        assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    }
    let of_user = admin.get(&format!("{AUDIT}?user_id={id}")).await.ok();
    assert_eq!(types(&of_user), ["pairing_key.created", "user.locked", "user.created"]);
    let of_client = admin.get(&format!("{AUDIT}?client_id=shop&type=client.created")).await.ok();
    assert_eq!(types(&of_client), ["client.created"]);
    let first = admin.get(&format!("{AUDIT}?limit=2&user_id={id}")).await.ok();
    let next = first["next_cursor"].as_str().unwrap();
    let second = admin.get(&format!("{AUDIT}?limit=2&user_id={id}&cursor={next}")).await.ok();
    assert_eq!(types(&second), ["user.created"]);
    assert!(second.get("next_cursor").is_none());
    let other = admin.get(&format!("{AUDIT}?limit=2&cursor={next}")).await;
    other.admin_problem(400, "invalid_cursor");
    let none = admin.get(&format!("{AUDIT}?created_before=2020-01-01T00:00:00Z")).await.ok();
    assert_eq!(none["items"], json!([]));
    admin.get(&format!("{AUDIT}?user_id=alice")).await.admin_problem(400, "invalid_request");
    admin.get(&format!("{AUDIT}?type=everything")).await.admin_problem(400, "invalid_request");
}

#[tokio::test]
async fn a_refused_call_is_found_with_who_made_it() {
    let world = World::start().await;
    let (admin, robot) = (world.admin().await, world.robot("robot", "nod:users:read").await);
    robot.get("/admin/v1/clients").await.admin_problem(403, "insufficient_scope");
    let event = super::until("the refusal", async || {
        let page = admin.get(&format!("{AUDIT}?type=admin.called&result=refused")).await.ok();
        page["items"].get(0).cloned()
    })
    .await;
    assert_eq!(event["actor"], "client:robot");
    assert_eq!(event["reason"], "insufficient_scope: nod:clients:read");
}
