//! The new password is the password, or the old one stays.
//!
//! Action: `continue`, where something goes on.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    /// Nothing was changed.
    pub kept: bool,
    /// Other sessions have ended.
    pub everywhere: bool,
    /// What goes on. `None`: nothing.
    pub next: Option<Form>,
}

#[derive(Template)]
#[template(path = "sign_in/password/done.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        if self.view.kept { Message::PasswordKept } else { Message::PasswordSaved }
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
