//! A relying party asks, and a person answers.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Dev, Nod};

#[test]
fn a_person_approves_and_the_relying_party_gets_tokens_once() {
    let dev = Dev::start();
    let phone = dev.listening(&["--auto", "approve", "--once"]);
    let text = dev.test_ciba(&["--binding-message", "K7Q2", "--scope", "openid profile"]).ends_with(0);

    let heads = ["1 discovery", "2 bc-authorize", "3 token (poll 1)", "4 token (poll 2)"];
    for head in heads {
        assert!(text.lines().any(|line| line.starts_with(head)), "{head}:\n{text}");
    }
    let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}:\n{text}"));
    for check in ["signature ✓", "iss ✓", "aud ✓", "exp ✓", "iat ✓", "at_hash ✓", "auth_req_id ✓"] {
        assert!(line(" jwks ").contains(check), "{check}:\n{text}");
    }
    assert!(text.contains("acr urn:nod:acr:device-number  amr [pop, swk, user]"), "{text}");
    assert!(line(" userinfo ").contains("alice  sub ✓"), "{text}");
    assert!(line(" token (again) ").contains("invalid_grant  exactly once ✓"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("✓ approved in "), "{text}");

    let text = phone.ends_with(0);
    for shown in ["Demo Shop (shop)", "message     K7Q2", "scope       openid profile", "approved"] {
        assert!(text.contains(shown), "{shown}:\n{text}");
    }
}

#[test]
fn a_no_ends_with_9_on_both_sides() {
    let dev = Dev::start();
    let phone = dev.listening(&["--auto", "deny", "--after", "100ms", "--once"]);
    let text = dev.test_ciba(&[]).ends_with(9);
    assert!(text.contains("access_denied"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("✗ denied after "), "{text}");
    assert!(phone.ends_with(9).contains("denied"));
}

#[test]
fn a_wrong_number_is_a_no() {
    let dev = Dev::start();
    let phone = dev.listening(&["--auto", "wrong-number", "--once"]);
    dev.test_ciba(&[]).ends_with(9);
    assert!(phone.ends_with(9).contains("that is not the number on the asker's screen"));
}

#[test]
fn no_answer_ends_with_8() {
    let dev = Dev::start();
    let phone = dev.listening(&["--auto", "ignore", "--once"]);
    let text = dev.test_ciba(&["--requested-expiry", "2"]).ends_with(8);
    assert!(text.contains("expired_token"), "{text}");
    assert!(phone.ends_with(8).contains("expired"));
}

#[test]
fn a_withdrawn_request_leaves_the_phone() {
    let dev = Dev::start();
    let phone = dev.listening(&["--auto", "ignore", "--once"]);
    let text = dev.test_ciba(&["--cancel-after", "300ms"]).ends_with(0);
    assert!(text.lines().last().unwrap().starts_with("✓ withdrawn after "), "{text}");
    assert!(phone.ends_with(7).contains("canceled    withdrawn by the asker"));
}

#[test]
fn what_waits_and_what_is_paired_is_listed_for_everybody() {
    let dev = Dev::start();
    let data = dev.data();
    let run = |arguments: &[&str]| Nod::start(&[arguments, &["--data-dir", data.to_str().unwrap()]].concat());
    let json = |arguments: &[&str]| -> Vec<Value> {
        run(arguments).ends_with(0).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    assert!(json(&["request", "list"]).is_empty());
    let phone = dev.listening(&["--auto", "ignore", "--once"]);
    let party = dev.test_ciba(&["--cancel-after", "5s"]);
    phone.says("question");
    // The trail, which knows of everybody's, is written a moment later.
    let begun = Instant::now();
    let waiting = loop {
        match &json(&["request", "list"])[..] {
            [waiting] => break waiting.clone(),
            others => assert!(begun.elapsed() < Duration::from_secs(4), "{others:?}"),
        }
    };
    assert_eq!((&waiting["user"], &waiting["state"]), (&"alice".into(), &"pending".into()));
    assert!(waiting["expires_at"].is_string(), "{waiting}");
    assert_eq!(json(&["request", "list", "alice"])[0]["id"], waiting["id"]);
    party.ends_with(0);
    assert!(json(&["request", "list"]).is_empty(), "nothing waits");

    let uuid = waiting["id"].as_str().unwrap();
    let public = nod::protocol::public_id::encode(nod::protocol::public_id::Kind::Request, uuid.parse().unwrap());
    for name in [uuid, &public] {
        let [shown] = &json(&["request", "show", name])[..] else { panic!("one question") };
        assert_eq!((&shown["id"], &shown["state"]), (&waiting["id"], &"cancelled".into()));
    }
    run(&["request", "show", "req_0000000000000000000000000z"]).ends_with(6);

    let devices = json(&["device", "list"]);
    assert!(devices.iter().all(|device| device["user"] == "alice") && !devices.is_empty(), "{devices:?}");
    assert_eq!(devices.len(), json(&["device", "list", "alice"]).len());
}

#[test]
fn a_person_types_the_number() {
    let dev = Dev::start();
    let mut phone = dev.listening(&[]);
    phone.type_line("a");
    phone.says("nothing     to answer yet");
    let party = dev.test_ciba(&[]);
    let line = party.says("choose ");
    let number = line.split_once("choose ").unwrap().1.split(' ').next().unwrap();
    phone.says("the number (or its place, 1-3) approves");
    phone.type_line("a");
    phone.says("not clear   expected: the number, d, r or q");
    phone.type_line(number);
    phone.says("approved");
    party.ends_with(0);

    let party = dev.test_ciba(&[]);
    while phone.output.text().matches("question").count() < 2 {
        thread::sleep(Duration::from_millis(10));
    }
    phone.type_line("r");
    party.ends_with(9);
    phone.type_line("q");
    phone.ends_with(0);
}

#[test]
fn the_first_answer_counts_and_the_other_phone_is_told() {
    let dev = Dev::start();
    let other = dev.data().join("second.json");
    let ignoring = dev.listening(&["--state", other.to_str().unwrap(), "--auto", "ignore", "--once"]);
    let answering = dev.listening(&["--auto", "approve", "--after", "300ms", "--once"]);
    dev.test_ciba(&[]).ends_with(0);
    answering.ends_with(0);
    assert!(ignoring.ends_with(7).contains("canceled    answered elsewhere"));
}
