//! Errors of the admin API, and the pages about them.

use std::fmt::Write as _;
use std::path::Path;

use nod::http::admin::error_pages::markdown;
use nod::protocol::admin_error::AdminErrorCode;
use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, World};

const CLIENTS: &str = "/admin/v1/clients";

#[tokio::test]
async fn what_the_framework_refuses_is_a_problem_too() {
    let world = World::start().await;
    let admin = world.admin().await;
    admin.get("/admin/v1/nothing").await.admin_problem(404, "not_found");
    admin.get("/admin/v2/clients").await.admin_problem(404, "not_found");
    let answer = Answer::of(admin.request(Method::PUT, CLIENTS)).await;
    answer.admin_problem(405, "method_not_allowed");
    let mut allowed: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "POST"]);
    let answer = Answer::of(admin.request(Method::PUT, "/admin/v1/clients/shop")).await;
    let mut allowed: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "PATCH"]);
    let form = admin.request(Method::POST, CLIENTS).form(&[("client_id", "shop")]);
    Answer::of(form).await.admin_problem(415, "unsupported_media_type");
    let packed = admin.request(Method::POST, CLIENTS).header("content-encoding", "gzip").json(&json!({}));
    Answer::of(packed).await.admin_problem(415, "unsupported_media_type");
    for broken in ["", "{", "{\"client_id\":\"a\",\"client_id\":\"b\"}", "[1]", "\u{0}"] {
        let request = admin.request(Method::POST, CLIENTS).header("content-type", "application/json");
        Answer::of(request.body(broken)).await.admin_problem(400, "invalid_request");
    }
    for query in ["?limit=ten", "?limit=1&limit=2000", "?cursor=%00"] {
        let answer = admin.get(&format!("{CLIENTS}{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
    // The last one: the server closes the connection.
    let large = json!({ "client_name": "a".repeat(300_000) });
    admin.post(CLIENTS, &large).await.admin_problem(413, "body_too_large");
}

#[tokio::test]
async fn nothing_that_was_sent_is_echoed_and_one_event_is_left() {
    let world = World::start().await;
    let admin = world.admin().await;
    let canary = "canary-7c1f";
    let calls = [
        admin.request(Method::GET, &format!("/admin/v1/{canary}")),
        admin.request(Method::GET, &format!("/admin/v1/users/{canary}")),
        admin.request(Method::GET, &format!("/admin/v1/audit?type={canary}")),
        admin.request(Method::GET, &format!("{CLIENTS}?cursor={canary}&limit={canary}")),
        admin.request(Method::POST, CLIENTS).json(&json!({ format!("<{canary}>"): canary })),
        admin.request(Method::GET, &format!("{CLIENTS}?{canary}%20={canary}")),
        admin.request(Method::POST, CLIENTS).json(&json!({ "client_name": { canary: canary } })),
        admin.request(Method::POST, "/admin/v1/users").json(&json!({ "username": [canary] })),
        admin.request(Method::POST, CLIENTS).json(&json!({ "scope": format!("nod:{canary}"), "client_name": "" })),
        admin.request(Method::POST, CLIENTS).json(&json!({ "token_endpoint_auth_method": canary })),
        world.request(Method::GET, CLIENTS).bearer_auth(canary),
        world.request(Method::GET, CLIENTS).header("authorization", format!("Basic {canary}")),
    ];
    world.guard(canary);
    for call in calls {
        let watch = world.watch().await;
        let answer = Answer::of(call).await;
        assert!(answer.status >= 400 && !answer.text().contains(canary), "{}", answer.text());
        let event = watch.only_a_refusal("a refused call").await;
        assert_eq!(event.action, "admin.called");
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert!(event.reason.unwrap().starts_with(&code));
    }
}

/// The places of its errors, with their codes.
fn places(answer: &Answer) -> Vec<(String, String)> {
    let mut places: Vec<(String, String)> = answer.json()["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("no errors: {}", answer.text()))
        .iter()
        .map(|error| {
            assert!(error["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{error}");
            let place = error["pointer"].as_str().or(error["parameter"].as_str()).unwrap();
            (place.to_owned(), error["code"].as_str().unwrap().to_owned())
        })
        .collect();
    places.sort();
    places
}

fn sorted(places: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut places: Vec<_> = places.iter().map(|(place, code)| ((*place).to_owned(), (*code).to_owned())).collect();
    places.sort();
    places
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_place() {
    let world = World::start().await;
    let admin = world.admin().await;
    for broken in ["", "{", "{\"client_id\":\"a\",\"client_id\":\"b\"}"] {
        let request = admin.request(Method::POST, CLIENTS).header("content-type", "application/json");
        let answer = Answer::of(request.body(broken)).await;
        assert!(answer.json()["detail"].as_str().is_some_and(|text| text.contains("JSON")), "{}", answer.text());
    }
    let wrong = json!({ "client_id": 5, "client_name": ["a"], "grant_types": ["refresh_token", 7], "long_poll": "no",
        "colour": "red", "<b>": 1 });
    let answer = admin.post(CLIENTS, &wrong).await;
    answer.admin_problem(400, "invalid_request");
    let expected = [
        ("/client_id", "invalid"),
        ("/client_name", "invalid"),
        ("/grant_types/1", "invalid"),
        ("/long_poll", "invalid"),
        ("/colour", "unknown"),
        ("", "unknown"),
    ];
    assert_eq!(places(&answer), sorted(&expected));
    assert!(answer.json()["detail"].is_string() && !answer.text().contains("<b>"), "{}", answer.text());
    let answer = admin.post("/admin/v1/users", &json!({ "email": true })).await;
    assert_eq!(places(&answer), sorted(&[("/email", "invalid"), ("/username", "required")]));
    let user = super::location(&admin.post("/admin/v1/users", &json!({ "username": "alice", "name": null })).await);
    let answer = admin.patch(&user, &json!({ "name": 5, "nickname": "a" })).await;
    assert_eq!(places(&answer), sorted(&[("/name", "invalid"), ("/nickname", "unknown")]));
    let merge = admin.request(Method::PATCH, &user).header("content-type", "application/merge-patch+json");
    assert_eq!(Answer::of(merge.body("{\"name\":\"Alice\"}")).await.ok()["name"], "Alice");
    let answer = admin.post("/admin/v1/webhooks", &json!({ "event_types": "all", "secret": 5 })).await;
    assert_eq!(places(&answer), sorted(&[("/event_types", "invalid"), ("/secret", "invalid"), ("/url", "required")]));

    for (query, parameter, code) in [
        ("clients?limit=ten", "limit", "invalid"),
        ("clients?limit=0", "limit", "invalid"),
        ("clients?limit=201", "limit", "invalid"),
        ("clients?limi=10", "limi", "unknown"),
        ("users?user_name=alice", "user_name", "unknown"),
        ("users?user%20name=alice", "", "unknown"),
        ("users?status=asleep", "status", "invalid"),
        ("audit?type=user.sneezed", "type", "invalid"),
        ("audit?created_after=yesterday", "created_after", "invalid"),
        ("audit?device_id=usr_0000000000000000000000000z", "device_id", "invalid"),
        ("devices?user_id=alice", "user_id", "invalid"),
        ("pairing-keys?user_id=alice", "user_id", "invalid"),
        ("requests?user_id=alice", "user_id", "invalid"),
        ("users?cursor=abc", "cursor", "invalid"),
        ("events?types=user.sneezed", "types", "invalid"),
    ] {
        let answer = admin.get(&format!("/admin/v1/{query}")).await;
        let expected = if parameter == "cursor" { "invalid_cursor" } else { "invalid_request" };
        answer.admin_problem(400, expected);
        assert_eq!(places(&answer), sorted(&[(parameter, code)]), "{query}");
        assert!(answer.json()["errors"][0].get("pointer").is_none());
        assert!(answer.json()["detail"].is_string());
    }
    let many = admin.get("/admin/v1/clients?limit=x&a=1&b=2").await;
    assert_eq!(places(&many), sorted(&[("limit", "invalid"), ("a", "unknown"), ("b", "unknown")]));
    admin.act("/admin/v1/keys/rotate?emergency=yes").await.admin_problem(400, "invalid_request");
    // Whoever may not call an operation learns nothing of what it takes.
    let other = world.robot("other", "nod:keys:read").await;
    other.get("/admin/v1/clients?limi=10").await.admin_problem(403, "insufficient_scope");
}

/// Client creation as that of users: all that is wrong, at once.
#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let world = World::start().await;
    let admin = world.admin().await;
    let wrong = json!({ "client_id": "-", "client_name": "", "scope": "", "grant_types": [], "number_matching": "shout",
        "token_endpoint_auth_method": "client_secret_jwt", "access_token_format": "xml", "id_token_signed_response_alg": "none" });
    let answer = admin.post(CLIENTS, &wrong).await;
    answer.admin_problem(422, "validation_failed");
    let told: std::collections::BTreeSet<String> = places(&answer).into_iter().map(|(place, _)| place).collect();
    let sent = wrong.as_object().unwrap().keys().map(|name| format!("/{name}"));
    assert_eq!(told, sent.collect());
}

#[tokio::test]
async fn a_database_that_is_away_is_no_answer() {
    let world = World::start().await;
    let admin = world.admin().await;
    world.sql("ALTER TABLE account RENAME TO away").await;
    for answer in
        [admin.get("/admin/v1/users").await, admin.post("/admin/v1/users", &json!({ "username": "alice" })).await]
    {
        answer.admin_problem(503, "temporarily_unavailable");
        assert_eq!((answer.retry_after(), &answer.json()["retry_after_seconds"]), (1, &json!(1)));
    }
    world.sql("ALTER TABLE away RENAME TO account").await;
    assert_eq!(admin.get("/admin/v1/users").await.status, 200);
}

#[tokio::test]
async fn two_authorization_headers_are_none() {
    let world = World::start().await;
    let admin = world.admin().await;
    let request = admin.request(Method::GET, CLIENTS).header("authorization", "Bearer other");
    Answer::of(request).await.admin_problem(401, "token_invalid");
}

#[tokio::test]
async fn every_code_has_a_page_on_the_server() {
    let world = World::start().await;
    for code in AdminErrorCode::ALL {
        let page = world.get(&format!("/docs/errors/{}", code.as_str())).await;
        assert_eq!(page.status, 200, "{}", code.as_str());
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(page.text().contains(&format!(">{}</h1>", code.as_str())));
    }
    assert_eq!(world.get("/docs/errors/nothing").await.status, 404);
}

/// The pages in `docs/errors/` are made from the codes: `NOD_WRITE_DOCS=1 cargo test error_pages` writes
/// them anew.
#[test]
fn the_committed_error_pages_are_what_the_codes_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors");
    let write = std::env::var_os("NOD_WRITE_DOCS").is_some();
    let mut list = "# Error codes of the admin API\n\nMade from `src/protocol/admin_error.rs`; the server shows \
                    the same pages at `/docs/errors/`.\n\n"
        .to_owned();
    let mut pages = Vec::new();
    for code in AdminErrorCode::ALL {
        let _ = writeln!(list, "- [`{0}`]({0}.md): {1}", code.as_str(), code.title());
        pages.push((format!("{}.md", code.as_str()), markdown(*code)));
    }
    pages.push(("README.md".to_owned(), list));
    for (name, page) in &pages {
        let file = folder.join(name);
        if write {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, page).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == *page, "{} is stale: NOD_WRITE_DOCS=1 cargo test error_pages", file.display());
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(pages.iter().any(|(own, _)| *own == name), "{name} is of no code");
    }
}
