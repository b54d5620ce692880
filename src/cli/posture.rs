//! What the settings mean for security, in one table.

use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::config::{Given, Loaded, Origin, SETTINGS, UnknownUser};

pub(super) fn show(loaded: &Loaded, format: Format) -> Result<(), Exit> {
    let mut listing = Listing::new(&["topic", "state", "what"]);
    for (topic, state, what) in rows(loaded) {
        listing.row(json!({ "topic": topic, "state": state.word(), "what": what }));
    }
    listing.print(format)
}

/// What is permitted and yet not what one would want.
pub(super) fn warnings(loaded: &Loaded) -> Vec<String> {
    let rows = rows(loaded).into_iter().filter(|(_, state, _)| *state == State::Weak);
    rows.map(|(topic, _, what)| format!("{topic}: {what}")).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Weak,
    Refused,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Weak => "weak",
            Self::Refused => "refused",
        }
    }
}

type Row = (&'static str, State, String);

fn rows(loaded: &Loaded) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![issuer(loaded), tls(loaded), certificates(loaded), ops(loaded), stores(loaded)];
    rows.extend([ephemeral(loaded), master_key(loaded), limits(loaded), tokens(loaded), outbound(loaded)]);
    rows.push(match loaded.config.ciba.unknown_user {
        UnknownUser::Strict => ("unknown users", State::Good, "clients learn who exists (strict)".to_owned()),
        UnknownUser::Uniform => ("unknown users", State::Good, "no client learns who exists (uniform)".to_owned()),
    });
    rows.extend(inline_passwords(loaded));
    rows.extend(dangers(loaded).map(|key| ("override", State::Weak, format!("{key} is set"))));
    rows.extend(
        loaded
            .refusals
            .iter()
            .map(|problem| ("nod serve", State::Refused, format!("{}: {}", problem.code.as_str(), problem.message))),
    );
    rows
}

fn issuer(loaded: &Loaded) -> Row {
    let issuer = loaded.config.issuer.clone();
    let state = if issuer.starts_with("https://") { State::Good } else { State::Weak };
    ("issuer", state, issuer)
}

fn tls(loaded: &Loaded) -> Row {
    let config = &loaded.config;
    if config.tls.cert.is_some() {
        return ("tls", State::Good, "by the server: 1.3, and 1.2 with the suites of FAPI".to_owned());
    }
    if config.danger.plain_http {
        return ("tls", State::Weak, "none: plain HTTP is answered, whoever it comes from".to_owned());
    }
    let trusted: Vec<_> = config.proxy.trusted.iter().map(ToString::to_string).collect();
    if trusted.is_empty() {
        return ("tls", State::Weak, "none: requests of this machine alone are answered".to_owned());
    }
    let everybody = config.proxy.trusted.iter().any(|network| network.prefix_len() == 0);
    let state = if everybody { State::Weak } else { State::Good };
    ("tls", state, format!("by a proxy in {}, whose X-Forwarded-For and -Proto are believed", trusted.join(", ")))
}

fn certificates(loaded: &Loaded) -> Row {
    let header = loaded.config.proxy.certificate_header.as_ref();
    let proxies = header.map(|header| format!("as a trusted proxy writes them into {header}"));
    let port = loaded.config.mtls.listen.map(|port| format!("asked for at {port}"));
    let ways: Vec<_> = port.into_iter().chain(proxies).collect();
    let what = if ways.is_empty() { "none get here".to_owned() } else { ways.join("; ") };
    ("certificates", State::Good, what)
}

fn ops(loaded: &Loaded) -> Row {
    let ops = loaded.config.listen.ops;
    let state = if ops.ip().is_loopback() { State::Good } else { State::Weak };
    let reach = if state == State::Good { "from this machine alone" } else { "from the network, without TLS" };
    ("operations", state, format!("health at {ops}, {reach}"))
}

fn stores(loaded: &Loaded) -> Row {
    let url = loaded.secrets.database_url.expose();
    let what = if url.starts_with("sqlite:") { "SQLite on this machine" } else { "PostgreSQL" };
    ("database", State::Good, format!("{what}; secrets in it are digests, or sealed by the master key"))
}

fn ephemeral(loaded: &Loaded) -> Row {
    let what = if loaded.secrets.redis_url.is_some() { "Redis" } else { "beside the database, for one node" };
    ("pending", State::Good, what.to_owned())
}

fn master_key(loaded: &Loaded) -> Row {
    let keys = &loaded.config.keys;
    let what = match (&keys.master_key_file, &keys.master_key_env) {
        (Some(file), _) => format!("from the file {}", file.display()),
        (None, Some(name)) => format!("from the environment, {name}"),
        (None, None) => "from the environment".to_owned(),
    };
    ("master key", State::Good, what)
}

fn limits(loaded: &Loaded) -> Row {
    let limits = &loaded.config.limits;
    let state =
        if limits.requests_per_user > 20 || limits.failed_authentications > 100 { State::Weak } else { State::Good };
    let what = format!(
        "{} questions a person, {} from one client; {} failed authentications a minute; {} connections an address",
        limits.requests_per_user,
        limits.requests_per_client_and_user,
        limits.failed_authentications,
        limits.connections_per_ip
    );
    ("limits", state, what)
}

fn tokens(loaded: &Loaded) -> Row {
    let tokens = &loaded.config.tokens;
    let state = if tokens.access.as_secs() > 3600 { State::Weak } else { State::Good };
    let days = tokens.refresh_absolute.as_secs() / 86_400;
    ("tokens", state, format!("access tokens live {} s, chains of refresh tokens {days} days", tokens.access.as_secs()))
}

fn outbound(loaded: &Loaded) -> Row {
    let allowed: Vec<_> = loaded.config.outbound.allow.iter().map(ToString::to_string).collect();
    if allowed.is_empty() {
        return ("outbound", State::Good, "https to public addresses alone".to_owned());
    }
    ("outbound", State::Weak, format!("clients may make the server call {}", allowed.join(", ")))
}

fn inline_passwords(loaded: &Loaded) -> Vec<Row> {
    let mut rows = Vec::new();
    for key in ["database.url", "ephemeral.url"] {
        let Some(entry) = loaded.values.entry(key) else { continue };
        let (Origin::File(place), Given::Secret(url)) = (&entry.origin, &entry.given) else { continue };
        if url::Url::parse(url.expose()).is_ok_and(|url| url.password().is_some()) {
            let what = format!("{key} has a password in {}: {key}_file keeps it apart", place.file.display());
            rows.push(("secrets", State::Weak, what));
        }
    }
    rows
}

/// The overrides that are set.
pub(super) fn dangers(loaded: &Loaded) -> impl Iterator<Item = &'static str> {
    let dangers = SETTINGS.iter().map(|setting| setting.key).filter(|key| key.starts_with("danger."));
    dangers.filter(|key| loaded.values.entry(key).is_some_and(|entry| matches!(entry.given, Given::Switch(true))))
}
