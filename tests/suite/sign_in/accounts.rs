//! `prompt=select_account`: whoever is signed in goes on as they are, or as somebody else.

use serde_json::json;

use super::flow_api::{app, id};
use super::{PASSWORD, links, refused, shop_and_alice};
use crate::world::{Browser, Callback, Client, World, decoded, seconds};

async fn who(shop: &Client, callback: &Callback) -> (String, i64) {
    let (_, claims) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
    (claims["sub"].as_str().unwrap().to_owned(), claims["auth_time"].as_i64().unwrap())
}

#[tokio::test]
async fn oidcc_3_1_2_1_who_is_signed_in_is_offered_and_so_is_another_account() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    world.user("bob").with_password(PASSWORD).await;
    let choose = [("prompt", "select_account")];
    let mut browser = world.browser();
    browser.authorize(&shop, &choose).await.unwrap().has("name=\"password\"");
    let alice = who(&shop, &browser.log_in(&shop, "alice", PASSWORD).await).await;

    world.clock.advance(seconds(10));
    let page = browser.authorize(&shop, &choose).await.unwrap();
    page.has("value=\"use:1\"").has("alice").has("value=\"other_account\"");
    let on = browser.press(&page, "use:1", &[]).await.unwrap_err();
    assert_eq!(who(&shop, &on).await, alice, "the same person, of the same sign-in");

    let page = browser.authorize(&shop, &choose).await.unwrap();
    let unknown = browser.press(&page, "use:2", &[]).await.unwrap();
    unknown.has("value=\"use:1\"");
    browser.press(&page, "cancel", &[]).await.unwrap_err().error("access_denied");

    let page = browser.authorize(&shop, &choose).await.unwrap();
    let page = browser.press(&page, "other_account", &[]).await.unwrap();
    page.has("name=\"password\"");
    assert!(!page.answer.text().contains("alice"), "she is not meant");
    let bob = browser.sign_in(&page, "bob", PASSWORD).await.unwrap_err();
    let bob = who(&shop, &bob).await;
    assert!(bob.0 != alice.0 && bob.1 == alice.1 + 10);
    let silent = browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err();
    assert_eq!(who(&shop, &silent).await, bob, "it is his browser now");
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_is_no_choice() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let tokens = shop.redeem(browser.log_in(&shop, "alice", PASSWORD).await.get("code")).await.tokens();
    let page = browser.authorize(&shop, &[("prompt", "select_account")]).await.unwrap();
    let mut other_tab = browser.clone();
    other_tab.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap().has("signed out");
    browser.press(&page, "use:1", &[]).await.unwrap_err().error("login_required");
}

#[tokio::test]
async fn oidcc_3_1_2_1_who_takes_long_to_choose_is_asked_anew() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let asked = [("prompt", "select_account"), ("max_age", "60")];
    for (wait, chosen) in [(59, true), (61, false)] {
        let page = browser.authorize(&shop, &asked).await.unwrap();
        page.has("value=\"use:1\"");
        world.clock.advance(seconds(wait));
        match browser.press(&page, "use:1", &[]).await {
            Err(callback) if chosen => drop(callback.get("code")),
            Ok(page) if !chosen => drop(page.has("name=\"password\"")),
            other => panic!("after {wait} seconds: {other:?}"),
        }
        world.clock.advance(seconds(2));
        let page = browser.authorize(&shop, &[("prompt", "login")]).await.unwrap();
        browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");
    }
}

async fn choosing(world: &World, phone: &mut Browser, app: &Client) -> String {
    let state = phone.flow(app, &[("prompt", "select_account")]).await;
    assert_eq!(state["status"], "IDENTIFIER_REQUIRED");
    assert_eq!(state["previouslySubmittedIdentifiers"], json!(["alice"]));
    assert_eq!(links(&state), ["cancelIdentifierSubmission", "clearIdentifier", "self", "submitIdentifier"]);
    world.guard(id(&state));
    id(&state).to_owned()
}

#[tokio::test]
async fn an_application_offers_who_is_signed_in() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    world.user("bob").with_password(PASSWORD).await;
    let mut phone = world.browser();
    let first = phone.flow(&app, &[]).await;
    phone.password(id(&first), "alice", PASSWORD).await.ok();
    phone.act(id(&first), "grantConsent", &json!({})).await.ok();

    let flow = choosing(&world, &mut phone, &app).await;
    let on = phone.act(&flow, "submitIdentifier", &json!({ "identifier": "alice" })).await.ok();
    assert_eq!(on["status"], "COMPLETED");

    let flow = choosing(&world, &mut phone, &app).await;
    let other = phone.act(&flow, "clearIdentifier", &json!({ "identifier": "bob" })).await;
    refused(&other, 400, "VALIDATION_ERROR", Some("INVALID_FIELD_VALUE"));
    let cleared = phone.act(&flow, "clearIdentifier", &json!({ "identifier": "alice" })).await.ok();
    assert_eq!((&cleared["status"], &cleared["username"]), (&json!("USERNAME_PASSWORD_REQUIRED"), &json!("")));

    let flow = choosing(&world, &mut phone, &app).await;
    let bob = phone.act(&flow, "submitIdentifier", &json!({ "identifier": "bob" })).await.ok();
    assert_eq!((&bob["status"], &bob["username"]), (&json!("USERNAME_PASSWORD_REQUIRED"), &json!("bob")));
}
