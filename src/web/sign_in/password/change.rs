//! Another password, by somebody who knows the one that there is.
//!
//! Fields: `username` (for password managers, not to be trusted), `current_password`, `new_password`.
//! Actions: `save`, `cancel`.

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
    pub username: String,
    /// Nothing goes on until it is changed.
    pub must: bool,
    /// The one that there is has to be given too: it was not, on the way here.
    pub current: bool,
    /// How many characters a password needs.
    pub least: u32,
    pub problem: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    CurrentMissing,
    CurrentWrong,
    New(Unfit),
    SlowDown(Duration),
    PageExpired,
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::CurrentMissing => At::at("current_password", Message::CurrentPasswordMissing),
            Self::CurrentWrong => At::at("current_password", Message::CurrentPasswordWrong),
            Self::New(unfit) => unfit.told(),
            Self::SlowDown(wait) => At::slow_down(wait),
            Self::PageExpired => At::of_all(Message::PageExpired),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/password/change.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::ChangePassword
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
