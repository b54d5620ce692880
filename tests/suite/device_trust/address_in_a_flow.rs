//! Whoever has no second factor says where they get codes, and brings one from there [flows.md A.1.3, F9, H.4, H.7;
//! security.md 5.6].

use futures_util::future::join;
use serde_json::Value;

use super::pairing_in_a_flow::{METHOD, SET_UP};
use super::step_up_message::{self, NUMBER, here};
use super::step_up_otp::{refused, wrong};
use super::{PASSWORD, Scene, claims, json, step_up_otp};
use crate::sign_in::every_state::only_its_links;
use crate::world::{Answer, Browser, seconds};

const MAILBOX: &str = "alice@home.example";

fn policy() -> Value {
    json!({
        "id": "mfa", "number_matching": "off", "no_devices_mode": "setup", "mobile": { "enabled": false },
        "email": { "enabled": true }, "sms": { "enabled": true }, "voice": { "enabled": true },
    })
}

async fn scene() -> Scene {
    Scene::in_world(here().start().await, policy()).await
}

/// Somebody who is asked where they get codes.
struct Naming {
    browser: Browser,
    id: String,
    state: Value,
    /// As the actions have it: `Email`, `Sms`, `Voice`.
    by: &'static str,
}

impl Naming {
    async fn submit(&mut self, target: &str) -> Answer {
        let member = if self.by == "Email" { "email" } else { "phone" };
        self.act(&format!("submit{}Target", self.by), &json!({ member: target })).await
    }

    async fn activate(&mut self, otp: &str) -> Answer {
        self.act(&format!("activate{}Device", self.by), &json!({ "otp": otp })).await
    }

    async fn act(&mut self, action: &str, body: &Value) -> Answer {
        self.browser.act(&self.id, action, body).await
    }

    fn is_at(&self, state: &str) -> String {
        format!("{}_{state}", self.by.to_uppercase())
    }
}

impl Scene {
    async fn naming(&self, by: &'static str) -> Naming {
        let (mut browser, id, state) = self.without().await;
        assert_eq!(state["status"], SET_UP, "{state}");
        browser.act(&id, "setupMfa", &json!({})).await.ok();
        let method = json!({ "devicePairingMethod": { "deviceType": by.to_uppercase() } });
        let state = browser.act(&id, "selectDevicePairingMethod", &method).await.ok();
        let naming = Naming { browser, id, state, by };
        assert_eq!(naming.state["status"], naming.is_at("PAIRING_TARGET_REQUIRED"), "{}", naming.state);
        naming
    }

    /// The same, and a code has gone there. `mails`: so many letters there are by then.
    async fn named(&self, mails: usize) -> (Naming, String) {
        let mut naming = self.naming("Email").await;
        naming.submit(MAILBOX).await.ok();
        let code = self.code(mails).await;
        (naming, code)
    }

    async fn addresses(&self) -> usize {
        self.world.rows("otp_device").await.len()
    }
}

fn completed(state: &Value) {
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("otp_verified")), "{state}");
}

#[tokio::test]
async fn t9_4_whoever_has_no_second_factor_says_where_they_get_codes() {
    let scene = scene().await;
    let mut naming = scene.naming("Email").await;
    let state = naming.state.clone();
    only_its_links(&scene.world, &mut naming.browser, &state, "a place").await;
    let state = naming.submit(&format!(" {MAILBOX} ")).await.ok();
    assert_eq!(
        (&state["status"], &state["target"], &state["otpLength"], &state["attemptsRemaining"], &state["delivery"]),
        (&json!("EMAIL_ACTIVATION_REQUIRED"), &json!("a•••@home.example"), &json!(6), &json!(3), &json!("SENT"))
    );
    only_its_links(&scene.world, &mut naming.browser, &state, "a first code").await;
    let right = scene.code(1).await;
    assert_eq!(scene.world.inbox()[0].letter.to, MAILBOX);
    refused(&naming.activate(&wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    assert_eq!(scene.addresses().await, 0, "it is nobody's yet");
    completed(&naming.activate(&right).await.ok());
    assert_eq!(scene.addresses().await, 1);
    let told = claims(&scene.tokens(&mut naming.browser, &naming.id).await);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:otp"), &json!(["pwd", "otp"])));
    // From then on it is where they are sent one.
    scene.world.clock.advance(seconds(30));
    let (mut browser, id, state) = scene.without().await;
    assert_eq!((&state["status"], &state["devices"][0]["type"]), (&json!("OTP_REQUIRED"), &json!("EMAIL")));
    let code = scene.code(2).await;
    completed(&step_up_otp::check(&mut browser, &id, &code).await.ok());
}

#[tokio::test]
async fn t9_2_t9_3_and_at_which_number() {
    for (by, amr) in [("Sms", "sms"), ("Voice", "tel")] {
        let scene = scene().await;
        let mut naming = scene.naming(by).await;
        let state = naming.submit("+49 151 23456789").await.ok();
        let expected = naming.is_at("ACTIVATION_REQUIRED");
        assert_eq!((&state["status"], &state["target"]), (&json!(expected), &json!("•••89")));
        let texts = scene.world.texts();
        assert_eq!((texts.len(), texts[0].text.to.as_str()), (1, NUMBER));
        completed(&naming.activate(&step_up_message::code(&texts[0].text.says)).await.ok());
        let told = claims(&scene.tokens(&mut naming.browser, &naming.id).await);
        assert_eq!(told["amr"], json!(["pwd", "otp", amr, "mfa"]));
        assert_eq!(scene.addresses().await, 1);
    }
}

#[tokio::test]
async fn nothing_goes_to_what_is_no_address_and_to_no_number_that_is_not_served() {
    let scene = scene().await;
    let cases: [(&str, &str, &[&str]); 2] = [
        ("Email", "email", &["alice", "alice@", "@home.example", "al ice@home.example"]),
        ("Sms", "phone", &["12345", "+12025550123", "+49", MAILBOX]),
    ];
    for (by, member, targets) in cases {
        let mut naming = scene.naming(by).await;
        for target in targets {
            let answer = naming.submit(target).await;
            let told = answer.json();
            assert_eq!((answer.status, &told["code"]), (400, &json!("VALIDATION_ERROR")), "{target}: {told}");
            let detail = (&told["details"][0]["code"], &told["details"][0]["target"]);
            assert_eq!(detail, (&json!("INVALID_FIELD_VALUE"), &json!(member)), "{target}");
        }
    }
    assert!(scene.world.inbox().is_empty() && scene.world.texts().is_empty());
}

#[tokio::test]
async fn another_first_code_takes_the_place_of_the_one_before() {
    let scene = scene().await;
    let (mut naming, first) = scene.named(1).await;
    refused(&naming.act("resendOtp", &json!({})).await, "REQUEST_FAILED", "OTP_RESEND_LIMIT");
    scene.world.clock.advance(seconds(30));
    let state = naming.act("resendOtp", &json!({})).await.ok();
    assert_eq!(state["status"], "EMAIL_ACTIVATION_REQUIRED");
    let second = scene.code(2).await;
    assert_ne!(first, second);
    refused(&naming.activate(&first).await, "VALIDATION_ERROR", "INVALID_OTP");
    // Given up, what was sent is worth nothing; and another sign-in takes no code of this one.
    assert_eq!(naming.act("cancelDevicePairing", &json!({})).await.ok()["status"], SET_UP);
    assert_eq!(naming.act("setupMfa", &json!({})).await.ok()["status"], METHOD);
    scene.world.clock.advance(seconds(30));
    let (mut another, third) = scene.named(3).await;
    refused(&another.activate(&second).await, "VALIDATION_ERROR", "INVALID_OTP");
    completed(&another.activate(&third).await.ok());
    assert_eq!(scene.addresses().await, 1);
}

/// [security.md 5.6] counted as every other code: by the person, and not by the flow.
#[tokio::test]
async fn t9_9_three_wrong_first_codes_and_none_is_looked_at() {
    let scene = scene().await;
    let (mut naming, right) = scene.named(1).await;
    for _ in 0..2 {
        refused(&naming.activate(&wrong(&right)).await, "VALIDATION_ERROR", "INVALID_OTP");
    }
    refused(&naming.activate(&wrong(&right)).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    refused(&naming.activate(&right).await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    let mut another = scene.naming("Email").await;
    refused(&another.submit("alice@work.example").await, "REQUEST_FAILED", "OTP_ATTEMPTS_LIMIT");
    assert_eq!((scene.addresses().await, scene.world.inbox().len()), (0, 1));
}

/// [security.md 5.6] written in another way, it is no other address.
#[tokio::test]
async fn security_5_6_an_address_is_counted_however_it_is_written() {
    let scene = scene().await;
    scene.named(1).await;
    let mut another = scene.naming("Email").await;
    let state = another.submit("Alice@HOME.example").await.ok();
    let told = (&state["status"], &state["delivery"]);
    assert_eq!(told, (&json!("EMAIL_ACTIVATION_REQUIRED"), &json!("NOT_SENT")), "{state}");
    assert_eq!(scene.world.inbox().len(), 1);
}

/// [reliability.md H.8] what a stolen password was worth ends with it.
#[tokio::test]
async fn no_address_is_made_by_a_password_that_was_changed_meanwhile() {
    let scene = scene().await;
    let (mut thief, right) = scene.named(1).await;
    scene.world.clock.advance(seconds(1));
    scene.chooses_another_password().await;
    let answer = thief.activate(&right).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("REQUEST_FAILED")), "{}", answer.text());
    assert_eq!(scene.addresses().await, 0);
}

#[tokio::test]
async fn who_has_got_a_device_meanwhile_shows_that_one() {
    let scene = scene().await;
    let (mut naming, right) = scene.named(1).await;
    scene.place("alice", "sms", NUMBER).await;
    let state = naming.activate(&right).await.ok();
    assert_eq!((&state["status"], &state["devices"][0]["type"]), (&json!("OTP_REQUIRED"), &json!("SMS")));
    assert_eq!(scene.addresses().await, 1);
}

/// [flows.md H.4] whoever has begun says anew what it is to be, and nothing is sent.
#[tokio::test]
async fn h4_no_address_is_made_once_the_policy_has_none_any_more() {
    let scene = scene().await;
    let (mut named, right) = scene.named(1).await;
    let mut naming = scene.naming("Sms").await;
    let admin = scene.another_robot("changes").await;
    let without = json!({ "email": { "enabled": false }, "sms": { "enabled": false } });
    admin.patch("/admin/v1/mfa-policies/mfa", &without).await.ok();
    for answer in [named.activate(&right).await, naming.submit(NUMBER).await] {
        let state = answer.ok();
        let kinds = json!([{ "deviceType": "VOICE" }]);
        assert_eq!((&state["status"], &state["devicePairingMethods"]), (&json!(METHOD), &kinds), "{state}");
    }
    assert_eq!((scene.addresses().await, scene.world.texts().len()), (0, 0));
}

/// [reliability.md R14] of two who bring the first one at once, one does.
#[tokio::test]
async fn r14_one_first_address_is_made_at_once() {
    let scene = scene().await;
    let (mut one, first) = scene.named(1).await;
    scene.world.clock.advance(seconds(30));
    let (mut other, second) = scene.named(2).await;
    let (first, second) = join(one.activate(&first), other.activate(&second)).await;
    let done = [first, second].iter().filter(|answer| answer.json()["status"] == "MFA_COMPLETED").count();
    assert_eq!((done, scene.addresses().await), (1, 1));
}

/// On our own pages, without a script.
#[tokio::test]
async fn the_pages_lead_to_an_address_and_on() {
    let scene = scene().await;
    let (mut browser, page) = scene.page(None).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "sms", &[]).await.unwrap();
    page.has("Codes by text message");
    let page = browser.press(&page, "continue", &[("target", "12345")]).await.unwrap();
    page.has("We can send nothing to this number.");
    let page = browser.press(&page, "cancel", &[]).await.unwrap();
    page.has("Set up a second step");
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "email", &[]).await.unwrap();
    let page = browser.press(&page, "continue", &[("target", MAILBOX)]).await.unwrap();
    page.has("Enter your code").has("a•••@home.example");
    let right = scene.code(1).await;
    let page = browser.press(&page, "continue", &[("code", &wrong(&right))]).await.unwrap();
    page.has("This code is not right");
    assert!(browser.press(&page, "continue", &[("code", &right)]).await.is_err(), "back at the shop");
    assert_eq!(scene.addresses().await, 1);
}

/// Whoever has a password alone makes one, where the policy has no apps; neither then nor later is it a code of the app.
#[tokio::test]
async fn security_no_place_that_a_password_makes_takes_an_authenticator_app_away() {
    let mut mfa = policy();
    mfa["incompatible_devices_mode"] = json!("setup");
    let scene = Scene::in_world(here().start().await, mfa).await;
    let own = scene.authenticator("alice").await;
    let (mut browser, page) = scene.page(None).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "email", &[]).await.unwrap();
    let page = browser.press(&page, "continue", &[("target", MAILBOX)]).await.unwrap();
    let code = scene.code(1).await;
    assert!(browser.press(&page, "continue", &[("code", &code)]).await.is_err(), "back at the shop");
    own.is_asked_for(&mut browser).await;
    scene.world.clock.advance(seconds(10 * 60));
    let (mut browser, page) = scene.page(None).await;
    let code = scene.code(2).await;
    assert!(browser.press(&page, "continue", &[("code", &code)]).await.is_err(), "back at the shop");
    let asked = own.is_asked_for(&mut browser).await;
    let code = own.app.code(scene.world.now(), 0);
    let back = browser.press(&asked, "confirm", &[("password", PASSWORD), ("code", code.as_str())]).await.unwrap();
    assert_eq!(back.path, "/account/devices");
}
