//! `/dev/inbox/ping`: where the client `shop-ping` of dev mode is told that somebody has answered [CIBA §10.2].
//! It takes what any client would take, and keeps it for the inbox.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use poem::http::{HeaderValue, StatusCode, header};
use poem::web::Data;
use poem::{Request, Response, handler};
use serde_json::{Value, json};

use super::Pages;
use crate::clock::{Clock as _, Timestamp};
use crate::http::body::{RawBody, strict_json};
use crate::protocol::client_notification_token::ClientNotificationToken;
use crate::web::page::json;

/// Enough for whoever looks at them.
const KEPT: usize = 50;

#[derive(Default)]
pub(super) struct Pings(Mutex<VecDeque<Arc<Ping>>>);

pub(super) struct Ping {
    pub at: Timestamp,
    pub auth_req_id: String,
    pub client_notification_token: ClientNotificationToken,
}

impl Pings {
    /// The newest first.
    pub(super) fn kept(&self) -> Vec<Arc<Ping>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Arc::clone).collect()
    }

    fn keep(&self, ping: Ping) {
        let mut pings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pings.push_front(Arc::new(ping));
        pings.truncate(KEPT);
    }
}

impl Ping {
    pub(super) fn told(&self) -> Value {
        json!({
            "at": self.at.to_string(), "auth_req_id": self.auth_req_id,
            "client_notification_token": self.client_notification_token.expose().expose(),
        })
    }
}

#[handler]
pub(super) fn receive(Data(pages): Data<&Arc<Pages>>, request: &Request, RawBody(body): RawBody) -> Response {
    // [CIBA §10.2] a real client compares it with the one that it sent.
    let Some(client_notification_token) = bearer(request) else {
        let text = "A ping has the client_notification_token of its request as bearer token.";
        let mut answer =
            json(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_token", "error_description": text }));
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return answer;
    };
    let Some(auth_req_id) = auth_req_id(request, &body) else {
        let text = "A ping is JSON with an auth_req_id.";
        return json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request", "error_description": text }));
    };
    pages.pings.keep(Ping { at: pages.clock.now(), auth_req_id, client_notification_token });
    pages.wire.touch();
    Response::builder().status(StatusCode::NO_CONTENT).finish()
}

fn bearer(request: &Request) -> Option<ClientNotificationToken> {
    ClientNotificationToken::parse(request.header(header::AUTHORIZATION)?.strip_prefix("Bearer ")?)
}

fn auth_req_id(request: &Request, body: &[u8]) -> Option<String> {
    request.header(header::CONTENT_TYPE).filter(|kind| kind.starts_with("application/json"))?;
    let told: Value = strict_json(body).ok()?;
    told.get("auth_req_id")?.as_str().filter(|id| !id.is_empty()).map(str::to_owned)
}
