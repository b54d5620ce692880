//! The secrets behind the settings, read once.

use std::path::{Path, PathBuf};

use super::origin::Origin;
use super::problem::{Code, Problem};
use super::values::Values;
use super::{environment, parse_master_key};
use crate::secret::Secret;

#[derive(Debug)]
pub struct Secrets {
    pub database_url: Secret<String>,
    /// `None`: the embedded store.
    pub redis_url: Option<Secret<String>>,
    pub master_key: Secret<[u8; 32]>,
    /// For the mail server, where one logs in there.
    pub mail_password: Option<Secret<String>>,
    /// For whoever sends texts,
    pub sms_secret: Option<Secret<String>>,
    /// and whoever calls.
    pub voice_secret: Option<Secret<String>>,
}

/// As far as they are there and right.
pub(super) struct Found {
    pub(super) database_url: Option<Secret<String>>,
    /// `embedded`, or an address.
    pub(super) ephemeral_url: Option<Secret<String>>,
    master_key: Option<Secret<[u8; 32]>>,
    mail_password: Option<Secret<String>>,
    sms_secret: Option<Secret<String>>,
    voice_secret: Option<Secret<String>>,
}

impl Found {
    pub(super) fn read(values: &Values, problems: &mut Vec<Problem>) -> Self {
        Self {
            database_url: database_url(values, problems),
            ephemeral_url: ephemeral_url(values, problems),
            master_key: master_key(values, problems),
            mail_password: if_set("mail.password", values, problems),
            sms_secret: if_set("sms.secret", values, problems),
            voice_secret: if_set("voice.secret", values, problems),
        }
    }

    pub(super) fn complete(self) -> Option<Secrets> {
        let redis_url = self.ephemeral_url.as_ref().map(|url| (url.expose() != "embedded").then(|| url.clone()))?;
        let Self { database_url, master_key, mail_password, sms_secret, voice_secret, .. } = self;
        let (database_url, master_key) = (database_url?, master_key?);
        Some(Secrets { database_url, redis_url, master_key, mail_password, sms_secret, voice_secret })
    }
}

/// A secret that need not be.
fn if_set(key: &'static str, values: &Values, problems: &mut Vec<Problem>) -> Option<Secret<String>> {
    let set = ["", "_file"].iter().any(|form| values.entry(&format!("{key}{form}")).is_some());
    set.then(|| one_of(key, values, problems))?.map(|(secret, _)| secret)
}

fn database_url(values: &Values, problems: &mut Vec<Problem>) -> Option<Secret<String>> {
    let (url, at) = one_of("database.url", values, problems)?;
    let text = url.expose();
    if ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Some(url);
    }
    let problem = Problem::new(Code::Value, "database.url is no address of a database").at(at);
    problems.push(problem.help("expected sqlite:<path>, postgres://.. or postgresql://.."));
    None
}

fn ephemeral_url(values: &Values, problems: &mut Vec<Problem>) -> Option<Secret<String>> {
    let (url, at) = one_of("ephemeral.url", values, problems)?;
    let text = url.expose();
    let schemes = ["redis://", "rediss://", "redis+unix://", "unix://"];
    if text == "embedded" || schemes.iter().any(|scheme| text.starts_with(scheme)) {
        return Some(url);
    }
    let problem = Problem::new(Code::Value, "ephemeral.url is neither embedded nor an address of Redis").at(at);
    problems.push(problem.help("expected embedded, redis://.. or rediss://.."));
    None
}

fn master_key(values: &Values, problems: &mut Vec<Problem>) -> Option<Secret<[u8; 32]>> {
    let at = |key| values.origin(key);
    let (text, at) = if let Some(text) = values.get::<Secret<String>>("keys.master_key") {
        (text, at("keys.master_key"))
    } else if let Some(file) = values.get::<PathBuf>("keys.master_key_file") {
        let at = at("keys.master_key_file");
        let permitted = values.get("danger.readable_secrets").unwrap_or(false);
        if !permitted && mode(&file).is_some_and(|mode| mode & 0o077 != 0) {
            problems.push(readable("keys.master_key_file", &file, at));
            return None;
        }
        match read(&file) {
            Ok(text) => (text, at),
            Err(why) => {
                problems.push(Problem::new(Code::BadFile, format!("keys.master_key_file {why}")).at(at));
                return None;
            }
        }
    } else if let Some(name) = values.get::<String>("keys.master_key_env") {
        let at = at("keys.master_key_env");
        let Some(text) = environment(&name) else {
            let message = format!("keys.master_key_env names {name}, which is not set");
            problems.push(Problem::new(Code::Missing, message).at(at));
            return None;
        };
        (Secret::new(text), at)
    } else {
        let problem = Problem::new(Code::Missing, "no master key: nothing could be sealed in the database");
        let help = "set keys.master_key_file; `nod config init --with-key` makes one";
        let unknown = !["", "_file", "_env"].iter().any(|form| values.is_broken(&format!("keys.master_key{form}")));
        problems.extend(unknown.then(|| problem.help(help)));
        return None;
    };
    let key = parse_master_key(text.expose());
    if key.is_none() {
        let message = "the master key is not 32 bytes as base64 or hexadecimal";
        problems.push(Problem::new(Code::BadFile, message).at(at));
    }
    key
}

/// The secret of a setting, or what the file of its `_file` holds.
fn one_of(key: &'static str, values: &Values, problems: &mut Vec<Problem>) -> Option<(Secret<String>, Option<Origin>)> {
    let file_key = format!("{key}_file");
    if let Some(value) = values.get(key) {
        return Some((value, values.origin(key)));
    }
    let at = values.origin(&file_key);
    match values.get::<PathBuf>(&file_key).map(|file| read(&file)) {
        Some(Ok(text)) => return Some((text, at)),
        Some(Err(why)) => problems.push(Problem::new(Code::BadFile, format!("{file_key} {why}")).at(at)),
        None if values.is_broken(key) || values.is_broken(&file_key) => {}
        None => {
            let problem = Problem::new(Code::Missing, format!("{key} is missing"));
            problems.push(problem.help(format!("set {key} or {file_key}")));
        }
    }
    None
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
