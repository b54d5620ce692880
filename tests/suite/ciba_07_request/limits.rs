//! [CIBA §14] How many questions wait for one person.

use crate::world::{World, limited, seconds};

#[tokio::test]
async fn ciba_14_a_person_has_one_question_of_a_client_at_a_time() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let bob = world.user("bob").with_phone().await;
    let asked = shop.ask(&alice).await;
    world.clock.advance(seconds(20));

    let watch = world.watch().await;
    let before = limited("questions");
    let second = shop.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await;
    assert_eq!(second.status, 429);
    assert!(limited("questions") > before, "whoever watches the limit sees it");
    assert_eq!(second.retry_after(), 100, "until the first one expires");
    watch.only_a_refusal("one question too many").await;
    assert_eq!(alice.phone().pending().await.len(), 1);
    // Nobody else is held up.
    shop.ask(&bob).await;

    // Answered is as good as expired.
    alice.phone().deny_the_question().await;
    shop.poll(&asked).await.refused(400, "access_denied");
    shop.ask(&alice).await;
    world.clock.advance(seconds(120));
    shop.ask(&alice).await;
}

#[tokio::test]
async fn ciba_14_a_person_has_three_questions_at_a_time() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let (shop, bank, four) = (world.client("shop").await, world.client("bank").await, world.client("four").await);
    for client in [&shop, &bank, &four] {
        client.log_in(&alice).await;
    }
    world.client("one").await.ask(&alice).await;
    for client in [&shop, &bank] {
        world.clock.advance(seconds(10));
        client.ask(&alice).await;
    }
    let watch = world.watch().await;
    let refused = four.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.retry_after(), 100, "until the oldest one expires");
    watch.only_a_refusal("a fourth question").await;
    world.clock.advance(seconds(100));
    four.ask(&alice).await;
}

#[tokio::test]
async fn security_62_a_flood_of_questions_leaves_the_client_that_a_person_knows() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").with_phone().await, world.user("bob").with_phone().await);
    let shop = world.client("shop").await;
    shop.log_in(&alice).await;
    let fields = [("login_hint", "alice"), ("scope", "openid")];

    // One client, again and again.
    let flood = world.client("flood").await;
    flood.ask(&alice).await;
    for _ in 0..50 {
        let refused = flood.bc_authorize(&fields).await;
        refused.refused(429, "temporarily_unavailable");
        assert!((1..=120).contains(&refused.retry_after()));
    }
    assert_eq!(alice.phone().pending().await.len(), 1);
    // Many clients at once: strangers get two of the three places, and the last is for those she knows.
    let mut asked = 1;
    for n in 0..50 {
        let answer = world.client(&format!("flood-{n}")).await.bc_authorize(&fields).await;
        if answer.status == 200 {
            asked += 1;
        } else {
            assert!(answer.refused(429, "temporarily_unavailable").retry_after() <= 120);
        }
    }
    assert_eq!(asked, 2);
    let own = shop.ask(&alice).await;
    let pending = alice.phone().pending().await;
    assert_eq!(pending.len(), 3);
    let question = pending.iter().find(|question| question.client_context.client_id == "shop").unwrap();
    alice.phone().approve(question).await.ok();
    shop.poll(&own).await.tokens();
    // What she took back from a client counts no more.
    let left = world.client("left").refresh().await;
    let tokens = left.log_in(&bob).await;
    left.revoke(tokens.refresh_token.as_ref().unwrap(), None).await;
    for id in ["flood-of-bob", "another"] {
        world.client(id).await.ask(&bob).await;
    }
    let fields = [("login_hint", "bob"), ("scope", "openid")];
    left.bc_authorize(&fields).await.refused(429, "temporarily_unavailable");
}

#[tokio::test]
async fn ciba_14_answering_does_not_make_room_without_end() {
    let world = World::start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    // A person who says no each time is asked sixteen times in a few minutes, and no more.
    for n in 0..16 {
        let asked = shop.ask(&alice).await;
        if n % 2 == 0 {
            alice.phone().deny_the_question().await;
        } else {
            shop.revoke(&asked.auth_req_id, None).await;
        }
    }
    let watch = world.watch().await;
    let refused = shop.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await;
    assert_eq!(refused.status, 429);
    let wait = refused.retry_after();
    watch.only_a_refusal("one question too many").await;
    assert!(alice.phone().pending().await.is_empty());
    // Another client still reaches her.
    bank.ask(&alice).await;
    alice.phone().deny_the_question().await;
    world.clock.advance(seconds(wait));
    shop.ask(&alice).await;
}

#[tokio::test]
async fn ciba_14_a_race_for_the_last_place_has_one_winner() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let fields = [("login_hint", "alice"), ("scope", "openid")];
    let answers = futures_util::future::join_all((0..8).map(|_| shop.bc_authorize(&fields))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 7);
    assert_eq!(alice.phone().pending().await.len(), 1);
}
