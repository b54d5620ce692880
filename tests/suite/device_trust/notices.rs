//! People are written to when something becomes of their devices [flows.md D.1, H.4; security.md 5.1, 5.6, case 122].

use std::sync::Arc;
use std::time::Duration;

use nod::app::{Mail, Texts, TextsBy};
use nod::outbound::courier::{Courier, Text};
use nod::outbound::smtp::{Security, Smtp};
use nod::protocol::public_id::{self, Kind};
use nod_device::Call;
use serde_json::Value;

use super::step_up::{WAITING, gives_up, without_numbers};
use super::step_up_senders::by_webhook;
use super::{PASSWORD, Scene, json, step_up_message, usual};
use crate::admin::receiver::{Receiver, Reply};
use crate::smtp::{Double, Manner};
use crate::world::{Builder, Phone, World, seconds};

const ADDED: &str = "Nod: a device was added to your account";
const REMOVED: &str = "Nod: a device was removed from your account";

/// The policy that has people told.
fn telling(mut mfa: Value) -> Value {
    mfa["new_device_notification"] = json!("email");
    mfa
}

async fn scene(mfa: Value) -> Scene {
    Scene::in_world(World::with().letters().start().await, mfa).await
}

impl Scene {
    /// The newest of so many letters is this one, to alice.
    async fn hears(&self, letters: usize, subject: &str) {
        let letters = self.letters(letters).await;
        let letter = &letters[0].letter;
        assert_eq!((letter.to.as_str(), letter.subject.as_str()), (self.alice.email.as_str(), subject));
        for body in [&letter.text, &letter.html] {
            assert!(body.contains("alice") && body.contains("/ext/pwdreset/Identify"), "{body}");
        }
        // The oldest is the first.
        self.world.clock.advance(seconds(1));
    }

    async fn removed_by_administrator(&self, phone: &Phone) {
        let at = format!("/admin/v1/devices/{}", public_id::encode(Kind::Device, phone.device().uuid()));
        assert_eq!(self.world.robot("operator", "nod:admin").await.delete(&at).await.status, 204);
    }

    /// Time enough for a letter, and there is none.
    async fn hears_nothing(&self) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.world.nothing_waits().await;
        assert!(self.world.inbox().is_empty(), "{:?}", self.world.inbox());
    }
}

#[tokio::test]
async fn security_5_1_who_gets_or_loses_a_device_is_written_to() {
    let mut scene = scene(telling(usual())).await;
    let phone = scene.trusted().await;
    scene.hears(1, ADDED).await;
    assert_eq!(phone.call(&Call::unpair(phone.device())).await.status, 204);
    scene.hears(2, REMOVED).await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    scene.hears(3, ADDED).await;
    scene.removed_by_administrator(scene.alice.phone()).await;
    scene.hears(4, REMOVED).await;
    crate::admin::until("the trail says so", async || {
        let trail = scene.world.rows("audit").await;
        (trail.iter().filter(|row| row.contains("device.change_told")).count() == 4).then_some(())
    })
    .await;
}

/// [security.md case 122] once for each time that the way is locked, in the language of whoever has them asked.
#[tokio::test]
async fn t9_12_who_is_asked_too_often_is_written_to() {
    let mut mfa = telling(without_numbers());
    mfa["push_limit"] = json!({ "count": 1 });
    let mut scene = scene(mfa).await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    scene.hears(1, ADDED).await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], WAITING);
    gives_up(&mut browser, &id).await;
    for _ in 0..3 {
        let mut browser = scene.world.browser();
        let first = browser.flow(&scene.shop, &[("ui_locales", "de")]).await;
        let id = first["id"].as_str().unwrap();
        browser.password(id, "alice", PASSWORD).await.ok();
        let answer = browser.act(id, "authenticate", &json!({})).await;
        assert_eq!((answer.status, &answer.json()["details"][0]["code"]), (400, &json!("PUSH_FAILED")));
        scene.hears(2, "Nod: Sie wurden auf Ihren Geräten zu oft gefragt").await;
    }
    scene.world.nothing_waits().await;
    assert_eq!(scene.world.inbox().len(), 2);
}

#[tokio::test]
async fn d1_nobody_is_written_to_where_no_policy_says_so() {
    let mut scene = scene(usual()).await;
    scene.trusted().await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    scene.removed_by_administrator(scene.alice.phone()).await;
    scene.hears_nothing().await;
}

/// Nor at an address that may be anybody's.
#[tokio::test]
async fn security_5_1_nobody_is_written_to_at_an_address_that_nobody_has_looked_at() {
    let mut scene = scene(telling(usual())).await;
    scene.alice.email_unverified().await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    scene.hears_nothing().await;
}

/// Through a mail server, and in time of its trouble later.
#[tokio::test]
async fn security_5_1_word_of_a_device_goes_by_smtp() {
    let double = Double::start(Manner::Plain, &["451 not now"]).await;
    let courier = Arc::new(Smtp::new(&double.settings(Security::Nothing)).unwrap());
    let world = World::with().settings(move |settings| settings.mail = Mail::By(Arc::<Smtp>::clone(&courier)));
    let mut scene = Scene::in_world(world.start().await, telling(usual())).await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    crate::admin::until("a first try", async || (double.tries() == 1).then_some(())).await;
    // Until it is written down when it is tried again.
    tokio::time::sleep(Duration::from_millis(300)).await;
    scene.world.clock.advance(seconds(5));
    crate::admin::until("a letter", async || (double.letters().len() == 1).then_some(())).await;
    let letters = double.letters();
    assert!(letters[0].contains(ADDED) && letters[0].contains(&scene.alice.email), "{}", letters[0]);
}

/// [flows.md D.1, `EMAIL_THEN_SMS`, `SMS_THEN_EMAIL`]
#[tokio::test]
async fn d1_whoever_has_no_address_is_sent_a_text_and_the_other_way_round() {
    for (by, has_address, has_number, (letters, texts)) in [
        ("email", false, true, (0, 0)),
        ("email", true, true, (1, 0)),
        ("email_then_sms", true, true, (1, 0)),
        ("email_then_sms", false, true, (0, 1)),
        ("email_then_sms", false, false, (0, 0)),
        ("sms_then_email", true, true, (0, 1)),
        ("sms_then_email", true, false, (1, 0)),
    ] {
        let mut scene = scene_with(by, step_up_message::here(), has_number).await;
        if !has_address {
            scene.alice.email_unverified().await;
        }
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
        let case = format!("{by}, address: {has_address}, number: {has_number}");
        scene.has_heard(letters, texts, &case).await;
        if let [text] = &scene.world.texts()[..] {
            assert_eq!((text.text.to.as_str(), text.text.says.as_str()), (step_up_message::NUMBER, ADDED));
        }
    }
}

impl Scene {
    /// So many letters and texts have gone out, and no more are to.
    async fn has_heard(&self, letters: usize, texts: usize, case: &str) {
        let heard = || (self.world.inbox().len(), self.world.texts().len());
        self.world.nothing_waits().await;
        crate::admin::until(case, async || (heard() == (letters, texts)).then_some(())).await;
        self.hears_no_more(heard(), case).await;
    }

    async fn hears_no_more(&self, heard: (usize, usize), case: &str) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.world.nothing_waits().await;
        assert_eq!((self.world.inbox().len(), self.world.texts().len()), heard, "{case}");
    }
}

/// A number of alice where she gets codes, or none.
async fn scene_with(by: &str, world: Builder, has_number: bool) -> Scene {
    let mut mfa = step_up_message::policy();
    mfa["new_device_notification"] = json!(by);
    let places: &[(&str, &str)] = if has_number { &[("sms", step_up_message::NUMBER)] } else { &[] };
    Scene::with_places(world.start().await, mfa, places).await
}

/// [security.md 5.6]
#[tokio::test]
async fn security_5_6_no_more_texts_go_out_than_are_paid_for_in_a_day() {
    let world = step_up_message::here().settings(|settings| settings.sms.per_day = 1);
    let mut scene = scene_with("sms_then_email", world, true).await;
    for (letters, texts) in [(0, 1), (1, 1)] {
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
        scene.has_heard(letters, texts, "once a day").await;
    }
}

/// [security.md 5.6] however often a provider that is down is tried: the codes of the day are paid for out of the same.
#[tokio::test]
async fn security_5_6_a_text_that_is_tried_again_is_paid_for_once() {
    let receiver = Receiver::start();
    receiver.will(std::iter::repeat_n(Reply::Status(503), 3));
    let courier: Arc<dyn Courier<Text>> = Arc::new(by_webhook(&receiver, true));
    let world = World::with().letters().settings(move |settings| {
        let by = TextsBy::By(Arc::clone(&courier));
        settings.sms = Texts { by, reach: step_up_message::germany(), per_day: 2 };
    });
    let mut scene = scene_with("sms_then_email", world, true).await;
    let phone = scene.world.phone();
    scene.alice.pair(phone).await;
    for tries in 1..=3 {
        receiver.gets(tries).await;
        // Until it is written down when it is tried again.
        tokio::time::sleep(Duration::from_millis(300)).await;
        scene.world.clock.advance(seconds(60));
    }
    let received = receiver.gets(4).await;
    assert!(received.iter().all(|text| text.idempotency_key == received[0].idempotency_key), "one text");
    // There is another one for the day, and no third.
    for (texts, letters) in [(5, 0), (5, 1)] {
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
        let heard = || (receiver.received().len(), scene.world.inbox().len());
        crate::admin::until("who is told", async || (heard() == (texts, letters)).then_some(())).await;
    }
}
