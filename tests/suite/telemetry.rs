//! What a running server tells about itself: metrics for those who operate it, and request ids.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::faults::AT_ONCE;
use crate::nodes::{Held, Node, Pending, Phone, RelyingParty, Site, Sql, get, send, until, volley};

struct Scene {
    site: Site,
    node: Node,
    shop: RelyingParty,
    patient: RelyingParty,
    phone: Phone,
}

impl Scene {
    async fn new() -> Self {
        let site = Site::new(Sql::Sqlite, Pending::Embedded).await;
        let (shop, patient) = (site.relying_party("shop", false).await, site.relying_party("patient", true).await);
        let alice = site.person("alice").await;
        let key = site.pairing_key(alice).await;
        let node = site.node().await;
        let phone = Phone::pair(node.public, &key).await;
        Self { site, node, shop, patient, phone }
    }

    async fn metrics(&self) -> String {
        metrics(&self.node).await
    }
}

async fn metrics(node: &Node) -> String {
    let mut stream = TcpStream::connect(node.ops).await.expect("a node");
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("an open connection");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == kind), "{head}");
    body.to_owned()
}

/// The value of one series.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_what_happened_and_say_nothing_of_whom() {
    let scene = Scene::new().await;
    let (at, before) = (scene.node.public, scene.metrics().await);
    assert!(value(&before, "nod_polls_total{answer=\"issued\"}") < 0.5, "a counter begins with zero");

    scene.site.letter().await;
    let id = scene.shop.asks(at, "alice", &[]).await;
    scene.shop.polls(at, &id).await.is(400, "authorization_pending");
    scene.shop.polls(at, &id).await.is(400, "slow_down");
    let question = scene.phone.question(at).await;
    scene.phone.sends(at, &scene.phone.approve(&question)).await.is(200, "");
    scene.shop.polls(at, &id).await.is(200, "");
    scene.shop.polls(at, &id).await.is(400, "invalid_grant");
    send(at, &RelyingParty::poll_with("no such id", "no assertion"))
        .await
        .expect("an answer")
        .is(401, "invalid_client");
    // Paths of strangers, some of them made to look like a label.
    for path in ["/as/token.oauth2/x", "/%22%7D%0Anod_evil%201", "/nobody-knows-this-path", "/metrics"] {
        assert_eq!(send(at, &get(path)).await.expect("an answer").status, 404, "{path}");
    }

    let held = scene.patient.asks(at, "alice", &[]).await;
    let mut listener = scene.phone.listen(at).await;
    listener.next("notification").await;
    let mut poll = Held::new(at, &scene.patient.poll(&held)).await.expect("a node that accepts");
    poll.release().expect("an open connection");
    until("a poll that is held", Duration::from_secs(3), || async {
        (value(&scene.metrics().await, "nod_held_polls") > 0.5).then_some(())
    })
    .await;
    assert!((value(&scene.metrics().await, "nod_live_channels") - 1.0).abs() < 0.1);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let question = scene.phone.question(at).await;
    scene.phone.sends(at, &scene.phone.deny(&question)).await.is(200, "");
    poll.answer().await.expect("an answer").is(400, "access_denied");

    let after = scene.metrics().await;
    let grew = |series: &str, by: f64| {
        let grew = value(&after, series) - value(&before, series);
        assert!((grew - by).abs() < 0.1, "{series} grew by {grew}, not {by}\n{after}");
    };
    for (answer, count) in [("issued", 1.0), ("pending", 1.0), ("slow_down", 1.0), ("invalid", 1.0), ("denied", 1.0)] {
        grew(&format!("nod_polls_total{{answer=\"{answer}\"}}"), count);
    }
    let requests = |endpoint: &str, outcome: &str, count: f64| {
        grew(&format!("nod_http_requests_total{{endpoint=\"{endpoint}\",outcome=\"{outcome}\"}}"), count);
    };
    requests("backchannel_authentication", "ok", 2.0);
    requests("token", "ok", 1.0);
    requests("token", "waiting", 2.0);
    requests("token", "refused", 3.0);
    requests("device_approve", "ok", 1.0);
    requests("device_deny", "ok", 1.0);
    requests("device_events", "ok", 1.0);
    requests("other", "refused", 4.0);
    grew("nod_decisions_total{outcome=\"approved\"}", 1.0);
    grew("nod_decisions_total{outcome=\"denied\"}", 1.0);
    grew("nod_time_to_approve_seconds_count", 1.0);
    assert!(value(&after, "nod_held_polls") < 0.5);
    // A poll was held for more than a second, and its endpoint was not slow.
    let slow = value(&after, "nod_http_request_duration_seconds_count{endpoint=\"token\"}")
        - value(&after, "nod_http_request_duration_seconds_bucket{le=\"1.0\",endpoint=\"token\"}");
    assert!(slow < 0.5, "{after}");
    for series in [
        "nod_http_connections",
        "nod_sql_call_duration_seconds_count{call=\"transaction\"}",
        "nod_sql_call_duration_seconds_count{call=\"read\"}",
        "nod_ephemeral_call_duration_seconds_count{call=\"swap\"}",
        "nod_ephemeral_call_duration_seconds_count{call=\"insert\"}",
        "nod_ledger_group_size_count",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(value(&after, series) > 0.0, "{series}");
    }
    assert!(value(&after, "nod_outbox_rows") >= 0.0 && value(&after, "nod_outbox_oldest_seconds") >= 0.0);
    assert!(value(&after, "nod_logout_rows") >= 0.0 && value(&after, "nod_logout_oldest_seconds") >= 0.0);
    assert!((value(&after, "nod_letter_rows") - 1.0).abs() < 0.5, "{after}");
    assert!(value(&after, "nod_letter_oldest_seconds") >= 0.0);
    assert!(value(&after, "nod_webhook_rows") >= 0.0 && value(&after, "nod_webhook_oldest_seconds") >= 0.0);
    for secret in ["alice", "shop", "patient", "evil", "nobody-knows", id.as_str(), held.as_str()] {
        assert!(!after.contains(secret), "{secret} is in the metrics");
    }
    drop(scene.site);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_is_in_every_answer_and_in_every_line_of_its_request() {
    let scene = Scene::new().await;
    let at = scene.node.public;
    let with_id = |request: Vec<u8>, id: &str| {
        let text = String::from_utf8(request).unwrap();
        let (line, rest) = text.split_once("\r\n").unwrap();
        format!("{line}\r\nx-request-id: {id}\r\n{rest}").into_bytes()
    };
    let lines = |id: &str| {
        let log = scene.node.log();
        log.lines().filter(|line| line.contains(&format!("\"http.request_id\":\"{id}\""))).count()
    };
    let accepted = send(at, &with_id(scene.shop.ask("alice", &[]), "shop-1.a_b")).await.expect("an answer");
    assert_eq!(accepted.header("x-request-id"), Some("shop-1.a_b"));
    let refused = send(at, &with_id(scene.shop.ask("nobody", &[]), "shop-2")).await.expect("an answer");
    assert_eq!((refused.status, refused.header("x-request-id")), (400, Some("shop-2")));
    until("two lines", Duration::from_secs(3), || async {
        (lines("shop-1.a_b") == 1 && lines("shop-2") == 1).then_some(())
    })
    .await;

    // Of the device API, of nothing, and of a head that no endpoint sees.
    for (request, status) in [
        (get("/device/v1/me"), 401),
        (get("/nothing/here"), 404),
        (get(&format!("/{}", "x".repeat(9000))), 414),
        (
            b"CONNECT id.example.com:443 HTTP/1.1\r\nhost: id.example.com:443\r\nx-forwarded-proto: https\r\n\r\n"
                .to_vec(),
            501,
        ),
    ] {
        let answer = send(at, &with_id(request.clone(), "mine")).await.expect("an answer");
        assert_eq!(answer.status, status);
        let id = answer.header("x-request-id").expect("a request id");
        assert!(id == "mine" || status == 414, "{status}: {id}");
        let answer = send(at, &with_id(request, "not{mine}")).await.expect("an answer");
        let id = answer.header("x-request-id").expect("a request id");
        assert!(id.len() == 22 && !id.contains('{'), "{status}: {id}");
    }
}

/// [security.md case 170] A flood of errors, each with its line, and nobody who reads them: some wait, the others are
/// dropped and counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn security_170_a_log_that_nobody_reads_holds_up_nobody() {
    const DROPPED: &str = "nod_log_lines_dropped_total";
    let mut site = Site::new(Sql::Sqlite, Pending::Embedded).await;
    let pipe = site.path("log");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    // Whoever has both ends waits for neither.
    let log = File::options().read(true).write(true).open(&pipe).expect("a pipe");
    site.log = Some(log.try_clone().expect("a pipe"));
    let shop = site.relying_party("shop", false).await;
    site.person("alice").await;
    let node = site.node().await;
    assert!(value(&metrics(&node).await, DROPPED) < 0.5);
    let mut floods = 0;
    while value(&metrics(&node).await, DROPPED) < 0.5 {
        assert!(floods < 50, "somebody has taken all lines");
        floods += 1;
        for _ in 0..8 {
            let strangers = (0..40).map(|_| (node.public, RelyingParty::poll_with("no such id", "no assertion")));
            for answer in volley(strangers.collect()).await {
                let answer = answer.expect("an answer");
                answer.is(401, "invalid_client");
                assert!(answer.took < AT_ONCE, "{answer:?}");
            }
        }
    }
    assert!(floods > 5, "{floods} floods of 320 lines: thousands of them may wait");
    shop.asks(node.public, "alice", &[]).await;
    assert_eq!(node.readiness().await, Some(200));
    drop(log);
}
