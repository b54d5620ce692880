//! The committed description of the API is the one that the code gives, and it is a good one.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::Value;

use crate::world::{AUTHORIZE, Answer, LOGOUT, World};

/// File, and what `nod openapi` must be told for it.
const DOCUMENTS: [(&str, &[&str]); 6] = [
    ("nod.json", &[]),
    ("nod-3.1.json", &["--oas", "3.1"]),
    ("protocol.json", &["--part", "protocol"]),
    ("flow.json", &["--part", "flow"]),
    ("device.json", &["--part", "device"]),
    ("admin.json", &["--part", "admin"]),
];

fn committed(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi").join(name)).unwrap()
}

#[test]
fn the_committed_documents_are_what_nod_openapi_prints() {
    for (name, arguments) in DOCUMENTS {
        let printed = Command::new(env!("CARGO_BIN_EXE_nod")).arg("openapi").args(arguments).output().unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let stale = printed.stdout != committed(name);
        assert!(!stale, "openapi/{name} is stale: run `just openapi`");
    }
}

#[tokio::test]
async fn the_server_gives_the_same_documents() {
    let world = World::start().await;
    for (query, name) in [
        ("", "nod.json"),
        ("?oas=3.0", "nod.json"),
        ("?oas=3.1", "nod-3.1.json"),
        ("?part=protocol", "protocol.json"),
        ("?part=flow", "flow.json"),
        ("?part=device&oas=3.0", "device.json"),
    ] {
        let answer = world.get(&format!("/openapi.json{query}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.body == committed(name), "{query}");
    }
    for query in ["?oas=2.0", "?part=x"] {
        world.get(&format!("/openapi.json{query}")).await.refused(404, "not_found");
    }
}

fn documents() -> impl Iterator<Item = (&'static str, Value)> {
    DOCUMENTS.into_iter().map(|(name, _)| (name, serde_json::from_slice(&committed(name)).unwrap()))
}

/// Path, method, operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

/// As `nod openapi` prints them now, whatever is committed.
#[test]
fn each_operation_is_in_one_part() {
    let printed = |part: &str| -> Value {
        let printed = Command::new(env!("CARGO_BIN_EXE_nod")).args(["openapi", "--part", part]).output().unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        serde_json::from_slice(&printed.stdout).unwrap()
    };
    let ids = |document: &Value| -> Vec<String> {
        let ids = operations(document).into_iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    };
    let flow = printed("flow");
    assert_eq!(ids(&flow), ["getFlow", "actOnFlow"]);
    assert!(flow["components"]["schemas"]["FlowState"].is_object(), "its states are there too");
    assert_eq!(flow["components"]["securitySchemes"].as_object().unwrap().len(), 1);
    let mut parts = ["protocol", "flow", "device", "admin"].map(|part| ids(&printed(part))).concat();
    let mut all = ids(&printed("all"));
    parts.sort();
    all.sort();
    assert_eq!(parts, all);
}

fn camel(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

#[test]
fn every_operation_has_what_generators_and_readers_need() {
    for (name, document) in documents() {
        let mut ids = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            let what = format!("{name}: {method} {path}");
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("no operationId: {what}"));
            assert!(camel(id) && ids.insert(id.to_owned()), "{what}: {id}");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{what}");
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!((1..=60).contains(&summary.len()), "{what}: {summary}");
            // What is said about the server itself, everybody may read; everybody may begin to sign in, and sign out.
            let read = ["getProviderMetadata", "getServerMetadata", "getKeySet"].contains(&id);
            let public = read || [AUTHORIZE, LOGOUT].contains(&path);
            // Nobody is refused there for who they are, or for how often they come.
            let open = read || path == LOGOUT;
            assert_eq!(operation["security"].as_array().map(Vec::len), Some(usize::from(!public)), "{what}");
            let responses = operation["responses"].as_object().unwrap();
            let successes: Vec<_> = responses.keys().filter(|status| status.starts_with('2')).collect();
            assert_eq!(successes.len(), 1, "{what}: {successes:?}");
            let mut errors = BTreeSet::new();
            for (status, response) in responses {
                assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{what} {status}");
                if status.starts_with('2') || status == "303" {
                    continue;
                }
                let (kind, media) = response["content"].as_object().unwrap().iter().next().unwrap();
                // A browser that is to be signed out reads nothing but pages.
                if path == LOGOUT {
                    assert_eq!(kind, "text/html", "{what}");
                    assert_eq!(media["schema"]["type"], "string", "{what}");
                    continue;
                }
                errors.insert(media["schema"]["$ref"].as_str().unwrap().to_owned());
                assert!(media["example"].is_object(), "{what} {status}");
            }
            assert_eq!(errors.len(), usize::from(path != LOGOUT), "{what}: one type of error");
            for status in ["400", "401", "403", "429", "500", "503"] {
                // Who acts in a flow is known by a cookie, and nobody is told so by a challenge.
                let can_be = match id {
                    "authorize" | "authorizeByForm" | "getFlow" | "actOnFlow" => status != "401",
                    // Whoever has the token of a client may do all that there is to do.
                    "registerClient" | "readRegistration" | "replaceRegistration" | "deleteRegistration" => {
                        status != "403"
                    }
                    _ => !open || !["401", "403", "429"].contains(&status),
                };
                assert_eq!(responses.contains_key(status), can_be, "{what}: {status}");
            }
        }
    }
}

#[test]
fn the_documents_have_none_of_the_known_traps() {
    fn look(value: &Value, at: &str) {
        match value {
            Value::Object(members) => {
                assert!(members.get("default").is_none_or(|default| !default.is_null()), "{at}: default null");
                if let Some(format) = members.get("format").and_then(Value::as_str) {
                    assert!(!format.starts_with("uint"), "{at}: {format}");
                }
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    assert!(reference.starts_with("#/components/schemas/"), "{at}: {reference}");
                }
                for (name, member) in members {
                    assert!(!name.contains("charset"), "{at}: {name}");
                    look(member, &format!("{at}/{name}"));
                }
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| look(item, &format!("{at}/{n}"))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for (name, document) in documents() {
        look(&document, name);
        let version = if name.contains("3.1") { "3.1.0" } else { "3.0.3" };
        assert_eq!(document["openapi"], version);
        for (path, method, operation) in operations(&document) {
            // A parameter of a path has the name that the path gives it.
            let named: BTreeSet<&str> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            let described: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            assert_eq!(named, described, "{name}: {method} {path}");
        }
    }
}

/// `Client` is what Python's generator calls the client itself, and `NewUser` is what Go's calls the
/// constructor of a `User`.
#[test]
fn no_schema_has_a_name_that_generators_give_to_something_else() {
    for (name, document) in documents() {
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for schema in schemas.keys() {
            assert!(
                !["Client", "AuthenticatedClient", "Response", "File"].contains(&schema.as_str()),
                "{name}: {schema}"
            );
            let constructed = schema.strip_prefix("New").is_some_and(|other| schemas.contains_key(other));
            assert!(!constructed, "{name}: {schema}");
        }
    }
}

/// A reference beside a description, and nothing else, is that reference.
#[test]
fn no_schema_is_a_union_of_a_type_and_its_description() {
    fn look(value: &Value) {
        if let Some(all) = value.get("allOf").and_then(Value::as_array) {
            assert!(all.iter().all(|part| part["$ref"].is_string() || part["type"].is_string()), "{value}");
        }
        match value {
            Value::Object(members) => members.values().for_each(look),
            Value::Array(items) => items.iter().for_each(look),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    documents().for_each(|(_, document)| look(&document));
}

/// The admin API refuses members that it does not know, and says so.
#[test]
fn what_is_sent_to_the_admin_api_is_closed() {
    for (name, document) in documents() {
        for (path, method, operation) in operations(&document) {
            let reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let Some(reference) = reference.filter(|_| path.starts_with("/admin/")) else { continue };
            let schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
            assert_eq!(schema["additionalProperties"], false, "{name}: {method} {path}");
        }
    }
}

/// Each word of a closed list has its meaning, and no other word has one. Algorithms are called as everywhere, and
/// events say by their names what has happened.
#[test]
fn every_word_of_a_closed_list_is_explained() {
    const NAMED: [&str; 5] =
        ["AssertionAlgorithm", "EventType", "IdTokenAlgorithm", "ResponseEncryption", "ResponseKeyManagement"];
    for (name, document) in documents() {
        let mut explained = 0;
        for (schema, value) in document["components"]["schemas"].as_object().unwrap() {
            let Some(words) = value["enum"].as_array().filter(|words| words.len() > 1) else { continue };
            if NAMED.contains(&schema.as_str()) {
                continue;
            }
            let words: BTreeSet<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
            let meanings = value["x-enum-descriptions"].as_object().unwrap_or_else(|| panic!("{name}: {schema}"));
            assert_eq!(meanings.keys().map(String::as_str).collect::<BTreeSet<_>>(), words, "{name}: {schema}");
            for (word, means) in meanings {
                assert!(means.as_str().is_some_and(|means| means.len() > 3), "{name}: {schema} {word}");
            }
            explained += 1;
        }
        assert!(explained >= 3, "{name}: {explained}");
    }
}

/// Who is behind it, under which licence, and where there is more.
#[tokio::test]
async fn the_documents_say_whose_they_are_and_where_there_is_more() {
    let world = World::start().await;
    for (name, document) in documents() {
        for member in ["/info/license/name", "/info/contact/name", "/info/description", "/externalDocs/description"] {
            assert!(document.pointer(member).is_some_and(|text| text.as_str().is_some()), "{name}: {member}");
        }
        let more = document["externalDocs"]["url"].as_str().unwrap();
        let page = Answer::of(world.request(Method::GET, more).header("accept", "text/html")).await;
        assert_eq!(page.status, 200, "{name}: {more}");
    }
}

/// Of what is sent, and of what comes of it.
#[test]
fn every_operation_has_examples() {
    for (name, document) in documents() {
        for (path, method, operation) in operations(&document) {
            let what = format!("{name}: {method} {path}");
            let shown =
                |content: &Value| content.as_object().unwrap().values().all(|media| !media["example"].is_null());
            let body = &operation["requestBody"]["content"];
            assert!(body.is_null() || shown(body), "{what}: no example of a request");
            let responses = operation["responses"].as_object().unwrap();
            let (_, success) = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
            assert!(success["content"].is_null() || shown(&success["content"]), "{what}: no example of an answer");
        }
    }
}

/// In a merge patch, `null` says something.
#[test]
fn each_member_of_a_patch_may_be_null() {
    for (name, document) in documents() {
        for (schema, value) in document["components"]["schemas"].as_object().unwrap() {
            if !schema.ends_with("Patch") {
                continue;
            }
            for (member, of) in value["properties"].as_object().unwrap() {
                let null = Value::from("null");
                let in_3_1 = of["type"].as_array().is_some_and(|types| types.contains(&null))
                    || of["anyOf"].as_array().is_some_and(|any| any.iter().any(|one| one["type"] == null));
                assert!(of["nullable"] == true || in_3_1, "{name}: {schema}.{member}");
            }
        }
    }
}

/// Every scheme that a call needs, what is called back included.
fn needed<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    if let Some(needs) = value.get("security").and_then(Value::as_array) {
        found.extend(needs.iter().filter_map(Value::as_object).flat_map(|need| need.keys().map(String::as_str)));
    }
    match value {
        Value::Object(members) => members.values().for_each(|member| needed(member, found)),
        Value::Array(items) => items.iter().for_each(|item| needed(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_part_names_nothing_that_it_has_not() {
    for (name, document) in documents() {
        let mut named = BTreeSet::new();
        needed(&document["paths"], &mut named);
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        assert_eq!(named, schemes.keys().map(String::as_str).collect::<BTreeSet<_>>(), "{name}");
        let text = document.to_string();
        for (schema, _) in document["components"]["schemas"].as_object().unwrap() {
            assert!(text.contains(&format!("\"#/components/schemas/{schema}\"")), "{name}: nobody names {schema}");
        }
        for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let schema = part.split('"').next().unwrap();
            assert!(document["components"]["schemas"][schema].is_object(), "{name}: {schema} is missing");
        }
    }
}
