//! Browsers in which somebody is not asked for a second factor again [flows.md D.1 `rememberMe.web`, H.4].

use nod::protocol::public_id::{self, Kind};
use serde_json::Value;

use super::step_up::{WAITING, gives_up, poll};
use super::{PASSWORD, Scene, claims, json};
use crate::admin::robot::usr;
use crate::world::{Answer, Browser, seconds};

const HOUR: u64 = 3600;

fn policy() -> Value {
    json!({ "id": "mfa", "number_matching": "off", "remember_me": { "enabled": true, "lifetime": HOUR } })
}

impl Scene {
    /// alice says yes on her first phone in this browser, and goes on.
    async fn shown_in(&self, browser: &mut Browser, remember: bool) {
        let (id, state) = self.second(browser, &[]).await;
        assert_eq!(state["status"], WAITING, "{state}");
        self.alice.phones[0].approve_the_question().await;
        let state = poll(browser, &id).await;
        assert_eq!((&state["status"], &state["rememberMeFor"]), (&json!("MFA_COMPLETED"), &json!(HOUR)), "{state}");
        let state = browser.act(&id, "continueAuthentication", &json!({ "rememberMe": remember })).await.ok();
        assert_eq!(state["status"], "COMPLETED");
    }

    /// Where she did, and had it remembered.
    async fn remembered(&self) -> Browser {
        let mut browser = self.world.browser();
        self.shown_in(&mut browser, true).await;
        browser
    }

    /// What the second factor of alice comes to in this browser.
    async fn second(&self, browser: &mut Browser, fields: &[(&str, &str)]) -> (String, Value) {
        self.second_of("alice", browser, fields).await
    }

    async fn second_of(&self, username: &str, browser: &mut Browser, fields: &[(&str, &str)]) -> (String, Value) {
        let first = browser.flow(&self.shop, fields).await;
        let id = first["id"].as_str().unwrap().to_owned();
        if first["status"] == "USERNAME_PASSWORD_REQUIRED" {
            browser.password(&id, username, PASSWORD).await.ok();
        }
        let state = browser.act(&id, "authenticate", &json!({})).await.ok();
        (id, state)
    }

    pub(super) async fn is_spared(&self, browser: &mut Browser) -> String {
        let (id, state) = self.second(browser, &[]).await;
        assert_eq!(
            (&state["status"], &state["code"]),
            (&json!("MFA_COMPLETED"), &json!("browser_remembered")),
            "{state}"
        );
        assert!(state.get("rememberMeFor").is_none(), "nothing was shown: {state}");
        id
    }

    async fn is_asked(&self, browser: &mut Browser, fields: &[(&str, &str)]) {
        let (id, state) = self.second(browser, fields).await;
        assert_eq!(state["status"], WAITING, "{fields:?}: {state}");
        gives_up(browser, &id).await;
    }
}

/// Nothing but what remembers it.
pub(super) fn signed_out(browser: &Browser) -> Browser {
    let mut browser = browser.clone();
    browser.cookies.retain(|name, _| name.ends_with("nod-remembered"));
    assert_eq!(browser.cookies.len(), 1, "{:?}", browser.cookies.keys());
    browser
}

fn refused(answer: &Answer) {
    let told = answer.json();
    assert_eq!((answer.status, &told["code"]), (400, &json!("VALIDATION_ERROR")), "{told}");
    let detail = &told["details"][0];
    assert_eq!((&detail["code"], &detail["target"]), (&json!("INVALID_FIELD_VALUE"), &json!("rememberMe")), "{told}");
}

#[tokio::test]
async fn d1_a_browser_spares_the_question_for_as_long_as_was_said() {
    let scene = Scene::with_phones(policy(), 1).await;
    let mut browser = scene.remembered().await;
    let mut later = signed_out(&browser);
    for browser in [&mut browser, &mut later] {
        let id = scene.is_spared(browser).await;
        let told = claims(&scene.tokens(browser, &id).await);
        assert_eq!(
            (&told["acr"], &told["amr"]),
            (&json!("urn:nod:acr:password"), &json!(["pwd"])),
            "it proves nothing"
        );
    }
    assert!(scene.alice.phone().pending().await.is_empty());
    scene.is_asked(&mut scene.world.browser(), &[]).await;
    scene.world.clock.advance(seconds(HOUR - 1));
    scene.is_spared(&mut signed_out(&browser)).await;
    scene.world.clock.advance(seconds(1));
    scene.is_asked(&mut signed_out(&browser), &[]).await;
    let trail = scene.world.rows("audit").await;
    for said in ["remember_me", "browser_remembered"] {
        assert!(trail.iter().any(|row| row.contains(said)), "{said}: {trail:?}");
    }
}

/// Whoever says nothing is asked again, and so is whoever cannot be remembered.
#[tokio::test]
async fn d1_a_browser_is_remembered_by_whoever_says_so_and_where_the_policy_does() {
    let scene = Scene::with_phones(policy(), 1).await;
    let mut browser = scene.world.browser();
    scene.shown_in(&mut browser, false).await;
    assert!(!browser.cookies.keys().any(|name| name.ends_with("nod-remembered")));
    scene.is_asked(&mut browser, &[]).await;

    let scene = Scene::with_phones(json!({ "id": "mfa", "number_matching": "off" }), 1).await;
    let (mut browser, id, _) = scene.asked().await;
    scene.alice.phone().approve_the_question().await;
    let state = poll(&mut browser, &id).await;
    assert!(state.get("rememberMeFor").is_none(), "{state}");
    refused(&browser.act(&id, "continueAuthentication", &json!({ "rememberMe": true })).await);
    scene.tokens(&mut browser, &id).await;
    assert!(scene.world.rows("remembered_browser").await.is_empty());
}

/// It proves nothing: what wants a proof gets one.
#[tokio::test]
async fn d1_nobody_is_spared_who_is_to_show_it_now() {
    let mut mfa = policy();
    mfa["push_limit"] = json!({ "count": 50 });
    let scene = Scene::with_phones(mfa, 1).await;
    let mut browser = scene.remembered().await;
    let essential =
        json!({ "id_token": { "acr": { "essential": true, "values": ["urn:nod:acr:device"] } } }).to_string();
    for fields in [
        ("acr_values", "urn:nod:acr:device"),
        ("acr_values", "urn:nod:acr:otp"),
        ("claims", essential.as_str()),
        ("prompt", "login"),
        ("max_age", "0"),
    ] {
        scene.is_asked(&mut browser, &[fields]).await;
    }
    scene.is_spared(&mut browser).await;
    scene.is_spared(&mut browser).await;
    let admin = scene.world.robot("operator", "nod:admin").await;
    let when = json!([{ "not_within": 60 }]);
    let steps = json!([
        { "id": "password", "source": "password" },
        { "id": "mfa", "source": "mfa", "mfa_policy": "mfa", "when": when },
    ]);
    let changed = admin.patch("/admin/v1/policies/both", &json!({ "steps": steps })).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    scene.world.clock.advance(seconds(120));
    scene.is_asked(&mut browser, &[]).await;
}

/// Who shares a browser shares no second factor; whoever plants one has nothing of it.
#[tokio::test]
async fn d1_a_browser_is_remembered_for_one_person_and_under_a_key_that_nobody_has_seen() {
    let scene = Scene::with_phones(policy(), 1).await;
    let mut bob = scene.world.user("bob").with_password(PASSWORD).await;
    bob.pair(scene.world.phone()).await;
    let mut planted = scene.remembered().await;
    let mut shared = signed_out(&planted);
    let (_, state) = scene.second_of("bob", &mut shared, &[]).await;
    assert_eq!(state["status"], WAITING, "{state}");

    scene.world.clock.advance(seconds(HOUR));
    let mut browser = signed_out(&planted);
    scene.shown_in(&mut browser, true).await;
    assert_ne!(signed_out(&browser).cookies, signed_out(&planted).cookies);
    scene.is_asked(&mut planted, &[]).await;
    scene.is_spared(&mut browser).await;
    assert_eq!(scene.world.rows("remembered_browser").await.len(), 1);
}

/// Whatever ends the trust in what was shown, or in what has let the person in.
#[tokio::test]
async fn d1_what_was_remembered_ends_with_the_device_the_password_and_the_policy() {
    for by in ["device", "password", "lock", "policy", "lifetime"] {
        let scene = Scene::with_phones(policy(), 2).await;
        let browser = scene.remembered().await;
        scene.is_spared(&mut signed_out(&browser)).await;
        let admin = scene.world.robot("operator", "nod:admin").await;
        match by {
            "device" => {
                let id = public_id::encode(Kind::Device, scene.alice.phones[0].device().uuid());
                assert_eq!(admin.delete(&format!("/admin/v1/devices/{id}")).await.status, 204);
            }
            "password" => {
                let path = format!("/admin/v1/users/{}/password", usr(&scene.alice));
                admin.patch(&path, &json!({ "must_change": true })).await.ok();
                let mut another = scene.world.browser();
                let id = another.flow(&scene.shop, &[]).await["id"].as_str().unwrap().to_owned();
                another.password(&id, "alice", PASSWORD).await.ok();
                another.act(&id, "checkNewPassword", &json!({ "newPassword": "twelve green bottles" })).await.ok();
                assert!(scene.world.rows("remembered_browser").await.is_empty());
                continue;
            }
            "lock" => {
                scene.alice.lock().await;
                scene.alice.unlock().await;
            }
            "policy" => {
                admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "remember_me": { "enabled": false } })).await.ok();
            }
            _ => {
                let longer = json!({ "remember_me": { "lifetime": 2 * HOUR } });
                admin.patch("/admin/v1/mfa-policies/mfa", &longer).await.ok();
                scene.world.clock.advance(seconds(HOUR));
            }
        }
        scene.is_asked(&mut signed_out(&browser), &[]).await;
    }
}

/// [flows.md H.4 step 5] it spares a question, and opens nothing.
#[tokio::test]
async fn h4_nobody_gets_in_by_a_browser_who_would_not_be_asked() {
    let scene = Scene::with_phones(policy(), 1).await;
    let browser = scene.remembered().await;
    let id = public_id::encode(Kind::Device, scene.alice.phone().device().uuid());
    let admin = scene.world.robot("operator", "nod:admin").await;
    assert_eq!(admin.delete(&format!("/admin/v1/devices/{id}")).await.status, 204);
    let (_, state) = scene.second(&mut signed_out(&browser), &[]).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("NO_DEVICES")), "{state}");
}

/// On our own pages, without a script.
#[tokio::test]
async fn d1_the_page_asks_whether_the_browser_is_remembered_and_the_account_takes_it_back() {
    let scene = Scene::with_phones(policy(), 1).await;
    let mut browser = scene.world.browser();
    for (ticked, asks) in [(false, true), (true, false)] {
        let page = browser.authorize(&scene.shop, &[]).await.unwrap();
        let waiting = if page.answer.text().contains("Confirm that it is me") {
            browser.press(&page, "ask", &[]).await.unwrap()
        } else {
            browser.sign_in(&page, "alice", PASSWORD).await.unwrap()
        };
        scene.alice.phone().approve_the_question().await;
        let page = browser.press(&waiting, "poll", &[]).await.unwrap();
        page.has("Do not ask me again in this browser for 60 minutes").has("type=\"checkbox\" name=\"remember\"");
        let fields: &[(&str, &str)] = if ticked { &[("remember", "on")] } else { &[] };
        browser.press(&page, "continue", fields).await.expect_err("back at the client").get("code");
        assert_eq!(browser.authorize(&scene.shop, &[]).await.is_ok(), asks, "ticked: {ticked}");
    }
    let silent = browser.authorize(&scene.shop, &[("prompt", "none")]).await.expect_err("nobody is asked");
    silent.get("code");

    let page = browser.open("/account/devices").await.unwrap();
    page.has("In one browser you are not asked for a second step.");
    let page = browser.press(&page, "forget", &[]).await.unwrap();
    assert!(!page.answer.text().contains("you are not asked for a second step"), "{}", page.answer.text());
    browser.authorize(&scene.shop, &[]).await.unwrap().has("Confirm that it is me");
    scene.is_asked(&mut signed_out(&browser), &[]).await;
}

/// What spares nobody a question is not shown as if it did.
#[tokio::test]
async fn d1_the_account_counts_no_browser_that_the_policy_remembers_no_more() {
    const TOLD: &str = "In one browser you are not asked for a second step.";
    let scene = Scene::with_phones(policy(), 1).await;
    let mut browser = scene.world.browser();
    let page = browser.authorize(&scene.shop, &[]).await.unwrap();
    let waiting = browser.sign_in(&page, "alice", PASSWORD).await.unwrap();
    scene.alice.phone().approve_the_question().await;
    let page = browser.press(&waiting, "poll", &[]).await.unwrap();
    browser.press(&page, "continue", &[("remember", "on")]).await.expect_err("back at the client").get("code");
    browser.open("/account/devices").await.unwrap().has(TOLD);
    let admin = scene.world.robot("operator", "nod:admin").await;
    for enabled in [false, true] {
        let changed = json!({ "remember_me": { "enabled": enabled } });
        admin.patch("/admin/v1/mfa-policies/mfa", &changed).await.ok();
        let page = browser.open("/account/devices").await.unwrap();
        assert_eq!(page.answer.text().contains(TOLD), enabled);
    }
}

#[tokio::test]
async fn d1_an_administrator_takes_it_back() {
    let scene = Scene::with_phones(policy(), 1).await;
    let browser = scene.remembered().await;
    let at = format!("/admin/v1/users/{}/remembered-browsers", usr(&scene.alice));
    let admin = scene.world.robot("operator", "nod:admin").await;
    scene.is_spared(&mut signed_out(&browser)).await;
    for events in [1, 0] {
        let watch = scene.world.watch().await;
        assert_eq!(admin.delete(&at).await.status, 204);
        let withdrawn = watch.events().await;
        let withdrawn = withdrawn.iter().filter(|event| event.reason.as_deref() == Some("remember_me_withdrawn"));
        assert_eq!(withdrawn.count(), events);
    }
    scene.is_asked(&mut signed_out(&browser), &[]).await;
    let nobody = "/admin/v1/users/usr_0000000000000000000000000z/remembered-browsers";
    admin.delete(nobody).await.admin_problem(404, "not_found");
    let reads = scene.world.robot("reader", "nod:users:read").await;
    assert_eq!(reads.delete(&at).await.status, 403);
}
