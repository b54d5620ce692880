//! The code that the device shows.
//!
//! Field: `user_code`, as it was typed. Actions: `continue`.

use std::time::Duration;

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, Problem as At, Problems, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// What was typed.
    pub code: String,
    pub problem: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Missing,
    Unknown,
    Expired,
    SlowDown(Duration),
    PageExpired,
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::Missing => At::at("user_code", Message::CodeMissing),
            Self::Unknown => At::at("user_code", Message::DeviceUnknown),
            Self::Expired => At::at("user_code", Message::DeviceExpired),
            Self::SlowDown(wait) => At::slow_down(wait),
            Self::PageExpired => At::of_all(Message::PageExpired),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/device/enter.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Device
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
