//! What a password is held against that somebody chose.

use crate::protocol::words::words;

words! {
    /// What a password that somebody chose does not fulfil.
    Validator {
        TooShort = "TOO_SHORT",
        TooLong = "TOO_LONG",
        Common = "COMMON",
        ContainsUsername = "CONTAINS_USERNAME",
        Unchanged = "UNCHANGED",
        Characters = "CHARACTERS",
    }
}

impl Validator {
    /// What a password fulfils that does not fulfil this: it is held against the one after the other.
    pub const fn fulfilled_before(self) -> &'static [Self] {
        match self {
            Self::Characters => &[],
            Self::TooLong => &[Self::TooShort],
            Self::TooShort => &[Self::TooLong, Self::Characters],
            Self::Common => &[Self::TooLong, Self::Characters, Self::TooShort],
            Self::ContainsUsername => &[Self::TooLong, Self::Characters, Self::TooShort, Self::Common],
            Self::Unchanged => &[Self::TooLong, Self::Characters, Self::TooShort, Self::Common, Self::ContainsUsername],
        }
    }
}
