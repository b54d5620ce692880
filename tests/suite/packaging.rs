//! What is under `packaging/` names settings, commands and files that there are, and configures a server
//! that starts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nod::config::SETTINGS;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

fn nod(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nod"));
    command.args(arguments).current_dir(folder).envs(environment.iter().copied()).env_remove("NOD_CONFIG");
    for (name, value) in environment.iter().filter(|(name, _)| *name == "NOD_CONFIG") {
        command.env(name, value);
    }
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every line of a systemd unit that sets this.
fn settings_of<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn every_variable_is_one_that_nod_reads() {
    let mut known: BTreeSet<String> = SETTINGS.iter().map(nod::config::Setting::environment).collect();
    known.insert("NOD_CONFIG".to_owned());
    for file in [
        "packaging/nod.service",
        "packaging/Containerfile",
        "packaging/compose/compose.yaml",
        "packaging/compose/nod.toml",
        "packaging/README.md",
        "docs/deploy.md",
        "docs/backup.md",
        "docs/sizing.md",
    ] {
        let text = read(file);
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_' && !c.is_ascii_digit());
        for word in words.filter(|word| word.starts_with("NOD_")) {
            assert!(known.contains(word), "{file}: {word}");
        }
    }
}

/// `prepare` makes secrets that the configuration of the compose file takes; with the overrides taken
/// away, the same is refused for their two reasons and no other.
#[test]
fn the_configuration_of_the_compose_file_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let prepared = Command::new(root().join("packaging/compose/prepare")).arg(at).output().unwrap();
    assert!(prepared.status.success(), "{}", said(&prepared));
    assert!(said(&prepared).contains("tls_key.pem"), "it says what is missing: {}", said(&prepared));
    let secret = |name: &str| fs::read(folder.path().join("secrets").join(name)).unwrap();
    let (key, password) = (secret("master_key"), secret("postgres_password"));
    assert!(!password.is_empty() && String::from_utf8(secret("database_url")).unwrap().contains("@postgres/nod"));
    Command::new(root().join("packaging/compose/prepare")).arg(at).output().unwrap();
    assert!(secret("master_key") == key && secret("postgres_password") == password, "what exists stays");
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    for (name, text) in [("tls_cert.pem", certified.cert.pem()), ("tls_key.pem", certified.signing_key.serialize_pem())]
    {
        fs::write(folder.path().join("secrets").join(name), text).unwrap();
        make_private(&folder.path().join("secrets").join(name));
    }

    // As the compose file mounts them.
    let (compose, mut config) = (read("packaging/compose/compose.yaml"), read("packaging/compose/nod.toml"));
    for line in compose.lines().filter(|line| line.contains("{ file: ./secrets/")) {
        let (name, rest) = line.trim().split_once(": { file: ./").unwrap();
        config =
            config.replace(&format!("\"/run/secrets/{name}\""), &format!("\"{at}/{}\"", rest.trim_end_matches(" }")));
    }
    assert!(!config.contains("/run/secrets"), "a secret that is not mounted: {config}");
    let check = |config: &str| {
        fs::write(folder.path().join("nod.toml"), config).unwrap();
        let issuer = [("NOD_ISSUER", "https://id.example.com")];
        nod(folder.path(), &["config", "check", "-c", "nod.toml"], &issuer).output().unwrap()
    };
    let checked = check(&config);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    let (careful, _) = config.split_once("# The stores are on a network").expect("the overrides have their reason");
    let refused = check(careful);
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert_eq!(said(&refused).matches("✗").count(), 2, "{}", said(&refused));
    assert!(said(&refused).contains("danger.plain_postgres") && said(&refused).contains("danger.plain_redis"));
}

#[cfg(unix)]
fn make_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Each command that the files run is there: `nod` says what it is for.
#[test]
fn every_command_is_there() {
    let unit = read("packaging/nod.service");
    let started =
        settings_of(&unit, "ExecStart").into_iter().map(|line| line.trim_start_matches("/usr/local/bin/nod "));
    let mut commands: BTreeSet<String> = started.map(str::to_owned).collect();
    for file in ["packaging/Containerfile", "packaging/compose/compose.yaml"] {
        for line in read(file).lines() {
            let line = line.trim();
            let Some((_, list)) = line.split_once('[').filter(|_| {
                line.starts_with("CMD")
                    || line.starts_with("HEALTHCHECK")
                    || line.starts_with("command: [")
                    || line.contains("CMD, nod")
            }) else {
                continue;
            };
            let words = list.trim_end_matches(']').split(',').map(|word| word.trim().trim_matches('"'));
            let words: Vec<&str> = words.filter(|word| !["CMD", "nod"].contains(word)).collect();
            if words.first() != Some(&"redis-server") {
                commands.insert(words.join(" "));
            }
        }
    }
    assert_eq!(commands, ["healthcheck", "migrate up", "serve"].map(str::to_owned).into());
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let output = nod(&root(), &arguments, &[]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", said(&output));
    }
}

/// The image is built by the compiler that everybody builds with, from files that are there, and gets all
/// that the manifest names.
#[test]
fn the_image_gets_what_it_is_built_from() {
    let (containerfile, toolchain) = (read("packaging/Containerfile"), read("rust-toolchain.toml"));
    let argument = containerfile.lines().find_map(|line| line.strip_prefix("ARG RUST=")).expect("a version");
    assert!(toolchain.contains(&format!("channel = \"{argument}\"")), "{argument}");
    let ignore = read(".dockerignore");
    let taken: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &taken {
        assert!(root().join(path).exists(), "{path}");
    }
    let manifest = read("Cargo.toml");
    let named = manifest.lines().filter_map(|line| line.strip_prefix("path = \"")?.split('"').next());
    let named: Vec<&str> = named.chain(["device-sdk", "migrations", "Cargo.lock", "askama.toml"]).collect();
    assert!(named.len() > 5, "{named:?}");
    for path in named {
        let has = |taken: &str| path == taken || path.starts_with(&format!("{taken}/"));
        assert!(taken.iter().any(|one| has(one)), "the image does not get {path}");
    }
    for secret in ["nod.toml", "master.key", ".nod", "packaging"] {
        assert!(!taken.contains(&secret), "{secret}");
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// [security.md case 169] what a crash leaves behind is no copy of its memory.
#[test]
fn security_169_a_crash_writes_no_core() {
    assert_eq!(settings_of(&read("packaging/nod.service"), "LimitCORE"), ["0"]);
}

/// With the variables of the unit, its folders elsewhere: `nod config init`, `nod migrate`, and it serves.
#[test]
fn the_unit_starts_a_server() {
    let unit = read("packaging/nod.service");
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    for below in ["etc/nod", "var/lib/nod"] {
        fs::create_dir_all(folder.path().join(below)).unwrap();
    }
    let elsewhere =
        |text: &str| text.replace("/etc/nod", &format!("{at}/etc/nod")).replace("/var/lib", &format!("{at}/var/lib"));
    let variables: Vec<(String, String)> = settings_of(&unit, "Environment")
        .into_iter()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), elsewhere(value)))
        .chain([("NOD_DATABASE__URL".to_owned(), format!("sqlite:{at}/var/lib/nod/nod.db"))])
        .chain([("NOD_LISTEN__PUBLIC".to_owned(), "127.0.0.1:0".to_owned())])
        .chain([("NOD_LISTEN__OPS".to_owned(), "127.0.0.1:0".to_owned())])
        .collect();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let written = nod(&folder.path().join("etc/nod"), &["config", "init", "--with-key"], &[]).output().unwrap();
    assert!(written.status.success(), "{}", said(&written));
    let config = folder.path().join("etc/nod/nod.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("\"master.key\"", &format!("\"{at}/etc/nod/master.key\""))).unwrap();

    let state = PathBuf::from(elsewhere(settings_of(&unit, "WorkingDirectory")[0]));
    let migrated = nod(&state, &["migrate", "up"], &variables).output().unwrap();
    assert!(migrated.status.success(), "{}", said(&migrated));
    let [command] = settings_of(&unit, "ExecStart")[..] else { panic!("one command") };
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    let mut server = nod(&state, &arguments, &variables);
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let server = server.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null()).spawn().unwrap();
    let _running = Running(server);
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        if log.contains("\"ready\"") {
            break;
        }
        assert!(Instant::now() < until, "{log}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(state.join("bootstrap-token").exists(), "where the unit may write");
}
