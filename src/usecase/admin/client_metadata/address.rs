//! Addresses of clients that we call: one rule, whoever registers them. A server knows in addition where it may call;
//! a command does not.

use url::{Host, Url};

use crate::outbound::egress::Egress;

pub(super) const LONGEST: usize = 400;

/// Whether we may call an address, as far as that can be told now.
pub(super) fn is_callable(uri: &str, egress: Option<&Egress>) -> bool {
    uri.len() <= LONGEST && Url::parse(uri).is_ok_and(|url| may_be_called(&url, egress))
}

pub(super) fn may_be_called(url: &Url, egress: Option<&Egress>) -> bool {
    is_web(url) && egress.is_none_or(|egress| egress.check_url(url).is_ok())
}

/// https; without TLS on this machine alone, where a server that is set so may call it.
fn is_web(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let bare = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" || url.scheme() == "http" && here) && bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciba_4_a_client_is_called_over_https() {
        for (uri, good) in [
            ("https://shop.example/ping", true),
            ("https://shop.example:8443/ping?x=1", true),
            ("http://127.0.0.1:3000/ping", true),
            ("http://localhost:3000/ping", true),
            ("http://[::1]:3000/ping", true),
            ("http://shop.example/ping", false),
            ("http://127.0.0.1.example/ping", false),
            ("https://shop.example/ping#x", false),
            ("https://a@shop.example/ping", false),
            ("https://:b@shop.example/ping", false),
            ("ftp://shop.example/ping", false),
            ("com.example.app:/ping", false),
            ("/ping", false),
            ("", false),
        ] {
            assert_eq!(is_callable(uri, None), good, "{uri}");
        }
        let long = |length: usize| format!("{:x<length$}", "https://shop.example/");
        assert!(is_callable(&long(400), None) && !is_callable(&long(401), None));
    }
}
