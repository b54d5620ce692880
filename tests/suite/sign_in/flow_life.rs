//! How long a flow lives, what outlives it, and what becomes of it where something fails.

use serde_json::{Value, json};

use super::flow_api::{app, id};
use super::passkeys::{password_and_passkey, with_passkey};
use super::{PASSWORD, links, policy, refused, shop_and_alice};
use crate::world::authenticator::Passkey;
use crate::world::{FLOWS, World, seconds};

const MINUTE: u64 = 60;

#[tokio::test]
async fn t14_4_a_flow_ends() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    let path = format!("{FLOWS}{flow}");
    world.clock.advance(seconds(30 * MINUTE - 1));
    // Neither who looks nor who is refused has done anything.
    phone.get(&path).await.ok();
    assert_eq!(phone.password(&flow, "alice", "not hers").await.status, 400);
    world.clock.advance(seconds(1));
    let gone = phone.get(&path).await;
    refused(&gone, 404, "FLOW_NOT_FOUND", None);
    assert!(gone.json().get("_links").is_none());
    refused(&phone.password(&flow, "alice", PASSWORD).await, 404, "FLOW_NOT_FOUND", None);
}

#[tokio::test]
async fn a_1_16_actions_keep_a_flow_for_an_hour_and_no_longer() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    let page = phone.open("/ext/password-change").await.unwrap();
    let beside = page.flow().to_owned();
    // Something is done every 29 minutes.
    let current = json!({ "username": "alice", "password": PASSWORD });
    let chosen = json!({ "newPassword": "twelve green bottles" });
    for (within, alone, body) in [
        ("initiatePasswordChange", "checkCurrentCredentials", &current),
        ("cancelPasswordChange", "checkNewPassword", &chosen),
    ] {
        world.clock.advance(seconds(29 * MINUTE));
        phone.act(&flow, within, &json!({})).await.ok();
        phone.act(&beside, alone, body).await.ok();
    }
    world.clock.advance(seconds(2 * MINUTE - 1));
    let nearly = [phone.get(&format!("{FLOWS}{flow}")).await.ok(), phone.get(&format!("{FLOWS}{beside}")).await.ok()];
    let nearly = nearly.map(|state| state["status"].as_str().unwrap().to_owned());
    assert_eq!(nearly, ["CANCELED", "SUCCESSFUL_PASSWORD_CHANGE"]);
    world.clock.advance(seconds(1));
    for flow in [&flow, &beside] {
        refused(&phone.get(&format!("{FLOWS}{flow}")).await, 404, "FLOW_NOT_FOUND", None);
        let late = phone.act(flow, "continueAuthentication", &json!({})).await;
        refused(&late, 404, "FLOW_NOT_FOUND", None);
    }
}

/// Below our own origin.
fn resume(world: &World, state: &Value) -> String {
    let url = state["resumeUrl"].as_str().unwrap_or_else(|| panic!("{state}"));
    url.strip_prefix(world.issuer()).expect("[T14.7] always our own origin").to_owned()
}

#[tokio::test]
async fn f16_a_resume_url_is_short_lived_and_told_anew() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let flow = page.flow().to_owned();
    browser.password(&flow, "alice", PASSWORD).await.ok();
    let state = browser.act(&flow, "grantConsent", &json!({})).await.ok();
    let first = resume(&world, &state);
    world.clock.advance(seconds(2 * MINUTE));
    // Nobody makes it last by what it says of itself.
    let (until, rest) = first.split_once("ticket=").unwrap().1.split_once('.').unwrap();
    let later: i64 = until.parse::<i64>().unwrap() + 60_000;
    let forged = first.replace(until, &later.to_string());
    for late in [&first, &forged, &first.replace(until, ""), &first.replace(&format!("{until}.{rest}"), rest)] {
        assert_eq!(browser.get(late).await.status, 400, "{late}");
    }
    let again = browser.get(&format!("{FLOWS}{flow}")).await.ok();
    assert_eq!((&again["status"], links(&again)), (&json!("RESUME"), vec!["self"]));
    let second = resume(&world, &again);
    assert_ne!(first, second);
    world.clock.advance(seconds(2 * MINUTE - 1));
    let callback = browser.open(&second).await.unwrap_err();
    shop.redeem(callback.get("code")).await.tokens();
    // Our own page leads on whenever somebody comes back to it.
    let page = browser.authorize(&shop, &[("prompt", "login consent")]).await.unwrap();
    let flow = page.flow().to_owned();
    browser.password(&flow, "alice", PASSWORD).await.ok();
    browser.act(&flow, "grantConsent", &json!({})).await.ok();
    world.clock.advance(seconds(29 * MINUTE));
    browser.open(&page.path).await.unwrap_err().get("code");
}

/// [flows.md T17.2] a source that cannot be asked has said nothing: neither yes nor no.
#[tokio::test]
async fn t17_2_a_store_that_fails_at_the_second_factor_ends_nothing() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut passkey = with_passkey(&world, &shop, "alice", Passkey::new(world.issuer())).await;
    policy(&world.admin().await, &password_and_passkey("both", false)).await;
    let desk = world.client("desk").signs_in().implied_consent().policy("both").await;
    let mut browser = world.browser();
    let flow = browser.authorize(&desk, &[]).await.unwrap().flow().to_owned();
    let watch = world.watch().await;
    world.sql("ALTER TABLE passkey RENAME TO away").await;
    refused(&browser.password(&flow, "alice", PASSWORD).await, 503, "UNEXPECTED_ERROR", None);
    world.sql("ALTER TABLE away RENAME TO passkey").await;
    watch.nothing_changed("a first factor after which the second could not be asked for").await;
    world.clock.advance(seconds(5));
    let asked = browser.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!(asked["status"], "ASSERTION_REQUIRED");
    let made = json!({ "assertion": passkey.get(&asked["publicKeyCredentialRequestOptions"]).to_string() });

    let watch = world.watch().await;
    world.sql("ALTER TABLE passkey RENAME TO away").await;
    let answer = browser.act(&flow, "checkAssertion", &made).await;
    refused(&answer, 503, "UNEXPECTED_ERROR", None);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(browser.get(&format!("{FLOWS}{flow}")).await.ok(), asked, "it is where it was");
    world.sql("ALTER TABLE away RENAME TO passkey").await;
    watch.nothing_changed("a second factor that nobody could look at").await;
    // What could not be looked at was not refused: the same answer is as good as ever.
    let done = browser.act(&flow, "checkAssertion", &made).await.ok();
    let path = resume(&world, &done);

    // The same at the very end.
    world.sql("ALTER TABLE session RENAME TO away").await;
    assert_eq!(browser.get(&path).await.status, 503);
    world.sql("ALTER TABLE away RENAME TO session").await;
    let callback = browser.open(&path).await.unwrap_err();
    desk.redeem(callback.get("code")).await.tokens();
}
