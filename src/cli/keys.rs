//! `nod keys`: the signing keys.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::domain::signing_key::State;
use crate::protocol::admin_error::AdminErrorCode;
use crate::usecase::admin::keys::ManageKeys;
use crate::usecase::admin::{AdminError, Administrator};

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
            let keys = manage.rotate(&by, now).await.map_err(|error| match error {
                AdminError::Refused(refusal) if refusal.code == AdminErrorCode::KeyNotKnownYet => {
                    let until = opened.clock.now() + refusal.retry_after.unwrap_or_default();
                    Exit::conflict(format!(
                        "nothing was changed: relying parties may not know the next keys before {until}, and would \
                         refuse what those sign\nin an emergency: nod keys rotate --now"
                    ))
                }
                AdminError::Refused(_) | AdminError::TooMany { .. } | AdminError::Unavailable(_) => error.into(),
            })?;
            for key in keys.iter().filter(|key| key.state == State::Current) {
                say(&format!("{:<6} {}  signs now", key.algorithm, key.kid));
            }
            return Ok(());
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
