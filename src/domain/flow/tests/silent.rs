//! The app on a trusted device is asked for more than its key [flows.md F3, H.7].

use super::*;
use crate::domain::authentication_request::Challenge;
use crate::domain::second_factor::{First, Verdict, Why};
use crate::domain::session::Trusted;
use crate::protocol::flow_api::Action;
use crate::protocol::id::{DeviceId, InstallationId, MfaPolicyId, NotificationId};

const PHONE: DeviceId = DeviceId::new(Uuid::from_u128(10));

fn policy() -> SignOnPolicy {
    let root = step("mfa", Source::Mfa, Branch::Done, Branch::Fail);
    let mut mfa = first_step(&SignOnPolicy { root, ..SignOnPolicy::password() });
    mfa.mfa_policy = MfaPolicyId::parse("mfa");
    let then = Branch::Step(Box::new(mfa));
    SignOnPolicy { root: step("first", Source::Password, then, Branch::Fail), ..SignOnPolicy::password() }
}

fn at_second_factor(policy: &SignOnPolicy) -> Flow {
    let flow = Flow::begin(start(request(ResponseMode::Query)), None, &around(policy));
    flow.password_verified(ALICE, &around(policy)).unwrap()
}

fn pushed(number: u128) -> Verifying {
    Verifying {
        device: PHONE,
        installation: InstallationId::new(Uuid::from_u128(1)),
        notification: NotificationId::new(Uuid::from_u128(number)),
        expires_at: at(7),
    }
}

#[test]
fn h7_where_a_silent_push_leads() {
    let policy = policy();
    let waiting = at_second_factor(&policy).verifies(pushed(1)).unwrap();
    assert_eq!(waiting.status(), Status::PushConfirmationWaiting);
    assert_eq!(waiting.actions(), [Action::Poll, Action::CancelAuthentication]);
    assert_eq!(waiting.second_factor.as_ref().unwrap().selected(), Some(PHONE));
    for answered in [true, false] {
        let done = waiting.clone().vouched_for(pushed(1).notification, answered).unwrap();
        assert_eq!((done.status(), done.actions()), (Status::MfaCompleted, vec![Action::ContinueAuthentication]));
        let done = done.second_factor_continued(&around(&policy)).unwrap();
        assert_eq!((&done.at, done.trusted), (&At::Ready, Some(Trusted::silent(PHONE))));
        assert_eq!(done.authentication().unwrap().acr, Acr::TrustedDevice);
    }
    let anew = || waiting.clone().unasked().unwrap();
    let failed = Verdict::Failed(Why::ExtraVerificationFailed);
    let failed = anew().second_factor_evaluated((failed, None), None).unwrap();
    assert_eq!((failed.status(), failed.actions()), (Status::MfaFailed, vec![Action::CancelAuthentication]));
    let asked = anew().second_factor_evaluated((Verdict::Ask(vec![PHONE], First::Choose), None), None).unwrap();
    assert_eq!(asked.status(), Status::DeviceSelectionRequired);
}

/// [flows.md H.7 I2, I3] Nobody goes on before there is an answer, and by no other one.
#[test]
fn nothing_else_leads_on_from_there() {
    let policy = policy();
    let waiting = at_second_factor(&policy).verifies(pushed(1)).unwrap();
    assert!(waiting.clone().second_factor_continued(&around(&policy)).is_none(), "nobody has answered");
    assert!(waiting.clone().vouched_for(pushed(2).notification, true).is_none(), "another push");
    assert!(waiting.clone().verifies(pushed(2)).is_none(), "one at a time");
    let asked = Pushed {
        devices: vec![PHONE],
        selected: PHONE,
        question: RequestId::new(Uuid::from_u128(1)),
        digest: Digest::of(b"1"),
        challenge: Challenge::None,
        expires_at: at(40),
        passcode: None,
    };
    assert!(waiting.clone().pushed(asked).is_none(), "no other device is offered");
    let done = waiting.clone().vouched_for(pushed(1).notification, true).unwrap();
    assert!(done.clone().vouched_for(pushed(1).notification, true).is_none(), "what is answered is answered");
    assert!(done.unasked().is_none());
    let over = waiting.cancelled(&around(&policy)).unwrap();
    assert_eq!((over.status(), over.verifying()), (Status::Failed, None));
    // Without a first factor, there is none to wait for.
    let begun = Flow::begin(start(request(ResponseMode::Query)), None, &around(&policy));
    assert!(begun.verifies(pushed(1)).is_none());
}
