//! [CIBA §10.1, §11] Polling the token endpoint.

use serde_json::json;

use crate::world::{World, seconds};

#[tokio::test]
async fn ciba_10_1_an_approved_request_becomes_tokens() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let alice = world.user("alice").with_phone().await;

    let asked = shop.ask_with(&alice, &[("binding_message", "W4SCT")]).await;
    shop.poll(&asked).await.refused(400, "authorization_pending");

    let question = alice.phone().question().await;
    assert_eq!(question.client_context.binding_message.as_deref(), Some("W4SCT"));
    assert_eq!(alice.phone().approve(&question).await.ok(), json!({"status": "APPROVED"}));

    world.clock.advance(seconds(5));
    let tokens = shop.poll(&asked).await.tokens();
    let (_, claims) = world.verified(&tokens.id_token).await;
    assert_eq!(claims["sub"], alice.id.to_string());
}
