//! What every page has around its content.

use askama::filters::Safe;

use crate::web::{assets, page};
use crate::words::{ISOLATE, ISOLATED, Locale, Message, Words};

/// The same on all pages of a server. Links and the logo are addresses below our own origin, or `https`.
#[derive(Clone, Debug)]
pub struct Site {
    /// Whose pages these are.
    pub brand: String,
    /// An image of our own origin: the policy of the pages allows no other.
    pub logo: Option<String>,
    /// The path of the issuer, which a proxy takes off: links begin with it.
    pub base: String,
    pub help: Option<String>,
    pub privacy: Option<String>,
    pub terms: Option<String>,
}

/// What `render` needs beside its view.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub site: &'a Site,
    pub words: &'a Words,
    pub locale: Locale,
    /// Where this page is, for the links to it in other languages. `None`: it cannot be asked for again.
    pub here: Option<&'a str>,
}

/// What the layout asks every page.
pub(super) trait Titled {
    fn heading(&self) -> Message<'_>;

    fn is_error(&self) -> bool {
        false
    }
}

/// A link to the same page in another language.
pub(super) struct Language {
    pub locale: Locale,
    pub href: String,
    pub current: bool,
}

impl Around<'_> {
    pub(super) fn say(&self, message: Message<'_>) -> String {
        self.words.say(self.locale, message)
    }

    /// As markup: what is put into the message stands in `<bdi>`, so that its direction stays its own.
    pub(super) fn html(&self, message: Message<'_>) -> Safe<String> {
        let text = self.words.isolated(self.locale, message);
        let mut markup = String::with_capacity(text.len() + 32);
        for c in text.chars() {
            match c {
                '&' => markup.push_str("&amp;"),
                '<' => markup.push_str("&lt;"),
                '>' => markup.push_str("&gt;"),
                '"' => markup.push_str("&#34;"),
                '\'' => markup.push_str("&#39;"),
                ISOLATE => markup.push_str("<bdi>"),
                ISOLATED => markup.push_str("</bdi>"),
                _ => markup.push(c),
            }
        }
        Safe(markup)
    }

    /// An error is in the title too: it is what a screen reader says first.
    pub(super) fn title(&self, heading: Message<'_>, is_error: bool) -> String {
        let heading = self.say(heading);
        let titled = if is_error { Message::ErrorTitle(&heading) } else { Message::Title(&heading) };
        format!("{} – {}", self.say(titled), self.site.brand)
    }

    pub(super) fn asset(&self, name: &str) -> String {
        format!("{}{}", self.site.base, assets::path(name))
    }

    /// No links where there is nothing to choose.
    pub(super) fn languages(&self) -> Vec<Language> {
        let Some(here) = self.here.filter(|_| self.words.offered().len() > 1) else { return Vec::new() };
        let links = self.words.offered().iter().map(|locale| Language {
            locale: *locale,
            href: page::with_parameter(here, "ui_locales", locale.tag()),
            current: *locale == self.locale,
        });
        links.collect()
    }
}
