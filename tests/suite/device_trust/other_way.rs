//! What is locked is a way, and never the person: they are asked in another one [flows.md H.4; security.md 5.7, case 122].

use serde_json::Value;

use super::step_up::{SELECTION, WAITING, gives_up, select};
use super::step_up_message::{NUMBER, here};
use super::step_up_otp::{check, refused, resend, wrong};
use super::{PASSWORD, Scene, claims, json, new_device, step_up_message, ticket};
use crate::sign_in::every_state::only_its_links;
use crate::world::{World, seconds};

const REQUIRED: &str = "OTP_REQUIRED";

/// By which a phone rings once, and then not for half an hour.
fn once(mut mfa: Value) -> Value {
    mfa["push_limit"] = json!({ "count": 1 });
    mfa["email"] = json!({ "enabled": true });
    mfa
}

fn policy() -> Value {
    json!({ "id": "mfa", "number_matching": "off" })
}

impl Scene {
    /// With a phone of alice that has rung, and addresses of hers.
    async fn rung(mfa: Value, addresses: &[&str]) -> Self {
        let mut scene = Self::in_world(World::with().letters().start().await, once(mfa)).await;
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
        for address in addresses {
            scene.address("alice", address).await;
            // The oldest is the first.
            scene.world.clock.advance(seconds(1));
        }
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["status"], WAITING);
        gives_up(&mut browser, &id).await;
        scene
    }
}

#[tokio::test]
async fn h4_who_is_asked_too_often_on_a_phone_is_sent_a_code() {
    let scene = Scene::rung(policy(), &["alice@home.example"]).await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!((&state["status"], &state["changeDevicePermitted"]), (&json!(REQUIRED), &json!(true)));
    assert_eq!(state["selectedDeviceRef"]["id"], state["devices"][1]["id"]);
    assert!(scene.alice.phone().pending().await.is_empty(), "it rings no more");
    only_its_links(&scene.world, &mut browser, &state, &id).await;
    let again = select(&mut browser, &id, &scene.device(0)).await;
    assert_eq!((again.status, &again.json()["details"][0]["code"]), (400, &json!("PUSH_FAILED")));
    let code = scene.code(1).await;
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
    assert_eq!(claims(&scene.tokens(&mut browser, &id).await)["acr"], "urn:nod:acr:otp");
}

/// The same on our own pages.
#[tokio::test]
async fn h4_the_page_asks_for_a_code_where_the_phone_rings_no_more() {
    let scene = Scene::rung(policy(), &["alice@home.example"]).await;
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let page = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    let code = scene.code(1).await;
    let Err(callback) = browser.press(&page, "continue", &[("code", &code)]).await else { panic!("still on a page") };
    let told = claims(&scene.shop.redeem(callback.get("code")).await.ok());
    assert_eq!(told["acr"], "urn:nod:acr:otp");
}

/// [flows.md F10] what makes a device of an app is nothing that happens by itself.
#[tokio::test]
async fn h4_who_is_asked_about_a_new_device_says_in_which_other_way() {
    let scene = Scene::rung(new_device::policy(), &["alice@home.example"]).await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["purpose"]), (&json!(SELECTION), &json!("APPROVE_NEW_DEVICE")));
    assert!(scene.world.inbox().is_empty() && scene.alice.phone().pending().await.is_empty());
    let address = state["devices"][1]["id"].as_str().unwrap();
    let state = select(&mut browser, &id, address).await.ok();
    assert_eq!((&state["status"], &state["purpose"]), (&json!(REQUIRED), &json!("APPROVE_NEW_DEVICE")));
    let code = scene.code(1).await;
    let state = check(&mut browser, &id, &code).await.ok();
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
}

#[tokio::test]
async fn h4_where_no_way_is_left_nobody_is_asked() {
    let scene = Scene::rung(policy(), &["alice@home.example", "alice-1@home.example"]).await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], REQUIRED);
    let code = scene.code(1).await;
    for _ in 0..3 {
        check(&mut browser, &id, &wrong(&code)).await;
    }
    let mut another = scene.world.browser();
    let next = scene.at_second_factor(&mut another).await;
    let answer = another.act(&next, "authenticate", &json!({})).await;
    assert_eq!((answer.status, &answer.json()["details"][0]["code"]), (400, &json!("PUSH_FAILED")));
    assert_eq!(scene.world.inbox().len(), 1);
    assert!(scene.alice.phone().pending().await.is_empty());
}

/// [security.md case 118] another message is sent where the person says so, and not by itself.
#[tokio::test]
async fn h4_who_had_too_many_texts_says_in_which_other_way() {
    let world = here().settings(|settings| settings.otps = 1).start().await;
    let mut mfa = once(policy());
    mfa["sms"] = json!({ "enabled": true });
    let places = [("sms", NUMBER), ("email", "alice@home.example")];
    let scene = Scene::with_places(world, mfa, &places).await;
    let (mut browser, id, state) = scene.sent().await;
    assert_eq!(state["delivery"], "SENT");
    gives_up(&mut browser, &id).await;
    scene.world.clock.advance(seconds(30));
    let (mut browser, id, state) = scene.authenticates("alice").await;
    assert_eq!(state["status"], SELECTION, "{state}");
    assert!(scene.world.inbox().is_empty());
    assert_eq!(scene.choose(&mut browser, &id, &state["devices"][1]).await.ok()["status"], REQUIRED);
    let code = scene.code(1).await;
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
}

/// [security.md 5.6] to one number one goes out in half a minute, whatever flow asks. A code of another flow is no help.
#[tokio::test]
async fn h4_a_text_that_comes_too_early_keeps_nobody_out() {
    let scene = Scene::with_places(here().start().await, step_up_message::policy(), &[("sms", NUMBER)]).await;
    let (_, _, first) = scene.sent().await;
    let old = scene.text(1);
    scene.world.clock.advance(seconds(10));
    let (mut browser, id, state) = scene.sent().await;
    assert_eq!(state["delivery"], "NOT_SENT");
    assert!(state["resendAfter"].as_str() > first["resendAfter"].as_str(), "{state}");
    only_its_links(&scene.world, &mut browser, &state, &id).await;
    refused(&check(&mut browser, &id, &old).await, "VALIDATION_ERROR", "INVALID_OTP");
    refused(&resend(&mut browser, &id).await, "REQUEST_FAILED", "OTP_RESEND_LIMIT");
    assert_eq!(scene.text(1), old, "nothing was sent");
    scene.world.clock.advance(seconds(30));
    let state = resend(&mut browser, &id).await.ok();
    assert_eq!((&state["status"], &state["delivery"]), (&json!(REQUIRED), &json!("SENT")));
    let code = scene.text(2);
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
    scene.tokens(&mut browser, &id).await;
}

/// On our own pages, of whoever goes back and begins anew.
#[tokio::test]
async fn h4_the_page_says_that_no_text_goes_yet_and_has_one_sent_later() {
    let scene = Scene::with_places(here().start().await, step_up_message::policy(), &[("sms", NUMBER)]).await;
    scene.sent().await;
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let page = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    page.has("The code could not be sent.").has("You can get a new code in");
    scene.world.clock.advance(seconds(30));
    let page = browser.open(&format!("/sign-in/{}", page.flow())).await.unwrap();
    let page = browser.press(&page, "resend", &[]).await.unwrap();
    page.has("We sent the code to the number ending in");
    let done = browser.press(&page, "continue", &[("code", &scene.text(2))]).await;
    assert!(done.is_err(), "back at the shop");
}

/// Where the flow has sent a code already, that one stays good.
#[tokio::test]
async fn h4_what_comes_too_early_costs_nobody_the_code_that_was_sent() {
    let places = [("sms", NUMBER), ("email", "alice@home.example")];
    let scene = Scene::with_places(here().start().await, step_up_message::policy(), &places).await;
    let (mut browser, id, state) = scene.authenticates("alice").await;
    let devices = &state["devices"];
    scene.choose(&mut browser, &id, &devices[0]).await.ok();
    scene.choose(&mut browser, &id, &devices[1]).await.ok();
    let code = scene.code(1).await;
    refused(&scene.choose(&mut browser, &id, &devices[0]).await, "REQUEST_FAILED", "OTP_RESEND_LIMIT");
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
}
