//! Nobody is asked, or let in, in the name of somebody who was locked or disabled after their password [flows.md H.4, step 1;
//! reliability.md R10].

use std::time::Duration;

use nod::domain::occasion::Occasion;
use nod::domain::otp::Delivery;
use nod::domain::user::Status;
use nod::protocol::id::{ClientId, DeviceId, OtpId, RequestId};
use nod::protocol::public_id;
use nod::store::ephemeral::Shelf;
use nod::store::sql::outbox::{Kind, Outbox};
use serde_json::Value;

use super::step_up::{WAITING, gives_up, poll, without_numbers};
use super::step_up_message::{NUMBER, here};
use super::step_up_otp::{check, resend};
use super::{Scene, json};
use crate::sign_in::every_state::only_its_links;
use crate::world::{BEGIN, World, seconds};

const STOPPED: [(Status, &str); 2] = [(Status::Locked, "ACCOUNT_LOCKED_OUT"), (Status::Disabled, "USER_DISABLED")];

fn failed(state: &Value, why: &str) {
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!(why)), "{state}");
}

/// Whatever they have, and though the policy would do without.
#[tokio::test]
async fn h4_nobody_is_asked_in_the_name_of_somebody_who_is_stopped() {
    for (status, why) in STOPPED {
        for phones in 0..2 {
            let mut mfa = without_numbers();
            mfa["no_devices_mode"] = json!("bypass");
            let scene = Scene::with_phones(mfa, phones).await;
            let mut browser = scene.world.browser();
            let id = scene.at_second_factor(&mut browser).await;
            scene.alice.set_status(status).await;
            let watch = scene.world.watch().await;
            let state = browser.act(&id, "authenticate", &json!({})).await.ok();
            failed(&state, why);
            let events = watch.events().await;
            assert!(events.iter().all(|event| event.action != "request.created"), "{events:?}");
            assert!(events.iter().any(|event| event.result == "refused" && event.reason.as_deref() == Some(why)));
            only_its_links(&scene.world, &mut browser, &state, &id).await;
            gives_up(&mut browser, &id).await;
            assert!(scene.world.rows("token_grant").await.is_empty());
        }
    }
}

#[tokio::test]
async fn h4_who_is_stopped_while_they_are_asked_is_waited_for_no_more() {
    for (status, why) in STOPPED {
        let scene = Scene::with_phones(without_numbers(), 2).await;
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["status"], WAITING);
        let question = scene.alice.phone().question().await;
        scene.alice.set_status(status).await;
        let state = poll(&mut browser, &id).await;
        failed(&state, why);
        assert_eq!(scene.world.now(), BEGIN, "at once");
        let decisions = scene.world.rows("decision").await;
        assert!(decisions.len() == 1 && decisions[0].contains("cancelled"), "no other phone is asked: {decisions:?}");
        gives_up(&mut browser, &id).await;
        // And whoever is let go on later is not led back there.
        scene.alice.unlock().await;
        assert!(scene.alice.phone().pending().await.is_empty());
        scene.alice.phone().approve(&question).await.problem(409, "CANCELED");
    }
}

/// The right code of somebody who is stopped is worth nothing, and they are sent no other.
#[tokio::test]
async fn h4_who_is_stopped_brings_no_code_and_is_sent_none() {
    for (status, why) in STOPPED {
        let mfa = json!({ "id": "mfa", "email": { "enabled": true } });
        let scene = Scene::in_world(World::with().letters().start().await, mfa).await;
        scene.address("alice", "alice@home.example").await;
        let (mut browser, id, _) = scene.sent().await;
        let code = scene.code(1).await;
        scene.world.clock.advance(seconds(30));
        let (mut other, another, _) = scene.sent().await;
        scene.letters(2).await;
        scene.world.clock.advance(seconds(30));
        scene.alice.set_status(status).await;
        failed(&check(&mut browser, &id, &code).await.ok(), why);
        failed(&resend(&mut other, &another).await.ok(), why);
        scene.world.nothing_waits().await;
        assert_eq!(scene.world.inbox().len(), 2);
        assert!(scene.world.rows("token_grant").await.is_empty());
    }
}

/// A text that waited while its person was locked is not sent, and whoever waits for it hears so.
#[tokio::test]
async fn h4_a_text_that_waits_for_somebody_who_is_locked_is_known_not_to_be_sent() {
    let scene = Scene::in_world(here().start().await, json!({ "id": "mfa", "sms": { "enabled": true } })).await;
    let place = scene.place("alice", "sms", NUMBER).await;
    let (_, device) = place.rsplit_once('/').unwrap();
    scene.alice.lock().await;
    let (id, now) = (OtpId::new(scene.world.parts().entropy.uuid()), scene.world.now());
    let text = Occasion::OneTimeCode {
        user: scene.alice.id,
        device: DeviceId::new(public_id::decode(public_id::Kind::Device, device).unwrap()),
        client: ClientId::parse("shop").unwrap(),
        transaction: RequestId::new(id.uuid()),
        length: 6,
        lifetime: 300,
        language: "en".to_owned(),
        new_device: false,
        new_address: None,
    };
    let outbox = Outbox::new(scene.world.parts().database.clone());
    let put = async move { outbox.put(id.uuid(), Kind::Text, &text.encode(), now).await };
    scene.world.among_servers(put).await.unwrap();
    let deliveries = Shelf::<Delivery>::new(scene.world.parts().ephemeral.clone());
    let became = crate::admin::until("it is known what became of it", async || {
        let deliveries = deliveries.clone();
        let id = OtpId::new(id.uuid());
        scene.world.among_servers(async move { deliveries.get(&id).await }).await.unwrap()
    });
    assert_eq!(became.await, Delivery::NotSent);
    assert!(scene.world.texts().is_empty());
}

/// [reliability R10] a yes, a lock, and whoever comes for what the yes is worth: no tokens once the lock is there.
#[tokio::test]
async fn r10_a_lock_and_an_answer_in_a_sign_in() {
    let mut mfa = without_numbers();
    mfa["push_limit"] = json!({ "count": 50 });
    let scene = Scene::with_phones(mfa, 1).await;
    let phone = scene.alice.phone();
    for round in 0..8 {
        let (mut browser, id, state) = scene.asked().await;
        assert_eq!(state["status"], WAITING, "{round}");
        let question = phone.question().await;
        let lock = async {
            tokio::time::sleep(Duration::from_micros(500) * round).await;
            scene.alice.lock().await;
        };
        let (answered, (), first) = tokio::join!(phone.approve(&question), lock, poll(&mut browser, &id));
        assert!([200, 404, 409].contains(&answered.status), "{}", answered.text());
        let state = if first["status"] == WAITING { poll(&mut browser, &id).await } else { first };
        if answered.status == 200 {
            assert_eq!(state["code"], "push_confirmed", "{state}");
            let state = browser.act(&id, "continueAuthentication", &json!({})).await.ok();
            assert_eq!(state["authorizeResponse"]["error"], "access_denied", "{state}");
        } else {
            failed(&state, "ACCOUNT_LOCKED_OUT");
            gives_up(&mut browser, &id).await;
        }
        assert!(scene.world.rows("token_grant").await.is_empty());
        scene.alice.unlock().await;
    }
}

/// [reliability R10] the last step of the sign-in, and the lock.
#[tokio::test]
async fn r10_a_lock_and_the_end_of_a_sign_in() {
    let mut mfa = without_numbers();
    mfa["push_limit"] = json!({ "count": 50 });
    let scene = Scene::with_phones(mfa, 1).await;
    for round in 0..8 {
        let (mut browser, id, _) = scene.asked().await;
        scene.alice.phone().approve_the_question().await;
        assert_eq!(poll(&mut browser, &id).await["code"], "push_confirmed");
        let lock = async {
            tokio::time::sleep(Duration::from_micros(500) * round).await;
            scene.alice.lock().await;
        };
        let nothing = json!({});
        let (ended, ()) = tokio::join!(browser.act(&id, "continueAuthentication", &nothing), lock);
        let answer = ended.ok()["authorizeResponse"].clone();
        if let Some(code) = answer["code"].as_str() {
            scene.shop.redeem(code).await.refused(400, "invalid_grant");
        } else {
            let error = answer["error"].as_str().unwrap();
            // Locked while the session was begun, it is none.
            assert!(["access_denied", "login_required"].contains(&error), "{answer}");
        }
        assert!(scene.world.rows("token_grant").await.is_empty());
        scene.alice.unlock().await;
    }
}
