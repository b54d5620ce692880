//! Where an answer of the authorization endpoint may go [RFC 6749 §3.1.2, RFC 9700 §4.1].

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A registered redirection URI, exactly as it was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUri(String);

/// As long as the parameter may be.
const LONGEST: usize = 400;

impl RedirectUri {
    /// `https`, `http` on this machine (native applications, development), or a scheme of an
    /// application's own with a dot in it [RFC 8252 §7.1]; no fragment, no credentials.
    /// `http://localhost:*/...` stands for any port, and for nothing else.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("A redirect URI has at most 400 characters.");
        }
        if !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err("A redirect URI has visible ASCII characters only.");
        }
        let any_port = text.strip_prefix("http://localhost:*").filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let plain = any_port.map(|rest| format!("http://localhost{rest}"));
        let url = Url::parse(plain.as_deref().unwrap_or(text)).map_err(|_| "Not an absolute URI.")?;
        // [OIDCR §2] [RFC 6749 §3.1.2]
        if text.contains('#') {
            return Err("A redirect URI has no fragment.");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("A redirect URI has no credentials.");
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_this_machine(&url) => Ok(()),
            "http" => Err("http is for localhost, 127.0.0.1 and [::1] only."),
            scheme if scheme.contains('.') => Ok(()),
            _ => Err("A scheme of your own is a reversed domain name, such as com.example.app."),
        }?;
        Ok(Self(text.to_owned()))
    }

    /// Simple string comparison [RFC 9700 §4.1.3]. A loopback address may come with another port, which
    /// the application learns only when it runs [RFC 8252 §7.3].
    pub fn accepts(&self, presented: &str) -> bool {
        if self.0 == presented {
            return true;
        }
        ["http://127.0.0.1", "http://[::1]"].into_iter().any(|host| self.accepts_port(host, presented))
            || (self.0.starts_with("http://localhost:*") && self.accepts_port("http://localhost", presented))
    }

    fn accepts_port(&self, host: &str, presented: &str) -> bool {
        let rest = |uri: &str, any: bool| {
            let rest = uri.strip_prefix(host)?;
            let Some(port) = rest.strip_prefix(':') else { return Some(rest.to_owned()) };
            let end = port.find('/').unwrap_or(port.len());
            let (port, path) = port.split_at(end);
            (is_port(port) || (any && port == "*")).then(|| path.to_owned())
        };
        match (rest(&self.0, true), rest(presented, false)) {
            (Some(own), Some(presented)) => own == presented && (own.is_empty() || own.starts_with('/')),
            _ => false,
        }
    }

    /// Whether a page of this origin is where it leads to. That of an application's own scheme is opaque, and is that
    /// of nobody [RFC 6454 §4].
    pub fn is_at(&self, origin: &str) -> bool {
        if let Some(rest) = self.0.strip_prefix("http://localhost:*") {
            return (rest.is_empty() || rest.starts_with('/')) && is_localhost(origin);
        }
        let own = Url::parse(&self.0).map(|url| url.origin());
        own.is_ok_and(|own| own.is_tuple() && own.ascii_serialization() == origin)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn texts(uris: &[Self]) -> Vec<String> {
        uris.iter().map(|uri| uri.0.clone()).collect()
    }
}

/// `http://localhost` with a port, or with none, as an origin is written.
pub(super) fn is_localhost(origin: &str) -> bool {
    let Some(rest) = origin.strip_prefix("http://localhost") else { return false };
    let Some(port) = rest.strip_prefix(':') else { return rest.is_empty() };
    is_port(port)
}

/// A port as it is written: no zeros before it, no sign.
pub(super) fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == text)
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(registered: &str, presented: &str) -> bool {
        RedirectUri::parse(registered).unwrap().accepts(presented)
    }

    #[test]
    fn rfc9700_4_1_3_a_redirect_uri_is_compared_as_text() {
        let registered = "https://shop.example/cb?tenant=1";
        assert!(accepts(registered, registered));
        for variant in [
            "https://shop.example/cb",
            "https://shop.example/cb?tenant=1&x=2",
            "https://shop.example/cb?tenant=2",
            "https://shop.example/cb/?tenant=1",
            "https://shop.example/cb/../cb?tenant=1",
            "https://shop.example/a/..;/cb?tenant=1",
            "https://shop.example/%63b?tenant=1",
            "https://shop.example//cb?tenant=1",
            "https://shop.example\\cb?tenant=1",
            "https://shop.example/cb?tenant=1#f",
            "https://evil@shop.example/cb?tenant=1",
            "https://a@@shop.example/cb?tenant=1",
            "https://shop.example:443/cb?tenant=1",
            "https://shop.example./cb?tenant=1",
            "https://SHOP.example/cb?tenant=1",
            "https://shop.example/cb?tenant=1\n",
            "http://shop.example/cb?tenant=1",
            "https://shop.example.evil.test/cb?tenant=1",
            "https://xn--shp-0na.example/cb?tenant=1",
        ] {
            assert!(!accepts(registered, variant), "{variant}");
        }
    }

    #[test]
    fn rfc8252_7_3_a_loopback_address_may_have_another_port() {
        for registered in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb"] {
            for good in ["http://127.0.0.1/cb", "http://127.0.0.1:51234/cb"] {
                assert!(accepts(registered, good), "{registered} {good}");
            }
            for bad in [
                "http://127.0.0.1.evil.test/cb",
                "http://127.0.0.1:80@evil.test/cb",
                "http://127.0.0.1:/cb",
                "http://127.0.0.1:080/cb",
                "http://127.0.0.1:99999/cb",
                "http://127.0.0.1:51234/cb/",
                "http://127.0.0.1:51234",
                "http://127.0.0.1:*/cb",
                "http://localhost:51234/cb",
                "https://127.0.0.1:51234/cb",
                "http://127.0.0.1:1/cb#f",
            ] {
                assert!(!accepts(registered, bad), "{registered} {bad}");
            }
        }
        assert!(accepts("http://[::1]/cb", "http://[::1]:8123/cb"));
        // A name is not an address: whatever it resolves to [RFC 8252 §8.3].
        assert!(!accepts("http://localhost/cb", "http://localhost:8123/cb"));
        assert!(!accepts("https://127.0.0.1/cb", "https://127.0.0.1:8123/cb"));
    }

    #[test]
    fn a_port_may_be_left_open_on_localhost() {
        let registered = "http://localhost:*/callback";
        for good in ["http://localhost/callback", "http://localhost:5173/callback"] {
            assert!(accepts(registered, good), "{good}");
        }
        for bad in [
            "http://localhost.evil.test/callback",
            "http://localhost:5173/callback/x",
            "http://localhost:5173@evil.test/callback",
            "http://localhost:x/callback",
            "https://localhost:5173/callback",
            "http://127.0.0.1:5173/callback",
        ] {
            assert!(!accepts(registered, bad), "{bad}");
        }
        assert!(RedirectUri::parse("http://localhost:*evil.test/").is_err());
        assert!(RedirectUri::parse("https://shop.example:*/cb").is_err());
    }

    #[test]
    fn oidcr_2_what_cannot_be_registered() {
        for bad in [
            "",
            "/cb",
            "shop.example/cb",
            "https://shop.example/cb#",
            "https://shop.example/cb#f",
            "http://shop.example/cb",
            "http://localhost.evil.test/cb",
            "https://user@shop.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "https://shop.example/c b",
            "https://shop.example/ü",
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
        assert!(RedirectUri::parse(&format!("https://shop.example/{}", "a".repeat(400))).is_err());
        for good in ["https://shop.example", "com.example.app:/cb", "http://localhost/cb", "http://127.0.0.1:8080/cb"] {
            assert!(RedirectUri::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn security_5_5_only_pages_of_the_very_origin_are_there() {
        let at = |uri: &str, origin: &str| RedirectUri::parse(uri).unwrap().is_at(origin);
        assert!(at("https://app.example/callback", "https://app.example"));
        assert!(at("https://APP.example:443/callback", "https://app.example"));
        assert!(at("https://app.example:8443/callback", "https://app.example:8443"));
        assert!(at("http://127.0.0.1:5173/", "http://127.0.0.1:5173"));
        assert!(at("http://localhost:*/callback", "http://localhost:5173"));
        for (uri, origin) in [
            ("https://app.example/callback", "https://app.example:8443"),
            ("https://app.example/callback", "http://app.example"),
            ("https://app.example/callback", "https://app.example/"),
            ("https://app.example/callback", "https://app.example.evil.example"),
            ("https://app.example/callback", "https://evil.example"),
            ("https://app.example/callback", "null"),
            ("https://app.example/callback", ""),
            ("com.example.app:/callback", "null"),
            ("com.example.app:/callback", "com.example.app://"),
            ("http://127.0.0.1:5173/", "http://127.0.0.1:5174"),
            ("http://localhost:*/callback", "https://localhost:5173"),
            ("http://localhost:*/callback", "http://localhost:x"),
            ("http://localhost:*/callback", "http://localhost.evil.example"),
        ] {
            assert!(!at(uri, origin), "{uri} {origin}");
        }
    }
}
