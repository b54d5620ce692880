//! `/dev/clock`: time, for those who do not want to wait for it.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use poem::http::{StatusCode, header};
use poem::web::Data;
use poem::{Request, Response, handler};
use serde_json::json;

use super::Pages;
use crate::clock::Clock as _;
use crate::http::body::{BodyError, RawBody};
use crate::web::page::{html, json, see_other, wants_html};

/// A year at a time is enough for every lifetime there is.
const MOST: u64 = 366 * 86_400;

#[derive(Template)]
#[template(path = "dev/clock.html")]
struct ClockPage {
    active: &'static str,
    ahead: Option<String>,
    now: String,
    issuer: String,
}

#[handler]
pub(super) fn show(Data(pages): Data<&Arc<Pages>>, request: &Request) -> Response {
    if wants_html(request) {
        let now = pages.clock.now().to_string();
        return html(
            StatusCode::OK,
            &ClockPage { active: "clock", ahead: ahead(pages), now, issuer: pages.issuer.clone() },
        );
    }
    json(StatusCode::OK, &told(pages))
}

/// Forward by `seconds`, as a form or as JSON.
#[handler]
pub(super) fn advance(Data(pages): Data<&Arc<Pages>>, request: &Request, RawBody(body): RawBody) -> Response {
    let Some(seconds) = seconds(request, &body).filter(|seconds| (1..=MOST).contains(seconds)) else {
        let text = "seconds is a whole number from 1 to 31622400: time goes forward only.";
        let body = json!({ "error": "invalid_request", "error_description": text });
        return json(StatusCode::BAD_REQUEST, &body);
    };
    pages.clock.advance(Duration::from_secs(seconds));
    pages.wire.touch();
    tracing::info!(seconds, now = %pages.clock.now(), "the clock was moved");
    if wants_html(request) { see_other("/dev/clock") } else { json(StatusCode::OK, &told(pages)) }
}

fn seconds(request: &Request, body: &[u8]) -> Option<u64> {
    if request.header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json")) {
        let value: serde_json::Value = crate::http::body::strict_json(body).map_err(|_: BodyError| ()).ok()?;
        return value.get("seconds")?.as_u64();
    }
    let mut form = url::form_urlencoded::parse(body);
    form.find(|(name, _)| name == "seconds")?.1.trim().parse().ok()
}

fn told(pages: &Pages) -> serde_json::Value {
    json!({ "now": pages.clock.now().to_string(), "ahead_seconds": pages.clock.ahead().as_secs() })
}

/// How far ahead it is, where it is.
pub(super) fn ahead(pages: &Pages) -> Option<String> {
    let seconds = pages.clock.ahead().as_secs();
    (seconds > 0).then(|| format!("{seconds} s ahead"))
}
