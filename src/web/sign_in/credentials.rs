//! Username and password on one page, so that password managers fill in both.
//!
//! Fields: `username`, `password`. Actions: `sign_in`, `forgot`, `cancel`, and those of [`Way`].

use std::time::Duration;

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Client, Form, Problem as At, Problems, Reason, Way, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Option<Client>,
    /// A `login_hint`, who is signed in, or what was typed.
    pub username: String,
    /// Why somebody has to sign in again.
    pub reason: Option<Reason>,
    /// A forgotten password can be got over.
    pub forgot: bool,
    pub ways: Vec<Way>,
    /// There is an app to go back to.
    pub may_cancel: bool,
    pub problem: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    UsernameMissing,
    PasswordMissing,
    BothMissing,
    /// Whichever of the two it is.
    WrongCredentials,
    SlowDown(Duration),
    PageExpired,
}

impl Problem {
    fn told(self) -> Vec<At<'static>> {
        let (username, password) =
            (At::at("username", Message::UsernameMissing), At::at("password", Message::PasswordMissing));
        match self {
            Self::UsernameMissing => vec![username],
            Self::PasswordMissing => vec![password],
            Self::BothMissing => vec![username, password],
            Self::WrongCredentials => vec![At::at("password", Message::WrongCredentials)],
            Self::PageExpired => vec![At::of_all(Message::PageExpired)],
            Self::SlowDown(wait) => vec![At::slow_down(wait)],
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/credentials.html")]
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
    let told = view.problem.map(Problem::told).unwrap_or_default();
    let wait = told.iter().find_map(|problem| problem.wait);
    respond(&Page { view, around, problems: Problems::of(around, told) }, wait)
}
