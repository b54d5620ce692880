//! Whoever signs in waits for no device that went away: the policy says what comes of it [flows.md F5; reliability.md R18].

use nod::protocol::public_id::{self, Kind};
use nod_device::Call;
use serde_json::Value;

use super::step_up::{SELECTION, TIMED_OUT, WAITING, gives_up, poll, select, without_numbers};
use super::{PASSWORD, Scene, json};
use crate::sign_in::every_state::only_its_links;
use crate::world::{BEGIN, FLOWS, Phone, seconds};

/// How a phone goes away.
#[derive(Clone, Copy, Debug)]
enum By {
    Blocking,
    Administrator,
    App,
}

impl By {
    /// The question is withdrawn by then.
    async fn takes(self, scene: &Scene, phone: &Phone) {
        let at = format!("/admin/v1/devices/{}", public_id::encode(Kind::Device, phone.device().uuid()));
        let admin = scene.world.robot("operator", "nod:admin").await;
        match self {
            Self::Blocking => assert_eq!(admin.act(&format!("{at}/block")).await.ok()["status"], "blocked"),
            Self::Administrator => assert_eq!(admin.delete(&at).await.status, 204),
            Self::App => assert_eq!(phone.call(&Call::unpair(phone.device())).await.status, 204),
        }
    }
}

/// A policy that does without, or does not.
fn policy(mode: &str) -> Value {
    json!({ "id": "mfa", "number_matching": "off", "no_devices_mode": mode, "incompatible_devices_mode": mode })
}

fn ended(state: &Value, status: &str, code: &str) {
    assert_eq!((&state["status"], &state["code"]), (&json!(status), &json!(code)), "{state}");
}

/// [flows.md F5, H.4/5] at once, and not when the time is over.
#[tokio::test]
async fn t5_5_the_only_phone_is_taken_away_and_the_policy_says_what_comes_of_it() {
    for (by, reason, why) in [
        (By::Blocking, "device_blocked", "NO_USABLE_DEVICES"),
        (By::Administrator, "device_unpaired", "NO_DEVICES"),
        (By::App, "device_unpaired", "NO_DEVICES"),
    ] {
        for mode in ["block", "bypass"] {
            let scene = Scene::with_phones(policy(mode), 1).await;
            let (mut browser, id, state) = scene.asked().await;
            assert_eq!(state["status"], WAITING);
            let phone = scene.alice.phone();
            let question = phone.question().await;
            let watch = scene.world.watch().await;
            by.takes(&scene, phone).await;
            let mut withdrawn = watch.events().await;
            withdrawn.retain(|event| event.action == "request.cancelled");
            assert_eq!(withdrawn.len(), 1, "{by:?}: {withdrawn:?}");
            assert_eq!(withdrawn[0].reason.as_deref(), Some(reason));
            let looked = browser.get(&format!("{FLOWS}{id}")).await.ok();
            assert_eq!(looked["status"], WAITING, "looking changes nothing");
            assert_eq!(phone.approve(&question).await.status / 100, 4, "{by:?}");

            let state = poll(&mut browser, &id).await;
            if mode == "bypass" {
                ended(&state, "MFA_COMPLETED", "bypassed");
                scene.tokens(&mut browser, &id).await;
            } else {
                ended(&state, "MFA_FAILED", why);
                only_its_links(&scene.world, &mut browser, &state, &id).await;
                gives_up(&mut browser, &id).await;
                assert!(scene.world.rows("token_grant").await.is_empty());
            }
            assert_eq!(scene.world.now(), BEGIN);
        }
    }
}

/// Of a phone that was taken away where nobody could withdraw anything, whoever polls finds out all the same.
#[tokio::test]
async fn t5_5_the_next_phone_is_asked() {
    for blocked in [false, true] {
        let scene = Scene::with_phones(without_numbers(), 2).await;
        let (mut browser, id, _) = scene.asked().await;
        let [first, second] = &scene.alice.phones[..] else { panic!("two phones") };
        let old = first.question().await;
        if blocked {
            first.block().await;
        } else {
            first.unpair_by_administrator().await;
        }
        let state = poll(&mut browser, &id).await;
        assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(WAITING), &json!(scene.device(1))));
        assert_eq!(state["devices"].as_array().unwrap().len(), 1);
        let decisions = scene.world.rows("decision").await;
        assert!(decisions.len() == 1 && decisions[0].contains("cancelled"), "{decisions:?}");
        assert_eq!(first.approve(&old).await.status / 100, 4);
        assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
        second.approve_the_question().await;
        assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
        scene.tokens(&mut browser, &id).await;
    }
}

#[tokio::test]
async fn t5_5_where_the_person_chooses_they_choose_among_the_others() {
    let mut mfa = without_numbers();
    mfa["device_selection"] = json!("prompt_to_select");
    let scene = Scene::with_phones(mfa, 3).await;
    let (mut browser, id, _) = scene.asked().await;
    assert_eq!(select(&mut browser, &id, &scene.device(0)).await.ok()["status"], WAITING);
    By::App.takes(&scene, &scene.alice.phones[0]).await;
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], state["devices"].as_array().unwrap().len()), (&json!(SELECTION), 2), "{state}");
    only_its_links(&scene.world, &mut browser, &state, &id).await;
    assert_eq!(select(&mut browser, &id, &scene.device(2)).await.ok()["status"], WAITING);
    // One that is asked is asked still, whoever names one that is gone.
    scene.alice.phones[1].block().await;
    let answer = select(&mut browser, &id, &scene.device(1)).await;
    assert_eq!((answer.status, &answer.json()["details"][0]["code"]), (400, &json!("INVALID_DEVICE")));
    scene.alice.phones[2].approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
}

/// [flows.md H.4/5] what was there when the question ended, or the list was made, need not be there any more.
#[tokio::test]
async fn whoever_was_asked_in_vain_is_not_stuck_with_a_device_that_is_gone() {
    for (phones, prompts) in [(1, false), (2, false), (1, true)] {
        let mut mfa = policy("block");
        mfa["device_selection"] = json!(if prompts { "always_display_devices" } else { "default_to_first" });
        let scene = Scene::with_phones(mfa, phones).await;
        let (mut browser, id, state) = scene.asked().await;
        if prompts {
            assert_eq!(state["status"], SELECTION);
        } else {
            scene.world.clock.advance(seconds(41));
            assert_eq!(poll(&mut browser, &id).await["status"], TIMED_OUT);
        }
        scene.alice.phone().unpair_by_administrator().await;
        let state = select(&mut browser, &id, &scene.device(0)).await.ok();
        if phones == 2 {
            let next = &state["selectedDeviceRef"]["id"];
            assert_eq!((&state["status"], next), (&json!(WAITING), &json!(scene.device(1))));
        } else {
            ended(&state, "MFA_FAILED", "NO_DEVICES");
            gives_up(&mut browser, &id).await;
        }
    }
}

/// The same on our own pages, without a script.
#[tokio::test]
async fn t5_5_a_page_waits_for_no_phone_that_is_gone() {
    for mode in ["block", "bypass"] {
        let scene = Scene::with_phones(policy(mode), 1).await;
        let mut browser = scene.world.browser();
        let page = browser.authorize(&scene.shop, &[]).await.unwrap();
        let page = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
        page.has("Approve on your phone");
        scene.alice.phone().unpair_by_administrator().await;
        let page = browser.open(&format!("/sign-in/{}", page.flow())).await.unwrap();
        page.has("There is an answer");
        let Err(callback) = browser.press(&page, "poll", &[]).await else { panic!("still on a page") };
        if mode == "bypass" {
            callback.get("code");
        } else {
            callback.error("access_denied");
        }
    }
}

/// [flows.md F5, G.2] nobody says that its app is gone, so it is a device still; but another phone is asked before it.
#[tokio::test]
async fn t5_4_a_phone_that_never_answers_is_asked_after_the_others() {
    let mut mfa = without_numbers();
    mfa["push_limit"] = json!({ "count": 50 });
    let scene = Scene::with_phones(mfa, 2).await;
    let watch = scene.world.watch().await;
    let suspected = async || {
        let events = watch.events().await;
        events
            .iter()
            .filter(|event| event.action == "device.updated" && event.reason.as_deref() == Some("suspect"))
            .count()
    };
    for silent in 0..3 {
        assert_eq!(suspected().await, 0, "{silent}");
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["selectedDeviceRef"]["id"], scene.device(0), "{silent}");
        scene.world.clock.advance(seconds(41));
        assert_eq!(poll(&mut browser, &id).await["status"], TIMED_OUT);
    }
    assert_eq!(suspected().await, 1);
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["selectedDeviceRef"]["id"], scene.device(1));
    assert_eq!(state["devices"].as_array().unwrap().len(), 2, "it can be chosen");
    assert_eq!(select(&mut browser, &id, &scene.device(0)).await.ok()["status"], WAITING);
    scene.alice.phones[0].approve_the_question().await;
    assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
    // Whoever answers is there.
    let (_, _, state) = scene.asked().await;
    assert_eq!(state["selectedDeviceRef"]["id"], scene.device(0));
}

/// [reliability R18] approved before, or refused; never both, and no tokens either way.
#[tokio::test]
async fn r18_an_answer_and_the_end_of_the_trust_in_a_sign_in() {
    let mut mfa = policy("block");
    mfa["push_limit"] = json!({ "count": 50 });
    let (mut scene, mut yes) = (Scene::of(mfa).await, 0);
    for round in 0..8 {
        // Of one phone so many are paired in a minute.
        scene.world.clock.advance(seconds(10));
        let phone = scene.world.phone();
        scene.alice.pair(phone).await;
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["status"], WAITING, "{round}");
        let phone = scene.alice.phones.last().unwrap();
        let question = phone.question().await;
        let unpair = Call::unpair(phone.device());
        let (gone, answered, first) =
            tokio::join!(phone.call(&unpair), phone.approve(&question), poll(&mut browser, &id));
        assert_eq!(gone.status, 204);
        let state = if first["status"] == WAITING { poll(&mut browser, &id).await } else { first };
        let decisions = scene.world.rows("decision").await;
        let approved = decisions.iter().filter(|row| row.contains("approved")).count();
        assert_eq!(decisions.len(), round + 1, "one end for each question");
        assert_eq!(phone.approve(&question).await.status, 401, "from then on it is nobody's");
        if answered.status == 200 {
            ended(&state, "MFA_COMPLETED", "push_confirmed");
            let state = browser.act(&id, "continueAuthentication", &json!({})).await.ok();
            assert_eq!(state["authorizeResponse"]["error"], "access_denied", "it vouches for nobody any more");
        } else {
            assert!([401, 404, 409].contains(&answered.status), "{}", answered.text());
            ended(&state, "MFA_FAILED", "NO_DEVICES");
            gives_up(&mut browser, &id).await;
        }
        yes += usize::from(answered.status == 200);
        assert_eq!(approved, yes, "what was written down, and what the phone was told");
        assert!(scene.world.rows("token_grant").await.is_empty());
    }
}
