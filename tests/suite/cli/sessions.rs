//! `nod session`: where people are signed in.

use super::config::Site;

#[test]
fn whoever_is_not_signed_in_has_no_session_to_end() {
    let site = Site::new().migrated();
    let run = |arguments: &[&str]| site.run(&[arguments, &["-c", "nod.toml"]].concat());
    run(&["user", "create", "bob"]).ends_with(0);
    assert_eq!(run(&["session", "list", "bob"]).ends_with(0), "");
    assert!(run(&["session", "end", "bob", "--all"]).ends_with(0).contains("nobody is signed in"));
    let session = "6c1d2e7a-0b9f-4a4e-8f00-2b6d3c1a9e55";
    run(&["session", "end", "bob", session]).ends_with(6);
    run(&["session", "list", "nobody"]).ends_with(6);
    // One, or all.
    run(&["session", "end", "bob"]).ends_with(2);
    run(&["session", "end", "bob", session, "--all"]).ends_with(2);
    run(&["session", "end", "bob", "SESSION"]).ends_with(2);
}
