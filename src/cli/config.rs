//! `nod config`: what the settings are, where they come from, and what is wrong with them.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::cli::Settings;
use crate::cli::exit::{Exit, Why};
use crate::cli::listing::{Format, Listing};
use crate::cli::posture;
use crate::cli::private_file;
use crate::cli::terminal::{print, safe, say};
use crate::config::{self, Code, ConfigError, Loaded, Origin, Problem, Reading, SETTINGS, Setting, Sources, Values};
use crate::entropy::Entropy;
use crate::http::tls::ServerCertificate;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Write a nod.toml in which every setting is explained
    #[command(after_long_help = "Examples:
  nod config init --issuer https://id.example.com --with-key
  nod config init /etc/nod/nod.toml")]
    Init {
        /// The file; one that exists is left alone
        #[arg(value_name = "FILE", default_value = "nod.toml")]
        file: PathBuf,
        /// The public base address
        #[arg(long, value_name = "URL", default_value = "https://id.example.com")]
        issuer: String,
        /// Make a master key beside it too
        #[arg(long)]
        with_key: bool,
    },
    /// Tell everything that is wrong, and what `nod serve` would refuse
    #[command(after_long_help = "Examples:
  nod config check
  nod config check -c /etc/nod/nod.toml --json")]
    Check {
        #[command(flatten)]
        settings: Settings,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Each setting with its value and where that comes from
    #[command(after_long_help = "Examples:
  nod config show -c nod.toml
  NOD_CIBA__INTERVAL=2s nod config show --json | grep ciba.interval
  nod config show --security")]
    Show {
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        format: Format,
        /// What the settings mean for security, instead
        #[arg(long)]
        security: bool,
    },
    /// Print the JSON Schema of nod.toml, for editors
    #[command(after_long_help = "Examples:
  nod config schema > nod.schema.json
  nod config schema | jq '.properties | keys'")]
    Schema,
    /// Print the tables of docs/configuration.md
    #[command(hide = true)]
    Docs,
}

pub(super) fn run(action: Action) -> Result<(), Exit> {
    match action {
        Action::Init { file, issuer, with_key } => init(&file, &issuer, with_key),
        Action::Check { settings, json } => check(&settings.sources(), json),
        Action::Show { settings, security: true, format } => posture::show(&Loaded::load(&settings.sources())?, format),
        Action::Show { settings, format, security: false } => show(&settings.sources(), format),
        Action::Schema => {
            print(&format!("{:#}\n", config::json_schema()));
            Ok(())
        }
        Action::Docs => {
            print(&config::markdown());
            Ok(())
        }
    }
}

fn init(file: &Path, issuer: &str, with_key: bool) -> Result<(), Exit> {
    let key = file.with_file_name("master.key");
    let existing = [Some(file), with_key.then_some(&*key)].into_iter().flatten().find(|file| file.exists());
    if let Some(existing) = existing {
        return Err(Exit::conflict(format!("{} exists already: it was left as it is", existing.display())));
    }
    let failed = |file: &Path, error: &std::io::Error| Exit::failed(format!("{}: {error}", file.display()));
    let text = config::template(issuer, &key.display().to_string());
    private_file::create(file, text.as_bytes()).map_err(|error| failed(file, &error))?;
    say(&format!("{}  written", safe(&file.display().to_string())));
    if with_key {
        let made = private_file::new_key(&Entropy::default());
        private_file::create(&key, made.expose().as_bytes()).map_err(|error| failed(&key, &error))?;
        say(&format!("{}  written: keep a copy apart from backups of the database", safe(&key.display().to_string())));
    }
    say(
        "it serves nobody but a proxy on this machine that speaks TLS: for TLS of its own, change listen, tls and proxy",
    );
    say(&format!("next: nod config check -c {}", file.display()));
    Ok(())
}

fn check(sources: &Sources, json: bool) -> Result<(), Exit> {
    let reading = Reading::new(sources);
    let files = reading.values.files.len();
    let (problems, warnings) = match reading.usable() {
        Err(reading) => (reading.all_problems(), Vec::new()),
        Ok(mut loaded) => {
            let warnings = posture::warnings(&loaded);
            let certificate = certificate(&loaded);
            loaded.refusals.extend(certificate);
            (loaded.refusals, warnings)
        }
    };
    if json {
        let ok = problems.is_empty();
        let problems: Vec<_> = problems.iter().map(Problem::json).collect();
        say(&json!({ "ok": ok, "problems": problems, "warnings": warnings }).to_string());
        return if ok { Ok(()) } else { Err(Exit::told(Why::Config)) };
    }
    for warning in &warnings {
        say(&format!("! {warning}"));
    }
    if !problems.is_empty() {
        return Err(ConfigError::new(problems).into());
    }
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    say(&format!("ok  {files} and the environment: nothing is wrong"));
    Ok(())
}

/// Whether the certificate and its key fit each other: only a server can tell.
fn certificate(loaded: &Loaded) -> Option<Problem> {
    let (Some(cert), Some(key)) = (&loaded.config.tls.cert, &loaded.config.tls.key) else { return None };
    let read = |file: &Path| std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
    let tried = read(cert).and_then(|cert| {
        let key = read(key)?;
        ServerCertificate::from_pem(&cert, &key).map_err(|error| error.to_string())
    });
    tried.err().map(|why| Problem::found(Code::BadFile, format!("tls: {why}"), "look at tls.cert and tls.key"))
}

fn show(sources: &Sources, format: Format) -> Result<(), Exit> {
    let reading = Reading::new(sources);
    let mut listing = Listing::new(&["key", "value", "origin"]);
    for setting in SETTINGS {
        listing.row(shown(setting, &reading.values, format.is_json()));
    }
    listing.print(format)?;
    // What can be shown is shown; what is wrong is still wrong.
    reading.usable().map(drop).map_err(|reading| ConfigError::new(reading.problems).into())
}

fn shown(setting: &Setting, values: &Values, json: bool) -> serde_json::Value {
    let entry = values.entry(setting.key);
    let value = match entry {
        None => serde_json::Value::Null,
        // A default is no secret, and says all about it.
        Some(entry) if entry.origin == Origin::Default && setting.is_secret() => setting.default.into(),
        Some(entry) if json => entry.given.json(),
        Some(entry) => entry.given.literal().into(),
    };
    let origin = entry.map(|entry| &entry.origin);
    if json {
        json!({ "key": setting.key, "value": value, "origin": origin.map(Origin::json) })
    } else {
        json!({ "key": setting.key, "value": value, "origin": origin.map(ToString::to_string) })
    }
}
