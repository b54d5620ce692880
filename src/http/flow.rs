//! `/pf-ws/authn/flows/{flowId}`: the authentication-flow API.
//!
//! `GET` shows where a flow is and changes nothing. `POST` does one action, named by the query or by the
//! content type, and shows where the flow is then. What can be done is in `_links`, and nothing else can.

use std::sync::Arc;
use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, Request, RequestBody, Response};
use serde_json::{Map, Value, json};

use crate::domain::audit::Action as Audited;
use crate::domain::flow::{At, Who};
use crate::http::body::{BodyError, FORM_LIMIT, read, strict_json};
use crate::http::client_authentication::client_ip;
use crate::http::cookies::Cookies;
use crate::protocol::flow_api::{Action, DetailCode, FlowErrorCode, FlowRefusal, Status};
use crate::protocol::id::FlowId;
use crate::usecase;
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::sign_in::Seen;
use crate::usecase::sign_in::advance::{Advance, Calling, FlowError};

pub const PREFIX: &str = "/pf-ws/authn/flows/";

const XSRF: HeaderName = HeaderName::from_static("x-xsrf-header");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const VENDOR: &str = "application/vnd.pingidentity.";

/// The content type that names an action.
pub fn content_type(action: Action) -> String {
    format!("{VENDOR}{action}+json")
}

#[derive(Clone)]
pub struct FlowApi {
    pub advance: Arc<Advance>,
    pub refusals: RecordRefusal,
    pub cookies: Cookies,
    /// Our own.
    pub origin: Arc<str>,
    pub base: Arc<str>,
}

impl Endpoint for FlowApi {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let id = request.uri().path().strip_prefix(PREFIX).map(FlowId::presented);
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let (request, mut body) = request.split();
        let answered = match id {
            Some(id) if method == Method::GET => {
                self.advance.read(&id, &self.cookies.browser(&headers)).await.map_err(Refused::from)
            }
            Some(id) if method == Method::POST => Box::pin(self.act(&id, &request, &mut body)).await,
            Some(_) => Err(Refused::Status(StatusCode::METHOD_NOT_ALLOWED)),
            None => Err(FlowRefusal::not_found("no identifier of a flow").into()),
        };
        Ok(match answered {
            Ok(seen) => self.shown(&seen),
            Err(refused) => self.refuse(&refused).await,
        })
    }
}

/// Why there is no state to show.
enum Refused {
    Flow(FlowError),
    Status(StatusCode),
}

impl<E: Into<FlowError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Flow(error.into())
    }
}

impl FlowApi {
    async fn act(&self, id: &FlowId, request: &Request, body: &mut RequestBody) -> Result<Seen, Refused> {
        let headers = request.headers();
        self.from_a_page_of_ours(headers)?;
        let action = action(request)?;
        let sent = read(request, body, FORM_LIMIT).await.map_err(|error| match error {
            BodyError::TooLarge => Refused::Status(StatusCode::PAYLOAD_TOO_LARGE),
            BodyError::TooSlow => Refused::Status(StatusCode::REQUEST_TIMEOUT),
            _ => FlowRefusal::new(FlowErrorCode::InvalidRequest, "a body that cannot be read").into(),
        })?;
        let sent = match sent.is_empty() {
            true => Value::Object(Map::new()),
            false => strict_json(&sent).map_err(|_| {
                FlowRefusal::invalid(DetailCode::UnexpectedActionModel, None, "the body is no JSON of one meaning")
            })?,
        };
        let browser = self.cookies.browser(headers);
        let calling = Calling { browser: &browser, from: client_ip(request) };
        let action = action.ok_or_else(FlowRefusal::not_now)?;
        Ok(self.advance.act(id, calling, action, &sent).await?)
    }

    /// A page of another site can have a browser send its cookies, but not this header, and not unsaid
    /// where the request comes from.
    fn from_a_page_of_ours(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let forbidden = Refused::Status(StatusCode::FORBIDDEN);
        if !headers.contains_key(XSRF) {
            return Err(forbidden);
        }
        let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
        let has_origin = origins.peek().is_some();
        let cross = headers.get_all(SEC_FETCH_SITE).iter().any(|site| site == "cross-site");
        if origins.any(|origin| origin.as_bytes() != self.origin.as_bytes()) || (cross && !has_origin) {
            return Err(forbidden);
        }
        Ok(())
    }

    /// The state of a flow.
    pub fn shown(&self, seen: &Seen) -> Response {
        let body = self.state(seen);
        let mut response = json_response(StatusCode::OK, &body);
        if let Some(session) = &seen.session {
            self.cookies.set_session(response.headers_mut(), session);
        }
        response
    }

    fn state(&self, seen: &Seen) -> Value {
        let (flow, id) = (&seen.flow, seen.id.expose());
        let href = json!({ "href": format!("{}{PREFIX}{id}", self.base) });
        let mut links = Map::new();
        links.insert("self".to_owned(), href.clone());
        for action in flow.actions() {
            links.insert(action.as_str().to_owned(), href.clone());
        }
        let mut state = Map::new();
        state.insert("id".to_owned(), json!(id));
        state.insert("status".to_owned(), json!(flow.status().as_str()));
        if let Value::Object(fields) = fields(seen) {
            state.extend(fields);
        }
        state.insert("_links".to_owned(), Value::Object(links));
        Value::Object(state)
    }

    async fn refuse(&self, refused: &Refused) -> Response {
        let (status, refusal, wait) = match refused {
            Refused::Flow(FlowError::Refused(refusal)) => (status(refusal), refusal.clone(), None),
            Refused::Flow(FlowError::Other(usecase::Error::TooMany { retry_after })) => {
                let refusal = FlowRefusal::new(FlowErrorCode::RequestFailed, "too many tries");
                (StatusCode::TOO_MANY_REQUESTS, refusal, Some(*retry_after))
            }
            Refused::Flow(FlowError::Other(error)) => {
                tracing::error!(%error, "failed");
                let refusal = FlowRefusal::new(FlowErrorCode::UnexpectedError, "a dependency gives no answer");
                (StatusCode::SERVICE_UNAVAILABLE, refusal, Some(Duration::from_secs(1)))
            }
            Refused::Status(status) => (*status, FlowRefusal::new(FlowErrorCode::InvalidRequest, why(*status)), None),
        };
        if !status.is_server_error() {
            tracing::info!(
                error = refusal.code.as_str(),
                detail = refusal.why,
                status = status.as_u16(),
                "flow refused"
            );
            // A wrong password has its own event; a flow that is not there is nobody's business.
            let recorded = refusal.details.iter().any(|detail| detail.code == DetailCode::CredentialValidationFailed);
            if !recorded && refusal.code != FlowErrorCode::FlowNotFound {
                let reason = format!("{}: {}", refusal.code, refusal.why);
                self.refusals.record(Audited::SignInRefused, reason, None).await;
            }
        }
        let details: Vec<Value> = refusal.details.iter().map(|detail| {
            let mut told = json!({
                "code": detail.code.as_str(), "message": detail.code.message(), "userMessage": detail.code.message(),
            });
            if let (Some(target), Value::Object(told)) = (detail.target, &mut told) {
                told.insert("target".to_owned(), json!(target));
            }
            told
        }).collect();
        let mut body = json!({
            "code": refusal.code.as_str(), "message": refusal.code.message(), "userMessage": refusal.code.message(),
        });
        if let (false, Value::Object(body)) = (details.is_empty(), &mut body) {
            body.insert("details".to_owned(), Value::Array(details));
        }
        let mut response = json_response(status, &body);
        if let Some(wait) = wait {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        response
    }
}

const fn status(refusal: &FlowRefusal) -> StatusCode {
    match refusal.code {
        FlowErrorCode::FlowNotFound => StatusCode::NOT_FOUND,
        FlowErrorCode::UnexpectedError => StatusCode::INTERNAL_SERVER_ERROR,
        FlowErrorCode::ValidationError
        | FlowErrorCode::InvalidRequest
        | FlowErrorCode::InvalidActionId
        | FlowErrorCode::RequestFailed => StatusCode::BAD_REQUEST,
    }
}

const fn why(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "without X-XSRF-Header, or from a page of another origin",
        StatusCode::METHOD_NOT_ALLOWED => "neither GET nor POST",
        StatusCode::PAYLOAD_TOO_LARGE => "a body of more than 64 KiB",
        StatusCode::REQUEST_TIMEOUT => "a body that did not arrive in time",
        _ => "a content type that names no action",
    }
}

/// Which action is meant. `None`: one that nobody knows.
fn action(request: &Request) -> Result<Option<Action>, Refused> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let by_type = essence.strip_prefix(VENDOR).and_then(|rest| rest.strip_suffix("+json"));
    let by_query = request
        .uri()
        .query()
        .and_then(|query| url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "action"))
        .map(|(_, action)| action.into_owned());
    let conflict = || {
        let why = "no action, or two of them";
        Refused::from(FlowRefusal::new(FlowErrorCode::InvalidRequest, why).about(DetailCode::InvalidContentType, None))
    };
    let named = match (by_query, by_type) {
        (Some(query), Some(typed)) if query == typed => query,
        (Some(_), Some(_)) => return Err(conflict()),
        (None, Some(typed)) => typed.to_owned(),
        (Some(query), None) if essence == "application/json" => query,
        (None, None) if essence == "application/json" => return Err(conflict()),
        (Some(_) | None, None) => return Err(Refused::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    };
    Ok(Action::parse(&named))
}

/// The members of a state.
fn fields(seen: &Seen) -> Value {
    let flow = &seen.flow;
    let hint = match &flow.who {
        Who::Claimed(username) => username.as_str(),
        Who::Nobody | Who::Proved(_) => "",
    };
    match (flow.status(), &flow.at) {
        (Status::UsernamePasswordRequired, _) => json!({
            "showRememberMyUsername": false,
            "rememberMyUsernameSelected": false,
            "showThisIsMyDevice": false,
            "thisIsMyDeviceSelected": false,
            "showCaptcha": false,
            "username": hint,
            "allowUsernameEdits": true,
            "alternativeAuthenticationSources": [],
        }),
        (Status::IdentifierRequired, _) => json!({ "previouslySubmittedIdentifiers": [], "showCaptcha": false }),
        (Status::ConsentRequired, At::Consent(scope)) => json!({
            "client": { "id": seen.client.id.as_str(), "name": seen.client.name },
            "scopes": scope.names().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        }),
        (Status::Resume, _) => json!({ "resumeUrl": seen.resume }),
        (Status::Completed, _) => json!({ "authorizeResponse": answer(seen) }),
        (Status::Failed, At::Failed(failure)) => {
            let refusal = failure.refusal();
            let mut told = json!({
                "code": refusal.code.as_str(), "message": refusal.description, "userMessage": refusal.description,
            });
            if let Value::Object(told) = &mut told {
                if seen.answer.is_some() {
                    told.insert("authorizeResponse".to_owned(), answer(seen));
                }
                if let Some(resume) = &seen.resume {
                    told.insert("resumeUrl".to_owned(), json!(resume));
                }
            }
            told
        }
        (Status::ConsentRequired | Status::Failed, _) => json!({}),
    }
}

fn answer(seen: &Seen) -> Value {
    let fields = seen.answer.iter().flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), json!(value))).collect())
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(body.to_string())
}
