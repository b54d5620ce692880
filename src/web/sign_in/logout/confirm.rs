//! [RP-Initiated Logout §2] asked when the request does not show that it is from an app of theirs.
//!
//! Actions: `stay`, `sign_out`.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// The app that asks.
    pub client: Option<Foreign>,
    pub user: Foreign,
    /// Those that will be told.
    pub apps: Vec<Foreign>,
}

#[derive(Template)]
#[template(path = "sign_in/logout/confirm.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::SignOutQuestion
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
