//! What stands between strangers and people: who may become a client, who may name people, what a password costs,
//! how often anybody may try.

use std::path::Path;

use super::{Row, State};
use crate::config::{Loaded, MailSecurity, RecoveryMeans, RegistrationMode, TextSender};
use crate::protocol::phone_number::Country;

pub(super) fn rows(loaded: &Loaded) -> Vec<Row> {
    vec![
        registration(loaded),
        statements(loaded),
        hint_tokens(loaded),
        questions(loaded),
        passwords(loaded),
        tries(loaded),
        flows(loaded),
        devices(loaded),
        mail(loaded),
        sms(loaded),
        calls(loaded),
        session_management(loaded),
    ]
}

fn registration(loaded: &Loaded) -> Row {
    let (state, what) = match loaded.config.registration.mode {
        RegistrationMode::Off => (State::Good, "off: operators make clients"),
        RegistrationMode::Token => (State::Good, "with an initial access token (token)"),
        RegistrationMode::Open => (State::Weak, "whoever asks becomes a client (open)"),
    };
    Row::new("registration", state, what, &["registration.mode"])
}

/// Whose word counts.
fn word_of(file: Option<&Path>, nobody: &str) -> String {
    file.map_or_else(|| nobody.to_owned(), |file| format!("of the issuers in {}", file.display()))
}

fn statements(loaded: &Loaded) -> Row {
    let file = loaded.config.registration.software_statement_issuers.as_deref();
    let what = word_of(file, "of nobody: none is believed");
    Row::new("software statements", State::Good, what, &["registration.software_statement_issuers"])
}

fn hint_tokens(loaded: &Loaded) -> Row {
    let file = loaded.config.ciba.login_hint_token_issuers.as_deref();
    let what = format!("{}, besides clients for themselves", word_of(file, "of nobody"));
    Row::new("hint tokens", State::Good, what, &["ciba.login_hint_token_issuers"])
}

/// Longer than this, a code that somebody reads off a screen or a paper is there for others too.
const LONG: u64 = 3600;

fn questions(loaded: &Loaded) -> Row {
    let ciba = &loaded.config.ciba;
    let state = if ciba.max_expiry.as_secs() > LONG { State::Weak } else { State::Good };
    let (default, max) = (ciba.default_expiry.as_secs(), ciba.max_expiry.as_secs());
    let what = format!("wait {default} s for an answer, {max} s at most");
    Row::new("questions", state, what, &["ciba.default_expiry", "ciba.max_expiry"])
}

/// Weaker ones than OWASP has are refused (`config/rules.rs`).
fn passwords(loaded: &Loaded) -> Row {
    let passwords = &loaded.config.passwords;
    let what = format!("Argon2id, {} KiB, {} over it", passwords.memory, passwords.iterations);
    Row::new("passwords", State::Good, what, &["passwords.memory", "passwords.iterations"])
}

fn tries(loaded: &Loaded) -> Row {
    let limits = &loaded.config.limits;
    let many =
        limits.password_tries > 200 || limits.recoveries > 100 || limits.otps > 200 || limits.registrations > 1000;
    let what = format!(
        "from one network {} with a password a minute, {} letters, {} texts and calls and {} registrations an hour",
        limits.password_tries, limits.recoveries, limits.otps, limits.registrations
    );
    let keys = &["limits.password_tries", "limits.recoveries", "limits.otps", "limits.registrations"];
    Row::new("tries", if many { State::Weak } else { State::Good }, what, keys)
}

fn flows(loaded: &Loaded) -> Row {
    let limits = &loaded.config.limits;
    let many = limits.flows > 1000 || limits.flow_misses > 1000 || limits.flows_per_browser > 200;
    let what = format!(
        "from one network {} begin a minute, and {} are missed; {} wait in one browser",
        limits.flows, limits.flow_misses, limits.flows_per_browser
    );
    let keys = &["limits.flows", "limits.flow_misses", "limits.flows_per_browser"];
    Row::new("flows", if many { State::Weak } else { State::Good }, what, keys)
}

fn devices(loaded: &Loaded) -> Row {
    let devices = &loaded.config.devices;
    let lifetime = devices.pairing_key_lifetime.as_secs();
    let state = if devices.max_per_user > 10 || lifetime > LONG { State::Weak } else { State::Good };
    let what = format!("{} a person; a pairing key works {lifetime} s, once", devices.max_per_user);
    Row::new("devices", state, what, &["devices.max_per_user", "devices.pairing_key_lifetime"])
}

fn mail(loaded: &Loaded) -> Row {
    let mail = &loaded.config.mail;
    let keys = &["mail.host", "mail.security", "mail.recovery"];
    let Some(host) = &mail.host else {
        return Row::new("mail", State::Good, "none: nobody gets over a forgotten password by themselves", keys);
    };
    // In the clear to another machine is refused (`config/rules/mail.rs`).
    let how = match mail.security {
        MailSecurity::StartTls => "encrypted before anything is said (starttls)",
        MailSecurity::Tls => "encrypted from the first byte (tls)",
        MailSecurity::Nothing => "in the clear, on this machine (none)",
    };
    let means = match mail.recovery {
        RecoveryMeans::Both => "a code and a link",
        RecoveryMeans::Code => "a code",
        RecoveryMeans::Link => "a link",
    };
    Row::new("mail", State::Good, format!("to {host}, {how}; who forgot a password gets {means}"), keys)
}

const SMS: &[&str] = &["sms.sender", "sms.url", "sms.account", "sms.from", "sms.countries", "sms.per_day"];
const CALLS: &[&str] =
    &["voice.sender", "voice.url", "voice.account", "voice.from", "voice.countries", "voice.per_day"];

fn sms(loaded: &Loaded) -> Row {
    let sms = &loaded.config.sms;
    texts("sms", (sms.sender, &sms.countries, sms.per_day), SMS)
}

fn calls(loaded: &Loaded) -> Row {
    let voice = &loaded.config.voice;
    texts("calls", (voice.sender, &voice.countries, voice.per_day), CALLS)
}

/// Weaker than all else that people have, and it costs money: weak where it goes far, or often.
fn texts(
    topic: &'static str,
    (sender, countries, per_day): (Option<TextSender>, &[Country], u32),
    keys: &'static [&'static str],
) -> Row {
    let by = match sender {
        None => return Row::new(topic, State::Good, "none", keys),
        Some(TextSender::Webhook) => "by a signed webhook",
        Some(TextSender::Twilio) => "by Twilio",
    };
    let named: Vec<&str> = countries.iter().map(|country| country.as_str()).collect();
    let whereto = if named.is_empty() { "nowhere: no country is allowed".to_owned() } else { named.join(", ") };
    let state = if named.len() > 30 || per_day > 100_000 { State::Weak } else { State::Good };
    Row::new(topic, state, format!("{by}, {per_day} a day at most, to {whereto}"), keys)
}

fn session_management(loaded: &Loaded) -> Row {
    let what = if loaded.config.authorization.session_management {
        "on: pages of clients learn in a frame of ours whether a session holds"
    } else {
        "off"
    };
    Row::new("session management", State::Good, what, &["authorization.session_management"])
}
