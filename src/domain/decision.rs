//! What a device signs, and what has to hold before we believe it.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::authentication_request::{Approval, AuthenticationRequest, Decision, Denial};
use crate::domain::device::Device;
use crate::domain::mobile_app::Choice;
use crate::protocol::acr::Acr;
use crate::protocol::id::{AuthReqId, ClientId, DeviceId, NotificationId, RequestId, UserId};
use crate::protocol::scope::Scope;
use crate::secret::Digest;

/// Within this time nobody has been told of a question, has read it and has said yes.
const HASTE: Duration = Duration::from_millis(300);

/// What the audit trail says of a yes that came that fast.
pub const TOO_FAST: &str = "too_fast";

/// A decision as it is kept: the fact, and the evidence for it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Primary key: whoever writes it first has decided.
    pub request: RequestId,
    /// Where the request's fast copy is, for whoever repairs it.
    pub request_digest: Digest<AuthReqId>,
    pub notification: NotificationId,
    pub client: ClientId,
    pub user: UserId,
    /// Which device answered; `None` when the client cancelled.
    pub device: Option<DeviceId>,
    pub outcome: Decision,
    pub acr: Acr,
    pub scope: Scope,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The compact JWS that the device signed; `None` when the client cancelled.
    pub evidence: Option<String>,
    pub context_hash: Option<String>,
    /// What was hashed: the text that the device showed, as canonical JSON (RFC 8785).
    pub shown: Option<String>,
    pub decided_at: Timestamp,
}

impl Record {
    /// Whether a yes came faster than anybody reads [security.md 125]. It counts: a clock that is off is no reason to
    /// refuse somebody. Whoever looks after the trail asks what answers there.
    pub fn is_hasty(&self) -> bool {
        matches!(self.outcome, Decision::Approved(_)) && self.decided_at < self.issued_at + HASTE
    }

    /// Withdrawn, by whomever: nobody signs that.
    pub fn cancelled(request: &AuthenticationRequest, digest: Digest<AuthReqId>, now: Timestamp) -> Self {
        Self {
            request: request.id,
            request_digest: digest,
            notification: request.notification,
            client: request.client.clone(),
            user: request.user,
            device: None,
            outcome: Decision::Cancelled,
            acr: request.acr,
            scope: request.scope.clone(),
            issued_at: request.issued_at,
            expires_at: request.expires_at,
            evidence: None,
            context_hash: None,
            shown: None,
            decided_at: now,
        }
    }
}

/// Why a signed decision is not believed. Nothing is changed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disbelief {
    /// The proof speaks of another question, person or device than the one it was sent for.
    OtherSubject,
    /// What was shown is not what we asked to show.
    OtherContext,
    /// A number where none was asked for.
    NumberUnasked,
    /// Nothing of what becomes of a newcomer where there is one, or something where there is none.
    ChoiceMissing,
    /// The device may not answer this question.
    DeviceMayNot,
}

/// What the device said, after its signature was verified.
#[derive(Clone, Debug)]
pub struct Said {
    pub device: DeviceId,
    pub user: UserId,
    pub notification: NotificationId,
    pub context_hash: String,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Approve { number: Option<u8>, choice: Option<Choice> },
    Deny(Denial),
}

/// A decision that a trusted device signed for just this question, with what it showed. Only
/// [`VerifiedDecision::new`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedDecision {
    outcome: Decision,
}

impl VerifiedDecision {
    /// `context_hash` is computed from what we stored, never taken from the device.
    pub fn new(
        said: &Said,
        request: &AuthenticationRequest,
        device: &Device,
        context_hash: &str,
        now: Timestamp,
    ) -> Result<Self, Disbelief> {
        if said.device != device.id
            || said.user != device.user
            || request.user != device.user
            || said.notification != request.notification
        {
            return Err(Disbelief::OtherSubject);
        }
        if !request.asks(device) {
            return Err(Disbelief::DeviceMayNot);
        }
        if said.context_hash != context_hash {
            return Err(Disbelief::OtherContext);
        }
        let outcome = match said.answer {
            Answer::Deny(Denial::Blocked) if request.newcomer().is_none() => return Err(Disbelief::ChoiceMissing),
            Answer::Approve { choice, .. } if request.newcomer().is_some() != choice.is_some() => {
                return Err(Disbelief::ChoiceMissing);
            }
            Answer::Deny(denial) => Decision::Denied(denial),
            Answer::Approve { number, choice } if request.challenge.accepts(number) => {
                Decision::Approved(Approval { device: device.id, at: now, choice })
            }
            Answer::Approve { number: Some(_), .. } if request.challenge.number().is_none() => {
                return Err(Disbelief::NumberUnasked);
            }
            // [security.md 123] A wrong number is an answer, and so is none: whoever approves did not see the right screen.
            Answer::Approve { .. } => Decision::Denied(Denial::WrongNumber),
        };
        Ok(Self { outcome })
    }

    pub fn outcome(&self) -> &Decision {
        &self.outcome
    }
}
