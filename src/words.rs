//! What people read, in their language. Pages and the flow API say the same words.
//!
//! The messages are a closed enum ([`Message`]): one that does not exist does not compile, and a test fails
//! when a language lacks one. Their texts are Fluent, one file for each language.

mod foreign;
mod locale;
mod message;
#[cfg(test)]
mod pseudo;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

pub use self::foreign::{Foreign, without_tricks};
pub use self::locale::{Locale, Wishes};
pub use self::message::Message;
use self::message::Value;

/// What Fluent puts around a value whose direction may differ from that of its sentence.
pub const ISOLATE: char = '\u{2068}';
pub const ISOLATED: char = '\u{2069}';

/// The texts, and the languages that an operator offers.
pub struct Words {
    offered: Vec<Locale>,
    texts: BTreeMap<Locale, OnceLock<FluentBundle<FluentResource>>>,
}

impl Words {
    /// `offered`: the first is what people get whose languages we do not have. Nothing: all that there are.
    pub fn new(offered: &[Locale]) -> Self {
        let offered = if offered.is_empty() { Locale::ALL } else { offered };
        // Each is read when somebody first asks for it.
        let texts = Locale::KNOWN.iter().map(|locale| (*locale, OnceLock::new())).collect();
        Self { offered: offered.to_vec(), texts }
    }

    pub fn offered(&self) -> &[Locale] {
        &self.offered
    }

    /// The language to answer in.
    pub fn choose(&self, wishes: &Wishes<'_>) -> Locale {
        locale::choose(&self.offered, wishes)
    }

    /// Without any markup: for JSON, titles and attributes.
    pub fn say(&self, locale: Locale, message: Message<'_>) -> String {
        self.isolated(locale, message).replace([ISOLATE, ISOLATED], "")
    }

    /// With [`ISOLATE`] and [`ISOLATED`] around values, and nowhere else: a page makes `<bdi>` of them.
    pub fn isolated(&self, locale: Locale, message: Message<'_>) -> String {
        let english = || self.format(Locale::default(), message);
        self.format(locale, message).or_else(english).unwrap_or_else(|| message.id().to_owned())
    }

    fn format(&self, locale: Locale, message: Message<'_>) -> Option<String> {
        let bundle = self.texts.get(&locale)?.get_or_init(|| bundle(locale));
        let pattern = bundle.get_message(message.id())?.value()?;
        let mut arguments = FluentArgs::new();
        if let Some((name, value)) = message.value() {
            arguments.set(name, self.value(locale, value));
        }
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors);
        // The tests format every message in every language: nobody sees one with errors.
        errors.is_empty().then(|| text.into_owned())
    }

    fn value<'v>(&self, locale: Locale, value: Value<'v>) -> FluentValue<'v> {
        match value {
            // Whoever chose it must not end the isolation around it.
            Value::Text(text) => FluentValue::String(without_tricks(text)),
            Value::Number(number) => number.into(),
            Value::Span(span) => FluentValue::String(Cow::Owned(self.say(locale, in_words(span)))),
        }
    }
}

/// Nobody is told to wait for less than they have to.
fn in_words(span: Duration) -> Message<'static> {
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    match seconds {
        0..120 => Message::Seconds(seconds.max(1)),
        120..7200 => Message::Minutes(seconds.div_ceil(60)),
        7200..172_800 => Message::Hours(seconds.div_ceil(3600)),
        172_800.. => Message::Days(seconds.div_ceil(86_400)),
    }
}

fn bundle(locale: Locale) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![locale.language()]);
    #[cfg(test)]
    bundle.set_transform(pseudo::transform(locale));
    // What can be read of a broken file is better than nothing; the tests see the rest.
    let resource = FluentResource::try_new(locale.texts().to_owned()).unwrap_or_else(|(readable, _)| readable);
    if bundle.add_resource(resource).is_err() {
        tracing::error!(locale = locale.tag(), "a message has two texts");
    }
    bundle
}
