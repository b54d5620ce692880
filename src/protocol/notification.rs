//! `notification` of a device authentication: what the person reads where they are asked [flows.md A.3, E].

use serde::{Deserialize, Serialize};

use super::binding_message::plain;

/// Characters, as people count them, whatever the language.
pub const MAX_TITLE: usize = 200;
pub const MAX_MESSAGE: usize = 400;
/// UTF-8 has no more for most of them.
const BYTES: usize = 4;

/// Texts of whoever asks. They are part of what the device signs, and shown as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// `None`: ours.
    title: Option<String>,
    message: String,
}

impl Said {
    /// Refused, the member that is too long, or has characters that cannot be shown safely.
    pub fn parse(title: Option<&str>, message: &str) -> Result<Self, &'static str> {
        if title.is_some_and(|title| plain(title, MAX_TITLE, BYTES * MAX_TITLE).is_err()) {
            return Err("notification.title");
        }
        if plain(message, MAX_MESSAGE, BYTES * MAX_MESSAGE).is_err() {
            return Err("notification.message");
        }
        Ok(Self { title: title.map(str::to_owned), message: message.to_owned() })
    }

    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [flows.md T11.8]
    #[test]
    fn t11_8_texts_are_as_long_as_people_count_them_and_no_longer() {
        for one in ["x", "字", "é"] {
            let (title, message) = (one.repeat(MAX_TITLE), one.repeat(MAX_MESSAGE));
            let said = Said::parse(Some(&title), &message).unwrap();
            assert_eq!((said.title(), said.message()), (Some(title.as_str()), message.as_str()));
            assert_eq!(Said::parse(Some(&format!("{title}{one}")), &message), Err("notification.title"));
            assert_eq!(Said::parse(None, &format!("{message}{one}")), Err("notification.message"));
        }
    }

    #[test]
    fn what_cannot_be_shown_safely_is_refused() {
        for bad in ["", " ", "pay\u{202e}001", "a\nb", "<b>", "e\u{301}"] {
            assert_eq!(Said::parse(Some(bad), "Pay 5 EUR"), Err("notification.title"), "{bad:?}");
            assert_eq!(Said::parse(None, bad), Err("notification.message"), "{bad:?}");
        }
    }
}
