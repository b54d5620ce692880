//! [CIBA §7] The backchannel authentication request.

use std::collections::HashSet;

use nod::domain::client::{Backchannel, Delivery, GrantType, NumberMatching};
use nod_device::NumberMatching as Shown;
use serde_json::json;

use crate::world::{Answer, BC_AUTHORIZE, CIBA, Client, Jwk, World, b64, compact, decoded, seconds};

mod limits;

#[tokio::test]
async fn ciba_7_3_an_acknowledgement_has_these_members_and_no_others() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask(&alice).await;
    assert_eq!(asked.json, json!({"auth_req_id": asked.auth_req_id, "expires_in": 120, "interval": 5}));
}

#[tokio::test]
async fn ciba_7_3_an_auth_req_id_is_256_random_bits_of_plain_characters() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let id = shop.ask(&alice).await.auth_req_id;
        assert_eq!(id.len(), 43);
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{id}");
        assert!(seen.insert(id));
    }
    // That only digests of them are stored, every world checks at its end.
}

#[tokio::test]
async fn ciba_7_1_a_request_comes_by_post() {
    let world = World::start().await;
    for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH] {
        let answer = Answer::of(world.request(method, BC_AUTHORIZE)).await;
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}

/// Sends a form in place of the usual one; it is refused, changes nothing and leaves one event.
async fn refused(world: &World, client: &Client, fields: &[(&str, &str)], error: &str) {
    let watch = world.watch().await;
    let answer = client.bc_authorize(fields).await;
    let status = if error == "access_denied" { 403 } else { 400 };
    answer.refused(status, error);
    let event = watch.only_a_refusal(&format!("{fields:?}")).await;
    assert_eq!((event.action.as_str(), event.client.as_deref()), ("request.created", Some(client.id.as_str())));
    assert!(event.reason.unwrap().starts_with(error));
}

#[tokio::test]
async fn ciba_7_1_there_is_exactly_one_hint() {
    let world = World::start().await;
    let (shop, _alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let scope = ("scope", "openid");
    for hints in [
        vec![],
        vec![("login_hint", "")],
        vec![("login_hint", "alice"), ("id_token_hint", "a.b.c")],
        vec![("login_hint", "alice"), ("login_hint_token", "a.b.c")],
        vec![("id_token_hint", "a.b.c"), ("login_hint_token", "a.b.c")],
        vec![("login_hint", "alice"), ("id_token_hint", "a.b.c"), ("login_hint_token", "a.b.c")],
        // Not supported, and said so rather than guessed at.
        vec![("login_hint_token", "a.b.c")],
    ] {
        refused(&world, &shop, &[&hints[..], &[scope]].concat(), "invalid_request").await;
    }
    // An empty hint is none [RFC 6749 §3.2].
    let both = [("login_hint", "alice"), ("id_token_hint", ""), ("login_hint_token", ""), scope];
    shop.bc_authorize(&both).await.ok();
}

#[tokio::test]
async fn ciba_7_1_scope_contains_openid() {
    let world = World::with().generous().start().await;
    let shop = world.client("shop").scope("openid profile").await;
    let alice = world.user("alice").with_phone().await;
    let hint = ("login_hint", "alice");
    for (scope, error) in [
        ("", "invalid_request"),
        ("profile", "invalid_request"),
        ("OpenID", "invalid_request"),
        ("openid email", "invalid_scope"),
        ("openid unheard_of", "invalid_scope"),
        ("openid \"x\"", "invalid_scope"),
        ("openid caf\u{e9}", "invalid_scope"),
        ("openid\tprofile", "invalid_scope"),
    ] {
        refused(&world, &shop, &[hint, ("scope", scope)], error).await;
    }
    refused(&world, &shop, &[hint], "invalid_request").await;
    for scope in ["openid", "profile openid", "openid openid  profile "] {
        let asked = shop.ask_with(&alice, &[("scope", scope)]).await;
        assert_eq!(asked.json["expires_in"], 120);
    }
}

#[tokio::test]
async fn ciba_7_1_the_order_of_scopes_is_kept_and_repetitions_fold() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let asked = shop.ask_with(&alice, &[("scope", "profile  openid profile")]).await;
    let question = alice.phone().question().await;
    assert_eq!(question.client_context.scope, "profile openid");
    alice.phone().approve(&question).await.ok();
    assert_eq!(shop.poll(&asked).await.tokens().json["scope"], "profile openid");
}

#[tokio::test]
async fn ciba_13_nobody_behind_the_hint_is_told_or_not_by_policy() {
    let strict = World::start().await;
    let shop = strict.client("shop").await;
    let _alice = strict.user("alice").with_phone().await;
    for hint in ["bob", "Alice", " alice", "alice ", "alice%", "\u{430}lice"] {
        refused(&strict, &shop, &[("login_hint", hint), ("scope", "openid")], "unknown_user_id").await;
    }

    let uniform = World::with().settings(|settings| settings.policy.uniform = true).start().await;
    let shop = uniform.client("shop").await;
    let alice = uniform.user("alice").with_phone().await;
    let nobody = shop.bc_authorize(&[("login_hint", "bob"), ("scope", "openid")]).await.ok();
    let somebody = shop.ask(&alice).await;
    assert_eq!(nobody["expires_in"], somebody.json["expires_in"]);
    assert_eq!(nobody["interval"], somebody.json["interval"]);
    let nobody = nobody["auth_req_id"].as_str().unwrap();
    assert_eq!(nobody.len(), somebody.auth_req_id.len());
    // Both wait, at the same pace, and expire at the same time.
    for _ in 0..2 {
        shop.poll_id(nobody).await.refused(400, "authorization_pending");
        shop.poll(&somebody).await.refused(400, "authorization_pending");
        shop.poll_id(nobody).await.refused(400, "slow_down");
        shop.poll(&somebody).await.refused(400, "slow_down");
        uniform.clock.advance(seconds(20));
    }
    uniform.clock.advance(seconds(80));
    shop.poll_id(nobody).await.refused(400, "expired_token");
    shop.poll(&somebody).await.refused(400, "expired_token");
}

#[tokio::test]
async fn security_55_under_the_uniform_policy_a_second_request_tells_nothing_either() {
    let world = World::with().settings(|settings| settings.policy.uniform = true).start().await;
    let shop = world.client("shop").await;
    let _alice = world.user("alice").with_phone().await;
    let mut statuses = Vec::new();
    for hint in ["alice", "bob"] {
        let fields = [("login_hint", hint), ("scope", "openid")];
        shop.bc_authorize(&fields).await.ok();
        statuses.push(shop.bc_authorize(&fields).await.status);
    }
    assert_eq!(statuses[0], statuses[1], "who exists is seen at the limit of open questions");
}

#[tokio::test]
async fn security_55_under_the_uniform_policy_a_user_without_a_device_looks_like_nobody() {
    let world = World::with().settings(|settings| settings.policy.uniform = true).start().await;
    let shop = world.client("shop").await;
    let _alice = world.user("alice").await;
    let mut answers = Vec::new();
    for hint in ["alice", "bob"] {
        let asked = shop.bc_authorize(&[("login_hint", hint), ("scope", "openid")]).await.ok();
        answers.push(shop.poll_id(asked["auth_req_id"].as_str().unwrap()).await.json());
    }
    assert_eq!(answers[0], answers[1], "who exists is seen at the first poll");
}

#[tokio::test]
async fn ciba_7_1_an_id_token_of_ours_for_this_client_is_a_hint() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let hint = shop.log_in(&alice).await.id_token;

    // However old, and whoever signs now.
    for later in [0, 3600, 86_400] {
        world.clock.advance(seconds(later));
        shop.bc_authorize(&[("id_token_hint", &hint), ("scope", "openid")]).await.ok();
        let question = alice.phone().pending().await.pop().unwrap();
        assert_eq!(question.user_id.to_string(), alice.id.to_string());
    }
    let keys = std::sync::Arc::clone(&world.parts().keys);
    world.among_servers(async move { keys.rotate_now(None).await }).await.unwrap();
    shop.bc_authorize(&[("id_token_hint", &hint), ("scope", "openid")]).await.ok();
    // Also when the key that signed it is published no more.
    world.clock.advance(seconds(3 * 86_400));
    let keys = std::sync::Arc::clone(&world.parts().keys);
    world.among_servers(async move { keys.tend().await }).await.unwrap();
    let published = world.get(crate::world::JWKS).await.text();
    assert!(!published.contains(decoded(&hint).0["kid"].as_str().unwrap()));
    shop.bc_authorize(&[("id_token_hint", &hint), ("scope", "openid")]).await.ok();
}

#[tokio::test]
async fn ciba_7_1_nothing_else_is_an_id_token_hint() {
    let world = World::with().generous().start().await;
    let (shop, bank) = (world.client("shop").refresh().await, world.client("bank").await);
    let alice = world.user("alice").with_phone().await;
    let of_bank = bank.log_in(&alice).await;
    let own = shop.log_in(&alice).await;
    let (header, claims) = decoded(&own.id_token);
    let (signed, signature) = own.id_token.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let mut other_user = claims.clone();
    other_user["sub"] = json!("00000000-0000-4000-8000-000000000000");
    let key = Jwk::p256();
    let mut with_key = header.clone();
    with_key["jwk"] = key.public();
    let forged = [
        of_bank.id_token,
        own.access_token.clone(),
        own.refresh_token.clone().unwrap(),
        "alice".to_owned(),
        "a.b.c".to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{head}.{}.{signature}", b64(other_user.to_string().as_bytes())),
        compact(&json!({"alg": "none"}), &claims, |_| Vec::new()),
        compact(&json!({"alg": "none", "kid": header["kid"]}), &claims, |_| Vec::new()),
        key.jws(&header, &claims),
        key.jws(&with_key, &claims),
        key.jws(&json!({"alg": "ES256", "jwk": key.public()}), &claims),
        // Signed by the shop itself: it may say who it is, not who others are.
        format!("{}{}", own.id_token, own.id_token),
    ];
    for hint in &forged {
        refused(&world, &shop, &[("id_token_hint", hint), ("scope", "openid")], "invalid_request").await;
    }
}

#[tokio::test]
async fn ciba_13_the_person_of_an_id_token_hint_may_be_gone() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let hint = shop.log_in(&alice).await.id_token;
    alice.delete().await;
    refused(&world, &shop, &[("id_token_hint", &hint), ("scope", "openid")], "unknown_user_id").await;
}

#[tokio::test]
async fn ciba_7_1_a_binding_message_is_shown_as_it_is() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    for message in [
        "1234",
        "W4SCT",
        "Pay 12.50 EUR to \"Demo\" & 'Sons' \\ 100%",
        "{{7*7}} ${jndi:x} %s %n",
        "\u{93af}\u{8aa0} \u{5149} \u{ad6c}\u{b984}",
        "\u{1f469}\u{1f3fd} ok",
        "na\u{ef}ve  spaces",
        // Letters of another script that look like these: they are shown, and whose they are the title says.
        "\u{412}\u{430}nk \u{43e}f \u{410}lice",
        &"x".repeat(64),
    ] {
        let asked = shop.ask_with(&alice, &[("binding_message", message)]).await;
        let question = alice.phone().question().await;
        assert_eq!(question.client_context.binding_message.as_deref(), Some(message));
        assert_eq!(question.body, message);
        assert_eq!(question.title, "The shop asks for your approval");
        alice.phone().approve(&question).await.ok();
        shop.poll(&asked).await.tokens();
        // [house 23] binding messages are nobody's business but the person's.
        assert!(!world.log().contains(&format!("binding_message={message}")));
    }
}

#[tokio::test]
async fn ciba_13_a_binding_message_that_cannot_be_shown_is_refused_and_never_cut() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    for message in [
        &"x".repeat(65),
        &"x".repeat(450),
        &"x".repeat(1000),
        &"\u{1f44d}".repeat(60),
        "right\u{202e}to left",
        "zero\u{200b}width",
        "two\nlines",
        "EUR 10\n\nTotal: EUR 1",
        "a\r\nb",
        "bell\u{7}",
        "\u{1b}[31mred",
        "<img src=x onerror=alert(1)>",
        "e\u{301} not composed",
        " ",
        "\u{feff}x",
        "tag\u{e0041}",
    ] {
        let fields = [("login_hint", "alice"), ("scope", "openid"), ("binding_message", message)];
        refused(&world, &shop, &fields, "invalid_binding_message").await;
    }
    assert!(alice.phone().pending().await.is_empty());
}

#[tokio::test]
async fn ciba_7_1_requested_expiry_is_positive_and_cut_to_the_maximum() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    for (requested, told) in
        [("", 120), ("1", 1), ("90", 90), ("120", 120), ("300", 300), ("301", 300), ("999999999", 300)]
    {
        let asked = shop.ask_with(&alice, &[("requested_expiry", requested)]).await;
        assert_eq!(asked.json["expires_in"], told);
    }
    let question = alice.phone().pending().await.pop().unwrap();
    assert_eq!(question.expires_at.since(question.issued_at), seconds(300));
    for bad in ["0", "-1", "1.5", "1e3", "0x10", "1000000000000000000", "+5", " 5", "5 ", "soon", "\u{665}"] {
        let fields = [("login_hint", "alice"), ("scope", "openid"), ("requested_expiry", bad)];
        refused(&world, &shop, &fields, "invalid_request").await;
    }
}

#[tokio::test]
async fn ciba_7_1_acr_values_are_honoured_or_refused() {
    let world = World::start().await;
    let (shop, _alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    for bad in ["urn:x", "urn:nod:acr:device-number", "1 2", "URN:NOD:ACR:DEVICE"] {
        let fields = [("login_hint", "alice"), ("scope", "openid"), ("acr_values", bad)];
        refused(&world, &shop, &fields, "invalid_request").await;
    }
}

#[tokio::test]
async fn ciba_7_1_what_a_poll_client_has_no_use_for_is_ignored_and_goes_nowhere() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let extras = [
        ("client_notification_token", "extra-notification-token-0123456789"),
        ("user_code", "extra-user-code-1234"),
        ("password", "extra-password-hunter2"),
        ("x_y", "extra-something-else"),
        ("state", "extra-state-0123456789"),
    ];
    for (_, value) in extras {
        world.guard(value);
    }
    let asked = shop.ask_with(&alice, &extras).await;
    let question = alice.phone().question().await;
    assert!(!serde_json::to_string(&question).unwrap().contains("extra-"));
    alice.phone().approve(&question).await.ok();
    assert!(!shop.poll(&asked).await.tokens().json.to_string().contains("extra-"));
}

#[tokio::test]
async fn ciba_13_a_client_without_the_grant_may_not_ask() {
    let world = World::start().await;
    let refresher = world.client("refresher").grants([GrantType::RefreshToken]).await;
    let unregistered = world.client("unregistered").registered(|client| client.backchannel = None).await;
    let _alice = world.user("alice").with_phone().await;
    for client in [&refresher, &unregistered] {
        refused(&world, client, &[("login_hint", "alice"), ("scope", "openid")], "unauthorized_client").await;
    }
}

/// [FAPI-CIBA §5.2.2, security.md case 61] Nobody registers it for that, and where it is registered it does not help.
#[tokio::test]
async fn security_61_a_client_that_anybody_can_be_may_not_ask() {
    let world = World::start().await;
    let kiosk = json!({ "client_id": "kiosk", "token_endpoint_auth_method": "none", "grant_types": [CIBA] });
    let answer = world.admin().await.post("/admin/v1/clients", &kiosk).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problems = answer.json()["errors"].as_array().unwrap().clone();
    assert!(problems.iter().any(|problem| problem["pointer"] == "/grant_types/0"), "{problems:?}");

    let app = world.client("app").public().registered(|client| {
        client.grants.insert(GrantType::Ciba);
        client.backchannel = Some(Backchannel {
            delivery: Delivery::Poll,
            number_matching: None,
            long_poll: false,
            request_signing_alg: None,
            user_code: false,
            require_hint_token: false,
            keys: None,
        });
    });
    let app = app.await;
    let alice = world.user("alice").with_phone().await;
    refused(&world, &app, &[("login_hint", "alice"), ("scope", "openid")], "unauthorized_client").await;
    assert!(alice.phone().pending().await.is_empty());
}

#[tokio::test]
async fn ciba_7_1_the_client_is_authenticated_before_anything_is_read() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let watch = world.watch().await;
    // Two hints, no scope, a bad expiry: all of it is less than not being anybody.
    let fields = [("login_hint", "a"), ("id_token_hint", "b"), ("requested_expiry", "x")];
    Answer::of(shop.bare(BC_AUTHORIZE, &fields)).await.refused(401, "invalid_client");
    assert_eq!(watch.only_a_refusal("an anonymous request").await.action, "client.authenticated");
}

#[tokio::test]
async fn number_matching_shows_the_client_one_number_and_the_phone_three() {
    let world = World::with().generous().start().await;
    let shop = world.client("shop").number_matching(NumberMatching::Pick).await;
    let alice = world.user("alice").with_phone().await;
    let mut places = HashSet::new();
    for _ in 0..30 {
        let asked = shop.ask(&alice).await;
        assert_eq!(asked.json["number_matching"], json!({"type": "SELECT_NUMBER", "number": asked.number()}));
        let question = alice.phone().question().await;
        let Some(Shown::SelectNumber { options }) = &question.number_matching else { panic!("{question:?}") };
        assert_eq!(options.len(), 3);
        assert_eq!(options.iter().collect::<HashSet<_>>().len(), 3, "no number twice");
        assert!(options.iter().all(|option| (10..100).contains(option)), "two digits");
        places.insert(options.iter().position(|option| *option == asked.number()).expect("one of them"));
        alice.phone().approve_with(&question, asked.number()).await.ok();
        shop.poll(&asked).await.tokens();
    }
    assert_eq!(places.len(), 3, "the right one is at no fixed place");
}

#[tokio::test]
async fn number_matching_by_typing_shows_the_phone_no_number() {
    let world = World::start().await;
    let shop = world.client("shop").number_matching(NumberMatching::Type).await;
    let alice = world.user("alice").with_phone().await;
    let asked = shop.ask(&alice).await;
    assert_eq!(asked.json["number_matching"], json!({"type": "ENTER_MANUALLY", "number": asked.number()}));
    let question = alice.phone().question().await;
    assert_eq!(question.number_matching, Some(Shown::EnterManually));
    alice.phone().approve_with(&question, asked.number()).await.ok();
    shop.poll(&asked).await.tokens();
}
