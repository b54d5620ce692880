//! The languages, and which of them somebody gets.

use unic_langid::LanguageIdentifier;

/// A language that Nod speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Locale {
    #[default]
    En,
    De,
    Es,
    Fr,
    Ja,
    Ar,
    /// English with accents, and longer: shows what is not translated, and what has no room to grow.
    #[cfg(test)]
    Accented,
    /// English as if it were written from right to left.
    #[cfg(test)]
    Mirrored,
}

impl Locale {
    pub const ALL: &[Self] = &[Self::En, Self::De, Self::Es, Self::Fr, Self::Ja, Self::Ar];
    #[cfg(not(test))]
    pub(super) const KNOWN: &[Self] = Self::ALL;
    #[cfg(test)]
    pub(crate) const KNOWN: &[Self] =
        &[Self::En, Self::De, Self::Es, Self::Fr, Self::Ja, Self::Ar, Self::Accented, Self::Mirrored];

    /// The BCP 47 tag, as `lang` and `ui_locales_supported` have it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Es => "es",
            Self::Fr => "fr",
            Self::Ja => "ja",
            Self::Ar => "ar",
            #[cfg(test)]
            Self::Accented => "en-XA",
            #[cfg(test)]
            Self::Mirrored => "ar-XB",
        }
    }

    /// What its speakers call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
            Self::Es => "Español",
            Self::Fr => "Français",
            Self::Ja => "日本語",
            Self::Ar => "العربية",
            #[cfg(test)]
            Self::Accented => "Ëñĝļîšħ",
            #[cfg(test)]
            Self::Mirrored => "hsilgnE",
        }
    }

    /// The direction of its script, as `dir` has it.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Ar => "rtl",
            #[cfg(test)]
            Self::Mirrored => "rtl",
            #[cfg(test)]
            Self::Accented => "ltr",
            Self::En | Self::De | Self::Es | Self::Fr | Self::Ja => "ltr",
        }
    }

    pub(super) const fn texts(self) -> &'static str {
        match self {
            Self::En => include_str!("en.ftl"),
            Self::De => include_str!("de.ftl"),
            Self::Es => include_str!("es.ftl"),
            Self::Fr => include_str!("fr.ftl"),
            Self::Ja => include_str!("ja.ftl"),
            Self::Ar => include_str!("ar.ftl"),
            #[cfg(test)]
            Self::Accented | Self::Mirrored => include_str!("en.ftl"),
        }
    }

    /// For the plurals.
    pub(super) fn language(self) -> LanguageIdentifier {
        #[cfg(test)]
        if matches!(self, Self::Accented | Self::Mirrored) {
            return Self::En.language();
        }
        self.tag().parse().unwrap_or_default()
    }

    /// Of a tag that is exactly one of ours.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::KNOWN.iter().copied().find(|locale| locale.tag().eq_ignore_ascii_case(tag))
    }
}

/// Who says in what language a page is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'w> {
    /// [OIDC Core §3.1.2.1] tags in the order of preference, with spaces between.
    pub ui_locales: Option<&'w str>,
    /// What this browser chose before: the value of our cookie.
    pub saved: Option<&'w str>,
    pub accept_language: Option<&'w str>,
}

impl Wishes<'_> {
    /// Of all languages of ours, for whoever is written to later.
    pub fn best(&self) -> Locale {
        choose(Locale::ALL, self)
    }
}

pub(super) fn choose(offered: &[Locale], wishes: &Wishes<'_>) -> Locale {
    let asked = wishes.ui_locales.into_iter().flat_map(str::split_ascii_whitespace).take(MOST);
    let accepted = accepted(wishes.accept_language.unwrap_or_default());
    let mut ranges = asked.chain(wishes.saved.map(str::trim)).chain(accepted);
    let first = offered.first().copied().unwrap_or_default();
    ranges.find_map(|range| look_up(offered, range)).unwrap_or(first)
}

/// Nobody reads more languages; more of them cost only time.
const MOST: usize = 20;

/// [RFC 4647 §3.4] the range gets shorter at its end until it is one of ours.
fn look_up(offered: &[Locale], range: &str) -> Option<Locale> {
    let mut range = range;
    loop {
        if let Some(found) = offered.iter().find(|locale| locale.tag().eq_ignore_ascii_case(range)) {
            return Some(*found);
        }
        range = range.rsplit_once('-')?.0;
    }
}

/// [RFC 9110 §12.5.4] the ranges of `Accept-Language`, the most wanted first.
fn accepted(header: &str) -> impl Iterator<Item = &str> {
    let weighed = header.split(',').take(MOST).filter_map(|part| {
        let (range, parameters) = part.split_once(';').unwrap_or((part, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f32>().ok())?;
        (weight > 0.0).then_some((range.trim(), weight))
    });
    let mut weighed: Vec<(&str, f32)> = weighed.collect();
    weighed.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    weighed.into_iter().map(|(range, _)| range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(ui_locales: &str, saved: &str, accept_language: &str) -> Locale {
        let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let wishes =
            Wishes { ui_locales: some(ui_locales), saved: some(saved), accept_language: some(accept_language) };
        choose(Locale::ALL, &wishes)
    }

    #[test]
    fn the_app_is_asked_before_the_cookie_and_the_cookie_before_the_browser() {
        assert_eq!(chosen("fr de", "ja", "es"), Locale::Fr);
        assert_eq!(chosen("", "ja", "es"), Locale::Ja);
        assert_eq!(chosen("", "", "es"), Locale::Es);
        assert_eq!(chosen("", "", ""), Locale::En);
        assert_eq!(chosen("tlh xx-YY", "nonsense", "tlh"), Locale::En);
    }

    #[test]
    fn regions_and_scripts_lead_to_their_language() {
        assert_eq!(chosen("de-AT", "", ""), Locale::De);
        assert_eq!(chosen("tlh ES-419", "", ""), Locale::Es);
        assert_eq!(chosen("", "", "ar-Arab-EG, en"), Locale::Ar);
        assert_eq!(chosen("-", "--", "-;q"), Locale::En);
        assert_eq!(chosen("dexter", "", ""), Locale::En);
    }

    #[test]
    fn browsers_weigh_their_languages() {
        assert_eq!(chosen("", "", "de;q=0.1, fr;q=0.9, en;q=0.5"), Locale::Fr);
        assert_eq!(chosen("", "", "tlh, fr-CH;q=0.8, *;q=0.1"), Locale::Fr);
        assert_eq!(chosen("", "", "de;q=0, fr;q=0.2"), Locale::Fr);
        assert_eq!(chosen("", "", "de;q=x, fr;q=0.2"), Locale::Fr);
        assert_eq!(chosen("", "", &"tlh,".repeat(5000)), Locale::En);
    }

    #[test]
    fn an_operator_may_offer_fewer() {
        let wishes = Wishes { ui_locales: Some("fr es"), ..Wishes::default() };
        assert_eq!(choose(&[Locale::De, Locale::Es], &wishes), Locale::Es);
        assert_eq!(choose(&[Locale::De], &wishes), Locale::De);
    }

    #[test]
    fn tags_are_read_back() {
        for locale in Locale::ALL {
            assert_eq!(Locale::parse(locale.tag()), Some(*locale));
            assert_eq!(locale.language().to_string(), locale.tag());
        }
        assert_eq!(Locale::parse("de-AT"), None);
    }
}
