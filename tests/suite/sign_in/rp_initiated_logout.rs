//! OpenID Connect RP-Initiated Logout 1.0, and what ends with a session.

use nod::protocol::id::ClientId;
use serde_json::{Value, json};

use super::{PASSWORD, shop_and_alice};
use crate::world::{Browser, Client, Jwk, LOGOUT, SIGNED_OUT, Tokens, Watch, World, compact, decoded, enc, seconds};

/// A person who is signed in at the shop.
struct Scene {
    world: World,
    shop: Client,
    browser: Browser,
    tokens: Tokens,
}

async fn scene() -> Scene {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let tokens = signed_in(&shop, &mut browser).await;
    Scene { world, shop, browser, tokens }
}

async fn signed_in(client: &Client, browser: &mut Browser) -> Tokens {
    let code = browser.log_in(client, "alice", PASSWORD).await.get("code").to_owned();
    client.redeem(&code).await.tokens()
}

impl Scene {
    async fn watch(&self) -> Watch {
        self.world.watch().await
    }

    /// The session ended, and everything that was given in it.
    async fn is_over(&mut self) {
        assert!(!self.browser.cookies.contains_key("nod-session"));
        self.browser.authorize(&self.shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
        is_dead(&self.world, &self.shop, &self.tokens).await;
    }

    /// Nothing of the kind.
    async fn goes_on(&mut self) {
        self.browser.authorize(&self.shop, &[("prompt", "none")]).await.unwrap_err().get("code");
        self.world.userinfo(&self.tokens.access_token).await.ok();
    }

    /// Asked, and nothing more.
    async fn asks(&mut self, fields: &[(&str, &str)]) {
        let watch = self.watch().await;
        let page = self.browser.log_out(fields).await.expect("no redirect");
        assert_eq!(page.answer.status, 200, "{fields:?}");
        assert!(page.answer.headers.get("set-cookie").is_none(), "{fields:?}");
        page.has("value=\"sign_out\"").has("value=\"stay\"").has("alice");
        watch.nothing(&format!("{fields:?}")).await;
        self.goes_on().await;
    }

    /// An error page, and nothing more.
    async fn refuses(&mut self, fields: &[(&str, &str)]) {
        let watch = self.watch().await;
        let page = self.browser.log_out(fields).await.expect("no redirect");
        assert_eq!(page.answer.status, 400, "{fields:?}");
        assert!(page.answer.headers.get("set-cookie").is_none(), "{fields:?}");
        watch.only_a_refusal(&format!("{fields:?}")).await;
        self.goes_on().await;
    }
}

/// Neither token of a session works any more.
async fn is_dead(world: &World, client: &Client, tokens: &Tokens) {
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    client.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn ril_2_a_hint_ends_the_session_and_leads_back_with_state_and_nothing_else() {
    let mut scene = scene().await;
    let watch = scene.watch().await;
    let state = "&= ?#<\u{e9}".to_owned() + &"x".repeat(121);
    let asked = Browser::log_out_at(&[
        ("id_token_hint", &scene.tokens.id_token),
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", &state),
    ]);
    let answer = scene.browser.get(&asked).await;
    assert_eq!(answer.status, 303);
    let location = answer.header("location").unwrap();
    assert!(location.starts_with(SIGNED_OUT), "{location}");
    let back: Vec<(String, String)> =
        url::Url::parse(location).unwrap().query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
    assert_eq!(back, [("from".to_owned(), "nod".to_owned()), ("state".to_owned(), state)]);
    assert_eq!(answer.header("clear-site-data"), Some("\"cache\", \"storage\""));
    let events = watch.events().await;
    let ended: Vec<_> = events.iter().filter(|event| event.action == "session.ended").collect();
    assert_eq!((ended.len(), events.len()), (1, 1), "{events:?}");
    assert_eq!((ended[0].result.as_str(), ended[0].client.as_deref()), ("done", Some("shop")));
    scene.is_over().await;
}

#[tokio::test]
async fn ril_2_without_state_none_comes_back() {
    let mut scene = scene().await;
    let hint = scene.tokens.id_token.clone();
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", SIGNED_OUT), ("client_id", "shop")];
    let back = scene.browser.log_out(&fields).await.unwrap_err();
    assert_eq!(back.0.keys().collect::<Vec<_>>(), ["from"]);
    scene.is_over().await;
}

#[tokio::test]
async fn ril_2_without_an_address_there_is_a_page() {
    let mut scene = scene().await;
    let hint = scene.tokens.id_token.clone();
    let page = scene.browser.log_out(&[("id_token_hint", &hint), ("state", "a state")]).await.unwrap();
    page.has("signed out");
    assert_eq!(page.answer.status, 200);
    scene.is_over().await;
}

#[tokio::test]
async fn ril_2_a_form_may_ask_as_well() {
    let mut scene = scene().await;
    let form = enc(&[("id_token_hint", &scene.tokens.id_token), ("post_logout_redirect_uri", SIGNED_OUT)]);
    let post = |browser: &Browser| {
        let request = browser.request(reqwest::Method::POST, LOGOUT).body(form.clone());
        request.header("content-type", "application/x-www-form-urlencoded").header("origin", "https://shop.example")
    };
    // From another site, without cookies: the browser comes again, with them.
    let mut stranger = scene.world.browser();
    let request = post(&stranger);
    let again = stranger.send(request).await;
    assert_eq!(again.status, 303);
    assert_eq!(again.header("location").unwrap(), format!("{}{LOGOUT}?{form}", scene.world.issuer()));
    scene.goes_on().await;
    // With cookies.
    let request = post(&scene.browser);
    let answer = scene.browser.send(request).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(SIGNED_OUT)));
    scene.is_over().await;
}

#[tokio::test]
async fn ril_2_an_id_token_is_a_hint_after_it_has_expired() {
    let mut scene = scene().await;
    scene.world.clock.advance(seconds(1200));
    let (_, claims) = decoded(&scene.tokens.id_token);
    assert!(claims["exp"].as_i64().unwrap() < scene.world.now().seconds());
    let hint = scene.tokens.id_token.clone();
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", SIGNED_OUT)];
    scene.browser.log_out(&fields).await.unwrap_err();
    scene.is_over().await;
    // Also when nobody is signed in any more.
    let watch = scene.watch().await;
    scene.browser.log_out(&fields).await.unwrap_err();
    watch.nothing("a second time").await;
}

#[tokio::test]
async fn ril_3_nobody_is_led_to_an_address_that_is_not_registered() {
    let mut scene = scene().await;
    let hint = scene.tokens.id_token.clone();
    for uri in [
        "https://evil.test/",
        "https://shop.example/bye",
        "https://shop.example/bye?from=nod&x=1",
        "https://shop.example/bye?from=nod#x",
        "https://shop.example/bye/?from=nod",
        "https://shop.example.evil.test/bye?from=nod",
        "http://shop.example/bye?from=nod",
        // Registered for something else.
        crate::world::CALLBACK,
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.test/",
        "x",
    ] {
        scene.refuses(&[("id_token_hint", &hint), ("post_logout_redirect_uri", uri)]).await;
        scene.refuses(&[("client_id", "shop"), ("post_logout_redirect_uri", uri)]).await;
        // Nobody's, so nobody can have registered it.
        scene.asks(&[("post_logout_redirect_uri", uri), ("state", "a state")]).await;
    }
}

#[tokio::test]
async fn security_141_whoever_shows_no_id_token_of_this_person_ends_nothing() {
    let mut scene = scene().await;
    let bob = "another long password of bob";
    let _bob = scene.world.user("bob").with_password(bob).await;
    let code = scene.world.browser().log_in(&scene.shop, "bob", bob).await.get("code").to_owned();
    let bobs = scene.shop.redeem(&code).await.tokens().id_token;

    let (header, claims) = decoded(&scene.tokens.id_token);
    let none = compact(&json!({"alg": "none", "typ": "JWT"}), &claims, |_| Vec::new());
    let foreign = Jwk::p256().jws(&header, &claims);
    let (signed, _) = scene.tokens.id_token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", crate::world::b64(&[1; 64]));
    let access = scene.tokens.access_token.clone();
    for hint in ["", "x", "a.b.c", &none, &foreign, &forged, &access, &bobs] {
        let all = [
            ("id_token_hint", hint),
            ("client_id", "shop"),
            ("post_logout_redirect_uri", SIGNED_OUT),
            ("state", "a state"),
            ("logout_hint", "alice"),
        ];
        // An empty value is none.
        for fields in [&all[..1], &all[..2], &all[..4], &all[..]] {
            scene.asks(fields).await;
        }
    }
    scene.asks(&[]).await;
    scene.asks(&[("client_id", "nobody"), ("post_logout_redirect_uri", SIGNED_OUT)]).await;
    // Somebody shows an ID token that another client was given.
    let _bank = scene.world.client("bank").signs_in().await;
    let hint = scene.tokens.id_token.clone();
    let fields = [("id_token_hint", hint.as_str()), ("client_id", "bank"), ("post_logout_redirect_uri", SIGNED_OUT)];
    scene.refuses(&fields).await;
    scene.refuses(&[("id_token_hint", &hint), ("client_id", "\"")]).await;
    // Neither does a question about the address.
    let request = scene.browser.request(reqwest::Method::HEAD, &Browser::log_out_at(&[("id_token_hint", &hint)]));
    assert_eq!(scene.browser.send(request).await.status, 405);
    scene.goes_on().await;
    // A client that is switched off has no say.
    scene.shop.disable().await;
    let page = scene.browser.log_out(&[("id_token_hint", &hint)]).await.unwrap();
    page.has("value=\"sign_out\"");
    scene.shop.update(|shop| shop.disabled = false).await;
    scene.goes_on().await;
}

#[tokio::test]
async fn ril_2_a_person_who_is_asked_says_what_happens() {
    let mut scene = scene().await;
    let fields = [("client_id", "shop"), ("post_logout_redirect_uri", SIGNED_OUT), ("state", "a state")];
    let page = scene.browser.log_out(&fields).await.unwrap();
    page.has("The shop");
    let stayed = scene.browser.press(&page, "stay", &[]).await.unwrap();
    stayed.has("Signed in as");
    scene.goes_on().await;

    let page = scene.browser.log_out(&fields).await.unwrap();
    let carried: Vec<(String, String)> = ["client_id", "post_logout_redirect_uri", "state"]
        .map(|name| (name.to_owned(), page.field(name).unwrap().replace("&#38;", "&")))
        .into();
    let carried: Vec<(&str, &str)> = carried.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let done = scene.browser.press(&page, "sign_out", &carried).await.expect("a page, for no ID token was shown");
    done.has("signed out").has(&format!("href=\"{SIGNED_OUT}&#38;state=a+state\""));
    scene.is_over().await;

    // On their own, without anybody who asks.
    scene.tokens = signed_in(&scene.shop, &mut scene.browser).await;
    let page = scene.browser.log_out(&[]).await.unwrap();
    let done = scene.browser.press(&page, "sign_out", &[]).await.unwrap();
    done.has("signed out");
    assert!(!done.answer.text().contains("href=\"https://"), "nowhere to go");
    scene.is_over().await;
    // There is nobody left to be asked.
    let watch = scene.watch().await;
    scene.browser.log_out(&[]).await.unwrap().has("signed out");
    watch.nothing("nobody is signed in").await;
}

#[tokio::test]
async fn security_138_nobody_else_presses_the_button() {
    let mut scene = scene().await;
    let page = scene.browser.log_out(&[]).await.unwrap();
    // The mark is that of the session.
    let mut other = scene.world.browser();
    signed_in(&scene.shop, &mut other).await;
    let foreign = other.log_out(&[]).await.unwrap();
    let mark = page.field("csrf").unwrap();
    let evil = ("post_logout_redirect_uri", "https://evil.test/");
    for (mark, headers, status) in [
        ("", [("x-a", "b")], 403),
        (foreign.field("csrf").unwrap().as_str(), [("x-a", "b")], 403),
        (&mark, [("origin", "https://evil.test")], 403),
        (&mark, [("sec-fetch-site", "cross-site")], 403),
    ] {
        let form = enc(&[("csrf", mark), ("action", "sign_out"), evil]);
        let request = scene.browser.request(reqwest::Method::POST, "/sign-out").header(headers[0].0, headers[0].1);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        assert_eq!(scene.browser.send(request).await.status, status, "{mark} {headers:?}");
        scene.goes_on().await;
    }
    // Nor does the form lead anywhere else than the request could.
    let refused = scene.browser.press(&page, "sign_out", &[("client_id", "shop"), evil]).await.unwrap();
    assert_eq!(refused.answer.status, 400);
    scene.goes_on().await;
}

#[tokio::test]
async fn security_142_what_waits_in_the_session_ends_with_it() {
    let mut scene = scene().await;
    let bank = scene.world.client("bank").signs_in().refresh().await;
    let at_the_bank = signed_in(&bank, &mut scene.browser).await;
    // A code that nobody has redeemed, and flows in which something is left to ask.
    let code = scene.browser.authorize(&scene.shop, &[]).await.unwrap_err().get("code").to_owned();
    let consent = scene.browser.authorize(&scene.shop, &[("prompt", "consent")]).await.unwrap();
    let again = scene.browser.authorize(&scene.shop, &[("prompt", "login consent")]).await.unwrap();
    scene.browser.password(again.flow(), "alice", PASSWORD).await.ok();
    let somebody_elses = scene.browser.clone();
    let elsewhere = signed_in(&scene.shop, &mut scene.world.browser()).await;

    let hint = scene.tokens.id_token.clone();
    scene.browser.log_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", SIGNED_OUT)]).await.unwrap_err();
    scene.is_over().await;
    is_dead(&scene.world, &bank, &at_the_bank).await;
    scene.shop.redeem(&code).await.refused(400, "invalid_grant");
    // The browser has no way back into them.
    for page in [&consent, &again] {
        assert_eq!(scene.browser.open(&page.path).await.unwrap().answer.status, 400);
    }
    // Whoever has kept its cookies has a session that is none, and can end no flow with it.
    let mut copied = somebody_elses;
    copied.authorize(&scene.shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
    let refused = copied.press(&consent, "allow", &[]).await.unwrap_err();
    refused.error("login_required");
    // Another browser of the same person is none of this one's business.
    scene.world.userinfo(&elsewhere.access_token).await.ok();
    scene.shop.refresh(elsewhere.refresh_token.as_deref().unwrap()).await.tokens();
}

#[tokio::test]
async fn oidcc_11_what_was_given_for_offline_access_stays() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let scope = "openid offline_access";
    let shop = world.client("shop").signs_in().refresh().scope(scope).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[("scope", scope), ("prompt", "consent")]).await.unwrap();
    let code = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().get("code").to_owned();
    let tokens = shop.redeem(&code).await.tokens();
    let online = browser.authorize(&shop, &[("scope", "openid")]).await.unwrap_err().get("code").to_owned();
    let online = shop.redeem(&online).await.tokens();
    browser.log_out(&[("id_token_hint", &tokens.id_token)]).await.unwrap();
    browser.authorize(&shop, &[("prompt", "none"), ("scope", "openid")]).await.unwrap_err().error("login_required");
    is_dead(&world, &shop, &online).await;
    shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.tokens();
}

#[tokio::test]
async fn a_session_goes_on_when_its_person_signs_in_again_and_ends_as_a_whole() {
    let mut scene = scene().await;
    let (_, before) = decoded(&scene.tokens.id_token);
    let old = scene.browser.cookies["nod-session"].clone();
    scene.world.clock.advance(seconds(5));
    let page = scene.browser.authorize(&scene.shop, &[("prompt", "login")]).await.unwrap();
    let callback = scene.browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    let again = scene.shop.redeem(callback.get("code")).await.tokens();
    let (_, after) = decoded(&again.id_token);
    assert_eq!(before["sid"], after["sid"]);
    assert_ne!(before["auth_time"], after["auth_time"]);
    assert_ne!(old, scene.browser.cookies["nod-session"], "[security.md case 139]");
    scene.goes_on().await;
    scene.browser.log_out(&[("id_token_hint", &again.id_token)]).await.unwrap();
    is_dead(&scene.world, &scene.shop, &again).await;
    scene.is_over().await;
}

#[tokio::test]
async fn a_session_ends_when_another_person_signs_in() {
    let mut scene = scene().await;
    let bob = "another long password of bob";
    let _bob = scene.world.user("bob").with_password(bob).await;
    let watch = scene.watch().await;
    let page = scene.browser.authorize(&scene.shop, &[("prompt", "login")]).await.unwrap();
    let callback = scene.browser.sign_in(&page, "bob", bob).await.unwrap_err();
    let ended = watch.events().await.into_iter().filter(|event| event.action == "session.ended").count();
    assert_eq!(ended, 1);
    let bobs = scene.shop.redeem(callback.get("code")).await.tokens();
    assert_ne!(decoded(&bobs.id_token).1["sid"], decoded(&scene.tokens.id_token).1["sid"]);
    is_dead(&scene.world, &scene.shop, &scene.tokens).await;
    scene.world.userinfo(&bobs.access_token).await.ok();
}

#[tokio::test]
async fn a_client_that_was_stored_before_there_was_this_endpoint_is_read() {
    let world = World::start().await;
    let shop = world.client("shop").signs_in().await;
    let directory = std::sync::Arc::clone(&world.parts().directory);
    let id = ClientId::parse(&shop.id).unwrap();
    let found = world.among_servers(async move { directory.client(&id).await }).await.unwrap().unwrap();
    let mut stored: Value = serde_json::to_value(&*found).unwrap();
    stored["sign_in"].as_object_mut().unwrap().remove("post_logout_redirect_uris").expect("one is registered");
    let read: nod::domain::client::Client = serde_json::from_value(stored.clone()).unwrap();
    assert!(read.sign_in.as_ref().unwrap().post_logout_redirect_uris.is_empty());
    // And as before, so that the version of before reads it.
    assert_eq!(serde_json::to_value(&read).unwrap(), stored);
}
