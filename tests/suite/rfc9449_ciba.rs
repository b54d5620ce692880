//! DPoP at the backchannel endpoint [RFC 9449 §10]: a question whose answer is for one key.

use nod::protocol::algorithm::Algorithm;
use serde_json::json;

use crate::ciba_07_signed_request::signed;
use crate::world::{Answer, BC_AUTHORIZE, CIBA, Client, Prover, TOKEN, World, decoded};

const ASK: [(&str, &str); 2] = [("login_hint", "alice"), ("scope", "openid")];

fn poll(id: &str) -> [(&str, &str); 2] {
    [("grant_type", CIBA), ("auth_req_id", id)]
}

async fn polls(prover: &Prover, client: &Client, id: &str) -> Answer {
    prover.token(client, &poll(id)).await
}

fn id(world: &World, answer: &Answer) -> String {
    let id = answer.ok()["auth_req_id"].as_str().unwrap().to_owned();
    world.guard(&id);
    id
}

/// One that has a nonce already.
async fn ready(world: &World, shop: &Client) -> Prover {
    let prover = world.prover();
    polls(&prover, shop, "x").await.refused(400, "invalid_grant");
    prover
}

#[tokio::test]
async fn security_38_what_was_asked_with_a_key_is_redeemed_with_it_alone() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let (own, other) = (world.prover(), ready(&world, &shop).await);
    let jkt = own.jkt();
    let named = [&ASK[..], &[("dpop_jkt", jkt.as_str())]].concat();
    for by_proof in [true, false] {
        let asked = if by_proof { own.post(&shop, BC_AUTHORIZE, &ASK).await } else { shop.bc_authorize(&named).await };
        let id = id(&world, &asked);
        let watch = world.watch().await;
        // Whatever the request has come to; and none of these is a poll that came too early.
        for _ in 0..3 {
            shop.poll_id(&id).await.refused(400, "invalid_dpop_proof");
            polls(&other, &shop, &id).await.refused(400, "invalid_grant");
        }
        watch.nothing_changed("polls without the key").await;
        polls(&own, &shop, &id).await.refused(400, "authorization_pending");
        alice.phone().approve_the_question().await;
        shop.poll_id(&id).await.refused(400, "invalid_dpop_proof");
        polls(&other, &shop, &id).await.refused(400, "invalid_grant");
        // It stands in the identifier, and is neither taken off nor replaced.
        let (bare, _) = id.split_once('.').unwrap();
        shop.poll_id(bare).await.refused(400, "invalid_grant");
        polls(&other, &shop, bare).await.refused(400, "invalid_grant");
        polls(&other, &shop, &format!("{bare}.{}", other.jkt())).await.refused(400, "invalid_grant");
        let tokens = polls(&own, &shop, &id).await.tokens();
        assert_eq!(tokens.json["token_type"], "DPoP");
        assert_eq!(decoded(&tokens.access_token).1["cnf"]["jkt"], own.jkt());
        assert_eq!(decoded(&tokens.id_token).1["urn:openid:params:jwt:claim:auth_req_id"], id);
        polls(&own, &shop, &id).await.refused(400, "invalid_grant");
    }
    // Whoever names none has it as before.
    let id = id(&world, &shop.bc_authorize(&ASK).await);
    assert!(id.len() == 43 && !id.contains('.'), "{id}");
    alice.phone().approve_the_question().await;
    polls(&other, &shop, &id).await.tokens();
}

#[tokio::test]
async fn rfc9449_10_1_a_proof_at_the_backchannel_endpoint_is_for_it_and_new() {
    let world = World::start().await;
    let (shop, _alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let prover = ready(&world, &shop).await;
    let ask = async |proof: &str, fields: &[(&str, &str)]| {
        Answer::of(shop.form(BC_AUTHORIZE, &[&ASK[..], fields].concat()).header("dpop", proof)).await
    };
    let stranger = world.prover();
    let watch = world.watch().await;
    let answer = ask(&stranger.proof("POST", BC_AUTHORIZE), &[]).await;
    answer.refused(400, "use_dpop_nonce");
    assert!(answer.header("dpop-nonce").is_some());
    ask(&prover.proof("POST", TOKEN), &[]).await.refused(400, "invalid_dpop_proof");
    ask("x", &[]).await.refused(400, "invalid_dpop_proof");
    // Who shows one key and names another is in somebody's hands.
    let other = stranger.jkt();
    ask(&prover.proof("POST", BC_AUTHORIZE), &[("dpop_jkt", &other)]).await.refused(400, "invalid_dpop_proof");
    for bad in ["x", &other[1..]] {
        shop.bc_authorize(&[&ASK[..], &[("dpop_jkt", bad)]].concat()).await.refused(400, "invalid_request");
    }
    // Nor is a request for a key where tokens are for a certificate.
    shop.update(|shop| shop.tls_client_certificate_bound_access_tokens = true).await;
    ask(&prover.proof("POST", BC_AUTHORIZE), &[]).await.refused(400, "invalid_request");
    shop.bc_authorize(&[&ASK[..], &[("dpop_jkt", &other)]].concat()).await.refused(400, "invalid_request");
    shop.update(|shop| shop.tls_client_certificate_bound_access_tokens = false).await;
    assert!(watch.events().await.iter().all(|event| event.action != "request.created" || event.result == "refused"));

    let (proof, own) = (prover.proof("POST", BC_AUTHORIZE), prover.jkt());
    let asked = ask(&proof, &[("dpop_jkt", &own)]).await;
    assert!(asked.header("dpop-nonce").is_some());
    id(&world, &asked);
    ask(&proof, &[]).await.refused(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn ciba_7_1_1_a_signed_question_names_the_key_itself() {
    let world = World::start().await;
    let shop = world.client("shop").private_key_jwt(Algorithm::ES256).await;
    let alice = world.user("alice").with_phone().await;
    let (own, other) = (world.prover(), ready(&world, &shop).await);
    let jkt = own.jkt();
    let request = signed(&world, &shop, &json!({}));
    let beside = [("request", request.as_str()), ("dpop_jkt", jkt.as_str())];
    shop.bc_authorize(&beside).await.refused(400, "invalid_request");
    let request = signed(&world, &shop, &json!({ "dpop_jkt": jkt }));
    let id = id(&world, &shop.bc_authorize(&[("request", &request)]).await);
    alice.phone().approve_the_question().await;
    polls(&other, &shop, &id).await.refused(400, "invalid_grant");
    polls(&own, &shop, &id).await.tokens();
}
