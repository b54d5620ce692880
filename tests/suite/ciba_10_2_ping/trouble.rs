//! [CIBA §10.2] A client that cannot be told, should not be, or is told by a server that has trouble of its own.

use std::time::Duration;

use nod::domain::client::Delivery;
use nod::outbound::egress::{Egress, EgressSettings};
use nod::protocol::id::AuthReqId;
use serde_json::json;

use super::{ENDPOINT, TOKEN, a_while, audited, done, is_ping, missed_once, patient, pings, refused, scene};
use crate::admin::receiver::{Receiver, Reply};
use crate::admin::until;
use crate::admin::webhooks::at_home;
use crate::world::{Authority, Backing, World, seconds};

#[tokio::test]
async fn f24_a_client_with_a_bad_moment_is_told_later() {
    let scene = scene(at_home().generous()).await;
    scene.receiver.will([Reply::Status(500), Reply::Half, Reply::Silence, Reply::Status(503), Reply::Body(1 << 20)]);
    let watch = scene.world.watch().await;
    let asked = scene.approved(1).await;
    for (pause, count) in [(1, 2), (2, 3), (5, 4), (10, 5)] {
        scene.is_planned_in(seconds(pause)).await;
        scene.world.clock.advance(Duration::from_millis(pause * 1000 - 1));
        a_while().await;
        assert_eq!(scene.receiver.received().len(), count - 1, "not before its time");
        scene.world.clock.advance(Duration::from_millis(1));
        let received = scene.receiver.gets(count).await;
        is_ping(&received[count - 1], &asked);
    }
    scene.is_over(&asked).await;
    scene.world.clock.advance(seconds(30));
    a_while().await;
    assert_eq!(scene.receiver.received().len(), 5, "told: a body says nothing");
    assert_eq!(audited(&watch).await, [done()]);
    scene.shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn ciba_10_2_a_client_that_refuses_is_left_alone_and_may_come() {
    let scene = scene(patient()).await;
    for (turn, status) in [400, 401, 403, 404, 410, 429, 301, 302, 307, 308].into_iter().enumerate() {
        scene.receiver.will([Reply::Status(status)]);
        let watch = scene.world.watch().await;
        let asked = scene.approved(turn + 1).await;
        scene.is_over(&asked).await;
        assert_eq!(audited(&watch).await, [refused(&format!("status {status}"))]);
        scene.shop.poll(&asked).await.tokens();
        scene.world.clock.advance(seconds(10));
    }
    a_while().await;
    assert_eq!(scene.receiver.received().len(), 10, "neither again nor elsewhere");
}

#[tokio::test]
async fn f24_a_client_that_is_away_is_given_up_when_there_is_nothing_to_come_for() {
    let scene = scene(patient()).await;
    scene.receiver.will(vec![Reply::Status(500); 20]);
    let watch = scene.world.watch().await;
    let asked = scene.approved(1).await;
    for (pause, count) in [(1, 2), (2, 3), (5, 4), (10, 5), (20, 6), (30, 7), (60, 8)] {
        scene.is_planned_in(seconds(pause)).await;
        scene.world.clock.advance(seconds(pause));
        scene.receiver.gets(count).await;
    }
    scene.is_over(&asked).await;
    assert_eq!(audited(&watch).await, [refused("status 500")]);
    scene.shop.poll(&asked).await.tokens();

    // Asked for half a minute: after a minute and a half nobody can come any more.
    let fields = [("client_notification_token", TOKEN), ("requested_expiry", "30")];
    let asked = scene.shop.ask_with(&scene.alice, &fields).await;
    let watch = scene.world.watch().await;
    scene.alice.phone().approve_the_question().await;
    for (pause, count) in [(1, 9), (2, 10), (5, 11), (10, 12), (20, 13), (30, 14)] {
        scene.receiver.gets(count).await;
        scene.is_planned_in(seconds(pause)).await;
        scene.world.clock.advance(seconds(pause));
    }
    scene.receiver.gets(15).await;
    scene.is_over(&asked).await;
    assert_eq!(audited(&watch).await, [refused("status 500")]);
    a_while().await;
    assert_eq!(scene.receiver.received().len(), 15);
}

#[tokio::test]
async fn f24_nobody_waits_for_a_client_that_does_not_answer() {
    let scene = scene(patient()).await;
    scene.receiver.will(vec![Reply::After(3000); 8]);
    let begin = std::time::Instant::now();
    for turn in 1..=8 {
        let asked = scene.approved(turn).await;
        scene.shop.poll(&asked).await.tokens();
    }
    assert!(begin.elapsed() < seconds(12), "one after the other: {:?}", begin.elapsed());
}

#[tokio::test]
async fn f24_where_nobody_listens_the_client_still_may_come() {
    let scene = scene(patient()).await;
    scene.shop.update(|client| set_endpoint(client, "http://127.0.0.1:1/ping")).await;
    let asked = scene.asks().await;
    scene.alice.phone().approve_the_question().await;
    scene.is_planned_in(seconds(1)).await;
    scene.shop.poll(&asked).await.tokens();
    // Who came is not told.
    scene.world.clock.advance(seconds(1));
    scene.is_over(&asked).await;
}

/// [security 79] The client as it is when it is told.
#[tokio::test]
async fn security_79_a_client_that_is_gone_or_another_one_is_not_told() {
    for change in ["deleted", "disabled", "made anew", "polls", "moved"] {
        let (scene, asked) = missed_once().await;
        let elsewhere = Receiver::start();
        match change {
            "deleted" => scene.shop.delete().await,
            "disabled" => scene.shop.disable().await,
            "polls" => {
                scene.shop.update(|client| client.backchannel.as_mut().unwrap().delivery = Delivery::Poll).await;
            }
            "moved" => {
                let endpoint = elsewhere.url();
                scene.shop.update(move |client| set_endpoint(client, &endpoint)).await;
            }
            _ => {
                scene.shop.delete().await;
                scene.world.clock.advance(Duration::from_millis(1));
                scene.world.client("shop").pinged_at(elsewhere.url()).await;
            }
        }
        scene.world.clock.advance(seconds(1));
        scene.is_over(&asked).await;
        assert_eq!(scene.receiver.received().len(), 1, "{change}");
        assert_eq!(elsewhere.received().len(), usize::from(change == "moved"), "{change}");
    }
}

#[tokio::test]
async fn security_73_no_private_address_is_called() {
    // As in production.
    let world = World::start().await;
    world.guard(TOKEN);
    let receiver = Receiver::start();
    let shop = world.client("shop").pinged_at(receiver.url()).await;
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask_with(&alice, &[("client_notification_token", TOKEN)]).await;
    alice.phone().approve_the_question().await;
    until("it was tried", async || world.log().contains("not pinged").then_some(())).await;
    assert_eq!(receiver.received().len(), 0);
    shop.poll(&asked).await.tokens();
    // Nor is one registered.
    let admin = world.admin().await;
    for uri in [
        "https://127.0.0.1/ping",
        "https://10.0.0.1/ping",
        "https://[::1]/ping",
        "http://x.example/ping",
        "https://x.example/ping#f",
        "https://a:b@x.example/ping",
        "ftp://x.example/ping",
        "/ping",
        "",
    ] {
        let asked = json!({ "client_id": "x", "backchannel_token_delivery_mode": "ping", ENDPOINT: uri });
        let refused = admin.post("/admin/v1/clients", &asked).await;
        assert_eq!(refused.status, 422, "{uri}");
        assert_eq!(refused.json()["errors"][0]["pointer"], format!("/{ENDPOINT}"), "{uri}");
    }
}

/// [security 77] The certificate is that of the host, and of an authority that is known.
#[tokio::test]
async fn security_77_a_client_is_told_over_tls_and_not_by_whoever_has_its_place() {
    let (authority, stranger) = (Authority::new("known"), Authority::new("unknown"));
    let named = |name: &str| rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    let pem = authority.pem();
    let builder = World::with().generous().settings(move |settings| {
        let egress = EgressSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            extra_trust_anchors: pem.clone().into_bytes(),
            ..EgressSettings::default()
        };
        settings.egress = Egress::new(&egress).unwrap();
    });
    let scene = scene(builder).await;
    let bad = [stranger.issues(&named("127.0.0.1")), authority.issues(&named("elsewhere.example"))];
    for identity in bad {
        let receiver = Receiver::over_tls(&identity);
        let endpoint = receiver.url();
        scene.shop.update(move |client| set_endpoint(client, &endpoint)).await;
        let asked = scene.asks().await;
        scene.alice.phone().approve_the_question().await;
        scene.is_planned_in(seconds(1)).await;
        assert_eq!(receiver.received().len(), 0);
        scene.shop.poll(&asked).await.tokens();
        scene.world.clock.advance(seconds(5));
        scene.is_over(&asked).await;
    }
    let receiver = Receiver::over_tls(&authority.issues(&named("127.0.0.1")));
    let endpoint = receiver.url();
    scene.shop.update(move |client| set_endpoint(client, &endpoint)).await;
    let asked = scene.asks().await;
    scene.alice.phone().approve_the_question().await;
    is_ping(&receiver.gets(1).await[0], &asked);
}

#[tokio::test]
async fn i14_one_of_two_nodes_tells_the_client() {
    for builder in [patient().nodes(2), patient().backing(Backing::Postgres).redis().nodes(2)] {
        let mut scene = scene(builder).await;
        // Longer than the other node waits before it looks.
        scene.receiver.will(vec![Reply::After(1500); 6]);
        let mut expected = Vec::new();
        for turn in 0..6 {
            let shop = scene.shop.at(turn % 2);
            let asked = shop.ask_with(&scene.alice, &[("client_notification_token", TOKEN)]).await;
            scene.alice.phones[0].move_to((turn / 2) % 2);
            scene.alice.phone().approve_the_question().await;
            expected.push(asked);
        }
        scene.receiver.gets(6).await;
        for asked in &expected {
            scene.is_over(asked).await;
            let heard = scene.receiver.received();
            let heard = heard.iter().filter(|one| one.body.contains(&asked.auth_req_id));
            assert_eq!(heard.count(), 1, "each once");
            scene.shop.poll(asked).await.tokens();
        }
    }
}

#[tokio::test]
async fn a_ping_outlives_the_server_that_saw_the_decision() {
    let (mut scene, asked) = missed_once().await;
    scene.world.restart().await;
    scene.world.clock.advance(seconds(10));
    is_ping(&scene.receiver.gets(2).await[1], &asked);
}

/// What is due when a server stops is sent before it ends, not when the next one begins.
#[tokio::test]
async fn a_server_that_stops_tells_what_is_due() {
    let (mut scene, asked) = missed_once().await;
    scene.world.shut_down(0);
    scene.world.stopped(0).await;
    scene.world.clock.advance(seconds(1));
    scene.world.ends(0).await;
    let received = scene.receiver.received();
    assert_eq!(received.len(), 2, "{received:?}");
    is_ping(&received[1], &asked);
    assert!(pings(&scene.world).await.is_empty());
    scene.world.restart().await;
}

/// A store that came back empty: there is nothing to tell the client with, and it comes by itself.
#[tokio::test]
async fn f02_what_the_store_has_forgotten_is_not_told_and_the_audit_trail_says_so() {
    let scene = scene(patient()).await;
    let asked = scene.asks().await;
    let (callbacks, digest) =
        (scene.world.parts().callbacks.clone(), AuthReqId::presented(&asked.auth_req_id).digest());
    scene.world.among_servers(async move { callbacks.forget(&digest).await }).await.unwrap();
    let watch = scene.world.watch().await;
    scene.alice.phone().approve_the_question().await;
    let told = until("an event", async || audited(&watch).await.pop()).await;
    assert_eq!(told, refused("what it is made from is gone"));
    scene.is_over(&asked).await;
    assert_eq!(scene.receiver.received().len(), 0);
    scene.shop.poll(&asked).await.tokens();
}

fn set_endpoint(client: &mut nod::domain::client::Client, endpoint: &str) {
    client.backchannel.as_mut().unwrap().delivery = Delivery::Ping { endpoint: endpoint.to_owned() };
}
