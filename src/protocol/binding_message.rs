//! `binding_message` [CIBA §7.1]: a short text that the person sees on both screens.

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::protocol::error::{ErrorCode, Refusal};

pub const MAX_GRAPHEMES: usize = 64;
pub const MAX_BYTES: usize = 200;

/// Text that every screen can show as it is: it is never cut, replaced or normalised, it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BindingMessage(String);

impl BindingMessage {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |why: &'static str| {
            Refusal::new(
                ErrorCode::InvalidBindingMessage,
                "The binding_message is too long or has characters that cannot be shown safely.",
            )
            .because(why)
        };
        plain(text, MAX_GRAPHEMES, MAX_BYTES).map_err(refuse)?;
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether every screen can show it as it is, with so many characters and bytes at most. Refused, why.
pub(super) fn plain(text: &str, graphemes: usize, bytes: usize) -> Result<(), &'static str> {
    if text.len() > bytes || text.graphemes(true).count() > graphemes {
        return Err("too long");
    }
    if text.trim().is_empty() {
        return Err("blank");
    }
    if text.chars().any(misleads) {
        return Err("a control, direction, invisible or markup character");
    }
    if is_nfc_quick(text.chars()) != IsNormalized::Yes {
        return Err("not in normalisation form C");
    }
    Ok(())
}

/// Characters that change how their neighbours read, or that cannot be seen.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '<' | '>'
            | '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{ffff}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciba_7_1_plain_messages_are_kept_to_the_byte() {
        for text in ["1234", "W4SCT", "Kaffee für 2,50 €", "支払い 500円", "☕ 47", "مبلغ ١٠٠"] {
            assert_eq!(BindingMessage::parse(text).unwrap().as_str(), text);
        }
        assert!(BindingMessage::parse(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn ciba_13_what_cannot_be_shown_safely_is_invalid_binding_message() {
        let long = "x".repeat(65);
        let bad = [
            long.as_str(),
            " ",
            "pay\u{202e}001",
            "a\u{200b}b",
            "a\0b",
            "EUR 10\n\nTotal: EUR 1",
            "\u{1b}[31mred",
            "<img onerror=x>",
            "e\u{301}",
            "\u{e0041}",
        ];
        for text in bad {
            assert_eq!(BindingMessage::parse(text).unwrap_err().code, ErrorCode::InvalidBindingMessage, "{text:?}");
        }
    }
}
