//! What conditions ask of whoever calls.

use super::*;
use crate::domain::user::{Status as Standing, User};
use crate::protocol::claims_request::PersonalClaim;

fn person(id: UserId, email: &str) -> User {
    User {
        id,
        username: "somebody".into(),
        name: None,
        email: Some(email.into()),
        email_verified: true,
        status: Standing::Active,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// Whether a condition holds, and whether its opposite does.
fn both(about: &About, flow: &Flow, around: &Around<'_>) -> (bool, bool) {
    let holds = |not| Condition { not, about: about.clone() }.holds(&flow.facts(around));
    (holds(false), holds(true))
}

/// [flows.md H.4 step 2] no step is passed over for what may turn out otherwise.
#[test]
fn d2_of_whom_nothing_is_known_everything_is_asked() {
    let policy = SignOnPolicy::password();
    let (alice, bob) = (person(ALICE, "alice@home.example"), person(BOB, "bob@home.example"));
    let nobody = begin(request(ResponseMode::Query), None);
    let around = |person| Around { person, ..around(&policy) };
    let proved = nobody.clone().password_verified(ALICE, &around(Some(&alice))).unwrap();
    let hers = About::Person(PersonalClaim::Email, vec!["nobody@home.example".into(), "alice@home.example".into()]);
    let his = About::Person(PersonalClaim::Email, vec!["bob@home.example".into()]);
    let verified = About::Person(PersonalClaim::EmailVerified, vec!["true".into()]);
    let name = About::Person(PersonalClaim::Name, vec![String::new()]);
    for (about, expected) in
        [(&hers, (true, false)), (&his, (false, true)), (&verified, (true, false)), (&name, (false, true))]
    {
        assert_eq!(both(about, &proved, &around(Some(&alice))), expected, "{about:?}");
        assert_eq!(both(about, &nobody, &around(Some(&alice))), (true, true), "nobody has proved to be her: {about:?}");
        assert_eq!(both(about, &proved, &around(Some(&bob))), (true, true), "somebody else: {about:?}");
        assert_eq!(both(about, &proved, &around(None)), (true, true), "{about:?}");
    }
}

#[test]
fn d2_from_where_somebody_calls_is_where_they_are_now() {
    let policy = SignOnPolicy::password();
    let around = around(&policy);
    let office = About::Network(vec!["10.1.0.0/16".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
    for (from, inside) in [
        ("10.1.255.255", true),
        ("10.2.0.0", false),
        ("::ffff:10.1.0.1", true),
        ("2001:db8::1", true),
        ("2001:db9::1", false),
        ("127.0.0.1", false),
    ] {
        let flow = begin(request(ResponseMode::Query), None).called_from(from.parse().unwrap());
        assert_eq!(both(&office, &flow, &around), (inside, !inside), "{from}");
    }
    let unasked = Flow::begin(Start { from: None, ..start(request(ResponseMode::Query)) }, None, &around);
    assert_eq!(both(&office, &unasked, &around), (true, true), "nobody calls");
}
