//! What is wrong with a configuration, where, and what to do about it.

use std::fmt::{self, Write as _};

use super::origin::Origin;

/// One mistake.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    /// Holds no secret, whatever was written where.
    pub message: String,
    pub at: Option<Origin>,
    pub help: Option<String>,
}

macro_rules! codes {
    ($($(#[doc = $about:literal])+ $name:ident = $number:literal,)+) => {
        /// Kinds of mistakes. A number never changes its meaning and is never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $about])+ $name,)+ }

        impl Code {
            /// Each with what it means.
            pub const ALL: &[(Self, &str)] = &[$((Self::$name, concat!($($about),+).trim_ascii()),)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => concat!("NOD-CFG-", $number),)+ }
            }
        }
    };
}

codes! {
    /// A configuration file cannot be read.
    Unreadable = "001",
    /// A configuration file is not TOML.
    Syntax = "002",
    /// There is no such setting.
    UnknownKey = "003",
    /// A value has the wrong type.
    Type = "004",
    /// A value is not one that the setting takes.
    Value = "005",
    /// A setting without a default is missing.
    Missing = "006",
    /// Alternatives are set at the same time.
    Twice = "007",
    /// A secret where no secret belongs.
    Misplaced = "008",
    /// A file that a setting names cannot be read, or does not hold what it should.
    BadFile = "009",
    /// The issuer is no base address.
    Issuer = "010",
    /// The longest expiry is shorter than the usual one.
    Expiry = "011",
    /// The polling interval is out of bounds.
    Interval = "012",
    /// A poll would be held too long.
    LongPoll = "013",
    /// One of `tls.cert` and `tls.key` is missing.
    HalfTls = "014",
    /// Neither TLS nor a proxy in front.
    NoTls = "015",
    /// A replaced key would be gone before the tokens that it signed.
    RetireAfter = "016",
    /// Both listeners have the same address.
    SameListener = "017",
    /// Passwords would be hashed too cheaply, or at a cost that no node can pay.
    HashCost = "018",
    /// Client certificates cannot get here as it says.
    Certificates = "019",
    /// Mail is set up by half, or a password for it would go unencrypted to another machine.
    Mail = "020",
    /// Whoever sends texts or calls is set up by half, or called without TLS.
    Texts = "022",
    /// More devices than a person may have, or pairing keys or payloads that are good too shortly or too long.
    Devices = "023",
    /// Unsafe: an http issuer that is not on this machine.
    PlainIssuer = "101",
    /// Unsafe: Redis on another machine without TLS.
    PlainRedis = "102",
    /// Unsafe: PostgreSQL on another machine without TLS.
    PlainPostgres = "103",
    /// Unsafe: a secret in a file that others may read.
    ReadableSecret = "104",
    /// Unsafe: a database that ends with the process.
    MemoryDatabase = "105",
    /// Unsafe: the clients or people of dev mode with their well-known secrets.
    DevData = "106",
    /// Unsafe: several nodes with the embedded ephemeral store.
    SharedEmbedded = "107",
    /// Unsafe: a listener without TLS that others than the proxies reach.
    OpenListener = "108",
    /// Unsafe: everybody is believed to hand on the certificates of clients.
    OpenCertificates = "109",
}

impl Problem {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), at: None, help: None }
    }

    #[must_use]
    pub(super) fn at(self, at: Option<Origin>) -> Self {
        Self { at, ..self }
    }

    #[must_use]
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Something that `serve` found out about what the configuration leads to.
    pub fn found(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(code, message).help(help)
    }

    pub fn json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({ "code": self.code.as_str(), "message": self.message });
        if let Some(object) = json.as_object_mut() {
            if let Some(at) = &self.at {
                object.insert("at".to_owned(), at.json());
            }
            if let Some(help) = &self.help {
                object.insert("help".to_owned(), help.as_str().into());
            }
        }
        json
    }
}

/// Two lines at least: what, where, and what to do.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.code.as_str(), self.message)?;
        let indent = " ".repeat(13);
        if let Some(at) = &self.at {
            write!(f, "\n{indent}{at}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{indent}help: {help}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, at once.
#[derive(Debug)]
pub struct ConfigError {
    /// What cannot be done: "the configuration has 3 problems".
    pub head: String,
    pub problems: Vec<Problem>,
}

impl ConfigError {
    pub fn new(problems: Vec<Problem>) -> Self {
        let count = problems.len();
        let head = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
        Self { head: format!("the configuration has {head}"), problems }
    }

    pub fn refused(problems: Vec<Problem>) -> Self {
        let count = problems.len();
        let head = if count == 1 { "1 reason".to_owned() } else { format!("{count} reasons") };
        Self { head: format!("not started, for {head}"), problems }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head)?;
        for problem in &self.problems {
            let mut text = String::new();
            write!(text, "{problem}")?;
            f.write_str("\n")?;
            for (line, first) in text.lines().zip(std::iter::once(true).chain(std::iter::repeat(false))) {
                write!(f, "\n{}{line}", if first { "✗ " } else { "  " })?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
