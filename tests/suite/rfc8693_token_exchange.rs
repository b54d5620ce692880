//! Token exchange [RFC 8693]: a service calls another one for a person.

use nod::domain::client::{GrantType, TokenExchange};
use nod::protocol::id::ClientId;
use serde_json::{Value, json};

use crate::sign_in::PASSWORD;
use crate::world::{Answer, Client, ClientBuilder, DISCOVERY, Person, Tokens, World, decoded, seconds};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
const WAREHOUSE: &str = "https://warehouse.example/api";

/// A shop, the back end that may act for its people, and a stranger.
struct Scene {
    world: World,
    shop: Client,
    backend: Client,
    alice: Person,
    tokens: Tokens,
}

fn exchanges(builder: ClientBuilder, impersonation: bool) -> ClientBuilder {
    let audiences = vec!["stock".to_owned(), WAREHOUSE.to_owned()];
    let grants = [GrantType::TokenExchange, GrantType::ClientCredentials];
    let builder = builder.grants(grants).scope("openid profile email stock:read");
    builder.registered(|client| {
        client.backchannel = None;
        client.token_exchange = Some(TokenExchange { audiences, impersonation });
    })
}

async fn scene() -> Scene {
    let world = World::start().await;
    let shop = world.client("shop").signs_in().refresh().scope("openid profile stock:read");
    let shop = shop.registered(|client| client.may_act = ClientId::parse("backend")).await;
    let backend = exchanges(world.client("backend"), false).await;
    let alice = world.user("alice").with_password(PASSWORD).await;
    let tokens = signed_in(&world, &shop).await;
    Scene { world, shop, backend, alice, tokens }
}

async fn signed_in(world: &World, shop: &Client) -> Tokens {
    signed_in_for(world, shop, "openid profile stock:read").await
}

async fn signed_in_for(world: &World, shop: &Client, scope: &str) -> Tokens {
    let mut browser = world.browser();
    let page = browser.authorize(shop, &[("scope", scope)]).await.unwrap();
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    shop.redeem(callback.get("code")).await.tokens()
}

async fn exchange(client: &Client, token: &str, fields: &[(&str, &str)]) -> Answer {
    let usual = [("grant_type", GRANT), ("subject_token", token), ("subject_token_type", ACCESS)];
    let replaced = |name: &str| fields.iter().any(|(other, _)| *other == name);
    let all: Vec<_> = usual.iter().filter(|(name, _)| !replaced(name)).chain(fields).copied().collect();
    client.token(&all).await
}

fn token(answer: &Answer) -> String {
    answer.ok()["access_token"].as_str().unwrap().to_owned()
}

fn claims(answer: &Answer) -> Value {
    decoded(&token(answer)).1
}

#[tokio::test]
async fn rfc8693_2_a_back_end_gets_a_token_to_act_for_a_person() {
    let Scene { world, backend, alice, tokens, shop } = scene().await;
    assert_eq!(decoded(&tokens.access_token).1["may_act"], json!({"sub": "backend"}), "[RFC 8693 §4.4]");
    assert_eq!(decoded(&tokens.id_token).1["may_act"], json!({"sub": "backend"}));
    let answer = exchange(&backend, &tokens.access_token, &[("audience", "stock"), ("scope", "stock:read")]).await;
    let told = answer.ok();
    assert_eq!((&told["issued_token_type"], &told["token_type"]), (&json!(ACCESS), &json!("Bearer")));
    assert_eq!(told["scope"], "stock:read");
    assert!(told.get("refresh_token").is_none() && told.get("id_token").is_none());
    let exchanged = claims(&answer);
    assert_eq!(exchanged["sub"], alice.id.to_string());
    assert_eq!((&exchanged["aud"], &exchanged["client_id"]), (&json!("stock"), &json!("backend")));
    assert_eq!(exchanged["act"], json!({"sub": "backend"}), "[RFC 8693 §4.1] delegation");
    assert!(exchanged.get("may_act").is_none());
    // It is for the other service, and is none here.
    world.userinfo(&token(&answer)).await.refused(401, "invalid_token");
    let stock = exchanges(world.client("stock"), false).await;
    let described = stock.introspect(&token(&answer)).await;
    assert_eq!((&described["active"], &described["act"]), (&json!(true), &json!({"sub": "backend"})));
    assert_eq!(described["aud"], "stock");
    assert_eq!(shop.introspect(&token(&answer)).await, json!({"active": false}));
    // Whom it is for goes on with it, and who acted is remembered.
    let next = exchange(&stock, &token(&answer), &[("resource", WAREHOUSE)]).await;
    assert_eq!(claims(&next)["act"], json!({"sub": "stock", "act": {"sub": "backend"}}));
    assert_eq!(claims(&next)["aud"], WAREHOUSE);
    // What is for another service does not become good for this server.
    let same = exchange(&stock, &token(&answer), &[]).await;
    assert_eq!(claims(&same)["aud"], "stock");
    world.userinfo(&token(&same)).await.refused(401, "invalid_token");
    // Without a target, what was for this server is for it.
    let here = exchange(&backend, &tokens.access_token, &[]).await;
    assert_eq!(claims(&here)["aud"], world.issuer());
    assert_eq!(world.userinfo(&token(&here)).await.ok()["sub"], alice.id.to_string());
}

/// [RFC 8693 §1.1, RFC 8707 §2] whom a token is for is one question, whether it is shown to somebody or exchanged.
#[tokio::test]
async fn rfc8693_1_1_a_server_exchanges_what_is_for_its_address_and_nothing_else() {
    let Scene { world, backend, tokens, .. } = scene().await;
    let is = |id: &str, uri: &str| {
        let uri = uri.to_owned();
        exchanges(world.client(id), false).registered(|client| client.protected_resources = vec![uri])
    };
    let (warehouse, ours) = (is("warehouse", WAREHOUSE).await, is("ours", world.issuer()).await);
    let there = token(&exchange(&backend, &tokens.access_token, &[("resource", WAREHOUSE)]).await);
    let next = exchange(&warehouse, &there, &[("audience", "stock")]).await;
    assert_eq!(claims(&next)["act"], json!({"sub": "warehouse", "act": {"sub": "backend"}}));
    // What is for this server is nobody's else, whatever a client is called.
    let named = exchanges(world.client(world.issuer()), false).await;
    for other in [&ours, &named] {
        exchange(other, &tokens.access_token, &[]).await.refused(400, "invalid_request");
        exchange(other, &there, &[]).await.refused(400, "invalid_request");
        assert_eq!(other.introspect(&tokens.access_token).await, json!({"active": false}));
    }
}

#[tokio::test]
async fn rfc8693_1_1_impersonation_is_a_permission() {
    let Scene { world, tokens, .. } = scene().await;
    let actor = exchanges(world.client("other"), true).await;
    // It may leave out who acts, and may still not take tokens of others.
    exchange(&actor, &tokens.access_token, &[]).await.refused(400, "invalid_request");
    let shop = world.client("market").signs_in().scope("openid profile stock:read");
    let shop = shop.registered(|client| client.may_act = ClientId::parse("other")).await;
    let tokens = signed_in(&world, &shop).await;
    let answer = exchange(&actor, &tokens.access_token, &[]).await;
    assert!(claims(&answer).get("act").is_none());
}

#[tokio::test]
async fn rfc8693_2_1_an_actor_token_says_who_acts() {
    let Scene { world, backend, tokens, shop, .. } = scene().await;
    let own = backend.token(&[("grant_type", "client_credentials"), ("scope", "stock:read")]).await.ok();
    let own = own["access_token"].as_str().unwrap();
    let answer = exchange(&backend, &tokens.access_token, &[("actor_token", own), ("actor_token_type", ACCESS)]).await;
    assert_eq!(claims(&answer)["act"], json!({"sub": "backend"}));
    let other = exchanges(world.client("other"), false).await;
    let foreign = other.token(&[("grant_type", "client_credentials")]).await.ok();
    let refresh = tokens.refresh_token.as_deref().unwrap();
    for (what, token, kind) in [
        ("another client's", foreign["access_token"].as_str().unwrap(), ACCESS),
        ("the shop's", tokens.access_token.as_str(), ACCESS),
        ("a refresh token", refresh, ACCESS),
        ("nothing", "x", ACCESS),
        ("one of another type", own, ID),
    ] {
        let watch = world.watch().await;
        let fields = [("actor_token", token), ("actor_token_type", kind)];
        exchange(&backend, &tokens.access_token, &fields).await.refused(400, "invalid_request");
        watch.only_a_refusal(what).await;
    }
    // A client's own token tells of nobody for whom somebody could act.
    exchange(&backend, own, &[]).await.refused(400, "invalid_request");
    drop(shop);
}

#[tokio::test]
async fn rfc8693_2_1_an_id_token_can_be_exchanged_while_it_is_good() {
    let Scene { world, backend, alice, tokens, shop } = scene().await;
    let by_id = [("subject_token_type", ID), ("audience", "stock")];
    let answer = exchange(&backend, &tokens.id_token, &by_id).await;
    let exchanged = claims(&answer);
    assert_eq!((&exchanged["sub"], &exchanged["aud"]), (&json!(alice.id.to_string()), &json!("stock")));
    assert_eq!(answer.ok()["scope"], "openid profile stock:read");
    // One is not the other.
    exchange(&backend, &tokens.id_token, &[]).await.refused(400, "invalid_request");
    exchange(&backend, &tokens.access_token, &by_id).await.refused(400, "invalid_request");
    // It stands for what the person gave: without that, it gives nothing.
    shop.revoke(tokens.refresh_token.as_deref().unwrap(), None).await;
    exchange(&backend, &tokens.id_token, &by_id).await.refused(400, "invalid_request");
    let tokens = signed_in(&world, &shop).await;
    exchange(&backend, &tokens.id_token, &by_id).await.ok();
    world.clock.advance(seconds(3600));
    exchange(&backend, &tokens.id_token, &by_id).await.refused(400, "invalid_request");
}

/// What a person agrees to later is not what an earlier ID token stands for, whoever has it.
#[tokio::test]
async fn rfc8693_2_1_an_id_token_stands_for_what_it_was_given_with() {
    let Scene { world, backend, tokens, shop, .. } = scene().await;
    let by_id = [("subject_token_type", ID)];
    world.clock.advance(seconds(2));
    let narrow = signed_in_for(&world, &shop, "openid").await;
    world.clock.advance(seconds(2));
    let wide = signed_in(&world, &shop).await;
    assert_eq!(exchange(&backend, &narrow.id_token, &by_id).await.ok()["scope"], "openid");
    assert_eq!(exchange(&backend, &tokens.id_token, &by_id).await.ok()["scope"], "openid profile stock:read");
    // And another grant does not stand in for one that was taken back.
    shop.revoke(narrow.refresh_token.as_deref().unwrap(), None).await;
    exchange(&backend, &narrow.id_token, &by_id).await.refused(400, "invalid_request");
    exchange(&backend, &wide.id_token, &by_id).await.ok();
}

/// What was granted for another server is not had by an ID token: that was never good there.
#[tokio::test]
async fn security_27_an_id_token_opens_no_server_that_the_client_may_not_name() {
    let Scene { world, backend, shop, .. } = scene().await;
    let by_id = [("subject_token_type", ID)];
    for (server, answers) in [("https://files.example", false), (WAREHOUSE, true)] {
        shop.update(move |client| client.resources = vec![server.to_owned()]).await;
        let mut browser = world.browser();
        let fields = [("scope", "openid profile"), ("resource", server)];
        let page = browser.authorize(&shop, &fields).await.unwrap();
        let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        let tokens = shop.redeem(callback.get("code")).await.tokens();
        let answer = exchange(&backend, &tokens.id_token, &by_id).await;
        if answers {
            assert_eq!(claims(&answer)["aud"], server);
        } else {
            answer.refused(400, "invalid_target");
        }
    }
}

/// A client that is switched off has no tokens, whoever they were exchanged by.
#[tokio::test]
async fn an_exchanged_token_ends_with_the_client_that_the_person_trusted() {
    let Scene { world, backend, tokens, shop, .. } = scene().await;
    let exchanged = token(&exchange(&backend, &tokens.access_token, &[]).await);
    world.userinfo(&exchanged).await.ok();
    shop.update(|client| client.disabled = true).await;
    world.userinfo(&exchanged).await.refused(401, "invalid_token");
    exchange(&backend, &exchanged, &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn rfc8693_2_2_2_each_refusal_has_its_code_and_changes_nothing() {
    let Scene { world, backend, tokens, shop, .. } = scene().await;
    let stranger = exchanges(world.client("stranger"), true).await;
    let (good, refresh) = (tokens.access_token.as_str(), tokens.refresh_token.as_deref().unwrap());
    for (what, client, token, fields, error) in [
        ("a client without the grant", &shop, good, vec![], "unauthorized_client"),
        ("a client that nobody named", &stranger, good, vec![], "invalid_request"),
        ("a refresh token", &backend, refresh, vec![], "invalid_request"),
        ("nothing", &backend, "x", vec![], "invalid_request"),
        ("an audience of others", &backend, good, vec![("audience", "bank")], "invalid_target"),
        ("a resource of others", &backend, good, vec![("resource", "https://bank.example")], "invalid_target"),
        ("no resource", &backend, good, vec![("resource", "x")], "invalid_target"),
        ("two targets", &backend, good, vec![("audience", "stock"), ("resource", WAREHOUSE)], "invalid_target"),
        ("a wider scope", &backend, good, vec![("scope", "openid email")], "invalid_scope"),
        (
            "a refresh token wanted",
            &backend,
            good,
            vec![("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")],
            "invalid_request",
        ),
        ("no type", &backend, good, vec![("subject_token_type", "")], "invalid_request"),
        ("half an actor", &backend, good, vec![("actor_token", "x")], "invalid_request"),
    ] {
        let watch = world.watch().await;
        exchange(client, token, &fields).await.refused(400, error);
        watch.only_a_refusal(what).await;
    }
    let metadata = world.get(DISCOVERY).await.json();
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
}

#[tokio::test]
async fn what_ends_the_first_token_ends_the_other_one() {
    let Scene { world, backend, alice, tokens, shop } = scene().await;
    world.clock.advance(seconds(200));
    let answer = exchange(&backend, &tokens.access_token, &[]).await;
    let (first, second) = (decoded(&tokens.access_token).1, claims(&answer));
    assert_eq!(second["exp"], first["exp"], "no longer than the token that it came from");
    let exchanged = token(&answer);
    world.userinfo(&exchanged).await.ok();
    alice.lock().await;
    world.userinfo(&exchanged).await.refused(401, "invalid_token");
    exchange(&backend, &tokens.access_token, &[]).await.refused(400, "invalid_request");
    // To lock somebody is to sign them out: what was given there does not come back.
    alice.unlock().await;
    world.userinfo(&exchanged).await.refused(401, "invalid_token");
    let tokens = signed_in(&world, &shop).await;
    let exchanged = token(&exchange(&backend, &tokens.access_token, &[]).await);
    world.userinfo(&exchanged).await.ok();
    shop.revoke(tokens.refresh_token.as_deref().unwrap(), None).await;
    world.userinfo(&exchanged).await.refused(401, "invalid_token");
    exchange(&backend, &tokens.access_token, &[]).await.refused(400, "invalid_request");
    // Whoever may act no more gets no more.
    let tokens = signed_in(&world, &shop).await;
    shop.update(|client| client.may_act = None).await;
    exchange(&backend, &tokens.access_token, &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn nobody_gets_rid_of_the_key_of_a_bound_token() {
    let Scene { world, shop, backend, .. } = scene().await;
    let prover = world.prover();
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[("scope", "openid profile stock:read")]).await;
    let code = match page {
        Ok(page) => browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err(),
        Err(callback) => callback,
    };
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.get("code")),
        ("redirect_uri", crate::world::CALLBACK),
        ("code_verifier", crate::world::VERIFIER),
    ];
    let bound = prover.token(&shop, &fields).await.tokens();
    exchange(&backend, &bound.access_token, &[]).await.refused(400, "invalid_request");
    let subject = [("grant_type", GRANT), ("subject_token", &bound.access_token), ("subject_token_type", ACCESS)];
    world.prover().token(&backend, &subject).await.refused(400, "invalid_request");
    let answer = prover.token(&backend, &subject).await;
    assert_eq!((&answer.ok()["token_type"], &claims(&answer)["cnf"]), (&json!("DPoP"), &json!({"jkt": prover.jkt()})));
}
