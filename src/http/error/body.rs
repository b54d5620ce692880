//! How a refusal is written down.

use poem::Response;
use poem::http::{StatusCode, header};
use serde::Serialize;

use super::answer::Answer;
use crate::http::headers::fence;

/// [RFC 6749 §5.2]
#[derive(Serialize)]
pub(super) struct OAuthBody<'a> {
    pub(super) error: &'static str,
    pub(super) error_description: &'a str,
}

const NOTHING_AT_ALL: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// For what no page of ours was reached for: the words are constant, and no style is worth a second request.
pub(super) fn page(status: StatusCode, description: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{description}</title><h1>{description}</h1></html>"
    );
    let mut page = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, NOTHING_AT_ALL)
        .body(text);
    fence(page.headers_mut());
    page
}

pub(super) fn oauth(answer: &Answer) -> Response {
    let body = OAuthBody { error: answer.code, error_description: &answer.description };
    json(answer.status, "application/json", &body)
}

/// [RFC 9457]
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) code: &'static str,
}

pub(super) fn problem(answer: &Answer) -> Response {
    let body =
        Problem { kind: "about:blank", title: &answer.description, status: answer.status.as_u16(), code: answer.code };
    json(answer.status, "application/problem+json", &body)
}

pub(in crate::http) fn json<T: Serialize>(status: StatusCode, content_type: &'static str, body: &T) -> Response {
    // Strings and a number: serde has nothing to refuse.
    let body = serde_json::to_vec(body).unwrap_or_default();
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CACHE_CONTROL, "no-store")
        .body(body)
}
