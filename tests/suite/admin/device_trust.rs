//! `/admin/v1/native-applications`, `/admin/v1/mfa-policies`.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::location;
use super::robot::Robot;
use super::sign_on::pointers;
use crate::world::{Answer, World};

pub(super) const NATIVE: &str = "/admin/v1/native-applications";
pub(super) const MFA: &str = "/admin/v1/mfa-policies";
const CLIENTS: &str = "/admin/v1/clients";

/// The client of an app.
pub(super) async fn app(admin: &Robot<'_>, id: &str) {
    let body = json!({ "client_id": id, "token_endpoint_auth_method": "none",
        "redirect_uris": ["com.example.bank:/callback"] });
    location(&admin.post(CLIENTS, &body).await);
}

pub(super) fn bank() -> Value {
    json!({ "id": "bank", "client": "bank-app", "package_name": "com.example.bank" })
}

#[track_caller]
pub(super) fn refused_at(answer: &Answer, expected: &[&str]) {
    answer.admin_problem(422, "validation_failed");
    assert_eq!(pointers(answer), expected, "{}", answer.text());
}

/// With an `ETag` of before.
async fn with_old_tag(admin: &Robot<'_>, method: Method, at: &str, tag: &str) {
    let mut call = admin.request(method.clone(), at).header("if-match", tag);
    if method == Method::PATCH {
        call = call.json(&json!({ "name": "x" }));
    }
    Answer::of(call).await.admin_problem(412, "precondition_failed");
}

#[tokio::test]
async fn a_native_application_is_registered_read_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    app(&admin, "other-app").await;
    let watch = world.watch().await;
    let made = admin.post(NATIVE, &bank()).await;
    let at = location(&made);
    assert_eq!((at.as_str(), &made.json()["name"]), ("/admin/v1/native-applications/bank", &json!("bank")));
    assert!(made.json().get("bundle_id").is_none(), "{}", made.text());
    admin.post(NATIVE, &bank()).await.admin_problem(409, "native_application_exists");
    let read = admin.get(&at).await;
    assert_eq!((read.ok(), read.header("etag")), (made.json(), made.header("etag")));
    assert_eq!(admin.patch(&at, &read.json()).await.ok(), read.json(), "what was read can be sent back");
    let patch = json!({ "name": "Example Bank", "client": "other-app", "package_name": null, "bundle_id": "com.example.bank-2" });
    let changed = admin.patch(&at, &patch).await.ok();
    assert_eq!((&changed["client"], &changed["bundle_id"]), (&patch["client"], &patch["bundle_id"]));
    assert!(changed.get("package_name").is_none() && changed.get("uri_prefix").is_none(), "{changed}");
    for prefix in ["https://bank.example/app", "com.example.bank:/"] {
        assert_eq!(admin.patch(&at, &json!({ "uri_prefix": prefix })).await.ok()["uri_prefix"], prefix);
        assert_eq!(admin.get(&at).await.ok()["uri_prefix"], prefix);
    }
    assert_eq!(admin.patch(&at, &json!({ "uri_prefix": null })).await.ok(), changed);
    let oldest = admin.patch(&at, &json!({ "min_sdk_version": "1.4.0" })).await.ok();
    assert_eq!((&oldest["min_sdk_version"], admin.get(&at).await.ok()), (&json!("1.4.0"), oldest.clone()));
    assert_eq!(admin.patch(&at, &json!({ "min_sdk_version": null })).await.ok(), changed);
    assert_eq!(admin.get(NATIVE).await.ok()["items"], json!([changed]));
    admin.post(NATIVE, &bank()).await.admin_problem(409, "native_application_exists");
    let tag = read.header("etag").unwrap();
    with_old_tag(&admin, Method::PATCH, &at, tag).await;
    with_old_tag(&admin, Method::DELETE, &at, tag).await;
    let fresh = location(&admin.post(NATIVE, &json!({ "client": "bank-app", "bundle_id": "b" })).await);
    assert!(fresh.starts_with(&format!("{NATIVE}/nap_")), "{fresh}");
    for path in [&fresh, &at] {
        assert_eq!(admin.delete(path).await.status, 204);
        admin.get(path).await.admin_problem(404, "not_found");
        admin.delete(path).await.admin_problem(404, "not_found");
    }
    let events = watch.events().await.into_iter().filter(|event| event.result == "done");
    let told: Vec<_> = events.map(|event| (event.action, event.reason.unwrap_or_default())).collect();
    let actions =
        ["created", "updated", "updated"].map(|what| (format!("native_application.{what}"), "bank".to_owned()));
    assert_eq!(told[..3], actions);
    assert_eq!(told.last(), Some(&("native_application.deleted".to_owned(), "bank".to_owned())));
}

#[tokio::test]
async fn a_native_application_that_cannot_be_is_pointed_at() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    for (changed, expected) in [
        (json!({ "id": "a b" }), vec!["/id invalid"]),
        (json!({ "name": "" }), vec!["/name invalid"]),
        (json!({ "name": "a\u{7}" }), vec!["/name invalid"]),
        (json!({ "name": "é".repeat(65) }), vec!["/name too_long"]),
        (json!({ "client": "nobody" }), vec!["/client unknown"]),
        (json!({ "client": "" }), vec!["/client unknown"]),
        (json!({ "package_name": "bank" }), vec!["/package_name invalid"]),
        (json!({ "package_name": "com.example.1bank" }), vec!["/package_name invalid"]),
        (json!({ "package_name": "com.example-bank.app" }), vec!["/package_name invalid"]),
        (json!({ "package_name": format!("a.{}", "b".repeat(254)) }), vec!["/package_name invalid"]),
        (json!({ "bundle_id": "com.example.bank_2" }), vec!["/bundle_id invalid"]),
        (json!({ "bundle_id": "a".repeat(156) }), vec!["/bundle_id invalid"]),
        (json!({ "package_name": null }), vec!["/package_name required"]),
        (json!({ "uri_prefix": "bank://open" }), vec!["/uri_prefix invalid"]),
        (json!({ "uri_prefix": "http://bank.example/app" }), vec!["/uri_prefix invalid"]),
        (json!({ "uri_prefix": "https://bank.example/app?code=" }), vec!["/uri_prefix invalid"]),
        (json!({ "min_sdk_version": "1.4" }), vec!["/min_sdk_version invalid"]),
        (json!({ "min_sdk_version": "1.4.0-rc.1" }), vec!["/min_sdk_version invalid"]),
    ] {
        let mut body = bank();
        for (name, value) in changed.as_object().unwrap() {
            body[name] = value.clone();
        }
        let watch = world.watch().await;
        refused_at(&admin.post(NATIVE, &body).await, &expected);
        watch.only_a_refusal(&body.to_string()).await;
    }
    for body in [json!({}), json!({ "client": "bank-app", "package_name": 1 }), json!({ "client": "bank-app", "x": 1 })]
    {
        admin.post(NATIVE, &body).await.admin_problem(400, "invalid_request");
    }
    let at = location(&admin.post(NATIVE, &bank()).await);
    for (patch, expected) in [
        (json!({ "id": "other" }), "/id read_only"),
        (json!({ "package_name": null }), "/package_name required"),
        (json!({ "client": null }), "/client required"),
        (json!({ "client": "nobody" }), "/client unknown"),
    ] {
        let watch = world.watch().await;
        refused_at(&admin.patch(&at, &patch).await, &[expected]);
        watch.only_a_refusal(&patch.to_string()).await;
    }
}

/// An app is one client's, and that one is looked after by operators alone.
#[tokio::test]
async fn who_signs_in_is_a_client_of_the_operators_own() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    app(&admin, "other-app").await;
    location(&admin.post(CLIENTS, &json!({ "client_id": "till" })).await);
    let guest = world.client("guest").signs_in();
    let about = nod::domain::client::SelfRegistered {
        token: nod::secret::Digest::of(b"token"),
        invited: true,
        about: nod::protocol::registration::About::default(),
    };
    guest.registered(|client| client.registered = Some(about)).await;
    for client in ["till", "guest"] {
        let mut body = bank();
        body["client"] = json!(client);
        refused_at(&admin.post(NATIVE, &body).await, &["/client not_allowed"]);
    }
    let at = location(&admin.post(NATIVE, &bank()).await);
    refused_at(&admin.patch(&at, &json!({ "client": "till" })).await, &["/client not_allowed"]);
    let mut second = bank();
    second["id"] = json!("second");
    refused_at(&admin.post(NATIVE, &second).await, &["/client invalid"]);
    second["client"] = json!("other-app");
    let second = location(&admin.post(NATIVE, &second).await);
    refused_at(&admin.patch(&second, &json!({ "client": "bank-app" })).await, &["/client invalid"]);
}

#[tokio::test]
async fn an_mfa_policy_is_made_read_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    location(&admin.post(NATIVE, &bank()).await);
    let watch = world.watch().await;
    let made = admin.post(MFA, &json!({ "id": "trusted" })).await;
    let at = location(&made);
    let (json, created_at) = (made.json(), made.json()["created_at"].clone());
    assert_eq!(
        json,
        json!({ "id": "trusted", "name": "trusted", "no_devices_mode": "block", "incompatible_devices_mode": "block",
            "additional_trusted_devices": "verify_with_primary", "let_in_for": 3600, "new_device_notification": "none", "device_selection": "default_to_first", "number_matching": "pick", "push_timeout": 40,
            "push_limit": { "count": 5, "time_period": 600, "lock_duration": 1800 },
            "email": { "enabled": false, "otp_length": 6, "lifetime": 300, "attempts": 3, "cool_down": 120 },
            "sms": { "enabled": false, "otp_length": 6, "lifetime": 300, "attempts": 3, "cool_down": 120 },
            "voice": { "enabled": false, "otp_length": 6, "lifetime": 300, "attempts": 3, "cool_down": 120 },
            "totp": { "enabled": false, "attempts": 3, "cool_down": 120, "passcode_grace_period": 1 },
            "mobile_otp": { "enabled": false, "attempts": 3, "cool_down": 120, "passcode_grace_period": 1 },
            "fido2": { "enabled": false }, "mobile": { "enabled": true },
            "remember_me": { "enabled": false, "lifetime": 2_592_000 },
            "applications": [],
            "created_at": created_at }),
        "who says nothing permits nothing"
    );
    let read = admin.get(&at).await;
    assert_eq!((read.ok(), read.header("etag")), (json.clone(), made.header("etag")));
    let patch = json!({ "name": "Trusted", "no_devices_mode": "bypass", "new_device_notification": "email",
        "applications": [{ "application": "bank", "auto_enrollment": true }] });
    let changed = admin.patch(&at, &patch).await.ok();
    let permitted = json!([{
        "application": "bank", "auto_enrollment": true, "device_authorization": false, "push": true,
        "extra_verification": "disabled", "extra_verification_timeout": 7, "extra_verification_fallback": "fail",
        "integrity_detection": "disabled",
    }]);
    assert_eq!((&changed["no_devices_mode"], &changed["applications"]), (&json!("bypass"), &permitted));
    assert_eq!(admin.patch(&at, &changed).await.ok(), changed, "what was read can be sent back");
    assert_eq!(admin.get(MFA).await.ok()["items"], json!([changed]));
    let back = admin
        .patch(
            &at,
            &json!({ "no_devices_mode": null, "applications": null, "name": null, "new_device_notification": null }),
        )
        .await
        .ok();
    assert_eq!(back, json);
    admin.post(MFA, &json!({ "id": "trusted" })).await.admin_problem(409, "mfa_policy_exists");
    with_old_tag(&admin, Method::DELETE, &at, &format!("{}x", read.header("etag").unwrap())).await;
    let fresh = location(&admin.post(MFA, &json!({})).await);
    assert!(fresh.starts_with(&format!("{MFA}/mfa_")), "{fresh}");
    assert_eq!(admin.delete(&at).await.status, 204);
    admin.get(&at).await.admin_problem(404, "not_found");

    let events = watch.events().await.into_iter().filter(|event| event.result == "done");
    let told: Vec<_> = events.map(|event| event.action).filter(|action| action != "admin.called").collect();
    assert_eq!((told[0].as_str(), told[1].as_str()), ("mfa_policy.created", "mfa_policy.updated"));
    assert_eq!(told.last().map(String::as_str), Some("mfa_policy.deleted"));
}

#[tokio::test]
async fn what_an_mfa_policy_cannot_be_is_refused() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    location(&admin.post(NATIVE, &bank()).await);
    let twice = json!([{ "application": "bank" }, { "application": "bank" }]);
    let many: Vec<_> = (0..21).map(|n| json!({ "application": format!("a{n}") })).collect();
    for (body, expected) in [
        (json!({ "id": "a b" }), "/id invalid"),
        (json!({ "name": "a".repeat(101) }), "/name too_long"),
        (json!({ "applications": twice }), "/applications/1 invalid"),
        (json!({ "applications": many }), "/applications too_long"),
        (
            json!({ "applications": [{ "application": "bank" }, { "application": "nothing" }] }),
            "/applications/1/application unknown",
        ),
        (json!({ "applications": [{ "application": "" }] }), "/applications/0/application unknown"),
        (
            json!({ "applications": [{ "application": "bank", "extra_verification": "sometimes" }] }),
            "/applications/0/extra_verification unknown",
        ),
        (
            json!({ "applications": [{ "application": "bank", "extra_verification_timeout": 2 }] }),
            "/applications/0/extra_verification_timeout invalid",
        ),
        (
            json!({ "applications": [{ "application": "bank", "extra_verification_timeout": 16 }] }),
            "/applications/0/extra_verification_timeout invalid",
        ),
        (
            json!({ "applications": [{ "application": "bank", "extra_verification_timeout": 1_u64 << 32 }] }),
            "/applications/0/extra_verification_timeout invalid",
        ),
        (
            json!({ "applications": [{ "application": "bank", "extra_verification_fallback": "bypass" }] }),
            "/applications/0/extra_verification_fallback unknown",
        ),
        (
            json!({ "applications": [{ "application": "bank", "integrity_detection": "off" }] }),
            "/applications/0/integrity_detection unknown",
        ),
        (
            json!({ "applications": [{ "application": "bank", "pairing_key_lifetime": 59 }] }),
            "/applications/0/pairing_key_lifetime invalid",
        ),
        (
            json!({ "applications": [{ "application": "bank", "pairing_key_lifetime": 172_801 }] }),
            "/applications/0/pairing_key_lifetime invalid",
        ),
        (json!({ "no_devices_mode": "maybe" }), "/no_devices_mode unknown"),
        (json!({ "totp": { "passcode_grace_period": 11 } }), "/totp/passcode_grace_period invalid"),
        (json!({ "totp": { "attempts": 0 } }), "/totp/attempts invalid"),
        (json!({ "incompatible_devices_mode": "" }), "/incompatible_devices_mode unknown"),
        (json!({ "additional_trusted_devices": "all" }), "/additional_trusted_devices unknown"),
        (json!({ "let_in_for": 7_776_001 }), "/let_in_for invalid"),
        (json!({ "new_device_notification": "sms" }), "/new_device_notification unknown"),
    ] {
        let watch = world.watch().await;
        refused_at(&admin.post(MFA, &body).await, &[expected]);
        watch.only_a_refusal(&body.to_string()).await;
    }
    for applications in [json!(["bank"]), json!([{}]), json!([{ "application": "bank", "sms": true }])] {
        admin.post(MFA, &json!({ "applications": applications })).await.admin_problem(400, "invalid_request");
    }
}

/// What people trust is not pulled away from under them.
#[tokio::test]
async fn what_is_named_stays() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    let bank_at = location(&admin.post(NATIVE, &bank()).await);
    let body = json!({ "id": "trusted", "applications": [{ "application": "bank" }] });
    let trusted = location(&admin.post(MFA, &body).await);
    let steps = json!([{ "id": "password", "source": "password" }]);
    let staff = location(&admin.post("/admin/v1/policies", &json!({ "id": "staff", "steps": steps })).await);
    world.sql("INSERT INTO sign_on_policy_mfa (policy_id, mfa_policy_id) VALUES ('staff', 'trusted')").await;

    let client = format!("{CLIENTS}/bank-app");
    admin.delete(&client).await.admin_problem(409, "client_in_use");
    admin.delete(&bank_at).await.admin_problem(409, "native_application_in_use");
    admin.delete(&trusted).await.admin_problem(409, "mfa_policy_in_use");
    // A policy takes along what it says of others, and one that is changed names no more what it did before.
    assert_eq!(admin.delete(&staff).await.status, 204);
    admin.patch(&trusted, &json!({ "applications": [] })).await.ok();
    assert_eq!(admin.delete(&bank_at).await.status, 204);
    assert_eq!(admin.delete(&client).await.status, 204);
    assert_eq!(admin.delete(&trusted).await.status, 204);
    for table in ["mfa_policy_application", "sign_on_policy_mfa", "native_application", "mfa_policy"] {
        assert!(world.rows(table).await.is_empty(), "{table}");
    }
}

#[tokio::test]
async fn t2_13_what_is_missing_is_named() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    let at = format!("{}/mfa-readiness", location(&admin.post(NATIVE, &bank()).await));
    let found = async || {
        let answer = admin.get(&at).await.ok();
        let findings: Vec<_> = answer["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                [&one["code"], &one["level"], &one["mfa_policy"]].map(|text| text.as_str().unwrap_or("-")).join(" ")
            })
            // `push::credentials` looks at those.
            .filter(|one| !one.contains("_credentials_missing "))
            .collect();
        assert_eq!(answer["ready"].as_bool(), Some(findings.iter().all(|one| !one.contains(" missing "))), "{answer}");
        findings
    };
    let no_step = ["mfa_step_missing missing -", "sign_on_policy_not_assigned missing -"];
    let nobody_enrols = ["bundle_id_missing warning -", "auto_enrollment_missing missing -", no_step[0], no_step[1]];
    assert_eq!(found().await, nobody_enrols);
    // One that does not enrol is none.
    let body = json!({ "id": "trusted", "applications": [{ "application": "bank", "device_authorization": true }] });
    let trusted = location(&admin.post(MFA, &body).await);
    assert_eq!(found().await, nobody_enrols);
    let enrols = json!({ "applications": [{ "application": "bank", "auto_enrollment": true }] });
    admin.patch(&trusted, &enrols).await.ok();
    let asked = "device_authorization_missing warning trusted";
    let mut expected =
        vec!["bundle_id_missing warning -", no_step[0], no_step[1], asked, "no_devices_blocked warning trusted"];
    assert_eq!(found().await, expected);
    admin.patch(&trusted, &json!({ "no_devices_mode": "bypass" })).await.ok();
    expected[4] = "trust_on_first_use warning trusted";
    assert_eq!(found().await, expected);
    let silent = json!([{ "application": "bank", "auto_enrollment": true, "device_authorization": true }]);
    admin.patch(&trusted, &json!({ "applications": silent })).await.ok();
    expected.remove(3);
    assert_eq!(found().await, expected);
    let bundle = json!({ "package_name": null, "bundle_id": "com.example.bank" });
    admin.patch(at.strip_suffix("/mfa-readiness").unwrap(), &bundle).await.ok();
    expected[0] = "package_name_missing warning -";
    assert_eq!(found().await, expected);
    admin.patch(&format!("{CLIENTS}/bank-app"), &json!({ "disabled": true })).await.ok();
    expected.insert(1, "client_signs_nobody_in missing -");
    assert_eq!(found().await, expected);
    admin.patch(&format!("{CLIENTS}/bank-app"), &json!({ "disabled": false })).await.ok();
    expected.remove(1);

    // There is a step, the client's policy has it, and still nobody who comes from the client is asked.
    let step = |when: Value| {
        json!([
            { "id": "password", "source": "password" },
            { "id": "device", "source": "mfa", "mfa_policy": "trusted", "when": when },
        ])
    };
    let both = location(&admin.post("/admin/v1/policies", &json!({ "id": "both", "steps": step(json!([])) })).await);
    expected.remove(1);
    assert_eq!(found().await, expected, "it is nobody's");
    admin.patch("/admin/v1/sign-on-settings", &json!({ "default_policy": "both" })).await.ok();
    expected.remove(1);
    assert_eq!(found().await, expected, "nothing is missing");
    expected.insert(1, "mfa_step_unreachable missing -");
    for (when, comes) in [
        (json!([{ "clients": ["other"] }]), false),
        (json!([{ "not": true, "clients": ["bank-app"] }]), false),
        (json!([{ "scopes": ["never-registered"] }]), false),
        (json!([{ "not_within": 60 }, { "clients": ["other"] }]), false),
        (json!([{ "clients": ["bank-app", "other"] }]), true),
        (json!([{ "not": true, "clients": ["other"] }]), true),
        (json!([{ "not": true, "scopes": ["never-registered"] }]), true),
        (json!([{ "scopes": ["openid"] }, { "acr": "urn:nod:acr:device" }, { "not_within": 60 }]), true),
        (json!([{ "networks": ["192.0.2.0/24"] }, { "attribute": { "name": "name", "values": ["Alice"] } }]), true),
    ] {
        admin.patch(&both, &json!({ "steps": step(when.clone()) })).await.ok();
        let found = found().await;
        assert_eq!(found.iter().any(|one| *one == expected[1]), !comes, "{when}: {found:?}");
    }
    expected.remove(1);
    // It is asked of who fails at something else, too.
    let branches = json!([
        { "id": "password", "source": "password" },
        { "id": "key", "source": "passkey", "when": [{ "clients": ["bank-app"] }], "success": "done", "failure": "device" },
        { "id": "device", "source": "mfa", "mfa_policy": "trusted" },
    ]);
    admin.patch(&both, &json!({ "steps": branches })).await.ok();
    assert_eq!(found().await, expected);
    let mut never = branches;
    never[1]["when"] = json!([{ "clients": ["other"] }]);
    admin.patch(&both, &json!({ "steps": never })).await.ok();
    expected.insert(1, "mfa_step_unreachable missing -");
    assert_eq!(found().await, expected, "a step that is not asked does not fail");
    admin.patch(&both, &json!({ "steps": step(json!([])) })).await.ok();
    admin.patch("/admin/v1/sign-on-settings", &json!({ "policies_disabled": true })).await.ok();
    expected[1] = "policies_disabled missing -";
    assert_eq!(found().await, expected);
    admin.get(&format!("{NATIVE}/nothing/mfa-readiness")).await.admin_problem(404, "not_found");
}

/// [flows.md F3] What has to be answered has to get there.
#[tokio::test]
async fn a_silent_push_that_nobody_carries_is_named() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    let at = location(&admin.post(NATIVE, &bank()).await);
    let permitted = |mode: &str| {
        json!({ "id": "trusted", "applications": [
            { "application": "bank", "device_authorization": true, "extra_verification": mode },
        ] })
    };
    let trusted = location(&admin.post(MFA, &permitted("restrictive")).await);
    let found = async || {
        let answer = admin.get(&format!("{at}/mfa-readiness")).await.ok();
        let findings = answer["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|one| one["code"] == "extra_verification_unreachable")
    };
    let finding = found().await.expect("a finding");
    assert_eq!((&finding["level"], &finding["mfa_policy"]), (&json!("warning"), &json!("trusted")));
    let mut disabled = permitted("disabled");
    disabled.as_object_mut().unwrap().remove("id");
    admin.patch(&trusted, &disabled).await.ok();
    assert_eq!(found().await, None);
    disabled["applications"][0]["extra_verification"] = json!("permissive");
    admin.patch(&trusted, &disabled).await.ok();
    assert!(found().await.is_some());
    let web_push = json!({ "subject": "mailto:ops@example.com" });
    admin.put(&format!("{at}/push-credentials/web_push"), &web_push).await.ok();
    assert_eq!(found().await, None);
}

/// Whoever signs in sees a change at once.
#[tokio::test]
async fn sign_ins_see_what_is_configured() {
    let world = World::start().await;
    let admin = world.admin().await;
    app(&admin, "bank-app").await;
    let client = nod::protocol::id::ClientId::parse("bank-app").unwrap();
    let sign_on = async || {
        let directory = Arc::clone(&world.parts().directory);
        world.among_servers(async move { directory.sign_on().await }).await.unwrap()
    };
    assert!(sign_on().await.native_application_of(&client).is_none());
    let at = location(&admin.post(NATIVE, &bank()).await);
    let of = sign_on().await.native_application_of(&client).cloned().unwrap();
    assert_eq!(of.id.as_str(), "bank");
    assert!(of.is_called("com.example.bank") && sign_on().await.native_application_of(&of.client).is_some());
    let body = json!({ "id": "trusted", "applications": [{ "application": "bank", "auto_enrollment": true }] });
    location(&admin.post(MFA, &body).await);
    let id = nod::protocol::id::MfaPolicyId::parse("trusted").unwrap();
    let policy = sign_on().await.mfa_policy(&id).cloned().unwrap();
    assert!(policy.enrols(&of.id) && !policy.authorizes(&of.id));
    admin.patch(&at, &json!({ "package_name": "com.example.other" })).await.ok();
    assert!(!sign_on().await.native_application_of(&of.client).unwrap().is_called("com.example.bank"));
}
