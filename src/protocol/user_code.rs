//! The code that a person carries from a device to a browser [RFC 8628 §6.1].

use std::fmt;

use serde::{Deserialize, Serialize};

/// Eight letters of twenty: 34 bits, of which nobody can try many: each wrong one costs time. No vowels,
/// so that no code is a word; no digits, so that a phone needs one keyboard.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserCode(String);

const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;

impl UserCode {
    /// `below` answers a random number below its argument.
    pub fn draw(below: impl Fn(u32) -> u32) -> Self {
        let letter = || ALPHABET.get(below(20) as usize).copied().map(char::from);
        Self((0..LETTERS).filter_map(|_| letter()).collect())
    }

    /// As somebody typed it: case does not matter, and neither does what stands between the letters.
    pub fn typed(text: &str) -> Option<Self> {
        let letters: String =
            text.chars().filter(|c| c.is_alphanumeric()).map(|letter| letter.to_ascii_uppercase()).collect();
        let fits = letters.len() == LETTERS && letters.bytes().all(|letter| ALPHABET.contains(&letter));
        fits.then_some(Self(letters))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As the device shows it: in two groups.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.0.split_at_checked(LETTERS / 2).unwrap_or((&self.0, ""));
        write!(f, "{first}-{rest}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8628_6_1_it_is_read_as_people_type_it() {
        let code = UserCode::draw(|limit| limit - 1);
        assert_eq!(code.to_string(), "ZZZZ-ZZZZ");
        let code = UserCode::typed("WDJBMJHT").unwrap();
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for typed in ["WDJB-MJHT", "wdjb mjht", " wdjb–mjht ", "W.D.J.B.M.J.H.T"] {
            assert_eq!(UserCode::typed(typed), Some(code.clone()), "{typed}");
        }
        for other in ["", "WDJB-MJH", "WDJB-MJHTT", "ADJB-MJHT", "1DJB-MJHT", "\u{57}\u{301}DJBMJHT\u{e9}"] {
            assert_eq!(UserCode::typed(other), None, "{other}");
        }
    }
}
