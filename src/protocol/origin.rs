//! Pages that may call us: the origins that they have, as browsers write them [RFC 6454 §6.2], and where
//! an authentication application is.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::id::FlowId;
use super::redirect_uri::{is_localhost, is_this_machine};

/// As long as a redirect URI may be.
const LONGEST: usize = 400;

/// How an application is told which flow it is to show.
const FLOW_ID: &str = "flowId";

const ANY_PORT: &str = "http://localhost:*";

/// An origin whose pages may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllowedOrigin(String);

impl AllowedOrigin {
    /// Exactly as a browser sends it, so that it can be compared as text: `https://login.example`, or
    /// `http` on this machine, where `http://localhost:*` stands for any port and for nothing else.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == ANY_PORT {
            return Ok(Self(text.to_owned()));
        }
        if text.len() > LONGEST {
            return Err("At most 400 characters.");
        }
        let url = secure(text)?;
        // Nobody has such a host, and whoever writes it means many.
        if text.contains('*') {
            return Err("One origin each: * stands for the port in http://localhost:*, and for nothing else.");
        }
        if url.origin().ascii_serialization() != text {
            return Err("As browsers write it: scheme, host, and a port that is not the usual one; nothing behind it.");
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether this is what a browser sent. Any bytes may come.
    pub fn accepts(&self, presented: &str) -> bool {
        self.0 == presented || (self.0 == ANY_PORT && is_localhost(presented))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where an authentication application is: a browser is sent there with the identifier of its flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationUrl {
    text: String,
    /// Asked for with each call from another origin.
    origin: String,
}

impl Serialize for ApplicationUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

/// As it was registered: the rules of then are not asked again.
impl<'de> Deserialize<'de> for ApplicationUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = Url::parse(&text).map_err(D::Error::custom)?;
        Ok(Self { text, origin: url.origin().ascii_serialization() })
    }
}

impl ApplicationUrl {
    /// It is shown passwords, so it comes over `https`, or from this machine.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("At most 400 characters.");
        }
        if !text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
            return Err("Visible ASCII characters only.");
        }
        let url = secure(text)?;
        // Behind it, the identifier of the flow would never be sent.
        if url.fragment().is_some() {
            return Err("An address without a fragment.");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("An address without credentials.");
        }
        if url.query_pairs().any(|(name, _)| name == FLOW_ID) {
            return Err("flowId is added to the address: it cannot be there already.");
        }
        Ok(Self { text: text.to_owned(), origin: url.origin().ascii_serialization() })
    }

    /// Where the browser goes.
    pub fn with_flow(&self, id: &FlowId) -> String {
        let join = match self.text.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        let id: String = byte_serialize(id.expose().as_bytes()).collect();
        format!("{}{join}{FLOW_ID}={id}", self.text)
    }

    /// Whose pages it shows, as a browser writes it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether browsers take two addresses for one site, and send the cookies of one from pages of the other. For
/// advice only: which domains belong to one owner is a list that we do not have.
pub fn is_same_site(one: &str, other: &str) -> bool {
    let site = |text: &str| {
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?.to_owned();
        // An address of numbers is its own site.
        let labels = if url.domain().is_some() { 2 } else { usize::MAX };
        let last: Vec<&str> = host.rsplit('.').take(labels).collect();
        Some(format!("{}://{}", url.scheme(), last.join(".")))
    };
    site(one).is_some_and(|one| site(other) == Some(one))
}

fn secure(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "Not an absolute URL.")?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(&url) => Ok(url),
        _ => Err("https, or http for localhost, 127.0.0.1 and [::1]."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_127_an_origin_is_compared_as_text() {
        let own = AllowedOrigin::parse("https://login.example").unwrap();
        assert!(own.accepts("https://login.example"));
        for foreign in [
            "",
            "null",
            "http://login.example",
            "https://login.example:8443",
            "https://login.example.evil.test",
            "https://evil.login.example",
            "https://login.example/",
            "https://LOGIN.example",
            "https://login.example.",
            "https://user@login.example",
            "https://login.example https://evil.test",
        ] {
            assert!(!own.accepts(foreign), "{foreign}");
        }
    }

    #[test]
    fn f14_a_port_may_be_left_open_on_localhost_alone() {
        let any = AllowedOrigin::parse(ANY_PORT).unwrap();
        for own in ["http://localhost", "http://localhost:5173"] {
            assert!(any.accepts(own), "{own}");
        }
        for foreign in [
            "https://localhost:5173",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:05173",
            "http://localhost:*",
            "http://localhost:5173/",
            "http://localhost.evil.test:5173",
            "http://localhost:5173@evil.test",
            "http://127.0.0.1:5173",
        ] {
            assert!(!any.accepts(foreign) || foreign == ANY_PORT, "{foreign}");
        }
    }

    #[test]
    fn f14_what_is_no_origin_is_not_registered() {
        for good in ["https://login.example", "https://login.example:8443", "http://localhost:5173", "http://[::1]:1"] {
            assert!(AllowedOrigin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "login.example",
            "https://login.example/",
            "https://login.example/path",
            "https://login.example:443",
            "https://Login.example",
            "https://*.login.example",
            "https://login.example:*",
            "https://user@login.example",
            "http://login.example",
            "javascript:alert(1)",
            "file:///x",
        ] {
            assert!(AllowedOrigin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn f14_pages_of_one_site_have_its_cookies() {
        let issuer = "https://id.shop.example";
        for same in ["https://login.shop.example/in", "https://shop.example", "https://a.b.shop.example:8443/"] {
            assert!(is_same_site(issuer, same), "{same}");
        }
        for other in ["https://login.example", "https://shop.example.evil.test", "http://id.shop.example", "nonsense"] {
            assert!(!is_same_site(issuer, other), "{other}");
        }
        assert!(is_same_site("http://localhost:8080", "http://localhost:5000/"));
        assert!(!is_same_site("https://192.0.2.1", "https://198.51.2.1"));
    }

    #[test]
    fn f14_an_application_is_told_which_flow() {
        let to = |url: &str| ApplicationUrl::parse(url).unwrap().with_flow(&FlowId::presented("a&b"));
        assert_eq!(to("https://login.example"), "https://login.example?flowId=a%26b");
        assert_eq!(to("https://login.example/in?"), "https://login.example/in?flowId=a%26b");
        assert_eq!(to("https://login.example/in?x=1"), "https://login.example/in?x=1&flowId=a%26b");
        assert_eq!(ApplicationUrl::parse("https://Login.example:443/in").unwrap().origin(), "https://login.example");
        for bad in [
            "",
            "/in",
            "http://login.example/",
            "https://login.example/#",
            "https://user@login.example/",
            "https://login.example/?flowId=x",
            "https://login.example/ü",
            "javascript:alert(1)",
            "com.example.app:/in",
        ] {
            assert!(ApplicationUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
