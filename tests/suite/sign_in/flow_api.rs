//! The authentication-flow API: F14 to F18 of the design, and the states of A.1.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, links, refused, shop_and_alice};
use crate::world::{AUTHORIZE, Answer, Browser, FLOWS, World, asked, decoded, seconds};

pub(crate) fn id(state: &Value) -> &str {
    state["id"].as_str().unwrap()
}

pub(super) async fn app(world: &World) -> (crate::world::Client, crate::world::Person) {
    let app = world.client("app").signs_in().redirectless().await;
    (app, world.user("alice").with_password(PASSWORD).await)
}

#[tokio::test]
async fn f1_without_a_browser_the_flow_ends_in_the_answer() {
    let world = World::start().await;
    let (app, alice) = app(&world).await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    assert_eq!(state["status"], "USERNAME_PASSWORD_REQUIRED");
    assert_eq!(
        links(&state),
        ["cancel", "checkUsernamePassword", "initiatePasswordChange", "self", "useAlternativeAuthenticationSource"]
    );
    assert!(id(&state).len() == 22 && id(&state).bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let flow = id(&state).to_owned();

    let state = phone.password(&flow, "alice", PASSWORD).await.ok();
    assert_eq!(state["status"], "CONSENT_REQUIRED");
    assert_eq!(state["client"]["id"], "app");
    let state = phone.act(&flow, "grantConsent", &json!({})).await.ok();
    assert_eq!(state["status"], "COMPLETED");
    assert_eq!(state["authorizeResponse"]["state"], "a state");
    // The answer may have been lost: it can be read again, and is worth tokens once.
    assert_eq!(phone.get(&format!("{FLOWS}{flow}")).await.ok(), state);
    let code = state["authorizeResponse"]["code"].as_str().unwrap();
    let (_, claims) = decoded(&app.redeem(code).await.tokens().id_token);
    assert_eq!(claims["sub"], alice.id.to_string());
    app.redeem(code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn f1_who_is_signed_in_has_the_answer_at_once() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    phone.password(&flow, "alice", PASSWORD).await.ok();
    phone.act(&flow, "grantConsent", &json!({})).await.ok();
    let state = phone.flow(&app, &[]).await;
    assert_eq!((&state["status"], links(&state)), (&json!("COMPLETED"), vec!["self"]));
    assert_eq!(phone.get(&format!("{FLOWS}{}", id(&state))).await.ok(), state);
    app.redeem(state["authorizeResponse"]["code"].as_str().unwrap()).await.tokens();
}

#[tokio::test]
async fn security_135_a_client_that_may_not_run_a_flow_is_refused() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let query = asked(&shop, &[("response_mode", "pi.flow")]);
    let refused = world.get(&format!("{AUTHORIZE}?{query}")).await;
    assert_eq!(refused.status, 400);
    let body = refused.json();
    assert_eq!(
        (&body["status"], &body["authorizeResponse"]["error"]),
        (&json!("FAILED"), &json!("unauthorized_client"))
    );
    assert_eq!(body["authorizeResponse"]["state"], "a state");
}

#[tokio::test]
async fn t14_1_a_flow_is_its_browsers() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    let mut other = world.browser();
    other.flow(&app, &[]).await;
    for mut stranger in [world.browser(), other] {
        refused(&stranger.get(&format!("{FLOWS}{flow}")).await, 404, "FLOW_NOT_FOUND", None);
        refused(&stranger.password(&flow, "alice", PASSWORD).await, 404, "FLOW_NOT_FOUND", None);
    }
    refused(&phone.get(&format!("{FLOWS}{}", "x".repeat(22))).await, 404, "FLOW_NOT_FOUND", None);
}

#[tokio::test]
async fn t14_5_reading_changes_nothing() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let state = phone.flow(&app, &[]).await;
    let watch = world.watch().await;
    for _ in 0..100 {
        assert_eq!(phone.get(&format!("{FLOWS}{}", id(&state))).await.ok(), state);
    }
    watch.nothing("GET").await;
}

#[tokio::test]
async fn t15_1_an_action_is_named_in_either_way() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let body = json!({ "username": "alice", "password": PASSWORD });
    let mut states = Vec::new();
    for (query, kind) in [
        ("", "application/vnd.pingidentity.checkUsernamePassword+json"),
        ("?action=checkUsernamePassword", "application/json"),
        ("?action=checkUsernamePassword", "application/vnd.pingidentity.checkUsernamePassword+json"),
        ("?action=checkUsernamePassword", "application/json; charset=utf-8"),
    ] {
        let mut phone = world.browser();
        let flow = id(&phone.flow(&app, &[]).await).to_owned();
        let mut state = post(&mut phone, &format!("{flow}{query}"), kind, true, &body.to_string()).await.ok();
        state["id"] = Value::Null;
        state["_links"] = json!(links(&state));
        states.push(state);
    }
    assert!(states.windows(2).all(|pair| pair[0] == pair[1]), "{states:?}");

    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    let before = phone.get(&format!("{FLOWS}{flow}")).await.ok();
    for (query, kind, marked, status, code, detail) in [
        (
            "?action=cancel",
            "application/vnd.pingidentity.checkUsernamePassword+json",
            true,
            400,
            "INVALID_REQUEST",
            Some("INVALID_CONTENT_TYPE"),
        ),
        ("", "application/json", true, 400, "INVALID_REQUEST", Some("INVALID_CONTENT_TYPE")),
        ("?action=checkUsernamePassword", "text/plain", true, 415, "INVALID_REQUEST", None),
        ("?action=checkUsernamePassword", "application/x-www-form-urlencoded", true, 415, "INVALID_REQUEST", None),
        ("?action=checkUsernamePassword", "application/json", false, 403, "INVALID_REQUEST", None),
        ("?action=noSuchAction", "application/json", true, 400, "INVALID_ACTION_ID", None),
        ("", "application/vnd.pingidentity.poll+json", true, 400, "INVALID_ACTION_ID", None),
    ] {
        let watch = world.watch().await;
        let answer = post(&mut phone, &format!("{flow}{query}"), kind, marked, &body.to_string()).await;
        refused(&answer, status, code, detail);
        watch.only_a_refusal(&format!("{query} {kind}")).await;
    }
    for (body, status, code, detail) in [
        ("{", 400, "VALIDATION_ERROR", Some("UNEXPECTED_ACTION_MODEL")),
        ("[]", 400, "VALIDATION_ERROR", Some("UNEXPECTED_ACTION_MODEL")),
        (
            "{\"username\":\"a\",\"username\":\"b\",\"password\":\"c\"}",
            400,
            "VALIDATION_ERROR",
            Some("UNEXPECTED_ACTION_MODEL"),
        ),
        ("{\"username\":\"a\",\"password\":\"c\",\"x\":1}", 400, "VALIDATION_ERROR", Some("UNRECOGNIZED_FIELD_NAME")),
        ("{\"username\":\"a\"}", 400, "VALIDATION_ERROR", Some("FIELD_REQUIRED")),
        ("{\"username\":1,\"password\":\"c\"}", 400, "VALIDATION_ERROR", Some("INVALID_FIELD_FORMAT")),
        ("", 400, "VALIDATION_ERROR", Some("FIELD_REQUIRED")),
    ] {
        let answer =
            post(&mut phone, &flow, "application/vnd.pingidentity.checkUsernamePassword+json", true, body).await;
        refused(&answer, status, code, detail);
    }
    // Each that is unknown is named, as far as it is a name.
    let strange = json!({ "username": "a", "password": "c", "x": 1, "passcode": 2, "<not a name>": 3 }).to_string();
    let answer = post(&mut phone, &flow, "application/vnd.pingidentity.checkUsernamePassword+json", true, &strange);
    let told = answer.await.json()["details"].clone();
    assert!(told.as_array().unwrap().iter().all(|detail| detail["code"] == "UNRECOGNIZED_FIELD_NAME"), "{told}");
    let mut named: Vec<_> = told.as_array().unwrap().iter().map(|detail| detail["target"].as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, [None, Some("passcode"), Some("x")], "{told}");
    let large = format!("{{\"username\":\"{}\"}}", "x".repeat(65 * 1024));
    // The rest of it is not read: the connection ends with the answer.
    let request = phone.request(Method::POST, &format!("{FLOWS}{flow}?action=checkUsernamePassword"));
    let request = request.header("content-type", "application/json").header("x-xsrf-header", "nod");
    let answer = phone.send(request.header("connection", "close").body(large)).await;
    refused(&answer, 413, "INVALID_REQUEST", None);
    let put = phone.request(Method::PUT, &format!("{FLOWS}{flow}")).header("x-xsrf-header", "nod");
    refused(&phone.send(put).await, 405, "INVALID_REQUEST", None);
    assert_eq!(phone.get(&format!("{FLOWS}{flow}")).await.ok(), before);
}

pub(crate) async fn post(phone: &mut Browser, to: &str, kind: &str, marked: bool, body: &str) -> Answer {
    let request = phone.request(Method::POST, &format!("{FLOWS}{to}")).header("content-type", kind);
    let request = if marked { request.header("x-xsrf-header", "nod") } else { request };
    phone.send(request.body(body.to_owned())).await
}

#[tokio::test]
async fn t16_1_a_browser_fetches_the_answer_once() {
    let world = World::start().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let flow = page.flow().to_owned();
    browser.password(&flow, "alice", PASSWORD).await.ok();
    let state = browser.act(&flow, "grantConsent", &json!({})).await.ok();
    assert_eq!((&state["status"], links(&state)), (&json!("RESUME"), vec!["self"]));
    let resume = state["resumeUrl"].as_str().unwrap();
    let path = resume.strip_prefix(world.issuer()).expect("[T14.7] always our own origin").to_owned();
    // [T16.3] of another browser, and with another ticket.
    let mut stranger = world.browser();
    stranger.authorize(&shop, &[]).await.unwrap();
    assert_eq!(stranger.get(&path).await.status, 400);
    assert_eq!(browser.get(&format!("{path}x")).await.status, 400);
    let callback = browser.open(&path).await.unwrap_err();
    shop.redeem(callback.get("code")).await.tokens();
    assert_eq!(browser.open(&path).await.unwrap().answer.status, 400, "[T16.3] a second visit");
    refused(&browser.get(&format!("{FLOWS}{flow}")).await, 404, "FLOW_NOT_FOUND", None);
}

#[tokio::test]
async fn t17_a_failed_flow_stays_failed_and_the_client_is_told() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    let state = phone.act(&flow, "cancel", &json!({})).await.ok();
    assert_eq!((&state["status"], &state["code"]), (&json!("FAILED"), &json!("access_denied")));
    assert_eq!(state["authorizeResponse"]["error"], "access_denied");
    assert_eq!(state["authorizeResponse"]["state"], "a state");
    assert_eq!(links(&state), ["self"]);
    assert_eq!(phone.get(&format!("{FLOWS}{flow}")).await.ok(), state, "[T17.3]");

    let shop = world.client("shop").signs_in().await;
    let mut browser = world.browser();
    let page = browser.authorize(&shop, &[]).await.unwrap();
    let state = browser.act(page.flow(), "cancel", &json!({})).await.ok();
    let path = state["resumeUrl"].as_str().unwrap().strip_prefix(world.issuer()).unwrap().to_owned();
    browser.open(&path).await.unwrap_err().error("access_denied");
}

#[tokio::test]
async fn security_126_a_page_of_another_origin_cannot_act() {
    let world = World::start().await;
    let (app, _alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    for (name, value) in [
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("origin", "http://localhost.evil.test"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let watch = world.watch().await;
        let request = phone.request(Method::POST, &format!("{FLOWS}{flow}?action=cancel"));
        let request = request.header("content-type", "application/json").header("x-xsrf-header", "nod");
        let answer = phone.send(request.header(name, value).body("{}")).await;
        refused(&answer, 403, "INVALID_REQUEST", None);
        watch.only_a_refusal(value).await;
        assert!(answer.header("access-control-allow-origin").is_none());
    }
    let password = json!({"username": "alice", "password": PASSWORD}).to_string();
    let form = crate::world::enc(&[("username", "alice"), ("password", PASSWORD)]);
    let multipart = "--x\r\ncontent-disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--x--\r\n";
    // What a page of any site can have a browser send: without the header, or as what needs no leave of ours.
    for (marked, kind, body, status) in [
        (false, "application/json", password.as_str(), 403),
        (false, "application/vnd.pingidentity.checkUsernamePassword+json", &password, 403),
        (false, "text/plain", &password, 403),
        (false, "application/x-www-form-urlencoded", &form, 403),
        (false, "multipart/form-data; boundary=x", multipart, 403),
        (true, "text/plain", &password, 415),
        (true, "application/x-www-form-urlencoded", &form, 415),
        (true, "multipart/form-data; boundary=x", multipart, 415),
    ] {
        let watch = world.watch().await;
        let answer = post(&mut phone, &format!("{flow}?action=checkUsernamePassword"), kind, marked, body).await;
        refused(&answer, status, "INVALID_REQUEST", None);
        watch.only_a_refusal(kind).await;
    }
    assert_eq!(phone.get(&format!("{FLOWS}{flow}")).await.ok()["status"], "USERNAME_PASSWORD_REQUIRED");
}

#[tokio::test]
async fn security_135_wrong_name_and_wrong_password_read_the_same() {
    let world = World::start().await;
    let (app, alice) = app(&world).await;
    let mut phone = world.browser();
    let flow = id(&phone.flow(&app, &[]).await).to_owned();
    let mut read = Vec::new();
    for (username, password) in [("alice", "wrong"), ("nobody", "wrong"), ("alice", "")] {
        let answer = phone.password(&flow, username, password).await;
        assert_eq!(answer.status, 400);
        if !password.is_empty() {
            read.push(answer.json());
        }
        world.clock.advance(seconds(20));
    }
    assert_eq!(read[0], read[1]);
    assert_eq!(read[0]["details"][0]["code"], "CREDENTIAL_VALIDATION_FAILED");
    // [T15.3] the person is told in their own language.
    let request = phone.request(Method::POST, &format!("{FLOWS}{flow}?action=checkUsernamePassword"));
    let request = request.header("content-type", "application/json").header("x-xsrf-header", "nod");
    let request = request.header("accept-language", "de-AT, en;q=0.5").body("{}");
    let german = phone.send(request).await.json();
    assert_eq!(german["details"][0]["userMessage"], "Geben Sie Ihren Benutzernamen ein.");
    assert_eq!(german["details"][0]["message"], "The member is required.");
    alice.lock().await;
    assert_eq!(phone.password(&flow, "alice", PASSWORD).await.json(), read[0]);
    alice.unlock().await;
    world.clock.advance(seconds(20));
    phone.password(&flow, "alice", PASSWORD).await.ok();
}
