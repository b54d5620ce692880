//! Somebody was asked whether to sign out, and did not want to.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::form::respond;
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub user: Foreign,
}

#[derive(Template)]
#[template(path = "sign_in/logout/stayed.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::SignedInAs(self.view.user.as_str())
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    respond(&Page { view, around }, None)
}
