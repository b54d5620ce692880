//! What the trust in a device is worth, for how long, and to whom (flows.md H.4, H.5; security.md 1.10, case 94).

use super::{Scene, authenticate, claims, json, ticket, usual};
use crate::world::{Browser, Phone, World, seconds};

/// In this browser, which may have a session by now.
async fn again(scene: &Scene, browser: &mut Browser, phone: &Phone) -> (String, serde_json::Value) {
    let first = browser.flow(&scene.shop, &[]).await;
    assert_eq!(first["status"], "AUTHENTICATION_REQUIRED", "the session stands for the password alone");
    let id = first["id"].as_str().unwrap().to_owned();
    let state = authenticate(browser, &id, &phone.payload(|_| {})).await.ok();
    (id, state)
}

#[tokio::test]
async fn a_silent_proof_makes_no_sign_in_younger_and_no_session_stronger() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let now = scene.world.now().seconds();
    let (mut browser, id, _) = scene.by(&phone).await;
    let first = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!(first["auth_time"], now, "when the password was right");
    scene.world.clock.advance(seconds(600));
    let (id, state) = again(&scene, &mut browser, &phone).await;
    assert_eq!(state["code"], "device_authorized");
    let second = claims(&scene.tokens(&mut browser, &id).await);
    assert_eq!((&second["auth_time"], &second["sid"]), (&first["auth_time"], &first["sid"]));
    assert_eq!((&second["acr"], &second["amr"]), (&first["acr"], &first["amr"]));
    let asked = browser.flow(&scene.shop, &[("max_age", "60")]).await;
    assert_eq!(asked["status"], "USERNAME_PASSWORD_REQUIRED", "nobody has done anything for ten minutes");
}

/// A cookie that was stolen enrols nothing.
#[tokio::test]
async fn a_session_alone_is_offered_nothing() {
    let scene = Scene::of(usual()).await;
    let phone = scene.world.phone();
    let mut browser = scene.world.browser();
    let id = scene.at_second_factor(&mut browser).await;
    browser.act(&id, "authenticate", &json!({})).await.ok();
    scene.tokens(&mut browser, &id).await;
    let (id, state) = again(&scene, &mut browser, &phone).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_COMPLETED"), &json!("bypassed")));
    assert!(claims(&scene.tokens(&mut browser, &id).await).get("device_enrollment").is_none());
}

/// Whoever knows the password may be first, and not second.
#[tokio::test]
async fn h5_of_two_offers_one_is_taken() {
    let scene = Scene::of(usual()).await;
    let (mut first, mut second) = (scene.world.phone(), scene.world.phone());
    let (_, _, one) = scene.by(&first).await;
    let (_, _, other) = scene.by(&second).await;
    let (one, other) = tokio::join!(first.enrol(ticket(&one)), second.enrol(ticket(&other)));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 410]);
    assert_eq!(scene.world.rows("device").await.len(), 1);
}

/// [flows.md H.5] first is who has nothing: an address or an app that came meanwhile is asked for from then on, and the
/// password alone pairs nothing.
#[tokio::test]
async fn an_offer_of_a_first_device_ends_with_another_second_factor() {
    for what in ["an address", "an authenticator app"] {
        let scene = Scene::in_world(World::with().letters().start().await, usual()).await;
        let mut phone = scene.world.phone();
        let (_, _, state) = scene.by(&phone).await;
        if what == "an address" {
            scene.address("alice", "alice@home.example").await;
        } else {
            scene.authenticator("alice").await;
        }
        phone.enrol(ticket(&state)).await.problem(410, "ENROLLMENT_GONE");
        assert!(scene.world.rows("device").await.is_empty(), "{what}");
    }
}

/// Another one of its name would be trusted on the devices of the one before.
#[tokio::test]
async fn an_application_stays_while_devices_name_it() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let admin = scene.world.robot("another", "nod:admin").await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "applications": [] })).await.ok();
    let app = "/admin/v1/native-applications/shop-app";
    admin.delete(app).await.admin_problem(409, "native_application_in_use");
    phone.unpair_by_administrator().await;
    assert_eq!(admin.delete(app).await.status, 204);
}

#[tokio::test]
async fn an_offer_ends_with_what_it_was_made_for() {
    let scene = Scene::of(usual()).await;
    let admin = scene.world.robot("another", "nod:admin").await;
    let mut phone = scene.world.phone();
    let gone = |answer: crate::world::Answer, what: &str| {
        assert_eq!((answer.status, answer.json()["code"].clone()), (410, json!("ENROLLMENT_GONE")), "{what}");
    };
    // The policy lets nobody in without a device any more.
    let (_, _, state) = scene.by(&phone).await;
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "no_devices_mode": "block" })).await.ok();
    gone(phone.enrol(ticket(&state)).await, "the policy");
    admin.patch("/admin/v1/mfa-policies/mfa", &json!({ "no_devices_mode": "bypass" })).await.ok();
    // The session in which it was offered has ended.
    let (mut browser, id, _) = scene.by(&phone).await;
    let told = claims(&scene.tokens(&mut browser, &id).await)["device_enrollment"].clone();
    let page = browser.log_out(&[]).await.unwrap();
    browser.press(&page, "sign_out", &[]).await.unwrap().has("signed out");
    gone(phone.enrol(told["ticket"].as_str().unwrap()).await, "the session");
    // Another password is theirs by now.
    let (_, _, state) = scene.by(&phone).await;
    scene.world.sql("UPDATE password SET changed_at = changed_at + 1").await;
    gone(phone.enrol(ticket(&state)).await, "the password");
    assert!(scene.world.rows("device").await.is_empty());
}

/// [security.md 94]
#[tokio::test]
async fn what_a_device_vouched_for_ends_with_it() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    let (mut browser, id, _) = scene.by(&phone).await;
    let tokens = scene.tokens(&mut browser, &id).await;
    let (mut early, before, _) = scene.by(&phone).await;
    let (mut late, code, _) = scene.by(&phone).await;
    let done = late.act(&code, "continueAuthentication", &json!({})).await.ok();
    phone.block().await;
    let refreshed = scene.shop.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!((refreshed.status, refreshed.json()["error"].clone()), (400, json!("invalid_grant")));
    let ended = early.act(&before, "continueAuthentication", &json!({})).await.ok();
    assert_eq!(ended["authorizeResponse"]["error"], "access_denied");
    let redeemed = scene.shop.redeem(done["authorizeResponse"]["code"].as_str().unwrap()).await;
    assert_eq!((redeemed.status, redeemed.json()["error"].clone()), (400, json!("invalid_grant")));
    let (_, _, state) = scene.by(&phone).await;
    assert_eq!((&state["status"], &state["code"]), (&json!("MFA_FAILED"), &json!("DEVICE_BLOCKED")));
}

/// The phone of one person is nobody else's.
#[tokio::test]
async fn a_device_vouches_for_its_own_user_alone() {
    let scene = Scene::of(usual()).await;
    let phone = scene.trusted().await;
    scene.world.user("bob").with_password(super::PASSWORD).await;
    let mut browser = scene.world.browser();
    let first = browser.flow(&scene.shop, &[]).await;
    let id = first["id"].as_str().unwrap().to_owned();
    browser.password(&id, "bob", super::PASSWORD).await.ok();
    let state = authenticate(&mut browser, &id, &phone.payload(|_| {})).await.ok();
    assert_eq!(state["status"], super::PAIRING, "for bob it is a phone like any other");
}

/// What the relying party needs and the policy does without is not there.
#[tokio::test]
async fn an_essential_acr_is_not_met_by_doing_without() {
    let mut mfa = usual();
    mfa["applications"][0]["push"] = json!(false);
    mfa["no_devices_mode"] = json!("bypass");
    let scene = Scene::of(mfa).await;
    let needs = r#"{"id_token":{"acr":{"essential":true,"value":"urn:nod:acr:trusted-device"}}}"#;
    // Whoever has no device is let in without one, where that will do.
    let sign_in = async |payload: Option<&Phone>| {
        let mut browser = scene.world.browser();
        let first = browser.flow(&scene.shop, &[("claims", needs)]).await;
        let id = first["id"].as_str().unwrap().to_owned();
        browser.password(&id, "alice", super::PASSWORD).await.ok();
        let body = payload.map_or_else(|| json!({}), |phone| json!({ "mobilePayload": phone.payload(|_| {}) }));
        let state = browser.act(&id, "authenticate", &body).await.ok();
        assert_eq!(state["status"], "MFA_COMPLETED", "{state}");
        browser.act(&id, "continueAuthentication", &json!({})).await.ok()
    };
    let without = sign_in(None).await;
    assert_eq!(without["authorizeResponse"]["error"], "unmet_authentication_requirements", "{without}");
    let phone = scene.trusted().await;
    let with = sign_in(Some(&phone)).await;
    assert!(with["authorizeResponse"].get("code").is_some(), "{with}");
}
