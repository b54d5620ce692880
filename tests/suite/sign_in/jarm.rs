//! JARM: the answer of the authorization endpoint as a JWT.

use nod::protocol::algorithm::Algorithm;
use serde_json::{Value, json};

use super::{PASSWORD, shop_and_alice};
use crate::world::World;

/// The answer in a JWT of ours for this client, and nothing beside it.
async fn read(world: &World, jwt: &str, alg: &str) -> Value {
    let (header, claims) = world.verified(jwt).await;
    assert_eq!(header["alg"], alg);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.issuer()), &json!("shop")));
    assert_eq!(claims["exp"], world.now().seconds() + 60);
    claims
}

#[tokio::test]
async fn jarm_2_3_the_answer_is_one_jwt_wherever_it_goes() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for (mode, mark) in [("jwt", '?'), ("query.jwt", '?'), ("fragment.jwt", '#')] {
        let path = format!("/as/authorization.oauth2?{}", crate::world::asked(&shop, &[("response_mode", mode)]));
        let location = browser.get(&path).await.header("location").unwrap().to_owned();
        let (_, jwt) = location.split_once(&format!("{mark}response=")).expect(mode);
        assert!(!jwt.contains('&'), "{mode}: nothing beside it");
        let claims = read(&world, jwt, "ES256").await;
        assert_eq!(claims["state"], "a state");
        shop.redeem(claims["code"].as_str().unwrap()).await.tokens();
    }
    let page = browser.authorize(&shop, &[("response_mode", "form_post.jwt")]).await.unwrap();
    let claims = read(&world, &page.field("response").unwrap(), "ES256").await;
    assert!(page.field("code").is_none() && page.field("state").is_none());
    shop.redeem(claims["code"].as_str().unwrap()).await.tokens();
}

#[tokio::test]
async fn jarm_2_1_refusals_are_jwts_too() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    // Before a flow, and at its end.
    let fields = [("response_mode", "jwt"), ("prompt", "none")];
    let callback = browser.authorize(&shop, &fields).await.unwrap_err();
    assert_eq!(callback.0.len(), 1, "{callback:?}");
    let claims = read(&world, callback.get("response"), "ES256").await;
    assert_eq!((&claims["error"], &claims["state"]), (&json!("login_required"), &json!("a state")));
    assert!(claims.get("code").is_none());
    let page = browser.authorize(&shop, &fields[..1]).await.unwrap();
    let callback = browser.press(&page, "cancel", &[]).await.unwrap_err();
    assert_eq!(read(&world, callback.get("response"), "ES256").await["error"], "access_denied");
}

#[tokio::test]
async fn jarm_3_it_is_signed_as_the_client_registered() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    for alg in [Algorithm::PS256, Algorithm::RS256] {
        shop.update(move |shop| shop.sign_in.as_mut().unwrap().authorization_signed_response_alg = Some(alg)).await;
        let mut browser = world.browser();
        let page = browser.authorize(&shop, &[("response_mode", "jwt")]).await.unwrap();
        let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        let claims = read(&world, callback.get("response"), alg.as_str()).await;
        let tokens = shop.redeem(claims["code"].as_str().unwrap()).await.tokens();
        // What is no ID token is no hint.
        let hint = [("prompt", "none"), ("id_token_hint", callback.get("response"))];
        browser.authorize(&shop, &hint).await.unwrap_err().error("invalid_request");
        let hint = [("prompt", "none"), ("id_token_hint", tokens.id_token.as_str())];
        browser.authorize(&shop, &hint).await.unwrap_err().get("code");
    }
}
