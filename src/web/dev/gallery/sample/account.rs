//! The states of the pages of somebody's own account, and of passkeys.

use super::{Cast, Samples, WAIT};
use crate::web::sign_in::account::{applications, confirm, new_passkey, passkeys};
use crate::web::sign_in::consent::Plainly;
use crate::web::sign_in::{Reason, Way, passkey};
use crate::words::Foreign;

pub(super) fn passkeys(cast: &Cast, samples: &mut Samples) {
    let options = "{\"challenge\":\"AA\",\"rpId\":\"localhost\",\"allowCredentials\":[]}".to_owned();
    let fresh = passkey::View {
        form: cast.form(),
        client: Some(cast.client()),
        reason: None,
        options: Some(options.clone()),
        ways: vec![Way::Password],
        about_new: false,
        others: None,
        may_cancel: true,
        problem: None,
    };
    let others = Some("/dev/pages/method/phones".to_owned());
    let wrong = |problem| passkey::View { problem: Some(problem), ..fresh.clone() };
    let second = passkey::View { client: None, ways: vec![], others, ..fresh.clone() };
    let states = [
        ("failed", wrong(passkey::Problem::Failed)),
        ("no-script", wrong(passkey::Problem::NoScript)),
        ("late", passkey::View { options: None, ..fresh.clone() }),
        ("step-up", passkey::View { reason: Some(Reason::Stronger), ways: vec![], ..fresh.clone() }),
        ("second-factor", second.clone()),
        ("new-device", passkey::View { about_new: true, ..second }),
        ("fresh", fresh.clone()),
    ];
    samples.add("passkey", passkey::render, states);

    let one = |id: &str, name: Foreign, used: Option<&str>| passkeys::Passkey {
        id: id.to_owned(),
        name,
        created_at: "2026-11-12T08:00:00.000Z".to_owned(),
        last_used_at: used.map(str::to_owned),
    };
    let two =
        vec![one("psk_1", Foreign::name("Pixel 9"), Some("2026-11-25T08:00:00.000Z")), one("psk_2", cast.name(), None)];
    let none = passkeys::View {
        form: cast.form(),
        user: cast.name(),
        passkeys: vec![],
        problem: None,
        applications: "/dev/pages/applications/two".to_owned(),
    };
    let wrong = |problem| passkeys::View { problem: Some(problem), ..none.clone() };
    let states = [
        ("two", passkeys::View { passkeys: two, ..none.clone() }),
        ("bad-name", wrong(passkeys::Problem::BadName)),
        ("too-many", wrong(passkeys::Problem::TooMany)),
        ("not-made", wrong(passkeys::Problem::NotMade)),
        ("gone", wrong(passkeys::Problem::Gone)),
        ("none", none.clone()),
    ];
    samples.add("passkeys", passkeys::render, states);

    let view = new_passkey::View {
        form: cast.form(),
        options: Some(options.clone()),
        name: cast.typed.clone(),
        failed: false,
    };
    let states = [
        ("failed", new_passkey::View { failed: true, ..view.clone() }),
        ("late", new_passkey::View { options: None, ..view.clone() }),
        ("fresh", view),
    ];
    samples.add("new-passkey", new_passkey::render, states);

    let by = |with, problem| confirm::View { form: cast.form(), user: cast.name(), with, problem };
    let password = || confirm::With::Password(cast.typed.clone());
    let states = [
        ("password", by(password(), None)),
        ("missing", by(password(), Some(confirm::Problem::PasswordMissing))),
        ("wrong", by(password(), Some(confirm::Problem::PasswordWrong))),
        ("slow-down", by(password(), Some(confirm::Problem::SlowDown(WAIT)))),
        ("passkey", by(confirm::With::Passkey(options.clone()), None)),
        ("failed", by(confirm::With::Passkey(options.clone()), Some(confirm::Problem::PasskeyFailed))),
        ("no-script", by(confirm::With::Passkey(options), Some(confirm::Problem::NoScript))),
    ];
    samples.add("confirm", confirm::render, states);
}

pub(super) fn applications(cast: &Cast, samples: &mut Samples) {
    let one = |id: &str, name, scopes: &[&str]| applications::Application {
        id: id.to_owned(),
        name,
        scopes: scopes.iter().map(|scope| Plainly::of(scope)).collect(),
        since: "2026-11-12T08:00:00.000Z".to_owned(),
    };
    let bank = one("bank", Foreign::name("Demo Bank"), &["openid", "offline_access", "orders"]);
    let none = applications::View {
        form: cast.form(),
        user: cast.name(),
        applications: vec![],
        gone: false,
        passkeys: "/dev/pages/passkeys/two".to_owned(),
    };
    let two = vec![one(&cast.typed, cast.shop(), &["openid", "profile", "email"]), bank];
    let states = [
        ("two", applications::View { applications: two, ..none.clone() }),
        ("gone", applications::View { gone: true, ..none.clone() }),
        ("none", none),
    ];
    samples.add("applications", applications::render, states);
}
