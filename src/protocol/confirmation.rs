//! What the holder of a token has to show besides it: the key, or the certificate, that it is bound to [RFC 7800 §3.1].

use serde::{Deserialize, Serialize};

use super::jwt::Thumbprint;

/// The value of `cnf`, as it stands in tokens and in the answers about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// A proof by this key goes with each use [RFC 9449 §6.1].
    #[serde(rename = "jkt")]
    Key(Thumbprint),
    /// It is used over a connection with this certificate [RFC 8705 §3.1].
    #[serde(rename = "x5t#S256")]
    Certificate(Thumbprint),
}

impl Confirmation {
    /// `token_type` of an access token that is bound so, or to nothing [RFC 9449 §5]. [RFC 8705 §3] has none of its own.
    pub const fn token_type(bound_to: Option<Self>) -> &'static str {
        match bound_to {
            Some(Self::Key(_)) => "DPoP",
            Some(Self::Certificate(_)) | None => "Bearer",
        }
    }

    pub const fn key(self) -> Option<Thumbprint> {
        match self {
            Self::Key(key) => Some(key),
            Self::Certificate(_) => None,
        }
    }

    /// As it is stored: the JSON of `cnf`.
    pub fn text(self) -> String {
        // A string in an object: serde has nothing to refuse.
        serde_json::to_string(&self).unwrap_or_default()
    }

    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rfc9449_6_1_it_reads_as_it_stands_in_tokens() {
        let key = Thumbprint::from_bytes([0; 32]);
        let confirmation = Confirmation::Key(key);
        assert_eq!(serde_json::to_value(confirmation).unwrap(), json!({ "jkt": key.to_string() }));
        assert_eq!(Confirmation::parse(&confirmation.text()), Some(confirmation));
        let certificate = Confirmation::Certificate(key);
        assert_eq!(serde_json::to_value(certificate).unwrap(), json!({ "x5t#S256": key.to_string() }));
        assert_eq!(Confirmation::parse(&certificate.text()), Some(certificate));
        assert_ne!(certificate, confirmation);
        for other in ["", "{}", r#"{"jkt":"x"}"#, r#"{"x5t":"AA"}"#] {
            assert_eq!(Confirmation::parse(other), None, "{other}");
        }
    }
}
