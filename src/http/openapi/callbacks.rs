//! What we call: no type describes it, since no handler answers it.

use serde_json::{Value, json};

use super::{components, operations, put};
use crate::http::discovery::path;

pub(super) fn add(document: &mut Value) {
    for (path, method, operation) in operations(document) {
        let (name, address, called) = match (path.as_str(), method.as_str()) {
            (path::BACKCHANNEL_AUTHENTICATION, "post") => ("requestDecided", ENDPOINT, ping()),
            (WEBHOOKS, "post") => ("eventHappened", WEBHOOK, event()),
            _ => continue,
        };
        put(operation, "callbacks", json!({ name: { address: { "post": called } } }));
    }
    if let Some(schemas) = components(document, "schemas")
        && let Some(mut data) = schemas.get("Event").cloned()
    {
        put(&mut data, "title", json!("WebhookEventData"));
        put(&mut data, "description", json!("An `Event`. That of a test, `webhook.ping`, has `id` and `type` alone."));
        put(&mut data, "required", json!(["id", "type"]));
        schemas.insert("WebhookEventData".to_owned(), data);
        schemas.insert("WebhookEvent".to_owned(), webhook_event());
    }
}

/// Where a client is called is registered, and no part of the call that it follows.
const ENDPOINT: &str = "https://client.example/backchannel_client_notification_endpoint";

/// Where webhooks are registered.
const WEBHOOKS: &str = "/admin/v1/webhooks";

/// The address that is registered there.
const WEBHOOK: &str = "{$request.body#/url}";

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

fn webhook_event() -> Value {
    json!({
        "type": "object",
        "description": "What a webhook is sent [Standard Webhooks]. There may be more members than these.",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {
                "type": "string",
                "description": "An `EventType`, `webhook.ping`, or one that only a newer version knows.",
            },
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "data": {"$ref": "#/components/schemas/WebhookEventData"},
        },
    })
}

fn event() -> Value {
    let header = |name: &str, says: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": says, "schema": {"type": "string"},
        })
    };
    json!({
        "security": [],
        "summary": "Something happened",
        "description": "Sent to the `url` of a webhook that wants events of this type. The receiver makes the signature \
                        anew, and compares.",
        "parameters": [
            header("webhook-id", "The `id` of the event: the same whenever it is sent again."),
            header("webhook-timestamp", "When it is sent: seconds since 1970."),
            header(
                "webhook-signature",
                "`v1,` and the HMAC-SHA-256 of id, timestamp and body with a `.` between them, by the bytes behind \
                 `whsec_`, as base64; one for each secret, with a space between them."
            ),
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/WebhookEvent"},
                "example": {
                    "type": "user.locked",
                    "timestamp": "2027-01-15T08:00:00Z",
                    "data": {
                        "id": "evt_01m8gxvb3redya6h298qnd2hyz",
                        "type": "user.locked",
                        "time": "2027-01-15T08:00:00Z",
                        "result": "done",
                        "actor": "client:root",
                        "user_id": "usr_4qp74ctnjc84ksbdywf6qwgzyb",
                    },
                },
            }},
        },
        "responses": {
            "204": {"description": "It was heard. So says every 2xx; a body is not read."},
            "410": {"description": "It is not wanted any more: the webhook is disabled."},
            "4XX": {"description": "Not heard: it is sent again, as after a redirect, ten times within about three days."},
            "5XX": {"description": "The same, and as after no answer."},
        },
    })
}
