//! The end-session endpoint, to which a relying party sends a browser. All that is read there are pages.

use serde_json::{Value, json};

use super::{Asked, FORM, in_form, in_query, reference};

const ABOUT: &str = "A relying party sends the browser here, so that the person is signed out [RP-Initiated Logout §2]. When \
`id_token_hint` is of whoever is signed in, the session ends, and the browser goes to `post_logout_redirect_uri`, or sees a \
page that says so. Otherwise the person is asked, and nobody is sent anywhere. Refused, nothing ends, and there is a page.";

/// Of one path, by method.
pub(super) fn operations() -> Value {
    json!({
        "get": {
            "operationId": "endSession",
            "summary": "Have a person signed out",
            "description": ABOUT,
            "tags": ["OpenID Connect"],
            "parameters": in_query(asked()),
            "responses": ended(),
        },
        "post": {
            "operationId": "endSessionByForm",
            "summary": "Have a person signed out with a form",
            "description": "The same with the parameters in the body: an ID token is in no log.",
            "tags": ["OpenID Connect"],
            "requestBody": {"required": true, "content": {FORM: {"schema": reference("EndSessionRequest")}}},
            "responses": ended(),
        },
    })
}

pub(super) fn request() -> Value {
    let (_, properties) = in_form(asked());
    json!({
        "type": "object", "description": "The parameters of a logout request. All may be left out; others are ignored.",
        "properties": properties,
    })
}

fn ended() -> Value {
    json!({
        "200": {
            "description": "The page that says that the person is signed out, or asks whether they want to be.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
        "303": {
            "description": "To `post_logout_redirect_uri`, with `state`. Of a form that came without our cookies, since it \
                            is one of another site: to the same again, with the parameters in the address.",
            "headers": {"Location": {
                "description": "Where the browser goes.", "required": true, "schema": {"type": "string"},
                "example": "https://shop.example/bye?state=af0ifjsldkj",
            }},
        },
    })
}

fn asked() -> Vec<Asked> {
    let of = |name, example: &str, says: &str| Asked {
        name,
        required: false,
        schema: json!({"type": "string", "example": example}),
        says: says.to_owned(),
    };
    vec![
        of(
            "id_token_hint",
            "eyJhbGciOiJFUzI1NiJ9...",
            "Who is signed out: an ID token that the client was given for this person. It may have expired. One that is \
             none of ours counts for nothing.",
        ),
        of("client_id", "shop", "Who asks, where no hint says it. With a hint, it has to be the client of that."),
        of(
            "post_logout_redirect_uri",
            "https://shop.example/bye",
            "Where the browser goes afterwards: exactly one that the client has registered. Without a client that is \
             known it counts for nothing.",
        ),
        of("state", "af0ifjsldkj", "Returned there as it came [RP-Initiated Logout §3]."),
        of("ui_locales", "fr-CA fr en", "Languages of our pages, the best first."),
        of("logout_hint", "alice", "Ignored: a session has one person."),
    ]
}
