//! [CIBA §7.1.1] A question that its client signed.

use nod::domain::client::{Authentication, GrantType};
use nod::protocol::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::admin::location;
use crate::world::{Answer, BC_AUTHORIZE, Client, Jwk, Person, World, compact, seconds};

/// The claims of a good one, with what a test adds or replaces; `null` removes one. Each has a `jti` of its own.
pub(crate) fn claims(world: &World, client: &Client, change: &Value) -> Value {
    let now = world.now().seconds();
    let mut claims = json!({
        "iss": client.id, "aud": world.issuer(), "iat": now, "nbf": now, "exp": now + 300,
        "jti": client.claims()["jti"], "scope": "openid profile", "login_hint": "alice", "binding_message": "W4SCT",
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

pub(crate) fn signed(world: &World, client: &Client, change: &Value) -> String {
    client.key().jws(&client.header(), &claims(world, client, change))
}

async fn ask(client: &Client, request: &str) -> Answer {
    client.bc_authorize(&[("request", request)]).await
}

async fn scene(world: &World) -> (Client, Person) {
    (world.client("shop").private_key_jwt(Algorithm::ES256).await, world.user("alice").with_phone().await)
}

#[tokio::test]
async fn ciba_7_1_1_a_signed_question_is_asked_and_answered() {
    let world = World::start().await;
    let (shop, alice) = scene(&world).await;
    let answer = ask(&shop, &signed(&world, &shop, &json!({}))).await.ok();
    alice.phone().approve_the_question().await;
    shop.poll_id(answer["auth_req_id"].as_str().unwrap()).await.tokens();
    // [protocol.md D78] a number, or a text.
    for expiry in [json!(60), json!("60")] {
        world.clock.advance(seconds(400));
        let request = signed(&world, &shop, &json!({ "requested_expiry": expiry }));
        assert_eq!(ask(&shop, &request).await.ok()["expires_in"], 60);
    }
    for expiry in [json!(0), json!(-1), json!(1.5), json!("1.5"), json!([60]), json!({})] {
        let request = signed(&world, &shop, &json!({ "requested_expiry": expiry }));
        ask(&shop, &request).await.refused(400, "invalid_request");
    }
    // Whoever is not registered so may sign or not.
    world.clock.advance(seconds(400));
    shop.ask(&alice).await;
}

#[tokio::test]
async fn security_43_a_signed_question_is_this_clients_for_this_server_and_new() {
    let world = World::start().await;
    let (shop, _alice) = scene(&world).await;
    let bank = world.client("bank").private_key_jwt(Algorithm::ES256).await;
    let now = world.now().seconds();
    let good = || claims(&world, &shop, &json!({}));
    let mut bad = vec![
        ("no JWT", "x".to_owned()),
        ("another client's key", bank.key().jws(&shop.header(), &good())),
        ("another client's question", signed(&world, &bank, &json!({}))),
        ("a client assertion", shop.assertion()),
        ("encrypted", "a.b.c.d.e".to_owned()),
        ("not signed", compact(&json!({"alg": "none"}), &good(), |_| Vec::new())),
        ("zeros", compact(&shop.header(), &good(), |_| vec![0; 64])),
    ];
    for change in [
        json!({"iss": null}),
        json!({"iss": "bank"}),
        json!({"aud": null}),
        json!({"aud": "https://other.example"}),
        json!({"exp": null}),
        json!({"exp": now - 10}),
        json!({"exp": now + 3700}),
        json!({"iat": null}),
        json!({"nbf": null}),
        json!({"nbf": now + 60}),
        // [FAPI-CIBA §5.2.2] an hour at most, and so not from longer ago.
        json!({"nbf": now - 3700, "exp": now - 101}),
        json!({"nbf": now - 3700}),
        json!({"jti": null}),
        json!({"jti": "x".repeat(300)}),
        json!({"sub": "shop"}),
        json!({"client_id": "bank"}),
        json!({"request": "x"}),
    ] {
        bad.push(("claims", signed(&world, &shop, &change)));
    }
    for header in [
        json!({"alg": "HS256"}),
        json!({"alg": "RS256", "kid": "shop-key"}),
        json!({"alg": "ES256", "kid": "other"}),
        json!({"alg": "ES256", "kid": "shop-key", "typ": "at+jwt"}),
        json!({"alg": "ES256", "kid": "shop-key", "crit": ["x"]}),
    ] {
        bad.push(("header", shop.key().jws(&header, &good())));
    }
    for (what, request) in &bad {
        let watch = world.watch().await;
        ask(&shop, request).await.refused(400, "invalid_request");
        watch.only_a_refusal(what).await;
    }
    // What it asks is judged as if it stood in the form; such a question is used up.
    for change in [
        json!({"scope": null}),
        json!({"scope": "profile"}),
        json!({"login_hint": null}),
        json!({"id_token_hint": "x.y.z"}),
    ] {
        ask(&shop, &signed(&world, &shop, &change)).await.refused(400, "invalid_request");
    }
    for header in [json!({"typ": "JWT"}), json!({"typ": "jwt"}), json!({"typ": "oauth-authz-req+jwt"})] {
        let mut header = header;
        header["alg"] = json!("ES256");
        world.clock.advance(seconds(200));
        let request = shop.key().jws(&header, &claims(&world, &shop, &json!({})));
        ask(&shop, &request).await.ok();
    }
}

#[tokio::test]
async fn ciba_7_1_1_a_signed_question_is_asked_once() {
    let world = World::start().await;
    let (shop, alice) = scene(&world).await;
    let bank = world.client("bank").private_key_jwt(Algorithm::ES256).await;
    // One that is refused for another reason is not used up.
    let request = signed(&world, &shop, &json!({"jti": "one", "exp": world.now().seconds() + 3600}));
    shop.bc_authorize(&[("request", &request), ("scope", "openid")]).await.refused(400, "invalid_request");
    ask(&shop, &request).await.ok();
    alice.phone().approve_the_question().await;
    let watch = world.watch().await;
    ask(&shop, &request).await.refused(400, "invalid_request");
    watch.only_a_refusal("a question that comes again").await;
    // For as long as it is good; and a name is each client's own.
    world.clock.advance(seconds(3604));
    ask(&shop, &request).await.refused(400, "invalid_request");
    ask(&bank, &signed(&world, &bank, &json!({"jti": "one"}))).await.ok();
}

#[tokio::test]
async fn ciba_7_1_1_nothing_stands_beside_a_signed_question() {
    let world = World::start().await;
    let (shop, _alice) = scene(&world).await;
    for beside in [
        ("scope", "openid"),
        ("login_hint", "alice"),
        ("login_hint_token", "x"),
        ("id_token_hint", "x"),
        ("binding_message", "another"),
        ("acr_values", "x"),
        ("requested_expiry", "10"),
        ("user_code", "x"),
        ("client_notification_token", "x"),
    ] {
        let request = signed(&world, &shop, &json!({}));
        let watch = world.watch().await;
        shop.bc_authorize(&[("request", &request), beside]).await.refused(400, "invalid_request");
        watch.only_a_refusal(beside.0).await;
    }
    let by_reference = [("request_uri", "https://shop.example/r"), ("login_hint", "alice"), ("scope", "openid")];
    shop.bc_authorize(&by_reference).await.refused(400, "invalid_request");
    // But who it is, and what nobody knows.
    let request = signed(&world, &shop, &json!({}));
    shop.bc_authorize(&[("request", &request), ("client_id", "shop"), ("x_y", "z")]).await.ok();
}

#[tokio::test]
async fn ciba_4_who_has_registered_how_it_signs_is_not_heard_otherwise() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let shop = world.client("shop").private_key_jwt(Algorithm::PS256).await;
    shop.update(|shop| shop.backchannel.as_mut().unwrap().request_signing_alg = Some(Algorithm::PS256)).await;
    let plain = [("login_hint", "alice"), ("scope", "openid")];
    shop.bc_authorize(&plain).await.refused(400, "invalid_request");
    let by_rs256 = shop.key().jws(&json!({"alg": "RS256", "kid": "shop-key"}), &claims(&world, &shop, &json!({})));
    ask(&shop, &by_rs256).await.refused(400, "invalid_request");
    ask(&shop, &signed(&world, &shop, &json!({}))).await.ok();
    alice.phone().approve_the_question().await;
    // A client without keys signs nothing.
    let till = world.client("till").await;
    let request = shop.key().jws(&shop.header(), &claims(&world, &shop, &json!({"iss": "till"})));
    Answer::of(till.form(BC_AUTHORIZE, &[("request", &request)])).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn ciba_4_the_algorithm_is_registered_with_keys_alone() {
    let world = World::start().await;
    let admin = world.admin().await;
    let mut jwk = Jwk::for_algorithm(Algorithm::ES256).public();
    jwk["kid"] = json!("a key");
    let keys = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]},
        "backchannel_authentication_request_signing_alg": "ES256",
    });
    let at = location(&admin.post("/admin/v1/clients", &keys).await);
    let name = "backchannel_authentication_request_signing_alg";
    assert_eq!(admin.get(&at).await.ok()[name], "ES256");
    let changed = admin.patch(&at, &json!({ name: null })).await.ok();
    assert!(changed.get(name).is_none());
    for body in [
        json!({ name: "ES256" }),
        json!({ name: "none", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]} }),
        json!({ name: "ES256", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]},
            "grant_types": [GrantType::ClientCredentials.as_str()], "scope": "reports" }),
    ] {
        let answer = admin.post("/admin/v1/clients", &body).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], format!("/{name}"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_client_may_publish_the_keys_it_signs_with() {
    let world = World::start().await;
    let (shop, _alice) = scene(&world).await;
    // Nothing is fetched from a private address: that is the client's trouble, and no outage of ours.
    shop.update(|shop| {
        if let Authentication::PrivateKeyJwt { keys, .. } = &mut shop.authentication {
            *keys = nod::domain::client::KeySource::JwksUri("https://127.0.0.1/jwks".to_owned());
        }
    })
    .await;
    ask(&shop, &signed(&world, &shop, &json!({}))).await.refused(401, "invalid_client");
}
