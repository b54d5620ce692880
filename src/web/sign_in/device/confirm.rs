//! [RFC 8628 §5.4] whether the device is the one in front of them, before somebody gives it their account.
//!
//! Actions: `cancel`, `connect`.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::{Client, Form, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    pub client: Client,
    /// As the device shows it.
    pub code: String,
    /// Whose account it is about. `None`: nobody is signed in yet.
    pub user: Option<Foreign>,
}

#[derive(Template)]
#[template(path = "sign_in/device/confirm.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::DeviceConfirm(self.view.client.name.as_str())
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
