//! Flows without cookies [flows.md A.1 rule 8]: what an answer says carries the flow on.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, links, refused};
use crate::world::{AUTHORIZE, Answer, Client, FLOWS, World, asked};

const MEMBER: &str = "_pf_authn_api_state";
const HEADER: &str = "x-pf-authn-api-state";

/// Somebody who keeps no cookies, and what they have in their place.
pub(crate) struct Caller<'w> {
    world: &'w World,
    flow: String,
    state: String,
}

impl<'w> Caller<'w> {
    pub(crate) async fn begin(world: &'w World, app: &Client) -> (Self, Value) {
        Self::begin_at(world, &format!("{AUTHORIZE}?{}", asked(app, &[("response_mode", "pi.flow")]))).await
    }

    async fn begin_at(world: &'w World, path: &str) -> (Self, Value) {
        let answer = world.get(path).await;
        assert!(answer.header("set-cookie").is_none(), "{answer:?}");
        let shown = answer.ok();
        let mut caller = Self { world, flow: shown["id"].as_str().unwrap().to_owned(), state: String::new() };
        caller.keep(&answer);
        (caller, shown)
    }

    fn keep(&mut self, answer: &Answer) {
        assert!(answer.header("set-cookie").is_none(), "{answer:?}");
        let state =
            answer.json()[MEMBER].as_str().unwrap_or_else(|| panic!("no state in {}", answer.text())).to_owned();
        self.world.guard(&state);
        self.state = state;
    }

    /// What the last answer said stands for: once more the same, unless it is over.
    pub(crate) async fn again(&self) -> Value {
        self.read(&self.state).await.ok()
    }

    async fn read(&self, state: &str) -> Answer {
        Answer::of(self.world.request(Method::GET, &format!("{FLOWS}{}", self.flow)).header(HEADER, state)).await
    }

    async fn send(&self, state: &str, action: &str, body: &Value) -> Answer {
        let request = self.world.request(Method::POST, &format!("{FLOWS}{}?action={action}", self.flow));
        let request = request.header(HEADER, state).header("x-xsrf-header", "nod");
        Answer::of(request.header("content-type", "application/json").body(body.to_string())).await
    }

    pub(crate) async fn act(&mut self, action: &str, body: &Value) -> Answer {
        let answer = self.send(&self.state, action, body).await;
        self.keep(&answer);
        answer
    }
}

async fn app(world: &World) -> Client {
    world.user("alice").with_password(PASSWORD).await;
    world.client("app").signs_in().redirectless().cookieless().await
}

#[tokio::test]
async fn a_1_8_a_flow_goes_on_by_what_each_answer_says() {
    let world = World::start().await;
    let app = app(&world).await;
    let (mut caller, state) = Caller::begin(&world, &app).await;
    assert_eq!(state["status"], "USERNAME_PASSWORD_REQUIRED");
    let first = caller.state.clone();
    // To look does not change it, and neither does what is refused.
    assert_eq!(caller.read(&first).await.ok(), state);
    let wrong = caller.act("checkUsernamePassword", &json!({ "username": "alice" })).await;
    refused(&wrong, 400, "VALIDATION_ERROR", Some("FIELD_REQUIRED"));
    assert_eq!(caller.state, first);
    let state = caller.act("checkUsernamePassword", &json!({ "username": "alice", "password": PASSWORD })).await.ok();
    assert_eq!(state["status"], "CONSENT_REQUIRED");
    assert_ne!(caller.state, first);
    let state = caller.act("grantConsent", &json!({})).await.ok();
    assert_eq!((&state["status"], links(&state)), (&json!("COMPLETED"), vec!["self"]));
    assert_eq!(caller.again().await, state, "the answer may have been lost");
    app.redeem(state["authorizeResponse"]["code"].as_str().unwrap()).await.tokens();
}

/// [security.md case 134]
#[tokio::test]
async fn security_134_an_older_copy_of_the_state_is_worth_nothing() {
    let world = World::start().await;
    let app = app(&world).await;
    let (mut caller, _) = Caller::begin(&world, &app).await;
    let first = caller.state.clone();
    let right = json!({ "username": "alice", "password": PASSWORD });
    caller.act("checkUsernamePassword", &right).await.ok();
    let second = caller.state.clone();
    let of_another = Caller::begin(&world, &app).await.0.state;
    for (state, action, body) in [
        (first.as_str(), "checkUsernamePassword", &right),
        (first.as_str(), "grantConsent", &json!({})),
        (of_another.as_str(), "grantConsent", &json!({})),
        ("", "grantConsent", &json!({})),
        ("made up", "grantConsent", &json!({})),
    ] {
        let watch = world.watch().await;
        refused(&caller.send(state, action, body).await, 404, "FLOW_NOT_FOUND", None);
        refused(&caller.read(state).await, 404, "FLOW_NOT_FOUND", None);
        watch.nothing(action).await;
    }
    // The identifier of the flow stands in addresses: alone it opens nothing.
    let answer = Answer::of(world.request(Method::GET, &format!("{FLOWS}{}", caller.flow))).await;
    refused(&answer, 404, "FLOW_NOT_FOUND", None);
    // Two of them are none.
    let request = world.request(Method::GET, &format!("{FLOWS}{}", caller.flow));
    let answer = Answer::of(request.header(HEADER, &second).header(HEADER, &second)).await;
    refused(&answer, 404, "FLOW_NOT_FOUND", None);
    assert_eq!(caller.read(&second).await.ok()["status"], "CONSENT_REQUIRED");
}

#[tokio::test]
async fn a_1_8_cookies_are_neither_read_nor_written() {
    let world = World::start().await;
    let app = app(&world).await;
    let shop = world.client("shop").signs_in().await;
    let mut browser = world.browser();
    browser.log_in(&shop, "alice", PASSWORD).await;
    // Whoever used this browser is nobody to a flow without cookies.
    let state = browser.flow(&app, &[]).await;
    assert_eq!(state["status"], "USERNAME_PASSWORD_REQUIRED");
    let flow = state["id"].as_str().unwrap();
    refused(&browser.get(&format!("{FLOWS}{flow}")).await, 404, "FLOW_NOT_FOUND", None);
    world.guard(state[MEMBER].as_str().unwrap());
    // Of a client that is not registered for it, no answer has one.
    let plain = world.client("plain").signs_in().redirectless().await;
    let state = world.browser().flow(&plain, &[]).await;
    assert!(state.get(MEMBER).is_none(), "{state}");
    // And a browser that is sent on keeps its cookies: it is not without them.
    let both = world.client("both").signs_in().redirectless().cookieless().await;
    browser.authorize(&both, &[]).await.unwrap().has("The both");
}

#[tokio::test]
async fn a_1_7_the_code_of_a_device_is_typed_without_cookies() {
    let world = World::start().await;
    let app = app(&world).await;
    let tv = super::device_grant::tv(&world).await;
    let waiting = tv.post("/as/device_authz.oauth2", &[("scope", "openid")]).await.ok();
    let (mut caller, state) =
        Caller::begin_at(&world, &format!("/as/user_authz.oauth2?response_mode=pi.flow&client_id={}", app.id)).await;
    assert_eq!(state["status"], "OAUTH_DEVICE_USER_CODE_REQUIRED");
    let first = caller.state.clone();
    let code = json!({ "userCode": waiting["user_code"] });
    caller.act("submitUserCode", &code).await.ok();
    assert_eq!(caller.read(&first).await.status, 404, "worth nothing any more");
    caller.act("confirmUserCode", &code).await.ok();
    caller.act("checkUsernamePassword", &json!({ "username": "alice", "password": PASSWORD })).await.ok();
    let state = caller.act("grantConsent", &json!({})).await.ok();
    assert_eq!(state["status"], "OAUTH_DEVICE_COMPLETED");
}
