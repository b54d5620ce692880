//! `/as/authorization.oauth2`: published because clients expect it in the metadata (OIDC Discovery
//! §3). Nothing can be asked for here: no response type is supported.

use poem::http::{StatusCode, header};
use poem::{Response, handler};

/// [OIDC Core §3.1.2.6] no redirect is trusted, so the answer is a page.
#[handler]
pub(crate) fn not_yet() -> Response {
    let page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
        <meta name=\"viewport\" content=\"width=device-width\"><title>Sign-in is not offered here</title>\
        <h1>Sign-in is not offered here</h1>\
        <p>This server asks people on their own devices. The application that sent you here must use \
        its backchannel authentication endpoint.</p></html>";
    Response::builder()
        .status(StatusCode::BAD_REQUEST)
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .body(page)
}
