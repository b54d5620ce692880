//! OpenID Connect Core §3.1: the code flow.

use nod::domain::client::GrantType;
use reqwest::Method;

use super::{PASSWORD, shop_and_alice};
use crate::world::{AUTHORIZE, Browser, CALLBACK, Callback, World, asked, decoded, enc, seconds};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn oidcc_3_1_a_person_signs_in_and_the_client_gets_tokens_once() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    page.has("The shop").has("autocomplete=\"current-password\"");
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
    assert_eq!(callback.get("state"), "a state");
    assert_eq!(callback.get("iss"), world.issuer(), "[RFC 9207 §2]");
    let code = callback.get("code");
    assert!(code.len() >= 43);

    let tokens = shop.redeem(code).await.tokens();
    let (header, claims) = decoded(&tokens.id_token);
    assert!(header["kid"].is_string());
    assert_eq!(claims["sub"], alice.id.to_string());
    assert_eq!(claims["nonce"], "a nonce");
    assert_eq!(claims["auth_time"], world.now().seconds());
    assert_eq!((&claims["acr"], &claims["amr"]), (&"urn:nod:acr:password".into(), &serde_json::json!(["pwd"])));
    assert!(claims["sid"].is_string());
    assert_eq!(world.userinfo(&tokens.access_token).await.ok()["sub"], claims["sub"]);

    // [OIDCC §12.2] a refreshed one has no nonce, and the same time of authentication.
    world.clock.advance(seconds(5));
    let again = shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.tokens();
    let (_, refreshed) = decoded(&again.id_token);
    assert_eq!((&refreshed["auth_time"], &refreshed["sid"]), (&claims["auth_time"], &claims["sid"]));
    assert!(refreshed.get("nonce").is_none());
}

#[tokio::test]
async fn rfc6749_4_1_2_a_code_that_comes_again_ends_what_it_gave() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let callback = world.browser().log_in(&shop, "alice", PASSWORD).await;
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    world.clock.advance(seconds(30));
    shop.redeem(callback.get("code")).await.refused(400, "invalid_grant");
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    shop.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
    // Long after it has expired, too.
    let callback = world.browser().log_in(&shop, "alice", PASSWORD).await;
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    world.clock.advance(seconds(300));
    shop.redeem(callback.get("code")).await.refused(400, "invalid_grant");
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn rfc6749_4_1_3_a_code_fits_one_request_only() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let thief = world.client("thief").signs_in().await;
    let mut browser = world.browser();
    let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    // Somebody else's try spoils nothing [security.md case 25].
    thief.redeem(&code).await.refused(400, "invalid_grant");
    shop.redeem(&format!("{code}x")).await.refused(400, "invalid_grant");
    shop.redeem(&code).await.tokens();

    for wrong in [
        [("code_verifier", "a-wrong-verifier-of-forty-three-characters-x")],
        [("code_verifier", "")],
        [("redirect_uri", "https://shop.example/cb/")],
        [("redirect_uri", "")],
    ] {
        let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
        shop.redeem_with(&code, &wrong).await.refused(400, "invalid_grant");
        shop.redeem(&code).await.refused(400, "invalid_grant");
    }
    let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    world.clock.advance(seconds(60));
    shop.redeem(&code).await.refused(400, "invalid_grant");
    shop.redeem_with("", &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn security_27_what_was_true_at_the_sign_in_is_looked_at_again() {
    let world = World::start().await;
    let (shop, alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    alice.lock().await;
    shop.redeem(&code).await.refused(400, "invalid_grant");
    browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
    alice.unlock().await;
    let code = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    shop.update(|shop| shop.grants = [GrantType::Ciba].into()).await;
    shop.redeem(&code).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn oidcc_3_1_2_1_who_is_signed_in_is_not_asked_again() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let bank = world.client("bank").signs_in().await;
    let mut browser = world.browser();
    browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
    let first = browser.log_in(&shop, "alice", PASSWORD).await;
    let (_, first) = decoded(&shop.redeem(first.get("code")).await.tokens().id_token);
    world.clock.advance(seconds(2));
    let again = browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err();
    let (_, again) = decoded(&shop.redeem(again.get("code")).await.tokens().id_token);
    for same in ["sub", "auth_time", "sid"] {
        assert_eq!(first[same], again[same], "{same}");
    }
    // What was agreed to is agreed to with one client, for what it asked.
    browser.authorize(&bank, &[("prompt", "none")]).await.unwrap_err().error("consent_required");
    browser.authorize(&shop, &[("prompt", "consent")]).await.unwrap().has("value=\"allow\"");

    for anew in [("prompt", "login"), ("max_age", "1"), ("max_age", "0")] {
        world.clock.advance(seconds(2));
        let page = browser.authorize(&shop, &[anew]).await.unwrap();
        let callback = browser.sign_in(&page, "alice", PASSWORD).await.unwrap_err();
        let (_, later) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
        assert!(later["auth_time"].as_i64() > first["auth_time"].as_i64(), "{anew:?}");
    }
    for not_anew in [("max_age", "15000"), ("max_age", "99999999999999"), ("acr_values", "1 2"), ("display", "popup")] {
        let callback = browser.authorize(&shop, &[not_anew, ("login_hint", "x"), ("claims_locales", "se")]).await;
        callback.unwrap_err().get("code");
    }
    browser.authorize(&shop, &[("max_age", "1"), ("prompt", "none")]).await.unwrap_err().get("code");
    world.clock.advance(seconds(2));
    browser.authorize(&shop, &[("max_age", "1"), ("prompt", "none")]).await.unwrap_err().error("login_required");
}

#[tokio::test]
async fn oidcc_3_1_2_2_a_hint_names_somebody() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let _bob = world.user("bob").with_password("another long password of bob").await;
    let mut alices = world.browser();
    let callback = alices.log_in(&shop, "alice", PASSWORD).await;
    let hint = shop.redeem(callback.get("code")).await.tokens().id_token;
    // One that has expired names its person as well.
    world.clock.advance(seconds(900));
    let none = [("prompt", "none"), ("id_token_hint", hint.as_str())];
    alices.authorize(&shop, &none).await.unwrap_err().get("code");
    let mut bobs = world.browser();
    bobs.log_in(&shop, "bob", "another long password of bob").await.get("code");
    bobs.authorize(&shop, &none).await.unwrap_err().error("login_required");
    for nonsense in ["x", "a.b.c"] {
        let hint = [("prompt", "none"), ("id_token_hint", nonsense)];
        alices.authorize(&shop, &hint).await.unwrap_err().error("invalid_request");
    }
}

#[tokio::test]
async fn oidcc_3_1_2_6_each_refusal_goes_where_it_can_be_told() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let state = "s".repeat(128);
    for (fields, error) in [
        ([("response_type", "")], "invalid_request"),
        ([("response_type", "token")], "unsupported_response_type"),
        ([("response_type", "id_token")], "unauthorized_client"),
        ([("scope", "openid admin")], "invalid_scope"),
        ([("prompt", "none login")], "invalid_request"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("code_challenge_method", "")], "invalid_request"),
        ([("request", "x")], "request_not_supported"),
        ([("request_uri", "https://shop.example/r")], "request_uri_not_supported"),
        ([("response_mode", "web_message")], "invalid_request"),
    ] {
        let all = [fields[0], ("state", state.as_str())];
        let callback = browser.authorize(&shop, &all).await.expect_err("a redirect");
        callback.error(error);
        assert_eq!(callback.get("state"), state);
        assert_eq!(callback.get("iss"), world.issuer());
    }
    // Nobody to tell it to: a page, and no redirect.
    for fields in [
        [("client_id", "nobody")],
        [("client_id", "")],
        [("redirect_uri", "")],
        [("redirect_uri", "https://shop.example/cb/../cb")],
        [("redirect_uri", "https://evil.test/cb")],
    ] {
        let page = browser.authorize(&shop, &fields).await.unwrap();
        assert_eq!(page.answer.status, 400, "{fields:?}");
        assert!(page.answer.header("content-type").unwrap().starts_with("text/html"));
        assert!(!page.answer.text().contains("evil.test"), "nothing of what was sent");
    }
    let ciba_only = world.client("till").await;
    assert_eq!(browser.authorize(&ciba_only, &[]).await.unwrap().answer.status, 400);
}

#[tokio::test]
async fn rfc6749_3_1_a_parameter_is_there_once() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    for name in ["client_id", "redirect_uri", "scope", "state", "x"] {
        let twice = format!("{AUTHORIZE}?{}&{name}=1&{name}=2", asked(&shop, &[]));
        let answer = world.get(&twice).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{name}");
    }
    let mut browser = world.browser();
    // In the query and in the body is twice too.
    let post = |browser: &Browser, query: &str, body: String| {
        let request = browser.request(Method::POST, &format!("{AUTHORIZE}?{query}"));
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let address = enc(&[("redirect_uri", CALLBACK)]);
    for twice in ["client_id=shop", &address, "scope=openid", "state=x"] {
        let both = post(&browser, twice, asked(&shop, &[]));
        let answer = browser.send(both).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{twice}");
    }
    let one = post(&browser, "", asked(&shop, &[]));
    assert_eq!(browser.send(one).await.status, 303, "[OIDCC §3.1.2.1] POST is as good as GET");
    browser.authorize(&shop, &[("extra", "foobar")]).await.unwrap().has("name=\"password\"");
}

#[tokio::test]
async fn oauth_form_post_the_answer_is_a_form() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let fields = [("response_mode", "form_post"), ("state", "a\"><script>")];
    let page = browser.authorize(&shop, &fields).await.unwrap();
    let page = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    page.has("action=\"https://shop.example/cb\"");
    assert!(!page.answer.text().contains("\"><script>"));
    shop.redeem(&page.field("code").unwrap()).await.tokens();
    let refused = browser.authorize(&shop, &[("response_mode", "form_post"), ("prompt", "none login")]).await.unwrap();
    refused.has("value=\"invalid_request\"");
}

#[tokio::test]
async fn rfc6749_2_1_a_public_client_has_a_verifier_and_nothing_else() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let spa = world.client("spa").signs_in().public().await;
    let mut browser = world.browser();
    browser
        .authorize(&spa, &[("code_challenge", ""), ("code_challenge_method", "")])
        .await
        .unwrap_err()
        .error("invalid_request");
    let code = browser.log_in(&spa, "alice", PASSWORD).await.get("code").to_owned();
    let tokens = spa.redeem(&code).await.tokens();
    // It cannot ask about tokens: anybody can call themselves so [security.md case 31].
    let fields = [("token", tokens.access_token.as_str())];
    spa.post("/as/introspect.oauth2", &fields).await.refused(401, "invalid_client");
    spa.post("/as/revoke_token.oauth2", &fields).await;
    world.userinfo(&tokens.access_token).await.refused(401, "invalid_token");
    // A secret that nobody registered is a wrong one [security.md case 3].
    let code = browser.log_in(&spa, "alice", PASSWORD).await.get("code").to_owned();
    let with_secret = spa.redeem_with(&code, &[("client_secret", "made up")]).await;
    with_secret.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    for _ in 0..3 {
        world.clock.advance(seconds(29 * 60));
        browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().get("code");
    }
    world.clock.advance(seconds(30 * 60));
    browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
}

#[tokio::test]
async fn consent_is_for_what_was_ticked() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    page.has("value=\"allow\"").has("The shop");
    let callback = browser.press(&page, "allow", &[("scope:email", "on")]).await.unwrap_err();
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(tokens.json["scope"], "openid email");
    let claims = world.userinfo(&tokens.access_token).await.ok();
    assert!(claims.get("email").is_some() && claims.get("name").is_none());
    // What was left out is asked for the next time.
    browser.authorize(&shop, &[]).await.unwrap().has("value=\"allow\"");
    let page = browser.authorize(&shop, &[]).await.unwrap();
    browser.press(&page, "cancel", &[]).await.unwrap_err().error("access_denied");
}

#[tokio::test]
async fn a_wrong_password_reads_like_a_wrong_name() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let mut read = Vec::new();
    for username in ["alice", "nobody"] {
        let page = browser.press(&page, "sign_in", &[("username", username), ("password", "wrong")]).await.unwrap();
        assert_eq!(page.answer.status, 200);
        page.has(&format!("value=\"{username}\""));
        assert!(!page.answer.text().contains("value=\"wrong\""));
        // Sealed anew each time.
        let kept = page.field("again").unwrap();
        read.push(page.answer.text().replace(username, "NAME").replace(&kept, "KEPT"));
        world.clock.advance(seconds(15));
    }
    assert_eq!(read[0], read[1]);
    browser.press(&page, "cancel", &[]).await.unwrap_err().error("access_denied");
}

/// A redirect of the endpoint itself, and the ID token, with everything that an attacker may try to smuggle into a
/// header or a page.
#[tokio::test]
async fn security_15_state_and_nonce_come_back_as_they_were_sent() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await.get("code");
    for (text, fits) in [
        ("a\r\nset-cookie: x=y\r\n\r\n<html>", true),
        ("<script>alert(1)</script>", true),
        ("\"><img src=x onerror=alert(1)>", true),
        ("\u{1f600}\u{202e}\u{0}", false),
        ("\u{1f600}\u{202e}", true),
        ("%0d%0a&state=other#f", true),
        (&"x".repeat(300), true),
        (&"x".repeat(2000), true),
        (&"x".repeat(2001), false),
    ] {
        for (field, longest) in [("state", 2000), ("nonce", 300)] {
            let fits = fits && text.len() <= longest;
            let query = asked(&shop, &[(field, text)]);
            let answer = browser.get(&format!("{AUTHORIZE}?{query}")).await;
            if !fits {
                // [RFC 6749 §4.1.2.1] what is too long is not sent on either.
                assert_eq!((answer.status, answer.header("location")), (400, None), "{field}: {text}");
                continue;
            }
            assert_eq!(answer.status, 303, "{field}: {text}");
            assert!(answer.headers.get_all("set-cookie").iter().all(|cookie| !cookie.as_bytes().starts_with(b"x=")));
            assert!(!answer.text().contains(text), "{field}: {}", answer.text());
            let callback = Callback::of(answer.header("location").unwrap());
            assert_eq!(
                callback.0.get("state").map(String::as_str),
                Some(if field == "state" { text } else { "a state" })
            );
            let (_, claims) = decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
            assert_eq!(
                claims.get("nonce").and_then(|nonce| nonce.as_str()),
                Some(if field == "nonce" { text } else { "a nonce" })
            );
        }
    }
    for field in ["state", "nonce"] {
        let form = asked(&shop, &[(field, &"x".repeat(20_000))]);
        let long = browser.get(&format!("{AUTHORIZE}?{form}")).await;
        assert_eq!((long.status, long.header("location")), (414, None), "{field}");
        let request = browser.request(Method::POST, AUTHORIZE).header("content-type", FORM).body(form);
        let long = browser.send(request).await;
        assert_eq!((long.status, long.header("location")), (400, None), "{field}");
    }
}

#[tokio::test]
async fn rfc6749_5_2_the_token_endpoint_takes_one_kind_of_handle() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let callback = browser.log_in(&shop, "alice", PASSWORD).await;
    let tokens = shop.redeem(callback.get("code")).await.tokens();
    let session = browser.cookies.values().next().unwrap().clone();
    for handle in [&tokens.access_token, tokens.refresh_token.as_ref().unwrap(), &tokens.id_token, &session] {
        shop.redeem(handle.get(..128.min(handle.len())).unwrap()).await.refused(400, "invalid_grant");
    }
    let fresh = browser.log_in(&shop, "alice", PASSWORD).await.get("code").to_owned();
    shop.refresh(&fresh).await.refused(400, "invalid_grant");
}
