//! Somebody who has no second factor makes one on the way: an authenticator app by its key, or a phone by one that its
//! app brings.
//!
//! Fields: `code`, as it was typed or pasted, spaces and all; `target`, an address or a number. Actions: `start`, `skip`,
//! the name of a way, `continue`, `poll`, `other`, `cancel`.

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::code::Problem;
use super::form::{Form, Problem as At, Problems, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub state: State,
    pub problem: Option<Problem>,
    /// Nothing is sent to where they said.
    pub bad_target: bool,
}

/// How far they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// They have not begun. `may_skip`: they can go on without.
    Required { may_skip: bool },
    /// They say which of these it is to be.
    Choosing(Vec<Way>),
    /// An app is to have the key.
    App(NewApp),
    /// The same, of an app on a phone that becomes a device by it.
    Phone(NewApp),
    /// They say where they get codes.
    Target(Place),
}

/// Where codes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Mail,
    Sms,
    Voice,
}

impl Place {
    const fn heading(self) -> Message<'static> {
        match self {
            Self::Mail => Message::SetUpMail,
            Self::Sms => Message::SetUpSms,
            Self::Voice => Message::SetUpVoice,
        }
    }

    const fn is_mail(self) -> bool {
        matches!(self, Self::Mail)
    }

    const fn field(self) -> Message<'static> {
        if self.is_mail() { Message::SetUpAddress } else { Message::SetUpNumber }
    }

    const fn wrong(self) -> Message<'static> {
        if self.is_mail() { Message::SetUpAddressWrong } else { Message::SetUpNumberWrong }
    }
}

/// What it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Phone,
    Passkey,
    App,
    Code(Place),
}

impl Way {
    /// What its button says that was pressed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Passkey => "passkey",
            Self::App => "totp",
            Self::Code(Place::Mail) => "email",
            Self::Code(Place::Sms) => "sms",
            Self::Code(Place::Voice) => "voice",
        }
    }

    const fn text(self) -> Message<'static> {
        match self {
            Self::Phone => Message::SetUpPhone,
            Self::Passkey => Message::MethodPasskey,
            Self::App => Message::SetUpTotp,
            Self::Code(place) => place.heading(),
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
            State::Required { .. } => Message::SetUp,
            State::Choosing(_) => Message::SetUpChoose,
            State::App(_) => Message::SetUpApp,
            State::Phone(_) => Message::PhoneAdd,
            State::Target(place) => place.heading(),
        }
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

impl Page<'_> {
    const fn is_required(&self) -> bool {
        matches!(self.view.state, State::Required { .. })
    }

    const fn may_skip(&self) -> bool {
        matches!(self.view.state, State::Required { may_skip: true })
    }

    const fn note(&self) -> Message<'static> {
        if self.may_skip() { Message::SetUpOffer } else { Message::SetUpNote }
    }

    /// Nothing: they are not asked which.
    fn ways(&self) -> &[Way] {
        if let State::Choosing(ways) = &self.view.state { ways.as_slice() } else { &[] }
    }

    const fn app(&self) -> Option<&NewApp> {
        if let State::App(app) = &self.view.state { Some(app) } else { None }
    }

    const fn phone(&self) -> Option<&NewApp> {
        if let State::Phone(app) = &self.view.state { Some(app) } else { None }
    }

    const fn place(&self) -> Option<Place> {
        if let State::Target(place) = self.view.state { Some(place) } else { None }
    }
}

/// What is wrong with where they said.
fn bad_target(view: &View) -> Option<At<'static>> {
    match view.state {
        State::Target(place) if view.bad_target => Some(At::at("target", place.wrong())),
        State::Target(_) | State::Required { .. } | State::Choosing(_) | State::App(_) | State::Phone(_) => None,
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = bad_target(view).or_else(|| view.problem.map(Problem::told));
    let wait = told.as_ref().and_then(|problem| problem.wait);
    respond(&Page { view, around, problems: Problems::of(around, told) }, wait)
}
