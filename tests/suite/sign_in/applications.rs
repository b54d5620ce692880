//! Registered authentication applications: flows F14, F16, F17 and F18 of the design, rules 1, 7, 10 to 15 of A.1,
//! and cases 126 and 127 of the attacks.

use nod::domain::password::hash::Cost;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use super::{
    APPLICATIONS, LOGIN, PASSWORD, SETTINGS, application, links, name_first, policy, refused, settings, shop_and_alice,
};
use crate::admin::robot::Robot;
use crate::world::{AUTHORIZE, Answer, Browser, Client, FLOWS, World, asked, seconds};

/// Where the other application is.
const STAFF: &str = "https://staff.shop.example";

/// Fetch §3.2: what an answer to a page of this origin has.
#[track_caller]
fn readable(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("Retry-After") && exposed.contains("X-Request-Id"), "{exposed}");
}

#[track_caller]
fn unreadable(answer: &Answer) {
    let cors = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(cors.count(), 0, "{answer:?}");
    assert_eq!(answer.header("vary"), Some("Origin"), "no cache gives it to another page");
}

/// Two that say nothing of who gets which.
async fn two_applications(admin: &Robot<'_>) {
    application(admin, "login", LOGIN).await;
    application(admin, "staff", STAFF).await;
}

/// With one application for all.
async fn with_login(world: &World) -> (Client, crate::world::Person) {
    let admin = world.admin().await;
    application(&admin, "login", LOGIN).await;
    settings(&admin, &json!({ "default_application": "login" })).await;
    shop_and_alice(world).await
}

async fn read(browser: &mut Browser, origin: &str, flow: &str) -> Answer {
    browser.send(browser.sent_by_page(origin, Method::GET, flow)).await
}

fn below<'a>(world: &World, state: &'a Value) -> &'a str {
    state["resumeUrl"].as_str().unwrap().strip_prefix(world.issuer()).expect("[T14.7] always our own origin")
}

#[tokio::test]
async fn f14_a_browser_is_sent_to_the_application_and_comes_back_with_the_answer() {
    let world = World::start().await;
    let (shop, alice) = with_login(&world).await;
    let mut browser = world.browser();
    let (at, flow) = browser.sent_to_application(&shop, &[]).await;
    assert_eq!(at, format!("{LOGIN}/in?brand=shop&"), "and nothing else of the request");
    assert!(flow.len() == 22 && flow.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{flow}");

    let seen = read(&mut browser, LOGIN, &flow).await;
    readable(&seen, LOGIN);
    let state = seen.ok();
    assert_eq!(state["status"], "USERNAME_PASSWORD_REQUIRED");
    let wrong = json!({ "username": "alice", "password": "wrong" });
    let wrong = browser.act_from(LOGIN, &flow, "checkUsernamePassword", &wrong).await;
    readable(&wrong, LOGIN);
    refused(&wrong, 400, "VALIDATION_ERROR", Some("CREDENTIAL_VALIDATION_FAILED"));
    world.clock.advance(seconds(5));
    let right = json!({ "username": "alice", "password": PASSWORD });
    let state = browser.act_from(LOGIN, &flow, "checkUsernamePassword", &right).await.ok();
    assert_eq!(state["status"], "CONSENT_REQUIRED");
    let state = browser.act_from(LOGIN, &flow, "grantConsent", &json!({})).await.ok();
    assert_eq!((&state["status"], links(&state)), (&json!("RESUME"), vec!["self"]));
    assert!(!browser.cookies.contains_key("nod-session"), "signed in at the visit of resumeUrl, not before");
    let callback = browser.open(below(&world, &state)).await.unwrap_err();
    let (_, claims) = crate::world::decoded(&shop.redeem(callback.get("code")).await.tokens().id_token);
    assert_eq!(claims["sub"], alice.id.to_string());

    // Who is signed in already does not meet the application.
    browser.authorize(&shop, &[]).await.unwrap_err().get("code");
}

#[tokio::test]
async fn t18_5_t18_6_an_application_of_the_policy_goes_before_the_default_one() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    let mut browser = world.browser();
    browser.authorize(&shop, &[]).await.unwrap().has("The shop");
    two_applications(&admin).await;
    policy(&admin, &json!({ "application": "staff", "id": "staff", "steps": name_first("x")["steps"] })).await;
    let desk = world.client("desk").signs_in().policy("staff").await;
    // Nobody has said that it is for all.
    browser.authorize(&shop, &[]).await.unwrap().has("The shop");
    settings(&admin, &json!({ "default_application": "login" })).await;
    assert!(browser.sent_to_application(&shop, &[]).await.0.starts_with(LOGIN));
    assert!(browser.sent_to_application(&desk, &[]).await.0.starts_with("https://staff.shop.example/in"));
    settings(&admin, &json!({ "default_application": null })).await;
    browser.authorize(&shop, &[]).await.unwrap().has("The shop");
    assert!(browser.sent_to_application(&desk, &[]).await.0.starts_with("https://staff.shop.example/in"));
}

/// [flows.md F18] whatever a policy says, and whoever shows it.
#[tokio::test]
async fn t18_3_with_policies_switched_off_the_default_application_is_asked() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    two_applications(&admin).await;
    policy(&admin, &json!({ "application": "staff", "id": "staff", "steps": name_first("x")["steps"] })).await;
    settings(&admin, &json!({ "default_application": "login", "default_policy": "staff" })).await;
    let desk = world.client("desk").signs_in().policy("staff").await;
    let mut browser = world.browser();
    for client in [&shop, &desk] {
        let (at, flow) = browser.sent_to_application(client, &[]).await;
        assert!(at.starts_with(STAFF), "{at}");
        assert_eq!(read(&mut browser, STAFF, &flow).await.ok()["status"], "IDENTIFIER_REQUIRED");
    }
    settings(&admin, &json!({ "policies_disabled": true })).await;
    for client in [&shop, &desk] {
        let (at, flow) = browser.sent_to_application(client, &[]).await;
        assert!(at.starts_with(LOGIN), "{at}");
        assert_eq!(read(&mut browser, LOGIN, &flow).await.ok()["status"], "USERNAME_PASSWORD_REQUIRED");
        refused(&read(&mut browser, STAFF, &flow).await, 404, "FLOW_NOT_FOUND", None);
    }
    let (_, flow) = browser.sent_to_application(&desk, &[]).await;
    let given = json!({ "username": "alice", "password": PASSWORD });
    browser.act_from(LOGIN, &flow, "checkUsernamePassword", &given).await.ok();
    let state = browser.act_from(LOGIN, &flow, "grantConsent", &json!({})).await.ok();
    browser.open(below(&world, &state)).await.unwrap_err().get("code");
    // [T18.5] without one, it is our own page.
    settings(&admin, &json!({ "default_application": null })).await;
    let mut another = world.browser();
    another.authorize(&desk, &[]).await.unwrap().has("name=\"password\"");
    settings(&admin, &json!({ "policies_disabled": false })).await;
    assert!(another.sent_to_application(&desk, &[]).await.0.starts_with(STAFF));
}

#[tokio::test]
async fn t14_6_a_browser_is_told_before_it_lets_a_page_call() {
    let world = World::start().await;
    let (shop, _alice) = with_login(&world).await;
    let admin = world.robot("other", "nod:admin").await;
    let also = json!({ "additional_allowed_origins": ["https://preview.shop.example:8443", "http://localhost:*"] });
    admin.patch(&format!("{APPLICATIONS}/login"), &also).await.ok();
    let mut browser = world.browser();
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    // No browser sends cookies with this question: it has the same answer whatever flow it is about.
    let asked = |origin: &str, flow: &str, method: &str, headers: &str| {
        let request = world.browser().sent_by_page(origin, Method::OPTIONS, flow);
        request
            .header("access-control-request-method", method.to_owned())
            .header("access-control-request-headers", headers.to_owned())
    };
    let watch = world.watch().await;
    for origin in [LOGIN, "https://preview.shop.example:8443", "http://localhost:5173", "http://localhost"] {
        for (flow, method) in [(flow.as_str(), "POST"), ("nothing", "GET"), ("nothing", "DELETE")] {
            let answer = Answer::of(asked(origin, flow, method, "content-type,x-xsrf-header")).await;
            assert_eq!((answer.status, answer.body.len()), (204, 0));
            readable(&answer, origin);
            assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST"));
            let allowed = answer.header("access-control-allow-headers").unwrap().to_lowercase();
            assert_eq!(allowed, "content-type, x-xsrf-header, x-pf-authn-api-state");
            assert_eq!(answer.header("access-control-max-age"), Some("600"));
        }
    }
    watch.nothing("a preflight").await;
    for origin in ["https://evil.test", "null", "https://preview.shop.example", "http://localhost.evil.test:1"] {
        let answer = Answer::of(asked(origin, &flow, "POST", "content-type,x-xsrf-header")).await;
        refused(&answer, 403, "INVALID_REQUEST", None);
        unreadable(&answer);
    }
    // Not that question: a method like any other.
    let plain = Answer::of(world.browser().sent_by_page(LOGIN, Method::OPTIONS, &flow)).await;
    assert_eq!((plain.status, plain.header("allow")), (405, Some("GET, POST")));
    // Elsewhere nobody's page may call.
    for path in ["/as/authorization.oauth2", "/as/introspect.oauth2", "/admin/v1/clients", "/sign-in/x", "/as/resume/x"]
    {
        let request = world.request(Method::OPTIONS, path).header("origin", LOGIN);
        let answer = Answer::of(request.header("access-control-request-method", "POST")).await;
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
    }
}

/// [security.md cases 126 and 127]
#[tokio::test]
async fn t14_2_another_origin_learns_and_does_nothing() {
    let world = World::start().await;
    let (shop, _alice) = with_login(&world).await;
    let mut browser = world.browser();
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    let before = read(&mut browser, LOGIN, &flow).await.ok();
    let mut foreign: Vec<HeaderValue> = [
        "null",
        "",
        "https://evil.test",
        "https://login.shop.example.evil.test",
        "https://evil.login.shop.example",
        "http://login.shop.example",
        "https://login.shop.example:8443",
        "https://login.shop.example/",
        "https://LOGIN.shop.example",
        "https://shop.example",
    ]
    .iter()
    .map(|origin| HeaderValue::from_static(origin))
    .collect();
    foreign.push(HeaderValue::from_bytes(b"https://login.shop.example\xff").unwrap());
    for origin in foreign {
        let what = format!("{origin:?}");
        let watch = world.watch().await;
        let request = browser.request(Method::POST, &format!("{FLOWS}{flow}?action=cancel")).header("origin", &origin);
        let request = request.header("content-type", "application/json").header("x-xsrf-header", "nod").body("{}");
        let answer = browser.send(request).await;
        refused(&answer, 403, "INVALID_REQUEST", None);
        unreadable(&answer);
        watch.only_a_refusal(&what).await;
        let request = browser.request(Method::GET, &format!("{FLOWS}{flow}")).header("origin", &origin);
        unreadable(&browser.send(request).await);
    }
    // Two of them are none.
    let request = browser.sent_by_page(LOGIN, Method::POST, &flow).header("origin", LOGIN);
    let request = request.header("x-xsrf-header", "nod").header("content-type", "application/json").body("{}");
    let answer = browser.send(request).await;
    refused(&answer, 403, "INVALID_REQUEST", None);
    unreadable(&answer);
    // The header that a form cannot send is asked of a registered page, too.
    let request = browser.sent_by_page(LOGIN, Method::POST, &format!("{flow}?action=cancel"));
    let answer = browser.send(request.header("content-type", "application/json").body("{}")).await;
    refused(&answer, 403, "INVALID_REQUEST", None);
    readable(&answer, LOGIN);
    assert_eq!(read(&mut browser, LOGIN, &flow).await.ok(), before);
}

/// The application of some people does not get at the passwords of others.
#[tokio::test]
async fn t14_2_an_application_has_its_own_flows_only() {
    let world = World::start().await;
    let admin = world.admin().await;
    let (shop, _alice) = shop_and_alice(&world).await;
    two_applications(&admin).await;
    settings(&admin, &json!({ "default_application": "login" })).await;
    policy(&admin, &json!({ "id": "staff", "application": "staff", "steps": name_first("x")["steps"] })).await;
    let desk = world.client("desk").signs_in().policy("staff").await;
    let mut browser = world.browser();
    let (_, of_shop) = browser.sent_to_application(&shop, &[]).await;
    let (_, of_desk) = browser.sent_to_application(&desk, &[]).await;
    for (flow, own, other) in [(&of_shop, LOGIN, STAFF), (&of_desk, STAFF, LOGIN)] {
        assert_eq!(read(&mut browser, own, flow).await.status, 200);
        let answer = read(&mut browser, other, flow).await;
        refused(&answer, 404, "FLOW_NOT_FOUND", None);
        readable(&answer, other);
        let watch = world.watch().await;
        let right = json!({ "username": "alice", "password": PASSWORD });
        let answer = browser.act_from(other, flow, "checkUsernamePassword", &right).await;
        refused(&answer, 404, "FLOW_NOT_FOUND", None);
        watch.nothing(other).await;
    }
    // An origin that is taken away may not go on, on any node.
    let moved = json!({ "url": "https://new.shop.example/in" });
    admin.patch(&format!("{APPLICATIONS}/login"), &moved).await.ok();
    unreadable(&read(&mut browser, LOGIN, &of_shop).await);
    assert_eq!(read(&mut browser, "https://new.shop.example", &of_shop).await.status, 200);
}

#[tokio::test]
async fn t14_1_t14_4_a_flow_of_another_browser_or_of_before_is_not_found() {
    let world = World::start().await;
    let (shop, _alice) = with_login(&world).await;
    let mut browser = world.browser();
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    let answer = read(&mut world.browser(), LOGIN, &flow).await;
    refused(&answer, 404, "FLOW_NOT_FOUND", None);
    readable(&answer, LOGIN);
    world.clock.advance(seconds(30 * 60));
    let gone = read(&mut browser, LOGIN, &flow).await;
    refused(&gone, 404, "FLOW_NOT_FOUND", None);
    assert!(gone.json().get("_links").is_none());
}

#[tokio::test]
async fn f17_who_met_the_application_is_told_there_and_the_client_when_they_follow() {
    let world = World::start().await;
    let (shop, _alice) = with_login(&world).await;
    let mut browser = world.browser();
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    let request = browser.sent_by_page(LOGIN, Method::POST, &format!("{flow}?action=cancel"));
    let request = request.header("content-type", "application/json").header("x-xsrf-header", "nod");
    let failed = browser.send(request.header("accept-language", "de").body("{}")).await.ok();
    assert_eq!((&failed["status"], &failed["code"]), (&json!("FAILED"), &json!("access_denied")));
    assert_eq!(failed["message"], "The person cancelled the sign-in.");
    assert!(failed["userMessage"].as_str().unwrap().starts_with("Sie haben sich nicht angemeldet."), "{failed}");
    assert_eq!(links(&failed), ["self"]);
    let again = read(&mut browser, LOGIN, &flow).await.ok();
    assert!(again["userMessage"].as_str().unwrap().starts_with("You did not sign in."), "[T15.3] {again}");
    let answer = browser.act_from(LOGIN, &flow, "cancel", &json!({})).await;
    refused(&answer, 400, "INVALID_ACTION_ID", None);
    browser.open(below(&world, &failed)).await.unwrap_err().error("access_denied");
    // Nobody has met it: the client is told at once.
    browser.authorize(&shop, &[("prompt", "none")]).await.unwrap_err().error("login_required");
}

/// [flows.md A.1 rules 14 and 15]
#[tokio::test]
async fn a_1_15_redirectless_flows_can_be_kept_for_registered_applications() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    let app = world.client("app").signs_in().redirectless().await;
    let plain = world.client("plain").signs_in().await;
    let restricted = json!({ "restrict_access_to_redirectless_mode": true });
    world.browser().flow(&app, &[]).await;
    settings(&admin, &restricted).await;
    let asked = async |client: &Client| {
        let query = asked(client, &[("response_mode", "pi.flow")]);
        world.browser().get(&format!("{AUTHORIZE}?{query}")).await
    };
    let refused = asked(&app).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("unauthorized_client")));
    application(&admin, "login", LOGIN).await;
    let at = format!("{APPLICATIONS}/login");
    // Its registration does not make up for what the client's own does not say.
    admin.patch(&at, &json!({ "client_for_redirectless_mode": "plain" })).await.ok();
    assert_eq!((asked(&app).await.status, asked(&plain).await.status), (400, 400));
    admin.patch(&at, &json!({ "client_for_redirectless_mode": "app" })).await.ok();
    let mut browser = world.browser();
    let state = browser.flow(&app, &[]).await;
    let flow = state["id"].as_str().unwrap().to_owned();
    // The pages of the application may run it, though the policy is shown by nobody.
    assert_eq!(read(&mut browser, LOGIN, &flow).await.ok()["status"], "USERNAME_PASSWORD_REQUIRED");
    admin.patch(&at, &json!({ "client_for_redirectless_mode": null })).await.ok();
    super::refused(&read(&mut browser, LOGIN, &flow).await, 404, "FLOW_NOT_FOUND", None);
    assert_eq!(browser.get(&format!("{FLOWS}{flow}")).await.status, 200, "no page, no browser to ask");
    assert_eq!(admin.get(SETTINGS).await.ok()["restrict_access_to_redirectless_mode"], true);
}

/// [flows.md T15.3] of a flow that never began, too.
#[tokio::test]
async fn t15_3_what_never_began_is_told_in_the_language_of_the_person() {
    let world = World::start().await;
    let app = world.client("app").signs_in().redirectless().await;
    let mut told = Vec::new();
    for language in ["en", "de"] {
        let fields = [("response_mode", "pi.flow"), ("prompt", "none"), ("ui_locales", language)];
        let answer = world.browser().get(&format!("{AUTHORIZE}?{}", asked(&app, &fields))).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("login_required")));
        told.push(answer.json()["userMessage"].as_str().unwrap().to_owned());
    }
    assert_eq!(told, ["You are not signed in.", "Sie sind nicht angemeldet."]);
}

/// What the page of an application asks for a client that it runs.
fn asks(browser: &Browser, client: &Client, origin: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let query = asked(client, &[&[("response_mode", "pi.flow")], fields].concat());
    browser.request(Method::GET, &format!("{AUTHORIZE}?{query}")).header("origin", origin.to_owned())
}

#[tokio::test]
async fn a_1_7_a_page_of_the_application_begins_a_flow_where_it_may_run_it() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.user("alice").with_password(PASSWORD).await;
    two_applications(&admin).await;
    let at = format!("{APPLICATIONS}/login");
    admin.patch(&at, &json!({ "client_for_redirectless_mode": "app" })).await.ok();
    let app = world.client("app").signs_in().redirectless().await;
    let mut browser = world.browser();
    let begun = browser.send(asks(&browser, &app, LOGIN, &[])).await;
    readable(&begun, LOGIN);
    let flow = begun.ok()["id"].as_str().unwrap().to_owned();
    let right = json!({ "username": "alice", "password": PASSWORD });
    assert_eq!(
        browser.act_from(LOGIN, &flow, "checkUsernamePassword", &right).await.ok()["status"],
        "CONSENT_REQUIRED"
    );
    let state = browser.act_from(LOGIN, &flow, "grantConsent", &json!({})).await.ok();
    app.redeem(state["authorizeResponse"]["code"].as_str().unwrap()).await.tokens();
    // Who is signed in already has the answer at once: for this page alone.
    let again = browser.send(asks(&browser, &app, LOGIN, &[])).await;
    readable(&again, LOGIN);
    assert_eq!(again.ok()["status"], "COMPLETED");
    for other in [STAFF, "https://evil.test", "null"] {
        unreadable(&browser.send(asks(&browser, &app, other, &[])).await);
    }
    // A refusal is the page's to read as well; a form does the same.
    let mut nobody = world.browser();
    let refused = nobody.send(asks(&nobody, &app, LOGIN, &[("prompt", "none")])).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("login_required")));
    readable(&refused, LOGIN);
    let form = nobody.request(Method::POST, AUTHORIZE).header("origin", LOGIN);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    readable(&nobody.send(form.body(asked(&app, &[("response_mode", "pi.flow")]))).await, LOGIN);
    let enter = format!("/as/user_authz.oauth2?response_mode=pi.flow&client_id={}", app.id);
    readable(&nobody.send(nobody.request(Method::GET, &enter).header("origin", LOGIN)).await, LOGIN);
    // Another client's flows are another application's; and what redirects is nobody's to read.
    let other = world.client("other").signs_in().redirectless().await;
    unreadable(&nobody.send(asks(&nobody, &other, LOGIN, &[])).await);
    let plain = nobody.request(Method::GET, &format!("{AUTHORIZE}?{}", asked(&app, &[]))).header("origin", LOGIN);
    assert_eq!(nobody.send(plain).await.header("access-control-allow-origin"), None);
    admin.patch(&at, &json!({ "client_for_redirectless_mode": null })).await.ok();
    unreadable(&nobody.send(asks(&nobody, &app, LOGIN, &[])).await);
}

#[tokio::test]
async fn a_1_7_a_browser_asks_before_it_lets_a_page_begin_a_flow_with_headers_of_its_own() {
    let world = World::start().await;
    let admin = world.admin().await;
    application(&admin, "login", LOGIN).await;
    admin.patch(&format!("{APPLICATIONS}/login"), &json!({ "client_for_redirectless_mode": "app" })).await.ok();
    let app = world.client("app").signs_in().redirectless().await;
    let other = world.client("other").signs_in().redirectless().await;
    let preflight = async |path: &str, client: &Client, mode: &str, origin: &str| {
        let path = format!("{path}?client_id={}&response_mode={mode}", client.id);
        let request = world.request(Method::OPTIONS, &path).header("origin", origin.to_owned());
        Answer::of(request.header("access-control-request-method", "GET")).await
    };
    for path in [AUTHORIZE, "/as/user_authz.oauth2"] {
        let answer = preflight(path, &app, "pi.flow", LOGIN).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        readable(&answer, LOGIN);
        for (client, mode, origin) in
            [(&other, "pi.flow", LOGIN), (&app, "query", LOGIN), (&app, "pi.flow", "https://evil.test")]
        {
            let answer = preflight(path, client, mode, origin).await;
            assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, None), "{mode} {origin}");
        }
    }
}

#[tokio::test]
async fn a_page_reads_that_the_server_is_busy() {
    let slow = Cost { memory: 65_536, iterations: 64 };
    let world = World::with().settings(move |settings| settings.hashing.cost = slow);
    let hasty = |edge: &mut nod::http::server::Edge| {
        edge.limits.handler = std::time::Duration::from_millis(700);
        edge.limits.body = std::time::Duration::from_millis(300);
    };
    let world = world.edge(hasty).start().await;
    let admin = world.admin().await;
    application(&admin, "login", LOGIN).await;
    settings(&admin, &json!({ "default_application": "login" })).await;
    let shop = world.client("shop").signs_in().await;
    let mut browser = world.browser();
    let (_, flow) = browser.sent_to_application(&shop, &[]).await;
    // Whoever is not there takes as long as whoever is.
    let nobody = json!({ "username": "nobody", "password": PASSWORD });
    let busy = browser.act_from(LOGIN, &flow, "checkUsernamePassword", &nobody).await;
    refused(&busy, 503, "UNEXPECTED_ERROR", None);
    let told = busy.json();
    assert_eq!(told["userMessage"], "We cannot answer at the moment.", "by the accept loop: {told}");
    readable(&busy, LOGIN);
    assert_eq!(busy.retry_after(), 1);
    let busy = browser.act_from("https://evil.test", &flow, "checkUsernamePassword", &nobody).await;
    unreadable(&busy);
}
