//! From a question and the person's answer to the call that delivers the decision.

use crate::call::Call;
use crate::id::InstallationId;
use crate::messages::{ApproveRequest, DenyRequest, to_json};
use crate::notification::{DenyReason, Kind, Notification, NumberMatching};
use crate::proof::{Approval, Denial, Statement};
use crate::timestamp::Timestamp;

/// Why there is no yes to sign. The device refuses what the server would refuse as well: a wrong
/// number would deny the request for good, and the person should get to see why instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    #[error("the request has expired")]
    Expired,
    #[error("the request asks for a number")]
    NumberRequired,
    #[error("the number is not one of those offered")]
    NumberNotOffered,
    #[error("the request asks for no number")]
    NumberNotAsked,
    /// Update the app; denying is possible.
    #[error("this version cannot show the request as it is meant")]
    NotUnderstood,
}

/// Yes. `number` is what the person picked or typed, `amr` how the phone knew them [RFC 8176].
pub fn approve(
    notification: &Notification,
    installation_id: InstallationId,
    number: Option<u32>,
    amr: &[String],
    now: Timestamp,
) -> Result<Call, DecisionError> {
    match notification.kind {
        Kind::Authentication => {}
        Kind::Unknown => return Err(DecisionError::NotUnderstood),
    }
    if notification.is_expired(now) {
        return Err(DecisionError::Expired);
    }
    let number_picked = match (&notification.number_matching, number) {
        (None, None) => None,
        (None, Some(_)) => return Err(DecisionError::NumberNotAsked),
        (Some(NumberMatching::SelectNumber { .. } | NumberMatching::EnterManually), None) => {
            return Err(DecisionError::NumberRequired);
        }
        (Some(NumberMatching::SelectNumber { options }), Some(picked)) => {
            if !options.contains(&picked) {
                return Err(DecisionError::NumberNotOffered);
            }
            Some(picked)
        }
        (Some(NumberMatching::EnterManually), Some(typed)) => Some(typed),
        (Some(NumberMatching::Unknown), None | Some(_)) => return Err(DecisionError::NotUnderstood),
    };
    let approval = Approval {
        installation_id,
        device_id: notification.device_id,
        user_id: notification.user_id,
        notification_id: notification.notification_id,
        context_hash: notification.context_hash(),
        number_picked,
        amr: amr.to_vec(),
    };
    let body = to_json(&ApproveRequest {
        device_id: approval.device_id,
        user_id: approval.user_id,
        amr: approval.amr.clone(),
        number_picked,
        context_hash: approval.context_hash,
    });
    let path = format!("/notifications/{}/approve", notification.notification_id);
    Ok(Call::post(path, Statement::Approve(approval), body))
}

/// No. Always possible: whether the request still stands is for the server to say.
pub fn deny(notification: &Notification, installation_id: InstallationId, reason: DenyReason) -> Call {
    let denial = Denial {
        installation_id,
        device_id: notification.device_id,
        user_id: notification.user_id,
        notification_id: notification.notification_id,
        context_hash: notification.context_hash(),
        reason,
    };
    let body = to_json(&DenyRequest { device_id: denial.device_id, user_id: denial.user_id, reason });
    let path = format!("/notifications/{}/deny", notification.notification_id);
    Call::post(path, Statement::Deny(denial), body)
}
