//! What an app gets, before it gets it.
//!
//! Fields: `scope:{name}` for each optional one that is ticked (the needed ones are not sent), each with a name of its
//! own: a name that is there twice is refused. Actions: `allow`, `cancel`.

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Client, Form, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Client,
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

impl Asked {
    fn text(&self, around: &Around<'_>) -> String {
        around.say(match &self.plainly {
            Plainly::Openid => Message::ScopeOpenid,
            Plainly::Profile => Message::ScopeProfile,
            Plainly::Email => Message::ScopeEmail,
            Plainly::Phone => Message::ScopePhone,
            Plainly::Address => Message::ScopeAddress,
            Plainly::Offline => Message::ScopeOffline,
            Plainly::Described(text) => return text.to_string(),
        })
    }

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

    fn scopes(&self, needed: bool) -> Vec<&Asked> {
        self.view.scopes.iter().filter(|asked| asked.needed == needed).collect()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
