//! What we write to people, in their language: as plain text, and the same as HTML.

use std::time::Duration;

use askama::Template;

use crate::secret::Secret;
use crate::words::{Locale, Message, Words};

/// What makes letters.
pub struct Letters {
    pub words: Words,
    /// Whose letters these are.
    pub brand: String,
    pub issuer: String,
}

/// A letter without its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A link and a code, with which somebody chooses a new password.
pub struct Forgotten<'a> {
    pub username: &'a str,
    pub link: Secret<String>,
    pub code: Secret<String>,
    pub lifetime: Duration,
}

/// Where a person begins who has forgotten a password.
pub const RECOVERY: &str = "/ext/pwdreset/Identify";

/// A paragraph, and what may stand by itself below it.
struct Part {
    says: String,
    link: Option<(String, String)>,
    code: Option<String>,
}

impl Part {
    fn says(says: String) -> Self {
        Self { says, link: None, code: None }
    }
}

#[derive(Template)]
#[template(path = "letter.html")]
struct AsHtml<'a> {
    locale: Locale,
    brand: &'a str,
    subject: &'a str,
    parts: &'a [Part],
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct AsText<'a> {
    brand: &'a str,
    parts: &'a [Part],
}

impl Letters {
    pub fn forgotten(&self, locale: Locale, about: &Forgotten<'_>) -> Written {
        let say = |message| self.words.say(locale, message);
        let link = format!("{}{RECOVERY}?ticket={}", self.issuer, about.link.expose());
        // Read aloud, or typed: two short numbers are easier than a long one.
        let (first, last) = about.code.expose().split_at_checked(4).unwrap_or_default();
        let parts = [
            Part::says(say(Message::LetterForgotten(about.username))),
            Part {
                link: Some((say(Message::NewPasswordTitle), link)),
                ..Part::says(say(Message::LetterForgottenLink))
            },
            Part { code: Some(format!("{first} {last}")), ..Part::says(say(Message::LetterForgottenCode)) },
            Part::says(say(Message::LetterForgottenOnce(about.lifetime))),
            Part::says(say(Message::LetterNotYou)),
        ];
        self.written(locale, say(Message::LetterForgottenSubject(&self.brand)), &parts)
    }

    pub fn changed(&self, locale: Locale, username: &str) -> Written {
        let say = |message| self.words.say(locale, message);
        let link = format!("{}{RECOVERY}", self.issuer);
        let parts = [
            Part::says(say(Message::LetterChanged(username))),
            Part {
                link: Some((say(Message::NewPasswordTitle), link)),
                ..Part::says(say(Message::LetterChangedNotYou))
            },
        ];
        self.written(locale, say(Message::LetterChangedSubject(&self.brand)), &parts)
    }

    fn written(&self, locale: Locale, subject: String, parts: &[Part]) -> Written {
        let brand = self.brand.as_str();
        // A template without loops over what fails cannot fail.
        let html = AsHtml { locale, brand, subject: &subject, parts }.render().unwrap_or_default();
        let text = AsText { brand, parts }.render().unwrap_or_default();
        Written { subject, text, html }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Letters {
        Letters { words: Words::new(&[]), brand: "Nod".to_owned(), issuer: "https://id.example".to_owned() }
    }

    fn forgotten(username: &str) -> Forgotten<'_> {
        Forgotten {
            username,
            link: Secret::new("LINK".to_owned()),
            code: Secret::new("12345678".to_owned()),
            lifetime: Duration::from_secs(600),
        }
    }

    #[test]
    fn every_language_has_link_and_code_in_both_forms() {
        for locale in Locale::ALL {
            let Written { subject, text, html } = letters().forgotten(*locale, &forgotten("alice"));
            assert!(subject.contains("Nod"), "{subject}");
            for body in [&text, &html] {
                for part in ["https://id.example/ext/pwdreset/Identify?ticket=LINK", "1234 5678", "alice", "10"] {
                    assert!(body.contains(part), "{}: no {part} in {body}", locale.tag());
                }
            }
            let (lang, dir) = (locale.tag(), locale.direction());
            assert!(html.contains(&format!("<html lang=\"{lang}\" dir=\"{dir}\">")), "{html}");
            assert!(!text.contains(['<', '>']) && !html.contains("src="), "{text}");
        }
    }

    #[test]
    fn security_151_a_name_writes_no_markup_and_no_second_line() {
        let evil = "<img src=x>\r\nBcc: eve@example.com\u{202e}";
        let Written { subject, text, html } = letters().forgotten(Locale::En, &forgotten(evil));
        assert!(!html.contains("<img") && !html.contains("\nBcc"), "{html}");
        assert!(!text.contains("\nBcc") && !text.contains('\u{202e}'), "{text}");
        assert!(!subject.contains("eve"));
        let Written { text, html, .. } = letters().changed(Locale::De, evil);
        assert!(!html.contains("<img") && !text.contains("\nBcc"), "{text}");
    }
}
