//! `nod migrate`: the tables of the database.

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Which migrations are pending
    #[command(after_long_help = "Examples:\n  nod migrate status -c nod.toml\n  nod migrate status --json | jq -r .id")]
    Status(Format),
    /// Bring the tables up to date (the default)
    #[command(after_long_help = "Examples:\n  nod migrate up -c nod.toml\n  nod migrate -c nod.toml")]
    Up,
}

pub(super) async fn run(action: Option<Action>, place: &Place) -> Result<(), Exit> {
    let opened = Opened::unchecked(place).await?;
    let pending = opened.database.pending_migrations().await?;
    match action {
        Some(Action::Status(format)) => {
            if pending.is_empty() && !format.is_json() {
                say("up to date");
                return Ok(());
            }
            let mut listing = Listing::new(&["id", "state"]);
            for name in &pending {
                listing.row(serde_json::json!({ "id": name, "state": "pending" }));
            }
            listing.print(format)?;
        }
        Some(Action::Up) | None => {
            opened.database.migrate().await?;
            say(&format!("{} migrations applied", pending.len()));
        }
    }
    Ok(())
}
