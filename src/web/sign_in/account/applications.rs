//! What somebody lets applications have without being asked again, to be taken back.
//!
//! Each has a form of its own. Fields: `client`, which one. Actions: `withdraw`.

use askama::Template;
use poem::Response;

use crate::web::sign_in::around::{Around, Titled};
use crate::web::sign_in::consent::Plainly;
use crate::web::sign_in::form::{Form, Problem, Problems, respond};
use crate::words::{Foreign, Message};

#[derive(Clone, Debug)]
pub struct View {
    /// For each of the forms.
    pub form: Form,
    pub user: Foreign,
    pub applications: Vec<Application>,
    /// The one that was meant has nothing any more.
    pub gone: bool,
    /// Where the passkeys are.
    pub passkeys: String,
    /// Where the devices are.
    pub devices: String,
}

#[derive(Clone, Debug)]
pub struct Application {
    pub id: String,
    pub name: Foreign,
    pub scopes: Vec<Plainly>,
    /// As RFC 3339 has it.
    pub since: String,
}

#[derive(Template)]
#[template(path = "sign_in/account/applications.html")]
struct Page<'p> {
    view: &'p View,
    around: &'p Around<'p>,
    problems: Problems,
}

impl Titled for Page<'_> {
    fn heading(&self) -> Message<'_> {
        Message::Applications
    }

    fn is_error(&self) -> bool {
        self.problems.is_some()
    }
}

pub fn render(view: &View, around: &Around<'_>) -> Response {
    let told = view.gone.then(|| Problem::of_all(Message::ApplicationGone));
    respond(&Page { view, around, problems: Problems::of(around, told) }, None)
}
