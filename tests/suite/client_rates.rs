//! How often a client may do what needs no person [security.md 5.6].

use crate::sign_in::rfc9126_pushed_requests::push;
use crate::world::{Answer, INTROSPECT, World, seconds};

#[tokio::test]
async fn security_5_6_a_client_pushes_so_many_requests_a_second() {
    let world = World::with().settings(|settings| settings.pushed_requests = 3).start().await;
    let (shop, bank) = (world.client("shop").signs_in().await, world.client("bank").signs_in().await);
    for _ in 0..3 {
        assert_eq!(push(&shop, &[]).await.status, 201);
    }
    let watch = world.watch().await;
    let answer = push(&shop, &[]).await;
    assert_eq!(answer.refused(429, "temporarily_unavailable").retry_after(), 1);
    watch.only_a_refusal("a request too many").await;
    assert_eq!(push(&bank, &[]).await.status, 201, "another client");
    world.clock.advance(seconds(1));
    assert_eq!(push(&shop, &[]).await.status, 201);
}

#[tokio::test]
async fn security_5_6_a_client_looks_behind_so_many_tokens_a_second() {
    let world = World::with().settings(|settings| settings.introspections = 3).start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    // Whoever only says that they are the shop uses up nothing of it.
    for _ in 0..5 {
        let nobody = shop.bare(INTROSPECT, &[("client_id", "shop"), ("token", "x")]);
        Answer::of(nobody).await.refused(401, "invalid_client");
    }
    for _ in 0..3 {
        assert_eq!(shop.post(INTROSPECT, &[("token", "x")]).await.status, 200);
    }
    let answer = shop.post(INTROSPECT, &[("token", "x")]).await;
    assert_eq!(answer.refused(429, "temporarily_unavailable").retry_after(), 1);
    assert_eq!(bank.post(INTROSPECT, &[("token", "x")]).await.status, 200, "another client");
    world.clock.advance(seconds(1));
    assert_eq!(shop.post(INTROSPECT, &[("token", "x")]).await.status, 200);
}
