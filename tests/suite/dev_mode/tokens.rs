//! What the inspector says of signatures that others have made.

use nod::protocol::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use super::{dev_mode, last, page};
use crate::ciba_07_hint_token::hint;
use crate::ciba_07_signed_request::{claims, signed};
use crate::world::{BC_AUTHORIZE, FLOWS, World};

/// What is said of each token of the last message of this name.
async fn said(world: &World, what: &str) -> Vec<String> {
    let wire = page(world, "/dev/wire").await.text();
    let message = last(&wire, what).expect("a message");
    let titles = message.split("<h2>").filter_map(|part| part.split_once("</h2>")).map(|(title, _)| title);
    titles.filter(|title| title.contains(", decoded")).map(str::to_owned).collect()
}

#[track_caller]
fn has(said: &[String], token: &str, signature: &str) {
    let wanted = format!("{token}, decoded · {signature}");
    assert!(said.iter().any(|one| one.starts_with(&wanted)), "{wanted}: {said:?}");
}

#[tokio::test]
async fn product_1_4_what_a_client_signs_is_verified_with_the_keys_that_it_registered() {
    let world = dev_mode().await;
    let bank = world.client("bank").private_key_jwt(Algorithm::ES256).await;
    let other = world.client("other").private_key_jwt(Algorithm::ES256).await;
    let header = bank.header();
    let own = format!("signature verified with the key {} of bank", header["kid"].as_str().unwrap());
    let ask = async |fields: &[(&str, &str)]| {
        bank.bc_authorize(fields).await;
        said(&world, "POST /as/bc-auth.ciba").await
    };

    let object = signed(&world, &bank, &json!({}));
    let signatures = ask(&[("request", &object)]).await;
    has(&signatures, "client_assertion", &own);
    has(&signatures, "request", &own);
    let forged = other.key().jws(&header, &claims(&world, &bank, &json!({})));
    let signatures = ask(&[("request", &forged)]).await;
    has(&signatures, "client_assertion", &own);
    has(&signatures, "request", "the signature does not verify");

    let token = hint(&world, &bank, &json!({}));
    has(&ask(&[("login_hint_token", &token), ("scope", "openid")]).await, "login_hint_token", &own);
    // Of somebody whose keys nobody has told us, and whoever says so of themselves is not believed.
    let token = hint(&world, &bank, &json!({ "iss": "https://hr.example" }));
    let signatures = ask(&[("login_hint_token", &token), ("scope", "openid")]).await;
    has(&signatures, "login_hint_token", "signed with a key that is not here");
}

#[tokio::test]
async fn product_1_4_a_proof_is_verified_with_the_key_that_it_carries() {
    let world = dev_mode().await;
    let (till, prover) = (world.client("till").await, world.prover());
    prover.post(&till, BC_AUTHORIZE, &[("login_hint", "alice"), ("scope", "openid")]).await;
    let own = format!("signature verified with the key of the proof {}", prover.jkt());
    has(&said(&world, "POST /as/bc-auth.ciba").await, "dpop", &own);

    let bob = world.user("bob").with_phone().await;
    let show = async |payload: &str| {
        let call = world.request(Method::POST, &format!("{FLOWS}none?action=authenticate"));
        let call = call.header("x-xsrf-header", "test").json(&json!({ "mobilePayload": payload }));
        call.send().await.unwrap();
        said(&world, &format!("POST {FLOWS}none")).await
    };
    let (one, another) = (bob.phone().payload(|_| {}), bob.phone().payload(|_| {}));
    has(&show(&one).await, "mobilePayload", "signature verified with the app’s key ");
    let (said_before, _) = one.rsplit_once('.').unwrap();
    let (_, signature) = another.rsplit_once('.').unwrap();
    let swapped = format!("{said_before}.{signature}");
    has(&show(&swapped).await, "mobilePayload", "the signature does not verify");
}
