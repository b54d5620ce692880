//! The username alone: what happens next depends on whose it is.
//!
//! Field: `username`. Actions: `continue`, `cancel`, and those of [`Way`].

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Client, Form, Problem as At, Problems, Reason, Way, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Option<Client>,
    /// A `login_hint`, or what was typed.
    pub username: String,
    pub reason: Option<Reason>,
    pub ways: Vec<Way>,
    /// There is an app to go back to.
    pub may_cancel: bool,
    pub problem: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Missing,
    PageExpired,
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::PageExpired => At::of_all(Message::PageExpired),
            Self::Missing => At::at("username", Message::UsernameMissing),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/identifier.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::SignIn
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = view.problem.map(Problem::told);
    respond(&Page { view, around, problems: Problems::of(around, told) }, None)
}
