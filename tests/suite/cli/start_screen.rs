//! What `nod dev` says when it starts, and what `nod` alone does.

use std::net::{TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

pub(super) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Of dev mode on this port of this machine: status and all of the answer.
pub(super) fn exchange(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (length, mut head) = (body.len(), format!("{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\n"));
    for (name, value) in headers {
        head.push_str(&[name, ": ", value, "\r\n"].concat());
    }
    write!(stream, "{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}

pub(super) fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

/// What an answer has in it.
pub(super) fn json(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The error that a token request ends with whose grant there is not.
fn refused(port: u16, headers: &[(&str, &str)], body: &str) -> String {
    let (_, answer) = exchange(port, "POST", "/as/token.oauth2", &[&[FORM], headers].concat(), body);
    json(&answer)["error"].as_str().unwrap().to_owned()
}

/// What a sign-in waits for when this person has typed a password.
fn after_password(port: u16, username: &str, password: &str) -> String {
    let begin = "/as/authorization.oauth2?client_id=spa&redirect_uri=http://localhost:5000/callback&response_type=code\
         &scope=openid&response_mode=pi.flow&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
         &code_challenge_method=S256";
    let (_, answer) = exchange(port, "GET", begin, &[], "");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).unwrap();
    let headers = [
        ("cookie", cookie),
        ("x-xsrf-header", "test"),
        ("content-type", "application/vnd.pingidentity.checkUsernamePassword+json"),
    ];
    let path = format!("/pf-ws/authn/flows/{}", json(&answer)["id"].as_str().unwrap());
    let typed = serde_json::json!({ "username": username, "password": password }).to_string();
    let (_, answer) = exchange(port, "POST", &path, &headers, &typed);
    let state = json(&answer);
    state["status"].as_str().or(state["code"].as_str()).unwrap().to_owned()
}

/// Its port, as its issuer has it.
fn port_of(nod: &Nod) -> u16 {
    nod.says("Issuer ").rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn a_port_that_is_taken_is_said_in_words_and_all_that_the_screen_names_is_there() {
    let folder = tempfile::tempdir().unwrap();
    // Out of the range in which the ports beside it are promised to other tests.
    let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = held.local_addr().unwrap().port();
    let nod = Nod::start_in(folder.path(), &["dev", "--port", &taken.to_string()], &[]);
    let port = port_of(&nod);
    nod.says("ready in");
    assert_ne!(port, taken);
    nod.says(&format!("Port {taken} is taken, so this is on {port}."));
    let screen = nod.output.text();
    let words: Vec<&str> = screen.split_whitespace().map(|word| word.trim_end_matches(';')).collect();
    let after = |flag: &str| words.windows(2).filter(|two| two[0] == flag).map(|two| two[1]).collect::<Vec<_>>();

    // Addresses of pages, and paths that stand for them; the others are for calls.
    let base = format!("http://localhost:{port}");
    let mut pages: Vec<&str> = words
        .iter()
        .filter_map(|word| if word.starts_with('/') { Some(*word) } else { word.strip_prefix(base.as_str()) })
        .filter(|path| !path.starts_with("/as/") && !path.starts_with("/admin/"))
        .collect();
    pages.sort_unstable();
    pages.dedup();
    for expected in ["/dev/wire", "/dev/inbox", "/dev/clock", "/docs", "/docs/start", "/openapi.json"] {
        assert!(pages.contains(&expected), "{expected}:\n{screen}");
    }
    for path in pages {
        let path = if path.is_empty() { "/" } else { path };
        assert_eq!(exchange(port, "GET", path, &[], "").0, 200, "{path}");
    }

    for (username, about) in [("alice", "phone paired (.nod/phone-alice.json)"), ("bob", "no phone yet")] {
        let row = screen.lines().find(|line| line.contains(about)).unwrap_or_else(|| panic!("{about}:\n{screen}"));
        let row: Vec<&str> = row.trim_start().trim_start_matches("Users").split_whitespace().take(3).collect();
        assert_eq!(row, [username, "/", username], "{screen}");
        assert_eq!(after_password(port, username, row[2]), "CONSENT_REQUIRED");
        assert_eq!(after_password(port, username, "another"), "VALIDATION_ERROR");
    }
    assert!(folder.path().join(".nod/phone-alice.json").exists());

    let published = words.windows(2).filter(|two| two[1] == format!("{}-secret", two[0]));
    let published: Vec<(&str, &str)> = published.map(|two| (two[0], two[1])).collect();
    assert_eq!(published, [("shop", "shop-secret"), ("shop-ping", "shop-ping-secret")], "{screen}");
    let ciba = "grant_type=urn:openid:params:grant-type:ciba&auth_req_id=nothing";
    for (client, secret) in published {
        let as_client = |secret: &str| basic(&format!("{client}:{secret}"));
        assert_eq!(refused(port, &[("authorization", &as_client(secret))], ciba), "invalid_grant", "{client}");
        assert_eq!(refused(port, &[("authorization", &as_client("another"))], ciba), "invalid_client", "{client}");
    }
    nod.says("spa        (public, PKCE)    http://localhost:*/callback");
    let public = format!(
        "client_id=spa&grant_type=authorization_code&code=nothing&redirect_uri=http://localhost:5000/callback\
         &code_verifier={}",
        "v".repeat(43)
    );
    assert_eq!(refused(port, &[], &public), "invalid_grant");

    // The calls, as they stand there.
    let [credentials] = after("-u")[..] else { panic!("{screen}") };
    let (status, answer) = exchange(
        port,
        "POST",
        "/as/bc-auth.ciba",
        &[FORM, ("authorization", &basic(credentials))],
        &after("-d").join("&"),
    );
    assert!(status == 200 && answer.contains("auth_req_id"), "{answer}");
    nod.says(&format!("curl -u {credentials} {base}/as/bc-auth.ciba"));
    nod.says(&format!("{base}/admin/v1/bootstrap with the token in .nod/bootstrap-token"));
    let token = fs::read_to_string(folder.path().join(".nod/bootstrap-token")).unwrap();
    let bearer = format!("Bearer {}", token.trim());
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    assert_eq!(exchange(port, "POST", "/admin/v1/bootstrap", &headers, "{}").0, 201);
}

#[test]
fn nod_alone_is_dev_mode_unless_there_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let alone = || Nod::start_in(folder.path(), &[], &[]);
    let nod = alone();
    // Somebody else may have 8080.
    let port = port_of(&nod);
    nod.says("ready in");
    assert!(port >= 8080, "{port}");
    assert!(folder.path().join(".nod/dev.db").exists());
    drop(nod);
    fs::write(folder.path().join("nod.toml"), "").unwrap();
    let text = alone().ends_with(2);
    assert!(text.contains("found ./nod.toml: run `nod serve`, or `nod dev` for dev mode"), "{text}");
    assert!(!text.contains("ready in"), "{text}");
}

#[test]
fn whoever_wants_it_quiet_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for flag in ["-q", "--quiet"] {
        let port = free_port();
        let nod = Nod::start_in(folder.path(), &["dev", flag, "--port", &port.to_string()], &[]);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "it does not listen: {}", nod.output.text());
            thread::sleep(Duration::from_millis(20));
        }
        // Answered, and no line about it.
        assert_eq!(exchange(port, "GET", "/docs", &[], "").0, 200);
        assert_eq!(refused(port, &[], "grant_type=nothing"), "invalid_client");
        Command::new("kill").args(["-INT", &nod.child.id().to_string()]).status().unwrap();
        assert_eq!(nod.ends_with(0), "");
    }
}
