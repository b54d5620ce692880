//! Spans that a collector gets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::nodes::{Pending, Phone, Site, Sql, send, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Says yes to everything, and keeps it.
#[expect(clippy::disallowed_methods, reason = "the test owns its tasks")]
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 * 1024];
                let mut open = Vec::new();
                while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                    open.extend_from_slice(&bytes[..length]);
                    kept.lock().unwrap().extend_from_slice(&bytes[..length]);
                    let Some(head) = open.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                    let text = String::from_utf8_lossy(&open[..head]).to_ascii_lowercase();
                    let body = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    if open.len() >= head + 4 + body.unwrap_or(0) {
                        open.clear();
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                    }
                }
            });
        }
    });
    (url, seen)
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_go_on_and_say_what_was_done_and_not_with_what() {
    let (url, seen) = collector().await;
    let mut site = Site::new(Sql::Sqlite, Pending::Embedded).await;
    site.environment = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned())];
    let shop = site.relying_party("shop", false).await;
    let alice = site.person("alice").await;
    let key = site.pairing_key(alice).await;
    let node = site.node().await;
    let phone = Phone::pair(node.public, &key).await;
    let traced = |request: Vec<u8>| {
        let text = String::from_utf8(request).unwrap();
        let (line, rest) = text.split_once("\r\n").unwrap();
        format!("{line}\r\ntraceparent: {PARENT}\r\ntracestate: evil=1\r\n{rest}").into_bytes()
    };
    let asked = send(node.public, &traced(shop.ask("alice", &[]))).await.expect("an answer");
    let id = asked.is(200, "").text("auth_req_id").to_owned();
    let question = phone.question(node.public).await;
    phone.sends(node.public, &phone.approve(&question)).await.is(200, "");
    let tokens = send(node.public, &traced(shop.poll(&id))).await.expect("an answer");
    let tokens = tokens.is(200, "");
    let trace: Vec<u8> = (0..32).step_by(2).map(|at| u8::from_str_radix(&TRACE[at..at + 2], 16).unwrap()).collect();
    let names = ["backchannel_authentication", "request_authentication", "token", "redeem", "device_approve", "decide"];
    until("all spans", Duration::from_secs(10), || async {
        let seen = seen.lock().unwrap();
        (names.iter().all(|name| has(&seen, name.as_bytes())) && has(&seen, &trace)).then_some(())
    })
    .await;
    let seen = seen.lock().unwrap().clone();
    assert!(has(&seen, b"POST /v1/traces"), "OTLP over HTTP");
    for secret in [
        id.as_str(),
        tokens.text("access_token"),
        tokens.text("id_token"),
        tokens.text("refresh_token"),
        "alice",
        "evil",
        "client_assertion",
        "/as/",
        "/device/",
    ] {
        assert!(!has(&seen, secret.as_bytes()), "{secret} is in a trace");
    }
}
