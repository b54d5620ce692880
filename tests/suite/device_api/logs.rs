//! What an app sends to whoever helps its person [flows.md B.2, H.3].

use nod::protocol::public_id::{self, Kind};
use nod_device::Call;
use nod_device::messages::LogsRequest;
use serde_json::json;

use crate::admin::robot::usr;
use crate::world::{Answer, Phone, World, limited, seconds};

async fn send(phone: &Phone, log: &str) -> Answer {
    phone.call(&Call::send_logs(&LogsRequest { log: log.to_owned() })).await
}

fn support_id(answer: &Answer) -> String {
    answer.ok()["supportId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn h3_what_an_app_sends_is_read_by_operators_for_three_days() {
    let world = World::start().await;
    let (admin, alice) = (world.admin().await, world.user("alice").with_phone().await);
    let log = "12:00\tno push token of h3\nréseau: down";
    let id = support_id(&send(alice.phone(), log).await);
    assert!(id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{id}");
    let at = format!("/admin/v1/device-logs/{id}");
    let shown = admin.get(&at).await.ok();
    assert_eq!((&shown["log"], &shown["support_id"], &shown["platform"]), (&json!(log), &json!(id), &json!("TEST")));
    assert_eq!(shown["user_ids"], json!([usr(&alice)]));
    let installation = public_id::encode(Kind::Installation, alice.phone().installation().uuid());
    assert_eq!(shown["installation_id"], installation);
    assert_eq!(admin.get(&at.to_ascii_lowercase()).await.ok(), shown, "as it is read out");
    assert!(!world.log().contains("push token of h3"), "it is in no log of ours");
    admin.get("/admin/v1/device-logs/22222222").await.admin_problem(404, "not_found");
    admin.get("/admin/v1/device-logs/0").await.admin_problem(404, "not_found");
    let other = world.robot("people", "nod:users:read").await;
    other.get(&at).await.admin_problem(403, "insufficient_scope");

    world.clock.advance(seconds(3 * 86_400 - 1));
    let admin = world.admin_again(&admin).await;
    assert_eq!(admin.get(&at).await.ok(), shown);
    world.clock.advance(seconds(1));
    admin.get(&at).await.admin_problem(404, "not_found");
}

#[tokio::test]
async fn h3_logs_have_a_length_and_a_number() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().with_phone().await;
    let phone = alice.phone();
    for bad in [String::new(), "a\0b".to_owned(), "\u{1b}[2J".to_owned(), "a".repeat(16 * 1024 + 1)] {
        let watch = world.watch().await;
        send(phone, &bad).await.problem(400, "INVALID_REQUEST");
        watch.nothing_changed("no log").await;
    }
    let shapes = [json!({}), json!({ "log": 7 }), json!({ "log": "a", "more": 1 }), json!([])];
    let good = phone.craft(&Call::send_logs(&LogsRequest { log: "a".to_owned() }));
    for shape in shapes {
        let crafted = good.clone().with_body(|body| *body = shape);
        let fresh = phone.craft(&Call::me()).claims["jti"].clone();
        phone.send(&crafted.claim("jti", fresh)).await.problem(400, "INVALID_REQUEST");
    }
    // Five a day, of each app.
    let ids: Vec<String> = [
        support_id(&send(phone, &"a".repeat(16 * 1024)).await),
        support_id(&send(phone, "b").await),
        support_id(&send(phone, "b").await),
        support_id(&send(phone, "d").await),
        support_id(&send(phone, "e").await),
    ]
    .into();
    assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1), "{ids:?}");
    let before = limited("device_logs");
    send(phone, "f").await.problem(429, "TOO_MANY_ATTEMPTS");
    assert!(limited("device_logs") > before, "whoever watches the limit sees it");
    support_id(&send(&alice.phones[1], "f").await);
}

#[tokio::test]
async fn h3_who_is_blocked_or_proves_something_else_is_not_heard() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let phone = alice.phone();
    phone.warm().await;
    for other in ["read", "push", "pairing", "unpair"] {
        let crafted = phone.craft(&Call::send_logs(&LogsRequest { log: "a".to_owned() }));
        phone.send(&crafted.claim("purpose", json!(other))).await.problem(401, "PROOF_INVALID");
    }
    let log = LogsRequest { log: "a".to_owned() };
    let stranger = world.phone();
    stranger.call(&Call::send_logs(&log)).await.problem(401, "DEVICE_UNKNOWN");
    phone.block().await;
    phone.call(&Call::send_logs(&log)).await.problem(403, "DEVICE_BLOCKED");
    phone.call(&Call::test_push()).await.problem(403, "DEVICE_BLOCKED");
}
