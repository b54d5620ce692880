use serde::{Deserialize, Serialize};

/// `aud`: one string, or a list of them [RFC 7519 §4.1.3]. One member is written as a string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// Whether `party` is among those addressed, compared byte for byte [RFC 7519 §4.1.3].
    pub fn contains(&self, party: &str) -> bool {
        match self {
            Self::One(one) => one == party,
            Self::Many(many) => many.iter().any(|one| one == party),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }

    /// Whether it is `party` alone, and no list.
    pub fn is(&self, party: &str) -> bool {
        match self {
            Self::One(one) => one == party,
            Self::Many(_) => false,
        }
    }
}

impl From<&str> for Audience {
    fn from(party: &str) -> Self {
        Self::One(party.to_owned())
    }
}
