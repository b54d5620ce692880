//! What costs the reader of a JWT more than its writer, in every place that takes one [security.md case 46].

use std::time::Instant;

use nod::protocol::algorithm::Algorithm;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::world::{Answer, BC_AUTHORIZE, CIBA, Client, Jwk, PAR, TOKEN, USERINFO, World, b64, seconds};

/// Signed, with a header that is no value of a JSON library.
fn raw(key: &Jwk, header: &str, claims: &Value) -> String {
    let input = format!("{}.{}", b64(header.as_bytes()), b64(claims.to_string().as_bytes()));
    format!("{input}.{}", b64(&key.sign("ES256", input.as_bytes())))
}

fn encrypted(header: &Value, length: usize) -> String {
    let part = |length: usize| b64(&vec![0; length]);
    format!("{}.{}.{}.{}.{}", b64(header.to_string().as_bytes()), part(40), part(12), part(length), part(16))
}

fn bombs(shop: &Client) -> Vec<(&'static str, String)> {
    let (key, good) = (shop.key(), shop.claims());
    let deep: Value = serde_json::from_str(&format!("{}1{}", "[".repeat(64), "]".repeat(64))).unwrap();
    let mut nested = good.clone();
    nested["x"] = deep;
    let inflates = json!({"alg": "dir", "enc": "A256GCM", "zip": "DEF"});
    let counts = json!({"alg": "PBES2-HS256+A128KW", "enc": "A128CBC-HS256", "p2c": 1_000_000, "p2s": "AAAAAAAA"});
    let header = |more: &str| format!("{{\"alg\":\"ES256\",\"kid\":\"shop-key\"{more}}}");
    vec![
        ("dots", ".".repeat(15_999)),
        ("more dots", ".".repeat(50_000)),
        ("a long header", format!("{}.x.x", "a".repeat(15_000))),
        ("a longer header", format!("{}.x.x", "a".repeat(60_000))),
        ("what inflates", encrypted(&inflates, 8_000)),
        ("a key that is counted out", encrypted(&counts, 32)),
        ("a member twice", raw(key, &header(",\"alg\":\"ES256\""), &good)),
        ("crit", raw(key, &header(",\"crit\":[\"x\"]"), &good)),
        ("b64", raw(key, &header(",\"b64\":false,\"crit\":[\"b64\"]"), &good)),
        ("depth", raw(key, &header(""), &nested)),
        ("JSON serialisation", json!({"payload": "x", "protected": "x", "signature": "x"}).to_string()),
    ]
}

type Shows = fn(&World, &Client, &str) -> RequestBuilder;

/// Where a JWT is shown, and how it is refused there.
const SLOTS: [(&str, Shows, u16, &str); 7] = [
    ("a pushed request object", |_, shop, jwt| shop.form(PAR, &[("request", jwt)]), 400, "invalid_request_object"),
    ("a signed question", |_, shop, jwt| shop.form(BC_AUTHORIZE, &[("request", jwt)]), 400, "invalid_request"),
    (
        "a client assertion",
        |_, shop, jwt| shop.with_assertion(TOKEN, &[("grant_type", CIBA), ("auth_req_id", "x")], jwt),
        401,
        "invalid_client",
    ),
    (
        "an id_token_hint",
        |_, shop, jwt| shop.form(BC_AUTHORIZE, &[("scope", "openid"), ("id_token_hint", jwt)]),
        400,
        "invalid_request",
    ),
    (
        "a login_hint_token",
        |_, shop, jwt| shop.form(BC_AUTHORIZE, &[("scope", "openid"), ("login_hint_token", jwt)]),
        400,
        "invalid_request",
    ),
    (
        "a DPoP proof",
        |_, shop, jwt| shop.form(TOKEN, &[("grant_type", CIBA), ("auth_req_id", "x")]).header("dpop", jwt),
        400,
        "invalid_dpop_proof",
    ),
    ("an access token", |world, _, jwt| world.request(Method::GET, USERINFO).bearer_auth(jwt), 401, "invalid_token"),
];

#[tokio::test]
async fn security_46_a_bomb_is_refused_at_once_wherever_a_jwt_is_taken() {
    let world = World::start().await;
    let shop = world.client("shop").signs_in().private_key_jwt(Algorithm::ES256).await;
    for (slot, shows, status, error) in SLOTS {
        let in_header = ["a DPoP proof", "an access token"].contains(&slot);
        for (what, bomb) in bombs(&shop) {
            // A head has 16 KB, as it has anywhere.
            if in_header && bomb.len() > 8_000 {
                continue;
            }
            let watch = world.watch().await;
            let start = Instant::now();
            let answer = Answer::of(shows(&world, &shop, &bomb)).await;
            assert!(start.elapsed() < seconds(1), "{slot}, {what}");
            // What is longer than a parameter may be is not looked at further.
            let told = answer.json()["error"].as_str().unwrap().to_owned();
            let expected = (answer.status, told.as_str());
            assert!([(status, error), (400, "invalid_request")].contains(&expected), "{slot}, {what}: {expected:?}");
            watch.nothing_changed(&format!("{slot}, {what}")).await;
            // Ten that failed to prove themselves in a minute are too many.
            world.clock.advance(seconds(61));
        }
    }
}
