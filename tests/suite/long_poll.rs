//! [CIBA §7.3, §11] Polls that are held until there is an answer.
//!
//! Holding is done in real time; everything else still happens by the world's own clock.

use std::time::{Duration, Instant};

use nod::domain::client::{self as domain, GrantType};
use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::scope::Scope;
use nod_device::DenyReason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::world::{Answer, Asked, CIBA, Client, TOKEN, World, enc, seconds};

const A_MOMENT: Duration = Duration::from_millis(150);

/// How long something takes.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let begin = Instant::now();
    let value = future.await;
    (value, begin.elapsed())
}

/// What a held poll answers, and what happens meanwhile.
async fn while_held<T>(poll: impl Future<Output = Answer>, meanwhile: impl Future<Output = T>) -> (Answer, T) {
    let later = async {
        sleep(A_MOMENT).await;
        meanwhile.await
    };
    futures_util::future::join(poll, later).await
}

#[tokio::test]
async fn ciba_7_3_a_poll_is_held_and_then_told_to_come_again() {
    let world = World::with().hold(Duration::from_millis(400)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let (answer, held) = timed(shop.poll(&asked)).await;
    answer.refused(400, "authorization_pending");
    assert!((Duration::from_millis(400)..seconds(2)).contains(&held), "{held:?}");
}

#[tokio::test]
async fn ciba_7_3_other_clients_are_not_held() {
    let world = World::with().hold(seconds(5)).start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let (answer, held) = timed(shop.poll(&asked)).await;
    answer.refused(400, "authorization_pending");
    assert!(held < seconds(1), "{held:?}");
}

#[tokio::test]
async fn ciba_7_3_an_approval_wakes_the_held_poll() {
    let world = World::with().hold(seconds(10)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let ((answer, ()), held) = timed(while_held(shop.poll(&asked), alice.phone().approve_the_question())).await;
    answer.tokens();
    assert!(held < seconds(3), "woken, not timed out: {held:?}");
}

/// [reliability I12] A held poll was authenticated a while ago.
#[tokio::test]
async fn a_client_that_loses_its_rights_while_its_poll_is_held_gets_no_tokens() {
    let world = World::with().hold(seconds(10)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let cut_then_approved = async {
        shop.update(|client| assert!(client.grants.remove(&GrantType::Ciba))).await;
        alice.phone().approve_the_question().await;
    };
    let (answer, ()) = while_held(shop.poll(&asked), cut_then_approved).await;
    answer.refused(401, "invalid_client");
    shop.update(|client| assert!(client.grants.insert(GrantType::Ciba))).await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn a_scope_that_is_cut_while_a_poll_is_held_is_cut_from_its_tokens() {
    let world = World::with().hold(seconds(10)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let cut_then_approved = async {
        shop.update(|client| client.scope = Scope::parse("openid").unwrap()).await;
        alice.phone().approve_the_question().await;
    };
    let (answer, ()) = while_held(shop.poll(&asked), cut_then_approved).await;
    assert_eq!(answer.tokens().json["scope"], "openid");
}

#[tokio::test]
async fn what_tokens_have_to_be_bound_to_is_asked_when_they_are_given() {
    let world = World::with().hold(seconds(10)).start().await;
    let (shop, alice) = (world.client("shop").private_key_jwt(Algorithm::ES256).long_poll().await, world.user("alice"));
    let (alice, prover) = (alice.with_phone().await, world.prover());
    let since: [(fn(&mut domain::Client), u16, &str); 4] = [
        (|client| client.dpop_bound_access_tokens = true, 400, "invalid_dpop_proof"),
        (|client| client.tls_client_certificate_bound_access_tokens = true, 400, "invalid_request"),
        (|client| client.security_profile = Some(Profile::Fapi2Security), 400, "invalid_request"),
        // Nor is it heard any more.
        (
            |client| {
                client.security_profile = Some(Profile::Fapi2Security);
                client.id_token_signed_response_alg = Algorithm::RS256;
            },
            400,
            "unauthorized_client",
        ),
    ];
    for (change, status, error) in since {
        let asked = shop.ask(&alice).await;
        let changed_then_approved = async {
            shop.update(change).await;
            alice.phone().approve_the_question().await;
        };
        let (answer, ()) = while_held(shop.poll(&asked), changed_then_approved).await;
        answer.refused(status, error);
        // Nothing is lost: the next poll is one of the client as it is now.
        shop.update(|client| {
            client.dpop_bound_access_tokens = true;
            client.tls_client_certificate_bound_access_tokens = false;
            client.security_profile = None;
            client.id_token_signed_response_alg = Algorithm::ES256;
        })
        .await;
        let poll = [("grant_type", CIBA), ("auth_req_id", asked.auth_req_id.as_str())];
        assert_eq!(prover.token(&shop, &poll).await.tokens().json["token_type"], "DPoP");
        shop.update(|client| client.dpop_bound_access_tokens = false).await;
    }
}

#[tokio::test]
async fn ciba_7_3_so_does_a_denial_and_a_withdrawal() {
    let world = World::with().hold(seconds(10)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phone().question().await;
    let denied = alice.phone().deny(&question, DenyReason::None);
    let ((answer, _), held) = timed(while_held(shop.poll(&asked), denied)).await;
    answer.refused(400, "access_denied");
    assert!(held < seconds(3), "{held:?}");

    let asked = shop.ask(&alice).await;
    let withdrawn = shop.revoke(&asked.auth_req_id, Some("auth_req_id"));
    let ((answer, _), held) = timed(while_held(shop.poll(&asked), withdrawn)).await;
    answer.refused(400, "invalid_grant");
    assert!(held < seconds(3), "{held:?}");
}

#[tokio::test]
async fn ciba_7_3_a_poll_that_finds_an_answer_is_not_held() {
    let world = World::with().hold(seconds(10)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    let (answer, held) = timed(shop.poll(&asked)).await;
    answer.tokens();
    assert!(held < seconds(1), "{held:?}");
    let (answer, held) = timed(shop.poll(&asked)).await;
    answer.refused(400, "invalid_grant");
    assert!(held < seconds(1), "{held:?}");
}

#[tokio::test]
async fn ciba_7_3_a_held_poll_outlives_the_patience_for_ordinary_calls() {
    let hasty = |edge: &mut nod::http::server::Edge| edge.limits.handler = Duration::from_millis(200);
    let world = World::with().hold(Duration::from_millis(800)).edge(hasty).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let (answer, held) = timed(shop.poll(&asked)).await;
    answer.refused(400, "authorization_pending");
    assert!(held >= Duration::from_millis(800), "{held:?}");
}

#[tokio::test]
async fn ciba_11_polls_of_one_request_do_not_overlap() {
    let world = World::with().hold(Duration::from_millis(900)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let meanwhile = async {
        // Too early, and again when by its interval it is not.
        let (early, held) = timed(shop.poll(&asked)).await;
        early.refused(400, "slow_down");
        assert!(held < Duration::from_millis(500), "{held:?}");
        world.clock.advance(seconds(30));
        let (second, held) = timed(shop.poll(&asked)).await;
        second.refused(400, "slow_down");
        assert!(held < Duration::from_millis(500), "{held:?}");
    };
    let (first, ()) = while_held(shop.poll(&asked), meanwhile).await;
    first.refused(400, "authorization_pending");
    // The request is as it was.
    alice.phone().approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn ciba_11_a_slow_down_for_an_overlap_is_remembered() {
    let world = World::with().hold(Duration::from_millis(600)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let overlap = async {
        world.clock.advance(seconds(6));
        shop.poll(&asked).await.refused(400, "slow_down");
    };
    let (first, ()) = while_held(shop.poll(&asked), overlap).await;
    first.refused(400, "authorization_pending");
    // [CIBA §11] 5 s longer, from now on: 6 s after the last poll in time is too early.
    world.clock.advance(seconds(6));
    shop.poll(&asked).await.refused(400, "slow_down");
}

#[tokio::test]
async fn ciba_11_the_next_poll_right_after_a_held_one_is_not_too_early() {
    let world = World::with().hold(Duration::from_millis(300)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    for _ in 0..3 {
        // Usually the hold itself is as long as five intervals.
        let clock = async { world.clock.advance(seconds(25)) };
        let (answer, ()) = while_held(shop.poll(&asked), clock).await;
        answer.refused(400, "authorization_pending");
    }
}

#[tokio::test]
async fn ciba_11_a_request_that_expires_ends_its_held_poll_at_once() {
    let world = World::with().hold(seconds(20)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask_with(&alice, &[("requested_expiry", "1")]).await;
    let clock = async { world.clock.advance(seconds(1)) };
    let ((answer, ()), held) = timed(while_held(shop.poll(&asked), clock)).await;
    answer.refused(400, "expired_token");
    assert!(held < seconds(3), "at its end, and not when it is looked at again anyway: {held:?}");
}

#[tokio::test]
async fn ciba_11_strangers_do_not_wait() {
    let world = World::with().hold(seconds(10)).start().await;
    let (shop, bank) = (world.client("shop").long_poll().await, world.client("bank").long_poll().await);
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask(&alice).await;
    let (answer, held) = timed(bank.poll(&asked)).await;
    answer.refused(400, "invalid_grant");
    assert!(held < seconds(1), "{held:?}");
    let (answer, held) = timed(bank.poll_id("unknown")).await;
    answer.refused(400, "invalid_grant");
    assert!(held < seconds(1), "{held:?}");
}

#[tokio::test]
async fn a_stopping_server_answers_held_polls_with_pending() {
    let world = World::with().hold(seconds(20)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let ((answer, ()), held) = timed(while_held(shop.poll(&asked), async { world.shut_down(0) })).await;
    answer.refused(400, "authorization_pending");
    assert!(held < seconds(2), "{held:?}");
    world.stopped(0).await;
}

/// Sends a poll on a socket of its own and reads nothing.
async fn abandoned(world: &World, shop: &Client, asked: &Asked) -> TcpStream {
    let body = enc(&[("grant_type", CIBA), ("auth_req_id", &asked.auth_req_id)]);
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    let request = format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        crate::world::basic(&shop.id, shop.secret()),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn security_71_a_client_that_hangs_up_frees_its_place() {
    let world = World::with().hold(seconds(20)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let stream = abandoned(&world, &shop, &asked).await;
    sleep(A_MOMENT).await;
    world.clock.advance(seconds(5));
    // As long as it is there, its place is taken.
    shop.poll(&asked).await.refused(400, "slow_down");
    drop(stream);
    sleep(A_MOMENT).await;
    world.clock.advance(seconds(20));
    let ((answer, ()), _) = timed(while_held(shop.poll(&asked), alice.phone().approve_the_question())).await;
    answer.tokens();
}

#[tokio::test]
async fn security_71_tokens_for_a_client_that_hung_up_are_not_lost() {
    let world = World::with().hold(seconds(20)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let stream = abandoned(&world, &shop, &asked).await;
    sleep(A_MOMENT).await;
    drop(stream);
    sleep(A_MOMENT).await;
    alice.phone().approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn security_71_many_held_polls_leave_room_for_others() {
    let world = World::with().generous().hold(seconds(20)).start().await;
    let (shop, alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let mut streams = Vec::new();
    for _ in 0..60 {
        let asked = shop.ask(&alice).await;
        streams.push(abandoned(&world, &shop, &asked).await);
    }
    sleep(A_MOMENT).await;
    let (answer, took) = timed(world.get("/.well-known/openid-configuration")).await;
    assert_eq!(answer.status, 200);
    assert!(took < seconds(1), "{took:?}");
    // All of them are told when the server stops.
    world.shut_down(0);
    for mut stream in streams {
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(seconds(2), stream.read(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("authorization_pending"), "{answer}");
    }
    world.stopped(0).await;
}

#[tokio::test]
async fn ciba_7_3_a_poll_is_woken_from_another_node() {
    let world = World::with().redis().nodes(2).hold(seconds(10)).start().await;
    let shop = world.client("shop").long_poll().await;
    let mut alice = world.user("alice").with_phone().await;
    let asked = shop.ask(&alice).await;
    alice.phones[0].move_to(1);
    let poll = shop.at(0);
    let ((answer, ()), held) = timed(while_held(poll.poll(&asked), alice.phone().approve_the_question())).await;
    answer.tokens();
    assert!(held < seconds(3), "woken, not found by looking again: {held:?}");
    shop.at(1).poll(&asked).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_stopped_node_sends_its_clients_to_the_other_one() {
    let world = World::with().redis().nodes(2).hold(seconds(10)).start().await;
    let (shop, mut alice) = (world.client("shop").long_poll().await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let on_second = shop.at(1);
    let (answer, ()) = while_held(on_second.poll(&asked), async { world.shut_down(1) }).await;
    answer.refused(400, "authorization_pending");
    world.clock.advance(seconds(5));
    alice.phones[0].move_to(0);
    alice.phone().approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn security_71_a_client_has_so_many_polls_held_and_the_others_are_answered_at_once() {
    // Questions to nobody wait like any other, and need no phones.
    let uniform = |settings: &mut nod::app::Settings| settings.policy.uniform = true;
    let world = World::with().settings(uniform).hold(seconds(20)).start().await;
    let (shop, bank) = (world.client("shop").long_poll().await, world.client("bank").long_poll().await);
    let mut streams = Vec::new();
    for n in 0..200 {
        let hint = format!("nobody-{n}");
        let json = shop.bc_authorize(&[("login_hint", &hint), ("scope", "openid")]).await.ok();
        let asked = Asked { auth_req_id: json["auth_req_id"].as_str().unwrap().to_owned(), json };
        streams.push(abandoned(&world, &shop, &asked).await);
    }
    sleep(A_MOMENT).await;
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask(&alice).await;
    let (answer, held) = timed(shop.poll(&asked)).await;
    answer.refused(400, "authorization_pending");
    assert!(held < seconds(1), "{held:?}");
    // Those that are held stay so.
    for stream in &streams {
        let answered = stream.try_read(&mut [0; 16]);
        assert_eq!(answered.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
    // The polls of others are held as ever.
    let asked = bank.ask(&alice).await;
    let question = alice.phone().pending().await.into_iter().find(|one| one.client_context.client_id == "bank");
    let (question, phone) = (question.unwrap(), alice.phone());
    let (answer, _) = while_held(bank.poll(&asked), phone.approve(&question)).await;
    answer.tokens();
    // A place that becomes free is taken by the next one.
    drop(streams.pop());
    sleep(A_MOMENT).await;
    world.clock.advance(seconds(5));
    let asked = shop.bc_authorize(&[("login_hint", "the next one"), ("scope", "openid")]).await.ok();
    let asked = Asked { auth_req_id: asked["auth_req_id"].as_str().unwrap().to_owned(), json: asked };
    let next = abandoned(&world, &shop, &asked).await;
    sleep(A_MOMENT).await;
    assert_eq!(next.try_read(&mut [0; 16]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
