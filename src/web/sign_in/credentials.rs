//! Username and password on one page, so that password managers fill in both.
//!
//! Fields: `username`, `password`. Actions: `sign_in`, `continue_as` (of somebody who is signed in),
//! `other_account`, `forgot`, `cancel`, and those of [`Way`].

use std::time::Duration;

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Client, Form, Problem as At, Problems, Reason, Way, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Option<Client>,
    pub who: Who,
    /// Why somebody has to sign in again.
    pub reason: Option<Reason>,
    /// A forgotten password can be got over.
    pub forgot: bool,
    pub ways: Vec<Way>,
    /// There is an app to go back to.
    pub may_cancel: bool,
    pub problem: Option<Problem>,
}

/// Who is about to sign in.
#[derive(Clone, Debug)]
pub enum Who {
    /// Nothing is known but what was typed, or a `login_hint`.
    Anyone { username: String },
    /// Has to give the password again.
    Known { name: Foreign, username: String },
    /// Is signed in, and is only asked whether to go on.
    SignedIn { name: Foreign },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    UsernameMissing,
    PasswordMissing,
    BothMissing,
    /// Whichever of the two it is.
    WrongCredentials,
    SlowDown(Duration),
    /// The flow ended while somebody typed; the form belongs to a new one.
    SessionExpired,
    CookiesBlocked,
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
            Self::SlowDown(wait) => vec![At::slow_down(wait)],
            Self::SessionExpired => vec![At::at("password", Message::SessionExpired)],
            Self::CookiesBlocked => vec![At::of_all(Message::CookiesBlocked)],
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
