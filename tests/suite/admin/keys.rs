//! `/admin/v1/keys`.

use serde_json::Value;

use crate::world::World;

const KEYS: &str = "/admin/v1/keys";

fn of(page: &Value, state: &str) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    let mut kids: Vec<String> =
        items.filter(|item| item["state"] == state).map(|item| item["kid"].as_str().unwrap().to_owned()).collect();
    kids.sort();
    kids
}

#[tokio::test]
async fn keys_are_rotated_and_retired() {
    let world = World::start().await;
    let admin = world.admin().await;
    let before = admin.get(KEYS).await.ok();
    assert!(!before.to_string().contains("private") && !of(&before, "current").is_empty());
    let after = admin.act(&format!("{KEYS}/rotate")).await.ok();
    assert_eq!(of(&after, "current"), of(&before, "next"), "what was announced signs");
    assert_eq!(of(&after, "retiring"), of(&before, "current"));
    let (current, retiring) = (&of(&after, "current")[0], &of(&after, "retiring")[0]);
    admin.act(&format!("{KEYS}/{current}/retire")).await.admin_problem(409, "key_not_retiring");
    // The token was signed by a key that retires.
    let admin = world.admin_again(&admin).await;
    assert_eq!(admin.act(&format!("{KEYS}/{retiring}/retire")).await.ok()["state"], "retired");
    let jwks = world.get(crate::world::JWKS).await.text();
    assert!(!jwks.contains(retiring.as_str()) && jwks.contains(current.as_str()));
    admin.act(&format!("{KEYS}/{retiring}/retire")).await.admin_problem(409, "key_not_retiring");
    admin.act(&format!("{KEYS}/nothing/retire")).await.admin_problem(404, "not_found");
    let events = admin.get("/admin/v1/audit?type=key.retired").await.ok();
    assert_eq!(events["items"][0]["actor"], "client:root");
}
