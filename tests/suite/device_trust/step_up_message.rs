//! Whoever signs in on the web is sent a one-time code to their telephone [flows.md F9; security.md 1.13, 5.1, 5.6].

use std::sync::Arc;

use nod::app::{Texts, TextsBy};
use nod::outbound::dev_inbox::ReceivedText;
use nod::protocol::phone_number::{Country, Reach};
use serde_json::Value;

use super::step_up_otp::{check, refused, resend, wrong};
use super::{PASSWORD, Scene, claims, json};
use crate::sign_in::every_state::only_its_links;
use crate::world::{Browser, Builder, FLOWS, World, seconds};

pub(super) const NUMBER: &str = "+4915123456789";

pub(super) fn policy() -> Value {
    json!({
        "id": "mfa", "number_matching": "off", "device_selection": "prompt_to_select",
        "email": { "enabled": true }, "sms": { "enabled": true }, "voice": { "enabled": true },
    })
}

pub(super) fn germany() -> Reach {
    Reach::Within(vec![Country::parse("DE").unwrap()])
}

/// Texts and calls stay here, and so do letters.
pub(super) fn here() -> Builder {
    World::with().letters().settings(|settings| {
        for texts in [&mut settings.sms, &mut settings.voice] {
            *texts = Texts { by: TextsBy::DevInbox, reach: germany(), per_day: 1000 };
        }
    })
}

/// The code of what somebody reads, or hears.
pub(super) fn code(text: &str) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    match text.rsplit_once('#') {
        Some((_, code)) => digits(code),
        None => digits(text),
    }
}

impl Scene {
    /// Alice gets codes at all of these places, the first of them first.
    pub(super) async fn with_places(world: World, mfa: Value, places: &[(&str, &str)]) -> Self {
        let scene = Self::in_world(world, mfa).await;
        for (channel, target) in places {
            scene.place("alice", channel, target).await;
            scene.world.clock.advance(seconds(1));
        }
        scene
    }

    /// So many texts and calls, the newest first.
    fn texts(&self, count: usize) -> Vec<Arc<ReceivedText>> {
        let texts = self.world.texts();
        assert_eq!(texts.len(), count, "{texts:?}");
        texts
    }

    pub(super) fn text(&self, count: usize) -> String {
        code(&self.texts(count)[0].text.says)
    }

    /// Another place of somebody who can say which.
    pub(super) async fn choose(&self, browser: &mut Browser, id: &str, device: &Value) -> crate::world::Answer {
        browser.act(id, "selectDevice", &json!({ "deviceRef": { "id": device["id"] } })).await
    }

    /// A sign-in of somebody at the second factor, as the policy leads there.
    pub(super) async fn authenticates(&self, username: &str) -> (Browser, String, Value) {
        let mut browser = self.world.browser();
        let first = browser.flow(&self.shop, &[]).await;
        let id = first["id"].as_str().unwrap().to_owned();
        browser.password(&id, username, PASSWORD).await.ok();
        let answer = browser.act(&id, "authenticate", &json!({})).await;
        (browser, id, answer.json())
    }
}

#[tokio::test]
async fn t9_2_whoever_signs_in_on_the_web_brings_the_code_of_an_sms() {
    let scene = Scene::with_places(here().start().await, policy(), &[("sms", "+49 151 2345-6789")]).await;
    let (mut browser, id, state) = scene.sent().await;
    assert_eq!((&state["otpLength"], &state["attemptsRemaining"]), (&json!(6), &json!(3)));
    let device = &state["devices"][0];
    assert_eq!(
        (&device["type"], &device["target"], &device["otpEnabled"], &device["pushEnabled"]),
        (&json!("SMS"), &json!("•••89"), &json!(true), &json!(false))
    );
    assert_eq!((&state["delivery"], &state["changeDevicePermitted"]), (&json!("SENT"), &json!(false)));
    assert!(!state.to_string().contains("4915123456789"), "{state}");
    let text = &scene.texts(1)[0].text;
    assert_eq!((text.to.as_str(), text.aloud, text.language), (NUMBER, false, "en"));
    assert!(text.says.starts_with("Nod: ") && text.says.contains("Never tell it"), "{}", text.says);
    assert_eq!(text.says.lines().last(), Some(format!("@localhost #{}", code(&text.says)).as_str()));
    only_its_links(&scene.world, &mut browser, &state, &id).await;

    let code = code(&text.says);
    let state = check(&mut browser, &id, &format!(" {} {}", &code[..3], &code[3..])).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("otp_verified")));
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp", "sms", "mfa"])));
    let trail = scene.world.rows("audit").await;
    assert!(trail.iter().any(|row| row.contains("otp.sent")), "{trail:?}");
    assert!(!trail.iter().any(|row| row.contains(&code) || row.contains("15123456789")), "{trail:?}");
    assert_eq!(browser.flow(&scene.shop, &[]).await["status"], "AUTHENTICATION_REQUIRED");
}

#[tokio::test]
async fn t9_3_whoever_signs_in_on_the_web_brings_the_code_of_a_call() {
    let scene = Scene::with_places(here().start().await, policy(), &[("voice", NUMBER)]).await;
    let mut browser = scene.world.browser();
    let first = browser.flow(&scene.shop, &[("ui_locales", "de")]).await;
    let id = first["id"].as_str().unwrap();
    browser.password(id, "alice", PASSWORD).await.ok();
    let state = browser.act(id, "authenticate", &json!({})).await.ok();
    assert_eq!((&state["devices"][0]["type"], &state["delivery"]), (&json!("VOICE"), &json!("SENT")));
    let text = &scene.texts(1)[0].text;
    assert_eq!((text.to.as_str(), text.aloud, text.language), (NUMBER, true, "de"));
    let code = code(&text.says);
    let apart: Vec<String> = code.chars().map(String::from).collect();
    assert!(text.says.starts_with("Ihr Code ist:") && text.says.contains(&apart.join(", ")), "{}", text.says);
    assert_eq!(check(&mut browser, id, &code).await.ok()["code"], "otp_verified");
    let told = claims(&scene.tokens(&mut browser, id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp", "tel", "mfa"])));
}

/// On our own pages, without a script.
#[tokio::test]
async fn t9_2_t9_3_the_pages_say_how_the_code_comes() {
    let places = [("sms", NUMBER), ("voice", "+4915123456700")];
    let scene = Scene::with_places(here().start().await, policy(), &places).await;
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let choice = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    choice.has("Text message to the number ending in").has("8 9").has("Call to the number ending in").has("0 0");
    assert!(!choice.answer.text().contains("4915123456789"));
    let state = browser.get(&format!("{FLOWS}{}", choice.flow())).await.ok();
    let id = |at: usize| state["devices"][at]["id"].as_str().unwrap();
    let page = browser.press(&choice, "continue", &[("method", id(0))]).await.unwrap();
    page.has("We sent the code to the number ending in").has("8 9").has("autocomplete=\"one-time-code\"");
    let choice = browser.open(&format!("/sign-in/{}?method=device", page.flow())).await.unwrap();
    let page = browser.press(&choice, "continue", &[("method", id(1))]).await.unwrap();
    page.has("We are calling the number ending in").has("0 0");
    let call = scene.texts(2).into_iter().find(|received| received.text.aloud).unwrap();
    let done = browser.press(&page, "continue", &[("code", &code(&call.text.says))]).await;
    assert!(done.is_err(), "back at the shop");
}

/// [security.md case 117] a code is for where it was sent, and for nothing that is asked for elsewhere.
#[tokio::test]
async fn t9_10_a_code_by_one_channel_is_wrong_where_another_one_is_asked_for() {
    let places = [("sms", NUMBER), ("voice", NUMBER), ("email", "alice@home.example")];
    let scene = Scene::with_places(here().start().await, policy(), &places).await;
    let (mut browser, id, state) = scene.authenticates("alice").await;
    assert_eq!(state["status"], "DEVICE_SELECTION_REQUIRED");
    let devices = state["devices"].as_array().unwrap();
    assert_eq!(devices.iter().map(|own| own["type"].as_str().unwrap()).collect::<Vec<_>>(), ["SMS", "VOICE", "EMAIL"]);
    scene.choose(&mut browser, &id, &devices[0]).await.ok();
    let by_sms = scene.text(1);
    scene.choose(&mut browser, &id, &devices[1]).await.ok();
    let call = scene.texts(2).into_iter().find(|received| received.text.aloud).unwrap();
    let by_call = code(&call.text.says);
    refused(&check(&mut browser, &id, &by_sms).await, "VALIDATION_ERROR", "INVALID_OTP");
    let state = scene.choose(&mut browser, &id, &devices[2]).await.ok();
    assert_eq!(state["delivery"], "SENT");
    let by_mail = scene.code(1).await;
    refused(&check(&mut browser, &id, &by_call).await, "VALIDATION_ERROR", "INVALID_OTP");
    assert_eq!(check(&mut browser, &id, &by_mail).await.ok()["code"], "otp_verified");
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(told["amr"], json!(["pwd", "otp"]));

    // Nor is one worth anything in another flow, or again.
    let (mut another, other, _) = scene.authenticates("alice").await;
    scene.world.clock.advance(seconds(30));
    scene.choose(&mut another, &other, &devices[0]).await.ok();
    scene.texts(3);
    refused(&check(&mut another, &other, &by_sms).await, "VALIDATION_ERROR", "INVALID_OTP");
}

/// [security.md case 115] what is locked is the way of codes, by whatever they come.
#[tokio::test]
async fn t9_9_three_wrong_codes_by_one_channel_lock_all_of_them() {
    let places = [("sms", NUMBER), ("email", "alice@home.example")];
    let scene = Scene::with_places(here().start().await, policy(), &places).await;
    let (mut browser, id, state) = scene.authenticates("alice").await;
    scene.choose(&mut browser, &id, &state["devices"][0]).await.ok();
    let code = scene.text(1);
    for _ in 0..3 {
        check(&mut browser, &id, &wrong(&code)).await;
    }
    refused(&check(&mut browser, &id, &code).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    let other = scene.choose(&mut browser, &id, &state["devices"][1]).await;
    refused(&other, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    assert!(scene.world.inbox().is_empty());
    scene.texts(1);
}

/// [security.md case 118, 5.6]
#[tokio::test]
async fn t9_11_one_text_in_half_a_minute_to_a_number_and_five_in_ten_minutes() {
    let scene = Scene::with_places(here().start().await, policy(), &[("sms", NUMBER)]).await;
    let (mut browser, id, _) = scene.sent().await;
    refused(&resend(&mut browser, &id).await, "REQUEST_FAILED", "OTP_RESEND_LIMIT");
    // Nor in another flow, be it with another browser, which is told when one can be had.
    assert_eq!(scene.sent().await.2["delivery"], "NOT_SENT");
    scene.texts(1);
    for texts in 2..=4 {
        scene.world.clock.advance(seconds(30));
        resend(&mut browser, &id).await.ok();
        scene.texts(texts);
    }
    for _ in 0..2 {
        scene.world.clock.advance(seconds(30));
        resend(&mut browser, &id).await;
    }
    assert!(scene.world.texts().len() <= 5);
    scene.world.clock.advance(seconds(30));
    refused(&resend(&mut browser, &id).await, "REQUEST_FAILED", "OTP_RESEND_LIMIT");
    let last = code(&scene.world.texts()[0].text.says);
    assert_eq!(check(&mut browser, &id, &last).await.ok()["code"], "otp_verified", "the last one is still good");
}

/// [security.md case 118] a thousand numbers, and one network.
#[tokio::test]
async fn security_118_from_one_network_so_many_are_sent_an_hour() {
    let world = here().settings(|settings| settings.otps = 2).start().await;
    let scene = Scene::with_places(world, policy(), &[("sms", NUMBER)]).await;
    for (username, number) in [("bob", "+4917012345678"), ("carol", "+4916012345678")] {
        scene.world.user(username).with_password(PASSWORD).await;
        scene.place(username, "sms", number).await;
    }
    for username in ["alice", "bob"] {
        assert_eq!(scene.authenticates(username).await.2["delivery"], "SENT");
    }
    let (_, _, state) = scene.authenticates("carol").await;
    assert_eq!(state["details"][0]["code"], "OTP_RESEND_LIMIT", "{state}");
    scene.texts(2);
    scene.world.clock.advance(seconds(3600));
    assert_eq!(scene.authenticates("carol").await.2["delivery"], "SENT");
    scene.texts(3);
}

/// [security.md case 118]
#[tokio::test]
async fn security_118_nothing_goes_to_a_country_that_nobody_has_allowed() {
    for (reach, number) in [
        (germany(), "+33612345678"),
        // The same country code as the United States.
        (Reach::Within(vec![Country::parse("US").unwrap()]), "+18765550123"),
        (Reach::Within(Vec::new()), NUMBER),
        (Reach::Nobody, NUMBER),
    ] {
        let world = here().settings(move |settings| settings.sms.reach = reach.clone()).start().await;
        let scene = Scene::with_places(world, policy(), &[("sms", number)]).await;
        let (_, _, state) = scene.authenticates("alice").await;
        assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_USABLE_DEVICES")), "{number}");
        assert!(scene.world.rows("outbox").await.is_empty());
        scene.texts(0);
    }
}

/// [security.md cases 118 and 119]
#[tokio::test]
async fn security_119_what_is_no_number_of_a_person_is_no_place_for_codes() {
    let world = World::with().settings(|settings| settings.sms.reach = Reach::Everywhere);
    let scene = Scene::with_places(world.start().await, policy(), &[]).await;
    let admin = scene.world.robot("another", "nod:admin").await;
    let found = admin.get("/admin/v1/users?username=alice").await.ok();
    let all = format!("/admin/v1/users/{}/otp-devices", found["items"][0]["id"].as_str().unwrap());
    for channel in ["sms", "voice"] {
        for (target, why) in [
            ("015123456789", "invalid"),
            ("sip:+4915123456789@example.com", "invalid"),
            ("tel:+4915123456789", "invalid"),
            ("+4915123456789,+4915123456780", "invalid"),
            ("+4915123456789\r\nTo: +4915123456780", "invalid"),
            ("alice@home.example", "invalid"),
            ("+881612345678", "invalid"),
            ("+19005550123", "not_allowed"),
            ("+499001234567", "not_allowed"),
            ("+447012345678", "not_allowed"),
        ] {
            let answer = admin.post(&all, &json!({ "type": channel, "target": target })).await;
            answer.admin_problem(422, "validation_failed");
            let told = answer.json();
            assert_eq!((&told["errors"][0]["pointer"], &told["errors"][0]["code"]), (&json!("/target"), &json!(why)));
        }
    }
    // As it is written, it is one number.
    let made = admin.post(&all, &json!({ "type": "sms", "target": "+49 (151) 2345-6789", "nickname": "mine" })).await;
    assert_eq!((made.status, &made.json()["target"]), (201, &json!(NUMBER)));
    let again = admin.post(&all, &json!({ "type": "sms", "target": NUMBER })).await;
    again.admin_problem(422, "validation_failed");
    assert_eq!(admin.post(&all, &json!({ "type": "voice", "target": NUMBER })).await.status, 201);
    let listed = admin.get(&all).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    for device in listed["items"].as_array().unwrap() {
        assert_eq!(admin.delete(&format!("{all}/{}", device["id"].as_str().unwrap())).await.status, 204);
    }
}

/// [security.md case 119] nobody says in a flow where a code goes.
#[tokio::test]
async fn security_119_a_number_in_a_request_is_sent_nothing() {
    let places = [("sms", NUMBER), ("voice", NUMBER)];
    let scene = Scene::with_places(here().start().await, policy(), &places).await;
    scene.world.user("bob").with_password(PASSWORD).await;
    scene.place("bob", "sms", "+4917012345678").await;
    let (_, _, of_bob) = scene.authenticates("bob").await;
    scene.texts(1);
    let mut browser = scene.world.browser();
    let first = browser.flow(&scene.shop, &[("login_hint", "+4917099999999")]).await;
    let id = first["id"].as_str().unwrap();
    browser.password(id, "alice", PASSWORD).await.ok();
    browser.act(id, "authenticate", &json!({})).await.ok();
    for device in ["+4917099999999", "sip:+4917099999999", of_bob["devices"][0]["id"].as_str().unwrap()] {
        let answer = scene.choose(&mut browser, id, &json!({ "id": device })).await;
        assert_eq!((answer.status, &answer.json()["details"][0]["code"]), (400, &json!("INVALID_DEVICE")), "{device}");
    }
    scene.texts(1);
}

/// [security.md case 118] what is spent is spent: nobody is told that a code was sent, and other ways are open.
#[tokio::test]
async fn security_118_a_day_has_so_many_texts() {
    let world = here().settings(|settings| settings.sms.per_day = 2).start().await;
    let places = [("sms", NUMBER), ("email", "alice@home.example")];
    let scene = Scene::with_places(world, policy(), &places).await;
    let (mut browser, id, state) = scene.authenticates("alice").await;
    let devices = state["devices"].as_array().unwrap().clone();
    for texts in 1..=2 {
        let state = scene.choose(&mut browser, &id, &devices[0]).await.ok();
        assert_eq!(state["delivery"], "SENT");
        scene.texts(texts);
        scene.world.clock.advance(seconds(30));
    }
    let state = scene.choose(&mut browser, &id, &devices[0]).await.ok();
    assert_eq!((&state["status"], &state["delivery"]), (&json!("OTP_REQUIRED"), &json!("NOT_SENT")));
    scene.texts(2);
    assert!(scene.world.rows("outbox").await.is_empty());
    crate::admin::until("the trail says why", async || {
        let trail = scene.world.rows("audit").await;
        trail.iter().any(|row| row.contains("as many were sent as may be in a day")).then_some(())
    })
    .await;
    scene.choose(&mut browser, &id, &devices[1]).await.ok();
    let code = scene.code(1).await;
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
    scene.world.clock.advance(seconds(86_400));
    let (mut browser, id, _) = scene.authenticates("alice").await;
    assert_eq!(scene.choose(&mut browser, &id, &devices[0]).await.ok()["delivery"], "SENT");
}

/// [security.md case 118] whoever earns on messages has many sent to numbers in a row, and brings none of the codes.
#[tokio::test]
async fn security_118_a_range_whose_codes_do_not_come_back_gets_no_more() {
    let scene = Scene::with_places(here().settings(|settings| settings.otps = 1000).start().await, policy(), &[]).await;
    for number in 0..5 {
        let username = format!("person-{number}");
        scene.world.user(&username).with_password(PASSWORD).await;
        scene.place(&username, "sms", &format!("+491701234{number:04}")).await;
    }
    scene.place("alice", "sms", NUMBER).await;
    for round in 1..=4 {
        for number in 0..5 {
            assert_eq!(scene.authenticates(&format!("person-{number}")).await.2["delivery"], "SENT", "{round}");
        }
        scene.world.clock.advance(seconds(150));
    }
    scene.texts(20);
    let (_, _, state) = scene.authenticates("person-0").await;
    assert_eq!((&state["status"], &state["delivery"]), (&json!("OTP_REQUIRED"), &json!("NOT_SENT")));
    scene.texts(20);
    assert_eq!(scene.authenticates("alice").await.2["delivery"], "SENT", "another range");
    scene.world.clock.advance(seconds(3600));
    let (mut browser, id, state) = scene.authenticates("person-0").await;
    assert_eq!(state["delivery"], "SENT", "an hour later");
    let code = scene.text(22);
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
}

/// What is taken away is worth nothing, and neither is a code to it.
#[tokio::test]
async fn a_number_that_was_taken_away_gets_no_code_and_brings_none() {
    let scene = Scene::in_world(here().start().await, policy()).await;
    let place = scene.place("alice", "sms", NUMBER).await;
    let (mut browser, id, _) = scene.sent().await;
    let code = scene.text(1);
    scene.world.clock.advance(seconds(30));
    let (mut other, another, _) = scene.sent().await;
    assert_eq!(scene.world.robot("another", "nod:admin").await.delete(&place).await.status, 204);
    for answer in [check(&mut browser, &id, &code).await, resend(&mut other, &another).await] {
        let state = answer.ok();
        assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
    }
    scene.texts(2);
}

/// In dev mode all of it stays here, whatever country it is for.
#[tokio::test]
async fn dev_mode_shows_texts_and_calls_and_sends_none() {
    let texts = || Texts { by: TextsBy::DevInbox, reach: Reach::Everywhere, per_day: 1000 };
    let world = World::with().dev_mode().settings(move |settings| {
        (settings.sms, settings.voice) = (texts(), texts());
    });
    let places = [("sms", "+33612345678"), ("voice", "+818012345678")];
    let scene = Scene::with_places(world.start().await, policy(), &places).await;
    let (mut browser, id, state) = scene.authenticates("alice").await;
    for at in 0..2 {
        scene.choose(&mut browser, &id, &state["devices"][at]).await.ok();
    }
    let shown = scene.world.get("/dev/inbox").await.json();
    let texts: Vec<_> = shown["texts"].as_array().unwrap().iter().map(|text| (&text["type"], &text["to"])).collect();
    assert!(texts.contains(&(&json!("sms"), &json!("+33612345678"))), "{shown}");
    assert!(texts.contains(&(&json!("voice"), &json!("+818012345678"))), "{shown}");
    let page = browser.open("/dev/inbox").await.unwrap();
    page.has("@localhost #").has("Your code is:");
}
