//! A new password in place of a forgotten one. The address may have the secret of the message in it, so
//! nobody is told where a browser comes from; what the form sends has the origin `null`.
//!
//! Fields: `username` (for password managers, not to be trusted), `new_password`. Action: `save`.

use askama::Template;
use poem::Response;

use super::Unfit;
use crate::web::page::{Reach, Referrer};
use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, Problems, responding};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// Whose password it is, for password managers. Whoever has the message knows it.
    pub username: String,
    /// How many characters a password needs.
    pub least: u32,
    pub problem: Option<Unfit>,
}

#[derive(Template)]
#[template(path = "sign_in/password/new.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::NewPasswordTitle
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let problems = Problems::of(around, view.problem.map(Unfit::told));
    let reach = Reach { referrer: Referrer::Nothing, ..Reach::default() };
    responding(&Page { view, around, problems }, None, &reach)
}
