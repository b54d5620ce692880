//! Codes by e-mail, through a mail server that is well or not [flows.md F9; security.md 5.6; reliability.md F23].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nod::app::{Mail, Texts, TextsBy};
use nod::clock::ManualClock;
use nod::outbound::breaker::Spared;
use nod::outbound::courier::Courier;
use nod::outbound::smtp::{Security, Smtp};

use super::step_up_message::{NUMBER, germany, policy};
use super::step_up_otp::{check, refused, resend};
use super::{PASSWORD, Scene, json};
use crate::sign_in::invariants::Chance;
use crate::smtp::{Double, Manner, Trouble};
use crate::world::{BEGIN, FLOWS, World, seconds};

const MAILBOX: &str = "alice@home.example";

/// A mail server, and alice with an address that it serves and a number; the clock by which it is left alone.
async fn scene() -> (Double, Scene, Arc<ManualClock>) {
    let (double, clock) = (Double::start(Manner::Plain, &[]).await, Arc::new(ManualClock::new(BEGIN)));
    let smtp = Smtp::new(&double.settings(Security::Nothing)).unwrap();
    let courier: Arc<dyn Courier> = Arc::new(Spared::new(smtp, Arc::<ManualClock>::clone(&clock) as _));
    let world = World::with().settings(move |settings| {
        settings.mail = Mail::By(Arc::clone(&courier));
        settings.sms = Texts { by: TextsBy::DevInbox, reach: germany(), per_day: 1000 };
        settings.otps = 1000;
    });
    let scene = Scene::with_places(world.start().await, policy(), &[("email", MAILBOX), ("sms", NUMBER)]).await;
    (double, scene, clock)
}

/// What a letter is called by those who carry it.
fn name(letter: &str) -> String {
    letter.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned()
}

fn names(letters: &[String]) -> BTreeSet<String> {
    letters.iter().map(|letter| name(letter)).collect()
}

fn code(letter: &str) -> String {
    let digits = |line: &str| line.chars().filter(char::is_ascii_digit).collect::<String>();
    let line = letter.lines().find(|line| line.len() == 7 && digits(line).len() == 6).unwrap();
    digits(line)
}

async fn tried(double: &Double, count: usize) {
    crate::admin::until("so many tries", async || (double.tries() == count).then_some(())).await;
}

#[tokio::test]
async fn t9_4_a_letter_that_the_mail_server_has_is_said_to_be_sent() {
    let (double, scene, _) = scene().await;
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!((&state["delivery"], &state["devices"][0]["type"]), (&json!("SENT"), &json!("EMAIL")));
    let letters = double.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(check(&mut browser, &id, &code(&letters[0])).await.ok()["code"], "otp_verified");

    // Nobody waits longer than two seconds to hear of it.
    scene.world.clock.advance(seconds(30));
    double.will([Trouble::Late(3500)]);
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "SENDING");
    scene.delivery(&mut browser, &id, "SENT").await;
    assert_eq!(double.letters().len(), 2);
}

/// [reliability.md F23; RFC 5321 §4.5.4] nobody is told that a code was sent, another way is open, and the code comes by
/// itself when the server is well again: as the same letter, a second time only where nobody can know that it was heard.
#[tokio::test]
async fn f23_a_letter_that_was_not_taken_comes_again_as_the_same() {
    for (trouble, heard) in [
        (Trouble::Says("421 4.3.2 closing"), 1),
        (Trouble::Says("450 4.2.1 busy"), 1),
        (Trouble::Says("451 4.7.1 come again"), 1),
        (Trouble::Before, 1),
        (Trouble::After, 2),
        (Trouble::Half, 2),
    ] {
        let (double, scene, _) = scene().await;
        double.will([trouble]);
        let (mut browser, id, state) = scene.sent_by(0).await;
        assert_eq!(
            (&state["delivery"], &state["changeDevicePermitted"]),
            (&json!("NOT_SENT"), &json!(true)),
            "{trouble:?}"
        );
        scene.world.clock.advance(seconds(2));
        scene.delivery(&mut browser, &id, "SENT").await;
        let letters = double.letters();
        assert_eq!((letters.len(), names(&letters).len()), (heard, 1), "{trouble:?}");
        assert_eq!(code(&letters[0]), code(&letters[heard - 1]));
        assert_eq!(check(&mut browser, &id, &code(&letters[0])).await.ok()["code"], "otp_verified", "{trouble:?}");
        scene.world.clock.advance(seconds(250));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(double.tries(), 2, "{trouble:?}");
    }
}

/// [reliability.md F23] what is refused for good is given up.
#[tokio::test]
async fn f23_a_letter_that_is_refused_is_known_not_to_be_sent() {
    let (double, scene, _) = scene().await;
    double.will([Trouble::Says("550 5.1.1 nobody here")]);
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    scene.world.nothing_waits().await;
    scene.world.clock.advance(seconds(60));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((double.tries(), double.letters().len()), (1, 0));
    let again = resend(&mut browser, &id).await.ok();
    assert_eq!(again["delivery"], "SENT");
    assert_eq!(check(&mut browser, &id, &code(&double.letters()[0])).await.ok()["code"], "otp_verified");
}

/// [reliability.md F23] a letter that waits is of no use once another code is on its way.
#[tokio::test]
async fn f23_who_gets_no_letter_takes_another_way() {
    let (double, scene, _) = scene().await;
    double.will([Trouble::Before]);
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    assert_eq!(scene.choose(&mut browser, &id, &state["devices"][1]).await.ok()["delivery"], "SENT");
    scene.world.clock.advance(seconds(60));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((double.tries(), double.letters().len()), (1, 0), "nobody gets two codes");
    assert_eq!(check(&mut browser, &id, &scene.text(1)).await.ok()["code"], "otp_verified");

    double.will([Trouble::Before]);
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let choice = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    let devices = browser.get(&format!("{FLOWS}{}", choice.flow())).await.ok()["devices"].clone();
    let page = browser.press(&choice, "continue", &[("method", devices[0]["id"].as_str().unwrap())]).await.unwrap();
    page.has("The code could not be sent").has("Use another way");
    assert!(!page.answer.text().contains("We sent the code"));
}

/// [reliability.md F23] a server that fails is left alone, and tried with one letter; meanwhile nobody waits for it.
#[tokio::test]
async fn f23_a_mail_server_that_fails_is_left_alone() {
    let (double, scene, clock) = scene().await;
    double.will(std::iter::repeat_n(Trouble::Before, 5));
    let (mut browser, id, _) = scene.sent_by(0).await;
    for tries in 2..=5 {
        // Until it is written down when it is tried again.
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene.world.clock.advance(seconds(20));
        tried(&double, tries).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    scene.world.clock.advance(seconds(20));
    let begin = Instant::now();
    let (_, _, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    assert!(begin.elapsed() < seconds(2), "nobody waits for it");
    assert_eq!(double.tries(), 5, "left alone");
    clock.advance(seconds(30));
    scene.world.clock.advance(seconds(40));
    tried(&double, 6).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    scene.world.clock.advance(seconds(70));
    scene.delivery(&mut browser, &id, "SENT").await;
    crate::admin::until("both letters", async || (double.letters().len() == 2).then_some(())).await;
    assert_eq!(names(&double.letters()).len(), 2);
}

/// A server with every kind of trouble: who is told that a code was sent has one, no letter is lost, and none is heard
/// twice but where the answer to it was.
#[tokio::test]
async fn f23_a_nasty_mail_server_loses_no_letter_and_makes_nobody_believe_that_one_was_sent() {
    let ((double, scene, _), mut chance) = (scene().await, Chance::of(23));
    let mut all = BTreeSet::new();
    for round in 0..10 {
        let trouble = [
            Trouble::Nothing,
            Trouble::Late(200),
            Trouble::Says("421 4.3.2 closing"),
            Trouble::Says("452 4.3.1 full"),
            Trouble::Before,
            Trouble::After,
            Trouble::Half,
        ][chance.below(7)];
        let before = double.letters().len();
        double.will([trouble]);
        let (mut browser, id, state) = scene.sent_by(0).await;
        let taken = matches!(trouble, Trouble::Nothing | Trouble::Late(_));
        assert_eq!(state["delivery"], if taken { "SENT" } else { "NOT_SENT" }, "{round}: {trouble:?}");
        scene.world.clock.advance(seconds(150));
        scene.delivery(&mut browser, &id, "SENT").await;
        let letters = double.letters().split_off(before);
        let heard = if matches!(trouble, Trouble::After | Trouble::Half) { 2 } else { 1 };
        let names = names(&letters);
        assert_eq!((letters.len(), names.len()), (heard, 1), "{round}: {trouble:?}");
        assert!(all.is_disjoint(&names), "each letter has a name of its own");
        all.extend(names);
        assert_eq!(check(&mut browser, &id, &code(&letters[0])).await.ok()["code"], "otp_verified", "{round}");
    }
    assert_eq!(all.len(), 10);
}

/// [security.md 5.6] to one address one goes out in half a minute, whatever flow asks. Whoever begins anew is kept waiting
/// and not out.
#[tokio::test]
async fn t9_11_one_letter_in_half_a_minute_to_an_address() {
    let (double, scene, _) = scene().await;
    let (_, _, first) = scene.sent_by(0).await;
    assert_eq!(first["delivery"], "SENT");
    scene.world.clock.advance(seconds(10));
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    refused(&check(&mut browser, &id, &code(&double.letters()[0])).await, "VALIDATION_ERROR", "INVALID_OTP");
    refused(&resend(&mut browser, &id).await, "REQUEST_FAILED", "OTP_RESEND_LIMIT");
    assert_eq!(double.tries(), 1);
    scene.world.clock.advance(seconds(30));
    assert_eq!(resend(&mut browser, &id).await.ok()["delivery"], "SENT");
    assert_eq!(check(&mut browser, &id, &code(&double.letters()[1])).await.ok()["code"], "otp_verified");
}

/// [security.md case 118] a thousand addresses, and one network. Letters cost nothing: texts are counted by themselves.
#[tokio::test]
async fn security_118_from_one_network_so_many_letters_are_sent_an_hour() {
    let world = super::step_up_message::here().settings(|settings| settings.otps = 2).start().await;
    let scene = Scene::with_places(world, policy(), &[("email", MAILBOX)]).await;
    for name in ["bob", "carol"] {
        scene.world.user(name).with_password(PASSWORD).await;
        scene.place(name, "email", &format!("{name}@home.example")).await;
    }
    for name in ["alice", "bob"] {
        assert_eq!(scene.authenticates(name).await.2["delivery"], "SENT");
    }
    assert_eq!(scene.authenticates("carol").await.2["details"][0]["code"], "OTP_RESEND_LIMIT");
    assert_eq!(scene.world.inbox().len(), 2);
    scene.world.user("dave").with_password(PASSWORD).await;
    scene.place("dave", "sms", NUMBER).await;
    assert_eq!(scene.authenticates("dave").await.2["delivery"], "SENT", "a text");
    scene.world.clock.advance(seconds(3600));
    assert_eq!(scene.authenticates("carol").await.2["delivery"], "SENT");
}
