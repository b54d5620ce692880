//! Each call of the device API as data: method, URL, body, and what its proof states. Whoever moves
//! the bytes (the client of this crate, a platform's HTTP stack, a test) adds [`Freshness`].

use crate::digest::BodyDigest;
use crate::enrollment::EnrollmentTicket;
use crate::id::{DeviceId, InstallationId, NotificationId};
use crate::issuer::Issuer;
use crate::messages::{
    AckRequest, ApproveEnrollmentRequest, DenyEnrollmentRequest, LogsRequest, PairingRequest, PushEnabled, PushToken,
    RotateRequest, TestPushRequest, to_json,
};
use crate::notification::Decision;
use crate::proof::{DeviceKey, EnrollmentDecision, Freshness, KeyError, Method, ProofClaims, Statement};
use crate::push::{Acknowledgement, ProofValue};

const PUSH_TOKEN: &str = "/push-token";

/// A call that was not sent yet. It can be sent again: every sending gets a proof of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    method: Method,
    path: String,
    statement: Statement,
    body: Option<Vec<u8>>,
}

impl Call {
    pub fn pair(request: &PairingRequest) -> Self {
        Self::post("/pairings".to_owned(), Statement::Pairing, to_json(request))
    }

    /// Who is asked, by what application, until when.
    pub fn enrollment(ticket: &EnrollmentTicket) -> Self {
        Self::get(format!("/enrollments/{}", ticket.expose()))
    }

    pub fn approve_enrollment(ticket: &EnrollmentTicket, request: &ApproveEnrollmentRequest) -> Self {
        Self::answer(ticket, Decision::Approved, "approve", to_json(request))
    }

    pub fn deny_enrollment(ticket: &EnrollmentTicket) -> Self {
        Self::answer(ticket, Decision::Denied, "deny", to_json(&DenyEnrollmentRequest {}))
    }

    fn answer(ticket: &EnrollmentTicket, decision: Decision, verb: &str, body: Vec<u8>) -> Self {
        let statement = Statement::Enrollment(EnrollmentDecision { ticket: ticket.clone(), decision });
        Self::post(format!("/enrollments/{}/{verb}", ticket.expose()), statement, body)
    }

    pub fn pending() -> Self {
        Self::get("/notifications/pending".to_owned())
    }

    pub fn notification(id: NotificationId) -> Self {
        Self::get(format!("/notifications/{id}"))
    }

    /// The answer to a push that nobody sees, with what was in it.
    pub fn acknowledge(installation_id: InstallationId, id: NotificationId, pv: ProofValue) -> Self {
        let statement = Statement::Ack(Acknowledgement { installation_id, notification_id: id });
        Self::post(format!("/notifications/{id}/ack"), statement, to_json(&AckRequest { pv }))
    }

    pub fn events() -> Self {
        Self::get("/events".to_owned())
    }

    pub fn me() -> Self {
        Self::get("/me".to_owned())
    }

    pub fn rotate(request: &RotateRequest) -> Self {
        Self::post("/keys/rotate".to_owned(), Statement::Rotate, to_json(request))
    }

    pub fn unpair(device: DeviceId) -> Self {
        Self { method: Method::Delete, path: format!("/devices/{device}"), statement: Statement::Unpair, body: None }
    }

    /// Where a push reaches this installation from now on.
    pub fn set_push_token(token: &PushToken) -> Self {
        let body = Some(to_json(token));
        Self { method: Method::Put, path: PUSH_TOKEN.to_owned(), statement: Statement::Push, body }
    }

    /// No push reaches it any more.
    pub fn remove_push_token() -> Self {
        Self { method: Method::Delete, path: PUSH_TOKEN.to_owned(), statement: Statement::Push, body: None }
    }

    /// Whether a push may reach it: what the person wants.
    pub fn allow_push_notifications(enabled: bool) -> Self {
        let body = Some(to_json(&PushEnabled { enabled }));
        Self { method: Method::Put, path: "/push-enabled".to_owned(), statement: Statement::Push, body }
    }

    /// A push that asks nothing, to see that one arrives.
    pub fn test_push() -> Self {
        Self::post("/test-push".to_owned(), Statement::Push, to_json(&TestPushRequest {}))
    }

    /// What the app has noted down, for whoever helps its person.
    pub fn send_logs(request: &LogsRequest) -> Self {
        Self::post("/logs".to_owned(), Statement::Logs, to_json(request))
    }

    fn get(path: String) -> Self {
        Self { method: Method::Get, path, statement: Statement::Read, body: None }
    }

    /// Decisions are made in [`decide`](crate::decide), which knows when there is none to make.
    pub(crate) fn post(path: String, statement: Statement, body: Vec<u8>) -> Self {
        Self { method: Method::Post, path, statement, body: Some(body) }
    }

    pub const fn method(&self) -> Method {
        self.method
    }

    pub fn url(&self, issuer: &Issuer) -> String {
        issuer.device_url(&self.path)
    }

    /// JSON, to be sent with `Content-Type: application/json`.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    pub fn claims(&self, issuer: &Issuer, fresh: &Freshness) -> ProofClaims {
        ProofClaims {
            statement: self.statement.clone(),
            htm: self.method,
            htu: self.url(issuer),
            aud: issuer.as_str().to_owned(),
            iat: fresh.iat,
            jti: fresh.jti_text(),
            nonce: fresh.nonce.clone(),
            bd: self.body().map(BodyDigest::of),
        }
    }

    /// The value of the header `Device-Proof`.
    pub fn prove(&self, issuer: &Issuer, key: &dyn DeviceKey, fresh: &Freshness) -> Result<String, KeyError> {
        self.claims(issuer, fresh).sign(key)
    }
}

/// Without the body, which may hold a pairing key, and the end of the path, which may be a ticket.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.path.split('/').nth(1).unwrap_or_default();
        write!(f, "Call({} /{first})", self.method.as_str())
    }
}
