//! `If-Match` [RFC 9110 §13.1.1].

use poem_openapi::param::Header;
use poem_openapi::types::ToJSON;

use crate::http::admin::reply::etag;

/// Whether something is, in its representation `B`, what the caller has seen: for `If-Match`, if they
/// sent one.
pub fn unchanged<T, B>(if_match: Header<Option<String>>) -> impl Fn(&T) -> bool + Send + Sync
where
    B: ToJSON + for<'a> From<&'a T>,
{
    let seen = IfMatch::new(if_match.0);
    move |current| seen.holds(&B::from(current))
}

struct IfMatch(Option<String>);

impl IfMatch {
    const fn new(header: Option<String>) -> Self {
        Self(header)
    }

    /// Whether this is what they have seen. Weak tags match nothing: the comparison is strong.
    fn holds(&self, representation: &impl ToJSON) -> bool {
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
