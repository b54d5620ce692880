//! The phones of somebody, where they get codes, and their authenticator apps: to be named, removed, added.
//!
//! Each has a form of its own. Fields: `device`, which one; `name`. Actions: `rename`, `primary`, `remove`; `add`; `forget`.

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
    /// The one that is asked first is the first.
    pub phones: Vec<Phone>,
    pub others: Vec<Other>,
    /// In so many browsers they are not asked for any of it.
    pub browsers: u64,
    pub problem: Option<Problem>,
    /// Where the passkeys are.
    pub passkeys: String,
    /// Where the applications are.
    pub applications: String,
}

#[derive(Clone, Debug)]
pub struct Phone {
    pub id: String,
    pub name: Foreign,
    /// What it is, and what it runs on.
    pub about: Foreign,
    /// As RFC 3339 has it.
    pub added_at: String,
    pub primary: bool,
    /// By an administrator.
    pub blocked: bool,
    /// Somebody carries notifications to it.
    pub pushed: bool,
}

/// What shows codes, or where they are sent.
#[derive(Clone, Debug)]
pub struct Other {
    pub id: String,
    pub source: Source,
    pub name: Option<Foreign>,
    /// As RFC 3339 has it.
    pub added_at: String,
    /// `None`: nobody knows, or never.
    pub last_used_at: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Source {
    /// The address, most of it hidden.
    Mail(String),
    /// The last digits of the number.
    Sms(String),
    Voice(String),
    App,
}

impl Source {
    fn told(&self) -> Message<'_> {
        match self {
            Self::Mail(address) => Message::MethodMail(address),
            Self::Sms(ending) => Message::MethodSms(ending),
            Self::Voice(ending) => Message::MethodVoice(ending),
            Self::App => Message::OwnDeviceApp,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    BadName,
    /// The person has as many codes for phones as one may have.
    TooMany,
    /// The code for a phone is good no more.
    Over,
    /// It was removed meanwhile.
    Gone,
}

impl Problem {
    const fn told(self) -> At<'static> {
        At::of_all(match self {
            Self::BadName => Message::PasskeyBadName,
            Self::TooMany => Message::PhoneAddTooMany,
            Self::Over => Message::PhoneAddOver,
            Self::Gone => Message::OwnDeviceGone,
        })
    }
}

#[derive(Template)]
#[template(path = "sign_in/account/devices.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::OwnDevices
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

impl Page<'_> {
    const fn browsers(&self) -> Message<'static> {
        Message::RememberedIn(self.view.browsers)
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = view.problem.map(Problem::told);
    respond(&Page { view, around, problems: Problems::of(around, told) }, None)
}
