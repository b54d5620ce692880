//! Pseudo-locales: made of the English texts, for tests alone.

use std::borrow::Cow;

use super::Locale;

pub(super) fn transform(locale: Locale) -> Option<fn(&str) -> Cow<'_, str>> {
    match locale {
        Locale::Accented => Some(accented),
        Locale::Mirrored => Some(mirrored),
        Locale::En | Locale::De | Locale::Es | Locale::Fr | Locale::Ja | Locale::Ar => None,
    }
}

/// `en-XA`: with accents, and longer by about a third.
fn accented(text: &str) -> Cow<'_, str> {
    let letter = |c| match c {
        'a' => "àà",
        'e' => "éé",
        'i' => "î",
        'o' => "öö",
        'u' => "ûû",
        'A' => "Å",
        'C' => "Ç",
        'E' => "É",
        'S' => "Š",
        'T' => "Ţ",
        'n' => "ñ",
        's' => "š",
        't' => "ţ",
        _ => "",
    };
    let accented = text.chars().map(|c| match letter(c) {
        "" => c.to_string(),
        accented => accented.to_owned(),
    });
    Cow::Owned(accented.collect())
}

/// `ar-XB`: each word between a right-to-left mark and another one.
fn mirrored(text: &str) -> Cow<'_, str> {
    let words = text.split(' ').map(|word| {
        if word.is_empty() {
            String::new()
        } else {
            format!("\u{200f}{}\u{200f}", word.chars().rev().collect::<String>())
        }
    });
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}
