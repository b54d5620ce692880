//! Texts and calls by those who send them, on their real wire, be they well or not [flows.md T9.2, T9.3; reliability.md F23].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nod::app::{Texts, TextsBy};
use nod::clock::ManualClock;
use nod::domain::occasion::Occasion;
use nod::domain::otp::Withdrawn;
use nod::outbound::breaker::Spared;
use nod::outbound::courier::{Courier, Text};
use nod::outbound::egress::{Egress, EgressSettings};
use nod::outbound::text_webhook::TextWebhook;
use nod::outbound::twilio::Twilio;
use nod::protocol::id::{ClientId, DeviceId, OtpId, RequestId};
use nod::secret::Secret;
use nod::store::ephemeral::Shelf;
use nod::store::sql::outbox::{Kind, Outbox};
use serde_json::Value;

use super::step_up_message::{NUMBER, code, germany, here, policy};
use super::step_up_otp::check;
use super::{Scene, claims, json};
use crate::admin::receiver::{Received, Receiver, Reply};
use crate::admin::webhooks::signature;
use crate::world::{BEGIN, Browser, FLOWS, World, seconds};

/// `secret-of-the-provider-01`, for a webhook.
const SECRET: &str = "whsec_c2VjcmV0LW9mLXRoZS1wcm92aWRlci0wMQ==";
const TOKEN: &str = "token-of-the-account";
/// What Twilio says of a message that it has.
const QUEUED: Reply = Reply::Said(201, "{\"sid\":\"SM1\",\"status\":\"queued\",\"to\":\"+4915123456789\"}");

/// For one message. Enough for whoever is well.
const PATIENCE: Duration = Duration::from_millis(800);

fn egress(private: bool) -> Egress {
    let home = EgressSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        plain_http_hosts: vec!["127.0.0.1".to_owned()],
        ..EgressSettings::default()
    };
    let strict = EgressSettings { allowed_networks: Vec::new(), ..home.clone() };
    Egress::new(if private { &home } else { &strict }).unwrap()
}

pub(super) fn by_webhook(receiver: &Receiver, private: bool) -> TextWebhook {
    TextWebhook {
        egress: egress(private),
        url: receiver.url().parse().unwrap(),
        secret: Secret::new(STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap()),
        from: Some("Nod".to_owned()),
        patience: PATIENCE,
        clock: Arc::new(ManualClock::new(BEGIN)),
    }
}

fn by_twilio(receiver: &Receiver, from: &str) -> Twilio {
    Twilio {
        egress: egress(true),
        url: receiver.origin().parse().unwrap(),
        account: "AC0123456789".to_owned(),
        token: Secret::new(TOKEN.to_owned()),
        from: from.to_owned(),
        patience: PATIENCE,
    }
}

/// Alice with a number for texts, one for calls, and an address; all texts and calls by this one.
async fn scene(courier: impl Courier<Text> + 'static) -> Scene {
    let courier: Arc<dyn Courier<Text>> = Arc::new(courier);
    let world = World::with().letters().settings(move |settings| {
        for texts in [&mut settings.sms, &mut settings.voice] {
            *texts = Texts { by: TextsBy::By(Arc::clone(&courier)), reach: germany(), per_day: 1000 };
        }
        settings.otps = 1000;
    });
    let places = [("sms", NUMBER), ("voice", NUMBER), ("email", "alice@home.example")];
    Scene::with_places(world.start().await, policy(), &places).await
}

impl Scene {
    /// A code by this one of her devices.
    pub(super) async fn sent_by(&self, at: usize) -> (Browser, String, Value) {
        let (mut browser, id, state) = self.authenticates("alice").await;
        let answer = self.choose(&mut browser, &id, &state["devices"][at]).await;
        assert_eq!(answer.json()["status"], "OTP_REQUIRED", "{}", answer.text());
        (browser, id, answer.ok())
    }

    /// What becomes of it, once it is this.
    pub(super) async fn delivery(&self, browser: &mut Browser, id: &str, wanted: &str) {
        crate::admin::until(wanted, async || {
            let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
            (state["delivery"] == wanted).then_some(())
        })
        .await;
    }

    /// A code by another way, while this one does not work.
    async fn gets_in_by_mail(&self, browser: &mut Browser, id: &str) {
        let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
        assert_eq!(state["changeDevicePermitted"], true, "another way is offered: {state}");
        self.choose(browser, id, &state["devices"][2]).await.ok();
        let otp = self.code(1).await;
        assert_eq!(check(browser, id, &otp).await.ok()["code"], "otp_verified");
    }
}

/// The form that Twilio got, by name.
fn form(received: &Received) -> BTreeMap<String, String> {
    assert_eq!(received.content_type, "application/x-www-form-urlencoded");
    assert_eq!(received.authorization, format!("Basic {}", STANDARD.encode(format!("AC0123456789:{TOKEN}"))));
    url::form_urlencoded::parse(received.body.as_bytes()).into_owned().collect()
}

fn is_signed(received: &Received) {
    assert_eq!(received.signature, signature(SECRET, received));
    assert_eq!(received.timestamp, BEGIN.seconds().to_string());
    assert_eq!((&received.idempotency_key, &received.json()["id"]), (&received.id, &json!(received.id)));
}

#[tokio::test]
async fn t9_2_t9_3_a_signed_webhook_has_each_message_once() {
    let receiver = Receiver::start();
    let scene = scene(by_webhook(&receiver, true)).await;
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "SENT");
    let received = receiver.gets(1).await;
    is_signed(&received[0]);
    let body = received[0].json();
    assert_eq!(
        (&body["type"], &body["to"], &body["from"], &body["language"]),
        (&json!("sms"), &json!(NUMBER), &json!("Nod"), &json!("en"))
    );
    let otp = code(body["text"].as_str().unwrap());
    assert_eq!(check(&mut browser, &id, &otp).await.ok()["code"], "otp_verified");
    assert_eq!(claims(&scene.tokens(&mut browser, &id).await)["amr"], json!(["pwd", "otp", "sms", "mfa"]));

    let (mut browser, id, _) = scene.sent_by(1).await;
    let received = receiver.gets(2).await;
    is_signed(&received[1]);
    assert_ne!(received[0].id, received[1].id);
    let body = received[1].json();
    assert_eq!((&body["type"], &body["to"]), (&json!("voice"), &json!(NUMBER)));
    let otp = code(body["text"].as_str().unwrap());
    assert_eq!(check(&mut browser, &id, &otp).await.ok()["code"], "otp_verified");
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn t9_2_t9_3_twilio_sends_texts_and_calls() {
    let receiver = Receiver::start();
    receiver.will([QUEUED, Reply::Said(201, "{\"sid\":\"CA1\",\"status\":\"queued\"}")]);
    let scene = scene(by_twilio(&receiver, "+15005550006")).await;
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "SENT");
    let received = receiver.gets(1).await;
    assert_eq!(received[0].line, "POST /2010-04-01/Accounts/AC0123456789/Messages.json HTTP/1.1");
    let sent = form(&received[0]);
    assert_eq!((sent["To"].as_str(), sent["From"].as_str(), sent.len()), (NUMBER, "+15005550006", 3));
    assert_eq!(check(&mut browser, &id, &code(&sent["Body"])).await.ok()["code"], "otp_verified");

    let (mut browser, id, state) = scene.sent_by(1).await;
    assert_eq!(state["delivery"], "SENT");
    let received = receiver.gets(2).await;
    assert_eq!(received[1].line, "POST /2010-04-01/Accounts/AC0123456789/Calls.json HTTP/1.1");
    let called = form(&received[1]);
    let said = called["Twiml"].strip_prefix("<Response><Say language=\"en-US\" loop=\"2\">Your code is: ").unwrap();
    let said = said.strip_suffix("</Say></Response>").unwrap();
    assert_eq!((called["To"].as_str(), called["From"].as_str()), (NUMBER, "+15005550006"));
    assert_eq!(check(&mut browser, &id, &code(said)).await.ok()["code"], "otp_verified");
}

#[tokio::test]
async fn a_messaging_service_of_twilio_sends_by_its_name() {
    let receiver = Receiver::start();
    receiver.will([QUEUED]);
    let scene = scene(by_twilio(&receiver, "MG0123456789")).await;
    scene.sent_by(0).await;
    let sent = form(&receiver.gets(1).await[0]);
    assert_eq!((sent.get("MessagingServiceSid").map(String::as_str), sent.get("From")), (Some("MG0123456789"), None));
}

/// [reliability.md F23] down, or with a bad moment: nobody is told that a code was sent, another way is open, and the code
/// comes by itself when the provider is well again, as the same message.
#[tokio::test]
async fn f23_who_is_down_gets_the_same_message_again() {
    for reply in [Reply::Status(500), Reply::Status(503), Reply::Status(429), Reply::Silence, Reply::Half] {
        let receiver = Receiver::start();
        receiver.will([reply]);
        let scene = scene(by_webhook(&receiver, true)).await;
        let begin = Instant::now();
        let (mut browser, id, state) = scene.sent_by(0).await;
        assert_eq!(state["delivery"], "NOT_SENT", "{reply:?}");
        assert!(begin.elapsed() < seconds(4), "{reply:?}: nobody waits for long");
        scene.world.clock.advance(seconds(2));
        scene.delivery(&mut browser, &id, "SENT").await;
        let received = receiver.gets(2).await;
        received.iter().for_each(is_signed);
        let same = |received: &Received| (received.idempotency_key.clone(), received.body.clone());
        assert_eq!(same(&received[0]), same(&received[1]), "{reply:?}: paid for once");
        let otp = code(received[1].json()["text"].as_str().unwrap());
        assert_eq!(check(&mut browser, &id, &otp).await.ok()["code"], "otp_verified");
        scene.world.clock.advance(seconds(600));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(receiver.received().len(), 2, "{reply:?}");
    }
}

/// [reliability.md F23] nobody pays for what is worth nothing any more.
#[tokio::test]
async fn f23_a_code_that_waits_is_not_sent_once_another_one_is_asked_for() {
    let receiver = Receiver::start();
    receiver.will([Reply::Status(503), Reply::Status(503)]);
    let scene = scene(by_webhook(&receiver, true)).await;
    let (mut browser, id, _) = scene.sent_by(0).await;
    scene.world.clock.advance(seconds(30));
    receiver.gets(2).await;
    let state = super::step_up_otp::resend(&mut browser, &id).await.ok();
    assert_eq!(state["delivery"], "SENT");
    scene.world.clock.advance(seconds(60));
    tokio::time::sleep(Duration::from_millis(600)).await;
    let received = receiver.received();
    assert_eq!((received.len(), received[0].id == received[1].id), (3, true));
    assert_ne!(received[1].id, received[2].id);
    let otp = code(received[2].json()["text"].as_str().unwrap());
    assert_eq!(check(&mut browser, &id, &otp).await.ok()["code"], "otp_verified");
}

/// [reliability.md F23] nor one that Twilio has in its hands just then, and puts off afterwards.
#[tokio::test]
async fn f23_a_text_that_twilio_puts_off_does_not_come_back_once_another_one_is_asked_for() {
    let receiver = Receiver::start();
    receiver.will([Reply::Status(503), Reply::Late(1500, 503), QUEUED]);
    let twilio = Twilio { patience: seconds(5), ..by_twilio(&receiver, "+15005550006") };
    let scene = scene(twilio).await;
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    scene.world.clock.advance(seconds(30));
    receiver.gets(2).await;
    super::step_up_otp::resend(&mut browser, &id).await.ok();
    scene.delivery(&mut browser, &id, "SENT").await;
    scene.world.clock.advance(seconds(120));
    tokio::time::sleep(Duration::from_millis(600)).await;
    let texts: Vec<String> = receiver.received().iter().map(|received| code(&form(received)["Body"])).collect();
    assert_eq!((texts.len(), texts[0] == texts[1], texts[1] == texts[2]), (3, true, false));
    assert_eq!(check(&mut browser, &id, &texts[2]).await.ok()["code"], "otp_verified");
    assert!(scene.world.rows("outbox").await.is_empty());
}

/// The same before it is handed over: whoever has taken its row looks first.
#[tokio::test]
async fn f23_a_text_that_is_withdrawn_before_it_is_handed_over_is_not_sent() {
    let scene = Scene::with_places(here().start().await, policy(), &[("sms", NUMBER)]).await;
    let (_, _, state) = scene.authenticates("alice").await;
    assert_eq!(state["delivery"], "SENT");
    let device: DeviceId = state["devices"][0]["id"].as_str().unwrap().parse().unwrap();
    for withdrawn in [true, false] {
        let (uuid, now) = (scene.world.parts().entropy.uuid(), scene.world.now());
        let text = Occasion::OneTimeCode {
            user: scene.alice.id,
            device,
            client: ClientId::parse("shop").unwrap(),
            transaction: RequestId::new(uuid),
            length: 6,
            lifetime: 300,
            language: "en".to_owned(),
            new_device: false,
            new_address: None,
        };
        let outbox = Outbox::new(scene.world.parts().database.clone());
        let shelf = Shelf::<Withdrawn>::new(scene.world.parts().ephemeral.clone());
        let put = async move {
            if withdrawn {
                shelf.insert(&OtpId::new(uuid), &Withdrawn { at: now }, seconds(300)).await?;
            }
            outbox.put(uuid, Kind::Text, &text.encode(), now).await
        };
        scene.world.among_servers(put).await.unwrap();
        crate::admin::until("nothing waits", async || scene.world.rows("outbox").await.is_empty().then_some(())).await;
        assert_eq!(scene.world.texts().len(), if withdrawn { 1 } else { 2 });
    }
}

/// [reliability.md F23] on our page, too.
#[tokio::test]
async fn f23_who_gets_no_code_chooses_another_way() {
    let receiver = Receiver::start();
    receiver.will([Reply::Status(400)]);
    let scene = scene(by_webhook(&receiver, true)).await;
    let (mut browser, id, state) = scene.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    scene.gets_in_by_mail(&mut browser, &id).await;
    assert!(scene.world.rows("outbox").await.iter().all(|row| !row.contains("text")), "nothing for good is kept");

    receiver.will([Reply::Status(400)]);
    scene.world.clock.advance(seconds(30));
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let choice = browser.sign_in(&page, "alice", super::PASSWORD).await.unwrap();
    let devices = browser.get(&format!("{FLOWS}{}", choice.flow())).await.ok()["devices"].clone();
    let method = devices[0]["id"].as_str().unwrap();
    let page = browser.press(&choice, "continue", &[("method", method)]).await.unwrap();
    page.has("The code could not be sent").has("Use another way");
    assert!(!page.answer.text().contains("We sent the code"));
}

/// [reliability.md F23] Twilio cannot be told that a message is the same one: what may have gone is not handed over again.
#[tokio::test]
async fn f23_what_twilio_may_have_sent_is_not_sent_again() {
    for (reply, again) in [
        (Reply::Silence, false),
        (Reply::Half, false),
        (Reply::Status(500), false),
        (Reply::Said(201, "{\"sid\":\"SM1\",\"sta"), false),
        (Reply::Body(100_000), false),
        (Reply::Said(201, "{\"sid\":\"SM1\",\"status\":\"failed\"}"), false),
        (Reply::Said(400, "{\"code\":21211,\"message\":\"'To' number +4915123456789 is not valid\"}"), false),
        (Reply::Status(429), true),
        (Reply::Status(503), true),
        (Reply::Said(401, "{\"code\":20003}"), true),
    ] {
        let receiver = Receiver::start();
        receiver.will([reply, QUEUED]);
        let scene = scene(by_twilio(&receiver, "+15005550006")).await;
        let (mut browser, id, state) = scene.sent_by(0).await;
        assert_eq!(state["delivery"], "NOT_SENT", "{reply:?}");
        scene.world.clock.advance(seconds(2));
        if again {
            scene.delivery(&mut browser, &id, "SENT").await;
            assert_eq!(form(&receiver.received()[0]), form(&receiver.received()[1]));
        } else {
            tokio::time::sleep(Duration::from_millis(600)).await;
            assert_eq!(receiver.received().len(), 1, "{reply:?}");
            scene.gets_in_by_mail(&mut browser, &id).await;
        }
        crate::admin::until("nothing waits", async || scene.world.rows("outbox").await.is_empty().then_some(())).await;
    }
}

/// [reliability.md F18, F23] should a node end while Twilio has a message, no other one hands it over again.
#[tokio::test]
async fn f23_while_twilio_has_a_message_nobody_else_takes_it() {
    let receiver = Receiver::start();
    receiver.will([Reply::Silence]);
    let scene = scene(by_twilio(&receiver, "+15005550006")).await;
    let looks = async {
        receiver.gets(1).await;
        scene.world.rows("outbox").await
    };
    let (rows, (_, _, state)) = tokio::join!(looks, scene.sent_by(0));
    assert!(rows.is_empty(), "{rows:?}");
    assert_eq!(state["delivery"], "NOT_SENT");
}

/// [reliability.md F23] whoever fails is left alone, and tried with one message.
#[tokio::test]
async fn f23_a_provider_that_fails_is_left_alone() {
    let (receiver, clock) = (Receiver::start(), Arc::new(ManualClock::new(BEGIN)));
    receiver.will(std::iter::repeat_n(Reply::Status(500), 5));
    let spared = Spared::new(by_webhook(&receiver, true), Arc::<ManualClock>::clone(&clock) as _);
    let scene = scene(spared).await;
    let (mut browser, id, _) = scene.sent_by(0).await;
    for received in 2..=5 {
        scene.world.clock.advance(seconds(20));
        receiver.gets(received).await;
        // Until it is written down when it is tried again.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    scene.world.clock.advance(seconds(20));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(receiver.received().len(), 5, "left alone");
    let begin = Instant::now();
    let (_, _, state) = scene.sent_by(1).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    assert!(begin.elapsed() < seconds(2), "nobody waits for it either");
    assert_eq!(receiver.received().len(), 5);
    // After the rest it is one message whose fate decides.
    clock.advance(seconds(30));
    scene.world.clock.advance(seconds(5));
    assert_eq!(receiver.gets(6).await[5].json()["type"], "voice");
    scene.world.clock.advance(seconds(40));
    scene.delivery(&mut browser, &id, "SENT").await;
    assert_eq!(receiver.gets(7).await[6].id, receiver.received()[0].id);
}

/// [security.md cases 79 to 81] the provider's address is looked at as every other.
#[tokio::test]
async fn security_81_a_provider_inside_is_not_called_and_leads_nowhere() {
    let receiver = Receiver::start();
    let inside = scene(by_webhook(&receiver, false)).await;
    let (_, _, state) = inside.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    assert!(receiver.received().is_empty());
    receiver.will([Reply::Status(307)]);
    let elsewhere = scene(by_webhook(&receiver, true)).await;
    let (_, _, state) = elsewhere.sent_by(0).await;
    assert_eq!(state["delivery"], "NOT_SENT");
    assert_eq!(receiver.received().len(), 1, "a redirect is an answer like any other");
}

/// Whatever a provider says, nobody reads it in the log, nor what was sent.
#[tokio::test]
async fn security_5_8_no_number_code_or_secret_is_logged() {
    let receiver = Receiver::start();
    let says = "{\"code\":21211,\"message\":\"+4915123456789 ...\",\"more_info\":\"of-the-provider\"}";
    receiver.will([Reply::Said(400, says), Reply::Half, Reply::Status(503)]);
    let mut mfa = policy();
    mfa["sms"] = json!({ "enabled": true, "otp_length": 10 });
    let courier: Arc<dyn Courier<Text>> = Arc::new(by_twilio(&receiver, "+15005550006"));
    let world = World::with().settings(move |settings| {
        settings.sms = Texts { by: TextsBy::By(Arc::clone(&courier)), reach: germany(), per_day: 1000 };
    });
    let scene = Scene::with_places(world.start().await, mfa, &[("sms", "+4915198765432")]).await;
    for count in 1..=4 {
        scene.authenticates("alice").await;
        receiver.gets(count).await;
        scene.world.clock.advance(seconds(30));
    }
    let log = scene.world.log();
    for received in receiver.received() {
        let otp = code(&form(&received)["Body"]);
        assert!(otp.len() == 10 && !log.contains(&otp), "a code was logged");
    }
    for secret in ["15198765432", TOKEN, "of-the-provider"] {
        assert!(!log.contains(secret), "{secret}");
    }
    let trail = scene.world.rows("audit").await;
    assert!(trail.iter().any(|row| row.contains("status 400, code 21211")), "{trail:?}");
    assert!(!trail.iter().any(|row| row.contains("15198765432")), "{trail:?}");
}

/// Numbers that look like chance, and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A provider with every kind of trouble: who is told that a code was sent has one, and no message is sent twice.
#[tokio::test]
async fn f23_a_nasty_provider_makes_nobody_believe_that_a_code_was_sent() {
    let (receiver, mut chance) = (Receiver::start(), Chance(23));
    let scene = scene(by_webhook(&receiver, true)).await;
    let mut told_of = BTreeSet::new();
    for round in 0..10 {
        let reply = match chance.below(6) {
            0 => Reply::After(150),
            1 => Reply::Status(429),
            2 => Reply::Status(500),
            3 => Reply::Half,
            4 => Reply::Status(404),
            _ => Reply::Status(202),
        };
        let before = receiver.received().len();
        receiver.will([reply]);
        let (mut browser, id, state) = scene.sent_by(0).await;
        let taken = matches!(reply, Reply::After(_) | Reply::Status(202));
        assert_eq!(state["delivery"], if taken { "SENT" } else { "NOT_SENT" }, "{round}: {reply:?}");
        scene.world.clock.advance(seconds(150));
        // What was not taken for good comes again, and is taken then.
        let comes_again = !taken && !matches!(reply, Reply::Status(404));
        if comes_again {
            scene.delivery(&mut browser, &id, "SENT").await;
        }
        let received = receiver.gets(before + 1 + usize::from(comes_again)).await;
        let keys: BTreeSet<String> = received[before..].iter().map(|one| one.idempotency_key.clone()).collect();
        assert_eq!(keys.len(), 1, "{round}: {reply:?}");
        assert!(told_of.is_disjoint(&keys), "each code has a name of its own");
        told_of.extend(keys);
        if taken || comes_again {
            let otp = code(received.last().unwrap().json()["text"].as_str().unwrap());
            assert_eq!(check(&mut browser, &id, &otp).await.ok()["code"], "otp_verified", "{round}");
        }
    }
    assert_eq!(told_of.len(), 10);
}
