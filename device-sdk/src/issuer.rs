//! The address of a Nod server, which is also its name.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};

/// An issuer identifier: `https`, or `http` on this very machine, without query, fragment and
/// user name, and without a slash at its end (one there is dropped).
///
/// The text is kept as it was given, because issuers are compared as strings
/// [OpenID Connect Discovery §4.3]; the URL parser only judges it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Issuer(String);

/// Why a text is no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnIssuer {
    #[error("not an absolute URL of a host, without query, fragment and user name")]
    Malformed,
    #[error("not https: plain http is for this machine alone")]
    Insecure,
}

impl Issuer {
    pub fn parse(text: &str) -> Result<Self, NotAnIssuer> {
        let text = text.strip_suffix('/').unwrap_or(text);
        // The parser drops line breaks and turns a backslash into a slash. What it would have to
        // repair is refused, so that the text means to a reader what it means to the parser.
        if text.ends_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(NotAnIssuer::Malformed);
        }
        let url = Url::parse(text).map_err(|_| NotAnIssuer::Malformed)?;
        let host = url.host().ok_or(NotAnIssuer::Malformed)?;
        let named = !url.username().is_empty() || url.password().is_some();
        if named || text.contains(['?', '#', '@']) {
            return Err(NotAnIssuer::Malformed);
        }
        match url.scheme() {
            "https" => Ok(Self(text.to_owned())),
            "http" if is_loopback(&host) => Ok(Self(text.to_owned())),
            _ => Err(NotAnIssuer::Insecure),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host with its port: what a person can be shown before pairing.
    pub fn authority(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or("", |(_, rest)| rest);
        after_scheme.split('/').next().unwrap_or("")
    }

    /// The URL of one call of the device API; `path` begins with a slash.
    pub fn device_url(&self, path: &str) -> String {
        format!("{}/device/v1{path}", self.0)
    }

    pub fn is_https(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.scheme() == "https")
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

impl FromStr for Issuer {
    type Err = NotAnIssuer;

    fn from_str(text: &str) -> Result<Self, NotAnIssuer> {
        Self::parse(text)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Issuer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example:8443/tenant/a",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:8080",
            "http://localhost:9000",
        ] {
            assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
        }
        for insecure in ["http://id.example", "http://10.0.0.1", "http://localhost.example", "ftp://id.example"] {
            assert_eq!(Issuer::parse(insecure), Err(NotAnIssuer::Insecure), "{insecure}");
        }
        for malformed in [
            "",
            "id.example",
            "https://",
            "https://id.example//",
            "https://id.example?x=1",
            "https://id.example?",
            "https://id.example#",
            "https://alice@id.example",
            "https://@id.example",
            "http://127.0.0.1\\@id.example",
            "http://127.0.0.1\\.id.example",
            "https://id.exa\nmple",
            " https://id.example",
            "mailto:alice@id.example",
        ] {
            assert_eq!(Issuer::parse(malformed), Err(NotAnIssuer::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_slash_at_the_end_is_dropped() {
        let issuer = Issuer::parse("https://id.example:8443/a/").unwrap();
        assert_eq!(issuer.as_str(), "https://id.example:8443/a");
        assert_eq!(issuer.authority(), "id.example:8443");
        assert_eq!(issuer.device_url("/me"), "https://id.example:8443/a/device/v1/me");
    }
}
