//! The first passkey, made on the way of a sign-in.

use serde_json::{Value, json};

use super::super::{PASSWORD, POLICIES, links, policy, refused, shop_and_alice};
use super::{ACCOUNT, SECOND, app, id, options, password_and_passkey};
use crate::world::authenticator::Passkey;
use crate::world::{FLOWS, World, decoded, seconds};

/// [flows.md A.1.3] whoever has no passkey makes the first one on the way, where the policy says so.
#[tokio::test]
async fn a_1_3_the_first_passkey_is_made_on_the_way() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    policy(&admin, &password_and_passkey(SECOND, true)).await;
    let app = app(&world, SECOND).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await);
    let state = phone.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!(state["status"], "FIDO2_ACTIVATION_REQUIRED");
    assert_eq!(links(&state), ["activateFido2Device", "cancelAuthentication", "self"]);
    let asked = |state: &Value| -> Value {
        serde_json::from_str(state["publicKeyCredentialCreationOptions"].as_str().unwrap()).unwrap()
    };
    let mut passkey = Passkey::new(world.issuer());
    passkey.origin = "https://evil.test".into();
    let lie = json!({ "attestation": passkey.create(&asked(&state)).to_string() });
    let answer = phone.act(&flow, "activateFido2Device", &lie).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    passkey.origin = world.issuer().to_owned();
    let late = json!({ "attestation": passkey.create(&asked(&state)).to_string() });
    let answer = phone.act(&flow, "activateFido2Device", &late).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    let state = phone.get(&format!("{FLOWS}{flow}")).await.ok();
    let made = json!({ "attestation": passkey.create(&asked(&state)).to_string(), "nickname": "Mine" });

    // Somebody else who knows the password was here before, and waits.
    let mut thief = world.browser();
    let stolen = id(&thief.flow(&app, &[]).await);
    let waiting = thief.password(&stolen, "alice", PASSWORD).await.ok();
    let state = phone.act(&flow, "activateFido2Device", &made).await.ok();
    assert_eq!(state["status"], "COMPLETED");
    let code = state["authorizeResponse"]["code"].as_str().unwrap();
    let (_, claims) = decoded(&app.redeem(code).await.tokens().id_token);
    assert_eq!(claims["amr"], json!(["pwd", "pop", "swk", "user", "mfa"]));
    let theirs = json!({ "attestation": Passkey::new(world.issuer()).create(&asked(&waiting)).to_string() });
    let answer = thief.act(&stolen, "activateFido2Device", &theirs).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    assert_eq!(thief.get(&format!("{FLOWS}{stolen}")).await.ok()["status"], "ASSERTION_REQUIRED", "there is one now");
    assert_eq!(world.rows("passkey").await.len(), 1);

    // A session alone is not enough to make one.
    admin.patch(&format!("{POLICIES}/{SECOND}"), &json!({ "name": "The same" })).await.ok();
    world.user("bob").with_password(PASSWORD).await;
    let mut bobs = world.browser();
    bobs.log_in(&shop, "bob", PASSWORD).await;
    let asked = crate::world::asked(&app, &[("response_mode", "pi.flow")]);
    let answer = bobs.get(&format!("{}?{asked}", crate::world::AUTHORIZE)).await;
    assert_eq!((answer.status, &answer.json()["authorizeResponse"]["error"]), (400, &json!("access_denied")));
}

#[tokio::test]
async fn the_first_passkey_is_made_on_our_own_pages() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    policy(&admin, &password_and_passkey(SECOND, true)).await;
    let desk = world.client("desk").signs_in().implied_consent().policy(SECOND).await;
    let mut browser = world.browser();
    let page = browser.authorize(&desk, &[]).await.unwrap();
    let fields = [("username", "alice"), ("password", PASSWORD)];
    let page = browser.press(&page, "sign_in", &fields).await.unwrap();
    page.has("Add a passkey");
    assert!(page.answer.text().contains(r#"pattern=".*\S.*""#), "a blank name is refused before a key is made");
    // Too late for what was to be signed, the button asks for more.
    world.clock.advance(seconds(5 * 60));
    let late = browser.open(&page.path).await.unwrap();
    assert!(!late.has("Add a passkey").answer.text().contains("data-create"));
    let page = browser.press(&late, "passkey", &[("name", "My phone")]).await.unwrap();
    options(&page, "create");
    // Without a script.
    let page = browser.press(&page, "passkey", &[("name", "My phone")]).await.unwrap();
    let mut passkey = Passkey::new(world.issuer());
    let made = passkey.create(&options(&page, "create")).to_string();
    let fields = [("attestation", made.as_str()), ("name", "My phone")];
    browser.press(&page, "passkey", &fields).await.unwrap_err().get("code");
    browser.open(ACCOUNT).await.unwrap().has("My phone");
    let mut again = world.browser();
    let page = again.authorize(&desk, &[]).await.unwrap();
    let page = again.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    again.answer(&page, &mut passkey).await.unwrap_err().get("code");
}

/// A key that was made and that nobody knows here would stay on the authenticator, and be offered for ever.
#[tokio::test]
async fn a_passkey_is_not_refused_for_want_of_a_name() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    policy(&admin, &password_and_passkey(SECOND, true)).await;
    let desk = world.client("desk").signs_in().implied_consent().policy(SECOND).await;
    let mut browser = world.browser();
    let page = browser.authorize(&desk, &[]).await.unwrap();
    let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    let mut first = Passkey::new(world.issuer());
    let made = first.create(&options(&page, "create")).to_string();
    browser.press(&page, "passkey", &[("attestation", &made), ("name", "  ")]).await.unwrap_err().get("code");
    // And of the account.
    let page = browser.open(ACCOUNT).await.unwrap();
    page.has("value=\"Passkey\"");
    let page = browser.press(&page, "add", &[]).await.unwrap();
    let made = Passkey::new(world.issuer()).create(&options(&page, "create")).to_string();
    let ceremony = page.field("ceremony").unwrap();
    let fields = [("ceremony", ceremony.as_str()), ("attestation", made.as_str()), ("name", " \t")];
    let page = browser.press(&page, "passkey", &fields).await.unwrap();
    assert_eq!(page.answer.text().matches("value=\"Passkey\"").count(), 2, "{}", page.answer.text());
    assert_eq!(world.rows("passkey").await.len(), 2);
}

/// [reliability.md H.8] what a stolen password was worth ends with it.
#[tokio::test]
async fn no_first_passkey_is_made_by_a_password_that_was_changed_meanwhile() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (_shop, _alice) = shop_and_alice(&world).await;
    policy(&admin, &password_and_passkey(SECOND, true)).await;
    let app = app(&world, SECOND).await;
    let mut thief = world.browser();
    let flow = id(&thief.flow(&app, &[]).await);
    let waiting = thief.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!(waiting["status"], "FIDO2_ACTIVATION_REQUIRED");
    world.clock.advance(seconds(1));
    let mut own = world.browser();
    let page = own.open("/ext/pwdchange/Identify").await.unwrap();
    let page = own.press(&page, "continue", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    own.press(&page, "save", &[("new_password", "twelve green bottles")])
        .await
        .unwrap()
        .has("Your password is changed");
    let options = serde_json::from_str(waiting["publicKeyCredentialCreationOptions"].as_str().unwrap()).unwrap();
    let theirs = json!({ "attestation": Passkey::new(world.issuer()).create(&options).to_string() });
    let answer = thief.act(&flow, "activateFido2Device", &theirs).await;
    refused(&answer, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    assert!(world.rows("passkey").await.is_empty());
}
