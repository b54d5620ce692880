//! [OIDC Discovery §3, §4; RFC 8414] The metadata, and that each of its promises is kept.

use std::collections::HashSet;
use std::sync::Arc;

use nod::protocol::algorithm::Algorithm;
use nod::usecase::signing_keys::Rotated;
use reqwest::Method;
use serde_json::Value;

use crate::sign_in::passkeys::with_passkey;
use crate::world::authenticator::Passkey;
use crate::world::{AUTHORIZE, Answer, CIBA, Client, DISCOVERY, JWKS, World, decoded, seconds};

const PASSWORD: &str = "correct horse battery staple";

async fn metadata(world: &World) -> Value {
    world.get(DISCOVERY).await.json()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// The path of one of our own addresses.
fn path<'a>(world: &World, metadata: &'a Value, name: &str) -> &'a str {
    metadata[name].as_str().unwrap_or_else(|| panic!("{name}")).strip_prefix(world.issuer()).expect(name)
}

#[tokio::test]
async fn oidcd_4_the_document_is_where_it_has_to_be() {
    let world = World::start().await;
    let answer = world.get(DISCOVERY).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "readable from any page");
    assert!(answer.header("access-control-allow-credentials").is_none());
    assert!(answer.header("cache-control").unwrap().contains("max-age="));
    let metadata = answer.json();
    // [OIDCD §4.3] byte by byte what the address begins with.
    assert_eq!(metadata["issuer"], world.issuer());
    // [RFC 8414 §3] the same under its other name.
    assert_eq!(world.get("/.well-known/oauth-authorization-server").await.json(), metadata);
}

#[tokio::test]
async fn oidcd_3_each_address_is_below_the_issuer() {
    let world = World::start().await;
    let metadata = metadata(&world).await;
    let issuer = metadata["issuer"].as_str().unwrap();
    // Plain http is for this machine alone; `nod serve` refuses any other issuer of that kind.
    assert!(issuer.starts_with("http://localhost:"));
    assert!(!issuer.contains(['?', '#']));
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "introspection_endpoint",
        "end_session_endpoint",
        "backchannel_authentication_endpoint",
        "pushed_authorization_request_endpoint",
        "device_authorization_endpoint",
    ] {
        assert!(path(&world, &metadata, name).starts_with('/'), "{name}");
    }
}

#[tokio::test]
async fn oidcd_3_there_is_no_member_that_nobody_knows() {
    let world = World::start().await;
    // IANA "OAuth Authorization Server Metadata", as far as we use it, and OIDC Discovery.
    let known: HashSet<&str> = [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "acr_values_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "userinfo_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "claims_supported",
        "dpop_signing_alg_values_supported",
        "introspection_signing_alg_values_supported",
        "claims_parameter_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "revocation_endpoint",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint",
        "end_session_endpoint",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
        "introspection_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
        "pushed_authorization_request_endpoint",
        "require_pushed_authorization_requests",
        "request_object_signing_alg_values_supported",
        "require_request_uri_registration",
        "authorization_signing_alg_values_supported",
        "authorization_encryption_alg_values_supported",
        "authorization_encryption_enc_values_supported",
        "authorization_details_types_supported",
        "display_values_supported",
        "device_authorization_endpoint",
        "backchannel_authentication_endpoint",
        "backchannel_token_delivery_modes_supported",
        "backchannel_authentication_request_signing_alg_values_supported",
        "backchannel_user_code_parameter_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
        "registration_endpoint",
        "service_documentation",
        "ui_locales_supported",
    ]
    .into();
    let metadata = metadata(&world).await;
    for (name, value) in metadata.as_object().unwrap() {
        assert!(known.contains(name.as_str()), "{name}");
        assert!(!value.is_null(), "{name}");
    }
}

#[tokio::test]
async fn ciba_4_the_backchannel_members_say_what_there_is() {
    let world = World::start().await;
    let metadata = metadata(&world).await;
    assert!(texts(&metadata["grant_types_supported"]).contains(&CIBA));
    assert_eq!(texts(&metadata["backchannel_token_delivery_modes_supported"]), ["poll", "ping"]);
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], true);
    let signed = texts(&metadata["backchannel_authentication_request_signing_alg_values_supported"]);
    assert_eq!(signed, ["ES256", "PS256", "RS256", "EdDSA"]);
}

#[tokio::test]
async fn oidcd_3_what_a_request_may_be_is_said() {
    let world = World::start().await;
    let metadata = metadata(&world).await;
    for (name, is) in [
        ("request_parameter_supported", true),
        // True when it is left out.
        ("request_uri_parameter_supported", true),
        ("require_request_uri_registration", true),
        ("require_pushed_authorization_requests", false),
        ("claims_parameter_supported", true),
    ] {
        assert_eq!(metadata[name], is, "{name}");
    }
    let algs = texts(&metadata["request_object_signing_alg_values_supported"]);
    assert_eq!(algs, ["ES256", "PS256", "RS256", "EdDSA"], "and no none");
    assert_eq!(texts(&metadata["authorization_signing_alg_values_supported"]), ["ES256", "PS256", "RS256"]);
    assert_eq!(texts(&metadata["authorization_encryption_alg_values_supported"]), ["ECDH-ES", "RSA-OAEP-256"]);
    let encs = texts(&metadata["authorization_encryption_enc_values_supported"]);
    assert_eq!(encs, ["A128CBC-HS256", "A128GCM", "A256GCM"]);
}

/// Asks as described by the metadata alone, and logs alice in.
async fn log_in(world: &World, metadata: &Value, client: &Client, fields: &[(&str, &str)]) -> Value {
    let asked = client.post(path(world, metadata, "backchannel_authentication_endpoint"), fields).await.ok();
    let id = asked["auth_req_id"].as_str().unwrap().to_owned();
    let poll = [("grant_type", CIBA), ("auth_req_id", id.as_str())];
    client.post(path(world, metadata, "token_endpoint"), &poll).await.refused(400, "authorization_pending");
    Value::String(id)
}

#[tokio::test]
async fn oidcd_3_each_authentication_method_and_algorithm_works() {
    let world = World::start().await;
    let metadata = metadata(&world).await;
    let methods = texts(&metadata["token_endpoint_auth_methods_supported"]);
    assert_eq!(methods.iter().collect::<HashSet<_>>().len(), methods.len());
    assert_eq!(texts(&metadata["revocation_endpoint_auth_methods_supported"]), methods);
    // [RFC 7662 §2.1] whoever only says a name is told nothing.
    let confidential: Vec<&str> = methods.iter().copied().filter(|method| *method != "none").collect();
    assert_eq!(texts(&metadata["introspection_endpoint_auth_methods_supported"]), confidential);
    let algorithms = texts(&metadata["token_endpoint_auth_signing_alg_values_supported"]);
    assert!(algorithms.contains(&"PS256") && algorithms.contains(&"ES256"));
    assert!(!algorithms.iter().any(|alg| alg.eq_ignore_ascii_case("none") || alg.starts_with("HS")));
    for method in methods {
        let clients = match method {
            "client_secret_basic" => vec![world.client("basic").await],
            "client_secret_post" => vec![world.client("post").secret_post().await],
            "private_key_jwt" => {
                let mut clients = Vec::new();
                for alg in &algorithms {
                    clients.push(world.client(alg).private_key_jwt(Algorithm::parse(alg).unwrap()).await);
                }
                clients
            }
            "none" => {
                let public = world.client("public").signs_in().public().await;
                public.post(path(&world, &metadata, "token_endpoint"), &[]).await.refused(400, "invalid_request");
                let revoked = public.post(path(&world, &metadata, "revocation_endpoint"), &[("token", "x")]).await;
                assert_eq!(revoked.status, 200);
                continue;
            }
            other => panic!("what is {other}?"),
        };
        for client in clients {
            for name in ["token_endpoint", "backchannel_authentication_endpoint"] {
                let answer = client.post(path(&world, &metadata, name), &[]).await;
                answer.refused(400, "invalid_request");
            }
            assert_eq!(
                client.post(path(&world, &metadata, "introspection_endpoint"), &[("token", "x")]).await.ok()["active"],
                false
            );
            let revoked = client.post(path(&world, &metadata, "revocation_endpoint"), &[("token", "x")]).await;
            assert_eq!(revoked.status, 200);
        }
    }
}

#[tokio::test]
async fn oidcd_3_each_signing_algorithm_signs() {
    let world = World::start().await;
    let metadata = metadata(&world).await;
    let algorithms = texts(&metadata["id_token_signing_alg_values_supported"]);
    assert!(["RS256", "PS256", "ES256"].iter().all(|alg| algorithms.contains(alg)), "{algorithms:?}");
    assert!(!algorithms.contains(&"none"));
    let alice = world.user("alice").with_phone().await;
    for alg in algorithms {
        let client = world.client(alg).id_token_alg(Algorithm::parse(alg).unwrap()).await;
        let tokens = client.log_in(&alice).await;
        assert_eq!(world.verified(&tokens.id_token).await.0["alg"], alg);
    }
}

#[tokio::test]
async fn oidcd_3_each_scope_acr_and_claim_can_be_had() {
    let world = World::with().generous().start().await;
    let metadata = metadata(&world).await;
    let alice = world.user("alice").with_phone().await;
    let scopes = texts(&metadata["scopes_supported"]);
    assert!(scopes.contains(&"openid"));
    let all = scopes.join(" ");
    let shop =
        world.client("shop").number_matching(nod::domain::client::NumberMatching::Pick).refresh().scope(&all).await;
    let asked = shop.ask_with(&alice, &[("scope", &all)]).await;
    let question = alice.phone().question().await;
    alice.phone().approve_with(&question, asked.number()).await.ok();
    let tokens = shop.poll(&asked).await.tokens();
    assert_eq!(tokens.json["scope"], all.as_str());

    let id_token = decoded(&tokens.id_token).1;
    let _carol = world.user("carol").with_password(PASSWORD).await;
    let site = world.client("site").signs_in().registered(answers_all).await;
    let mut browser = world.browser();
    let callback = browser.log_in(&site, "carol", PASSWORD).await;
    let hybrid = browser.authorize(&site, &[("response_type", "code id_token")]).await.unwrap_err();
    let hybrid = decoded(hybrid.get("id_token")).1;
    let signed_in = decoded(&site.redeem(callback.get("code")).await.tokens().id_token).1;
    let info = world.userinfo(&tokens.access_token).await.ok();
    for claim in texts(&metadata["claims_supported"]) {
        assert!([&id_token, &signed_in, &hybrid, &info].iter().any(|claims| claims.get(claim).is_some()), "{claim}");
    }
    let mut passkey = with_passkey(&world, &site, "carol", Passkey::new(world.issuer())).await;
    let mut browser = world.browser();
    let page = browser.authorize(&site, &[]).await.unwrap();
    let page = browser.press(&page, "passkey", &[]).await.unwrap();
    let callback = browser.answer(&page, &mut passkey).await.unwrap_err();
    let by_passkey = decoded(&site.redeem(callback.get("code")).await.tokens().id_token).1;
    let by_second_factor = crate::device_trust::acrs().await;
    for acr in texts(&metadata["acr_values_supported"]) {
        if signed_in["acr"] == acr || by_passkey["acr"] == acr || by_second_factor.iter().any(|one| one == acr) {
            continue;
        }
        let id = log_in(&world, &metadata, &shop, &[("login_hint", "alice"), ("scope", "openid"), ("acr_values", acr)])
            .await;
        let question = alice.phone().pending().await.pop().unwrap();
        assert_eq!(question.client_context.acr.as_deref(), Some(acr));
        shop.revoke(id.as_str().unwrap(), None).await;
    }
    // Each grant that is listed, and no other.
    let grants = texts(&metadata["grant_types_supported"]);
    assert!(grants.contains(&"implicit"));
    // [RFC 7591 §2.1] that one is none of this endpoint.
    shop.token(&[("grant_type", "implicit")]).await.refused(400, "unsupported_grant_type");
    for grant in grants.into_iter().filter(|grant| *grant != "implicit") {
        // The shop is registered for those that ask a person on a phone.
        let for_others = !["urn:openid:params:grant-type:ciba", "refresh_token"].contains(&grant);
        let code = if for_others { "unauthorized_client" } else { "invalid_request" };
        shop.token(&[("grant_type", grant)]).await.refused(400, code);
    }
    shop.token(&[("grant_type", "password"), ("username", "x")]).await.refused(400, "unsupported_grant_type");
    assert_eq!(texts(&metadata["subject_types_supported"]), ["public", "pairwise"]);
}

/// What there is, as its answer.
fn answers_all(site: &mut nod::domain::client::Client) {
    site.grants.insert(nod::domain::client::GrantType::Implicit);
    site.sign_in.as_mut().unwrap().response_types = nod::protocol::authorization_request::ResponseType::ALL.to_vec();
}

#[tokio::test]
async fn oidcd_3_the_authorization_endpoint_answers_each_response_type_and_mode_that_is_listed() {
    let world = World::start().await;
    let metadata = metadata(&world).await;
    assert_eq!(path(&world, &metadata, "authorization_endpoint"), AUTHORIZE);
    let types = texts(&metadata["response_types_supported"]);
    let all = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];
    assert_eq!(types, all);
    assert_eq!(texts(&metadata["code_challenge_methods_supported"]), ["S256"]);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let _carol = world.user("carol").with_password(PASSWORD).await;
    let site = world.client("site").signs_in().implied_consent().registered(answers_all).await;
    let mut browser = world.browser();
    browser.log_in(&site, "carol", PASSWORD).await.get("code");
    for kind in types {
        let callback = browser.authorize(&site, &[("response_type", kind)]).await.unwrap_err();
        for word in kind.split(' ') {
            callback.get(if word == "token" { "access_token" } else { word });
        }
    }
    for mode in texts(&metadata["response_modes_supported"]) {
        let name = if mode.ends_with("jwt") { "response" } else { "code" };
        match browser.authorize(&site, &[("response_mode", mode)]).await {
            Err(callback) => assert!(!mode.starts_with("form_post") && callback.get(name).len() >= 43),
            Ok(page) => assert!(mode.starts_with("form_post") && page.field(name).is_some()),
        }
    }
}

#[tokio::test]
async fn rfc7517_4_the_key_set_has_public_keys_with_names() {
    let world = World::start().await;
    let answer = world.get(JWKS).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let jwks = answer.json();
    let keys = jwks["keys"].as_array().unwrap();
    let kids: HashSet<&str> = keys.iter().map(|key| key["kid"].as_str().expect("a kid")).collect();
    assert_eq!(kids.len(), keys.len(), "no kid twice");
    let algorithms: HashSet<&str> = keys.iter().map(|key| key["alg"].as_str().expect("an alg")).collect();
    assert_eq!(algorithms, ["ES256", "PS256", "RS256", "ECDH-ES"].into());
    for key in keys {
        assert_eq!(key["use"], if key["alg"] == "ECDH-ES" { "enc" } else { "sig" });
        let members: HashSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let allowed: HashSet<&str> = match key["kty"].as_str().unwrap() {
            "EC" => ["kty", "kid", "use", "alg", "crv", "x", "y"].into(),
            "RSA" => {
                // 2048 bits are 342 or 343 characters of base64url.
                assert!(key["n"].as_str().unwrap().len() >= 342);
                ["kty", "kid", "use", "alg", "n", "e"].into()
            }
            other => panic!("{other}"),
        };
        assert_eq!(members, allowed, "and nothing private");
    }
}

#[tokio::test]
async fn oidcc_10_1_1_after_a_rotation_old_tokens_verify_and_new_ones_have_another_key() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let before = shop.log_in(&alice).await;
    let old_keys = world.get(JWKS).await.json();

    let keys = Arc::clone(&world.parts().keys);
    world.among_servers(async move { keys.rotate_now(None).await }).await.unwrap();
    let new_keys = world.get(JWKS).await.json();
    for key in old_keys["keys"].as_array().unwrap() {
        assert!(new_keys["keys"].as_array().unwrap().contains(key), "still published");
    }
    assert_eq!(
        new_keys["keys"].as_array().unwrap().len(),
        10,
        "old, new, the one after that, and the one to encrypt for"
    );
    let after = shop.refresh(before.refresh_token.as_ref().unwrap()).await.tokens();
    let (old, new) = (world.verified(&before.id_token).await.0, world.verified(&after.id_token).await.0);
    assert_ne!(old["kid"], new["kid"]);
    // What the old key signed is worth what it was.
    world.userinfo(&before.access_token).await.ok();
    shop.bc_authorize(&[("id_token_hint", &before.id_token), ("scope", "openid")]).await.ok();
}

#[tokio::test]
async fn oidcc_10_1_1_a_retired_key_is_published_until_nothing_of_it_lives() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let kid = decoded(&shop.log_in(&alice).await.id_token).0["kid"].clone();
    let published = async |kid: &Value| {
        let jwks = world.get(JWKS).await.json();
        jwks["keys"].as_array().unwrap().iter().any(|key| key["kid"] == *kid)
    };
    let keys = Arc::clone(&world.parts().keys);
    world.among_servers(async move { keys.rotate_now(None).await }).await.unwrap();
    let tend = async || {
        let keys = Arc::clone(&world.parts().keys);
        world.among_servers(async move { keys.tend().await }).await.unwrap();
    };
    world.clock.advance(seconds(2 * 86_400 - 1));
    tend().await;
    assert!(published(&kid).await);
    world.clock.advance(seconds(1));
    tend().await;
    assert!(!published(&kid).await);
}

#[tokio::test]
async fn a_next_key_is_announced_before_it_signs() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let first = decoded(&shop.log_in(&alice).await.id_token).0["kid"].clone();
    let tend = async || {
        let keys = Arc::clone(&world.parts().keys);
        world.among_servers(async move { keys.tend().await }).await.unwrap();
    };
    let count = async || {
        let jwks = world.get(JWKS).await.json();
        jwks["keys"].as_array().unwrap().iter().filter(|key| key["use"] == "sig").count()
    };
    world.clock.advance(seconds(76 * 86_400));
    tend().await;
    assert_eq!(count().await, 6, "announced two weeks ahead");
    assert_eq!(decoded(&shop.log_in(&alice).await.id_token).0["kid"], first, "and not used yet");
    world.clock.advance(seconds(14 * 86_400));
    tend().await;
    assert_ne!(decoded(&shop.log_in(&alice).await.id_token).0["kid"], first);
}

#[tokio::test]
async fn security_5_4_a_rotation_by_command_takes_keys_that_relying_parties_know() {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let signs = async || decoded(&shop.log_in(&alice).await.id_token).0["kid"].clone();
    let rotate = async || {
        let keys = Arc::clone(&world.parts().keys);
        world.among_servers(async move { keys.rotate(None).await }).await.unwrap()
    };
    let first = signs().await;
    let known = world.now() + seconds(14 * 86_400);
    for wait in [0, 60, 14 * 86_400 - 61] {
        world.clock.advance(seconds(wait));
        let watch = world.watch().await;
        assert_eq!(rotate().await, Rotated::NotYet { until: known });
        watch.nothing_changed("a rotation that comes too early").await;
    }
    assert_eq!(signs().await, first);
    world.clock.advance(seconds(1));
    let published = world.get(JWKS).await.json();
    assert!(matches!(rotate().await, Rotated::Keys(_)));
    let second = signs().await;
    assert_ne!(second, first);
    assert!(published["keys"].as_array().unwrap().iter().any(|key| key["kid"] == second), "seen for two weeks");
    // The key after that is announced anew.
    assert_eq!(rotate().await, Rotated::NotYet { until: world.now() + seconds(14 * 86_400) });
    // Unless it burns.
    let keys = Arc::clone(&world.parts().keys);
    world.among_servers(async move { keys.rotate_now(None).await }).await.unwrap();
    assert_ne!(signs().await, second);
}

#[tokio::test]
async fn another_node_signs_and_publishes_the_same_keys_within_a_second() {
    let world = World::with().nodes(2).start().await;
    let other = world.at(1);
    assert_eq!(world.get(JWKS).await.json(), Answer::of(other.request(Method::GET, JWKS)).await.json());
    let keys = Arc::clone(&world.parts().keys);
    world.among_servers(async move { keys.rotate_now(None).await }).await.unwrap();
    let begin = std::time::Instant::now();
    while Answer::of(other.request(Method::GET, JWKS)).await.json() != world.get(JWKS).await.json() {
        assert!(begin.elapsed() < seconds(2), "the other node has not heard of the new keys");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn security_154_addresses_come_from_the_configuration_alone() {
    let world = World::start().await;
    let request = world.request(Method::GET, DISCOVERY).header("host", "evil.example");
    let request = request.header("x-forwarded-host", "evil.example").header("x-forwarded-proto", "https");
    let request = request.header("forwarded", "host=evil.example");
    let answer = Answer::of(request).await;
    assert!(!answer.text().contains("evil"));
    assert_eq!(answer.json()["issuer"], world.issuer());
}
