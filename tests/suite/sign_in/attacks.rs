//! What somebody tries with the browser of somebody else.

use nod::domain::client::GrantType;
use nod::protocol::redirect_uri::RedirectUri;
use reqwest::{Method, RequestBuilder};

use super::{PASSWORD, shop_and_alice};
use crate::world::{AUTHORIZE, Answer, FLOWS, World, asked, enc, limited, seconds};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn security_139_a_planted_session_is_worth_nothing() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let _bob = world.user("bob").with_password("another long password of bob").await;
    let mut attackers = world.browser();
    attackers.log_in(&shop, "bob", "another long password of bob").await;
    // The victim's browser has the attacker's cookies, and signs in.
    let mut victims = attackers.clone();
    let page = victims.authorize(&shop, &[("prompt", "login")]).await.unwrap();
    victims.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");
    assert_ne!(victims.cookies["nod-session"], attackers.cookies["nod-session"], "rotated at the sign-in");
    attackers.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
}

#[tokio::test]
async fn security_18_who_begins_is_who_ends() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut attackers = world.browser();
    let page = attackers.authorize(&shop, &[]).await.unwrap();
    let mut victims = world.browser();
    let stranger = victims.open(&page.path).await.unwrap();
    assert_eq!(stranger.answer.status, 400);
    assert!(!stranger.answer.text().contains("password"));
    let posted = victims.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    assert_eq!(posted.answer.status, 400);
    assert!(!victims.cookies.contains_key("nod-session"));
}

#[tokio::test]
async fn security_138_a_form_of_another_site_is_refused() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let fields = [("username", "alice"), ("password", PASSWORD)];
    // Without the mark, with that of another flow.
    let other = browser.authorize(&shop, &[]).await.unwrap();
    for mark in [None, other.field("csrf")] {
        let mut forged = page.clone();
        let own = format!("name=\"csrf\" value=\"{}\"", page.field("csrf").unwrap());
        let text = page
            .answer
            .text()
            .replace(&own, &mark.map(|mark| format!("name=\"csrf\" value=\"{mark}\"")).unwrap_or_default());
        forged.answer.body = text.into_bytes();
        let refused = browser.press(&forged, "sign_in", &fields).await.unwrap();
        assert_eq!(refused.answer.status, 403);
    }
    for (name, value) in [("origin", "https://evil.test"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let form = enc(&[("csrf", &page.field("csrf").unwrap()), fields[0], fields[1]]);
        let request = browser.request(Method::POST, &page.path).header(name, value);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        assert_eq!(browser.send(request).await.status, 403, "{name}: {value}");
    }
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");
}

#[tokio::test]
async fn security_137_no_page_can_be_framed_or_run_anything() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let sign_in = browser.authorize(&shop, &[]).await.unwrap();
    let error = browser.authorize(&shop, &[("client_id", "nobody")]).await.unwrap();
    let gone = browser.open("/sign-in/nothing").await.unwrap();
    for page in [sign_in, error, gone] {
        let policy = page.answer.header("content-security-policy").unwrap();
        for fence in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(fence), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in
            [("x-frame-options", "DENY"), ("cross-origin-opener-policy", "same-origin"), ("cache-control", "no-store")]
        {
            assert_eq!(page.answer.header(name), Some(value), "{}", page.path);
        }
    }
}

#[tokio::test]
async fn security_9_guessing_passwords_becomes_slow_and_locks_nobody_out() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    browser.press(&page, "sign_in", &[("username", "alice"), ("password", "guess")]).await.unwrap();
    let before = limited("passwords");
    let slow = browser.press(&page, "sign_in", &[("username", "alice"), ("password", "guess")]).await.unwrap();
    assert_eq!(slow.answer.status, 429);
    assert!(limited("passwords") > before, "whoever watches the limit sees it");
    assert!(slow.answer.retry_after() >= 1);
    slow.has("name=\"password\"");
    world.clock.advance(seconds(20));
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");
}

#[tokio::test]
async fn security_5_7_guesses_of_others_keep_nobody_out_of_a_browser_that_knows_them() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    world.user("bob").with_password(PASSWORD).await;
    let (mut own, mut stranger) = (world.browser(), world.browser());
    own.log_in(&shop, "alice", PASSWORD).await.get("code");
    stranger.log_in(&shop, "bob", PASSWORD).await.get("code");
    for browser in [&mut own, &mut stranger] {
        browser.cookies.remove("nod-session").unwrap();
        assert!(browser.cookies.contains_key("nod-device"), "it outlives the session");
    }
    let page = stranger.authorize(&shop, &[]).await.unwrap();
    stranger.press(&page, "sign_in", &[("username", "alice"), ("password", "guess")]).await.unwrap();
    // He is known for himself alone.
    let slow = stranger.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    assert_eq!(slow.answer.status, 429);
    let page = own.authorize(&shop, &[]).await.unwrap();
    own.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code");

    // Whoever has her browser guesses as slowly as anybody.
    own.cookies.remove("nod-session").unwrap();
    let page = own.authorize(&shop, &[]).await.unwrap();
    own.press(&page, "sign_in", &[("username", "alice"), ("password", "guess")]).await.unwrap();
    let slow = own.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    assert_eq!(slow.answer.status, 429);
}

/// Compared as text, whatever a browser or a parser would make of it.
#[tokio::test]
async fn security_11_no_variant_of_a_registered_address_is_one() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let native = ["http://127.0.0.1/cb", "http://localhost:*/cb"].map(|uri| RedirectUri::parse(uri).unwrap());
    let native = world.client("native").signs_in().registered(|client| {
        client.sign_in.as_mut().unwrap().redirect_uris = native.into();
    });
    let native = native.await;
    let mut browser = world.browser();
    // Who is signed in would be sent on without being asked.
    browser.log_in(&shop, "alice", PASSWORD).await.get("code");
    let of_shop = [
        "https://shop.example/cb/evil",
        "https://shop.example/cb.evil.test",
        "https://shop.example/cb/",
        "https://shop.example/",
        "https://shop.example/x/..;/cb",
        "https://shop.example/x/../cb",
        "https://shop.example/%63b",
        "https://shop.example/x%2f%2e%2e%2fcb",
        "https://shop.example//cb",
        "https://shop.example/\\cb",
        "https://shop.example\\@evil.test/cb",
        "https://shop.example/cb?to=evil",
        "https://shop.example/cb#f",
        "https://shop.example/cb#",
        "https://evil@shop.example/cb",
        "https://shop.example@evil.test/cb",
        "https://a@@evil.test@shop.example/cb",
        "https://shop.example:443/cb",
        "https://shop.example:8443/cb",
        "https://shop.example./cb",
        "https://SHOP.example/cb",
        "HTTPS://shop.example/cb",
        "http://shop.example/cb",
        "https://shop.example.evil.test/cb",
        "https://evil.test/?https://shop.example/cb",
        "https://sh\u{f6}p.example/cb",
        "https://shop\u{3002}example/cb",
        "https://xn--shp-sna.example/cb",
        "https://shop.example/c\tb",
        "https://shop.example/cb\n",
        "\u{20}https://shop.example/cb",
        "//shop.example/cb",
        "/cb",
        "javascript:alert(1)//https://shop.example/cb",
        "data:text/html,https://shop.example/cb",
    ];
    let of_native = [
        "http://localhost.evil.test/cb",
        "http://localhost.evil.test:1/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://localhost:80@evil.test/cb",
        "http://127.0.0.1:80:81/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.1/cb",
        "http://127.0.0.2/cb",
        "http://2130706433/cb",
        "http://[::1]/cb",
        "http://localhost:*/cb/evil",
        "http://127.0.0.1:*/cb",
        "https://127.0.0.1/cb",
        "http://127.0.0.1:1/cb/../x",
    ];
    let all = of_shop.iter().map(|uri| (&shop, *uri)).chain(of_native.iter().map(|uri| (&native, *uri)));
    for (client, uri) in all {
        let watch = world.watch().await;
        let page = browser.authorize(client, &[("redirect_uri", uri)]).await.expect(uri).answer;
        assert_eq!((page.status, page.header("location")), (400, None), "{uri}");
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{uri}");
        assert!(!page.text().contains("evil") && !page.text().contains("shop.example"), "{uri}: {}", page.text());
        watch.only_a_refusal(uri).await;
    }
    // Of the port of this machine alone, the application learns when it runs [RFC 8252 §7.3].
    for uri in ["http://127.0.0.1/cb", "http://127.0.0.1:51234/cb", "http://localhost:51234/cb"] {
        browser.authorize(&native, &[("redirect_uri", uri)]).await.expect(uri).has("value=\"allow\"");
    }
}

/// [RFC 9700 §4.12] 307 and 308 would have a browser send the form on, password and all, to where it is redirected.
#[tokio::test]
async fn security_19_no_form_is_sent_on() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let password = [("username", "alice"), ("password", PASSWORD)];
    for (button, fields) in [("sign_in", &password[..]), ("allow", &[("scope:email", "on")])] {
        let mark = browser.open(&page.path).await.unwrap().field("csrf").unwrap();
        let form = enc(&[&[("csrf", mark.as_str()), ("action", button)], fields].concat());
        let request = browser.request(Method::POST, &page.path).header("content-type", FORM).body(form);
        let answer = browser.send(request).await;
        // To be fetched [RFC 9110 §15.4.4], or a page that leads on by itself.
        let leads = answer.text().contains("http-equiv=\"refresh\"") || answer.text().contains("value=\"allow\"");
        assert!(answer.status == 303 || (answer.status == 200 && leads), "{button}: {}", answer.status);
        assert_eq!(answer.header("location").is_some(), answer.status == 303, "{button}");
    }
    let request = browser.request(Method::POST, AUTHORIZE).header("content-type", FORM).body(asked(&shop, &[]));
    assert_eq!(browser.send(request).await.status, 303, "a request that comes by POST");
}

/// What is for operators is at a listener of its own; and whatever host a request names, everything that leads
/// somewhere leads to the issuer.
#[tokio::test]
async fn security_154_outsiders_see_no_metrics_and_name_no_host() {
    const LIES: [(&str, &str); 5] = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-prefix", "/evil.example"),
        ("forwarded", "host=evil.example;proto=gopher"),
    ];
    let lie =
        |request: RequestBuilder| LIES.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let tv = world.client("tv").public().grants([GrantType::DeviceCode]).await;
    for path in ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/METRICS", "/debug", "/debug/pprof", "/health"] {
        for method in [Method::GET, Method::POST] {
            let answer = Answer::of(lie(world.request(method, path))).await;
            assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
            assert!(!answer.text().contains("nod_"), "{path}: {}", answer.text());
        }
    }
    let mut browser = world.browser();
    let begun = browser.send(lie(browser.request(Method::GET, &format!("{AUTHORIZE}?{}", asked(&shop, &[]))))).await;
    let page = begun.header("location").unwrap().strip_prefix(world.issuer()).expect("at the issuer").to_owned();
    let (_, flow) = page.rsplit_once('/').unwrap();
    let page = browser.send(lie(browser.request(Method::GET, &page))).await;
    let state = browser.send(lie(browser.request(Method::GET, &format!("{FLOWS}{flow}")))).await;
    assert!(state.json()["_links"]["self"]["href"].as_str().unwrap().starts_with(world.issuer()), "{}", state.text());
    let waiting = lie(tv.bare("/as/device_authz.oauth2", &[("client_id", "tv"), ("scope", "openid")]));
    let waiting = Answer::of(waiting).await;
    assert!(waiting.json()["verification_uri"].as_str().unwrap().starts_with(world.issuer()), "{}", waiting.text());
    let gone = Answer::of(lie(world.request(Method::GET, "/sign-in/nothing"))).await;
    for answer in [begun, page, state, waiting, gone] {
        assert!(!answer.text().contains("evil") && !answer.text().contains("gopher"), "{}", answer.text());
        for (name, value) in &answer.headers {
            assert!(!value.as_bytes().windows(4).any(|part| part == b"evil"), "{name}: {value:?}");
        }
    }
}
