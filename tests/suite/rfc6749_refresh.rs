//! [RFC 6749 §6, RFC 9700 §4.14] Refresh tokens: once each, one chain for each grant.

use std::collections::HashSet;

use nod::domain::client::GrantType;
use serde_json::json;

use crate::world::{BEGIN, Client, Person, Tokens, World, at_hash, decoded, seconds};

const DAY: u64 = 86_400;

struct Scene {
    world: World,
    shop: Client,
    alice: Person,
    tokens: Tokens,
}

/// Alice is logged in at a shop that may refresh.
async fn scene() -> Scene {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    Scene { world, shop, alice, tokens }
}

impl Scene {
    fn token(&self) -> &str {
        self.tokens.refresh_token.as_deref().unwrap()
    }

    async fn is_active(&self, token: &str) -> bool {
        self.shop.introspect(token).await["active"] == json!(true)
    }
}

fn refresh_token(tokens: &Tokens) -> &str {
    tokens.refresh_token.as_deref().expect("a refresh token")
}

#[tokio::test]
async fn rfc6749_6_a_refresh_gives_a_new_set_of_tokens() {
    let Scene { world, shop, alice, tokens } = scene().await;
    world.clock.advance(seconds(3600));
    let fresh = shop.refresh(refresh_token(&tokens)).await.tokens();
    assert_eq!(fresh.json["token_type"], "Bearer");
    assert_eq!(fresh.json["scope"], "openid profile email");
    assert_ne!(fresh.access_token, tokens.access_token);
    assert_ne!(fresh.refresh_token, tokens.refresh_token);
    assert_eq!(world.userinfo(&fresh.access_token).await.ok()["sub"], alice.id.to_string());
}

#[tokio::test]
async fn oidcc_12_2_a_refreshed_id_token_tells_of_the_same_authentication() {
    let Scene { world, shop, alice, tokens } = scene().await;
    world.clock.advance(seconds(3600));
    let fresh = shop.refresh(refresh_token(&tokens)).await.tokens();
    let (_, claims) = world.verified(&fresh.id_token).await;
    let begin = BEGIN.seconds();
    assert_eq!(
        claims,
        json!({
            "iss": world.issuer(), "sub": alice.id.to_string(), "aud": "shop",
            "iat": begin + 3600, "exp": begin + 3900, "auth_time": begin,
            "acr": "urn:nod:acr:device", "amr": ["pop", "swk", "user"],
            "at_hash": at_hash(&fresh.access_token),
        })
    );
}

#[tokio::test]
async fn rfc9700_4_14_a_chain_of_refreshes_works_and_only_its_end_is_active() {
    let scene = scene().await;
    let mut chain = vec![scene.token().to_owned()];
    for _ in 0..4 {
        scene.world.clock.advance(seconds(600));
        let next = scene.shop.refresh(chain.last().unwrap()).await.tokens();
        chain.push(next.refresh_token.unwrap());
    }
    assert_eq!(chain.iter().collect::<HashSet<_>>().len(), 5);
    assert!(scene.is_active(&chain[4]).await);
    for used in &chain[..4] {
        assert!(!scene.is_active(used).await, "a used one");
    }
}

#[tokio::test]
async fn rfc9700_4_14_a_used_token_that_comes_again_ends_the_grant() {
    let scene = scene().await;
    let next = scene.shop.refresh(scene.token()).await.tokens();
    scene.world.clock.advance(seconds(11));

    let watch = scene.world.watch().await;
    scene.shop.refresh(scene.token()).await.refused(400, "invalid_grant");
    let events = watch.events().await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!((events[0].action.as_str(), events[0].result.as_str()), ("token.reused", "refused"));
    assert_eq!(events[0].client.as_deref(), Some("shop"));

    // Whoever of the two was the thief: neither has anything left.
    scene.shop.refresh(refresh_token(&next)).await.refused(400, "invalid_grant");
    for token in [&scene.tokens.access_token, &next.access_token, refresh_token(&next), scene.token()] {
        assert!(!scene.is_active(token).await);
    }
    scene.world.userinfo(&next.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rfc9700_4_14_reuse_is_seen_however_long_the_chain_and_the_wait() {
    let scene = scene().await;
    let mut last = scene.token().to_owned();
    for _ in 0..5 {
        scene.world.clock.advance(seconds(7 * DAY));
        last = scene.shop.refresh(&last).await.tokens().refresh_token.unwrap();
    }
    scene.shop.refresh(scene.token()).await.refused(400, "invalid_grant");
    scene.shop.refresh(&last).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_lost_answer_is_given_once_more_within_ten_seconds() {
    let scene = scene().await;
    let first = scene.shop.refresh(scene.token()).await.tokens();
    for _ in 0..2 {
        scene.world.clock.advance(seconds(4));
        let again = scene.shop.refresh(scene.token()).await.tokens();
        assert_eq!(again.refresh_token, first.refresh_token, "the same successor, no second chain");
        scene.world.userinfo(&again.access_token).await.ok();
    }
    scene.shop.refresh(refresh_token(&first)).await.tokens();
}

#[tokio::test]
async fn a_lost_answer_is_not_given_again_when_it_evidently_arrived() {
    let scene = scene().await;
    let first = scene.shop.refresh(scene.token()).await.tokens();
    let second = scene.shop.refresh(refresh_token(&first)).await.tokens();
    // Its successor was used: this is no retry any more, but two who hold the same token.
    scene.shop.refresh(scene.token()).await.refused(400, "invalid_grant");
    for token in [scene.token(), refresh_token(&first), refresh_token(&second)] {
        assert!(!scene.is_active(token).await, "the grant has ended");
    }
}

#[tokio::test]
async fn a_lost_answer_of_an_opaque_client_is_given_once_more() {
    let world = World::start().await;
    let (club, alice) = (world.client("club").opaque().refresh().await, world.user("alice").with_phone().await);
    let tokens = club.log_in(&alice).await;
    let first = club.refresh(refresh_token(&tokens)).await.tokens();
    let again = club.refresh(refresh_token(&tokens)).await.tokens();
    assert_eq!(again.refresh_token, first.refresh_token);
    for token in [&tokens.access_token, &first.access_token, &again.access_token] {
        world.userinfo(token).await.ok();
    }
}

#[tokio::test]
async fn of_refreshes_at_the_same_time_one_chain_comes() {
    let scene = scene().await;
    let answers = futures_util::future::join_all((0..6).map(|_| scene.shop.refresh(scene.token()))).await;
    let successors: HashSet<String> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| answer.tokens().refresh_token.unwrap())
        .collect();
    assert_eq!(successors.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    scene.shop.refresh(successors.iter().next().unwrap()).await.tokens();
}

#[tokio::test]
async fn rfc6749_10_4_another_client_gains_and_breaks_nothing() {
    let scene = scene().await;
    let bank = scene.world.client("bank").refresh().await;
    let watch = scene.world.watch().await;
    bank.refresh(scene.token()).await.refused(400, "invalid_grant");
    watch.only_a_refusal("a foreign refresh").await;
    // Nor does it learn from another answer that there is such a token, and what it is good for.
    for scope in ["openid", "openid profile email address", "x"] {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", scene.token()), ("scope", scope)];
        bank.token(&fields).await.refused(400, "invalid_grant");
    }
    let next = scene.shop.refresh(scene.token()).await.tokens();

    // A used one in foreign hands is no reuse by its own client.
    scene.world.clock.advance(seconds(60));
    let watch = scene.world.watch().await;
    bank.refresh(scene.token()).await.refused(400, "invalid_grant");
    watch.only_a_refusal("a foreign used token").await;
    scene.shop.refresh(refresh_token(&next)).await.tokens();
}

#[tokio::test]
async fn rfc6749_6_scope_may_be_narrowed_and_not_widened() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let asked = shop.ask_with(&alice, &[("scope", "openid profile")]).await;
    alice.phone().approve_the_question().await;
    let tokens = shop.poll(&asked).await.tokens();
    let token = refresh_token(&tokens);
    let with = async |token: &str, scope: &str| {
        shop.token(&[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
    };
    for wider in ["openid profile email", "email", "openid offline_access", "openid \"", "*", "profile"] {
        let watch = world.watch().await;
        with(token, wider).await.refused(400, "invalid_scope");
        watch.only_a_refusal(wider).await;
    }
    let narrow = with(token, "openid").await.tokens();
    assert_eq!(narrow.json["scope"], "openid");
    assert_eq!(decoded(&narrow.access_token).1["scope"], "openid");
    assert_eq!(world.userinfo(&narrow.access_token).await.ok(), json!({"sub": alice.id.to_string()}));
    // [RFC 6749 §6] "the refresh token scope MUST be identical to that of the refresh token included".
    let full = shop.refresh(refresh_token(&narrow)).await.tokens();
    assert_eq!(full.json["scope"], "openid profile");
    let same = with(refresh_token(&full), "profile openid").await.tokens();
    assert_eq!(decoded(&same.access_token).1["scope"].as_str().unwrap().split(' ').count(), 2);
}

#[tokio::test]
async fn a_client_whose_scope_was_cut_since_gets_no_more_than_it_may_ask_for() {
    let scene = scene().await;
    scene.shop.update(|client| client.scope = nod::protocol::scope::Scope::parse("openid profile").unwrap()).await;
    let fresh = scene.shop.refresh(scene.token()).await;
    if fresh.status == 200 {
        let scope = fresh.tokens().json["scope"].as_str().unwrap().to_owned();
        assert!(!scope.contains("email"), "{scope}");
    } else {
        fresh.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn reliability_i12_a_locked_person_refreshes_nothing() {
    let scene = scene().await;
    scene.alice.lock().await;
    let watch = scene.world.watch().await;
    scene.shop.refresh(scene.token()).await.refused(400, "invalid_grant");
    watch.only_a_refusal("a refresh of a locked person").await;
    scene.alice.unlock().await;
    scene.shop.refresh(scene.token()).await.tokens();
    scene.alice.set_status(nod::domain::user::Status::Disabled).await;
    scene.shop.refresh(scene.token()).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn reliability_i12_a_deleted_person_refreshes_nothing() {
    let scene = scene().await;
    scene.alice.delete().await;
    scene.shop.refresh(scene.token()).await.refused(400, "invalid_grant");
    assert!(!scene.is_active(&scene.tokens.access_token).await);
}

#[tokio::test]
async fn security_94_what_a_lost_phone_approved_is_refreshed_no_more() {
    let blocked = scene().await;
    blocked.alice.phone().block().await;
    let watch = blocked.world.watch().await;
    blocked.shop.refresh(blocked.token()).await.refused(400, "invalid_grant");
    watch.only_a_refusal("a refresh by a blocked device").await;

    let unpaired = scene().await;
    unpaired.alice.phone().unpair_by_administrator().await;
    unpaired.shop.refresh(unpaired.token()).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn security_30_a_disabled_client_refreshes_nothing() {
    let scene = scene().await;
    scene.shop.disable().await;
    scene.shop.refresh(scene.token()).await.refused(401, "invalid_client");
    scene.shop.update(|client| client.disabled = false).await;
    scene.shop.refresh(scene.token()).await.tokens();
}

#[tokio::test]
async fn a_client_that_lost_the_grant_refreshes_nothing() {
    let scene = scene().await;
    scene.shop.update(|client| client.grants = [GrantType::Ciba].into()).await;
    let watch = scene.world.watch().await;
    scene.shop.refresh(scene.token()).await.refused(400, "unauthorized_client");
    watch.only_a_refusal("a refresh without the grant").await;
}

#[tokio::test]
async fn a_refresh_token_ends_unused_after_two_weeks() {
    let scene = scene().await;
    scene.world.clock.advance(seconds(14 * DAY - 1));
    let next = scene.shop.refresh(scene.token()).await.tokens();
    scene.world.clock.advance(seconds(14 * DAY));
    assert!(!scene.is_active(refresh_token(&next)).await);
    scene.shop.refresh(refresh_token(&next)).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn no_rotation_goes_beyond_ninety_days() {
    let scene = scene().await;
    let mut last = scene.token().to_owned();
    for _ in 0..8 {
        scene.world.clock.advance(seconds(11 * DAY));
        last = scene.shop.refresh(&last).await.tokens().refresh_token.unwrap();
    }
    scene.world.clock.advance(seconds(2 * DAY));
    assert!(!scene.is_active(&last).await);
    scene.shop.refresh(&last).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn security_26_no_other_handle_is_a_refresh_token() {
    let scene = scene().await;
    let asked = scene.shop.ask(&scene.alice).await;
    let question = scene.alice.phone().question().await;
    let key = scene.alice.pairing_key().await;
    for other in [
        scene.tokens.access_token.as_str(),
        &scene.tokens.id_token,
        &asked.auth_req_id,
        &question.notification_id.to_string(),
        key.expose(),
        scene.shop.secret(),
        &scene.token().to_lowercase(),
        &scene.token()[..42],
        &format!("{}x", scene.token()),
    ] {
        let watch = scene.world.watch().await;
        let answer = scene.shop.refresh(other).await;
        let error = if other.len() > 256 { "invalid_request" } else { "invalid_grant" };
        answer.refused(400, error);
        watch.only_a_refusal("another handle").await;
    }
    scene.shop.refresh(scene.token()).await.tokens();
}

#[tokio::test]
async fn rfc6749_6_a_refresh_names_its_token() {
    let scene = scene().await;
    for fields in [
        vec![("grant_type", "refresh_token")],
        vec![("grant_type", "refresh_token"), ("refresh_token", "")],
        vec![("grant_type", "refresh_token"), ("refresh_token", scene.token()), ("refresh_token", scene.token())],
    ] {
        let watch = scene.world.watch().await;
        scene.shop.token(&fields).await.refused(400, "invalid_request");
        watch.only_a_refusal("a malformed refresh").await;
    }
}

#[tokio::test]
async fn security_29_another_node_sees_the_same_chain() {
    let world = World::with().nodes(2).start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    let other = shop.at(1);
    let next = other.refresh(refresh_token(&tokens)).await.tokens();
    let again = shop.refresh(refresh_token(&tokens)).await.tokens();
    assert_eq!(again.refresh_token, next.refresh_token);
    world.clock.advance(seconds(11));
    shop.refresh(refresh_token(&tokens)).await.refused(400, "invalid_grant");
    other.refresh(refresh_token(&next)).await.refused(400, "invalid_grant");
}

/// [security.md case 29] the time in which an answer may be lost is no longer when the clock is set back.
#[tokio::test]
async fn security_29_a_clock_that_goes_back_makes_nothing_new_again() {
    for (back, lost) in [("9000", true), ("3600000", false)] {
        let scene = scene().await;
        let next = scene.shop.refresh(scene.token()).await.tokens();
        // To the server it is as if this came out of the future.
        scene
            .world
            .sql(&format!("UPDATE refresh_token SET used_at = used_at + {back} WHERE used_at IS NOT NULL"))
            .await;
        let again = scene.shop.refresh(scene.token()).await;
        if lost {
            assert_eq!(again.tokens().refresh_token, next.refresh_token, "{back}: clocks of nodes differ by so much");
        } else {
            again.refused(400, "invalid_grant");
            scene.shop.refresh(refresh_token(&next)).await.refused(400, "invalid_grant");
        }
    }
}

/// [security.md case 29] what a database knew when it was copied, it knows when it is brought back. What was used since
/// looks unused, as docs/backup.md says, and whatever was given since is unknown.
#[tokio::test]
async fn security_29_a_database_that_is_brought_back_knows_what_it_knew() {
    let scene = scene().await;
    let (world, shop) = (&scene.world, &scene.shop);
    let kept = shop.refresh(scene.token()).await.tokens();
    world.clock.advance(seconds(11));
    world.sql("CREATE TABLE copy_of_tokens AS SELECT * FROM refresh_token").await;
    let since = shop.refresh(refresh_token(&kept)).await.tokens();
    world.clock.advance(seconds(3600));
    world.sql("DELETE FROM refresh_token").await;
    world.sql("INSERT INTO refresh_token SELECT * FROM copy_of_tokens").await;
    world.sql("DROP TABLE copy_of_tokens").await;
    shop.refresh(refresh_token(&since)).await.refused(400, "invalid_grant");
    // The family ends at the first sight of what was used before the copy.
    shop.refresh(scene.token()).await.refused(400, "invalid_grant");
    shop.refresh(refresh_token(&kept)).await.refused(400, "invalid_grant");
}
