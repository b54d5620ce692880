//! `nod keys`: the signing keys.

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::say;

#[derive(Subcommand)]
pub(super) enum Action {
    /// All keys with their states
    List,
    /// Replace the current key of each algorithm now; the old ones verify until they retire
    Rotate,
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let keys = opened.keys();
    if matches!(action, Action::Rotate) {
        for (algorithm, kid) in keys.rotate().await? {
            say(&format!("{algorithm:<6} {kid}  signs now"));
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
