//! Letters about forgotten passwords that have a link alone, or a code alone [flows.md A.1.2, F18].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nod::domain::recovery::Means;
use nod::domain::user::Status;
use serde_json::json;

use super::recovery::{IDENTIFY, NEW, secrets};
use super::{PASSWORD, links, refused, shop_and_alice};
use crate::world::{Answer, Builder, FLOWS, World};

fn letters_with(means: Means) -> Builder {
    World::with().letters().settings(move |settings| settings.recovery = means)
}

/// What the newest letter has in it.
async fn letter(world: &World, count: usize) -> String {
    world.letters(count).await[0].letter.text.clone()
}

/// Without the issuer.
fn link(world: &World, text: &str) -> String {
    let link = text.split_whitespace().find_map(|word| word.strip_prefix(world.issuer()));
    link.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn has_code(text: &str) -> bool {
    let digits = |word: &&str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    text.split_whitespace().any(|word| digits(&word))
}

#[tokio::test]
async fn f18_a_link_alone_is_waited_for_and_goes_on_where_it_is_opened() {
    let world = letters_with(Means::Link).start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut asker = world.browser();
    let page = asker.open(IDENTIFY).await.unwrap();
    let flow = page.flow().to_owned();
    let state = asker.act(&flow, "checkAccountRecoveryUsername", &json!({ "username": "alice" })).await.ok();
    assert_eq!(state["status"], "ACCOUNT_RECOVERY_OTL_VERIFICATION_REQUIRED");
    assert_eq!(links(&state), ["cancelAccountRecovery", "initiateAccountRecovery", "self"]);
    let text = letter(&world, 1).await;
    assert!(!has_code(&text), "{text}");
    let opened = link(&world, &text);

    // Who asked is not who opens the link, as far as anybody knows: their browser gets nowhere by it.
    let mut alice = world.browser();
    let page = alice.open(&opened).await.unwrap();
    page.has("Choose a new password").has("value=\"alice\"");
    assert_eq!(asker.get(&format!("{FLOWS}{flow}")).await.ok(), state);
    alice.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    assert_eq!(asker.get(&format!("{FLOWS}{flow}")).await.ok(), state);
    alice.open(&opened).await.unwrap().has("does not work any more");

    let state = asker.act(&flow, "cancelAccountRecovery", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["canceledOperation"]), (&json!("CANCELED"), &json!("ACCOUNT_RECOVERY")));
    world.browser().log_in(&shop, "alice", NEW).await.get("code");
    world.letters(2).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn f18_our_page_that_waits_for_the_link_has_no_field_and_asks_again() {
    let world = letters_with(Means::Link).start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    // On the way of a sign-in.
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let page = browser.press(&page, "forgot", &[("username", "alice")]).await.unwrap();
    let page = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    page.has("Check your email").has("Open its link to choose a new password");
    assert!(!page.answer.text().contains("name=\"code\""), "{}", page.answer.text());
    letter(&world, 1).await;
    let page = browser.press(&page, "again", &[]).await.unwrap();
    page.has("value=\"alice\"");
    let page = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    let second = link(&world, &letter(&world, 2).await);
    // The same browser, in another tab.
    let tab = browser.open(&second).await.unwrap();
    browser.press(&tab, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    let page = browser.press(&page, "cancel", &[]).await.unwrap();
    let page = browser.press(&page, "continue", &[]).await.unwrap();
    browser.sign_in(&page, "alice", NEW).await.expect_err("back at the shop").get("code");
    world.letters(3).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn f18_a_code_alone_is_all_that_there_is() {
    let world = letters_with(Means::Code).start().await;
    shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.forgets("alice").await;
    page.has("Enter its code here");
    let text = letter(&world, 1).await;
    assert!(has_code(&text) && !text.contains("ticket"), "{text}");
    let state = browser.look(&page).await;
    assert_eq!(state["status"], "RECOVERY_CODE_REQUIRED");
    let code: Vec<&str> = text.split_whitespace().filter(|word| has_code(word)).collect();
    let page = browser.press(&page, "continue", &[("code", &code.join(" "))]).await.unwrap();
    browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    world.letters(2).await;
    world.nothing_waits().await;
}

/// A letter from before has both.
#[tokio::test]
async fn security_what_letters_have_no_more_is_worth_nothing() {
    for (means, code_works, link_works) in [(Means::Code, true, false), (Means::Link, false, true)] {
        let changed = Arc::new(AtomicBool::new(false));
        let is = Arc::clone(&changed);
        let world = World::with().letters();
        let mut world = world
            .settings(move |settings| settings.recovery = if is.load(Ordering::Relaxed) { means } else { Means::Both })
            .start()
            .await;
        shop_and_alice(&world).await;
        let mut asker = world.browser();
        let flow = asker.forgets("alice").await.flow().to_owned();
        let (code, opened) = secrets(&world.letters(1).await[0]);
        let opened = opened.strip_prefix(world.issuer()).unwrap().to_owned();
        changed.store(true, Ordering::Relaxed);
        world.restart().await;
        let mut asker = asker.in_world(&world);
        let page = world.browser().open(&opened).await.unwrap();
        page.has(if link_works { "Choose a new password" } else { "does not work any more" });
        let checked = asker.act(&flow, "checkRecoveryCode", &json!({ "recoveryCode": code })).await;
        if code_works {
            assert_eq!(checked.ok()["status"], "PASSWORD_RESET_REQUIRED");
        } else {
            refused(&checked, 400, "VALIDATION_ERROR", Some("INVALID_OTP"));
        }
    }
}

#[tokio::test]
async fn t18_7_nobody_learns_by_a_link_alone_who_exists() {
    let world = letters_with(Means::Link).start().await;
    shop_and_alice(&world).await;
    world.user("without").await.email_unverified().await;
    world.user("locked").with_password(PASSWORD).await.lock().await;
    world.user("disabled").await.set_status(Status::Disabled).await;
    let mut told = Vec::new();
    for username in ["alice", "nobody", "without", "locked", "disabled"] {
        let mut browser = world.browser();
        let flow = browser.open(IDENTIFY).await.unwrap().flow().to_owned();
        let asked = browser.act(&flow, "checkAccountRecoveryUsername", &json!({ "username": username })).await;
        world.nothing_waits().await;
        let later = browser.get(&format!("{FLOWS}{flow}")).await;
        let again = browser.act(&flow, "initiateAccountRecovery", &json!({})).await;
        let plain = |answer: &Answer| (answer.status, answer.text().replace(&flow, "FLOW").replace(username, "NAME"));
        assert_eq!(asked.status, 200, "{}", asked.text());
        told.push([plain(&asked), plain(&later), plain(&again)]);
    }
    for other in &told[1..] {
        assert_eq!(*other, told[0]);
    }
    assert_eq!(world.letters(1).await.len(), 1);
}
