//! `nod session`: where people are signed in.

use super::config::Site;
use super::*;

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

#[test]
fn a_session_is_listed_and_ended() {
    let dev = Dev::start();
    let data = dev.data();
    let run = |arguments: &[&str]| Nod::start(&[arguments, &["--data-dir", data.to_str().unwrap()]].concat());
    let listed = |whose: &str| -> Vec<Value> {
        let text = run(&["session", "list", whose]).ends_with(0);
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    for who in ["alice", "alice", "bob"] {
        Nod::start(&["test", "login", "--issuer", &dev.issuer, "--auto", "--user", who]).ends_with(0);
    }
    let alices = listed("alice");
    assert_eq!((alices.len(), listed("bob").len()), (2, 1));
    assert_eq!((&alices[0]["acr"], &alices[0]["amr"]), (&"urn:nod:acr:password".into(), &serde_json::json!(["pwd"])));
    assert!(alices[0]["created_at"].as_str() >= alices[1]["created_at"].as_str(), "newest first");

    let first = alices[1]["id"].as_str().unwrap();
    // It is not bob's.
    run(&["session", "end", "bob", first]).ends_with(6);
    assert!(run(&["session", "end", "alice", first]).ends_with(0).contains(first));
    assert_eq!(listed("alice")[..], alices[..1]);
    run(&["session", "end", "alice", first]).ends_with(6);
    run(&["session", "end", "alice", "--all"]).ends_with(0);
    assert_eq!((listed("alice").len(), listed("bob").len()), (0, 1));
    let all = ["tail", "--since", "1d", "--no-follow", "--filter", "type=session.ended"];
    assert_eq!(run(&all).ends_with(0).lines().count(), 2);
}
