//! Whoever signs in on the web is sent a one-time code [flows.md F9; security.md 1.13, 5.1, 5.6; reliability.md R14].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nod::outbound::dev_inbox::Received;
use serde_json::Value;

use super::{PASSWORD, Scene, claims, json};
use crate::sign_in::every_state::only_its_links;
use crate::world::{Answer, Browser, FLOWS, World, seconds};

const REQUIRED: &str = "OTP_REQUIRED";
const MAILBOX: &str = "alice@home.example";

fn policy() -> Value {
    json!({ "id": "mfa", "number_matching": "off", "email": { "enabled": true } })
}

impl Scene {
    /// With so many addresses of alice, the first of them [`MAILBOX`].
    async fn with_addresses(mfa: Value, count: usize) -> (Self, Vec<String>) {
        let scene = Self::in_world(World::with().letters().start().await, mfa).await;
        let mut addresses = Vec::new();
        for number in 0..count {
            let target = if number == 0 { MAILBOX.to_owned() } else { format!("alice-{number}@home.example") };
            addresses.push(scene.address("alice", &target).await);
            // The oldest is the first.
            scene.world.clock.advance(seconds(1));
        }
        (scene, addresses)
    }

    /// Where somebody gets codes, as the administrator says; how the admin API calls it.
    pub(super) async fn address(&self, username: &str, target: &str) -> String {
        self.place(username, "email", target).await
    }

    /// The same by any channel.
    pub(super) async fn place(&self, username: &str, channel: &str, target: &str) -> String {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let admin = self.world.robot(&format!("place-{number}"), "nod:admin").await;
        let found = admin.get(&format!("/admin/v1/users?username={username}")).await.ok();
        let user = found["items"][0]["id"].as_str().unwrap().to_owned();
        let made = admin
            .post(&format!("/admin/v1/users/{user}/otp-devices"), &json!({ "type": channel, "target": target }))
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        format!("/admin/v1/users/{user}/otp-devices/{}", made.json()["id"].as_str().unwrap())
    }

    /// A sign-in for which a code was sent.
    pub(super) async fn sent(&self) -> (Browser, String, Value) {
        let mut browser = self.world.browser();
        let id = self.at_second_factor(&mut browser).await;
        let state = browser.act(&id, "authenticate", &json!({})).await.ok();
        assert_eq!(state["status"], REQUIRED, "{state}");
        (browser, id, state)
    }

    /// What the newest letter of so many has in it.
    pub(super) async fn code(&self, letters: usize) -> String {
        code(&self.letters(letters).await[0])
    }

    /// So many letters, the newest first.
    pub(super) async fn letters(&self, count: usize) -> Vec<Arc<Received>> {
        for _ in 0..400 {
            let letters = self.world.inbox();
            if letters.len() >= count {
                assert_eq!(letters.len(), count, "{letters:?}");
                return letters;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{count} letters: {:?}", self.world.inbox());
    }
}

pub(super) fn code(received: &Received) -> String {
    let digits = |line: &str| line.chars().filter(char::is_ascii_digit).collect::<String>();
    let line = received.letter.text.lines().find(|line| line.len() == 7 && digits(line).len() == 6).unwrap();
    digits(line)
}

pub(super) async fn check(browser: &mut Browser, id: &str, otp: &str) -> Answer {
    browser.act(id, "checkOtp", &json!({ "otp": otp })).await
}

pub(super) async fn resend(browser: &mut Browser, id: &str) -> Answer {
    browser.act(id, "resendOtp", &json!({})).await
}

/// Another code than this one.
pub(super) fn wrong(right: &str) -> String {
    let last = if right.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &right[..right.len() - 1])
}

pub(super) fn refused(answer: &Answer, code: &str, detail: &str) {
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (400, &json!(code)), "{told}");
    assert_eq!((&told["details"][0]["code"], &told["details"][0]["target"]), (&json!(detail), &json!("otp")), "{told}");
}

#[tokio::test]
async fn t9_4_whoever_signs_in_on_the_web_brings_the_code_of_an_email() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, id, state) = scene.sent().await;
    assert_eq!((&state["otpLength"], &state["attemptsRemaining"]), (&json!(6), &json!(3)));
    assert_eq!((&state["changeDevicePermitted"], &state["delivery"]), (&json!(false), &json!("SENT")));
    assert!(state["resendAfter"].is_string() && state["expiresAt"].is_string());
    let device = &state["devices"][0];
    assert_eq!(state["selectedDeviceRef"]["id"], device["id"]);
    assert_eq!(
        (&device["type"], &device["target"], &device["otpEnabled"], &device["pushEnabled"]),
        (&json!("EMAIL"), &json!("a•••@home.example"), &json!(true), &json!(false))
    );
    let letters = scene.letters(1).await;
    let letter = &letters[0].letter;
    assert_eq!((letter.to.as_str(), letter.language), (MAILBOX, "en"));
    assert!(letter.text.contains("shop") && letter.html.contains("<html lang=\"en\""), "{}", letter.text);
    assert!(!letter.subject.contains(&code(&letters[0])), "no code where a locked phone shows it");
    only_its_links(&scene.world, &mut browser, &state, &id).await;

    let code = code(&letters[0]);
    let typed = format!(" {} {}", &code[..3], &code[3..]);
    let state = check(&mut browser, &id, &typed).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("otp_verified")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp"])));
    let trail = scene.world.rows("audit").await;
    for said in ["otp.sent", "otp_verified"] {
        assert!(trail.iter().any(|row| row.contains(said)), "{said}: {trail:?}");
    }
    assert!(!trail.iter().any(|row| row.contains(&code) || row.contains(MAILBOX)), "{trail:?}");
    // What was proved for one sign-in is worth nothing for the next.
    assert_eq!(browser.flow(&scene.shop, &[]).await["status"], "AUTHENTICATION_REQUIRED");
}

/// What the ID token of a sign-in with a code says.
pub(super) async fn acr() -> Value {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, id, _) = scene.sent().await;
    let code = scene.code(1).await;
    check(&mut browser, &id, &code).await.ok();
    claims(&scene.tokens(&mut browser, &id).await)["acr"].clone()
}

#[tokio::test]
async fn t9_4_the_letter_is_in_the_language_of_the_person() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let mut browser = scene.world.browser();
    let first = browser.flow(&scene.shop, &[("ui_locales", "de")]).await;
    let id = first["id"].as_str().unwrap().to_owned();
    browser.password(&id, "alice", PASSWORD).await.ok();
    browser.act(&id, "authenticate", &json!({})).await.ok();
    let letter = &scene.letters(1).await[0].letter;
    assert_eq!(letter.language, "de");
    assert!(letter.subject.contains("Ihr Code") && letter.html.contains("<html lang=\"de\""), "{}", letter.subject);
}

/// [security.md case 115]
#[tokio::test]
async fn t9_9_three_wrong_codes_lock_and_then_the_right_one_is_refused() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, id, _) = scene.sent().await;
    let code = scene.code(1).await;
    for left in [2, 1] {
        let answer = check(&mut browser, &id, &wrong(&code)).await;
        refused(&answer, "VALIDATION_ERROR", "INVALID_OTP");
        assert_eq!(answer.json()["details"][0]["attemptsRemaining"], left);
        assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok()["attemptsRemaining"], left);
    }
    let locked = |answer: &Answer| refused(answer, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    locked(&check(&mut browser, &id, &wrong(&code)).await);
    locked(&check(&mut browser, &id, &code).await);
    scene.world.clock.advance(seconds(60));
    locked(&resend(&mut browser, &id).await);
    // Nor does another flow help, be it with another browser.
    let mut another = scene.world.browser();
    let next = scene.at_second_factor(&mut another).await;
    locked(&another.act(&next, "authenticate", &json!({})).await);
    scene.world.clock.advance(seconds(61));
    locked(&check(&mut browser, &id, &code).await);
    assert_eq!(scene.world.inbox().len(), 1, "nothing was sent meanwhile");
    let state = resend(&mut browser, &id).await.ok();
    assert_eq!((&state["status"], &state["attemptsRemaining"]), (&json!(REQUIRED), &json!(3)));
    let code = scene.code(2).await;
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
}

/// [security.md case 115] two tries in each flow are no way around.
#[tokio::test]
async fn t9_9_wrong_codes_count_for_the_person_whatever_flow_they_are_in() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut first, one, _) = scene.sent().await;
    let code = scene.code(1).await;
    for _ in 0..2 {
        refused(&check(&mut first, &one, &wrong(&code)).await, "VALIDATION_ERROR", "INVALID_OTP");
    }
    scene.world.clock.advance(seconds(30));
    let (mut second, two, state) = scene.sent().await;
    assert_eq!(state["attemptsRemaining"], 1);
    let newer = scene.code(2).await;
    refused(&check(&mut second, &two, &wrong(&newer)).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    refused(&check(&mut second, &two, &newer).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
}

/// [security.md case 117]
#[tokio::test]
async fn t9_10_a_code_works_once_in_its_own_flow() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, id, _) = scene.sent().await;
    let first = scene.code(1).await;
    scene.world.clock.advance(seconds(30));
    let (mut another, other, _) = scene.sent().await;
    let second = scene.code(2).await;
    assert_ne!(first, second);
    refused(&check(&mut another, &other, &first).await, "VALIDATION_ERROR", "INVALID_OTP");
    check(&mut browser, &id, &first).await.ok();
    let again = check(&mut browser, &id, &first).await;
    assert_eq!((again.status, &again.json()["code"]), (400, &json!("INVALID_ACTION_ID")));
    scene.tokens(&mut browser, &id).await;
    // In the session that came of it.
    scene.world.clock.advance(seconds(30));
    let next = browser.flow(&scene.shop, &[]).await;
    let next = next["id"].as_str().unwrap();
    assert_eq!(browser.act(next, "authenticate", &json!({})).await.ok()["status"], REQUIRED);
    scene.letters(3).await;
    refused(&check(&mut browser, next, &first).await, "VALIDATION_ERROR", "INVALID_OTP");
    assert_eq!(scene.world.rows("token_grant").await.len(), 1);
}

#[tokio::test]
async fn a_code_is_good_for_five_minutes() {
    for (later, good) in [(299, true), (300, false)] {
        let (scene, _) = Scene::with_addresses(policy(), 1).await;
        let (mut browser, id, mut state) = scene.sent().await;
        let code = scene.code(1).await;
        // Of a letter it is known a moment later that it was sent, and still when its code is worth nothing.
        state["delivery"] = json!("SENT");
        for after in [0, later] {
            scene.world.clock.advance(seconds(after));
            crate::admin::until("the same state, so time alone leads nowhere", async || {
                (browser.get(&format!("{FLOWS}{id}")).await.ok() == state).then_some(())
            })
            .await;
        }
        let answer = check(&mut browser, &id, &code).await;
        if good {
            assert_eq!(answer.ok()["code"], "otp_verified");
        } else {
            refused(&answer, "REQUEST_FAILED", "OTP_EXPIRED");
            resend(&mut browser, &id).await.ok();
            let code = scene.code(2).await;
            assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
        }
    }
}

/// [security.md case 118, 5.6]
#[tokio::test]
async fn t9_11_another_code_is_sent_after_a_while_and_not_without_end() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, id, state) = scene.sent().await;
    let old = scene.code(1).await;
    let too_often = |answer: &Answer| refused(answer, "REQUEST_FAILED", "OTP_RESEND_LIMIT");
    too_often(&resend(&mut browser, &id).await);
    let same = json!({ "deviceRef": { "id": state["selectedDeviceRef"]["id"] } });
    too_often(&browser.act(&id, "selectDevice", &same).await);
    scene.world.clock.advance(seconds(30));
    let again = resend(&mut browser, &id).await.ok();
    assert_eq!(again["status"], REQUIRED);
    let new = scene.code(2).await;
    refused(&check(&mut browser, &id, &old).await, "VALIDATION_ERROR", "INVALID_OTP");
    for letters in 3..=5 {
        scene.world.clock.advance(seconds(30));
        resend(&mut browser, &id).await.ok();
        scene.letters(letters).await;
    }
    scene.world.clock.advance(seconds(30));
    too_often(&resend(&mut browser, &id).await);
    // Nor in another flow.
    scene.world.clock.advance(seconds(30));
    let mut another = scene.world.browser();
    let next = scene.at_second_factor(&mut another).await;
    too_often(&another.act(&next, "authenticate", &json!({})).await);
    assert_eq!(scene.letters(5).await.len(), 5);
    refused(&check(&mut browser, &id, &new).await, "VALIDATION_ERROR", "INVALID_OTP");
    let last = scene.code(5).await;
    assert_eq!(check(&mut browser, &id, &last).await.ok()["code"], "otp_verified", "the last one is still good");
}

#[tokio::test]
async fn t9_14_a_code_to_another_address_is_the_only_one_that_counts() {
    let mut mfa = policy();
    mfa["device_selection"] = json!("prompt_to_select");
    let (scene, _) = Scene::with_addresses(mfa, 2).await;
    scene.world.user("bob").with_password(PASSWORD).await;
    scene.address("bob", "bob@home.example").await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["status"], "DEVICE_SELECTION_REQUIRED");
    assert!(scene.world.inbox().is_empty());
    let device = |at: usize| json!({ "deviceRef": { "id": state["devices"][at]["id"] } });
    let first = browser.act(&id, "selectDevice", &device(0)).await.ok();
    assert_eq!((&first["status"], &first["changeDevicePermitted"]), (&json!(REQUIRED), &json!(true)));
    let old = scene.code(1).await;
    browser.act(&id, "selectDevice", &device(1)).await.ok();
    let letters = scene.letters(2).await;
    let newest = letters.iter().find(|received| received.letter.to == "alice-1@home.example").unwrap();
    refused(&check(&mut browser, &id, &old).await, "VALIDATION_ERROR", "INVALID_OTP");
    assert_eq!(check(&mut browser, &id, &code(newest)).await.ok()["code"], "otp_verified");
}

#[tokio::test]
async fn a_code_to_an_address_that_was_taken_away_is_worth_nothing() {
    let (scene, addresses) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, id, _) = scene.sent().await;
    let code = scene.code(1).await;
    scene.world.clock.advance(seconds(30));
    let (mut other, another, _) = scene.sent().await;
    assert_eq!(scene.world.robot("another", "nod:admin").await.delete(&addresses[0]).await.status, 204);
    for answer in [check(&mut browser, &id, &code).await, resend(&mut other, &another).await] {
        let state = answer.ok();
        assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
    }
    assert!(scene.world.rows("token_grant").await.is_empty());
}

/// [flows.md D.1] whoever has nothing but an address that the policy does not take has nothing that will do.
#[tokio::test]
async fn an_address_counts_where_the_policy_has_codes_by_email() {
    let (scene, _) = Scene::with_addresses(json!({ "id": "mfa", "no_devices_mode": "bypass" }), 1).await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_USABLE_DEVICES")));
    assert!(scene.world.inbox().is_empty());
}

/// [reliability.md R14]
#[tokio::test]
async fn r14_of_a_hundred_guesses_at_once_three_are_looked_at() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (browser, id, _) = scene.sent().await;
    let code = scene.code(1).await;
    let guesses = (0..100).map(|guess| {
        let mut browser = browser.clone();
        let (id, otp) = (id.clone(), if guess == 50 { code.clone() } else { wrong(&code) });
        async move { check(&mut browser, &id, &otp).await }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let right = answers.iter().filter(|answer| answer.status == 200).count();
    let looked = answers.iter().filter(|answer| answer.text().contains("INVALID_OTP")).count();
    assert!(right <= 1 && looked <= 3, "{right} right, {looked} looked at");
}

/// On our own pages, without a script.
#[tokio::test]
async fn t9_4_the_page_takes_the_code_as_it_was_typed() {
    let (scene, _) = Scene::with_addresses(policy(), 2).await;
    let (mut browser, page) = scene.page(None).await;
    page.has("Enter your code").has("a•••@home.example").has("autocomplete=\"one-time-code\"");
    page.has("You can get a new code in");
    let code = scene.code(1).await;
    browser.press(&page, "continue", &[("code", "")]).await.unwrap().has("Enter the code.");
    let page = browser.press(&page, "continue", &[("code", &wrong(&code))]).await.unwrap();
    page.has("This code is not right");
    scene.world.clock.advance(seconds(30));
    let page = browser.open(&format!("/sign-in/{}", page.flow())).await.unwrap();
    let page = browser.press(&page, "resend", &[]).await.unwrap();
    page.has("A new code is on its way");
    scene.letters(2).await;
    let choice = browser.open(&format!("/sign-in/{}?method=device", page.flow())).await.unwrap();
    choice.has("Email to").has("a•••@home.example");
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    let other = state["devices"][1]["id"].as_str().unwrap();
    let page = browser.press(&choice, "continue", &[("method", other)]).await.unwrap();
    page.has("Enter your code");
    let letters = scene.letters(3).await;
    let newest = letters.iter().find(|received| received.letter.to == "alice-1@home.example").unwrap();
    let done = browser.press(&page, "continue", &[("code", &self::code(newest))]).await;
    assert!(done.is_err(), "back at the shop");
}

#[tokio::test]
async fn t9_9_the_page_says_that_no_code_is_looked_at_any_more() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, mut page) = scene.page(None).await;
    let code = scene.code(1).await;
    for _ in 0..3 {
        page = browser.press(&page, "continue", &[("code", &wrong(&code))]).await.unwrap();
    }
    page.has("Too many codes were wrong");
    browser.press(&page, "continue", &[("code", &code)]).await.unwrap().has("Too many codes were wrong");
}

/// Any page can send a browser here, and with a session it is at the second factor at once [security.md 1.14].
#[tokio::test]
async fn a_session_alone_has_no_code_sent() {
    let (scene, _) = Scene::with_addresses(policy(), 1).await;
    let (mut browser, page) = scene.page(None).await;
    let code = scene.code(1).await;
    assert!(browser.press(&page, "continue", &[("code", &code)]).await.is_err());
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    page.has("Confirm that it is me");
    assert_eq!(scene.world.inbox().len(), 1);
    scene.world.clock.advance(seconds(30));
    browser.press(&page, "ask", &[]).await.unwrap().has("Enter your code");
    scene.letters(2).await;
}
