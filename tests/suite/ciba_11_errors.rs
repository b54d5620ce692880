//! [CIBA §11, §13; RFC 6749 §5.2] The same code has another status at another endpoint, and every
//! error has the same form. The form itself is checked by `Answer::refused` in each test of the suite.

use nod::domain::user::Status;

use crate::world::{Answer, BC_AUTHORIZE, INTROSPECT, REVOKE, TOKEN, World, seconds};

#[tokio::test]
async fn access_denied_is_403_when_asked_and_400_when_polled() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    alice.phone().deny_the_question().await;
    shop.poll(&asked).await.refused(400, "access_denied");
    alice.set_status(Status::Locked).await;
    shop.bc_authorize(&[("login_hint", "alice"), ("scope", "openid")]).await.refused(403, "access_denied");
}

#[tokio::test]
async fn each_code_has_its_status() {
    let world = World::with().generous().start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let (hint, scope) = (("login_hint", "alice"), ("scope", "openid"));
    // [CIBA §13]
    shop.bc_authorize(&[scope]).await.refused(400, "invalid_request");
    shop.bc_authorize(&[hint, ("scope", "openid x")]).await.refused(400, "invalid_scope");
    shop.bc_authorize(&[("login_hint", "nobody"), scope]).await.refused(400, "unknown_user_id");
    shop.bc_authorize(&[hint, scope, ("binding_message", "\n")]).await.refused(400, "invalid_binding_message");
    Answer::of(shop.bare(BC_AUTHORIZE, &[hint, scope])).await.refused(401, "invalid_client");
    // [CIBA §11]
    let asked = shop.ask(&alice).await;
    shop.poll(&asked).await.refused(400, "authorization_pending");
    shop.poll(&asked).await.refused(400, "slow_down");
    bank.poll(&asked).await.refused(400, "invalid_grant");
    world.clock.advance(seconds(120));
    shop.poll(&asked).await.refused(400, "expired_token");
    // [RFC 6749 §5.2]
    shop.token(&[("grant_type", "password")]).await.refused(400, "unsupported_grant_type");
    shop.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await.refused(400, "unauthorized_client");
    Answer::of(shop.bare(TOKEN, &[])).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_description_is_constant_whatever_was_sent() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let mut bodies = Vec::new();
    for name in ["bob", "\"><script>alert(1)</script>", "\u{202e}evil", "%s%n", "a\\b", &"x".repeat(255)] {
        let answer = shop.bc_authorize(&[("login_hint", name), ("scope", "openid")]).await;
        answer.refused(400, "unknown_user_id");
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn no_answer_of_a_direct_endpoint_is_kept_or_guessed_at() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    for path in [TOKEN, BC_AUTHORIZE, REVOKE, INTROSPECT] {
        for answer in [shop.post(path, &[]).await, Answer::of(shop.bare(path, &[])).await] {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"), "{path}");
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
            assert!(answer.header("server").is_none() && answer.header("x-powered-by").is_none(), "{path}");
            assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
            assert!(answer.header("set-cookie").is_none(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_request_id_ties_an_answer_to_the_log() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let request = shop.form(TOKEN, &[]).header("x-request-id", "Trace-1.2_3");
    assert_eq!(Answer::of(request).await.header("x-request-id"), Some("Trace-1.2_3"));
    let one = shop.post(TOKEN, &[]).await;
    let two = shop.post(TOKEN, &[]).await;
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}
