//! A forgotten password: the message, its code and its link, and what nobody learns [flows.md F18].

use std::sync::Arc;

use nod::domain::user::Status;
use nod::outbound::dev_inbox::Received;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{PASSWORD, links, refused, shop_and_alice};
use crate::world::{Answer, Backing, Browser, FLOWS, Page, World, limited, seconds};

pub(super) const NEW: &str = "twelve green bottles";
pub(super) const IDENTIFY: &str = "/ext/pwdreset/Identify";

impl World {
    /// The letters that went out, the newest first, once there are so many.
    pub(super) async fn letters(&self, count: usize) -> Vec<Arc<Received>> {
        for _ in 0..400 {
            let letters = self.inbox();
            if letters.len() >= count {
                assert_eq!(letters.len(), count, "{letters:?}");
                return letters;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{} of {count} letters came", self.inbox().len());
    }

    /// Nothing is on its way any more.
    pub(crate) async fn nothing_waits(&self) {
        for _ in 0..400 {
            if !self.rows("outbox").await.iter().any(|row| row.contains("mail")) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.rows("outbox").await);
    }

    pub(super) async fn letter(&self, count: usize) -> (String, String) {
        let letters = self.letters(count).await;
        let (code, link) = secrets(&letters[0]);
        self.guard(&code);
        (code, link.strip_prefix(self.issuer()).unwrap().to_owned())
    }
}

/// The code as people copy it, and the link.
pub(super) fn secrets(received: &Received) -> (String, String) {
    let text = &received.letter.text;
    let digits = |word: &&str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let code: Vec<&str> = text.split_whitespace().filter(digits).collect();
    let link = text.split_whitespace().find(|word| word.contains("?ticket=")).unwrap_or_else(|| panic!("{text}"));
    (code.join(" "), link.to_owned())
}

impl Browser {
    /// Asks for a message at the page that begins a recovery.
    pub(super) async fn forgets(&mut self, username: &str) -> Page {
        let page = self.open(IDENTIFY).await.unwrap();
        self.press(&page, "continue", &[("username", username)]).await.unwrap()
    }

    pub(super) async fn look(&mut self, page: &Page) -> Value {
        self.get(&format!("{FLOWS}{}", page.flow())).await.ok()
    }
}

#[tokio::test]
async fn f18_a_code_from_the_mail_leads_to_a_new_password_and_ends_all_sessions() {
    let world = World::with().letters().start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let mut elsewhere = world.browser();
    let before = shop.redeem(elsewhere.log_in(&shop, "alice", PASSWORD).await.get("code")).await.tokens();
    let unused = elsewhere.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();

    let mut browser = world.browser();
    let page = browser.forgets("alice").await;
    page.has("Check your email");
    let (code, _) = world.letter(1).await;
    let letters = world.letters(1).await;
    assert_eq!(letters[0].letter.to, alice.email);
    assert!(letters[0].letter.html.contains("alice") && letters[0].letter.subject.contains("password"));
    let page = browser.press(&page, "continue", &[("code", &code)]).await.unwrap();
    page.has("Choose a new password").has("value=\"alice\"");
    let page = browser.press(&page, "save", &[("new_password", "password")]).await.unwrap();
    page.has("Many people use this password");
    let page = browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap();
    page.has("Your password is changed").has("signed out everywhere else");

    // [security.md case 27]
    shop.redeem(&unused).await.refused(400, "invalid_grant");
    shop.refresh(before.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
    let page = elsewhere.authorize(&shop, &[]).await.unwrap();
    page.has("Sign in");
    let page = elsewhere.sign_in(&page, "alice", PASSWORD).await.unwrap();
    page.has("is not right");
    world.clock.advance(seconds(2));
    elsewhere.sign_in(&page, "alice", NEW).await.expect_err("back at the shop").get("code");
    // Its owner hears of it.
    let letters = world.letters(2).await;
    assert!(letters[0].letter.text.contains("was changed"), "{}", letters[0].letter.text);
    world.nothing_waits().await;
}

#[tokio::test]
async fn f18_the_link_works_in_any_browser_and_once() {
    let world = World::with().letters().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let asked = world.browser().forgets("alice").await;
    asked.has("Check your email");
    let (_, link) = world.letter(1).await;
    // What looks through mail for dangers opens it first, and often.
    for _ in 0..3 {
        world.browser().open(&link).await.unwrap().has("Choose a new password");
    }
    let mut phone = world.browser();
    let first = phone.open(&link).await.unwrap();
    assert!(!first.path.contains("ticket"), "the secret is in no address that stays: {}", first.path);
    let mut other = world.browser();
    let second = other.open(&link).await.unwrap();
    phone.press(&first, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    let late = other.press(&second, "save", &[("new_password", "eleven green bottles")]).await.unwrap();
    late.has("does not work any more");
    other.press(&late, "again", &[]).await.unwrap().has("Send the email");
    world.browser().open(&link).await.unwrap().has("does not work any more");
    let mut laptop = world.browser();
    let page = laptop.authorize(&shop, &[]).await.unwrap();
    laptop.sign_in(&page, "alice", NEW).await.expect_err("back at the shop");
    world.letters(2).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn security_a_reset_happens_once_however_many_come_at_once() {
    for world in [World::with(), World::with().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).letters().start().await;
        let (shop, _alice) = shop_and_alice(&world).await;
        // One has typed the code, the others have followed the link of the same letter.
        let mut asker = world.browser();
        let sent = asker.forgets("alice").await;
        let (code, link) = world.letter(1).await;
        let page = asker.press(&sent, "continue", &[("code", &code)]).await.unwrap();
        let mut waiting = vec![(asker, page)];
        for node in [0, 1, 0, 1, 0, 1] {
            let mut browser = world.browser().at(node);
            let page = browser.open(&link).await.unwrap();
            waiting.push((browser, page));
        }
        let tries = waiting.into_iter().enumerate().map(|(n, (mut browser, page))| async move {
            let new = format!("{n} green bottles");
            let page = browser.press(&page, "save", &[("new_password", &new)]).await.unwrap();
            let done = page.answer.text().contains("Your password is changed");
            assert!(done || page.answer.text().contains("does not work any more"), "{}", page.answer.text());
            done.then_some(new)
        });
        let done: Vec<String> = futures_util::future::join_all(tries).await.into_iter().flatten().collect();
        let [new] = done.as_slice() else { panic!("{done:?}") };
        world.browser().log_in(&shop, "alice", new).await.get("code");
        // Its owner is told once.
        world.letters(2).await;
        world.nothing_waits().await;
    }
}

#[tokio::test]
async fn security_97_code_and_link_of_a_letter_are_spent_together() {
    let world = World::with().letters().start().await;
    shop_and_alice(&world).await;
    // The code was used: the link is worth nothing, nor is the page that was open by it.
    let mut browser = world.browser();
    let sent = browser.forgets("alice").await;
    let (code, link) = world.letter(1).await;
    let mut other = world.browser();
    let open = other.open(&link).await.unwrap();
    let page = browser.press(&sent, "continue", &[("code", &code)]).await.unwrap();
    browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    other
        .press(&open, "save", &[("new_password", "eleven green bottles")])
        .await
        .unwrap()
        .has("does not work any more");
    world.browser().open(&link).await.unwrap().has("does not work any more");
    world.letters(2).await;

    // The link was used: the code is worth nothing.
    let sent = browser.forgets("alice").await;
    let (code, link) = world.letter(3).await;
    let page = other.open(&link).await.unwrap();
    other.press(&page, "save", &[("new_password", "ten green bottles")]).await.unwrap().has("Your password is changed");
    browser.press(&sent, "continue", &[("code", &code)]).await.unwrap().has("This code is not right");
    world.letters(4).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn security_a_letter_is_worth_nothing_after_any_other_change() {
    let world = World::with().letters().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    world.browser().forgets("alice").await;
    let (_, first) = world.letter(1).await;
    let mut late = world.browser();
    let waiting = late.open(&first).await.unwrap();
    // A second letter, and its link used.
    world.browser().forgets("alice").await;
    let (_, second) = world.letter(2).await;
    let mut alice = world.browser();
    let page = alice.open(&second).await.unwrap();
    alice.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    late.press(&waiting, "save", &[("new_password", "eleven green bottles")])
        .await
        .unwrap()
        .has("does not work any more");
    world.browser().log_in(&shop, "alice", NEW).await.get("code");
    world.letters(3).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn security_a_code_may_be_tried_three_times_and_lives_ten_minutes() {
    let world = World::with().letters().start().await;
    shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.forgets("alice").await;
    let (code, _) = world.letter(1).await;
    let flow = page.flow().to_owned();
    let check = async |browser: &mut Browser, code: &str| {
        browser.act(&flow, "checkRecoveryCode", &json!({ "recoveryCode": code })).await
    };
    for _ in 0..3 {
        refused(&check(&mut browser, "00000000").await, 400, "VALIDATION_ERROR", Some("INVALID_OTP"));
    }
    // The right one is worth nothing either.
    refused(&check(&mut browser, &code).await, 400, "REQUEST_FAILED", Some("OTP_ATTEMPTS_LIMIT"));
    let again = browser.press(&page, "continue", &[("code", &code)]).await.unwrap();
    again.has("does not work any more");
    let page = browser.press(&again, "again", &[]).await.unwrap();
    page.has("value=\"alice\"");
    let page = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    let (code, link) = world.letter(2).await;
    world.clock.advance(seconds(600));
    browser.press(&page, "continue", &[("code", &code)]).await.unwrap().has("This code is not right");
    browser.open(&link).await.unwrap().has("does not work any more");
    world.nothing_waits().await;
}

#[tokio::test]
async fn t18_7_nobody_learns_who_exists() {
    let world = World::with().letters().start().await;
    shop_and_alice(&world).await;
    world.user("without").await.email_unverified().await;
    world.user("locked").with_password(PASSWORD).await.lock().await;
    world.user("disabled").await.set_status(Status::Disabled).await;
    let mut told = Vec::new();
    for username in ["alice", "nobody", "without", "locked", "disabled"] {
        let mut browser = world.browser();
        let page = browser.open(IDENTIFY).await.unwrap();
        let flow = page.flow().to_owned();
        let asked = browser.act(&flow, "checkAccountRecoveryUsername", &json!({ "username": username })).await;
        assert_eq!(asked.status, 200);
        let wrong = browser.act(&flow, "checkRecoveryCode", &json!({ "recoveryCode": "0000 0000" })).await;
        let plain = |answer: &Answer| answer.text().replace(&flow, "FLOW").replace(username, "NAME");
        told.push((plain(&asked), plain(&wrong), wrong.status));
    }
    for other in &told[1..] {
        assert_eq!(*other, told[0]);
    }
    // Only who exists and has an address that somebody has looked at is written to.
    world.nothing_waits().await;
    assert_eq!(world.letters(1).await.len(), 1);
}

/// The answer needs nothing that is kept about people: neither what it says nor how long it takes depends on them.
#[tokio::test]
async fn t18_7_the_answer_is_there_before_anybody_looks_who_it_is() {
    let world = World::with().letters().start().await;
    shop_and_alice(&world).await;
    world.sql("ALTER TABLE account RENAME TO away").await;
    for username in ["alice", "nobody"] {
        let mut browser = world.browser();
        let sent = browser.forgets(username).await;
        assert_eq!(sent.answer.status, 200);
        sent.has("Check your email");
        browser.press(&sent, "continue", &[("code", "0000 0000")]).await.unwrap().has("This code is not right");
    }
    world.sql("ALTER TABLE away RENAME TO account").await;
    // It comes again soon.
    world.clock.advance(seconds(60));
    world.letters(1).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn security_154_links_are_the_issuers_whatever_host_a_request_names() {
    const LIES: [(&str, &str); 4] = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example;proto=http"),
    ];
    let world = World::with().letters().start().await;
    shop_and_alice(&world).await;
    let mut browser = world.browser();
    let lie =
        |request: RequestBuilder| LIES.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = browser.send(lie(browser.request(Method::GET, IDENTIFY))).await;
    let location = answer.header("location").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
    let flow = location.strip_prefix(&format!("{}/sign-in/", world.issuer())).unwrap_or_else(|| panic!("{location}"));
    let request = lie(browser.request(Method::POST, &format!("{FLOWS}{flow}"))).header("x-xsrf-header", "nod");
    let request = request.header("content-type", "application/vnd.pingidentity.checkAccountRecoveryUsername+json");
    let state = browser.send(request.body(json!({ "username": "alice" }).to_string())).await.ok();
    assert_eq!(state["status"], "RECOVERY_CODE_REQUIRED");
    assert!(!state.to_string().contains("evil"), "{state}");
    let letter = &world.letters(1).await[0].letter;
    for body in [&letter.text, &letter.html] {
        assert!(body.contains(&format!("{}{IDENTIFY}?ticket=", world.issuer())), "{body}");
        assert!(!body.contains("evil"), "{body}");
    }
    world.nothing_waits().await;
}

#[tokio::test]
async fn security_5_6_messages_are_counted_whoever_they_are_about() {
    let world = World::with().letters().settings(|settings| settings.recoveries = 7).start().await;
    shop_and_alice(&world).await;
    for username in ["alice", "nobody"] {
        for _ in 0..3 {
            world.browser().forgets(username).await.has("Check your email");
        }
    }
    let before = limited("recoveries");
    let page = world.browser().forgets("alice").await;
    assert_eq!(page.answer.status, 429);
    page.has("That was too often");
    assert!(limited("recoveries") > before, "whoever watches the limit sees it");
    // By now nobody is written to from here.
    let page = world.browser().forgets("another").await;
    assert_eq!((page.answer.status, page.answer.header("retry-after")), (429, Some("3600")));
    world.letters(3).await;
    world.clock.advance(seconds(3600));
    world.browser().forgets("alice").await.has("Check your email");
    world.letters(4).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn f18_within_a_sign_in_it_leads_back_to_it() {
    let world = World::with().letters().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    page.has("Forgot your password?");
    let page = browser.press(&page, "forgot", &[("username", "alice"), ("password", "")]).await.unwrap();
    page.has("value=\"alice\"");
    let page = browser.press(&page, "cancel", &[]).await.unwrap();
    page.has("Forgot your password?");
    let page = browser.press(&page, "forgot", &[("username", "alice")]).await.unwrap();
    let page = browser.press(&page, "continue", &[("username", "alice")]).await.unwrap();
    let (code, _) = world.letter(1).await;
    let page = browser.press(&page, "continue", &[("code", &code)]).await.unwrap();
    let page = browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap();
    let page = browser.press(&page, "continue", &[]).await.unwrap();
    // It proves nothing by itself: whoever has the mail signs in like everybody.
    page.has("name=\"password\"");
    browser.sign_in(&page, "alice", NEW).await.expect_err("back at the shop").get("code");
    world.letters(2).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn security_a_sign_in_that_began_with_the_old_password_comes_to_nothing() {
    let world = World::with().letters().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    // Somebody knows the password, and waits at the last step.
    let mut thief = world.browser();
    let page = thief.authorize(&shop, &[]).await.unwrap();
    let waiting = thief.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    waiting.has("value=\"allow\"");
    world.browser().forgets("alice").await;
    let (_, link) = world.letter(1).await;
    let mut alice = world.browser();
    let page = alice.open(&link).await.unwrap();
    alice.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    thief.press(&waiting, "allow", &[]).await.expect_err("back at the shop").error("login_required");
    assert!(world.rows("session").await.is_empty());
    world.letters(2).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn who_never_had_a_password_gets_the_first_one_so() {
    let world = World::with().letters().start().await;
    let shop = world.client("shop").signs_in().await;
    world.user("carol").await;
    world.browser().forgets("carol").await;
    let (_, link) = world.letter(1).await;
    let mut browser = world.browser();
    let page = browser.open(&link).await.unwrap();
    browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    let page = browser.authorize(&shop, &[]).await.unwrap();
    browser.sign_in(&page, "carol", NEW).await.expect_err("back at the shop").get("code");
    world.letters(2).await;
    world.nothing_waits().await;
}

#[tokio::test]
async fn f18_without_a_mail_server_nothing_is_offered() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let answer = world.get(IDENTIFY).await;
    assert_eq!(answer.status, 404);
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    assert!(!page.answer.text().contains("Forgot"));
    let flow = page.flow().to_owned();
    let refusal = browser.act(&flow, "initiateAccountRecovery", &json!({})).await;
    refused(&refusal, 400, "INVALID_ACTION_ID", None);
}

#[tokio::test]
async fn f18_an_errand_has_the_states_and_links_of_the_flow_api() {
    let world = World::with().letters().start().await;
    shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.open("/ext/password-reset").await.unwrap();
    let flow = page.flow().to_owned();
    let state = browser.look(&page).await;
    assert_eq!(state["status"], "ACCOUNT_RECOVERY_USERNAME_REQUIRED");
    assert_eq!(links(&state), ["cancelAccountRecovery", "checkAccountRecoveryUsername", "self"]);
    let state = browser.act(&flow, "checkAccountRecoveryUsername", &json!({ "username": "alice" })).await.ok();
    assert_eq!(state["status"], "RECOVERY_CODE_REQUIRED");
    assert_eq!(links(&state), ["cancelAccountRecovery", "checkRecoveryCode", "initiateAccountRecovery", "self"]);
    let (code, _) = world.letter(1).await;
    let state = browser.act(&flow, "checkRecoveryCode", &json!({ "recoveryCode": code })).await.ok();
    assert_eq!((&state["status"], &state["username"]), (&json!("PASSWORD_RESET_REQUIRED"), &json!("alice")));
    let short = browser.act(&flow, "checkPasswordReset", &json!({ "newPassword": "short" })).await;
    refused(&short, 400, "VALIDATION_ERROR", Some("PASSWORD_CHANGE_ERROR"));
    let detail = &short.json()["details"][0];
    assert_eq!((&detail["target"], &detail["failedValidators"]), (&json!("newPassword"), &json!(["TOO_SHORT"])));
    assert_eq!(detail["satisfiedValidators"], json!(["TOO_LONG", "CHARACTERS"]));
    let named = browser.act(&flow, "checkPasswordReset", &json!({ "newPassword": "my-Alice-77" })).await.json();
    let detail = &named["details"][0];
    assert_eq!(detail["failedValidators"], json!(["CONTAINS_USERNAME"]), "{named}");
    assert_eq!(detail["satisfiedValidators"], json!(["TOO_LONG", "CHARACTERS", "TOO_SHORT", "COMMON"]), "{named}");
    let state = browser.act(&flow, "checkPasswordReset", &json!({ "newPassword": NEW })).await.ok();
    assert_eq!(
        (&state["status"], links(&state)),
        (&json!("SUCCESSFUL_PASSWORD_RESET"), vec!["continueAuthentication", "self"])
    );
    let state = browser.act(&flow, "continueAuthentication", &json!({})).await.ok();
    assert_eq!((&state["status"], links(&state)), (&json!("RESUME"), vec!["self"]));
    let here = state["resumeUrl"].as_str().unwrap().strip_prefix(world.issuer()).unwrap().to_owned();
    browser.open(&here).await.unwrap().has("Your password is changed").has("You can close this page");

    let page = browser.open(IDENTIFY).await.unwrap();
    let state = browser.act(page.flow(), "cancelAccountRecovery", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["canceledOperation"]), (&json!("CANCELED"), &json!("ACCOUNT_RECOVERY")));
    assert_eq!(links(&state), ["self"]);
    // Of another browser, nothing.
    let stranger = world.browser().get(&format!("{FLOWS}{}", page.flow())).await;
    refused(&stranger, 404, "FLOW_NOT_FOUND", None);
    assert_eq!(world.browser().send(world.request(Method::POST, IDENTIFY)).await.status, 405);
    world.letters(2).await;
    world.nothing_waits().await;
}

/// A mail server may take a letter and not say so.
#[tokio::test]
async fn security_97_a_letter_that_comes_twice_is_worth_something_once() {
    let world = World::with().letters().start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.forgets("alice").await;
    let (_, link) = world.letter(1).await;
    let id = uuid::Uuid::parse_str(&world.letters(1).await[0].letter.id).unwrap().simple();
    let mut late = world.browser();
    let waiting = late.open(&link).await.unwrap();
    let page = browser.open(&link).await.unwrap();
    browser.press(&page, "save", &[("new_password", NEW)]).await.unwrap().has("Your password is changed");
    world.letters(2).await;
    let payload = r#"{"password_forgotten":{"username":"alice","language":"en"}}"#;
    let now = world.now().millis();
    let again = format!(
        "INSERT INTO outbox (id, kind, payload, created_at, due_at, attempts) \
         VALUES (x'{id}', 'mail', CAST('{payload}' AS BLOB), {now}, 0, 1)"
    );
    world.sql(again.leak()).await;
    let (_, same) = world.letter(3).await;
    assert_eq!(same, link);
    world.browser().open(&link).await.unwrap().has("does not work any more");
    late.press(&waiting, "save", &[("new_password", "eleven green bottles")])
        .await
        .unwrap()
        .has("does not work any more");
    world.browser().log_in(&shop, "alice", NEW).await.get("code");
    world.nothing_waits().await;
}
