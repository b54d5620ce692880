//! Nothing that counts is left out.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::config::Sources;

/// Settings without a row, and why nobody looks for one.
const EXEMPT: &[(&str, &str)] = &[
    ("listen.public", "where everybody connects; the row tls says how"),
    ("log.format", "the same is in it, secrets never"),
    ("admin.bootstrap_file", "its owner's alone wherever it is, for fifteen minutes, and once"),
    ("ephemeral.prefix", "a name"),
    ("ciba.interval", "how often clients ask; each has to be who it is"),
    ("ciba.long_poll", "how long they are held; as above"),
    ("authorization.details", "what clients may be registered for; what is not there is refused"),
    ("payload.max_age", "no SDK makes one that is good for longer than the usual"),
    ("payload.binding", "one that names no sign-in is worth nothing in another one either"),
    ("payload.encryption", "in a URL it always is; elsewhere TLS hides it"),
    ("passwords.hashes_at_once", "work at a time; too much of it is 503"),
    ("passwords.queue", "as above"),
    ("mail.port", "security says how, host says where"),
    ("mail.username", "a name"),
    ("mail.password_file", "refused where others may read it"),
    ("mail.from", "a name"),
    ("sms.secret", "a row where it stands among what others read"),
    ("sms.secret_file", "refused where others may read it"),
    ("voice.secret", "as that of sms"),
    ("voice.secret_file", "as that of sms"),
    ("limits.connections", "what the machine bears; that of one address has a row"),
    ("limits.backchannel_requests", "what the machine bears; whoever asks is known, and a person has a row"),
    ("limits.pushed_requests", "what the machine bears; whoever pushes is known"),
    ("limits.introspections", "what the machine bears; whoever looks is known"),
];

fn loaded(flags: &[&str]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("nod.toml"), folder.path().join("key"));
    std::fs::write(&key, "00".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "issuer = \"https://id.example.com\"\nproxy.trusted = [\"127.0.0.1/32\"]\n\
         database.url = \"postgres://nod:secret@localhost/nod\"\nkeys.master_key_file = {key:?}\n\
         mail = {{ username = \"nod\", password = \"secret\", host = \"localhost\", from = \"nod@example.com\" }}\n"
    );
    std::fs::write(&file, text).unwrap();
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Loaded::load(&Sources { files: vec![file], flags }).unwrap_or_else(|error| panic!("{error}"))
}

fn state(rows: &[Row], topic: &str) -> &'static str {
    rows.iter().find(|row| row.topic == topic).unwrap_or_else(|| panic!("{topic}")).state.word()
}

#[test]
fn every_setting_has_a_row_or_a_reason_why_not() {
    let mut covered = BTreeSet::new();
    // A row names the settings that made it what it is.
    for flags in [&[][..], &["profile=fapi2-security"], &["authorization.require_pushed=true"]] {
        covered.extend(rows(&loaded(flags)).iter().flat_map(|row| row.keys.iter().copied()));
    }
    for setting in SETTINGS {
        let key = setting.key;
        let exempt = EXEMPT.iter().find(|(own, _)| *own == key);
        assert!(exempt.is_none_or(|(_, why)| !why.is_empty()));
        if key.starts_with("danger.") {
            let rows = rows(&loaded(&[&format!("{key}=true")]));
            assert!(rows.iter().any(|row| row.state == State::Weak && row.what == format!("{key} is set")), "{key}");
        } else {
            assert_ne!(covered.contains(key), exempt.is_some(), "{key}: a row, or a reason why it needs none");
        }
    }
    let known = |key: &str| SETTINGS.iter().any(|setting| setting.key == key);
    assert!(covered.iter().all(|key| known(key)) && EXEMPT.iter().all(|(key, _)| known(key)));
}

#[test]
fn what_one_would_not_want_is_weak() {
    let usual = rows(&loaded(&[]));
    for (flag, topic) in [
        ("registration.mode=open", "registration"),
        ("ciba.max_expiry=2h", "questions"),
        ("limits.password_tries=1000", "tries"),
        ("limits.recoveries=1000", "tries"),
        ("limits.otps=1000", "tries"),
        ("limits.flows=5000", "flows"),
        ("limits.flows_per_browser=1000", "flows"),
        ("devices.pairing_key_lifetime=2d", "devices"),
        ("devices.max_per_user=15", "devices"),
        ("tokens.access=2h", "tokens"),
        ("tokens.id=2h", "tokens"),
        ("keys.rotate_after=800d", "signing keys"),
        ("limits.failed_authentications=1000", "limits"),
        ("outbound.allow=10.0.0.0/8", "outbound"),
    ] {
        assert_eq!(state(&usual, topic), "good", "{topic}");
        assert_eq!(state(&rows(&loaded(&[flag])), topic), "weak", "{flag}");
    }
    let secrets: Vec<_> = usual.iter().filter(|row| row.topic == "secrets").map(|row| row.what.as_str()).collect();
    assert!(secrets.len() == 2 && secrets[0].starts_with("database.url") && secrets[1].starts_with("mail.password"));
    for (flag, topic, what) in [
        ("registration.mode=token", "registration", "initial access token"),
        ("registration.software_statement_issuers=/s.json", "software statements", "/s.json"),
        ("ciba.login_hint_token_issuers=/h.json", "hint tokens", "/h.json"),
        ("mail.security=tls", "mail", "from the first byte"),
        ("mail.recovery=link", "mail", "gets a link"),
        ("passwords.memory=100000", "passwords", "100000 KiB"),
        ("authorization.session_management=true", "session management", "on:"),
        ("tokens.id=60s", "tokens", "ID tokens 60 s"),
    ] {
        let rows = rows(&loaded(&[flag]));
        let row = rows.iter().find(|row| row.topic == topic).unwrap();
        assert!(row.state == State::Good && row.what.contains(what), "{flag}: {}", row.what);
    }
}

/// [security.md case 118]
#[test]
fn texts_go_nowhere_before_a_country_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a token").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let secret = format!("sms.secret_file={}", file.display());
    let usual = ["sms.sender=twilio", "sms.account=AC1", "sms.from=+15005550006", secret.as_str()];
    for (more, state, what) in [
        (&[][..], "good", "by Twilio, 1000 a day at most, to nowhere: no country is allowed"),
        (&["sms.countries=DE,AT"], "good", "to DE, AT"),
        (&["sms.per_day=1000000"], "weak", "1000000 a day"),
    ] {
        let rows = rows(&loaded(&[&usual[..], more].concat()));
        let row = rows.iter().find(|row| row.topic == "sms").unwrap();
        assert!(row.state.word() == state && row.what.contains(what), "{}", row.what);
    }
    let none = rows(&loaded(&[]));
    assert!(["sms", "calls"].iter().all(|topic| none.iter().any(|row| row.topic == *topic && row.what == "none")));
}
