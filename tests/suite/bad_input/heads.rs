//! What no endpoint sees leaves an event, too.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{MARK, scene};
use crate::world::{Answer, BC_AUTHORIZE, TOKEN, World, limited, seconds};

/// Bytes as they are, on a connection of their own, up to its end.
async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server that has read only a part may reset what it closes.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_head_that_never_reaches_an_endpoint_leaves_an_event_too() {
    let scene = scene().await;
    let big = "a".repeat(500_000);
    for (path, action) in [
        (TOKEN, "request.redeemed"),
        (BC_AUTHORIZE, "request.created"),
        ("/device/v1/me", "device.called"),
        ("/admin/v1/clients", "admin.called"),
        ("/elsewhere", "input.refused"),
    ] {
        for (what, fields, status) in [
            ("two hosts", format!("Host: a\r\nHost: {MARK}\r\n"), 400),
            (
                "two lengths",
                format!("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nX: {MARK}\r\n"),
                400,
            ),
            ("500 KB", format!("Host: a\r\nX: {MARK}{big}\r\n"), 431),
        ] {
            let watch = scene.world.watch().await;
            let answer = exchange(&scene.world, format!("POST {path} HTTP/1.1\r\n{fields}\r\n").as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what} at {path}: {answer}");
            assert!(!answer.contains(MARK), "{what} at {path}");
            let event = watch.only_a_refusal(&format!("{what} at {path}")).await;
            assert_eq!(event.action, action, "{what} at {path}");
            assert!(!event.reason.unwrap_or_default().contains(MARK));
        }
    }
    scene.still_works().await;
}

#[tokio::test]
async fn a_large_head_over_http_2_leaves_an_event_too() {
    let scene = scene().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let page = "text/html; charset=utf-8";
    let before = limited("request_head");
    for (path, kind) in [
        (TOKEN, "application/json"),
        ("/device/v1/me", "application/problem+json"),
        ("/as/authorization.oauth2", page),
        ("/idp/init_logout.openid", page),
        ("/sign-out", page),
    ] {
        let watch = scene.world.watch().await;
        let head = format!("{MARK}{}", "a".repeat(30_000));
        let request = client.post(format!("http://{}{path}", scene.world.address())).header("x", head);
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (431, Some(kind)), "{path}");
        assert!(!answer.text().contains(MARK), "{path}");
        watch.only_a_refusal(path).await;
    }
    assert!(limited("request_head") > before, "whoever watches the limit sees it");
    scene.still_works().await;
}

#[tokio::test]
async fn a_flood_of_refusals_leaves_some_events_and_a_number() {
    let scene = scene().await;
    let watch = scene.world.watch().await;
    for _ in 0..200 {
        Answer::of(scene.raw(TOKEN, "grant_type=x&grant_type=y")).await.refused(400, "invalid_request");
    }
    let events = watch.events().await;
    assert_eq!(events.len(), 20, "each by itself");
    scene.world.clock.advance(seconds(61));
    Answer::of(scene.raw(TOKEN, "grant_type=x&grant_type=y")).await.refused(400, "invalid_request");
    let events = watch.events().await;
    let reasons: Vec<_> = events.iter().skip(20).map(|event| event.reason.clone().unwrap_or_default()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].ends_with(", and 180 times more"), "{reasons:?}");
    watch.nothing_changed("a flood").await;
}
