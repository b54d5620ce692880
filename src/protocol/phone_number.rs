//! Telephone numbers as the world writes them [E.164], the countries that they are of, and how far messages go.

mod countries;

use self::countries::{COUNTRIES, DEAR};

/// `+` and 7 to 15 digits, of a country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber(String);

/// ISO 3166-1 alpha-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country(&'static str);

/// Whom messages go to. Whatever is allowed, nothing goes to what is dear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Nobody,
    /// People with numbers of these countries.
    Within(Vec<Country>),
    /// For where nothing leaves the machine.
    Everywhere,
}

/// Each country with one of its prefixes.
fn prefixes() -> impl Iterator<Item = (Country, &'static str)> {
    let mut of = Country("");
    COUNTRIES.split_ascii_whitespace().filter_map(move |word| {
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return Some((of, word));
        }
        of = Country(word);
        None
    })
}

impl Country {
    pub fn parse(text: &str) -> Option<Self> {
        prefixes().map(|(country, _)| country).find(|country| country.0 == text)
    }

    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl PhoneNumber {
    /// As people write it, with its country: spaces, hyphens, dots and brackets do no harm. Neither a URI nor two numbers
    /// are one, nor is what no country has.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix('+')?;
        let apart = |c: &char| matches!(c, ' ' | '-' | '.' | '(' | ')');
        let digits: String = rest.chars().filter(|c| !apart(c)).collect();
        let written = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        let number = Self(format!("+{digits}"));
        (written && (7..=15).contains(&digits.len()) && number.country().is_some()).then_some(number)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// `None`: it is of none, such as a satellite's.
    pub fn country(&self) -> Option<Country> {
        let fitting = prefixes().filter(|(_, prefix)| self.digits().starts_with(prefix));
        fitting.max_by_key(|(_, prefix)| prefix.len()).map(|(country, _)| country)
    }

    /// Whether a message costs more than usual, or reaches nobody.
    pub fn is_dear(&self) -> bool {
        DEAR.iter().flat_map(|some| some.split_ascii_whitespace()).any(|prefix| self.digits().starts_with(prefix))
    }

    /// The ten thousand numbers that it is among: whoever earns on messages has them in a row.
    pub fn range(&self) -> &str {
        self.0.get(..self.0.len().saturating_sub(4)).unwrap_or_default()
    }

    /// Enough for its owner to know it by.
    pub fn ending(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(2)..).unwrap_or_default()
    }
}

impl Reach {
    pub fn has(&self, number: &PhoneNumber) -> bool {
        let within = match self {
            Self::Nobody => false,
            Self::Within(countries) => number.country().is_some_and(|country| countries.contains(&country)),
            Self::Everywhere => true,
        };
        within && !number.is_dear()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    /// [security.md case 119]
    #[test]
    fn a_number_is_one_number_with_its_country() {
        for text in ["+4915123456789", " +49 151 2345-6789 ", "+49 (151) 234.567.89"] {
            assert_eq!(number(text).as_str(), "+4915123456789", "{text}");
        }
        for text in [
            "",
            "+",
            "015123456789",
            "004915123456789",
            "4915123456789",
            "+49151234567890123",
            "+491",
            "+0491512345678",
            "sip:+4915123456789@example.com",
            "tel:+4915123456789",
            "+4915123456789,+4915123456780",
            "+4915123456789;ext=1",
            "+4915123456789\r\nTo: +4915123456780",
            "+4915123456789\u{0}",
            "+49 151 2345 678x",
            "+٤٩١٥١٢٣٤٥٦٧٨٩",
            "+999123456789",
        ] {
            assert_eq!(PhoneNumber::parse(text), None, "{text:?}");
        }
    }

    /// [security.md case 118]
    #[test]
    fn the_longest_prefix_says_of_which_country_a_number_is() {
        for (text, country) in [
            ("+4915123456789", "DE"),
            ("+12125550123", "US"),
            ("+14165550123", "CA"),
            ("+18765550123", "JM"),
            ("+447400123456", "GB"),
            ("+447797123456", "JE"),
            ("+79161234567", "RU"),
            ("+77011234567", "KZ"),
            ("+390669812345", "VA"),
            ("+393331234567", "IT"),
        ] {
            assert_eq!(number(text).country(), Country::parse(country), "{text}");
            assert!(!number(text).is_dear(), "{text}");
        }
        assert_eq!(Country::parse("XX"), None);
        assert_eq!(Country::parse("49"), None);
        let all: Vec<&str> = prefixes().map(|(_, prefix)| prefix).collect();
        assert!(all.iter().all(|prefix| all.iter().filter(|other| other == &prefix).count() == 1), "one country each");
    }

    #[test]
    fn security_118_messages_go_where_they_are_allowed_and_never_where_they_are_dear() {
        let within = |countries: &[&str]| {
            Reach::Within(countries.iter().map(|country| Country::parse(country).unwrap()).collect())
        };
        let (home, none) = (within(&["DE", "US"]), within(&[]));
        let (german, american) = (number("+4915123456789"), number("+12125550123"));
        assert!(home.has(&german) && home.has(&american) && Reach::Everywhere.has(&german));
        for reach in [&none, &Reach::Nobody] {
            assert!(!reach.has(&german), "{reach:?}");
        }
        assert!(!home.has(&number("+18765550123")), "Jamaica has the country code of the United States");
        for dear in ["+19005550123", "+18005550123", "+499001234567", "+491371234567"] {
            assert!(!home.has(&number(dear)) && !Reach::Everywhere.has(&number(dear)), "{dear}");
        }
        for satellite in ["+881612345678", "+870773123456", "+88213123456", "+979123456789"] {
            assert_eq!(PhoneNumber::parse(satellite), None, "{satellite} is of no country");
        }
    }

    #[test]
    fn a_number_is_among_ten_thousand_and_ends_in_two_digits() {
        assert_eq!(number("+4915123456789").range(), "+491512345");
        assert_eq!(number("+4915123456789").ending(), "89");
    }
}
