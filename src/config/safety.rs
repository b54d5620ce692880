//! What a production server does not start with: as far as the configuration alone tells.

use std::net::IpAddr;

use url::{Host, Url};

use super::problem::{Code, Problem};
use super::secrets::{mode, readable};
use super::{Loaded, environment};

/// The reasons against starting `nod serve`, each with the setting that overrides it, if there is one.
pub(super) fn refusals(loaded: &Loaded) -> Vec<Problem> {
    let mut refusals = Vec::new();
    refusals.extend(issuer(loaded));
    refusals.extend(redis(loaded));
    refusals.extend(postgres(loaded));
    refusals.extend(memory(loaded));
    refusals.extend(files(loaded));
    refusals
}

fn issuer(loaded: &Loaded) -> Option<Problem> {
    let url = Url::parse(&loaded.config.issuer).ok()?;
    if url.scheme() == "https" || is_loopback(&url) {
        return None;
    }
    let problem = Problem::new(Code::PlainIssuer, "issuer is http, and not on this machine");
    Some(problem.at(loaded.values.origin("issuer")).help("make it https; there is no override"))
}

fn redis(loaded: &Loaded) -> Option<Problem> {
    let url = Url::parse(loaded.secrets.redis_url.as_ref()?.expose()).ok()?;
    if url.scheme() != "redis" || is_loopback(&url) || loaded.config.danger.plain_redis {
        return None;
    }
    let problem = Problem::new(Code::PlainRedis, "Redis is on another machine, and the connection is not encrypted");
    let at = loaded.values.origin("ephemeral.url").or_else(|| loaded.values.origin("ephemeral.url_file"));
    Some(problem.at(at).help("use rediss://, or set danger.plain_redis"))
}

fn postgres(loaded: &Loaded) -> Option<Problem> {
    let url = Url::parse(loaded.secrets.database_url.expose()).ok()?;
    if !url.scheme().starts_with("postgres") || loaded.config.danger.plain_postgres {
        return None;
    }
    let named = |names: &[&str]| {
        url.query_pairs().filter(|(name, _)| names.contains(&name.as_ref())).map(|(_, value)| value.into_owned()).last()
    };
    let sslmode = named(&["sslmode", "ssl-mode"]).or_else(|| environment("PGSSLMODE"));
    // `prefer`, the default, takes no for an answer.
    let encrypted = sslmode.is_some_and(|mode| ["require", "verify-ca", "verify-full"].contains(&mode.as_str()));
    let here = match named(&["host", "hostaddr"]) {
        Some(host) => host.starts_with('/') || is_loopback_name(&host),
        None => is_loopback(&url),
    };
    if encrypted || here {
        return None;
    }
    let message = "PostgreSQL is on another machine, and the connection need not be encrypted";
    let at = loaded.values.origin("database.url").or_else(|| loaded.values.origin("database.url_file"));
    let help = "add ?sslmode=verify-full to its address, or set danger.plain_postgres";
    Some(Problem::new(Code::PlainPostgres, message).at(at).help(help))
}

fn memory(loaded: &Loaded) -> Option<Problem> {
    let url = loaded.secrets.database_url.expose();
    let in_memory = url.starts_with("sqlite:") && (url.contains(":memory:") || url.contains("mode=memory"));
    let problem = Problem::new(Code::MemoryDatabase, "the database is in memory: it ends with the process");
    let at = loaded.values.origin("database.url").or_else(|| loaded.values.origin("database.url_file"));
    in_memory.then(|| problem.at(at).help("name a file or a PostgreSQL server; there is no override"))
}

/// The master key's file is looked at when it is read.
fn files(loaded: &Loaded) -> Vec<Problem> {
    let config = &loaded.config;
    if config.danger.readable_secrets {
        return Vec::new();
    }
    let secrets = [
        ("database.url_file", config.database.url_file.as_deref()),
        ("ephemeral.url_file", config.ephemeral.url_file.as_deref()),
        ("tls.key", config.tls.key.as_deref()),
    ];
    let world_readable = |file: &std::path::Path| mode(file).is_some_and(|mode| mode & 0o007 != 0);
    let mut refusals: Vec<Problem> = secrets
        .into_iter()
        .filter_map(|(key, file)| Some((key, file?)))
        .filter(|(_, file)| world_readable(file))
        .map(|(key, file)| readable(key, file, loaded.values.origin(key)))
        .collect();
    // A configuration file itself, when an address in it has a password.
    for key in ["database.url", "ephemeral.url"] {
        let Some(entry) = loaded.values.entry(key) else { continue };
        let super::Origin::File(place) = &entry.origin else { continue };
        let super::Given::Text(url) = &entry.given else { continue };
        if Url::parse(url).is_ok_and(|url| url.password().is_some()) && world_readable(&place.file) {
            refusals.push(readable(key, &place.file, Some(entry.origin.clone())));
        }
    }
    refusals
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        // In schemes that the standard does not know, an address is a name like any other.
        Some(Host::Domain(name)) => is_loopback_name(name),
        None => true,
    }
}

fn is_loopback_name(name: &str) -> bool {
    let name = name.trim_matches(['[', ']']);
    name.is_empty()
        || name.starts_with("%2F")
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
