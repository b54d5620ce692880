//! The device API, `/device/v1` (flows.md H.3): what a phone asks and answers. Every call carries a
//! proof; every answer carries a nonce for the next one.

pub mod answers;
pub mod events;
mod paired;
pub mod schema;

use std::sync::Arc;

use nod_device::messages::{
    AckAnswer, AckRequest, AckStatus, ApproveEnrollmentRequest, ApproveRequest, DecisionAnswer, DenyEnrollmentRequest,
    DenyRequest, DeviceRole, DeviceStatus, Enrollment, EnrollmentApplication, EnrollmentUser, LogsAnswer, LogsRequest,
    Me, MyUser, PairingRequest, Pending, PushEnabled, PushToken, RotateAnswer, RotateRequest, TestPushAnswer,
    TestPushRequest,
};
use nod_device::proof::{DEVICE_NONCE, DEVICE_PROOF, Purpose, Statement};
use nod_device::{self as wire, Decision as Said, Issuer, Notification};
use poem::Request;
use poem::http::HeaderName;
use poem::http::header::{ACCEPT_LANGUAGE, HeaderValue};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use serde::de::DeserializeOwned;

use self::answers::{EnrollmentDenied, PairingAnswer, PushEnabledSet, PushTokenRemoved, PushTokenSet, Unpaired};
use self::events::Streams;
use self::paired::{MISSING_TOKEN, lacking};
use crate::clock::Clock;
use crate::domain::authentication_request::Decision;
use crate::domain::device::{Device, Status};
use crate::http::Tag;
use crate::http::body::{BodyError, is_json_request, strict_json};
use crate::http::client_authentication::client_ip;
use crate::http::described::{Described, EventStream, Unread};
use crate::http::error::Failure;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::{DeviceId, EnrolmentTicket, NotificationId, PairingKey};
use crate::secret::Secret;
use crate::usecase::authenticate_device::{
    AuthenticateDevice, AuthenticatedInstallation, Call, DeviceError, Nonces, Proved,
};
use crate::usecase::decide::{Body, Decide};
use crate::usecase::device_logs::{KeepLogs, TestPush};
use crate::usecase::device_trust::agree_passcode::AgreePasscode;
use crate::usecase::device_trust::enrol::AnswerEnrolment;
use crate::usecase::device_trust::silent::AnswerSilently;
use crate::usecase::inbox::ReadInbox;
use crate::usecase::pair_device::PairDevice;
use crate::usecase::push::register::RegisterPush;
use crate::words::Wishes;

pub struct DeviceApi {
    pub authenticate: AuthenticateDevice,
    pub pair: PairDevice,
    pub enrol: AnswerEnrolment,
    pub passcodes: AgreePasscode,
    pub inbox: ReadInbox,
    pub decide: Decide,
    pub push: RegisterPush,
    pub silent: AnswerSilently,
    pub logs: Arc<KeepLogs>,
    pub test: TestPush,
    pub clock: Arc<dyn Clock>,
    pub issuer: Issuer,
    pub streams: Streams,
}

pub const NONCE: HeaderName = HeaderName::from_static("device-nonce");

/// What a 401 asks for: named as the header that carries the proof.
pub const CHALLENGE: &str = "Device-Proof realm=\"nod\", algs=\"ES256\"";

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
        Box::pin(self.authenticate.authenticate(&call)).await.map_err(Failure::device)
    }

    /// By any key: there may be no installation of it yet.
    fn proved(&self, http: &Request, purpose: Purpose, body: Option<&[u8]>) -> poem::Result<Proved> {
        let call = call(http, purpose, body)?;
        self.authenticate.prove(&call).map_err(Failure::device)
    }

    /// The signed answer to an offer: to this one, and this answer.
    async fn answers(
        &self,
        http: &Request,
        ticket: &str,
        decision: wire::Decision,
        body: &[u8],
    ) -> poem::Result<(Proved, EnrolmentTicket)> {
        let proof = self.proved(http, Purpose::Enrollment, Some(body))?;
        let Statement::Enrollment(said) = &proof.claims.statement else {
            return Err(Failure::device(DeviceErrorCode::ProofInvalid.into()));
        };
        if said.decision != decision || said.ticket.expose() != ticket {
            return Err(Failure::device(DeviceErrorCode::ProofMismatch.into()));
        }
        let ticket = EnrolmentTicket::presented(ticket);
        self.enrol.admit(&ticket, &client_ip(http).to_string()).await.map_err(Failure::device)?;
        self.authenticate.spend(&proof).await.map_err(Failure::device)?;
        Ok((proof, ticket))
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

/// In which the person is written to, as their phone wishes.
fn language(http: &Request) -> &'static str {
    let accept_language = http.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Wishes { accept_language, ..Wishes::default() }.best().tag()
}

fn id<T: std::str::FromStr>(text: &str, code: DeviceErrorCode) -> poem::Result<T> {
    text.parse().map_err(|_| Failure::device(code.into()))
}

type Answered<T, S> = poem::Result<Described<T, S>>;

#[OpenApi(prefix_path = "/device/v1", tag = "Tag::Device")]
impl DeviceApi {
    /// Pair this phone
    ///
    /// Turns a pairing key into a device of its person. The proof's key becomes the installation's key.
    #[oai(path = "/pairings", method = "post", operation_id = "pairDevice")]
    async fn pair(&self, http: &Request, body: Unread<schema::PairingRequest>) -> poem::Result<PairingAnswer> {
        let proof = self.proved(http, Purpose::Pairing, Some(&body.bytes))?;
        let request: PairingRequest = parse(http, &body.bytes)?;
        let key = PairingKey::new(Secret::new(request.pairing_key.expose().to_owned()));
        let from = client_ip(http).to_string();
        self.pair.admit(&proof, &from).await.map_err(Failure::device)?;
        if let Err(error) = self.authenticate.spend(&proof).await {
            // The key is looked at no further: who sends all of it again since an answer was lost has guessed nothing.
            self.pair.is_no_guess(&proof, &from).await;
            return Err(Failure::device(error));
        }
        let paired_by = self.pair.pair((&proof, &from), &key, request.installation, language(http)).await;
        let (device, user) = paired_by.map_err(Failure::device)?;
        Ok(self.paired(&device, &user, Some(MISSING_TOKEN)).await)
    }

    /// See the offer to become a device
    ///
    /// Of whoever has just signed in by this app: the ticket is in the ID token, as `device_enrollment`, or in the
    /// state `MOBILE_PAIRING_REQUIRED` of the authentication flow.
    #[oai(path = "/enrollments/:ticket", method = "get", operation_id = "getEnrollment")]
    async fn enrollment(&self, http: &Request, Path(ticket): Path<String>) -> Answered<Enrollment, schema::Enrollment> {
        let proof = self.proved(http, Purpose::Read, None)?;
        let ticket = EnrolmentTicket::presented(&ticket);
        self.enrol.admit(&ticket, &client_ip(http).to_string()).await.map_err(Failure::device)?;
        self.authenticate.spend(&proof).await.map_err(Failure::device)?;
        let seen = self.enrol.look(&proof, &ticket).await.map_err(Failure::device)?;
        Ok(Described::new(Enrollment {
            user: EnrollmentUser {
                id: wire::UserId::new(seen.user.id.uuid()),
                display: seen.user.name.clone().unwrap_or_else(|| seen.user.username.clone()),
            },
            application: EnrollmentApplication {
                id: seen.application.id.to_string(),
                name: seen.application.name.clone(),
            },
            expires_at: nod_device::Timestamp::from_millis(seen.expires_at.millis()),
        }))
    }

    /// Become a device
    ///
    /// The person wants it: the proof's key is that of a device of theirs now.
    #[oai(path = "/enrollments/:ticket/approve", method = "post", operation_id = "approveEnrollment")]
    async fn approve_enrollment(
        &self,
        http: &Request,
        Path(ticket): Path<String>,
        body: Unread<schema::ApproveEnrollment>,
    ) -> poem::Result<PairingAnswer> {
        let (proof, ticket) = self.answers(http, &ticket, wire::Decision::Approved, &body.bytes).await?;
        let request: ApproveEnrollmentRequest = parse(http, &body.bytes)?;
        let enrolled = Box::pin(self.enrol.approve(&proof, &ticket, request.installation, language(http))).await;
        let (device, user) = enrolled.map_err(Failure::device)?;
        // What is wrong with it does not undo that the phone is a device now.
        let lacks = match request.push_token {
            None => Some(MISSING_TOKEN),
            Some(token) => self.push.put_of_key(&proof.jkt, token).await.err().map(|error| lacking(&error)),
        };
        Ok(self.paired(&device, &user, lacks).await)
    }

    /// Do not become a device
    ///
    /// The person does not want it. It is offered again at another sign-in.
    #[oai(path = "/enrollments/:ticket/deny", method = "post", operation_id = "denyEnrollment")]
    async fn deny_enrollment(
        &self,
        http: &Request,
        Path(ticket): Path<String>,
        body: Unread<schema::DenyEnrollment>,
    ) -> poem::Result<EnrollmentDenied> {
        let (proof, ticket) = self.answers(http, &ticket, wire::Decision::Denied, &body.bytes).await?;
        let _: DenyEnrollmentRequest = parse(http, &body.bytes)?;
        self.enrol.deny(&proof, &ticket).await.map_err(Failure::device)?;
        Ok(EnrollmentDenied::Heard)
    }

    /// Fetch the open questions
    #[oai(path = "/notifications/pending", method = "get", operation_id = "listPendingNotifications")]
    async fn pending(&self, http: &Request) -> Answered<Pending, schema::PendingNotifications> {
        let caller = self.authenticated(http, Purpose::Read, None).await?;
        let notifications = self.inbox.pending(&caller.devices).await.map_err(unavailable)?;
        Ok(Described::new(Pending { notifications }))
    }

    /// Fetch one question
    #[oai(path = "/notifications/:notification_id", method = "get", operation_id = "getNotification")]
    async fn notification(
        &self,
        http: &Request,
        Path(notification_id): Path<String>,
    ) -> Answered<Notification, schema::Notification> {
        let caller = self.authenticated(http, Purpose::Read, None).await?;
        let id: NotificationId = id(&notification_id, DeviceErrorCode::NotificationNotFound)?;
        let (device, question) = self.inbox.find(&caller.devices, id).await.map_err(Failure::device)?;
        Ok(Described::new(question.notification(device, self.clock.now())))
    }

    /// Say yes
    ///
    /// The proof is the signed decision, for just this question as it was shown.
    #[oai(path = "/notifications/:notification_id/approve", method = "post", operation_id = "approveNotification")]
    async fn approve(
        &self,
        http: &Request,
        Path(notification_id): Path<String>,
        body: Unread<schema::Approve>,
    ) -> Answered<DecisionAnswer, schema::DecisionAnswer> {
        let caller = self.authenticated(http, Purpose::Approve, Some(&body.bytes)).await?;
        let request: ApproveRequest = parse(http, &body.bytes)?;
        self.decided(&caller, &notification_id, Body::Approve(&request)).await
    }

    /// Say no
    #[oai(path = "/notifications/:notification_id/deny", method = "post", operation_id = "denyNotification")]
    async fn deny(
        &self,
        http: &Request,
        Path(notification_id): Path<String>,
        body: Unread<schema::Deny>,
    ) -> Answered<DecisionAnswer, schema::DecisionAnswer> {
        let caller = self.authenticated(http, Purpose::Deny, Some(&body.bytes)).await?;
        let request: DenyRequest = parse(http, &body.bytes)?;
        self.decided(&caller, &notification_id, Body::Deny(&request)).await
    }

    /// Answer a push that nobody sees
    ///
    /// With the `pv` that was in it: in time, and once. A wrong one is the one try as well.
    #[oai(path = "/notifications/:notification_id/ack", method = "post", operation_id = "acknowledgePush")]
    async fn acknowledge(
        &self,
        http: &Request,
        Path(notification_id): Path<String>,
        body: Unread<schema::Ack>,
    ) -> Answered<AckAnswer, schema::AckAnswer> {
        let caller = self.authenticated(http, Purpose::Ack, Some(&body.bytes)).await?;
        let AckRequest { pv } = parse(http, &body.bytes)?;
        let id: NotificationId = id(&notification_id, DeviceErrorCode::NotificationNotFound)?;
        self.silent.answer(&caller, id, &pv).await.map_err(Failure::device)?;
        tracing::info!(notification.id = %id, status = 200_u16, "silent push answered");
        Ok(Described::new(AckAnswer { status: AckStatus::Done }))
    }

    /// Listen for questions
    ///
    /// Server-sent events: `ready`, `notification` (data: a Notification), `canceled` (data:
    /// `{"notificationId", "reason"}`), `silent_verify` (data: what a push would say), `unpaired`. A comment every 15
    /// seconds keeps the stream open.
    #[oai(path = "/events", method = "get", operation_id = "listenToNotifications")]
    async fn events(&self, http: &Request) -> poem::Result<EventStream> {
        events::listen(self, http).await.map(EventStream)
    }

    /// See whom this phone serves
    #[oai(path = "/me", method = "get", operation_id = "getInstallation")]
    async fn me(&self, http: &Request) -> Answered<Me, schema::Me> {
        let caller = self.authenticated(http, Purpose::Read, None).await?;
        let users = self.inbox.users_of(&caller.devices).await.map_err(unavailable)?;
        let users = users.iter().map(|(device, user)| my_user(device, &user.username, user.name.as_deref())).collect();
        Ok(Described::new(Me {
            installation_id: wire::InstallationId::new(caller.installation.id.uuid()),
            issuer: self.issuer.clone(),
            users,
            time: nod_device::Timestamp::from_millis(self.clock.now().millis()),
        }))
    }

    /// Change to a new key
    ///
    /// Signed by the old key, and by the new one inside. The old key works until the new one is used.
    #[oai(path = "/keys/rotate", method = "post", operation_id = "rotateDeviceKey")]
    async fn rotate(
        &self,
        http: &Request,
        body: Unread<schema::RotateRequest>,
    ) -> Answered<RotateAnswer, schema::RotateAnswer> {
        let caller = self.authenticated(http, Purpose::Rotate, Some(&body.bytes)).await?;
        let request: RotateRequest = parse(http, &body.bytes)?;
        let installation = self.pair.rotate(&caller, &request).await.map_err(Failure::device)?;
        Ok(Described::new(RotateAnswer { installation_id: wire::InstallationId::new(installation.uuid()) }))
    }

    /// Say where a push reaches this phone
    ///
    /// Whenever the app starts, and whenever its platform gives it another token. A token is one installation's: handed in
    /// by another one, it is that one's. Nobody reads it again.
    #[oai(path = "/push-token", method = "put", operation_id = "setPushToken")]
    async fn set_push_token(&self, http: &Request, body: Unread<schema::PushToken>) -> poem::Result<PushTokenSet> {
        let caller = self.authenticated(http, Purpose::Push, Some(&body.bytes)).await?;
        let token: PushToken = parse(http, &body.bytes)?;
        self.push.put(&caller, token).await.map_err(Failure::device)?;
        Ok(PushTokenSet::Heard)
    }

    /// Be reached by no push
    ///
    /// The phone still finds questions when it asks, or listens.
    #[oai(path = "/push-token", method = "delete", operation_id = "removePushToken")]
    async fn remove_push_token(&self, http: &Request) -> poem::Result<PushTokenRemoved> {
        let caller = self.authenticated(http, Purpose::Push, None).await?;
        self.push.remove(&caller).await.map_err(Failure::device)?;
        Ok(PushTokenRemoved::Gone)
    }

    /// Let this phone ring, or not
    ///
    /// Without pushes it is not asked first where there is another way, and finds questions when it asks, or listens.
    #[oai(path = "/push-enabled", method = "put", operation_id = "setPushEnabled")]
    async fn set_push_enabled(
        &self,
        http: &Request,
        body: Unread<schema::PushEnabled>,
    ) -> poem::Result<PushEnabledSet> {
        let caller = self.authenticated(http, Purpose::Push, Some(&body.bytes)).await?;
        let PushEnabled { enabled } = parse(http, &body.bytes)?;
        self.push.allow(&caller, enabled).await.map_err(Failure::device)?;
        Ok(PushEnabledSet::Heard)
    }

    /// Push a test to this phone
    ///
    /// By its push service, as a question would be. It asks nothing, and three in ten minutes are enough.
    #[oai(path = "/test-push", method = "post", operation_id = "testOwnPush")]
    async fn test_push(
        &self,
        http: &Request,
        body: Unread<schema::TestPushRequest>,
    ) -> Answered<TestPushAnswer, schema::TestPushAnswer> {
        let caller = self.authenticated(http, Purpose::Push, Some(&body.bytes)).await?;
        let TestPushRequest {} = parse(http, &body.bytes)?;
        let sent = self.test.of(&caller).await.map_err(Failure::device)?;
        Ok(Described::new(TestPushAnswer { sent }))
    }

    /// Send what this app has noted down
    ///
    /// For whoever helps its person, who reads the support ID out. It is kept for three days; five in a day are enough.
    #[oai(path = "/logs", method = "post", operation_id = "sendDeviceLogs")]
    async fn send_logs(
        &self,
        http: &Request,
        body: Unread<schema::LogsRequest>,
    ) -> Answered<LogsAnswer, schema::LogsAnswer> {
        let caller = self.authenticated(http, Purpose::Logs, Some(&body.bytes)).await?;
        let LogsRequest { log } = parse(http, &body.bytes)?;
        let id = self.logs.keep(&caller, log).await.map_err(Failure::device)?;
        tracing::info!(support.id = %id, installation.id = %caller.installation.id, status = 200_u16, "logs of an app kept");
        Ok(Described::new(LogsAnswer { support_id: id.to_string() }))
    }

    /// Stop serving a person
    #[oai(path = "/devices/:device_id", method = "delete", operation_id = "unpairDevice")]
    async fn unpair(&self, http: &Request, Path(device_id): Path<String>) -> poem::Result<Unpaired> {
        let caller = self.authenticated(http, Purpose::Unpair, None).await?;
        let device: DeviceId = id(&device_id, DeviceErrorCode::DeviceNotFound)?;
        self.pair.unpair(&caller, device, language(http)).await.map_err(Failure::device)?;
        tracing::info!(device.id = %device, status = 204_u16, "device unpaired");
        Ok(Unpaired::Gone)
    }
}

impl DeviceApi {
    async fn decided(
        &self,
        caller: &AuthenticatedInstallation,
        text: &str,
        body: Body<'_>,
    ) -> Answered<DecisionAnswer, schema::DecisionAnswer> {
        let id: NotificationId = id(text, DeviceErrorCode::NotificationNotFound)?;
        let outcome = Box::pin(self.decide.decide(caller, id, body)).await.map_err(Failure::device)?;
        let status = match outcome {
            Decision::Approved(_) => Said::Approved,
            Decision::Denied(_) | Decision::Cancelled => Said::Denied,
        };
        let (step, outcome) = match &outcome {
            Decision::Approved(_) => ("approve", "approved"),
            Decision::Denied(denial) => ("deny", denial.as_str()),
            Decision::Cancelled => ("deny", "cancelled"),
        };
        tracing::info!(notification.id = %id, outcome, status = 200_u16, "{step}");
        Ok(Described::new(DecisionAnswer { status }))
    }
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

pub fn unavailable(error: crate::usecase::StoreError) -> poem::Error {
    Failure::device(DeviceError::Unavailable(error))
}
