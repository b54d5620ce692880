//! `If-Match` [RFC 9110 §13.1.1].

use poem_openapi::types::ToJSON;

use crate::http::admin::reply::etag;

/// What the caller has seen, if they said so.
pub struct IfMatch(Option<String>);

impl IfMatch {
    pub const fn new(header: Option<String>) -> Self {
        Self(header)
    }

    /// Whether this is what they have seen. Weak tags match nothing: the comparison is strong.
    pub fn holds(&self, representation: &impl ToJSON) -> bool {
        let Some(header) = &self.0 else { return true };
        let current = etag(representation);
        header.trim() == "*" || header.split(',').any(|tag| tag.trim() == current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_13_1_1_one_of_several_strong_tags() {
        let value = serde_json::json!({ "a": 1 });
        let tag = etag(&value);
        let holds = |header: &str| IfMatch::new(Some(header.to_owned())).holds(&value);
        assert!(IfMatch::new(None).holds(&value) && holds("*") && holds(&tag) && holds(&format!("\"x\", {tag}")));
        assert!(!holds("") && !holds("\"x\"") && !holds(&format!("W/{tag}")) && !holds(tag.trim_matches('"')));
    }
}
