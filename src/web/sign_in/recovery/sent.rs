//! A message is on its way, if there is somebody to send it to: the page is the same for both.
//!
//! Field: `code`, where it has one. Actions: `continue` with it, `again` (nothing came, or nothing works), `cancel`.

use std::time::Duration;

use askama::Template;
use poem::Response;

use crate::domain::recovery::Means;
use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, Problem as At, Problems, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// What the message has in it.
    pub means: Means,
    pub problem: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Missing,
    Wrong,
    /// Nobody looks at this code any more.
    Expired,
    SlowDown(Duration),
    PageExpired,
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::Missing => At::at("code", Message::CodeMissing),
            Self::Wrong => At::at("code", Message::CodeWrong),
            Self::Expired => At::of_all(Message::ForgotExpired),
            Self::SlowDown(wait) => At::slow_down(wait),
            Self::PageExpired => At::of_all(Message::PageExpired),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/recovery/sent.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Page<'_> {
    const fn note(&self) -> Message<'static> {
        match self.view.means {
            Means::Both => Message::ForgotSentNote,
            Means::Code => Message::ForgotSentNoteCode,
            Means::Link => Message::ForgotSentNoteLink,
        }
    }
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::ForgotSent
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
