//! How long what somebody has said of a new device stands, and what of it counts [flows.md F10].

use nod_device::NewDeviceChoice;
use serde_json::Value;

use super::new_device::{payload_of, policy};
use super::step_up::{REJECTED, TIMED_OUT, WAITING, gives_up, poll, select};
use super::{PASSWORD, Scene, authenticate, json};
use crate::admin::robot::usr;
use crate::sign_in::every_state::only_its_links;
use crate::world::{Phone, World, seconds};

const NEW: &str = "twelve green bottles";

fn is_let_in(state: &Value) {
    assert_eq!(
        (&state["status"], &state["code"]),
        (&json!("MFA_COMPLETED"), &json!("device_access_allowed")),
        "{state}"
    );
}

fn is_blocked(state: &Value) {
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("DEVICE_BLOCKED")), "{state}");
}

impl Scene {
    /// A new phone that is asked about no more, since it was let in once on this one.
    async fn let_in_once(&self, on: &Phone) -> Phone {
        let new = self.world.phone();
        let (mut browser, id, _) = self.by_new(&new, "Pixel 9").await;
        on.choose(&on.question().await, NewDeviceChoice::Once).await.ok();
        is_let_in(&poll(&mut browser, &id).await);
        is_let_in(&self.by_new(&new, "Pixel 9").await.2);
        new
    }
}

/// Whoever had that phone, and had it let in another one, has neither any more.
#[tokio::test]
async fn f10_what_a_phone_let_in_ends_with_the_trust_in_that_phone() {
    for unpaired in [false, true] {
        let scene = Scene::with_phones(policy(), 2).await;
        let [first, second] = &scene.alice.phones[..] else { panic!("two phones") };
        let new = scene.let_in_once(first).await;
        if unpaired {
            first.unpair_by_administrator().await;
        } else {
            first.block().await;
        }
        let (_, _, state) = scene.by_new(&new, "Pixel 9").await;
        let asked = &state["selectedDeviceRef"]["id"];
        assert_eq!((&state["status"], asked), (&json!(WAITING), &json!(scene.device(1))), "unpaired: {unpaired}");
        second.question().await;
    }
}

#[tokio::test]
async fn f10_what_a_phone_blocked_stays_blocked_without_that_phone() {
    let scene = Scene::with_phones(policy(), 2).await;
    let first = &scene.alice.phones[0];
    let new = scene.world.phone();
    scene.by_new(&new, "Pixel 9").await;
    first.choose(&first.question().await, NewDeviceChoice::Block).await.ok();
    first.unpair_by_administrator().await;
    is_blocked(&scene.by_new(&new, "Pixel 9").await.2);
}

/// A yes is worth nothing where nobody came for it in time, or the sign-in was given up: the next time they are asked.
#[tokio::test]
async fn f10_a_yes_for_once_that_nobody_came_for_lets_in_nothing() {
    for given_up in [true, false] {
        let scene = Scene::of(policy()).await;
        let primary = scene.trusted().await;
        let new = scene.world.phone();
        let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
        primary.choose(&primary.question().await, NewDeviceChoice::Once).await.ok();
        if given_up {
            gives_up(&mut browser, &id).await;
        } else {
            scene.world.clock.advance(seconds(101));
            assert_eq!(poll(&mut browser, &id).await["status"], TIMED_OUT);
        }
        assert!(scene.world.rows("app_standing").await.is_empty(), "given up: {given_up}");
        assert_eq!(scene.by_new(&new, "Pixel 9").await.2["status"], WAITING, "given up: {given_up}");
    }
}

/// Somebody who tries twice has two questions put, and gets through by no answer to the other one.
#[tokio::test]
async fn f10_a_block_counts_more_than_a_yes_to_another_question() {
    for (choice, first) in [
        (NewDeviceChoice::Once, false),
        (NewDeviceChoice::Once, true),
        (NewDeviceChoice::Trusted, false),
        (NewDeviceChoice::Trusted, true),
    ] {
        let scene = Scene::of(policy()).await;
        let primary = scene.trusted().await;
        let new = scene.world.phone();
        let (mut one, one_id, _) = scene.by_new(&new, "Pixel 9").await;
        let (mut two, two_id, _) = scene.by_new(&new, "Pixel 9").await;
        let questions = primary.pending().await;
        let [to_block, to_let_in] = &questions[..] else { panic!("two questions: {questions:?}") };
        let answers = if first {
            [(to_let_in, choice), (to_block, NewDeviceChoice::Block)]
        } else {
            [(to_block, NewDeviceChoice::Block), (to_let_in, choice)]
        };
        for (question, answer) in answers {
            primary.choose(question, answer).await.ok();
        }
        assert_eq!(poll(&mut one, &one_id).await["status"], REJECTED, "{choice:?}, the yes first: {first}");
        let state = poll(&mut two, &two_id).await;
        is_blocked(&state);
        only_its_links(&scene.world, &mut two, &state, &two_id).await;
        is_blocked(&scene.by_new(&new, "Pixel 9").await.2);
        assert_eq!(scene.devices().await, 1);
    }
}

/// Nor is a code sent to them, or a phone asked, in a sign-in by it that is under way.
#[tokio::test]
async fn f10_an_app_that_is_blocked_meanwhile_gets_through_by_no_other_device() {
    for action in ["checkOtp", "resendOtp", "selectDevice"] {
        let mut mfa = policy();
        mfa["email"] = json!({ "enabled": true });
        let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
        let primary = scene.trusted().await;
        scene.address("alice", "alice@home.example").await;
        let new = scene.world.phone();
        let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
        let address = state["devices"][1]["id"].as_str().unwrap();
        assert_eq!(select(&mut browser, &id, address).await.ok()["status"], "OTP_REQUIRED");
        let code = scene.code(1).await;
        scene.world.clock.advance(seconds(30));
        // In another sign-in by the same app.
        scene.by_new(&new, "Pixel 9").await;
        primary.choose(&primary.question().await, NewDeviceChoice::Block).await.ok();

        let body = match action {
            "checkOtp" => json!({ "otp": code }),
            "selectDevice" => json!({ "deviceRef": { "id": primary.device().to_string() } }),
            _ => json!({}),
        };
        let state = browser.act(&id, action, &body).await.ok();
        is_blocked(&state);
        scene.world.nothing_waits().await;
        only_its_links(&scene.world, &mut browser, &state, &id).await;
        assert_eq!(scene.world.inbox().len(), 1, "{action}: nothing more is sent");
        assert!(primary.pending().await.is_empty(), "{action}: nobody is asked");
        assert_eq!(scene.devices().await, 1);
    }
}

/// As their sessions do.
#[tokio::test]
async fn f10_what_is_let_in_is_asked_about_after_a_lock_and_with_another_password() {
    for locked in [true, false] {
        let scene = Scene::of(policy()).await;
        let primary = scene.trusted().await;
        let new = scene.let_in_once(&primary).await;
        let mut browser = scene.world.browser();
        let id = if locked {
            scene.alice.lock().await;
            scene.alice.unlock().await;
            scene.at_second_factor(&mut browser).await
        } else {
            let admin = scene.world.robot("another", "nod:admin").await;
            let password = format!("/admin/v1/users/{}/password", usr(&scene.alice));
            admin.patch(&password, &json!({ "must_change": true })).await.ok();
            let id = browser.flow(&scene.shop, &[]).await["id"].as_str().unwrap().to_owned();
            browser.password(&id, "alice", PASSWORD).await.ok();
            browser.act(&id, "checkNewPassword", &json!({ "newPassword": NEW })).await.ok();
            let state = browser.act(&id, "continueAuthentication", &json!({})).await.ok();
            assert_eq!(state["status"], "AUTHENTICATION_REQUIRED");
            id
        };
        assert!(scene.world.rows("app_standing").await.is_empty(), "locked: {locked}");
        let state = authenticate(&mut browser, &id, &payload_of(&new, "Pixel 9")).await.ok();
        assert_eq!(state["status"], WAITING, "locked: {locked}");
        assert!(!primary.pending().await.is_empty());
    }
}
