//! The flow as a machine: whatever is done to it, and whatever the policy is.

use proptest::prelude::*;
use uuid::Uuid;

use super::errand::Errand;
use super::*;
use crate::domain::policy::{About, Branch, Condition, Step};
use crate::domain::session::Session;
use crate::protocol::authorization_request::{Destination, Prompt, ResponseType};
use crate::protocol::claims_request::AcrRequest;
use crate::protocol::flow_api::{Action, Status};
use crate::protocol::id::{MfaPolicyId, SessionToken};

mod errand;

const ALICE: UserId = UserId::new(Uuid::from_u128(1));
const BOB: UserId = UserId::new(Uuid::from_u128(2));

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn request(mode: ResponseMode) -> AuthorizationRequest {
    AuthorizationRequest {
        destination: Destination { redirect_uri: "https://shop.example/cb".into(), mode, state: None },
        response_type: ResponseType::Code,
        scope: Scope::parse("openid profile").unwrap(),
        nonce: None,
        challenge: None,
        dpop_jkt: None,
        prompt: Vec::new(),
        max_age: None,
        acr_values: None,
        login_hint: None,
        ui_locales: None,
        extent: Extent::default(),
    }
}

fn start(request: AuthorizationRequest) -> Start {
    Start {
        transaction: RequestId::new(Uuid::nil()),
        client: ClientId::parse("shop").unwrap(),
        request,
        browser: Digest::of(b"browser"),
        cookieless: false,
        recoverable: true,
        meant: None,
        device: None,
    }
}

fn session(user: UserId, seconds: i64) -> Session {
    Session {
        id: SessionId::new(Uuid::from_u128(7)),
        token: Digest::<SessionToken>::of(b"token"),
        user,
        authentication: Authentication { at: at(seconds), acr: Acr::Password, amr: "pwd".into() },
        created_at: at(seconds),
        seen_at: at(seconds),
    }
}

fn around(policy: &SignOnPolicy) -> Around<'_> {
    Around { policy, implied_consent: true, remembered: None, passkeys: true, now: at(0) }
}

fn begin(request: AuthorizationRequest, session: Option<&Session>) -> Flow {
    Flow::begin(start(request), session, &around(&SignOnPolicy::password()))
}

#[test]
fn a_password_signs_in_and_consent_is_asked_once() {
    let policy = SignOnPolicy::password();
    let asks = Around { implied_consent: false, ..around(&policy) };
    let flow = Flow::begin(start(request(ResponseMode::Query)), None, &asks);
    assert_eq!(flow.status(), Status::UsernamePasswordRequired);
    let flow = flow.password_verified(ALICE, &asks).unwrap();
    assert_eq!(flow.status(), Status::ConsentRequired);
    assert_eq!(flow.user(), Some(ALICE));
    let only = Scope::parse("openid").unwrap();
    let flow = flow.agreed(Some(&only), &asks).unwrap();
    assert_eq!((flow.status(), flow.granted()), (Status::Resume, only));
    let left = flow.clone().left().unwrap();
    assert!(left.left().is_none(), "an answer is fetched once");

    let remembered = Scope::parse("profile openid email").unwrap();
    let before = Around { remembered: Some(&remembered), ..asks };
    let flow = Flow::begin(start(request(ResponseMode::Query)), Some(&session(ALICE, 0)), &before);
    assert_eq!(flow.status(), Status::Resume);
    let prompted = AuthorizationRequest { prompt: vec![Prompt::Consent], ..request(ResponseMode::Query) };
    let flow = Flow::begin(start(prompted), Some(&session(ALICE, 0)), &before);
    assert_eq!(flow.status(), Status::ConsentRequired);
}

#[test]
fn oidcc_3_1_2_1_a_session_counts_where_the_request_lets_it() {
    let plain = request(ResponseMode::Query);
    let alices = session(ALICE, 0);
    assert_eq!(begin(plain.clone(), Some(&alices)).status(), Status::Resume);
    for asked_anew in [
        AuthorizationRequest { prompt: vec![Prompt::Login], ..plain.clone() },
        AuthorizationRequest { max_age: Some(0), ..plain.clone() },
    ] {
        let flow = begin(asked_anew, Some(&alices));
        assert_eq!((flow.status(), flow.session, flow.user()), (Status::UsernamePasswordRequired, None, None));
    }
    let recent = AuthorizationRequest { max_age: Some(10), ..plain.clone() };
    assert_eq!(begin(recent.clone(), Some(&session(ALICE, -9))).status(), Status::Resume);
    assert_eq!(begin(recent, Some(&session(ALICE, -10))).status(), Status::UsernamePasswordRequired);
    let bobs = Start { meant: Some(BOB), ..start(plain.clone()) };
    let flow = Flow::begin(bobs, Some(&alices), &around(&SignOnPolicy::password()));
    assert_eq!(flow.status(), Status::UsernamePasswordRequired, "the client means somebody else");
    let ended = session(ALICE, -13 * 3600);
    assert_eq!(begin(plain, Some(&ended)).status(), Status::UsernamePasswordRequired);
}

fn first_step(policy: &SignOnPolicy) -> Step {
    let Branch::Step(step) = &policy.root else { unreachable!() };
    Step::clone(step)
}

fn not_within(not: bool) -> Condition {
    Condition { not, about: About::NotWithin(3600) }
}

#[test]
fn oidcc_3_1_2_1_who_is_to_choose_goes_on_as_they_are_or_as_another() {
    let asked = AuthorizationRequest { prompt: vec![Prompt::SelectAccount], ..request(ResponseMode::Query) };
    let policy = SignOnPolicy::password();
    let flow = begin(asked.clone(), Some(&session(ALICE, -60)));
    assert_eq!((flow.status(), flow.offered(), flow.user()), (Status::IdentifierRequired, Some(ALICE), None));
    let on = flow.clone().chosen(&around(&policy)).unwrap();
    assert_eq!((on.status(), on.user(), on.session.is_some()), (Status::Resume, Some(ALICE), true));
    for (username, who) in [(None, Who::Nobody), (Some("bob"), Who::Claimed("bob".into()))] {
        let other = flow.clone().another(username, &around(&policy)).unwrap();
        assert_eq!((other.status(), &other.who, other.session), (Status::UsernamePasswordRequired, &who, None));
        assert!(other.authenticated.is_none() && other.chosen(&around(&policy)).is_none());
    }
    let gave_up = flow.cancelled(&around(&policy)).unwrap();
    assert_eq!(gave_up.at, At::Failed(Failure::Cancelled));
    // Nobody is signed in, or not as the client needs it: there is nothing to choose from.
    let old = AuthorizationRequest { max_age: Some(10), ..asked.clone() };
    let login = AuthorizationRequest { prompt: vec![Prompt::SelectAccount, Prompt::Login], ..asked.clone() };
    for (request, session) in [(asked, None), (old, Some(session(ALICE, -60))), (login, Some(session(ALICE, 0)))] {
        let flow = begin(request, session.as_ref());
        assert_eq!((flow.status(), flow.offered()), (Status::UsernamePasswordRequired, None));
    }
}

#[test]
fn who_signs_in_as_somebody_else_leaves_the_session_behind() {
    let policy = SignOnPolicy::password();
    let anew = AuthorizationRequest { prompt: vec![Prompt::Login], ..request(ResponseMode::Query) };
    let flow = begin(anew, Some(&session(ALICE, 0))).password_verified(BOB, &around(&policy)).unwrap();
    assert_eq!((flow.user(), flow.session), (Some(BOB), None));
    // What the session stood for was another's.
    let first = Step { id: StepId::parse("first").unwrap(), ..first_step(&policy) };
    let hourly = Step { when: vec![not_within(false)], ..first_step(&policy) };
    let both = Step { success: Branch::Step(Box::new(hourly)), ..first };
    let both = SignOnPolicy { root: Branch::Step(Box::new(both)), ..policy };
    let aged = Session { seen_at: at(0), ..session(ALICE, -3600) };
    let flow = Flow::begin(start(request(ResponseMode::Query)), Some(&aged), &around(&both));
    let password = flow.asking(Source::Password);
    let alice = flow.clone().password_verified(ALICE, &around(&both)).unwrap();
    assert_eq!((password, alice.status()), (StepId::parse("password"), Status::Resume));
    let bob = flow.password_verified(BOB, &around(&both)).unwrap();
    assert_eq!((bob.user(), bob.asking(Source::Password)), (Some(BOB), StepId::parse("first")));
}

#[test]
fn a_session_stands_for_no_password_that_is_wanted_anew() {
    let policy = |when| {
        let asked = Step { when, ..first_step(&SignOnPolicy::password()) };
        SignOnPolicy { root: Branch::Step(Box::new(asked)), ..SignOnPolicy::password() }
    };
    let begin = |policy: &SignOnPolicy, age: i64| {
        let aged = Session { seen_at: at(0), ..session(ALICE, -age) };
        Flow::begin(start(request(ResponseMode::Query)), Some(&aged), &around(policy))
    };
    let hourly = policy(vec![not_within(false)]);
    assert_eq!(begin(&hourly, 3599).status(), Status::Resume);
    let aged = Session { seen_at: at(0), ..session(ALICE, -3600) };
    let flow = Flow::begin(start(request(ResponseMode::Query)), Some(&aged), &around(&hourly));
    assert_eq!((flow.status(), flow.user()), (Status::UsernamePasswordRequired, Some(ALICE)));
    let flow = flow.password_verified(ALICE, &around(&hourly)).unwrap();
    // Its time is that of the proof, not that of the session.
    assert_eq!((flow.status(), flow.session), (Status::Resume, None));
    assert_eq!(flow.authenticated.map(|authentication| authentication.at), Some(at(0)));
    // Where it is not asked at all, or asked of those who were just there, nothing is wanted anew.
    let others = Condition { not: false, about: About::Client(vec![ClientId::parse("bank").unwrap()]) };
    assert_eq!(begin(&policy(vec![not_within(false), others]), 1200).status(), Status::Resume);
    assert_eq!(begin(&policy(vec![not_within(true)]), 1200).status(), Status::Resume);
}

fn needing(classes: &[Acr]) -> AuthorizationRequest {
    let mut request = request(ResponseMode::Query);
    let values = classes.iter().map(|acr| acr.as_str().to_owned()).collect();
    request.extent.claims.acr = Some(AcrRequest { essential: true, values });
    request
}

#[test]
fn oidcc_5_5_1_1_a_session_stands_for_what_it_is_worth() {
    let policy = SignOnPolicy::password();
    let by_device = Authentication { at: at(0), acr: Acr::Device, amr: "pop swk user".into() };
    let by_device = Session { authentication: by_device, ..session(ALICE, 0) };
    let begin = |request, session| Flow::begin(start(request), Some(session), &around(&policy));
    assert_eq!(begin(request(ResponseMode::Query), &by_device).status(), Status::Resume);
    // Another class than the one that is needed, be it a stronger one.
    let flow = begin(needing(&[Acr::Password]), &by_device);
    assert_eq!((flow.status(), flow.user()), (Status::UsernamePasswordRequired, Some(ALICE)));
    let flow = flow.password_verified(ALICE, &around(&policy)).unwrap();
    assert_eq!((flow.status(), flow.authenticated.unwrap().acr), (Status::Resume, Acr::Password));
    assert_eq!(begin(needing(&[Acr::Password, Acr::Device]), &by_device).status(), Status::Resume);
    // What no step can come to is refused before anybody is asked.
    let needs_more = needing(&[Acr::DeviceNumber]);
    for session in [None, Some(&by_device)] {
        let flow = Flow::begin(start(needs_more.clone()), session, &around(&policy));
        assert_eq!(flow.at, At::Failed(Failure::NotWellEnough));
    }
}

#[test]
fn who_asks_for_more_than_the_session_is_worth_has_the_step_for_it_asked() {
    let careful = |condition| {
        let again = Step {
            id: StepId::parse("again").unwrap(),
            when: vec![condition],
            ..first_step(&SignOnPolicy::password())
        };
        let first = Step { success: Branch::Step(Box::new(again)), ..first_step(&SignOnPolicy::password()) };
        SignOnPolicy { root: Branch::Step(Box::new(first)), ..SignOnPolicy::password() }
    };
    let for_device = Condition { not: false, about: About::Asked(Acr::Device) };
    let policy = careful(for_device.clone());
    let asking =
        |acr: Acr| AuthorizationRequest { acr_values: Some(acr.as_str().into()), ..request(ResponseMode::Query) };
    let alices = session(ALICE, -60);
    let flow = |policy: &SignOnPolicy, acr| Flow::begin(start(asking(acr)), Some(&alices), &around(policy));
    assert_eq!(flow(&policy, Acr::Password).status(), Status::Resume);
    let asked = flow(&policy, Acr::Device);
    assert_eq!(asked.asking(Source::Password), StepId::parse("again"));
    let asked = asked.password_verified(ALICE, &around(&policy)).unwrap();
    assert_eq!((asked.status(), asked.session), (Status::Resume, None), "the session is renewed by it");
    assert_eq!(asked.authenticated.unwrap().at, at(0));
    // The other way round, the session is an answer as ever.
    let policy = careful(Condition { not: true, ..for_device });
    assert_eq!(flow(&policy, Acr::Password).status(), Status::Resume);
}

#[test]
fn nobody_agrees_for_somebody_else() {
    let policy = SignOnPolicy::password();
    let hourly = Step { when: vec![not_within(false)], ..first_step(&policy) };
    let policy = SignOnPolicy { root: Branch::Step(Box::new(hourly)), ..policy };
    let asking = Around { implied_consent: false, ..around(&policy) };
    let aged = Session { seen_at: at(0), ..session(ALICE, -3599) };
    let flow = Flow::begin(start(request(ResponseMode::Query)), Some(&aged), &asking);
    assert_eq!(flow.status(), Status::ConsentRequired);
    // Meanwhile the hour is over.
    let later = Around { now: at(2), ..asking };
    let flow = flow.agreed(None, &later).unwrap();
    assert_eq!(flow.status(), Status::UsernamePasswordRequired);
    let alice = flow.clone().password_verified(ALICE, &later).unwrap();
    assert_eq!(alice.status(), Status::Resume);
    let bob = flow.password_verified(BOB, &later).unwrap();
    assert_eq!((bob.user(), bob.status()), (Some(BOB), Status::ConsentRequired));
}

#[test]
fn a_policy_that_asks_nothing_lets_nobody_in() {
    for root in [Branch::Done, step("a", Source::Identifier, Branch::Done, Branch::Done)] {
        let policy = SignOnPolicy { root, ..SignOnPolicy::password() };
        let mut flow = Flow::begin(start(request(ResponseMode::Query)), None, &around(&policy));
        if flow.status() == Status::IdentifierRequired {
            flow = flow.identified("alice", &around(&policy)).unwrap();
        }
        assert_eq!(flow.at, At::Failed(Failure::NothingVerified));
    }
}

fn step(id: &str, source: Source, success: Branch, failure: Branch) -> Branch {
    let id = StepId::parse(id).unwrap();
    Branch::Step(Box::new(Step {
        id,
        source,
        alternatives: Vec::new(),
        enrol: false,
        mfa_policy: None,
        when: Vec::new(),
        success,
        failure,
    }))
}

/// A tree in which every step has a name of its own.
fn tree() -> impl Strategy<Value = SignOnPolicy> {
    let leaf = prop_oneof![Just(Branch::Done), Just(Branch::Fail)];
    let branch = leaf.prop_recursive(4, 16, 2, |inner| {
        let source = prop_oneof![Just(Source::Identifier), Just(Source::Password), Just(Source::Passkey)];
        let about = prop_oneof![
            Just(About::Asked(Acr::Device)),
            Just(About::Scope(vec!["profile".into(), "phone".into()])),
            Just(About::Client(vec![ClientId::parse("shop").unwrap()])),
            Just(About::NotWithin(60)),
        ];
        let condition = (any::<bool>(), about).prop_map(|(not, about)| Condition { not, about });
        let when = prop_oneof![4 => Just(Vec::new()), 3 => proptest::collection::vec(condition, 1..3)];
        (source, any::<bool>(), when, inner.clone(), inner).prop_map(|(source, or, when, success, failure)| {
            let id = StepId::parse("unnamed").unwrap();
            let alternatives = match source {
                Source::Password if or => vec![Source::Passkey],
                Source::Passkey if or => vec![Source::Password],
                Source::Identifier | Source::Password | Source::Passkey | Source::Mfa => Vec::new(),
            };
            let mfa_policy = (source == Source::Mfa).then(|| MfaPolicyId::parse("mfa").unwrap());
            Branch::Step(Box::new(Step { id, source, alternatives, enrol: false, mfa_policy, when, success, failure }))
        })
    });
    branch.prop_map(|mut root| {
        fn name(branch: &mut Branch, number: &mut u32) {
            if let Branch::Step(step) = branch {
                step.id = StepId::parse(&format!("s{number}")).unwrap();
                *number += 1;
                name(&mut step.success, number);
                name(&mut step.failure, number);
            }
        }
        name(&mut root, &mut 0);
        SignOnPolicy { root, ..SignOnPolicy::password() }
    })
}

/// What somebody, or their browser, can do.
#[derive(Clone, Debug)]
enum Deed {
    Identify,
    /// As the one who is signed in already.
    GoOn,
    Clear,
    Password(bool),
    Passkey(bool),
    Turn(Source),
    Lack,
    Cancel,
    Agree,
    Leave,
    Complete,
    Errand(errand::Deed),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        3 => Just(Deed::Identify),
        2 => Just(Deed::GoOn),
        1 => Just(Deed::Clear),
        4 => any::<bool>().prop_map(Deed::Password),
        4 => any::<bool>().prop_map(Deed::Passkey),
        2 => prop_oneof![Just(Source::Password), Just(Source::Passkey)].prop_map(Deed::Turn),
        1 => Just(Deed::Lack),
        1 => Just(Deed::Cancel),
        2 => Just(Deed::Agree),
        1 => Just(Deed::Leave),
        1 => Just(Deed::Complete),
        16 => errand::deeds().prop_map(Deed::Errand),
    ];
    proptest::collection::vec(deed, 0..12)
}

/// The deed, and the action of the API that it is.
fn done(flow: Flow, deed: &Deed, around: &Around<'_>) -> (Option<Flow>, Option<Action>) {
    let status = flow.status();
    match deed {
        Deed::Identify => {
            let next = if flow.offered().is_some() {
                flow.another(Some("bob"), around)
            } else {
                flow.identified("alice", around)
            };
            (next, Some(Action::SubmitIdentifier))
        }
        Deed::GoOn => (flow.chosen(around), None),
        Deed::Clear => (flow.another(None, around), Some(Action::ClearIdentifier)),
        Deed::Password(alice) => {
            let user = if *alice { ALICE } else { BOB };
            (flow.password_verified(user, around), Some(Action::CheckUsernamePassword))
        }
        Deed::Passkey(alice) => {
            let user = if *alice { ALICE } else { BOB };
            // It has to be the one who is there already: the use case sees to it.
            let possible = flow.user().is_none_or(|proved| proved == user);
            if possible { (flow.passkey_verified(user, around), Some(Action::CheckAssertion)) } else { (None, None) }
        }
        Deed::Turn(source) => (flow.turned_to(*source, around), None),
        Deed::Lack => (Some(flow.lacking(around)).filter(|_| status == Status::AssertionRequired), None),
        Deed::Cancel => {
            let cancels = [
                (Status::IdentifierRequired, Action::CancelIdentifierSubmission),
                (Status::UsernamePasswordRequired, Action::Cancel),
                (Status::OauthDeviceUserCodeConfirmationRequired, Action::Cancel),
                (Status::ConsentRequired, Action::DenyConsent),
                (Status::AssertionRequired, Action::CancelAuthentication),
                (Status::Fido2ActivationRequired, Action::CancelAuthentication),
            ];
            let action = cancels.iter().find(|(at, _)| *at == status).map(|(_, action)| *action);
            (flow.cancelled(around), action)
        }
        Deed::Agree => (flow.agreed(None, around), Some(Action::GrantConsent)),
        Deed::Leave => (flow.left(), None),
        Deed::Complete => (flow.completed(&Sealed::from_bytes(vec![1])), None),
        Deed::Errand(deed) => {
            let (next, action) = errand::done(flow, *deed, around);
            (next, Some(action))
        }
    }
}

proptest! {
    /// [flows.md H.7, I2, I4, I5, and T15.2]
    #[test]
    fn whatever_is_done_to_a_flow(
        policy in tree(),
        deeds in deeds(),
        implied_consent in any::<bool>(),
        redirectless in any::<bool>(),
        with_session in any::<bool>(),
        chooses in any::<bool>(),
    ) {
        let mode = if redirectless { ResponseMode::Flow } else { ResponseMode::Query };
        let around = Around { policy: &policy, implied_consent, remembered: None, passkeys: true, now: at(0) };
        let session = session(ALICE, 0);
        let prompt = if chooses { vec![Prompt::SelectAccount] } else { Vec::new() };
        let request = AuthorizationRequest { prompt, ..request(mode) };
        let mut flow = Flow::begin(start(request), with_session.then_some(&session), &around);
        prop_assert_eq!(flow.offered().is_some(), with_session && chooses);
        let mut verified = with_session.then_some(ALICE);
        let (mut was_ready, mut passkeys) = (false, 0);
        for deed in &deeds {
            let before = flow.clone();
            let allowed = before.actions();
            let (next, action) = done(flow, deed, &around);
            // I5: what is no link of the state is no transition, and what is one is.
            if let Some(action) = action {
                prop_assert_eq!(next.is_some(), allowed.contains(&action), "{:?} in {:?}", action, before.at);
            }
            match (deed, &next) {
                (Deed::Password(alice) | Deed::Passkey(alice), Some(_)) => {
                    let user = if *alice { ALICE } else { BOB };
                    passkeys = if verified == Some(user) { passkeys } else { 0 };
                    passkeys += u32::from(matches!(deed, Deed::Passkey(_)));
                    verified = Some(user);
                }
                // The session counts for nothing then.
                (Deed::Identify | Deed::Clear, Some(_)) if before.offered().is_some() => verified = None,
                _ => {}
            }
            // A password that was forgotten and chosen anew proves nothing; one that was given and changed does.
            if let (Deed::Errand(errand::Deed::Continue), Some(_), Some(Errand::Changed(_))) = (deed, &next, before.errand())
            {
                verified = Some(ALICE);
            }
            flow = next.unwrap_or_else(|| before.clone());
            // I4: what is over stays over.
            if matches!(before.at, At::Failed(_) | At::Left | At::Completed(_)) {
                // The client is told of a failure once, and that is all that can still be done to it.
                let told = matches!((&before.at, deed, &flow.at), (At::Failed(_), Deed::Leave, At::Left));
                prop_assert!(told || flow == before);
            }
            // I2: nobody is signed in of whom nothing was proved, and it is who proved it last.
            was_ready |= matches!(before.at, At::Ready);
            if matches!(flow.at, At::Ready | At::Completed(_) | At::Consent(_)) || (flow.at == At::Left && was_ready) {
                prop_assert!(flow.notes.has_verified());
                prop_assert!(flow.authenticated.is_some());
                prop_assert_eq!(flow.user(), verified);
                // What was never shown by this person is not said of them.
                let stronger = flow.authenticated.as_ref().is_some_and(|how| how.acr == Acr::Passkey);
                prop_assert!(passkeys > 0 || !stronger);
            }
            if matches!(flow.at, At::Ready) && !implied_consent {
                prop_assert!(flow.agreed.is_some());
            }
        }
    }

    /// One deed is always possible, or the flow is over: nobody is stuck.
    #[test]
    fn nobody_is_stuck(policy in tree(), implied_consent in any::<bool>()) {
        let around = Around { policy: &policy, implied_consent, remembered: None, passkeys: true, now: at(0) };
        let mut flow = Flow::begin(start(request(ResponseMode::Query)), None, &around);
        for _ in 0..40 {
            let Some(action) = flow.actions().first().copied() else { break };
            let next = match action {
                Action::SubmitIdentifier => flow.clone().identified("alice", &around),
                Action::ClearIdentifier => flow.clone().another(None, &around),
                Action::CheckUsernamePassword => flow.clone().password_verified(ALICE, &around),
                Action::CheckAssertion | Action::ActivateFido2Device => flow.clone().passkey_verified(ALICE, &around),
                Action::UseAlternativeAuthenticationSource => flow.clone().turned_to(Source::Passkey, &around),
                Action::GrantConsent => flow.clone().agreed(None, &around),
                Action::SubmitUserCode | Action::Authenticate => None,
                Action::ConfirmUserCode => flow.clone().confirmed(&around),
                Action::Cancel
                | Action::CancelAuthentication
                | Action::CancelIdentifierSubmission
                | Action::DenyConsent => flow.clone().cancelled(&around),
                Action::InitiatePasswordChange
                | Action::CheckCurrentCredentials
                | Action::CheckNewPassword
                | Action::CancelPasswordChange
                | Action::InitiateAccountRecovery
                | Action::CheckAccountRecoveryUsername
                | Action::CheckRecoveryCode
                | Action::CheckPasswordReset
                | Action::CancelAccountRecovery
                | Action::ContinueAuthentication => unreachable!("nothing sends a flow on an errand here"),
            };
            flow = next.expect("a link of the state");
        }
        prop_assert!(flow.actions().is_empty(), "{:?}", flow.at);
    }
}

#[test]
fn what_one_proved_is_forgotten_when_another_comes() {
    let first =
        step("passkey", Source::Passkey, step("password", Source::Password, Branch::Done, Branch::Fail), Branch::Fail);
    let policy = SignOnPolicy { root: first, ..SignOnPolicy::password() };
    let around = around(&policy);
    let flow =
        Flow::begin(start(request(ResponseMode::Query)), None, &around).passkey_verified(ALICE, &around).unwrap();
    let both = flow.clone().password_verified(ALICE, &around).unwrap();
    assert_eq!((both.status(), both.authenticated.unwrap().amr.as_str()), (Status::Resume, "pop swk user mfa pwd"));
    let other = flow.password_verified(BOB, &around).unwrap();
    assert_eq!((other.status(), other.user()), (Status::AssertionRequired, Some(BOB)));
    assert_eq!(other.authenticated.unwrap().acr, Acr::Password);
}

#[test]
fn somebody_turns_to_a_passkey_where_that_is_offered() {
    let policy = SignOnPolicy::password();
    let plain = begin(request(ResponseMode::Query), None);
    let turned = plain.clone().turned_to(Source::Passkey, &around(&policy)).unwrap();
    assert_eq!((turned.status(), &turned.ways[..]), (Status::AssertionRequired, &[Source::Password][..]));
    assert!(turned.wants_ceremony());
    assert!(plain.clone().turned_to(Source::Identifier, &around(&policy)).is_none());
    assert!(plain.turned_to(Source::Password, &around(&policy)).is_none(), "it is asked already");
    // Not where browsers have none for us.
    let without = Around { passkeys: false, ..around(&policy) };
    let flow = Flow::begin(start(request(ResponseMode::Query)), None, &without);
    assert!(flow.ways.is_empty() && flow.clone().turned_to(Source::Passkey, &without).is_none());
    assert!(!flow.actions().contains(&Action::UseAlternativeAuthenticationSource));
}

#[test]
fn a_session_by_password_is_no_passkey() {
    let policy =
        SignOnPolicy { root: step("passkey", Source::Passkey, Branch::Done, Branch::Fail), ..SignOnPolicy::password() };
    let weak = session(ALICE, 0);
    let flow = Flow::begin(start(request(ResponseMode::Query)), Some(&weak), &around(&policy));
    assert_eq!(flow.status(), Status::AssertionRequired);
    let strong = Session { authentication: Authentication::by_passkey(at(0)), ..weak };
    for policy in [policy, SignOnPolicy::password()] {
        let flow = Flow::begin(start(request(ResponseMode::Query)), Some(&strong), &around(&policy));
        assert_eq!(flow.status(), Status::Resume);
    }
}

fn of_device() -> Start {
    let code = UserCode::typed("WDJB-MJHT").unwrap();
    let device = ForDevice { code: Digest::of(b"device"), user_code: code, confirmed: false };
    let request = AuthorizationRequest::of_device(Scope::parse("openid").unwrap(), None);
    Start { device: Some(device), ..start(request) }
}

#[test]
fn rfc8628_5_4_nobody_signs_in_for_a_device_that_they_have_not_looked_at() {
    let policy = SignOnPolicy::password();
    let around = around(&policy);
    for session in [None, Some(session(ALICE, 0))] {
        let flow = Flow::begin(of_device(), session.as_ref(), &around);
        assert_eq!(flow.status(), Status::OauthDeviceUserCodeConfirmationRequired);
        assert!(flow.clone().password_verified(ALICE, &around).is_none());
        assert!(flow.clone().agreed(None, &around).is_none() && flow.clone().left().is_none());
        let confirmed = flow.clone().confirmed(&around).unwrap();
        let next = if session.is_some() { Status::Resume } else { Status::UsernamePasswordRequired };
        assert_eq!(confirmed.status(), next);
        assert!(confirmed.clone().confirmed(&around).is_none(), "once");
        assert!(confirmed.left().is_none(), "there is nowhere to go");
        let refused = flow.cancelled(&around).unwrap();
        assert_eq!(refused.at, At::Failed(Failure::NotAgreed));
        assert!(refused.left().is_none());
    }
    let plain = begin(request(ResponseMode::Query), None);
    assert!(plain.confirmed(&around).is_none(), "no device");
}

#[test]
fn a_code_that_is_typed_makes_it_the_flow_of_that_device() {
    let policy = SignOnPolicy::password();
    let around = around(&policy);
    let app =
        Start { cookieless: true, ..start(AuthorizationRequest::of_device(Scope::parse("openid").unwrap(), None)) };
    let waiting = Flow::awaiting_code(app, at(0));
    assert_eq!(
        (waiting.status(), waiting.actions()),
        (Status::OauthDeviceUserCodeRequired, vec![Action::SubmitUserCode])
    );
    for nothing in [
        waiting.clone().confirmed(&around),
        waiting.clone().cancelled(&around),
        waiting.clone().identified("alice", &around),
        waiting.clone().password_verified(ALICE, &around),
        waiting.clone().agreed(None, &around),
        waiting.clone().left(),
        waiting.clone().completed(&Sealed::from_bytes(vec![1])),
    ] {
        assert_eq!(nothing, None);
    }
    let telly = ClientId::parse("telly").unwrap();
    let other = Start { client: telly.clone(), browser: Digest::of(b"another"), ..of_device() };
    let flow = waiting.for_device(Flow::begin(other, None, &around)).unwrap();
    assert_eq!(flow.status(), Status::OauthDeviceUserCodeConfirmationRequired);
    assert_eq!((&flow.client, flow.run_by.as_ref().map(ClientId::as_str)), (&telly, Some("shop")));
    assert_eq!((flow.browser, flow.cookieless), (Digest::of(b"browser"), true), "in the same hands");
    assert!(flow.clone().for_device(flow).is_none(), "once");
}

#[test]
fn a_flow_rests_and_comes_back_as_it_was() {
    let policy = SignOnPolicy::password();
    let flow = begin(request(ResponseMode::Flow), None).password_verified(ALICE, &around(&policy)).unwrap();
    let bytes = postcard::to_allocvec(&flow).unwrap();
    assert_eq!(postcard::from_bytes::<Flow>(&bytes).unwrap(), flow);
}

/// Each policy says anew what is a second factor: a session stands for none, however strong it is.
#[test]
fn h7_no_session_is_a_second_factor() {
    let Branch::Step(mut second) = step("mfa", Source::Mfa, Branch::Done, Branch::Fail) else { unreachable!() };
    second.mfa_policy = MfaPolicyId::parse("mfa");
    let root = step("password", Source::Password, Branch::Step(second), Branch::Fail);
    let policy = SignOnPolicy { root, ..SignOnPolicy::password() };
    let before = session(ALICE, 0);
    let authentication = Authentication { acr: Acr::Passkey, ..before.authentication.clone() };
    let session = Session { authentication, ..before };
    let flow = Flow::begin(start(request(ResponseMode::Query)), Some(&session), &around(&policy));
    assert_eq!(flow.at, At::Asking(StepId::parse("mfa").unwrap(), Source::Mfa));
}
