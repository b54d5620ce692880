//! Whoever has no second factor makes a passkey on the way [flows.md A.1.3, H.4, H.7; Web Authentication, Level 2 §7.1].

use futures_util::future::join;
use serde_json::Value;

use super::pairing_in_a_flow::{METHOD, SET_UP, scene, with_passkeys};
use super::remember_me::signed_out;
use super::{Scene, claims, json};
use crate::sign_in::every_state::only_its_links;
use crate::sign_in::passkeys::options;
use crate::world::authenticator::Passkey;
use crate::world::{Answer, Browser, FLOWS, seconds};

const ACTIVATION: &str = "FIDO2_ACTIVATION_REQUIRED";

/// Somebody who makes a passkey, and the state in which they are to.
struct Making {
    browser: Browser,
    id: String,
    passkey: Passkey,
    state: Value,
}

impl Making {
    /// What a browser makes of the state.
    fn made(&mut self) -> Value {
        let asked = self.state["publicKeyCredentialCreationOptions"].as_str().unwrap();
        json!({ "attestation": self.passkey.create(&serde_json::from_str(asked).unwrap()).to_string() })
    }

    async fn activate(&mut self, made: &Value) -> Answer {
        self.browser.act(&self.id, "activateFido2Device", made).await
    }

    async fn look(&mut self) {
        self.state = self.browser.get(&format!("{FLOWS}{}", self.id)).await.ok();
    }

    async fn act(&mut self, action: &str) -> Value {
        self.browser.act(&self.id, action, &json!({})).await.ok()
    }
}

impl Scene {
    async fn making_passkey(&self) -> Making {
        let (mut browser, id, state) = self.without().await;
        assert_eq!(state["status"], SET_UP, "{state}");
        browser.act(&id, "setupMfa", &json!({})).await.ok();
        let method = json!({ "devicePairingMethod": { "deviceType": "FIDO2" } });
        let state = browser.act(&id, "selectDevicePairingMethod", &method).await.ok();
        assert_eq!(state["status"], ACTIVATION, "{state}");
        Making { browser, id, passkey: Passkey::new(self.world.issuer()), state }
    }

    async fn passkeys(&self) -> usize {
        self.world.rows("passkey").await.len()
    }
}

fn refused(answer: &Answer) {
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (400, &json!("VALIDATION_ERROR")), "{told}");
    assert_eq!(told["details"][0]["code"], "CREDENTIAL_VALIDATION_FAILED", "{told}");
}

fn completed(state: &Value) {
    let told = (&state["status"], &state["code"]);
    assert_eq!(told, (&json!("MFA_COMPLETED"), &json!("assertion_verified")), "{state}");
}

#[tokio::test]
async fn whoever_has_no_second_factor_makes_a_passkey_on_the_way() {
    let scene = scene(with_passkeys()).await;
    let mut making = scene.making_passkey().await;
    let state = making.state.clone();
    only_its_links(&scene.world, &mut making.browser, &state, ACTIVATION).await;
    assert_eq!(making.act("cancelDevicePairing").await["status"], SET_UP);
    let state = making.act("setupMfa").await;
    let kinds = json!([{ "deviceType": "MOBILE" }, { "deviceType": "FIDO2" }, { "deviceType": "TOTP" }]);
    assert_eq!((&state["status"], &state["devicePairingMethods"]), (&json!(METHOD), &kinds));
    let mut making = scene.making_passkey().await;
    // Of another site, and too late: each try has something of its own to be made of.
    making.passkey.origin = "https://evil.test".into();
    let made = making.made();
    refused(&making.activate(&made).await);
    making.passkey.origin = scene.world.issuer().to_owned();
    let made = making.made();
    refused(&making.activate(&made).await);
    making.look().await;
    let late = making.made();
    scene.world.clock.advance(seconds(5 * 60));
    refused(&making.activate(&late).await);
    assert_eq!(scene.passkeys().await, 0);
    making.look().await;
    assert_eq!(making.state["status"], ACTIVATION);
    let mut made = making.made();
    made["nickname"] = json!("Mine");
    completed(&making.activate(&made).await.ok());
    let told = claims(&scene.tokens(&mut making.browser, &making.id).await);
    let amr = json!(["pwd", "pop", "swk", "user", "mfa"]);
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:nod:acr:passkey"), &amr));
    assert_eq!(scene.letters(1).await[0].letter.subject, "Nod: a device was added to your account");
    let row = async || {
        let rows = scene.world.rows("audit").await;
        rows.iter().any(|row| row.contains("passkey_made")).then_some(())
    };
    crate::admin::until("a row of the audit trail", row).await;
    // From then on it is what they are asked for.
    let (mut browser, id, state) = scene.without().await;
    assert_eq!((&state["status"], &state["devices"][0]["nickname"]), (&json!("ASSERTION_REQUIRED"), &json!("Mine")));
    let signed = making.passkey.get(&state["publicKeyCredentialRequestOptions"]);
    let assertion = json!({ "assertion": signed.to_string() });
    completed(&browser.act(&id, "checkAssertion", &assertion).await.ok());
}

#[tokio::test]
async fn who_has_got_a_device_meanwhile_makes_no_passkey() {
    let scene = scene(with_passkeys()).await;
    let mut making = scene.making_passkey().await;
    scene.authenticator("alice").await;
    let made = making.made();
    let state = making.activate(&made).await.ok();
    assert_eq!((&state["status"], &state["devices"][0]["type"]), (&json!("OTP_REQUIRED"), &json!("TOTP")));
    assert_eq!(scene.passkeys().await, 0);
}

/// [flows.md H.4] whoever has begun says anew what it is to be.
#[tokio::test]
async fn h4_no_passkey_is_made_once_the_policy_has_none_any_more() {
    let scene = scene(with_passkeys()).await;
    let mut making = scene.making_passkey().await;
    let admin = scene.another_robot("changes").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "fido2": { "enabled": false } })).await.ok();
    let made = making.made();
    assert_eq!(making.activate(&made).await.ok()["status"], METHOD);
    assert_eq!(scene.passkeys().await, 0);
}

/// [reliability.md H.8] what a stolen password was worth ends with it.
#[tokio::test]
async fn no_passkey_is_made_by_a_password_that_was_changed_meanwhile() {
    let scene = scene(with_passkeys()).await;
    let mut thief = scene.making_passkey().await;
    scene.world.clock.advance(seconds(1));
    scene.chooses_another_password().await;
    let made = thief.made();
    refused(&thief.activate(&made).await);
    assert_eq!(scene.passkeys().await, 0);
}

/// [reliability.md R14] of two who make the first one at once, one does.
#[tokio::test]
async fn r14_one_first_passkey_is_made_at_once() {
    let scene = scene(with_passkeys()).await;
    let (mut one, mut other) = (scene.making_passkey().await, scene.making_passkey().await);
    let (first, second) = (one.made(), other.made());
    let (first, second) = join(one.activate(&first), other.activate(&second)).await;
    let done = [first, second].iter().filter(|answer| answer.json()["status"] == "MFA_COMPLETED").count();
    assert_eq!((done, scene.passkeys().await), (1, 1));
}

/// On our own pages.
#[tokio::test]
async fn the_pages_lead_to_a_passkey_and_on() {
    let scene = scene(with_passkeys()).await;
    let (mut browser, page) = scene.page(None).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    page.has("Add a passkey");
    let page = browser.press(&page, "cancel", &[]).await.unwrap();
    page.has("Set up a second step");
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    // Without a script.
    let page = browser.press(&page, "passkey", &[("name", "My phone")]).await.unwrap();
    page.has("Add a passkey");
    let mut passkey = Passkey::new(scene.world.issuer());
    let made = passkey.create(&options(&page, "create")).to_string();
    let fields = [("attestation", made.as_str()), ("name", "My phone")];
    assert!(browser.press(&page, "passkey", &fields).await.is_err(), "back at the shop");
    assert_eq!(scene.passkeys().await, 1);
}

/// Whoever has a password alone makes one, where the policy has no apps: it is not enough to take the app away at once.
#[tokio::test]
async fn security_no_passkey_that_a_password_makes_takes_an_authenticator_app_away() {
    let mut mfa = with_passkeys();
    mfa["totp"] = json!({ "enabled": false });
    mfa["incompatible_devices_mode"] = json!("setup");
    let scene = scene(mfa).await;
    let own = scene.authenticator("alice").await;
    let (mut browser, page) = scene.page(None).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    let mut passkey = Passkey::new(scene.world.issuer());
    let made = passkey.create(&options(&page, "create")).to_string();
    let fields = [("attestation", made.as_str()), ("name", "My phone")];
    assert!(browser.press(&page, "passkey", &fields).await.is_err(), "back at the shop");
    own.is_asked_for(&mut browser).await;
    // From then on it counts, as every other, and is shown.
    scene.world.clock.advance(seconds(5 * 60));
    browser.open("/account/confirm?for=devices").await.unwrap().has("data-get");
    assert_eq!(scene.passkeys().await, 1);
}

/// [flows.md D.1, `rememberMe.web`] as for every other that they have shown.
#[tokio::test]
async fn d1_the_browser_is_remembered_in_which_a_passkey_was_made() {
    let mut mfa = with_passkeys();
    mfa["remember_me"] = json!({ "enabled": true, "lifetime": 3600 });
    let scene = scene(mfa).await;
    let mut making = scene.making_passkey().await;
    let made = making.made();
    let state = making.activate(&made).await.ok();
    completed(&state);
    assert_eq!(state["rememberMeFor"], 3600, "{state}");
    let wish = json!({ "rememberMe": true });
    let state = making.browser.act(&making.id, "continueAuthentication", &wish).await.ok();
    assert_eq!(state["status"], "COMPLETED", "{state}");
    scene.is_spared(&mut signed_out(&making.browser)).await;
}
