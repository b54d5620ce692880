//! The new password is the password.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::Around;
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

impl Page<'_> {
    const fn heading(&self) -> Message<'static> {
        Message::PasswordSaved
    }

    #[expect(clippy::unused_self, reason = "the layout asks every page")]
    const fn is_error(&self) -> bool {
        false
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
