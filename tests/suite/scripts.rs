//! `scripts/prerequisites` on machines that lack something: its `PATH` has stand-ins for what it looks
//! for, and nothing else of the machine's that counts.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the script calls that is the same everywhere.
const ORDINARY: [&str; 9] = ["bash", "sh", "env", "grep", "mktemp", "rm", "cat", "chmod", "dirname"];

struct Machine {
    folder: TempDir,
}

impl Machine {
    /// Has all that is asked for, and Node.js of this version.
    fn with_node(version: u32) -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(machine.path("bin")).unwrap();
        for name in ORDINARY {
            let place = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
            let place = place.iter().find(|place| place.exists()).unwrap();
            symlink(place, machine.path("bin").join(name)).unwrap();
        }
        for name in ["cargo", "cc", "pkg-config", "redis-server", "postgres", "chromium"] {
            machine.has(name, "exit 0");
        }
        machine.has("id", "echo 0");
        machine.has("node", &node(version));
        // Makes what is asked for, and tells it.
        fs::write(machine.path("new-node"), format!("#!/bin/sh\n{}\n", node(22))).unwrap();
        machine.has(
            "npm",
            &format!(
                "echo \"$@\" >>{0}/npm.log\nbin=$3/node_modules/.bin\nmkdir -p \"$bin\"\n\
                 cat {0}/new-node >\"$bin/node\"\ncat {0}/new-node >\"$bin/npm\"\nchmod 755 \"$bin\"/*",
                machine.folder.path().display()
            ),
        );
        symlink("/bin/mkdir", machine.path("bin/mkdir")).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn has(&self, name: &str, script: &str) {
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn lacks(&self, name: &str) {
        fs::remove_file(self.path("bin").join(name)).unwrap();
    }

    /// An `apt-get` that writes down what it is asked for, and installs nothing but Node.js.
    fn writes_installations_down(&self) {
        self.has(
            "apt-get",
            &format!(
                "echo \"$@\" >>{0}/apt.log\ncase $* in install*nodejs*) \
                 cat {0}/new-node >{0}/bin/node && chmod 755 {0}/bin/node ;; esac",
                self.folder.path().display()
            ),
        );
    }

    /// An `apt-get` that installs Redis when it is told to.
    fn lacks_redis(&self) {
        self.lacks("redis-server");
        assert!(Command::new("mkfifo").arg(self.path("go")).status().unwrap().success());
        let install = format!(
            ": >{0}/started; cat {0}/go >&2; ln -s /bin/true {0}/bin/redis-server",
            self.folder.path().display()
        );
        self.has("apt-get", &format!("[ \"$1\" = install ] || exit 0\n{install}"));
        symlink("/bin/ln", self.path("bin/ln")).unwrap();
    }

    fn start(&self) -> Child {
        // Whoever runs the tests in the background has some signals ignored, and a shell cannot undo that.
        Command::new("/usr/bin/env")
            .arg("--default-signal=TERM,HUP,INT")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/prerequisites"))
            .args(["build", "test"])
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.folder.path())
            .env("NOD_POLICY_RC_D", self.policy())
            .env("NOD_POSTGRESQL", self.path("postgresql"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self) -> Output {
        self.start().wait_with_output().unwrap()
    }

    fn policy(&self) -> PathBuf {
        self.path("policy-rc.d")
    }

    /// Waits until apt-get installs, while services would not be started.
    fn installs(&self) {
        let start = Instant::now();
        while !self.path("started").exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "nothing is installed");
            std::thread::yield_now();
        }
        assert!(fs::read_to_string(self.policy()).unwrap().contains("exit 101"));
    }

    /// Lets apt-get end.
    fn go(&self) {
        fs::write(self.path("go"), "").unwrap();
    }
}

/// Answers as `node -e "process.exit(.. >= WANTED ? 0 : 1)"` and `node --version` do.
fn node(version: u32) -> String {
    format!(
        "case $1 in --version) echo v{version}.0.0 ;; \
         *) wanted=${{2#*>= }}; [ {version} -ge \"${{wanted%% *}}\" ] ;; esac"
    )
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

#[test]
fn what_is_missing_is_installed_by_the_name_of_its_package_and_that_is_said() {
    for (missing, packages) in [
        (&["cc"][..], "build-essential"),
        (&["pkg-config"], "pkg-config libssl-dev"),
        (&["redis-server"], "redis-server"),
        (&["postgres"], "postgresql"),
        (&["node"], "nodejs npm"),
        (&["chromium"], "chromium"),
        (
            &["cc", "pkg-config", "redis-server", "postgres", "node", "chromium"],
            "build-essential pkg-config libssl-dev redis-server postgresql nodejs npm chromium",
        ),
        // OpenSSL is there by what pkg-config says.
        (&[], "libssl-dev"),
    ] {
        let machine = Machine::with_node(20);
        for name in missing {
            machine.lacks(name);
        }
        if missing.is_empty() {
            machine.has("pkg-config", "[ \"$*\" != '--exists openssl' ]");
        }
        machine.writes_installations_down();
        let output = machine.run();
        assert!(output.status.success(), "{missing:?}: {}", said(&output));
        assert_eq!(said(&output), format!("prerequisites: installing {packages}\n"), "{missing:?}");
        let asked = fs::read_to_string(machine.path("apt.log")).unwrap();
        let expected = format!("update --quiet=2\ninstall --yes --quiet=2 --no-install-recommends {packages}\n");
        assert_eq!(asked, expected, "{missing:?}");
        assert!(!machine.policy().exists(), "{missing:?}");
    }
}

#[test]
fn what_is_there_under_another_name_is_not_missing() {
    let machine = Machine::with_node(20);
    machine.writes_installations_down();
    machine.lacks("postgres");
    fs::create_dir_all(machine.path("postgresql/15/bin")).unwrap();
    fs::write(machine.path("postgresql/15/bin/postgres"), "").unwrap();
    machine.lacks("chromium");
    machine.has("google-chrome", "exit 0");
    let output = machine.run();
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    assert!(!machine.path("apt.log").exists());
}

#[test]
fn what_cannot_be_installed_is_said_by_name() {
    // Another distribution's machine; one without rights; one without Rust, whose version is its owner's choice.
    let elsewhere = Machine::with_node(20);
    elsewhere.lacks("redis-server");
    let powerless = Machine::with_node(20);
    powerless.lacks("redis-server");
    powerless.has("id", "echo 1000");
    powerless.writes_installations_down();
    let rustless = Machine::with_node(20);
    rustless.lacks("cargo");
    rustless.writes_installations_down();
    for (machine, words) in [
        (elsewhere, "please install what your system calls: redis-server"),
        (powerless, "please run as root: apt-get install redis-server"),
        (rustless, "Rust is missing. Install rustup (https://rustup.rs) and come back."),
    ] {
        let output = machine.run();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert_eq!(said(&output), format!("prerequisites: {words}\n"));
        assert!(!machine.path("apt.log").exists(), "{words}");
    }
}

#[test]
fn an_old_node_gets_a_newer_one_beside_it_once() {
    let machine = Machine::with_node(18);
    let output = machine.run();
    assert!(output.status.success(), "{}", said(&output));
    let asked = fs::read_to_string(machine.path("npm.log")).unwrap();
    let folder = machine.path(".cache/nod/tools/node");
    assert!(asked.starts_with(&format!("install --prefix {} ", folder.display())), "{asked}");
    assert!(asked.contains(" node@22.") && asked.contains(" npm@"), "{asked}");
    let output = machine.run();
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    assert_eq!(fs::read_to_string(machine.path("npm.log")).unwrap(), asked, "and not again");
}

#[test]
fn a_node_that_is_new_enough_is_left_alone() {
    for version in [20, 24] {
        let machine = Machine::with_node(version);
        let output = machine.run();
        assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
        assert!(!machine.path(".cache").exists());
    }
}

#[test]
fn nothing_stays_of_an_installation_that_was_stopped() {
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let machine = Machine::with_node(20);
        machine.lacks_redis();
        let script = machine.start();
        machine.installs();
        assert!(Command::new("kill").args(["-s", signal, &script.id().to_string()]).status().unwrap().success());
        assert!(machine.policy().exists(), "apt-get still runs");
        machine.go();
        let output = script.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        assert!(!machine.policy().exists(), "{signal}");
    }
}

#[test]
fn what_a_kill_left_goes_with_the_next_run() {
    let machine = Machine::with_node(20);
    machine.lacks_redis();
    let mut script = machine.start();
    machine.installs();
    script.kill().unwrap();
    assert_eq!(script.wait().unwrap().signal(), Some(9));
    assert!(machine.policy().exists());
    machine.go();
    machine.has("redis-server", "exit 0");
    let output = machine.run();
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    assert!(!machine.policy().exists());
}

#[test]
fn a_policy_of_the_machine_is_not_ours() {
    let machine = Machine::with_node(20);
    fs::write(machine.policy(), "#!/bin/sh\nexit 101\n").unwrap();
    machine.lacks_redis();
    let script = machine.start();
    machine.go();
    let output = script.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_to_string(machine.policy()).unwrap(), "#!/bin/sh\nexit 101\n");
}
