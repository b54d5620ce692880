//! The states of the pages of somebody's own account, and of passkeys.

use super::{Cast, Samples, WAIT};
use crate::web::sign_in::account::{applications, confirm, devices, new_passkey, new_phone, passkeys};
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
        devices: "/dev/pages/own-devices/some".to_owned(),
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

    let by = |with, problem| confirm::View { form: cast.form(), user: cast.name(), with, code: false, problem };
    let password = || confirm::With::Password(cast.typed.clone());
    let states = [
        ("password", by(password(), None)),
        ("missing", by(password(), Some(confirm::Problem::PasswordMissing))),
        ("wrong", by(password(), Some(confirm::Problem::PasswordWrong))),
        ("slow-down", by(password(), Some(confirm::Problem::SlowDown(WAIT)))),
        ("code", confirm::View { code: true, ..by(password(), None) }),
        ("code-missing", confirm::View { code: true, ..by(password(), Some(confirm::Problem::CodeMissing)) }),
        ("code-wrong", confirm::View { code: true, ..by(password(), Some(confirm::Problem::CodeWrong)) }),
        ("code-locked", confirm::View { code: true, ..by(password(), Some(confirm::Problem::CodeLocked)) }),
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
        devices: "/dev/pages/own-devices/some".to_owned(),
    };
    let two = vec![one(&cast.typed, cast.shop(), &["openid", "profile", "email"]), bank];
    let states = [
        ("two", applications::View { applications: two, ..none.clone() }),
        ("gone", applications::View { gone: true, ..none.clone() }),
        ("none", none),
    ];
    samples.add("applications", applications::render, states);
}

pub(super) fn devices(cast: &Cast, samples: &mut Samples) {
    let added_at = || "2026-11-12T08:00:00.000Z".to_owned();
    let phone = |id: &str, name, primary| devices::Phone {
        id: id.to_owned(),
        name,
        about: Foreign::name("Pixel 9, android 16"),
        added_at: added_at(),
        primary,
        blocked: false,
        pushed: primary,
    };
    let other = |id: &str, source, name| devices::Other {
        id: id.to_owned(),
        source,
        name,
        added_at: added_at(),
        last_used_at: None,
    };
    let none = devices::View {
        form: cast.form(),
        user: cast.name(),
        phones: vec![],
        others: vec![],
        browsers: 0,
        problem: None,
        passkeys: "/dev/pages/passkeys/two".to_owned(),
        applications: "/dev/pages/applications/two".to_owned(),
    };
    let blocked = devices::Phone { blocked: true, ..phone("dev_3", cast.name(), false) };
    let used = Some("2026-11-25T08:00:00.000Z".to_owned());
    let apps = devices::Other { last_used_at: used, ..other("dev_4", devices::Source::App, Some(cast.name())) };
    let mail = other("dev_5", devices::Source::Mail("a•••@example.com".to_owned()), None);
    let some = devices::View {
        phones: vec![phone("dev_1", Foreign::name("Pixel 9"), true), phone("dev_2", cast.name(), false)],
        ..none.clone()
    };
    let others = devices::View { phones: vec![blocked], others: vec![apps, mail], ..none.clone() };
    let wrong = |problem| devices::View { problem: Some(problem), ..none.clone() };
    let states = [
        ("some", some),
        ("blocked", others),
        ("bad-name", wrong(devices::Problem::BadName)),
        ("too-many", wrong(devices::Problem::TooMany)),
        ("over", wrong(devices::Problem::Over)),
        ("gone", wrong(devices::Problem::Gone)),
        ("browsers", devices::View { browsers: 2, ..none.clone() }),
        ("none", none.clone()),
    ];
    samples.add("own-devices", devices::render, states);

    let link = "nod://pair?issuer=http%3A%2F%2Flocalhost%3A8080&key=012345678901".to_owned();
    let view = new_phone::View { form: cast.form(), code: "0123 4567 8901".to_owned(), link, not_yet: false };
    let states = [("not-yet", new_phone::View { not_yet: true, ..view.clone() }), ("fresh", view)];
    samples.add("new-phone", new_phone::render, states);
}
