//! Whose answer counts for which new device, and what it has to say [flows.md F10; security.md 1.10, 1.14].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nod_device::NewDeviceChoice;
use serde_json::Value;

use super::new_device::{is_about, payload_of, policy};
use super::step_up::{REJECTED, WAITING, poll, select};
use super::step_up_otp::check;
use super::{PASSWORD, Scene, claims, json, ticket};
use crate::world::{Answer, World, seconds};

fn invalid_device(answer: &Answer) {
    assert_eq!((answer.status, answer.json()["details"][0]["code"].clone()), (400, json!("INVALID_DEVICE")));
}

/// [flows.md I8] nor can one that is a device of somebody else.
#[tokio::test]
async fn t10_10_the_new_phone_cannot_let_in_itself() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let mut bob = scene.world.user("bob").with_password(PASSWORD).await;
    bob.pair(scene.world.phone()).await;
    let new = bob.phone();
    let (mut browser, id, state) = scene.by_new(new, "Pixel 9").await;
    let candidates = state["devices"].as_array().unwrap();
    assert_eq!((candidates.len(), &candidates[0]["id"]), (1, &json!(primary.device().to_string())));
    assert!(new.pending().await.is_empty());
    let question = primary.question().await;
    assert_eq!(new.choose(&question, NewDeviceChoice::Trusted).await.status, 404);
    invalid_device(&select(&mut browser, &id, &new.device().to_string()).await);
    assert_eq!(poll(&mut browser, &id).await, state, "nobody has answered");
}

/// Not even when it becomes a device of the person by other means meanwhile.
#[tokio::test]
async fn t10_10_a_phone_that_is_paired_meanwhile_cannot_let_in_itself() {
    let mut scene = Scene::of(policy()).await;
    scene.trusted().await;
    let new = scene.world.phone();
    let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
    scene.alice.pair(new).await;
    let new = scene.alice.phone();
    assert!(new.pending().await.is_empty());
    invalid_device(&select(&mut browser, &id, &new.device().to_string()).await);
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
}

#[tokio::test]
async fn t10_11_each_answer_is_for_its_own_new_phone() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let (mut first, second) = (scene.world.phone(), scene.world.phone());
    let (mut one, one_id, _) = scene.by_new(&first, "Pixel 9").await;
    let (mut two, two_id, _) = scene.by_new(&second, "Fairphone 6").await;
    let questions = primary.pending().await;
    let [of_first, of_second] = &questions[..] else { panic!("two questions: {questions:?}") };
    is_about(of_first, "Pixel 9");
    is_about(of_second, "Fairphone 6");
    // The answer to one is none to the other, wherever it says that it belongs.
    let swapped = primary.craft_choice(of_second, NewDeviceChoice::Trusted);
    let swapped = swapped.claim("notificationId", of_first.notification_id.to_string());
    primary.send(&swapped).await.problem(400, "PROOF_MISMATCH");
    let swapped = primary.craft_choice(of_first, NewDeviceChoice::Trusted);
    let swapped = swapped.said("contextHash", of_second.context_hash().to_string());
    primary.send(&swapped).await.problem(400, "CONTEXT_HASH_MISMATCH");
    // Nor can a flow be taken over by another app once somebody is asked about the first.
    let stolen = json!({
        "deviceRef": { "id": primary.device().to_string() }, "mobilePayload": payload_of(&second, "Pixel 9"),
    });
    let answer = one.act(&one_id, "selectDevice", &stolen).await;
    assert_eq!((answer.status, answer.json()["details"][0]["code"].clone()), (400, json!("INVALID_MOBILE_PAYLOAD")));

    primary.choose(of_first, NewDeviceChoice::Trusted).await.ok();
    assert_eq!(poll(&mut two, &two_id).await["status"], WAITING, "that one was not answered");
    primary.choose(of_second, NewDeviceChoice::Deny).await.ok();
    assert_eq!(poll(&mut two, &two_id).await["status"], REJECTED);
    let state = poll(&mut one, &one_id).await;
    assert_eq!(second.see(ticket(&state)).await.status, 404, "the ticket is the other phone's");
    assert_eq!(first.enrol(ticket(&state)).await.status, 201);
    assert_eq!(scene.devices().await, 2);
}

/// Nor by one that shows itself once the second factor has begun without any.
#[tokio::test]
async fn t10_11_an_app_that_shows_itself_late_is_none_of_the_flow() {
    let mut mfa = policy();
    mfa["email"] = json!({ "enabled": true });
    let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
    scene.trusted().await;
    scene.address("alice", "alice@home.example").await;
    let late = scene.world.phone();
    let refused = |answer: &Answer| {
        let told = answer.json()["details"][0]["code"].clone();
        assert_eq!((answer.status, told), (400, json!("INVALID_MOBILE_PAYLOAD")), "{}", answer.text());
    };
    let (mut browser, id, state) = scene.asked().await;
    let [phone, address] = &state["devices"].as_array().unwrap()[..] else { panic!("two devices: {state}") };
    for device in [phone, address] {
        let body = json!({ "deviceRef": { "id": device["id"] }, "mobilePayload": payload_of(&late, "Pixel 9") });
        refused(&browser.act(&id, "selectDevice", &body).await);
    }
    assert_eq!(poll(&mut browser, &id).await, state, "it changes nothing");
    let sent = select(&mut browser, &id, address["id"].as_str().unwrap()).await.ok();
    assert_eq!((&sent["status"], sent.get("newDevice")), (&json!("OTP_REQUIRED"), None));
    let code = scene.code(1).await;
    let body = json!({ "otp": code, "mobilePayload": payload_of(&late, "Pixel 9") });
    refused(&browser.act(&id, "checkOtp", &body).await);
    assert_eq!(check(&mut browser, &id, &code).await.ok()["code"], "otp_verified");
    let told = claims(&scene.tokens(&mut browser, &id).await);
    assert!(told.get("device_enrollment").is_none(), "{told}");
}

/// The same signature with other claims below it.
fn forged(proof: &str, from: &str, to: &str) -> String {
    let parts: Vec<&str> = proof.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts: {proof}") };
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert!(claims.contains(from), "{claims}");
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.replace(from, to)))
}

#[tokio::test]
async fn f10_the_choice_is_what_the_phone_has_signed_and_nothing_else() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let (mut browser, id, state) = scene.by_new(&scene.world.phone(), "Pixel 9").await;
    let question = primary.question().await;
    let once = || primary.craft_choice(&question, NewDeviceChoice::Once);
    let body = once().with_body(|body| body["choice"] = json!("TRUSTED"));
    primary.send(&body).await.problem(400, "PROOF_MISMATCH");
    let proof = forged(&primary.sign(&once()), "\"ONCE\"", "\"TRUSTED\"");
    primary.send_with(&once(), &proof).await.problem(401, "PROOF_INVALID");
    primary.send(&once().said("choice", Value::Null)).await.problem(400, "CHOICE_REQUIRED");
    // A no is no yes, and the other way round.
    for choice in ["DENY", "BLOCK", "ALWAYS", "trusted"] {
        primary.send(&once().said("choice", choice)).await.problem(401, "PROOF_INVALID");
    }
    let deny = primary.craft_choice(&question, NewDeviceChoice::Deny);
    let body = deny.with_body(|body| body["choice"] = json!("BLOCK"));
    primary.send(&body).await.problem(400, "PROOF_MISMATCH");
    assert_eq!(poll(&mut browser, &id).await, state, "nobody has answered");
    assert!(scene.world.rows("app_standing").await.is_empty());
    primary.choose(&question, NewDeviceChoice::Once).await.ok();
    assert_eq!(poll(&mut browser, &id).await["code"], "device_access_allowed");
    // Said again, it is the same; something else is too late.
    primary.choose(&question, NewDeviceChoice::Once).await.ok();
    assert_eq!(primary.choose(&question, NewDeviceChoice::Trusted).await.status, 409);
    assert_eq!(primary.choose(&question, NewDeviceChoice::Block).await.status, 409);
    assert_eq!(scene.by_new(&scene.world.phone(), "Pixel 9").await.2["status"], WAITING);
}

#[tokio::test]
async fn f10_nothing_becomes_of_a_new_device_where_there_is_none() {
    let scene = Scene::with_phones(json!({ "id": "mfa", "number_matching": "off" }), 1).await;
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    let state = browser.act(&id, "authenticate", &json!({})).await.ok();
    assert_eq!((&state["status"], state.get("purpose"), state.get("newDevice")), (&json!(WAITING), None, None));
    let phone = scene.alice.phone();
    let question = phone.question().await;
    assert!(question.new_device.is_none());
    let yes = phone.craft_approval(&question, None).said("choice", "TRUSTED");
    phone.send(&yes).await.problem(400, "CHOICE_REQUIRED");
    phone.send(&phone.craft_denial(&question).said("choice", "BLOCK")).await.problem(400, "CHOICE_REQUIRED");
    assert_eq!(poll(&mut browser, &id).await["status"], WAITING);
    assert!(scene.world.rows("app_standing").await.is_empty());
}

/// Trusted is what a trusted phone says is: whoever had it says no more for its person.
#[tokio::test]
async fn f10_a_yes_of_a_phone_that_is_trusted_no_more_pairs_nothing() {
    for (in_id_token, unpaired) in [(false, false), (false, true), (true, false), (true, true)] {
        let scene = Scene::of(policy()).await;
        let primary = scene.trusted().await;
        let mut new = scene.world.phone();
        let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
        primary.choose(&primary.question().await, NewDeviceChoice::Trusted).await.ok();
        let state = poll(&mut browser, &id).await;
        let mut offered = ticket(&state).to_owned();
        if in_id_token {
            let told = claims(&scene.tokens(&mut browser, &id).await)["device_enrollment"].clone();
            offered = told["ticket"].as_str().unwrap().to_owned();
        }
        new.see(&offered).await.ok();
        if unpaired {
            primary.unpair_by_administrator().await;
        } else {
            primary.block().await;
        }
        let what = format!("in the ID token: {in_id_token}, unpaired: {unpaired}");
        for answer in [new.see(&offered).await, new.enrol(&offered).await] {
            assert_eq!((answer.status, answer.json()["code"].clone()), (410, json!("ENROLLMENT_GONE")), "{what}");
        }
        assert_eq!(scene.devices().await, usize::from(!unpaired), "{what}");
    }
}

/// [reliability.md R11] what was chosen and not fetched in time is worth nothing.
#[tokio::test]
async fn f10_a_yes_that_nobody_came_for_pairs_nothing() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let (mut browser, id, _) = scene.by_new(&scene.world.phone(), "Pixel 9").await;
    primary.choose(&primary.question().await, NewDeviceChoice::Trusted).await.ok();
    scene.world.clock.advance(seconds(101));
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], state.get("serverPayload")), (&json!("PUSH_CONFIRMATION_TIMED_OUT"), None));
    assert_eq!(scene.devices().await, 1);
}

/// [flows.md F5, F10] it is offered in the flow as if that one had been asked at first.
#[tokio::test]
async fn t10_1_the_primary_phone_goes_away_while_it_is_asked_and_the_next_one_lets_in_the_new_one() {
    let scene = Scene::with_phones(policy(), 2).await;
    let [primary, second] = &scene.alice.phones[..] else { panic!("two phones") };
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(WAITING), &json!(scene.device(0))));
    primary.block().await;
    let state = poll(&mut browser, &id).await;
    assert_eq!((&state["status"], &state["selectedDeviceRef"]["id"]), (&json!(WAITING), &json!(scene.device(1))));
    assert_eq!(state["purpose"], "APPROVE_NEW_DEVICE");
    let question = second.question().await;
    is_about(&question, "Pixel 9");
    second.choose(&question, NewDeviceChoice::Trusted).await.ok();
    let state = poll(&mut browser, &id).await;
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    scene.tokens(&mut browser, &id).await;
}

/// Nobody is left to ask, and the policy does without: the app is offered to be the first one.
#[tokio::test]
async fn t10_1_the_only_phone_goes_away_while_it_is_asked_and_the_new_one_is_the_first() {
    let scene = Scene::with_phones(policy(), 1).await;
    let mut new = scene.world.phone();
    let (mut browser, id, state) = scene.by_new(&new, "Pixel 9").await;
    assert_eq!(state["status"], WAITING);
    scene.alice.phone().unpair_by_administrator().await;
    let state = poll(&mut browser, &id).await;
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    assert_eq!(scene.devices().await, 1);
    scene.tokens(&mut browser, &id).await;
}

/// A phone that was paired with a key is a device of no app: with the yes to the offer it is that of this one.
#[tokio::test]
async fn f10_what_was_paired_with_a_key_meanwhile_is_trusted_once_the_offer_is_accepted() {
    let scene = Scene::of(policy()).await;
    let primary = scene.trusted().await;
    let mut new = scene.world.phone();
    let (mut browser, id, _) = scene.by_new(&new, "Pixel 9").await;
    primary.choose(&primary.question().await, NewDeviceChoice::Trusted).await.ok();
    let state = poll(&mut browser, &id).await;
    assert_eq!(new.pair(&scene.alice.pairing_key().await).await.status, 201);
    let paired = new.device();
    let watch = scene.world.watch().await;
    assert_eq!(new.enrol(ticket(&state)).await.status, 201);
    let events = watch.events().await;
    let told: Vec<_> = events.iter().filter(|event| event.action.starts_with("device.")).collect();
    assert_eq!(told.len(), 1, "nothing was paired");
    assert_eq!((told[0].action.as_str(), told[0].reason.as_deref()), ("device.updated", Some("application")));
    assert_eq!(scene.devices().await, 2);
    assert_eq!(new.me().await.users[0].device_id, paired, "it stays the device that it is");
    let (_, _, state) = scene.by(&new).await;
    assert_eq!(state["code"], "device_authorized");
}
