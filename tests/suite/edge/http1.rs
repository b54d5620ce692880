//! HTTP/1.1, byte by byte.

use std::time::Instant;

use nod::http::remote::{Cleartext, TrustedProxies};

use super::*;

fn assert_refusal(answer: &str, expected: u16) {
    assert_eq!(status(answer), expected, "{answer:?}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    for field in
        ["content-type: application/json", "cache-control: no-store", "date: ", "x-content-type-options: nosniff"]
    {
        assert!(head.contains(field), "{field} in {head:?}");
    }
    let body: serde_json::Value = serde_json::from_str(body).expect(body);
    assert_eq!(body["error"], "invalid_request");
    assert!(!body["error_description"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn requests_are_answered_and_connections_kept() {
    let server = start(Edge::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let answer = one_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert!(answer.contains("\r\ndate: "));
    }
    stream.write_all(b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2").await.unwrap();
    assert!(one_answer(&mut stream).await.ends_with("a b"));
    stream.write_all(b"POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n").await.unwrap();
    assert!(one_answer(&mut stream).await.ends_with('5'));
    stream.write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(status(&answer) == 200 && answer.ends_with("\r\n\r\n"), "a HEAD is a GET without the body: {answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order_and_a_bad_one_last() {
    let server = start(Edge::default()).await;
    let good = "GET /slow/50 HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunked = "POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n";
    let bad = "POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n";
    let answer = server.exchange(format!("{good}{chunked}{bad}{good}")).await;
    let statuses: Vec<_> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| status(&answer[at..])).collect();
    assert_eq!(statuses, [200, 200, 400], "{answer}");
    assert!(answer.contains("slow"));
}

#[tokio::test]
async fn a_head_with_two_meanings_is_refused() {
    let server = start(Edge::default()).await;
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /raw HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "REFUSED / HTTP/1.1\r\n\r\n",
    ] {
        assert_refusal(&server.exchange(head).await, 400);
    }
    assert_refusal(&server.exchange([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]).await, 400);
    assert_eq!(status(&server.exchange("REFUSED / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await), 405);
    assert_eq!(status(&server.exchange("CONNECT a:80 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await), 501);
    assert_eq!(server.status("/").await, 200, "and the next client is served");
}

/// The form of the device API, without its nonce.
fn assert_problem(answer: &str, expected: u16, code: &str) {
    assert_eq!(status(answer), expected, "{answer:?}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    for field in
        ["content-type: application/problem+json", "cache-control: no-store", "x-content-type-options: nosniff"]
    {
        assert!(head.contains(field), "{field} in {head:?}");
    }
    let body: serde_json::Value = serde_json::from_str(body).expect(body);
    assert_eq!((body["code"].as_str(), body["status"].as_u64()), (Some(code), Some(expected.into())));
    assert!(body["type"].is_string() && !body["title"].as_str().unwrap().is_empty());
    assert_eq!(body.as_object().unwrap().len(), 4, "{body}");
}

#[tokio::test]
async fn what_is_refused_on_its_way_to_a_device_call_has_its_form_and_everything_else_that_of_oauth() {
    let server = start(hasty()).await;
    let many = "X: y\r\n".repeat(64);
    let long = "a".repeat(8192);
    let heads = |path: &str| {
        [
            (400, format!("GET {path} HTTP/1.1\r\n\r\n")),
            (400, format!("GET {path} HTTP/9.9\r\nHost: a\r\n\r\n")),
            (400, format!("\r\nGET {path}?x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")),
            (400, format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na")),
            (408, format!("GET {path} HTTP/1.1\r\nHost: a\r\nX: ")),
            (414, format!("GET {path}?{long} HTTP/1.1\r\nHost: a\r\n\r\n")),
            (431, format!("GET {path} HTTP/1.1\r\nHost: a\r\n{many}\r\n")),
            (431, format!("GET {path} HTTP/1.1\r\nHost: a\r\nX: {long}{long}\r\n\r\n")),
        ]
    };
    for path in ["/device/v1/me", "/device/v1/notifications/x/approve", "/device/v1/"] {
        for (expected, head) in heads(path) {
            assert_problem(&server.exchange(head).await, expected, "INVALID_REQUEST");
        }
    }
    for path in ["/as/token.oauth2", "/idp/userinfo.openid", "/", "/devices", "/x/device/v1/me"] {
        for (expected, head) in heads(path) {
            assert_refusal(&server.exchange(head).await, expected);
        }
    }
    // Where the path cannot be read, there is no telling.
    assert_refusal(&server.exchange("GET /device/v1/me").await, 408);
    assert_refusal(&server.exchange("GET /device/%76%31/me HTTP/1.1\r\n\r\n").await, 400);
    assert_refusal(&server.exchange(format!("GET /device/v1/{long} HTTP/1.1\r\n\r\n")).await, 414);
    // An answer to what came before is not mistaken for it.
    let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = server.exchange(format!("{good}GET /device/v1/me HTTP/1.1\r\n\r\n")).await;
    assert_problem(&answer[answer.rfind("HTTP/1.1 ").unwrap()..], 400, "INVALID_REQUEST");

    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_problem(&server.exchange(ask("/device/v1/panic")).await, 500, "INTERNAL_ERROR");
    let busy = server.exchange(ask("/device/v1/slow/5000")).await;
    assert_problem(&busy, 503, "TEMPORARILY_UNAVAILABLE");
    assert!(busy.contains("retry-after: 1\r\n"));
}

#[tokio::test]
async fn a_head_is_bounded() {
    let server = start(Edge::default()).await;
    let fields = |n: usize| "X: y\r\n".repeat(n);
    let with = |rest: String| format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{rest}\r\n");
    assert_eq!(status(&server.exchange(with(fields(62))).await), 200);
    assert_refusal(&server.exchange(with(fields(63))).await, 431);
    assert_refusal(&server.exchange(with(fields(101))).await, 431);
    assert_refusal(&server.exchange(with(fields(100_000))).await, 431);
    assert_refusal(&server.exchange(with(format!("X: {}\r\n", "a".repeat(500_000)))).await, 431);
    assert_eq!(status(&server.exchange(with(format!("X: {}\r\n", "a".repeat(15_000)))).await), 200);

    assert_eq!(server.status(&format!("/?{}", "a".repeat(8000))).await, 200);
    for length in [8192, 20_000, 500_000] {
        let target = format!("GET /?{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length));
        assert_refusal(&server.exchange(target).await, 414);
    }
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let server = start(Edge::default()).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let announced = format!("POST /form HTTP/1.1\r\nHost: a\r\n{form}Content-Length: 300000000\r\n\r\n");
    assert_eq!(status(&server.exchange(announced).await), 413);
    let expecting =
        format!("POST /form HTTP/1.1\r\nHost: a\r\n{form}Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
    assert_eq!(status(&server.exchange(expecting).await), 413, "and not 100");
    let encoded = format!("POST /form HTTP/1.0\r\n{form}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab");
    assert_eq!(status(&server.exchange(encoded).await), 415);
    let sent = format!("POST /form HTTP/1.1\r\nHost: a\r\n{form}Content-Length: 900000\r\n\r\n{}", "a".repeat(900_000));
    assert_eq!(status(&server.exchange(sent).await), 413, "the answer arrives although the client still sends");
    let ignored = format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n{}", "a".repeat(900_000));
    assert_eq!(status(&server.exchange(ignored).await), 200);
}

/// A server that closes while the client still sends resets the connection, and many clients then
/// never come to read the answer.
#[tokio::test]
async fn an_early_answer_is_not_taken_back() {
    let server = start(Edge::default()).await;
    let piece = "a".repeat(50_000);
    for (head, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nX: ", 431),
        ("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n", 400),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        for n in 0..5 {
            stream.write_all(piece.as_bytes()).await.unwrap_or_else(|error| panic!("piece {n} of {head:?}: {error}"));
            sleep(Duration::from_millis(30)).await;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("closed, not reset");
        assert_eq!(status(&answer), expected);
    }
}

#[tokio::test]
async fn a_garbled_body_is_an_error() {
    let server = start(Edge::default()).await;
    for body in ["zz\r\n", "5\r\nhelloworld\r\n0\r\n\r\n", "ffffffffff\r\n", "-5\r\nhello"] {
        let request = format!("POST /raw HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(status(&server.exchange(request).await), 400, "{body:?}");
    }
    // More than announced is another request, and no good one.
    let lie = "POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabXX\r\n\r\n";
    let answer = server.exchange(lie).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1);
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1);
}

/// What the server does with a client that goes silent after these bytes, and when.
async fn goes_silent(server: &Running, bytes: &str) -> (u16, Duration) {
    let mut stream = server.connect().await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let answer = until_closed(&mut stream).await;
    (status(&answer), begun.elapsed())
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let server = start(hasty()).await;
    let json = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (bytes, expected) in [
        (String::new(), 0),
        ("PRI * HTTP/2.0\r\n".to_owned(), 0),
        ("GET / HTT".to_owned(), 408),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: ".to_owned(), 408),
        (format!("POST /form HTTP/1.1\r\nHost: a\r\n{json}Content-Length: 10\r\n\r\nabc"), 408),
        (format!("POST /form HTTP/1.1\r\nHost: a\r\n{json}Transfer-Encoding: chunked\r\n\r\n5\r\nab"), 408),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 200),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".to_owned(), 0),
    ] {
        let (status, after) = goes_silent(&server, &bytes).await;
        assert_eq!(status, expected, "{bytes:?}");
        assert!(after >= ALMOST, "{bytes:?} closed after {after:?}");
        // Up to another HASTE goes to lingering for a client that might still send.
        assert!(after < HASTE * 6, "{bytes:?} closed after {after:?}");
    }
}

#[tokio::test]
async fn a_dripping_head_is_not_waited_for() {
    let server = start(hasty()).await;
    let mut stream = server.connect().await;
    let begun = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nHost: nod.example\r\nX-Drip: drip\r\n" {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(30)).await;
        if begun.elapsed() > HASTE * 2 {
            break;
        }
    }
    assert_eq!(status(&until_closed(&mut stream).await), 408);
    assert!(begun.elapsed() < HASTE * 8);
}

#[tokio::test]
async fn a_connection_in_use_outlives_the_idle_time() {
    let server = start(hasty()).await;
    let mut stream = server.connect().await;
    for _ in 0..5 {
        stream.write_all(b"GET /poll/200 HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert!(one_answer(&mut stream).await.ends_with("waited"));
    }
    stream.write_all(b"GET /poll/1000 HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(one_answer(&mut stream).await.ends_with("waited"), "a long poll is no idle connection");
    let begun = Instant::now();
    assert_eq!(until_closed(&mut stream).await, "");
    assert!(begun.elapsed() >= ALMOST && begun.elapsed() < HASTE * 5, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_handler_that_hangs_is_503_unless_it_asked_for_time() {
    let server = start(hasty()).await;
    let answer = server.exchange("GET /slow/5000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), 503);
    assert!(
        answer.contains("retry-after: 1\r\n")
            && answer.ends_with(
                r#"{"error":"temporarily_unavailable","error_description":"The server is busy. Try again later."}"#
            )
    );
    assert_eq!(server.status("/poll/900").await, 200);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_nothing_more() {
    let server = start(Edge::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let answer = one_answer(&mut stream).await;
    assert_eq!(status(&answer), 500);
    assert!(answer.contains("content-type: application/json"));
    assert!(answer.ends_with(r#"{"error":"server_error","error_description":"The server failed."}"#), "{answer}");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(one_answer(&mut stream).await.ends_with("hello"), "on the same connection");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let server = start(hasty()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    sleep(HASTE * 3).await;
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        read += length;
    }
    assert!(read < 256 << 20, "cut after {read} bytes");

    // One that reads slowly but steadily gets everything it asks for.
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut read = 0;
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if read % (64 << 20) < 1 << 20 {
            sleep(HASTE / 3).await;
        }
        read += length;
    }
    assert!(read > 256 << 20, "only {read} bytes");
}

#[tokio::test]
async fn forwarding_headers_count_from_our_proxies_only() {
    let ask = "GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n";
    let server = start(Edge::default()).await;
    let answer = server.exchange(ask).await;
    assert!(answer.contains("\r\n\r\nsocket://127.0.0.1:") && answer.ends_with(" http HTTP/1.1"), "{answer}");

    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let server = start(Edge { proxies, ..Edge::default() }).await;
    assert!(server.exchange(ask).await.ends_with("socket://192.0.2.7:0 https HTTP/1.1"));
}

#[tokio::test]
async fn nothing_is_answered_in_the_clear() {
    let ask = |path: &str, said: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{said}\r\n");
    let https = "X-Forwarded-Proto: https\r\n";
    let ours = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let theirs = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);

    let server = start(Edge { proxies: ours.clone(), cleartext: Cleartext::Nobody, ..Edge::default() }).await;
    assert!(server.exchange(ask("/who", https)).await.ends_with(" https HTTP/1.1"));
    for said in ["", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Proto: https, http\r\n"] {
        let answer = server.exchange(ask("/who", said)).await;
        assert_eq!(status(&answer), 400, "{answer}");
        assert!(answer.contains(r#"{"error":"invalid_request","error_description":"The request was not encrypted"#));
    }
    let device = server.exchange(ask("/device/v1/panic", "")).await;
    assert!(status(&device) == 400 && device.contains("content-type: application/problem+json"), "{device}");

    // Who is no proxy of ours can say what it likes.
    let server = start(Edge { proxies: theirs, cleartext: Cleartext::Nobody, ..Edge::default() }).await;
    assert_eq!(status(&server.exchange(ask("/who", https)).await), 400);

    let server = start(Edge { cleartext: Cleartext::ThisMachine, ..Edge::default() }).await;
    assert_eq!(server.status("/who").await, 200);
}

#[tokio::test]
async fn connections_are_counted_per_peer_and_in_all() {
    let mut edge = Edge::default();
    edge.limits.uncounted.clear();
    edge.limits.connections_per_peer = 3;
    let server = start(edge).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        one_answer(&mut stream).await;
        held.push(stream);
    }
    assert_eq!(server.status("/").await, 0, "the fourth is closed");
    held.pop();
    sleep(Duration::from_millis(50)).await;
    assert_eq!(server.status("/").await, 200);

    let mut edge = hasty();
    edge.limits.connections = 2;
    let server = start(edge).await;
    let (_one, _two) = (server.connect().await, server.connect().await);
    let begun = Instant::now();
    assert_eq!(server.status("/").await, 200, "served when the silent ones before it have timed out");
    assert!(begun.elapsed() >= ALMOST, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_next_free_port_is_taken() {
    let (first, moved) = bind_next_free("127.0.0.1:0".parse().unwrap(), 0).await.unwrap();
    assert!(!moved);
    let address = first.local_addr().unwrap();
    assert_eq!(bind_next_free(address, 0).await.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let (second, moved) = bind_next_free(address, 20).await.unwrap();
    assert!(moved && second.local_addr().unwrap().port() > address.port());
    let elsewhere = "192.0.2.1:80".parse().unwrap();
    assert!(bind_next_free(elsewhere, 20).await.is_err(), "another error ends the search");
}
