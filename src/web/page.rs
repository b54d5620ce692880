//! A page as it goes out: its markup and the header fields that fence it in.

use askama::Template;
use poem::http::{HeaderName, StatusCode, header};
use poem::{IntoResponse as _, Request, Response};

/// Nothing inline, nothing from elsewhere, no markup made from strings by a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'";

pub(super) fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(markup) => Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            // A form that is sent from a page without any referrer has the origin `null`, which is
            // refused (guard.rs). Other origins are told nothing.
            .header(header::REFERRER_POLICY, "same-origin")
            .header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin")
            .header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")
            .body(markup),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Whether the caller is a person's browser and not a script: it gets a page, or is sent to one.
pub(super) fn wants_html(request: &Request) -> bool {
    request.header(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
}

/// After a form was sent: to a page that can be loaded again without sending it again.
pub(super) fn see_other(location: &str) -> Response {
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, location).finish()
}

pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}
