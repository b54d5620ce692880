//! The app against dev mode: what it prints, and what the provider knows of the phone meanwhile.

#![cfg(test)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

const APP: &str = env!("CARGO_BIN_EXE_native-app");

/// No single step takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server is built beside the app: `cargo build --workspace`.
fn nod() -> Command {
    let mut command = Command::new(Path::new(APP).with_file_name("nod"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NOD_")) {
        command.env_remove(name);
    }
    command
}

/// A process that ends when the test does, however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, most often.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Dev mode that knows the app.
struct Provider {
    _server: Running,
    issuer: String,
    folder: TempDir,
}

impl Provider {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (first, _) = serve(folder.path());
        drop(first);
        let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("state.toml");
        said(nod().args(["apply", "--data-dir"]).arg(data(folder.path())).arg("-f").arg(state));
        // Started again, it knows all of that at once, and not within a second.
        let (server, issuer) = serve(folder.path());
        Self { _server: server, issuer, folder }
    }

    /// Bob's devices, as an administrator sees them.
    fn devices(&self) -> Vec<String> {
        let told = said(nod().args(["device", "list", "bob", "--data-dir"]).arg(data(self.folder.path())));
        let devices = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        devices.map(|device| device["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// What a command prints that goes well.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Dev mode, once it is ready, and its issuer.
fn serve(folder: &Path) -> (Running, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = nod();
    command.args(["dev", "--port", &port.to_string(), "--data-dir"]).arg(data(folder));
    let mut server =
        Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let mut until = |text: &str| lines.by_ref().map(Result::unwrap).find(|line| line.contains(text)).unwrap();
    // Where the port was taken in the meantime, it is the next one.
    let issuer = until("Issuer ").split_whitespace().last().unwrap().to_owned();
    until("ready in");
    std::thread::spawn(move || lines.for_each(drop));
    (server, issuer)
}

/// The app, and all that it has printed.
struct App {
    running: Running,
    printed: Receiver<u8>,
    screen: String,
}

impl App {
    fn start(issuer: &str) -> Self {
        let mut command = Command::new(APP);
        command.arg(issuer).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running(command.spawn().unwrap());
        let (sender, printed) = channel();
        let stdout = BufReader::new(running.0.stdout.take().unwrap());
        std::thread::spawn(move || stdout.bytes().map_while(Result::ok).try_for_each(|byte| sender.send(byte)));
        Self { running, printed, screen: String::new() }
    }

    /// Somebody answers a question, once it is asked.
    fn answer(&mut self, question: &str, answer: &str) {
        self.until(question);
        let stdin = self.running.0.stdin.as_mut().unwrap();
        stdin.write_all(format!("{answer}\n").as_bytes()).unwrap();
        // As a terminal would show it.
        self.screen.push_str(answer);
        self.screen.push('\n');
    }

    fn until(&mut self, question: &str) {
        while !self.screen.ends_with(question) {
            let byte = self.printed.recv_timeout(PATIENCE);
            self.screen.push(char::from(byte.unwrap_or_else(|_| panic!("no {question:?}:\n{}", self.screen))));
        }
    }

    fn signs_in(&mut self, password: &str) {
        self.answer("Username: ", "bob");
        self.answer("Password: ", password);
    }

    /// All that it printed, once it ends well.
    fn end(mut self) -> String {
        while let Ok(byte) = self.printed.recv_timeout(PATIENCE) {
            self.screen.push(char::from(byte));
        }
        assert!(self.running.0.wait().unwrap().success(), "{}", self.screen);
        self.screen
    }
}

const ENROL: &str = "Trust this phone as a device of Bob, in Example Bank? [y/N] ";
const UNPAIR: &str = "Press Enter to unpair it.";

#[test]
fn an_app_is_enrolled_signs_in_silently_and_is_unpaired() {
    let provider = Provider::start();
    says_no(&provider);
    let mut app = App::start(&provider.issuer);
    app.signs_in("bob");
    app.until(ENROL);
    assert_eq!(provider.devices(), [""; 0], "nothing is paired by a sign-in");
    app.answer(ENROL, "y");
    app.until(UNPAIR);
    let devices = provider.devices();
    let [device] = &devices[..] else { panic!("{devices:?}") };
    app.answer(UNPAIR, "");
    let screen = app.end();
    assert_eq!(provider.devices(), [""; 0]);
    // All of it, and so that nobody was asked anything the second time.
    let shown = include_str!("../README.md").split("```").nth(1).unwrap().trim_start();
    assert_eq!(screen.replace(device, "3c2d87d0-c0bf-405b-827c-87177f179155"), shown);
}

/// After a wrong password, and although it is offered.
fn says_no(provider: &Provider) {
    let mut app = App::start(&provider.issuer);
    app.signs_in("wrong");
    // Passwords are not guessed one after the other.
    std::thread::sleep(Duration::from_millis(1100));
    app.signs_in("bob");
    app.answer(ENROL, "");
    let screen = app.end();
    assert!(screen.contains("The username or the password is not right."), "{screen}");
    assert!(screen.ends_with("not enrolled; the sign-in stays\n"), "{screen}");
    assert_eq!(provider.devices(), [""; 0]);
}
