//! `nod keys`: the signing keys.

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::usecase::signing_keys::Rotated;

#[derive(Subcommand)]
pub(super) enum Action {
    /// All keys with their states
    List,
    /// Replace the current key of each algorithm; the old ones verify until they retire
    Rotate {
        /// Even by keys that relying parties cannot know yet: for an emergency
        #[arg(long)]
        now: bool,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let keys = opened.keys();
    if let Action::Rotate { now } = action {
        let rotated = if now { Rotated::Keys(keys.rotate_now().await?) } else { keys.rotate().await? };
        match rotated {
            Rotated::Keys(rotated) => rotated.iter().for_each(|(algorithm, kid)| {
                say(&format!("{algorithm:<6} {kid}  signs now"));
            }),
            Rotated::NotYet { until } => {
                return Err(Exit::conflict(format!(
                    "nothing was changed: relying parties may not know the next keys before {until}, and would refuse \
                     what those sign\nin an emergency: nod keys rotate --now"
                )));
            }
        }
        return Ok(());
    }
    for key in keys.keys.load().await? {
        let state = match key.state {
            crate::domain::signing_key::State::Next => "next",
            crate::domain::signing_key::State::Current => "current",
            crate::domain::signing_key::State::Retiring => "retiring",
            crate::domain::signing_key::State::Retired => "retired",
        };
        say(&format!("{}  {:<6} {state:<9} created {}", key.kid, key.algorithm, key.created_at));
    }
    Ok(())
}
