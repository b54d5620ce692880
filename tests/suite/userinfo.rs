//! [OIDCC §5.3, RFC 6750] Claims about the person, for whoever holds an access token.

use nod::domain::user::Status;
use nod::protocol::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use crate::admin::robot::usr;
use crate::world::{
    Answer, BEGIN, Client, DISCOVERY, Jwk, Person, Tokens, USERINFO, World, b64, compact, decoded, enc, seconds,
};

struct Scene {
    world: World,
    shop: Client,
    alice: Person,
    tokens: Tokens,
}

async fn scene() -> Scene {
    let world = World::start().await;
    let (shop, alice) = (world.client("shop").refresh().await, world.user("alice").with_phone().await);
    let tokens = shop.log_in(&alice).await;
    Scene { world, shop, alice, tokens }
}

#[tokio::test]
async fn oidcc_5_3_1_get_and_post_with_the_token_in_the_header() {
    let scene = scene().await;
    let bearer = format!("Bearer {}", scene.tokens.access_token);
    let get = scene.world.request(Method::GET, USERINFO).header("authorization", &bearer);
    let post = scene.world.request(Method::POST, USERINFO).header("authorization", &bearer);
    let form = scene.world.request(Method::POST, USERINFO).header("authorization", &bearer);
    let form = form.header("content-type", "application/x-www-form-urlencoded").body("x=y");
    for request in [get, post, form] {
        assert_eq!(Answer::of(request).await.ok()["sub"], decoded(&scene.tokens.id_token).1["sub"]);
    }
}

#[tokio::test]
async fn oidcc_5_4_scopes_say_which_claims() {
    let world = World::with().generous().start().await;
    let (shop, alice) = (world.client("shop").await, world.user("alice").with_phone().await);
    let (sub, at) = (alice.id.to_string(), BEGIN.seconds());
    let profile = json!({"sub": sub, "name": "The real alice", "preferred_username": "alice", "updated_at": at});
    let email = json!({"sub": sub, "email": alice.email, "email_verified": true});
    let mut all = profile.clone();
    all.as_object_mut().unwrap().extend(email.as_object().unwrap().clone());
    for (scope, claims) in [
        ("openid", json!({"sub": sub})),
        ("openid profile", profile),
        ("openid email", email),
        ("openid profile email", all),
    ] {
        let asked = shop.ask_with(&alice, &[("scope", scope)]).await;
        alice.phone().approve_the_question().await;
        let tokens = shop.poll(&asked).await.tokens();
        assert_eq!(world.userinfo(&tokens.access_token).await.ok(), claims, "{scope}");
    }
}

/// Of whom nothing but the name they log in with is known.
#[tokio::test]
async fn oidcc_5_1_what_is_unknown_is_absent() {
    let world = World::with().generous().start().await;
    let (admin, shop) = (world.admin().await, world.client("shop").await);
    let alice = world.user("alice").with_phone().await;
    let at = format!("/admin/v1/users/{}", usr(&alice));
    let bare = admin.patch(&at, &json!({ "name": null, "email": null, "email_verified": false })).await.ok();
    assert!(bare.get("name").is_none() && bare.get("email").is_none(), "{bare}");
    let asked = shop.ask_with(&alice, &[("scope", "openid profile email")]).await;
    alice.phone().approve_the_question().await;
    let tokens = shop.poll(&asked).await.tokens();
    let sub = alice.id.to_string();
    let known = json!({ "sub": sub, "preferred_username": "alice", "updated_at": BEGIN.seconds() });
    let told = world.userinfo(&tokens.access_token).await;
    assert_eq!(told.ok(), known, "neither null nor empty");
    let (_, claims) = decoded(&tokens.id_token);
    for absent in ["name", "email", "email_verified"] {
        assert!(claims.get(absent).is_none(), "{absent}: {claims}");
    }
    // Each with the type that it has to have.
    assert!(told.json()["updated_at"].is_u64() && told.json()["preferred_username"].is_string());
    admin.patch(&at, &json!({ "email": "alice@example.com" })).await.ok();
    let told = world.userinfo(&tokens.access_token).await.ok();
    assert_eq!((&told["email"], &told["email_verified"]), (&json!("alice@example.com"), &json!(false)));
}

#[tokio::test]
async fn rfc6750_2_the_token_comes_in_the_header_alone() {
    let scene = scene().await;
    let token = &scene.tokens.access_token;
    scene.world.guard(token);
    let query = scene.world.request(Method::GET, &format!("{USERINFO}?access_token={token}"));
    let form = scene.world.request(Method::POST, USERINFO);
    let form = form.header("content-type", "application/x-www-form-urlencoded").body(enc(&[("access_token", token)]));
    for request in [query, form] {
        let watch = scene.world.watch().await;
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        watch.only_a_refusal("a token elsewhere").await;
    }
}

#[tokio::test]
async fn rfc6750_3_1_without_a_token_there_is_a_challenge_and_no_error_code_in_it() {
    let scene = scene().await;
    for header in [None, Some("Basic c2hvcDpzZWNyZXQ="), Some("Bearer"), Some("Digest x"), Some("Token x")] {
        let watch = scene.world.watch().await;
        let request = scene.world.request(Method::GET, USERINFO);
        let request = match header {
            Some(header) => request.header("authorization", header),
            None => request,
        };
        let answer = Answer::of(request).await;
        let challenge = answer.header("www-authenticate").unwrap();
        if header.is_none() {
            assert_eq!(challenge, "Bearer");
        } else {
            // Something was shown, which is no bearer token.
            assert!(challenge == "Bearer" || challenge == "Bearer error=\"invalid_token\"", "{challenge}");
        }
        // There is no client here that could be invalid.
        answer.refused(401, "invalid_token");
        assert_eq!(watch.only_a_refusal("no token").await.action, "userinfo.read");
    }
}

#[tokio::test]
async fn rfc6750_3_1_what_is_no_access_token_now_is_invalid_token() {
    let scene = scene().await;
    let Scene { world, shop, tokens, .. } = &scene;
    let (header, claims) = decoded(&tokens.access_token);
    let (signed, _) = tokens.access_token.rsplit_once('.').unwrap();
    let mut other = claims.clone();
    other["sub"] = json!("00000000-0000-4000-8000-000000000000");
    let key = Jwk::p256();
    let mut as_id_token = header.clone();
    as_id_token["typ"] = json!("JWT");
    let asked = shop.ask(&scene.alice).await;
    for (what, token) in [
        ("an ID token", tokens.id_token.clone()),
        ("a refresh token", tokens.refresh_token.clone().unwrap()),
        ("an auth_req_id", asked.auth_req_id),
        ("nothing", "x".to_owned()),
        ("no signature", format!("{signed}.")),
        ("zeroes", format!("{signed}.{}", b64(&[0; 64]))),
        ("no algorithm", compact(&json!({"alg": "none", "typ": "at+jwt"}), &claims, |_| Vec::new())),
        ("another key", key.jws(&header, &claims)),
        ("another key of its own", {
            let mut named = header.clone();
            named["jwk"] = key.public();
            key.jws(&named, &claims)
        }),
        (
            "another person",
            format!(
                "{}.{}.{}",
                signed.split_once('.').unwrap().0,
                b64(other.to_string().as_bytes()),
                tokens.access_token.rsplit_once('.').unwrap().1
            ),
        ),
        ("two tokens", format!("{0} {0}", tokens.access_token)),
        ("a very long one", "A".repeat(10_000)),
    ] {
        let watch = world.watch().await;
        let answer = world.userinfo(&token).await;
        answer.refused(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{what}");
        assert_eq!(watch.only_a_refusal(what).await.action, "userinfo.read");
    }
    world.userinfo(&tokens.access_token).await.ok();
    world.clock.advance(seconds(600));
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rfc6750_2_two_authorization_headers_are_a_malformed_request() {
    let scene = scene().await;
    let bearer = format!("Bearer {}", scene.tokens.access_token);
    let request = scene.world.request(Method::GET, USERINFO);
    let request = request.header("authorization", &bearer).header("authorization", &bearer);
    Answer::of(request).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn the_person_and_the_client_must_still_stand() {
    let scene = scene().await;
    let token = &scene.tokens.access_token;
    for status in [Status::Locked, Status::Disabled] {
        scene.alice.set_status(status).await;
        scene.world.userinfo(token).await.refused(401, "invalid_token");
    }
    scene.alice.unlock().await;
    scene.world.userinfo(token).await.ok();
    scene.shop.disable().await;
    scene.world.userinfo(token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rfc7231_5_3_any_usual_accept_header_is_served() {
    let scene = scene().await;
    let bearer = format!("Bearer {}", scene.tokens.access_token);
    for (name, value) in [
        ("accept", "application/json"),
        ("accept", "application/json;charset=UTF-8"),
        ("accept", "*/*"),
        ("accept", "application/jwt, application/json;q=0.5"),
        ("accept", "text/html"),
        ("accept-charset", "UTF-8, iso-8859-1"),
        ("accept-encoding", "gzip, br"),
    ] {
        let request = scene.world.request(Method::GET, USERINFO).header("authorization", &bearer).header(name, value);
        Answer::of(request).await.ok();
    }
}

#[tokio::test]
async fn rfc7235_2_1_the_scheme_may_be_written_in_any_case() {
    let scene = scene().await;
    for scheme in ["bearer", "BEARER", "bEaReR"] {
        let request = scene.world.request(Method::GET, USERINFO);
        let request = request.header("authorization", format!("{scheme} {}", scene.tokens.access_token));
        Answer::of(request).await.ok();
    }
}

#[tokio::test]
async fn fapi1_6_2_1_an_interaction_id_is_echoed_or_made_up() {
    let scene = scene().await;
    let bearer = format!("Bearer {}", scene.tokens.access_token);
    let ask = async |id: Option<&str>| {
        let mut request = scene.world.request(Method::GET, USERINFO).header("authorization", &bearer);
        if let Some(id) = id {
            request = request.header("x-fapi-interaction-id", id);
        }
        Answer::of(request).await
    };
    let longest = "x".repeat(64);
    for given in ["c770aef3-6784-41f7-8e0e-ff5f97bddb3a", "{c770aef3}", "bank-4711/2", &longest] {
        assert_eq!(ask(Some(given)).await.header("x-fapi-interaction-id"), Some(given), "it should be a UUID");
    }
    let (too_long, mut seen) = ("x".repeat(65), std::collections::HashSet::new());
    for id in [None, None, Some(""), Some("a b"), Some("\u{e9}"), Some(too_long.as_str())] {
        let answer = ask(id).await;
        let fresh = answer.header("x-fapi-interaction-id").unwrap().to_owned();
        assert!(uuid::Uuid::parse_str(&fresh).is_ok(), "{fresh}");
        assert!(seen.insert(fresh));
        assert!(answer.header("date").is_some());
    }
}

#[tokio::test]
async fn oidcc_5_3_1_other_methods_are_not_allowed() {
    let scene = scene().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = Answer::of(scene.world.request(method, USERINFO)).await;
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("GET, POST"));
    }
}

#[tokio::test]
async fn oidcc_5_3_2_a_client_may_have_the_answer_signed() {
    let world = World::start().await;
    let alice = world.user("alice").with_phone().await;
    let metadata = world.get(DISCOVERY).await.json();
    for alg in metadata["userinfo_signing_alg_values_supported"].as_array().unwrap() {
        let alg = Algorithm::parse(alg.as_str().unwrap()).unwrap();
        let shop = world.client(&format!("shop-{alg}"));
        let shop = shop.registered(|client| client.userinfo_signed_response_alg = Some(alg)).await;
        let tokens = shop.log_in(&alice).await;
        let answer = world.userinfo(&tokens.access_token).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let (header, claims) = world.verified(&answer.text()).await;
        assert_eq!(header["alg"], alg.as_str());
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.issuer()), &json!(shop.id)));
        assert_eq!((&claims["sub"], &claims["name"]), (&json!(alice.id.to_string()), &json!("The real alice")));
        // [RFC 8725 §3.11] it is no ID token, whatever its type is.
        for name in ["nonce", "exp", "iat"] {
            assert!(claims.get(name).is_none(), "{name}");
        }
        let fields = [("id_token_hint", answer.text()), ("scope", "openid".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        shop.bc_authorize(&fields).await.refused(400, "invalid_request");
    }
}
