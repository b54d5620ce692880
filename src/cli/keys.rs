//! `nod keys`: the signing keys.

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::usecase::signing_keys::{Rotated, TendKeys};

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
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let keys = opened.keys();
    let format = match action {
        Action::List(format) => format,
        Action::Rotate { now } => return rotate(&keys, now).await,
    };
    let mut listing = Listing::new(&["id", "algorithm", "state", "created_at"]);
    for key in keys.keys.load().await? {
        let state = match key.state {
            crate::domain::signing_key::State::Next => "next",
            crate::domain::signing_key::State::Current => "current",
            crate::domain::signing_key::State::Retiring => "retiring",
            crate::domain::signing_key::State::Retired => "retired",
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

async fn rotate(keys: &TendKeys, now: bool) -> Result<(), Exit> {
    let rotated = if now { Rotated::Keys(keys.rotate_now().await?) } else { keys.rotate().await? };
    match rotated {
        Rotated::Keys(rotated) => {
            for (algorithm, kid) in rotated {
                say(&format!("{algorithm:<6} {kid}  signs now"));
            }
            Ok(())
        }
        Rotated::NotYet { until } => Err(Exit::conflict(format!(
            "nothing was changed: relying parties may not know the next keys before {until}, and would refuse what \
             those sign\nin an emergency: nod keys rotate --now"
        ))),
    }
}
