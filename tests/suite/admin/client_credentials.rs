//! Tokens of clients for themselves [RFC 6749 §4.4].

use nod::domain::client::GrantType;
use serde_json::json;

use crate::world::{World, seconds};

#[tokio::test]
async fn rfc6749_4_4_a_client_gets_a_token_of_its_own() {
    let world = World::start().await;
    let robot = world.robot("robot", "openid nod:clients:read orders").await;
    let json = robot.client.token(&[("grant_type", "client_credentials")]).await.ok();
    assert_eq!(json["scope"], "nod:clients:read orders", "all that is registered, but nothing of a person");
    assert_eq!(json["token_type"], "Bearer");
    assert!(json.get("id_token").is_none() && json.get("refresh_token").is_none(), "{json}");
    let (header, claims) = world.verified(json["access_token"].as_str().unwrap()).await;
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("robot"), &json!("robot")), "[RFC 9068 §2.2]");
    for name in ["auth_time", "acr", "amr", "grant"] {
        assert!(claims.get(name).is_none(), "{name}: there is no person");
    }
    let narrow = [("grant_type", "client_credentials"), ("scope", "orders")];
    assert_eq!(robot.client.token(&narrow).await.ok()["scope"], "orders");
}

#[tokio::test]
async fn rfc6749_4_4_refused_where_it_is_not_registered() {
    let world = World::start().await;
    let (shop, robot) = (world.client("shop").await, world.robot("robot", "nod:clients:read").await);
    let watch = world.watch().await;
    shop.token(&[("grant_type", "client_credentials")]).await.refused(400, "unauthorized_client");
    watch.only_a_refusal("an unregistered grant").await;
    for scope in ["openid", "profile", "nod:clients:write", "nod:admin", "other", "nod:clients:read openid", "\u{e9}"] {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        robot.client.token(&fields).await.refused(400, "invalid_scope");
    }
}

#[tokio::test]
async fn a_token_of_its_own_is_introspected_and_revoked() {
    let world = World::start().await;
    let (shop, robot) = (world.client("shop").await, world.robot("robot", "nod:clients:read").await);
    let active = robot.client.introspect(&robot.token).await;
    assert_eq!((&active["active"], &active["sub"]), (&json!(true), &json!("robot")));
    assert_eq!(active["scope"], "nod:clients:read");
    assert!(active.get("username").is_none() && active.get("auth_time").is_none(), "{active}");
    assert_eq!(shop.introspect(&robot.token).await, json!({ "active": false }), "[RFC 7662 §4] another's");
    assert_eq!(world.userinfo(&robot.token).await.status, 401, "it tells of nobody");

    shop.revoke(&robot.token, None).await;
    assert_eq!(robot.get("/admin/v1/clients").await.status, 200, "another's token is not revoked");
    assert_eq!(robot.client.revoke(&robot.token, None).await.status, 200);
    assert_eq!(robot.client.introspect(&robot.token).await, json!({ "active": false }));
    robot.get("/admin/v1/clients").await.admin_problem(401, "token_invalid");
}

#[tokio::test]
async fn a_token_of_its_own_ends_with_what_it_hangs_on() {
    let world = World::start().await;
    let robot = world.robot("robot", "nod:clients:read").await;
    let ok = || async { robot.get("/admin/v1/clients").await.status };
    assert_eq!(ok().await, 200);
    robot.client.disable().await;
    robot.get("/admin/v1/clients").await.admin_problem(401, "token_invalid");
    robot.client.update(|client| client.disabled = false).await;
    assert_eq!(ok().await, 200);
    robot.client.update(|client| client.grants = [GrantType::Ciba].into()).await;
    robot.get("/admin/v1/clients").await.admin_problem(401, "token_invalid");
    robot.client.update(|client| client.grants = [GrantType::ClientCredentials].into()).await;
    assert_eq!(ok().await, 200);
    world.clock.advance(seconds(600));
    robot.get("/admin/v1/clients").await.admin_problem(401, "token_invalid");
}

#[tokio::test]
async fn a_token_is_not_one_of_a_later_client_of_the_same_name() {
    let world = World::start().await;
    let admin = world.admin().await;
    let robot = world.robot("robot", "nod:clients:read").await;
    assert_eq!(admin.delete("/admin/v1/clients/robot").await.status, 204);
    robot.get("/admin/v1/clients").await.admin_problem(401, "token_invalid");
    world.clock.advance(seconds(5));
    let again = json!({ "client_id": "robot", "grant_types": ["client_credentials"], "scope": "nod:clients:read" });
    assert_eq!(admin.post("/admin/v1/clients", &again).await.status, 201);
    robot.get("/admin/v1/clients").await.admin_problem(401, "token_invalid");
}

#[tokio::test]
async fn no_person_approves_what_a_client_administers() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let both = [GrantType::Ciba, GrantType::RefreshToken, GrantType::ClientCredentials];
    let shop = world.client("shop").grants(both).scope("openid nod:admin").await;
    let watch = world.watch().await;
    let asked = [("login_hint", "alice"), ("scope", "openid nod:admin")];
    shop.bc_authorize(&asked).await.refused(400, "invalid_scope");
    watch.only_a_refusal("an administrative scope").await;

    let asked = shop.ask_with(&alice, &[("scope", "openid")]).await;
    alice.phone().approve_the_question().await;
    let tokens = shop.poll(&asked).await.tokens();
    let refresh = tokens.refresh_token.unwrap();
    let wider = [("grant_type", "refresh_token"), ("refresh_token", &refresh), ("scope", "openid nod:admin")];
    shop.token(&wider).await.refused(400, "invalid_scope");
    let refreshed = shop.refresh(&refresh).await.tokens();
    assert_eq!(refreshed.json["scope"], "openid");
    let answer = world.admin_call(reqwest::Method::GET, "/admin/v1/clients", Some(&refreshed.access_token)).await;
    answer.admin_problem(401, "token_invalid");
}
