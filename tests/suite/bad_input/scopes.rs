//! A scope of many words costs nothing, wherever it is taken [security.md case 33; CVE-2026-4634 of a peer].

use std::time::{Duration, Instant};

use nod::domain::client::GrantType;
use nod::usecase::register_client::Admission;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::sign_in::PASSWORD;
use crate::world::{
    AUTHORIZE, Answer, BC_AUTHORIZE, CALLBACK, Client, PAR, REGISTER, TOKEN, World, asked, basic, enc, seconds,
};

const FORM: &str = "application/x-www-form-urlencoded";
const DEVICE: &str = "/as/device_authz.oauth2";

struct Scene {
    world: World,
    shop: Client,
    refresh_token: String,
}

impl Scene {
    /// The same scope, as each endpoint takes one.
    fn requests(&self, scope: &str) -> Vec<(&'static str, RequestBuilder)> {
        let form = |path: &str, fields: &[(&str, &str)]| {
            let request = self.world.request(Method::POST, path).header("content-type", FORM);
            let request = request.header("authorization", basic("shop", self.shop.secret()));
            request.body(enc(&[fields, &[("scope", scope)]].concat()))
        };
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.as_str())];
        let pushed = [("response_type", "code"), ("redirect_uri", CALLBACK)];
        let authorize = asked(&self.shop, &[("scope", scope)]);
        let registration = json!({ "redirect_uris": [CALLBACK], "scope": scope });
        vec![
            ("the backchannel endpoint", form(BC_AUTHORIZE, &[("login_hint", "alice")])),
            ("a refresh", form(TOKEN, &refresh)),
            ("client credentials", form(TOKEN, &[("grant_type", "client_credentials")])),
            ("a pushed request", form(PAR, &pushed)),
            ("a device", form(DEVICE, &[])),
            ("authorization", self.world.request(Method::POST, AUTHORIZE).header("content-type", FORM).body(authorize)),
            ("a registration", self.world.request(Method::POST, REGISTER).json(&registration)),
        ]
    }
}

async fn scene() -> Scene {
    let world = World::with().generous().settings(|settings| {
        settings.registration = Admission::Anybody;
        settings.registrations = 10_000;
    });
    let world = world.start().await;
    let grants = [
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::ClientCredentials,
        GrantType::DeviceCode,
        GrantType::Ciba,
    ];
    let shop = world.client("shop").signs_in().refresh().grants(grants).await;
    let alice = world.user("alice").with_phone().with_password(PASSWORD).await;
    let refresh_token = shop.log_in(&alice).await.refresh_token.unwrap();
    Scene { world, shop, refresh_token }
}

#[tokio::test]
async fn security_33_a_scope_of_many_words_costs_nothing() {
    let scene = scene().await;
    // As much as a body may have: 10 000 words, the same one again and again, letters.
    let words: String = (0..10_000).map(|n| format!("s{n} ")).collect();
    let many = [("words", words), ("the same", "openid ".repeat(9000)), ("letters", "a ".repeat(10_000))];
    let watch = scene.world.watch().await;
    for (what, scope) in &many {
        for (at, request) in scene.requests(scope) {
            let begin = Instant::now();
            // A body that is too large for an endpoint is the last thing on its connection.
            let answer = Answer::of(request.header("connection", "close")).await;
            assert!(begin.elapsed() < Duration::from_millis(500), "{what} at {at}: {:?}", begin.elapsed());
            assert!([400, 413].contains(&answer.status), "{what} at {at}: {} {}", answer.status, answer.text());
            assert_eq!(answer.header("location"), None, "{what} at {at}");
        }
    }
    for (at, request) in ["openid \u{7}", "openid \"x\"", "openid \\", "openid \u{e4}", "openid\u{a0}email", "\t"]
        .iter()
        .flat_map(|scope| scene.requests(scope))
    {
        let answer = Answer::of(request).await;
        let told = answer.header("location").is_some_and(|to| to.contains("error=invalid_scope"));
        assert!(answer.status == 400 || told, "{at}: {} {}", answer.status, answer.text());
        let error = if told { "invalid_scope".into() } else { answer.text() };
        let known = ["invalid_scope", "invalid_client_metadata", "<html"].iter().any(|known| error.contains(known));
        assert!(known, "{at}: {error}");
    }
    watch.nothing_changed("a scope that is none").await;
}

/// As many as are taken at all.
#[tokio::test]
async fn security_33_the_longest_scope_that_is_taken_costs_nothing() {
    let scene = scene().await;
    let begin = Instant::now();
    for scope in ["openid ".repeat(42), "a ".repeat(150), " ".repeat(300)] {
        for (at, request) in scene.requests(&scope) {
            let answer = Answer::of(request).await;
            assert!(answer.status < 500, "{at}: {}", answer.text());
        }
    }
    assert!(begin.elapsed() < seconds(2), "{:?}", begin.elapsed());
}
