//! `/admin/v1/policies`, `/admin/v1/authentication-applications`, `/admin/v1/sign-on-settings`.

use reqwest::Method;
use serde_json::{Value, json};

use super::location;
use crate::world::{Answer, World};

const POLICIES: &str = "/admin/v1/policies";
const APPLICATIONS: &str = "/admin/v1/authentication-applications";
const SETTINGS: &str = "/admin/v1/sign-on-settings";
const CLIENTS: &str = "/admin/v1/clients";

fn steps() -> Value {
    json!([{ "id": "name", "source": "identifier" }, { "id": "password", "source": "password" }])
}

pub(super) fn pointers(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    errors
        .iter()
        .map(|error| format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_policy_is_made_read_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin().await;
    let watch = world.watch().await;
    let made = admin.post(POLICIES, &json!({ "id": "staff", "steps": steps() })).await;
    assert_eq!(location(&made), format!("{POLICIES}/staff"));
    assert_eq!(
        made.json()["steps"],
        json!([
            { "id": "name", "source": "identifier", "success": "password", "failure": "fail" },
            { "id": "password", "source": "password", "success": "done", "failure": "fail" },
        ]),
        "what was left out is said"
    );
    let at = location(&made);
    let read = admin.get(&at).await;
    assert_eq!((read.ok(), read.header("etag")), (made.json(), made.header("etag")));
    assert_eq!(admin.patch(&at, &read.json()).await.ok(), read.json(), "what was read can be sent back");
    let when = json!([
        { "clients": ["shop"] }, { "not": true, "acr": "urn:nod:acr:device" }, { "scopes": ["email"] }, { "not_within": 60 },
        { "networks": ["10.0.0.0/8", "2001:db8::1/128"] },
        { "not": true, "attribute": { "name": "email_verified", "values": ["true"] } },
    ]);
    let patch = json!({ "name": "Staff", "steps": [
        { "id": "password", "source": "password", "when": when, "failure": "again" },
        { "id": "again", "source": "password", "success": "done" },
    ]});
    let refused = admin.patch(&at, &patch).await;
    // `password` leads to `again` with success too, unless it says otherwise.
    assert_eq!(pointers(&refused), ["/steps/0/failure invalid"]);
    let mut patch = patch;
    patch["steps"][0]["success"] = json!("done");
    let changed = admin.patch(&at, &patch).await.ok();
    assert_eq!((&changed["name"], &changed["steps"][0]["when"]), (&json!("Staff"), &when));
    assert_eq!(changed["created_at"], read.json()["created_at"]);
    let listed = admin.get(POLICIES).await.ok();
    assert_eq!(listed["items"], json!([changed]));
    admin.post(POLICIES, &json!({ "id": "staff", "steps": steps() })).await.admin_problem(409, "policy_exists");
    let fresh = location(&admin.post(POLICIES, &json!({ "steps": steps() })).await);
    assert!(fresh.starts_with(&format!("{POLICIES}/pol_")), "{fresh}");
    assert_eq!(admin.delete(&fresh).await.status, 204);
    assert_eq!(admin.delete(&at).await.status, 204);
    admin.get(&at).await.admin_problem(404, "not_found");
    admin.delete(&at).await.admin_problem(404, "not_found");
    let done: Vec<_> = watch.events().await.into_iter().filter(|event| event.result == "done").collect();
    let told: Vec<_> = done.iter().map(|event| (event.action.as_str(), event.reason.as_deref())).collect();
    let staff = Some("staff");
    assert_eq!(told[..3], [("policy.created", staff), ("policy.updated", staff), ("policy.updated", staff)]);
    assert_eq!(told.last(), Some(&("policy.deleted", staff)));
}

#[tokio::test]
async fn a_policy_that_cannot_be_is_pointed_at() {
    let world = World::start().await;
    let admin = world.admin().await;
    let password = json!({ "id": "password", "source": "password" });
    for (body, expected) in [
        (json!({ "id": "a b", "steps": steps() }), vec!["/id invalid"]),
        (json!({ "id": "a".repeat(41), "name": "", "steps": steps() }), vec!["/name invalid", "/id invalid"]),
        (json!({ "steps": [] }), vec!["/steps required"]),
        (json!({ "steps": vec![&password; 21] }), vec!["/steps too_long"]),
        (json!({ "steps": steps(), "application": "nowhere" }), vec!["/application unknown"]),
        (json!({ "steps": [{ "id": "done", "source": "password" }] }), vec!["/steps/0/id invalid"]),
        (json!({ "steps": [{ "id": "a", "source": "face" }] }), vec!["/steps/0/source unknown"]),
        (json!({ "steps": [{ "id": "a", "source": "password", "success": "b" }] }), vec!["/steps/0/success unknown"]),
        (json!({ "steps": [{ "id": "a", "source": "password", "failure": "a" }] }), vec!["/steps/0/failure unknown"]),
        (json!({ "steps": [password, password] }), vec!["/steps/1/id invalid"]),
        (
            json!({ "steps": [{ "id": "a", "source": "password", "success": "done" }, password] }),
            vec!["/steps/1 invalid"],
        ),
        (json!({ "steps": [{ "id": "a", "source": "identifier" }] }), vec!["/steps not_allowed"]),
        (
            json!({ "steps": [{ "id": "a", "source": "password", "when": [{}, { "acr": "loa4" }, { "clients": [] },
                { "scopes": ["a b"] }, { "acr": "urn:nod:acr:device", "not_within": 1 }, { "networks": ["10.0.0.0/33"] },
                { "networks": [] }, { "attribute": { "name": "updated_at", "values": ["1"] } },
                { "attribute": { "name": "email", "values": [] } }] }] }),
            vec![
                "/steps/0/when/0 invalid",
                "/steps/0/when/1/acr invalid",
                "/steps/0/when/2/clients invalid",
                "/steps/0/when/3/scopes invalid",
                "/steps/0/when/4 invalid",
                "/steps/0/when/5/networks invalid",
                "/steps/0/when/6/networks invalid",
                "/steps/0/when/7/attribute/name invalid",
                "/steps/0/when/8/attribute/values invalid",
            ],
        ),
    ] {
        let watch = world.watch().await;
        let answer = admin.post(POLICIES, &body).await;
        answer.admin_problem(422, "validation_failed");
        let mut found = pointers(&answer);
        found.sort();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected, "{body}");
        watch.only_a_refusal(&body.to_string()).await;
    }
    for body in [json!({}), json!({ "steps": [{}] }), json!({ "steps": [1] }), json!({ "steps": steps(), "x": 1 })] {
        admin.post(POLICIES, &body).await.admin_problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn an_application_is_registered_read_changed_and_deleted() {
    let world = World::start().await;
    let admin = world.admin().await;
    let made = admin.post(APPLICATIONS, &json!({ "id": "login", "url": "https://login.shop.example/in" })).await;
    let at = location(&made);
    assert_eq!(at, format!("{APPLICATIONS}/login"));
    assert_eq!(made.json()["additional_allowed_origins"], json!([]));
    let read = admin.get(&at).await;
    assert_eq!((read.ok(), read.header("etag")), (made.json(), made.header("etag")));
    let patch = json!({ "name": "Login", "additional_allowed_origins": ["http://localhost:*"],
        "client_for_redirectless_mode": "app" });
    let changed = admin.patch(&at, &patch).await.ok();
    for (name, value) in patch.as_object().unwrap() {
        assert_eq!(&changed[name], value);
    }
    assert_eq!(admin.patch(&at, &changed).await.ok(), changed);
    assert_eq!(admin.get(APPLICATIONS).await.ok()["items"], json!([changed]));
    let again = json!({ "id": "login", "url": "https://login.shop.example/in" });
    admin.post(APPLICATIONS, &again).await.admin_problem(409, "application_exists");
    let old = admin.request(Method::PATCH, &at).header("if-match", read.header("etag").unwrap().to_owned());
    Answer::of(old.json(&json!({ "name": "x" }))).await.admin_problem(412, "precondition_failed");
    for (body, pointer) in [
        (json!({ "url": "http://login.shop.example" }), "/url invalid"),
        (json!({ "url": "https://login.shop.example/#x" }), "/url invalid"),
        (json!({ "url": "https://a@login.shop.example/" }), "/url invalid"),
        (json!({ "url": "https://login.shop.example/?flowId=x" }), "/url invalid"),
        (json!({ "url": "javascript:alert(1)" }), "/url invalid"),
        (json!({ "url": null }), "/url required"),
        (json!({ "additional_allowed_origins": ["*"] }), "/additional_allowed_origins/0 invalid"),
        (json!({ "additional_allowed_origins": ["null"] }), "/additional_allowed_origins/0 invalid"),
        (json!({ "additional_allowed_origins": ["https://a.example/"] }), "/additional_allowed_origins/0 invalid"),
        (
            json!({ "additional_allowed_origins": ["https://a.example", "https://a.example"] }),
            "/additional_allowed_origins/1 invalid",
        ),
        (json!({ "id": "other" }), "/id read_only"),
        (json!({ "client_for_redirectless_mode": "" }), "/client_for_redirectless_mode invalid"),
    ] {
        let answer = admin.patch(&at, &body).await;
        answer.admin_problem(422, "validation_failed");
        assert_eq!(pointers(&answer), [pointer], "{body}");
    }
    admin.post(APPLICATIONS, &json!({ "id": "x" })).await.admin_problem(400, "invalid_request");
    assert_eq!(admin.delete(&at).await.status, 204);
    admin.get(&at).await.admin_problem(404, "not_found");
}

/// What is named stays: nobody signs in by a policy that is not there, or ends up on other pages.
#[tokio::test]
async fn what_is_in_use_is_not_deleted() {
    let world = World::start().await;
    let admin = world.admin().await;
    admin.post(APPLICATIONS, &json!({ "id": "login", "url": "https://login.shop.example/" })).await;
    for id in ["staff", "guests"] {
        admin.post(POLICIES, &json!({ "id": id, "steps": steps() })).await;
    }
    let (login, staff, guests) =
        (format!("{APPLICATIONS}/login"), format!("{POLICIES}/staff"), format!("{POLICIES}/guests"));
    let client =
        json!({ "client_id": "shop", "redirect_uris": ["https://shop.example/cb"], "sign_on_policy": "staff" });
    assert_eq!(admin.post(CLIENTS, &client).await.json()["client"]["sign_on_policy"], "staff");
    admin.patch(&guests, &json!({ "application": "login" })).await.ok();
    admin.delete(&staff).await.admin_problem(409, "policy_in_use");
    admin.delete(&login).await.admin_problem(409, "application_in_use");
    admin.patch(&format!("{CLIENTS}/shop"), &json!({ "sign_on_policy": "guests" })).await.ok();
    assert_eq!(admin.delete(&staff).await.status, 204);
    admin.patch(&format!("{CLIENTS}/shop"), &json!({ "sign_on_policy": null })).await.ok();
    admin.patch(SETTINGS, &json!({ "default_policy": "guests", "default_application": "login" })).await.ok();
    admin.delete(&guests).await.admin_problem(409, "policy_in_use");
    admin.patch(SETTINGS, &json!({ "default_policy": null })).await.ok();
    assert_eq!(admin.delete(&guests).await.status, 204);
    admin.delete(&login).await.admin_problem(409, "application_in_use");
    let left = admin.patch(SETTINGS, &json!({ "default_application": null })).await.ok();
    let off =
        ["restrict_access_to_redirectless_mode", "policies_disabled", "flow_api_disabled", "include_request_context"];
    assert_eq!(left.as_object().unwrap().len(), off.len(), "{left}");
    assert!(off.iter().all(|name| left[*name] == false), "{left}");
    assert_eq!(admin.delete(&login).await.status, 204);

    // And what is not there is named by nobody.
    for body in [json!({ "default_policy": "staff" }), json!({ "default_application": "login" })] {
        admin.patch(SETTINGS, &body).await.admin_problem(422, "validation_failed");
    }
    let answer = admin.patch(&format!("{CLIENTS}/shop"), &json!({ "sign_on_policy": "staff" })).await;
    answer.admin_problem(422, "validation_failed");
    assert_eq!(pointers(&answer), ["/sign_on_policy unknown"]);
    let other =
        json!({ "client_id": "other", "redirect_uris": ["https://shop.example/cb"], "sign_on_policy": "staff" });
    admin.post(CLIENTS, &other).await.admin_problem(422, "validation_failed");
    // A client without a sign-in has no policy for it, and one with cookies cannot be without them.
    for body in [
        json!({ "client_id": "robot", "sign_on_policy": "staff" }),
        json!({ "client_id": "robot", "cookieless": true }),
        json!({ "client_id": "robot", "redirect_uris": ["https://shop.example/cb"], "cookieless": true }),
    ] {
        let answer = admin.post(CLIENTS, &body).await;
        answer.admin_problem(422, "validation_failed");
        assert!(pointers(&answer).iter().all(|one| one.ends_with(" not_allowed")), "{body}");
    }
}
