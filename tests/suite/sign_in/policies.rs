//! Sign-on policies of an operator's own, as people meet them.

use serde_json::{Value, json};

use super::{PASSWORD, POLICIES, links, name_first, policy, refused, settings, shop_and_alice};
use crate::world::{Backing, World, decoded, seconds};

#[tokio::test]
async fn a_client_names_its_policy_and_the_default_is_for_the_others() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    policy(&admin, &name_first("name-first")).await;
    let desk = world.client("desk").signs_in().policy("name-first").await;
    let mut browser = world.browser();
    browser.authorize(&shop, &[]).await.unwrap().has("type=\"password\"");
    let page = browser.authorize(&desk, &[]).await.unwrap();
    assert!(!page.answer.text().contains("type=\"password\""), "the name first");
    settings(&admin, &json!({ "default_policy": "name-first" })).await;
    let page = browser.authorize(&shop, &[]).await.unwrap();
    assert!(!page.answer.text().contains("type=\"password\""), "for all that name none");
    settings(&admin, &json!({ "default_policy": null })).await;
    browser.authorize(&shop, &[]).await.unwrap().has("type=\"password\"");
}

#[tokio::test]
async fn a_1_2_no_captcha_is_asked_for_and_an_answer_changes_nothing() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let app = world.client("app").signs_in().redirectless().implied_consent().await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    assert_eq!(state["showCaptcha"], false);
    let flow = state["id"].as_str().unwrap().to_owned();
    let given =
        |password: &str, answer: Value| json!({ "username": "alice", "password": password, "captchaResponse": answer });
    let number = phone.act(&flow, "checkUsernamePassword", &given(PASSWORD, json!(1))).await;
    refused(&number, 400, "VALIDATION_ERROR", Some("INVALID_FIELD_FORMAT"));
    let wrong = phone.act(&flow, "checkUsernamePassword", &given("wrong", json!("x"))).await;
    refused(&wrong, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    world.clock.advance(seconds(5));
    let state = phone.act(&flow, "checkUsernamePassword", &given(PASSWORD, json!("x"))).await.ok();
    assert_eq!(state["status"], "COMPLETED");
}

#[tokio::test]
async fn the_name_first_on_our_own_pages() {
    let world = World::start().await;
    let admin = world.admin().await;
    let alice = world.user("alice").with_password(PASSWORD).await;
    policy(&admin, &name_first("name-first")).await;
    let desk = world.client("desk").signs_in().policy("name-first").await;
    let mut browser = world.browser();
    let page = browser.authorize(&desk, &[("login_hint", "al")]).await.unwrap();
    page.has("value=\"al\"");
    let page = browser.press(&page, "continue", &[("username", "")]).await.unwrap();
    page.has("Enter your username.");
    // Nobody is told whether there is somebody of that name.
    for name in ["nobody", "alice"] {
        let mut browser = world.browser();
        let page = browser.authorize(&desk, &[]).await.unwrap();
        let page = browser.press(&page, "continue", &[("username", name)]).await.unwrap();
        page.has("type=\"password\"").has(&format!("value=\"{name}\""));
    }
    let page = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    let fields = [("username", "alice"), ("password", "wrong")];
    let page = browser.press(&page, "sign_in", &fields).await.unwrap();
    page.has("The username or the password is not right.");
    world.clock.advance(seconds(5));
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    let (_, claims) = decoded(&desk.redeem(callback.get("code")).await.tokens().id_token);
    assert_eq!((&claims["sub"], &claims["amr"]), (&json!(alice.id.to_string()), &json!(["pwd"])));
    // Who gives up at the first page is sent back.
    let page = browser.authorize(&desk, &[("prompt", "login")]).await.unwrap();
    browser.press(&page, "cancel", &[]).await.unwrap_err().error("access_denied");
}

#[tokio::test]
async fn a_1_2_the_name_first_over_the_flow_api() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    policy(&admin, &name_first("name-first")).await;
    let app = world.client("app").signs_in().redirectless().implied_consent().policy("name-first").await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    assert_eq!(state["status"], "IDENTIFIER_REQUIRED");
    assert_eq!(links(&state), ["cancelIdentifierSubmission", "self", "submitIdentifier"]);
    let flow = state["id"].as_str().unwrap().to_owned();
    refused(&phone.password(&flow, "alice", PASSWORD).await, 400, "INVALID_ACTION_ID", None);
    for (body, detail) in [
        (json!({}), "FIELD_REQUIRED"),
        (json!({ "identifier": "" }), "FIELD_REQUIRED"),
        (json!({ "identifier": 1 }), "INVALID_FIELD_FORMAT"),
        (json!({ "identifier": "alice", "username": "bob" }), "UNRECOGNIZED_FIELD_NAME"),
    ] {
        refused(&phone.act(&flow, "submitIdentifier", &body).await, 400, "VALIDATION_ERROR", Some(detail));
    }
    let state = phone.act(&flow, "submitIdentifier", &json!({ "identifier": "alice" })).await.ok();
    assert_eq!((&state["status"], &state["username"]), (&json!("USERNAME_PASSWORD_REQUIRED"), &json!("alice")));
    let again = phone.act(&flow, "submitIdentifier", &json!({ "identifier": "bob" })).await;
    refused(&again, 400, "INVALID_ACTION_ID", None);
    let state = phone.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!(state["status"], "COMPLETED");
    app.redeem(state["authorizeResponse"]["code"].as_str().unwrap()).await.tokens();
    // Signed in: neither step is asked.
    assert_eq!(phone.flow(&app, &[]).await["status"], "COMPLETED");
}

/// A step of the steps below, that is asked under these conditions.
fn asked_when(conditions: &Value) -> Value {
    json!([
        { "id": "name", "source": "identifier", "when": conditions },
        { "id": "password", "source": "password" },
    ])
}

#[tokio::test]
async fn a_step_is_asked_when_its_conditions_hold() {
    let world = World::start().await;
    let admin = world.admin().await;
    policy(&admin, &name_first("conditional")).await;
    let app = world.client("app").signs_in().redirectless().policy("conditional").await;
    let mut phone = world.browser();
    for (conditions, asked) in [
        (json!([]), true),
        (json!([{ "clients": ["shop", "app"] }]), true),
        (json!([{ "clients": ["shop"] }]), false),
        (json!([{ "clients": ["shop"], "not": true }]), true),
        (json!([{ "scopes": ["phone", "email"] }]), true),
        (json!([{ "scopes": ["phone"] }]), false),
        (json!([{ "scopes": ["email"] }, { "clients": ["app"] }]), true),
        (json!([{ "scopes": ["email"] }, { "clients": ["shop"] }]), false),
        (json!([{ "acr": "urn:nod:acr:password" }]), true),
        (json!([{ "acr": "urn:nod:acr:device" }]), false),
        (json!([{ "not_within": 60 }]), true),
        (json!([{ "networks": ["127.0.0.0/8", "::1"] }]), true),
        (json!([{ "networks": ["127.0.0.0/8", "::1"], "not": true }]), false),
        (json!([{ "networks": ["10.0.0.0/8", "2001:db8::/32"] }]), false),
        (json!([{ "networks": ["10.0.0.0/8", "2001:db8::/32"], "not": true }]), true),
        // Nobody has said yet who they are.
        (json!([{ "attribute": { "name": "email", "values": ["alice@home.example"] } }]), true),
        (json!([{ "attribute": { "name": "email", "values": ["alice@home.example"] }, "not": true }]), true),
    ] {
        let steps = json!({ "steps": asked_when(&conditions) });
        admin.patch(&format!("{POLICIES}/conditional"), &steps).await.ok();
        let state = phone.flow(&app, &[("acr_values", "urn:nod:acr:password")]).await;
        let status = if asked { "IDENTIFIER_REQUIRED" } else { "USERNAME_PASSWORD_REQUIRED" };
        assert_eq!(state["status"], status, "{conditions}");
    }
}

/// A session that is in use may be hours old: it stands for no step that wants somebody within less.
#[tokio::test]
async fn who_was_not_asked_for_an_hour_is_asked_again() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    let steps = json!([{ "id": "password", "source": "password", "when": [{ "not_within": 3600 }] }]);
    policy(&admin, &json!({ "id": "hourly", "steps": steps })).await;
    let (bank, shop) = (world.client("bank").signs_in().policy("hourly").await, world.client("shop").signs_in().await);
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let callback = browser.log_in(&bank, "alice", PASSWORD).await;
    let (_, first) = decoded(&bank.redeem(callback.get("code")).await.tokens().id_token);
    for pause in [1500, 1500, 599] {
        world.clock.advance(seconds(pause));
        browser.authorize(&bank, &[("prompt", "none")]).await.unwrap_err().get("code");
    }
    world.clock.advance(seconds(1));
    browser.authorize(&bank, &[("prompt", "none")]).await.unwrap_err().error("login_required");
    browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().get("code");
    let page = browser.authorize(&bank, &[]).await.unwrap();
    let callback = browser.sign_in(page.has("type=\"password\""), "alice", PASSWORD).await.unwrap_err();
    let (_, again) = decoded(&bank.redeem(callback.get("code")).await.tokens().id_token);
    assert_eq!(again["auth_time"], world.now().seconds());
    assert_eq!(first["sid"], again["sid"], "the session goes on");
    // And not once more.
    world.clock.advance(seconds(1500));
    browser.authorize(&bank, &[("prompt", "none")]).await.unwrap_err().get("code");
}

/// The policy is walked anew for each answer: what was proved counts for a step of the same name, and for no
/// other.
#[tokio::test]
async fn a_policy_may_change_while_somebody_signs_in() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    policy(&admin, &name_first("moving")).await;
    let app = world.client("app").signs_in().redirectless().implied_consent().policy("moving").await;
    let mut phone = world.browser();
    let flow = phone.flow(&app, &[]).await["id"].as_str().unwrap().to_owned();
    phone.act(&flow, "submitIdentifier", &json!({ "identifier": "alice" })).await.ok();
    let twice = json!({ "steps": [
        { "id": "name", "source": "identifier" },
        { "id": "password", "source": "password" },
        { "id": "again", "source": "password" },
    ]});
    admin.patch(&format!("{POLICIES}/moving"), &twice).await.ok();
    assert_eq!(phone.password(&flow, "alice", PASSWORD).await.ok()["status"], "USERNAME_PASSWORD_REQUIRED");
    world.clock.advance(seconds(5));
    assert_eq!(phone.password(&flow, "alice", PASSWORD).await.ok()["status"], "COMPLETED");
    // One that lets nobody in.
    let nobody = json!({ "steps": [{ "id": "password", "source": "password", "success": "fail" }] });
    admin.patch(&format!("{POLICIES}/moving"), &nobody).await.ok();
    let mut phone = world.browser();
    let flow = phone.flow(&app, &[]).await["id"].as_str().unwrap().to_owned();
    world.clock.advance(seconds(5));
    let failed = phone.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!((&failed["status"], &failed["authorizeResponse"]["error"]), (&json!("FAILED"), &json!("access_denied")));
    assert_eq!(failed["userMessage"], "This account may not use the app.");
}

/// What one node was told, the other heeds within a second; and a client that was registered with a policy of
/// a moment ago finds it there.
#[tokio::test]
async fn every_node_has_the_policy() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).nodes(2).start().await;
        let admin = world.admin().await;
        let mut there = world.browser().at(1);
        let before = world.client("before").signs_in().await;
        there.authorize(&before, &[]).await.unwrap().has("type=\"password\"");
        policy(&admin, &name_first("name-first")).await;
        let desk = world.client("desk").signs_in().policy("name-first").await;
        let page = there.authorize(&desk, &[]).await.unwrap();
        assert!(!page.answer.text().contains("type=\"password\""));
        settings(&admin, &json!({ "default_policy": "name-first" })).await;
        crate::admin::until("the default", async || {
            let page = there.authorize(&before, &[]).await.unwrap();
            (!page.answer.text().contains("type=\"password\"")).then_some(())
        })
        .await;
    }
}
