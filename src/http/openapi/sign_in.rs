//! The authorization endpoint, the end-session endpoint and the authentication-flow API. They stand before any API and
//! word their refusals themselves, as browsers and authentication applications expect them, so no type describes
//! them. States, actions, members and codes are those of [`flow_api`](crate::protocol::flow_api).

use nod_device::payload::MAX_PAYLOAD_BYTES;
use serde_json::{Map, Value, json};

use self::actions::any_action;
pub(super) use self::actions::{Typed, typed_actions, typed_bodies};
pub(super) use self::push::{device, number_matching};
pub(super) use self::states::enumeration;
use self::states::{errors, states};
use super::{add_tag, components, object, put};
use crate::http::cookies::Cookies;
use crate::http::discovery::path;
use crate::http::flow;
use crate::protocol::authorization_request::{Prompt, ResponseMode, ResponseType};
use crate::protocol::pkce::CodeChallenge;

mod actions;
mod push;
mod sign_out;
mod states;

const TAG: &str = "Flow";

/// What a form is sent as.
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn add(document: &mut Value) {
    if let Some(paths) = object(document, "paths") {
        paths.insert(path::AUTHORIZATION.to_owned(), json!({"get": authorize(), "post": authorize_by_form()}));
        paths.insert(path::END_SESSION.to_owned(), sign_out::operations());
        paths.insert(flow_path(), json!({"get": get_flow(), "post": act_on_flow()}));
    }
    if let Some(schemas) = components(document, "schemas") {
        schemas.extend(states());
        schemas.extend(errors());
        schemas.insert("FlowAction".to_owned(), any_action());
        schemas.insert("AuthorizationRequest".to_owned(), request());
        schemas.insert("EndSessionRequest".to_owned(), sign_out::request());
    }
    add_tag(document, TAG, "Sign a person in, step by step.");
}

fn flow_path() -> String {
    format!("{}{{flowId}}", flow::PREFIX)
}

/// The cookie that ties a flow to whoever began it.
pub(super) fn scheme() -> Value {
    let name = Cookies::new("https://").flow();
    let local = Cookies::new("http://").flow();
    let description = format!(
        "The cookie that the authorization endpoint sets: a flow is one browser's, or one application's. `{local}` \
         where the issuer is an http one."
    );
    json!({"type": "apiKey", "in": "cookie", "name": name, "description": description})
}

pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn words<W: Copy>(all: &[W], text: fn(W) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(text).collect()
}

const ABOUT: &str = "Begins a sign-in [RFC 6749 §4.1.1, OIDC Core §3.1.2.1]: a browser is sent to our pages or \
to an authentication application of yours, or with the code to the client when nobody has to act. With `response_mode=pi.flow` the answer is the first state of a flow. \
When client and `redirect_uri` are known, a refusal goes to the client too; otherwise it is a page.";

fn authorize() -> Value {
    let mut operation = json!({
        "operationId": "authorize", "summary": "Begin a sign-in", "tags": ["OpenID Connect"],
        "parameters": in_query(asked()), "responses": begun(),
    });
    put(&mut operation, "description", json!(ABOUT));
    operation
}

/// Parameters of an address.
fn in_query(all: Vec<Asked>) -> Vec<Value> {
    all.into_iter()
        .map(|Asked { name, required, mut schema, says }| {
            let example = schema.as_object_mut().and_then(|schema| schema.remove("example"));
            let mut parameter = json!({
                "name": name, "in": "query", "required": required, "description": says, "schema": schema,
            });
            if let Some(example) = example {
                put(&mut parameter, "example", example);
            }
            parameter
        })
        .collect()
}

/// The same as members of a form: which have to be there, and all of them.
fn in_form(all: Vec<Asked>) -> (Vec<&'static str>, Map<String, Value>) {
    let (mut required, mut properties) = (Vec::new(), Map::new());
    for Asked { name, required: needed, mut schema, says } in all {
        put(&mut schema, "description", json!(says));
        properties.insert(name.to_owned(), schema);
        required.extend(needed.then_some(name));
    }
    (required, properties)
}

fn authorize_by_form() -> Value {
    json!({
        "operationId": "authorizeByForm",
        "summary": "Begin a sign-in with a form",
        "description": "The same with the parameters in the body: they may be long, and are in no log.",
        "tags": ["OpenID Connect"],
        "requestBody": {"required": true, "content": {FORM: {"schema": reference("AuthorizationRequest")}}},
        "responses": begun(),
    })
}

fn begun() -> Value {
    json!({
        "200": {
            "description": "With `response_mode=pi.flow`, the first state of the flow. With `form_post`, when nobody has \
                            to act, the page that posts the answer.",
            "content": {
                "application/json": {"schema": reference("FlowState")},
                "text/html": {"schema": {"type": "string"}, "example": "<!doctype html> ..."},
            },
        },
        "303": {
            "description": "To our pages or to an authentication application, or to the client with its answer.",
            "headers": {"Location": {
                "description": "Where the browser goes.", "required": true, "schema": {"type": "string"},
                "example": "https://shop.example/callback?code=...&iss=https%3A%2F%2Fid.example",
            }},
        },
    })
}

/// A parameter of what browsers are sent with.
struct Asked {
    name: &'static str,
    required: bool,
    schema: Value,
    says: String,
}

fn asked() -> Vec<Asked> {
    let text = |example: &str| json!({"type": "string", "example": example});
    let of = |name, required, schema, says: &str| Asked { name, required, schema, says: says.to_owned() };
    let one_of = |words: Vec<&str>| json!({"type": "string", "enum": words});
    let prompts = words(Prompt::ALL, Prompt::as_str).join("`, `");
    vec![
        of("client_id", true, text("shop"), "Who asks."),
        of(
            "redirect_uri",
            true,
            text("https://shop.example/callback"),
            "Where the answer goes: one that is registered.",
        ),
        of(
            "response_type",
            true,
            one_of(words(ResponseType::ALL, ResponseType::as_str)),
            "What is asked for [RFC 6749 §3.1.1].",
        ),
        of(
            "response_mode",
            false,
            one_of(words(ResponseMode::ALL, ResponseMode::as_str)),
            "How the answer travels. `pi.flow`, for clients that are registered as `redirectless`: in the last state \
             of a flow, without a browser.",
        ),
        of("scope", true, text("openid profile"), "Space-separated; with `openid` there is an ID token."),
        of("state", false, text("af0ifjsldkj"), "Returned as it came [RFC 6749 §4.1.2]."),
        of("nonce", false, text("n-0S6_WzA2Mj"), "Returned in the ID token."),
        of(
            "code_challenge",
            false,
            text("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            "[RFC 7636 §4.3] needed unless the client is registered with `require_pkce` off.",
        ),
        of("code_challenge_method", false, one_of(vec![CodeChallenge::METHOD]), "Needed with `code_challenge`."),
        of(
            "dpop_jkt",
            false,
            text("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
            "The thumbprint of the key that the tokens will be bound to [RFC 9449 §10]: the code is for it alone.",
        ),
        Asked {
            name: "prompt",
            required: false,
            schema: text(Prompt::Login.as_str()),
            says: format!("Space-separated: `{prompts}` [OIDC Core §3.1.2.1]."),
        },
        of(
            "max_age",
            false,
            json!({"type": "integer", "format": "int32", "minimum": 0, "example": 300}),
            "In seconds: who signed in longer ago signs in again.",
        ),
        of("acr_values", false, text("urn:nod:acr:password"), "Space-separated, the best first."),
        of("login_hint", false, text("alice"), "Who will sign in, probably."),
        of("id_token_hint", false, text("eyJhbGciOiJFUzI1NiJ9..."), "Who has to be signed in: an ID token of ours."),
        of("ui_locales", false, text("fr-CA fr en"), "Languages of our pages, the best first."),
        of(
            "claims",
            false,
            text("{\"userinfo\":{\"email\":null}}"),
            "Single claims, and where they are wanted: JSON [OIDC Core §5.5].",
        ),
        of(
            "resource",
            false,
            text("https://api.example"),
            "Whom access tokens are for: one that the client is registered for, or the issuer. May be there more than \
             once [RFC 8707 §2].",
        ),
        of(
            "authorization_details",
            false,
            text("[{\"type\":\"payment\",\"amount\":\"12.00\"}]"),
            "What exactly is asked for: a JSON list of objects of types that the client is registered for [RFC 9396 §2].",
        ),
        of("request", false, text("eyJhbGciOiJFUzI1NiJ9..."), "All of them, signed by the client [RFC 9101 §5.1]."),
        of(
            "request_uri",
            false,
            text("urn:ietf:params:oauth:request_uri:bwc4JK-ESC0w8acc191e-Y1LTC2"),
            "What was pushed [RFC 9126 §4], or where a signed request is [RFC 9101 §5.2].",
        ),
    ]
}

fn request() -> Value {
    let (required, mut properties) = in_form(asked());
    // In an address it is refused.
    properties.insert(
        "mobilePayload".to_owned(),
        json!({
            "type": "string", "maxLength": MAX_PAYLOAD_BYTES, "example": "eyJ0eXAiOiJtb2JpbGUtcGF5bG9hZCtqd3QiLC...",
            "description": "By which app the person signs in, as its SDK says and signs.",
        }),
    );
    json!({
        "type": "object", "description": "The parameters of an authorization request. Others are ignored [RFC 6749 §3.1].",
        "required": required, "properties": properties,
    })
}

fn flow_id() -> Value {
    json!({
        "name": "flowId", "in": "path", "required": true, "description": "`id` of the first state.",
        "schema": {"type": "string"},
    })
}

fn seen() -> Value {
    json!({"200": {
        "description": "Where the flow is now.",
        "content": {"application/json": {"schema": reference("FlowState")}},
    }})
}

fn get_flow() -> Value {
    json!({
        "operationId": "getFlow",
        "summary": "Read where a flow is",
        "description": "Changes nothing. What can be done next is in `_links`, and nothing else can.",
        "tags": [TAG], "parameters": [flow_id(), state_header()], "responses": seen(),
    })
}

fn act_on_flow() -> Value {
    json!({
        "operationId": "actOnFlow",
        "summary": "Do an action of a flow",
        "description": "One of those in `_links` of the present state, named by `action`, or by the content type \
                        `application/vnd.pingidentity.<action>+json`. The answer is where the flow is then; refused, \
                        it is where it was.",
        "tags": [TAG],
        "parameters": [
            flow_id(),
            {
                "name": "action", "in": "query", "required": true, "description": "What to do.",
                "schema": reference("FlowActionName"),
            },
            {
                "name": "X-XSRF-Header", "in": "header", "required": true, "example": "nod",
                "description": "Any value. A page of another site can have a browser send its cookies, but not this.",
                "schema": {"type": "string", "minLength": 1},
            },
            state_header(),
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema": reference("FlowAction")}}},
        "responses": seen(),
    })
}

fn state_header() -> Value {
    json!({
        "name": "X-PF-Authn-API-State", "in": "header", "required": false,
        "description": "`_pf_authn_api_state` of the last answer, in place of cookies.",
        "schema": {"type": "string"},
    })
}
