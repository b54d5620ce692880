//! The person is asked on a device of theirs [flows.md H.7, F9].

use super::*;
use crate::domain::authentication_request::Challenge;
use crate::domain::passkey::{Asserting, Purpose};
use crate::domain::second_factor::{First, Verdict};
use crate::domain::session::Trusted;
use crate::domain::totp::TotpMethod;
use crate::protocol::flow_api::Action;
use crate::protocol::id::{DeviceId, MfaPolicyId};

const PHONE: DeviceId = DeviceId::new(Uuid::from_u128(10));
const TABLET: DeviceId = DeviceId::new(Uuid::from_u128(11));

fn policy() -> SignOnPolicy {
    let mut mfa = first_step(&SignOnPolicy {
        root: step("mfa", Source::Mfa, Branch::Done, Branch::Fail),
        ..SignOnPolicy::password()
    });
    mfa.mfa_policy = MfaPolicyId::parse("mfa");
    let then = Branch::Step(Box::new(mfa));
    SignOnPolicy { root: step("first", Source::Password, then, Branch::Fail), ..SignOnPolicy::password() }
}

fn at_second_factor(policy: &SignOnPolicy) -> Flow {
    let flow = Flow::begin(start(request(ResponseMode::Query)), None, &around(policy));
    let flow = flow.password_verified(ALICE, &around(policy)).unwrap();
    let verdict = Verdict::Ask(vec![PHONE, TABLET], First::Choose);
    flow.second_factor_evaluated((verdict, None), None).unwrap()
}

fn asked(question: u128, selected: DeviceId) -> Pushed {
    Pushed {
        devices: vec![PHONE, TABLET],
        selected,
        question: RequestId::new(Uuid::from_u128(question)),
        digest: Digest::of(&question.to_be_bytes()),
        challenge: Challenge::None,
        expires_at: at(40),
        passcode: None,
    }
}

const YES: Outcome = Outcome::Approved(Trusted { device: PHONE, acr: Acr::Device });

#[test]
fn h7_where_a_question_leads() {
    let policy = policy();
    let choosing = at_second_factor(&policy);
    assert_eq!(choosing.status(), Status::DeviceSelectionRequired);
    assert_eq!(choosing.actions(), [Action::SelectDevice, Action::ManageDevices, Action::CancelAuthentication]);
    let waiting = choosing.pushed(asked(1, PHONE)).unwrap();
    assert_eq!(waiting.status(), Status::PushConfirmationWaiting);
    assert_eq!(waiting.actions(), [Action::Poll, Action::SelectDevice, Action::CancelAuthentication]);
    let of = |outcome| waiting.clone().answered(asked(1, PHONE).question, outcome).unwrap();
    for (outcome, status, actions) in [
        (YES, Status::MfaCompleted, &[Action::ContinueAuthentication][..]),
        (Outcome::Denied, Status::PushConfirmationRejected, &[Action::CancelAuthentication]),
        (Outcome::TimedOut, Status::PushConfirmationTimedOut, &[Action::SelectDevice, Action::CancelAuthentication]),
    ] {
        let next = of(outcome);
        assert_eq!((next.status(), next.actions().as_slice()), (status, actions));
        // What is answered is answered.
        assert!(next.answered(asked(1, PHONE).question, YES).is_none());
    }
    let again = of(Outcome::TimedOut).pushed(asked(2, TABLET)).unwrap();
    assert_eq!(again.status(), Status::PushConfirmationWaiting);
}

/// [flows.md H.7 I3, I8]
#[test]
fn an_answer_is_for_one_question_on_a_device_that_was_offered() {
    let policy = policy();
    let stranger = DeviceId::new(Uuid::from_u128(99));
    assert!(at_second_factor(&policy).pushed(asked(1, stranger)).is_none());
    let waiting = at_second_factor(&policy).pushed(asked(1, PHONE)).unwrap().pushed(asked(2, TABLET)).unwrap();
    assert!(waiting.clone().answered(asked(1, PHONE).question, YES).is_none(), "the one before");
    assert!(waiting.clone().second_factor_continued(&around(&policy)).is_none(), "nobody has answered");
    assert!(waiting.answered(asked(2, TABLET).question, YES).is_some());
}

#[test]
fn a_yes_is_told_and_belongs_to_who_gave_it() {
    let policy = policy();
    let waiting = at_second_factor(&policy).pushed(asked(1, PHONE)).unwrap();
    let done = waiting.clone().answered(asked(1, PHONE).question, YES).unwrap();
    let done = done.second_factor_continued(&around(&policy)).unwrap();
    assert_eq!(done.at, At::Ready);
    let told = done.authentication().unwrap();
    assert_eq!((told.acr, told.amr.as_str(), told.at), (Acr::Device, "pwd pop swk user mfa", at(0)));
    assert_eq!(done.authenticated.unwrap().acr, Acr::Password, "a session is worth what it was");
    // Whoever gives up has nothing to wait for.
    let over = waiting.cancelled(&around(&policy)).unwrap();
    assert_eq!((over.status(), over.waits_for()), (Status::Failed, None));
}

/// [flows.md A.1.3]
#[test]
fn a_passkey_is_a_second_factor_for_whom_it_is_and_makes_the_session_as_strong() {
    let policy = policy();
    let asserting = |selected| Asserting { devices: vec![PHONE, TABLET], selected };
    assert!(at_second_factor(&policy).with_assertion(asserting(DeviceId::new(Uuid::from_u128(99)))).is_none());
    let asked_for = at_second_factor(&policy).with_assertion(asserting(TABLET)).unwrap();
    assert!(asked_for.wants_ceremony(), "there is nothing to sign yet");
    assert_eq!(asked_for.status(), Status::AssertionRequired);
    let can = [Action::CheckAssertion, Action::SelectDevice, Action::ManageDevices, Action::CancelAuthentication];
    assert_eq!(asked_for.actions(), can);
    assert!(asked_for.clone().second_factor_continued(&around(&policy)).is_none(), "nothing has answered");
    assert!(
        asked_for.clone().assertion_verified(UserId::new(Uuid::from_u128(77)), at(1)).is_none(),
        "another person's"
    );
    let ceremony = scene::ceremony(Purpose::Prove, at(0));
    let elsewhere = asked_for.clone().with_ceremony(ceremony).pushed(asked(1, PHONE)).unwrap();
    assert!(elsewhere.ceremony.is_none() && elsewhere.clone().assertion_verified(ALICE, at(1)).is_none());
    let answered = asked_for.assertion_verified(ALICE, at(1)).unwrap();
    assert_eq!((answered.status(), answered.wants_ceremony()), (Status::MfaCompleted, false));
    let done = answered.second_factor_continued(&around(&policy)).unwrap();
    assert_eq!(done.at, At::Ready);
    let told = done.authenticated.unwrap();
    assert_eq!((told.acr, told.amr.as_str(), told.at), (Acr::Passkey, "pwd pop swk user mfa", at(1)));
}

/// [flows.md F9, T9.8]
#[test]
fn h7_a_passcode_does_as_well_while_the_phone_is_asked_and_after() {
    let policy = policy();
    let passcode = Some(TotpMethod { enabled: true, ..TotpMethod::default() });
    let waiting = at_second_factor(&policy).pushed(Pushed { passcode, ..asked(1, PHONE) }).unwrap();
    let can = [Action::Poll, Action::CheckOtp, Action::SelectDevice, Action::CancelAuthentication];
    assert_eq!(waiting.actions(), can);
    let over = waiting.clone().answered(asked(1, PHONE).question, Outcome::TimedOut).unwrap();
    assert_eq!(over.actions(), [Action::CheckOtp, Action::SelectDevice, Action::CancelAuthentication]);
    for flow in [waiting, over] {
        assert!(flow.clone().totp_verified(TABLET).is_none(), "another device's");
        assert_eq!(flow.totp_verified(PHONE).unwrap().status(), Status::MfaCompleted);
    }
    let without = at_second_factor(&policy).pushed(asked(1, PHONE)).unwrap();
    assert!(without.totp_verified(PHONE).is_none());
}

/// [flows.md A.1.3, H.7]
#[test]
fn whoever_looks_after_their_devices_has_shown_one_of_them() {
    let policy = policy();
    let choosing = at_second_factor(&policy);
    assert!(choosing.clone().managed(Some(&[])).is_none(), "nothing of theirs is enough");
    let managing = choosing.clone().managed(Some(&[TABLET])).unwrap();
    assert_eq!(managing.actions(), [Action::SelectDevice, Action::ResumeAuthentication, Action::CancelAuthentication]);
    assert!(managing.clone().pushed(asked(1, PHONE)).is_none(), "not by this one");
    assert_eq!(managing.clone().resumed().unwrap(), choosing);
    let waiting = managing.pushed(asked(1, TABLET)).unwrap();
    assert!(waiting.clone().resumed().is_none() && waiting.clone().without_device(PHONE).is_none());
    let yes = Outcome::Approved(Trusted { device: TABLET, acr: Acr::Device });
    let managed = waiting.clone().answered(asked(1, TABLET).question, yes).unwrap();
    assert_eq!(managed.status(), Status::DeviceManagement);
    assert!(
        managed.clone().second_factor_continued(&around(&policy)).is_none(),
        "they have not said that it is enough"
    );
    assert_eq!(managed.clone().without_device(PHONE).unwrap(), managed);
    let anew = managed.clone().without_device(TABLET).unwrap();
    assert_eq!((anew.status(), anew.managing.is_none()), (Status::AuthenticationRequired, true));
    let done = managed.resumed().unwrap();
    assert_eq!((done.status(), done.may_manage()), (Status::MfaCompleted, false));
    assert_eq!(done.second_factor_continued(&around(&policy)).unwrap().trusted.unwrap().device, TABLET);
    // Whoever is asked anew has not said yet that they want to.
    let anew = waiting.unasked().unwrap();
    assert!(anew.managing.is_none() && anew.second_factor_evaluated((Verdict::LetIn, None), None).is_some());
}

/// [flows.md H.7 I5] a link that nobody could follow would be none.
#[test]
fn nobody_is_asked_who_has_said_since_then_to_be_somebody() {
    let mut mfa = first_step(&policy());
    let then = std::mem::replace(&mut mfa.success, Branch::Done);
    mfa.success = step("name", Source::Identifier, then, Branch::Fail);
    let policy = SignOnPolicy { root: Branch::Step(Box::new(mfa)), ..SignOnPolicy::password() };
    let flow = Flow::begin(start(request(ResponseMode::Flow)), None, &around(&policy));
    let flow = flow.password_verified(ALICE, &around(&policy)).unwrap().identified("bob", &around(&policy)).unwrap();
    assert_eq!((flow.at, flow.who), (At::Failed(Failure::NothingVerified), Who::Claimed("bob".into())));
}
