//! [RFC 7009] A client gives tokens back, or withdraws a question.

use nod_device::DenyReason;
use serde_json::json;

use crate::world::{Answer, Client, Person, REVOKE, Tokens, World, seconds};

struct Scene {
    world: World,
    shop: Client,
    alice: Person,
    tokens: Tokens,
}

async fn scene() -> Scene {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    Scene { world, shop, alice, tokens }
}

impl Scene {
    fn refresh_token(&self) -> &str {
        self.tokens.refresh_token.as_deref().unwrap()
    }

    async fn is_active(&self, token: &str) -> bool {
        self.shop.introspect(token).await["active"] == json!(true)
    }
}

#[track_caller]
fn accepted(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn rfc7009_2_1_with_a_refresh_token_all_of_its_grant_ends() {
    for hint in [None, Some("refresh_token"), Some("access_token"), Some("auth_req_id"), Some("nonsense")] {
        let scene = scene().await;
        let watch = scene.world.watch().await;
        accepted(&scene.shop.revoke(scene.refresh_token(), hint).await);
        let actions: Vec<_> = watch.events().await.into_iter().map(|event| event.action).collect();
        assert_eq!(actions, ["token.revoked"], "{hint:?}");
        scene.shop.refresh(scene.refresh_token()).await.refused(400, "invalid_grant");
        assert!(!scene.is_active(scene.refresh_token()).await);
        assert!(!scene.is_active(&scene.tokens.access_token).await);
        scene.world.userinfo(&scene.tokens.access_token).await.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn rfc7009_2_1_an_access_token_ends_alone() {
    for opaque in [false, true] {
        for hint in [None, Some("access_token"), Some("refresh_token")] {
            let world = World::start().await;
            let shop = world.client("shop").refresh();
            let shop = if opaque { shop.opaque().await } else { shop.await };
            let alice = world.user("alice").with_phone().await;
            let tokens = shop.log_in(&alice).await;
            let other = shop.refresh(tokens.refresh_token.as_ref().unwrap()).await.tokens();
            accepted(&shop.revoke(&tokens.access_token, hint).await);
            world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
            assert_eq!(shop.introspect(&tokens.access_token).await, json!({"active": false}));
            world.userinfo(&other.access_token).await.ok();
            shop.refresh(other.refresh_token.as_ref().unwrap()).await.tokens();
        }
    }
}

#[tokio::test]
async fn rfc7009_2_2_what_is_no_token_is_no_error() {
    let scene = scene().await;
    let expired = scene.tokens.access_token.clone();
    for token in ["unknown", "a.b.c", &scene.tokens.id_token, "\u{1f44d}", &"x".repeat(8000)] {
        for hint in [None, Some("auth_req_id"), Some("access_token")] {
            let watch = scene.world.watch().await;
            accepted(&scene.shop.revoke(token, hint).await);
            watch.nothing_changed("the revocation of nothing").await;
        }
    }
    scene.world.clock.advance(seconds(601));
    let watch = scene.world.watch().await;
    accepted(&scene.shop.revoke(&expired, None).await);
    watch.nothing_changed("the revocation of an expired token").await;
}

#[tokio::test]
async fn rfc7009_2_1_anothers_token_stays() {
    let scene = scene().await;
    let bank = scene.world.client("bank").await;
    let asked = scene.shop.ask(&scene.alice).await;
    for token in [scene.refresh_token(), &scene.tokens.access_token, &asked.auth_req_id] {
        for hint in [None, Some("auth_req_id"), Some("refresh_token")] {
            let watch = scene.world.watch().await;
            let answer = bank.revoke(token, hint).await;
            accepted(&answer);
            watch.nothing_changed("a foreign revocation").await;
        }
    }
    assert!(scene.is_active(scene.refresh_token()).await);
    scene.world.userinfo(&scene.tokens.access_token).await.ok();
    scene.shop.poll(&asked).await.refused(400, "authorization_pending");
}

#[tokio::test]
async fn rfc7009_2_1_the_request_names_a_token_and_its_client() {
    let scene = scene().await;
    for fields in [vec![], vec![("token", "")], vec![("token", "a"), ("token", "a")]] {
        let watch = scene.world.watch().await;
        scene.shop.post(REVOKE, &fields).await.refused(400, "invalid_request");
        watch.only_a_refusal("a revocation of what?").await;
    }
    let watch = scene.world.watch().await;
    let anonymous = scene.shop.bare(REVOKE, &[("token", scene.refresh_token())]);
    Answer::of(anonymous).await.refused(401, "invalid_client");
    watch.only_a_refusal("a revocation by nobody").await;
}

#[tokio::test]
async fn a_revoked_grant_stays_so_when_it_is_revoked_again() {
    let scene = scene().await;
    accepted(&scene.shop.revoke(scene.refresh_token(), None).await);
    let watch = scene.world.watch().await;
    accepted(&scene.shop.revoke(scene.refresh_token(), None).await);
    watch.nothing_changed("a second revocation").await;
}

#[tokio::test]
async fn a_used_refresh_token_ends_its_grant_too() {
    let scene = scene().await;
    let next = scene.shop.refresh(scene.refresh_token()).await.tokens();
    scene.world.clock.advance(seconds(60));
    // The client may have lost the answer with the successor, and wants the end of it all.
    accepted(&scene.shop.revoke(scene.refresh_token(), Some("refresh_token")).await);
    scene.shop.refresh(next.refresh_token.as_ref().unwrap()).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_question_is_withdrawn_and_the_phone_is_told() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    for hint in [Some("auth_req_id"), None, Some("refresh_token")] {
        let asked = shop.ask(&alice).await;
        let phone = alice.phone();
        let question = phone.question().await;
        let mut events = phone.listen().await;
        assert_eq!(events.next().await.unwrap().0, "ready");
        assert_eq!(events.next().await.unwrap().0, "notification");

        let watch = world.watch().await;
        accepted(&shop.revoke(&asked.auth_req_id, hint).await);
        let actions: Vec<_> = watch.events().await.into_iter().map(|event| event.action).collect();
        assert_eq!(actions, ["request.cancelled"]);
        let gone = json!({"notificationId": question.notification_id, "reason": "CANCELED"});
        assert_eq!(events.next().await, Some(("canceled".to_owned(), gone)));
        assert!(phone.pending().await.is_empty());
        phone.approve(&question).await.problem(409, "CANCELED");
        phone.deny(&question, DenyReason::None).await.problem(409, "CANCELED");
        shop.poll(&asked).await.refused(400, "invalid_grant");
        // And there is room for the next question.
        world.clock.advance(seconds(60));
    }
}

#[tokio::test]
async fn what_was_answered_cannot_be_withdrawn() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let approved = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    let watch = world.watch().await;
    accepted(&shop.revoke(&approved.auth_req_id, Some("auth_req_id")).await);
    watch.nothing_changed("a withdrawal that came too late").await;
    shop.poll(&approved).await.tokens();

    let denied = shop.ask(&alice).await;
    alice.phone().deny_the_question().await;
    accepted(&shop.revoke(&denied.auth_req_id, Some("auth_req_id")).await);
    shop.poll(&denied).await.refused(400, "access_denied");

    let expired = shop.ask(&alice).await;
    world.clock.advance(seconds(120));
    accepted(&shop.revoke(&expired.auth_req_id, Some("auth_req_id")).await);
    shop.poll(&expired).await.refused(400, "expired_token");
}

#[tokio::test]
async fn an_answer_and_a_withdrawal_at_the_same_time_have_one_winner() {
    for _ in 0..4 {
        let world = World::start().await;
        let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        let answer = alice.phone().approve(&question);
        let (answer, withdrawn) =
            futures_util::future::join(answer, shop.revoke(&asked.auth_req_id, Some("auth_req_id"))).await;
        accepted(&withdrawn);
        if answer.status == 200 {
            shop.poll(&asked).await.tokens();
        } else {
            answer.problem(409, "CANCELED");
            shop.poll(&asked).await.refused(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn a_question_to_nobody_is_withdrawn_like_any_other() {
    let world = World::with().settings(|settings| settings.policy.uniform = true).start().await;
    let shop = world.client("shop").await;
    let asked = shop.bc_authorize(&[("login_hint", "nobody"), ("scope", "openid")]).await.ok();
    let id = asked["auth_req_id"].as_str().unwrap();
    accepted(&shop.revoke(id, Some("auth_req_id")).await);
    shop.poll_id(id).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn the_other_tokens_of_the_client_outlive_a_withdrawn_question() {
    let scene = scene().await;
    let asked = scene.shop.ask(&scene.alice).await;
    accepted(&scene.shop.revoke(&asked.auth_req_id, Some("auth_req_id")).await);
    scene.shop.refresh(scene.refresh_token()).await.tokens();
}
