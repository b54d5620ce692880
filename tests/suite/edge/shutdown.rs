//! The end of the server.

use std::time::Instant;

use super::*;

async fn ends(server: &mut Running, within: Duration) {
    timeout(within, &mut server.served).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn what_runs_comes_to_its_end_and_nothing_new_begins() {
    let mut edge = Edge::default();
    edge.limits.drain = Duration::from_secs(5);
    let mut server = start(edge).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    one_answer(&mut idle).await;
    let mut running = server.connect().await;
    running.write_all(b"GET /slow/2000 HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut polling = server.connect().await;
    polling.write_all(b"GET /poll/4000 HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut streaming = server.connect().await;
    streaming.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let _silent = server.connect().await;
    sleep(Duration::from_millis(100)).await;

    let begun = Instant::now();
    server.shutdown.cancel();
    assert_eq!(until_closed(&mut idle).await, "");
    assert!(begun.elapsed() < Duration::from_secs(1), "an idle connection is closed at once");
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody is accepted");
    assert!(until_closed(&mut polling).await.ends_with("shutdown"), "a long poll ends with its own answer");
    let events = until_closed(&mut streaming).await;
    assert!(events.contains("data: x") && events.ends_with("0\r\n\r\n"), "a stream ends properly: {events:?}");
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(until_closed(&mut running).await.ends_with("slow"), "what runs is finished");
    ends(&mut server, Duration::from_secs(1)).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_does_not_end_is_ended() {
    let mut server = start(hasty()).await;
    let mut silent = server.connect().await;
    silent.write_all(b"GET /silent HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut buffer = [0; 4096];
    let _ = silent.read(&mut buffer).await.unwrap();
    let begun = Instant::now();
    server.shutdown.cancel();
    ends(&mut server, HASTE * 10).await;
    assert!(begun.elapsed() >= HASTE, "not before its time: {:?}", begun.elapsed());
    until_closed(&mut silent).await;
}

#[tokio::test]
async fn a_server_without_connections_ends_at_once() {
    let mut server = start(Edge::default()).await;
    server.shutdown.cancel();
    ends(&mut server, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn http2_is_told_to_go_away() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut edge = Edge::default();
    edge.limits.drain = Duration::from_secs(5);
    let mut server = start(edge).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let running = client.get(format!("http://{}/slow/300", server.address)).send();
    let cancelled = async {
        sleep(Duration::from_millis(100)).await;
        server.shutdown.cancel();
    };
    let (running, ()) = tokio::join!(running, cancelled);
    assert_eq!(running.unwrap().text().await.unwrap(), "slow");
    ends(&mut server, Duration::from_secs(1)).await;
}
