//! From where to where a second factor leads: the table of flows.md H.7, as far as there are these states. What can be
//! done is done in each of them, whether it is linked or not; and nothing else comes of it.

use std::collections::BTreeSet;

use super::mfa::{address_of, app_of, asked_on, new_address, new_app, new_phone, passkey_of, phone_of};
use super::*;
use crate::domain::enrolment::{Enrolment, Grounds};
use crate::domain::mfa_policy::Makes;
use crate::domain::otp::{Channel, CodeSource};
use crate::domain::second_factor::{First, Missing, Verdict, Why};
use crate::domain::session::Trusted;
use crate::protocol::flow_api::Action;
use crate::protocol::id::{DeviceId, MfaPolicyId, OtpId};

/// What leads on from [`Status::MfaCompleted`] and [`Status::MobilePairingRequired`]: here the answer.
const NEXT: Status = Status::Resume;

/// What each state leads to, and by what. Where somebody is asked and has not answered yet, and where what they brought is
/// wrong, nothing is applied: that is for the use cases to find out.
#[rustfmt::skip]
const TABLE: [(Status, &[(Action, Status)]); 17] = [
    (Status::AuthenticationRequired, &[
        (Action::Authenticate, Status::MfaCompleted),
        (Action::Authenticate, Status::PushConfirmationWaiting),
        (Action::Authenticate, Status::OtpRequired),
        (Action::Authenticate, Status::DeviceSelectionRequired),
        (Action::Authenticate, Status::MobilePairingRequired),
        (Action::Authenticate, Status::MfaFailed),
        (Action::Authenticate, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::DeviceSelectionRequired, &[
        (Action::ManageDevices, Status::DeviceSelectionRequired),
        (Action::ResumeAuthentication, Status::DeviceSelectionRequired),
        (Action::SelectDevice, Status::DeviceSelectionRequired),
        (Action::SelectDevice, Status::PushConfirmationWaiting),
        (Action::SelectDevice, Status::OtpRequired),
        (Action::SelectDevice, Status::MfaCompleted),
        (Action::SelectDevice, Status::MfaFailed),
        (Action::SelectDevice, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::DeviceManagement, &[
        (Action::SetDefaultDevice, Status::DeviceManagement),
        (Action::SetDefaultDevice, Status::AuthenticationRequired),
        (Action::RemoveDevice, Status::DeviceManagement),
        (Action::RemoveDevice, Status::AuthenticationRequired),
        (Action::UpdateDeviceNickname, Status::DeviceManagement),
        (Action::UpdateDeviceNickname, Status::AuthenticationRequired),
        (Action::ResumeAuthentication, Status::MfaCompleted),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::PushConfirmationWaiting, &[
        (Action::Poll, Status::DeviceManagement),
        (Action::Poll, Status::DeviceSelectionRequired),
        (Action::Poll, Status::PushConfirmationWaiting),
        (Action::Poll, Status::OtpRequired),
        (Action::Poll, Status::MfaCompleted),
        (Action::Poll, Status::MobilePairingRequired),
        (Action::Poll, Status::MfaFailed),
        (Action::Poll, Status::MfaSetupRequired),
        (Action::Poll, Status::PushConfirmationRejected),
        (Action::Poll, Status::PushConfirmationTimedOut),
        (Action::SelectDevice, Status::DeviceSelectionRequired),
        (Action::SelectDevice, Status::PushConfirmationWaiting),
        (Action::SelectDevice, Status::OtpRequired),
        (Action::SelectDevice, Status::MfaCompleted),
        (Action::SelectDevice, Status::MfaFailed),
        (Action::SelectDevice, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::PushConfirmationTimedOut, &[
        (Action::SelectDevice, Status::DeviceSelectionRequired),
        (Action::SelectDevice, Status::PushConfirmationWaiting),
        (Action::SelectDevice, Status::OtpRequired),
        (Action::SelectDevice, Status::MfaCompleted),
        (Action::SelectDevice, Status::MfaFailed),
        (Action::SelectDevice, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::PushConfirmationRejected, &[(Action::CancelAuthentication, Status::Failed)]),
    (Status::OtpRequired, &[
        (Action::CheckOtp, Status::DeviceManagement),
        (Action::CheckOtp, Status::DeviceSelectionRequired),
        (Action::CheckOtp, Status::PushConfirmationWaiting),
        (Action::CheckOtp, Status::OtpRequired),
        (Action::CheckOtp, Status::MfaCompleted),
        (Action::CheckOtp, Status::MobilePairingRequired),
        (Action::CheckOtp, Status::MfaFailed),
        (Action::CheckOtp, Status::MfaSetupRequired),
        (Action::ResendOtp, Status::DeviceSelectionRequired),
        (Action::ResendOtp, Status::PushConfirmationWaiting),
        (Action::ResendOtp, Status::OtpRequired),
        (Action::ResendOtp, Status::MfaCompleted),
        (Action::ResendOtp, Status::MfaFailed),
        (Action::ResendOtp, Status::MfaSetupRequired),
        (Action::SelectDevice, Status::DeviceSelectionRequired),
        (Action::SelectDevice, Status::PushConfirmationWaiting),
        (Action::SelectDevice, Status::OtpRequired),
        (Action::SelectDevice, Status::MfaCompleted),
        (Action::SelectDevice, Status::MfaFailed),
        (Action::SelectDevice, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::MfaSetupRequired, &[
        (Action::SetupMfa, Status::DevicePairingMethodRequired),
        (Action::SetupMfa, Status::DeviceSelectionRequired),
        (Action::SetupMfa, Status::PushConfirmationWaiting),
        (Action::SetupMfa, Status::OtpRequired),
        (Action::SetupMfa, Status::MfaCompleted),
        (Action::SetupMfa, Status::MfaFailed),
        (Action::SkipMfa, Status::MfaCompleted),
        (Action::SkipMfa, Status::MfaSetupRequired),
        (Action::SkipMfa, Status::DeviceSelectionRequired),
        (Action::SkipMfa, Status::PushConfirmationWaiting),
        (Action::SkipMfa, Status::OtpRequired),
        (Action::SkipMfa, Status::MfaFailed),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::DevicePairingMethodRequired, &[
        (Action::SelectDevicePairingMethod, Status::TotpActivationRequired),
        (Action::SelectDevicePairingMethod, Status::MobileActivationRequired),
        (Action::SelectDevicePairingMethod, Status::Fido2ActivationRequired),
        (Action::SelectDevicePairingMethod, Status::EmailPairingTargetRequired),
        (Action::SelectDevicePairingMethod, Status::DeviceSelectionRequired),
        (Action::SelectDevicePairingMethod, Status::PushConfirmationWaiting),
        (Action::SelectDevicePairingMethod, Status::OtpRequired),
        (Action::SelectDevicePairingMethod, Status::MfaCompleted),
        (Action::SelectDevicePairingMethod, Status::MfaFailed),
        (Action::CancelDevicePairing, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::TotpActivationRequired, &[
        (Action::ActivateTotpDevice, Status::DevicePairingMethodRequired),
        (Action::ActivateTotpDevice, Status::DeviceSelectionRequired),
        (Action::ActivateTotpDevice, Status::PushConfirmationWaiting),
        (Action::ActivateTotpDevice, Status::OtpRequired),
        (Action::ActivateTotpDevice, Status::MfaCompleted),
        (Action::ActivateTotpDevice, Status::MfaFailed),
        (Action::CancelDevicePairing, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::MobileActivationRequired, &[
        (Action::Poll, Status::MfaCompleted),
        (Action::Poll, Status::DevicePairingMethodRequired),
        (Action::Poll, Status::DeviceSelectionRequired),
        (Action::Poll, Status::PushConfirmationWaiting),
        (Action::Poll, Status::OtpRequired),
        (Action::Poll, Status::MfaFailed),
        (Action::CancelDevicePairing, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::Fido2ActivationRequired, &[
        (Action::ActivateFido2Device, Status::MfaCompleted),
        (Action::ActivateFido2Device, Status::DevicePairingMethodRequired),
        (Action::ActivateFido2Device, Status::DeviceSelectionRequired),
        (Action::ActivateFido2Device, Status::PushConfirmationWaiting),
        (Action::ActivateFido2Device, Status::OtpRequired),
        (Action::ActivateFido2Device, Status::MfaFailed),
        (Action::CancelDevicePairing, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    // By the other channels it is the same, as is looked at below.
    (Status::EmailPairingTargetRequired, &[
        (Action::SubmitEmailTarget, Status::EmailActivationRequired),
        (Action::SubmitEmailTarget, Status::DevicePairingMethodRequired),
        (Action::SubmitEmailTarget, Status::DeviceSelectionRequired),
        (Action::SubmitEmailTarget, Status::PushConfirmationWaiting),
        (Action::SubmitEmailTarget, Status::OtpRequired),
        (Action::SubmitEmailTarget, Status::MfaCompleted),
        (Action::SubmitEmailTarget, Status::MfaFailed),
        (Action::CancelDevicePairing, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::EmailActivationRequired, &[
        (Action::ActivateEmailDevice, Status::MfaCompleted),
        (Action::ActivateEmailDevice, Status::DevicePairingMethodRequired),
        (Action::ActivateEmailDevice, Status::DeviceSelectionRequired),
        (Action::ActivateEmailDevice, Status::PushConfirmationWaiting),
        (Action::ActivateEmailDevice, Status::OtpRequired),
        (Action::ActivateEmailDevice, Status::MfaFailed),
        (Action::ResendOtp, Status::EmailActivationRequired),
        (Action::ResendOtp, Status::DevicePairingMethodRequired),
        (Action::ResendOtp, Status::DeviceSelectionRequired),
        (Action::ResendOtp, Status::PushConfirmationWaiting),
        (Action::ResendOtp, Status::OtpRequired),
        (Action::ResendOtp, Status::MfaCompleted),
        (Action::ResendOtp, Status::MfaFailed),
        (Action::CancelDevicePairing, Status::MfaSetupRequired),
        (Action::CancelAuthentication, Status::Failed),
    ]),
    (Status::MobilePairingRequired, &[(Action::ContinueAuthentication, NEXT)]),
    (Status::MfaCompleted, &[(Action::ContinueAuthentication, NEXT)]),
    (Status::MfaFailed, &[(Action::CancelAuthentication, Status::Failed)]),
];

fn policy() -> SignOnPolicy {
    let root = step("mfa", Source::Mfa, Branch::Done, Branch::Fail);
    let mut mfa = first_step(&SignOnPolicy { root, ..SignOnPolicy::password() });
    mfa.mfa_policy = MfaPolicyId::parse("mfa");
    let then = Branch::Step(Box::new(mfa));
    SignOnPolicy { root: step("first", Source::Password, then, Branch::Fail), ..SignOnPolicy::password() }
}

fn came_to(around: &Around<'_>, verdict: Verdict, pairs: bool) -> Flow {
    let flow = Flow::begin(start(request(ResponseMode::Query)), None, around).password_verified(ALICE, around).unwrap();
    evaluated(flow, verdict, pairs).unwrap()
}

fn evaluated(flow: Flow, verdict: Verdict, pairs: bool) -> Option<Flow> {
    let policy = MfaPolicyId::parse("mfa").unwrap();
    let enrolment = pairs.then(|| Enrolment { app: mfa::app(), policy, grounds: Ok(Grounds::First) });
    mfa::came_to(flow, (verdict, enrolment), Some(at(300)), (7, at(0)))
}

fn ask() -> Verdict {
    Verdict::Ask(vec![phone_of(ALICE), address_of(ALICE)], First::Choose)
}

/// Every way to be somewhere.
fn flows(around: &Around<'_>) -> Vec<Flow> {
    let before =
        Flow::begin(start(request(ResponseMode::Query)), None, around).password_verified(ALICE, around).unwrap();
    let choosing = came_to(around, ask(), false);
    let waiting = asked_on(choosing.clone(), phone_of(ALICE), 1, at(0)).unwrap();
    let sent = asked_on(choosing.clone(), address_of(ALICE), 1, at(0)).unwrap();
    // The same, about an app that wants to be a device.
    let about_new = came_to(around, ask(), true);
    let waiting_for_new = asked_on(about_new.clone(), phone_of(ALICE), 1, at(0)).unwrap();
    let sent_for_new = asked_on(about_new, address_of(ALICE), 1, at(0)).unwrap();
    // The same, of somebody who wants to look after their devices.
    let managing = choosing.clone().managed(None).unwrap();
    let waiting_to_manage = asked_on(managing.clone(), phone_of(ALICE), 1, at(0)).unwrap();
    let sent_to_manage = asked_on(managing.clone(), address_of(ALICE), 1, at(0)).unwrap();
    let setting_up = came_to(around, Verdict::SetUp(Why::NoDevices, None), false);
    let of_a_kind = setting_up.clone().set_up_begun(Makes::ALL.to_vec()).unwrap();
    let by_email = of_a_kind.clone().set_up_target(Channel::Email).unwrap();
    let question = waiting.waits_for().unwrap().question;
    let yes = Outcome::Approved(Trusted { device: phone_of(ALICE), acr: Acr::Device });
    let managed = waiting_to_manage.clone().answered(question, yes).unwrap();
    let managed_by_code = sent_to_manage.clone().code_verified(sent_to_manage.sent().unwrap().id).unwrap();
    let answered = |outcome| waiting.clone().answered(question, outcome).unwrap();
    vec![
        before,
        answered(yes),
        answered(Outcome::Denied),
        answered(Outcome::TimedOut),
        sent.clone().code_verified(sent.sent().unwrap().id).unwrap(),
        came_to(around, Verdict::Authorized(phone_of(ALICE)), false),
        came_to(around, Verdict::Waived(Missing::NoDevices), false),
        came_to(around, Verdict::Waived(Missing::NoDevices), true),
        came_to(around, Verdict::Failed(Why::DeviceBlocked), false),
        came_to(around, Verdict::LetIn, false),
        came_to(around, Verdict::Remembered(phone_of(ALICE)), false),
        choosing,
        waiting,
        sent,
        waiting_for_new,
        sent_for_new,
        managing,
        waiting_to_manage,
        sent_to_manage,
        managed,
        managed_by_code,
        of_a_kind.clone().set_up_with(new_app(ALICE)).unwrap(),
        of_a_kind.clone().set_up_phone(new_phone(ALICE)).unwrap(),
        of_a_kind.clone().set_up_passkey().unwrap(),
        by_email.clone().first_code_sent(new_address(ALICE, Channel::Email)).unwrap(),
        by_email,
        of_a_kind,
        setting_up,
        came_to(around, Verdict::SetUp(Why::NoDevices, Some(Missing::NoDevices)), false),
    ]
}

/// Whatever could be done to it, by anybody, with anything; what came of it, and what that is called.
fn led(flow: &Flow, around: &Around<'_>) -> Vec<(Action, Flow)> {
    const DEVICES: [DeviceId; 4] = [phone_of(ALICE), address_of(ALICE), phone_of(BOB), address_of(BOB)];
    let verdicts = [
        ask(),
        Verdict::Ask(vec![phone_of(ALICE)], First::Ask),
        Verdict::Ask(vec![address_of(ALICE)], First::Ask),
        Verdict::Authorized(phone_of(ALICE)),
        Verdict::Waived(Missing::NoDevices),
        Verdict::LetIn,
        Verdict::Remembered(phone_of(ALICE)),
        Verdict::Failed(Why::NoDevices),
        Verdict::SetUp(Why::NoDevices, None),
    ];
    let evaluations = verdicts.clone().into_iter().flat_map(|verdict| [(verdict.clone(), false), (verdict, true)]);
    let mut all: Vec<(Action, Option<Flow>)> =
        evaluations.map(|(verdict, pairs)| (Action::Authenticate, evaluated(flow.clone(), verdict, pairs))).collect();
    for device in DEVICES {
        let again = flow.sent().is_some_and(|sent| sent.selected == device);
        let next = asked_on(flow.clone(), device, 7, at(0));
        all.push((Action::SelectDevice, next.clone()));
        all.push((Action::ResendOtp, next.filter(|_| again)));
        let trusted = Trusted { device, acr: Acr::Device };
        let (yes, once) = (Outcome::Approved(trusted), Outcome::LetIn(trusted));
        for (number, outcome) in
            [1, 2].into_iter().flat_map(|n| [yes, once, Outcome::Denied, Outcome::TimedOut].map(|o| (n, o)))
        {
            let question = RequestId::new(Uuid::from_u128(number));
            let next = flow.clone().answered(question, outcome);
            all.push((Action::Poll, next.clone()));
            all.push((Action::Poll, next.map(|next| next.admitted(Some(at(300))))));
        }
    }
    for number in [1, 2] {
        let next = flow.clone().code_verified(OtpId::new(Uuid::from_u128(number)));
        all.push((Action::CheckOtp, next.clone()));
        all.push((Action::CheckOtp, next.map(|next| next.admitted(Some(at(300))))));
    }
    // What somebody was asked on is gone, or they are stopped themselves.
    let links = flow.actions();
    for action in [Action::Poll, Action::SelectDevice, Action::CheckOtp, Action::ResendOtp] {
        if !links.contains(&action) {
            continue;
        }
        for verdict in verdicts.clone() {
            let anew = flow.clone().unasked();
            all.push((action, anew.and_then(|flow| mfa::came_to(flow, (verdict, None), None, (7, at(0))))));
        }
    }
    let make = [Action::ActivateTotpDevice, Action::ActivateFido2Device, Action::Poll];
    let named = [Action::SubmitEmailTarget, Action::ActivateEmailDevice, Action::ResendOtp];
    let begin = [Action::SetupMfa, Action::SkipMfa, Action::SelectDevicePairingMethod];
    for action in begin.into_iter().chain(make).chain(named) {
        // They have got a device meanwhile, or are stopped.
        let meanwhile = verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::SetUp(..)));
        for verdict in meanwhile.filter(|_| links.contains(&action)) {
            let anew = flow.clone().set_up_over();
            let came_to = |flow| mfa::came_to(flow, (verdict.clone(), None), None, (7, at(0)));
            all.push((action, anew.and_then(came_to)));
        }
    }
    // Or the policy makes it no more.
    for action in named.into_iter().chain([Action::ActivateTotpDevice, Action::ActivateFido2Device]) {
        all.push((action, flow.clone().set_up_otherwise(Makes::ALL.to_vec()).filter(|_| links.contains(&action))));
    }
    all.push((Action::SetupMfa, flow.clone().set_up_begun(Makes::ALL.to_vec())));
    all.push((Action::SelectDevicePairingMethod, flow.clone().set_up_with(new_app(ALICE))));
    all.push((Action::SelectDevicePairingMethod, flow.clone().set_up_phone(new_phone(ALICE))));
    all.push((Action::SelectDevicePairingMethod, flow.clone().set_up_passkey()));
    all.push((Action::SelectDevicePairingMethod, flow.clone().set_up_target(Channel::Email)));
    let submits = if flow.new_address().is_some() { Action::ResendOtp } else { Action::SubmitEmailTarget };
    all.push((submits, flow.clone().first_code_sent(new_address(ALICE, Channel::Email))));
    all.push((submits, flow.clone().first_code_sent(new_address(ALICE, Channel::Sms))));
    for number in [1, 2] {
        let next = flow.clone().first_code_verified(OtpId::new(Uuid::from_u128(number)));
        all.push((Action::ActivateEmailDevice, next));
    }
    all.push((Action::Poll, flow.clone().no_phone_came(Makes::ALL.to_vec())));
    for may_skip in [false, true] {
        all.push((Action::CancelDevicePairing, flow.clone().set_up_cancelled(may_skip)));
    }
    all.push((Action::SkipMfa, flow.clone().set_up_skipped()));
    // The policy has let them go on without, and does no more.
    let no_more = flow.clone().set_up_over().filter(|_| links.contains(&Action::SkipMfa));
    let no_more = no_more.and_then(|flow| evaluated(flow, Verdict::SetUp(Why::NoDevices, None), false));
    all.push((Action::SkipMfa, no_more));
    for person in [ALICE, BOB] {
        all.push((Action::ActivateTotpDevice, flow.clone().set_up_done(app_of(person))));
        all.push((Action::ActivateFido2Device, flow.clone().passkey_made((person, passkey_of(person)), at(0))));
        all.push((Action::Poll, flow.clone().phone_came(&new_phone(person).key, phone_of(person))));
    }
    all.push((Action::ManageDevices, flow.clone().managed(None)));
    all.push((Action::ResumeAuthentication, flow.clone().resumed()));
    for device in [phone_of(ALICE), address_of(ALICE)] {
        all.push((Action::RemoveDevice, flow.clone().without_device(device)));
    }
    for action in [Action::SetDefaultDevice, Action::RemoveDevice, Action::UpdateDeviceNickname] {
        all.push((action, flow.manages().then(|| flow.clone())));
        // What they have shown counts no more.
        all.push((action, flow.clone().unproved()));
    }
    all.push((Action::ContinueAuthentication, flow.clone().second_factor_continued(around)));
    let given_up = flow.clone().cancelled(around).filter(|_| flow.actions().contains(&Action::CancelAuthentication));
    all.push((Action::CancelAuthentication, given_up));
    all.into_iter().filter_map(|(action, next)| next.map(|next| (action, next))).collect()
}

#[test]
fn h7_the_legal_transitions_of_a_second_factor_and_no_others() {
    let policy = policy();
    let around = around(&policy);
    let mut found = BTreeSet::new();
    for flow in flows(&around) {
        for (action, next) in led(&flow, &around) {
            assert!(flow.actions().contains(&action), "{action:?} at {:?}", flow.status());
            found.insert((flow.status().as_str(), action.as_str(), next.status().as_str()));
        }
    }
    let legal: BTreeSet<_> = TABLE
        .iter()
        .flat_map(|(from, leads)| leads.iter().map(|(by, to)| (from.as_str(), by.as_str(), to.as_str())))
        .collect();
    assert_eq!(found, legal);
}

/// [flows.md H.7] each state has a row, and each of its links leads somewhere.
#[test]
fn h7_every_link_of_a_second_factor_is_in_the_table() {
    let policy = policy();
    for flow in flows(&around(&policy)) {
        let (_, leads) = TABLE.iter().find(|(from, _)| *from == flow.status()).unwrap();
        for action in flow.actions() {
            assert!(leads.iter().any(|(by, _)| *by == action), "{action:?} at {:?}", flow.status());
        }
    }
}

/// [flows.md A.1.3] by each channel, in states of its own.
#[test]
fn h7_a_first_code_goes_and_comes_back_by_each_channel() {
    let policy = policy();
    let around = around(&policy);
    let cases = [
        (Channel::Email, Status::EmailPairingTargetRequired, Action::SubmitEmailTarget),
        (Channel::Sms, Status::SmsPairingTargetRequired, Action::SubmitSmsTarget),
        (Channel::Voice, Status::VoicePairingTargetRequired, Action::SubmitVoiceTarget),
    ];
    let then = [
        (Status::EmailActivationRequired, Action::ActivateEmailDevice),
        (Status::SmsActivationRequired, Action::ActivateSmsDevice),
        (Status::VoiceActivationRequired, Action::ActivateVoiceDevice),
    ];
    let of_a_kind =
        came_to(&around, Verdict::SetUp(Why::NoDevices, None), false).set_up_begun(Makes::ALL.to_vec()).unwrap();
    for ((channel, asks, submits), (waits, activates)) in cases.into_iter().zip(then) {
        let asked = of_a_kind.clone().set_up_target(channel).unwrap();
        assert_eq!((asked.status(), asked.actions()[0]), (asks, submits));
        let sent = asked.clone().first_code_sent(new_address(ALICE, channel)).unwrap();
        assert_eq!((sent.status(), &sent.actions()[..2]), (waits, &[activates, Action::ResendOtp][..]));
        let others = cases.iter().map(|(other, ..)| *other).filter(|other| *other != channel);
        for other in others {
            assert_eq!(asked.clone().first_code_sent(new_address(ALICE, other)), None);
        }
        assert_eq!(sent.clone().first_code_verified(OtpId::new(Uuid::from_u128(2))), None);
        let done = sent.first_code_verified(OtpId::new(Uuid::from_u128(1))).unwrap();
        assert_eq!(done.second_factor, Some(SecondFactor::OtpVerified(CodeSource::Sent(channel))));
        assert_eq!(done.may_be_remembered_by(), Some(address_of(ALICE)));
    }
}

/// [flows.md D.1] not for what was asked for before, nor for what is gone.
#[test]
fn d1_a_browser_is_remembered_for_what_was_shown_last() {
    let policy = policy();
    let around = around(&policy);
    let choosing = came_to(&around, ask(), false);
    let asked = asked_on(choosing.clone(), phone_of(ALICE), 1, at(0)).unwrap();
    // The phone goes away, and a passkey takes its place.
    let anew = evaluated(asked.unasked().unwrap(), Verdict::SetUp(Why::NoUsableDevices, None), false).unwrap();
    let making = anew.set_up_begun(Makes::ALL.to_vec()).unwrap().set_up_passkey().unwrap();
    let made = making.passkey_made((ALICE, passkey_of(ALICE)), at(0)).unwrap();
    assert_eq!(made.second_factor, Some(SecondFactor::PasskeyVerified(at(0))));
    assert_eq!(made.may_be_remembered_by(), Some(passkey_of(ALICE)));
    let sent = asked_on(choosing.managed(None).unwrap(), address_of(ALICE), 1, at(0)).unwrap();
    let id = sent.sent().unwrap().id;
    let managed = sent.code_verified(id).unwrap();
    let by_now = |gone: DeviceId| managed.clone().without_device(gone).unwrap().may_be_remembered_by();
    assert_eq!(by_now(phone_of(ALICE)), Some(address_of(ALICE)));
    assert_eq!(by_now(address_of(ALICE)), None);
    // Nor where a server has her asked, which has no browser.
    let alone = SignOnPolicy { root: step("mfa", Source::Mfa, Branch::Done, Branch::Fail), ..SignOnPolicy::password() };
    let known = Flow::of_known(start(request(ResponseMode::Query)), ALICE, &super::around(&alone));
    let sent = asked_on(evaluated(known, ask(), false).unwrap(), address_of(ALICE), 1, at(0)).unwrap();
    let id = sent.sent().unwrap().id;
    assert_eq!(sent.code_verified(id).unwrap().may_be_remembered_by(), None);
}
