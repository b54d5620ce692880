//! A code that works once: from an app, a message, or a list that somebody keeps.
//!
//! Field: `code`, as it was typed or pasted, spaces and all. Actions: `continue`, `resend`, `cancel`.

use std::time::Duration;

use askama::Template;
use askama::filters::Safe;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Form, Problem as At, Problems, respond};
use super::method::digit_by_digit;
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub source: Source,
    /// It is about an app that becomes a device of theirs.
    pub about_new: bool,
    pub resend: Resend,
    /// A new code was just sent.
    pub resent: bool,
    pub delivery: Delivery,
    /// Where they say that they want to be asked in another way, if there is one.
    pub others: Option<String>,
    /// There is an app to go back to.
    pub may_cancel: bool,
    pub problem: Option<Problem>,
}

/// Where somebody finds the code.
#[derive(Clone, Debug)]
pub enum Source {
    App,
    /// The last digits of the number.
    Sms(String),
    /// The same, and a call says it.
    Voice(String),
    /// With most of it hidden.
    Mail(String),
    Recovery,
}

/// What is known of a message. Nobody is told that it was sent before it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Sent,
    Underway,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    Never,
    Now,
    In(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Missing,
    Wrong,
    /// How many tries are left.
    WrongLeft(u64),
    Expired,
    /// No code is looked at for some time.
    Locked,
    /// The same, where nobody has another one sent.
    Wait,
    /// It was not taken by those who carry it.
    NotSent,
    /// No other one is sent.
    TooOften,
    SlowDown(Duration),
    PageExpired,
    /// Whatever it is for that somebody makes, it comes to nothing.
    NotMade,
}

impl Problem {
    pub(super) const fn told(self) -> At<'static> {
        match self {
            Self::Missing => At::at("code", Message::CodeMissing),
            Self::Wrong => At::at("code", Message::CodeWrong),
            Self::WrongLeft(tries) => At::at("code", Message::CodeWrongLeft(tries)),
            Self::Expired => At::at("code", Message::CodeExpired),
            Self::Locked => At::of_all(Message::CodeLocked),
            Self::Wait => At::of_all(Message::CodeWait),
            Self::NotSent => At::of_all(Message::CodeNotSent),
            Self::TooOften => At::of_all(Message::CodeTooOften),
            Self::SlowDown(wait) => At::slow_down(wait),
            Self::PageExpired => At::of_all(Message::PageExpired),
            Self::NotMade => At::of_all(Message::SetUpNotMade),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/code.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        if self.is_recovery() { Message::Recovery } else { Message::Code }
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

impl Page<'_> {
    const fn is_recovery(&self) -> bool {
        matches!(self.view.source, Source::Recovery)
    }

    /// Where to look for it.
    fn note(&self) -> Option<Safe<String>> {
        match self.view.delivery {
            Delivery::Sent => Some(self.sent()),
            Delivery::Underway => Some(self.around.html(Message::CodeUnderway)),
            Delivery::Failed => None,
        }
    }

    /// What the field is described by.
    fn hint(&self) -> &'static str {
        if self.view.delivery == Delivery::Failed { "" } else { "code-note" }
    }

    fn sent(&self) -> Safe<String> {
        let message = match &self.view.source {
            Source::App => Message::CodeFromApp,
            Source::Sms(ending) => return self.around.html(Message::CodeBySms(&digit_by_digit(ending))),
            Source::Voice(ending) => return self.around.html(Message::CodeByVoice(&digit_by_digit(ending))),
            Source::Mail(address) => Message::CodeByMail(address),
            Source::Recovery => Message::RecoveryNote,
        };
        self.around.html(message)
    }

    fn resend_in(&self) -> Option<Safe<String>> {
        match self.view.resend {
            Resend::In(wait) => Some(self.around.html(Message::CodeResendIn(wait))),
            Resend::Never | Resend::Now => None,
        }
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let not_sent = (view.delivery == Delivery::Failed).then_some(Problem::NotSent);
    let told = view.problem.or(not_sent).map(Problem::told);
    let wait = told.as_ref().and_then(|problem| problem.wait);
    respond(&Page { view, around, problems: Problems::of(around, told) }, wait)
}
