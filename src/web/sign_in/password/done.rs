//! The new password is the password.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::respond;
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    /// Other sessions have ended.
    pub everywhere: bool,
    /// Where it goes on. `None`: nowhere.
    pub next: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in/password/done.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::PasswordSaved
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
