//! Another password: because it has to be, within the sign-in, and because somebody wants one [flows.md F18].

use nod::domain::audit::{Action, Event};
use nod::entropy::Entropy;
use nod::store::sql::passwords::Passwords;
use serde_json::json;

use super::{LOGIN, PASSWORD, application, links, refused, settings, shop_and_alice};
use crate::world::{FLOWS, Person, World, seconds};

const NEW: &str = "twelve green bottles";
const IDENTIFY: &str = "/ext/pwdchange/Identify";

impl World {
    /// As an administrator demands it.
    pub(super) async fn demand_change(&self, person: &Person) {
        let (passwords, id, now) = (Passwords::new(self.parts().database.clone()), person.id, self.now());
        let event = Event::new(Entropy::default().uuid(), now, Action::PasswordChangeRequired).user(id);
        let demanded = async move { passwords.demand_if(id, |_| event, |_| Ok::<_, ()>(true)).await };
        assert!(self.among_servers(demanded).await.unwrap().unwrap().unwrap().must_change);
    }
}

#[tokio::test]
async fn f18_a_password_that_must_be_changed_is_changed_within_the_sign_in() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    world.demand_change(&alice).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let flow = page.flow().to_owned();
    let credentials = [("username", "alice"), ("password", PASSWORD)];
    let page = browser.press(&page, "sign_in", &credentials).await.unwrap();
    page.has("Choose a new password before you continue").has("value=\"alice\"");
    let state = browser.get(&format!("{FLOWS}{flow}")).await.ok();
    assert_eq!((&state["status"], &state["username"]), (&json!("MUST_CHANGE_PASSWORD"), &json!("alice")));
    assert_eq!(links(&state), ["cancelPasswordChange", "checkNewPassword", "self"]);
    // Nobody is signed in by it yet.
    assert!(world.rows("session").await.is_empty());
    for skipped in ["continueAuthentication", "grantConsent", "checkUsernamePassword"] {
        refused(&browser.act(&flow, skipped, &json!({})).await, 400, "INVALID_ACTION_ID", None);
    }
    browser.press(&page, "save", &[("new_password", PASSWORD)]).await.unwrap().has("This is your password already");
    let own = browser.press(&page, "save", &[("new_password", "alice in wonderland")]).await.unwrap();
    own.has("has your username in it");
    let page = browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap();
    page.has("Your password is changed");
    let page = browser.press(&page, "continue", &[]).await.unwrap();
    page.has("value=\"allow\"");
    let callback = browser.press(&page, "allow", &[]).await.expect_err("back at the shop");
    shop.redeem(callback.get("code")).await.tokens();

    // It is the password from now on, and has to be changed no more.
    let mut other = world.browser();
    let page = other.authorize(&shop, &[]).await.unwrap();
    other.sign_in(&page, "alice", PASSWORD).await.unwrap().has("is not right");
    world.clock.advance(seconds(2));
    let page = other.authorize(&shop, &[]).await.unwrap();
    other.sign_in(&page, "alice", NEW).await.expect_err("back at the shop").get("code");
}

#[tokio::test]
async fn who_gives_up_the_change_is_asked_again_and_not_let_in() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    world.demand_change(&alice).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    let page = browser.press(&page, "cancel", &[]).await.unwrap();
    page.has("name=\"password\"");
    let callback = browser.press(&page, "cancel", &[]).await.expect_err("back at the shop");
    callback.error("access_denied");
    assert!(world.rows("session").await.is_empty());
}

#[tokio::test]
async fn security_a_change_that_somebody_else_was_faster_with_signs_nobody_in() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    world.demand_change(&alice).await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut browser = world.browser();
        let page = browser.authorize(&shop, &[]).await.unwrap();
        let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
        waiting.push((browser, page));
    }
    let [(mut first, page), (mut second, late)] = <[_; 2]>::try_from(waiting).ok().unwrap();
    let page = first.press(&page, "save", &[("new_password", NEW)]).await.unwrap();
    let refused = second.press(&late, "save", &[("new_password", "eleven green bottles")]).await.unwrap();
    refused.has("This page was open for too long");
    first.press(&page, "continue", &[]).await.unwrap().has("value=\"allow\"");
}

#[tokio::test]
async fn f18_who_is_signed_in_changes_the_password_and_stays() {
    let world = World::with().letters().start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let mut elsewhere = world.browser();
    elsewhere.log_in(&shop, "alice", PASSWORD).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;

    let page = browser.open(IDENTIFY).await.unwrap();
    page.has("Change your password").has("value=\"alice\"").has("current_password");
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    assert_eq!(state["status"], "NEW_PASSWORD_REQUIRED");
    assert_eq!(state["existingPasswordRequired"], true);
    browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Enter your current password.");
    let wrong = [("current_password", "not hers at all"), ("new_password", NEW)];
    browser.press(&page, "save", &wrong).await.unwrap().has("The current password is not right.");
    let right = [("current_password", PASSWORD), ("new_password", NEW)];
    // Whoever guesses has to wait.
    assert_eq!(browser.press(&page, "save", &right).await.unwrap().answer.status, 429);
    world.clock.advance(seconds(2));
    let page = browser.press(&page, "save", &right).await.unwrap();
    page.has("Your password is changed").has("You can close this page");

    // Here the session goes on, elsewhere it has ended.
    browser.authorize(&shop, &[]).await.expect_err("signed in").get("code");
    elsewhere.authorize(&shop, &[]).await.unwrap().has("name=\"password\"");
    let letters = world.letters(1).await;
    assert_eq!(letters[0].letter.to, alice.email);
    assert!(letters[0].letter.text.contains("was changed"));
    world.nothing_waits().await;
}

#[tokio::test]
async fn f18_who_is_not_signed_in_gives_the_password_first() {
    let world = World::start().await;
    shop_and_alice(&world).await;
    for entry in ["/ext/password-change", "/.well-known/change-password"] {
        world.browser().open(entry).await.unwrap().has("name=\"password\"");
    }
    let mut browser = world.browser();
    let page = browser.open(IDENTIFY).await.unwrap();
    let flow = page.flow().to_owned();
    let state = browser.get(&format!("{FLOWS}{flow}")).await.ok();
    assert_eq!(state["status"], "CURRENT_CREDENTIALS_REQUIRED");
    assert_eq!(links(&state), ["cancelPasswordChange", "checkCurrentCredentials", "self"]);
    let wrong = browser.press(&page, "sign_in", &[("username", "alice"), ("password", "not hers")]).await.unwrap();
    wrong.has("is not right").has("value=\"alice\"");
    world.clock.advance(seconds(2));
    let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    assert!(!page.answer.text().contains("current_password"), "nobody types it twice");
    let page = browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap();
    page.has("Your password is changed");
    assert!(world.rows("session").await.is_empty(), "it is no sign-in");

    let page = browser.open(IDENTIFY).await.unwrap();
    browser.press(&page, "cancel", &[]).await.unwrap().has("Your password stays as it is");
}

#[tokio::test]
async fn security_135_at_a_change_a_wrong_name_and_a_wrong_password_read_the_same() {
    let world = World::start().await;
    shop_and_alice(&world).await;
    let mut told = Vec::new();
    for username in ["alice", "nobody"] {
        let mut browser = world.browser();
        let page = browser.open(IDENTIFY).await.unwrap();
        let flow = page.flow().to_owned();
        let credentials = json!({ "username": username, "password": "not hers at all" });
        let mut answers = Vec::new();
        // The second one comes too early, whoever it is about.
        for _ in 0..2 {
            let answer = browser.act(&flow, "checkCurrentCredentials", &credentials).await;
            answers.push((answer.status, answer.text(), answer.header("retry-after").map(str::to_owned)));
        }
        assert_eq!((answers[0].0, answers[1].0), (400, 429));
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn t18_1_the_default_application_shows_it() {
    let world = World::with().letters().start().await;
    let (_, alice) = shop_and_alice(&world).await;
    let admin = world.admin().await;
    application(&admin, "own", LOGIN).await;
    settings(&admin, &json!({ "default_application": "own" })).await;
    for entry in [IDENTIFY, "/ext/password-change", "/ext/pwdreset/Identify", "/ext/password-reset"] {
        let mut browser = world.browser();
        let answer = browser.get(entry).await;
        assert_eq!(answer.status, 303);
        let location = answer.header("location").unwrap();
        let flow =
            location.strip_prefix(&format!("{LOGIN}/in?brand=shop&flowId=")).unwrap_or_else(|| panic!("{location}"));
        let read = browser.send(browser.sent_by_page(LOGIN, reqwest::Method::GET, flow)).await;
        assert_eq!(read.header("access-control-allow-origin"), Some(LOGIN));
        assert!(read.ok()["status"].is_string());
        // A page of nobody's changes nothing.
        let foreign = browser.act_from("https://evil.example", flow, "cancelPasswordChange", &json!({})).await;
        assert_eq!(foreign.status, 403);
    }
    drop(alice);
}

#[tokio::test]
async fn f18_a_change_is_offered_within_a_sign_in() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let flow = page.flow().to_owned();
    let state = browser.act(&flow, "initiatePasswordChange", &json!({})).await.ok();
    assert_eq!(state["status"], "CURRENT_CREDENTIALS_REQUIRED");
    let credentials = json!({ "username": "alice", "password": PASSWORD });
    let state = browser.act(&flow, "checkCurrentCredentials", &credentials).await.ok();
    assert_eq!(state["status"], "NEW_PASSWORD_REQUIRED");
    let state = browser.act(&flow, "checkNewPassword", &json!({ "newPassword": NEW })).await.ok();
    assert_eq!(state["status"], "SUCCESSFUL_PASSWORD_CHANGE");
    let state = browser.act(&flow, "continueAuthentication", &json!({})).await.ok();
    assert_eq!(state["status"], "CONSENT_REQUIRED");
}

/// Each is hashed, and may be a guess at the one before.
#[tokio::test]
async fn security_5_6_new_passwords_are_tries_like_any_other() {
    let world = World::with().letters().start().await;
    shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.open(IDENTIFY).await.unwrap();
    let page = browser.press(&page, "continue", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..22 {
        let refused = browser.press(&page, "save", &[("new_password", PASSWORD)]).await.unwrap();
        statuses.push(refused.answer.status);
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        3,
        "twenty a minute, the first one with them: {statuses:?}"
    );
    world.clock.advance(seconds(61));
    browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
}
