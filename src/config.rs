//! Every setting, read once: defaults, files, the environment, flags. What comes out is complete and
//! checked; what is wrong is told at once, with its place.

mod document;
mod origin;
mod problem;
mod rules;
mod safety;
mod schema;
mod secrets;
mod setting;
mod suggestion;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::ffi::OsString;
use std::time::Duration;

pub use document::{markdown, template};
pub use origin::{Origin, Place};
pub use problem::{Code, ConfigError, Problem};
pub use schema::json_schema;
pub use secrets::Secrets;
pub use setting::{Given, Kind, Setting};
pub use table::{
    Binding, CertificateFormat, Config, LogFormat, MailSecurity, PayloadEncryption, RecoveryMeans, RegistrationMode,
    SECTIONS, SETTINGS, SecurityProfile, TextSender, UnknownUser,
};
pub use values::{Entry, Sources, Values};

use secrets::Found;
use values::Problems;

use crate::secret::Secret;

/// A configuration that can be worked with.
pub struct Loaded {
    pub config: Config,
    pub secrets: Secrets,
    pub values: Values,
    /// Why `nod serve` would not start with it.
    pub refusals: Vec<Problem>,
}

/// What could be made of a configuration, right or wrong.
pub struct Reading {
    pub values: Values,
    /// What must be put right before anything can be done with it.
    pub problems: Vec<Problem>,
    /// What `nod serve` refuses besides.
    pub refusals: Vec<Problem>,
    complete: Option<(Config, Secrets)>,
}

impl Loaded {
    /// For everything but serving: what is unsafe to serve can still be worked on.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        Reading::new(sources).usable().map_err(|reading| ConfigError::new(reading.problems))
    }
}

impl Reading {
    pub fn new(sources: &Sources) -> Self {
        Self::with(sources, std::env::vars_os())
    }

    fn with(sources: &Sources, environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let (values, Problems { list: mut problems, incomplete }) = Values::collect(sources, environment);
        if incomplete {
            return Self { values, problems, refusals: Vec::new(), complete: None };
        }
        let config = Config::read(&values, &mut problems);
        problems.extend(rules::problems(&values));
        let found = Found::read(&values, &mut problems);
        let refusals = safety::refusals(&values, &found);
        let complete = config.zip(found.complete()).filter(|_| problems.is_empty());
        Self { values, problems, refusals, complete }
    }

    /// Or itself, with the problems.
    pub fn usable(self) -> Result<Loaded, Box<Self>> {
        match self {
            Self { values, refusals, complete: Some((config, secrets)), .. } => {
                Ok(Loaded { config, secrets, values, refusals })
            }
            Self { complete: None, .. } => Err(Box::new(self)),
        }
    }

    /// Everything, in one list.
    pub fn all_problems(self) -> Vec<Problem> {
        [self.problems, self.refusals].concat()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads settings")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// 64 hexadecimal digits, or base64 in any of its alphabets, with or without padding.
pub fn parse_master_key(text: &str) -> Option<Secret<[u8; 32]>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let text = text.trim();
    let bytes = if text.len() == 64 {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pairs = text.as_bytes().chunks(2);
        pairs
            .map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            })
            .collect::<Option<Vec<u8>>>()?
    } else {
        let bare = text.trim_end_matches('=');
        STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()?
    };
    bytes.try_into().ok().map(Secret::new)
}

/// `250ms`, `90s`, `10m`, `12h`, `14d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}
