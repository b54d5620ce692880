//! [RFC 7662] What is behind a token.

use nod::domain::user::Status;
use nod::protocol::algorithm::Algorithm;
use serde_json::json;

use crate::world::{Answer, BEGIN, DISCOVERY, INTROSPECT, World, decoded, seconds};

#[tokio::test]
async fn rfc7662_2_2_an_active_access_token_is_described() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let (shop, club) = (world.client("shop").await, world.client("club").opaque().await);
    let begin = BEGIN.seconds();
    for client in [&shop, &club] {
        let tokens = client.log_in(&alice).await;
        let mut described = client.introspect(&tokens.access_token).await;
        let jti = described.as_object_mut().unwrap().remove("jti");
        if client.id == "shop" {
            assert_eq!(jti.unwrap(), decoded(&tokens.access_token).1["jti"]);
        }
        assert_eq!(
            described,
            json!({
                "active": true, "scope": "openid profile email", "client_id": client.id, "username": "alice",
                "token_type": "Bearer", "exp": begin + 600, "iat": begin, "sub": alice.id.to_string(),
                "aud": world.issuer(), "iss": world.issuer(), "acr": "urn:nod:acr:device", "auth_time": begin,
            })
        );
    }
}

#[tokio::test]
async fn rfc7662_2_2_an_active_refresh_token_is_described() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    let described = shop.introspect(tokens.refresh_token.as_ref().unwrap()).await;
    assert_eq!(described["active"], true);
    assert_eq!(described["exp"], BEGIN.seconds() + 14 * 86_400);
    assert!(described.get("token_type").is_none(), "it is no bearer token for resources: {described}");
}

#[tokio::test]
async fn rfc7662_2_2_an_inactive_token_is_not_described() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    let used = tokens.refresh_token.unwrap();
    let next = shop.refresh(&used).await.tokens();
    let asked = shop.ask(&alice).await;
    let forged = format!("{}.{}", tokens.access_token.rsplit_once('.').unwrap().0, "A".repeat(86));
    for (what, token) in [
        ("a used refresh token", used.as_str()),
        ("an ID token", &tokens.id_token),
        ("an auth_req_id", &asked.auth_req_id),
        ("a forged token", &forged),
        ("nothing", "x"),
        ("almost a JWT", "a.b.c"),
        ("bytes", "\u{1f44d}\u{feff}"),
    ] {
        let watch = world.watch().await;
        assert_eq!(shop.introspect(token).await, json!({"active": false}), "{what}");
        watch.nothing_changed(what).await;
    }
    world.clock.advance(seconds(601));
    assert_eq!(shop.introspect(&tokens.access_token).await, json!({"active": false}), "an expired token");
    assert_eq!(shop.introspect(next.refresh_token.as_ref().unwrap()).await["active"], true);
    shop.revoke(next.refresh_token.as_ref().unwrap(), None).await;
    assert_eq!(shop.introspect(next.refresh_token.as_ref().unwrap()).await, json!({"active": false}), "revoked");
}

#[tokio::test]
async fn rfc7662_4_a_client_learns_nothing_of_the_tokens_of_others() {
    let world = World::start().await;
    let (shop, bank) = (world.client("shop").refresh().await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let tokens = shop.log_in(&alice).await;
    for token in [&tokens.access_token, tokens.refresh_token.as_ref().unwrap()] {
        assert_eq!(bank.introspect(token).await, json!({"active": false}));
        assert_eq!(shop.introspect(token).await["active"], true);
    }
}

#[tokio::test]
async fn rfc7662_2_2_the_tokens_of_a_locked_person_are_inactive() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    for status in [Status::Locked, Status::Disabled] {
        alice.set_status(status).await;
        for token in [&tokens.access_token, tokens.refresh_token.as_ref().unwrap()] {
            assert_eq!(shop.introspect(token).await, json!({"active": false}), "{status:?}");
        }
    }
    alice.set_status(Status::Active).await;
    assert_eq!(shop.introspect(&tokens.access_token).await["active"], true);
}

#[tokio::test]
async fn rfc7662_2_1_the_request_names_a_token_and_its_client() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    for fields in [vec![], vec![("token", "")], vec![("token", "a"), ("token", "b")]] {
        let watch = world.watch().await;
        shop.post(INTROSPECT, &fields).await.refused(400, "invalid_request");
        watch.only_a_refusal("an introspection of what?").await;
    }
    let watch = world.watch().await;
    Answer::of(shop.bare(INTROSPECT, &[("token", "x")])).await.refused(401, "invalid_client");
    watch.only_a_refusal("an introspection by nobody").await;
    let get = world.request(reqwest::Method::GET, &format!("{INTROSPECT}?token=x"));
    Answer::of(get).await.refused(405, "invalid_request");
}

#[tokio::test]
async fn rfc9701_5_who_asks_for_a_jwt_gets_one() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let metadata = world.get(DISCOVERY).await.json();
    assert_eq!(metadata["introspection_signing_alg_values_supported"], json!(["ES256", "PS256", "RS256"]));
    let kind = "application/token-introspection+jwt";
    for alg in [None, Some(Algorithm::ES256), Some(Algorithm::PS256)] {
        let shop = world.client(&format!("shop-{}", alg.map_or("any", Algorithm::as_str)));
        let shop = shop.registered(|client| client.introspection_signed_response_alg = alg).await;
        let tokens = shop.log_in(&alice).await;
        let plain = shop.introspect(&tokens.access_token).await;
        for (token, told) in [(tokens.access_token.as_str(), plain), ("x", json!({"active": false}))] {
            let asked =
                shop.form(INTROSPECT, &[("token", token)]).header("accept", format!("application/json;q=0.5, {kind}"));
            let answer = Answer::of(asked).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
            let (header, claims) = world.verified(&answer.text()).await;
            assert_eq!(header["typ"], "token-introspection+jwt");
            // [RFC 9701 §6] RS256 unless another one is registered.
            assert_eq!(header["alg"], alg.unwrap_or(Algorithm::RS256).as_str());
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.issuer()), &json!(shop.id)));
            assert_eq!((&claims["iat"], &claims["token_introspection"]), (&json!(world.now().seconds()), &told));
            // What it says of a token makes no token of it.
            assert!(claims.get("sub").is_none() && claims.get("exp").is_none());
            world.userinfo(&answer.text()).await.refused(401, "invalid_token");
        }
        let other = shop.form(INTROSPECT, &[("token", "x")]).header("accept", "*/*");
        assert_eq!(Answer::of(other).await.ok(), json!({"active": false}));
    }
}
