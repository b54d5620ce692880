//! What a setting is: its key, its kind, and how a value of that kind is written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::protocol::authorization_details::DetailType;
use crate::protocol::phone_number::Country;
use crate::secret::Secret;

/// One row of the table of settings. The parser, the names in the environment, the JSON Schema, the
/// documentation and the file that `nod config init` writes all come from these rows.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// `ciba.interval`
    pub key: &'static str,
    /// What it is for, in Markdown.
    pub about: &'static str,
    pub kind: Kind,
    /// As it is written in the environment.
    pub default: Option<&'static str>,
    pub required: bool,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Never shown.
    Secret,
    Path,
    Duration,
    /// A host's address and a port.
    Address,
    /// A whole number, one at least.
    Count,
    Switch,
    Networks,
    /// In two letters each.
    Countries,
    /// Types of `authorization_details`.
    DetailTypes,
    Choice(&'static [&'static str]),
}

/// A value as somebody wrote it, its shape known and its meaning not yet.
#[derive(Clone, Debug)]
pub enum Given {
    Text(String),
    /// Whatever is done with it, it is not shown.
    Secret(Secret<String>),
    Number(i64),
    Switch(bool),
    List(Vec<String>),
}

impl Setting {
    /// `NOD_CIBA__INTERVAL`
    pub fn environment(&self) -> String {
        environment_name(self.key)
    }

    /// `("ciba", "interval")`; no section for what is at the top.
    pub fn split(&self) -> (Option<&'static str>, &'static str) {
        match self.key.split_once('.') {
            Some((section, field)) => (Some(section), field),
            None => (None, self.key),
        }
    }

    /// What it is when nobody says anything; that is no secret.
    pub(super) fn built_in(&self) -> Option<Given> {
        let text = self.default?;
        if self.is_secret() { Some(Given::Text(text.to_owned())) } else { self.kind.given(text) }
    }

    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }
}

pub(super) fn environment_name(key: &str) -> String {
    format!("NOD_{}", key.replace('.', "__").to_uppercase())
}

impl Kind {
    /// For a message: "expected ...".
    pub fn expected(self) -> String {
        match self {
            Self::Text | Self::Secret => "a text".to_owned(),
            Self::Path => "the path of a file, as a text".to_owned(),
            Self::Duration => "a duration: 250ms, 90s, 10m, 12h or 14d".to_owned(),
            Self::Address => "an address and a port: 127.0.0.1:8443 or [::]:8443".to_owned(),
            Self::Count => "a whole number, 1 at least".to_owned(),
            Self::Switch => "true or false".to_owned(),
            Self::Networks => "a list of networks: [\"10.0.0.0/8\", \"fd00::/8\"]".to_owned(),
            Self::Countries => "a list of countries, in two letters: [\"DE\", \"AT\"]".to_owned(),
            Self::DetailTypes => {
                "a list of types and their members: [\"payment: amount:object*, note:text\"]".to_owned()
            }
            Self::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }

    /// Whether a value has the right shape.
    pub(super) fn takes(self, given: &Given) -> bool {
        match self {
            Self::Text | Self::Path | Self::Duration | Self::Address | Self::Choice(_) => {
                matches!(given, Given::Text(_))
            }
            Self::Secret => matches!(given, Given::Secret(_)),
            Self::Count => matches!(given, Given::Number(_)),
            Self::Switch => matches!(given, Given::Switch(_)),
            Self::Networks | Self::Countries | Self::DetailTypes => matches!(given, Given::List(_)),
        }
    }

    /// How the environment and flags write it. `None`: the text has another shape.
    pub(super) fn given(self, text: &str) -> Option<Given> {
        match self {
            Self::Text | Self::Path | Self::Duration | Self::Address | Self::Choice(_) => {
                Some(Given::Text(text.to_owned()))
            }
            Self::Secret => Some(Given::Secret(Secret::new(text.to_owned()))),
            Self::Count => text.trim().parse().ok().map(Given::Number),
            Self::Switch => text.trim().parse().ok().map(Given::Switch),
            Self::Networks | Self::Countries | Self::DetailTypes if text.trim_start().starts_with('[') => {
                let mut table: toml::Table = toml::from_str(&format!("list = {text}")).ok()?;
                table.remove("list")?.try_into().ok().map(Given::List)
            }
            Self::Networks | Self::Countries | Self::DetailTypes => {
                // The members of a type have commas between them.
                let between = if self == Self::DetailTypes { ';' } else { ',' };
                let parts = text.split(between).map(str::trim).filter(|part| !part.is_empty());
                Some(Given::List(parts.map(str::to_owned).collect()))
            }
        }
    }
}

impl Given {
    /// As TOML writes it.
    pub fn literal(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Secret(_) => "***".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Switch(on) => on.to_string(),
            Self::List(list) => {
                format!("[{}]", list.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
            }
        }
    }

    pub(super) const fn shape(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Secret(_) => "a text",
            Self::Number(_) => "a number",
            Self::Switch(_) => "true or false",
            Self::List(_) => "a list",
        }
    }

    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Secret(_) => "***".into(),
            Self::Number(number) => (*number).into(),
            Self::Switch(on) => (*on).into(),
            Self::List(list) => list.clone().into(),
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A type that settings have.
pub(super) trait Value: Sized {
    const KIND: Kind;
    const REQUIRED: bool = true;
    /// What it is when nobody says anything. Only optional settings are something then.
    fn absent() -> Option<Self> {
        None
    }
    /// `None`: not a value of this kind.
    fn parse(given: &Given) -> Option<Self>;
}

fn text(given: &Given) -> Option<&str> {
    match given {
        Given::Text(text) => Some(text),
        Given::Secret(_) | Given::Number(_) | Given::Switch(_) | Given::List(_) => None,
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn parse(given: &Given) -> Option<Self> {
        T::parse(given).map(Some)
    }
}

impl Value for String {
    const KIND: Kind = Kind::Text;

    fn parse(given: &Given) -> Option<Self> {
        text(given).map(str::to_owned)
    }
}

impl Value for Secret<String> {
    const KIND: Kind = Kind::Secret;

    fn parse(given: &Given) -> Option<Self> {
        match given {
            Given::Secret(text) => Some(Self::new(text.expose().trim().to_owned())),
            Given::Text(_) | Given::Number(_) | Given::Switch(_) | Given::List(_) => None,
        }
    }
}

impl Value for PathBuf {
    const KIND: Kind = Kind::Path;

    fn parse(given: &Given) -> Option<Self> {
        text(given).filter(|text| !text.is_empty()).map(Self::from)
    }
}

impl Value for Duration {
    const KIND: Kind = Kind::Duration;

    fn parse(given: &Given) -> Option<Self> {
        super::parse_duration(text(given)?)
    }
}

impl Value for SocketAddr {
    const KIND: Kind = Kind::Address;

    fn parse(given: &Given) -> Option<Self> {
        text(given)?.parse().ok()
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Switch;

    fn parse(given: &Given) -> Option<Self> {
        match given {
            Given::Switch(on) => Some(*on),
            Given::Text(_) | Given::Secret(_) | Given::Number(_) | Given::List(_) => None,
        }
    }
}

impl Value for Vec<IpNet> {
    const KIND: Kind = Kind::Networks;

    fn parse(given: &Given) -> Option<Self> {
        match given {
            Given::List(list) => list.iter().map(|network| network.parse().ok()).collect(),
            Given::Text(_) | Given::Secret(_) | Given::Number(_) | Given::Switch(_) => None,
        }
    }
}

impl Value for Vec<Country> {
    const KIND: Kind = Kind::Countries;

    fn parse(given: &Given) -> Option<Self> {
        match given {
            Given::List(list) => list.iter().map(|country| Country::parse(country)).collect(),
            Given::Text(_) | Given::Secret(_) | Given::Number(_) | Given::Switch(_) => None,
        }
    }
}

impl Value for Vec<DetailType> {
    const KIND: Kind = Kind::DetailTypes;

    fn parse(given: &Given) -> Option<Self> {
        match given {
            Given::List(list) => list.iter().map(|text| DetailType::parse(text)).collect(),
            Given::Text(_) | Given::Secret(_) | Given::Number(_) | Given::Switch(_) => None,
        }
    }
}

fn count<T: TryFrom<i64>>(given: &Given) -> Option<T> {
    match given {
        Given::Number(number) if *number > 0 => T::try_from(*number).ok(),
        Given::Number(_) | Given::Text(_) | Given::Secret(_) | Given::Switch(_) | Given::List(_) => None,
    }
}

impl Value for u32 {
    const KIND: Kind = Kind::Count;

    fn parse(given: &Given) -> Option<Self> {
        count(given)
    }
}

impl Value for usize {
    const KIND: Kind = Kind::Count;

    fn parse(given: &Given) -> Option<Self> {
        count(given)
    }
}

/// An enum of a few words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $crate::config::setting::Value for $name {
            const KIND: $crate::config::Kind = $crate::config::Kind::Choice(&[$($word),+]);

            fn parse(given: &$crate::config::Given) -> Option<Self> {
                match given {
                    $($crate::config::Given::Text(text) if text == $word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(super) use words;
