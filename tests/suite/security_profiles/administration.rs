//! Administrators, where bearer tokens are not given.

use nod::domain::client::GrantType;
use nod::domain::profile::Profile;
use nod::protocol::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::registration::{CLIENTS, bad, good, jwks, told, with};
use super::{FAPI, Held};
use crate::world::{Answer, Client, Prover, World, seconds};

const CLIENT_CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

struct Strong {
    prover: Prover,
    token: String,
}

async fn root(world: &World) -> Client {
    let root = world.client("bound-root").private_key_jwt(Algorithm::ES256).scope("nod:admin");
    let root = root.grants([GrantType::ClientCredentials]);
    root.registered(|client| client.backchannel = None).await
}

impl Strong {
    async fn of(world: &World) -> Self {
        let (root, prover) = (root(world).await, world.prover());
        let tokens = prover.token(&root, &CLIENT_CREDENTIALS).await.ok();
        Self { prover, token: tokens["access_token"].as_str().unwrap().to_owned() }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.prover.admin(&self.token, &method, path, body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }
}

#[tokio::test]
async fn every_client_of_a_server_meets_its_profile_when_it_is_registered() {
    for profile in FAPI {
        let world = Held::ByServer.world(profile).start().await;
        let admin = Strong::of(&world).await;
        for (change, member) in bad() {
            told(&admin.post(CLIENTS, &with(&change)).await, 422, member);
        }
        let made = admin.post(CLIENTS, &good()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        // One that was there before, and does not meet it, can be put right and switched off.
        world.client("old").signs_in().await;
        let old = format!("{CLIENTS}/old");
        told(&admin.patch(&old, &json!({ "client_name": "Old" })).await, 422, "token_endpoint_auth_method");
        admin.patch(&old, &json!({ "disabled": true, "client_name": "Old" })).await.ok();
        let right = json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(), "disabled": false,
        });
        admin.patch(&old, &right).await.ok();
    }
}

#[tokio::test]
async fn rfc9449_7_the_admin_api_takes_a_bound_token_with_its_proof_alone() {
    let world = World::with().settings(|settings| settings.lifetimes.access = seconds(3600)).start().await;
    let admin = Strong::of(&world).await;
    admin.call(Method::GET, CLIENTS, None).await.ok();
    // By itself, by another key, and one that is bound to none.
    world.admin_call(Method::GET, CLIENTS, Some(&admin.token)).await.admin_problem(401, "token_invalid");
    let stranger = world.prover();
    let answer = stranger.admin(&admin.token, &Method::GET, CLIENTS, None).await;
    answer.admin_problem(401, "invalid_dpop_proof");
    let plain = world.admin().await;
    let answer = admin.prover.admin(&plain.token, &Method::GET, CLIENTS, None).await;
    answer.admin_problem(401, "token_invalid");
    let bare = world.request(Method::GET, CLIENTS).header("authorization", format!("DPoP {}", admin.token));
    let answer = Answer::of(bare).await;
    answer.admin_problem(401, "invalid_dpop_proof");
    assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP error=\"invalid_dpop_proof\""));
    assert!(answer.header("dpop-nonce").is_some(), "for the proof that is made next");
    // One that was made for another token, or for none.
    let call = world.request(Method::GET, CLIENTS).header("dpop", admin.prover.proof("GET", CLIENTS));
    let call = call.header("authorization", format!("DPoP {}", admin.token));
    Answer::of(call).await.admin_problem(401, "invalid_dpop_proof");
    // An old nonce is part of the handshake, and nothing that the trail tells of.
    world.clock.advance(seconds(900));
    let watch = world.watch().await;
    admin.call(Method::GET, CLIENTS, None).await.ok();
    assert!(watch.events().await.is_empty());
}

#[tokio::test]
async fn fapi2_5_3_2_1_an_administrators_bearer_token_of_before_is_worth_nothing() {
    let world = World::start().await;
    let admin = world.admin().await;
    admin.get(CLIENTS).await.ok();
    Held::ByItself.to(&admin.client, Profile::Fapi2Security).await;
    admin.get(CLIENTS).await.admin_problem(401, "token_invalid");
}
