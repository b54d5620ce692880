//! The numbers of an SDK that counts its errors from 10000, for whoever comes from it and has dashboards by them.
//!
//! Where it has a number for what cannot happen here (a data centre that cannot be changed, a migration that runs
//! already), nothing has that number.

use crate::error::Error;

/// What the server said, when no other number says it better.
const SERVER: u16 = 10_003;
/// What should not happen.
const INTERNAL: u16 = 10_000;

impl Error {
    /// The number that comes closest to [`Error::code`], which is more precise: not for translation.
    pub fn number(&self) -> u16 {
        let otherwise = if self.refusal().is_some() { SERVER } else { INTERNAL };
        number(self.code()).unwrap_or(otherwise)
    }
}

/// By a code; none for codes of newer servers.
fn number(code: &str) -> Option<u16> {
    Some(match code {
        "ANSWER_INVALID" | "TEMPORARILY_UNAVAILABLE" | "TOO_MANY_ATTEMPTS" => SERVER,
        "UNREACHABLE" | "SILENT" => 10_004,
        "PAIRING_KEY_INVALID"
        | "PAIRING_KEY_MALFORMED"
        | "PAIRING_LINK_INVALID"
        | "ENROLLMENT_NOT_FOUND"
        | "ENROLLMENT_GONE" => 10_005,
        "AUDIENCE_MISMATCH" => 10_006,
        "ISSUER_MISMATCH" => 10_007,
        "DEVICE_UNKNOWN" => 10_008,
        "EXPIRED" => 10_009,
        "METHOD_LIMIT_REACHED" | "DEVICE_BLOCKED" => 10_012,
        "ID_TOKEN_INVALID"
        | "ID_TOKEN_UNTRUSTED"
        | "ID_TOKEN_EXPIRED"
        | "ID_TOKEN_NOT_YET_VALID"
        | "NONCE_MISMATCH" => 10_017,
        "ISSUER_INSECURE" | "ISSUER_INVALID" | "HTTP_UNAVAILABLE" => 10_018,
        "CANCELED" => 10_020,
        "NOTIFICATION_NOT_FOUND" => 10_002,
        "KEY_DAMAGED" | "PROOF_INVALID" | "CONTEXT_HASH_MISMATCH" => 10_023,
        "DEVICE_REQUIREMENTS_FAILED" => 10_024,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id_token::IdTokenError;
    use crate::problem::{Code, Problem};

    fn refused(code: &str) -> Error {
        let problem =
            Problem { kind: String::new(), title: String::new(), status: 400, code: Code::parse(code), detail: None };
        Error::Refused { problem, retry_after: None }
    }

    #[test]
    fn errors_have_the_numbers_that_others_know_them_by() {
        for (code, number) in [
            ("PAIRING_KEY_INVALID", 10_005),
            ("ENROLLMENT_GONE", 10_005),
            ("DEVICE_UNKNOWN", 10_008),
            ("EXPIRED", 10_009),
            ("METHOD_LIMIT_REACHED", 10_012),
            ("CANCELED", 10_020),
            ("DEVICE_REQUIREMENTS_FAILED", 10_024),
            ("TEMPORARILY_UNAVAILABLE", 10_003),
            ("SOMETHING_NEW", 10_003),
        ] {
            assert_eq!(refused(code).number(), number, "{code}");
        }
        for (error, number) in [
            (Error::Silent, 10_004),
            (Error::Answer { status: 502, what: "not JSON" }, 10_003),
            (Error::IdToken(IdTokenError::Audience), 10_006),
            (Error::IdToken(IdTokenError::Issuer), 10_007),
            (Error::IdToken(IdTokenError::Signature), 10_017),
            (Error::PayloadTooLong, 10_000),
        ] {
            assert_eq!(error.number(), number, "{error}");
        }
    }

    /// The table is the document: a number stands beside each code that has it.
    #[test]
    fn the_table_of_errors_says_the_same() {
        let rows = include_str!("error.rs").lines().filter_map(|line| line.strip_prefix("//! | 10"));
        let mut seen = 0;
        for row in rows {
            let said: u16 = format!("10{}", &row[..3]).parse().unwrap();
            for code in row.split('`').skip(1).step_by(2).filter(|word| word.to_uppercase() == *word) {
                assert_eq!(number(code), Some(said), "{code}");
                seen += 1;
            }
        }
        assert!(seen > 25, "{seen}");
    }
}
