//! What an app has noted down for whoever helps its person: kept for three days, under a name that can be read out
//! [flows.md B.2, H.3].

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::device::About;
use crate::clock::Timestamp;
use crate::protocol::id::{InstallationId, UserId};

/// The longest, in bytes.
pub const LONGEST: usize = 16 * 1024;
pub const KEPT: Duration = Duration::from_hours(72);

/// Eight characters of an alphabet in which none is taken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportId(String);

const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LENGTH: usize = 8;

impl SupportId {
    /// `drawn`: numbers below 32, by chance.
    pub fn draw(mut drawn: impl FnMut() -> u32) -> Self {
        let letter =
            |at: u32| usize::try_from(at).ok().and_then(|at| ALPHABET.get(at)).copied().map_or('2', char::from);
        Self((0..LENGTH).map(|_| letter(drawn())).collect())
    }

    /// As somebody has read it out, in whatever case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let fits = text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte));
        fits.then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SupportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLog {
    pub installation: InstallationId,
    /// Whom the app served then.
    pub users: Vec<UserId>,
    pub about: About,
    pub received_at: Timestamp,
    /// As the app wrote it: shown to operators, believed by nobody.
    pub text: String,
}

/// Without the text: it is for operators, and for no log of ours.
impl fmt::Debug for DeviceLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceLog({} {})", self.installation, self.received_at)
    }
}

/// Whether it is text: of at most [`LONGEST`] bytes, with no other control characters than those that end lines and
/// set them in.
pub fn is_log(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h3_a_support_id_can_be_read_out() {
        let mut next = 0;
        let drawn = SupportId::draw(|| {
            next += 5;
            next % 32
        });
        assert_eq!(drawn.as_str().len(), LENGTH);
        assert_eq!(SupportId::parse(&drawn.as_str().to_ascii_lowercase()), Some(drawn));
        for bad in ["", "ABCDEFG", "ABCDEFGHJ", "ABCDEFG0", "ABCDEFGI", "ABCD FGH", "ABCDEFGé"] {
            assert_eq!(SupportId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn h3_a_log_is_text_of_some_length() {
        assert!(is_log("a") && is_log("12:00\tstarted\r\n12:01\tréseau\n") && is_log(&"a".repeat(LONGEST)));
        let long = "a".repeat(LONGEST + 1);
        for bad in ["", "a\0", "\u{1b}[31m", "\u{85}", long.as_str()] {
            assert!(!is_log(bad), "{bad:?}");
        }
    }
}
