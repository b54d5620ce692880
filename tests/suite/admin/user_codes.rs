//! User codes, as administrators set them [CIBA §7.1.2].

use nod::domain::audit::Action;
use serde_json::json;

use super::robot::usr;
use crate::world::{World, seconds};

#[tokio::test]
async fn ciba_7_1_2_a_user_code_is_set_and_removed_and_never_shown() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let admin = world.robot("robot", "nod:users:write").await;
    let at = format!("/admin/v1/users/{}/user-code", usr(&alice));
    for code in ["4815-1623", "4242-4242"] {
        world.guard(code);
        world.clock.advance(seconds(60));
        let watch = world.watch().await;
        assert_eq!(admin.put(&at, &json!({ "user_code": code })).await.status, 204);
        let events = watch.events().await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!((events[0].action.as_str(), &events[0].reason), (Action::UserCodeSet.as_str(), &None));
        assert_eq!(admin.get(&at).await.ok(), json!({ "changed_at": world.now().to_string() }));
    }
    let watch = world.watch().await;
    assert_eq!(admin.delete(&at).await.status, 204);
    assert_eq!(watch.events().await[0].action, Action::UserCodeRemoved.as_str());
    for answer in [admin.get(&at).await, admin.delete(&at).await] {
        answer.admin_problem(404, "not_found");
    }
    let nobody = "/admin/v1/users/usr_0000000000000000000000000z/user-code";
    for answer in [
        admin.get(nobody).await,
        admin.delete(nobody).await,
        admin.put(nobody, &json!({"user_code": "4242-4242"})).await,
    ] {
        answer.admin_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_user_code_that_cannot_be_one_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let admin = world.admin().await;
    let at = format!("/admin/v1/users/{}/user-code", usr(&alice));
    for code in ["", "12345", &"1".repeat(33), "123456\n", " 123456", "12\u{0}3456"] {
        let watch = world.watch().await;
        let answer = admin.put(&at, &json!({ "user_code": code })).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/user_code");
        watch.only_a_refusal(code).await;
    }
    for body in [json!({}), json!({"user_code": 123_456}), json!({"user_code": "123456", "x": 1}), json!([])] {
        admin.put(&at, &body).await.admin_problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn who_only_reads_sets_no_user_code() {
    let world = World::start().await;
    let alice = world.user("alice").with_user_code("4815-1623").await;
    let admin = world.robot("reader", "nod:users:read").await;
    let at = format!("/admin/v1/users/{}/user-code", usr(&alice));
    admin.get(&at).await.ok();
    for answer in [admin.put(&at, &json!({"user_code": "4242-4242"})).await, admin.delete(&at).await] {
        answer.admin_problem(403, "insufficient_scope");
    }
    admin.get(&at).await.ok();
}
