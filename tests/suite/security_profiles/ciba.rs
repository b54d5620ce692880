//! At the backchannel endpoint.

use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use serde_json::json;

use super::Held;
use crate::ciba_07_signed_request::{claims, signed};
use crate::world::{CIBA, Client, World};

async fn shop(world: &World, held: Held, profile: Profile, algorithm: Algorithm) -> Client {
    let shop = world.client("shop").private_key_jwt(algorithm).await;
    held.to(&shop, profile).await;
    shop
}

#[tokio::test]
async fn fapi_ciba_5_2_2_a_question_is_signed_says_what_it_is_about_and_gives_bound_tokens() {
    for held in Held::WAYS {
        let profile = Profile::FapiCiba;
        let world = held.world(profile).start().await;
        let shop = shop(&world, held, profile, Algorithm::ES256).await;
        let alice = world.user("alice").with_phone().await;
        let plain = [("login_hint", "alice"), ("scope", "openid"), ("binding_message", "W4SCT")];
        let watch = world.watch().await;
        shop.bc_authorize(&plain).await.refused(400, "invalid_request");
        watch.only_a_refusal("a question that is not signed").await;
        let silent = signed(&world, &shop, &json!({ "binding_message": null }));
        shop.bc_authorize(&[("request", &silent)]).await.refused(400, "invalid_binding_message");
        let request = signed(&world, &shop, &json!({}));
        let asked = shop.bc_authorize(&[("request", &request)]).await.ok();
        let poll = [("grant_type", CIBA), ("auth_req_id", asked["auth_req_id"].as_str().unwrap())];
        // [protocol.md 6] before it is told whether somebody has answered.
        shop.token(&poll).await.refused(400, "invalid_request");
        let prover = world.prover();
        prover.token(&shop, &poll).await.refused(400, "authorization_pending");
        alice.phone().approve_the_question().await;
        shop.token(&poll).await.refused(400, "invalid_request");
        let tokens = prover.token(&shop, &poll).await.tokens();
        assert_eq!(tokens.json["token_type"], "DPoP");
    }
}

#[tokio::test]
async fn fapi_ciba_7_10_no_question_is_signed_by_pkcs1() {
    for held in Held::WAYS {
        let profile = Profile::FapiCiba;
        let world = held.world(profile).start().await;
        let shop = shop(&world, held, profile, Algorithm::PS256).await;
        let _alice = world.user("alice").with_phone().await;
        let by_rs256 = shop.key().jws(&json!({"alg": "RS256", "kid": "shop-key"}), &claims(&world, &shop, &json!({})));
        shop.bc_authorize(&[("request", &by_rs256)]).await.refused(400, "invalid_request");
        shop.bc_authorize(&[("request", &signed(&world, &shop, &json!({})))]).await.ok();
    }
}

#[tokio::test]
async fn fapi2_message_signing_5_3_questions_are_signed_too() {
    for (profile, status) in [(Profile::Fapi2MessageSigning, 400), (Profile::Fapi2Security, 200)] {
        let world = Held::ByServer.world(profile).start().await;
        let shop = shop(&world, Held::ByServer, profile, Algorithm::ES256).await;
        let _alice = world.user("alice").with_phone().await;
        let answer = shop.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await;
        assert_eq!(answer.status, status, "{profile}: {}", answer.text());
    }
}
