//! The secrets behind the settings, read once.

use std::path::Path;

use super::origin::Origin;
use super::problem::{Code, Problem};
use super::table::Config;
use super::values::Values;
use super::{environment, parse_master_key};
use crate::secret::Secret;

#[derive(Debug)]
pub struct Secrets {
    pub database_url: Secret<String>,
    /// `None`: the embedded store.
    pub redis_url: Option<Secret<String>>,
    pub master_key: Secret<[u8; 32]>,
}

impl Secrets {
    /// `None`: a problem was added.
    pub(super) fn read(config: &Config, values: &Values, problems: &mut Vec<Problem>) -> Option<Self> {
        let database_url = database_url(config, values, problems);
        let ephemeral_url = ephemeral_url(config, values, problems);
        let master_key = master_key(config, values, problems);
        Some(Self {
            database_url: database_url?,
            redis_url: ephemeral_url.map(|url| (url.expose() != "embedded").then_some(url))?,
            master_key: master_key?,
        })
    }
}

fn database_url(config: &Config, values: &Values, problems: &mut Vec<Problem>) -> Option<Secret<String>> {
    let found = one_of(config.database.url.as_ref(), config.database.url_file.as_deref(), "database.url", values);
    let (url, at) = found.map_err(|problem| problems.push(problem)).ok()?;
    let text = url.expose();
    if ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Some(url);
    }
    let problem = Problem::new(Code::Value, "database.url is no address of a database").at(at);
    problems.push(problem.help("expected sqlite:<path>, postgres://.. or postgresql://.."));
    None
}

fn ephemeral_url(config: &Config, values: &Values, problems: &mut Vec<Problem>) -> Option<Secret<String>> {
    let found = one_of(config.ephemeral.url.as_ref(), config.ephemeral.url_file.as_deref(), "ephemeral.url", values);
    let (url, at) = found.map_err(|problem| problems.push(problem)).ok()?;
    let text = url.expose();
    let schemes = ["redis://", "rediss://", "redis+unix://", "unix://"];
    if text == "embedded" || schemes.iter().any(|scheme| text.starts_with(scheme)) {
        return Some(url);
    }
    let problem = Problem::new(Code::Value, "ephemeral.url is neither embedded nor an address of Redis").at(at);
    problems.push(problem.help("expected embedded, redis://.. or rediss://.."));
    None
}

fn master_key(config: &Config, values: &Values, problems: &mut Vec<Problem>) -> Option<Secret<[u8; 32]>> {
    let keys = &config.keys;
    let at = |key| values.origin(key);
    let (text, at) = if let Some(text) = &keys.master_key {
        (text.clone(), at("keys.master_key"))
    } else if let Some(file) = &keys.master_key_file {
        let at = at("keys.master_key_file");
        if !config.danger.readable_secrets && mode(file).is_some_and(|mode| mode & 0o077 != 0) {
            problems.push(readable("keys.master_key_file", file, at));
            return None;
        }
        match read(file) {
            Ok(text) => (text, at),
            Err(why) => {
                problems.push(Problem::new(Code::BadFile, format!("keys.master_key_file {why}")).at(at));
                return None;
            }
        }
    } else if let Some(name) = &keys.master_key_env {
        let at = at("keys.master_key_env");
        let Some(text) = environment(name) else {
            let message = format!("keys.master_key_env names {name}, which is not set");
            problems.push(Problem::new(Code::Missing, message).at(at));
            return None;
        };
        (Secret::new(text), at)
    } else {
        let problem = Problem::new(Code::Missing, "no master key: nothing could be sealed in the database");
        let help = "set keys.master_key_file; `head -c 32 /dev/urandom | base64 > master.key` makes one";
        problems.push(problem.help(help));
        return None;
    };
    let key = parse_master_key(text.expose());
    if key.is_none() {
        let message = "the master key is not 32 bytes as base64 or hexadecimal";
        problems.push(Problem::new(Code::BadFile, message).at(at));
    }
    key
}

type Found = (Secret<String>, Option<Origin>);

fn one_of(inline: Option<&Secret<String>>, file: Option<&Path>, key: &str, values: &Values) -> Result<Found, Problem> {
    let file_key = format!("{key}_file");
    match (inline, file) {
        (Some(value), _) => Ok((value.clone(), values.origin(key))),
        (None, Some(file)) => {
            let at = values.origin(&file_key);
            match read(file) {
                Ok(text) => Ok((text, at)),
                Err(why) => Err(Problem::new(Code::BadFile, format!("{file_key} {why}")).at(at)),
            }
        }
        (None, None) => {
            Err(Problem::new(Code::Missing, format!("{key} is missing")).help(format!("set {key} or {file_key}")))
        }
    }
}

fn read(file: &Path) -> Result<Secret<String>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Ok(Secret::new(text.trim().to_owned()))
}

pub(super) fn readable(key: &str, file: &Path, at: Option<Origin>) -> Problem {
    let mode = mode(file).unwrap_or_default() & 0o777;
    let message = format!("{key}: {} can be read by others (mode {mode:03o})", file.display());
    let help = format!("chmod 600 {}, or set danger.readable_secrets", file.display());
    Problem::new(Code::ReadableSecret, message).at(at).help(help)
}

/// The permissions of a file, where there are such.
#[cfg(unix)]
pub(super) fn mode(file: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).ok().map(|metadata| metadata.permissions().mode())
}

#[cfg(not(unix))]
pub(super) fn mode(_: &Path) -> Option<u32> {
    None
}
