//! OpenID Connect Core §3.2 and §3.3: what the authorization endpoint itself gives.

use std::collections::BTreeSet;

use nod::domain::client::GrantType;
use nod::protocol::authorization_request::ResponseType;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::admin::receiver::Receiver;
use crate::sign_in::backchannel_logout;
use crate::world::{AUTHORIZE, Browser, Callback, Client, ClientBuilder, World, asked, at_hash, decoded, seconds};

const FRONT: [&str; 5] = ["id_token", "id_token token", "code id_token", "code token", "code id_token token"];

/// A client that may have everything that there is.
fn fronted(world: &World, id: &str) -> ClientBuilder {
    world.client(id).signs_in().registered(|client| {
        client.grants.insert(GrantType::Implicit);
        client.sign_in.as_mut().unwrap().response_types = ResponseType::ALL.to_vec();
    })
}

async fn shop_and_alice(world: &World) -> Client {
    let _ = world.user("alice").with_password(PASSWORD).await;
    fronted(world, "shop").refresh().await
}

/// Where the browser of somebody who is signed in and has agreed is sent.
async fn sent(browser: &mut Browser, client: &Client, fields: &[(&str, &str)]) -> String {
    let answer = browser.get(&format!("{AUTHORIZE}?{}", asked(client, fields))).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap().to_owned()
}

/// The same, where it has to be in the fragment.
async fn fragment(browser: &mut Browser, client: &Client, fields: &[(&str, &str)]) -> Callback {
    let location = sent(browser, client, fields).await;
    let (address, _) = location.split_once('#').unwrap_or_else(|| panic!("{location}"));
    assert!(!address.contains('?'), "[OAuth 2.0 Multiple Response Types §5] {location}");
    Callback::of(&location)
}

fn names(callback: &Callback) -> BTreeSet<&str> {
    callback.0.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn oidcc_3_3_2_5_each_response_type_gives_what_it_names_in_the_fragment() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for kind in FRONT {
        let callback = fragment(&mut browser, &shop, &[("response_type", kind)]).await;
        let words: BTreeSet<&str> = kind.split(' ').collect();
        let mut expected: BTreeSet<&str> = ["state", "iss"].into();
        if words.contains("code") {
            expected.insert("code");
        }
        if words.contains("id_token") {
            expected.insert("id_token");
        }
        if words.contains("token") {
            expected.extend(["access_token", "token_type", "expires_in", "scope"]);
        }
        assert_eq!(names(&callback), expected, "{kind}");
        assert_eq!(callback.get("state"), "a state");
        if words.contains("token") {
            assert_eq!((callback.get("token_type"), callback.get("expires_in")), ("Bearer", "600"));
            assert_eq!(callback.get("scope"), "openid profile email");
            assert_eq!(world.userinfo(callback.get("access_token")).await.ok()["preferred_username"], "alice");
        }
        let mut subject = None;
        if words.contains("id_token") {
            let (_, claims) = world.verified(callback.get("id_token")).await;
            assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.issuer()), &json!("shop")));
            assert_eq!(claims["nonce"], "a nonce");
            assert_eq!(claims["auth_time"], world.now().seconds());
            assert!(claims["sid"].is_string());
            // [OIDCC §3.2.2.10, §3.3.2.11, FAPI 1 Advanced §5.2.2.1]
            let hash = |name: &str| callback.0.get(name).map_or(Value::Null, |value| json!(at_hash(value)));
            assert_eq!(claims["at_hash"], hash("access_token"), "{kind}");
            assert_eq!(claims["c_hash"], hash("code"), "{kind}");
            assert_eq!(claims["s_hash"], hash("state"), "{kind}");
            subject = Some(claims);
        }
        if words.contains("code") {
            let tokens = shop.redeem(callback.get("code")).await.tokens();
            let (_, claims) = decoded(&tokens.id_token);
            assert!(tokens.refresh_token.is_some());
            assert!(claims.get("c_hash").is_none() && claims.get("s_hash").is_none());
            // [OIDCC §3.3.3.6] both speak of the same.
            for same in ["iss", "sub", "aud", "auth_time", "nonce", "sid", "acr", "amr"] {
                let front = subject.as_ref().map_or(&claims[same], |front| &front[same]);
                assert_eq!(&claims[same], front, "{kind}: {same}");
            }
        }
    }
}

#[tokio::test]
async fn oidcc_3_3_2_10_the_first_sign_in_ends_in_the_fragment_too() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[("response_type", "code id_token")]).await.unwrap();
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    assert_eq!(names(&callback), ["code", "id_token", "iss", "state"].into());
    // And a person's no.
    let page = browser.authorize(&shop, &[("response_type", "id_token"), ("prompt", "login")]).await.unwrap();
    browser.press(&page, "cancel", &[]).await.unwrap_err().error("access_denied");
}

#[tokio::test]
async fn a_client_has_the_response_types_that_it_registered() {
    let world = World::start().await;
    let (shop, _alice) = super::shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for kind in FRONT {
        let callback = fragment(&mut browser, &shop, &[("response_type", kind)]).await;
        assert_eq!(callback.error("unauthorized_client").get("state"), "a state");
        let callback = fragment(&mut browser, &shop, &[("response_type", kind), ("prompt", "none")]).await;
        assert_eq!(names(callback.error("unauthorized_client")), ["error", "error_description", "iss", "state"].into());
    }
    // One of them is not the others.
    shop.update(|shop| shop.sign_in.as_mut().unwrap().response_types = vec![ResponseType::CodeIdToken]).await;
    for kind in ["code", "id_token", "id_token token", "code token", "code id_token token"] {
        let location = sent(&mut browser, &shop, &[("response_type", kind)]).await;
        Callback::of(&location).error("unauthorized_client");
    }
    fragment(&mut browser, &shop, &[("response_type", "id_token code")]).await.get("code");
    // Nor has it those that it had when somebody began to sign in.
    let page = browser.authorize(&shop, &[("response_type", "code id_token"), ("prompt", "login")]).await.unwrap();
    shop.update(|shop| shop.sign_in.as_mut().unwrap().response_types = vec![ResponseType::Code]).await;
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err().error("unauthorized_client");
}

#[tokio::test]
async fn oidcc_3_2_2_1_a_nonce_is_needed_where_an_id_token_is_given() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for kind in FRONT {
        let callback = fragment(&mut browser, &shop, &[("response_type", kind), ("nonce", "")]).await;
        if kind == "code token" {
            callback.get("access_token");
        } else {
            callback.error("invalid_request");
        }
        let callback = fragment(&mut browser, &shop, &[("response_type", kind), ("scope", "profile")]).await;
        if kind == "code token" {
            assert_eq!(callback.get("scope"), "profile");
        } else {
            callback.error("invalid_scope");
        }
    }
}

#[tokio::test]
async fn oauth_multiple_response_types_5_a_token_never_goes_in_the_query() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for kind in FRONT {
        for mode in ["query", "query.jwt"] {
            let location = sent(&mut browser, &shop, &[("response_type", kind), ("response_mode", mode)]).await;
            assert!(location.starts_with("https://shop.example/cb#"), "{location}");
            if mode == "query" {
                Callback::of(&location).error("invalid_request");
            }
        }
        for error in [("prompt", "none login"), ("scope", "openid admin"), ("max_age", "x")] {
            assert!(fragment(&mut browser, &shop, &[("response_type", kind), error]).await.0.contains_key("error"));
        }
    }
}

#[tokio::test]
async fn oauth_form_post_and_jarm_carry_tokens_as_well() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for kind in FRONT {
        let fields = [("response_type", kind), ("response_mode", "form_post")];
        let page = browser.authorize(&shop, &fields).await.unwrap();
        for (word, field) in [("code", "code"), ("id_token", "id_token"), ("token", "access_token")] {
            let wanted = kind.split(' ').any(|own| own == word);
            assert_eq!(page.field(field).is_some(), wanted, "{kind}: {field}");
        }
        let fields = [("response_type", kind), ("response_mode", "jwt")];
        let callback = fragment(&mut browser, &shop, &fields).await;
        assert_eq!(names(&callback), ["response"].into(), "{kind}");
        let (_, claims) = world.verified(callback.get("response")).await;
        for (word, claim) in [("code", "code"), ("id_token", "id_token"), ("token", "access_token")] {
            let wanted = kind.split(' ').any(|own| own == word);
            assert_eq!(claims[claim].is_string(), wanted, "{kind}: {claim}");
        }
        assert_eq!(claims["state"], "a state");
    }
}

#[tokio::test]
async fn oidcc_5_4_claims_are_in_the_id_token_where_no_access_token_could_ask_for_them() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for kind in ["id_token", "id_token token", "code id_token", "code id_token token"] {
        let callback = fragment(&mut browser, &shop, &[("response_type", kind)]).await;
        let (_, claims) = decoded(callback.get("id_token"));
        let told = kind == "id_token";
        for name in ["preferred_username", "email", "email_verified", "updated_at"] {
            assert_eq!(claims.get(name).is_some(), told, "{kind}: {name}");
        }
        assert_eq!(claims["preferred_username"].as_str(), told.then_some("alice"));
    }
    // As far as the scope goes.
    let fields = [("response_type", "id_token"), ("scope", "openid email")];
    let (_, claims) = decoded(fragment(&mut browser, &shop, &fields).await.get("id_token"));
    assert!(claims.get("email").is_some() && claims.get("preferred_username").is_none());
}

#[tokio::test]
async fn rfc9700_2_1_1_the_code_of_a_hybrid_answer_needs_its_verifier() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let spa = fronted(&world, "spa").public().await;
    let mut browser = world.browser();
    browser.log_in(&spa, "alice", PASSWORD).await;
    let bare = |kind| [("response_type", kind), ("code_challenge", ""), ("code_challenge_method", "")];
    for kind in FRONT {
        let callback = fragment(&mut browser, &spa, &bare(kind)).await;
        if kind.contains("code") {
            callback.error("invalid_request");
        } else {
            callback.get("id_token");
        }
    }
    let callback = fragment(&mut browser, &spa, &[("response_type", "code id_token")]).await;
    spa.redeem_with(callback.get("code"), &[("code_verifier", "")]).await.refused(400, "invalid_grant");
    let callback = fragment(&mut browser, &spa, &[("response_type", "code id_token")]).await;
    spa.redeem(callback.get("code")).await.tokens();
}

#[tokio::test]
async fn oidcc_11_what_comes_through_the_browser_ends_with_the_session() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    for format in ["jwt", "opaque"] {
        let shop = fronted(&world, format).refresh().scope("openid offline_access");
        let shop = if format == "opaque" { shop.opaque() } else { shop }.await;
        let mut browser = world.browser();
        let page = browser.authorize(&shop, &[("scope", "openid offline_access")]).await.unwrap();
        browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        let scope = ("scope", "openid offline_access");
        let hybrid = fragment(&mut browser, &shop, &[("response_type", "code id_token token"), scope]).await;
        let implicit = fragment(&mut browser, &shop, &[("response_type", "id_token token"), scope]).await;
        for callback in [&hybrid, &implicit] {
            assert_eq!(callback.get("scope"), "openid");
            world.userinfo(callback.get("access_token")).await.ok();
        }
        let tokens = shop.redeem(hybrid.get("code")).await.tokens();
        let hint = tokens.id_token.as_str();
        browser
            .log_out(&[("id_token_hint", hint), ("post_logout_redirect_uri", crate::world::SIGNED_OUT)])
            .await
            .unwrap_err();
        for callback in [&hybrid, &implicit] {
            world.userinfo(callback.get("access_token")).await.refused(401, "invalid_token");
        }
        // What the code gave was for the time when the person is not there.
        shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.tokens();
    }
}

#[tokio::test]
async fn rfc6749_4_1_2_a_code_that_comes_again_ends_what_was_given_beside_it() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let other = fragment(&mut browser, &shop, &[("response_type", "code token")]).await;
    let callback = fragment(&mut browser, &shop, &[("response_type", "code token")]).await;
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    world.userinfo(callback.get("access_token")).await.ok();
    shop.redeem(callback.get("code")).await.refused(400, "invalid_grant");
    for dead in [callback.get("access_token"), &tokens.access_token] {
        world.userinfo(dead).await.refused(401, "invalid_token");
    }
    world.userinfo(other.get("access_token")).await.ok();
}

#[tokio::test]
async fn security_27_a_token_of_the_browser_is_worth_nothing_when_its_person_is_locked() {
    let world = World::start().await;
    let alice = world.user("alice").with_password(PASSWORD).await;
    let shop = fronted(&world, "shop").await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    let callback = fragment(&mut browser, &shop, &[("response_type", "id_token token")]).await;
    let token = callback.get("access_token");
    assert_eq!(shop.introspect(token).await["active"], true);
    alice.lock().await;
    world.userinfo(token).await.refused(401, "invalid_token");
    fragment(&mut browser, &shop, &[("response_type", "id_token token"), ("prompt", "none")])
        .await
        .error("login_required");
    alice.unlock().await;
    world.userinfo(token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn bcl_2_4_who_was_given_an_id_token_alone_is_told_of_the_end() {
    let world = backchannel_logout::patient().start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let receiver = Receiver::start();
    let backchannel = Some(nod::domain::client::LogoutUri { uri: receiver.url(), session_required: true });
    let shop = fronted(&world, "shop");
    let shop = shop.registered(|client| client.sign_in.as_mut().unwrap().logout.backchannel = backchannel).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[("response_type", "id_token")]).await.unwrap();
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    let hint = callback.get("id_token");
    browser
        .log_out(&[("id_token_hint", hint), ("post_logout_redirect_uri", crate::world::SIGNED_OUT)])
        .await
        .unwrap_err();
    let received = receiver.gets(1).await.remove(0);
    assert_eq!(backchannel_logout::claims(&received)["sid"], decoded(hint).1["sid"]);
}

#[tokio::test]
async fn oidcc_3_2_a_page_renews_its_tokens_while_the_person_is_signed_in() {
    let world = World::start().await;
    let shop = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let silent = [("response_type", "id_token token"), ("prompt", "none")];
    fragment(&mut browser, &shop, &silent).await.error("login_required");
    browser.log_in(&shop, "alice", PASSWORD).await;
    let first = fragment(&mut browser, &shop, &silent).await;
    world.clock.advance(seconds(400));
    let hint = ("id_token_hint", first.get("id_token"));
    let second = fragment(&mut browser, &shop, &[silent[0], silent[1], hint]).await;
    world.clock.advance(seconds(400));
    world.userinfo(first.get("access_token")).await.refused(401, "invalid_token");
    world.userinfo(second.get("access_token")).await.ok();
    let (first, second) = (decoded(first.get("id_token")).1, decoded(second.get("id_token")).1);
    for same in ["sub", "sid", "auth_time"] {
        assert_eq!(first[same], second[same], "{same}");
    }
}

#[tokio::test]
async fn a_flow_without_a_browser_ends_in_tokens_as_well() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let shop = fronted(&world, "shop").redirectless().implied_consent().await;
    let mut browser = world.browser();
    let state = browser.flow(&shop, &[("response_type", "code id_token token")]).await;
    let state = browser.password(state["id"].as_str().unwrap(), "alice", PASSWORD).await.ok();
    let answer = &state["authorizeResponse"];
    for name in ["code", "id_token", "access_token"] {
        world.guard(answer[name].as_str().unwrap());
    }
    assert_eq!(answer["token_type"], "Bearer", "{state}");
    let (_, claims) = world.verified(answer["id_token"].as_str().unwrap()).await;
    assert_eq!(claims["c_hash"], at_hash(answer["code"].as_str().unwrap()));
}
