//! A code goes to an address that a server gives, and that is none of the person's devices [flows.md A.3; security.md 5.6].

use nod::domain::user::Status;
use serde_json::Value;

use super::device_authentications::{PATH, act, begin, failed, refused};
use super::step_up::without_numbers;
use super::step_up_message::{NUMBER, here, policy};
use super::step_up_otp::wrong;
use super::{Scene, json, usual};
use crate::world::seconds;

const OTP: &str = "OTP_REQUIRED";

impl Scene {
    /// Of alice, at this address.
    fn once(&self, one_time: &Value) -> Value {
        let mut wanted = self.about_alice();
        wanted["selectedDevice"] = json!({ "oneTime": one_time });
        wanted
    }
}

fn by_text() -> Value {
    json!({ "type": "SMS", "phone": NUMBER })
}

#[tokio::test]
async fn a3_a_code_goes_once_to_an_address_that_is_none_of_the_persons() {
    let cases = [
        (json!({ "type": "EMAIL", "email": "somewhere@else.example" }), "s•••@else.example", json!(["otp"])),
        (json!({ "type": "SMS", "phone": "+49 151 2345-6789" }), "•••89", json!(["otp", "sms", "mfa"])),
        (json!({ "type": "VOICE", "phone": NUMBER }), "•••89", json!(["otp", "tel", "mfa"])),
    ];
    for (one_time, shown, authenticators) in cases {
        let scene = Scene::in_world(here().start().await, policy()).await;
        scene.world.guard("somewhere@else.example");
        scene.world.guard("4915123456789");
        let server = scene.server().await;
        let asked = begin(&server, &scene.once(&one_time)).await;
        let state = &asked.state;
        let devices = state["_embedded"]["devices"].as_array().unwrap();
        assert_eq!((&state["status"], &state["delivery"], devices.len()), (&json!(OTP), &json!("SENT"), 1), "{state}");
        assert_eq!((&devices[0]["type"], &devices[0]["target"]), (&one_time["type"], &json!(shown)));
        assert_eq!(state["selectedDevice"]["id"], devices[0]["id"]);
        let code = if one_time["type"] == "EMAIL" { scene.code(1).await } else { scene.text(1) };
        let answer = act(&server, &asked, "otp.check", &json!({ "otp": wrong(&code) })).await;
        refused(&answer, 400, "INVALID_DATA");
        assert_eq!(answer.json()["details"][0]["attemptsRemaining"], 2);
        let state = act(&server, &asked, "otp.check", &json!({ "otp": code })).await.ok();
        assert_eq!((&state["status"], &state["authenticators"]), (&json!("COMPLETED"), &authenticators), "{state}");
        // It is none of theirs.
        assert!(scene.world.rows("otp_device").await.is_empty());
        failed(&begin(&server, &scene.about_alice()).await.state, "NO_DEVICES");
        let mut wanted = scene.about_alice();
        wanted["selectedDevice"] = json!({ "id": asked.state["selectedDevice"]["id"] });
        failed(&begin(&server, &wanted).await.state, "NO_DEVICES");
    }
}

#[tokio::test]
async fn a3_another_code_may_go_there_and_the_first_is_worth_nothing_then() {
    let scene = Scene::in_world(here().start().await, policy()).await;
    let server = scene.server().await;
    let asked = begin(&server, &scene.once(&by_text())).await;
    let first = scene.text(1);
    let again = json!({ "device": { "id": asked.state["selectedDevice"]["id"] } });
    let early = act(&server, &asked, "device.select", &again).await;
    refused(&early, 400, "REQUEST_FAILED");
    scene.world.clock.advance(seconds(31));
    let state = act(&server, &asked, "device.select", &again).await.ok();
    assert_eq!((&state["status"], &state["selectedDevice"]), (&json!(OTP), &again["device"]), "{state}");
    let second = scene.text(2);
    refused(&act(&server, &asked, "otp.check", &json!({ "otp": first })).await, 400, "INVALID_DATA");
    let state = act(&server, &asked, "otp.check", &json!({ "otp": second })).await.ok();
    assert_eq!(state["status"], "COMPLETED", "{state}");
}

/// However many addresses somebody has.
#[tokio::test]
async fn security_5_6_messages_to_one_time_addresses_are_counted_for_the_person() {
    let scene = Scene::in_world(here().start().await, policy()).await;
    let server = scene.server().await;
    for number in 0..6 {
        let email = json!({ "type": "EMAIL", "email": format!("somewhere-{number}@else.example") });
        let state = begin(&server, &scene.once(&email)).await.state;
        if number < 5 {
            assert_eq!(state["status"], OTP, "{number}: {state}");
        } else {
            failed(&state, "OTP_RESEND_LIMIT");
        }
    }
    assert_eq!(scene.letters(5).await.len(), 5);
}

#[tokio::test]
async fn a3_where_no_code_may_go_nobody_is_asked() {
    let scene = Scene::in_world(here().start().await, policy()).await;
    let server = scene.server().await;
    let at = |member: &str| format!("selectedDevice.oneTime.{member}");
    let cases = [
        (json!({ "type": "PIGEON", "email": "a@b.example" }), Some("INVALID_FIELD_VALUE"), Some(at("type"))),
        (json!({ "type": "EMAIL" }), Some("FIELD_REQUIRED"), Some(at("email"))),
        (json!({ "type": "EMAIL", "email": "nobody" }), Some("INVALID_FIELD_VALUE"), Some(at("email"))),
        (json!({ "type": "SMS", "phone": "0151 2345" }), Some("INVALID_FIELD_VALUE"), Some(at("phone"))),
        (json!({ "type": "SMS", "email": "a@b.example" }), Some("INVALID_FIELD_VALUE"), Some(at("email"))),
        // Nothing is sent so far away.
        (
            json!({ "type": "SMS", "phone": "+33612345678" }),
            Some("INVALID_DEVICE"),
            Some("selectedDevice.oneTime".to_owned()),
        ),
        (json!({ "type": "EMAIL", "email": "a@b.example", "name": "x" }), None, None),
        (json!({ "email": "a@b.example" }), None, None),
    ];
    for (one_time, code, target) in cases {
        let answer = server.post(PATH, &scene.once(&one_time)).await;
        refused(&answer, 400, "INVALID_DATA");
        let detail = &answer.json()["details"][0];
        assert_eq!(detail["target"].as_str().map(str::to_owned), target, "{one_time} {detail}");
        assert!(code.is_none_or(|code| detail["code"] == code), "{one_time} {detail}");
    }
    let mut both = scene.once(&by_text());
    both["selectedDevice"]["id"] = json!(uuid::Uuid::nil().to_string());
    let mut neither = scene.about_alice();
    neither["selectedDevice"] = json!({});
    // A code shows nothing.
    let mut reads = scene.once(&by_text());
    reads["notification"] = json!({ "message": "Pay 5 EUR" });
    for (wanted, target) in
        [(both, "selectedDevice.oneTime"), (neither, "selectedDevice.id"), (reads, "selectedDevice.oneTime")]
    {
        let answer = server.post(PATH, &wanted).await;
        refused(&answer, 400, "INVALID_DATA");
        assert_eq!(answer.json()["details"][0]["target"], target, "{wanted}");
    }
    assert!(scene.world.texts().is_empty() && scene.world.inbox().is_empty());

    // The policy has no codes.
    let scene = Scene::in_world(here().start().await, without_numbers()).await;
    let server = scene.server().await;
    let answer = server.post(PATH, &scene.once(&by_text())).await;
    refused(&answer, 400, "INVALID_DATA");
    assert_eq!(answer.json()["details"][0]["code"], "INVALID_DEVICE");
    assert!(scene.world.texts().is_empty());
}

#[tokio::test]
async fn a3_whoever_is_stopped_is_sent_nothing() {
    let scene = Scene::in_world(here().start().await, policy()).await;
    let server = scene.server().await;
    scene.alice.set_status(Status::Locked).await;
    failed(&begin(&server, &scene.once(&by_text())).await.state, "ACCOUNT_LOCKED_OUT");
    assert!(scene.world.texts().is_empty());
    // And a code that they have is worth nothing.
    scene.alice.set_status(Status::Active).await;
    let asked = begin(&server, &scene.once(&by_text())).await;
    let otp = json!({ "otp": scene.text(1) });
    scene.alice.set_status(Status::Locked).await;
    failed(&act(&server, &asked, "otp.check", &otp).await.ok(), "ACCOUNT_LOCKED_OUT");
}

/// [flows.md H.4 step 4]
#[tokio::test]
async fn a3_an_app_that_vouches_is_believed_before_a_code_is_sent() {
    let mut mfa = usual();
    mfa["sms"] = json!({ "enabled": true });
    let scene = Scene::in_world(here().start().await, mfa).await;
    let app = scene.trusted().await;
    let server = scene.server().await;
    let mut wanted = scene.once(&by_text());
    wanted["application"] = json!({ "id": "shop-app" });
    wanted["mobilePayload"] = json!(app.payload(|_| {}));
    assert_eq!(begin(&server, &wanted).await.state["status"], "COMPLETED");
    assert!(scene.world.texts().is_empty());
}
