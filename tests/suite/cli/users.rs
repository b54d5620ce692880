//! `nod user`: people.

use super::*;

#[test]
fn f18_a_command_leads_the_next_sign_in_to_another_password_or_not_after_all() {
    let dev = Dev::start();
    let data = dev.data();
    let user = |arguments: &[&str]| {
        let place = ["--data-dir", data.to_str().unwrap()];
        Nod::start(&[&["user"][..], arguments, &place].concat())
    };
    let asked = "chooses another password at the next sign-in";
    assert!(user(&["show", "alice"]).ends_with(0).contains("keeps the password"));
    for _ in 0..2 {
        assert!(user(&["require-password-change", "alice"]).ends_with(0).contains(asked));
        assert!(user(&["show", "alice"]).ends_with(0).contains(asked));
    }
    assert!(user(&["require-password-change", "alice", "--waive"]).ends_with(0).contains("keeps the password"));
    assert!(user(&["show", "alice"]).ends_with(0).contains("keeps the password"));
    let all = ["tail", "--since", "1d", "--no-follow", "--json", "--data-dir", data.to_str().unwrap()];
    let trail = Nod::start(&all).ends_with(0);
    let events = trail.lines().filter(|line| line.contains("password.change_")).count();
    assert_eq!(events, 2, "what is so already is no event:\n{trail}");

    user(&["create", "dave"]).ends_with(0);
    assert!(user(&["show", "dave"]).ends_with(0).contains("no password"));
    user(&["require-password-change", "dave"]).ends_with(6);
    user(&["require-password-change", "nobody"]).ends_with(6);
}

#[test]
fn what_was_pushed_to_a_device_is_listed() {
    let dev = Dev::start();
    let data = dev.data();
    let device = |arguments: &[&str]| {
        let place = ["--data-dir", data.to_str().unwrap()];
        Nod::start(&[&["device"][..], arguments, &place].concat())
    };
    let listed = device(&["list", "alice", "--json"]).ends_with(0);
    let id = listed.split_once("\"id\":\"").expect("a device").1.split_once('"').unwrap().0.to_owned();
    // No push service reaches a virtual phone.
    assert_eq!(device(&["deliveries", &id, "--state", "failed", "--json"]).ends_with(0).trim(), "");
    device(&["deliveries", &id, "--state", "lost"]).ends_with(2);
    assert!(device(&["test-push", &id]).ends_with(1).contains("reached by no push service"));
    device(&["test-push", "dev_0000000000000000000000000z"]).ends_with(6);
    device(&["deliveries", "dev_0000000000000000000000000z"]).ends_with(6);
}
