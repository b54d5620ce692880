//! From a question and the person's answer to the call that delivers the decision.

use crate::call::Call;
use crate::id::InstallationId;
use crate::messages::{ApproveRequest, DenyRequest, to_json};
use crate::notification::{DenyReason, Kind, NewDeviceChoice, Notification, NumberMatching};
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
    /// Answer with [`choose`].
    #[error("the request asks what becomes of a new device")]
    ChoiceRequired,
    #[error("the request is about no new device")]
    ChoiceNotAsked,
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
        Kind::Authentication => yes(notification, installation_id, (number, None), amr, now),
        Kind::ApproveNewDevice => Err(DecisionError::ChoiceRequired),
        Kind::Unknown => Err(DecisionError::NotUnderstood),
    }
}

/// What becomes of a new device. What else is said is for a yes, as with [`approve`].
pub fn choose(
    notification: &Notification,
    installation_id: InstallationId,
    choice: NewDeviceChoice,
    number: Option<u32>,
    amr: &[String],
    now: Timestamp,
) -> Result<Call, DecisionError> {
    match (notification.kind, choice) {
        (Kind::Authentication, _) => Err(DecisionError::ChoiceNotAsked),
        (Kind::Unknown, _) => Err(DecisionError::NotUnderstood),
        (Kind::ApproveNewDevice, NewDeviceChoice::Trusted | NewDeviceChoice::Once) => {
            yes(notification, installation_id, (number, Some(choice)), amr, now)
        }
        (Kind::ApproveNewDevice, NewDeviceChoice::Deny | NewDeviceChoice::Block) => {
            Ok(no(notification, installation_id, DenyReason::None, Some(choice)))
        }
    }
}

fn yes(
    notification: &Notification,
    installation_id: InstallationId,
    (number, choice): (Option<u32>, Option<NewDeviceChoice>),
    amr: &[String],
    now: Timestamp,
) -> Result<Call, DecisionError> {
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
        choice,
    };
    let body = to_json(&ApproveRequest {
        device_id: approval.device_id,
        user_id: approval.user_id,
        amr: approval.amr.clone(),
        number_picked,
        choice,
        context_hash: approval.context_hash,
    });
    let path = format!("/notifications/{}/approve", notification.notification_id);
    Ok(Call::post(path, Statement::Approve(approval), body))
}

/// No. Always possible: whether the request still stands is for the server to say.
pub fn deny(notification: &Notification, installation_id: InstallationId, reason: DenyReason) -> Call {
    no(notification, installation_id, reason, None)
}

fn no(
    notification: &Notification,
    installation_id: InstallationId,
    reason: DenyReason,
    choice: Option<NewDeviceChoice>,
) -> Call {
    let denial = Denial {
        installation_id,
        device_id: notification.device_id,
        user_id: notification.user_id,
        notification_id: notification.notification_id,
        context_hash: notification.context_hash(),
        reason,
        choice,
    };
    let body = to_json(&DenyRequest { device_id: denial.device_id, user_id: denial.user_id, reason, choice });
    let path = format!("/notifications/{}/deny", notification.notification_id);
    Call::post(path, Statement::Deny(denial), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::tests::notification;

    const INSTALLATION: InstallationId = InstallationId::new(uuid::Uuid::from_u128(1));
    const NOW: Timestamp = Timestamp::from_seconds(1_772_366_400);
    const JUST_BEFORE: Timestamp = Timestamp::from_millis(NOW.millis() + 119_999);
    const END: Timestamp = Timestamp::from_millis(NOW.millis() + 120_000);

    #[test]
    fn a_number_is_picked_from_those_offered() {
        let mut question = notification();
        question.number_matching = Some(NumberMatching::SelectNumber { options: vec![12, 47, 83] });
        let approve = |number| approve(&question, INSTALLATION, number, &[], NOW);
        assert_eq!(approve(None), Err(DecisionError::NumberRequired));
        assert_eq!(approve(Some(13)), Err(DecisionError::NumberNotOffered));
        let call = approve(Some(47)).unwrap();
        let Statement::Approve(approval) = call.statement() else { panic!("{call:?}") };
        assert_eq!(approval.number_picked, Some(47));
        assert!(approval.agrees_with(&serde_json::from_slice(call.body().unwrap()).unwrap()));
    }

    #[test]
    fn a_number_is_typed_when_asked_and_only_then() {
        let mut question = notification();
        assert_eq!(approve(&question, INSTALLATION, Some(1), &[], NOW), Err(DecisionError::NumberNotAsked));
        question.number_matching = Some(NumberMatching::EnterManually);
        assert_eq!(approve(&question, INSTALLATION, None, &[], NOW), Err(DecisionError::NumberRequired));
        assert!(approve(&question, INSTALLATION, Some(1), &[], NOW).is_ok());
    }

    #[test]
    fn an_expired_request_is_not_approved_but_can_be_denied() {
        let question = notification();
        assert!(approve(&question, INSTALLATION, None, &[], JUST_BEFORE).is_ok());
        assert_eq!(approve(&question, INSTALLATION, None, &[], END), Err(DecisionError::Expired));
        assert!(matches!(deny(&question, INSTALLATION, DenyReason::None).statement(), Statement::Deny(_)));
    }

    #[test]
    fn what_this_version_does_not_know_is_not_approved() {
        let mut question = notification();
        question.kind = Kind::Unknown;
        assert_eq!(approve(&question, INSTALLATION, None, &[], NOW), Err(DecisionError::NotUnderstood));
        let mut question = notification();
        question.number_matching = Some(NumberMatching::Unknown);
        for number in [None, Some(1)] {
            assert_eq!(approve(&question, INSTALLATION, number, &[], NOW), Err(DecisionError::NotUnderstood));
        }
    }

    #[test]
    fn what_becomes_of_a_new_device_is_said_where_it_is_asked() {
        let question = notification();
        let choose = |question, choice| choose(question, INSTALLATION, choice, None, &[], NOW);
        assert_eq!(choose(&question, NewDeviceChoice::Trusted), Err(DecisionError::ChoiceNotAsked));
        let mut question = notification();
        question.kind = Kind::ApproveNewDevice;
        assert_eq!(approve(&question, INSTALLATION, None, &[], NOW), Err(DecisionError::ChoiceRequired));
        for choice in [NewDeviceChoice::Trusted, NewDeviceChoice::Once] {
            let call = choose(&question, choice).unwrap();
            let Statement::Approve(approval) = call.statement() else { panic!("{call:?}") };
            assert_eq!(approval.choice, Some(choice));
            let mut body: ApproveRequest = serde_json::from_slice(call.body().unwrap()).unwrap();
            assert!(approval.agrees_with(&body));
            body.choice = None;
            assert!(!approval.agrees_with(&body), "the body may not say another thing");
        }
        for choice in [NewDeviceChoice::Deny, NewDeviceChoice::Block] {
            let call = choose(&question, choice).unwrap();
            let Statement::Deny(denial) = call.statement() else { panic!("{call:?}") };
            assert_eq!(denial.choice, Some(choice));
        }
    }
}
