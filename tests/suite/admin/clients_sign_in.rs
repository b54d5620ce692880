//! Clients of the authorization endpoint, as administrators register them [RFC 7591 §2].

use reqwest::Method;
use serde_json::{Value, json};

use super::location;
use crate::sign_in::PASSWORD;
use crate::world::{AUTHORIZE, Answer, CALLBACK, CHALLENGE, Jwk, TOKEN, VERIFIER, World, enc};

const CLIENTS: &str = "/admin/v1/clients";
const SHOP: &str = "/admin/v1/clients/shop";

/// An authorization request with PKCE, or without.
fn request(client: &str, pkce: bool) -> String {
    let mut fields = vec![
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s"),
    ];
    if pkce {
        fields.extend([("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]);
    }
    format!("{AUTHORIZE}?{}", enc(&fields))
}

/// Signs alice in, and redeems the code with this secret or none.
async fn signs_in(world: &World, client: &str, secret: Option<&str>) -> Value {
    let mut browser = world.browser();
    let page = browser.open(&request(client, true)).await.expect("a page");
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.expect_err("back at the client");
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", callback.get("code")),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let request = world.request(Method::POST, TOKEN).header("content-type", "application/x-www-form-urlencoded");
    let request = if let Some(secret) = secret {
        request.basic_auth(client, Some(secret))
    } else {
        fields.push(("client_id", client));
        request
    };
    Answer::of(request.body(enc(&fields))).await.ok()
}

#[tokio::test]
async fn a_client_that_signs_people_in_is_made_read_and_changed() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    let made = admin.post(CLIENTS, &json!({ "client_id": "shop", "redirect_uris": [CALLBACK] })).await;
    assert_eq!(location(&made), SHOP);
    let secret = made.json()["client_secret"].as_str().unwrap().to_owned();
    let read = admin.get(SHOP).await;
    assert_eq!(
        read.ok(),
        json!({
            "client_id": "shop", "client_name": "shop", "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"], "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [], "response_types": ["code"],
            "redirectless": false, "cookieless": false, "implied_consent": false, "require_pkce": true,
            "require_pushed_authorization_requests": false, "require_signed_request_object": false,
            "request_uris": [], "authorization_details_types": [], "resources": [], "scope": "openid profile email", "id_token_signed_response_alg": "ES256", "access_token_format": "jwt",
            "dpop_bound_access_tokens": false, "tls_client_certificate_bound_access_tokens": false, "subject_type": "public",
            "disabled": false, "created_at": "2027-01-15T08:00:00Z",
        })
    );
    assert_eq!(admin.patch(SHOP, &read.json()).await.ok(), read.json(), "what was read can be sent back");
    assert!(signs_in(&world, "shop", Some(&secret)).await["id_token"].is_string());

    // A list is replaced; `null` is the default.
    let other = "com.example.app:/callback";
    let patch = json!({ "redirect_uris": [other], "post_logout_redirect_uris": ["https://shop.example/bye"], "redirectless": true,
            "cookieless": true, "implied_consent": true, "require_pkce": false, "require_pushed_authorization_requests": true,
            "authorization_signed_response_alg": "PS256" });
    let changed = admin.patch(SHOP, &patch).await.ok();
    for (name, value) in patch.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    let patch = json!({ "redirectless": null, "cookieless": null, "implied_consent": null, "require_pkce": null, "response_types": null });
    let changed = admin.patch(SHOP, &patch).await.ok();
    assert_eq!(changed["redirect_uris"], json!([other]));
    assert_eq!(changed["response_types"], json!(["code"]));
    for (name, default) in
        [("redirectless", false), ("cookieless", false), ("implied_consent", false), ("require_pkce", true)]
    {
        assert_eq!(changed[name], default, "{name}");
    }

    // What belongs to a grant goes with it.
    let ciba = json!({ "grant_types": ["urn:openid:params:grant-type:ciba"] });
    let refused = admin.patch(SHOP, &ciba).await;
    refused.admin_problem(422, "validation_failed");
    let pointers: Vec<Value> =
        refused.json()["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(
        pointers,
        [
            "/redirect_uris",
            "/post_logout_redirect_uris",
            "/response_types",
            "/require_pkce",
            "/require_pushed_authorization_requests",
            "/authorization_signed_response_alg",
        ]
    );
    let wrong = json!({ "post_logout_redirect_uris": ["https://shop.example/bye", "javascript:alert(1)"] });
    let wrong = admin.patch(SHOP, &wrong).await;
    wrong.admin_problem(422, "validation_failed");
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/post_logout_redirect_uris/1");
    let patch = json!({
        "grant_types": ["urn:openid:params:grant-type:ciba"], "redirect_uris": null,
        "post_logout_redirect_uris": null, "response_types": [],
        "require_pkce": null, "require_pushed_authorization_requests": null, "authorization_signed_response_alg": null,
    });
    let changed = admin.patch(SHOP, &patch).await.ok();
    for gone in [
        "redirect_uris",
        "post_logout_redirect_uris",
        "response_types",
        "redirectless",
        "cookieless",
        "implied_consent",
        "require_pkce",
        "require_pushed_authorization_requests",
        "require_signed_request_object",
        "request_uris",
        "authorization_details_types",
        "authorization_signed_response_alg",
    ] {
        assert!(changed.get(gone).is_none(), "{gone}: {changed}");
    }
    assert_eq!(changed["backchannel_token_delivery_mode"], "poll");
}

#[tokio::test]
async fn rfc6749_2_1_a_public_client_has_no_secret_and_signs_in() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    let public = json!({ "client_id": "app", "token_endpoint_auth_method": "none", "redirect_uris": [CALLBACK] });
    let made = admin.post(CLIENTS, &public).await;
    assert_eq!(location(&made), "/admin/v1/clients/app");
    assert!(made.json().get("client_secret").is_none());
    assert_eq!(made.json()["client"]["grant_types"], json!(["authorization_code"]));
    assert!(signs_in(&world, "app", None).await["access_token"].is_string());
    admin.act("/admin/v1/clients/app/rotate-secret").await.admin_problem(409, "client_has_no_secret");

    // A secret that a client had is not one of the public client that it becomes.
    let made = admin.post(CLIENTS, &json!({ "client_id": "shop", "redirect_uris": [CALLBACK] })).await;
    let secret = made.json()["client_secret"].as_str().unwrap().to_owned();
    admin.patch(SHOP, &json!({ "token_endpoint_auth_method": "none" })).await.ok();
    admin.patch(SHOP, &json!({ "token_endpoint_auth_method": null })).await.ok();
    let form = enc(&[("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", CALLBACK)]);
    let request = world.request(Method::POST, TOKEN).header("content-type", "application/x-www-form-urlencoded");
    Answer::of(request.basic_auth("shop", Some(secret)).body(form)).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn rfc9700_2_1_1_pkce_is_required_unless_somebody_says_otherwise() {
    let world = World::start().await;
    let admin = world.admin().await;
    admin.post(CLIENTS, &json!({ "client_id": "shop", "redirect_uris": [CALLBACK] })).await;
    let mut browser = world.browser();
    browser.open(&request("shop", false)).await.expect_err("a refusal").error("invalid_request");
    admin.patch(SHOP, &json!({ "require_pkce": false })).await.ok();
    browser.open(&request("shop", false)).await.expect("a page");
    browser.open(&request("shop", true)).await.expect("a page");
}

#[tokio::test]
async fn what_cannot_be_registered_for_sign_in_is_pointed_at() {
    let world = World::start().await;
    let admin = world.admin().await;
    let public = |mut members: Value| {
        members["token_endpoint_auth_method"] = json!("none");
        members
    };
    let many = |count: usize| -> Vec<String> { (0..count).map(|n| format!("https://shop.example/{n}")).collect() };
    let cases: [(Value, &str, &str); 27] = [
        (json!({ "grant_types": ["authorization_code"] }), "/redirect_uris", "required"),
        (json!({ "grant_types": ["authorization_code"], "redirect_uris": [] }), "/redirect_uris", "required"),
        (public(json!({})), "/redirect_uris", "required"),
        (json!({ "redirect_uris": many(21) }), "/redirect_uris", "too_long"),
        (json!({ "redirect_uris": [CALLBACK, "/callback"] }), "/redirect_uris/1", "invalid"),
        (json!({ "redirect_uris": ["http://shop.example/cb"] }), "/redirect_uris/0", "invalid"),
        (json!({ "redirect_uris": ["https://shop.example/cb#f"] }), "/redirect_uris/0", "invalid"),
        (json!({ "redirect_uris": ["https://me@shop.example/cb"] }), "/redirect_uris/0", "invalid"),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "/redirect_uris/0", "invalid"),
        (json!({ "redirect_uris": ["app:/cb"] }), "/redirect_uris/0", "invalid"),
        (json!({ "redirect_uris": [CALLBACK, CALLBACK] }), "/redirect_uris/1", "invalid"),
        (json!({ "redirect_uris": [CALLBACK], "response_types": [] }), "/response_types", "required"),
        (json!({ "redirect_uris": [CALLBACK], "response_types": ["code", "token"] }), "/response_types/1", "invalid"),
        (json!({ "redirect_uris": [CALLBACK], "response_types": ["id_token"] }), "/response_types/0", "not_allowed"),
        (json!({ "redirect_uris": [CALLBACK], "response_types": ["code", "code"] }), "/response_types/1", "invalid"),
        (
            json!({ "redirect_uris": [CALLBACK], "grant_types": ["urn:openid:params:grant-type:ciba"] }),
            "/redirect_uris",
            "not_allowed",
        ),
        (json!({ "response_types": ["code"] }), "/response_types", "not_allowed"),
        (json!({ "redirectless": true }), "/redirectless", "not_allowed"),
        (json!({ "implied_consent": true }), "/implied_consent", "not_allowed"),
        (
            json!({ "require_pushed_authorization_requests": true }),
            "/require_pushed_authorization_requests",
            "not_allowed",
        ),
        (json!({ "request_uris": ["https://shop.example/r"] }), "/request_uris", "not_allowed"),
        (json!({ "require_pkce": true }), "/require_pkce", "not_allowed"),
        (public(json!({ "redirect_uris": [CALLBACK], "require_pkce": false })), "/require_pkce", "not_allowed"),
        (
            public(json!({
                "redirect_uris": [CALLBACK],
                "grant_types": ["authorization_code", "urn:openid:params:grant-type:ciba"],
            })),
            "/grant_types/1",
            "not_allowed",
        ),
        (public(json!({ "grant_types": ["client_credentials"] })), "/grant_types/0", "not_allowed"),
        (public(json!({ "redirect_uris": [CALLBACK], "jwks": { "keys": [] } })), "/jwks", "invalid"),
        (
            json!({ "redirect_uris": [CALLBACK], "backchannel_token_delivery_mode": "poll" }),
            "/backchannel_token_delivery_mode",
            "not_allowed",
        ),
    ];
    admin.post(CLIENTS, &json!({ "client_id": "shop" })).await;
    let mut wrong = Vec::new();
    for (body, pointer, code) in cases {
        // Made, and changed into: the same rules. A patch leaves what `shop` has.
        let mut patch = json!({ "grant_types": null, "backchannel_token_delivery_mode": null, "long_poll": null });
        patch.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        for answer in [admin.post(CLIENTS, &body).await, admin.patch(SHOP, &patch).await] {
            let problem = json!([[pointer, code]]);
            let told = answer.json()["errors"]
                .as_array()
                .map(|errors| errors.iter().map(|error| json!([error["pointer"], error["code"]])).collect::<Value>());
            if answer.status != 422 || told != Some(problem) {
                wrong.push(format!("{body}: {} {}", answer.status, answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // All that is wrong is told at once, and twenty are not too many.
    let wrong = json!({ "redirect_uris": ["/a", CALLBACK, "/b"], "response_types": ["token"], "scope": "" });
    let answer = admin.post(CLIENTS, &wrong).await;
    let pointers: Vec<Value> =
        answer.json()["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    for pointer in ["/redirect_uris/0", "/redirect_uris/2", "/response_types/0", "/scope"] {
        assert!(pointers.contains(&json!(pointer)), "{pointers:?}");
    }
    assert_eq!(pointers.len(), 4);
    location(&admin.post(CLIENTS, &json!({ "redirect_uris": many(20) })).await);
    for shape in
        [json!({ "redirect_uris": CALLBACK }), json!({ "redirect_uris": [1] }), json!({ "redirectless": "yes" })]
    {
        admin.post(CLIENTS, &shape).await.admin_problem(400, "invalid_request");
    }
    // An empty list and a flag that is off say nothing.
    let ciba = json!({ "redirect_uris": [], "response_types": [], "redirectless": false, "require_pkce": false });
    location(&admin.post(CLIENTS, &ciba).await);
}

#[tokio::test]
async fn rfc7591_2_1_response_types_and_grants_go_together() {
    let world = World::start().await;
    let admin = world.admin().await;
    let implicit = json!(["implicit"]);
    let both = json!(["authorization_code", "implicit"]);
    for (body, pointer, code) in [
        (json!({ "redirect_uris": [CALLBACK], "grant_types": implicit }), "/response_types", "required"),
        (
            json!({ "redirect_uris": [CALLBACK], "grant_types": implicit, "response_types": ["id_token", "code"] }),
            "/response_types/1",
            "not_allowed",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "grant_types": implicit, "response_types": ["id_token code"] }),
            "/response_types/0",
            "not_allowed",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "grant_types": both, "response_types": ["code token"],
                "dpop_bound_access_tokens": true }),
            "/response_types/0",
            "not_allowed",
        ),
    ] {
        let answer = admin.post(CLIENTS, &body).await;
        answer.admin_problem(422, "validation_failed");
        let told = &answer.json()["errors"][0];
        assert_eq!((&told["pointer"], &told["code"]), (&json!(pointer), &json!(code)), "{body}");
    }
    let types = json!(["code", "id_token", "code id_token token"]);
    let body = json!({ "redirect_uris": [CALLBACK], "grant_types": both, "response_types": types });
    let at = location(&admin.post(CLIENTS, &body).await);
    assert_eq!(admin.get(&at).await.ok()["response_types"], types);
    // None of them goes without its grant.
    admin.patch(&at, &json!({ "grant_types": null })).await.admin_problem(422, "validation_failed");
    admin.patch(&at, &json!({ "grant_types": ["authorization_code"], "response_types": null })).await.ok();
}

#[tokio::test]
async fn jarm_3_how_answers_are_encrypted_is_registered_with_a_key_for_it() {
    let world = World::start().await;
    let admin = world.admin().await;
    admin.post(CLIENTS, &json!({ "client_id": "shop", "redirect_uris": [CALLBACK] })).await;
    let mut key = Jwk::p256().public();
    key["use"] = json!("enc");
    let (alg, enc) = ("authorization_encrypted_response_alg", "authorization_encrypted_response_enc");
    let patch = json!({ "jwks": { "keys": [key] }, alg: "ECDH-ES" });
    let changed = admin.patch(SHOP, &patch).await.ok();
    assert_eq!((&changed["jwks"], &changed[alg]), (&patch["jwks"], &json!("ECDH-ES")), "no key to sign with is needed");
    assert_eq!(changed[enc], "A128CBC-HS256");
    assert_eq!(admin.patch(SHOP, &changed).await.ok(), changed, "what was read can be sent back");
    assert_eq!(admin.patch(SHOP, &json!({ enc: "A256GCM" })).await.ok()[enc], "A256GCM");
    for (patch, pointer) in [
        (json!({ alg: "RSA-OAEP-256" }), alg),
        (json!({ "jwks": null }), alg),
        (json!({ alg: null, "jwks": null }), enc),
    ] {
        let wrong = admin.patch(SHOP, &patch).await;
        wrong.admin_problem(422, "validation_failed");
        let (errors, pointer) = (wrong.json()["errors"].clone(), format!("/{pointer}"));
        let named = errors.as_array().unwrap().iter().find(|error| error["pointer"] == pointer.as_str());
        assert_eq!(named.expect("a problem of it")["code"], "not_allowed", "{errors}");
    }
    let changed = admin.patch(SHOP, &json!({ alg: null, enc: null, "jwks": null })).await.ok();
    assert!(changed.get(alg).is_none() && changed.get(enc).is_none(), "{changed}");
}
