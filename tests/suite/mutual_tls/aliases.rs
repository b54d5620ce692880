//! The second port [RFC 8705 §5].

use nod::domain::client::GrantType;
use nod::protocol::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::world::{Answer, BC_AUTHORIZE, DISCOVERY, INTROSPECT, JWKS, PAR, REVOKE, TOKEN, USERINFO, World};

#[tokio::test]
async fn rfc8705_5_the_metadata_say_where_certificates_are_asked_for() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let metadata = world.get(DISCOVERY).await.json();
    let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
    let mut expected = vec![
        ("token_endpoint", TOKEN),
        ("revocation_endpoint", REVOKE),
        ("introspection_endpoint", INTROSPECT),
        ("pushed_authorization_request_endpoint", PAR),
        ("backchannel_authentication_endpoint", BC_AUTHORIZE),
        ("device_authorization_endpoint", "/as/device_authz.oauth2"),
        ("userinfo_endpoint", USERINFO),
    ];
    for (name, path) in &expected {
        assert_eq!(aliases[*name], format!("{}{path}", world.alias()));
        // [protocol.md A16]
        assert_eq!(metadata[*name], format!("{}{path}", world.issuer()));
    }
    assert_eq!(aliases.len(), expected.len());
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    for name in ["token", "revocation", "introspection"] {
        let methods = metadata[format!("{name}_endpoint_auth_methods_supported")].as_array().unwrap();
        for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
            assert!(methods.contains(&json!(method)), "{name} {method}");
        }
    }
    // The document is the same there; each of its addresses answers.
    let caller = world.caller(None);
    assert_eq!(Answer::of(caller.request(Method::GET, DISCOVERY)).await.json(), metadata);
    assert_eq!(Answer::of(caller.request(Method::GET, JWKS)).await.status, 200);
    expected.pop();
    for (_, path) in expected {
        Answer::of(caller.form(path, &[])).await.refused(401, "invalid_client");
    }
    caller.userinfo("x").await.refused(401, "invalid_token");
}

#[tokio::test]
async fn without_certificates_nothing_of_them_is_promised() {
    let world = World::start().await;
    let metadata = world.get(DISCOVERY).await.json();
    assert_eq!(metadata["mtls_endpoint_aliases"], Value::Null);
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], Value::Null);
    assert!(!metadata["token_endpoint_auth_methods_supported"].to_string().contains("tls"));
}

#[tokio::test]
async fn rfc8705_5_nothing_for_browsers_is_at_the_second_port() {
    let scene = Scene::begin().await;
    let caller = scene.world.showing(&scene.identity);
    for path in
        ["/as/authorization.oauth2", "/as/user_authz.oauth2", "/idp/init_logout.openid", "/device/v1/me", "/docs", "/"]
    {
        // As seen from outside: the documents describe the first port.
        let answer = caller.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn protocol_c34_the_alias_is_an_audience_and_the_address_of_a_proof() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let bank = world.client("bank").grants([GrantType::ClientCredentials]).scope("reports");
    let bank = bank.private_key_jwt(Algorithm::ES256).await;
    let mut claims = bank.claims();
    claims["aud"] = json!(format!("{}{TOKEN}", world.alias()));
    let assertion = bank.key().jws(&bank.header(), &claims);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    Answer::of(world.caller(None).form(TOKEN, &fields)).await.ok();

    // [RFC 9449 §4.3] `htu` is where the request went.
    let _robot = scene.named_robot().await;
    let (prover, caller) = (world.prover(), world.showing(&scene.identity));
    let form = || caller.form(TOKEN, &[("grant_type", "client_credentials"), ("client_id", "robot")]);
    let first = Answer::of(form().header("dpop", prover.token_proof())).await;
    first.refused(400, "use_dpop_nonce");
    let mut claims = prover.claims("POST", TOKEN);
    claims["nonce"] = json!(first.header("dpop-nonce").unwrap());
    for (base, accepted) in [(world.alias(), true), (world.issuer(), true), ("https://evil.example", false)] {
        claims["htu"] = json!(format!("{base}{TOKEN}"));
        claims["jti"] = json!(base);
        let answer = Answer::of(form().header("dpop", prover.key().jws(&prover.header(), &claims))).await;
        if accepted {
            assert_eq!(answer.ok()["token_type"], "DPoP");
        } else {
            answer.refused(400, "invalid_dpop_proof");
        }
    }
}
