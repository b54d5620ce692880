//! Somebody is asked on their phone: the page says so, and waits.
//!
//! Field: `code`, in a form of its own, where the phone shows one as well. Actions: `ask`, `poll`, `again`, `passcode`, `cancel`.

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::code;
use super::form::{Form, Problem, Problems, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub state: State,
    /// On which they are asked.
    pub device: Foreign,
    /// Whether this one is theirs: it is the app on it that wants to be a device.
    pub about_new: bool,
    /// Where they say that they want to be asked on another one, if there is one.
    pub others: Option<String>,
    /// A code that the app on the phone shows will do as well.
    pub passcode: bool,
    /// They were asked too often to be asked once more.
    pub too_often: bool,
    /// What is wrong with that code.
    pub problem: Option<code::Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody is asked before they say so.
    Ask,
    Waiting(Option<Number>),
    /// Their app answers by itself, and the page goes on by itself.
    Silent,
    Answered,
    TimedOut,
    Rejected,
}

/// What somebody carries to the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    pub number: u8,
    /// Typed there, and not picked.
    pub typed: bool,
}

impl View {
    fn waits(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Elsewhere the note says that it is about a new device.
    fn tells_of_new(&self) -> bool {
        self.about_new && self.state == State::TimedOut
    }

    fn goes_on_by_itself(&self) -> bool {
        self.state == State::Silent
    }

    fn is_over(&self) -> bool {
        self.state == State::Rejected
    }

    fn note(&self) -> Message<'_> {
        match self.state {
            State::Ask => Message::PushAskNote,
            State::Silent => Message::PushSilentNote,
            State::Waiting(_) | State::Answered if self.about_new => Message::PushAskedNew(self.device.as_str()),
            State::Waiting(_) | State::Answered => Message::PushAsked(self.device.as_str()),
            State::TimedOut => Message::PushTimedOutNote(self.device.as_str()),
            State::Rejected => Message::PushRejectedNote,
        }
    }

    fn number(&self) -> Option<&Number> {
        match &self.state {
            State::Waiting(number) => number.as_ref(),
            State::Ask | State::Silent | State::Answered | State::TimedOut | State::Rejected => None,
        }
    }

    /// What the person does next.
    fn next(&self) -> &'static str {
        match self.state {
            State::Ask => "ask",
            State::Waiting(_) | State::Silent | State::Answered => "poll",
            State::TimedOut => "again",
            State::Rejected => "cancel",
        }
    }

    /// How that is called.
    fn next_text(&self) -> Message<'static> {
        match self.state {
            State::Ask => Message::PushAsk,
            State::Waiting(_) | State::Silent | State::Answered => Message::Continue,
            State::TimedOut => Message::PushAgain,
            State::Rejected => Message::BackToApp,
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/push.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        match self.view.state {
            State::Ask => Message::Confirm,
            State::Waiting(_) => Message::Push,
            State::Silent => Message::PushSilent,
            State::Answered => Message::PushAnswered,
            State::TimedOut => Message::PushTimedOut,
            State::Rejected => Message::PushRejected,
        }
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let too_often = view.too_often.then(|| Problem::of_all(Message::PushTooOften));
    let problem = view.problem.map(code::Problem::told).or(too_often);
    respond(&Page { view, around, problems: Problems::of(around, problem) }, None)
}
