//! A passkey answers: the one page on the way to an app that needs a script.
//!
//! Field: `assertion`, which the script fills in. Actions: `passkey`, `cancel`, and those of [`Way`].

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Client, Form, Problem as At, Problems, Reason, Way, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Option<Client>,
    pub reason: Option<Reason>,
    /// For `navigator.credentials.get`, in JSON. `None`: it is too late for what there was, and the button asks for more.
    pub options: Option<String>,
    pub ways: Vec<Way>,
    /// It is about an app that becomes a device of theirs.
    pub about_new: bool,
    /// Where they say that they want to be asked on another device, if there is one.
    pub others: Option<String>,
    pub may_cancel: bool,
    pub problem: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Whatever was the matter.
    Failed,
    /// The form was sent without it: there is no script.
    NoScript,
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::Failed => At::of_all(Message::PasskeyFailed),
            Self::NoScript => At::of_all(Message::PasskeyNeedsScript),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/passkey.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Passkey
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = view.problem.map(Problem::told);
    respond(&Page { view, around, problems: Problems::of(around, told) }, None)
}
