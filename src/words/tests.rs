use std::collections::BTreeSet;
use std::time::Duration;

use fluent_bundle::{FluentArgs, FluentResource};

use super::*;

/// Something to put into a message.
pub(super) trait Sample<'a> {
    fn sample(text: &'a str, number: u64) -> Self;
}

impl<'a> Sample<'a> for &'a str {
    fn sample(text: &'a str, _: u64) -> Self {
        text
    }
}

impl Sample<'_> for u64 {
    fn sample(_: &str, number: u64) -> Self {
        number
    }
}

impl Sample<'_> for Duration {
    fn sample(_: &str, number: u64) -> Self {
        Self::from_secs(number)
    }
}

/// One of each plural, in every language.
const NUMBERS: [u64; 8] = [0, 1, 2, 3, 11, 100, 600, 86_400];

#[test]
fn every_language_has_every_message_and_no_other() {
    let known: BTreeSet<&str> = Message::all("", 0).iter().map(Message::id).collect();
    assert_eq!(known.len(), Message::all("", 0).len(), "an identifier is there twice");
    for locale in Locale::ALL {
        let resource = FluentResource::try_new(locale.texts().to_owned());
        assert!(resource.is_ok(), "{}: {:?}", locale.tag(), resource.err().map(|(_, errors)| errors));
        let lines = locale.texts().lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        let there: Vec<&str> = lines.filter_map(|line| Some(line.split_once(" =")?.0)).collect();
        let set: BTreeSet<&str> = there.iter().copied().collect();
        assert_eq!(there.len(), set.len(), "{} has a message twice", locale.tag());
        let missing: Vec<_> = known.difference(&set).collect();
        let unknown: Vec<_> = set.difference(&known).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "{} lacks {missing:?}, has {unknown:?}", locale.tag());
    }
}

/// Written without errors, and with its value: none that the enum does not give, none left out.
#[test]
fn every_message_can_be_said_in_every_language() {
    let words = Words::new(&[]);
    for locale in Locale::KNOWN {
        let bundle = bundle(*locale);
        for number in NUMBERS {
            for message in Message::all("Demo Shop", number) {
                let pattern = bundle.get_message(message.id()).and_then(|message| message.value()).expect("a text");
                let mut arguments = FluentArgs::new();
                if let Some((name, value)) = message.value() {
                    arguments.set(name, words.value(*locale, value));
                }
                let mut errors = Vec::new();
                let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors);
                assert!(errors.is_empty(), "{} {}: {errors:?}", locale.tag(), message.id());
                let says_text = matches!(message.value(), Some((_, Value::Text(_))));
                assert!(!says_text || text.contains("Demo Shop"), "{} {}: {text}", locale.tag(), message.id());
                let said = words.say(*locale, message);
                assert!(!said.trim().is_empty() && !said.contains(['{', '}', '<', '>']), "{said}");
                let many = number > 3 && matches!(message.value(), Some((_, Value::Number(_))));
                assert!(!many || said.contains(&number.to_string()), "{} {}: {said}", locale.tag(), message.id());
            }
        }
    }
}

/// Words that were forgotten in English.
#[test]
fn nothing_is_left_untranslated() {
    let words = Words::new(&[]);
    for locale in Locale::ALL.iter().filter(|locale| **locale != Locale::En) {
        for message in Message::all("Demo Shop", 5) {
            let english = words.say(Locale::En, message);
            let same = words.say(*locale, message) == english;
            // A title is what it is, and some words are the same in two languages.
            let words = english.split(' ').filter(|word| word.parse::<u64>().is_err());
            let may = words.count() == 1 || matches!(message, Message::Title(_) | Message::ErrorTitle(_));
            assert!(!same || may, "{} {}: {english}", locale.tag(), message.id());
        }
    }
}

#[test]
fn a_value_cannot_leave_its_place() {
    let words = Words::new(&[]);
    let message = Message::SignInTo("Shop\u{2069}\u{202e} evil");
    assert_eq!(words.isolated(Locale::En, message), "to continue to \u{2068}Shop evil\u{2069}");
    assert_eq!(words.say(Locale::En, message), "to continue to Shop evil");
    assert!(words.say(Locale::Accented, message).starts_with("ţöö cöö"));
    assert!(words.say(Locale::Mirrored, message).contains('\u{200f}'));
}

#[test]
fn spans_are_said_in_words_that_people_use() {
    let words = Words::new(&[]);
    let wait = |locale, milliseconds| words.say(locale, Message::ErrorBusyDo(Duration::from_millis(milliseconds)));
    assert_eq!(wait(Locale::En, 200), "Wait one second, then try again.");
    assert_eq!(wait(Locale::En, 29_001), "Wait 30 seconds, then try again.");
    assert_eq!(wait(Locale::En, 121_000), "Wait 3 minutes, then try again.");
    assert_eq!(wait(Locale::En, 86_400_000), "Wait 24 hours, then try again.");
    assert!(wait(Locale::De, 1000).contains("eine Sekunde"), "{}", wait(Locale::De, 1000));
    assert!(wait(Locale::Ar, 180_000).contains("3 دقائق"), "{}", wait(Locale::Ar, 180_000));
}
