//! [CIBA §10.1, §11] Polling the token endpoint.

use std::time::Duration;

use nod::domain::client::{GrantType, NumberMatching};
use nod::protocol::algorithm::Algorithm;
use nod_device::DenyReason;
use serde_json::json;

use crate::world::{BEGIN, CIBA, TOKEN, World, at_hash, decoded, seconds};

#[tokio::test]
async fn ciba_10_1_an_approved_request_becomes_tokens() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let alice = world.user("alice").with_phone().await;

    let asked = shop.ask_with(&alice, &[("binding_message", "W4SCT")]).await;
    shop.poll(&asked).await.refused(400, "authorization_pending");
    let question = alice.phone().question().await;
    assert_eq!(question.client_context.binding_message.as_deref(), Some("W4SCT"));
    assert_eq!(alice.phone().approve(&question).await.ok(), json!({"status": "APPROVED"}));
    world.clock.advance(seconds(5));

    let answer = shop.poll(&asked).await;
    let tokens = answer.tokens();
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert_eq!(tokens.json["token_type"], "Bearer");
    assert_eq!(tokens.json["expires_in"], 600);
    assert_eq!(tokens.json["scope"], "openid profile email");
    let (_, claims) = world.verified(&tokens.id_token).await;
    assert_eq!(claims["sub"], alice.id.to_string());
}

#[tokio::test]
async fn ciba_11_the_first_poll_is_never_too_early() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    shop.poll(&asked).await.refused(400, "authorization_pending");
}

#[tokio::test]
async fn ciba_11_each_early_poll_makes_the_interval_longer_for_good() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    assert_eq!(asked.json["interval"], 5);
    shop.poll(&asked).await.refused(400, "authorization_pending");

    // 1 s after the last poll in time, of 5: now it is 10.
    world.clock.advance(seconds(1));
    shop.poll(&asked).await.refused(400, "slow_down");
    // 6 s, of 10: now it is 15.
    world.clock.advance(seconds(5));
    shop.poll(&asked).await.refused(400, "slow_down");
    world.clock.advance(seconds(9));
    shop.poll(&asked).await.refused(400, "authorization_pending");
    // 15 s hold for all that follow.
    world.clock.advance(seconds(14));
    shop.poll(&asked).await.refused(400, "slow_down");
    world.clock.advance(seconds(20));
    shop.poll(&asked).await.refused(400, "authorization_pending");
}

#[tokio::test]
async fn ciba_11_who_waits_is_told_for_how_long() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let polled = async |error: &str| {
        let answer = shop.poll(&asked).await;
        answer.refused(400, error);
        answer.header("retry-after").map(|after| after.parse::<u64>().unwrap())
    };
    assert_eq!(polled("authorization_pending").await, Some(5));
    world.clock.advance(Duration::from_millis(1500));
    // 5 + 5 seconds since the last poll that was in time; what is begun is a second.
    assert_eq!(polled("slow_down").await, Some(9));
    assert_eq!(polled("slow_down").await, Some(14));
    world.clock.advance(seconds(14));
    assert_eq!(polled("authorization_pending").await, Some(15), "who kept to it is in time");
    // Who was told something final has nothing to wait for.
    alice.phone().deny_the_question().await;
    assert_eq!(polled("access_denied").await, None);
}

#[tokio::test]
async fn ciba_11_a_poll_in_time_is_not_too_early() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    for _ in 0..5 {
        shop.poll(&asked).await.refused(400, "authorization_pending");
        // Requests do not all take the same way.
        world.clock.advance(Duration::from_millis(4_900));
    }
}

#[tokio::test]
async fn ciba_11_an_answer_is_told_however_early_the_poll() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);

    let approved = shop.ask(&alice).await;
    shop.poll(&approved).await.refused(400, "authorization_pending");
    shop.poll(&approved).await.refused(400, "slow_down");
    alice.phone().approve_the_question().await;
    shop.poll(&approved).await.tokens();

    let denied = shop.ask(&alice).await;
    shop.poll(&denied).await.refused(400, "authorization_pending");
    alice.phone().deny_the_question().await;
    shop.poll(&denied).await.refused(400, "access_denied");
    shop.poll(&denied).await.refused(400, "access_denied");

    let expired = shop.ask(&alice).await;
    world.clock.advance(Duration::from_millis(119_900));
    shop.poll(&expired).await.refused(400, "authorization_pending");
    world.clock.advance(Duration::from_millis(100));
    shop.poll(&expired).await.refused(400, "expired_token");
}

#[tokio::test]
async fn ciba_11_twenty_polls_at_once_stay_well_formed() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let polls = (0..20).map(|_| shop.poll(&asked));
    let answers = futures_util::future::join_all(polls).await;
    let in_time = answers.iter().filter(|answer| answer.json()["error"] == "authorization_pending").count();
    assert_eq!(in_time, 1);
    for answer in answers {
        if answer.json()["error"] != "authorization_pending" {
            answer.refused(400, "slow_down");
        }
    }
    // The longest wait that is ever asked for is bounded, and the request still works.
    alice.phone().approve_the_question().await;
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn ciba_11_a_denial_is_told() {
    for (reason, codes) in [
        (DenyReason::None, &["request.denied"][..]),
        (DenyReason::ReportFraud, &["request.reported", "user.locked"]),
        (DenyReason::BiometricsRejected, &["request.denied"]),
    ] {
        let world = World::start().await;
        let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        let watch = world.watch().await;
        assert_eq!(alice.phone().deny(&question, reason).await.ok(), json!({"status": "DENIED"}));
        assert_eq!(watch.events().await.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(), codes);
        shop.poll(&asked).await.refused(400, "access_denied");
        assert!(alice.phone().pending().await.is_empty());
    }
}

#[tokio::test]
async fn ciba_11_an_expired_request_is_remembered_for_minutes() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    world.clock.advance(seconds(120));
    for _ in 0..5 {
        shop.poll(&asked).await.refused(400, "expired_token");
        world.clock.advance(seconds(59));
    }
    world.clock.advance(seconds(10));
    shop.poll(&asked).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn ciba_11_silence_expires() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask_with(&alice, &[("requested_expiry", "30")]).await;
    assert_eq!(asked.json["expires_in"], 30);
    world.clock.advance(seconds(29));
    shop.poll(&asked).await.refused(400, "authorization_pending");
    assert_eq!(alice.phone().pending().await.len(), 1);
    world.clock.advance(seconds(1));
    shop.poll(&asked).await.refused(400, "expired_token");
    assert!(alice.phone().pending().await.is_empty());
}

#[tokio::test]
async fn ciba_11_an_approval_in_time_can_be_fetched_a_minute_longer() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    for (later, fetched) in [(1, true), (60, true), (61, false)] {
        let asked = shop.ask(&alice).await;
        let question = alice.phone().question().await;
        world.clock.advance(Duration::from_millis(119_999));
        alice.phone().approve(&question).await.ok();
        world.clock.advance(seconds(later));
        if fetched {
            shop.poll(&asked).await.tokens();
        } else {
            shop.poll(&asked).await.refused(400, "expired_token");
        }
        world.clock.advance(seconds(300));
    }
}

#[tokio::test]
async fn ciba_11_an_approval_after_expiry_is_none() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phone().question().await;
    world.clock.advance(seconds(120));
    alice.phone().approve(&question).await.problem(409, "EXPIRED");
    shop.poll(&asked).await.refused(400, "expired_token");
}

#[tokio::test]
async fn ciba_11_an_auth_req_id_is_redeemed_once() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    shop.poll(&asked).await.tokens();
    let watch = world.watch().await;
    shop.poll(&asked).await.refused(400, "invalid_grant");
    watch.only_a_refusal("a second redemption").await;
}

#[tokio::test]
async fn ciba_11_of_many_polls_at_once_one_gets_the_tokens() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    alice.phone().approve_the_question().await;
    let answers = futures_util::future::join_all((0..10).map(|_| shop.poll(&asked))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(["invalid_grant", "slow_down"].contains(&error.as_str()), "{error}");
        answer.refused(400, &error);
    }
}

#[tokio::test]
async fn ciba_11_another_clients_request_is_as_unknown_as_any() {
    let world = World::start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask(&alice).await;

    let watch = world.watch().await;
    let foreign = bank.poll(&asked).await;
    foreign.refused(400, "invalid_grant");
    watch.only_a_refusal("a foreign poll").await;
    let unknown = bank.poll_id("1-_".repeat(14).as_str()).await;
    unknown.refused(400, "invalid_grant");
    assert_eq!(foreign.body, unknown.body, "the same words for both");

    // In no state, and however often: the right client is not disturbed.
    shop.poll(&asked).await.refused(400, "authorization_pending");
    bank.poll(&asked).await.refused(400, "invalid_grant");
    alice.phone().approve_the_question().await;
    bank.poll(&asked).await.refused(400, "invalid_grant");
    let redeemed = shop.poll(&asked).await;
    redeemed.tokens();
    bank.poll(&asked).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn ciba_11_only_the_exact_auth_req_id_is_one() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let question = alice.phone().question().await;
    alice.phone().approve(&question).await.ok();
    let id = &asked.auth_req_id;
    let others = [
        id.to_uppercase(),
        id[..42].to_owned(),
        format!("{id}A"),
        format!(" {id}"),
        format!("{id} "),
        format!("{id}="),
        question.notification_id.to_string(),
        alice.phone().device().to_string(),
        alice.id.to_string(),
        "*".to_owned(),
        "' OR 1=1 --".to_owned(),
        "\u{1f44d}".to_owned(),
    ];
    for other in others.iter().filter(|other| *other != id) {
        let watch = world.watch().await;
        shop.poll_id(other).await.refused(400, "invalid_grant");
        watch.only_a_refusal(other).await;
    }
    shop.poll(&asked).await.tokens();
}

#[tokio::test]
async fn ciba_10_1_the_request_is_complete_or_refused() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    let id = asked.auth_req_id.as_str();
    for (fields, error) in [
        (vec![("auth_req_id", id)], "invalid_request"),
        (vec![("grant_type", ""), ("auth_req_id", id)], "invalid_request"),
        (vec![("grant_type", CIBA)], "invalid_request"),
        (vec![("grant_type", CIBA), ("auth_req_id", "")], "invalid_request"),
        (vec![("grant_type", CIBA), ("grant_type", CIBA), ("auth_req_id", id)], "invalid_request"),
        (vec![("grant_type", CIBA), ("auth_req_id", id), ("auth_req_id", id)], "invalid_request"),
        (vec![("grant_type", "password"), ("username", "alice"), ("password", "x")], "unsupported_grant_type"),
        (vec![("grant_type", "authorization_code"), ("code", "x")], "unauthorized_client"),
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![("grant_type", "urn:openid:params:grant-type:CIBA"), ("auth_req_id", id)], "unsupported_grant_type"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "x")], "unauthorized_client"),
    ] {
        let watch = world.watch().await;
        shop.token(&fields).await.refused(400, error);
        watch.only_a_refusal(&format!("{fields:?}")).await;
    }
}

#[tokio::test]
async fn ciba_11_a_client_without_the_grant_may_not_poll() {
    let world = World::start().await;
    let refresher = world.client("refresher").grants([GrantType::RefreshToken]).await;
    let watch = world.watch().await;
    refresher.poll_id("anything").await.refused(400, "unauthorized_client");
    watch.only_a_refusal("a poll").await;
}

#[tokio::test]
async fn oidcc_2_the_id_token_tells_of_this_approval() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    world.clock.advance(seconds(7));
    alice.phone().approve_the_question().await;
    world.clock.advance(seconds(13));
    let tokens = shop.poll(&asked).await.tokens();

    let (header, claims) = world.verified(&tokens.id_token).await;
    assert_eq!(header["alg"], "ES256");
    let begin = BEGIN.seconds();
    assert_eq!(
        claims,
        json!({
            "iss": world.issuer(),
            "sub": alice.id.to_string(),
            "aud": "shop",
            "iat": begin + 20,
            "exp": begin + 320,
            "auth_time": begin + 7,
            "acr": "urn:nod:acr:device",
            "amr": ["pop", "swk", "user"],
            "at_hash": at_hash(&tokens.access_token),
            "urn:openid:params:jwt:claim:auth_req_id": asked.auth_req_id,
        }),
        "and no nonce, c_hash, s_hash, azp or claim about the person"
    );
}

#[tokio::test]
async fn oidcc_2_acr_names_what_was_really_done() {
    let world = World::with().generous().start().await;
    let plain = world.client("plain").await;
    let numbers = world.client("numbers").number_matching(NumberMatching::Pick).await;
    let alice = world.user("alice").with_phone().await;
    let (low, high) = ("urn:nod:acr:device", "urn:nod:acr:device-number");

    for (client, acr_values, told) in [
        (&plain, "", low),
        (&plain, low, low),
        (&plain, "urn:x urn:nod:acr:device-number urn:nod:acr:device", low),
        (&numbers, "", high),
        (&numbers, high, high),
        (&numbers, "urn:nod:acr:device urn:nod:acr:device-number", low),
    ] {
        let asked = client.ask_with(&alice, &[("acr_values", acr_values)]).await;
        let question = alice.phone().question().await;
        assert_eq!(question.client_context.acr.as_deref(), Some(told));
        if client.id == "numbers" {
            alice.phone().approve_with(&question, asked.number()).await.ok();
        } else {
            alice.phone().approve(&question).await.ok();
        }
        let (_, claims) = world.verified(&client.poll(&asked).await.tokens().id_token).await;
        assert_eq!(claims["acr"], told, "{acr_values:?}");
    }
}

#[tokio::test]
async fn oidcc_2_the_id_token_is_signed_as_registered() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256] {
        let client = world.client(algorithm.as_str()).id_token_alg(algorithm).await;
        let tokens = client.log_in(&alice).await;
        let (header, claims) = world.verified(&tokens.id_token).await;
        assert_eq!(header["alg"], algorithm.as_str());
        assert_eq!(claims["aud"], algorithm.as_str());
        assert_eq!(claims["at_hash"], at_hash(&tokens.access_token));
    }
}

#[tokio::test]
async fn rfc9068_2_an_access_token_is_a_typed_jwt() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    let (header, claims) = world.verified(&tokens.access_token).await;
    assert_eq!(header["typ"], "at+jwt");
    for (name, value) in [
        ("iss", json!(world.issuer())),
        ("aud", json!(world.issuer())),
        ("sub", json!(alice.id.to_string())),
        ("client_id", json!("shop")),
        ("scope", json!("openid profile email")),
        ("iat", json!(BEGIN.seconds())),
        ("exp", json!(BEGIN.seconds() + 600)),
        ("auth_time", json!(BEGIN.seconds())),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 22));
}

#[tokio::test]
async fn rfc6749_5_1_an_opaque_access_token_is_256_random_bits() {
    let world = World::start().await;
    let (club, alice) = (world.client("club").opaque().refresh().await, world.user("alice").with_phone().await);
    let tokens = club.log_in(&alice).await;
    for token in [&tokens.access_token, tokens.refresh_token.as_ref().unwrap()] {
        assert_eq!(token.len(), 43);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }
    assert_ne!(Some(&tokens.access_token), tokens.refresh_token.as_ref());
    assert_eq!(decoded(&tokens.id_token).1["at_hash"], at_hash(&tokens.access_token));
    assert_eq!(world.userinfo(&tokens.access_token).await.ok()["sub"], alice.id.to_string());
}

#[tokio::test]
async fn rfc6749_6_a_refresh_token_goes_to_clients_of_that_grant_alone() {
    let world = World::start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").refresh().await);
    let alice = world.user("alice").with_phone().await;
    assert!(!shop.log_in(&alice).await.json.as_object().unwrap().contains_key("refresh_token"));
    assert!(bank.log_in(&alice).await.refresh_token.is_some());
}

#[tokio::test]
async fn ciba_10_1_requests_of_several_clients_do_not_meet() {
    let world = World::start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let (of_shop, of_bank) = (shop.ask(&alice).await, bank.ask(&alice).await);
    let pending = alice.phone().pending().await;
    assert_eq!(pending.len(), 2);
    let of = |client: &str| pending.iter().find(|one| one.client_context.client_id == client).unwrap();
    alice.phone().approve(of("bank")).await.ok();
    alice.phone().deny(of("shop"), DenyReason::None).await.ok();
    shop.poll(&of_shop).await.refused(400, "access_denied");
    bank.poll(&of_bank).await.tokens();
}

#[tokio::test]
async fn ciba_10_1_the_token_endpoint_takes_post_alone() {
    let world = World::start().await;
    for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH] {
        let answer = crate::world::Answer::of(world.request(method, TOKEN)).await;
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}
