//! What the settings mean for security, in one table.

mod demands;
mod people;
#[cfg(test)]
mod tests;

use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::serve::profiles;
use crate::config::{Given, Loaded, Origin, SETTINGS, UnknownUser};

pub(super) fn show(loaded: &Loaded, format: Format) -> Result<(), Exit> {
    let mut listing = Listing::new(&["topic", "state", "what", "origin"]);
    for row in rows(loaded) {
        let (topic, state, origins) = (row.topic, row.state.word(), row.origins(loaded));
        let origin = if format.is_json() {
            let origins = origins.into_iter().map(|(key, origin)| json!({ "key": key, "origin": origin.json() }));
            origins.collect::<Vec<_>>().into()
        } else {
            told(&origins)
        };
        listing.row(json!({ "topic": topic, "state": state, "what": row.what, "origin": origin }));
    }
    listing.print(format)
}

/// What is permitted and yet not what one would want.
pub(super) fn warnings(loaded: &Loaded) -> Vec<String> {
    let rows = rows(loaded).into_iter().filter(|row| row.state == State::Weak);
    rows.map(|row| format!("{}: {}", row.topic, row.what)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// As each client is registered.
    Open,
    Weak,
    Refused,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Open => "open",
            Self::Weak => "weak",
            Self::Refused => "refused",
        }
    }
}

struct Row {
    topic: &'static str,
    state: State,
    what: String,
    /// The settings that say so.
    keys: &'static [&'static str],
}

impl Row {
    fn new(topic: &'static str, state: State, what: impl Into<String>, keys: &'static [&'static str]) -> Self {
        Self { topic, state, what: what.into(), keys }
    }

    /// Those of its settings that somebody has set.
    fn origins<'a>(&self, loaded: &'a Loaded) -> Vec<(&'static str, &'a Origin)> {
        let entries = self.keys.iter().filter_map(|key| Some((*key, &loaded.values.entry(key)?.origin)));
        entries.filter(|(_, origin)| **origin != Origin::Default).collect()
    }
}

fn told(origins: &[(&str, &Origin)]) -> serde_json::Value {
    if origins.is_empty() {
        return "default".into();
    }
    origins.iter().map(|(key, origin)| format!("{key} ({origin})")).collect::<Vec<_>>().join(", ").into()
}

fn rows(loaded: &Loaded) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![issuer(loaded), tls(loaded), certificates(loaded), ops(loaded), stores(loaded)];
    rows.extend([ephemeral(loaded), master_key(loaded), signing_keys(loaded)]);
    rows.extend([limits(loaded), tokens(loaded), outbound(loaded)]);
    let what = match loaded.config.ciba.unknown_user {
        UnknownUser::Strict => "clients learn who exists (strict)",
        UnknownUser::Uniform => "no client learns who exists (uniform)",
    };
    rows.push(Row::new("unknown users", State::Good, what, &["ciba.unknown_user"]));
    rows.extend(people::rows(loaded));
    rows.extend(demands::rows(loaded));
    rows.extend(inline_passwords(loaded));
    rows.extend(dangers(loaded).map(|key| Row::new("override", State::Weak, format!("{key} is set"), &[])));
    rows.extend(loaded.refusals.iter().map(|problem| {
        let what = format!("{}: {}", problem.code.as_str(), problem.message);
        Row::new("nod serve", State::Refused, what, &[])
    }));
    rows
}

fn issuer(loaded: &Loaded) -> Row {
    let issuer = loaded.config.issuer.clone();
    let state = if issuer.starts_with("https://") { State::Good } else { State::Weak };
    Row::new("issuer", state, issuer, &["issuer"])
}

fn tls(loaded: &Loaded) -> Row {
    let config = &loaded.config;
    let keys = &["tls.cert", "tls.key", "proxy.trusted", "danger.plain_http"];
    let row = |state, what: String| Row::new("tls", state, what, keys);
    if config.tls.cert.is_some() {
        return row(State::Good, "by the server: 1.3, and 1.2 with the suites of FAPI".to_owned());
    }
    if config.danger.plain_http {
        return row(State::Weak, "none: plain HTTP is answered, whoever it comes from".to_owned());
    }
    let trusted: Vec<_> = config.proxy.trusted.iter().map(ToString::to_string).collect();
    if trusted.is_empty() {
        return row(State::Weak, "none: requests of this machine alone are answered".to_owned());
    }
    let everybody = config.proxy.trusted.iter().any(|network| network.prefix_len() == 0);
    let state = if everybody { State::Weak } else { State::Good };
    row(state, format!("by a proxy in {}, whose X-Forwarded-For and -Proto are believed", trusted.join(", ")))
}

fn certificates(loaded: &Loaded) -> Row {
    let header = loaded.config.proxy.certificate_header.as_ref();
    let proxies = header.map(|header| format!("as a trusted proxy writes them into {header}"));
    let mtls = &loaded.config.mtls;
    let port = mtls.listen.map(|port| format!("asked for at {port}"));
    let ways: Vec<_> = port.into_iter().chain(proxies).collect();
    let what = match (ways.as_slice(), &mtls.authorities) {
        ([], _) => "none get here".to_owned(),
        (ways, None) => format!("{}; no authority is trusted, only keys of clients", ways.join("; ")),
        (ways, Some(file)) => format!("{}; trusted are the authorities in {}", ways.join("; "), file.display()),
    };
    let keys =
        &["mtls.listen", "mtls.address", "mtls.authorities", "proxy.certificate_header", "proxy.certificate_format"];
    Row::new("certificates", State::Good, what, keys)
}

fn ops(loaded: &Loaded) -> Row {
    let ops = loaded.config.listen.ops;
    let state = if ops.ip().is_loopback() { State::Good } else { State::Weak };
    let reach = if state == State::Good { "from this machine alone" } else { "from the network, without TLS" };
    Row::new("operations", state, format!("health at {ops}, {reach}"), &["listen.ops"])
}

fn stores(loaded: &Loaded) -> Row {
    let url = loaded.secrets.database_url.expose();
    let what = if url.starts_with("sqlite:") { "SQLite on this machine" } else { "PostgreSQL" };
    let what = format!("{what}; secrets in it are digests, or sealed by the master key");
    Row::new("database", State::Good, what, &["database.url", "database.url_file"])
}

fn ephemeral(loaded: &Loaded) -> Row {
    let what = if loaded.secrets.redis_url.is_some() { "Redis" } else { "beside the database, for one node" };
    Row::new("pending", State::Good, what, &["ephemeral.url", "ephemeral.url_file"])
}

fn master_key(loaded: &Loaded) -> Row {
    let keys = &loaded.config.keys;
    let what = match (&keys.master_key_file, &keys.master_key_env) {
        (Some(file), _) => format!("from the file {}", file.display()),
        (None, Some(name)) => format!("from the environment, {name}"),
        (None, None) => "from the environment".to_owned(),
    };
    let all = &["keys.master_key", "keys.master_key_file", "keys.master_key_env"];
    Row::new("master key", State::Good, what, all)
}

fn signing_keys(loaded: &Loaded) -> Row {
    let keys = &loaded.config.keys;
    let days = |time: std::time::Duration| time.as_secs() / 86_400;
    let state = if days(keys.rotate_after) > 400 { State::Weak } else { State::Good };
    let what = format!(
        "replaced after {} days, published {} before and {} after",
        days(keys.rotate_after),
        days(keys.announce_before),
        days(keys.retire_after)
    );
    Row::new("signing keys", state, what, &["keys.rotate_after", "keys.announce_before", "keys.retire_after"])
}

fn limits(loaded: &Loaded) -> Row {
    let limits = &loaded.config.limits;
    let many = limits.requests_per_user > 20 || limits.questions_per_user > 200 || limits.failed_authentications > 100;
    let state = if many { State::Weak } else { State::Good };
    let what = format!(
        "{} questions a person, {} from one client, {} in an hour; {} failed authentications a minute; {} connections an address",
        limits.requests_per_user,
        limits.requests_per_client_and_user,
        limits.questions_per_user,
        limits.failed_authentications,
        limits.connections_per_ip
    );
    let all = &[
        "limits.requests_per_user",
        "limits.requests_per_client_and_user",
        "limits.questions_per_user",
        "limits.failed_authentications",
        "limits.connections_per_ip",
    ];
    Row::new("limits", state, what, all)
}

fn tokens(loaded: &Loaded) -> Row {
    let tokens = &loaded.config.tokens;
    let access = tokens.access.min(profiles(&loaded.config).of_all().access_lifetime);
    let longest = access.max(tokens.id);
    let state = if longest.as_secs() > 3600 { State::Weak } else { State::Good };
    let (idle, days) = (tokens.refresh_idle.as_secs() / 86_400, tokens.refresh_absolute.as_secs() / 86_400);
    let what = format!(
        "access tokens live {} s, ID tokens {} s, chains of refresh tokens {days} days, {idle} of them unused",
        access.as_secs(),
        tokens.id.as_secs()
    );
    let cut: &[&str] = &["profile", "tokens.id", "tokens.refresh_idle", "tokens.refresh_absolute"];
    let own: &[&str] = &["tokens.access", "tokens.id", "tokens.refresh_idle", "tokens.refresh_absolute"];
    Row::new("tokens", state, what, if access < tokens.access { cut } else { own })
}

fn outbound(loaded: &Loaded) -> Row {
    let outbound = &loaded.config.outbound;
    let keys = &["outbound.allow", "outbound.extra_ca"];
    let allowed: Vec<_> = outbound.allow.iter().map(ToString::to_string).collect();
    let (state, mut what) = if allowed.is_empty() {
        (State::Good, "https to public addresses alone".to_owned())
    } else {
        (State::Weak, format!("clients may make the server call {}", allowed.join(", ")))
    };
    if let Some(file) = &outbound.extra_ca {
        what = format!("{what}; trusted are the authorities in {} too", file.display());
    }
    Row::new("outbound", state, what, keys)
}

/// Where a password may stand among what everybody who works on the server reads.
const INLINE: [&[&str; 1]; 5] =
    [&["database.url"], &["ephemeral.url"], &["mail.password"], &["sms.secret"], &["voice.secret"]];

fn inline_passwords(loaded: &Loaded) -> Vec<Row> {
    let mut rows = Vec::new();
    for keys @ [key] in INLINE {
        let Some(entry) = loaded.values.entry(key) else { continue };
        let (Origin::File(place), Given::Secret(url)) = (&entry.origin, &entry.given) else { continue };
        if !["database.url", "ephemeral.url"].contains(key)
            || url::Url::parse(url.expose()).is_ok_and(|url| url.password().is_some())
        {
            let what = format!("{key} has a password in {}: {key}_file keeps it apart", place.file.display());
            rows.push(Row::new("secrets", State::Weak, what, keys));
        }
    }
    rows
}

/// The overrides that are set.
pub(super) fn dangers(loaded: &Loaded) -> impl Iterator<Item = &'static str> {
    let dangers = SETTINGS.iter().map(|setting| setting.key).filter(|key| key.starts_with("danger."));
    dangers.filter(|key| loaded.values.entry(key).is_some_and(|entry| matches!(entry.given, Given::Switch(true))))
}
