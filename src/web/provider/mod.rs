//! The authorization endpoint, and our own pages on the way from it: one client of the flow among others.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, RequestBody, Response};
use serde_json::{Map, Value, json};

use self::account::Account;
use self::trouble::{About, Trouble};
use crate::domain::audit::Action as Audited;
use crate::http::body::{BodyError, read_page_form};
use crate::http::client_authentication::client_ip;
use crate::http::cookies::Cookies;
use crate::http::discovery::path;
use crate::http::flow::{self, FlowApi, PAGES};
use crate::http::headers::{queried, retry_after};
use crate::protocol::authorization_request::ResponseMode;
use crate::protocol::authorization_response::Carrier;
use crate::protocol::error::ErrorCode;
use crate::protocol::flow_api::Status;
use crate::protocol::id::FlowId;
use crate::protocol::parameters::Parameters;
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::sign_in::advance::Advance;
use crate::usecase::sign_in::authorize::{Authorize, Authorized, Visitor, Whose};
use crate::usecase::sign_in::beside::Beside;
use crate::usecase::sign_in::connect::Connect;
use crate::usecase::sign_in::leave::{Leave, Tickets};
use crate::usecase::sign_in::log_out::LogOut;
use crate::usecase::sign_in::logos::Logos;
use crate::web::sign_in::{Address, Around, Back, Site, form_post, hop};
use crate::words::{Foreign, Locale, Message, Wishes, Words};

pub mod account;
mod applications;
mod check_session;
mod connect;
mod devices;
mod late;
mod logo;
mod own_devices;
mod pages;
mod passwords;
mod pressed;
mod sign_out;
mod trouble;

pub struct Provider {
    pub authorize: Authorize,
    pub advance: Arc<Advance>,
    pub beside: Arc<Beside>,
    pub connect: Arc<Connect>,
    pub leave: Leave,
    pub log_out: LogOut,
    pub logos: Logos,
    pub account: Account,
    pub flow_api: FlowApi,
    pub refusals: RecordRefusal,
    pub cookies: Cookies,
    pub words: Arc<Words>,
    pub site: Site,
    pub issuer: String,
    /// Our own.
    pub origin: Arc<str>,
    /// Marks our own forms.
    pub forms: ring::hmac::Key,
}

/// Answers what goes through the browser, and hands on everything else.
pub struct Browsed<E> {
    pub provider: Arc<Provider>,
    pub inner: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Browsed<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        let provider = &self.provider;
        if path == path::AUTHORIZATION {
            Ok(Box::pin(provider.authorization(request)).await)
        } else if path == path::USER_AUTHORIZATION {
            Ok(Box::pin(provider.user_code(request)).await)
        } else if path == path::END_SESSION {
            Ok(Box::pin(provider.end_session(request)).await)
        } else if path == path::CHECK_SESSION && provider.cookies.is_telling() {
            Ok(provider.check_session(&request))
        } else if path == sign_out::SIGN_OUT {
            Ok(Box::pin(provider.sign_out(request)).await)
        } else if passwords::is_entry(path) {
            Ok(Box::pin(provider.errand(&request)).await)
        } else if account::is_page(path) {
            Ok(Box::pin(provider.account(request)).await)
        } else if let Some(client) = path.strip_prefix(logo::LOGOS) {
            Ok(Box::pin(provider.logo(client, &request)).await)
        } else if let Some(id) = path.strip_prefix(PAGES) {
            let id = FlowId::presented(id);
            Ok(Box::pin(provider.page(&id, request)).await)
        } else if let Some(id) = path.strip_prefix(Tickets::PATH).and_then(|rest| rest.strip_prefix('/')) {
            let id = FlowId::presented(id);
            Ok(Box::pin(provider.resume(&id, &request)).await)
        } else if path.starts_with(flow::PREFIX) {
            Box::pin(provider.flow_api.call(request)).await
        } else {
            Box::pin(self.inner.call(request)).await
        }
    }
}

/// What a page needs of the request that asks for it.
struct Visit {
    locale: Locale,
    reference: Option<String>,
}

impl Provider {
    /// `GET` and `POST` [OIDCC §3.1.2.1].
    async fn authorization(&self, request: Request) -> Response {
        if let Some(response) = self.flow_api.before(&request).await {
            return response;
        }
        let (request, mut body) = request.split();
        let parameters = parameters(&request, &mut body).await;
        let wished = parameters.as_ref().ok().and_then(|parameters| parameters.get("ui_locales")).map(str::to_owned);
        let visit = self.visit(&request, wished.as_deref());
        let browser = self.cookies.browser(request.headers());
        let authorized = match &parameters {
            Ok(parameters) => {
                let query = request.uri().query().unwrap_or_default();
                let visitor = Visitor { browser: &browser, from: client_ip(&request), query };
                let authorized = self.authorize.authorize(parameters, visitor).await;
                authorized.map_err(Trouble::from)
            }
            Err(trouble) => Err(trouble.clone()),
        };
        let without_redirect = match &authorized {
            Ok(Authorized::Answer { carrier, .. }) => matches!(carrier, Carrier::Flow(_)),
            Ok(Authorized::Begun { seen, .. }) => seen.flow.is_redirectless(),
            Err(Trouble::TooMany(_)) => parameters.as_ref().is_ok_and(wants_states),
            Err(_) => false,
        };
        let mut response = match authorized {
            Ok(Authorized::Answer { carrier, session }) => {
                let mut response = self.carried(&carrier, &visit);
                if let Some(session) = &session {
                    self.cookies.set_session(response.headers_mut(), session);
                } else if let Some(session) = &browser.session {
                    self.cookies.tell(response.headers_mut(), session);
                }
                response
            }
            Ok(Authorized::Begun { seen, key, application }) => {
                // [RFC 9700 §4.12] never 307: a browser would repeat the body.
                let mut response = match &application {
                    _ if seen.flow.is_redirectless() => self.flow_api.shown(&seen, visit.locale),
                    Some(application) => see_other(&application.url.with_flow(&seen.id)),
                    None => see_other(&self.address(&seen.id)),
                };
                if let Some(key) = &key {
                    self.cookies.set_key(response.headers_mut(), key);
                }
                response
            }
            Err(Trouble::TooMany(wait)) if without_redirect => self.too_many(wait, &visit).await,
            Err(trouble) => {
                let about = match &parameters {
                    Ok(parameters) => self.about(parameters).await,
                    Err(_) => About::default(),
                };
                self.troubled_about(&trouble, &about, &visit).await
            }
        };
        if without_redirect && let Ok(parameters) = &parameters {
            self.readable(parameters, &request, &mut response).await;
        }
        response
    }

    /// For the page that a client's request came from, where no browser is redirected.
    async fn readable(&self, parameters: &Parameters, request: &Request, response: &mut Response) {
        let client = parameters.get("client_id").unwrap_or_default();
        self.flow_api.admit(client, request.headers(), response.headers_mut()).await;
    }

    /// The browser comes for its answer.
    async fn resume(&self, id: &FlowId, request: &Request) -> Response {
        let visit = self.visit(request, None);
        if *request.method() != Method::GET {
            return self.troubled(&Trouble::Method, &visit).await;
        }
        let ticket = queried(request, "ticket").unwrap_or_default();
        let browser = self.cookies.browser(request.headers());
        match self.leave.leave(id, &ticket, &browser).await {
            Ok(left) => {
                let mut response = self.carried(&left.carrier, &visit);
                if let Some(session) = &left.session {
                    self.cookies.set_session(response.headers_mut(), session);
                }
                response
            }
            Err(error) => self.troubled(&error.into(), &visit).await,
        }
    }

    fn carried(&self, carrier: &Carrier, visit: &Visit) -> Response {
        match carrier {
            Carrier::Redirect(to) => see_other(to),
            Carrier::FormPost { action, fields } => match Address::parse(action) {
                Some(target) => {
                    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                    form_post::render(&form_post::View { client: None, target, fields }, &self.around(visit, None))
                }
                None => Trouble::Internal.page(&About::default(), visit.reference.clone(), &self.around(visit, None)),
            },
            // Only refusals come here: there is no flow that could tell.
            Carrier::Flow(fields) => self.not_begun(fields, visit),
        }
    }

    fn visit(&self, request: &Request, ui_locales: Option<&str>) -> Visit {
        let languages = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let queried = queried(request, "ui_locales");
        let wishes = Wishes { ui_locales: ui_locales.or(queried.as_deref()), saved: None, accept_language: languages };
        Visit { locale: self.words.choose(&wishes), reference: crate::http::headers::reference(request) }
    }

    fn around<'a>(&'a self, visit: &'a Visit, here: Option<&'a str>) -> Around<'a> {
        Around { site: &self.site, words: &self.words, locale: visit.locale, here }
    }

    /// Where the page of a flow is.
    fn address(&self, id: &FlowId) -> String {
        format!("{}{PAGES}{}", self.issuer, id.expose())
    }

    /// The same, for links of our own pages.
    fn here(&self, id: &FlowId) -> String {
        format!("{}{PAGES}{}", self.site.base, id.expose())
    }

    /// Ties a form to what it is about.
    fn mark(&self, about: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(ring::hmac::sign(&self.forms, &about.concat()))
    }

    /// For whoever runs flows without a browser, and reads no page.
    async fn too_many(&self, wait: Duration, visit: &Visit) -> Response {
        let reason = Trouble::TooMany(wait).recorded().unwrap_or_default();
        self.refusals.record(Audited::SignInRefused, reason, None).await;
        let code = ErrorCode::TemporarilyUnavailable.as_str();
        let told = [("error", code), ("error_description", "Too many flows have begun from there. Try again later.")];
        let mut response = self.not_begun(&told.map(|(name, value)| (name, value.to_owned())), visit);
        response.set_status(StatusCode::TOO_MANY_REQUESTS);
        response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
        response
    }

    /// A flow that was refused before it began, in the words of one that failed.
    fn not_begun(&self, fields: &[(&'static str, String)], visit: &Visit) -> Response {
        let of = |name: &str| fields.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str());
        let answer: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let body = json!({
            "status": Status::Failed.as_str(),
            "code": of("error"),
            "message": of("error_description"),
            "userMessage": self.words.say(visit.locale, told(of("error"))),
            "authorizeResponse": answer,
        });
        Response::builder().status(StatusCode::BAD_REQUEST).content_type("application/json").body(body.to_string())
    }

    /// Whose request it was that a page has to answer.
    async fn about(&self, parameters: &Parameters) -> About {
        let Some(Whose { client, back }) = self.authorize.whose(parameters).await else { return About::default() };
        let name = Foreign::name(&client.name);
        let back = back.as_deref().and_then(Address::parse).map(|to| Back { client: Some(name.clone()), to });
        About { client: Some(name), disabled: client.disabled, back }
    }

    async fn troubled(&self, trouble: &Trouble, visit: &Visit) -> Response {
        self.troubled_about(trouble, &About::default(), visit).await
    }

    async fn troubled_about(&self, trouble: &Trouble, about: &About, visit: &Visit) -> Response {
        if let Some(reason) = trouble.recorded() {
            tracing::info!(detail = %reason, "sign-in refused");
            self.refusals.record(Audited::SignInRefused, reason, None).await;
        }
        trouble.page(about, visit.reference.clone(), &self.around(visit, None))
    }
}

async fn parameters(request: &Request, body: &mut RequestBody) -> Result<Parameters, Trouble> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    match *request.method() {
        // Not HEAD: whoever only looks would use up what was pushed.
        Method::GET => Ok(Parameters::parse(query.as_bytes())?),
        Method::POST => {
            let posted = read_page_form(request, body).await?;
            // In both places, a parameter is there twice.
            let queried = Parameters::parse(query.as_bytes())?;
            let all = queried.iter().chain(posted.iter());
            Ok(Parameters::from_pairs(all.map(|(name, value)| (name.to_owned(), value.to_owned())))?)
        }
        _ => Err(Trouble::Method),
    }
}

/// [flows.md A.1.7] of a request whose parameters say so themselves.
fn wants_states(parameters: &Parameters) -> bool {
    parameters.get("response_mode") == Some(ResponseMode::Flow.as_str())
}

/// What a person is told of a request that was refused before anybody saw it.
fn told(error: Option<&str>) -> Message<'static> {
    let is = |code: ErrorCode| error == Some(code.as_str());
    if is(ErrorCode::TemporarilyUnavailable) {
        Message::ErrorBusy
    } else if is(ErrorCode::AccessDenied) {
        Message::ErrorDenied
    } else if is(ErrorCode::LoginRequired) {
        Message::ErrorSignedOut
    } else {
        Message::ErrorRequest
    }
}

/// To another origin, from what a form does: a redirect would be part of that, and our own policy keeps forms at home.
fn onward(to: &str, client: Option<Foreign>, visit: &Visit, around: &Around<'_>) -> Response {
    match Address::parse(to) {
        Some(target) => hop::render(&hop::View { client, target }, around),
        None => Trouble::Internal.page(&About::default(), visit.reference.clone(), around),
    }
}

/// [RFC 9700 §4.12]
fn see_other(to: &str) -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, to)
        .header(header::CACHE_CONTROL, "no-store")
        .finish()
}

impl From<BodyError> for Trouble {
    fn from(error: BodyError) -> Self {
        if let BodyError::Parameters(refusal) = error { refusal.into() } else { Self::Body(error) }
    }
}
