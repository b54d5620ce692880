//! In which way somebody shows that it is them.
//!
//! Field: `method`, the `id` of one. Actions: `continue`, `cancel`.

use askama::Template;
use askama::filters::Safe;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Form, Problem as At, Problems, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub methods: Vec<Method>,
    /// It is about an app that becomes a device of theirs.
    pub about_new: bool,
    /// There is an app to go back to.
    pub may_cancel: bool,
    pub problem: Option<Problem>,
}

#[derive(Clone, Debug)]
pub struct Method {
    /// As the form sends it.
    pub id: String,
    pub kind: Kind,
    pub chosen: bool,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// By its name.
    Phone(Foreign),
    Passkey,
    /// By its name.
    NamedPasskey(Foreign),
    Password,
    /// An app that shows codes.
    App,
    /// The last digits of the number.
    Sms(String),
    /// The same, for a call.
    Voice(String),
    /// With most of it hidden.
    Mail(String),
    Recovery,
}

impl Method {
    fn text(&self, around: &Around<'_>) -> Safe<String> {
        // A number is heard digit by digit.
        around.html(match &self.kind {
            Kind::Phone(device) => Message::MethodPhone(device.as_str()),
            Kind::Passkey => Message::MethodPasskey,
            Kind::NamedPasskey(name) => Message::MethodPasskeyNamed(name.as_str()),
            Kind::Password => Message::Password,
            Kind::App => Message::MethodApp,
            Kind::Sms(ending) => return around.html(Message::MethodSms(&digit_by_digit(ending))),
            Kind::Voice(ending) => return around.html(Message::MethodVoice(&digit_by_digit(ending))),
            Kind::Mail(address) => Message::MethodMail(address),
            Kind::Recovery => Message::MethodRecovery,
        })
    }
}

/// As it is to be read: "4 2", not "forty-two".
pub(super) fn digit_by_digit(ending: &str) -> String {
    let digits: Vec<String> = ending.chars().map(String::from).collect();
    digits.join(" ")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Missing,
    /// It was there when the page was made, and is not any more.
    Gone,
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::Missing => At::at("method-1", Message::MethodMissing),
            Self::Gone => At::at("method-1", Message::MethodGone),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/method.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Method
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let problems = Problems::of(around, view.problem.map(Problem::told));
    respond(&Page { view, around, problems }, None)
}
