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
    /// What `up` would do, as SQL, and change nothing
    #[command(after_long_help = "Examples:
  nod migrate plan -c nod.toml
  nod migrate plan --json | jq -r .sql

It is for reading: `nod migrate up` also writes down what was applied, in one transaction with it.")]
    Plan {
        /// One JSON object a migration
        #[arg(long)]
        json: bool,
    },
    /// Bring the tables up to date (the default)
    #[command(after_long_help = "Examples:\n  nod migrate up -c nod.toml\n  nod migrate -c nod.toml")]
    Up,
}

pub(super) async fn run(action: Option<Action>, place: &Place) -> Result<(), Exit> {
    let opened = Opened::unchecked(place).await?;
    let pending = opened.database.pending_migrations().await?;
    match action {
        Some(Action::Plan { json }) => {
            for (name, sql) in opened.database.migration_plan().await? {
                if json {
                    say(&serde_json::json!({ "id": name, "sql": sql.trim() }).to_string());
                } else {
                    say(&format!("-- {name}\n{}\n", sql.trim()));
                }
            }
            if pending.is_empty() && !json {
                say("-- up to date");
            }
        }
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
