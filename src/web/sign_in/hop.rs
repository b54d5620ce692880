//! The way back to an app, as a page. A redirect in answer to a form is part of what the form does, and the
//! policy of our pages (`form-action 'self'`) forbids it to leave; what a page does by itself may.

use askama::Template;
use poem::Response;

use super::address::Address;
use super::around::{Around, Titled};
use super::form::responding;
use crate::web::page::{Reach, Referrer};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    pub client: Option<Foreign>,
    /// The redirect URI, with the response in it.
    pub target: Address,
}

#[derive(Template)]
#[template(path = "sign_in/hop.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        self.view.client.as_ref().map_or(Message::Leaving, |client| Message::LeavingTo(client.as_str()))
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let reach = Reach { referrer: Referrer::Nothing, ..Reach::default() };
    responding(&Page { view, around }, None, &reach)
}
