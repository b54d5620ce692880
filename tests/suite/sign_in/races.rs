//! Races of the sign-in, over two nodes that share one Redis.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{PASSWORD, shop_and_alice};
use crate::world::{Answer, Backing, Browser, Client, SIGNED_OUT, Tokens, VERIFIER, World};

const CROWD: usize = 16;

async fn two_nodes(backing: Backing) -> World {
    World::with().backing(backing).redis().nodes(2).start().await
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[tokio::test]
async fn r3_of_many_redemptions_of_one_code_one_gets_tokens() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = two_nodes(backing).await;
        let (shop, _alice) = shop_and_alice(&world).await;
        let thief = world.client("thief").signs_in().await;
        for _ in 0..5 {
            let code = world.browser().log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
            let tries = (0..CROWD).map(|number| {
                let client = if number % 4 == 3 { thief.at(number % 2) } else { shop.at(number % 2) };
                let code = code.clone();
                async move { client.redeem(&code).await }
            });
            let answers = join_all(tries).await;
            let given: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
            assert_eq!(given.len(), 1, "{:?}", statuses(&answers));
            for (number, answer) in
                answers.iter().enumerate().filter(|(number, answer)| number % 4 == 3 || answer.status != 200)
            {
                assert_ne!(answer.status, 200, "{number} is another client");
                answer.refused(400, "invalid_grant");
            }
            // The code was seen by more than one: what it gave is gone [RFC 6749 §4.1.2].
            world.userinfo(&given[0].tokens().access_token).await.refused(401, "invalid_token");
        }
    }
}

/// Whoever has the code and not the verifier spoils it at most: who has both gets tokens once, or not at all.
#[tokio::test]
async fn r3_of_right_and_wrong_verifiers_at_once_no_two_get_tokens() {
    const WRONG: &str = "a-wrong-verifier-of-forty-three-characters-x";
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = two_nodes(backing).await;
        let (shop, _alice) = shop_and_alice(&world).await;
        for round in 0..8 {
            let code = world.browser().log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
            let tries = (0..CROWD).map(|number| {
                let (shop, code) = (shop.at(number % 2), code.clone());
                // Mostly right ones, mostly wrong ones, and all that is between.
                let right = number % 8 <= round;
                async move {
                    (right, shop.redeem_with(&code, &[("code_verifier", if right { VERIFIER } else { WRONG })]).await)
                }
            });
            let answers = join_all(tries).await;
            let mut given = Vec::new();
            for (right, answer) in &answers {
                if answer.status == 200 {
                    assert!(right, "tokens for a wrong verifier");
                    given.push(answer.tokens());
                } else {
                    answer.refused(400, "invalid_grant");
                }
            }
            assert!(given.len() <= 1, "{} sets of tokens", given.len());
            for tokens in given {
                world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
            }
            shop.redeem(&code).await.refused(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn r16_of_many_visits_one_leaves_with_the_answer() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = two_nodes(backing).await;
        let (shop, _alice) = shop_and_alice(&world).await;
        for _ in 0..5 {
            let mut browser = world.browser();
            let page = browser.authorize(&shop, &[("prompt", "consent")]).await.unwrap();
            browser.password(page.flow(), "alice", PASSWORD).await.ok();
            let state = browser.act(page.flow(), "grantConsent", &json!({})).await.ok();
            let path = state["resumeUrl"].as_str().unwrap().strip_prefix(world.issuer()).unwrap().to_owned();
            let visits = (0..CROWD).map(|number| {
                let (mut visitor, path) = (browser.at(number % 2), path.clone());
                async move { visitor.get(&path).await.status }
            });
            let answers = join_all(visits).await;
            assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
            assert!(answers.iter().all(|status| [303, 400].contains(status)), "{answers:?}");
        }
    }
}

#[tokio::test]
async fn an_action_happens_once_however_often_it_is_sent() {
    let world = two_nodes(Backing::Sqlite).await;
    let app = world.client("app").signs_in().redirectless().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let mut phone = world.browser();
    let flow = phone.flow(&app, &[]).await["id"].as_str().unwrap().to_owned();
    phone.password(&flow, "alice", PASSWORD).await.ok();
    let acts = (0..CROWD).map(|number| {
        let (mut phone, flow) = (phone.at(number % 2), flow.clone());
        async move { phone.act(&flow, "grantConsent", &json!({})).await }
    });
    let answers = join_all(acts).await;
    let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("INVALID_ACTION_ID")));
    }
    let code = done[0].json()["authorizeResponse"]["code"].as_str().unwrap().to_owned();
    app.redeem(&code).await.tokens();
}

/// Signed in, with codes that nobody has redeemed.
async fn with_codes(shop: &Client, browser: &mut Browser) -> (Tokens, Vec<String>) {
    let code = browser.log_in(shop, "alice", PASSWORD).await.get("code").to_owned();
    let tokens = shop.redeem(&code).await.tokens();
    let mut codes = Vec::new();
    for _ in 0..CROWD {
        codes.push(browser.authorize(shop, &[]).await.unwrap_err().get("code").to_owned());
    }
    (tokens, codes)
}

/// Nothing of what somebody was given while it ended is active. Whether they were given anything.
async fn nothing_is_left(world: &World, shop: &Client, answer: &Answer) -> bool {
    if answer.status != 200 {
        answer.refused(400, "invalid_grant");
        return false;
    }
    let tokens = answer.tokens();
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
    true
}

#[tokio::test]
async fn r5_after_a_logout_nothing_of_the_session_is_active() {
    for world in [World::with(), World::with().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let (shop, _alice) = shop_and_alice(&world).await;
        let mut given = 0;
        for round in 0..6 {
            let mut browser = world.browser();
            let (tokens, codes) = with_codes(&shop, &mut browser).await;
            let watch = world.watch().await;
            let logouts = (0..2).map(|node| {
                let (mut browser, hint) = (browser.at(node), tokens.id_token.clone());
                async move {
                    // Somewhere among the others.
                    tokio::time::sleep(Duration::from_millis(4 * round)).await;
                    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", SIGNED_OUT)];
                    browser.log_out(&fields).await.unwrap_err();
                }
            });
            let redemptions = codes.iter().enumerate().map(|(number, code)| {
                let client = shop.at(number % 2);
                async move { client.redeem(code).await }
            });
            let refreshes = (0..2).map(|node| {
                let (client, token) = (shop.at(node), tokens.refresh_token.clone().unwrap());
                async move { client.refresh(&token).await }
            });
            let (_, redeemed, refreshed) =
                futures_util::join!(join_all(logouts), join_all(redemptions), join_all(refreshes));
            for answer in redeemed.iter().chain(&refreshed) {
                given += usize::from(nothing_is_left(&world, &shop, answer).await);
            }
            world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
            browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
            let ended = watch.events().await.into_iter().filter(|event| event.action == "session.ended");
            assert_eq!(ended.count(), 1, "however many signed out");
        }
        assert!(given > 0, "nobody was faster than a logout: there was no race");
    }
}

/// As after a logout: whatever is redeemed while a person takes back what they agreed to, nothing of it is left.
#[tokio::test]
async fn after_a_withdrawal_nothing_that_was_agreed_to_is_active() {
    for world in [World::with(), World::with().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let (shop, _alice) = shop_and_alice(&world).await;
        let mut given = 0;
        for round in 0..6 {
            let mut browser = world.browser();
            let (tokens, codes) = with_codes(&shop, &mut browser).await;
            let page = browser.open("/account/applications").await.unwrap();
            let withdrawal = async {
                // Somewhere among the others.
                tokio::time::sleep(Duration::from_millis(4 * round)).await;
                browser.press(&page, "withdraw", &[("client", "shop")]).await.unwrap().answer.status
            };
            let redemptions = codes.iter().enumerate().map(|(number, code)| {
                let client = shop.at(number % 2);
                async move { client.redeem(code).await }
            });
            let refreshed = async { shop.at(1).refresh(tokens.refresh_token.as_deref().unwrap()).await };
            let (withdrawn, redeemed, refreshed) = futures_util::join!(withdrawal, join_all(redemptions), refreshed);
            assert_eq!(withdrawn, 200);
            for answer in redeemed.iter().chain([&refreshed]) {
                given += usize::from(nothing_is_left(&world, &shop, answer).await);
            }
            world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
            browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("consent_required");
        }
        assert!(given > 0, "nobody was faster than a withdrawal: there was no race");
    }
}

/// And where they let the client in again at once: what came of the first consent stays dead, whoever redeems it and
/// when, and what came of the second is good.
#[tokio::test]
async fn what_was_agreed_to_before_a_withdrawal_is_not_brought_back_by_agreeing_again() {
    for world in [World::with(), World::with().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let (shop, _alice) = shop_and_alice(&world).await;
        let mut given = 0;
        for round in 0..6 {
            let mut browser = world.browser();
            let (tokens, codes) = with_codes(&shop, &mut browser).await;
            let page = browser.open("/account/applications").await.unwrap();
            let anew = async {
                tokio::time::sleep(Duration::from_millis(10 * round)).await;
                browser.press(&page, "withdraw", &[("client", "shop")]).await.unwrap();
                browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned()
            };
            let redemptions = codes.iter().enumerate().map(|(number, code)| {
                let client = shop.at(number % 2);
                async move {
                    // Before, between and after.
                    tokio::time::sleep(Duration::from_millis(5 * u64::try_from(number).unwrap())).await;
                    client.redeem(code).await
                }
            });
            let (new, redeemed) = futures_util::join!(anew, join_all(redemptions));
            for answer in &redeemed {
                given += usize::from(nothing_is_left(&world, &shop, answer).await);
            }
            world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
            let tokens = shop.redeem(&new).await.tokens();
            world.userinfo(&tokens.access_token).await.ok();
            shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.tokens();
        }
        assert!(given > 0, "nobody was faster than a withdrawal: there was no race");
    }
}
