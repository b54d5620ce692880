//! Whoever has no second factor pairs a phone on the way, by a key [flows.md A.1.3, F19, H.4, H.7].

use futures_util::future::join;
use nod_device::PairingKey;
use serde_json::Value;

use super::pairing_in_a_flow::{METHOD, SET_UP, failed, policy, scene};
use super::{Scene, claims, json};
use crate::sign_in::every_state::only_its_links;
use crate::world::{Browser, FLOWS, Phone, seconds};

const ACTIVATION: &str = "MOBILE_ACTIVATION_REQUIRED";
const INVALID: &str = "PAIRING_KEY_INVALID";

/// Somebody who pairs a phone, as far as the key.
struct Pairing {
    browser: Browser,
    id: String,
    key: PairingKey,
    state: Value,
}

impl Pairing {
    async fn act(&mut self, action: &str) -> Value {
        self.browser.act(&self.id, action, &json!({})).await.ok()
    }

    /// A phone that brings the key.
    async fn paired(&self, scene: &Scene) -> Phone {
        let mut phone = scene.world.phone();
        let answer = phone.pair(&self.key).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        phone
    }
}

impl Scene {
    async fn pairing(&self) -> Pairing {
        let (mut browser, id, state) = self.without().await;
        assert_eq!(state["status"], SET_UP, "{state}");
        browser.act(&id, "setupMfa", &json!({})).await.ok();
        let state = browser.act(&id, "selectDevicePairingMethod", &mobile()).await.ok();
        assert_eq!(state["status"], ACTIVATION, "{state}");
        let key = self.key_of(&state);
        Pairing { browser, id, key, state }
    }

    fn key_of(&self, state: &Value) -> PairingKey {
        let key = state["pairingKey"].as_str().unwrap();
        self.world.guard(key);
        PairingKey::parse(key).unwrap()
    }

    async fn phones(&self) -> usize {
        self.world.rows("device").await.len()
    }

    /// Nobody becomes a device by this key.
    async fn refuses(&self, key: &PairingKey) {
        self.world.phone().pair(key).await.problem(400, INVALID);
    }
}

fn mobile() -> Value {
    json!({ "devicePairingMethod": { "deviceType": "MOBILE" } })
}

fn paired(state: &Value) {
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("device_authorized")), "{state}");
}

#[tokio::test]
async fn t19_1_a_phone_that_brings_the_key_is_the_second_factor_from_then_on() {
    let scene = scene(policy()).await;
    let mut pairing = scene.pairing().await;
    let state = pairing.state.clone();
    let members = (&state["pluginTypeId"], &state["pollInterval"]);
    assert_eq!(members, (&json!("mfa"), &json!(1)));
    let key = state["pairingKey"].as_str().unwrap();
    assert!(key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit()), "twelve digits");
    let uri = state["keyUri"].as_str().unwrap();
    assert!(uri.starts_with("nod://pair?") && uri.contains(key), "{uri}");
    assert_eq!(state["expiresAt"], (scene.world.now() + seconds(600)).to_string());
    only_its_links(&scene.world, &mut pairing.browser, &state, ACTIVATION).await;
    assert_eq!(pairing.act("poll").await, state, "no phone has come");
    let phone = pairing.paired(&scene).await;
    paired(&pairing.act("poll").await);
    let told = claims(&scene.tokens(&mut pairing.browser, &pairing.id).await);
    assert_eq!(told["acr"], "urn:nod:acr:trusted-device");
    assert_eq!(scene.letters(1).await[0].letter.subject, "Nod: a device was added to your account");
    let row = async || {
        let rows = scene.world.rows("audit").await;
        rows.iter().any(|row| row.contains("device_paired")).then_some(())
    };
    crate::admin::until("a row of the audit trail", row).await;
    // From then on it is what they are asked on.
    let (mut browser, id, state) = scene.without().await;
    assert_eq!(
        (&state["status"], &state["devices"][0]["type"]),
        (&json!("PUSH_CONFIRMATION_WAITING"), &json!("MOBILE"))
    );
    assert_eq!(state["selectedDeviceRef"]["id"], phone.device().to_string());
    phone.approve_the_question().await;
    assert_eq!(browser.act(&id, "poll", &json!({})).await.ok()["code"], "push_confirmed");
}

/// However many try with it.
#[tokio::test]
async fn t19_2_a_key_that_was_given_up_used_or_is_over_pairs_nothing() {
    let scene = scene(policy()).await;
    let mut pairing = scene.pairing().await;
    assert_eq!(pairing.act("cancelDevicePairing").await["status"], SET_UP);
    scene.refuses(&pairing.key).await;
    let mut given_up = scene.pairing().await;
    assert_eq!(given_up.act("cancelAuthentication").await["status"], "FAILED");
    scene.refuses(&given_up.key).await;
    assert_eq!(scene.phones().await, 0);
    let mut late = scene.pairing().await;
    scene.world.clock.advance(seconds(599));
    assert_eq!(late.act("poll").await["status"], ACTIVATION);
    scene.world.clock.advance(seconds(1));
    scene.refuses(&late.key).await;
    let state = late.act("poll").await;
    assert_eq!((&state["status"], &state["pairingKey"]), (&json!(METHOD), &Value::Null));
    let state = late.browser.act(&late.id, "selectDevicePairingMethod", &mobile()).await.ok();
    assert!(scene.key_of(&state) != late.key, "another key");
    late.key = scene.key_of(&state);
    late.paired(&scene).await;
    scene.refuses(&late.key).await;
    paired(&late.act("poll").await);
    assert_eq!(scene.phones().await, 1);
}

#[tokio::test]
async fn t19_3_a_sign_in_gives_no_key_to_who_has_as_many_as_one_may_have() {
    let scene = scene(policy()).await;
    for _ in 0..19 {
        scene.alice.pairing_key().await;
    }
    let mut pairing = scene.pairing().await;
    let (mut browser, id, _) = scene.without().await;
    browser.act(&id, "setupMfa", &json!({})).await.ok();
    let answer = browser.act(&id, "selectDevicePairingMethod", &mobile()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("REQUEST_FAILED")), "{}", answer.text());
    // One that is given up counts no more.
    pairing.act("cancelDevicePairing").await;
    let state = browser.act(&id, "selectDevicePairingMethod", &mobile()).await.ok();
    scene.key_of(&state);
    assert_eq!(state["status"], ACTIVATION);
}

/// [reliability.md H.8] what a stolen password was worth ends with it.
#[tokio::test]
async fn no_phone_is_paired_by_a_password_that_was_changed_meanwhile() {
    let scene = scene(policy()).await;
    let mut thief = scene.pairing().await;
    scene.world.clock.advance(seconds(1));
    scene.chooses_another_password().await;
    scene.refuses(&thief.key).await;
    thief.act("cancelDevicePairing").await;
    thief.act("setupMfa").await;
    let answer = thief.browser.act(&thief.id, "selectDevicePairingMethod", &mobile()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("REQUEST_FAILED")), "{}", answer.text());
    assert_eq!(scene.phones().await, 0);
}

/// Whoever has got a device meanwhile shows that one, and the key is worth nothing.
#[tokio::test]
async fn a_key_of_a_sign_in_is_for_who_has_no_other_second_factor_yet() {
    let scene = scene(policy()).await;
    let mut pairing = scene.pairing().await;
    scene.authenticator("alice").await;
    scene.refuses(&pairing.key).await;
    assert_eq!(pairing.act("cancelDevicePairing").await["status"], SET_UP);
    let state = pairing.act("setupMfa").await;
    assert_eq!((&state["status"], &state["devices"][0]["type"]), (&json!("OTP_REQUIRED"), &json!("TOTP")));
    assert_eq!(scene.phones().await, 0);
}

/// [reliability.md R14] of two who pair the first one at once, one does; the other one is asked on that.
#[tokio::test]
async fn r14_one_first_phone_is_paired_at_once() {
    let scene = scene(policy()).await;
    let (mut one, mut other) = (scene.pairing().await, scene.pairing().await);
    let (mut first, mut second) = (scene.world.phone(), scene.world.phone());
    let (first, second) = join(first.pair(&one.key), second.pair(&other.key)).await;
    let done = [first.status, second.status].iter().filter(|status| **status == 201).count();
    assert_eq!((done, scene.phones().await), (1, 1));
    let (winner, loser) = if first.status == 201 { (&mut one, &mut other) } else { (&mut other, &mut one) };
    paired(&winner.act("poll").await);
    assert_eq!(loser.act("poll").await["status"], ACTIVATION);
    scene.world.clock.advance(seconds(600));
    assert_eq!(loser.act("poll").await["status"], "PUSH_CONFIRMATION_WAITING");
}

/// Nor does a phone that was stopped as soon as it had come, or of somebody who was.
#[tokio::test]
async fn h4_who_is_stopped_gets_in_by_no_phone_that_came() {
    let scene = scene(policy()).await;
    let mut pairing = scene.pairing().await;
    let phone = pairing.paired(&scene).await;
    phone.block().await;
    failed(&pairing.act("poll").await, "NO_USABLE_DEVICES");
    phone.unpair_by_administrator().await;
    let mut pairing = scene.pairing().await;
    scene.alice.lock().await;
    scene.refuses(&pairing.key).await;
    scene.alice.unlock().await;
    pairing.paired(&scene).await;
    scene.alice.lock().await;
    failed(&pairing.act("poll").await, "ACCOUNT_LOCKED_OUT");
}

/// A policy without phones has nobody pair one.
#[tokio::test]
async fn h4_no_phone_is_paired_where_the_policy_has_none() {
    let mut mfa = policy();
    mfa["mobile"] = json!({ "enabled": false });
    let scene = scene(mfa).await;
    let (mut browser, id, _) = scene.without().await;
    let state = browser.act(&id, "setupMfa", &json!({})).await.ok();
    assert_eq!(state["devicePairingMethods"], json!([{ "deviceType": "TOTP" }]));
    let answer = browser.act(&id, "selectDevicePairingMethod", &mobile()).await;
    assert_eq!((answer.status, &answer.json()["details"][0]["target"]), (400, &json!("devicePairingMethod")));
    assert!(scene.world.rows("pairing_key").await.is_empty());
}

/// On our own pages, without a script.
#[tokio::test]
async fn the_pages_lead_to_a_phone_and_on() {
    let scene = scene(policy()).await;
    let (mut browser, page) = scene.page(None).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "phone", &[]).await.unwrap();
    page.has("Type this code in the app on the phone.").has("nod://pair?");
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    let (key, text) = (scene.key_of(&state), state["pairingKey"].as_str().unwrap());
    page.has(&format!("{} {} {}", &text[..4], &text[4..8], &text[8..]));
    let page = browser.press(&page, "poll", &[]).await.unwrap();
    page.has("Type this code in the app on the phone.");
    let page = browser.press(&page, "other", &[]).await.unwrap();
    page.has("Set up a second step");
    scene.refuses(&key).await;
    let page = browser.press(&page, "start", &[]).await.unwrap();
    let page = browser.press(&page, "phone", &[]).await.unwrap();
    let state = browser.get(&format!("{FLOWS}{}", page.flow())).await.ok();
    let answer = scene.world.phone().pair(&scene.key_of(&state)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(browser.press(&page, "poll", &[]).await.is_err(), "back at the shop");
    assert_eq!(scene.phones().await, 1);
}
