//! `/pf-ws/authn/flows/{flowId}`: the authentication-flow API.
//!
//! `GET` shows where a flow is and changes nothing. `POST` does one action, named by the query or by the
//! content type, and shows where the flow is then. What can be done is in `_links`, and nothing else can.

use std::net::IpAddr;
use std::sync::Arc;

use poem::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use poem::{Endpoint, Request, RequestBody, Response};
use serde_json::{Map, Value};

use crate::http::body::{BodyError, FORM_LIMIT, read, strict_json};
use crate::http::client_authentication::client_ip;
use crate::http::cookies::Cookies;
use crate::http::error::json;
use crate::http::headers::queried;
use crate::protocol::flow_api::{Action, DetailCode, FlowErrorCode, FlowRefusal};
use crate::protocol::id::{BrowserKey, FlowId};
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::sign_in::advance::{Advance, Calling, FlowError};
use crate::usecase::sign_in::beside::{Beside, ErrandSeen};
use crate::usecase::sign_in::{Browser, Page, Seen};
use crate::words::{Locale, Wishes, Words};

mod devices;
mod origin;
mod refusal;
mod state;

pub(super) use devices::fields as asked_on;
use origin::Caller;
pub(in crate::http) use origin::whose_page;
pub(super) use refusal::refused;

pub const PREFIX: &str = "/pf-ws/authn/flows/";

/// Where our own pages are, below the issuer.
pub const PAGES: &str = "/sign-in/";

const XSRF: HeaderName = HeaderName::from_static("x-xsrf-header");
/// Where there are no cookies: what the answer before had in the member.
const STATE_HEADER: HeaderName = HeaderName::from_static("x-pf-authn-api-state");
const STATE_MEMBER: &str = "_pf_authn_api_state";
pub(super) const VENDOR: &str = "application/vnd.pingidentity.";

/// The content type that names an action.
pub fn content_type(action: Action) -> String {
    format!("{VENDOR}{action}+json")
}

#[derive(Clone)]
pub struct FlowApi {
    pub words: Arc<Words>,
    pub advance: Arc<Advance>,
    pub beside: Arc<Beside>,
    pub refusals: RecordRefusal,
    pub cookies: Cookies,
    /// Our own.
    pub origin: Arc<str>,
    pub base: Arc<str>,
}

impl Endpoint for FlowApi {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let headers = request.headers().clone();
        let (mut response, caller) = match self.caller(&headers).await {
            Ok(caller) => (self.answer(request, &headers, &caller).await, caller),
            Err(error) => (self.refuse(&error.into(), &headers, None).await, Caller::Foreign),
        };
        caller.admit(response.headers_mut());
        Ok(response)
    }
}

/// Why there is no state to show.
enum Refused {
    Flow(FlowError),
    Status(StatusCode),
}

/// Where somebody is: in a sign-in, or about something else.
enum Where {
    Flow(Box<Seen>),
    Errand(Box<ErrandSeen>),
}

/// There is no such sign-in; an errand has an identifier of the same kind.
fn is_not_there(error: &FlowError) -> bool {
    matches!(error, FlowError::Refused(refusal) if refusal.code == FlowErrorCode::FlowNotFound)
}

impl<E: Into<FlowError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Flow(error.into())
    }
}

impl FlowApi {
    async fn answer(&self, request: Request, headers: &HeaderMap, caller: &Caller) -> Response {
        let (method, path) = (request.method().clone(), request.uri().path());
        if let Some(answered) = Self::preflight(&method, headers, caller) {
            return match answered {
                Ok(response) => response,
                Err(refused) => self.refuse(&refused, headers, None).await,
            };
        }
        match self.advance.is_there().await {
            Ok(true) => {}
            Ok(false) => return self.refuse(&FlowRefusal::not_found("switched off").into(), headers, None).await,
            Err(error) => return self.refuse(&error.into(), headers, None).await,
        }
        let id = path.strip_prefix(PREFIX).map(FlowId::presented);
        let (request, mut body) = request.split();
        let from = client_ip(&request);
        let mut wished = None;
        let answered = match id {
            Some(id) if method == Method::GET => {
                self.read(&id, (&self.browser(headers), from), caller.page()).await.map_err(Refused::from)
            }
            Some(id) if method == Method::POST => {
                wished = self.wished(&id, headers, caller).await;
                let language = self.locale(headers, wished.as_deref()).tag();
                Box::pin(self.act(&id, &request, &mut body, (caller, language))).await
            }
            Some(_) => Err(Refused::Status(StatusCode::METHOD_NOT_ALLOWED)),
            None => Err(FlowRefusal::not_found("no identifier of a flow").into()),
        };
        match answered {
            Ok(Where::Flow(seen)) => self.shown(&seen, self.locale(headers, seen.flow.request.ui_locales.as_deref())),
            Ok(Where::Errand(seen)) => self.errand(&seen, self.locale(headers, seen.flow.ui_locales.as_deref())),
            Err(refused) => self.refuse(&refused, headers, wished.as_deref()).await,
        }
    }

    /// The languages that whoever began the flow wished for. `None`: none, or the caller may not see the flow.
    async fn wished(&self, id: &FlowId, headers: &HeaderMap, caller: &Caller) -> Option<String> {
        if !may_act(headers, caller) {
            return None;
        }
        let browser = self.browser(headers);
        let wished = match self.advance.ui_locales(id, &browser, caller.page()).await {
            Err(error) if is_not_there(&error) => self.beside.ui_locales(id, &browser, caller.page()).await,
            wished => wished,
        };
        // What is amiss is told by what comes next.
        wished.ok().flatten()
    }

    /// By the state that was carried along; by its cookies where there is none, be it a wrong one.
    fn browser(&self, headers: &HeaderMap) -> Browser {
        if headers.contains_key(STATE_HEADER) {
            Browser { key: carried(headers).map(BrowserKey::presented), ..Browser::default() }
        } else {
            self.cookies.browser(headers)
        }
    }

    async fn act(
        &self,
        id: &FlowId,
        request: &Request,
        body: &mut RequestBody,
        (caller, language): (&Caller, &'static str),
    ) -> Result<Where, Refused> {
        let headers = request.headers();
        if !may_act(headers, caller) {
            return Err(Refused::Status(StatusCode::FORBIDDEN));
        }
        let action = action(request)?;
        let sent = read(request, body, FORM_LIMIT).await.map_err(|error| unread(&error))?;
        let sent = if sent.is_empty() {
            Value::Object(Map::new())
        } else {
            strict_json(&sent).map_err(|_| {
                FlowRefusal::invalid(DetailCode::UnexpectedActionModel, None, "the body is no JSON of one meaning")
            })?
        };
        let browser = self.browser(headers);
        let calling = Calling { browser: &browser, page: caller.page(), from: client_ip(request), language };
        let action = action.ok_or_else(FlowRefusal::not_now)?;
        match self.advance.act(id, calling, action, &sent).await {
            Err(error) if is_not_there(&error) => {
                Ok(Where::Errand(Box::new(self.beside.act(id, calling, action, &sent).await?)))
            }
            acted => Ok(Where::Flow(Box::new(acted?))),
        }
    }

    /// Changes nothing.
    async fn read(&self, id: &FlowId, (browser, from): (&Browser, IpAddr), page: Page<'_>) -> Result<Where, FlowError> {
        match self.advance.read(id, browser, page).await {
            Err(error) if is_not_there(&error) => {
                Ok(Where::Errand(Box::new(self.beside.read(id, (browser, from), page).await?)))
            }
            read => Ok(Where::Flow(Box::new(read?))),
        }
    }

    /// [OIDC Core §3.1.2.1] as on our own pages: what was wished for goes before what the browser says.
    fn locale(&self, headers: &HeaderMap, ui_locales: Option<&str>) -> Locale {
        let accept_language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        self.words.choose(&Wishes { ui_locales, saved: None, accept_language })
    }
}

/// A page of another site can have a browser send its cookies, but not this header, and not unsaid where the request
/// comes from.
fn may_act(headers: &HeaderMap, caller: &Caller) -> bool {
    headers.contains_key(XSRF) && *caller != Caller::Foreign
}

/// What an answer before had for this call. More than one is none.
fn carried(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(STATE_HEADER).iter();
    let (one, None) = (all.next()?, all.next()) else { return None };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    one.to_str().ok().filter(|text| (1..=128).contains(&text.len()) && text.bytes().all(plain))
}

fn unread(error: &BodyError) -> Refused {
    if *error == BodyError::TooLarge {
        Refused::Status(StatusCode::PAYLOAD_TOO_LARGE)
    } else if *error == BodyError::TooSlow {
        Refused::Status(StatusCode::REQUEST_TIMEOUT)
    } else {
        FlowRefusal::new(FlowErrorCode::InvalidRequest, "a body that cannot be read").into()
    }
}

/// Why a call names no action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// Plain JSON, and nothing beside it.
    Nowhere,
    /// It names two.
    Twice,
    /// A body of another type.
    OtherType,
}

/// What an action is called: by the query, or by the content type [flows.md F15].
pub(super) fn named(request: &Request) -> Result<String, Unnamed> {
    let essence = essence(request);
    let by_type = essence.strip_prefix(VENDOR).and_then(|rest| rest.strip_suffix("+json"));
    match (queried(request, "action"), by_type) {
        (Some(query), Some(typed)) if query == typed => Ok(query),
        (Some(_), Some(_)) => Err(Unnamed::Twice),
        (None, Some(typed)) => Ok(typed.to_owned()),
        (Some(query), None) if essence == "application/json" => Ok(query),
        (None, None) if essence == "application/json" => Err(Unnamed::Nowhere),
        (Some(_) | None, None) => Err(Unnamed::OtherType),
    }
}

/// The content type, without its parameters.
pub(super) fn essence(request: &Request) -> &str {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// No action, or two of them.
pub(super) fn conflict() -> FlowRefusal {
    let why = "no action, or two of them";
    FlowRefusal::new(FlowErrorCode::InvalidRequest, why).about(DetailCode::InvalidContentType, None)
}

/// Which action is meant. `None`: one that nobody knows.
fn action(request: &Request) -> Result<Option<Action>, Refused> {
    match named(request) {
        Ok(named) => Ok(Action::parse(&named)),
        Err(Unnamed::Nowhere | Unnamed::Twice) => Err(conflict().into()),
        Err(Unnamed::OtherType) => Err(Refused::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    json(status, "application/json", body)
}
