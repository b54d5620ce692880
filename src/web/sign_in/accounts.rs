//! `prompt=select_account`: as whom somebody goes on.
//!
//! Actions: `use:` and the `id` of an account, `other_account`, `cancel`.

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Client, Form, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Option<Client>,
    pub accounts: Vec<Account>,
    /// There is an app to go back to.
    pub may_cancel: bool,
}

#[derive(Clone, Debug)]
pub struct Account {
    /// As the form sends it.
    pub id: String,
    pub name: Foreign,
    pub username: Foreign,
    /// Whether it goes on without a password.
    pub signed_in: bool,
}

#[derive(Template)]
#[template(path = "sign_in/accounts.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Accounts
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
