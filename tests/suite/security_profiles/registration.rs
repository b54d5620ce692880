//! Where clients are registered and changed: by the admin API, by themselves, on the command line.

use nod::protocol::algorithm::Algorithm;
use nod::usecase::register_client::Admission;
use reqwest::Method;
use serde_json::{Value, json};

use super::{FAPI, Held};
use crate::admin::robot::Robot;
use crate::world::{Answer, CALLBACK, Jwk, REGISTER, World};

pub(super) const CLIENTS: &str = "/admin/v1/clients";

pub(super) fn jwks() -> Value {
    let mut jwk = Jwk::for_algorithm(Algorithm::ES256).public();
    jwk["kid"] = json!("a key");
    json!({ "keys": [jwk] })
}

/// A client that meets every profile.
pub(super) fn good() -> Value {
    json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(),
        "id_token_signed_response_alg": "PS256",
    })
}

/// Members that FAPI does not allow, and what is told of each.
pub(super) fn bad() -> [(Value, &'static str); 7] {
    [
        (json!({ "token_endpoint_auth_method": "client_secret_basic" }), "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "none" }), "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_signing_alg": "RS256" }), "token_endpoint_auth_signing_alg"),
        (json!({ "id_token_signed_response_alg": "RS256" }), "id_token_signed_response_alg"),
        (json!({ "userinfo_signed_response_alg": "RS256" }), "userinfo_signed_response_alg"),
        (json!({ "authorization_signed_response_alg": "RS256" }), "authorization_signed_response_alg"),
        (json!({ "request_object_signing_alg": "RS256" }), "request_object_signing_alg"),
    ]
}

pub(super) fn with(change: &Value) -> Value {
    let mut all = good();
    for (name, value) in change.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

#[track_caller]
pub(super) fn told(answer: &Answer, status: u16, member: &str) {
    assert_eq!(answer.status, status, "{member}: {}", answer.text());
    let problem = &answer.json()["errors"][0];
    assert_eq!(problem["pointer"], format!("/{member}"), "{}", answer.text());
    assert!(problem["detail"].as_str().unwrap().contains("The security profile"), "{}", answer.text());
}

async fn made(admin: &Robot<'_>, body: &Value) -> String {
    let made = admin.post(CLIENTS, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    format!("{CLIENTS}/{}", made.json()["client"]["client_id"].as_str().unwrap())
}

#[tokio::test]
async fn a_client_that_is_held_to_a_profile_meets_it_when_it_is_registered() {
    let world = World::start().await;
    let admin = world.admin().await;
    for profile in FAPI {
        let name = json!({ "security_profile": profile.as_str() });
        for (change, member) in bad() {
            let mut body = with(&change);
            body["security_profile"] = json!(profile.as_str());
            told(&admin.post(CLIENTS, &body).await, 422, member);
            // Registered first, and held to it later.
            let plain = made(&admin, &with(&change)).await;
            told(&admin.patch(&plain, &name).await, 422, member);
            assert!(admin.get(&plain).await.ok().get("security_profile").is_none());
        }
        let at = made(&admin, &with(&name)).await;
        assert_eq!(admin.get(&at).await.ok()["security_profile"], profile.as_str());
        for (change, member) in bad() {
            told(&admin.patch(&at, &change).await, 422, member);
        }
        // What does not meet it may still be switched off.
        assert_eq!(admin.patch(&at, &json!({ "disabled": true })).await.ok()["disabled"], true);
        let freed = admin.patch(&at, &json!({ "security_profile": null })).await.ok();
        assert!(freed.get("security_profile").is_none());
    }
    let unknown = admin.post(CLIENTS, &with(&json!({ "security_profile": "fapi3" }))).await;
    assert_eq!(unknown.status, 422, "{}", unknown.text());
}

#[tokio::test]
async fn a_client_that_registers_itself_meets_the_profile_of_the_server() {
    for profile in FAPI {
        let world = Held::ByServer.world(profile).settings(|settings| {
            settings.registration = Admission::Anybody;
            settings.registrations = 1000;
        });
        let world = world.start().await;
        let register = async |body: Value| Answer::of(world.request(Method::POST, REGISTER).json(&body)).await;
        for (change, member) in bad() {
            let answer = register(with(&change)).await;
            answer.refused(400, "invalid_client_metadata");
            let told = answer.json()["error_description"].as_str().unwrap().to_owned();
            assert!(told.starts_with(&format!("{member}: the security profile ")), "{told}");
        }
        // What is left out has a default that is allowed.
        let mut body = good();
        body.as_object_mut().unwrap().remove("id_token_signed_response_alg");
        let answer = register(body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let json = answer.json();
        world.guard(json["registration_access_token"].as_str().unwrap());
        assert_eq!(json["id_token_signed_response_alg"], "ES256");
        assert!(json.get("security_profile").is_none(), "between the operator and us");
    }
}
