//! What settings must fulfil together.

mod certificates;
mod devices;
mod mail;
mod texts;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::problem::{Code, Problem};
use super::values::Values;

/// Looks at each rule, whatever the others find.
pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let rules = [issuer, expiry, interval, long_poll, tls, listeners, retire_after, hash_cost];
    let one_by_one = rules.iter().filter_map(|rule| rule(values));
    let of_parts =
        [certificates::problems(values), devices::problems(values), mail::problems(values), texts::problems(values)];
    one_by_one.chain(of_parts.into_iter().flatten()).collect()
}

fn issuer(values: &Values) -> Option<Problem> {
    let text: String = values.get("issuer")?;
    let problem = |message: &str| Problem::new(Code::Issuer, message).at(values.origin("issuer"));
    let help = "for example https://id.example.com";
    let Ok(url) = url::Url::parse(&text) else { return Some(problem("issuer is no URL").help(help)) };
    if url.query().is_some() || url.fragment().is_some() || text.ends_with('/') {
        return Some(problem("issuer has a query, a fragment or a trailing slash").help(help));
    }
    if !matches!(url.scheme(), "https" | "http") {
        return Some(problem("issuer is not https").help(help));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some(problem("issuer holds a name or a password").help(help));
    }
    None
}

fn expiry(values: &Values) -> Option<Problem> {
    let (default, max): (Duration, Duration) = (values.get("ciba.default_expiry")?, values.get("ciba.max_expiry")?);
    if max >= default {
        return None;
    }
    let problem = Problem::new(Code::Expiry, "ciba.max_expiry is shorter than ciba.default_expiry");
    let help = format!("raise ciba.max_expiry to {}s at least, or lower ciba.default_expiry", default.as_secs());
    Some(problem.at(values.origin("ciba.max_expiry")).help(help))
}

fn interval(values: &Values) -> Option<Problem> {
    let interval: Duration = values.get("ciba.interval")?;
    if (1..=60).contains(&interval.as_secs()) && interval.subsec_nanos() == 0 {
        return None;
    }
    let problem = Problem::new(Code::Interval, "ciba.interval is not 1 to 60 whole seconds");
    Some(problem.at(values.origin("ciba.interval")).help("usual are 2s to 5s"))
}

fn long_poll(values: &Values) -> Option<Problem> {
    let hold: Duration = values.get("ciba.long_poll")?;
    if hold <= Duration::from_secs(25) {
        return None;
    }
    let problem = Problem::new(Code::LongPoll, "ciba.long_poll is longer than 25s");
    Some(problem.at(values.origin("ciba.long_poll")).help("usual clients give up after 30s"))
}

fn tls(values: &Values) -> Option<Problem> {
    let (cert, key): (Option<PathBuf>, Option<PathBuf>) = (values.get("tls.cert"), values.get("tls.key"));
    match (cert, key) {
        (Some(_), Some(_)) => None,
        (Some(_), None) | (None, Some(_)) => {
            let (there, missing) =
                if values.entry("tls.cert").is_some() { ("tls.cert", "tls.key") } else { ("tls.key", "tls.cert") };
            let problem = Problem::new(Code::HalfTls, format!("{there} is set and {missing} is not"));
            Some(problem.at(values.origin(there)).help(format!("set {missing} too, or none of them")))
        }
        (None, None) => {
            let trusted: Vec<IpNet> = values.get("proxy.trusted")?;
            let https = values.get::<String>("issuer").is_none_or(|issuer| issuer.starts_with("https://"));
            // Behind a proxy that is not named, the whole world would have the proxy's address.
            let problem = Problem::new(Code::NoTls, "neither tls nor proxy.trusted is set");
            (trusted.is_empty() && https)
                .then(|| problem.help("set tls.cert and tls.key, or name the proxy that speaks TLS in proxy.trusted"))
        }
    }
}

fn listeners(values: &Values) -> Option<Problem> {
    let (public, ops): (SocketAddr, SocketAddr) = (values.get("listen.public")?, values.get("listen.ops")?);
    let problem = || Problem::new(Code::SameListener, "listen.public and listen.ops are the same");
    (public == ops && public.port() != 0)
        .then(|| problem().at(values.origin("listen.ops")).help("give listen.ops a port of its own"))
}

fn retire_after(values: &Values) -> Option<Problem> {
    let retire: Duration = values.get("keys.retire_after")?;
    let (access, id): (Duration, Duration) = (values.get("tokens.access")?, values.get("tokens.id")?);
    let problem = || Problem::new(Code::RetireAfter, "keys.retire_after is shorter than tokens live");
    let help = format!("{}s at least: what was signed must be verifiable to its end", access.max(id).as_secs());
    (retire < access.max(id)).then(|| problem().at(values.origin("keys.retire_after")).help(help))
}

/// [OWASP Password Storage] KiB and iterations of Argon2id that it calls equal.
const ENOUGH: [(u32, u32); 2] = [(47_104, 1), (19_456, 2)];

/// More was a slip of the finger: a node would have no memory for anything else.
const MOST: (u32, u32) = (1 << 21, 64);

fn hash_cost(values: &Values) -> Option<Problem> {
    let (memory, iterations): (u32, u32) = (values.get("passwords.memory")?, values.get("passwords.iterations")?);
    let enough = ENOUGH.iter().any(|least| memory >= least.0 && iterations >= least.1);
    let within = memory <= MOST.0 && iterations <= MOST.1;
    let problem = |message: &str| Problem::new(Code::HashCost, message).at(values.origin("passwords.memory"));
    match (enough, within) {
        (true, true) => None,
        (false, _) => {
            let help = "47104 with passwords.iterations = 1, or 19456 with 2, at least";
            Some(problem("passwords are hashed too cheaply").help(help))
        }
        (true, false) => Some(problem("no node hashes passwords at that cost").help("2097152 and 64 at most")),
    }
}
