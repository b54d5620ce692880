//! Somebody looks after their devices on the way of a sign-in, once they have shown one of them [flows.md A.1.3, D.5, H.7].

use futures_util::future::join_all;
use serde_json::Value;

use super::step_up::{SELECTION, WAITING, poll, select, without_numbers};
use super::step_up_otp::{check, code};
use super::{Scene, claims, json};
use crate::sign_in::every_state::only_its_links;
use crate::sign_in::links;
use crate::world::{Answer, Browser, FLOWS, World, seconds};

const MANAGEMENT: &str = "DEVICE_MANAGEMENT";
const ANEW: &str = "AUTHENTICATION_REQUIRED";

/// People say on which device they are asked.
fn policy() -> Value {
    let mut mfa = without_numbers();
    mfa["device_selection"] = json!("prompt_to_select");
    mfa["email"] = json!({ "enabled": true });
    mfa
}

/// Alice with so many phones, and an address for codes.
async fn scene(mfa: Value, phones: usize) -> Scene {
    let scene = Scene::with_phones_in(World::with().letters().start().await, mfa, phones).await;
    scene.address("alice", "alice@home.example").await;
    scene
}

/// A sign-in in which she wants to look after them, and has not shown any yet.
async fn wanted(scene: &Scene) -> (Browser, String, Value) {
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], SELECTION, "{state}");
    let state = browser.act(&id, "manageDevices", &json!({})).await.ok();
    (browser, id, state)
}

/// The same, after a yes on her first phone.
async fn managed(scene: &Scene) -> (Browser, String, Value) {
    let (mut browser, id, _) = wanted(scene).await;
    assert_eq!(select(&mut browser, &id, &scene.device(0)).await.ok()["status"], WAITING);
    scene.alice.phone().approve_the_question().await;
    let state = poll(&mut browser, &id).await;
    assert_eq!(state["status"], MANAGEMENT, "{state}");
    (browser, id, state)
}

async fn of_device(browser: &mut Browser, id: &str, action: &str, device: &Value) -> Answer {
    browser.act(id, action, &json!({ "deviceRef": { "id": device } })).await
}

async fn remove(browser: &mut Browser, id: &str, device: &str) -> Answer {
    of_device(browser, id, "removeDevice", &json!(device)).await
}

async fn rename(browser: &mut Browser, id: &str, device: &Value, nickname: &str) -> Answer {
    browser.act(id, "updateDeviceNickname", &json!({ "id": device, "nickname": nickname })).await
}

async fn resume(browser: &mut Browser, id: &str) -> Value {
    browser.act(id, "resumeAuthentication", &json!({})).await.ok()
}

fn ids(state: &Value) -> Vec<&str> {
    state["devices"].as_array().unwrap().iter().map(|device| device["id"].as_str().unwrap()).collect()
}

fn invalid(answer: &Answer, code: &str, target: &str) {
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (400, &json!("VALIDATION_ERROR")), "{told}");
    assert_eq!((&told["details"][0]["code"], &told["details"][0]["target"]), (&json!(code), &json!(target)), "{told}");
}

#[tokio::test]
async fn a_1_3_who_has_shown_one_of_their_devices_looks_after_them_and_goes_on() {
    let scene = scene(policy(), 3).await;
    let world = &scene.world;
    let (mut browser, id, state) = wanted(&scene).await;
    assert_eq!((&state["status"], &state["deviceManagementState"]), (&json!(SELECTION), &json!(true)), "{state}");
    assert_eq!(state["manageDevicesAllowed"], true);
    assert_eq!(links(&state), ["cancelAuthentication", "resumeAuthentication", "selectDevice", "self"]);
    only_its_links(world, &mut browser, &state, "before anything was shown").await;
    // They need not, after all.
    let state = resume(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["deviceManagementState"]), (&json!(SELECTION), &json!(false)), "{state}");
    browser.act(&id, "manageDevices", &json!({})).await.ok();

    let state = select(&mut browser, &id, &scene.device(0)).await.ok();
    only_its_links(world, &mut browser, &state, "while they are asked").await;
    scene.alice.phone().approve_the_question().await;
    let state = poll(&mut browser, &id).await;
    assert_eq!(
        (&state["status"], links(&state)),
        (
            &json!(MANAGEMENT),
            vec![
                "cancelAuthentication",
                "removeDevice",
                "resumeAuthentication",
                "self",
                "setDefaultDevice",
                "updateDeviceNickname"
            ]
        )
    );
    let types = state["devices"].as_array().unwrap().iter().map(|device| device["type"].as_str().unwrap());
    assert_eq!(types.collect::<Vec<_>>(), ["MOBILE", "MOBILE", "MOBILE", "EMAIL"]);
    let address = state["devices"][3]["id"].clone();
    only_its_links(world, &mut browser, &state, MANAGEMENT).await;

    let watch = world.watch().await;
    let (second, third) = (scene.device(1), scene.device(2));
    let state = of_device(&mut browser, &id, "setDefaultDevice", &json!(second)).await.ok();
    assert_eq!((ids(&state)[0], &state["devices"][0]["defaultDevice"]), (second.as_str(), &json!(true)), "{state}");
    let state = rename(&mut browser, &id, &json!(third), " The <blue> one ").await.ok();
    let third_of = |state: &Value| {
        let own = state["devices"].as_array().unwrap().iter().find(|device| device["id"] == third.as_str());
        own.cloned()
    };
    assert_eq!(third_of(&state).unwrap()["nickname"], "The <blue> one");
    let state = rename(&mut browser, &id, &address, "home").await.ok();
    assert_eq!(state["devices"][3]["nickname"], "home", "{state}");
    let state = remove(&mut browser, &id, &third).await.ok();
    assert_eq!((&state["status"], third_of(&state)), (&json!(MANAGEMENT), None));
    let state = of_device(&mut browser, &id, "removeDevice", &address).await.ok();
    assert_eq!(ids(&state), [second.as_str(), scene.device(0).as_str()]);
    let mut told = Vec::new();
    for event in watch.events().await.into_iter().filter(|event| event.action.contains("device.")) {
        assert_eq!((event.client.as_deref(), event.result.as_str()), (Some("shop"), "done"), "{event:?}");
        told.push(event.action);
    }
    told.sort();
    let changes = ["device.unpaired", "device.updated", "device.updated", "otp_device.removed", "otp_device.updated"];
    assert_eq!(told, changes);

    let state = resume(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("push_confirmed")), "{state}");
    assert_eq!(claims(&scene.tokens(&mut browser, &id).await)["acr"], "urn:nod:acr:device");
    // So it is from then on.
    let (_, _, state) = scene.asked().await;
    assert_eq!(ids(&state), [second.as_str(), scene.device(0).as_str()]);
}

#[tokio::test]
async fn a_code_shows_that_it_is_them_as_well() {
    let scene = scene(policy(), 1).await;
    let (mut browser, id, state) = wanted(&scene).await;
    let address = state["devices"][1]["id"].as_str().unwrap();
    assert_eq!(select(&mut browser, &id, address).await.ok()["status"], "OTP_REQUIRED");
    let otp = code(&scene.letters(1).await[0]);
    let state = check(&mut browser, &id, &otp).await.ok();
    assert_eq!(state["status"], MANAGEMENT, "{state}");
    // What has shown it may go: it has.
    let state = of_device(&mut browser, &id, "removeDevice", &json!(address)).await.ok();
    assert_eq!((&state["status"], ids(&state)), (&json!(MANAGEMENT), vec![scene.device(0).as_str()]));
    assert_eq!(resume(&mut browser, &id).await["code"], "otp_verified");
    scene.tokens(&mut browser, &id).await;
}

/// A session may be somebody else's by now, whatever they show besides.
#[tokio::test]
async fn security_nobody_looks_after_devices_by_the_word_of_a_session() {
    let scene = scene(policy(), 2).await;
    let (mut browser, id, _) = scene.asked().await;
    select(&mut browser, &id, &scene.device(0)).await.ok();
    scene.alice.phone().approve_the_question().await;
    poll(&mut browser, &id).await;
    scene.tokens(&mut browser, &id).await;
    let begun = browser.flow(&scene.shop, &[]).await;
    assert_eq!(begun["status"], ANEW, "the session stands for the password");
    let id = begun["id"].as_str().unwrap();
    let state = browser.act(id, "authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["manageDevicesAllowed"]), (&json!(SELECTION), &json!(false)), "{state}");
    only_its_links(&scene.world, &mut browser, &state, "by a session").await;
}

/// [flows.md I8]
#[tokio::test]
async fn i8_what_is_not_theirs_or_gone_or_no_name_changes_nothing() {
    let scene = scene(policy(), 3).await;
    let bob = scene.world.user("bob").with_phone().await;
    let (mut browser, id, state) = managed(&scene).await;
    let address = state["devices"][3]["id"].clone();
    scene.alice.phones[1].unpair_by_administrator().await;
    scene.alice.phones[2].block().await;
    let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
    let watch = scene.world.watch().await;
    let gone = [bob.phone().device().to_string(), scene.device(1), "nonsense".to_owned()];
    for device in gone.iter().map(|device| json!(device)) {
        for action in ["removeDevice", "setDefaultDevice"] {
            invalid(&of_device(&mut browser, &id, action, &device).await, "INVALID_DEVICE", "deviceRef");
        }
        invalid(&rename(&mut browser, &id, &device, "mine").await, "INVALID_DEVICE", "id");
    }
    // One that is blocked, or no phone, is not asked first.
    for device in [json!(scene.device(2)), address] {
        invalid(&of_device(&mut browser, &id, "setDefaultDevice", &device).await, "INVALID_DEVICE", "deviceRef");
    }
    for bad in ["  ", "a\u{7}", &"x".repeat(65)] {
        let answer = rename(&mut browser, &id, &json!(scene.device(0)), bad).await;
        invalid(&answer, "INVALID_FIELD_VALUE", "nickname");
    }
    invalid(&browser.act(&id, "removeDevice", &json!({})).await, "FIELD_REQUIRED", "deviceRef");
    invalid(&browser.act(&id, "updateDeviceNickname", &json!({ "nickname": "mine" })).await, "FIELD_REQUIRED", "id");
    watch.nothing_changed("what cannot be done").await;
    assert_eq!(browser.get(&format!("{FLOWS}{id}")).await.ok(), state);
    // What was refused is in the way of nothing.
    rename(&mut browser, &id, &json!(scene.device(0)), "mine").await.ok();
}

/// [flows.md F5] also of one that another sign-in waits for.
#[tokio::test]
async fn f5_a_phone_that_is_removed_vouches_for_nobody_and_is_waited_for_no_more() {
    let scene = scene(policy(), 3).await;
    let (mut other, other_id, _) = scene.asked().await;
    assert_eq!(select(&mut other, &other_id, &scene.device(1)).await.ok()["status"], WAITING);
    let (mut browser, id, _) = managed(&scene).await;
    remove(&mut browser, &id, &scene.device(1)).await.ok();
    assert_ne!(poll(&mut other, &other_id).await["selectedDeviceRef"]["id"], scene.device(1).as_str());
    // The one that has said yes, too: then it is to be said on another one.
    let state = remove(&mut browser, &id, &scene.device(0)).await.ok();
    assert_eq!((&state["status"], links(&state)), (&json!(ANEW), vec!["authenticate", "cancelAuthentication", "self"]));
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], ids(&state)[0]), (&json!(SELECTION), scene.device(2).as_str()), "{state}");
    assert_eq!(state["deviceManagementState"], false);
    select(&mut browser, &id, &scene.device(2)).await.ok();
    scene.alice.phones[2].approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
    scene.tokens(&mut browser, &id).await;
}

#[tokio::test]
async fn security_5_1_who_loses_a_phone_on_the_way_is_written_to() {
    let mut mfa = policy();
    mfa["new_device_notification"] = json!("email");
    let scene = scene(mfa, 2).await;
    let told = || {
        let letters = scene.world.inbox();
        letters.iter().any(|received| received.letter.subject == "Nod: a device was removed from your account")
    };
    let (mut browser, id, _) = managed(&scene).await;
    scene.world.nothing_waits().await;
    assert!(!told());
    remove(&mut browser, &id, &scene.device(1)).await.ok();
    crate::admin::until("a letter that says so", async || told().then_some(())).await;
}

/// What was shown counts for nobody who is stopped since then, or whose password is another one.
#[tokio::test]
async fn security_whoever_is_stopped_or_has_another_password_changes_nothing() {
    let scene = scene(policy(), 2).await;
    let phones = async || scene.world.rows("device").await.len();
    let (mut browser, id, _) = managed(&scene).await;
    scene.alice.lock().await;
    assert_eq!(remove(&mut browser, &id, &scene.device(1)).await.ok()["status"], ANEW);
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("ACCOUNT_LOCKED_OUT")), "{state}");
    scene.alice.unlock().await;
    assert_eq!(phones().await, 2);

    let (mut thief, stolen, _) = managed(&scene).await;
    scene.world.clock.advance(seconds(5));
    scene.chooses_another_password().await;
    assert_eq!(remove(&mut thief, &stolen, &scene.device(1)).await.ok()["status"], ANEW);
    assert_eq!(phones().await, 2);
}

/// [flows.md F5] nor for whoever has shown a phone that is lost, once that is said.
#[tokio::test]
async fn security_a_phone_that_is_blocked_by_then_has_shown_nothing() {
    let scene = scene(policy(), 2).await;
    let (mut thief, stolen, _) = managed(&scene).await;
    scene.alice.phone().block().await;
    assert_eq!(remove(&mut thief, &stolen, &scene.device(1)).await.ok()["status"], ANEW);
    assert_eq!(scene.world.rows("device").await.len(), 2);
}

/// Of many who want something at once, each is told what has become of it.
#[tokio::test]
async fn of_many_changes_at_once_those_happen_that_are_said_to() {
    let scene = scene(policy(), 2).await;
    let (mut browser, id, _) = managed(&scene).await;
    for _ in 0..5 {
        let watch = scene.world.watch().await;
        let mut tabs: Vec<Browser> = (0..8).map(|_| browser.at(0)).collect();
        let device = json!(scene.device(0));
        let names: Vec<String> = (0..8).map(|number| format!("phone {number}")).collect();
        let all = tabs.iter_mut().zip(&names).map(|(tab, name)| rename(tab, &id, &device, name));
        let answers = join_all(all).await;
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        let refused = answers.iter().filter(|answer| answer.status != 200);
        assert!(refused.map(Answer::json).all(|told| told["code"] == "INVALID_ACTION_ID"));
        let events = watch.events().await;
        let renamed = events.iter().filter(|event| event.action == "device.updated").count();
        assert!(done >= 1 && done == renamed, "{done} of {renamed}");
    }
    let watch = scene.world.watch().await;
    let second = scene.device(1);
    let mut tabs: Vec<Browser> = (0..8).map(|_| browser.at(0)).collect();
    let answers = join_all(tabs.iter_mut().map(|tab| remove(tab, &id, &second))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let events = watch.events().await;
    assert_eq!(events.iter().filter(|event| event.action == "device.unpaired").count(), 1, "{events:?}");
    assert_eq!(resume(&mut browser, &id).await["status"], "MFA_COMPLETED");
}
