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

/// With what somebody chooses a new password.
pub struct Forgotten<'a> {
    pub username: &'a str,
    pub proof: Proof,
    pub lifetime: Duration,
}

/// With what somebody who signs in shows that it is them.
pub struct OneTimeCode<'a> {
    pub code: &'a Secret<String>,
    /// Where they sign in.
    pub client: &'a str,
    pub lifetime: Duration,
    /// Whether it lets in a device that is none of theirs yet.
    pub new_device: bool,
}

/// By which somebody shows that the letter has come.
pub enum Proof {
    Both { link: Secret<String>, code: Secret<String> },
    Code(Secret<String>),
    Link(Secret<String>),
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

/// Read aloud, or typed: two short numbers are easier than a long one.
fn apart(code: &str) -> String {
    let (first, last) = code.split_at_checked(code.len() / 2).unwrap_or_default();
    format!("{first} {last}")
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
        let link = |link: &Secret<String>| {
            let href = format!("{}{RECOVERY}?ticket={}", self.issuer, link.expose());
            let link = Some((say(Message::NewPasswordTitle), href));
            Part { link, ..Part::says(say(Message::LetterForgottenLink)) }
        };
        let code = |code: &Secret<String>, says: Message<'static>| Part {
            code: Some(apart(code.expose())),
            ..Part::says(say(says))
        };
        let (both, once) = (Message::LetterForgottenBoth(about.lifetime), Message::LetterForgottenOnce(about.lifetime));
        let (proofs, once, not_you) = match &about.proof {
            Proof::Both { link: opened, code: typed } => {
                (vec![link(opened), code(typed, Message::LetterForgottenOrCode)], both, Message::LetterNotYou)
            }
            Proof::Code(typed) => (vec![code(typed, Message::LetterForgottenCode)], once, Message::LetterNotYou),
            Proof::Link(opened) => (vec![link(opened)], once, Message::LetterNotYouLink),
        };
        let mut parts = vec![Part::says(say(Message::LetterForgotten(about.username)))];
        parts.extend(proofs);
        parts.extend([once, not_you].map(|message| Part::says(say(message))));
        self.written(locale, say(Message::LetterForgottenSubject(&self.brand)), &parts)
    }

    pub fn changed(&self, locale: Locale, username: &str) -> Written {
        self.happened(locale, Message::LetterChangedSubject(&self.brand), Message::LetterChanged(username))
    }

    pub fn device_added(&self, locale: Locale, username: &str) -> Written {
        self.happened(locale, Message::LetterDeviceAddedSubject(&self.brand), Message::LetterDeviceAdded(username))
    }

    pub fn device_removed(&self, locale: Locale, username: &str) -> Written {
        self.happened(locale, Message::LetterDeviceRemovedSubject(&self.brand), Message::LetterDeviceRemoved(username))
    }

    pub fn push_locked(&self, locale: Locale, username: &str) -> Written {
        self.happened(locale, Message::LetterPushLockedSubject(&self.brand), Message::LetterPushLocked(username))
    }

    /// What has happened to an account; and where another password is chosen, should it be the work of somebody else.
    fn happened(&self, locale: Locale, subject: Message<'_>, what: Message<'_>) -> Written {
        let say = |message| self.words.say(locale, message);
        let link = format!("{}{RECOVERY}", self.issuer);
        let parts = [
            Part::says(say(what)),
            Part {
                link: Some((say(Message::NewPasswordTitle), link)),
                ..Part::says(say(Message::LetterChangedNotYou))
            },
        ];
        self.written(locale, say(subject), &parts)
    }

    pub fn one_time_code(&self, locale: Locale, about: &OneTimeCode<'_>) -> Written {
        let say = |message| self.words.say(locale, message);
        let code = Some(apart(about.code.expose()));
        let mut parts = vec![Part { code, ..Part::says(say(Message::LetterCode(about.client))) }];
        parts.extend(about.new_device.then(|| Part::says(say(Message::LetterCodeNewDevice))));
        let (once, not_you) = (Message::LetterForgottenOnce(about.lifetime), Message::LetterCodeNotYou);
        parts.extend([once, not_you].map(|message| Part::says(say(message))));
        self.written(locale, say(Message::LetterCodeSubject(&self.brand)), &parts)
    }

    /// A code for a telephone, to be read. Its last line is for the browser, which offers the code on pages of this host
    /// and no other: origin-bound one-time codes (`WebOTP`).
    ///
    /// `new_device`: with it a device is let in, and not a browser alone.
    pub fn texted(&self, locale: Locale, code: &Secret<String>, new_device: bool) -> String {
        let (brand, code) = (&self.brand, code.expose());
        let says = self.of_what(locale, Message::TextCode(code), new_device);
        let address = self.issuer.split_once("://").map_or(self.issuer.as_str(), |(_, address)| address);
        let host = address.split(['/', ':']).next().unwrap_or_default();
        format!("{brand}: {says}\n\n@{host} #{code}")
    }

    /// The same, to be listened to: digit by digit.
    pub fn spoken(&self, locale: Locale, code: &Secret<String>, new_device: bool) -> String {
        let digits: Vec<String> = code.expose().chars().map(String::from).collect();
        self.of_what(locale, Message::CallCode(&digits.join(", ")), new_device)
    }

    /// A message, and that it lets in a device, if it does.
    fn of_what(&self, locale: Locale, message: Message<'_>, new_device: bool) -> String {
        let says = self.words.say(locale, message);
        if new_device { format!("{says} {}", self.words.say(locale, Message::TextCodeNewDevice)) } else { says }
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

    fn link() -> Secret<String> {
        Secret::new("LINK".to_owned())
    }

    fn code() -> Secret<String> {
        Secret::new("12345678".to_owned())
    }

    fn forgotten(username: &str) -> Forgotten<'_> {
        Forgotten { username, proof: Proof::Both { link: link(), code: code() }, lifetime: Duration::from_secs(600) }
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
    fn a_letter_with_one_of_them_has_no_word_of_the_other() {
        const LINK: &str = "?ticket=LINK";
        const CODE: &str = "1234 5678";
        for locale in Locale::ALL {
            let both = letters().forgotten(*locale, &forgotten("alice"));
            let by = |proof| letters().forgotten(*locale, &Forgotten { proof, ..forgotten("alice") });
            let said = |message| letters().words.say(*locale, message);
            for (letter, has, has_not) in [(by(Proof::Link(link())), LINK, CODE), (by(Proof::Code(code())), CODE, LINK)]
            {
                for body in [&letter.text, &letter.html] {
                    assert!(body.contains(has) && !body.contains(has_not), "{}: {body}", locale.tag());
                }
                assert_eq!(letter.subject, both.subject);
                for message in [Message::LetterForgottenOrCode, Message::LetterForgottenBoth(Duration::from_secs(600))]
                {
                    let said = said(message);
                    assert!(both.text.contains(&said) && !letter.text.contains(&said), "{}", letter.text);
                }
            }
        }
    }

    /// And nothing that an app says of itself: whoever adds a device writes no letter of ours.
    #[test]
    fn every_language_says_what_became_of_devices_and_where_another_password_is_chosen() {
        for locale in Locale::ALL {
            let of = letters();
            let written = [
                of.device_added(*locale, "alice"),
                of.device_removed(*locale, "alice"),
                of.push_locked(*locale, "alice"),
            ];
            for Written { subject, text, html } in &written {
                assert!(subject.contains("Nod"), "{subject}");
                for body in [text, html] {
                    assert!(
                        body.contains("alice") && body.contains("https://id.example/ext/pwdreset/Identify"),
                        "{body}"
                    );
                }
            }
            assert!(written[0].text != written[1].text && written[1].text != written[2].text, "{}", locale.tag());
        }
    }

    #[test]
    fn a_code_is_in_both_forms_in_every_language() {
        let code = Secret::new("123456".to_owned());
        let lifetime = Duration::from_secs(300);
        let about = OneTimeCode { code: &code, client: "Demo Shop", lifetime, new_device: false };
        for locale in Locale::ALL {
            let Written { subject, text, html } = letters().one_time_code(*locale, &about);
            assert!(subject.contains("Nod") && !subject.contains("123"), "{subject}");
            for body in [&text, &html] {
                for part in ["123 456", "Demo Shop", "5"] {
                    assert!(body.contains(part), "{}: no {part} in {body}", locale.tag());
                }
            }
        }
    }

    #[test]
    fn a_code_for_a_telephone_is_read_by_browsers_and_heard_digit_by_digit() {
        let code = Secret::new("012345".to_owned());
        for locale in Locale::ALL {
            let text = letters().texted(*locale, &code, true);
            assert!(text.starts_with("Nod: ") && text.contains("012345"), "{text}");
            assert_eq!(text.lines().last(), Some("@id.example #012345"));
            // Two texts of seventy letters at most: that is how they are counted where letters are not Latin.
            assert!(
                text.chars().count() <= 134 && !text.contains(['\u{2068}', '\u{2069}']),
                "{}: {text}",
                locale.tag()
            );
            let said = letters().spoken(*locale, &code, true);
            assert!(said.contains("0, 1, 2, 3, 4, 5") && !said.contains("012"), "{said}");
            // What is let in is said to whoever it is let in for.
            let plain = [letters().texted(*locale, &code, false), letters().spoken(*locale, &code, false)];
            assert!(plain[0].chars().count() < text.chars().count() && said.starts_with(&plain[1]), "{plain:?}");
            assert_ne!(said, plain[1]);
        }
        let elsewhere = Letters { issuer: "http://localhost:8080/a".to_owned(), ..letters() };
        assert!(elsewhere.texted(Locale::En, &code, false).ends_with("\n@localhost #012345"));
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
