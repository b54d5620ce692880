//! `response_mode=form_post`: the answer of the provider as a form that sends itself, or that somebody sends.

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
    /// The redirect URI.
    pub target: Address,
    /// The parameters of the response.
    pub fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "sign_in/form_post.html")]
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
    // The app may redirect what it was sent to another origin of its own, and browsers hold that against
    // the page with the form. All that is on the page is ours and escaped, so the scheme is fence enough.
    let forms = view.target.source().map(|source| format!("{source} https:")).into_iter().collect();
    let reach = Reach { forms, referrer: Referrer::Origin, ..Reach::default() };
    responding(&Page { view, around }, None, &reach)
}
