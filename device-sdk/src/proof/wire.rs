//! The claims of a proof as they are written: flat, all of them in one object.

use serde::{Deserialize, Serialize};

use super::{Approval, Denial, EnrollmentDecision, Method, NotAProof, ProofClaims, Purpose, Statement, check_jti};
use crate::digest::{BodyDigest, ContextHash};
use crate::enrollment::EnrollmentTicket;
use crate::id::{DeviceId, InstallationId, NotificationId, UserId};
use crate::jws::present;
use crate::notification::{Decision, DenyReason, NewDeviceChoice};
use crate::push::Acknowledgement;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wire {
    purpose: Purpose,
    htm: Method,
    htu: String,
    aud: String,
    iat: i64,
    jti: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    bd: Option<BodyDigest>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    iss: Option<InstallationId>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    device_id: Option<DeviceId>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    notification_id: Option<NotificationId>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    ticket: Option<EnrollmentTicket>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    context_hash: Option<ContextHash>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    number_picked: Option<u32>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    amr: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    reason: Option<DenyReason>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    choice: Option<NewDeviceChoice>,
}

impl TryFrom<Wire> for ProofClaims {
    type Error = NotAProof;

    fn try_from(wire: Wire) -> Result<Self, NotAProof> {
        check_jti(&wire.jti)?;
        let statement = wire.statement().ok_or(NotAProof::Purpose)?;
        let Wire { htm, htu, aud, iat, jti, nonce, bd, .. } = wire;
        Ok(Self { statement, htm, htu, aud, iat, jti, nonce, bd })
    }
}

impl Wire {
    /// Nothing when a claim is missing or one too many is there.
    fn statement(&self) -> Option<Statement> {
        let silent = self.iss.is_none()
            && self.device_id.is_none()
            && self.user_id.is_none()
            && self.notification_id.is_none()
            && self.context_hash.is_none()
            && self.number_picked.is_none()
            && self.amr.is_none()
            && self.reason.is_none()
            && self.choice.is_none();
        let undecided = silent && self.decision.is_none() && self.ticket.is_none();
        match self.purpose {
            Purpose::Pairing => undecided.then_some(Statement::Pairing),
            Purpose::Read => undecided.then_some(Statement::Read),
            Purpose::Rotate => undecided.then_some(Statement::Rotate),
            Purpose::Unpair => undecided.then_some(Statement::Unpair),
            Purpose::Push => undecided.then_some(Statement::Push),
            Purpose::Logs => undecided.then_some(Statement::Logs),
            Purpose::Enrollment => silent.then_some(Statement::Enrollment(EnrollmentDecision {
                ticket: self.ticket.clone()?,
                decision: self.decision?,
            })),
            Purpose::Approve => self.approval().map(Statement::Approve),
            Purpose::Deny => self.denial().map(Statement::Deny),
            Purpose::Ack => self.acknowledgement().map(Statement::Ack),
        }
    }

    fn acknowledgement(&self) -> Option<Acknowledgement> {
        let fits = self.decision.is_none()
            && self.ticket.is_none()
            && self.device_id.is_none()
            && self.user_id.is_none()
            && self.context_hash.is_none()
            && self.number_picked.is_none()
            && self.amr.is_none()
            && self.reason.is_none()
            && self.choice.is_none();
        fits.then_some(Acknowledgement { installation_id: self.iss?, notification_id: self.notification_id? })
    }

    fn approval(&self) -> Option<Approval> {
        let fits = self.decision == Some(Decision::Approved)
            && self.ticket.is_none()
            && self.reason.is_none()
            && matches!(self.choice, None | Some(NewDeviceChoice::Trusted | NewDeviceChoice::Once));
        fits.then_some(Approval {
            installation_id: self.iss?,
            device_id: self.device_id?,
            user_id: self.user_id?,
            notification_id: self.notification_id?,
            context_hash: self.context_hash?,
            number_picked: self.number_picked,
            amr: self.amr.clone()?,
            choice: self.choice,
        })
    }

    fn denial(&self) -> Option<Denial> {
        let fits = self.decision == Some(Decision::Denied)
            && self.ticket.is_none()
            && self.number_picked.is_none()
            && self.amr.is_none()
            && matches!(self.choice, None | Some(NewDeviceChoice::Deny | NewDeviceChoice::Block));
        fits.then_some(Denial {
            installation_id: self.iss?,
            device_id: self.device_id?,
            user_id: self.user_id?,
            notification_id: self.notification_id?,
            context_hash: self.context_hash?,
            reason: self.reason?,
            choice: self.choice,
        })
    }
}

impl From<ProofClaims> for Wire {
    fn from(claims: ProofClaims) -> Self {
        let ProofClaims { statement, htm, htu, aud, iat, jti, nonce, bd } = claims;
        let mut wire = Self {
            purpose: statement.purpose(),
            htm,
            htu,
            aud,
            iat,
            jti,
            nonce,
            bd,
            iss: None,
            decision: None,
            device_id: None,
            user_id: None,
            notification_id: None,
            ticket: None,
            context_hash: None,
            number_picked: None,
            amr: None,
            reason: None,
            choice: None,
        };
        match statement {
            Statement::Pairing
            | Statement::Read
            | Statement::Rotate
            | Statement::Unpair
            | Statement::Push
            | Statement::Logs => {}
            Statement::Ack(answer) => {
                wire.iss = Some(answer.installation_id);
                wire.notification_id = Some(answer.notification_id);
            }
            Statement::Enrollment(answer) => {
                wire.ticket = Some(answer.ticket);
                wire.decision = Some(answer.decision);
            }
            Statement::Approve(approval) => {
                wire.iss = Some(approval.installation_id);
                wire.decision = Some(Decision::Approved);
                wire.device_id = Some(approval.device_id);
                wire.user_id = Some(approval.user_id);
                wire.notification_id = Some(approval.notification_id);
                wire.context_hash = Some(approval.context_hash);
                wire.number_picked = approval.number_picked;
                wire.amr = Some(approval.amr);
                wire.choice = approval.choice;
            }
            Statement::Deny(denial) => {
                wire.iss = Some(denial.installation_id);
                wire.decision = Some(Decision::Denied);
                wire.device_id = Some(denial.device_id);
                wire.user_id = Some(denial.user_id);
                wire.notification_id = Some(denial.notification_id);
                wire.context_hash = Some(denial.context_hash);
                wire.reason = Some(denial.reason);
                wire.choice = denial.choice;
            }
        }
        wire
    }
}
