//! What several pages have: who asks, a form, its problems.

use std::time::Duration;

use askama::Template;
use askama::filters::Safe;
use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};

use super::address::Address;
use super::around::Around;
use crate::http::headers::retry_after;
use crate::web::page::{Reach, reaching};
use crate::words::{Foreign, Message};

/// Where a form goes. Each is sent with `post`, and its buttons are called `action`.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub action: String,
    /// Such as the token against forged forms, and which flow this is.
    pub hidden: Vec<(String, String)>,
    /// How long it is good for, to be shown.
    pub expires_in: Option<Duration>,
}

impl Form {
    pub(super) fn expires(&self, around: &Around<'_>) -> Option<Safe<String>> {
        self.expires_in.map(|span| around.html(Message::Expires(span)))
    }
}

/// The app that somebody is on the way to.
#[derive(Clone, Debug)]
pub struct Client {
    pub name: Foreign,
    /// A picture of our own origin, below the path of the issuer.
    pub logo: Option<String>,
    /// Of its website: what people know it by.
    pub host: Option<Foreign>,
    /// Whether somebody here has looked at it. Those that register themselves have no such person.
    pub verified: bool,
}

/// The way back to an app, as a link.
#[derive(Clone, Debug)]
pub struct Back {
    pub client: Option<Foreign>,
    pub to: Address,
}

impl Back {
    pub(super) fn text(&self, around: &Around<'_>) -> Safe<String> {
        let client = self.client.as_ref();
        around.html(client.map_or(Message::BackToApp, |client| Message::BackTo(client.as_str())))
    }
}

/// Why somebody who is signed in has to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `prompt=login`.
    AskedByClient,
    /// `max_age`.
    LongAgo,
    /// `acr_values`, or an action that needs more.
    Stronger,
    /// The password is about to be changed.
    PasswordChange,
}

impl Reason {
    pub(super) fn message(self, client: Option<&Client>) -> Message<'_> {
        match (self, client) {
            (Self::AskedByClient, Some(client)) => Message::AskedAgainBy(client.name.as_str()),
            (Self::AskedByClient, None) => Message::AskedAgain,
            (Self::LongAgo, _) => Message::LongAgo,
            (Self::Stronger, _) => Message::StrongerNeeded,
            (Self::PasswordChange, _) => Message::ChangePasswordFirst,
        }
    }
}

/// Another way to sign in: a button in the same form, so that what was typed goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Passkey,
    Password,
}

impl Way {
    /// The value of `action`.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Password => "password",
        }
    }

    pub(super) const fn message(self) -> Message<'static> {
        match self {
            Self::Passkey => Message::WayPasskey,
            Self::Password => Message::WayPassword,
        }
    }
}

/// What is wrong, and in which field.
pub(super) struct Problem<'a> {
    /// `None`: in none of them.
    pub field: Option<&'static str>,
    pub text: Message<'a>,
    pub wait: Option<Duration>,
}

impl<'a> Problem<'a> {
    pub(super) const fn at(field: &'static str, text: Message<'a>) -> Self {
        Self { field: Some(field), text, wait: None }
    }

    pub(super) const fn of_all(text: Message<'a>) -> Self {
        Self { field: None, text, wait: None }
    }

    pub(super) const fn slow_down(wait: Duration) -> Self {
        Self { field: None, text: Message::SlowDown(wait), wait: Some(wait) }
    }
}

/// A problem, in words.
pub(super) struct Told {
    pub field: Option<&'static str>,
    pub text: Safe<String>,
}

/// The problems of a form, for the summary and for the fields.
pub(super) struct Problems(pub Vec<Told>);

impl Problems {
    pub(super) fn of<'a>(around: &Around<'_>, problems: impl IntoIterator<Item = Problem<'a>>) -> Self {
        let told = |problem: Problem<'_>| Told { field: problem.field, text: around.html(problem.text) };
        Self(problems.into_iter().map(told).collect())
    }

    pub(super) fn is_some(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn heading(&self) -> Message<'static> {
        if self.0.len() > 1 { Message::Problems } else { Message::Problem }
    }

    pub(super) fn at(&self, field: &str) -> Option<&Told> {
        self.0.iter().find(|told| told.field == Some(field))
    }
}

/// A form with what is wrong in it is an answer like any other; only who is too fast gets another status.
pub(super) fn respond(template: &impl Template, wait: Option<Duration>) -> Response {
    responding(template, wait, &Reach::default())
}

pub(super) fn responding(template: &impl Template, wait: Option<Duration>, reach: &Reach) -> Response {
    let status = if wait.is_some() { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
    let mut response = reaching(status, template, reach);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
    }
    response
}

pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
