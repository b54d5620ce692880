//! Everything by the flow API alone, in the three ways in which an application carries a flow: in a browser that a relying
//! party has sent, without a browser, and without cookies. The client here follows links and knows nothing else
//! [flows.md F13].

use nod_device::NewDeviceChoice;
use reqwest::Method;
use serde_json::Value;

use super::new_device::{is_about, payload_of, policy};
use super::step_up::{REJECTED, WAITING};
use super::{PASSWORD, Scene, claims, json, ticket};
use crate::sign_in::rfc9126_pushed_requests::{push, request_uri};
use crate::sign_in::{LOGIN, application};
use crate::world::{AUTHORIZE, Answer, Browser, FLOWS, Phone, World, enc};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Redirect,
    Redirectless,
    Cookieless,
}

const MODES: [Mode; 3] = [Mode::Redirect, Mode::Redirectless, Mode::Cookieless];

const STATE_MEMBER: &str = "_pf_authn_api_state";
const STATE_HEADER: &str = "x-pf-authn-api-state";

/// An authentication application that knows links.
struct Application<'s> {
    scene: &'s Scene,
    mode: Mode,
    browser: Browser,
    /// What the last answer said.
    shown: Value,
}

impl Mode {
    async fn scene(self, mfa: Value) -> Scene {
        let world = World::with().letters().start().await;
        let shop = world.client("shop").signs_in().redirectless().implied_consent();
        let shop = if self == Self::Cookieless { shop.cookieless().await } else { shop.await };
        let scene = Scene::of_client(world, shop, mfa).await;
        if self == Self::Redirect {
            let admin = scene.world.robot("application", "nod:admin").await;
            application(&admin, "login", LOGIN).await;
            admin.patch("/admin/v1/policies/both", &json!({ "application": "login" })).await.ok();
        }
        scene
    }
}

impl<'s> Application<'s> {
    /// A sign-in begins. With `payload`, the app has shown itself with the request.
    async fn begin(scene: &'s Scene, mode: Mode, payload: Option<&str>) -> Self {
        let response_mode = if mode == Mode::Redirect { "" } else { "pi.flow" };
        let fields = [("response_mode", response_mode), ("mobilePayload", payload.unwrap_or_default())];
        let uri = request_uri(&push(&scene.shop, &fields).await);
        let query = enc(&[("client_id", scene.shop.id.as_str()), ("request_uri", uri.as_str())]);
        let mut application = Self { scene, mode, browser: scene.world.browser(), shown: Value::Null };
        let request = application.request(Method::GET, &format!("{AUTHORIZE}?{query}"), None);
        let answer = application.send(request).await;
        if mode == Mode::Redirect {
            // All that the application is told.
            let location = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text()));
            let (at, flow) = location.split_once("flowId=").unwrap_or_else(|| panic!("{location}"));
            assert!(at.starts_with(LOGIN), "{location}");
            let request = application.request(Method::GET, &format!("{FLOWS}{flow}"), Some(LOGIN));
            let answer = application.send(request).await;
            application.shows(&answer);
        } else {
            application.shows(&answer);
        }
        application
    }

    fn request(&self, method: Method, path: &str, origin: Option<&str>) -> reqwest::RequestBuilder {
        let request = match self.mode {
            Mode::Cookieless => self.scene.world.request(method, path),
            Mode::Redirect | Mode::Redirectless => self.browser.request(method, path),
        };
        match origin {
            Some(origin) => {
                request.header("origin", origin).header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "cors")
            }
            None => request,
        }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        if self.mode != Mode::Cookieless {
            return self.browser.send(request).await;
        }
        let answer = Answer::of(request).await;
        assert!(answer.header("set-cookie").is_none(), "{answer:?}");
        answer
    }

    fn shows(&mut self, answer: &Answer) {
        let shown = answer.ok();
        if self.mode == Mode::Cookieless {
            self.scene.world.guard(shown[STATE_MEMBER].as_str().unwrap_or_else(|| panic!("no state in {shown}")));
        }
        self.shown = shown;
    }

    /// One of the links, and no other.
    async fn follow(&mut self, action: &str, body: Value) -> Value {
        let href = self.shown["_links"][action]["href"].as_str();
        let href = href.unwrap_or_else(|| panic!("{:?}: no link {action} in {}", self.mode, self.shown));
        let path = href.strip_prefix(self.scene.world.issuer()).expect("a link of the issuer").to_owned();
        let origin = (self.mode == Mode::Redirect).then_some(LOGIN);
        let mut request = self.request(Method::POST, &path, origin).header("x-xsrf-header", "nod");
        if self.mode == Mode::Cookieless {
            request = request.header(STATE_HEADER, self.shown[STATE_MEMBER].as_str().unwrap());
        }
        let kind = format!("application/vnd.pingidentity.{action}+json");
        let answer = self.send(request.header("content-type", kind).body(body.to_string())).await;
        self.shows(&answer);
        self.shown.clone()
    }

    async fn password(&mut self) -> Value {
        self.follow("checkUsernamePassword", json!({ "username": "alice", "password": PASSWORD })).await
    }

    async fn authenticate(&mut self, phone: Option<&Phone>) -> Value {
        self.password().await;
        let body = match phone {
            Some(phone) => json!({ "mobilePayload": payload_of(phone, "Pixel 9") }),
            None => json!({}),
        };
        self.follow("authenticate", body).await
    }

    fn is_at(&self, status: &str) {
        assert_eq!(self.shown["status"], status, "{:?}: {}", self.mode, self.shown);
    }

    /// Nothing is left to ask: what the ID token says.
    async fn tokens(mut self) -> Value {
        self.follow("continueAuthentication", json!({})).await;
        let code = if self.mode == Mode::Redirect {
            self.is_at("RESUME");
            let url = self.shown["resumeUrl"].as_str().unwrap();
            let path = url.strip_prefix(self.scene.world.issuer()).expect("[T14.7] our own origin").to_owned();
            self.browser.open(&path).await.expect_err("back at the relying party").get("code").to_owned()
        } else {
            self.is_at("COMPLETED");
            self.shown["authorizeResponse"]["code"].as_str().unwrap().to_owned()
        };
        claims(&self.scene.shop.redeem(&code).await.ok())
    }

    /// A no: the relying party is told.
    async fn refused(mut self) {
        self.follow("cancelAuthentication", json!({})).await;
        self.is_at("FAILED");
        if self.mode == Mode::Redirect {
            let url = self.shown["resumeUrl"].as_str().unwrap_or_else(|| panic!("{}", self.shown));
            let path = url.strip_prefix(self.scene.world.issuer()).unwrap().to_owned();
            self.browser.open(&path).await.expect_err("back at the relying party").error("access_denied");
        } else {
            assert_eq!(self.shown["authorizeResponse"]["error"], "access_denied");
        }
    }
}

/// A phone that becomes the first device of alice, on the way of [flows.md F6].
async fn enrolled(scene: &Scene, mode: Mode) -> Phone {
    let mut phone = scene.world.phone();
    let mut application = Application::begin(scene, mode, None).await;
    application.authenticate(Some(&phone)).await;
    assert_eq!(phone.enrol(ticket(&application.shown)).await.status, 201, "{mode:?}");
    assert_eq!(application.tokens().await["acr"], "urn:nod:acr:password", "{mode:?}");
    phone
}

#[tokio::test]
async fn t13_f6_an_app_becomes_a_device_in_each_mode() {
    for mode in MODES {
        let scene = mode.scene(policy()).await;
        let phone = enrolled(&scene, mode).await;
        assert_eq!(phone.me().await.users.len(), 1);
        // Nothing forces it to, either.
        let scene = mode.scene(policy()).await;
        let mut application = Application::begin(&scene, mode, None).await;
        application.authenticate(Some(&scene.world.phone())).await;
        assert_eq!(application.tokens().await["device_enrollment"]["offered"], true, "{mode:?}");
        assert_eq!(scene.devices().await, 0);
    }
}

#[tokio::test]
async fn t13_f1_a_trusted_app_signs_in_in_each_mode() {
    for mode in MODES {
        let scene = mode.scene(policy()).await;
        let phone = enrolled(&scene, mode).await;
        let mut application = Application::begin(&scene, mode, None).await;
        let state = application.authenticate(Some(&phone)).await;
        assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("device_authorized")));
        assert_eq!(application.tokens().await["acr"], "urn:nod:acr:trusted-device", "{mode:?}");
    }
}

/// The app has shown itself with the request, and nobody has to say anything more.
#[tokio::test]
async fn t13_f3_a_trusted_app_that_comes_with_the_request_signs_in_in_each_mode() {
    for mode in MODES {
        let scene = mode.scene(policy()).await;
        let phone = enrolled(&scene, mode).await;
        let payload = payload_of(&phone, "Pixel 9");
        let mut application = Application::begin(&scene, mode, Some(&payload)).await;
        let state = application.password().await;
        assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("device_authorized")));
        let told = application.tokens().await;
        assert_eq!(told["acr"], "urn:nod:acr:trusted-device", "{mode:?}");
        assert!(told.get("device_enrollment").is_none(), "{told}");
        assert!(phone.pending().await.is_empty());
    }
}

#[tokio::test]
async fn t13_f9_somebody_is_asked_on_a_phone_in_each_mode() {
    for mode in MODES {
        let scene = mode.scene(policy()).await;
        let phone = enrolled(&scene, mode).await;
        let mut application = Application::begin(&scene, mode, None).await;
        application.authenticate(None).await;
        application.is_at(WAITING);
        application.follow("poll", json!({})).await;
        application.is_at(WAITING);
        phone.approve_the_question().await;
        let state = application.follow("poll", json!({})).await;
        assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("push_confirmed")));
        assert_eq!(application.tokens().await["acr"], "urn:nod:acr:device", "{mode:?}");

        let mut application = Application::begin(&scene, mode, None).await;
        application.authenticate(None).await;
        phone.deny_the_question().await;
        application.follow("poll", json!({})).await;
        application.is_at(REJECTED);
        application.refused().await;
    }
}

#[tokio::test]
async fn t13_f9_somebody_brings_a_code_in_each_mode() {
    for mode in MODES {
        let mut mfa = policy();
        mfa["email"] = json!({ "enabled": true });
        let scene = mode.scene(mfa).await;
        let phone = enrolled(&scene, mode).await;
        scene.address("alice", "alice@home.example").await;
        let mut application = Application::begin(&scene, mode, None).await;
        application.authenticate(None).await;
        application.is_at(WAITING);
        let devices = application.shown["devices"].as_array().unwrap().clone();
        let address = devices.iter().find(|device| device["type"] == "EMAIL").unwrap();
        application.follow("selectDevice", json!({ "deviceRef": { "id": address["id"] } })).await;
        application.is_at("OTP_REQUIRED");
        assert!(phone.pending().await.is_empty(), "another device is asked");
        let code = scene.code(1).await;
        let state = application.follow("checkOtp", json!({ "otp": code })).await;
        assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("otp_verified")));
        assert_eq!(application.tokens().await["acr"], "urn:nod:acr:otp", "{mode:?}");
    }
}

#[tokio::test]
async fn t13_f10_another_phone_is_let_in_in_each_mode() {
    for mode in MODES {
        let scene = mode.scene(policy()).await;
        let primary = enrolled(&scene, mode).await;
        let mut new = scene.world.phone();
        let mut application = Application::begin(&scene, mode, None).await;
        application.authenticate(Some(&new)).await;
        application.is_at(WAITING);
        assert_eq!(application.shown["newDevice"]["model"], "Pixel 9");
        let question = primary.question().await;
        is_about(&question, "Pixel 9");
        primary.choose(&question, NewDeviceChoice::Trusted).await.ok();
        application.follow("poll", json!({})).await;
        assert_eq!(new.enrol(ticket(&application.shown)).await.status, 201, "{mode:?}");
        assert_eq!(application.tokens().await["acr"], "urn:nod:acr:device", "{mode:?}");

        for (choice, status) in [
            (NewDeviceChoice::Once, "MFA_COMPLETED"),
            (NewDeviceChoice::Deny, REJECTED),
            (NewDeviceChoice::Block, REJECTED),
        ] {
            let mut application = Application::begin(&scene, mode, None).await;
            application.authenticate(Some(&scene.world.phone())).await;
            application.is_at(WAITING);
            primary.choose(&primary.question().await, choice).await.ok();
            application.follow("poll", json!({})).await;
            application.is_at(status);
            if status == REJECTED {
                application.refused().await;
            } else {
                application.tokens().await;
            }
        }
        assert_eq!(scene.devices().await, 2, "{mode:?}");
    }
}
