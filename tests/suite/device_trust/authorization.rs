//! Automatic device authorization [flows.md F1, F3].

use nod_device::{Call, SoftwareKey};

use super::{PASSWORD, Scene, authenticate, claims, json, usual};
use crate::sign_in::every_state::only_its_links;
use crate::world::{Browser, FLOWS};

#[tokio::test]
async fn t1_1_t3_1_a_trusted_app_signs_in_without_asking_anybody() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let (mut browser, id, state) = scene.by(&phone).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("device_authorized")));
    let claims = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(claims["acr"], "urn:nod:acr:trusted-device");
    assert_eq!(claims["amr"], json!(["pwd", "pop", "swk", "mfa"]));
    assert!(claims.get("device_enrollment").is_none());
    assert!(phone.pending().await.is_empty(), "nobody was asked");
}

/// The developer what was shown, the person that they can go on.
#[tokio::test]
async fn a_1_3_what_was_shown_is_told_to_both() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let english = "Nothing more is needed here. You can go on.";
    let german = "Mehr ist hier nicht nötig. Sie können weitermachen.";
    for (wished, told) in [("en", english), ("de", german)] {
        let mut browser = scene.world.browser();
        let first = browser.flow(&scene.shop, &[("ui_locales", wished)]).await;
        let id = first["id"].as_str().unwrap().to_owned();
        browser.password(&id, "alice", PASSWORD).await.ok();
        let state = authenticate(&mut browser, &id, &phone.payload(|_| {})).await.ok();
        assert_eq!(state["message"], "The app is a trusted device of the person.");
        assert_eq!((&state["status"], &state["userMessage"]), (&json!("MFA_COMPLETED"), &json!(told)));
    }
    let fresh = Scene::of(usual()).await;
    let mut browser = fresh.world.browser();
    let id = fresh.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!(state["code"], "bypassed");
    assert_eq!(state["message"], "The MFA policy does without a second factor.");
    assert_eq!(state["userMessage"], english);
}

#[tokio::test]
async fn t1_2_t1_3_nothing_goes_on_by_itself() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let (mut browser, id, state) = scene.by(&phone).await;
    for _ in 0..3 {
        assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), state);
    }
    let again = authenticate(&mut browser, &id, &phone.payload(|_| {})).await;
    assert_eq!((again.status, again.json()["code"].clone()), (400, json!("INVALID_ACTION_ID")));
    assert!(scene.world.rows("token_grant").await.is_empty());
}

#[tokio::test]
async fn t1_7_the_first_factor_comes_first() {
    let scene = Scene::of(usual()).await;
    let mut browser = scene.world.browser();
    let first = browser.flow(&scene.shop, &[]).await;
    let phone = scene.world.phone();
    let answer = authenticate(&mut browser, first["id"].as_str().unwrap(), &phone.payload(|_| {})).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("INVALID_ACTION_ID")));
}

#[tokio::test]
async fn t3_9_a_device_that_was_deleted_is_offered_anew() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let admin = scene.world.robot("another", "nod:admin").await;
    let device = phone.device();
    let listed = admin.get("/admin/v1/devices").await.ok();
    let at = format!("/admin/v1/devices/{}", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(admin.delete(&at).await.status, 204, "{device:?}");
    let (_, _, state) = scene.by(&phone).await;
    assert_eq!(state["status"], super::PAIRING);
}

/// [flows.md H.3] A payload is as much a use of the new key as a call is.
#[tokio::test]
async fn h3_a_payload_by_an_announced_key_ends_the_old_one() {
    let scene = Scene::of(usual()).await;
    let old = scene.trusted().await;
    let key = SoftwareKey::generate().unwrap();
    let announcement = old.rotation(&key);
    let new = old.with_key(key);
    old.call(&announcement).await.ok();
    let (_, _, state) = scene.by(&old).await;
    assert_eq!(state["code"], "device_authorized", "the new one has not been used");
    let (_, _, state) = scene.by(&new).await;
    assert_eq!(state["code"], "device_authorized");
    old.call(&Call::me()).await.problem(401, "DEVICE_UNKNOWN");
    let (_, _, state) = scene.by(&old).await;
    assert_ne!(state["code"], "device_authorized", "nor does it vouch for anybody");
    assert_eq!(new.me().await.installation_id, old.installation());
    let (_, _, state) = scene.by(&new).await;
    assert_eq!(state["code"], "device_authorized");
}

/// Whoever signs in as somebody else does not change the key of a phone that is not theirs.
#[tokio::test]
async fn h3_a_payload_in_the_name_of_another_person_ends_no_key() {
    let scene = Scene::of(usual()).await;
    let old = scene.trusted().await;
    let key = SoftwareKey::generate().unwrap();
    let announcement = old.rotation(&key);
    let new = old.with_key(key);
    old.call(&announcement).await.ok();
    let _bob = scene.world.user("bob").with_password(PASSWORD).await;
    let mut browser = scene.world.browser();
    let id = browser.flow(&scene.shop, &[]).await["id"].as_str().unwrap().to_owned();
    browser.password(&id, "bob", PASSWORD).await.ok();
    assert_eq!(authenticate(&mut browser, &id, &new.payload(|_| {})).await.status, 200);
    assert_eq!(old.me().await.installation_id, new.installation());
}

/// A device is trusted as the app that it was enrolled by.
#[tokio::test]
async fn a_phone_that_was_paired_with_a_key_is_asked_like_any_other() {
    let scene = Scene::of(usual()).await;
    let bob = scene.world.user("bob").with_phone().with_password(PASSWORD).await;
    let mut browser = scene.world.browser();
    let first = browser.flow(&scene.shop, &[]).await;
    let id = first["id"].as_str().unwrap().to_owned();
    browser.password(&id, "bob", PASSWORD).await.ok();
    let state = authenticate(&mut browser, &id, &bob.phone().payload(|_| {})).await.ok();
    assert_eq!(state["status"], "PUSH_CONFIRMATION_WAITING");
}

/// Zero clicks in a browser too [flows.md T7.1]: our pages have no app behind them, and the policy waives.
#[tokio::test]
async fn our_own_pages_ask_for_nothing_that_nobody_can_show() {
    for (mode, lets_in) in [("bypass", true), ("block", false)] {
        let mut mfa = usual();
        mfa["no_devices_mode"] = json!(mode);
        let scene = Scene::of(mfa).await;
        let callback = scene.world.browser().log_in(&scene.shop, "alice", PASSWORD).await;
        if lets_in {
            callback.get("code");
        } else {
            callback.error("access_denied");
        }
    }
}

/// [flows.md T15.2] what is no link of a state is refused, and changes nothing.
#[tokio::test]
async fn t15_2_only_the_links_of_a_second_factor_lead_on() {
    let mut blocks = usual();
    blocks["no_devices_mode"] = json!("block");
    let mut reached = Vec::new();
    for (mfa, shows) in [(usual(), false), (usual(), true), (blocks, true)] {
        let scene = Scene::of(mfa).await;
        let phone = scene.world.phone();
        let mut browser = scene.world.browser();
        let id = scene.at_second_factor(&mut browser).await;
        looked_at(&scene, &mut browser, &id, &mut reached).await;
        let body = if shows { json!({ "mobilePayload": phone.payload(|_| {}) }) } else { json!({}) };
        browser.act(&id, "authenticate", &body).await.ok();
        looked_at(&scene, &mut browser, &id, &mut reached).await;
    }
    reached.sort();
    reached.dedup();
    assert_eq!(reached, ["AUTHENTICATION_REQUIRED", "MFA_COMPLETED", "MFA_FAILED", "MOBILE_PAIRING_REQUIRED"]);
}

async fn looked_at(scene: &Scene, browser: &mut Browser, id: &str, reached: &mut Vec<String>) {
    let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
    only_its_links(&scene.world, browser, &state, id).await;
    reached.push(state["status"].as_str().unwrap().to_owned());
}
