//! What an app gets, before it gets it.
//!
//! Fields: `scope:{name}` for each optional one that is ticked (the needed ones are not sent), each with a name of its
//! own: a name that is there twice is refused. Actions: `allow`, `cancel`.

use askama::Template;
use poem::Response;

use super::address::Address;
use super::around::{Around, Titled};
use super::form::{Client, Form, respond};
use crate::protocol::scope::Scope;
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Client,
    /// How the app says that it deals with what it gets, and on which terms.
    pub policy: Option<Address>,
    pub terms: Option<Address>,
    /// Whose account it is about.
    pub user: Foreign,
    /// Somebody allowed something before; only what is new is asked for.
    pub more: bool,
    pub scopes: Vec<Asked>,
    /// [RFC 9396] as facts.
    pub details: Vec<Details>,
}

/// A scope that is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// As the form sends it.
    pub scope: String,
    pub plainly: Plainly,
    /// It cannot be left out.
    pub needed: bool,
    pub ticked: bool,
}

/// What a scope means.
#[derive(Clone, Debug)]
pub enum Plainly {
    Openid,
    Profile,
    Email,
    Phone,
    Address,
    /// `offline_access`.
    Offline,
    /// One of an operator's own, as the operator describes it.
    Described(Foreign),
}

impl Plainly {
    pub fn of(scope: &str) -> Self {
        match scope {
            Scope::OPENID => Self::Openid,
            "profile" => Self::Profile,
            "email" => Self::Email,
            "phone" => Self::Phone,
            "address" => Self::Address,
            Scope::OFFLINE_ACCESS => Self::Offline,
            other => Self::Described(Foreign::name(other)),
        }
    }

    pub(super) fn text(&self, around: &Around<'_>) -> String {
        around.say(match self {
            Self::Openid => Message::ScopeOpenid,
            Self::Profile => Message::ScopeProfile,
            Self::Email => Message::ScopeEmail,
            Self::Phone => Message::ScopePhone,
            Self::Address => Message::ScopeAddress,
            Self::Offline => Message::ScopeOffline,
            Self::Described(text) => return text.to_string(),
        })
    }
}

impl Asked {
    const fn lasts(&self) -> bool {
        matches!(self.plainly, Plainly::Offline)
    }
}

/// One of the `authorization_details`.
#[derive(Clone, Debug)]
pub struct Details {
    pub title: Foreign,
    /// What it is called, and what it is.
    pub facts: Vec<(Foreign, Foreign)>,
}

#[derive(Template)]
#[template(path = "sign_in/consent.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Consent(self.client())
    }
}

impl Page<'_> {
    fn client(&self) -> &str {
        self.view.client.name.as_str()
    }

    fn asks(&self) -> Message<'_> {
        if self.view.more { Message::ConsentAsksMore(self.client()) } else { Message::ConsentAsks(self.client()) }
    }

    /// [RFC 9396 §2] details are of one request: they are asked for each time.
    const fn lasts(&self) -> Message<'static> {
        if self.view.details.is_empty() { Message::ConsentLasts } else { Message::ConsentLastsBut }
    }

    fn scopes(&self, needed: bool) -> Vec<&Asked> {
        self.view.scopes.iter().filter(|asked| asked.needed == needed).collect()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
