//! What became of the device.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::respond;
use crate::words::Message;

#[derive(Clone, Copy, Debug)]
pub struct View {
    /// `false`: somebody said no.
    pub connected: bool,
}

#[derive(Template)]
#[template(path = "sign_in/device/done.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        if self.view.connected { Message::DeviceConnected } else { Message::DeviceRefused }
    }
}

impl Page<'_> {
    const fn note(&self) -> Message<'static> {
        if self.view.connected { Message::DeviceConnectedNote } else { Message::DeviceRefusedNote }
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
