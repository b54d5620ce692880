//! A client that is known by its certificate asks people on their devices, with keys of its own for that [CIBA §7.1.1].

use nod::protocol::algorithm::Algorithm;
use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::ciba_07_signed_request::claims;
use crate::world::{Answer, Authority, BC_AUTHORIZE, CIBA, Identity, Jwk, REGISTER, World, named};

const CLIENTS: &str = "/admin/v1/clients";

fn public(key: &Jwk) -> Value {
    let mut jwk = key.public();
    jwk["kid"] = json!("questions");
    jwk
}

/// What the client asks with, signed by this key.
fn signed(world: &World, id: &str, key: &Jwk) -> String {
    let claims = claims(world, &world.known_client(id, "of no use"), &json!({}));
    key.jws(&json!({"alg": "ES256", "kid": "questions"}), &claims)
}

async fn ask(world: &World, identity: &Identity, id: &str, key: &Jwk) -> Answer {
    world.showing(identity).post(id, BC_AUTHORIZE, &[("request", &signed(world, id, key))]).await
}

#[tokio::test]
async fn fapi_ciba_5_2_2_a_client_with_a_certificate_signs_its_questions() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let (admin, alice) = (world.admin().await, world.user("alice").with_phone().await);
    let (key, other) = (Jwk::for_algorithm(Algorithm::ES256), Jwk::for_algorithm(Algorithm::ES256));
    let mut robot = json!({
        "client_id": "robot", "grant_types": [CIBA], "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": "CN=robot", "tls_client_certificate_bound_access_tokens": true,
        "security_profile": "fapi-ciba",
    });
    let keyless = admin.post(CLIENTS, &robot).await;
    keyless.admin_problem(422, "validation_failed");
    assert_eq!(keyless.json()["errors"][0]["pointer"], "/jwks");
    robot["jwks"] = json!({ "keys": [public(&key)] });
    robot["backchannel_authentication_request_signing_alg"] = json!("ES256");
    let made = admin.post(CLIENTS, &robot).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let read = admin.get("/admin/v1/clients/robot").await.ok();
    for (name, value) in robot.as_object().unwrap() {
        assert_eq!(&read[name], value, "{name}");
    }
    assert_eq!(admin.patch("/admin/v1/clients/robot", &read).await.ok(), read, "what was read can be sent back");

    ask(world, &scene.identity, "robot", &other).await.refused(400, "invalid_request");
    let asked = ask(world, &scene.identity, "robot", &key).await.ok();
    let poll = [("grant_type", CIBA), ("auth_req_id", asked["auth_req_id"].as_str().unwrap())];
    let caller = world.showing(&scene.identity);
    caller.token("robot", &poll).await.refused(400, "authorization_pending");
    alice.phone().approve_the_question().await;
    let tokens = caller.token("robot", &poll).await.tokens();
    caller.userinfo(&tokens.access_token).await.ok();
    // They prove nothing else: the certificate alone says who it is.
    world.caller(None).token("robot", &poll).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn ciba_4_a_client_registers_itself_with_keys_for_its_questions() {
    let authority = Authority::new("Ours");
    let world = World::with().mutual_tls(&authority).settings(|settings| settings.registration = Admission::Invited);
    let world = world.start().await;
    let (admin, alice) = (world.admin().await, world.user("alice").with_phone().await);
    let token = admin.post("/admin/v1/initial-access-tokens", &json!({})).await.json();
    let key = Jwk::for_algorithm(Algorithm::ES256);
    let asked = json!({
        "grant_types": [CIBA], "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=robot",
        "jwks": { "keys": [public(&key)] }, "backchannel_token_delivery_mode": "poll",
        "backchannel_authentication_request_signing_alg": "ES256", "scope": "openid profile",
    });
    let request = world.request(Method::POST, REGISTER).bearer_auth(token["secret"].as_str().unwrap()).json(&asked);
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let own = answer.json();
    world.guard(own["registration_access_token"].as_str().unwrap());
    for (name, value) in asked.as_object().unwrap() {
        assert_eq!(&own[name], value, "{name}");
    }
    let (id, identity) = (own["client_id"].as_str().unwrap(), authority.issues(&named("robot")));
    ask(&world, &identity, id, &Jwk::for_algorithm(Algorithm::ES256)).await.refused(400, "invalid_request");
    let asked = ask(&world, &identity, id, &key).await.ok();
    alice.phone().approve_the_question().await;
    let poll = [("grant_type", CIBA), ("auth_req_id", asked["auth_req_id"].as_str().unwrap())];
    world.showing(&identity).token(id, &poll).await.tokens();
}
