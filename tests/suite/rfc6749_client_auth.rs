//! [RFC 6749 §2.3] Clients with a secret, and what all kinds of client authentication share.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nod::clock::Clock as _;
use nod::domain::client::{Authentication, StoredSecret};
use nod::protocol::algorithm::Algorithm;
use nod::secret::Digest;
use reqwest::RequestBuilder;
use serde_json::json;

use crate::world::{
    Answer, BC_AUTHORIZE, CALLBACK, CIBA, Client, INTROSPECT, REVOKE, TOKEN, World, basic, limited, seconds,
};

const POLL: [(&str, &str); 2] = [("grant_type", CIBA), ("auth_req_id", "unknown")];

/// What a client gets to hear that was authenticated and asked for something unknown.
const KNOWN: (u16, &str) = (400, "invalid_grant");

async fn hears(request: RequestBuilder) -> (u16, String) {
    let answer = Answer::of(request).await;
    let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    answer.refused(answer.status, &error);
    (answer.status, error)
}

async fn refused(world: &World, request: RequestBuilder, status: u16, error: &str, what: &str) -> Answer {
    let watch = world.watch().await;
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{what}");
    answer.refused(status, error);
    watch.only_a_refusal(what).await;
    answer
}

fn with_authorization(client: &Client, header: &str) -> RequestBuilder {
    client.bare(TOKEN, &POLL).header("authorization", header)
}

fn encoded(credentials: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

#[tokio::test]
async fn rfc6749_2_3_1_basic_and_post_work_at_every_direct_endpoint() {
    let world = World::start().await;
    let (by_basic, by_post) = (world.client("basic").await, world.client("post").secret_post().await);
    let by_key = world.client("key").private_key_jwt(Algorithm::ES256).await;
    for client in [&by_basic, &by_post, &by_key] {
        client.post(TOKEN, &POLL).await.refused(400, "invalid_grant");
        client.post(BC_AUTHORIZE, &[("scope", "openid")]).await.refused(400, "invalid_request");
        assert_eq!(client.post(REVOKE, &[("token", "x")]).await.status, 200);
        client.post(INTROSPECT, &[("token", "x")]).await.ok();
    }
}

#[tokio::test]
async fn rfc6749_5_2_whoever_fails_is_told_the_same_at_every_direct_endpoint() {
    let world = World::with().settings(|settings| settings.failed_authentications = 1000).start().await;
    let shop = world.client("shop").await;
    let mut bodies = Vec::new();
    for path in [TOKEN, BC_AUTHORIZE, REVOKE, INTROSPECT] {
        for (what, request) in [
            ("nothing", shop.bare(path, &[])),
            ("an unknown client", shop.bare(path, &[]).header("authorization", basic("nobody", "secret"))),
            ("a wrong secret", shop.bare(path, &[]).header("authorization", basic("shop", "wrong-secret"))),
            ("an empty secret", shop.bare(path, &[]).header("authorization", basic("shop", ""))),
            ("another method", shop.bare(path, &[("client_id", "shop"), ("client_secret", shop.secret())])),
            ("an identifier alone", shop.bare(path, &[("client_id", "shop")])),
        ] {
            let answer = refused(&world, request, 401, "invalid_client", &format!("{what} at {path}")).await;
            let challenge = answer.header("www-authenticate");
            assert_eq!(challenge, Some("Basic realm=\"nod\", charset=\"UTF-8\""), "{what} at {path}");
            bodies.push(answer.body);
        }
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "unknown client and wrong secret read the same");
}

#[tokio::test]
async fn rfc6749_2_3_1_basic_credentials_are_form_decoded() {
    let world = World::start().await;
    for (n, secret) in ["p+w: x%", "100%25", "\u{e4}\u{20ac}-secret", "a&b=c?d/e", "  spaced  "].iter().enumerate() {
        let client = world.client(&format!("shop {n}")).secret(secret).await;
        client.post(TOKEN, &POLL).await.refused(400, "invalid_grant");
    }
    // Many send identifier and secret as they are; where that is the same, it works as well.
    let plain = world.client("plain").secret("plain-secret_1.0~x").await;
    assert_eq!(hears(with_authorization(&plain, &encoded("plain:plain-secret_1.0~x"))).await.0, 400);
}

#[tokio::test]
async fn security_2_malformed_basic_credentials_are_refused_and_never_break_anything() {
    let world = World::with().settings(|settings| settings.failed_authentications = 1000).start().await;
    let shop = world.client("shop").await;
    let secret = shop.secret();
    for (what, header) in [
        ("no credentials", "Basic".to_owned()),
        ("no credentials after the space", "Basic ".to_owned()),
        ("no base64", "Basic !!!".to_owned()),
        ("bad padding", "Basic c2hvc===".to_owned()),
        ("no colon", encoded("shop")),
        ("no identifier", encoded(format!(":{secret}"))),
        ("a NUL", encoded(format!("shop:{secret}\0"))),
        ("an encoded NUL", encoded(format!("shop:{secret}%00"))),
        ("no hexadecimal", encoded("shop:%zz")),
        ("a half byte", encoded("shop:%4")),
        ("no UTF-8", encoded(b"shop:\xff\xfe")),
        ("an encoded half character", encoded("shop:%ff")),
        ("another scheme", format!("Bearer {secret}")),
        ("no scheme", STANDARD.encode(format!("shop:{secret}"))),
        ("another identifier in other case", encoded(format!("SHOP:{secret}"))),
        ("a secret in other case", encoded(format!("shop:{}", secret.to_uppercase()))),
        ("a long secret", encoded(format!("shop:{}", "x".repeat(8000)))),
    ] {
        let answer = refused(&world, with_authorization(&shop, &header), 401, "invalid_client", what).await;
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "), "{what}");
    }
    let bytes = reqwest::header::HeaderValue::from_bytes(b"Basic \xff\xfe").unwrap();
    let request = shop.bare(TOKEN, &POLL).header("authorization", bytes);
    refused(&world, request, 401, "invalid_client", "bytes that are no text").await;
    // [RFC 7235 §2.1] the scheme may be written in any case.
    for scheme in ["basic", "BASIC"] {
        let header = basic("shop", secret).replace("Basic", scheme);
        assert_eq!(hears(with_authorization(&shop, &header)).await, (KNOWN.0, KNOWN.1.to_owned()));
    }
}

#[tokio::test]
async fn rfc6749_2_3_one_method_in_one_request() {
    let world = World::start().await;
    let (shop, post) = (world.client("shop").await, world.client("post").secret_post().await);
    let key = world.client("key").private_key_jwt(Algorithm::ES256).await;
    let own = basic("shop", shop.secret());
    let assertion = key.assertion();
    let fields = |more: &[(&'static str, &str)]| -> Vec<(String, String)> {
        POLL.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let send = |more: &[(&'static str, &str)], header: Option<&str>| {
        let fields = fields(more);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = shop.bare(TOKEN, &fields);
        match header {
            Some(header) => request.header("authorization", header),
            None => request,
        }
    };
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    for (what, request) in [
        ("Basic and a secret", send(&[("client_secret", shop.secret())], Some(&own))),
        ("Basic and both", send(&[("client_id", "shop"), ("client_secret", shop.secret())], Some(&own))),
        (
            "Basic and an assertion",
            send(&[("client_assertion_type", kind), ("client_assertion", &assertion)], Some(&own)),
        ),
        ("Basic and the type of one", send(&[("client_assertion_type", kind)], Some(&own))),
        (
            "a secret and an assertion",
            send(
                &[
                    ("client_id", "post"),
                    ("client_secret", post.secret()),
                    ("client_assertion_type", kind),
                    ("client_assertion", &assertion),
                ],
                None,
            ),
        ),
        (
            "two assertions",
            send(
                &[("client_assertion_type", kind), ("client_assertion", &assertion), ("client_assertion", &assertion)],
                None,
            ),
        ),
        ("Basic and another client_id", send(&[("client_id", "post")], Some(&own))),
        ("Basic twice", send(&[], Some(&own)).header("authorization", &own)),
    ] {
        refused(&world, request, 400, "invalid_request", what).await;
    }
    // The same client_id is no second method.
    assert_eq!(hears(send(&[("client_id", "shop")], Some(&own))).await, (KNOWN.0, KNOWN.1.to_owned()));
}

#[tokio::test]
async fn oidcc_9_a_client_uses_its_registered_method_and_no_other() {
    let world = World::start().await;
    let (shop, post) = (world.client("shop").await, world.client("post").secret_post().await);
    let key = world.client("key").private_key_jwt(Algorithm::ES256).await;
    for (what, request) in [
        (
            "a Basic client by form",
            shop.bare(TOKEN, &[&POLL[..], &[("client_id", "shop"), ("client_secret", shop.secret())]].concat()),
        ),
        ("a form client by Basic", with_authorization(&post, &basic("post", post.secret()))),
        ("a client with a key by any secret", with_authorization(&key, &basic("key", "a-secret-of-its-own"))),
        (
            "a client with a key by an empty secret",
            key.bare(TOKEN, &[&POLL[..], &[("client_id", "key"), ("client_secret", "x")]].concat()),
        ),
    ] {
        refused(&world, request, 401, "invalid_client", what).await;
    }
}

#[tokio::test]
async fn security_10_a_replaced_secret_works_until_the_overlap_is_over() {
    let world = World::start().await;
    let shop = world.client("shop").secret("the-old-secret-0123456789").await;
    let end = world.clock.now() + seconds(100);
    shop.update(move |client| {
        let Authentication::ClientSecretBasic(secrets) = &mut client.authentication else { panic!("a secret") };
        secrets.0[0].expires_at = Some(end);
        secrets.0.push(StoredSecret { digest: Digest::of(b"the-new-secret-0123456789"), expires_at: None });
    })
    .await;
    let old = basic("shop", "the-old-secret-0123456789");
    let new = basic("shop", "the-new-secret-0123456789");
    for header in [&old, &new] {
        assert_eq!(hears(with_authorization(&shop, header)).await.0, 400);
    }
    world.clock.advance(seconds(100));
    assert_eq!(hears(with_authorization(&shop, &old)).await.0, 401);
    assert_eq!(hears(with_authorization(&shop, &new)).await.0, 400);
}

#[tokio::test]
async fn security_9_guessing_is_slowed_down_and_locks_nobody_out() {
    let world = World::start().await;
    let (shop, bank) = (world.client("shop").await, world.client("bank").await);
    for n in 0..10 {
        let guess = basic("shop", &format!("guess-{n}"));
        assert_eq!(hears(with_authorization(&shop, &guess)).await.0, 401, "guess {n}");
    }
    let watch = world.watch().await;
    let before = limited("client_authentication");
    let answer = Answer::of(with_authorization(&shop, &basic("shop", "guess-10"))).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert!(limited("client_authentication") > before, "whoever watches the limit sees it");
    assert!((1..=60).contains(&answer.retry_after()));
    watch.only_a_refusal("a guess too many").await;
    // Another client from here is not concerned.
    bank.poll_id("unknown").await.refused(400, "invalid_grant");
    // And after a minute the client itself is let in again.
    world.clock.advance(seconds(61));
    shop.poll_id("unknown").await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn security_9_a_client_is_not_locked_out_by_guesses_from_elsewhere() {
    let proxies = |edge: &mut nod::http::server::Edge| {
        edge.proxies = nod::http::remote::TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    };
    let world = World::with().edge(proxies).start().await;
    let shop = world.client("shop").await;
    let from = |address: &str, secret: &str| {
        with_authorization(&shop, &basic("shop", secret)).header("x-forwarded-for", address)
    };
    // Two hundred from one address: ten are looked at.
    for n in 0..200 {
        let answer = Answer::of(from("198.51.100.1", &format!("guess-{n}"))).await;
        assert_eq!(answer.status, if n < 10 { 401 } else { 429 }, "guess {n}");
        assert!(answer.status == 401 || (1..=60).contains(&answer.retry_after()));
    }
    // And from fifty others, as many from each.
    for address in (2..52).map(|n| format!("198.51.100.{n}")) {
        for n in 0..11 {
            let status = hears_status(from(&address, &format!("guess-{n}"))).await;
            assert_eq!(status, if n < 10 { 401 } else { 429 }, "{address}: guess {n}");
        }
    }
    assert_eq!(hears_status(from("198.51.100.1", shop.secret())).await, 429, "nor the right one, from there");
    assert_eq!(hears_status(from("198.51.100.60", shop.secret())).await, 400, "the right secret from elsewhere");
}

async fn hears_status(request: RequestBuilder) -> u16 {
    Answer::of(request).await.status
}

#[tokio::test]
async fn an_unknown_client_can_be_tried_no_more_often_than_a_known_one() {
    let world = World::start().await;
    let shop = world.client("shop").await;
    let mut last = Vec::new();
    for id in ["shop", "nobody"] {
        let mut status = 0;
        for n in 0..12 {
            status = hears_status(with_authorization(&shop, &basic(id, &format!("guess-{n}")))).await;
        }
        last.push(status);
    }
    assert_eq!(last[0], last[1], "who exists is not seen at the limit");
}

/// [RFC 6749 §5.2] which grants there are, and which of them are this client's. What nobody registered is not there.
#[tokio::test]
async fn security_34_a_client_has_the_grants_that_it_is_registered_for() {
    const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
    const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
    let world = World::start().await;
    let admin = world.admin().await;
    let none = world.client("none").grants([]).await;
    // As little as the admin API takes: the grants are those of the default.
    let made = admin.post("/admin/v1/clients", &json!({ "redirect_uris": [CALLBACK] })).await;
    let (made, secret) = (made.json()["client"].clone(), made.json()["client_secret"].clone());
    assert_eq!(made["grant_types"], json!(["authorization_code"]));
    let least = world.known_client(made["client_id"].as_str().unwrap(), secret.as_str().unwrap());
    let grants = [
        [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", CALLBACK)],
        [("grant_type", "refresh_token"), ("refresh_token", "x"), ("x", "y")],
        [("grant_type", "client_credentials"), ("scope", "openid"), ("x", "y")],
        [("grant_type", CIBA), ("auth_req_id", "x"), ("x", "y")],
        [("grant_type", DEVICE), ("device_code", "x"), ("x", "y")],
        [("grant_type", EXCHANGE), ("subject_token", "x"), ("subject_token_type", "y")],
    ];
    for (client, own) in [(&none, None), (&least, Some("authorization_code"))] {
        for fields in &grants {
            let error = if own == Some(fields[0].1) { "invalid_grant" } else { "unauthorized_client" };
            refused(&world, client.form(TOKEN, fields), 400, error, &format!("{fields:?}")).await;
        }
        for unknown in ["password", "implicit", "Authorization_Code", "authorization_code ", "*", "urn:x"] {
            let fields = [("grant_type", unknown), ("code", "x"), ("username", "alice"), ("password", "x")];
            refused(&world, client.form(TOKEN, &fields), 400, "unsupported_grant_type", unknown).await;
        }
        for fields in [
            &[("grant_type", "authorization_code"), ("grant_type", "authorization_code"), ("code", "x")][..],
            &[("grant_type", "password"), ("grant_type", "authorization_code"), ("code", "x")],
            &[("grant_type", ""), ("code", "x")],
            &[("code", "x")],
        ] {
            refused(&world, client.form(TOKEN, fields), 400, "invalid_request", &format!("{fields:?}")).await;
        }
    }
}
