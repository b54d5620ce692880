//! The end-session endpoint [RIL §2], and our own pages there.

use poem::http::Method;
use poem::{Request, RequestBody, Response};

use super::trouble::Trouble;
use super::{Provider, Visit, parameters, see_other};
use crate::http::body::read_page_form;
use crate::http::discovery::path;
use crate::protocol::id::SessionToken;
use crate::protocol::parameters::Parameters;
use crate::secret::constant_time_eq;
use crate::usecase::sign_in::Browser;
use crate::usecase::sign_in::log_out::{Ask, Done, LoggedOut};
use crate::web::sign_in::logout::{confirm, done, stayed};
use crate::web::sign_in::{Address, Back, Form};
use crate::words::Foreign;

/// Where the form of our own page goes, below the issuer.
pub(super) const SIGN_OUT: &str = "/sign-out";

/// What is asked again when the form comes back, and by the links to the same page in other languages. Not
/// the hint: it has said all it can.
const CARRIED: [&str; 3] = ["post_logout_redirect_uri", "state", "ui_locales"];

impl Provider {
    /// `GET` and `POST`.
    pub(super) async fn end_session(&self, request: Request) -> Response {
        let (request, mut body) = request.split();
        let browser = self.cookies.browser(request.headers());
        let asked = match *request.method() {
            Method::GET | Method::POST => parameters(&request, &mut body).await,
            // Others must change nothing, or mean nothing.
            _ => Err(Trouble::Method),
        };
        let wished = asked.as_ref().ok().and_then(|asked| asked.get("ui_locales")).map(str::to_owned);
        let visit = self.visit(&request, wished.as_deref());
        let asked = match asked {
            Ok(asked) => asked,
            Err(trouble) => return self.troubled(&trouble, &visit).await,
        };
        // A form of another site comes without our cookies (`SameSite`); followed as a link, the same request
        // has them.
        if *request.method() == Method::POST && browser.session.is_none() {
            let query = encoded(asked.iter());
            return see_other(&format!("{}{}?{query}", self.issuer, path::END_SESSION));
        }
        match self.log_out.ask(&asked, &browser).await {
            Ok(LoggedOut::Done(done)) => self.signed_out(done, &visit),
            Ok(LoggedOut::Ask(ask)) => self.ask(&ask, &asked, &browser, &visit),
            Err(error) => self.troubled(&error.into(), &visit).await,
        }
    }

    /// What the form of the page came back with.
    pub(super) async fn sign_out(&self, request: Request) -> Response {
        let (request, mut body) = request.split();
        let browser = self.cookies.browser(request.headers());
        if *request.method() == Method::GET {
            return see_other(&format!("{}{}", self.issuer, path::END_SESSION));
        }
        let form = self.pressed((&request, &mut body), &browser).await;
        let wished = form.as_ref().ok().and_then(|form| form.get("ui_locales")).map(str::to_owned);
        let visit = self.visit(&request, wished.as_deref());
        match form {
            Ok(form) if form.get("action") == Some("stay") => self.stayed(&browser, &visit).await,
            Ok(form) => match self.log_out.confirmed(&form, &browser).await {
                Ok(done) => self.signed_out(done, &visit),
                Err(error) => self.troubled(&error.into(), &visit).await,
            },
            Err(trouble) => self.troubled(&trouble, &visit).await,
        }
    }

    pub(super) async fn pressed(
        &self,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
    ) -> Result<Parameters, Trouble> {
        if *request.method() != Method::POST {
            return Err(Trouble::Method);
        }
        self.admit_form(request)?;
        let form = read_page_form(request, body).await?;
        let mark = self.mark_of_session(browser);
        if !constant_time_eq(mark.as_bytes(), form.get("csrf").unwrap_or_default().as_bytes()) {
            return Err(Trouble::Foreign);
        }
        Ok(form)
    }

    /// Ties the forms of our own pages to the session that they are about.
    pub(super) fn mark_of_session(&self, browser: &Browser) -> String {
        let session = browser.session.as_ref().map(SessionToken::digest);
        self.mark(&[b"sign-out|", session.as_ref().map_or(&[][..], |session| session.as_bytes())])
    }

    fn ask(&self, ask: &Ask, asked: &Parameters, browser: &Browser, visit: &Visit) -> Response {
        let client = ask.client.as_ref().map(|client| ("client_id", client.id.as_str()));
        let carried = CARRIED.iter().filter_map(|name| Some((*name, asked.get(name)?)));
        let carried: Vec<(&str, &str)> = client.into_iter().chain(carried).collect();
        let here = format!("{}{}?{}", self.site.base, path::END_SESSION, encoded(carried.iter().copied()));
        let hidden = carried.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mark = ("csrf".to_owned(), self.mark_of_session(browser));
        let view = confirm::View {
            form: Form {
                action: format!("{}{SIGN_OUT}", self.issuer),
                hidden: std::iter::once(mark).chain(hidden).collect(),
                expires_in: None,
            },
            client: ask.client.as_ref().map(|client| Foreign::name(&client.name)),
            user: Foreign::name(&ask.username),
            apps: ask.apps.iter().map(|name| Foreign::name(name)).collect(),
        };
        confirm::render(&view, &self.around(visit, Some(&here)))
    }

    fn signed_out(&self, done: Done, visit: &Visit) -> Response {
        let Done { ended, onward, at_once, frames, untold } = done;
        let frames: Vec<Address> = frames.iter().filter_map(|frame| Address::parse(frame)).collect();
        let mut response = match onward {
            // [FCL §3] where clients hear of it in the browser, that comes first.
            Some(onward) if at_once && frames.is_empty() => see_other(&onward.uri),
            onward => {
                let back = onward.and_then(|onward| {
                    Some(Back { client: Some(Foreign::name(&onward.client.name)), to: Address::parse(&onward.uri)? })
                });
                let untold = untold.iter().map(|name| Foreign::name(name)).collect();
                let view = done::View { frames, back, leaves: at_once, untold };
                done::render(&view, &self.around(visit, None))
            }
        };
        // Not where nobody was signed in: somebody else's link must not end a sign-in that goes on here.
        if ended {
            self.cookies.forget(response.headers_mut());
        }
        response
    }

    async fn stayed(&self, browser: &Browser, visit: &Visit) -> Response {
        match self.log_out.username(browser).await {
            Ok(Some(username)) => {
                stayed::render(&stayed::View { user: Foreign::name(&username) }, &self.around(visit, None))
            }
            Ok(None) => self.signed_out(Done::nothing(None, false), visit),
            Err(error) => self.troubled(&error.into(), visit).await,
        }
    }
}

fn encoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
