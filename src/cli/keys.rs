//! `nod keys`: the signing keys.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::domain::signing_key::State;
use crate::protocol::admin_error::AdminErrorCode;
use crate::usecase::admin::keys::ManageKeys;
use crate::usecase::admin::{AdminError, Administrator, always};

#[derive(Subcommand)]
pub(super) enum Action {
    /// All keys with their states
    #[command(after_long_help = "Examples:\n  nod keys list\n  nod keys list --json | jq -r .id")]
    List(Format),
    /// Replace the current key of each algorithm; the old ones verify until they retire
    #[command(after_long_help = "Examples:\n  nod keys rotate\n  nod keys rotate --now -c nod.toml")]
    Rotate {
        /// Even by keys that relying parties cannot know yet
        ///
        /// For an emergency.
        #[arg(long)]
        now: bool,
    },
    /// End a replaced key before its time: what it signed counts no more
    #[command(after_long_help = "Examples:
  nod keys list
  nod keys retire 4Zs0gUzQk1m7eRj3 -c nod.toml")]
    Retire {
        /// Its `kid`, as `nod keys list` has it
        kid: String,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let manage = ManageKeys { keys: Arc::new(opened.keys()), desk: opened.desk() };
    let by = Administrator::command_line();
    match action {
        Action::List(format) => list(&manage, format).await,
        Action::Rotate { now } => {
            let keys = manage.rotate(&by, now).await.map_err(|error| match error {
                AdminError::Refused(refusal) if refusal.code == AdminErrorCode::KeyNotKnownYet => {
                    let until = opened.clock.now() + refusal.retry_after.unwrap_or_default();
                    Exit::conflict(format!(
                        "nothing was changed: relying parties may not know the next keys before {until}, and would \
                         refuse what those sign\nin an emergency: nod keys rotate --now"
                    ))
                }
                other @ (AdminError::Refused(_) | AdminError::TooMany { .. } | AdminError::Unavailable(_)) => {
                    other.into()
                }
            })?;
            for key in keys.iter().filter(|key| key.state == State::Current) {
                say(&format!("{:<6} {}  signs now", key.algorithm, key.kid));
            }
            Ok(())
        }
        Action::Retire { kid } => {
            let key = manage.retire(&by, &kid, &always).await?;
            say(&format!("{:<6} {}  retired", key.algorithm, key.kid));
            Ok(())
        }
    }
}

async fn list(manage: &ManageKeys, format: Format) -> Result<(), Exit> {
    let mut listing = Listing::new(&["id", "algorithm", "state", "created_at"]);
    for key in manage.list().await? {
        let state = match key.state {
            State::Next => "next",
            State::Current => "current",
            State::Retiring => "retiring",
            State::Retired => "retired",
        };
        listing.row(serde_json::json!({
            "id": key.kid,
            "algorithm": key.algorithm.as_str(),
            "state": state,
            "created_at": key.created_at.to_string(),
            "activated_at": key.activated_at.map(|at| at.to_string()),
            "retiring_at": key.retiring_at.map(|at| at.to_string()),
        }));
    }
    listing.print(format)
}
