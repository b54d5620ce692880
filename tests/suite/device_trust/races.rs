//! What several do at once with the second factor of a sign-in has one outcome, whatever node they come to
//! [flows.md T1.4; security.md 93; reliability.md R10, R11, R12, R14, R18].

use std::time::Duration;

use futures_util::future::join_all;
use nod_device::messages::ApproveEnrollmentRequest;
use nod_device::proof::DEVICE_PROOF;
use nod_device::{Call, InstallationInfo};
use serde_json::Value;

use super::new_device::policy;
use super::step_up::{WAITING, poll, select, without_numbers};
use super::step_up_otp::{check, code, resend};
use super::{Scene, json, ticket};
use crate::world::{Answer, Browser, Builder, Crafted, FLOWS, Phone, World, seconds};

const REQUIRED: &str = "OTP_REQUIRED";

/// More than the other node takes to learn of a change.
pub(super) const KNOWN: Duration = Duration::from_millis(1100);

fn two_nodes() -> Builder {
    World::with().redis().nodes(2)
}

/// Asked without end, so that a race can be run again.
fn patient(mut mfa: Value) -> Value {
    mfa["push_limit"] = json!({ "count": 50 });
    mfa
}

/// A little later than others.
async fn later<T>(by: u64, act: impl Future<Output = T>) -> T {
    tokio::time::sleep(Duration::from_millis(by)).await;
    act.await
}

/// Somebody else was faster.
fn not_now(answer: &Answer) -> bool {
    answer.status == 400 && answer.json()["code"] == "INVALID_ACTION_ID"
}

fn has_no_code(state: &Value) {
    assert!(state["authorizeResponse"]["error"].is_string(), "{state}");
    assert!(state["authorizeResponse"].get("code").is_none(), "{state}");
}

#[tokio::test]
async fn t1_4_a_hundred_polls_while_the_person_says_yes_are_one_transition() {
    let scene = Scene::with_phones(without_numbers(), 1).await;
    let (mut browser, id, state) = scene.asked().await;
    assert_eq!(state["status"], WAITING);
    let phone = scene.alice.phone();
    let question = phone.question().await;
    let mut tabs: Vec<Browser> = (0..100).map(|_| browser.at(0)).collect();
    let nothing = json!({});
    let polls = tabs.iter_mut().map(|tab| tab.act(&id, "poll", &nothing));
    let (polls, answered) = tokio::join!(join_all(polls), phone.approve(&question));
    answered.ok();
    for answer in &polls {
        let status = answer.json()["status"].clone();
        let shown = answer.status == 200 && (status == WAITING || status == "MFA_COMPLETED");
        assert!(shown || not_now(answer), "{} {}", answer.status, answer.text());
    }
    let moved = polls.iter().filter(|answer| answer.json()["status"] == "MFA_COMPLETED").count();
    assert!(moved <= 1, "{moved} took it");
    if browser.get(&format!("{FLOWS}{id}")).await.ok()["status"] == WAITING {
        poll(&mut browser, &id).await;
    }
    let state = browser.get(&format!("{FLOWS}{id}")).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("push_confirmed")));
    scene.tokens(&mut browser, &id).await;
    assert_eq!(scene.world.rows("token_grant").await.len(), 1);
}

/// [reliability R10] a lock on one node, and on the other one an answer, the last step of a sign-in and a code that is
/// redeemed. Once the lock is known there, none of them is worth anything.
#[tokio::test]
async fn r10_a_lock_and_all_that_leads_to_tokens() {
    let mut scene = Scene::with_phones_in(two_nodes().start().await, patient(without_numbers()), 1).await;
    scene.alice.phones[0].move_to(1);
    for round in 0..4 {
        let phone = scene.alice.phone();
        let (mut done, of_done, _) = scene.asked().await;
        phone.approve_the_question().await;
        poll(&mut done, &of_done).await;
        let state = done.act(&of_done, "continueAuthentication", &json!({})).await.ok();
        let code = state["authorizeResponse"]["code"].as_str().unwrap().to_owned();
        let (last, of_last, _) = scene.asked().await;
        phone.approve_the_question().await;
        let mut last = last.at(1);
        assert_eq!(poll(&mut last, &of_last).await["code"], "push_confirmed");
        let (waits, of_waits, _) = scene.asked().await;
        let mut waits = waits.at(1);
        let question = phone.question().await;

        let (elsewhere, nothing) = (scene.shop.at(1), json!({}));
        let ((), answered, ended, redeemed) = tokio::join!(
            later(2 * round, scene.alice.lock()),
            phone.approve(&question),
            last.act(&of_last, "continueAuthentication", &nothing),
            elsewhere.redeem(&code),
        );
        tokio::time::sleep(KNOWN).await;

        assert!([200, 403, 404, 409].contains(&answered.status), "{}", answered.text());
        let state = poll(&mut waits, &of_waits).await;
        assert_ne!(state["status"], WAITING, "{state}");
        let next = if state["status"] == "MFA_COMPLETED" { "continueAuthentication" } else { "cancelAuthentication" };
        has_no_code(&waits.act(&of_waits, next, &nothing).await.ok());

        let ended = ended.ok();
        if let Some(code) = ended["authorizeResponse"]["code"].as_str() {
            elsewhere.redeem(code).await.refused(400, "invalid_grant");
        } else {
            has_no_code(&ended);
        }
        if redeemed.status == 200 {
            let tokens = redeemed.tokens();
            elsewhere.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
        } else {
            redeemed.refused(400, "invalid_grant");
        }
        scene.alice.unlock().await;
        tokio::time::sleep(KNOWN).await;
    }
}

/// [reliability R18] the app gives itself up on one node and says yes on the other: approved before, or refused, and worth
/// nothing from then on.
#[tokio::test]
async fn r18_an_answer_and_the_end_of_the_trust_on_another_node() {
    let scene = Scene::in_world(two_nodes().start().await, patient(without_numbers())).await;
    for round in 0..4 {
        let mut phone = scene.world.phone();
        assert_eq!(phone.pair(&scene.alice.pairing_key().await).await.status, 201);
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["status"], WAITING, "{round}");
        let question = phone.question().await;
        let yes = request(&phone, &phone.craft_approval(&question, None));
        phone.move_to(1);
        let no_device = request(&phone, &phone.craft(&Call::unpair(phone.device())));
        let (gone, answered) =
            tokio::join!(later(2 * round, Answer::of(no_device)), later(2 * (3 - round), Answer::of(yes)));
        assert_eq!(gone.status, 204, "{}", gone.text());
        assert!([200, 401, 404, 409].contains(&answered.status), "{}", answered.text());
        tokio::time::sleep(KNOWN).await;
        phone.move_to(0);
        assert_eq!(phone.approve(&question).await.status, 401, "from then on it is nobody's");
        let decisions = scene.world.rows("decision").await;
        assert_eq!(decisions.len(), usize::try_from(round).unwrap() + 1, "one end for each question: {decisions:?}");

        let state = poll(&mut browser, &id).await;
        if answered.status == 200 {
            assert_eq!(state["code"], "push_confirmed", "{state}");
            has_no_code(&browser.act(&id, "continueAuthentication", &json!({})).await.ok());
        } else {
            assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")));
            has_no_code(&browser.act(&id, "cancelAuthentication", &json!({})).await.ok());
        }
    }
    assert!(scene.world.rows("token_grant").await.is_empty());
}

/// A call of this phone, to the node at which it is now.
fn request(phone: &Phone, crafted: &Crafted) -> reqwest::RequestBuilder {
    phone.unproved(crafted).header(DEVICE_PROOF, phone.sign(crafted))
}

/// Where alice gets codes, and so many phones of hers; on two nodes, whose store lets a day pass when the world does.
async fn with_address(mfa: Value, phones: usize) -> (Scene, String) {
    let world = World::with().nodes(2).letters().start().await;
    let scene = Scene::with_phones_in(world, patient(mfa), phones).await;
    scene.address("alice", "alice@home.example").await;
    // As the flow API calls it.
    let (_, _, state) = scene.asked().await;
    let mut devices = state["devices"].as_array().unwrap().iter();
    let own = devices.find(|device| device["type"] == "EMAIL").unwrap_or_else(|| panic!("{state}"));
    let id = own["id"].as_str().unwrap().to_owned();
    scene.world.clock.advance(seconds(86_400));
    (scene, id)
}

fn by_email() -> Value {
    let mut mfa = without_numbers();
    mfa["email"] = json!({ "enabled": true });
    mfa
}

/// How many letters there are, once no other one comes.
async fn letters(scene: &Scene) -> usize {
    scene.world.nothing_waits().await;
    scene.world.inbox().len()
}

/// [reliability R11] the code is typed, another device is chosen, another code is asked for, and somebody gives up. One of
/// them counts; whoever was asked in vain is asked no more.
#[tokio::test]
async fn r11_a_code_another_device_another_code_and_an_end() {
    let (scene, address) = with_address(by_email(), 1).await;
    let phone = scene.alice.phone();
    let mut passed = 0;
    for round in 0..8 {
        // So many codes are sent in a day.
        scene.world.clock.advance(seconds(86_401));
        let (browser, id, _) = scene.asked().await;
        let before = letters(&scene).await;
        let [mut one, mut two, mut three, mut four] = [0, 1, 0, 1].map(|node| browser.at(node));
        assert_eq!(select(&mut one, &id, &address).await.ok()["status"], REQUIRED);
        let otp = scene.code(before + 1).await;
        scene.world.clock.advance(seconds(30));

        let (device, turn) = (scene.device(0), |n: u64| 2 * ((n + round) % 4));
        let nothing = json!({});
        let (checked, chosen, again, ended) = tokio::join!(
            later(turn(0), check(&mut one, &id, &otp)),
            later(turn(1), select(&mut two, &id, &device)),
            later(turn(2), resend(&mut three, &id)),
            later(turn(3), four.act(&id, "cancelAuthentication", &nothing)),
        );
        let wrong = |answer: &Answer| answer.json()["details"][0]["code"] == "INVALID_OTP";
        assert!(checked.status == 200 || not_now(&checked) || wrong(&checked), "{}", checked.text());
        for answer in [&chosen, &again, &ended] {
            assert!(answer.status == 200 || not_now(answer), "{}", answer.text());
        }
        let state = one.get(&format!("{FLOWS}{id}")).await.ok();
        match (checked.status == 200, ended.status == 200) {
            (true, false) => assert_eq!(state["code"], "otp_verified", "{state}"),
            (false, true) => assert_eq!(state["status"], "FAILED", "{state}"),
            (false, false) => assert!(state["status"] == WAITING || state["status"] == REQUIRED, "{state}"),
            (true, true) => panic!("the code counts, and so does the end: {state}"),
        }
        assert_eq!(phone.pending().await.len(), usize::from(state["status"] == WAITING), "{state}");
        // A code that was looked at, or replaced, or given up is none.
        if state["status"] != REQUIRED {
            assert!(not_now(&check(&mut two, &id, &otp).await));
        } else if again.status == 200 {
            assert!(wrong(&check(&mut two, &id, &otp).await));
        }
        if checked.status == 200 {
            passed += 1;
            scene.tokens(&mut one, &id).await;
        } else if ended.status != 200 {
            has_no_code(&four.act(&id, "cancelAuthentication", &nothing).await.ok());
            assert!(phone.pending().await.is_empty());
        }
        assert_eq!(scene.world.rows("token_grant").await.len(), passed, "{round}");
    }
}

/// [reliability R14] the right code, and another one in its place: one of them is good.
#[tokio::test]
async fn r14_a_code_and_another_one_in_its_place() {
    let (scene, _) = with_address(by_email(), 0).await;
    for round in 0..6 {
        scene.world.clock.advance(seconds(86_401));
        let before = letters(&scene).await;
        let (browser, id, _) = scene.sent().await;
        let old = scene.code(before + 1).await;
        scene.world.clock.advance(seconds(30));
        let (mut one, mut two) = (browser.at(0), browser.at(1));
        let (checked, again) =
            tokio::join!(later(round % 3, check(&mut one, &id, &old)), later((round + 1) % 3, resend(&mut two, &id)));
        assert_eq!([checked.status, again.status].iter().filter(|status| **status == 200).count(), 1, "{round}");
        if again.status == 200 {
            letters(&scene).await;
            let new = code(&scene.world.inbox()[0]);
            let answer = check(&mut two, &id, &old).await;
            assert_eq!(answer.json()["details"][0]["code"], "INVALID_OTP", "{}", answer.text());
            assert_eq!(check(&mut one, &id, &new).await.ok()["code"], "otp_verified");
        } else {
            assert!(not_now(&again), "{}", again.text());
            assert_eq!(checked.ok()["code"], "otp_verified");
        }
        for mut tab in [browser.at(0), browser.at(1)] {
            assert!(not_now(&check(&mut tab, &id, &old).await), "good once");
        }
        scene.tokens(&mut one, &id).await;
    }
    assert_eq!(scene.world.rows("token_grant").await.len(), 6);
}

/// [security 5.6; flows.md F9] whoever begins eight times at once, on both nodes, rings one phone once.
#[tokio::test]
async fn f9_of_eight_who_begin_at_once_one_rings() {
    let scene = Scene::with_phones_in(two_nodes().start().await, patient(without_numbers()), 1).await;
    for round in 0..4 {
        let mut browser = scene.world.browser();
        let id = scene.at_second_factor(&mut browser).await;
        let watch = scene.world.watch().await;
        let mut tabs: Vec<Browser> = (0..8).map(|n| browser.at(n % 2)).collect();
        let nothing = json!({});
        let answers = join_all(tabs.iter_mut().map(|tab| tab.act(&id, "authenticate", &nothing))).await;
        let (asked, late): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(asked.len(), 1, "{round}: {answers:?}");
        assert_eq!(asked[0].json()["status"], WAITING);
        assert!(late.iter().all(|answer| not_now(answer)), "{round}: {late:?}");
        let events = watch.events().await;
        let asks = events.iter().filter(|event| event.action == "request.created").count();
        assert_eq!(asks, 1, "{round}: {events:?}");
        scene.alice.phone().approve_the_question().await;
        assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
    }
}

/// [security 5.6; flows.md F9] whoever wants another code eight times at once, on both nodes, is sent one.
#[tokio::test]
async fn f9_of_eight_who_want_another_code_at_once_one_is_sent_one() {
    let (scene, _) = with_address(by_email(), 0).await;
    for round in 0..3 {
        scene.world.clock.advance(seconds(86_401));
        let before = letters(&scene).await;
        let (browser, id, _) = scene.sent().await;
        assert_eq!(letters(&scene).await, before + 1);
        scene.world.clock.advance(seconds(30));
        let mut tabs: Vec<Browser> = (0..8).map(|n| browser.at(n % 2)).collect();
        let answers = join_all(tabs.iter_mut().map(|tab| resend(tab, &id))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{round}: {answers:?}");
        // Too late, or too early for the next one.
        let late = |answer: &Answer| not_now(answer) || answer.json()["details"][0]["code"] == "OTP_RESEND_LIMIT";
        assert!(answers.iter().all(|answer| answer.status == 200 || late(answer)), "{round}: {answers:?}");
        assert_eq!(letters(&scene).await, before + 2, "{round}");
    }
}

/// [reliability R14] the right code, typed twice at once on two nodes: it counts once, and is written down once.
#[tokio::test]
async fn r14_a_right_code_that_is_typed_twice_at_once_is_written_down_once() {
    let (scene, _) = with_address(by_email(), 0).await;
    for round in 0..6 {
        scene.world.clock.advance(seconds(86_401));
        let before = letters(&scene).await;
        let (browser, id, _) = scene.sent().await;
        let otp = scene.code(before + 1).await;
        let watch = scene.world.watch().await;
        let (mut one, mut two) = (browser.at(0), browser.at(1));
        let (first, second) = tokio::join!(check(&mut one, &id, &otp), check(&mut two, &id, &otp));
        assert!([&first, &second].iter().any(|answer| not_now(answer)), "{round}: {} {}", first.text(), second.text());
        assert!([first.status, second.status].contains(&200), "{round}: {} {}", first.text(), second.text());
        let events = watch.events().await;
        let verified = events.iter().filter(|event| event.reason.as_deref() == Some("otp_verified")).count();
        assert_eq!(verified, 1, "{round}: {events:?}");
    }
}

/// [security 93; reliability R12] by one key, on both nodes.
#[tokio::test]
async fn r12_a_ticket_that_is_shown_eight_times_at_once_makes_one_device() {
    let scene = Scene::in_world(two_nodes().start().await, policy()).await;
    let mut phone = scene.world.phone();
    phone.warm().await;
    let (mut browser, id, state) = scene.by(&phone).await;
    let installation = InstallationInfo { platform: "TEST".to_owned(), ..InstallationInfo::default() };
    let body = ApproveEnrollmentRequest { installation, push_token: None };
    let call = Call::approve_enrollment(&ticket(&state).parse().unwrap(), &body);
    let mut tries = Vec::new();
    for n in 0..8 {
        phone.move_to(n % 2);
        tries.push(Answer::of(request(&phone, &phone.craft(&call))));
    }
    let answers = join_all(tries).await;
    let devices = scene.world.rows("device").await;
    assert_eq!(devices.len(), 1, "{devices:?}");
    let (made, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert!(!made.is_empty(), "nobody got through");
    assert!(made.windows(2).all(|pair| pair[0].json()["deviceId"] == pair[1].json()["deviceId"]), "one device");
    // Of one key, so many are looked at in a minute.
    assert!(lost.iter().all(|answer| [410, 429].contains(&answer.status)), "{lost:?}");
    scene.tokens(&mut browser, &id).await;
}

/// Of the phones that came at once, as many became devices as there was room for.
async fn as_many_as_may_be(scene: &Scene, answers: &[Answer]) {
    let (made, late): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 2, "{answers:?}");
    for answer in late {
        answer.problem(409, "METHOD_LIMIT_REACHED");
    }
    assert_eq!(scene.devices().await, 3);
}

/// alice has one device, and may have three.
async fn room_for_two_more() -> Scene {
    let mut mfa = policy();
    mfa["additional_trusted_devices"] = json!("pair_individually");
    let world = two_nodes().settings(|settings| settings.max_devices = 3).start().await;
    let scene = Scene::in_world(world, mfa).await;
    scene.trusted().await;
    scene
}

/// Eight phones, on both nodes.
async fn eight_phones(scene: &Scene) -> Vec<Phone> {
    let mut phones: Vec<Phone> = (0..8).map(|_| scene.world.phone()).collect();
    for (n, phone) in phones.iter_mut().enumerate() {
        phone.move_to(n % 2);
        phone.warm().await;
    }
    phones
}

/// [flows.md H.5; reliability R12] each has its own ticket, and there was room for it when it was made.
#[tokio::test]
async fn r12_of_eight_phones_with_tickets_as_many_are_enrolled_as_there_is_room_for() {
    let scene = room_for_two_more().await;
    let mut phones = eight_phones(&scene).await;
    let mut tickets = Vec::new();
    for phone in &phones {
        let (_, _, state) = scene.by(phone).await;
        tickets.push(ticket(&state).to_owned());
    }
    let tries = phones.iter_mut().zip(&tickets).map(|(phone, ticket)| phone.enrol(ticket));
    as_many_as_may_be(&scene, &join_all(tries).await).await;
}

/// [flows.md D.3, F19; reliability R12]
#[tokio::test]
async fn r12_of_eight_phones_with_keys_as_many_are_paired_as_there_is_room_for() {
    let scene = room_for_two_more().await;
    let mut phones = eight_phones(&scene).await;
    let mut keys = Vec::new();
    for _ in &phones {
        keys.push(scene.alice.pairing_key().await);
    }
    let tries = phones.iter_mut().zip(&keys).map(|(phone, key)| phone.pair(key));
    as_many_as_may_be(&scene, &join_all(tries).await).await;
}
