//! A person's password: what may be one, and how it rests ([`hash`]).

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::secret::Secret;

mod confirmed;
pub mod hash;
pub mod user_code;

pub use confirmed::Confirmed;

/// What somebody typed as a password, on its way to a hash. It cannot be printed, compared or stored.
pub struct Password(Secret<String>);

/// What nobody's password is, so that it costs no hash: the answer depends on no user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("more than {} bytes", Password::MOST_BYTES)]
    TooLong,
    #[error("has a NUL")]
    Nul,
}

/// Why a password cannot be chosen. There are no rules about kinds of characters, and none expires: both
/// make people choose worse ones [NIST SP 800-63B §3.1.1.2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("shorter than {} characters", NewPassword::SHORTEST)]
    TooShort,
    #[error("longer than {} characters", NewPassword::LONGEST)]
    TooLong,
    #[error("among those that are tried first")]
    Common,
    #[error("contains the username")]
    ContainsUsername,
    #[error("the same as before")]
    Unchanged,
}

impl Password {
    /// As it comes in, before anybody asks whose it is.
    pub const MOST_BYTES: usize = 1024;

    /// In NFC: the same word typed on two systems is one password, whether they compose its accents or not
    /// [RFC 8265 §4.2.2]. Not NFKC, which makes one of characters that people see as two. Here and nowhere
    /// else, so that what is set and what is checked go the same way.
    pub fn presented(text: &str) -> Result<Self, Malformed> {
        if text.len() > Self::MOST_BYTES {
            return Err(Malformed::TooLong);
        }
        if text.contains('\0') {
            return Err(Malformed::Nul);
        }
        // NFC makes nothing longer than three times. A buffer that grew would leave copies behind it.
        let mut normal = String::with_capacity(3 * text.len());
        normal.extend(text.nfc());
        Ok(Self(Secret::new(normal)))
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }

    /// To be looked at twice.
    #[must_use]
    pub fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// By the person who is called so.
    pub fn chosen_by(self, username: &str) -> Result<NewPassword, Refused> {
        // Unicode scalar values, as people count them more or less; bytes would favour the Latin alphabet.
        let length = self.0.expose().chars().count();
        if length < NewPassword::SHORTEST {
            return Err(Refused::TooShort);
        }
        if length > NewPassword::LONGEST {
            return Err(Refused::TooLong);
        }
        let folded = Zeroizing::new(self.0.expose().to_lowercase());
        if COMMON.contains(folded.as_str()) {
            return Err(Refused::Common);
        }
        if contains_name(&folded, username) {
            return Err(Refused::ContainsUsername);
        }
        Ok(NewPassword(self))
    }

    /// Without asking whether it is a good one: `alice` of dev mode.
    pub fn well_known(self) -> NewPassword {
        NewPassword(self)
    }
}

/// A password that somebody may have from now on.
pub struct NewPassword(Password);

impl NewPassword {
    /// In characters. [ASVS 6.2.1]
    pub const SHORTEST: usize = 8;
    /// [ASVS 6.2.9] asks for 64 at least.
    pub const LONGEST: usize = 128;
}

/// A name of one or two letters is in many a good password by accident.
const SHORTEST_NAME: usize = 3;

/// The name, or what stands before the `@` of one that is a mail address.
fn contains_name(folded: &str, username: &str) -> bool {
    let name = username.nfc().collect::<String>().to_lowercase();
    let local = name.split('@').next().unwrap_or_default();
    [name.as_str(), local].iter().any(|name| name.chars().count() >= SHORTEST_NAME && folded.contains(name))
}

/// [ASVS 6.2.4] those that everybody tries first, in lower case; the file says where they are from.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("password/common.txt").lines().filter(|line| !line.starts_with('#')).collect());

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str, username: &str) -> Option<Refused> {
        Password::presented(text).unwrap().chosen_by(username).err()
    }

    #[test]
    fn security_165_a_kilobyte_is_no_password() {
        let presented = |text: &str| Password::presented(text).err();
        assert_eq!(presented(&"x".repeat(1024)), None);
        assert_eq!(presented(&"x".repeat(1025)), Some(Malformed::TooLong));
        assert_eq!(presented("with\0nul-inside"), Some(Malformed::Nul));
        assert_eq!(presented(""), None, "an empty one is wrong, not malformed");
    }

    #[test]
    fn security_5_1_length_is_counted_in_characters() {
        assert_eq!(chosen("tulips7", "alice"), Some(Refused::TooShort));
        assert_eq!(chosen("tulips77", "alice"), None);
        assert_eq!(chosen("жбчшщэюя", "alice"), None, "eight, in sixteen bytes");
        assert_eq!(chosen("жбчшщэю", "alice"), Some(Refused::TooShort));
        assert_eq!(chosen(&"ж7".repeat(64), "alice"), None);
        assert_eq!(chosen(&"ж7".repeat(65), "alice"), Some(Refused::TooLong));
        // Seven letters, of which one has its accent apart.
        assert_eq!(chosen("tulipe\u{301}s", "alice"), Some(Refused::TooShort));
        assert_eq!(chosen("    four words and spaces    ", "alice"), None);
    }

    #[test]
    fn rfc8265_4_2_2_composed_and_decomposed_are_one_password() {
        let bytes = |text: &str| Password::presented(text).unwrap().as_bytes().to_vec();
        assert_eq!(bytes("caf\u{e9} noir"), bytes("cafe\u{301} noir"));
        // U+212B is the letter U+00C5, a superscript is no digit.
        assert_eq!(bytes("\u{212b}ngstrom"), bytes("\u{c5}ngstrom"));
        assert_ne!(bytes("x\u{b2}"), bytes("x2"));
        assert_ne!(bytes("Tulips77"), bytes("tulips77"));
    }

    #[test]
    fn nfc_never_outgrows_its_buffer() {
        for text in ["\u{1d160}".repeat(256), "\u{fb2c}".repeat(341), "\u{390}".repeat(512)] {
            let Password(secret) = Password::presented(&text).unwrap();
            assert!(secret.expose().len() <= 3 * text.len() && secret.expose().capacity() == 3 * text.len());
        }
    }

    #[test]
    fn asvs_6_2_4_what_everybody_tries_first_is_refused() {
        assert!(COMMON.len() > 3000, "{}", COMMON.len());
        assert!(COMMON.iter().all(|one| one.len() >= NewPassword::SHORTEST && *one == one.to_lowercase()));
        for common in ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou"] {
            assert_eq!(chosen(common, "alice"), Some(Refused::Common), "{common}");
        }
        assert_eq!(chosen("password and tulips", "alice"), None);
    }

    #[test]
    fn asvs_6_2_11_the_name_is_no_part_of_it() {
        assert_eq!(chosen("my-Alice-77", "alice"), Some(Refused::ContainsUsername));
        assert_eq!(chosen("my-Alice-77", "ALICE@example.com"), Some(Refused::ContainsUsername));
        assert_eq!(chosen("J\u{f6}rg-and-tulips", "jo\u{308}rg"), Some(Refused::ContainsUsername));
        assert_eq!(chosen("album of tulips", "al"), None, "two letters are anywhere");
        assert_eq!(chosen("album of tulips", ""), None);
        assert_eq!(chosen("album of tulips", "@example.com"), None);
    }
}
