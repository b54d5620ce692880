//! A code that nobody has redeemed, and what happens meanwhile [security.md case 27].

use nod::domain::client::GrantType;

use super::recovery::NEW;
use super::{PASSWORD, shop_and_alice};
use crate::world::{Browser, Client, Person, SIGNED_OUT, World, seconds};

/// A shop, a person, and the browser in which she has just signed in.
struct Scene {
    world: World,
    shop: Client,
    alice: Person,
    browser: Browser,
    code: String,
}

impl Scene {
    async fn start() -> Self {
        let world = World::with().letters().start().await;
        let (shop, alice) = shop_and_alice(&world).await;
        let mut browser = world.browser();
        let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
        Self { world, shop, alice, browser, code }
    }

    /// Refused now and later, and nothing was given.
    async fn is_worth_nothing(&self, status: u16, error: &str) {
        for _ in 0..2 {
            let watch = self.world.watch().await;
            self.shop.redeem(&self.code).await.refused(status, error);
            watch.only_a_refusal(error).await;
        }
        assert!(self.world.rows("token_grant").await.is_empty());
        assert!(self.world.rows("refresh_token").await.is_empty());
    }
}

#[tokio::test]
async fn security_27_a_code_of_somebody_who_may_not_sign_in_any_more() {
    let scene = Scene::start().await;
    scene.alice.lock().await;
    scene.shop.redeem(&scene.code).await.refused(400, "invalid_grant");
    // It is not good again with the person.
    scene.alice.unlock().await;
    scene.is_worth_nothing(400, "invalid_grant").await;

    let scene = Scene::start().await;
    scene.alice.delete().await;
    scene.is_worth_nothing(400, "invalid_grant").await;
}

#[tokio::test]
async fn security_27_a_code_of_a_client_that_was_stopped() {
    let scene = Scene::start().await;
    scene.shop.disable().await;
    scene.is_worth_nothing(401, "invalid_client").await;
    // Nobody who is not the client spoils its code.
    scene.shop.update(|shop| shop.disabled = false).await;
    scene.shop.redeem(&scene.code).await.tokens();

    let scene = Scene::start().await;
    scene.shop.update(|shop| shop.grants = [GrantType::Ciba].into()).await;
    scene.is_worth_nothing(400, "unauthorized_client").await;
}

#[tokio::test]
async fn security_27_a_code_from_before_the_password_was_reset() {
    let scene = Scene::start().await;
    let mut elsewhere = scene.world.browser();
    let page = elsewhere.forgets("alice").await;
    let (letter, _) = scene.world.letter(1).await;
    let page = elsewhere.press(&page, "continue", &[("code", &letter)]).await.unwrap();
    elsewhere.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    scene.world.nothing_waits().await;
    scene.is_worth_nothing(400, "invalid_grant").await;
}

#[tokio::test]
async fn security_27_a_code_of_a_session_that_was_ended() {
    let mut scene = Scene::start().await;
    let tokens = scene.shop.redeem(&scene.code).await.tokens();
    scene.code = scene.browser.authorize(&scene.shop, &[]).await.unwrap_err().get("code").to_owned();
    let hint = [("id_token_hint", tokens.id_token.as_str()), ("post_logout_redirect_uri", SIGNED_OUT)];
    scene.browser.log_out(&hint).await.unwrap_err();
    scene.shop.redeem(&scene.code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn security_27_a_code_that_nobody_came_with_in_time() {
    for (later, good) in [(59, true), (60, false), (61, false)] {
        let scene = Scene::start().await;
        scene.world.clock.advance(seconds(later));
        if good {
            scene.shop.redeem(&scene.code).await.tokens();
        } else {
            scene.is_worth_nothing(400, "invalid_grant").await;
        }
    }
}
