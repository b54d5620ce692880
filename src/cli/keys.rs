//! `nod keys`: the signing keys.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::domain::signing_key::State;
use crate::usecase::admin::Administrator;
use crate::usecase::admin::keys::ManageKeys;
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
    /// End a replaced key before its time: what it signed counts no more
    Retire { kid: String },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let manage = ManageKeys { keys: Arc::new(opened.keys()), desk: opened.desk() };
    let by = Administrator::command_line();
    match action {
        Action::List => {}
        Action::Rotate { now } => {
            let rotated = if now {
                Rotated::Keys(manage.keys.rotate_now(Some(&by.actor)).await?)
            } else {
                manage.keys.rotate(Some(&by.actor)).await?
            };
            return match rotated {
                Rotated::Keys(rotated) => {
                    for (algorithm, kid) in rotated {
                        say(&format!("{algorithm:<6} {kid}  signs now"));
                    }
                    Ok(())
                }
                Rotated::NotYet { until } => Err(Exit::conflict(format!(
                    "nothing was changed: relying parties may not know the next keys before {until}, and would refuse \
                     what those sign\nin an emergency: nod keys rotate --now"
                ))),
            };
        }
        Action::Retire { kid } => {
            let key = manage.retire(&by, &kid).await?;
            say(&format!("{:<6} {}  retired", key.algorithm, key.kid));
            return Ok(());
        }
    }
    for key in manage.list().await? {
        let state = match key.state {
            State::Next => "next",
            State::Current => "current",
            State::Retiring => "retiring",
            State::Retired => "retired",
        };
        say(&format!("{}  {:<6} {state:<9} created {}", key.kid, key.algorithm, key.created_at));
    }
    Ok(())
}
