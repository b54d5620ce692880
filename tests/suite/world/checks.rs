//! What a world looks for at its end, it must be able to find.

use super::World;

#[tokio::test]
#[should_panic(expected = "a secret is in the database")]
async fn a_secret_in_the_database_is_found() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    world.guard(&alice.email);
}

#[tokio::test]
#[should_panic(expected = "a secret is in the database")]
async fn a_secret_in_redis_is_found() {
    let world = World::with().redis().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    world.guard("a-binding-message-of-ours");
    shop.ask_with(&alice, &[("binding_message", "a-binding-message-of-ours")]).await;
}

#[tokio::test]
#[should_panic(expected = "a secret was logged")]
async fn a_secret_in_the_log_is_found() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    shop.log_in(&alice).await;
    // The log names devices by their identifiers, which are none.
    world.guard(&alice.phone().device().to_string());
}

#[tokio::test]
#[should_panic(expected = "changed something")]
async fn a_change_of_state_is_found() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let watch = world.watch().await;
    shop.ask(&alice).await;
    watch.nothing_changed("a question").await;
}

#[tokio::test]
#[should_panic(expected = "changed something")]
async fn the_pace_of_polls_is_part_of_the_state() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let watch = world.watch().await;
    shop.poll(&asked).await.refused(400, "authorization_pending");
    watch.nothing_changed("a poll").await;
}
