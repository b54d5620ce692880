//! Every setting, read once: defaults, then the file, then `NOD_SECTION__KEY` from the environment.
//! What comes out is complete and checked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::secret::Secret;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Public base URL, without a trailing slash. Every endpoint and `iss` derive from it.
    pub issuer: String,
    #[serde(default)]
    pub listen: Listen,
    pub tls: Option<Tls>,
    #[serde(default)]
    pub proxy: Proxy,
    pub database: Database,
    #[serde(default)]
    pub ephemeral: Ephemeral,
    pub keys: Keys,
    #[serde(default)]
    pub ciba: Ciba,
    #[serde(default)]
    pub tokens: Tokens,
    #[serde(default)]
    pub devices: Devices,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub outbound: Outbound,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub admin: Admin,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    pub public: SocketAddr,
    /// Health and metrics.
    pub ops: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        Self { public: SocketAddr::from(([0, 0, 0, 0], 8443)), ops: SocketAddr::from(([127, 0, 0, 1], 9090)) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM, leaf first.
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proxy {
    /// Reverse proxies whose `X-Forwarded-*` are believed.
    pub trusted: Vec<IpNet>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:<path>` or `postgres://...`
    #[serde(default, deserialize_with = "secret")]
    pub url: Option<Secret<String>>,
    pub url_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ephemeral {
    /// `embedded` (a table of the database; one node) or `redis://...`
    #[serde(deserialize_with = "secret")]
    pub url: Option<Secret<String>>,
    pub url_file: Option<PathBuf>,
    /// Starts every Redis key.
    pub prefix: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// A file with 32 bytes as base64 or hexadecimal, readable by its owner only.
    pub master_key_file: Option<PathBuf>,
    /// The name of an environment variable that holds the same.
    pub master_key_env: Option<String>,
    #[serde(default = "ninety_days", deserialize_with = "duration")]
    pub rotate_after: Duration,
    #[serde(default = "fourteen_days", deserialize_with = "duration")]
    pub announce_before: Duration,
    #[serde(default = "two_days", deserialize_with = "duration")]
    pub retire_after: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ciba {
    #[serde(deserialize_with = "duration")]
    pub default_expiry: Duration,
    #[serde(deserialize_with = "duration")]
    pub max_expiry: Duration,
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    /// How long a poll of a long-polling client is held; 25 s at most.
    #[serde(deserialize_with = "duration")]
    pub long_poll: Duration,
    pub unknown_user: UnknownUser,
}

impl Default for Ciba {
    fn default() -> Self {
        Self {
            default_expiry: Duration::from_secs(120),
            max_expiry: Duration::from_secs(300),
            interval: Duration::from_secs(5),
            long_poll: Duration::from_secs(25),
            unknown_user: UnknownUser::Strict,
        }
    }
}

/// What a client learns of a hint that leads to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownUser {
    /// `unknown_user_id` [CIBA §13].
    Strict,
    /// Nothing: the request is accepted and expires.
    Uniform,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    #[serde(deserialize_with = "duration")]
    pub access: Duration,
    #[serde(deserialize_with = "duration")]
    pub id: Duration,
    #[serde(deserialize_with = "duration")]
    pub refresh_idle: Duration,
    #[serde(deserialize_with = "duration")]
    pub refresh_absolute: Duration,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            access: Duration::from_secs(600),
            id: Duration::from_secs(300),
            refresh_idle: Duration::from_secs(14 * 86_400),
            refresh_absolute: Duration::from_secs(90 * 86_400),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Devices {
    pub max_per_user: u32,
    #[serde(deserialize_with = "duration")]
    pub pairing_key_lifetime: Duration,
}

impl Default for Devices {
    fn default() -> Self {
        Self { max_per_user: 5, pairing_key_lifetime: Duration::from_secs(600) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Questions that may wait for one person at a time.
    pub requests_per_user: usize,
    /// The same, from one client.
    pub requests_per_client_and_user: usize,
    /// Failed client authentications per minute, client and address.
    pub failed_authentications: u32,
    pub connections: usize,
    pub connections_per_ip: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_user: 3,
            requests_per_client_and_user: 1,
            failed_authentications: 10,
            connections: 10_000,
            connections_per_ip: 50,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Private addresses that `jwks_uri` and the like may lead to after all.
    pub allow: Vec<IpNet>,
    /// A PEM file of certificate authorities to trust besides the usual ones.
    pub extra_ca: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Where the token for the first administrator is written while there is none.
    pub bootstrap_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    #[default]
    Json,
}

/// Everything that is wrong with a configuration, at once.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl ConfigError {
    fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }
}

impl Config {
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::one(format!("{} cannot be read: {error}", file.display())))?;
        let config = Self::parse(&text, std::env::vars()).map_err(|mut error| {
            for problem in &mut error.0 {
                *problem = format!("{}: {problem}", file.display());
            }
            error
        })?;
        config.check().map(|()| config)
    }

    fn parse(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut tree: toml::Table = toml::from_str(text).map_err(|error| ConfigError::one(error.to_string()))?;
        for (name, value) in environment {
            if let Some(path) = name.strip_prefix("NOD_").filter(|path| path.contains("__")) {
                set(&mut tree, &path.to_lowercase(), &value);
            }
        }
        tree.try_into().map_err(|error: toml::de::Error| ConfigError::one(error.to_string()))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        match url::Url::parse(&self.issuer) {
            Err(_) => problems.push("issuer is not a URL".to_owned()),
            Ok(url) => {
                if url.query().is_some() || url.fragment().is_some() || self.issuer.ends_with('/') {
                    problems.push("issuer has a query, a fragment or a trailing slash".to_owned());
                }
                if url.scheme() != "https" {
                    problems.push("issuer is not https: `nod serve` speaks for an https issuer only".to_owned());
                }
            }
        }
        if self.database.url.is_some() == self.database.url_file.is_some() {
            problems.push("database needs exactly one of url and url_file".to_owned());
        }
        if self.keys.master_key_file.is_some() == self.keys.master_key_env.is_some() {
            problems.push("keys needs exactly one of master_key_file and master_key_env".to_owned());
        }
        if self.tls.is_none() && self.proxy.trusted.is_empty() {
            // Behind a proxy that is not named, the whole world would have the proxy's address.
            problems.push("neither tls nor proxy.trusted is set".to_owned());
        }
        problems.extend(self.ciba.problems());
        if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
    }

    pub fn database_url(&self) -> Result<Secret<String>, ConfigError> {
        reference(self.database.url.as_ref(), self.database.url_file.as_deref(), "database.url")
    }

    /// `None`: the embedded store.
    pub fn redis_url(&self) -> Result<Option<Secret<String>>, ConfigError> {
        if self.ephemeral.url.is_none() && self.ephemeral.url_file.is_none() {
            return Ok(None);
        }
        let url = reference(self.ephemeral.url.as_ref(), self.ephemeral.url_file.as_deref(), "ephemeral.url")?;
        Ok((url.expose() != "embedded").then_some(url))
    }

    pub fn master_key(&self) -> Result<Secret<[u8; 32]>, ConfigError> {
        let text = match (&self.keys.master_key_file, &self.keys.master_key_env) {
            (Some(file), _) => read_owner_only(file)?,
            (None, Some(name)) => environment(name)
                .map(Secret::new)
                .ok_or_else(|| ConfigError::one(format!("keys.master_key_env: {name} is not set")))?,
            (None, None) => return Err(ConfigError::one("keys: no master key is configured")),
        };
        parse_master_key(text.expose())
            .ok_or_else(|| ConfigError::one("keys: the master key is not 32 bytes as base64 or hexadecimal"))
    }
}

impl Ciba {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.max_expiry < self.default_expiry {
            problems.push("ciba.max_expiry is shorter than ciba.default_expiry".to_owned());
        }
        if self.long_poll > Duration::from_secs(25) {
            problems.push("ciba.long_poll is longer than 25s: usual clients give up after 30s".to_owned());
        }
        if self.interval.as_secs() == 0 || self.interval > Duration::from_secs(60) {
            problems.push("ciba.interval is not between 1s and 60s".to_owned());
        }
        problems
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads settings")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn set(tree: &mut toml::Table, path: &str, value: &str) {
    let mut parts = path.split("__").peekable();
    let mut table = tree;
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            table.insert(part.to_owned(), literal(value));
            return;
        }
        let entry = table.entry(part.to_owned()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        match entry {
            toml::Value::Table(inner) => table = inner,
            toml::Value::String(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_) => return,
        }
    }
}

/// Numbers, booleans and arrays as TOML writes them; everything else is a string.
fn literal(text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}")).ok();
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn reference(inline: Option<&Secret<String>>, file: Option<&Path>, what: &str) -> Result<Secret<String>, ConfigError> {
    match (inline, file) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(file)) => std::fs::read_to_string(file)
            .map(|text| Secret::new(text.trim().to_owned()))
            .map_err(|error| ConfigError::one(format!("{what}_file {} cannot be read: {error}", file.display()))),
        (None, None) => Err(ConfigError::one(format!("{what} is not set"))),
    }
}

fn read_owner_only(file: &Path) -> Result<Secret<String>, ConfigError> {
    let problem = |error: std::io::Error| ConfigError::one(format!("{} cannot be read: {error}", file.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(file).map_err(problem)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(ConfigError::one(format!(
                "{} can be read by others (mode {:03o}): chmod 600 it",
                file.display(),
                mode & 0o777
            )));
        }
    }
    std::fs::read_to_string(file).map(Secret::new).map_err(problem)
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

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.map(Secret::new))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text)
        .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no duration: write 250ms, 90s, 10m, 12h or 14d")))
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

fn ninety_days() -> Duration {
    Duration::from_secs(90 * 86_400)
}

fn fourteen_days() -> Duration {
    Duration::from_secs(14 * 86_400)
}

fn two_days() -> Duration {
    Duration::from_secs(2 * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        issuer = "https://id.example.com"
        listen.public = "127.0.0.1:8443"
        proxy.trusted = ["127.0.0.1/32"]
        database.url = "sqlite:/var/lib/nod/nod.db"
        keys.master_key_env = "NOD_MASTER_KEY"
    "#;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse(text, environment).and_then(|config| config.check().map(|()| config))
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let set = [("NOD_CIBA__INTERVAL", "2s"), ("NOD_LIMITS__REQUESTS_PER_USER", "9"), ("PATH", "/bin")];
        let config = parse(MINIMAL, &set).unwrap();
        assert_eq!(config.ciba.interval, Duration::from_secs(2));
        assert_eq!(config.limits.requests_per_user, 9);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = parse(&format!("{MINIMAL}\nciba.intervall = \"2s\""), &[]).unwrap_err();
        assert!(error.to_string().contains("intervall"), "{error}");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = r#"
            issuer = "http://id.example.com/"
            database = {}
            keys = {}
            ciba = { default_expiry = "120s", max_expiry = "60s" }
        "#;
        let ConfigError(problems) = parse(text, &[]).unwrap_err();
        assert_eq!(problems.len(), 6, "{problems:#?}");
    }

    #[test]
    fn a_master_key_is_read_in_its_usual_spellings() {
        let hex = "00".repeat(31) + "ff";
        let base64 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP8=";
        assert_eq!(parse_master_key(&hex).unwrap().expose(), parse_master_key(base64).unwrap().expose());
        for bad in ["", "abc", "g".repeat(64).as_str(), "AAAA"] {
            assert!(parse_master_key(bad).is_none());
        }
    }
}
