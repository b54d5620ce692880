//! Reading a configuration.

use std::path::Path;
use std::time::Duration;

use super::*;

const MINIMAL: &str = r#"
issuer = "https://id.example.com"
listen.public = "127.0.0.1:8443"
proxy.trusted = ["127.0.0.1/32"]
database.url = "sqlite:/var/lib/nod/nod.db"
"#;

const MASTER_KEY: (&str, &str) = ("NOD_KEYS__MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8=");

fn read_files(folder: &Path, files: &[(&str, &str)], environment: &[(&str, &str)], flags: &[&str]) -> Reading {
    let mut named = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        if !name.contains('/') {
            named.push(path);
        }
    }
    let environment = environment.iter().map(|(name, value)| (OsString::from(*name), OsString::from(*value)));
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Reading::with(&Sources { files: named, flags }, environment)
}

fn read(text: &str, environment: &[(&str, &str)]) -> Reading {
    let folder = tempfile::tempdir().unwrap();
    read_files(folder.path(), &[("nod.toml", text)], &[environment, &[MASTER_KEY]].concat(), &[])
}

#[track_caller]
fn usable(reading: Reading) -> Loaded {
    reading.usable().unwrap_or_else(|reading| panic!("{}", ConfigError::new(reading.problems)))
}

#[track_caller]
fn problems(reading: Reading) -> Vec<Problem> {
    assert!(!reading.problems.is_empty(), "no problem was found");
    reading.problems
}

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code.as_str().trim_start_matches("NOD-CFG-")).collect()
}

#[test]
fn stronger_sources_win_and_each_value_knows_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("nod.toml", &*format!("{MINIMAL}ciba = {{ interval = \"3s\", long_poll = \"1s\", max_expiry = \"200s\" }}\n")),
        ("nod.d/20.toml", "[ciba]\nlong_poll = \"3s\""),
        ("nod.d/10.toml", "[ciba]\nlong_poll = \"2s\"\nmax_expiry = \"201s\""),
        ("nod.d/README", "not read"),
        ("second.toml", "tokens.id = \"60s\""),
    ];
    let environment = [("NOD_CIBA__INTERVAL", "4s"), ("NOD_LIMITS__CONNECTIONS", "9"), ("PATH", "/bin"), MASTER_KEY];
    let reading = read_files(folder.path(), &files, &environment, &["limits.connections=10"]);
    let Loaded { config, values, .. } = usable(reading);
    assert_eq!(config.ciba.interval, Duration::from_secs(4));
    assert_eq!(config.ciba.long_poll, Duration::from_secs(3));
    assert_eq!(config.ciba.max_expiry, Duration::from_secs(201));
    assert_eq!(config.tokens.id, Duration::from_secs(60));
    assert_eq!(config.limits.connections, 10);
    let origin = |key| values.origin(key).unwrap().to_string().replace(folder.path().to_str().unwrap(), "");
    assert_eq!(origin("ciba.interval"), "env NOD_CIBA__INTERVAL");
    assert_eq!(origin("ciba.long_poll"), "/nod.d/20.toml:2:13");
    assert_eq!(origin("ciba.max_expiry"), "/nod.d/10.toml:3:14");
    assert_eq!(origin("tokens.id"), "/second.toml:1:13");
    assert_eq!(origin("limits.connections"), "flag --set limits.connections");
    assert_eq!(origin("tokens.access"), "default");
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let text = r#"issuer = "https://id.example.com/"
colour = "red"
[ciba]
default_expiry = "120s"
max_expiry = "60s"
interval = 5
intervall = "2s"
unknown_user = "strictly"
[limits]
connections = 0
[databse]
url = "postgres://nod:hunter2@db/nod"
"#;
    let problems = problems(read(text, &[("NOD_TOKENS__ACESS", "1h"), ("NOD_DEVICES__MAX_PER_USER", "many")]));
    let text = ConfigError::new(problems.clone()).to_string();
    for (code, place, help) in [
        ("010", ":1:10", "https://id.example.com"),
        ("003", ":2:1", "`nod config show` lists"),
        ("011", ":5:14", "120s at least"),
        ("004", ":6:12", "expected a duration"),
        ("003", ":7:1", "did you mean ciba.interval?"),
        ("005", ":8:16", "one of strict, uniform"),
        ("005", ":10:15", "1 at least"),
        ("003", ":11:2", "did you mean database?"),
        ("003", "env NOD_TOKENS__ACESS", "NOD_TOKENS__ACCESS"),
        ("004", "env NOD_DEVICES__MAX_PER_USER", "a whole number"),
        ("015", "", "proxy.trusted"),
        ("006", "", "database.url_file"),
    ] {
        let found = problems.iter().any(|problem| {
            let at = problem.at.as_ref().map(ToString::to_string).unwrap_or_default();
            problem.code.as_str().ends_with(code)
                && at.ends_with(place)
                && problem.help.as_deref().unwrap_or_default().contains(help)
        });
        assert!(found, "{code} {place} {help}:\n{text}");
    }
    assert_eq!(problems.len(), 12, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_is_no_toml_is_told_for_each_place() {
    let problems = problems(read("issuer = \n[ciba]\ninterval = \"2s\ncolour = \n", &[]));
    assert!(problems.len() >= 2 && codes(&problems).iter().all(|code| *code == "002"), "{problems:#?}");
    assert!(matches!(&problems[0].at, Some(Origin::File(place)) if place.line == 1), "{problems:#?}");
}

#[test]
fn a_secret_comes_once_and_never_by_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("url");
    std::fs::write(&url, "sqlite:elsewhere.db\n").unwrap();
    let file = ("NOD_DATABASE__URL_FILE", url.to_str().unwrap());
    let secrets = usable(read(MINIMAL, &[file])).secrets;
    assert_eq!(secrets.database_url.expose(), "sqlite:elsewhere.db");
    let secrets = usable(read(MINIMAL, &[file, ("NOD_DATABASE__URL", "sqlite:x")])).secrets;
    assert_eq!(secrets.database_url.expose(), "sqlite:elsewhere.db", "a file of the environment is stronger");

    let twice = format!("{MINIMAL}database.url_file = \"x\"\nkeys.master_key = \"hunter2\"\n");
    let problems = problems(read(&twice, &[]));
    assert_eq!(codes(&problems), ["008", "007"], "{problems:#?}");
    let reading = read_files(folder.path(), &[("nod.toml", MINIMAL)], &[MASTER_KEY], &["database.url=sqlite:hunter2"]);
    assert_eq!(codes(&reading.problems), ["008"]);
    let error = ConfigError::new(reading.problems);
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_value_that_is_secret_is_in_no_message() {
    let text = "database.url = \"hunter2\"\nephemeral.url = [\"hunter2\"]\nissuer = \"https://u:hunter2@x\"\n";
    let error = ConfigError::new(problems(read(text, &[("NOD_KEYS__MASTER_KEY", "hunter2")]))).to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn production_is_refused_for_every_reason() {
    let text = r#"
issuer = "http://id.example.com"
database.url = "postgres://nod:hunter2@db.example.com/nod"
ephemeral.url = "redis://redis.example.com"
listen.public = "127.0.0.1:8443"
proxy.trusted = ["127.0.0.1/32"]
"#;
    let loaded = |environment: &[(&str, &str)]| usable(read(text, environment));
    let refusals = loaded(&[]).refusals;
    assert_eq!(codes(&refusals)[..3], ["101", "102", "103"], "{refusals:#?}");
    let overridden = loaded(&[
        ("NOD_ISSUER", "https://id.example.com"),
        ("NOD_DANGER__PLAIN_REDIS", "true"),
        ("NOD_DANGER__PLAIN_POSTGRES", "true"),
        ("NOD_DANGER__READABLE_SECRETS", "true"),
    ]);
    assert_eq!(codes(&overridden.refusals), [""; 0]);
    for (database, redis) in [
        ("postgres://db.example.com/nod?sslmode=verify-full", "rediss://redis.example.com"),
        ("postgres://localhost/nod", "redis://127.0.0.1:6379/0"),
        ("postgres:///nod?host=/run/postgresql", "redis://[::1]"),
        ("sqlite:nod.db", "embedded"),
    ] {
        let loaded = loaded(&[
            ("NOD_ISSUER", "http://localhost:8080"),
            ("NOD_DATABASE__URL", database),
            ("NOD_EPHEMERAL__URL", redis),
        ]);
        assert_eq!(codes(&loaded.refusals), [""; 0], "{database} {redis}");
    }
    assert_eq!(codes(&loaded(&[("NOD_DATABASE__URL", "sqlite::memory:")]).refusals), ["101", "102", "105"]);
}

#[test]
fn what_is_wrong_and_what_is_unsafe_is_one_list() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "issuer = \"http://id.example.com\"\ndatabase.url = \"postgres://db.example.com/nod\"\nciba.interval = 5\n";
    let reading = read_files(folder.path(), &[("nod.toml", text)], &[], &[]);
    assert_eq!(codes(&reading.all_problems()), ["004", "006", "101", "108", "103"]);
}

#[test]
fn a_master_key_is_read_in_its_usual_spellings() {
    let hex = "00".repeat(31) + "ff";
    let base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8=";
    assert_eq!(parse_master_key(&hex).unwrap().expose(), parse_master_key(base64).unwrap().expose());
    for bad in ["", "abc", "g".repeat(64).as_str(), "AAAA"] {
        assert!(parse_master_key(bad).is_none());
    }
}

#[test]
fn security_5_1_passwords_are_not_hashed_too_cheaply() {
    let with = |memory: u32, iterations: u32| {
        let text = format!("{MINIMAL}passwords = {{ memory = {memory}, iterations = {iterations} }}\n");
        codes(&read(&text, &[]).problems).join(" ")
    };
    for (memory, iterations) in [(47_104, 1), (19_456, 2), (19_457, 3), (65_536, 1), (2_097_152, 64)] {
        assert_eq!(with(memory, iterations), "", "{memory} KiB, {iterations}");
    }
    for (memory, iterations) in [(47_103, 1), (19_455, 2), (19_456, 1), (8, 1), (2_097_153, 1), (47_104, 65)] {
        assert_eq!(with(memory, iterations), "018", "{memory} KiB, {iterations}");
    }
}

#[test]
fn mail_is_set_up_as_a_whole_and_never_in_clear_to_another_machine() {
    let with = |mail: &str| read(&format!("{MINIMAL}[mail]\n{mail}"), &[]);
    let whole = "host = \"mail.example\"\nfrom = \"Nod <nod@id.example>\"\n";
    let loaded = usable(with(&format!("{whole}username = \"nod\"\npassword = \"secret of the server\"")));
    assert_eq!(
        loaded.secrets.mail_password.map(|password| password.expose().clone()).as_deref(),
        Some("secret of the server")
    );
    assert_eq!(loaded.config.mail.security, MailSecurity::StartTls);
    usable(with("host = \"localhost\"\nfrom = \"nod@id.example\"\nsecurity = \"none\""));
    usable(with("host = \"127.0.0.1\"\nfrom = \"nod@id.example\"\nsecurity = \"none\""));
    for half in [
        "host = \"mail.example\"",
        "from = \"nod@id.example\"",
        &format!("{whole}username = \"nod\""),
        &format!("{whole}password = \"secret\""),
        &format!("{whole}port = 70000"),
        &format!("{whole}security = \"none\""),
    ] {
        assert_eq!(codes(&problems(with(half))), ["020"], "{half}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "from a file\n").unwrap();
    let file = folder.path().join("password").display().to_string();
    let loaded =
        usable(read(&format!("{MINIMAL}[mail]\n{whole}username = \"nod\""), &[("NOD_MAIL__PASSWORD_FILE", &file)]));
    assert_eq!(loaded.secrets.mail_password.map(|password| password.expose().clone()).as_deref(), Some("from a file"));
}

#[test]
fn whoever_sends_texts_is_set_up_as_a_whole_and_called_over_tls() {
    for section in ["sms", "voice"] {
        let with = |more: &str| read(&format!("{MINIMAL}[{section}]\n{more}"), &[]);
        let webhook = "sender = \"webhook\"\nurl = \"https://sms.example/send\"\nsecret = \"whsec_secret\"\n";
        let twilio = "sender = \"twilio\"\naccount = \"AC1\"\nsecret = \"token\"\nfrom = \"+15005550006\"\n";
        for good in [webhook, twilio, &format!("{twilio}url = \"https://twilio.example\""), "countries = [\"DE\"]"] {
            usable(with(good));
        }
        for half in [
            "sender = \"webhook\"",
            "secret = \"whsec_secret\"",
            "from = \"+15005550006\"",
            &webhook.replace("secret =", "from ="),
            &webhook.replace("https:", "http:"),
            &webhook.replace("sms.example", "nod:secret@sms.example"),
            &format!("{webhook}account = \"AC1\""),
            &twilio.replace("account =", "# "),
            &twilio.replace("from =", "# "),
        ] {
            assert_eq!(codes(&problems(with(half))), ["022"], "{half}");
        }
        assert_eq!(codes(&problems(with(&format!("{webhook}countries = [\"DE\", \"49\"]")))), ["005"]);
    }
    let secrets = "[sms]\nsender = \"webhook\"\nurl = \"https://sms.example\"\nsecret = \"whsec_one\"\n";
    let loaded = usable(read(&format!("{MINIMAL}{secrets}"), &[]));
    assert_eq!(loaded.secrets.sms_secret.map(|secret| secret.expose().clone()).as_deref(), Some("whsec_one"));
    assert!(loaded.secrets.voice_secret.is_none());
}

#[test]
fn certificates_get_here_in_a_way_that_works() {
    const TLS: &str = "tls = { cert = \"cert.pem\", key = \"key.pem\" }\n";
    const ADDRESS: &str = "mtls.address = \"https://mtls.example.com:8444\"\n";
    const LISTEN: &str = "mtls.listen = \"127.0.0.1:8444\"\n";
    const HEADER: &str = "proxy.certificate_header = \"Client-Cert\"\n";
    let with = |more: &[&str]| read(&format!("{MINIMAL}{}", more.concat()), &[]);
    for good in [&[TLS, LISTEN, ADDRESS][..], &[HEADER], &[HEADER, ADDRESS], &[HEADER, TLS, LISTEN, ADDRESS]] {
        usable(with(good));
    }
    for (bad, why) in [
        (&[LISTEN, ADDRESS][..], "no TLS"),
        (&[TLS, LISTEN], "no address"),
        (&[TLS, "mtls.listen = \"127.0.0.1:8443\"\n", ADDRESS], "the first port"),
        (&[ADDRESS], "nobody asks there"),
        (&[TLS, LISTEN, "mtls.address = \"http://mtls.example.com\"\n"], "in the clear"),
        (&[TLS, LISTEN, "mtls.address = \"https://mtls.example.com/\"\n"], "a slash"),
        (&["proxy.certificate_header = \"a b\"\n"], "no name"),
        (&["proxy.certificate_header = \"Authorization\"\n"], "the name of something else"),
    ] {
        assert_eq!(codes(&problems(with(bad))), ["019"], "{why}");
    }
    let nobody = MINIMAL.replace("[\"127.0.0.1/32\"]", "[]");
    assert_eq!(codes(&problems(read(&format!("{nobody}{TLS}{HEADER}"), &[]))), ["019"], "no proxy is trusted");
    // [security.md case 41] whoever can write it is everybody.
    let everybody = MINIMAL.replace("127.0.0.1/32", "0.0.0.0/0");
    let loaded = usable(read(&format!("{everybody}{TLS}{HEADER}"), &[]));
    assert_eq!(codes(&loaded.refusals), ["109"]);
}

/// [flows.md D.1, D.3]
#[test]
fn devices_and_their_keys_have_bounds() {
    let with = |setting: &str| read(&format!("{MINIMAL}devices.{setting}\n"), &[]);
    let config = usable(read(MINIMAL, &[])).config;
    assert_eq!((config.devices.max_per_user, config.devices.pairing_key_lifetime), (5, Duration::from_mins(10)));
    for good in [
        "max_per_user = 1",
        "max_per_user = 15",
        "pairing_key_lifetime = \"60s\"",
        "pairing_key_lifetime = \"48h\"",
        "pairing_key_lifetime = \"2d\"",
    ] {
        usable(with(good));
    }
    let (number, time) = ("devices.max_per_user is not 1 to 15", "devices.pairing_key_lifetime is not 1m to 48h");
    for (bad, why) in [
        ("max_per_user = 16", number),
        ("max_per_user = 4000000000", number),
        ("pairing_key_lifetime = \"59s\"", time),
        ("pairing_key_lifetime = \"0s\"", time),
        ("pairing_key_lifetime = \"172801s\"", time),
        ("pairing_key_lifetime = \"3650d\"", time),
    ] {
        let problems = problems(with(bad));
        assert_eq!((codes(&problems), &*problems[0].message), (vec!["023"], why), "{bad}");
        assert!(problems[0].at.is_some(), "{bad}");
    }
    // What is no number of devices at all is told as such.
    for bad in ["max_per_user = 0", "max_per_user = -1"] {
        assert_eq!(codes(&problems(with(bad))), ["005"], "{bad}");
    }
}

/// [flows.md H.2]
#[test]
fn payloads_are_as_old_as_they_may_be() {
    let with = |setting: &str| read(&format!("{MINIMAL}payload.{setting}\n"), &[]);
    let config = usable(read(MINIMAL, &[])).config;
    assert_eq!((config.payload.max_age, config.payload.binding), (Duration::from_mins(2), Binding::Off));
    assert_eq!(usable(with("binding = \"required\"")).config.payload.binding, Binding::Required);
    assert_eq!(config.payload.encryption, PayloadEncryption::RequiredInQuery);
    let always = usable(with("encryption = \"required\"")).config.payload.encryption;
    assert_eq!((always, codes(&problems(with("encryption = \"off\"")))), (PayloadEncryption::Required, vec!["005"]));
    for good in ["10s", "120s", "2m"] {
        usable(with(&format!("max_age = {good:?}")));
    }
    for bad in ["9s", "0s", "121s", "1h"] {
        let problems = problems(with(&format!("max_age = {bad:?}")));
        let told = (codes(&problems), &*problems[0].message);
        assert_eq!(told, (vec!["023"], "payload.max_age is not 10s to 2m"), "{bad}");
        assert!(problems[0].at.is_some(), "{bad}");
    }
    assert_eq!(codes(&problems(with("binding = \"maybe\""))), ["005"]);
}
