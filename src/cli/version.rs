//! `nod version`: which build this is.

use clap::Args;
use serde_json::json;

use crate::cli::terminal::say;

/// Which build this is
#[derive(Args)]
#[command(after_long_help = "Examples:
  nod version
  nod version --json | jq -r .version")]
pub(super) struct Arguments {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) {
    let version = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    if arguments.json {
        let build = json!({ "name": "nod", "version": version, "os": os, "arch": arch, "profile": profile });
        say(&build.to_string());
    } else {
        say(&format!("nod {version} ({os} {arch}, {profile})"));
    }
}
