//! When a second factor is asked: from where, and of whom [flows.md D.2, H.4 step 2].

use super::step_up::without_numbers;
use super::{PASSWORD, Scene, json};

#[tokio::test]
async fn d2_a_second_factor_is_asked_from_where_and_of_whom_the_policy_says() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let of = |name: &str, value: &str| json!({ "attribute": { "name": name, "values": ["somebody", value] } });
    let not = |mut condition: serde_json::Value| {
        condition["not"] = json!(true);
        condition
    };
    for (condition, asked) in [
        (json!({ "networks": ["127.0.0.0/8", "::1"] }), true),
        (not(json!({ "networks": ["127.0.0.0/8", "::1"] })), false),
        (json!({ "networks": ["192.0.2.0/24", "2001:db8::/32"] }), false),
        (not(json!({ "networks": ["192.0.2.0/24", "2001:db8::/32"] })), true),
        (of("preferred_username", "alice"), true),
        (of("preferred_username", "Alice"), false),
        (not(of("preferred_username", "alice")), false),
        (not(of("preferred_username", "bob")), true),
        (of("name", "The real alice"), true),
        (of("email_verified", "true"), true),
        (of("email_verified", "false"), false),
    ] {
        let steps = json!([
            { "id": "password", "source": "password" },
            { "id": "mfa", "source": "mfa", "mfa_policy": "mfa", "when": [condition] },
        ]);
        let changed = admin.patch("/admin/v1/policies/both", &json!({ "steps": steps })).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let mut browser = scene.world.browser();
        let id = browser.flow(&scene.shop, &[]).await["id"].as_str().unwrap().to_owned();
        let state = browser.password(&id, "alice", PASSWORD).await.ok();
        assert_eq!(state["status"], if asked { "AUTHENTICATION_REQUIRED" } else { "COMPLETED" }, "{steps}");
    }
}

/// Whoever changes is asked by what they are now.
#[tokio::test]
async fn d2_a_person_is_as_they_are_when_they_go_on() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let when = json!([{ "attribute": { "name": "email_verified", "values": ["false"] } }]);
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "mfa", "source": "mfa", "mfa_policy": "mfa", "when": when },
    ]);
    admin.patch("/admin/v1/policies/both", &json!({ "steps": steps })).await.ok();
    let mut browser = scene.world.browser();
    let id = browser.flow(&scene.shop, &[]).await["id"].as_str().unwrap().to_owned();
    scene.alice.email_unverified().await;
    assert_eq!(browser.password(&id, "alice", PASSWORD).await.ok()["status"], "AUTHENTICATION_REQUIRED");
}
