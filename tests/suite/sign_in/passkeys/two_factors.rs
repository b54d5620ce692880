//! A passkey besides something else, and what each of them is worth.

use serde_json::json;

use super::super::{PASSWORD, links, policy, refused, settings};
use super::{OPTIONS, SECOND, app, id, passkey_of_alice, password_and_passkey, with_passkey};
use crate::world::authenticator::Passkey;
use crate::world::{FLOWS, World, decoded, seconds};

#[tokio::test]
async fn a_passkey_after_the_password() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, alice, mut passkey) = passkey_of_alice(&world).await;
    world.user("bob").with_password(PASSWORD).await;
    world.user("carol").with_password(PASSWORD).await;
    let mut bobs = with_passkey(&world, &shop, "bob", Passkey::new(world.issuer())).await;
    policy(&admin, &password_and_passkey(SECOND, false)).await;
    let app = app(&world, SECOND).await;
    // Who has none does not get through.
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await);
    let state = phone.password(&flow, "carol", PASSWORD).await.ok();
    assert_eq!((&state["status"], &state["authorizeResponse"]["error"]), (&json!("FAILED"), &json!("access_denied")));

    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await);
    let state = phone.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!(
        (&state["status"], links(&state)),
        (&json!("ASSERTION_REQUIRED"), vec!["cancelAuthentication", "checkAssertion", "self"])
    );
    let own = json!([{ "type": "public-key", "id": crate::world::b64(&passkey.id) }]);
    assert_eq!(state[OPTIONS]["allowCredentials"], own);
    // Another person's passkey, which is as good as any, is not alice's.
    let answer = phone.assertion(&flow, &bobs.get(&state[OPTIONS])).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    let state = phone.get(&format!("{FLOWS}{flow}")).await.ok();
    // [WebAuthn §6.3.3] one that was named need not say whose it is.
    passkey.handle = None;
    let state = phone.assertion(&flow, &passkey.get(&state[OPTIONS])).await.ok();
    assert_eq!(state["status"], "COMPLETED");
    let tokens = app.redeem(state["authorizeResponse"]["code"].as_str().unwrap()).await.tokens();
    let (_, claims) = decoded(&tokens.id_token);
    assert_eq!((&claims["sub"], &claims["acr"]), (&json!(alice.id.to_string()), &json!("urn:nod:acr:passkey")));
    assert_eq!(claims["amr"], json!(["pwd", "pop", "swk", "user", "mfa"]));
}

/// [flows.md H.7, I2] a policy that asks for two has seen two.
#[tokio::test]
async fn the_second_factor_is_not_skipped() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice, _passkey) = passkey_of_alice(&world).await;
    policy(&admin, &password_and_passkey(SECOND, true)).await;
    let app = app(&world, SECOND).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await);
    let state = phone.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!(state["status"], "ASSERTION_REQUIRED");
    // Nothing else can be done here: no other way, no new passkey, no answer.
    let made = Passkey::new(world.issuer()).create(&json!({ "user": { "id": "AA" }, "challenge": "AA" })).to_string();
    for (action, body) in [
        ("useAlternativeAuthenticationSource", json!({ "authenticationSource": "password" })),
        ("checkUsernamePassword", json!({ "username": "alice", "password": PASSWORD })),
        ("activateFido2Device", json!({ "attestation": made })),
        ("grantConsent", json!({})),
        ("cancel", json!({})),
    ] {
        refused(&phone.act(&flow, action, &body).await, 400, "INVALID_ACTION_ID", None);
    }
    assert_eq!(phone.get(&format!("{FLOWS}{flow}")).await.ok()["status"], "ASSERTION_REQUIRED");
    let state = phone.act(&flow, "cancelAuthentication", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["authorizeResponse"]["error"]), (&json!("FAILED"), &json!("access_denied")));
    // A session that stands for the password stands for nothing else.
    let desk = world.client("desk").signs_in().implied_consent().policy(SECOND).await;
    world.clock.advance(seconds(5));
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    browser.authorize(&desk, &[("prompt", "none")]).await.unwrap_err().error("login_required");
    let page = browser.authorize(&desk, &[]).await.unwrap();
    page.has("Use your passkey");
    browser.press(&page, "cancel", &[]).await.unwrap_err().error("access_denied");
}

/// What is proved in one way is worth nothing in another: not before it is asked for, not after somebody has turned
/// away from it, and not twice for two steps.
#[tokio::test]
async fn security_131_no_step_is_skipped_or_done_by_the_means_of_another() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    let steps = json!([
        { "id": "first", "source": "password", "alternatives": ["passkey"] },
        { "id": "second", "source": "passkey" },
    ]);
    policy(&admin, &json!({ "id": SECOND, "steps": steps })).await;
    let app = app(&world, SECOND).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await);
    let password = json!({ "username": "alice", "password": PASSWORD });
    let turn = |to: &str| json!({ "authenticationSource": to });
    // Nothing is proved yet.
    for (action, body) in [
        ("continueAuthentication", json!({})),
        ("checkAssertion", json!({ "assertion": "{}" })),
        ("grantConsent", json!({})),
        ("authenticate", json!({})),
    ] {
        refused(&phone.act(&flow, action, &body).await, 400, "INVALID_ACTION_ID", None);
    }
    // Whoever has chosen the passkey has turned away from the password, right as it is.
    let asked = phone.act(&flow, "useAlternativeAuthenticationSource", &turn("passkey")).await.ok();
    assert_eq!(asked["status"], "ASSERTION_REQUIRED");
    refused(&phone.act(&flow, "checkUsernamePassword", &password).await, 400, "INVALID_ACTION_ID", None);
    let of_the_first = passkey.get(&asked[OPTIONS]);
    let state = phone.act(&flow, "useAlternativeAuthenticationSource", &turn("password")).await.ok();
    assert_eq!(state["status"], "USERNAME_PASSWORD_REQUIRED");
    refused(&phone.assertion(&flow, &of_the_first).await, 400, "INVALID_ACTION_ID", None);
    // The second step wants a passkey of its own: neither the password again nor what was signed before.
    let asked = phone.act(&flow, "checkUsernamePassword", &password).await.ok();
    assert_eq!(asked["status"], "ASSERTION_REQUIRED");
    for (action, body) in [
        ("continueAuthentication", json!({})),
        ("checkUsernamePassword", password),
        ("useAlternativeAuthenticationSource", turn("password")),
        ("grantConsent", json!({})),
    ] {
        refused(&phone.act(&flow, action, &body).await, 400, "INVALID_ACTION_ID", None);
    }
    let answer = phone.assertion(&flow, &of_the_first).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    let asked = phone.get(&format!("{FLOWS}{flow}")).await.ok();
    assert_eq!(asked["status"], "ASSERTION_REQUIRED");
    assert_eq!(phone.assertion(&flow, &passkey.get(&asked[OPTIONS])).await.ok()["status"], "COMPLETED");
}

/// [OIDCC §5.5.1.1] who needs a passkey is not shown a password that would be of no use.
#[tokio::test]
async fn oidcc_5_5_1_1_an_essential_passkey_is_what_is_asked() {
    let world = World::start().await;
    let (shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    let needs = |class: &str| json!({"id_token": {"acr": {"essential": true, "values": [class]}}}).to_string();
    let (stronger, weaker) = (needs("urn:nod:acr:passkey"), needs("urn:nod:acr:password"));
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let claims = [("claims", stronger.as_str())];
    let page = browser.authorize(&shop, &claims).await.unwrap();
    assert!(!page.has("Use your passkey").answer.text().contains("value=\"password\""), "{}", page.answer.text());
    let callback = browser.answer(&page, &mut passkey).await.unwrap_err();
    let (_, told) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
    assert_eq!(told["acr"], "urn:nod:acr:passkey");
    // And the other way round: somebody wants to have seen the password.
    let page = browser.authorize(&shop, &[("claims", weaker.as_str())]).await.unwrap();
    page.has("type=\"password\"");
}

/// What one person proved never counts for another one who comes later in the same flow.
#[tokio::test]
async fn a_passkey_of_one_and_the_password_of_another_let_nobody_in() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    world.user("mallory").with_password(PASSWORD).await;
    let steps = json!([{ "id": "passkey", "source": "passkey" }, { "id": "password", "source": "password" }]);
    policy(&admin, &json!({ "id": "both", "steps": steps })).await;
    let app = app(&world, "both").await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    let flow = id(&state);
    let state = phone.assertion(&flow, &passkey.get(&state[OPTIONS])).await.ok();
    assert_eq!((&state["status"], &state["username"]), (&json!("USERNAME_PASSWORD_REQUIRED"), &json!("alice")));
    let state = phone.password(&flow, "mallory", PASSWORD).await.ok();
    // Of mallory, the passkey is still to be seen: there is none.
    assert_eq!((&state["status"], &state["authorizeResponse"]["error"]), (&json!("FAILED"), &json!("access_denied")));
}

/// Step-up: the session is enough for one client, and another wants more.
#[tokio::test]
async fn a_session_is_made_stronger_and_stays_so() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "passkey", "source": "passkey", "when": [{ "acr": "urn:nod:acr:passkey" }] },
    ]);
    policy(&admin, &json!({ "id": "stronger", "steps": steps })).await;
    settings(&admin, &json!({ "default_policy": "stronger" })).await;
    let mut browser = world.browser();
    let callback = browser.log_in(&shop, "alice", PASSWORD).await;
    let weak = shop.redeem(callback.get("code")).await.tokens();
    let (_, before) = decoded(&weak.id_token);
    assert_eq!(before["acr"], "urn:nod:acr:password");
    let cookie = browser.cookies.clone();
    world.clock.advance(seconds(60));
    let page = browser.authorize(&shop, &[("acr_values", "urn:nod:acr:passkey")]).await.unwrap();
    let callback = browser.answer(&page, &mut passkey).await.unwrap_err();
    let (_, claims) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
    assert_eq!((&claims["acr"], &claims["sid"]), (&json!("urn:nod:acr:passkey"), &before["sid"]));
    assert_eq!(claims["auth_time"], world.now().seconds());
    assert_ne!(browser.cookies, cookie, "under a new name");
    world.clock.advance(seconds(60));
    let callback = browser.authorize(&shop, &[("acr_values", "urn:nod:acr:passkey")]).await.unwrap_err();
    let (_, claims) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
    assert_eq!(claims["acr"], "urn:nod:acr:passkey");
}

/// What the session stood for is proved by nobody any more.
#[tokio::test]
async fn a_passkey_does_not_stand_for_a_session_that_has_ended() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice, mut passkey) = passkey_of_alice(&world).await;
    policy(&admin, &password_and_passkey(SECOND, false)).await;
    let desk = world.client("desk").signs_in().implied_consent().policy(SECOND).await;
    let mut browser = world.browser();
    let tokens = shop.redeem(browser.log_in(&shop, "alice", PASSWORD).await.get("code")).await.tokens();
    let sessions = world.rows("session").await.len();
    let page = browser.authorize(&desk, &[]).await.unwrap();
    let mut other_tab = browser.clone();
    other_tab.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap().has("signed out");
    browser.answer(&page, &mut passkey).await.unwrap_err().error("login_required");
    assert_eq!(world.rows("session").await.len(), sessions - 1, "it ended, and none was begun");
    // With one that has not, it is two factors.
    world.clock.advance(seconds(5));
    browser.log_in(&shop, "alice", PASSWORD).await.get("code");
    let page = browser.authorize(&desk, &[]).await.unwrap();
    browser.answer(&page, &mut passkey).await.unwrap_err().get("code");
}
