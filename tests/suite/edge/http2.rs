//! HTTP/2: a client library for what is ordinary, frames by hand for what is not.

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Header fields as HPACK literals without indexing [RFC 7541 §6.2.2].
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    let block = fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]);
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
}

struct Client(TcpStream);

impl Client {
    async fn connect(server: &Running, settings: &[u8]) -> Self {
        let mut stream = server.connect().await;
        stream.write_all(PREFACE).await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, settings)).await.unwrap();
        stream.write_all(&frame(SETTINGS, 1, 0, &[])).await.unwrap();
        Self(stream)
    }

    async fn send(&mut self, frames: &[u8]) {
        self.0.write_all(frames).await.unwrap();
    }

    /// The next frame: kind, stream and payload; none when the server has closed.
    async fn frame(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        timeout(Duration::from_secs(5), self.0.read_exact(&mut head)).await.expect("a frame in time").ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
    }

    async fn next(&mut self, kind: u8) -> Option<(u32, Vec<u8>)> {
        loop {
            let (got, stream, payload) = self.frame().await?;
            if got == kind {
                return Some((stream, payload));
            }
        }
    }
}

fn library() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().http2_prior_knowledge().build().unwrap()
}

#[tokio::test]
async fn http2_is_spoken_by_prior_knowledge() {
    let server = start(Edge::default()).await;
    let client = library();
    let ask = |path: &str| client.get(format!("http://{}{path}", server.address));
    let answer = ask("/who").send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert!(answer.text().await.unwrap().ends_with("http HTTP/2.0"));
    let form = client.post(format!("http://{}/form", server.address)).form(&[("a", "1"), ("b", "2")]);
    assert_eq!(form.send().await.unwrap().text().await.unwrap(), "a b");

    let answer = ask("/panic").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (500, "application/json")
    );
    let slow = ask("/slow/300").send();
    let (slow, panicked) = tokio::join!(slow, ask("/panic").send());
    assert_eq!(panicked.unwrap().status(), 500);
    assert_eq!(slow.unwrap().text().await.unwrap(), "slow", "the stream beside it lives");
}

#[tokio::test]
async fn http2_heads_and_bodies_have_the_same_bounds() {
    let server = start(Edge::default()).await;
    let client = library();
    let url = format!("http://{}", server.address);
    let mut many = client.get(&url);
    for n in 0..65 {
        many = many.header(format!("x-{n}"), "y");
    }
    assert_eq!(many.send().await.unwrap().status(), 431);
    let mut device = client.get(format!("{url}/device/v1/me"));
    for n in 0..65 {
        device = device.header(format!("x-{n}"), "y");
    }
    let device = device.send().await.unwrap();
    assert_eq!(
        (device.status().as_u16(), &device.headers()["content-type"]),
        (431, &"application/problem+json".parse().unwrap())
    );
    for (length, path, form) in [
        (17_000, "/", "application/json"),
        (50_000, "/as/token.oauth2", "application/json"),
        (50_000, "/device/v1/me", "application/problem+json"),
    ] {
        let large = client.get(format!("{url}{path}")).header("x", "a".repeat(length)).send().await.unwrap();
        assert_eq!(large.status(), 431, "{length}");
        assert_eq!(large.headers()["content-type"], form);
        assert_eq!(large.headers()["cache-control"], "no-store");
    }
    // Beyond four times the bound the library answers, without a body.
    assert_eq!(client.get(&url).header("x", "a".repeat(80_000)).send().await.unwrap().status(), 431);
    let mut spread = client.get(&url);
    for n in 0..40 {
        spread = spread.header(format!("x-{n}"), "a".repeat(500));
    }
    assert_eq!(spread.send().await.unwrap().status(), 431);
    assert_eq!(client.get(format!("{url}/?{}", "a".repeat(8192))).send().await.unwrap().status(), 414);
    assert_eq!(client.get(&url).header("host", "other").send().await.unwrap().status(), 400);
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 8192])));
    let form = client.post(format!("{url}/form")).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.body(reqwest::Body::wrap_stream(endless)).send().await.unwrap().status(), 413);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_hundred_streams_run_and_no_more() {
    let server = start(Edge::default()).await;
    let mut client = Client::connect(&server, &[]).await;
    let (_, settings) = client.next(SETTINGS).await.unwrap();
    let maximum = settings.chunks(6).find(|entry| entry[..2] == [0, 3]).expect("MAX_CONCURRENT_STREAMS");
    assert_eq!(maximum[2..], [0, 0, 0, 100]);
    for n in 0..101 {
        client.send(&get(2 * n + 1, "/poll/4000")).await;
    }
    let (stream, reason) = client.next(RST_STREAM).await.unwrap();
    assert_eq!((stream, reason), (201, vec![0, 0, 0, 7]), "REFUSED_STREAM");
    server.shutdown.cancel();
    let mut answered = 0;
    while answered < 100 {
        client.next(HEADERS).await.expect("the hundred are answered");
        answered += 1;
    }
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    let server = start(Edge::default()).await;
    let mut client = Client::connect(&server, &[]).await;
    let mut flood = Vec::new();
    for n in 0..2000 {
        flood.extend(get(2 * n + 1, "/poll/4000"));
        flood.extend(frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]));
    }
    let _ = client.0.write_all(&flood).await;
    let (_, reason) = client.next(GOAWAY).await.expect("GOAWAY");
    assert_eq!(reason[4..8], [0, 0, 0, 11], "ENHANCE_YOUR_CALM");
    assert_eq!(server.status("/").await, 200);
}

#[tokio::test]
async fn an_http2_request_names_one_host() {
    let server = start(Edge::default()).await;
    for (wrong, block) in [
        ("none", fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/")])),
        ("two", fields(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a"), ("host", "a b")])),
        (
            "differ",
            fields(&[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/"), ("host", "b")]),
        ),
    ] {
        let mut client = Client::connect(&server, &[]).await;
        client.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).await;
        let (_, answer) = client.next(HEADERS).await.expect("an answer");
        assert_eq!(answer[0], 0x8c, "{wrong}: 400 is the twelfth of the static table");
    }
}

#[tokio::test]
async fn an_http2_client_that_does_not_read_is_let_go() {
    let server = start(hasty()).await;
    // SETTINGS_INITIAL_WINDOW_SIZE = 0: it asks, and takes nothing.
    let mut client = Client::connect(&server, &[0, 4, 0, 0, 0, 0]).await;
    client.send(&get(1, "/")).await;
    client.next(HEADERS).await.expect("the head needs no window");
    let begun = std::time::Instant::now();
    assert_eq!(client.next(DATA).await, None);
    assert!(begun.elapsed() < HASTE * 8, "{:?}", begun.elapsed());

    let mut client = Client::connect(&server, &[]).await;
    client.send(&get(1, "/events")).await;
    let begun = std::time::Instant::now();
    while begun.elapsed() < HASTE * 3 {
        client.next(DATA).await.expect("a stream that is read goes on");
    }
}

#[tokio::test]
async fn a_quiet_http2_stream_is_no_idle_connection() {
    let server = start(hasty()).await;
    let mut client = Client::connect(&server, &[]).await;
    client.send(&get(1, "/silent")).await;
    assert_eq!(client.next(DATA).await.unwrap().1, b"begun");
    assert!(timeout(HASTE * 4, client.next(DATA)).await.is_err(), "still open");
}
