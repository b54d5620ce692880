//! The app shows itself at the authorization endpoint, and the pages are ours [flows.md F6, F7].

use http::Method;
use serde_json::Value;

use super::{PASSWORD, Scene, claims, json, usual};
use crate::sign_in::rfc9126_pushed_requests::{bring, push, request_uri};
use crate::world::{AUTHORIZE, Browser, Callback, Page, asked, seconds};

impl Scene {
    /// What a web view is shown that an app has opened.
    pub(crate) async fn opened(&self, browser: &mut Browser, payload: &str) -> Result<Page, Callback> {
        let pushed = push(&self.shop, &[("mobilePayload", payload)]).await;
        bring(browser, &self.shop, &request_uri(&pushed)).await
    }

    /// The answer to a sign-in in a web view, by somebody who gives their password and nothing else.
    async fn viewed(&self, username: &str, payload: &str) -> Callback {
        let mut browser = self.world.browser();
        let page = self.opened(&mut browser, payload).await.expect("a page");
        browser.sign_in(&page, username, PASSWORD).await.expect_err("back at the app")
    }

    pub(crate) async fn claims(&self, callback: &Callback) -> Value {
        claims(&self.shop.redeem(callback.get("code")).await.ok())
    }

    /// The password is all that counted, and the app may become a device.
    async fn vouched_for_by_nobody(&self, callback: &Callback) {
        let claims = self.claims(callback).await;
        let told = (&claims["acr"], &claims["device_enrollment"]["offered"]);
        assert_eq!(told, (&json!("urn:nod:acr:password"), &json!(true)));
    }
}

#[tokio::test]
async fn t7_1_a_trusted_app_in_a_web_view_needs_no_click() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let mut browser = scene.world.browser();
    let page = scene.opened(&mut browser, &phone.payload(|_| {})).await.expect("a page");
    let callback = browser.sign_in(&page, "alice", PASSWORD).await.expect_err("back at the app");
    let first = scene.claims(&callback).await;
    assert_eq!(first["acr"], "urn:nod:acr:trusted-device");
    assert_eq!(first["amr"], json!(["pwd", "pop", "swk", "mfa"]));
    // The next time with the session: nothing to be seen at all.
    let callback = scene.opened(&mut browser, &phone.payload(|_| {})).await.expect_err("back at the app");
    assert_eq!(scene.claims(&callback).await["acr"], "urn:nod:acr:trusted-device");
    assert!(phone.pending().await.is_empty(), "nobody was asked");
    // What it vouched for was that request: without a payload nobody vouches.
    browser.authorize(&scene.shop, &[]).await.expect("the person is asked").has("value=\"ask\"");
}

#[tokio::test]
async fn t6_1_the_web_view_returns_to_the_app_and_trust_is_made_by_the_app_alone() {
    let scene = Scene::of(usual()).await;
    let mut phone = scene.world.phone();
    let callback = scene.viewed("alice", &phone.payload(|_| {})).await;
    assert!(scene.world.rows("device").await.is_empty(), "nothing is paired by a sign-in");
    let offer = scene.claims(&callback).await["device_enrollment"].clone();
    assert_eq!(offer["offered"], true);
    assert_eq!(phone.enrol(offer["ticket"].as_str().unwrap()).await.status, 201);
    let callback = scene.viewed("alice", &phone.payload(|_| {})).await;
    assert_eq!(scene.claims(&callback).await["acr"], "urn:nod:acr:trusted-device");
}

/// What the vendor calls a manual pairing: nothing is offered to whoever has no device.
#[tokio::test]
async fn t6_3_without_enrolment_the_policy_lets_in_or_blocks() {
    for mode in ["bypass", "block"] {
        let mut manual = usual();
        manual["no_devices_mode"] = json!(mode);
        manual["applications"][0]["auto_enrollment"] = json!(false);
        let scene = Scene::of(manual).await;
        let phone = scene.world.phone();
        let callback = scene.viewed("alice", &phone.payload(|_| {})).await;
        if mode == "block" {
            callback.error("access_denied");
        } else {
            let claims = scene.claims(&callback).await;
            assert!(claims.get("device_enrollment").is_none(), "{claims}");
        }
    }
}

/// The app reads the reason in its ID token, and the policy says whether its person gets in.
#[tokio::test]
async fn t6_5_a_rooted_phone_is_not_paired_and_the_policy_lets_in_or_blocks() {
    for mode in ["bypass", "block"] {
        let mut mfa = usual();
        mfa["no_devices_mode"] = json!(mode);
        mfa["applications"][0]["integrity_detection"] = json!("restrictive");
        let scene = Scene::of(mfa).await;
        let phone = scene.world.phone();
        let signals = json!({ "rooted": false, "debugger": false, "hook": true });
        let callback = scene.viewed("alice", &phone.payload(|claims| claims["sig"] = signals.clone())).await;
        if mode == "block" {
            callback.error("access_denied");
        } else {
            let told = scene.claims(&callback).await["device_enrollment"].clone();
            assert_eq!(told, json!({ "offered": false, "reason": "DEVICE_REQUIREMENTS_FAILED" }));
        }
    }
}

#[tokio::test]
async fn t7_3_a_device_that_is_trusted_no_more_lets_nobody_in() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let admin = scene.world.robot("another", "nod:admin").await;
    let at =
        format!("/admin/v1/devices/{}", admin.get("/admin/v1/devices").await.ok()["items"][0]["id"].as_str().unwrap());
    admin.act(&format!("{at}/block")).await.ok();
    scene.viewed("alice", &phone.payload(|_| {})).await.error("access_denied");
    assert_eq!(admin.delete(&at).await.status, 204);
    let callback = scene.viewed("alice", &phone.payload(|_| {})).await;
    scene.vouched_for_by_nobody(&callback).await;
}

#[tokio::test]
async fn t7_4_another_person_on_a_trusted_phone_is_not_vouched_for() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    scene.world.user("bob").with_password(PASSWORD).await;
    let callback = scene.viewed("bob", &phone.payload(|_| {})).await;
    scene.vouched_for_by_nobody(&callback).await;
}

/// What is kept in histories and logs says nothing of a phone.
#[tokio::test]
async fn a_payload_in_a_url_is_refused_and_posted_it_is_read() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let payload = phone.payload(|_| {});
    let mut browser = scene.world.browser();
    let refused = browser.authorize(&scene.shop, &[("mobilePayload", &payload)]).await.expect_err("back at the app");
    refused.error("invalid_request");
    let fields = asked(&scene.shop, &[("mobilePayload", &payload)]);
    let both = format!("{AUTHORIZE}?mobilePayload={payload}");
    for (target, body, begun) in [(both.as_str(), asked(&scene.shop, &[]), false), (AUTHORIZE, fields, true)] {
        let request = browser.request(Method::POST, target);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let answer = browser.send(request).await;
        let to = answer.header("location").unwrap().to_owned();
        assert_eq!((answer.status, to.contains("error=invalid_request")), (303, !begun), "{to}");
        if begun {
            let page = browser.open(to.strip_prefix(scene.world.issuer()).unwrap()).await.expect("a page");
            let callback = browser.sign_in(&page, "alice", PASSWORD).await.expect_err("back at the app");
            assert_eq!(scene.claims(&callback).await["acr"], "urn:nod:acr:trusted-device");
        }
    }
}

/// [flows.md H.2] the app hears that it is none, and not why.
#[tokio::test]
async fn what_is_no_payload_of_the_request_ends_it() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let mut browser = scene.world.browser();
    let used = phone.payload(|_| {});
    scene.opened(&mut browser, &used).await.expect("a page");
    let old = phone.payload(|_| {});
    let bound = |challenge: &str| {
        let bind = json!(nod_device::PayloadBinding::of(challenge));
        phone.payload(|claims| claims["bind"] = bind)
    };
    let mut told = Vec::new();
    for payload in
        [used, bound("another challenge"), phone.payload(|claims| claims["app"] = json!("other")), "x".to_owned()]
    {
        let callback = scene.opened(&mut browser, &payload).await.expect_err("back at the app");
        told.push(callback.error("invalid_request").get("error_description").to_owned());
    }
    scene.world.clock.advance(seconds(181));
    let callback = scene.opened(&mut browser, &old).await.expect_err("back at the app");
    told.push(callback.error("invalid_request").get("error_description").to_owned());
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    scene.opened(&mut browser, &bound(crate::world::CHALLENGE)).await.expect("a page");
}
