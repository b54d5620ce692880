//! The invariants of flows.md H.7 over a second factor, for which a server has to be asked: what people, their phones and
//! their mail do is left to chance. `sign_in::invariants` has the first factors, `domain/flow/tests/invariants.rs` what
//! can be seen without a server.

use nod_device::DenyReason;
use serde_json::Value;

use super::step_up_otp::{code, wrong};
use super::{PASSWORD, Scene, claims, json};
use crate::sign_in::invariants::{Chance, is_whole};
use crate::sign_in::{links, refused};
use crate::world::{Answer, Browser, FLOWS, Person, World, seconds};

const WALKS: u64 = 40;
const STEPS: usize = 30;
const TERMINAL: [&str; 2] = ["COMPLETED", "FAILED"];
const COMPLETED: &str = "MFA_COMPLETED";
const MANAGEMENT: &str = "DEVICE_MANAGEMENT";

/// Whatever belongs to a second factor, and some that does not.
const ACTIONS: [&str; 13] = [
    "checkUsernamePassword",
    "authenticate",
    "selectDevice",
    "poll",
    "checkOtp",
    "resendOtp",
    "manageDevices",
    "removeDevice",
    "resumeAuthentication",
    "continueAuthentication",
    "cancelAuthentication",
    "checkAssertion",
    "grantConsent",
];

/// A sign-in of alice, and what has really happened.
struct Walk<'w> {
    scene: &'w Scene,
    alice: Person,
    bob: &'w Person,
    browser: Browser,
    flow: String,
    /// Her phone has said yes to what waits.
    approved: bool,
    /// The codes that were sent to her, the newest last.
    codes: Vec<String>,
    /// Those that came back.
    spent: Vec<String>,
    /// How she got through.
    shown: Option<&'static str>,
}

impl Walk<'_> {
    fn world(&self) -> &World {
        &self.scene.world
    }

    /// [I1, I5] looking changes nothing, and shows what there is.
    async fn looks(&mut self) -> Value {
        let state = self.browser.get(&format!("{FLOWS}{}", self.flow)).await.ok();
        is_whole(&state);
        assert_eq!(self.browser.get(&format!("{FLOWS}{}", self.flow)).await.ok(), state, "[I1]");
        state
    }

    /// Her device or his, a phone or an address.
    fn device(&self, state: &Value, chance: &mut Chance) -> (String, bool) {
        let own = state["devices"].as_array().filter(|own| !own.is_empty());
        match own.filter(|_| chance.below(4) > 0) {
            Some(own) => (own[chance.below(own.len())]["id"].as_str().unwrap().to_owned(), true),
            None => (self.bob.phone().device().to_string(), false),
        }
    }

    /// What happens on phones, before anybody comes for it.
    async fn phones(&mut self, chance: &mut Chance) {
        let Some(question) = self.alice.phone().pending().await.into_iter().next() else { return };
        match chance.below(6) {
            0 => self.world().clock.advance(seconds(45)),
            1 => {
                self.alice.phone().deny(&question, DenyReason::None).await.ok();
            }
            // [I8] another person's phone answers nothing of hers.
            2 => assert_eq!(self.bob.phone().approve(&question).await.status, 404, "[I8]"),
            3 => {}
            _ => {
                self.alice.phone().approve(&question).await.ok();
                // [I3] what is answered is answered.
                assert_eq!(self.alice.phone().deny(&question, DenyReason::None).await.status, 409, "[I3]");
                self.approved = true;
            }
        }
    }

    async fn steps(&mut self, chance: &mut Chance) {
        let before = self.looks().await;
        let status = before["status"].as_str().unwrap().to_owned();
        if !TERMINAL.contains(&status.as_str()) {
            self.world().clock.advance(seconds(if chance.below(3) == 0 { 31 } else { 4 }));
        }
        let linked: Vec<String> =
            links(&before).into_iter().filter(|link| *link != "self").map(str::to_owned).collect();
        let any = linked.is_empty() || chance.below(6) == 0;
        let action = if any { chance.one_of(&ACTIONS).to_owned() } else { linked[chance.below(linked.len())].clone() };
        // Giving up ends it too early, most of the time.
        if action.starts_with("cancel") && chance.below(6) > 0 {
            return;
        }
        // Nor does everybody look after their devices, who could.
        if action == "manageDevices" && chance.below(3) > 0 {
            return;
        }
        if action == "poll" || action == "selectDevice" {
            self.phones(chance).await;
        }
        let (body, good) = self.brings(&action, &before, chance);
        let answer = self.browser.act(&self.flow, &action, &body).await;
        let what = format!("{action} with {body} at {status}");
        if !linked.contains(&action) {
            refused(&answer, 400, "INVALID_ACTION_ID", None);
            assert_eq!(self.looks().await, before, "[I5] {what}");
            return;
        }
        assert!(!TERMINAL.contains(&status.as_str()), "[I4] {what}");
        self.led(&action, &answer, good, &what).await;
    }

    fn brings(&self, action: &str, state: &Value, chance: &mut Chance) -> (Value, bool) {
        let right = chance.below(4) > 0;
        match action {
            "checkUsernamePassword" => {
                let password = if right { PASSWORD } else { "nobody's password at all" };
                (json!({ "username": self.alice.username, "password": password }), right)
            }
            "selectDevice" | "setDefaultDevice" => {
                let (id, own) = self.device(state, chance);
                (json!({ "deviceRef": { "id": id } }), own)
            }
            // [I8] his, and none of hers: she needs them on the way.
            "removeDevice" => (json!({ "deviceRef": { "id": self.bob.phone().device().to_string() } }), false),
            "updateDeviceNickname" => {
                let (id, own) = self.device(state, chance);
                (json!({ "id": id, "nickname": "mine" }), own)
            }
            "checkOtp" => {
                let newest = self.codes.last().cloned().unwrap_or_else(|| "000000".to_owned());
                let old = self.codes.len() > 1 && chance.below(4) == 0;
                let otp = if old { self.codes[0].clone() } else { newest.clone() };
                let otp = if right { otp } else { wrong(&newest) };
                let good = otp == newest && !self.spent.contains(&otp);
                (json!({ "otp": otp }), good)
            }
            _ => (json!({}), true),
        }
    }

    /// What came of it is what has happened, and nothing else.
    async fn led(&mut self, action: &str, answer: &Answer, good: bool, what: &str) {
        if answer.status != 200 {
            assert_ne!(answer.json()["code"], "INVALID_ACTION_ID", "[I5] {what}");
            return;
        }
        let state = answer.json();
        // [I8] no device of his, [I3] no code that was spent or replaced.
        assert!(good, "[I2, I3, I8] {what}: {state}");
        let (completed, managed) = (state["status"] == COMPLETED, state["status"] == MANAGEMENT);
        if ["setDefaultDevice", "updateDeviceNickname", "resumeAuthentication"].contains(&action) {
            // [I2] what was shown before is what counts.
            assert!(!(completed || managed) || self.shown.is_some(), "[I2] {what}: {state}");
            assert!(!completed || state["code"].as_str() == self.shown, "[I2] {what}: {state}");
        } else if completed || managed {
            let kind = if action == "checkOtp" { "otp_verified" } else { "push_confirmed" };
            assert!(action == "checkOtp" || self.approved, "[I2, I6] {what}: {state}");
            assert!(managed || state["code"] == kind, "[I2] {what}: {state}");
            self.shown = Some(kind);
            if action == "checkOtp" {
                self.spent.extend(self.codes.last().cloned());
            }
        } else {
            self.approved = false;
        }
        let sends = ["authenticate", "selectDevice", "resendOtp"].contains(&action);
        if sends && state["status"] == "OTP_REQUIRED" {
            self.world().nothing_waits().await;
            self.codes.push(code(&self.world().inbox()[0]));
        }
    }

    /// [I2] what the relying party is told is what was shown, and what the audit trail has.
    async fn ends(&mut self, reasons: &[String]) -> Option<&'static str> {
        let state = self.looks().await;
        if state["status"] != "COMPLETED" {
            return None;
        }
        let shown = self.shown.expect("[I2] something was shown");
        let code = state["authorizeResponse"]["code"].as_str().unwrap();
        let told = claims(&self.scene.shop.redeem(code).await.ok());
        self.scene.shop.redeem(code).await.refused(400, "invalid_grant");
        assert_eq!(told["sub"], self.alice.id.to_string(), "[I8]");
        let acr = if shown == "otp_verified" { "urn:nod:acr:otp" } else { "urn:nod:acr:device" };
        assert_eq!(told["acr"], acr, "[I2] {told}");
        assert!(reasons.iter().any(|reason| reason == shown), "[I2] {shown} is in the audit trail: {reasons:?}");
        Some(shown)
    }
}

/// With a phone and an address.
async fn person(scene: &Scene, name: &str) -> Person {
    let person = scene.world.user(name).with_phone().with_password(PASSWORD).await;
    scene.address(name, &format!("{name}@home.example")).await;
    person
}

/// [flows.md H.7]
#[tokio::test]
async fn whatever_people_do_about_a_second_factor() {
    let mfa = json!({
        "id": "mfa", "number_matching": "off", "device_selection": "prompt_to_select", "email": { "enabled": true },
    });
    // Letters enough for all walks.
    let world = World::with().letters().settings(|settings| settings.otps = 1000);
    let scene = Scene::in_world(world.start().await, mfa).await;
    let bob = person(&scene, "bob").await;
    let mut ways = Vec::new();
    for seed in 0..WALKS {
        let mut chance = Chance::of(seed);
        let alice = person(&scene, &format!("alice-{seed}")).await;
        let mut browser = scene.world.browser();
        let begun = browser.flow(&scene.shop, &[]).await;
        let flow = begun["id"].as_str().unwrap().to_owned();
        let watch = scene.world.watch().await;
        let (codes, spent) = (Vec::new(), Vec::new());
        let mut walk =
            Walk { scene: &scene, alice, bob: &bob, browser, flow, approved: false, codes, spent, shown: None };
        for _ in 0..STEPS {
            walk.steps(&mut chance).await;
        }
        let events = watch.events().await.into_iter().filter(|event| event.result != "refused");
        let reasons: Vec<String> = events.filter_map(|event| event.reason).collect();
        ways.extend(walk.ends(&reasons).await);
    }
    for way in ["push_confirmed", "otp_verified"] {
        assert!(ways.contains(&way), "nobody got through by {way}: {ways:?}");
    }
    scene.world.nothing_waits().await;
}
