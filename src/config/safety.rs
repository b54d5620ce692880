//! What a production server does not start with: as far as the configuration alone tells.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use url::{Host, Url};

use super::environment;
use super::origin::Origin;
use super::problem::{Code, Problem};
use super::secrets::Found;
use super::secrets::{mode, readable};
use super::setting::Given;
use super::values::Values;

/// The reasons against starting `nod serve`, each with the setting that overrides it, if there is one.
pub(super) fn refusals(values: &Values, found: &Found) -> Vec<Problem> {
    let mut refusals = Vec::new();
    refusals.extend(issuer(values));
    refusals.extend(listener(values));
    refusals.extend(certificates(values));
    refusals.extend(redis(values, found));
    refusals.extend(postgres(values, found));
    refusals.extend(memory(values, found));
    refusals.extend(files(values));
    refusals
}

fn permitted(values: &Values, danger: &str) -> bool {
    values.get(danger).unwrap_or(false)
}

/// Of a secret, or of the file that holds it.
fn origin(values: &Values, key: &str) -> Option<Origin> {
    values.origin(key).or_else(|| values.origin(&format!("{key}_file")))
}

fn issuer(values: &Values) -> Option<Problem> {
    let url = Url::parse(&values.get::<String>("issuer")?).ok()?;
    if url.scheme() == "https" || is_loopback(&url) {
        return None;
    }
    let problem = Problem::new(Code::PlainIssuer, "issuer is http, and not on this machine");
    Some(problem.at(values.origin("issuer")).help("make it https; there is no override"))
}

/// Without TLS of its own the server is for its proxies. Each request is asked whether it came over one (`http/server.rs`);
/// this is about doors that nobody can use rightly, or everybody wrongly.
fn listener(values: &Values) -> Option<Problem> {
    if values.entry("tls.cert").is_some() || permitted(values, "danger.plain_http") {
        return None;
    }
    let trusted: Vec<IpNet> = values.get("proxy.trusted")?;
    if let Some(all) = trusted.iter().find(|network| network.prefix_len() == 0) {
        let message = format!("proxy.trusted has {all}, so anybody can say to have come over TLS");
        let help = "name the networks of the proxies, or set danger.plain_http";
        return Some(Problem::new(Code::OpenListener, message).at(values.origin("proxy.trusted")).help(help));
    }
    let public: SocketAddr = values.get("listen.public")?;
    let here = |network: &IpNet| network.network().is_loopback() && network.broadcast().is_loopback();
    // With an https issuer and no proxy at all, another rule has said so.
    let plain_issuer = values.get::<String>("issuer").is_some_and(|issuer| issuer.starts_with("http://"));
    let useless = trusted.iter().all(here) && (plain_issuer || !trusted.is_empty());
    if public.ip().to_canonical().is_loopback() || !useless {
        return None;
    }
    let message = "listen.public is open to other machines without TLS, and no proxy on another one is trusted";
    let help = "listen on 127.0.0.1, or set tls.cert and tls.key, or name the proxy in proxy.trusted, or set danger.plain_http";
    Some(Problem::new(Code::OpenListener, message).at(values.origin("listen.public")).help(help))
}

/// Whoever can write the header is every client that is known by its certificate.
fn certificates(values: &Values) -> Option<Problem> {
    values.entry("proxy.certificate_header")?;
    let trusted: Vec<IpNet> = values.get("proxy.trusted")?;
    let all = trusted.iter().find(|network| network.prefix_len() == 0)?;
    let message = format!("proxy.trusted has {all}, so anybody can hand on anybody's certificate");
    let problem = Problem::new(Code::OpenCertificates, message).at(values.origin("proxy.trusted"));
    Some(problem.help("name the networks of the proxies; there is no override"))
}

fn redis(values: &Values, found: &Found) -> Option<Problem> {
    let url = Url::parse(found.ephemeral_url.as_ref()?.expose()).ok()?;
    if url.scheme() != "redis" || is_loopback(&url) || permitted(values, "danger.plain_redis") {
        return None;
    }
    let problem = Problem::new(Code::PlainRedis, "Redis is on another machine, and the connection is not encrypted");
    let at = origin(values, "ephemeral.url");
    Some(problem.at(at).help("use rediss://, or set danger.plain_redis"))
}

fn postgres(values: &Values, found: &Found) -> Option<Problem> {
    let url = Url::parse(found.database_url.as_ref()?.expose()).ok()?;
    if !url.scheme().starts_with("postgres") || permitted(values, "danger.plain_postgres") {
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
    let at = origin(values, "database.url");
    let help = "add ?sslmode=verify-full to its address, or set danger.plain_postgres";
    Some(Problem::new(Code::PlainPostgres, message).at(at).help(help))
}

fn memory(values: &Values, found: &Found) -> Option<Problem> {
    let url = found.database_url.as_ref()?.expose();
    let in_memory = url.starts_with("sqlite:") && (url.contains(":memory:") || url.contains("mode=memory"));
    let problem = Problem::new(Code::MemoryDatabase, "the database is in memory: it ends with the process");
    let at = origin(values, "database.url");
    in_memory.then(|| problem.at(at).help("name a file or a PostgreSQL server; there is no override"))
}

/// The master key's file is looked at when it is read.
fn files(values: &Values) -> Vec<Problem> {
    if permitted(values, "danger.readable_secrets") {
        return Vec::new();
    }
    let secrets = [
        "database.url_file",
        "ephemeral.url_file",
        "mail.password_file",
        "sms.secret_file",
        "voice.secret_file",
        "tls.key",
    ];
    let world_readable = |file: &Path| mode(file).is_some_and(|mode| mode & 0o007 != 0);
    let mut refusals: Vec<Problem> = secrets
        .into_iter()
        .filter_map(|key| Some((key, values.get::<PathBuf>(key)?)))
        .filter(|(_, file)| world_readable(file))
        .map(|(key, file)| readable(key, &file, values.origin(key)))
        .collect();
    // A configuration file itself, when a password is in it, or an address that has one.
    for key in ["database.url", "ephemeral.url", "mail.password", "sms.secret", "voice.secret"] {
        let Some(entry) = values.entry(key) else { continue };
        let Origin::File(place) = &entry.origin else { continue };
        let Given::Secret(url) = &entry.given else { continue };
        let is_password = !["database.url", "ephemeral.url"].contains(&key)
            || Url::parse(url.expose()).is_ok_and(|url| url.password().is_some());
        if is_password && world_readable(&place.file) {
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
