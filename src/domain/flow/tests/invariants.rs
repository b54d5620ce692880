//! What holds of every flow, whatever is done to it [flows.md H.7]: those invariants that can be seen without a
//! server. I1 and I7 are about answers, and are looked at over HTTP, as are the halves of I3 and I8 that stores decide.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::errand::{asked, chosen, goes_on, on_errand};
use super::mfa::{Has, asked_on, owner};
use super::model::{Deed, Done, Model, Past, Proof, deeds};
use super::scene::{Of, PEOPLE, chosen_by, scenes, tree};
use super::*;
use crate::domain::flow::errand::Errand;
use crate::domain::mfa_policy::Makes;
use crate::domain::password::Confirmed;
use crate::domain::recovery::Means;
use crate::domain::second_factor::{First, Verdict};
use crate::protocol::flow_api::Action;

const SECOND_FACTOR: [mfa::Deed; 9] = [
    mfa::Deed::Authenticate(true),
    mfa::Deed::Resend,
    mfa::Deed::Poll,
    mfa::Deed::Answer { last: true, yes: true },
    mfa::Deed::Check { last: true },
    mfa::Deed::Show(0),
    mfa::Deed::Manage,
    mfa::Deed::Remove(0),
    mfa::Deed::Resume,
];

type Checked = Result<(), TestCaseError>;

const INVARIANTS: [fn(&Done<'_>) -> Checked; 8] = [
    i2_nobody_is_signed_in_of_whom_nothing_was_proved,
    i2_no_second_factor_counts_that_nobody_gave,
    i2_nobody_changes_devices_who_has_shown_none,
    i3_what_is_good_once_is_used_once,
    i4_what_is_over_stays_over,
    i5_what_can_be_done_is_what_is_linked,
    i6_time_signs_nobody_in,
    i8_nothing_of_one_person_is_anothers,
];

/// Somebody got through.
fn is_signed_in(flow: &Flow) -> bool {
    matches!(flow.at, At::Consent(_) | At::Ready | At::Completed(_) | At::Connected)
}

/// A second factor came to something, by what the person did.
const fn is_vouched_for(flow: &Flow) -> bool {
    matches!(
        flow.second_factor,
        Some(
            SecondFactor::Authorized(_)
                | SecondFactor::Verified { .. }
                | SecondFactor::OtpVerified(_)
                | SecondFactor::PasskeyVerified(_)
                | SecondFactor::LetIn(Some(_))
                | SecondFactor::Pairing(_, Some(_))
        )
    )
}

/// And it is whoever proved it last, in the way that is said of them.
fn i2_nobody_is_signed_in_of_whom_nothing_was_proved(done: &Done<'_>) -> Checked {
    let Model { flow, scene, past, .. } = done.model;
    if !is_signed_in(flow) {
        return Ok(());
    }
    let (last, proofs) = past.of_last();
    prop_assert!(flow.notes.has_verified());
    prop_assert!(last.is_some() && flow.user() == last, "{:?} proved it, not {:?}", last, flow.user());
    let how = flow.authenticated.as_ref();
    prop_assert!(how.is_some());
    let (acr, amr) = how.map(|how| (how.acr, how.amr.clone())).unwrap();
    prop_assert!(acr != Acr::Passkey || proofs.iter().any(|proof| proof.by_passkey), "{proofs:?}");
    let by_password = proofs.iter().any(|proof| proof.is_first() && !proof.by_passkey);
    prop_assert!(!amr.contains("pwd") || by_password, "{proofs:?}");
    // On the word of a session, somebody has to look whether that goes on.
    let here = proofs.iter().any(|proof| proof.is_first() && proof.factor != Factor::Session);
    prop_assert!(here || flow.leans_on().is_some());
    // It is whom the relying party means, in the way that it needs.
    prop_assert!(scene.meant.is_none_or(|person| flow.user() == Some(PEOPLE[person])));
    prop_assert!(!scene.needs_passkey || acr == Acr::Passkey);
    prop_assert!(flow.device.as_ref().is_none_or(|device| device.confirmed), "nobody looked at the device");
    if !matches!(flow.at, At::Consent(_)) && !scene.implied_consent {
        prop_assert!(flow.agreed.is_some());
    }
    Ok(())
}

/// No code that came back, no device that vouched, no policy that does without: no second factor.
fn i2_no_second_factor_counts_that_nobody_gave(done: &Done<'_>) -> Checked {
    let Model { flow, scene, past, .. } = done.model;
    let (last, proofs) = past.of_last();
    let shown = |factor| proofs.iter().any(|proof| proof.factor == factor);
    let vouched = |by| proofs.iter().any(|proof| proof.by == Some(by));
    let without = || last.is_some_and(|user| scene.has_second(user) == Has::Nothing);
    match &flow.second_factor {
        Some(
            SecondFactor::Authorized(by)
            | SecondFactor::Verified { trusted: by, .. }
            | SecondFactor::LetIn(Some(by))
            | SecondFactor::Pairing(_, Some(Proved::Device(by))),
        ) => prop_assert!(vouched(*by), "{by:?} of {proofs:?}"),
        Some(SecondFactor::OtpVerified(_) | SecondFactor::Pairing(_, Some(Proved::Code(_)))) => {
            prop_assert!(shown(Factor::Otp), "{proofs:?}");
        }
        Some(SecondFactor::PasskeyVerified(_) | SecondFactor::Pairing(_, Some(Proved::Passkey(_)))) => {
            prop_assert!(shown(Factor::Passkey), "{proofs:?}");
        }
        Some(SecondFactor::Waived | SecondFactor::Pairing(_, None)) => prop_assert!(without()),
        // Nobody has let in anything here, and no browser is remembered.
        Some(SecondFactor::LetIn(None) | SecondFactor::Remembered(_)) => {
            prop_assert!(false, "{:?}", flow.second_factor);
        }
        Some(
            SecondFactor::Failed(_)
            | SecondFactor::Choosing(_)
            | SecondFactor::Waiting(_)
            | SecondFactor::TimedOut(_)
            | SecondFactor::Rejected
            | SecondFactor::Otp(_)
            | SecondFactor::Totp(_)
            | SecondFactor::Asserting(_)
            | SecondFactor::SettingUp(_)
            | SecondFactor::Verifying(_),
        )
        | None => {}
    }
    // What is told in the end, and what each step is said to have come to.
    prop_assert!(flow.trusted.is_none_or(vouched), "{:?} of {proofs:?}", flow.trusted);
    prop_assert!(flow.by_code.is_none() || shown(Factor::Otp), "{proofs:?}");
    for step in scene.policy.steps() {
        let asks = step.source == Source::Mfa;
        match flow.notes.of(&step.id) {
            Some(Note::Verified(Factor::TrustedDevice | Factor::Otp)) => prop_assert!(asks),
            Some(Note::Waived) => prop_assert!(asks && without()),
            Some(Note::Identified | Note::Verified(Factor::Session | Factor::Password | Factor::Passkey)) => {
                prop_assert!(!asks, "{} without a second factor", step.id);
            }
            Some(Note::Failed) | None => {}
        }
    }
    Ok(())
}

fn i3_what_is_good_once_is_used_once(done: &Done<'_>) -> Checked {
    let Model { flow, past, .. } = done.model;
    prop_assert!(past.answers <= 1, "{} answers", past.answers);
    if let Some(ceremony) = &flow.ceremony {
        prop_assert!(!past.spent.contains(&ceremony.asked), "asked twice");
    }
    let answered = matches!(done.deed, Deed::Passkey(_) | Deed::Make) && done.took;
    prop_assert!(!answered || flow.ceremony.is_none() || flow.ceremony != done.before.ceremony, "asked still");
    // A question has one answer, and a code comes back once.
    let twice = past.used.iter().enumerate().any(|(at, id)| past.used.iter().skip(at + 1).any(|other| other == id));
    prop_assert!(!twice, "{:?}", past.used);
    // The one that was asked last, and no other.
    let old = matches!(
        done.deed,
        Deed::SecondFactor(mfa::Deed::Answer { last: false, .. } | mfa::Deed::Check { last: false })
    );
    prop_assert!(!old || !done.took, "{:?} for the one before", done.deed);
    Ok(())
}

fn i4_what_is_over_stays_over(done: &Done<'_>) -> Checked {
    let (before, after) = (&done.before, &done.model.flow);
    if matches!(before.at, At::Failed(_) | At::Left | At::Completed(_) | At::Connected) {
        prop_assert!(before.actions().is_empty());
        // The client is told of a failure once, and that is all that can still be done to it.
        let told = matches!((&before.at, done.deed, &after.at), (At::Failed(_), Deed::Leave, At::Left));
        prop_assert!(told || (!done.took && after == before), "{:?} after {:?}", after.at, before.at);
    }
    if matches!(after.at, At::Left | At::Completed(_) | At::Connected) {
        for deed in
            [Deed::Identify, Deed::GoOn, Deed::Cancel, Deed::Agree(true), Deed::Confirm, Deed::Leave, Deed::Complete]
                .into_iter()
                .chain(SECOND_FACTOR.map(Deed::SecondFactor))
        {
            prop_assert!(!done.model.would(deed), "{deed:?} after {:?}", after.at);
        }
    }
    Ok(())
}

/// Nobody looks after devices who has not shown a second factor in this very flow.
fn i2_nobody_changes_devices_who_has_shown_none(done: &Done<'_>) -> Checked {
    let Model { flow, past, .. } = done.model;
    if flow.status() == Status::DeviceManagement {
        let (_, proofs) = past.of_last();
        let second = |proof: &Proof| matches!(proof.factor, Factor::TrustedDevice | Factor::Otp);
        prop_assert!(proofs.iter().any(second), "{proofs:?}");
        let first = |proof: &Proof| matches!(proof.factor, Factor::Password | Factor::Passkey);
        prop_assert!(proofs.iter().any(first), "{proofs:?}");
    }
    Ok(())
}

fn i5_what_can_be_done_is_what_is_linked(done: &Done<'_>) -> Checked {
    let Model { flow, scene, now, .. } = done.model;
    if let Some(action) = done.action {
        let linked = done.before.actions().contains(&action);
        prop_assert_eq!(done.took, linked, "{:?} at {:?}", action, &done.before.at);
    }
    let around = scene.around(*now);
    for action in flow.actions() {
        prop_assert!(executed(flow, action, &around).is_some(), "{action:?} at {:?}", flow.at);
    }
    Ok(())
}

fn i6_time_signs_nobody_in(done: &Done<'_>) -> Checked {
    let Model { flow, scene, now, .. } = done.model;
    let an_hour_later = done.before.started_at + Duration::from_secs(3600);
    prop_assert!(*now < an_hour_later || (!done.took && *flow == done.before), "it was over");
    let failed = matches!(done.deed, Deed::Fail);
    prop_assert!(!failed || is_signed_in(&done.before) || !is_signed_in(flow), "by a try that failed");
    // A question and a code end, and nobody is vouched for by that.
    let later = done.later.as_ref().is_some_and(is_vouched_for);
    prop_assert!(!later || is_vouched_for(flow), "{:?} half an hour later", done.deed);
    // Nobody gets further by waiting, unless the policy itself asks when somebody was there.
    let timed = |step: &&Step| step.when.iter().any(|condition| matches!(condition.about, About::NotWithin(_)));
    if !scene.policy.steps().iter().any(timed) {
        let later = done.later.as_ref().is_some_and(is_signed_in);
        prop_assert!(!later || is_signed_in(flow), "{:?} half an hour later", done.deed);
    }
    Ok(())
}

fn i8_nothing_of_one_person_is_anothers(done: &Done<'_>) -> Checked {
    let Model { flow, scene, past, .. } = done.model;
    if flow.agreed.is_some() && flow.user().is_some() {
        prop_assert_eq!(past.agreed, flow.user(), "who agreed, and who is there");
    }
    if flow.ceremony.is_some() {
        prop_assert_eq!(past.asked_for, flow.user(), "who was asked to sign, and who is there");
    }
    if let Some(user) = flow.user() {
        prop_assert!(flow.password.is_none_or(|chosen| chosen == chosen_by(user)), "whose password");
        let (_, proofs) = past.of_last();
        let noted = |factor| {
            let steps = scene.policy.steps();
            steps.iter().filter(|step| flow.notes.of(&step.id) == Some(Note::Verified(factor))).count()
        };
        // An app that has shown itself vouches for each step anew, and nobody has to act for that.
        let silently = proofs.iter().any(|proof| proof.by.is_some_and(|by| by.is_silent()));
        let vouched = Some(Factor::TrustedDevice).filter(|_| !silently);
        for factor in [Factor::Password, Factor::Passkey, Factor::Otp].into_iter().chain(vouched) {
            let proved = proofs.iter().filter(|proof| proof.user == user && proof.factor == factor).count();
            prop_assert!(noted(factor) <= proved, "{} by {factor:?}, of {proofs:?}", noted(factor));
        }
    }
    only_devices_of_the_person(flow, past)
}

fn only_devices_of_the_person(flow: &Flow, past: &Past) -> Checked {
    let theirs = |device| Some(owner(device)) == flow.user();
    let asked = flow.second_factor.as_ref();
    let (devices, selected) = (asked.map_or(&[][..], SecondFactor::devices), asked.and_then(SecondFactor::selected));
    prop_assert!(devices.iter().copied().all(theirs) && selected.is_none_or(theirs), "{asked:?}");
    // Who has said since then to be somebody is nobody yet, and whoever proves to be another is told nothing of it.
    let Some(user) = flow.user() else { return Ok(()) };
    prop_assert!(flow.trusted.is_none_or(|by| theirs(by.device)), "{:?}", flow.trusted);
    prop_assert!(flow.enrolment.is_none() || past.offered_to == Some(user), "whose device the app becomes");
    Ok(())
}

/// What a link of the state leads to, when somebody does it right.
fn executed(flow: &Flow, action: Action, around: &Around<'_>) -> Option<Flow> {
    let (flow, user) = (flow.clone(), flow.user().unwrap_or(ALICE));
    let errand = |then: fn(Errand) -> Option<Errand>| on_errand(flow.clone(), then);
    match action {
        Action::SubmitIdentifier => {
            flow.clone().identified("alice", around).or_else(|| flow.another(Some("alice"), around))
        }
        Action::ClearIdentifier => flow.another(None, around),
        Action::CheckUsernamePassword => flow.password_verified(user, around),
        Action::CheckAssertion | Action::ActivateFido2Device => flow.passkey_verified(user, around),
        Action::UseAlternativeAuthenticationSource => {
            let way = *flow.ways.first()?;
            flow.turned_to(way, around)
        }
        Action::GrantConsent => flow.agreed(None, around),
        Action::SubmitUserCode => flow.for_device(Flow::begin(device::of_device(), None, around)),
        Action::ConfirmUserCode => flow.confirmed(around),
        Action::Cancel | Action::CancelAuthentication | Action::CancelIdentifierSubmission | Action::DenyConsent => {
            flow.cancelled(around)
        }
        Action::InitiatePasswordChange => flow.changes_password(),
        Action::CheckCurrentCredentials => {
            errand(|errand| errand.confirmed(Confirmed::new(ALICE, at(0), chosen_by(ALICE))))
        }
        Action::CheckNewPassword => errand(chosen),
        Action::CancelPasswordChange | Action::CancelAccountRecovery => errand(Errand::cancelled),
        Action::InitiateAccountRecovery => flow.clone().recovers(None).or_else(|| errand(Errand::again)),
        Action::CheckAccountRecoveryUsername => errand(|errand| asked(errand, Means::Both)),
        Action::CheckRecoveryCode => errand(|errand| errand.proved(ALICE)),
        Action::CheckPasswordReset => errand(Errand::reset),
        Action::Authenticate => {
            let devices = vec![mfa::phone_of(flow.user()?), mfa::address_of(flow.user()?)];
            flow.second_factor_evaluated((Verdict::Ask(devices, First::Choose), None), None)
        }
        Action::SelectDevice => {
            let device = *flow.second_factor.as_ref()?.devices().last()?;
            asked_on(flow, device, 1, around.now)
        }
        Action::ResendOtp => {
            let selected = flow.sent()?.selected;
            asked_on(flow, selected, 2, around.now)
        }
        Action::CheckOtp => {
            if let Some(app) = flow.typing().map(|typing| typing.selected) {
                return flow.totp_verified(app);
            }
            let id = flow.sent()?.id;
            flow.code_verified(id)
        }
        Action::ManageDevices => flow.managed(None),
        Action::SetDefaultDevice | Action::UpdateDeviceNickname => flow.manages().then_some(flow),
        Action::RemoveDevice => flow.without_device(mfa::phone_of(user)),
        Action::ResumeAuthentication => flow.resumed(),
        Action::SetupMfa => flow.set_up_begun(Makes::ALL.to_vec()),
        Action::SelectDevicePairingMethod => flow.set_up_with(mfa::new_app(user)),
        Action::SubmitEmailTarget | Action::SubmitSmsTarget | Action::SubmitVoiceTarget => {
            let Some(SettingUp::Target(channel)) = flow.setting_up() else { return None };
            let new = mfa::new_address(user, *channel);
            flow.first_code_sent(new)
        }
        Action::ActivateEmailDevice | Action::ActivateSmsDevice | Action::ActivateVoiceDevice => {
            let id = flow.new_address()?.sent.id;
            flow.first_code_verified(id)
        }
        Action::ActivateTotpDevice => flow.set_up_done(mfa::app_of(user)),
        Action::CancelDevicePairing => flow.set_up_cancelled(false),
        Action::SkipMfa => flow.set_up_skipped(),
        Action::Poll => {
            let question = flow.waits_for()?.question;
            flow.answered(question, Outcome::TimedOut)
        }
        Action::ContinueAuthentication => goes_on(flow, around),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// [flows.md H.7, and T15.2]
    #[test]
    fn whatever_is_done_to_a_flow(scene in scenes(), deeds in deeds(0..=14)) {
        let chooses = scene.chooses && matches!(scene.of, Of::Browser | Of::App);
        let offered = scene.session().map(|session| session.user).filter(|_| chooses);
        let offered = offered.filter(|user| scene.meant.is_none_or(|person| PEOPLE[person] == *user));
        let mut model = Model::begin(scene);
        prop_assert_eq!(model.flow.offered(), offered);
        for (pause, deed) in deeds {
            let done = model.does(pause, deed);
            for check in INVARIANTS {
                check(&done)?;
            }
        }
    }

    /// One deed is always possible, or the flow is over: nobody is stuck.
    #[test]
    fn nobody_is_stuck(policy in tree(), implied_consent in any::<bool>()) {
        let around = Around { implied_consent, ..around(&policy) };
        let mut flow = Flow::begin(start(request(ResponseMode::Query)), None, &around);
        for _ in 0..40 {
            let Some(action) = flow.actions().first().copied() else { break };
            flow = executed(&flow, action, &around).expect("a link of the state");
        }
        prop_assert!(flow.actions().is_empty(), "{:?}", flow.at);
    }
}
