//! The person answers: a decision signed by a trusted device, for just this question.

use std::sync::Arc;

use nod_device::messages::{ApproveRequest, DenyRequest};
use nod_device::proof::Statement;
use nod_device::{DenyReason, NewDeviceChoice};

use crate::call;
use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::{AuthenticationRequest, Decision, Denial, Undecidable};
use crate::domain::decision::{Answer, Disbelief, Record, Said, TOO_FAST, VerifiedDecision};
use crate::domain::device::Status;
use crate::domain::mobile_app::Choice;
use crate::domain::ping::Ping;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::{DeviceId, NotificationId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::decisions::Decisions;
use crate::store::sql::ledger::{Also, Decided};
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError};
use crate::usecase::inbox::ReadInbox;
use crate::usecase::settle::Settle;

pub struct Decide {
    pub inbox: ReadInbox,
    pub settle: Settle,
    pub decisions: Decisions,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// The body that came with the signed decision. It repeats it; where they differ, nothing happens.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    Approve(&'a ApproveRequest),
    Deny(&'a DenyRequest),
}

impl Decide {
    /// The outcome as it was committed. A wrong number, or none where one is asked for, is a denial, and is told as an
    /// error. A device that says again what it has said, because it did not hear the answer, hears the same answer.
    #[tracing::instrument(level = "debug", name = "decide", skip_all)]
    pub async fn decide(
        &self,
        caller: &AuthenticatedInstallation,
        notification: NotificationId,
        body: Body<'_>,
    ) -> Result<Decision, DeviceError> {
        let now = self.clock.now();
        let said = said(caller, body)?;
        // A stranger's device is not there at all; one of ours that is blocked is told so.
        let blocked = caller.devices.iter().any(|device| device.id == said.device && device.status == Status::Blocked);
        if blocked {
            return Err(DeviceErrorCode::DeviceBlocked.into());
        }
        let (device, question) = self.inbox.find(&caller.devices, notification).await?;
        call::about(question.request.id.uuid());
        let (context_hash, shown) = question.prompt.hashed();
        let context_hash = context_hash.to_string();
        let verified =
            VerifiedDecision::new(&said, &question.request, device, &context_hash, now).map_err(disbelieved)?;
        let outcome = verified.outcome().clone();
        if let Err(why) = question.request.decidable(now) {
            if why == Undecidable::AlreadyDecided && self.has_said(device.id, &outcome, &question.request, now).await? {
                return told(outcome);
            }
            return Err(undecidable(why));
        }

        failpoint::hit("K6");
        let record = Record {
            request: question.request.id,
            request_digest: question.digest,
            notification,
            client: question.client.id.clone(),
            user: device.user,
            device: Some(device.id),
            outcome: outcome.clone(),
            acr: question.request.acr,
            scope: question.request.scope.clone(),
            issued_at: question.request.issued_at,
            expires_at: question.request.expires_at,
            evidence: Some(caller.proof.evidence.clone()),
            context_hash: Some(context_hash),
            shown: Some(shown),
            decided_at: now,
        };
        let mut event = Event::new(self.entropy.ordered_uuid(now), now, action(&outcome))
            .client(&question.client.id)
            .user(device.user)
            .device(device.id)
            .request(question.request.id);
        event.reason = match &outcome {
            Decision::Denied(denial) => Some(denial.as_str().to_owned()),
            Decision::Approved(approval) => remark(approval.choice, record.is_hasty()),
            Decision::Cancelled => None,
        };
        // [security 5.7] Whoever did not ask for this is acted for by somebody else: all of it stops, until
        // an administrator has looked.
        let locked = (outcome == Decision::Denied(Denial::Reported)).then(|| {
            Event::new(self.entropy.ordered_uuid(now), now, Action::UserLocked)
                .user(device.user)
                .device(device.id)
                .request(question.request.id)
        });
        let ping = Ping::to(&question.client, &record).filter(|_| question.request.asker.is_client());
        // Whether anybody comes for it or not, as nobody need come for a no. A yes is worth nothing until then.
        let newcomer = question.request.newcomer().filter(|_| outcome == Decision::Denied(Denial::Blocked));
        let stands = newcomer.map(|newcomer| Box::new(newcomer.blocked((device.user, device.id), now)));
        let also = Also { locked, ping, stands };
        let settled = self.settle.settle(record, event, also, question.seen).await?;
        failpoint::hit("K10");
        match settled {
            Decided::First => told(outcome),
            Decided::Already(Decision::Cancelled) => Err(DeviceErrorCode::Canceled.into()),
            Decided::Already(Decision::Approved(_) | Decision::Denied(_)) => {
                if self.has_said(device.id, &outcome, &question.request, now).await? {
                    return told(outcome);
                }
                Err(DeviceErrorCode::AlreadyDecided.into())
            }
        }
    }

    /// Whether what stands is what this device said, and the question has not ended meanwhile.
    async fn has_said(
        &self,
        device: DeviceId,
        outcome: &Decision,
        request: &AuthenticationRequest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if request.has_expired(now) {
            return Ok(false);
        }
        let stands = self.decisions.find(request.id).await?;
        Ok(stands.is_some_and(|record| record.device == Some(device) && record.outcome.agrees_with(outcome)))
    }
}

fn told(outcome: Decision) -> Result<Decision, DeviceError> {
    if outcome == Decision::Denied(Denial::WrongNumber) {
        return Err(DeviceErrorCode::NumberMismatch.into());
    }
    Ok(outcome)
}

fn said(caller: &AuthenticatedInstallation, body: Body<'_>) -> Result<Said, DeviceRefusal> {
    let mismatch = |why: &'static str| DeviceRefusal::new(DeviceErrorCode::ProofMismatch, why);
    let (installation, said) = match (&caller.proof.claims.statement, body) {
        (Statement::Approve(signed), Body::Approve(body)) if signed.agrees_with(body) => {
            // What does not fit two digits is a wrong number, not a malformed one.
            let number = signed.number_picked.map(|number| u8::try_from(number).unwrap_or(0));
            let said = Said {
                device: DeviceId::new(signed.device_id.uuid()),
                user: UserId::new(signed.user_id.uuid()),
                notification: NotificationId::new(signed.notification_id.uuid()),
                context_hash: signed.context_hash.to_string(),
                answer: Answer::Approve { number, choice: signed.choice.and_then(choice) },
            };
            (signed.installation_id, said)
        }
        (Statement::Deny(signed), Body::Deny(body)) if signed.agrees_with(body) => {
            let denial = match (signed.reason, signed.choice) {
                (DenyReason::ReportFraud, _) => Denial::Reported,
                (_, Some(NewDeviceChoice::Block)) => Denial::Blocked,
                (DenyReason::None, _) => Denial::Refused,
                (DenyReason::BiometricsRejected, _) => Denial::BiometricsRejected,
            };
            let said = Said {
                device: DeviceId::new(signed.device_id.uuid()),
                user: UserId::new(signed.user_id.uuid()),
                notification: NotificationId::new(signed.notification_id.uuid()),
                context_hash: signed.context_hash.to_string(),
                answer: Answer::Deny(denial),
            };
            (signed.installation_id, said)
        }
        _ => return Err(mismatch("the body is not what was signed")),
    };
    if installation.uuid() != caller.installation.id.uuid() {
        return Err(mismatch("signed in the name of another installation"));
    }
    Ok(said)
}

/// What a yes may say of a newcomer.
const fn choice(said: NewDeviceChoice) -> Option<Choice> {
    match said {
        NewDeviceChoice::Trusted => Some(Choice::Trusted),
        NewDeviceChoice::Once => Some(Choice::Once),
        NewDeviceChoice::Deny | NewDeviceChoice::Block => None,
    }
}

/// What is to be said of a yes.
fn remark(choice: Option<Choice>, hasty: bool) -> Option<String> {
    let words: Vec<&str> = choice.map(Choice::as_str).into_iter().chain(hasty.then_some(TOO_FAST)).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn action(outcome: &Decision) -> Action {
    match outcome {
        Decision::Approved(_) => Action::RequestApproved,
        Decision::Denied(Denial::Reported) => Action::RequestReported,
        Decision::Denied(
            Denial::Refused
            | Denial::BiometricsRejected
            | Denial::WrongNumber
            | Denial::Blocked
            | Denial::NoDevice
            | Denial::Withheld,
        ) => Action::RequestDenied,
        Decision::Cancelled => Action::RequestCancelled,
    }
}

fn disbelieved(why: Disbelief) -> DeviceError {
    match why {
        Disbelief::OtherSubject => DeviceErrorCode::ProofMismatch,
        Disbelief::OtherContext => DeviceErrorCode::ContextHashMismatch,
        Disbelief::NumberUnasked => DeviceErrorCode::NumberRequired,
        Disbelief::ChoiceMissing => DeviceErrorCode::ChoiceRequired,
        Disbelief::DeviceMayNot => DeviceErrorCode::DeviceBlocked,
    }
    .into()
}

fn undecidable(why: Undecidable) -> DeviceError {
    match why {
        Undecidable::Expired => DeviceErrorCode::Expired,
        Undecidable::AlreadyDecided => DeviceErrorCode::AlreadyDecided,
        Undecidable::Cancelled => DeviceErrorCode::Canceled,
    }
    .into()
}
