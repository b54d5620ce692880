//! Somebody who has no second factor makes one on the way: an authenticator app by its key, or a phone by one that its
//! app brings.
//!
//! Field: `code`, as it was typed or pasted, spaces and all. Actions: `start`, the name of a way, `continue`, `poll`,
//! `other`, `cancel`.

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::code::Problem;
use super::form::{Form, Problems, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub state: State,
    pub problem: Option<Problem>,
}

/// How far they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// They have not begun.
    Required,
    /// They say which of these it is to be.
    Choosing(Vec<Way>),
    /// An app is to have the key.
    App(NewApp),
    /// The same, of an app on a phone that becomes a device by it.
    Phone(NewApp),
}

/// What it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Phone,
    Passkey,
    App,
}

impl Way {
    /// What its button says that was pressed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Passkey => "passkey",
            Self::App => "totp",
        }
    }

    const fn text(self) -> Message<'static> {
        match self {
            Self::Phone => Message::SetUpPhone,
            Self::Passkey => Message::MethodPasskey,
            Self::App => Message::SetUpTotp,
        }
    }
}

/// What an app takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApp {
    /// In groups, as people read it.
    pub key: String,
    /// The same for an app on this device.
    pub link: String,
}

#[derive(Template)]
#[template(path = "sign_in/set_up.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        match self.view.state {
            State::Required => Message::SetUp,
            State::Choosing(_) => Message::SetUpChoose,
            State::App(_) => Message::SetUpApp,
            State::Phone(_) => Message::PhoneAdd,
        }
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

impl Page<'_> {
    fn is_required(&self) -> bool {
        self.view.state == State::Required
    }

    /// Nothing: they are not asked which.
    fn ways(&self) -> &[Way] {
        match &self.view.state {
            State::Choosing(ways) => ways,
            State::Required | State::App(_) | State::Phone(_) => &[],
        }
    }

    const fn app(&self) -> Option<&NewApp> {
        match &self.view.state {
            State::App(app) => Some(app),
            State::Required | State::Choosing(_) | State::Phone(_) => None,
        }
    }

    const fn phone(&self) -> Option<&NewApp> {
        match &self.view.state {
            State::Phone(app) => Some(app),
            State::Required | State::Choosing(_) | State::App(_) => None,
        }
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = view.problem.map(Problem::told);
    let wait = told.as_ref().and_then(|problem| problem.wait);
    respond(&Page { view, around, problems: Problems::of(around, told) }, wait)
}
