//! Somebody who is signed in shows again that it is them.
//!
//! Fields: `password`, and `code` where an authenticator app is asked for one; or `assertion`, which a script fills in. Actions: `confirm` or `passkey`, `cancel`.

use std::time::Duration;

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, Problem as At, Problems, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub user: Foreign,
    pub with: With,
    /// Beside the password, the code of an authenticator app.
    pub code: bool,
    pub problem: Option<Problem>,
}

#[derive(Clone, Debug)]
pub enum With {
    /// With the username, for password managers.
    Password(String),
    /// For `navigator.credentials.get`, in JSON.
    Passkey(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    PasswordMissing,
    PasswordWrong,
    CodeMissing,
    CodeWrong,
    /// No code is looked at for some time.
    CodeLocked,
    PasskeyFailed,
    NoScript,
    SlowDown(Duration),
}

impl Problem {
    const fn told(self) -> At<'static> {
        match self {
            Self::PasswordMissing => At::at("password", Message::PasswordMissing),
            Self::PasswordWrong => At::at("password", Message::CurrentPasswordWrong),
            Self::CodeMissing => At::at("code", Message::CodeMissing),
            Self::CodeWrong => At::at("code", Message::CodeWrong),
            Self::CodeLocked => At::of_all(Message::CodeWait),
            Self::PasskeyFailed => At::of_all(Message::PasskeyFailed),
            Self::NoScript => At::of_all(Message::PasskeyNeedsScript),
            Self::SlowDown(wait) => At::slow_down(wait),
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in/account/confirm.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Page<'_> {
    const fn script(&self) -> &'static str {
        match self.view.with {
            With::Password(_) => "reveal.js",
            With::Passkey(_) => "passkey.js",
        }
    }
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Confirm
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
