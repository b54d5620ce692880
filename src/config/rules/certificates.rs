//! How client certificates get here.

use std::net::SocketAddr;

use http::HeaderName;
use url::Url;

use super::{Code, Problem, Values};

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    [listener, address, header].iter().filter_map(|rule| rule(values)).collect()
}

fn problem(values: &Values, key: &str, message: &str) -> Problem {
    Problem::new(Code::Certificates, message).at(values.origin(key))
}

fn listener(values: &Values) -> Option<Problem> {
    let own: SocketAddr = values.get("mtls.listen")?;
    let problem = |message| Some(problem(values, "mtls.listen", message));
    let other = |key| values.get::<SocketAddr>(key).is_some_and(|other| other == own && own.port() != 0);
    if other("listen.public") || other("listen.ops") {
        return problem("mtls.listen is another listener's address").map(|one| one.help("give it a port of its own"));
    }
    if values.entry("tls.cert").is_none() {
        let help = "set tls.cert and tls.key; behind a proxy that speaks TLS, set proxy.certificate_header instead";
        return problem("mtls.listen speaks TLS, and tls is not set").map(|one| one.help(help));
    }
    if values.entry("mtls.address").is_none() {
        let help = "for example https://mtls.id.example.com:8444";
        return problem("mtls.listen is set and mtls.address is not").map(|one| one.help(help));
    }
    None
}

fn address(values: &Values) -> Option<Problem> {
    let text: String = values.get("mtls.address")?;
    let problem = |message| Some(problem(values, "mtls.address", message));
    let base = Url::parse(&text).ok().filter(|url| {
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        url.scheme() == "https" && bare && url.password().is_none() && !text.ends_with('/')
    });
    if base.is_none() {
        let help = "https, without query, fragment and trailing slash: https://mtls.id.example.com:8444";
        return problem("mtls.address is no base address").map(|one| one.help(help));
    }
    if values.entry("mtls.listen").is_none() && values.entry("proxy.certificate_header").is_none() {
        let help = "set mtls.listen, or proxy.certificate_header";
        return problem("nobody gets a certificate from mtls.address").map(|one| one.help(help));
    }
    None
}

fn header(values: &Values) -> Option<Problem> {
    const KEY: &str = "proxy.certificate_header";
    let name: String = values.get(KEY)?;
    // A name that means something else would be taken off requests that need it.
    let ours = ["authorization", "dpop", "host", "content-type", "content-length", "cookie", "accept"];
    let header = HeaderName::try_from(&name).ok().filter(|name| !ours.contains(&name.as_str()));
    if header.is_none() {
        return Some(problem(values, KEY, "proxy.certificate_header is no name for such a header").help("Client-Cert"));
    }
    let trusted: Vec<ipnet::IpNet> = values.get("proxy.trusted")?;
    trusted.is_empty().then(|| {
        let help = "name the proxies in proxy.trusted: nobody else is believed";
        problem(values, KEY, "proxy.certificate_header is set and proxy.trusted is empty").help(help)
    })
}
