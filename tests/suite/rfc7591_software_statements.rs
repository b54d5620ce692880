//! Software statements [RFC 7591 §2.3]: what somebody whom the operator trusts says about a client.

use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::trusted_issuers::TrustedIssuers;
use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Builder, CALLBACK, Jwk, REGISTER, World};

const BANK: &str = "https://bank.example";

/// A world that believes the holder of this key.
fn trusting(key: &Jwk) -> Builder {
    let mut jwk = key.public();
    jwk["kid"] = json!("statements");
    let trusted = json!({ BANK: { "keys": [jwk] } });
    World::with().settings(move |settings| {
        settings.registration = Admission::Anybody;
        settings.registrations = 1000;
        settings.trusted = TrustedIssuers::parse(trusted.to_string().as_bytes()).unwrap();
    })
}

fn statement(key: &Jwk, alg: &str, change: &Value) -> String {
    let mut claims = json!({
        "iss": BANK, "iat": 1, "client_name": "Said", "software_id": "4",
        "redirect_uris": [CALLBACK],
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.jws(&json!({"alg": alg, "kid": "statements", "typ": "JWT"}), &claims)
}

async fn register(world: &World, body: &Value) -> Answer {
    let answer = Answer::of(world.request(Method::POST, REGISTER).json(body)).await;
    if answer.status == 201 {
        let json = answer.json();
        for name in ["client_secret", "registration_access_token"] {
            if let Some(secret) = json[name].as_str() {
                world.guard(secret);
            }
        }
    }
    answer
}

#[tokio::test]
async fn rfc7591_2_3_a_statement_counts_more_than_the_client_and_is_said_again() {
    let key = Jwk::for_algorithm(Algorithm::ES256);
    let world = trusting(&key).start().await;
    let said = statement(&key, "ES256", &json!({}));
    let body = json!({
        "software_statement": said, "client_name": "Mine", "redirect_uris": ["https://evil.test/cb"],
        "client_uri": "https://shop.example/",
    });
    let answer = register(&world, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["client_name"], &json["redirect_uris"]), (&json!("Said"), &json!([CALLBACK])));
    assert_eq!((&json["software_id"], &json["client_uri"]), (&json!("4"), &json!("https://shop.example/")));
    // [RFC 7591 §3.2.1] unmodified.
    assert_eq!(json["software_statement"], said);
    let at = json["registration_client_uri"].as_str().unwrap().strip_prefix(world.issuer()).unwrap().to_owned();
    let token = json["registration_access_token"].as_str().unwrap();
    let read = Answer::of(world.request(Method::GET, &at).bearer_auth(token)).await.ok();
    assert_eq!(read["software_statement"], said);
    // Whoever changes what is registered is not rid of it by saying less, and no better off by saying nothing.
    let without = json!({ "client_id": json["client_id"], "redirect_uris": ["https://shop.example/other"] });
    let changed = Answer::of(world.request(Method::PUT, &at).bearer_auth(token).json(&without)).await.ok();
    world.guard(changed["registration_access_token"].as_str().unwrap());
    assert!(changed.get("software_statement").is_none() && changed["client_name"] != "Said", "{changed}");
}

#[tokio::test]
async fn rfc7591_3_2_2_a_statement_that_is_not_believed_is_refused() {
    let key = Jwk::for_algorithm(Algorithm::PS256);
    let world = trusting(&key).start().await;
    let now = world.now().seconds();
    let stranger = Jwk::for_algorithm(Algorithm::ES256);
    for (statement, error) in [
        (statement(&key, "PS256", &json!({"iss": "https://evil.test"})), "unapproved_software_statement"),
        (statement(&key, "PS256", &json!({"iss": null})), "unapproved_software_statement"),
        ("a.b.c".to_owned(), "invalid_software_statement"),
        (statement(&stranger, "ES256", &json!({})), "invalid_software_statement"),
        (statement(&key, "PS256", &json!({"exp": now})), "invalid_software_statement"),
        (statement(&key, "PS256", &json!({"nbf": now + 60})), "invalid_software_statement"),
        (statement(&key, "PS256", &json!({"client_id": "shop"})), "invalid_software_statement"),
        (statement(&key, "PS256", &json!({"redirect_uris": 5})), "invalid_software_statement"),
        // What it says has to be acceptable as well.
        (statement(&key, "PS256", &json!({"redirect_uris": ["https://x.test/#f"]})), "invalid_redirect_uri"),
    ] {
        let watch = world.watch().await;
        let body = json!({ "software_statement": statement, "redirect_uris": [CALLBACK] });
        register(&world, &body).await.refused(400, error);
        watch.only_a_refusal(error).await;
    }
    // Nobody is trusted, unless the operator says so.
    let world = World::with().settings(|settings| settings.registration = Admission::Anybody).start().await;
    let body = json!({ "software_statement": statement(&key, "PS256", &json!({})), "redirect_uris": [CALLBACK] });
    register(&world, &body).await.refused(400, "unapproved_software_statement");
}

#[tokio::test]
async fn a_statement_is_signed_as_the_profile_allows() {
    let key = Jwk::for_algorithm(Algorithm::PS256);
    let fapi = |settings: &mut nod::app::Settings| settings.profiles.server = Some(Profile::Fapi2Security);
    let world = trusting(&key).settings(fapi).start().await;
    let mut jwk = Jwk::for_algorithm(Algorithm::ES256).public();
    jwk["kid"] = json!("own");
    let members = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]} });
    for (alg, status) in [("RS256", 400), ("PS256", 201)] {
        let body = json!({ "software_statement": statement(&key, alg, &members) });
        let answer = register(&world, &body).await;
        assert_eq!(answer.status, status, "{alg}: {}", answer.text());
    }
}
