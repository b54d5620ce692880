//! The device grant [RFC 8628]: a device without a keyboard, connected from a browser.

use std::collections::HashSet;

use futures_util::future::join_all;
use nod::domain::client::GrantType;
use reqwest::Method;
use serde_json::{Value, json};

use super::{APPLICATIONS, LOGIN, PASSWORD, application, links, refused, settings};
use crate::world::{
    Answer, Backing, Browser, Client, ClientBuilder, DISCOVERY, FLOWS, Page, World, decoded, limited, seconds,
};

const DEVICE: &str = "/as/device_authz.oauth2";
const ENTER: &str = "/as/user_authz.oauth2";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) fn tv(world: &World) -> ClientBuilder {
    let grants = [GrantType::DeviceCode, GrantType::RefreshToken];
    world.client("tv").public().grants(grants).registered(|client| client.name = "Telly".to_owned())
}

pub(crate) async fn asks(tv: &Client, world: &World) -> Value {
    let waiting = tv.post(DEVICE, &[("scope", "openid profile")]).await.ok();
    world.guard(waiting["device_code"].as_str().unwrap());
    world.guard(waiting["user_code"].as_str().unwrap());
    waiting
}

pub(crate) async fn poll(tv: &Client, waiting: &Value) -> Answer {
    tv.token(&[("grant_type", GRANT), ("device_code", waiting["device_code"].as_str().unwrap())]).await
}

pub(super) fn code(waiting: &Value) -> &str {
    waiting["user_code"].as_str().unwrap()
}

/// The page that shows what is about to be connected.
pub(super) async fn types(browser: &mut Browser, code: &str) -> Page {
    let page = browser.open(ENTER).await.unwrap();
    browser.press(&page, "continue", &[("user_code", code)]).await.unwrap()
}

/// The first state of a flow for a device.
pub(super) async fn begun(browser: &mut Browser, tv: &Client, world: &World) -> Value {
    let waiting = asks(tv, world).await;
    let page = types(browser, code(&waiting)).await;
    browser.get(&format!("{FLOWS}{}", page.flow())).await.ok()
}

/// A flow of an application that shows the pages of the device grant itself.
pub(super) async fn begun_without_page(phone: &mut Browser, app: &Client) -> Answer {
    phone.get(&format!("{ENTER}?response_mode=pi.flow&client_id={}", app.id)).await
}

/// From the code to the last page.
pub(crate) async fn connects(browser: &mut Browser, waiting: &Value) -> Page {
    let page = types(browser, code(waiting)).await;
    let page = browser.press(&page, "connect", &[]).await.unwrap();
    browser.sign_in(&page, "alice", PASSWORD).await.unwrap()
}

#[tokio::test]
async fn rfc8628_3_a_device_is_connected_from_a_browser_and_gets_tokens_once() {
    let world = World::start().await;
    let alice = world.user("alice").with_password(PASSWORD).await;
    let tv = tv(&world).await;
    let waiting = asks(&tv, &world).await;
    let page = format!("{}{ENTER}", world.issuer());
    assert_eq!(waiting["verification_uri"], page);
    assert_eq!(waiting["verification_uri_complete"], format!("{page}?user_code={}", code(&waiting)));
    assert_eq!((&waiting["expires_in"], &waiting["interval"]), (&json!(600), &json!(5)));
    assert_eq!(waiting["device_code"].as_str().unwrap().len(), 43);
    poll(&tv, &waiting).await.refused(400, "authorization_pending");

    let mut browser = world.browser();
    // [RFC 8628 §3.3.1] the code comes along, and is still somebody's to confirm.
    let page = browser.open(&format!("{ENTER}?user_code={}", code(&waiting))).await.unwrap();
    assert_eq!(page.field("user_code"), None, "no hidden field");
    page.has(&format!("value=\"{}\"", code(&waiting)));
    let page = browser.press(&page, "continue", &[("user_code", &code(&waiting).to_lowercase())]).await.unwrap();
    // [RFC 8628 §5.4] who asks, and which code the device must show; nobody was asked for a password yet.
    page.has("Telly").has(code(&waiting)).has("value=\"connect\"");
    assert!(!page.answer.text().contains("name=\"password\""));
    let page = browser.press(&page, "connect", &[]).await.unwrap();
    page.has("name=\"password\"");
    let page = browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap();
    page.has("Telly").has("value=\"allow\"");
    let done = browser.press(&page, "allow", &[("scope:profile", "on")]).await.unwrap();
    done.has("Your device is connected");

    world.clock.advance(seconds(5));
    let tokens = poll(&tv, &waiting).await.tokens();
    let claims = decoded(&tokens.id_token).1;
    assert_eq!((&claims["sub"], &claims["amr"]), (&json!(alice.id.to_string()), &json!(["pwd"])));
    assert!(claims.get("sid").is_none(), "the device is in no browser's session");
    assert_eq!(tokens.json["scope"], "openid profile");
    poll(&tv, &waiting).await.refused(400, "invalid_grant");
    // Signing out of the browser is not switching off the television.
    let page = browser.log_out(&[]).await.unwrap();
    browser.press(&page, "sign_out", &[]).await.unwrap();
    tv.refresh(tokens.refresh_token.as_deref().unwrap()).await.tokens();
    // Who is signed in is only asked whether they mean it.
    let waiting = asks(&tv, &world).await;
    let mut browser = world.browser();
    connects(&mut browser, &waiting).await;
    let waiting = asks(&tv, &world).await;
    let page = types(&mut browser, code(&waiting)).await;
    page.has("alice");
    browser.press(&page, "connect", &[]).await.unwrap().has("Your device is connected");
    poll(&tv, &waiting).await.tokens();
}

#[tokio::test]
async fn rfc8628_3_5_a_poll_is_told_what_there_is() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let tv = tv(&world).await;
    let other = world.client("other").public().grants([GrantType::DeviceCode]).await;
    let waiting = asks(&tv, &world).await;
    poll(&tv, &waiting).await.refused(400, "authorization_pending");
    let early = poll(&tv, &waiting).await;
    early.refused(400, "slow_down");
    world.clock.advance(seconds(9));
    poll(&tv, &waiting).await.refused(400, "slow_down");
    world.clock.advance(seconds(15));
    poll(&tv, &waiting).await.refused(400, "authorization_pending");
    // A stranger learns nothing, and does not set the pace.
    let watch = world.watch().await;
    poll(&other, &waiting).await.refused(400, "invalid_grant");
    watch.only_a_refusal("another client").await;
    world.clock.advance(seconds(15));
    poll(&tv, &waiting).await.refused(400, "authorization_pending");
    // Who says no, says it for good.
    let mut browser = world.browser();
    let page = types(&mut browser, code(&waiting)).await;
    browser.press(&page, "cancel", &[]).await.unwrap().has("The device was not connected");
    poll(&tv, &waiting).await.refused(400, "access_denied");
    types(&mut browser, code(&waiting)).await.has("No device is waiting with this code");
    for nothing in ["x", "", &"x".repeat(128)] {
        let answer = tv.token(&[("grant_type", GRANT), ("device_code", nothing)]).await;
        answer.refused(400, if nothing.is_empty() { "invalid_request" } else { "invalid_grant" });
    }

    let waiting = asks(&tv, &world).await;
    world.clock.advance(seconds(600));
    poll(&tv, &waiting).await.refused(400, "expired_token");
    types(&mut world.browser(), code(&waiting)).await.has("This code is too old");
    world.clock.advance(seconds(299));
    poll(&tv, &waiting).await.refused(400, "expired_token");
}

#[tokio::test]
async fn rfc8628_3_1_who_may_ask_and_for_what() {
    let world = World::start().await;
    let metadata = world.get(DISCOVERY).await.json();
    assert_eq!(metadata["device_authorization_endpoint"], format!("{}{DEVICE}", world.issuer()));
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
    let (shop, tv) = (world.client("shop").await, tv(&world).await);
    for (client, fields, error) in [
        (&shop, vec![], "unauthorized_client"),
        (&tv, vec![("scope", "openid nod:admin")], "invalid_scope"),
        (&tv, vec![("scope", "a\"b")], "invalid_scope"),
    ] {
        let watch = world.watch().await;
        client.post(DEVICE, &fields).await.refused(400, error);
        watch.only_a_refusal(error).await;
    }
    tv.bare(DEVICE, &[]).send().await.unwrap().error_for_status().unwrap_err();
    shop.token(&[("grant_type", GRANT), ("device_code", "x")]).await.refused(400, "unauthorized_client");
    // All that it may have, when it says nothing.
    tv.post(DEVICE, &[]).await.ok();
    let closed = world.client("closed").grants([GrantType::DeviceCode]).await;
    let waiting = asks(&closed, &world).await;
    closed.disable().await;
    types(&mut world.browser(), code(&waiting)).await.has("No device is waiting with this code");
}

#[tokio::test]
async fn security_5_6_nobody_has_devices_wait_without_end() {
    let world = World::start().await;
    let tv = tv(&world).await;
    for _ in 0..60 {
        asks(&tv, &world).await;
    }
    let watch = world.watch().await;
    let before = limited("device_authorizations");
    let refused = tv.post(DEVICE, &[]).await;
    assert_eq!((refused.status, refused.retry_after()), (429, 60));
    assert!(limited("device_authorizations") > before, "whoever watches the limit sees it");
    watch.only_a_refusal("one too many").await;
    world.clock.advance(seconds(60));
    asks(&tv, &world).await;
}

#[tokio::test]
async fn rfc8628_5_1_nobody_guesses_codes_for_long() {
    let world = World::start().await;
    let tv = tv(&world).await;
    let waiting = asks(&tv, &world).await;
    let mut browser = world.browser();
    let page = browser.open(ENTER).await.unwrap();
    let guess = async |browser: &mut Browser, code: &str| {
        browser.press(&page, "continue", &[("user_code", code)]).await.unwrap().answer
    };
    let watch = world.watch().await;
    // [security.md 5.6] one, three, five, ten seconds.
    for wait in [1, 3, 5, 10, 10] {
        let wrong = guess(&mut browser, "BBBB-BBBB").await;
        assert_eq!(wrong.status, 200);
        assert!(wrong.text().contains("No device is waiting with this code"));
        let early = guess(&mut browser, code(&waiting)).await;
        assert_eq!((early.status, early.retry_after()), (429, wait), "not even the right one");
        world.clock.advance(seconds(wait));
    }
    watch.nothing_changed("guesses").await;
    // A code of one's own does not make the wait shorter.
    assert!(guess(&mut browser, code(&waiting)).await.status == 303 || browser.cookies.len() == 1);
    world.clock.advance(seconds(10));
    guess(&mut browser, "BBBB-BBBB").await;
    assert_eq!(guess(&mut browser, "BBBB-BBBB").await.retry_after(), 10);
}

#[tokio::test]
async fn security_138_a_form_of_another_page_looks_up_nothing() {
    let world = World::start().await;
    let tv = tv(&world).await;
    let waiting = asks(&tv, &world).await;
    let mut browser = world.browser();
    let page = browser.open(ENTER).await.unwrap();
    let post = |browser: &Browser, mark: &str, origin: &str| {
        let form = format!("csrf={mark}&action=continue&user_code={}", code(&waiting));
        let request = browser.request(Method::POST, ENTER).header("origin", origin);
        request.header("content-type", "application/x-www-form-urlencoded").body(form)
    };
    let mark = page.field("csrf").unwrap();
    let own = world.issuer().to_owned();
    let foreign = Answer::of(post(&browser, &mark, "https://evil.test")).await;
    assert_eq!(foreign.status, 403);
    // Another browser's form, and none at all: the page is shown anew.
    let mut other = world.browser();
    other.open(ENTER).await.unwrap();
    for (browser, mark) in [(&other, mark.as_str()), (&world.browser(), mark.as_str()), (&browser, "")] {
        let answer = Answer::of(post(browser, mark, &own)).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("name=\"user_code\""));
    }
    assert_eq!(Answer::of(post(&browser, &mark, &own)).await.status, 303);
    assert_eq!(Answer::of(browser.request(Method::PUT, ENTER)).await.status, 405);
    // What the flow shows is this browser's alone.
    let page = types(&mut browser, code(&waiting)).await;
    assert_eq!(other.get(&page.path).await.status, 400);
}

#[tokio::test]
async fn the_flow_api_has_the_states_of_a_device() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let tv = tv(&world).await;
    let waiting = asks(&tv, &world).await;
    let mut browser = world.browser();
    let page = types(&mut browser, code(&waiting)).await;
    let flow = page.flow().to_owned();
    let state = browser.get(&format!("{FLOWS}{flow}")).await.ok();
    assert_eq!(state["status"], "OAUTH_DEVICE_USER_CODE_CONFIRMATION_REQUIRED");
    assert_eq!((&state["userCode"], &state["client"]["name"]), (&waiting["user_code"], &json!("Telly")));
    let links: HashSet<&str> = state["_links"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(links, ["cancel", "confirmUserCode", "self"].into());
    let wrong = browser.act(&flow, "confirmUserCode", &json!({"userCode": "BBBB-BBBB"})).await;
    assert_eq!((wrong.status, &wrong.json()["details"][0]["code"]), (400, &json!("INVALID_USER_CODE")));
    let state = browser.act(&flow, "confirmUserCode", &json!({"userCode": code(&waiting)})).await.ok();
    assert_eq!(state["status"], "USERNAME_PASSWORD_REQUIRED");
    browser.password(&flow, "alice", PASSWORD).await.ok();
    let state = browser.act(&flow, "grantConsent", &json!({})).await.ok();
    assert_eq!(state["status"], "OAUTH_DEVICE_COMPLETED");
    assert_eq!((&state["userCode"], &state["client"]["name"]), (&waiting["user_code"], &json!("Telly")));
    assert_eq!(state["_links"].as_object().unwrap().len(), 1, "self");
    poll(&tv, &waiting).await.tokens();
}

#[tokio::test]
async fn a_1_7_an_application_has_the_code_typed() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let (tv, app) = (tv(&world).await, world.client("app").signs_in().redirectless().await);
    let waiting = asks(&tv, &world).await;
    let mut phone = world.browser();
    let state = begun_without_page(&mut phone, &app).await.ok();
    assert_eq!(
        (&state["status"], links(&state)),
        (&json!("OAUTH_DEVICE_USER_CODE_REQUIRED"), vec!["self", "submitUserCode"])
    );
    let flow = state["id"].as_str().unwrap().to_owned();
    assert_eq!(phone.get(&format!("{FLOWS}{flow}")).await.ok(), state);
    let submit =
        async |phone: &mut Browser, code: &str| phone.act(&flow, "submitUserCode", &json!({"userCode": code})).await;
    // [RFC 8628 §5.1] as on the page, nobody guesses for long.
    for wrong in ["BBBB-BBBB", "not a code"] {
        refused(&submit(&mut phone, wrong).await, 400, "VALIDATION_ERROR", Some("INVALID_USER_CODE"));
    }
    let before = limited("user_codes");
    let early = submit(&mut phone, code(&waiting)).await;
    assert_eq!((early.status, early.retry_after()), (429, 1));
    assert!(limited("user_codes") > before, "whoever watches the limit sees it");
    world.clock.advance(seconds(1));
    let state = submit(&mut phone, &code(&waiting).to_lowercase()).await.ok();
    assert_eq!(state["status"], "OAUTH_DEVICE_USER_CODE_CONFIRMATION_REQUIRED");
    assert_eq!((&state["userCode"], &state["client"]["name"]), (&waiting["user_code"], &json!("Telly")));
    refused(&submit(&mut phone, code(&waiting)).await, 400, "INVALID_ACTION_ID", None);
    phone.act(&flow, "confirmUserCode", &json!({"userCode": code(&waiting)})).await.ok();
    phone.password(&flow, "alice", PASSWORD).await.ok();
    let state = phone.act(&flow, "grantConsent", &json!({})).await.ok();
    assert_eq!(state["status"], "OAUTH_DEVICE_COMPLETED");
    poll(&tv, &waiting).await.tokens();
    // It was another browser's, and is none of our pages.
    assert_eq!(world.browser().get(&format!("{FLOWS}{flow}")).await.status, 404);
    let state = begun_without_page(&mut phone, &app).await.ok();
    assert_eq!(phone.get(&format!("/sign-in/{}", state["id"].as_str().unwrap())).await.status, 400);
    // One that waits no more.
    let late = asks(&tv, &world).await;
    world.clock.advance(seconds(600));
    let state = begun_without_page(&mut phone, &app).await.ok();
    let expired = phone.act(state["id"].as_str().unwrap(), "submitUserCode", &json!({"userCode": code(&late)})).await;
    refused(&expired, 400, "REQUEST_FAILED", Some("USER_CODE_EXPIRED"));
}

/// [security.md case 135] whoever runs it sees passwords.
#[tokio::test]
async fn security_135_only_who_is_registered_for_it_has_codes_typed() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (tv, shop) = (tv(&world).await, world.client("shop").signs_in().await);
    let app = world.client("app").signs_in().redirectless().await;
    let mut phone = world.browser();
    for client in [&tv, &shop] {
        let watch = world.watch().await;
        let answer = begun_without_page(&mut phone, client).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("unauthorized_client")));
        watch.only_a_refusal(&client.id).await;
    }
    assert_eq!(phone.get(&format!("{ENTER}?response_mode=pi.flow")).await.status, 400);
    settings(&admin, &json!({ "restrict_access_to_redirectless_mode": true })).await;
    assert_eq!(begun_without_page(&mut phone, &app).await.status, 400);
    application(&admin, "login", LOGIN).await;
    admin.patch(&format!("{APPLICATIONS}/login"), &json!({ "client_for_redirectless_mode": "app" })).await.ok();
    // Pages of its application run it, before and after the code is known, and others do not.
    let waiting = asks(&tv, &world).await;
    let flow = begun_without_page(&mut phone, &app).await.ok()["id"].as_str().unwrap().to_owned();
    let typed = json!({ "userCode": code(&waiting) });
    let foreign = phone.act_from("https://evil.test", &flow, "submitUserCode", &typed).await;
    assert_eq!(foreign.status, 403);
    let state = phone.act_from(LOGIN, &flow, "submitUserCode", &typed).await.ok();
    assert_eq!(state["status"], "OAUTH_DEVICE_USER_CODE_CONFIRMATION_REQUIRED");
    phone.act_from(LOGIN, &flow, "confirmUserCode", &typed).await.ok();
    app.disable().await;
    assert_eq!(phone.act_from(LOGIN, &flow, "cancel", &json!({})).await.status, 404);
}

#[tokio::test]
async fn what_was_true_when_somebody_agreed_may_no_longer_be() {
    let world = World::start().await;
    let alice = world.user("alice").with_password(PASSWORD).await;
    let tv = tv(&world).await;
    for undo in ["lock", "log out", "scope"] {
        let waiting = asks(&tv, &world).await;
        let mut browser = world.browser();
        connects(&mut browser, &waiting).await.has("Your device is connected");
        match undo {
            "lock" => alice.lock().await,
            "log out" => {
                let page = browser.log_out(&[]).await.unwrap();
                browser.press(&page, "sign_out", &[]).await.unwrap();
            }
            _ => tv.update(|client| client.scope = nod::protocol::scope::Scope::parse("email").unwrap()).await,
        }
        poll(&tv, &waiting).await.refused(400, "invalid_grant");
        alice.unlock().await;
    }
}

#[tokio::test]
async fn rfc9449_5_a_devices_tokens_are_bound_to_its_key() {
    let world = World::start().await;
    let _alice = world.user("alice").with_password(PASSWORD).await;
    let tv = tv(&world).await;
    let waiting = asks(&tv, &world).await;
    connects(&mut world.browser(), &waiting).await;
    let prover = world.prover();
    let fields = [("grant_type", GRANT), ("device_code", waiting["device_code"].as_str().unwrap())];
    let tokens = prover.token(&tv, &fields).await.tokens();
    assert_eq!(decoded(&tokens.access_token).1["cnf"], json!({ "jkt": prover.jkt() }));
    tv.refresh(tokens.refresh_token.as_deref().unwrap()).await.refused(400, "invalid_grant");
}

/// Over two nodes that share one Redis: of many polls at once, one gets tokens; of many who connect, one does.
#[tokio::test]
async fn of_many_polls_over_two_nodes_one_gets_tokens() {
    for world in [World::with(), World::with().backing(Backing::Postgres)] {
        let world = world.redis().nodes(2).start().await;
        let _alice = world.user("alice").with_password(PASSWORD).await;
        let tv = tv(&world).await;
        let mut browser = world.browser();
        for _ in 0..4 {
            let waiting = asks(&tv.at(1), &world).await;
            let page = types(&mut browser, code(&waiting)).await;
            let page = match browser.press(&page, "connect", &[]).await.unwrap() {
                page if page.answer.text().contains("name=\"password\"") => {
                    browser.press(&page, "sign_in", &[("username", "alice"), ("password", PASSWORD)]).await.unwrap()
                }
                page => page,
            };
            if page.answer.text().contains("value=\"allow\"") {
                let clicks = (0..8).map(|number| {
                    let (mut browser, flow) = (browser.at(number % 2), page.flow().to_owned());
                    async move { browser.act(&flow, "grantConsent", &json!({})).await.status }
                });
                let clicked = join_all(clicks).await;
                assert!(clicked.contains(&200), "{clicked:?}");
            }
            let polls = (0..16).map(|number| {
                let (tv, waiting) = (tv.at(number % 2), waiting.clone());
                async move { poll(&tv, &waiting).await }
            });
            let answers = join_all(polls).await;
            assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                answer.refused(400, "invalid_grant");
            }
        }
    }
}
