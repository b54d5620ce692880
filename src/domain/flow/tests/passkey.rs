//! Passkeys, as first factor, as second, and in place of a password.

use super::*;
use crate::protocol::flow_api::Action;

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
