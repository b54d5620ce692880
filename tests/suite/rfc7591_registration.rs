//! Clients that register themselves [RFC 7591, OpenID Connect Dynamic Client Registration 1.0].

use futures_util::future::join_all;
use nod::usecase::register_client::Admission;
use openidconnect::core::{CoreClientRegistrationRequest, CoreGrantType, CoreProviderMetadata};
use openidconnect::registration::{EmptyAdditionalClientMetadata, EmptyAdditionalClientRegistrationResponse};
use openidconnect::{AccessToken, ClientName, IssuerUrl, RedirectUrl, reqwest as http};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::admin::location;
use crate::admin::robot::Robot;
use crate::world::{Answer, Backing, Builder, CALLBACK, DISCOVERY, Jwk, REGISTER, World, seconds};

const PASSWORD: &str = "correct horse battery staple";
const TOKENS: &str = "/admin/v1/initial-access-tokens";

pub(crate) fn invited() -> Builder {
    World::with().settings(|settings| {
        settings.registration = Admission::Invited;
        settings.registrations = 1000;
    })
}

pub(crate) fn open() -> Builder {
    invited().settings(|settings| settings.registration = Admission::Anybody)
}

/// An initial access token, and where it is looked after.
pub(crate) async fn initial_token(admin: &Robot<'_>, body: &Value) -> (String, String) {
    let made = admin.post(TOKENS, body).await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    (secret, location(&made))
}

pub(crate) fn call(world: &World, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
    let request = world.request(method, path);
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

pub(crate) async fn register(world: &World, token: Option<&str>, body: &Value) -> Answer {
    guarded(world, Answer::of(call(world, Method::POST, REGISTER, token).json(body)).await)
}

fn guarded(world: &World, answer: Answer) -> Answer {
    if matches!(answer.status, 200 | 201) {
        for name in ["client_secret", "registration_access_token"] {
            if let Some(secret) = answer.json()[name].as_str() {
                world.guard(secret);
            }
        }
    }
    answer
}

/// Where a client looks after itself, and with what.
pub(crate) struct Own {
    pub(crate) path: String,
    pub(crate) token: String,
    pub(crate) json: Value,
}

impl Own {
    pub(crate) fn of(world: &World, answer: &Answer) -> Self {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.text());
        let json = answer.json();
        assert!([200, 201].contains(&answer.status), "{json}");
        let path = json["registration_client_uri"].as_str().unwrap().strip_prefix(world.issuer()).unwrap().to_owned();
        Self { path, token: json["registration_access_token"].as_str().unwrap().to_owned(), json }
    }

    pub(crate) async fn call(&self, world: &World, method: Method) -> Answer {
        guarded(world, Answer::of(call(world, method, &self.path, Some(&self.token))).await)
    }

    pub(crate) async fn put(&self, world: &World, body: &Value) -> Answer {
        guarded(world, Answer::of(call(world, Method::PUT, &self.path, Some(&self.token)).json(body)).await)
    }
}

pub(crate) async fn registered(world: &World, body: &Value) -> Own {
    let answer = register(world, None, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    Own::of(world, &answer)
}

pub(crate) fn shop() -> Value {
    json!({ "redirect_uris": [CALLBACK], "client_name": "The other shop" })
}

#[tokio::test]
async fn oidcr_3_2_a_client_registers_itself_and_signs_somebody_in() {
    let world = invited().start().await;
    let (admin, _alice) = (world.admin().await, world.user("alice").with_password(PASSWORD).await);
    let (token, _) = initial_token(&admin, &json!({})).await;
    let watch = world.watch().await;
    let asked = json!({
        "redirect_uris": [CALLBACK], "client_name": "The other shop", "grant_types": ["authorization_code", "refresh_token"],
        "contacts": ["ops@shop.example"], "client_uri": "https://shop.example/", "logo_uri": "https://shop.example/l.png",
        "policy_uri": "https://shop.example/p", "tos_uri": "https://shop.example/t", "application_type": "web",
        "initiate_login_uri": "https://shop.example/login", "software_id": "4", "software_version": "1.2",
        "backchannel_logout_uri": "https://shop.example/out", "post_logout_redirect_uris": ["https://shop.example/bye"],
        "client_name#de": "Der Laden", "something_new": {"a": [1]},
    });
    let answer = register(&world, Some(&token), &asked).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let own = Own::of(&world, &answer);
    for (name, value) in asked.as_object().unwrap() {
        if name.contains('#') || name == "something_new" {
            assert!(own.json.get(name).is_none(), "what is ignored is not promised");
        } else {
            assert_eq!(&own.json[name], value, "{name}");
        }
    }
    // [protocol.md J157] what was left out.
    assert_eq!(own.json["id_token_signed_response_alg"], "RS256");
    assert_eq!(own.json["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(own.json["response_types"], json!(["code"]));
    assert_eq!(own.json["client_secret_expires_at"], 0);
    assert_eq!(own.json["client_id_issued_at"], world.now().seconds());
    assert_eq!(own.json["subject_type"], "public");
    let id = own.json["client_id"].as_str().unwrap();
    assert_eq!(own.path, format!("{REGISTER}/{id}"));
    for name in ["redirectless", "implied_consent", "disabled", "require_pkce", "long_poll", "access_token_format"] {
        assert!(own.json.get(name).is_none(), "{name}");
    }
    let events = watch.events().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].action.as_str(), events[0].client.as_deref()), ("client.registered", Some(id)));

    let client = world.known_client(id, own.json["client_secret"].as_str().unwrap());
    let mut browser = world.browser();
    let code = browser.log_in(&client, "alice", PASSWORD).await.get("code").to_owned();
    let tokens = client.redeem(&code).await.tokens();
    let (header, _) = world.verified(&tokens.id_token).await;
    assert_eq!(header["alg"], "RS256");
}

#[tokio::test]
async fn rfc7591_3_nobody_registers_without_an_initial_access_token_that_is_good() {
    let world = invited().start().await;
    let admin = world.admin().await;
    let (used, _) = initial_token(&admin, &json!({})).await;
    assert_eq!(register(&world, Some(&used), &shop()).await.status, 201);
    let (revoked, at) = initial_token(&admin, &json!({ "max_uses": 5 })).await;
    assert_eq!(admin.get(&at).await.ok()["max_uses"], 5);
    assert_eq!(admin.delete(&at).await.status, 204);
    let (expired, _) = initial_token(&admin, &json!({ "expires_in": 60 })).await;
    world.clock.advance(seconds(60));
    let admin = world.admin_again(&admin).await;
    let (good, at) = initial_token(&admin, &json!({ "max_uses": 2, "expires_in": 3600 })).await;
    for token in [None, Some("x"), Some(used.as_str()), Some(&revoked), Some(&expired), Some(&admin.token)] {
        let watch = world.watch().await;
        let answer = register(&world, token, &shop()).await;
        answer.refused(401, "invalid_token");
        let challenge = if token.is_some() { "Bearer error=\"invalid_token\"" } else { "Bearer" };
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
        let event = watch.only_a_refusal("a registration").await;
        assert_eq!(event.action, "client.registered");
    }
    // One that was refused for what it says costs nothing.
    register(&world, Some(&good), &json!({ "redirect_uris": [] })).await.refused(400, "invalid_redirect_uri");
    let administers = json!({ "redirect_uris": [CALLBACK], "scope": "openid nod:admin",
        "grant_types": ["authorization_code", "client_credentials"] });
    register(&world, Some(&good), &administers).await.refused(400, "invalid_client_metadata");
    for _ in 0..2 {
        assert_eq!(register(&world, Some(&good), &shop()).await.status, 201);
    }
    register(&world, Some(&good), &shop()).await.refused(401, "invalid_token");
    assert_eq!(admin.get(&at).await.ok()["used"], 2);
    let listed = admin.get(&format!("{TOKENS}?limit=1")).await.ok();
    assert_eq!(listed["items"][0]["used"], 2);
    for body in [json!({ "max_uses": 0 }), json!({ "max_uses": 1001 }), json!({ "expires_in": 0 })] {
        admin.post(TOKENS, &body).await.admin_problem(422, "validation_failed");
    }
    world
        .robot("reader", "nod:clients:read")
        .await
        .post(TOKENS, &json!({}))
        .await
        .admin_problem(403, "insufficient_scope");
}

#[tokio::test]
async fn security_146_an_initial_access_token_is_good_as_often_as_it_says_however_many_come() {
    for world in [invited(), invited().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let admin = world.admin().await;
        let (token, _) = initial_token(&admin, &json!({ "max_uses": 5 })).await;
        let tries = (0..16).map(|number| {
            let (world, token) = (&world, &token);
            let request = move || world.at(number % 2).request(Method::POST, REGISTER).bearer_auth(token).json(&shop());
            async move {
                // Where many come at once, some are told to come again.
                loop {
                    match Answer::of(request()).await.status {
                        503 => {}
                        status => return status,
                    }
                }
            }
        });
        let answers = join_all(tries).await;
        assert!(answers.iter().all(|status| [201, 401].contains(status)), "{answers:?}");
        assert!(answers.iter().filter(|status| **status == 201).count() <= 5, "{answers:?}");
        let registered = world.rows("client").await;
        assert_eq!(registered.iter().filter(|row| row.contains("The other shop")).count(), 5);
    }
}

#[tokio::test]
async fn where_nobody_may_register_there_is_nothing() {
    let world = World::start().await;
    for (method, path) in [(Method::POST, REGISTER), (Method::GET, "/as/clients.oauth2/x")] {
        let answer = Answer::of(call(&world, method, path, Some("x")).json(&shop())).await;
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
    assert!(world.get(DISCOVERY).await.json().get("registration_endpoint").is_none());
    let world = invited().start().await;
    let metadata = world.get(DISCOVERY).await.json();
    assert_eq!(metadata["registration_endpoint"], format!("{}{REGISTER}", world.issuer()));
}

#[tokio::test]
async fn rfc7591_3_2_2_what_cannot_be_registered_is_refused() {
    let world = open().start().await;
    let key = Jwk::p256().public();
    let mut named = key.clone();
    named["kid"] = json!("one");
    let with = |name: &str, value: Value| {
        let mut asked = shop();
        asked[name] = value;
        asked
    };
    let metadata = "invalid_client_metadata";
    let redirect = "invalid_redirect_uri";
    let watch = world.watch().await;
    for (asked, code) in [
        (json!({}), redirect),
        (with("redirect_uris", json!([])), redirect),
        (with("redirect_uris", json!(["https://shop.example/cb#x"])), redirect),
        (with("redirect_uris", json!(["http://shop.example/cb"])), redirect),
        (with("redirect_uris", json!(["javascript:alert(1)"])), redirect),
        (with("redirect_uris", json!(["http://localhost/cb"])), redirect),
        (with("redirect_uris", json!(["com.example.app:/cb"])), redirect),
        (with("application_type", json!("spa")), metadata),
        (with("backchannel_user_code_parameter", json!(true)), metadata),
        // [RFC 7591 §2.1] code, which is the default, is none of it.
        (with("grant_types", json!(["implicit"])), metadata),
        (with("response_types", json!(["code id_token"])), metadata),
        (with("grant_types", json!([])), metadata),
        (with("response_types", json!(["token"])), metadata),
        (with("token_endpoint_auth_method", json!("password")), metadata),
        (with("token_endpoint_auth_method", json!("private_key_jwt")), metadata),
        (with("token_endpoint_auth_signing_alg", json!("none")), metadata),
        (with("id_token_signed_response_alg", json!("none")), metadata),
        (with("id_token_signed_response_alg", json!("HS256")), metadata),
        (with("jwks", json!({ "keys": [] })), metadata),
        (with("jwks", json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })), metadata),
        // [security.md case 157] beside a good key as well.
        (
            with(
                "jwks",
                json!({ "keys": [key, { "kty": "RSA", "n": "w".to_owned() + &"A".repeat(170), "e": "AQAB" }] }),
            ),
            metadata,
        ),
        (with("jwks", json!({ "keys": [named, named] })), metadata),
        (with("jwks_uri", json!("https://10.0.0.1/jwks")), metadata),
        (json!({ "grant_types": ["client_credentials"], "jwks_uri": "https://shop.example/jwks" }), metadata),
        (with("request_object_signing_alg", json!("none")), metadata),
        (with("request_uris", json!(["https://10.0.0.1/request"])), metadata),
        (
            json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt",
            "jwks": { "keys": [key] }, "jwks_uri": "https://shop.example/jwks" }),
            metadata,
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": "https://127.0.0.1/jwks" }),
            metadata,
        ),
        (with("initiate_login_uri", json!("http://shop.example/login")), metadata),
        (with("client_uri", json!("javascript:alert(1)")), metadata),
        (with("backchannel_logout_uri", json!("https://10.0.0.1/out")), metadata),
        (with("frontchannel_logout_uri", json!("https://evil.test/out")), metadata),
        (with("post_logout_redirect_uris", json!(["http://evil.test/"])), metadata),
        (with("subject_type", json!("ephemeral")), metadata),
        (with("request_object_encryption_alg", json!("RSA-OAEP")), metadata),
        (with("scope", json!("nod:admin")), metadata),
        (with("client_name", json!("a\u{7}b")), metadata),
        (with("contacts", json!("ops@shop.example")), metadata),
        (with("software_statement", json!("a.b.c")), "unapproved_software_statement"),
        (json!({ "grant_types": ["urn:openid:params:grant-type:ciba"] }), metadata),
        (
            json!({ "grant_types": ["urn:openid:params:grant-type:ciba"], "backchannel_token_delivery_mode": "ping" }),
            metadata,
        ),
        (with("redirect_uris", json!("https://shop.example/cb")), "invalid_request"),
        (with("client_name", json!(1)), "invalid_request"),
        (json!([]), "invalid_request"),
    ] {
        register(&world, None, &asked).await.refused(400, code);
        watch.nothing_changed(&asked.to_string()).await;
    }
    let form = call(&world, Method::POST, REGISTER, None).header("content-type", "application/x-www-form-urlencoded");
    Answer::of(form.body("redirect_uris=x")).await.refused(415, "invalid_request");
    let twice = call(&world, Method::POST, REGISTER, None).header("content-type", "application/json");
    Answer::of(twice.body("{\"scope\":\"openid\",\"scope\":\"openid\"}")).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn oidcr_2_what_can_be_registered() {
    let world = open().start().await;
    let key = Jwk::rsa().public();
    // As the conformance suite does it: a key without a name, of a client with a secret.
    let own = registered(&world, &json!({ "redirect_uris": [CALLBACK], "jwks": { "keys": [key] } })).await;
    assert_eq!(own.json["jwks"]["keys"][0], key);
    assert!(own.json["client_secret"].is_string());
    let own = registered(
        &world,
        &json!({ "redirect_uris": [CALLBACK], "jwks": { "keys": [key] },
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256" }),
    )
    .await;
    assert_eq!((&own.json["jwks"]["keys"][0], own.json.get("client_secret")), (&key, None));
    assert!(own.json.get("client_secret_expires_at").is_none());
    // Keys sign requests, too, whatever the client authenticates with.
    let signing = json!({ "redirect_uris": [CALLBACK], "jwks": { "keys": [key] }, "require_signed_request_object": true,
        "request_object_signing_alg": "RS256", "require_pushed_authorization_requests": true,
        "request_uris": ["https://shop.example/request"], "authorization_signed_response_alg": "ES256",
        "authorization_encrypted_response_alg": "RSA-OAEP-256", "authorization_encrypted_response_enc": "A256GCM" });
    let own = registered(&world, &signing).await;
    for (name, value) in signing.as_object().unwrap() {
        assert_eq!(&own.json[name], value, "{name}");
    }
    // What runs on somebody's device.
    let own = registered(
        &world,
        &json!({ "redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb"],
        "application_type": "native", "token_endpoint_auth_method": "none" }),
    )
    .await;
    assert!(own.json.get("client_secret").is_none());
    // Nobody gives themselves what an operator gives.
    let own = registered(
        &world,
        &json!({ "redirect_uris": [CALLBACK], "redirectless": true, "implied_consent": true,
        "scope": "openid payments email" }),
    )
    .await;
    assert_eq!(own.json["scope"], "openid email");
    let stored =
        world.admin().await.get(&format!("/admin/v1/clients/{}", own.json["client_id"].as_str().unwrap())).await.ok();
    assert_eq!((&stored["redirectless"], &stored["implied_consent"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn ciba_4_a_client_for_ciba_alone_needs_no_redirect_uris() {
    let world = invited().start().await;
    let admin = world.admin().await;
    let (token, _) = initial_token(&admin, &json!({})).await;
    let asked = json!({ "grant_types": ["urn:openid:params:grant-type:ciba"], "response_types": [],
        "backchannel_token_delivery_mode": "poll", "backchannel_user_code_parameter": true });
    let answer = register(&world, Some(&token), &asked).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["response_types"], json.get("redirect_uris")), (&json!([]), None));
    assert_eq!(json["backchannel_user_code_parameter"], true);
    let alice = world.user("alice").with_user_code("4815-1623").with_phone().await;
    let client = world.known_client(json["client_id"].as_str().unwrap(), json["client_secret"].as_str().unwrap());
    let plain = [("login_hint", "alice"), ("scope", "openid")];
    client.bc_authorize(&plain).await.refused(400, "missing_user_code");
    client.ask_with(&alice, &[("user_code", "4815-1623")]).await;
    // What only an administrator says stays when the client changes itself.
    let at = format!("/admin/v1/clients/{}", client.id);
    admin.patch(&at, &json!({"require_hint_token": true})).await.ok();
    let own = Own::of(&world, &answer);
    let changed = own
        .put(
            &world,
            &json!({ "client_id": client.id, "grant_types": asked["grant_types"],
        "response_types": [], "require_hint_token": false }),
        )
        .await;
    Own::of(&world, &changed);
    let stored = admin.get(&at).await.ok();
    let members = (&stored["backchannel_user_code_parameter"], &stored["require_hint_token"]);
    assert_eq!(members, (&json!(false), &json!(true)));
    client.bc_authorize(&plain).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn ciba_4_a_client_registers_where_it_is_told() {
    let world = invited().start().await;
    let admin = world.admin().await;
    let (token, _) = initial_token(&admin, &json!({ "max_uses": 10 })).await;
    let endpoint = "https://shop.example/ping";
    let asked = json!({ "grant_types": ["urn:openid:params:grant-type:ciba"], "response_types": [],
        "backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": endpoint });
    let answer = register(&world, Some(&token), &asked).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["backchannel_token_delivery_mode"], "ping");
    assert_eq!(json["backchannel_client_notification_endpoint"], endpoint);
    for (mode, endpoint) in [
        (json!("ping"), json!(null)),
        (json!("ping"), json!("http://shop.example/ping")),
        (json!("ping"), json!("https://10.0.0.1/ping")),
        (json!("poll"), json!("https://shop.example/ping")),
        (json!("push"), json!("https://shop.example/ping")),
    ] {
        let mut bad = asked.clone();
        bad["backchannel_token_delivery_mode"] = mode;
        bad["backchannel_client_notification_endpoint"] = endpoint;
        register(&world, Some(&token), &bad).await.refused(400, "invalid_client_metadata");
    }
}

/// What an operator agreed to in people's place does not cover what the client thinks of later.
#[tokio::test]
async fn security_146_who_asks_for_more_asks_people_again() {
    let world = open().start().await;
    let admin = world.admin().await;
    let (scope, uris) = ("openid profile", json!([CALLBACK, "https://shop.example/other"]));
    let mut own = registered(&world, &shop()).await;
    let id = own.json["client_id"].as_str().unwrap().to_owned();
    let at = format!("/admin/v1/clients/{id}");
    let asked = |scope: Option<&str>, uris: &Value| json!({ "client_id": id, "redirect_uris": uris, "scope": scope });
    for (later, others, kept) in [
        (Some(scope), &uris, true),
        (Some("profile openid"), &uris, true),
        (Some("openid"), &json!([CALLBACK]), true),
        (Some("openid email"), &uris, false),
        // Left out, it is more than there was.
        (None, &uris, false),
        (Some(scope), &json!([CALLBACK, "https://evil.test/cb"]), false),
    ] {
        own = Own::of(&world, &own.put(&world, &asked(Some(scope), &uris)).await);
        admin.patch(&at, &json!({ "implied_consent": true })).await.ok();
        own = Own::of(&world, &own.put(&world, &asked(later, others)).await);
        assert_eq!(admin.get(&at).await.ok()["implied_consent"], kept, "{later:?} {others}");
    }
}

#[tokio::test]
async fn security_146_registrations_are_counted_and_their_names_are_not_believed() {
    let world = open().settings(|settings| settings.registrations = 3).start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let own = registered(&world, &json!({ "redirect_uris": [CALLBACK], "client_name": "Your Bank" })).await;
    let client =
        world.known_client(own.json["client_id"].as_str().unwrap(), own.json["client_secret"].as_str().unwrap());
    let mut browser = world.browser();
    let page = browser.authorize(&client, &[]).await.unwrap();
    let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    page.has("Your Bank").has("shop.example");
    let known = world.client("known").signs_in().await;
    let verified = browser.authorize(&known, &[]).await.unwrap();
    assert_ne!(notes(&page.answer.text()), notes(&verified.answer.text()), "it says that nobody has looked at it");

    for _ in 0..2 {
        assert_eq!(register(&world, None, &json!({})).await.status, 400);
    }
    let refused = register(&world, None, &shop()).await;
    refused.refused(429, "temporarily_unavailable");
    assert_eq!(refused.retry_after(), 3600);
    world.clock.advance(seconds(3600));
    assert_eq!(register(&world, None, &shop()).await.status, 201);
}

/// How many warnings a page has.
fn notes(text: &str) -> usize {
    text.matches("class=\"note").count()
}

#[tokio::test]
async fn the_openidconnect_crate_registers_itself() {
    let world = invited().start().await;
    let admin = world.admin().await;
    let (token, _) = initial_token(&admin, &json!({})).await;
    let issuer = IssuerUrl::new(world.issuer().to_owned()).unwrap();
    let client = http::ClientBuilder::new().redirect(http::redirect::Policy::none()).build().unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &client).await.unwrap();
    let registration = metadata.registration_endpoint().expect("registration_endpoint");
    let asked = CoreClientRegistrationRequest::new(
        vec![RedirectUrl::new(CALLBACK.to_owned()).unwrap()],
        EmptyAdditionalClientMetadata::default(),
    )
    .set_client_name(Some([(None, ClientName::new("The crate".to_owned()))].into_iter().collect()))
    .set_grant_types(Some(vec![CoreGrantType::AuthorizationCode, CoreGrantType::RefreshToken]))
    .set_initial_access_token(Some(AccessToken::new(token)));
    let told = asked.register_async(registration, &client).await.expect("an answer that the crate understands");
    let _: &EmptyAdditionalClientRegistrationResponse = told.additional_response();
    assert!(told.client_secret().is_some() && told.registration_access_token().is_some());
    assert_eq!(told.redirect_uris()[0].as_str(), CALLBACK);
    assert_eq!(told.grant_types().map(Vec::len), Some(2));
}
