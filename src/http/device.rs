//! The device API, `/device/v1` (flows.md H.3): what a phone asks and answers. Every call carries a
//! proof; every answer carries a nonce for the next one.

use std::sync::Arc;
use std::time::Duration;

use nod_device::messages::{ApproveRequest, DeviceRole, DeviceStatus};
use nod_device::messages::{
    Authenticator, DecisionAnswer, DenyRequest, Me, MyUser, PairedUser, Pairing, PairingRequest, Pending, RotateAnswer,
    RotateRequest,
};
use nod_device::proof::{DEVICE_NONCE, DEVICE_PROOF, Purpose};
use nod_device::{self as wire, Decision as Said, Issuer};
use poem::http::header::{CONTENT_TYPE, HeaderValue};
use poem::http::{HeaderName, StatusCode};
use poem::web::{Data, Path};
use poem::{
    Endpoint, EndpointExt as _, IntoEndpoint, IntoResponse as _, Request, Response, Route, delete, get, handler, post,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::domain::authentication_request::Decision;
use crate::domain::device::{Device, Status};
use crate::http::body::{BodyError, RawBody, is_json_request, strict_json};
use crate::http::client_authentication::client_ip;
use crate::http::device_events::{Streams, events};
use crate::http::error::Failure;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::{DeviceId, NotificationId, PairingKey};
use crate::secret::Secret;
use crate::usecase::authenticate_device::{
    AuthenticateDevice, AuthenticatedInstallation, Call, DeviceError, Nonces, Proved,
};
use crate::usecase::decide::{Body, Decide};
use crate::usecase::inbox::ReadInbox;
use crate::usecase::pair_device::PairDevice;

pub struct DeviceApi {
    pub authenticate: AuthenticateDevice,
    pub pair: PairDevice,
    pub inbox: ReadInbox,
    pub decide: Decide,
    pub clock: Arc<dyn Clock>,
    pub issuer: Issuer,
    pub streams: Streams,
}

type Api<'a> = Data<&'a Arc<DeviceApi>>;

/// All routes, with the nonce on each answer.
pub fn routes(api: Arc<DeviceApi>) -> impl IntoEndpoint<Endpoint = impl Endpoint<Output = Response>> {
    let nonces = api.authenticate.nonces.clone();
    let clock = Arc::clone(&api.clock);
    let routes = Route::new()
        .at("/v1/pairings", post(pair))
        .at("/v1/notifications/pending", get(pending))
        .at("/v1/notifications/:id", get(notification))
        .at("/v1/notifications/:id/approve", post(approve))
        .at("/v1/notifications/:id/deny", post(deny))
        .at("/v1/events", get(events))
        .at("/v1/me", get(me))
        .at("/v1/keys/rotate", post(rotate))
        .at("/v1/devices/:id", delete(unpair))
        .data(api);
    WithNonce { routes, nonces, clock }
}

/// Puts [`DEVICE_NONCE`] on the answer of a call that went well; `Errors` turns the others into
/// answers further out, so it has to ask [`WithNonce`] too.
struct WithNonce<E> {
    routes: E,
    nonces: Nonces,
    clock: Arc<dyn Clock>,
}

impl<E: Endpoint> Endpoint for WithNonce<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mut response = self.routes.call(request).await?.into_response();
        response.headers_mut().insert(NONCE, nonce(&self.nonces, &*self.clock));
        Ok(response)
    }
}

pub const NONCE: HeaderName = HeaderName::from_static("device-nonce");

pub fn nonce(nonces: &Nonces, clock: &dyn Clock) -> HeaderValue {
    debug_assert!(DEVICE_NONCE.eq_ignore_ascii_case(NONCE.as_str()));
    HeaderValue::from_str(&nonces.current(clock.now())).unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl DeviceApi {
    pub async fn authenticated(
        &self,
        http: &Request,
        purpose: Purpose,
        body: Option<&[u8]>,
    ) -> poem::Result<AuthenticatedInstallation> {
        let call = call(http, purpose, body)?;
        self.authenticate.authenticate(&call).await.map_err(Failure::device)
    }

    fn proved(&self, http: &Request, body: &[u8]) -> poem::Result<Proved> {
        let call = call(http, Purpose::Pairing, Some(body))?;
        self.authenticate.prove(&call).map_err(Failure::device)
    }
}

fn call<'a>(http: &'a Request, purpose: Purpose, body: Option<&'a [u8]>) -> poem::Result<Call<'a>> {
    let mut proofs = http.headers().get_all(DEVICE_PROOF).iter();
    let proof = match (proofs.next(), proofs.next()) {
        (None, _) => None,
        (Some(one), None) => one.to_str().ok(),
        (Some(_), Some(_)) => {
            let why = "more than one proof";
            return Err(Failure::device(DeviceRefusal::new(DeviceErrorCode::ProofInvalid, why).into()));
        }
    };
    let path = http.original_uri().path();
    Ok(Call { proof, purpose, method: http.method().as_str(), path, body })
}

/// Read after the proof was checked against the bytes: what nobody vouches for is not parsed.
fn parse<T: DeserializeOwned>(http: &Request, body: &[u8]) -> poem::Result<T> {
    if !is_json_request(http) {
        return Err(BodyError::NotJson.into());
    }
    serde_json::from_value(strict_json(body)?).map_err(|_| BodyError::Shape("not what this call takes".into()).into())
}

fn id<T: std::str::FromStr>(text: &str, code: DeviceErrorCode) -> poem::Result<T> {
    text.parse().map_err(|_| Failure::device(code.into()))
}

fn answer<T: Serialize>(status: StatusCode, body: &T) -> Response {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(serde_json::to_vec(body).unwrap_or_default())
}

#[handler]
async fn pair(Data(api): Api<'_>, http: &Request, RawBody(body): RawBody) -> poem::Result<Response> {
    let proof = api.proved(http, &body)?;
    let request: PairingRequest = parse(http, &body)?;
    let key = PairingKey::new(Secret::new(request.pairing_key.expose().to_owned()));
    api.pair.admit(&proof, &client_ip(http).to_string()).await.map_err(Failure::device)?;
    api.authenticate.spend(&proof).await.map_err(Failure::device)?;
    let (device, user) = api.pair.pair(&proof, &key, request.installation).await.map_err(Failure::device)?;
    tracing::info!(device.id = %device.id, user.id = %user.id, "device paired");
    let pairing = Pairing {
        device_id: wire::DeviceId::new(device.id.uuid()),
        installation_id: wire::InstallationId::new(device.installation.uuid()),
        user: PairedUser {
            user_id: wire::UserId::new(user.id.uuid()),
            username: user.username.clone(),
            name: user.name.clone(),
        },
        authenticators: vec![Authenticator {
            kind: "push".to_owned(),
            status: "failed".to_owned(),
            error_code: Some("MissingDeviceToken".to_owned()),
        }],
    };
    Ok(answer(StatusCode::CREATED, &pairing))
}

#[handler]
async fn pending(Data(api): Api<'_>, http: &Request) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Read, None).await?;
    let notifications = api.inbox.pending(&caller.devices).await.map_err(unavailable)?;
    Ok(answer(StatusCode::OK, &Pending { notifications }))
}

#[handler]
async fn notification(Data(api): Api<'_>, http: &Request, Path(text): Path<String>) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Read, None).await?;
    let id: NotificationId = id(&text, DeviceErrorCode::NotificationNotFound)?;
    let (device, question) = api.inbox.find(&caller.devices, id).await.map_err(Failure::device)?;
    Ok(answer(StatusCode::OK, &question.notification(device, api.clock.now())))
}

#[handler]
async fn approve(
    Data(api): Api<'_>,
    http: &Request,
    Path(text): Path<String>,
    RawBody(body): RawBody,
) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Approve, Some(&body)).await?;
    let request: ApproveRequest = parse(http, &body)?;
    decide(api, &caller, &text, Body::Approve(&request)).await
}

#[handler]
async fn deny(
    Data(api): Api<'_>,
    http: &Request,
    Path(text): Path<String>,
    RawBody(body): RawBody,
) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Deny, Some(&body)).await?;
    let request: DenyRequest = parse(http, &body)?;
    decide(api, &caller, &text, Body::Deny(&request)).await
}

async fn decide(
    api: &DeviceApi,
    caller: &AuthenticatedInstallation,
    text: &str,
    body: Body<'_>,
) -> poem::Result<Response> {
    let id: NotificationId = id(text, DeviceErrorCode::NotificationNotFound)?;
    let outcome = api.decide.decide(caller, id, body).await.map_err(Failure::device)?;
    let status = match outcome {
        Decision::Approved(_) => Said::Approved,
        Decision::Denied(_) | Decision::Cancelled => Said::Denied,
    };
    tracing::info!(notification.id = %id, ?status, "decided");
    Ok(answer(StatusCode::OK, &DecisionAnswer { status }))
}

#[handler]
async fn me(Data(api): Api<'_>, http: &Request) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Read, None).await?;
    let users = api.inbox.users_of(&caller.devices).await.map_err(unavailable)?;
    let users = users.iter().map(|(device, user)| my_user(device, &user.username, user.name.as_deref())).collect();
    let me = Me {
        installation_id: wire::InstallationId::new(caller.installation.id.uuid()),
        issuer: api.issuer.clone(),
        users,
        time: nod_device::Timestamp::from_millis(api.clock.now().millis()),
    };
    Ok(answer(StatusCode::OK, &me))
}

fn my_user(device: &Device, username: &str, name: Option<&str>) -> MyUser {
    MyUser {
        user_id: wire::UserId::new(device.user.uuid()),
        username: username.to_owned(),
        name: name.map(str::to_owned),
        device_id: wire::DeviceId::new(device.id.uuid()),
        nickname: device.nickname.clone(),
        role: if device.is_primary() { DeviceRole::Primary } else { DeviceRole::Trusted },
        status: match device.status {
            Status::Active => DeviceStatus::Active,
            Status::Blocked => DeviceStatus::Blocked,
        },
    }
}

#[handler]
async fn rotate(Data(api): Api<'_>, http: &Request, RawBody(body): RawBody) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Rotate, Some(&body)).await?;
    let request: RotateRequest = parse(http, &body)?;
    let installation = api.pair.rotate(&caller, &request).await.map_err(Failure::device)?;
    let installation_id = wire::InstallationId::new(installation.uuid());
    Ok(answer(StatusCode::OK, &RotateAnswer { installation_id }))
}

#[handler]
async fn unpair(Data(api): Api<'_>, http: &Request, Path(text): Path<String>) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Unpair, None).await?;
    let device: DeviceId = id(&text, DeviceErrorCode::DeviceNotFound)?;
    api.pair.unpair(&caller, device).await.map_err(Failure::device)?;
    tracing::info!(device.id = %device, "device unpaired");
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub fn unavailable(error: crate::usecase::StoreError) -> poem::Error {
    Failure::device(DeviceError::Unavailable(error))
}

/// How often an open stream says that it is alive.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
