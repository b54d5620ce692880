//! Every `response_type` with every `response_mode` that the metadata name: whether it is answered, and how.

use std::collections::BTreeMap;

use nod::domain::client::GrantType;
use nod::protocol::authorization_request::ResponseType;
use serde_json::{Value, json};

use super::PASSWORD;
use crate::world::{AUTHORIZE, Browser, Callback, Client, DISCOVERY, Page, World, asked};

/// How an answer came, and what it says.
#[derive(Debug)]
struct Answered {
    way: String,
    says: BTreeMap<String, String>,
}

/// [OAuth 2.0 Multiple Response Types §5, Form Post §2, JARM §2.3] how a pair is answered, and whether with what was
/// asked for: tokens never go in the query, and who asks for that is told so where they may be.
fn rule<'a>(kind: &str, mode: &'a str, redirectless: bool) -> (&'a str, Result<(), &'static str>) {
    let in_front = kind != "code";
    match mode {
        "query" if in_front => ("fragment", Err("invalid_request")),
        "query.jwt" if in_front => ("fragment.jwt", Err("invalid_request")),
        "jwt" if in_front => ("fragment.jwt", Ok(())),
        "jwt" => ("query.jwt", Ok(())),
        "pi.flow" if !redirectless => ("pi.flow", Err("unauthorized_client")),
        "query" | "fragment" | "form_post" | "query.jwt" | "fragment.jwt" | "form_post.jwt" | "pi.flow" => {
            (mode, Ok(()))
        }
        other => panic!("no rule for {other}"),
    }
}

const NAMES: [&str; 8] = ["code", "id_token", "access_token", "error", "error_description", "state", "iss", "response"];

async fn answered(world: &World, browser: &mut Browser, client: &Client, kind: &str, mode: &str) -> Answered {
    let fields = [("response_type", kind), ("response_mode", mode)];
    let answer = browser.get(&format!("{AUTHORIZE}?{}", asked(client, &fields))).await;
    let (mut way, says) = if answer.status == 303 {
        let location = answer.header("location").unwrap();
        assert_eq!(location.matches(['?', '#']).count(), 1, "in one place: {location}");
        let way = if location.contains('#') { "fragment" } else { "query" };
        (way.to_owned(), Callback::of(location).0)
    } else if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let page = Page { path: AUTHORIZE.to_owned(), answer };
        let says = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), page.field(name)?)));
        ("form_post".to_owned(), says.collect())
    } else {
        let state = answer.json();
        let says = state["authorizeResponse"].as_object().unwrap_or_else(|| panic!("{state}")).iter();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        ("pi.flow".to_owned(), says.map(|(name, value)| (name.clone(), text(value))).collect())
    };
    let Some(jwt) = says.get("response") else { return Answered { way, says } };
    assert_eq!(says.len(), 1, "[JARM §2.3] nothing beside it: {says:?}");
    way.push_str(".jwt");
    let (_, claims) = world.verified(jwt).await;
    assert_eq!(claims["aud"], json!(client.id));
    let says = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), claims[*name].as_str()?.to_owned())));
    Answered { way, says: says.collect() }
}

#[tokio::test]
async fn every_response_type_with_every_response_mode_is_answered_by_the_rule() {
    let world = World::start().await;
    world.user("alice").with_password(PASSWORD).await;
    let everything = |id: &str| {
        world.client(id).signs_in().registered(|client| {
            client.grants.insert(GrantType::Implicit);
            client.sign_in.as_mut().unwrap().response_types = ResponseType::ALL.to_vec();
        })
    };
    let (shop, app) = (everything("shop").await, everything("app").redirectless().await);
    let metadata = world.get(DISCOVERY).await.json();
    let all = |member: &str| -> Vec<String> {
        metadata[member].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let (types, mut modes) = (all("response_types_supported"), all("response_modes_supported"));
    // Ours alone: no metadata name it.
    modes.push("pi.flow".to_owned());
    assert_eq!((types.len(), modes.len()), (6, 8));
    for (client, redirectless) in [(&shop, false), (&app, true)] {
        let mut browser = world.browser();
        browser.log_in(client, "alice", PASSWORD).await;
        for (kind, mode) in types.iter().flat_map(|kind| modes.iter().map(move |mode| (kind, mode))) {
            let Answered { way, says } = answered(&world, &mut browser, client, kind, mode).await;
            let (expected, verdict) = rule(kind, mode, redirectless);
            let what = format!("{kind} as {mode}, redirectless {redirectless}: {says:?}");
            assert_eq!(way, expected, "{what}");
            assert_eq!(says.get("error").map(String::as_str), verdict.err(), "{what}");
            assert_eq!(says.get("state").map(String::as_str), Some("a state"), "{what}");
            assert_eq!(says.get("iss").map(String::as_str), Some(world.issuer()), "[RFC 9207 §2] {what}");
            for (word, name) in [("code", "code"), ("id_token", "id_token"), ("token", "access_token")] {
                let wanted = verdict.is_ok() && kind.split(' ').any(|own| own == word);
                assert_eq!(says.contains_key(name), wanted, "{name}: {what}");
            }
        }
    }
}
