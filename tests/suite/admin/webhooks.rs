//! `/admin/v1/webhooks`, and what arrives there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nod::outbound::egress::{Egress, EgressSettings};
use serde_json::{Value, json};

use super::location;
use super::receiver::{Received, Receiver, Reply};
use super::robot::Robot;
use crate::world::{Backing, Builder, World, counted, seconds};

const WEBHOOKS: &str = "/admin/v1/webhooks";

/// Loopback may be called, without TLS.
pub(crate) fn at_home() -> Builder {
    World::with().settings(|settings| {
        let egress = EgressSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http_hosts: vec!["127.0.0.1".to_owned()],
            ..EgressSettings::default()
        };
        settings.egress = Egress::new(&egress).unwrap();
    })
}

/// Where it is, and its secret.
async fn register(admin: &Robot<'_>, receiver: &Receiver, event_types: &[&str]) -> (String, String) {
    let made = admin.post(WEBHOOKS, &json!({ "url": receiver.url(), "event_types": event_types })).await;
    (location(&made), made.json()["secret"].as_str().unwrap().to_owned())
}

/// One signature, as a receiver makes it to compare.
pub(crate) fn signature(secret: &str, received: &Received) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("its prefix")).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signed = format!("{}.{}.{}", received.id, received.timestamp, received.body);
    format!("v1,{}", STANDARD.encode(ring::hmac::sign(&key, signed.as_bytes())))
}

/// As the document has it: nothing is missing, and nothing is there that nobody described.
fn as_described(body: &Value) {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/admin.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    for (schema, value) in [("WebhookEvent", body), ("WebhookEventData", &body["data"])] {
        let schema = &document["components"]["schemas"][schema];
        let members = value.as_object().unwrap();
        for name in schema["required"].as_array().unwrap() {
            assert!(members.contains_key(name.as_str().unwrap()), "{name} is missing in {value}");
        }
        for name in members.keys() {
            assert!(schema["properties"][name].is_object(), "{name} is not described: {value}");
        }
    }
}

async fn deliveries(admin: &Robot<'_>, at: &str) -> Vec<Value> {
    admin.get(&format!("{at}/deliveries")).await.ok()["items"].as_array().unwrap().clone()
}

/// The newest delivery, once it is in this state.
async fn delivery(admin: &Robot<'_>, at: &str, state: &str) -> Value {
    super::until(state, async || deliveries(admin, at).await.into_iter().next().filter(|one| one["state"] == state))
        .await
}

#[tokio::test]
async fn what_happens_arrives_once_and_signed() {
    let world = at_home().start().await;
    let (admin, receiver) = (world.admin().await, Receiver::start());
    admin.post("/admin/v1/users", &json!({ "username": "bob" })).await;
    let (at, secret) = register(&admin, &receiver, &["user.created", "user.deleted"]).await;
    let user = admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    admin.post("/admin/v1/clients", &json!({ "client_id": "shop" })).await;
    admin.delete(&location(&user)).await;
    // They may overtake each other.
    let mut received = receiver.gets(2).await;
    received.sort_by_key(|one| one.json()["type"].to_string());
    let kinds: Vec<Value> = received.iter().map(|one| one.json()["type"].clone()).collect();
    assert_eq!(kinds, ["user.created", "user.deleted"], "what it wants, from when it was registered");
    for one in &received {
        assert_eq!(one.signature, signature(&secret, one));
        assert_eq!(one.timestamp, world.now().seconds().to_string());
        assert!(one.id.starts_with("evt_"));
        assert_eq!(one.json()["data"]["id"], json!(one.id));
        as_described(&one.json());
    }
    let audited = admin.get("/admin/v1/audit?type=user.deleted").await.ok();
    assert_eq!(audited["items"][0], received[1].json()["data"], "the same event everywhere");
    let delivered = delivery(&admin, &at, "delivered").await;
    assert_eq!((&delivered["last_status"], &delivered["attempts"]), (&json!(204), &json!(1)));
    assert!(received.iter().any(|one| delivered["event_id"] == json!(one.id)));
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!(receiver.received().len(), 2, "once");
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_and_then_given_up() {
    let world = at_home().start().await;
    let (admin, receiver) = (world.admin().await, Receiver::start());
    let (at, _) = register(&admin, &receiver, &["user.created"]).await;
    // A redirect is not followed, wherever it leads.
    let nasty = [500, 302, 404, 307, 500, 503, 500, 500, 500, 500];
    receiver.will(nasty.map(Reply::Status));
    admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    let mut admin = admin;
    for attempt in 1..=10 {
        let received = receiver.gets(attempt).await;
        assert_eq!(received.len(), attempt);
        assert!(received.iter().all(|one| one.id == received[0].id), "the same event");
        let state = if attempt < 10 { "pending" } else { "failed" };
        // The attempt is counted when it begins; its status comes when it has ended.
        super::until("the log", async || {
            let one = deliveries(&admin, &at).await.remove(0);
            let told = one["state"] == state && one["last_status"] == nasty[attempt - 1];
            (one["attempts"] == attempt && told).then_some(())
        })
        .await;
        world.clock.advance(seconds(30 * 3600));
        admin = world.admin_again(&admin).await;
    }
    super::until("the event", async || {
        let gave_up = admin.get("/admin/v1/audit?type=webhook.gave_up").await.ok();
        let at = format!("{WEBHOOKS}/{}", gave_up["items"].get(0)?["reason"].as_str()?);
        Some(admin.get(&at).await.ok()["enabled"] == true)
    })
    .await;
    let failed = delivery(&admin, &at, "failed").await;
    let again = format!("{at}/deliveries/{}/redeliver", failed["id"].as_str().unwrap());
    assert_eq!(admin.act(&again).await.ok()["state"], "pending");
    let received = receiver.gets(11).await;
    assert_eq!(received[10].id, received[0].id, "the same event once more");
    assert_eq!(delivery(&admin, &at, "delivered").await["attempts"], 1);
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody() {
    let world = at_home().start().await;
    let (admin, slow, quick) = (world.admin().await, Receiver::start(), Receiver::start());
    slow.will([Reply::Silence]);
    let (at, _) = register(&admin, &slow, &["user.created"]).await;
    register(&admin, &quick, &["user.created"]).await;
    admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    quick.gets(1).await;
    assert!(deliveries(&admin, &at).await[0].get("last_error").is_none(), "the other is still waited for");
    let one = super::until("an end of the wait", async || {
        deliveries(&admin, &at).await.into_iter().find(|one| one["last_error"].is_string())
    })
    .await;
    assert_eq!(one["last_error"], "no answer in time");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_told_no_more() {
    let world = at_home().start().await;
    let (admin, receiver) = (world.admin().await, Receiver::start());
    let (at, _) = register(&admin, &receiver, &[]).await;
    receiver.will([Reply::Status(410)]);
    admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    let webhook =
        super::until("the end", async || Some(admin.get(&at).await.ok()).filter(|webhook| webhook["enabled"] == false))
            .await;
    assert_eq!(webhook["disabled_because"], "gone");
    admin.post("/admin/v1/users", &json!({ "username": "bob" })).await;
    let enabled = admin.patch(&at, &json!({ "enabled": true })).await.ok();
    assert!(enabled.get("disabled_because").is_none());
    let before = receiver.received().len();
    admin.post("/admin/v1/users", &json!({ "username": "alice-2" })).await;
    let received = receiver.gets(before + 1).await;
    let told = received.last().unwrap().json();
    assert_eq!(told["type"], "user.created");
    let third = admin.get("/admin/v1/users?username=alice-2").await.ok();
    assert_eq!(told["data"]["user_id"], third["items"][0]["id"], "not what it missed");
}

#[tokio::test]
async fn a_replaced_secret_signs_for_another_day() {
    let world = at_home().start().await;
    let (admin, receiver) = (world.admin().await, Receiver::start());
    let (at, old) = register(&admin, &receiver, &["user.deleted"]).await;
    let rotated = admin.act(&format!("{at}/rotate-secret")).await.ok();
    let new = rotated["secret"].as_str().unwrap();
    assert_eq!(admin.act(&format!("{at}/ping")).await.ok()["event_type"], "webhook.ping");
    let ping = receiver.gets(1).await.remove(0);
    assert_eq!(ping.json()["type"], "webhook.ping");
    assert_eq!(ping.signature, format!("{} {}", signature(new, &ping), signature(&old, &ping)));
    world.clock.advance(seconds(86_400));
    let admin = world.admin_again(&admin).await;
    admin.act(&format!("{at}/ping")).await;
    let ping = receiver.gets(2).await.remove(1);
    assert_eq!(ping.signature, signature(new, &ping));
}

#[tokio::test]
async fn where_nothing_may_be_sent_nothing_is_registered() {
    let world = World::start().await;
    let admin = world.admin().await;
    for url in [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://user:password@example.com/",
        "ftp://example.com/",
        "nonsense",
        "",
    ] {
        let answer = admin.post(WEBHOOKS, &json!({ "url": url })).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/url", "{url}");
    }
    let body = json!({ "url": "https://example.com/", "event_types": ["user.sneezed"] });
    assert_eq!(admin.post(WEBHOOKS, &body).await.json()["errors"][0]["pointer"], "/event_types");
    let body = json!({ "url": "https://example.com/", "event_types": ["webhook.gave_up"] });
    admin.post(WEBHOOKS, &body).await.admin_problem(422, "validation_failed");
    let made = admin.post(WEBHOOKS, &json!({ "url": "https://example.com/", "enabled": false })).await;
    let at = location(&made);
    assert_eq!(admin.get(&at).await.header("etag"), made.header("etag"));
    assert!(!admin.get(&at).await.text().contains("whsec_") && !admin.get(WEBHOOKS).await.text().contains("whsec_"));
    admin.patch(&at, &json!({ "url": "https://localhost/" })).await;
    for _ in 1..20 {
        admin.post(WEBHOOKS, &json!({ "url": "https://example.com/", "enabled": false })).await;
    }
    let more = admin.post(WEBHOOKS, &json!({ "url": "https://example.com/" })).await;
    more.admin_problem(409, "too_many_webhooks");
    assert_eq!(admin.delete(&at).await.status, 204);
    admin.get(&format!("{at}/deliveries")).await.admin_problem(404, "not_found");
}

#[tokio::test]
async fn every_attempt_that_fails_is_counted_and_a_line_of_the_log() {
    let world = at_home().start().await;
    let (admin, receiver) = (world.admin().await, Receiver::start());
    let url = format!("{}?token=hunter2", receiver.url());
    let made = admin.post(WEBHOOKS, &json!({ "url": url, "event_types": ["user.created"] })).await;
    let at = location(&made);
    let id = at.rsplit('/').next().unwrap().to_owned();
    let count = |outcome: &str| counted(&format!("nod_webhook_deliveries_total{{outcome=\"{outcome}\"}}"));
    let before = ["delivered", "failed", "gave_up"].map(count);
    receiver.will([Reply::Status(500), Reply::Status(503), Reply::Status(410)]);
    admin.post("/admin/v1/users", &json!({ "username": "alice" })).await;
    let mut admin = admin;
    for attempt in 1..=3 {
        receiver.gets(attempt).await;
        super::until("the log", async || {
            let one = deliveries(&admin, &at).await.remove(0);
            (one["attempts"] == attempt && one["last_status"].is_number()).then_some(())
        })
        .await;
        world.clock.advance(seconds(30 * 3600));
        admin = world.admin_again(&admin).await;
    }
    let lines = super::until("the last line", async || {
        let log = world.log();
        let lines: Vec<String> = log.lines().filter(|line| line.contains(&id)).map(str::to_owned).collect();
        lines.iter().any(|line| line.contains("given up")).then_some(lines)
    })
    .await;
    let failed: Vec<&String> = lines.iter().filter(|line| line.contains("a webhook was not told")).collect();
    assert_eq!(failed.len(), 3, "{lines:?}");
    for (n, line) in failed.iter().enumerate() {
        assert!(line.contains("WARN") && line.contains(&format!("attempt={}", n + 1)), "{line}");
        assert!(line.contains("why=") && line.contains("evt_"), "{line}");
    }
    assert!(!lines.iter().any(|line| line.contains("hunter2") || line.contains("127.0.0.1")), "{lines:?}");
    // Other tests deliver too.
    let after = ["delivered", "failed", "gave_up"].map(count);
    assert!(after[1] >= before[1] + 2 && after[2] > before[2], "{before:?} {after:?}");
}

/// As Standard Webhooks writes a secret.
#[tokio::test]
async fn a_secret_that_the_receiver_has_already_signs() {
    let world = at_home().start().await;
    let (admin, receiver) = (world.admin().await, Receiver::start());
    for bad in ["", "whsec_", "secret", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        .map(str::to_owned)
        .into_iter()
        .chain([23, 65].map(|length| format!("whsec_{}", STANDARD.encode(vec![7; length]))))
    {
        let answer = admin.post(WEBHOOKS, &json!({ "url": receiver.url(), "secret": bad })).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/secret", "{bad}");
    }
    for length in [24, 64] {
        let secret = format!("whsec_{}", STANDARD.encode(vec![7; length]));
        let made = admin.post(WEBHOOKS, &json!({ "url": receiver.url(), "secret": secret })).await;
        assert_eq!(made.json()["secret"], secret.as_str());
        let at = location(&made);
        admin.patch(&at, &json!({ "secret": secret })).await.admin_problem(400, "invalid_request");
        let before = receiver.received().len();
        admin.act(&format!("{at}/ping")).await;
        let ping = receiver.gets(before + 1).await.remove(before);
        assert_eq!(ping.signature, signature(&secret, &ping));
        as_described(&ping.json());
    }
}

/// R21
#[tokio::test]
async fn on_two_nodes_each_event_arrives_once() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = at_home().backing(backing).nodes(2).start().await;
        let (admin, receiver) = (world.admin().await, Receiver::start());
        register(&admin, &receiver, &["user.created"]).await;
        // Long enough for the other node to look for what is due.
        receiver.will([Reply::After(1200); 12]);
        for n in 0..12 {
            admin.post("/admin/v1/users", &json!({ "username": format!("user-{n}") })).await;
        }
        receiver.gets(12).await;
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        let received = receiver.received();
        let ids: std::collections::HashSet<&str> = received.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((ids.len(), received.len()), (12, 12));
    }
}
