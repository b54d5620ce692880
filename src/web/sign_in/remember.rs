//! Somebody has shown a second factor, and may say that none is asked of them in this browser for some time.
//!
//! Field: `remember`, a box that is not ticked. Action: `continue`.

use std::time::Duration;

use askama::Template;
use poem::Response;

use super::around::{Around, Titled};
use super::form::{Form, respond};
use crate::words::Message;

#[derive(Clone, Debug)]
pub struct View {
    pub form: Form,
    /// For how long. `None`: there is nothing to say any more.
    pub lasts: Option<Duration>,
}

#[derive(Template)]
#[template(path = "sign_in/remember.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Remember
    }
}

impl Page<'_> {
    /// What the box says.
    fn field(&self) -> String {
        self.view.lasts.map(|lasts| self.around.say(Message::RememberField(lasts))).unwrap_or_default()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
