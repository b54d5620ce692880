//! `scope` (RFC 6749 §3.3): a set of names in the order of the request.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Space-separated, no name twice. Kept as the text that goes on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    pub const OPENID: &'static str = "openid";
    /// What is given is for when the person is not there as well [OIDCC §11].
    pub const OFFLINE_ACCESS: &'static str = "offline_access";

    /// `None` when a name has a character outside `scope-token`, or nothing is left. Repeated names
    /// are folded. The length was bounded by whoever read the form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut names: Vec<&str> = Vec::new();
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            let fits = name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
            if !fits {
                return None;
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| Self(names.join(" ")))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|name| !name.is_empty())
    }

    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|own| own == name)
    }

    pub fn is_within(&self, other: &Self) -> bool {
        self.names().all(|name| other.contains(name))
    }

    /// What both have, in this one's order. `None` when that is nothing.
    pub fn within(&self, other: &Self) -> Option<Self> {
        let names: Vec<&str> = self.names().filter(|name| other.contains(name)).collect();
        (!names.is_empty()).then(|| Self(names.join(" ")))
    }

    /// What either has, this one's first.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let more = other.names().filter(|name| !self.contains(name));
        Self(self.names().chain(more).collect::<Vec<_>>().join(" "))
    }

    /// What is asked for, if there is no more of it than `most`; all of that when nothing is said [RFC 6749 §3.3].
    pub fn asked(text: Option<&str>, most: Option<Self>) -> Option<Self> {
        match text {
            None => most,
            Some(text) => Self::parse(text).filter(|asked| most.as_ref().is_some_and(|most| asked.is_within(most))),
        }
    }

    /// The names that `keep` wants, in this order. `None` when that is nothing.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Option<Self> {
        let names: Vec<&str> = self.names().filter(|name| keep(name)).collect();
        (!names.is_empty()).then(|| Self(names.join(" ")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn rfc6749_3_3_names_are_folded_and_their_order_kept() {
        let scope = Scope::parse("profile  openid profile").unwrap();
        assert_eq!(scope.as_str(), "profile openid");
        assert!(scope.contains("openid") && !scope.contains("open"));
        assert!(Scope::parse("openid").unwrap().is_within(&scope));
        assert!(!Scope::parse("email").unwrap().is_within(&scope));
    }

    #[test]
    fn rfc6749_3_3_other_characters_are_refused() {
        for bad in ["", "  ", "open\"id", "a\\b", "a\tb", "ä"] {
            assert_eq!(Scope::parse(bad), None, "{bad:?}");
        }
    }
}
