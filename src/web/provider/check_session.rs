//! `check_session_iframe` [OIDC Session §3.3]: the one page of ours that others show in a frame.

use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};

use super::Provider;
use crate::web::assets;

/// Nothing is on it that somebody could be made to click, and it answers a page with what it could ask us as well.
const POLICY: &str = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; \
     require-trusted-types-for 'script'; frame-ancestors https:";

impl Provider {
    pub(super) fn check_session(&self, request: &Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return StatusCode::METHOD_NOT_ALLOWED.into();
        }
        let script = format!("{}{}", self.site.base, assets::path("check_session.js"));
        let cookie = self.cookies.browser_state();
        let markup = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Session</title>\
             <script src=\"{script}\" data-cookie=\"{cookie}\"></script></html>"
        );
        // Relying parties of this machine are those of a server on this machine.
        let local = if self.issuer.starts_with("https://") { "" } else { " http://localhost:* http://127.0.0.1:*" };
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, format!("{POLICY}{local}"))
            .body(markup);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let embedded = HeaderName::from_static("cross-origin-resource-policy");
        headers.insert(embedded, HeaderValue::from_static("cross-origin"));
        response
    }
}
