//! What somebody agrees to.

use super::*;

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
