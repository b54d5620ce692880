//! RFC 9101: an authorization request that its client signed.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use nod::protocol::algorithm::Algorithm;
use serde_json::{Value, json};

use super::PASSWORD;
use super::rfc9126_pushed_requests::{bring, request_uri};
use crate::admin::webhooks::at_home;
use crate::world::{
    AUTHORIZE, Backing, Browser, CALLBACK, CHALLENGE, Callback, Client, PAR, Page, World, compact, decoded, enc,
    seconds,
};

/// The claims of a good request object, with what a test adds or replaces; `null` removes one.
fn claims(world: &World, client: &Client, change: &Value) -> Value {
    static OBJECTS: AtomicUsize = AtomicUsize::new(0);
    let now = world.now().seconds();
    let jti = format!("object {}", OBJECTS.fetch_add(1, Ordering::Relaxed));
    let mut claims = json!({
        "iss": client.id, "aud": world.issuer(), "nbf": now, "iat": now, "exp": now + 300, "jti": jti,
        "client_id": client.id, "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid profile email",
        "state": "signed", "nonce": "a nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn signed(world: &World, client: &Client, change: &Value) -> String {
    let mut header = client.header();
    header["typ"] = json!("oauth-authz-req+jwt");
    client.key().jws(&header, &claims(world, client, change))
}

async fn with(browser: &mut Browser, client: &Client, fields: &[(&str, &str)]) -> Result<Page, Callback> {
    let own = [("client_id", client.id.as_str())];
    browser.open(&format!("{AUTHORIZE}?{}", enc(&[&own, fields].concat()))).await
}

/// A client with a key, and Alice.
async fn scene(world: &World) -> (Client, Browser) {
    world.user("alice").with_password(PASSWORD).await;
    (world.client("shop").signs_in().private_key_jwt(Algorithm::ES256).await, world.browser())
}

#[tokio::test]
async fn rfc9101_5_1_a_signed_request_is_the_request_and_nothing_beside_it() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    let object = signed(&world, &shop, &json!({}));
    // [RFC 9101 §6.3] whatever somebody adds on the way.
    let added = [
        ("request", object.as_str()),
        ("state", "added"),
        ("scope", "openid"),
        ("nonce", "added"),
        ("redirect_uri", "https://evil.test/cb"),
        ("response_type", "token"),
        ("prompt", "none"),
    ];
    let page = with(&mut browser, &shop, &added).await.unwrap();
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    assert_eq!(callback.get("state"), "signed");
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(decoded(&tokens.id_token).1["nonce"], "a nonce");
    assert_eq!(tokens.json["scope"], "openid profile email");
    // Numbers and lists, as JSON has them.
    world.clock.advance(seconds(5));
    let object = signed(&world, &shop, &json!({"max_age": 1, "prompt": "none"}));
    with(&mut browser, &shop, &[("request", &object)]).await.unwrap_err().error("login_required");
}

#[tokio::test]
async fn security_43_a_request_object_is_this_clients_for_this_server_and_new() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    let bank = world.client("bank").signs_in().private_key_jwt(Algorithm::ES256).await;
    let now = world.now().seconds();
    let mut bad = vec![
        ("no JWT", "x".to_owned()),
        ("another client's key", bank.key().jws(&shop.header(), &claims(&world, &shop, &json!({})))),
        ("another client's object", signed(&world, &bank, &json!({}))),
        ("encrypted", "a.b.c.d.e".to_owned()),
    ];
    // [security.md case 45] tokens of other kinds: ours, and whatever the client has signed for another purpose, be
    // there all that a request object has.
    let tokens = {
        let callback = world.browser().log_in(&shop, "alice", PASSWORD).await;
        shop.redeem(callback.get("code")).await.tokens()
    };
    bad.push(("a client assertion", shop.assertion()));
    bad.push(("an ID token", tokens.id_token.clone()));
    bad.push(("an access token", tokens.access_token.clone()));
    for typ in
        ["logout+jwt", "client-authentication+jwt", "at+jwt", "dpop+jwt", "token-introspection+jwt", "secevent+jwt"]
    {
        let header = json!({"alg": "ES256", "kid": "shop-key", "typ": typ});
        bad.push((typ, shop.key().jws(&header, &claims(&world, &shop, &json!({})))));
    }
    // As they were before they had a type.
    let old = json!({
        "iss": "shop", "aud": world.issuer(), "iat": now, "exp": now + 60, "jti": "a logout", "sid": "a session",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    bad.push(("a logout token", shop.key().jws(&shop.header(), &old)));
    for change in [
        json!({"iss": "bank"}),
        json!({"iss": null}),
        json!({"aud": "https://other.example"}),
        json!({"aud": null}),
        json!({"exp": now - 10}),
        json!({"exp": null}),
        json!({"exp": now + 3700}),
        json!({"nbf": now + 600, "exp": now + 900}),
        json!({"client_id": "bank"}),
        json!({"client_id": null}),
        json!({"sub": "shop"}),
        json!({"request": "x"}),
        json!({"request_uri": "https://shop.example/r"}),
    ] {
        bad.push(("claims", signed(&world, &shop, &change)));
    }
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS256", "kid": "shop-key"}),
        json!({"alg": "ES256", "kid": "other"}),
        json!({"alg": "ES256", "kid": "shop-key", "crit": ["x"]}),
        json!({"alg": "ES256", "kid": "shop-key", "b64": false}),
    ] {
        bad.push(("header", shop.key().jws(&header, &claims(&world, &shop, &json!({})))));
    }
    let good = claims(&world, &shop, &json!({}));
    bad.push(("no signature", compact(&json!({"alg": "none"}), &good, |_| Vec::new())));
    bad.push(("zeros", compact(&shop.header(), &good, |_| vec![0; 64])));
    // What is sent beside it says where the client can be told.
    let beside = [("redirect_uri", CALLBACK), ("state", "outer"), ("response_type", "code")];
    for (what, object) in &bad {
        let watch = world.watch().await;
        let fields = [&[("request", object.as_str())], &beside[..]].concat();
        let callback = with(&mut browser, &shop, &fields).await.expect_err(what);
        assert_eq!(callback.error("invalid_request_object").get("state"), "outer", "{what}");
        watch.only_a_refusal(what).await;
        // Pushed, it is told directly.
        let form = [("request", object.as_str())];
        shop.post(PAR, &form).await.refused(400, "invalid_request_object");
        // Without an address, there is a page.
        assert_eq!(with(&mut browser, &shop, &form).await.unwrap().answer.status, 400, "{what}");
    }
    // The limits of their times.
    for change in [json!({"exp": now - 4}), json!({"nbf": now + 30}), json!({"aud": [world.issuer(), "x"]})] {
        let object = signed(&world, &shop, &change);
        with(&mut browser, &shop, &[("request", &object)]).await.unwrap().has("name=\"password\"");
    }
}

#[tokio::test]
async fn rfc9101_10_5_who_has_to_sign_is_not_heard_otherwise() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    shop.update(|shop| shop.sign_in.as_mut().unwrap().requests.signed = true).await;
    browser.authorize(&shop, &[]).await.unwrap_err().error("invalid_request");
    let plain = [("response_type", "code"), ("redirect_uri", CALLBACK), ("scope", "openid")];
    shop.post(PAR, &plain).await.refused(400, "invalid_request");
    let object = signed(&world, &shop, &json!({}));
    with(&mut browser, &shop, &[("request", &object)]).await.unwrap().has("name=\"password\"");
    // [RFC 9126 §3] pushed as well.
    let object = signed(&world, &shop, &json!({}));
    let uri = request_uri(&shop.post(PAR, &[("request", &object)]).await);
    let page = bring(&mut browser, &shop, &uri).await.unwrap();
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    assert_eq!(callback.get("state"), "signed");
    shop.redeem(callback.get("code")).await.tokens();
}

#[tokio::test]
async fn oidcr_2_the_registered_algorithm_is_the_only_one() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let mut browser = world.browser();
    let shop = world.client("shop").signs_in().private_key_jwt(Algorithm::PS256).await;
    shop.update(|shop| shop.sign_in.as_mut().unwrap().requests.signing_alg = Some(Algorithm::PS256)).await;
    let with_alg =
        |alg: &str| shop.key().jws(&json!({"alg": alg, "kid": "shop-key"}), &claims(&world, &shop, &json!({})));
    let (right, wrong) = (with_alg("PS256"), with_alg("RS256"));
    with(&mut browser, &shop, &[("request", &right)]).await.unwrap().has("name=\"password\"");
    shop.post(PAR, &[("request", &wrong)]).await.refused(400, "invalid_request_object");
}

#[tokio::test]
async fn oidcc_6_1_a_client_with_a_secret_signs_with_registered_keys() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let admin = world.admin().await;
    let signer = world.client("signer").signs_in().private_key_jwt(Algorithm::ES256).await;
    let mut jwk = signer.key().public();
    jwk["kid"] = json!("a key");
    let made = json!({
        "client_id": "web", "redirect_uris": [CALLBACK], "jwks": {"keys": [jwk]}, "require_pkce": false,
        "request_object_signing_alg": "ES256", "require_signed_request_object": true,
    });
    let made = admin.post("/admin/v1/clients", &made).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["client"]["jwks"]["keys"][0]["kid"], "a key");
    let now = world.now().seconds();
    let object = signer.key().jws(
        &json!({"alg": "ES256", "kid": "a key"}),
        &json!({"iss": "web", "aud": world.issuer(), "exp": now + 60, "client_id": "web", "response_type": "code",
            "redirect_uri": CALLBACK, "scope": "openid"}),
    );
    let mut browser = world.browser();
    let query = enc(&[("client_id", "web"), ("request", &object)]);
    browser.open(&format!("{AUTHORIZE}?{query}")).await.unwrap().has("name=\"password\"");
}

#[tokio::test]
async fn t11_6_security_105_an_object_that_names_itself_comes_once() {
    let world = World::start().await;
    let (shop, mut browser) = scene(&world).await;
    let bank = world.client("bank").signs_in().private_key_jwt(Algorithm::ES256).await;
    let once = json!({"jti": "one"});
    let object = signed(&world, &shop, &once);
    request_uri(&shop.post(PAR, &[("request", &object)]).await);
    // Wherever it comes, and whatever else is in the next one of the name.
    let other = signed(&world, &shop, &json!({"jti": "one", "scope": "openid"}));
    let beside = [("redirect_uri", CALLBACK), ("state", "outer"), ("response_type", "code")];
    for again in [&object, &other] {
        let watch = world.watch().await;
        shop.post(PAR, &[("request", again)]).await.refused(400, "invalid_request_object");
        watch.only_a_refusal("pushed again").await;
        let fields = [&[("request", again.as_str())], &beside[..]].concat();
        with(&mut browser, &shop, &fields).await.unwrap_err().error("invalid_request_object");
    }
    // Another client's of the same name is another one.
    request_uri(&bank.post(PAR, &[("request", &signed(&world, &bank, &once))]).await);
    // One that does not name itself may come again; what could not be verified has used up nothing.
    let nameless = signed(&world, &shop, &json!({"jti": null}));
    let forged = bank.key().jws(&shop.header(), &claims(&world, &shop, &json!({"jti": "two"})));
    shop.post(PAR, &[("request", &forged)]).await.refused(400, "invalid_request_object");
    for object in [&nameless, &nameless, &signed(&world, &shop, &json!({"jti": "two"}))] {
        with(&mut browser, &shop, &[("request", object)]).await.unwrap().has("name=\"password\"");
    }
    // It is remembered for as long as it could come again.
    let late = signed(&world, &shop, &json!({"jti": "late"}));
    request_uri(&shop.post(PAR, &[("request", &late)]).await);
    world.clock.advance(seconds(304));
    shop.post(PAR, &[("request", &late)]).await.refused(400, "invalid_request_object");
}

/// Of many who bring one object over two nodes, one is heard.
#[tokio::test]
async fn of_many_who_push_one_object_one_is_heard() {
    for world in [World::with(), World::with().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let (shop, _) = scene(&world).await;
        let there = shop.at(1);
        for _ in 0..4 {
            let object = signed(&world, &shop, &json!({}));
            let pushes = (0..16).map(|number| {
                let (client, object) = (if number % 2 == 0 { &shop } else { &there }, object.as_str());
                async move { client.post(PAR, &[("request", object)]).await.status }
            });
            let answers = join_all(pushes).await;
            let of = |status| answers.iter().filter(|answer| **answer == status).count();
            // On a busy machine the store may not answer in time, and says so: that is no permission.
            let (heard, unanswered) = (of(201), of(503));
            assert_eq!(heard + unanswered + of(400), 16, "{answers:?}");
            assert!(heard == 1 || heard == 0 && unanswered > 0, "{answers:?}");
        }
    }
}

/// A server of the client's with one document.
pub(super) struct Host {
    pub(super) address: String,
    calls: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
}

impl Host {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            calls: Arc::default(),
            answer: Arc::default(),
        };
        let (calls, answer) = (Arc::clone(&host.calls), Arc::clone(&host.answer));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                calls.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.lock().unwrap().as_bytes());
            }
        });
        host
    }

    pub(super) fn says(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n");
        *self.answer.lock().unwrap() = head + body;
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn oidcc_6_2_a_request_object_is_fetched_where_it_was_registered() {
    let world = at_home().start().await;
    let (shop, mut browser) = scene(&world).await;
    let host = Host::start();
    let (at, other) = (format!("{}/request.jwt#v1", host.address), format!("{}/other.jwt", host.address));
    let registered = at.clone();
    shop.update(move |shop| shop.sign_in.as_mut().unwrap().requests.uris = vec![registered]).await;
    host.says("200 OK", "Content-Type: application/oauth-authz-req+jwt\r\n", &signed(&world, &shop, &json!({})));
    for uri in [at.clone(), at.replace("#v1", "#v2"), at.replace("#v1", "")] {
        with(&mut browser, &shop, &[("request_uri", &uri)]).await.unwrap().has("name=\"password\"");
    }
    assert_eq!(host.calls(), 3);

    let beside = |uri: &str| [("request_uri", uri.to_owned()), ("redirect_uri", CALLBACK.to_owned())];
    let refused = async |browser: &mut Browser, uri: &str, error: &str| {
        let fields = beside(uri);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        with(browser, &shop, &fields).await.expect_err(uri).error(error);
    };
    // [security.md case 47] nothing else is called.
    for uri in [other.as_str(), "file:///etc/passwd", "gopher://127.0.0.1/", "data:,x", "https://shop.example/r", "x"] {
        refused(&mut browser, uri, "invalid_request_uri").await;
    }
    assert_eq!(host.calls(), 3, "zero packets");
    // Nobody is followed, and nobody is read without end.
    host.says("302 Found", &format!("Location: {other}\r\n"), "");
    refused(&mut browser, &at, "invalid_request_uri").await;
    assert_eq!(host.calls(), 4);
    host.says("200 OK", "", &"x".repeat(16_001));
    refused(&mut browser, &at, "invalid_request_uri").await;
    host.says("404 Not Found", "", "");
    refused(&mut browser, &at, "invalid_request_uri").await;
    host.says("200 OK", "", "no object");
    refused(&mut browser, &at, "invalid_request_object").await;
    // [RFC 9126 §2.1] not in what is pushed.
    shop.post(PAR, &[("request_uri", &at)]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn security_46_a_bomb_is_refused_at_once() {
    let world = World::start().await;
    let (shop, _) = scene(&world).await;
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    let bombs = [
        ".".repeat(15_999),
        format!("{}.x.x", "a".repeat(15_000)),
        shop.key().jws(&shop.header(), &json!({"iss": "shop", "x": serde_json::from_str::<Value>(&deep).unwrap()})),
        r#"{"payload":"x","protected":"x","signature":"x"}"#.to_owned(),
    ];
    for bomb in bombs {
        let start = std::time::Instant::now();
        shop.post(PAR, &[("request", &bomb)]).await.refused(400, "invalid_request_object");
        assert!(start.elapsed() < seconds(1));
    }
    shop.post(PAR, &[("request", &"x".repeat(16_001))]).await.refused(400, "invalid_request");
}
