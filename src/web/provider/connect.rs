//! The page where somebody types the code of a device [RFC 8628 §3.3]. What follows is a flow.

use std::net::IpAddr;

use poem::http::Method;
use poem::{Request, RequestBody, Response};

use super::trouble::Trouble;
use super::{Provider, Visit, parameters, see_other};
use crate::domain::audit::Action as Audited;
use crate::http::body::read_page_form;
use crate::http::client_authentication::client_ip;
use crate::http::discovery::path;
use crate::http::headers::queried;
use crate::protocol::authorization_request::ResponseMode;
use crate::protocol::id::BrowserKey;
use crate::protocol::parameters::Parameters;
use crate::secret::{Digest, constant_time_eq};
use crate::usecase::Error;
use crate::usecase::sign_in::Browser;
use crate::usecase::sign_in::connect::{Begun, NotFound};
use crate::web::sign_in::Form;
use crate::web::sign_in::device::enter::{Problem, View, render};

/// More than anybody types.
const LONGEST: usize = 32;

impl Provider {
    pub(super) async fn user_code(&self, request: Request) -> Response {
        if let Some(response) = self.flow_api.before(&request).await {
            return response;
        }
        let (request, mut body) = request.split();
        let visit = self.visit(&request, None);
        let browser = self.cookies.browser(request.headers());
        if queried(&request, "response_mode").as_deref() == Some(ResponseMode::Flow.as_str()) {
            return match parameters(&request, &mut body).await {
                Ok(parameters) => {
                    let mut response =
                        self.user_code_without_page(&parameters, (&browser, client_ip(&request)), &visit).await;
                    self.readable(&parameters, &request, &mut response).await;
                    response
                }
                Err(trouble) => self.troubled(&trouble, &visit).await,
            };
        }
        match *request.method() {
            Method::GET | Method::HEAD => {
                let code = queried(&request, "user_code").unwrap_or_default();
                self.enter(code, None, &browser, &visit)
            }
            Method::POST => match self.typed((&request, &mut body), &browser).await {
                Ok(form) => self.entered(form.as_ref(), &request, &browser, &visit).await,
                Err(trouble) => self.troubled(&trouble, &visit).await,
            },
            _ => self.troubled(&Trouble::Method, &visit).await,
        }
    }

    /// [flows.md A.1.7] an application runs the flow, from its first state.
    async fn user_code_without_page(
        &self,
        parameters: &Parameters,
        (browser, from): (&Browser, IpAddr),
        visit: &Visit,
    ) -> Response {
        match self.connect.begin_redirectless(parameters, browser, from).await {
            Ok(Begun { seen, key }) => {
                let mut response = self.flow_api.shown(&seen, visit.locale);
                if let Some(key) = &key {
                    self.cookies.set_key(response.headers_mut(), key);
                }
                response
            }
            Err(Error::Refused(refusal)) => {
                let reason = format!("{}: {}", refusal.code.as_str(), refusal.detail);
                self.refusals.record(Audited::SignInRefused, reason, None).await;
                let told = [("error", refusal.code.as_str()), ("error_description", &*refusal.description)];
                self.not_begun(&told.map(|(name, value)| (name, value.to_owned())), visit)
            }
            Err(Error::TooMany { retry_after }) => self.too_many(retry_after, visit).await,
            Err(error) => self.troubled(&error.into(), visit).await,
        }
    }

    async fn typed(
        &self,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
    ) -> Result<Option<Parameters>, Trouble> {
        self.admit_form(request)?;
        let form = read_page_form(request, body).await?;
        let mark = browser.key.as_ref().map(|key| self.mark_of_code(&key.digest())).unwrap_or_default();
        let given = form.get("csrf").unwrap_or_default();
        let ours = !mark.is_empty() && constant_time_eq(mark.as_bytes(), given.as_bytes());
        Ok(ours.then_some(form))
    }

    /// `None`: a form that another browser got, or this one long ago.
    async fn entered(
        &self,
        form: Option<&Parameters>,
        request: &Request,
        browser: &Browser,
        visit: &Visit,
    ) -> Response {
        let Some(form) = form else {
            return self.enter(String::new(), Some(Problem::PageExpired), browser, visit);
        };
        let code = form.get("user_code").unwrap_or_default();
        let begun = self.connect.begin(code, browser, client_ip(request), form.get("ui_locales")).await;
        match begun {
            Ok(Ok(Begun { seen, key })) => {
                let mut response = see_other(&self.address(&seen.id));
                if let Some(key) = &key {
                    self.cookies.set_key(response.headers_mut(), key);
                }
                response
            }
            Ok(Err(why)) => {
                let problem = match why {
                    NotFound::Missing => Problem::Missing,
                    NotFound::Unknown => Problem::Unknown,
                    NotFound::Expired => Problem::Expired,
                    NotFound::SlowDown(wait) => Problem::SlowDown(wait),
                };
                self.enter(code.to_owned(), Some(problem), browser, visit)
            }
            Err(error) => self.troubled(&error.into(), visit).await,
        }
    }

    fn enter(&self, code: String, problem: Option<Problem>, browser: &Browser, visit: &Visit) -> Response {
        let (key, fresh) = browser.recognised(&self.connect.entropy);
        let code = if code.len() <= LONGEST { code } else { String::new() };
        let view = View {
            form: Form {
                action: format!("{}{}", self.issuer, path::USER_AUTHORIZATION),
                hidden: vec![("csrf".to_owned(), self.mark_of_code(&key))],
                expires_in: None,
            },
            code,
            problem,
        };
        let here = format!("{}{}", self.site.base, path::USER_AUTHORIZATION);
        let mut response = render(&view, &self.around(visit, Some(&here)));
        if let Some(key) = &fresh {
            self.cookies.set_key(response.headers_mut(), key);
        }
        response
    }

    /// Ties the form to the browser: nobody has it look up a code of theirs.
    fn mark_of_code(&self, key: &Digest<BrowserKey>) -> String {
        self.mark(&[b"user code|", key.as_bytes()])
    }
}
