//! `/admin/v1/users`.

use serde_json::json;

use super::location;
use crate::world::World;

const USERS: &str = "/admin/v1/users";

#[tokio::test]
async fn a_user_is_made_read_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin().await;
    let made = admin.post(USERS, &json!({ "username": "alice", "name": "Alice", "email": "alice@example.com" })).await;
    let at = location(&made);
    let read = admin.get(&at).await;
    assert_eq!(read.ok(), made.json());
    assert_eq!(read.header("etag"), made.header("etag"));
    let id = read.json()["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("usr_") && id.len() == 30 && at == format!("{USERS}/{id}"), "{id}");
    let changed = admin.patch(&at, &json!({ "name": null, "email_verified": true })).await.ok();
    assert!(changed.get("name").is_none());
    assert_eq!(changed["email_verified"], true);
    assert_eq!(admin.patch(&at, &changed).await.ok()["username"], "alice", "what was read can be sent back");
    let found = admin.get(&format!("{USERS}?username=alice")).await.ok();
    assert_eq!(found["items"][0]["id"], json!(id));
    assert_eq!(admin.get(&format!("{USERS}?username=bob")).await.ok()["items"], json!([]));
    admin.post(USERS, &json!({ "username": "alice" })).await.admin_problem(409, "username_taken");
    admin.post(USERS, &json!({ "username": "bob" })).await;
    admin.patch(&at, &json!({ "username": "bob" })).await.admin_problem(409, "username_taken");
    assert_eq!(admin.delete(&at).await.status, 204);
    admin.get(&at).await.admin_problem(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_is_pointed_at() {
    let world = World::start().await;
    let admin = world.admin().await;
    let alice = location(&admin.post(USERS, &json!({ "username": "alice" })).await);
    for (body, pointer) in [
        (json!({ "username": "" }), "/username"),
        (json!({ "username": "a\u{0}b" }), "/username"),
        (json!({ "username": "a".repeat(256) }), "/username"),
        (json!({ "username": "bob", "email": "nowhere" }), "/email"),
        (json!({ "username": "bob", "email_verified": true }), "/email_verified"),
        (json!({ "username": "bob", "name": "\n" }), "/name"),
    ] {
        let answer = admin.post(USERS, &body).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    admin.post(USERS, &json!({})).await.admin_problem(400, "invalid_request");
    admin.patch(&alice, &json!({ "username": null })).await.admin_problem(422, "validation_failed");
    let status = admin.patch(&alice, &json!({ "status": "locked" })).await;
    status.admin_problem(422, "validation_failed");
    assert_eq!(status.json()["errors"][0]["code"], "read_only");
}

/// A robot with an ID token finds the person.
#[tokio::test]
async fn a_user_is_found_by_the_sub_of_a_token() {
    let world = World::start().await;
    let (admin, shop) = (world.admin().await, world.client("shop").await);
    let (alice, _bob) = (world.user("alice").with_phone().await, world.user("bob").await);
    let tokens = shop.log_in(&alice).await;
    let claims = tokens.id_token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let sub = claims["sub"].as_str().unwrap();
    let found = async |query: &str| admin.get(&format!("{USERS}?{query}")).await.ok()["items"].clone();
    let one = found(&format!("sub={sub}")).await;
    assert_eq!((one.as_array().unwrap().len(), &one[0]["username"]), (1, &json!("alice")));
    assert_eq!(one[0]["sub"], sub);
    assert_eq!(found(&format!("sub={sub}&status=active&username=alice")).await, one);
    for nobody in ["sub=alice", "sub=", "sub=%00", "sub=00000000-0000-4000-8000-000000000000"] {
        assert_eq!(found(nobody).await, json!([]), "{nobody}");
    }
    assert_eq!(found(&format!("sub={sub}&username=bob")).await, json!([]));
    assert_eq!(found(&format!("sub={sub}&status=locked")).await, json!([]));
    assert_eq!(found(&format!("sub={}", sub.to_uppercase())).await, json!([]), "one spelling");
    let at = format!("{USERS}/{}", one[0]["id"].as_str().unwrap());
    let sent = admin.patch(&at, &json!({ "sub": "00000000-0000-4000-8000-000000000000" })).await;
    sent.admin_problem(422, "validation_failed");
}

#[tokio::test]
async fn a_locked_user_is_not_asked() {
    let world = World::start().await;
    let (admin, shop, alice) =
        (world.admin().await, world.client("shop").await, world.user("alice").with_phone().await);
    let at = format!("{USERS}/{}", crate::admin::robot::usr(&alice));
    let ask = async || shop.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await;
    for (action, status) in [("lock", "locked"), ("disable", "disabled")] {
        assert_eq!(admin.act(&format!("{at}/{action}")).await.ok()["status"], status);
        ask().await.refused(403, "access_denied");
        let listed = admin.get(&format!("{USERS}?status={status}")).await.ok();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(admin.act(&format!("{at}/unlock")).await.ok()["status"], "active");
    }
    assert_eq!(ask().await.status, 200);
    admin.act(&format!("{USERS}/usr_0000000000000000000000000z/lock")).await.admin_problem(404, "not_found");
}

/// Two who have read the same and change it: one of them changes it.
#[tokio::test]
async fn rfc9110_13_1_1_of_two_writers_one_wins() {
    for backing in [crate::world::Backing::Sqlite, crate::world::Backing::Postgres] {
        let world = World::with().backing(backing).nodes(2).start().await;
        let (one, other) = (world.admin().await, world.robot("other", "nod:admin").await.at(1));
        let at = location(&one.post(USERS, &json!({ "username": "alice" })).await);
        for round in 0..5 {
            let read = one.get(&at).await;
            let tag = read.header("etag").unwrap().to_owned();
            let change = |robot: &super::robot::Robot<'_>, name: String| {
                let request = robot.request(reqwest::Method::PATCH, &at).header("if-match", &tag);
                let request = request.json(&json!({ "name": name }));
                crate::world::Answer::of(request)
            };
            let names = [format!("one {round}"), format!("other {round}")];
            let (a, b) = tokio::join!(change(&one, names[0].clone()), change(&other, names[1].clone()));
            let (won, lost) = if a.status == 200 { (&a, &b) } else { (&b, &a) };
            assert_eq!(won.status, 200, "{}", won.text());
            lost.admin_problem(412, "precondition_failed");
            assert_eq!(one.get(&at).await.json()["name"], won.json()["name"]);
            assert_eq!(one.get(&at).await.header("etag"), won.header("etag"));
        }
        let delete = |tag: &str| one.request(reqwest::Method::DELETE, &at).header("if-match", tag.to_owned());
        crate::world::Answer::of(delete("\"old\"")).await.admin_problem(412, "precondition_failed");
        assert_eq!(crate::world::Answer::of(delete("*")).await.status, 204);
    }
}
