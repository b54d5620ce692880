//! [CIBA §7.1] A `login_hint_token`: whom to ask, in a JWT of the client or of somebody whom the operator trusts.

use nod::domain::client::{Backchannel, KeySource};
use nod::domain::profile::Profile;
use nod::domain::subject::Sector;
use nod::domain::user::Status;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::trusted_issuers::TrustedIssuers;
use serde_json::{Value, json};

use crate::ciba_07_signed_request::signed;
use crate::world::{Answer, BC_AUTHORIZE, Backing, Builder, Client, Jwk, Person, World, compact, decoded, seconds};

const HR: &str = "https://hr.example";

fn header(client: &Client) -> Value {
    let mut header = client.header();
    header["typ"] = json!("login-hint+jwt");
    header
}

/// The claims of a good one for alice by her username, with what a test adds or replaces; `null` removes one.
fn claims(world: &World, client: &Client, change: &Value) -> Value {
    let now = world.now().seconds();
    let mut claims = json!({
        "iss": client.id, "aud": world.issuer(), "exp": now + 60, "sub_id": {"format": "opaque", "id": "alice"},
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

/// As the client signs it.
pub(crate) fn hint(world: &World, client: &Client, change: &Value) -> String {
    client.key().jws(&header(client), &claims(world, client, change))
}

/// A world that believes the holder of this key.
fn trusting(key: &Jwk) -> Builder {
    let mut jwk = key.public();
    jwk["kid"] = json!("hints");
    let trusted = json!({ HR: { "keys": [jwk] } });
    World::with().generous().settings(move |settings| {
        settings.hint_issuers = TrustedIssuers::parse(trusted.to_string().as_bytes()).unwrap();
    })
}

/// As somebody else says it of a client.
fn said(world: &World, key: &Jwk, client: &Client, change: &Value) -> String {
    let mut claims = claims(world, client, &json!({"iss": HR, "client_id": client.id}));
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    // A claim that is null is one that is not there.
    key.jws(&json!({"alg": "ES256", "kid": "hints", "typ": "login-hint+jwt"}), &claims)
}

async fn ask(client: &Client, token: &str) -> Answer {
    client.bc_authorize(&[("login_hint_token", token), ("scope", "openid")]).await
}

/// The question is there for whoever was meant.
async fn reaches(client: &Client, token: &str, person: &Person) {
    let asked = ask(client, token).await.ok();
    person.phone().approve_the_question().await;
    client.poll_id(asked["auth_req_id"].as_str().unwrap()).await.tokens();
}

async fn scene(world: &World) -> (Client, Person) {
    (world.client("shop").private_key_jwt(Algorithm::ES256).await, world.user("alice").with_phone().await)
}

async fn refused(world: &World, client: &Client, token: &str, error: &str, what: &str) {
    let watch = world.watch().await;
    ask(client, token).await.refused(400, error);
    let event = watch.only_a_refusal(what).await;
    assert_eq!((event.action.as_str(), event.client.as_deref()), ("request.created", Some(client.id.as_str())));
    assert!(event.reason.unwrap().starts_with(error), "{what}");
}

#[tokio::test]
async fn t12_7_an_expired_hint_token() {
    let world = World::start().await;
    let (shop, alice) = scene(&world).await;
    let token = hint(&world, &shop, &json!({}));
    reaches(&shop, &token, &alice).await;
    world.clock.advance(seconds(66));
    refused(&world, &shop, &token, "expired_login_hint_token", "an expired one").await;
    // That of nobody who may is told nothing of its age.
    let forged = Jwk::p256().jws(&header(&shop), &claims(&world, &shop, &json!({"exp": 1})));
    refused(&world, &shop, &forged, "invalid_request", "an expired one of somebody else").await;
    let for_bank = hint(&world, &shop, &json!({"exp": 1, "client_id": "bank"}));
    refused(&world, &shop, &for_bank, "invalid_request", "an expired one for another client").await;
}

#[tokio::test]
async fn security_54_a_hint_token_is_of_somebody_who_may_for_this_client_and_this_server() {
    let hr = Jwk::p256();
    let world = trusting(&hr).start().await;
    let (shop, _alice) = scene(&world).await;
    let bank = world.client("bank").private_key_jwt(Algorithm::ES256).await;
    let now = world.now().seconds();
    let good = || claims(&world, &shop, &json!({}));
    let mut bad = vec![
        ("no JWT", "alice".to_owned()),
        ("encrypted", "a.b.c.d.e".to_owned()),
        ("not signed", compact(&json!({"alg": "none", "typ": "login-hint+jwt"}), &good(), |_| Vec::new())),
        ("zeros", compact(&header(&shop), &good(), |_| vec![0; 64])),
        ("another client's key", bank.key().jws(&header(&shop), &good())),
        ("another client's hint", hint(&world, &bank, &json!({}))),
        ("another client's hint for this one", hint(&world, &bank, &json!({"client_id": "shop"}))),
        ("an unknown issuer", said(&world, &hr, &shop, &json!({"iss": "https://evil.example"}))),
        ("a trusted issuer's name on another key", said(&world, &Jwk::p256(), &shop, &json!({}))),
        ("a trusted issuer's for another client", said(&world, &hr, &bank, &json!({}))),
        ("a trusted issuer's for nobody", said(&world, &hr, &shop, &json!({"client_id": null}))),
        ("a client's name on a trusted key", said(&world, &hr, &shop, &json!({"iss": "shop"}))),
        ("a client assertion", shop.assertion()),
        ("a signed question", signed(&world, &shop, &json!({"sub": "alice"}))),
    ];
    for change in [
        json!({"iss": null}),
        json!({"iss": "bank"}),
        json!({"client_id": "bank"}),
        json!({"aud": null}),
        json!({"aud": "https://other.example"}),
        json!({"aud": format!("{}/", world.issuer())}),
        json!({"exp": null}),
        json!({"exp": now + 3700}),
        json!({"nbf": now + 60}),
        json!({"iat": now + 60}),
        json!({"jti": ""}),
        json!({"sub_id": null}),
        json!({"sub": "alice"}),
        json!({"sub_id": "alice"}),
        json!({"sub_id": {"format": "opaque"}}),
    ] {
        bad.push(("claims", hint(&world, &shop, &change)));
    }
    for change in [
        json!({"typ": null}),
        json!({"typ": "JWT"}),
        json!({"typ": "oauth-authz-req+jwt"}),
        json!({"alg": "HS256"}),
        json!({"kid": "other"}),
        json!({"crit": ["x"]}),
    ] {
        let mut header = header(&shop);
        for (name, value) in change.as_object().unwrap() {
            header[name] = value.clone();
        }
        bad.push(("header", shop.key().jws(&header, &good())));
    }
    for (what, token) in &bad {
        refused(&world, &shop, token, "invalid_request", &format!("{what}: {token}")).await;
    }
    // No parameter of this name is longer, whosever it is.
    let long = hint(&world, &shop, &json!({"x": "x".repeat(4000)}));
    ask(&shop, &long).await.refused(400, "invalid_request");
    // Nor is it anything else.
    let token = hint(&world, &shop, &json!({"sub": "shop", "sub_id": null, "jti": "one"}));
    let authenticated = shop.with_assertion(BC_AUTHORIZE, &[("login_hint", "alice"), ("scope", "openid")], &token);
    Answer::of(authenticated).await.refused(401, "invalid_client");
    let question = crate::ciba_07_signed_request::claims(&world, &shop, &json!({}));
    let question = shop.key().jws(&header(&shop), &question);
    shop.bc_authorize(&[("request", &question)]).await.refused(400, "invalid_request");
    // Each of the others is good.
    ask(&shop, &hint(&world, &shop, &json!({}))).await.ok();
    ask(&shop, &said(&world, &hr, &shop, &json!({}))).await.ok();
    for aud in [json!([world.issuer(), "x"]), json!(format!("{}{BC_AUTHORIZE}", world.issuer()))] {
        ask(&shop, &hint(&world, &shop, &json!({ "aud": aud }))).await.ok();
    }
}

#[tokio::test]
async fn ciba_7_1_whoever_is_trusted_says_it_for_a_client_without_keys() {
    let hr = Jwk::p256();
    let world = trusting(&hr).start().await;
    let (till, alice) = (world.client("till").await, world.user("alice").with_phone().await);
    reaches(&till, &said(&world, &hr, &till, &json!({})), &alice).await;
    let by_subject = json!({"sub": alice.id.to_string(), "sub_id": null});
    reaches(&till, &said(&world, &hr, &till, &by_subject), &alice).await;
    let own = said(&world, &hr, &till, &json!({"iss": "till"}));
    refused(&world, &till, &own, "invalid_request", "by the client, who has no keys").await;
    // Nobody is trusted, unless the operator says so.
    let world = World::start().await;
    let (till, _alice) = (world.client("till").await, world.user("alice").with_phone().await);
    refused(&world, &till, &said(&world, &hr, &till, &json!({})), "invalid_request", "nobody is trusted").await;
}

#[tokio::test]
async fn rfc9493_3_2_people_are_named_as_they_are_known_here() {
    for backing in [Backing::Sqlite, Backing::Postgres] {
        let world = World::with().backing(backing).generous().start().await;
        let (shop, alice) = scene(&world).await;
        let (bob, carol) = (world.user("bob").with_phone().await, world.user("carol").with_phone().await);
        carol.email_unverified().await;
        let by = |id: Value| hint(&world, &shop, &json!({ "sub_id": id }));
        let sub = |person: &Person| person.id.to_string();
        reaches(&shop, &hint(&world, &shop, &json!({"sub": sub(&bob), "sub_id": null})), &bob).await;
        reaches(&shop, &by(json!({"format": "iss_sub", "iss": world.issuer(), "sub": sub(&bob)})), &bob).await;
        reaches(&shop, &by(json!({"format": "opaque", "id": "alice"})), &alice).await;
        reaches(&shop, &by(json!({"format": "email", "email": alice.email})), &alice).await;
        for (what, id) in [
            ("another issuer's subject", json!({"format": "iss_sub", "iss": HR, "sub": sub(&alice)})),
            ("nobody", json!({"format": "opaque", "id": "nobody"})),
            ("a subject in place of a name", json!({"format": "opaque", "id": sub(&alice)})),
            ("nobody's address", json!({"format": "email", "email": "nobody@example.com"})),
            ("in another spelling", json!({"format": "email", "email": alice.email.to_uppercase()})),
            ("one that is not verified", json!({"format": "email", "email": carol.email})),
            ("a telephone", json!({"format": "phone_number", "phone_number": "+12065550100"})),
            ("an account elsewhere", json!({"format": "account", "uri": "acct:alice@example.com"})),
            ("NUL", json!({"format": "email", "email": "a\0@example.com"})),
        ] {
            refused(&world, &shop, &by(id), "unknown_user_id", what).await;
        }
        // Whom an address means that two have, nobody can tell.
        bob.set_email(&alice.email).await;
        let shared = by(json!({"format": "email", "email": alice.email}));
        refused(&world, &shop, &shared, "unknown_user_id", "an address of two").await;
        alice.email_unverified().await;
        reaches(&shop, &shared, &bob).await;
        bob.set_status(Status::Locked).await;
        let watch = world.watch().await;
        ask(&shop, &shared).await.refused(403, "access_denied");
        watch.only_a_refusal("a locked person").await;
    }
}

#[tokio::test]
async fn oidcc_8_1_a_pairwise_client_names_people_as_it_knows_them() {
    let world = World::with().generous().start().await;
    let sector = |host: &str| Some(Sector { host: host.to_owned(), uri: None });
    let of = |id: &str, host: &'static str| {
        let client = world.client(id).private_key_jwt(Algorithm::ES256);
        client.registered(move |client| client.pairwise = sector(host))
    };
    let (shop, bank) = (of("shop", "shop.example").await, of("bank", "bank.example").await);
    let alice = world.user("alice").with_phone().await;
    let sub = decoded(&shop.log_in(&alice).await.id_token).1["sub"].clone();
    assert_ne!(sub, alice.id.to_string());
    let names = |client: &Client, sub: &Value| hint(&world, client, &json!({"sub": sub, "sub_id": null}));
    reaches(&shop, &names(&shop, &sub), &alice).await;
    refused(&world, &bank, &names(&bank, &sub), "unknown_user_id", "a subject of another sector").await;
    let public = json!(alice.id.to_string());
    refused(&world, &shop, &names(&shop, &public), "unknown_user_id", "a subject that it was not told").await;
}

#[tokio::test]
async fn a_hint_token_with_a_jti_is_heard_once() {
    let world = World::with().generous().start().await;
    let (shop, _alice) = scene(&world).await;
    let bank = world.client("bank").private_key_jwt(Algorithm::ES256).await;
    let once = |who: &str| json!({"jti": "one", "sub_id": {"format": "opaque", "id": who}});
    // One that is refused for another reason is not used up.
    let of_bob = hint(&world, &shop, &once("bob"));
    refused(&world, &shop, &of_bob, "unknown_user_id", "nobody yet").await;
    let _bob = world.user("bob").with_phone().await;
    ask(&shop, &of_bob).await.ok();
    refused(&world, &shop, &of_bob, "invalid_request", "one that comes again").await;
    world.clock.advance(seconds(64));
    refused(&world, &shop, &of_bob, "invalid_request", "one that comes again, late").await;
    // A name is each issuer's own, and of no question.
    ask(&bank, &hint(&world, &bank, &once("bob"))).await.ok();
    shop.bc_authorize(&[("request", &signed(&world, &shop, &json!({"jti": "one"})))]).await.ok();
    // Without one, it is as good the second time.
    let token = hint(&world, &shop, &json!({}));
    for _ in 0..2 {
        ask(&shop, &token).await.ok();
    }
}

#[tokio::test]
async fn ciba_7_1_1_a_hint_token_is_signed_once_more_within_a_question() {
    let hr = Jwk::p256();
    let world = trusting(&hr).start().await;
    let (shop, alice) = scene(&world).await;
    for token in [hint(&world, &shop, &json!({})), said(&world, &hr, &shop, &json!({}))] {
        let request = signed(&world, &shop, &json!({"login_hint": null, "login_hint_token": token}));
        let asked = shop.bc_authorize(&[("request", &request)]).await.ok();
        alice.phone().approve_the_question().await;
        shop.poll_id(asked["auth_req_id"].as_str().unwrap()).await.tokens();
    }
    let expired = hint(&world, &shop, &json!({"exp": 1}));
    for (change, error) in [
        (json!({"login_hint": null, "login_hint_token": expired}), "expired_login_hint_token"),
        // Exactly one, whatever is in them.
        (json!({"login_hint_token": expired}), "invalid_request"),
        (json!({"login_hint": null, "login_hint_token": {"iss": "shop"}}), "invalid_request"),
    ] {
        shop.bc_authorize(&[("request", &signed(&world, &shop, &change))]).await.refused(400, error);
    }
}

#[tokio::test]
async fn under_the_uniform_policy_a_hint_token_to_nobody_looks_like_any_other() {
    let world = World::with().generous().settings(|settings| settings.policy.uniform = true).start().await;
    let (shop, _alice) = scene(&world).await;
    for id in [
        json!({"format": "opaque", "id": "alice"}),
        json!({"format": "opaque", "id": "nobody"}),
        json!({"format": "email", "email": "nobody@example.com"}),
        json!({"format": "phone_number", "phone_number": "+12065550100"}),
    ] {
        let asked = ask(&shop, &hint(&world, &shop, &json!({ "sub_id": id }))).await.ok();
        shop.poll_id(asked["auth_req_id"].as_str().unwrap()).await.refused(400, "authorization_pending");
    }
}

#[tokio::test]
async fn a_client_may_be_held_to_hints_that_nobody_makes_up() {
    let world = World::with().generous().start().await;
    let (shop, alice) = scene(&world).await;
    let told = shop.log_in(&alice).await.id_token;
    let backchannel = |client: &mut nod::domain::client::Client| {
        let own = client.backchannel.take().unwrap();
        client.backchannel = Some(Backchannel { require_hint_token: true, ..own });
    };
    shop.update(backchannel).await;
    let plain = [("login_hint", "alice"), ("scope", "openid")];
    let watch = world.watch().await;
    shop.bc_authorize(&plain).await.refused(400, "invalid_request");
    watch.only_a_refusal("a plain hint").await;
    shop.bc_authorize(&[("request", &signed(&world, &shop, &json!({})))]).await.refused(400, "invalid_request");
    ask(&shop, &hint(&world, &shop, &json!({}))).await.ok();
    shop.bc_authorize(&[("id_token_hint", &told), ("scope", "openid")]).await.ok();
}

#[tokio::test]
async fn a_hint_token_is_signed_and_addressed_as_the_profile_says() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").private_key_jwt(Algorithm::PS256).await, world.user("alice").await);
    let by = |alg: &str, aud: Value| {
        let header = json!({"alg": alg, "kid": "shop-key", "typ": "login-hint+jwt"});
        shop.key().jws(&header, &claims(&world, &shop, &json!({ "aud": aud })))
    };
    let (issuer, here) = (json!(world.issuer()), json!([world.issuer()]));
    for (alg, aud) in [("RS256", &issuer), ("PS256", &issuer), ("PS256", &here)] {
        ask(&shop, &by(alg, aud.clone())).await.ok();
    }
    shop.update(|client| client.security_profile = Some(Profile::Fapi2Security)).await;
    refused(&world, &shop, &by("RS256", issuer.clone()), "invalid_request", "PKCS #1").await;
    refused(&world, &shop, &by("PS256", here), "invalid_request", "a list of audiences").await;
    ask(&shop, &by("PS256", issuer)).await.ok();
    drop(alice);
}

#[tokio::test]
async fn the_keys_of_a_hint_token_may_be_elsewhere() {
    let world = World::start().await;
    let (shop, _alice) = (world.client("shop").private_key_jwt(Algorithm::ES256).await, world.user("alice").await);
    let token = hint(&world, &shop, &json!({}));
    // A client that proves itself by a secret has keys for what it signs alone. Nothing is fetched from a private address.
    let till = world.client("till").registered(|client| {
        let backchannel = client.backchannel.as_mut().unwrap();
        backchannel.keys = Some(KeySource::JwksUri("https://127.0.0.1/jwks".to_owned()));
    });
    let till = till.await;
    let mut claims = claims(&world, &shop, &json!({"iss": "till"}));
    refused(&world, &till, &shop.key().jws(&header(&shop), &claims), "invalid_request", "a private address").await;
    let mut jwk = shop.key().public();
    jwk["kid"] = json!("shop-key");
    till.update(move |client| {
        client.backchannel.as_mut().unwrap().keys = Some(KeySource::Jwks(json!({ "keys": [jwk] })));
    })
    .await;
    claims["iss"] = json!("till");
    ask(&till, &shop.key().jws(&header(&shop), &claims)).await.ok();
    // The same key, and still not another client's hint.
    refused(&world, &till, &token, "invalid_request", "another client's hint by the same key").await;
}
