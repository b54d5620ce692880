//! A new password in place of a forgotten one.
//!
//! Fields: `username` (for password managers, not to be trusted), `new_password`. Actions: `save`, `again` (where
//! the message is worth nothing any more), `cancel`.

use std::time::Duration;

use askama::Template;
use poem::Response;

use super::Unfit;
use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, Problem as At, Problems, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// Whose password it is, for password managers. Whoever has the message knows it.
    pub username: String,
    /// How many characters a password needs.
    pub least: u32,
    pub problem: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    New(Unfit),
    SlowDown(Duration),
    /// The message is old, or another password was chosen since it was sent.
    Expired,
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::New(unfit) => unfit.told(),
            Self::SlowDown(wait) => At::slow_down(wait),
            Self::Expired => At::of_all(Message::ForgotExpired),
        }
    }
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
    let told = view.problem.map(Problem::told);
    let wait = told.as_ref().and_then(|problem| problem.wait);
    respond(&Page { view, around, problems: Problems::of(around, told) }, wait)
}
