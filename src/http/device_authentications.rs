//! `/deviceAuthentications`: a server has somebody asked for a second factor, outside of any sign-in [flows.md A.3].
//!
//! `POST` begins one, `GET` shows where one is, and `POST` to it does one action, named by the content type or by the
//! query.

use std::sync::Arc;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, Request, RequestBody, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::audit::Actor;
use crate::http::admin;
use crate::http::body::{BodyError, FORM_LIMIT, read, strict_json};
use crate::http::client_authentication::client_ip;
use crate::http::error::json as answer;
use crate::http::flow::{self, Unnamed, VENDOR, asked_on, essence};
use crate::http::headers::reference;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permission;
use crate::protocol::device_authentication::{Action, Status};
use crate::protocol::flow_api::{self, DetailCode, FlowErrorCode, FlowRefusal, Members};
use crate::protocol::id::{DeviceId, UserId};
use crate::protocol::notification::Said;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::AdminError;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::sign_in::advance::FlowError;
use crate::usecase::sign_in::device_authentications::{Act, Caller, DeviceAuthentications, Told, Wanted};
use crate::usecase::sign_in::given_address::Given;
use crate::usecase::sign_in::send_code::Asker;
use crate::words::{Wishes, Words};

mod refusal;

pub(super) use refusal::refused;

pub const PATH: &str = "/deviceAuthentications";

/// The content type that names an action.
pub(super) fn content_type(action: Action) -> String {
    format!("{VENDOR}{action}+json")
}

/// Whether this is one of the addresses here.
pub(super) fn is_of(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub struct DeviceAuthenticationsApi {
    pub authorize: Arc<Authorize>,
    pub direct: DeviceAuthentications,
    pub words: Words,
    pub refusals: RecordRefusal,
    pub base: Arc<str>,
}

/// Why there is nothing to show.
enum Refused {
    Caller(AdminError),
    Flow(FlowError),
    Status(StatusCode),
    /// What can be asked for there.
    Method(&'static str),
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        Self::Caller(error)
    }
}

impl From<FlowError> for Refused {
    fn from(error: FlowError) -> Self {
        Self::Flow(error)
    }
}

impl From<FlowRefusal> for Refused {
    fn from(refusal: FlowRefusal) -> Self {
        Self::Flow(refusal.into())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    id: String,
}

/// What one begins with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    user: Option<Reference>,
    selected_device: Option<Selected>,
    mobile_payload: Option<String>,
    application: Option<Reference>,
    policy: Option<Reference>,
    notification: Option<Notification>,
}

/// Where somebody is asked: on a device of theirs, or at an address that is given here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selected {
    id: Option<String>,
    one_time: Option<OneTime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneTime {
    #[serde(rename = "type")]
    kind: String,
    email: Option<String>,
    phone: Option<String>,
}

/// What the person reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notification {
    title: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Select {
    device: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    reason: Option<String>,
}

/// Whoever takes back a question has somebody asked on another device.
const CHANGE_DEVICE: &str = "CHANGE_DEVICE";

impl Endpoint for DeviceAuthenticationsApi {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (request, mut body) = request.split();
        let mut actor = None;
        // In a box: what all of it may need is nothing to carry about.
        Ok(match Box::pin(self.answered(&request, &mut body, &mut actor)).await {
            Ok(response) => response,
            Err(refused) => self.refuse(&refused, reference(&request), actor).await,
        })
    }
}

impl DeviceAuthenticationsApi {
    /// `actor`: who calls, once that is known.
    async fn answered(
        &self,
        request: &Request,
        body: &mut RequestBody,
        actor: &mut Option<Actor>,
    ) -> Result<Response, Refused> {
        let by = admin::identify(&self.authorize, request).await?;
        *actor = Some(by.actor.clone());
        if !by.permissions.allow(Permission::DeviceAuthentications) {
            return Err(AdminError::needs(Permission::DeviceAuthentications).into());
        }
        let Actor::Client(client) = &by.actor else {
            return Err(AdminError::because(AdminErrorCode::TokenInvalid, "no client's own token").into());
        };
        let accept_language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = self.words.choose(&Wishes { ui_locales: None, saved: None, accept_language }).tag();
        let caller = Caller { client, asker: Asker { language, from: client_ip(request) } };
        let (method, rest) = (request.method(), request.uri().path().strip_prefix(PATH).unwrap_or_default());
        if rest.is_empty() {
            if *method != Method::POST {
                return Err(Refused::Method("POST"));
            }
            return self.begin(request, body, caller).await;
        }
        if *method != Method::GET && *method != Method::POST {
            return Err(Refused::Method("GET, POST"));
        }
        let id = rest.strip_prefix('/').and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| FlowRefusal::not_found("no identifier of a device authentication"))?;
        let told = if *method == Method::GET {
            self.direct.read(id, caller).await?
        } else {
            self.direct.act(id, caller, act(request, body).await?).await?
        };
        Ok(answer(StatusCode::OK, "application/json", &self.state(&told)))
    }

    async fn begin(&self, request: &Request, body: &mut RequestBody, caller: Caller<'_>) -> Result<Response, Refused> {
        if essence(request) != "application/json" {
            return Err(Refused::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let sent: Create = shaped(sent(request, body).await?)?;
        let named = sent.user.ok_or_else(|| lacking("user.id"))?;
        let user = uuid(Kind::User, &named.id).ok_or_else(|| impossible("user.id"))?;
        let (device, given) = selected(sent.selected_device.as_ref())?;
        let app = match (&sent.application, &sent.mobile_payload) {
            (Some(application), Some(payload)) => Some((application.id.as_str(), payload.as_str())),
            (None, Some(_)) => return Err(lacking("application.id").into()),
            (Some(_) | None, None) => None,
        };
        let policy = sent.policy.as_ref().map(|policy| policy.id.as_str());
        let said = sent.notification.as_ref().map(said).transpose()?;
        let wanted = Wanted { user: UserId::new(user), device, policy, app, said: said.as_ref(), given };
        let told = self.direct.begin(caller, wanted).await?;
        let mut response = answer(StatusCode::CREATED, "application/json", &self.state(&told));
        if let Ok(location) = HeaderValue::from_str(&self.address(&told)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }

    fn address(&self, told: &Told) -> String {
        format!("{}{PATH}/{}", self.base, told.id)
    }

    fn state(&self, told: &Told) -> Value {
        let (own, flow) = (&told.own, &told.own.flow);
        let status = own.status();
        let href = json!({ "href": self.address(told) });
        let actions = own.actions().iter().map(|action| (action.as_str().to_owned(), href.clone()));
        let links: Map<String, Value> = std::iter::once(("self".to_owned(), href.clone())).chain(actions).collect();
        let authenticators: Vec<&str> = own.amr().unwrap_or_default().split_whitespace().collect();
        let mut state = json!({
            "id": told.id.to_string(),
            "status": status.as_str(),
            "user": { "id": flow.user().map(|user| user.to_string()) },
            "policy": { "id": own.policy.as_str() },
            "authenticators": authenticators,
            "blockedDevices": told.blocked.iter().map(|device| json!({ "id": device.to_string() })).collect::<Vec<_>>(),
            "bypassAllowed": told.bypass_allowed,
            "createdAt": flow.started_at.to_string(),
            "updatedAt": own.updated_at.to_string(),
        });
        let Value::Object(members) = &mut state else { return state };
        if status == Status::Completed {
            members.insert("bypassed".to_owned(), json!(own.amr().is_none()));
        }
        if let Some((code, message)) = own.error() {
            members.insert("error".to_owned(), json!({ "code": code, "message": message }));
        }
        if !matches!(status, Status::Completed | Status::Failed) {
            members.extend(asked(told));
        }
        members.insert("_links".to_owned(), Value::Object(links));
        state
    }
}

/// One of both.
fn selected(selected: Option<&Selected>) -> Result<(Option<DeviceId>, Option<Given<'_>>), FlowRefusal> {
    match selected {
        None => Ok((None, None)),
        Some(Selected { id: Some(id), one_time: None }) => {
            let id = uuid(Kind::Device, id).ok_or_else(|| invalid_device("selectedDevice.id"))?;
            Ok((Some(DeviceId::new(id)), None))
        }
        Some(Selected { id: None, one_time: Some(OneTime { kind, email, phone }) }) => {
            Ok((None, Some(Given { kind, email: email.as_deref(), phone: phone.as_deref() })))
        }
        Some(Selected { id: None, one_time: None }) => Err(lacking("selectedDevice.id")),
        Some(Selected { id: Some(_), one_time: Some(_) }) => Err(impossible("selectedDevice.oneTime")),
    }
}

fn said(notification: &Notification) -> Result<Said, FlowRefusal> {
    let message = notification.message.as_deref().ok_or_else(|| lacking("notification.message"))?;
    Said::parse(notification.title.as_deref(), message).map_err(impossible)
}

/// The members of a state in which somebody is asked, or could be: those of the flow API, where they stand here.
fn asked(told: &Told) -> Map<String, Value> {
    const OF_A_FLOW: [&str; 8] = [
        "user",
        "changeDevicePermitted",
        "userSelectedDefault",
        "manageDevicesAllowed",
        "deviceManagementState",
        "manualPairingPermitted",
        "newPairingAuthRequired",
        "usePasswordAuthenticationEnabled",
    ];
    let Value::Object(members) = asked_on(&told.seen) else { return Map::new() };
    let here = members.into_iter().filter(|(name, _)| !OF_A_FLOW.contains(&name.as_str()));
    here.map(|(name, value)| match name.as_str() {
        "devices" => ("_embedded".to_owned(), json!({ "devices": value })),
        "selectedDeviceRef" => ("selectedDevice".to_owned(), value),
        _ => (name, value),
    })
    .collect()
}

/// The action that is named, with its body.
async fn act(request: &Request, body: &mut RequestBody) -> Result<Act, Refused> {
    let named = flow::named(request).map_err(|unnamed| match unnamed {
        Unnamed::Twice => Refused::from(flow::conflict()),
        Unnamed::Nowhere | Unnamed::OtherType => Refused::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    })?;
    let action = Action::parse(&named).ok_or_else(FlowRefusal::not_now)?;
    let sent = sent(request, body).await?;
    Ok(match action {
        Action::SelectDevice => {
            let select: Select = shaped(sent)?;
            let named = select.device.ok_or_else(|| lacking("device.id"))?;
            let device = uuid(Kind::Device, &named.id).ok_or_else(|| invalid_device("device.id"))?;
            let body = json!({ "deviceRef": { "id": device.to_string() } });
            Act::SelectDevice(Members::parse(flow_api::Action::SelectDevice, &body)?)
        }
        Action::CheckOtp => {
            // The app that somebody uses is known from the beginning, or not at all.
            if sent.get("mobilePayload").is_some() {
                let why = "a payload with an action";
                let refusal = FlowRefusal::invalid(DetailCode::UnrecognizedFieldName, Some("mobilePayload"), why);
                return Err(refusal.into());
            }
            Act::CheckOtp(Members::parse(flow_api::Action::CheckOtp, &sent)?)
        }
        Action::CheckAssertion => Act::CheckAssertion(Members::parse(flow_api::Action::CheckAssertion, &sent)?),
        Action::CancelPush => {
            let Cancel { reason } = shaped(sent)?;
            match reason.as_deref() {
                None => Act::CancelPush { ends: true },
                Some(CHANGE_DEVICE) => Act::CancelPush { ends: false },
                Some(_) => return Err(impossible("reason").into()),
            }
        }
    })
}

/// What was sent: an object, be it an empty one.
async fn sent(request: &Request, body: &mut RequestBody) -> Result<Value, Refused> {
    let sent = read(request, body, FORM_LIMIT).await.map_err(|error| {
        if error == BodyError::TooLarge {
            Refused::Status(StatusCode::PAYLOAD_TOO_LARGE)
        } else if error == BodyError::TooSlow {
            Refused::Status(StatusCode::REQUEST_TIMEOUT)
        } else {
            FlowRefusal::new(FlowErrorCode::InvalidRequest, "a body that cannot be read").into()
        }
    })?;
    if sent.is_empty() {
        return Ok(json!({}));
    }
    let no_object = || FlowRefusal::invalid(DetailCode::UnexpectedActionModel, None, "the body is no JSON object");
    let sent = strict_json(&sent).map_err(|_| no_object())?;
    if sent.is_object() { Ok(sent) } else { Err(no_object().into()) }
}

fn shaped<T: DeserializeOwned>(sent: Value) -> Result<T, FlowRefusal> {
    let why = "a member that is unknown, or of another type";
    serde_json::from_value(sent).map_err(|_| FlowRefusal::invalid(DetailCode::InvalidFieldFormat, None, why))
}

/// As the flow API writes it, or as the admin API does.
fn uuid(kind: Kind, text: &str) -> Option<Uuid> {
    // Any identifier that is a UUID is written alike.
    text.parse().ok().map(UserId::uuid).or_else(|| public_id::decode(kind, text))
}

fn lacking(member: &'static str) -> FlowRefusal {
    FlowRefusal::invalid(DetailCode::FieldRequired, Some(member), "a member that is missing")
}

fn impossible(member: &'static str) -> FlowRefusal {
    FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some(member), "a value that is none of the possible ones")
}

fn invalid_device(member: &'static str) -> FlowRefusal {
    FlowRefusal::invalid(DetailCode::InvalidDevice, Some(member), "no identifier of a device")
}
