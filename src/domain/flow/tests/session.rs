//! What the session of a browser stands for.

use super::*;
use crate::protocol::claims_request::AcrRequest;
use crate::protocol::id::MfaPolicyId;

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
