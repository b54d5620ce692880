//! A page for each error code: what it means and what to do. Made from the codes themselves.

use poem::Response;
use poem::http::header;

use crate::http::admin::problem;
use crate::protocol::admin_error::AdminErrorCode;

pub const PREFIX: &str = "/docs/errors/";

/// The page as the server shows it. No script, no style, nothing from elsewhere.
pub fn page(code: &str, issuer: &str) -> Option<Response> {
    let code = AdminErrorCode::parse(code)?;
    let status = problem::status(code);
    // All of it is our own text.
    let text = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{code}</title></head><body>\n\
         <h1>{code}</h1>\n<p><strong>{title}</strong></p>\n<p>Status {status} of the admin API of {issuer}.</p>\n\
         <h2>Cause</h2>\n<p>{cause}</p>\n<h2>Fix</h2>\n<p>{fix}</p>\n<h2>Example</h2>\n<p>{example}</p>\n</body></html>\n",
        code = code.as_str(),
        title = text(code.title()),
        status = status.as_u16(),
        issuer = text(issuer),
        cause = text(code.cause()),
        fix = text(code.fix()),
        example = text(code.example()),
    );
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "public, max-age=3600")
        .body(html);
    Some(response)
}

/// The page as it is kept under `docs/errors/`.
pub fn markdown(code: AdminErrorCode) -> String {
    format!(
        "# `{code}`\n\n{title}\n\nStatus {status} of the admin API.\n\n## Cause\n\n{cause}\n\n## Fix\n\n{fix}\n\n\
         ## Example\n\n{example}\n",
        code = code.as_str(),
        title = code.title(),
        status = problem::status(code).as_u16(),
        cause = code.cause(),
        fix = code.fix(),
        example = code.example(),
    )
}
