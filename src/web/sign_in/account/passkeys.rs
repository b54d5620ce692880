//! The passkeys of somebody, to be named, removed, added.
//!
//! Each has a form of its own. Fields: `passkey`, which one; `name`. Actions: `rename`, `remove`; `add`.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, Problem as At, Problems, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    /// For each of the forms.
    pub form: Form,
    pub user: Foreign,
    pub passkeys: Vec<Passkey>,
    pub problem: Option<Problem>,
    /// Where the applications are.
    pub applications: String,
    /// Where the devices are.
    pub devices: String,
}

#[derive(Clone, Debug)]
pub struct Passkey {
    pub id: String,
    pub name: Foreign,
    /// As RFC 3339 has it.
    pub created_at: String,
    /// `None`: never.
    pub last_used_at: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    BadName,
    TooMany,
    /// What the browser brought was not a new passkey, or came too late.
    NotMade,
    /// It was removed meanwhile.
    Gone,
}

impl Problem {
    const fn told(self) -> At<'static> {
        At::of_all(match self {
            Self::BadName => Message::PasskeyBadName,
            Self::TooMany => Message::PasskeyTooMany,
            Self::NotMade => Message::PasskeyNotMade,
            Self::Gone => Message::PasskeyGone,
        })
    }
}

#[derive(Template)]
#[template(path = "sign_in/account/passkeys.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Passkeys
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = view.problem.map(Problem::told);
    respond(&Page { view, around, problems: Problems::of(around, told) }, None)
}
