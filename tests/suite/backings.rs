//! The same verdicts on every engine, with one node or two (security U9).

use nod_device::DenyReason;
use serde_json::json;

use crate::world::{Backing, Builder, MASTER_KEY, World, seconds};

fn worlds() -> Vec<(&'static str, Builder)> {
    vec![
        ("SQLite", World::with()),
        ("SQLite and Redis", World::with().redis()),
        ("PostgreSQL", World::with().backing(Backing::Postgres)),
        ("PostgreSQL and Redis", World::with().backing(Backing::Postgres).redis()),
        ("two nodes on SQLite", World::with().nodes(2)),
        ("two nodes on PostgreSQL and Redis", World::with().backing(Backing::Postgres).redis().nodes(2)),
    ]
}

#[tokio::test]
async fn the_whole_way_goes_on_every_engine() {
    for (what, world) in worlds() {
        let world = world.start().await;
        let last = world.nodes() - 1;
        let (shop, bank) = (world.client("shop").refresh().await, world.client("bank").opaque().await);
        let mut alice = world.user("alice").with_phone().with_phone().await;
        let there = shop.at(last);

        // Asked here, answered there, fetched there, twice.
        let asked = shop.ask_with(&alice, &[("binding_message", "W4SCT")]).await;
        there.poll(&asked).await.refused(400, "authorization_pending");
        shop.poll(&asked).await.refused(400, "slow_down");
        bank.at(last).poll(&asked).await.refused(400, "invalid_grant");
        alice.phones[0].move_to(last);
        alice.phones[0].approve_the_question().await;
        let tokens = there.poll(&asked).await.tokens();
        shop.poll(&asked).await.refused(400, "invalid_grant");
        let (_, claims) = world.verified(&tokens.id_token).await;
        assert_eq!(claims["sub"], alice.id.to_string(), "{what}");

        // Refreshed, looked at, reused.
        let next = there.refresh(tokens.refresh_token.as_ref().unwrap()).await.tokens();
        world.userinfo(&next.access_token).await.ok();
        assert_eq!(shop.introspect(&next.access_token).await["active"], true);
        world.clock.advance(seconds(11));
        shop.refresh(tokens.refresh_token.as_ref().unwrap()).await.refused(400, "invalid_grant");
        assert_eq!(shop.introspect(&next.access_token).await, json!({"active": false}));

        // Withdrawn, denied, and the second phone is too late.
        let asked = there.ask(&alice).await;
        let question = alice.phones[1].question().await;
        assert_eq!(shop.revoke(&asked.auth_req_id, None).await.status, 200);
        alice.phones[1].approve(&question).await.problem(409, "CANCELED");
        let asked = bank.ask(&alice).await;
        let question = alice.phones[1].question().await;
        alice.phones[0].deny_the_question().await;
        alice.phones[1].deny(&question, DenyReason::None).await.problem(409, "ALREADY_DECIDED");
        bank.at(last).poll(&asked).await.refused(400, "access_denied");
    }
}

#[tokio::test]
async fn a_refused_request_changes_nothing_on_any_engine() {
    for (what, world) in worlds() {
        let world = world.start().await;
        let (shop, bank) = (world.client("shop").await, world.client("bank").await);
        let (alice, bob) = (world.user("alice").with_phone().await, world.user("bob").with_phone().await);
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        bob.phone().warm().await;

        let watch = world.watch().await;
        bank.poll(&asked).await.refused(400, "invalid_grant");
        watch.only_a_refusal(what).await;
        let watch = world.watch().await;
        shop.bc_authorize(&[("login_hint", "nobody"), ("scope", "openid")]).await.refused(400, "unknown_user_id");
        watch.only_a_refusal(what).await;
        let watch = world.watch().await;
        let answer = bob.phone().approve(&question).await;
        assert!([400, 403, 404].contains(&answer.status), "{what}: {}", answer.text());
        watch.only_a_refusal(what).await;
        let watch = world.watch().await;
        let crafted = alice.phone().craft_approval(&question, None).said("contextHash", json!("A".repeat(43)));
        alice.phone().send(&crafted).await.problem(400, "CONTEXT_HASH_MISMATCH");
        watch.only_a_refusal(what).await;
        // A digest that sees nothing would be glad about everything.
        let watch = world.watch().await;
        alice.phone().approve(&question).await.ok();
        watch.something_changed(what).await;
        assert_eq!(watch.events().await.len(), 1, "{what}");
    }
}

#[tokio::test]
async fn security_153_every_text_that_is_accepted_is_kept_on_every_engine() {
    for (what, world) in worlds().into_iter().take(4) {
        let world = world.generous().start().await;
        let shop = world.client("sh\u{6f}p ~!@#$^&*()'").secret("s\u{e4}cret \u{1f511} with everything").await;
        let alice = world.user("\u{e4}lice \u{1f469}\u{200d}\u{1f680} O'Neil \\ \u{ffff}").with_phone().await;
        let asked = shop.ask_with(&alice, &[("binding_message", "O'Neil \\ \u{e9}\u{65e5}\u{672c}")]).await;
        let question = alice.phone().question().await;
        assert_eq!(question.body, "O'Neil \\ \u{e9}\u{65e5}\u{672c}", "{what}");
        alice.phone().approve(&question).await.ok();
        let tokens = shop.poll(&asked).await.tokens();
        let info = world.userinfo(&tokens.access_token).await.ok();
        assert_eq!(info["preferred_username"], alice.username.as_str(), "{what}");
        // What no engine keeps is refused before it gets there.
        for hint in ["nul\0", "a\0b"] {
            let fields = [("login_hint", hint), ("scope", "openid")];
            shop.bc_authorize(&fields).await.refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn security_158_a_database_is_opened_by_its_own_master_key_alone() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    world.client("shop").await.log_in(&alice).await;
    let refused = world.start_another([9; 32]).await;
    assert!(refused.is_err(), "another master key opens nothing");
    assert!(world.start_another(MASTER_KEY).await.is_ok());
}

#[tokio::test]
async fn security_29_a_restart_forgets_nothing() {
    let mut world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    let used = tokens.refresh_token.unwrap();
    let next = shop.refresh(&used).await.tokens();
    let pending = shop.ask(&alice).await;
    world.clock.advance(seconds(11));

    world.restart().await;
    let (shop, alice) = (shop.in_world(&world), alice.in_world(&world));
    shop.poll(&pending).await.refused(400, "authorization_pending");
    alice.phone().approve_the_question().await;
    shop.poll(&pending).await.tokens();
    // Reuse is seen across a restart (CVE-2026-9802 of a peer).
    shop.refresh(&used).await.refused(400, "invalid_grant");
    shop.refresh(next.refresh_token.as_ref().unwrap()).await.refused(400, "invalid_grant");
}
