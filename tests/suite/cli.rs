//! `nod dev`, `nod phone` and `nod test ciba` as people and scripts run them: processes, their
//! output and their exit codes.

mod answers;
mod clients;
mod config;
mod damaged;
mod device_trust;
mod doctor;
mod doctor_mail;
mod events;
mod folders;
mod help;
mod inbox;
mod mfa;
mod migrations;
mod policies;
mod profiles;
mod relying_party;
mod server_certificate;
mod sessions;
mod start_screen;
mod state;
mod taking_away;
mod texts;
mod users;
mod webhooks;

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::backends::free_port;

/// No single step takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `nod`. It ends when the test does, however the test ends.
struct Nod {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
    readers: Vec<thread::JoinHandle<()>>,
}

/// What a process has printed so far, on both streams.
#[derive(Default)]
struct Output {
    text: Mutex<String>,
    grew: Condvar,
}

impl Output {
    fn read(self: &Arc<Self>, stream: impl Read + Send + 'static) -> thread::JoinHandle<()> {
        let output = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let mut text = output.text.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
                output.grew.notify_all();
            }
        })
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

impl Nod {
    fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_in(Path::new("."), arguments, environment)
    }

    fn start_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nod"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NOD_")) {
            command.env_remove(name);
        }
        let mut child = command
            .current_dir(folder)
            .env("COLUMNS", "80")
            .args(arguments)
            .current_dir(folder)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Arc::new(Output::default());
        let readers = vec![output.read(child.stdout.take().unwrap()), output.read(child.stderr.take().unwrap())];
        Self { name: arguments.join(" "), stdin: child.stdin.take(), child, output, readers }
    }

    /// Until a whole line with `text` in it is there.
    fn says(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut so_far = self.output.text.lock().unwrap();
        loop {
            if let Some(line) = so_far.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`nod {}` never said {text:?}:\n{so_far}", self.name);
            so_far = self.output.grew.wait_timeout(so_far, left).unwrap().0;
        }
    }

    fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    /// Its exit code, and all that it printed.
    fn end(mut self) -> (i32, String) {
        self.stdin = None;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "`nod {}` does not end:\n{}", self.name, self.output.text());
            thread::sleep(Duration::from_millis(10));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status.code().unwrap(), self.output.text())
    }

    #[track_caller]
    fn ends_with(self, code: i32) -> String {
        let name = self.name.clone();
        let (found, text) = self.end();
        assert_eq!(found, code, "`nod {name}`:\n{text}");
        text
    }
}

impl Drop for Nod {
    fn drop(&mut self) {
        // Gone already, most often.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Dev mode on a port and in a folder of its own.
struct Dev {
    nod: Option<Nod>,
    issuer: String,
    folder: TempDir,
}

impl Dev {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut dev = Self { nod: None, issuer: String::new(), folder };
        dev.run(free_port());
        dev
    }

    fn run(&mut self, port: u16) {
        let data = self.data();
        let nod = Nod::start(&["dev", "--port", &port.to_string(), "--data-dir", data.to_str().unwrap()]);
        // Where the port was taken in the meantime, it is the next one.
        let issuer = nod.says("Issuer ").split_whitespace().last().unwrap().to_owned();
        nod.says("ready in");
        self.nod = Some(nod);
        self.issuer = issuer;
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A phone, or one of its subcommands.
    fn phone(&self, arguments: &[&str]) -> Nod {
        let data = self.data();
        let here = ["phone", "--server", &self.issuer, "--data-dir", data.to_str().unwrap()];
        Nod::start(&[&here, arguments].concat())
    }

    /// A phone that listens already.
    fn listening(&self, arguments: &[&str]) -> Nod {
        let phone = self.phone(arguments);
        phone.says("listening");
        phone
    }

    fn test_ciba(&self, arguments: &[&str]) -> Nod {
        Nod::start(&[&["test", "ciba", "--issuer", &self.issuer], arguments].concat())
    }
}

/// A command with a terminal in place of pipes, and what somebody types there. Its exit code, and all that it
/// printed.
fn at_a_terminal(folder: &Path, arguments: &[&str], typed: &str) -> (i32, String) {
    let line = [&[env!("CARGO_BIN_EXE_nod")], arguments].concat().join(" ");
    let mut script = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(folder)
        .env_remove("NOD_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script, of util-linux");
    script.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let ended = script.wait_with_output().unwrap();
    (ended.status.code().unwrap(), String::from_utf8_lossy(&ended.stdout).into_owned())
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_seeded_clients_have_their_published_names_and_secrets() {
    let dev = Dev::start();
    for client in ["shop", "shop-ping"] {
        let phone = dev.listening(&["--auto", "approve", "--once"]);
        dev.test_ciba(&["--client-id", client]).ends_with(0);
        assert!(phone.ends_with(0).contains(&format!("({client})")));
        let file = dev.folder.path().join("secret");
        fs::write(&file, format!("{client}-secret")).unwrap();
        let phone = dev.listening(&["--auto", "deny", "--once"]);
        dev.test_ciba(&["--client-id", client, "--client-secret-file", file.to_str().unwrap()]).ends_with(9);
        phone.ends_with(9);
    }
}

#[test]
fn a_phone_pairs_changes_its_key_and_goes() {
    let dev = Dev::start();
    // Nobody can be asked before: the relying party is not told why.
    dev.test_ciba(&["--user", "bob"]).ends_with(9);
    let phone = dev.listening(&["--user", "bob", "--auto", "approve", "--once"]);
    let file = dev.data().join("phone-bob.json");
    assert_eq!(mode(&file), 0o600);
    dev.test_ciba(&["--user", "bob"]).ends_with(0);
    assert!(phone.ends_with(0).contains("paired as bob"));

    let key = |text: &str| text.lines().find(|line| line.starts_with("key ")).unwrap().to_owned();
    let before = dev.phone(&["me", "--user", "bob"]).ends_with(0);
    assert!(before.contains("bob") && before.contains("active"), "{before}");
    dev.phone(&["rotate", "--user", "bob"]).ends_with(0);
    let after = dev.phone(&["me", "--user", "bob"]).ends_with(0);
    assert_ne!(key(&before), key(&after));
    assert_eq!(mode(&file), 0o600);
    assert!(dev.phone(&["pending", "--user", "bob"]).ends_with(0).contains("nothing waits"));

    dev.phone(&["unpair", "--user", "bob"]).ends_with(0);
    assert!(!file.exists());
    dev.phone(&["me", "--user", "bob"]).ends_with(6);
    dev.test_ciba(&["--user", "bob"]).ends_with(9);
}

#[test]
fn a_phone_that_listens_is_told_when_it_is_unpaired() {
    let dev = Dev::start();
    let phone = dev.listening(&["--auto", "approve"]);
    let state = dev.data().join("phone-alice.json");
    let copy = dev.data().join("copy.json");
    fs::copy(&state, &copy).unwrap();
    dev.phone(&["unpair", "--state", copy.to_str().unwrap()]).ends_with(0);
    assert!(phone.ends_with(5).contains("unpaired"));
    assert!(!state.exists());
}

#[test]
fn a_pairing_key_comes_from_standard_input() {
    let dev = Dev::start();
    let data = dev.data();
    let key = Nod::start(&["user", "pairing-key", "bob", "--data-dir", data.to_str().unwrap()]).ends_with(0);
    let pair = |key: &str| {
        let state = data.join("by-hand.json");
        let mut phone = dev.phone(&["--pairing-key-stdin", "--auto", "ignore", "--state", state.to_str().unwrap()]);
        phone.type_line(key);
        phone
    };
    pair("123").ends_with(2);
    pair("000000000000").ends_with(5);
    pair(key.trim()).says("paired as bob");
    // Once.
    fs::remove_file(data.join("by-hand.json")).unwrap();
    assert!(pair(key.trim()).ends_with(5).contains("unknown, expired or used"));
}

#[test]
fn what_goes_wrong_has_its_exit_code() {
    let nobody = format!("http://localhost:{}", free_port());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    Nod::start(&["test", "ciba", "--issuer", &nobody]).ends_with(4);
    Nod::start(&["phone", "--server", &nobody, "--data-dir", data]).ends_with(4);
    Nod::start(&["test", "ciba", "--issuer", "http://id.example"]).ends_with(2);
    Nod::start(&["test", "ciba", "--client-secret", "hunter2"]).ends_with(2);
    Nod::start(&["phone", "--after", "soon"]).ends_with(2);
    Nod::start(&["phone", "me", "--data-dir", data]).ends_with(6);

    let dev = Dev::start();
    let party = ["test", "ciba", "--issuer", &dev.issuer];
    let text = Nod::start_with(&party, &[("NOD_CLIENT_SECRET", "wrong")]).ends_with(5);
    assert!(text.contains("invalid_client") && !text.contains("wrong"), "{text}");
    dev.test_ciba(&["--user", "nobody"]).ends_with(6);
    dev.test_ciba(&["--scope", "profile"]).ends_with(1);
    dev.phone(&["--user", "nobody"]).ends_with(6);

    let state = dev.data().join("phone-alice.json");
    let elsewhere = ["phone", "--server", "http://localhost:1", "--state", state.to_str().unwrap()];
    assert!(Nod::start(&elsewhere).ends_with(7).contains("not with http://localhost:1"));
    fs::set_permissions(&state, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(dev.phone(&["me"]).ends_with(5).contains("chmod 600"));
}

#[test]
fn a_secret_comes_from_a_file_or_standard_input() {
    let dev = Dev::start();
    let file = dev.data().join("secret");
    fs::write(&file, "shop-secret\n").unwrap();
    let _phone = dev.listening(&["--auto", "approve"]);
    dev.test_ciba(&["--client-secret-file", file.to_str().unwrap()]).ends_with(0);
    let mut party = dev.test_ciba(&["--client-secret-stdin"]);
    party.type_line("shop-secret");
    party.ends_with(0);
}

#[test]
fn scripts_read_one_object_a_line() {
    let dev = Dev::start();
    let _phone = dev.listening(&["--auto", "approve"]);
    let text = dev.test_ciba(&["--json", "--acr-values", "urn:nod:acr:device"]).ends_with(0);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["step"], "bc-authorize");
    let last = lines.last().unwrap();
    assert_eq!((last["result"].as_str(), last["exit"].as_i64()), (Some("approved"), Some(0)), "{text}");
    assert!(text.contains("acr urn:nod:acr:device "), "{text}");
}

#[test]
fn a_phone_outlives_the_server() {
    let mut dev = Dev::start();
    let phone = dev.listening(&["--auto", "approve"]);
    let before = dev.issuer.clone();
    // Killed, not stopped: nothing of the pairing may be lost.
    dev.nod = None;
    phone.says("offline");
    dev.run(before.rsplit(':').next().unwrap().parse().unwrap());
    assert_eq!(dev.issuer, before);
    phone.says("listening   again");
    dev.test_ciba(&[]).ends_with(0);
}

#[test]
fn whoever_stops_reading_ends_no_server_and_is_not_told_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = free_port().to_string();
    // As `nod dev | head -0`: nobody reads from the beginning.
    let mut server = Command::new(env!("CARGO_BIN_EXE_nod"))
        .args(["dev", "--port", &port, "--data-dir", data.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(server.stdout.take());
    let errors = Arc::new(Output::default());
    let reader = errors.read(server.stderr.take().unwrap());
    let server = Nod { name: "dev".into(), child: server, stdin: None, output: errors, readers: vec![reader] };
    let issuer = format!("http://localhost:{port}");
    let deadline = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_err() {
        assert!(Instant::now() < deadline, "it does not listen: {}", server.output.text());
        thread::sleep(Duration::from_millis(20));
    }
    // It logs, too.
    Nod::start(&["test", "ciba", "--issuer", &issuer, "--user", "nobody"]).ends_with(6);
    assert_eq!(server.output.text(), "");

    for arguments in [&["user", "list", "--json"][..], &["user", "list"], &["version"], &["openapi"], &["help"]] {
        let mut short = Command::new(env!("CARGO_BIN_EXE_nod"));
        let data = ["--data-dir", data.to_str().unwrap()];
        let more: &[&str] = if arguments[0] == "user" { &data } else { &[] };
        let mut short = short.args(arguments).args(more);
        short = short.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = short.spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
        assert!(ended.status.code().is_some_and(|code| code <= 1), "{arguments:?}: {}", ended.status);
    }
}

#[test]
fn a_log_has_one_line_for_each_step() {
    let dev = Dev::start();
    let phone = dev.listening(&["--auto", "approve", "--after", "2500ms"]);
    dev.test_ciba(&["--user", "alice"]).ends_with(0);
    let nod = dev.nod.as_ref().unwrap();
    let asked = nod.says("  bc-authorize ");
    let question = asked.split_once("question ").unwrap().1.split_whitespace().next().unwrap().to_owned();
    assert_eq!(&asked[8..], format!("  bc-authorize     shop → alice  question {question}  expires_in=120  200"));
    let line = |step: &str, rest: &str| {
        let text = nod.says(&format!("  {step:<15}{rest}"));
        assert_eq!(text[8..], format!("  {step:<15}{rest}"));
    };
    line("poll", &format!("  shop  question {question}  authorization_pending  400"));
    line("token", &format!("  shop → alice  question {question}  issued  200"));
    let text = nod.says("  approve ");
    assert!(text.contains(&format!("question {question}")) && text.ends_with("  approved  200"), "{text}");
    let text = nod.output.text();
    assert!(!text.contains("http.request_id") && !text.contains("not yet"), "{text}");
    // Both the page and `nod phone` listen with alice's phone: one phone, one question, one line.
    assert_eq!(text.matches("  notify ").count(), 1, "{text}");
    drop(phone);
}

#[test]
fn the_page_goes_on_with_a_key_that_was_rotated_behind_its_back() {
    let dev = Dev::start();
    let play = || {
        let address = dev.issuer.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(address.replace("localhost", "127.0.0.1")).unwrap();
        let head = format!("POST /dev/scenarios/deny HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n");
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\"as_told\":true"), "{answer}");
    };
    play();
    for _ in 0..2 {
        dev.phone(&["rotate"]).ends_with(0);
        play();
    }
}

#[test]
fn keys_are_rotated_when_they_could_be_known_or_in_an_emergency() {
    let dev = Dev::start();
    let data = dev.data();
    let keys = |arguments: &[&str]| Nod::start(&[&["keys", "--data-dir", data.to_str().unwrap()], arguments].concat());
    let current = || {
        let text = keys(&["list"]).ends_with(0);
        text.lines().filter(|line| line.contains("\"state\":\"current\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = current();
    assert_eq!(before.len(), 3);
    let text = keys(&["rotate"]).ends_with(7);
    assert!(text.contains("nothing was changed") && text.contains("nod keys rotate --now"), "{text}");
    assert_eq!(current(), before);
    keys(&["rotate", "--now"]).ends_with(0);
    let after = current();
    assert!(after.len() == 3 && after.iter().all(|line| !before.contains(line)));
}
