//! Text that others chose, and what it may not do among ours.

use std::borrow::Cow;
use std::fmt;

use unicode_segmentation::UnicodeSegmentation as _;

/// A name or a text of somebody else: of a relying party, or of a user. It cannot turn the direction of what
/// is around it, has no invisible parts, is one line, and is not longer than its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign(String);

impl Foreign {
    /// What something is called.
    pub fn name(text: &str) -> Self {
        Self::at_most(60, text)
    }

    /// A sentence or two.
    pub fn text(text: &str) -> Self {
        Self::at_most(400, text)
    }

    /// `most`: what a reader counts as characters.
    fn at_most(most: usize, text: &str) -> Self {
        let plain = without_tricks(text);
        let words: Vec<&str> = plain.split_whitespace().collect();
        let line = words.join(" ");
        // A character may have a hundred accents. Real ones have few.
        let mut room = most * 8;
        let fits = |character: &&str| {
            let left = room.checked_sub(character.len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let kept: usize = line.graphemes(true).take(most).take_while(fits).map(str::len).sum();
        match line.get(..kept) {
            Some(cut) if kept < line.len() => Self(format!("{}…", cut.trim_end())),
            Some(_) | None => Self(line),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For a place where a logo could be.
    pub fn initial(&self) -> String {
        let first = self.0.graphemes(true).find(|character| character.chars().any(char::is_alphanumeric));
        first.unwrap_or("?").to_uppercase()
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Without what changes the direction of text, what controls, and what nobody sees: the tools of those who
/// want a reader to see something else than is there. Letters are left as they are, right-to-left ones too.
pub fn without_tricks(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_trick(c) || is_break(c)) {
        return Cow::Borrowed(text);
    }
    let kept = text.chars().filter(|c| !is_trick(*c)).map(|c| if is_break(c) { ' ' } else { c });
    Cow::Owned(kept.collect())
}

/// What parts words or lines, but is no plain space.
const fn is_break(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_trick(c: char) -> bool {
    if is_break(c) {
        return false;
    }
    c.is_control()
        || matches!(c,
            // Marks, embeddings, overrides and isolates [UAX 9].
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Without any width. Not the joiners U+200C and U+200D: words of some scripts need them.
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_text_cannot_turn_what_is_around_it() {
        let tricky = "Demo\u{202e}pohS\u{202c} \u{2067}x\u{2069}\u{200f}\u{61c}\u{206a}";
        assert_eq!(Foreign::name(tricky).as_str(), "DemopohS x");
        assert_eq!(without_tricks("a\u{2068}b\u{2069}c"), "abc");
    }

    #[test]
    fn security_there_is_nothing_that_nobody_sees() {
        assert_eq!(Foreign::name("pay\u{200b}pal\u{feff}\u{ad}\u{0}\u{1b}\u{e0041}").as_str(), "paypal");
        assert_eq!(Foreign::name(" two\r\nlines\u{2028}and  more\t").as_str(), "two lines and more");
        assert_eq!(Foreign::name("\u{3164}\u{200e}").as_str(), "");
    }

    #[test]
    fn letters_of_all_scripts_are_left() {
        for text in ["متجر تجريبي", "デモショップ", "می\u{200c}خواهم", "👩\u{200d}💻 Ltd.", "Crème & Co <3"]
        {
            assert_eq!(Foreign::name(text).as_str(), text);
            assert!(matches!(without_tricks(text), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn what_is_too_long_is_cut_where_a_character_ends() {
        let long = Foreign::name(&"é👩\u{200d}💻 ".repeat(500));
        assert!(long.as_str().ends_with('…') && long.as_str().graphemes(true).count() <= 61, "{long}");
        let accents = Foreign::name(&format!("a{}", "\u{301}".repeat(2000)));
        assert!(accents.as_str().len() < 500, "{}", accents.as_str().len());
        assert_eq!(Foreign::name(&"x".repeat(60)).as_str(), "x".repeat(60));
    }

    #[test]
    fn a_name_has_an_initial() {
        for (name, initial) in [("demo shop", "D"), ("«Étoile»", "É"), ("", "?"), ("…", "?"), ("متجر", "م")]
        {
            assert_eq!(Foreign::name(name).initial(), initial);
        }
    }
}
