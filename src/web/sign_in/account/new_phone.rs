//! A phone is added: what somebody types in its app, once.
//!
//! Fields: `key`, which one, and `code`, the key itself, to be shown again. Actions: `came`, `cancel`.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, Problem as At, Problems, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// In groups, as people read it.
    pub code: String,
    /// The same for the app of this phone.
    pub link: String,
    /// Somebody looked, and no phone had come.
    pub not_yet: bool,
}

#[derive(Template)]
#[template(path = "sign_in/account/new_phone.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::PhoneAdd
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = view.not_yet.then(|| At::of_all(Message::PhoneAddNotYet));
    respond(&Page { view, around, problems: Problems::of(around, told) }, None)
}
