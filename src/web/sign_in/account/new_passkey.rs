//! A passkey is made. A script asks the browser for it.
//!
//! Fields: `name`; `attestation`, which the script fills in. Actions: `passkey`, `cancel`.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Form, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// For `navigator.credentials.create`, in JSON. `None`: it is too late for what there was, and the button asks for more.
    pub options: Option<String>,
    /// What the person may call it.
    pub name: String,
    /// The last try came to nothing.
    pub failed: bool,
}

#[derive(Template)]
#[template(path = "sign_in/account/new_passkey.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::PasskeyAdd
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
