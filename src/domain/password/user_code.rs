//! The user code of a person [CIBA §7.1.2]: a short secret that they give at a client, so that nobody else has them
//! asked. It rests as a password does.

use unicode_normalization::UnicodeNormalization as _;

use super::{NewPassword, Password};
use crate::secret::Secret;

/// In characters, as people count them. Guesses are few: what is not chosen by people may be short
/// [NIST SP 800-63B §3.1.1.1].
pub const SHORTEST: usize = 6;

/// As long as the parameter.
pub const LONGEST_BYTES: usize = 32;

/// Before each. No password has a NUL ([`Password::presented`]): an administrator knows the codes that they set, and the
/// hash of one opens no account, whoever copies it there.
const APART: &str = "user code\0";

/// What nobody has as a user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("fewer than {SHORTEST} characters")]
    TooShort,
    #[error("more than {LONGEST_BYTES} bytes")]
    TooLong,
    #[error("with control characters, or white space at an end")]
    Characters,
}

impl Password {
    /// As it was given, in NFC.
    pub fn user_code(text: &str) -> Self {
        // NFC makes nothing longer than three times. A buffer that grew would leave copies behind it.
        let mut normal = String::with_capacity(APART.len() + 3 * text.len());
        normal.push_str(APART);
        normal.extend(text.nfc());
        Self(Secret::new(normal))
    }
}

impl NewPassword {
    /// One that somebody may have from now on.
    pub fn user_code(text: &str) -> Result<Self, Unfit> {
        if text.len() > LONGEST_BYTES {
            return Err(Unfit::TooLong);
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(Unfit::Characters);
        }
        if text.chars().count() < SHORTEST {
            return Err(Unfit::TooShort);
        }
        Ok(Self(Password::user_code(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfit(text: &str) -> Option<Unfit> {
        NewPassword::user_code(text).err()
    }

    #[test]
    fn ciba_7_1_2_a_user_code_is_short_and_can_be_sent() {
        assert_eq!(unfit("48151"), Some(Unfit::TooShort));
        assert_eq!(unfit("481516"), None);
        assert_eq!(unfit(&"x".repeat(32)), None);
        assert_eq!(unfit(&"x".repeat(33)), Some(Unfit::TooLong));
        assert_eq!(unfit(&"\u{1f44d}".repeat(9)), Some(Unfit::TooLong), "bytes, as parameters are counted");
        for text in ["4815\n16", "481516\n", " 481516", "4815\u{0}16"] {
            assert_eq!(unfit(text), Some(Unfit::Characters), "{text:?}");
        }
    }

    #[test]
    fn a_user_code_is_no_password() {
        let bytes = |password: &Password| password.as_bytes().to_vec();
        let code = Password::user_code("caf\u{e9} noir");
        assert_eq!(bytes(&code), bytes(&Password::user_code("cafe\u{301} noir")));
        assert_ne!(bytes(&code), bytes(&Password::presented("caf\u{e9} noir").unwrap()));
        // Nor can one be made that is.
        assert!(Password::presented(std::str::from_utf8(&bytes(&code)).unwrap()).is_err());
    }
}
