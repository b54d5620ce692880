//! `nod migrate`: the tables of the database.

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::opened::Opened;
use crate::cli::terminal::say;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Which migrations are pending
    Status,
    /// Bring the tables up to date (the default)
    Up,
}

pub(super) async fn run(action: Option<Action>, place: &Place) -> Result<(), Exit> {
    let opened = Opened::unchecked(place).await?;
    let pending = opened.database.pending_migrations().await?;
    match action {
        Some(Action::Status) => {
            for name in &pending {
                say(&format!("pending  {name}"));
            }
            if pending.is_empty() {
                say("up to date");
            }
        }
        Some(Action::Up) | None => {
            opened.database.migrate().await?;
            say(&format!("{} migrations applied", pending.len()));
        }
    }
    Ok(())
}
