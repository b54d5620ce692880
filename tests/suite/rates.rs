//! How often a client may do something, or have somebody asked [security.md 5.6].

use crate::sign_in::rfc9126_pushed_requests::push;
use crate::world::{Answer, BC_AUTHORIZE, INTROSPECT, World, limited, seconds};

#[tokio::test]
async fn security_5_6_a_client_pushes_so_many_requests_a_second() {
    let world = World::with().settings(|settings| settings.pushed_requests = 3).start().await;
    let (shop, bank) = (world.client("shop").signs_in().await, world.client("bank").signs_in().await);
    for _ in 0..3 {
        assert_eq!(push(&shop, &[]).await.status, 201);
    }
    let watch = world.watch().await;
    let before = limited("pushed_requests");
    let answer = push(&shop, &[]).await;
    assert_eq!(answer.refused(429, "temporarily_unavailable").retry_after(), 1);
    assert!(limited("pushed_requests") > before, "whoever watches the limit sees it");
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
    let before = limited("introspections");
    let answer = shop.post(INTROSPECT, &[("token", "x")]).await;
    assert_eq!(answer.refused(429, "temporarily_unavailable").retry_after(), 1);
    assert!(limited("introspections") > before, "whoever watches the limit sees it");
    assert_eq!(bank.post(INTROSPECT, &[("token", "x")]).await.status, 200, "another client");
    world.clock.advance(seconds(1));
    assert_eq!(shop.post(INTROSPECT, &[("token", "x")]).await.status, 200);
}

#[tokio::test]
async fn security_5_6_a_client_asks_so_many_times_a_minute() {
    let world = World::with().settings(|settings| settings.backchannel_requests = 3).start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let fields = [("login_hint", "alice"), ("scope", "openid")];
    // Whoever only says that they are the shop uses up nothing of it.
    for _ in 0..5 {
        let nobody = shop.bare(BC_AUTHORIZE, &[("client_id", "shop"), ("scope", "openid"), ("login_hint", "alice")]);
        Answer::of(nobody).await.refused(401, "invalid_client");
    }
    // What leads to no question counts too: it is how people are looked for.
    for hint in ["nobody", "no-one"] {
        shop.bc_authorize(&[("login_hint", hint), ("scope", "openid")]).await.refused(400, "unknown_user_id");
    }
    let asked = shop.ask(&alice).await;
    shop.revoke(&asked.auth_req_id, None).await;
    let watch = world.watch().await;
    let before = limited("backchannel_requests");
    let answer = shop.bc_authorize(&fields).await;
    assert_eq!(answer.refused(429, "temporarily_unavailable").retry_after(), 60);
    assert!(limited("backchannel_requests") > before, "whoever watches the limit sees it");
    watch.only_a_refusal("a request too many").await;
    bank.ask(&alice).await;
    world.clock.advance(seconds(60));
    shop.ask(&alice).await;
}

#[tokio::test]
async fn security_5_6_a_person_is_asked_so_many_times_an_hour_whoever_asks() {
    let rules = |settings: &mut nod::app::Settings| {
        settings.questions_per_user = 3;
        settings.policy.uniform = true;
    };
    let world = World::with().settings(rules).start().await;
    let (alice, bob) = (world.user("alice").with_phone().await, world.user("bob").with_phone().await);
    // Nobody is spared as often as somebody: a client learns nothing of it.
    for hint in ["alice", "nobody"] {
        let fields = [("login_hint", hint), ("scope", "openid")];
        for n in 0..3 {
            let client = world.client(&format!("{hint}-{n}")).await;
            let answer = client.bc_authorize(&fields).await;
            assert_eq!(answer.status, 200, "{hint} {n}");
            let id = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
            client.revoke(&id, None).await;
        }
        let client = world.client(&format!("{hint}-3")).await;
        let watch = world.watch().await;
        let before = limited("questions_per_user");
        let answer = client.bc_authorize(&fields).await;
        assert_eq!(answer.refused(429, "temporarily_unavailable").retry_after(), 3600, "{hint}");
        assert!(limited("questions_per_user") > before, "whoever watches the limit sees it");
        watch.only_a_refusal("a question too many").await;
    }
    assert!(alice.phone().pending().await.is_empty());
    world.client("another").await.ask(&bob).await;
    world.clock.advance(seconds(3600));
    world.client("yet-another").await.ask(&alice).await;
}
