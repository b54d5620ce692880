//! What we call: no type describes it, since no handler answers it.

use serde_json::{Value, json};

use super::{operations, put};
use crate::http::discovery::path;

pub(super) fn add(document: &mut Value) {
    for (path, method, operation) in operations(document) {
        if path == path::BACKCHANNEL_AUTHENTICATION && method == "post" {
            put(operation, "callbacks", json!({ "requestDecided": { ENDPOINT: { "post": ping() } } }));
        }
    }
}

/// Where a client is called is registered, and no part of the call that it follows.
const ENDPOINT: &str = "https://client.example/backchannel_client_notification_endpoint";

/// By which a client knows us: `clientNotificationToken`.
pub(super) fn scheme() -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "description": "The `client_notification_token` of the request, which the client compares [CIBA §10.2].",
    })
}

fn ping() -> Value {
    json!({
        "security": [{"clientNotificationToken": []}],
        "summary": "A request was decided",
        "description": "Sent to the `backchannel_client_notification_endpoint` of a client in ping mode, with the header \
                        `Authorization: Bearer <client_notification_token>`, when a person has approved or denied [CIBA \
                        §10.2]. The client compares the token, and fetches the answer at the token endpoint.",
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": {
                    "type": "object",
                    "required": ["auth_req_id"],
                    "properties": {"auth_req_id": {
                        "type": "string",
                        "description": "As in the acknowledgement of the request.",
                    }},
                },
                "example": {"auth_req_id": "wJ5cQk0m8b4nXz7Rr1tVd3YgHs2pLe6uAaKfMiOoTqE"},
            }},
        },
        "responses": {
            "204": {"description": "It was heard. So says every 2xx; a body is not read."},
            "4XX": {"description": "It is not wanted: it is not sent again. A redirect is not followed, and ends it as well."},
            "5XX": {"description": "Not now: it is sent again, as after no answer, up to eight times in about two minutes."},
        },
    })
}
