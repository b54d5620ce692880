//! Browser-based applications, and what other pages learn [security.md 5.5]: the endpoints that they call.

use nod::protocol::redirect_uri::RedirectUri;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};

use crate::sign_in::PASSWORD;
use crate::world::{
    Answer, BC_AUTHORIZE, CALLBACK, Client, DISCOVERY, FLOWS, INTROSPECT, PAR, REVOKE, TOKEN, Tokens, USERINFO, World,
};

/// Where [`CALLBACK`] is.
const OWN: &str = "https://shop.example";
const FOREIGN: &str = "https://evil.example";
const ALLOWED: &str = "access-control-allow-origin";

/// An application that runs in the browser.
async fn app(world: &World) -> Client {
    world.user("alice").with_password(PASSWORD).await;
    world.client("app").signs_in().refresh().public().await
}

async fn tokens(world: &World, app: &Client) -> Tokens {
    let callback = world.browser().log_in(app, "alice", PASSWORD).await;
    app.redeem(callback.get("code")).await.tokens()
}

async fn from(origin: &str, request: RequestBuilder) -> Answer {
    Answer::of(request.header("origin", origin)).await
}

#[track_caller]
fn readable(answer: &Answer, by: Option<&str>) {
    assert_eq!(answer.header(ALLOWED), by, "{} {}", answer.status, answer.text());
    assert_eq!(answer.header("access-control-allow-credentials"), None, "no cookies");
    assert!(answer.header("vary").is_some_and(|vary| vary.eq_ignore_ascii_case("origin")), "{answer:?}");
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!(exposed.is_some_and(|names| names.contains("DPoP-Nonce")), by.is_some());
}

#[tokio::test]
async fn security_5_5_tokens_are_read_by_pages_of_the_client_alone() {
    let world = World::start().await;
    let app = app(&world).await;
    for (origin, by) in [
        (OWN, Some(OWN)),
        (FOREIGN, None),
        ("null", None),
        ("https://shop.example:8443", None),
        ("http://shop.example", None),
        ("https://shop.example.evil.example", None),
    ] {
        let fresh = tokens(&world, &app).await;
        let refresh = fresh.refresh_token.unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let answer = from(origin, app.form(TOKEN, &form)).await;
        assert_eq!(answer.status, 200);
        readable(&answer, by);
        let bearer = format!("Bearer {}", answer.tokens().access_token);
        let told = world.request(Method::GET, USERINFO).header("authorization", &bearer);
        let told = from(origin, told).await;
        assert_eq!(told.status, 200);
        readable(&told, by);
        // What is refused to a client that is known.
        readable(
            from(origin, app.form(TOKEN, &[("grant_type", "authorization_code"), ("code", "x")]))
                .await
                .refused(400, "invalid_grant"),
            by,
        );
        readable(&from(origin, app.form(REVOKE, &[("token", &refresh)])).await, by);
    }
    // Two of them are those of nobody.
    let request = app.form(TOKEN, &[("grant_type", "authorization_code"), ("code", "x")]);
    let answer = Answer::of(request.header("origin", OWN).header("origin", FOREIGN)).await;
    assert_eq!(answer.header(ALLOWED), None);
}

#[tokio::test]
async fn security_5_5_a_page_learns_that_its_token_is_worth_nothing_any_more() {
    let world = World::start().await;
    let app = app(&world).await;
    let token = tokens(&world, &app).await.access_token;
    app.revoke(&token, None).await;
    let request = world.request(Method::GET, USERINFO).header("authorization", format!("Bearer {token}"));
    let answer = from(OWN, request).await;
    assert_eq!(answer.status, 401);
    readable(&answer, Some("*"));
    // Nothing of anybody is in it.
    readable(
        from(FOREIGN, app.bare(TOKEN, &[("client_id", "nobody")])).await.refused(401, "invalid_client"),
        Some("*"),
    );
}

#[tokio::test]
async fn security_5_5_a_browser_is_told_what_pages_may_send() {
    let world = World::start().await;
    for path in [TOKEN, USERINFO, REVOKE, PAR] {
        let asks = world.request(Method::OPTIONS, path).header("access-control-request-method", "POST");
        let answer = from(FOREIGN, asks.header("access-control-request-headers", "authorization,dpop")).await;
        assert_eq!((answer.status, answer.header(ALLOWED)), (204, Some("*")), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST"));
        let sent = answer.header("access-control-allow-headers").unwrap();
        assert!(["Authorization", "DPoP", "Content-Type"].iter().all(|name| sent.contains(name)), "{sent}");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        // What is no preflight is another method.
        assert_eq!(from(FOREIGN, world.request(Method::OPTIONS, path)).await.status, 405, "{path}");
    }
    // What only servers call.
    for path in [BC_AUTHORIZE, INTROSPECT] {
        let asks = world.request(Method::OPTIONS, path).header("access-control-request-method", "POST");
        let answer = from(OWN, asks).await;
        assert_eq!((answer.status, answer.header(ALLOWED)), (405, None), "{path}");
    }
    // Metadata are for everybody.
    assert_eq!(from(FOREIGN, world.request(Method::GET, DISCOVERY)).await.header(ALLOWED), Some("*"));
}

#[tokio::test]
async fn security_5_5_pages_of_each_address_that_is_registered_may_read() {
    let world = World::start().await;
    let app = world.client("app").signs_in().public().registered(|client| {
        let more = ["http://localhost:*/cb", "com.example.app:/cb"];
        let uris = &mut client.sign_in.as_mut().unwrap().redirect_uris;
        uris.extend(more.map(|uri| RedirectUri::parse(uri).unwrap()));
    });
    let app = app.await;
    assert!(CALLBACK.starts_with(OWN));
    for (origin, by) in [(OWN, true), ("http://localhost:5173", true), ("http://localhost:x", false), ("null", false)] {
        let answer = from(origin, app.form(TOKEN, &[("grant_type", "authorization_code"), ("code", "x")])).await;
        readable(answer.refused(400, "invalid_grant"), by.then_some(origin));
    }
}

/// [security.md case 167] bytes that are no text, where a browser says whose page it is.
#[tokio::test]
async fn security_167_an_origin_of_any_bytes_breaks_nothing() {
    let world = World::start().await;
    let app = app(&world).await;
    for origin in [&b"https://caf\xe9.example"[..], b"\xff\xfe", b"https://shop.example\x80"] {
        let origin = HeaderValue::from_bytes(origin).unwrap();
        for request in [
            app.form(TOKEN, &[("grant_type", "authorization_code"), ("code", "x")]),
            world.request(Method::GET, USERINFO),
            world.request(Method::GET, DISCOVERY),
            world.request(Method::OPTIONS, TOKEN).header("access-control-request-method", "POST"),
            world.request(Method::GET, &format!("{FLOWS}x")),
        ] {
            let answer = Answer::of(request.header("origin", origin.clone())).await;
            assert!(answer.status < 500, "{answer:?}");
            // Nobody in particular, if anybody.
            assert!(matches!(answer.header(ALLOWED), None | Some("*")), "{answer:?}");
        }
    }
    tokens(&world, &app).await;
}
