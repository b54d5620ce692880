//! `nod test login`, `nod test device` and `nod test logout` against dev mode.

use std::net::TcpStream;

use url::Url;

use super::*;

fn act(dev: &Dev, what: &str, arguments: &[&str]) -> Nod {
    Nod::start(&[&["test", what, "--issuer", &dev.issuer], arguments].concat())
}

/// Each step is there, in this order, with what was checked in it.
#[track_caller]
fn has_steps(text: &str, steps: &[(&str, &[&str])]) {
    let mut lines = text.lines();
    for (number, (step, checks)) in (1..).zip(steps) {
        let head = format!("{number} {step} ");
        let line = lines.find(|line| line.starts_with(&head)).unwrap_or_else(|| panic!("no {head:?}:\n{text}"));
        // What does not fit stands on the next lines.
        let more = lines.clone().take_while(|line| line.starts_with("         "));
        let all = [line].into_iter().chain(more).collect::<Vec<_>>().join("  ");
        for check in *checks {
            assert!(all.contains(check), "{check} of {head:?}:\n{text}");
        }
    }
    assert!(!text.contains('✗'), "{text}");
}

/// Whose page it is that waits, and the state that it was asked with.
fn asked(party: &Nod) -> (Url, String) {
    let line = party.says("/as/authorization.oauth2?");
    let url = Url::parse(line.trim()).unwrap();
    let of = |name: &str| url.query_pairs().find(|(own, _)| own == name).unwrap().1.into_owned();
    assert_eq!((of("response_type").as_str(), of("code_challenge_method").as_str()), ("code", "S256"));
    assert!(of("nonce") != of("state") && of("code_challenge").len() == 43);
    (Url::parse(&of("redirect_uri")).unwrap(), of("state"))
}

/// What a browser is answered that comes back.
fn comes_back(callback: &Url, query: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", callback.port().unwrap())).unwrap();
    stream.write_all(format!("GET {}?{query} HTTP/1.1\r\nhost: x\r\n\r\n", callback.path()).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn somebody_signs_in_and_the_code_is_good_once() {
    let dev = Dev::start();
    let text = act(&dev, "login", &["--auto", "--scope", "openid profile"]).ends_with(0);
    has_steps(
        &text,
        &[
            ("discovery", &["issuer ✓", "authorization_endpoint ✓", "code ✓", "S256 ✓"]),
            ("authorize", &["state ✓", "iss ✓", "code ✓"]),
            ("token", &["200", "access_token ✓", "id_token ✓", "Bearer ✓"]),
            ("jwks", &["signature ✓", "iss ✓", "aud ✓", "at_hash ✓", "nonce ✓", "amr [pwd]"]),
            ("userinfo", &["alice", "sub ✓"]),
            ("token (again)", &["400", "invalid_grant", "exactly once ✓"]),
        ],
    );
    assert!(text.lines().last().unwrap().starts_with("✓ signed in in "), "{text}");
    let text = act(&dev, "login", &["--auto", "--user", "bob", "--json"]).ends_with(0);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[1]["step"], &lines[1]["status"]), (&"authorize".into(), &Value::Null));
    let last = lines.last().unwrap();
    assert_eq!((&last["result"], &last["exit"]), (&"signed_in".into(), &0.into()), "{text}");
    // A password that is not the name is tried once.
    let told = act(&dev, "login", &["--auto", "--user", "carol"]).ends_with(1);
    assert!(told.contains("carol gets no further: nothing to press"), "{told}");
}

#[test]
fn what_the_browser_brings_is_the_answer_to_what_was_asked() {
    let dev = Dev::start();
    let party = act(&dev, "login", &[]);
    let (callback, state) = asked(&party);
    let query = format!("error=access_denied&error_description=Not+now.&state={state}&iss={}", dev.issuer);
    assert!(comes_back(&callback, &query).starts_with("HTTP/1.1 200 OK\r\n"));
    let text = party.ends_with(9);
    assert!(text.contains("access_denied: Not now.") && text.contains("✗ denied after "), "{text}");

    // Somebody else's answer, or that of another provider: its code is sent nowhere.
    for (query, wrong) in [
        ("code=stolen&state=other&iss=ISSUER", "state ✗"),
        ("code=stolen&iss=ISSUER", "state ✗"),
        ("code=stolen&state=STATE&state=STATE&iss=ISSUER", "state ✗"),
        ("code=stolen&state=STATE&iss=https://evil.example", "iss ✗ (https://evil.example)"),
        ("code=stolen&state=STATE", "iss ✗ (missing)"),
        ("state=STATE&iss=ISSUER", "code ✗ (missing)"),
    ] {
        let party = act(&dev, "login", &[]);
        let (callback, state) = asked(&party);
        comes_back(&callback, &query.replace("STATE", &state).replace("ISSUER", &dev.issuer));
        let text = party.ends_with(1);
        assert!(text.contains(wrong) && !text.contains("3 token"), "{query}: {text}");
        assert!(!text.contains("stolen"), "{text}");
    }
    // A code that the provider did not give is worth nothing.
    let party = act(&dev, "login", &[]);
    let (callback, state) = asked(&party);
    let query = format!("code=invented&state={state}&iss={}", dev.issuer);
    let browser = thread::spawn(move || {
        // The relying party has no page for it.
        let mut stream = TcpStream::connect(("127.0.0.1", callback.port().unwrap())).unwrap();
        stream.write_all(format!("GET {}?{query} HTTP/1.1\r\n\r\n", callback.path()).as_bytes()).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let text = party.ends_with(1);
    browser.join().unwrap();
    assert!(text.contains("3 token") && text.contains("invalid_grant"), "{text}");
}

#[test]
fn whoever_signs_out_has_no_session_and_the_token_ends() {
    let dev = Dev::start();
    let data = dev.data();
    let sessions = || {
        let place = ["session", "list", "alice", "--data-dir", data.to_str().unwrap()];
        Nod::start(&place).ends_with(0).lines().count()
    };
    let text = act(&dev, "logout", &["--auto"]).ends_with(0);
    has_steps(
        &text,
        &[
            ("discovery", &["end_session_endpoint ✓"]),
            ("authorize", &["code ✓"]),
            ("token", &["200"]),
            ("jwks", &["nonce ✓"]),
            ("userinfo", &["sub ✓"]),
            ("end_session", &["state ✓"]),
            ("userinfo (after)", &["401", "ended ✓"]),
        ],
    );
    assert!(text.lines().last().unwrap().starts_with("✓ signed out after "), "{text}");
    assert_eq!(sessions(), 0);
    act(&dev, "login", &["--auto"]).ends_with(0);
    assert_eq!(sessions(), 1);
}

#[test]
fn a_device_is_connected_and_its_code_is_good_once() {
    let dev = Dev::start();
    let text = act(&dev, "device", &["--auto"]).ends_with(0);
    has_steps(
        &text,
        &[
            ("discovery", &["device_authorization_endpoint ✓", "grant ✓"]),
            ("device", &["200", "user_code ", "verification_uri ✓", "verification_uri_complete ✓"]),
            ("token (poll 1)", &["200", "access_token ✓"]),
            ("jwks", &["signature ✓", "at_hash ✓"]),
            ("userinfo", &["200", "sub ✓"]),
            ("token (again)", &["400", "exactly once ✓"]),
        ],
    );
    assert!(text.lines().last().unwrap().starts_with("✓ approved in "), "{text}");

    // Without, somebody is told what to open, and it waits.
    let waiting = act(&dev, "device", &[]);
    let code = waiting.says("user_code ").split_once("user_code ").unwrap().1.split(' ').next().unwrap().to_owned();
    waiting.says(&format!("see that it shows {code}:"));
    waiting.says(&format!("{}/as/user_authz.oauth2?user_code={code}", dev.issuer));
    waiting.says("authorization_pending");
}

#[test]
fn nobody_signs_in_by_themselves_elsewhere() {
    for what in ["login", "logout", "device"] {
        let elsewhere = ["test", what, "--auto", "--issuer", "https://id.example", "--client-id", "shop"];
        let told = Nod::start_with(&elsewhere, &[("NOD_CLIENT_SECRET", "hunter2")]).ends_with(2);
        assert!(told.contains("--auto is for dev mode") && !told.contains("hunter2"), "{told}");
        let nobody = format!("http://localhost:{}", free_port());
        Nod::start(&["test", what, "--issuer", &nobody]).ends_with(4);
    }
}
