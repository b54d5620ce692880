//! Addresses that lead away from our pages.

use url::Url;

/// Where a link, a form or a browser may go: anywhere but into a script of our own origin, or into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    source: Option<String>,
}

impl Address {
    /// `None`: nobody should be sent there. What a client has registered was looked at before; this is for
    /// the case that it was not.
    pub fn parse(text: &str) -> Option<Self> {
        // A browser skips some of these, and we would look at another address than it does.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let runs = ["javascript", "vbscript", "data", "blob", "file", "filesystem", "about", "view-source"];
        if runs.contains(&url.scheme()) {
            return None;
        }
        let origin = url.origin();
        let source = origin.is_tuple().then(|| origin.ascii_serialization()).filter(|source| is_source(source));
        Some(Self { text: text.to_owned(), source })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its origin, as a source in a policy. `None`: it is no address of the web.
    pub(super) fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

/// A host may have `;` and `,` in it. In a policy they would begin something else.
fn is_source(origin: &str) -> bool {
    origin.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_nobody_is_sent_into_a_script() {
        for bad in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://shop.example/x",
            "/relative",
            "//shop.example",
            "",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn apps_are_reached() {
        for (good, source) in [
            ("https://shop.example/cb?code=1&state=\"><script>", Some("https://shop.example")),
            ("http://localhost:3000/cb", Some("http://localhost:3000")),
            ("http://[::1]:3000/cb", Some("http://[::1]:3000")),
            ("com.example.app:/cb", None),
        ] {
            let address = Address::parse(good).unwrap();
            assert_eq!((address.as_str(), address.source()), (good, source));
        }
    }

    #[test]
    fn security_a_host_cannot_write_a_policy() {
        for odd in ["https://a;sandbox/", "https://a,b/", "https://a'b/"] {
            assert_eq!(Address::parse(odd).and_then(|address| address.source().map(str::to_owned)), None, "{odd}");
        }
    }
}
