//! A page for each error code of the admin API: `type` of every problem document leads to one.

use askama::Template;

use super::Frame;
use super::prose::{Paragraph, paragraphs};
use crate::http::admin::problem;
use crate::protocol::admin_error::AdminErrorCode;

#[derive(Template)]
#[template(path = "docs/errors.html")]
pub(super) struct ErrorsPage<'p> {
    frame: &'p Frame,
    codes: &'static [AdminErrorCode],
}

#[derive(Template)]
#[template(path = "docs/error.html")]
pub(super) struct ErrorPage<'p> {
    frame: &'p Frame,
    code: &'static str,
    title: &'static str,
    status: u16,
    cause: Vec<Paragraph>,
    fix: Vec<Paragraph>,
    example: Vec<Paragraph>,
}

pub(super) const fn list(frame: &Frame) -> ErrorsPage<'_> {
    ErrorsPage { frame, codes: AdminErrorCode::ALL }
}

pub(super) fn page<'p>(frame: &'p Frame, code: &str) -> Option<ErrorPage<'p>> {
    let code = AdminErrorCode::parse(code)?;
    Some(ErrorPage {
        frame,
        code: code.as_str(),
        title: code.title(),
        status: problem::status(code).as_u16(),
        cause: paragraphs(code.cause()),
        fix: paragraphs(code.fix()),
        example: paragraphs(code.example()),
    })
}
