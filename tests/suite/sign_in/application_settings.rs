//! What the sign-on settings say of the flow API [flows.md A.1 rule 15].

use reqwest::Method;
use serde_json::json;

use super::{LOGIN, PASSWORD, application, refused, settings, shop_and_alice};
use crate::world::{AUTHORIZE, FLOWS, World, asked};

#[tokio::test]
async fn a_1_15_states_say_who_asks_and_for_what_where_that_is_wanted() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    let named = |client: &mut nod::domain::client::Client| client.name = "The app".to_owned();
    let app = world.client("app").signs_in().redirectless().registered(named).await;
    let fields = [
        ("scope", "openid profile"),
        ("prompt", "login consent"),
        ("login_hint", "alice"),
        ("ui_locales", "de en"),
        ("max_age", "60"),
    ];
    let mut phone = world.browser();
    assert!(phone.flow(&app, &fields).await.get("requestContext").is_none());
    settings(&admin, &json!({ "include_request_context": true })).await;
    let state = phone.flow(&app, &fields).await;
    // Not where the answer goes, nor what only the client has to know.
    let told = json!({
        "client": { "id": "app", "name": "The app" },
        "parameters": {
            "response_type": "code", "scope": "openid profile", "prompt": "login consent", "login_hint": "alice",
            "ui_locales": "de en", "max_age": "60",
        },
    });
    assert_eq!(state["requestContext"], told);
    let flow = state["id"].as_str().unwrap().to_owned();
    let state = phone.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!((&state["status"], &state["requestContext"]), (&json!("CONSENT_REQUIRED"), &told));
    let plain = phone.flow(&app, &[("scope", "openid")]).await;
    assert_eq!(plain["requestContext"]["parameters"], json!({ "response_type": "code", "scope": "openid" }));
}

#[tokio::test]
async fn a_1_15_where_the_flow_api_is_switched_off_our_own_pages_show_every_sign_in() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    application(&admin, "login", LOGIN).await;
    settings(&admin, &json!({ "default_application": "login" })).await;
    let app = world.client("app").signs_in().redirectless().await;
    let (mut browser, mut phone) = (world.browser(), world.browser());
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    let other = phone.flow(&app, &[]).await["id"].as_str().unwrap().to_owned();

    settings(&admin, &json!({ "flow_api_disabled": true })).await;
    let read = browser.send(browser.sent_by_page(LOGIN, Method::GET, &flow)).await;
    refused(&read, 404, "FLOW_NOT_FOUND", None);
    refused(&phone.get(&format!("{FLOWS}{other}")).await, 404, "FLOW_NOT_FOUND", None);
    refused(&phone.password(&other, "alice", PASSWORD).await, 404, "FLOW_NOT_FOUND", None);
    let query = asked(&app, &[("response_mode", "pi.flow")]);
    let answer = phone.get(&format!("{AUTHORIZE}?{query}")).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("unauthorized_client")));
    let callback = browser.log_in(&shop, "alice", PASSWORD).await;
    shop.redeem(callback.get("code")).await.tokens();

    settings(&admin, &json!({ "flow_api_disabled": false })).await;
    assert_eq!(phone.password(&other, "alice", PASSWORD).await.ok()["status"], "CONSENT_REQUIRED");
    assert!(world.browser().sent_to_application(&shop, &[]).await.0.starts_with(LOGIN));
}
