//! `nod request`: questions that wait for an answer.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::identifier;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::cli::user::find;
use crate::domain::authentication_request::State;
use crate::protocol::id::RequestId;
use crate::store::ephemeral::Shelf;
use crate::store::shelves::DeviceBell;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::trail::Trail;
use crate::usecase::admin::Administrator;
use crate::usecase::admin::requests::{ManageRequests, Questions};
use crate::usecase::settle::Settle;

#[derive(Subcommand)]
pub(super) enum Action {
    /// The questions of a person, newest last
    #[command(after_long_help = "Examples:\n  nod request list bob\n  nod request list bob --json | jq -r .id")]
    List {
        /// Whose, by user name
        username: String,
        #[command(flatten)]
        format: Format,
    },
    /// Withdraws a question: its client is refused, its devices are told
    #[command(after_long_help = "Examples:
  nod request cancel bob 6c1d2e7a-0b9f-4a4e-8f00-2b6d3c1a9e55
  nod request cancel bob \"$(nod request list bob --json | jq -r .id)\"")]
    Cancel {
        /// Who is asked, by user name
        username: String,
        /// Its id, as `nod request list` has it, or the admin API (req_...)
        #[arg(value_parser = identifier::request)]
        request: RequestId,
    },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let store = opened.ephemeral().await?;
    let questions = Questions { requests: Shelf::new(Arc::clone(&store)), inboxes: Shelf::new(Arc::clone(&store)) };
    match action {
        Action::List { username, format } => {
            let mut listing = Listing::new(&["id", "client", "state", "expires_at"]);
            let user = find(&opened, &username).await?;
            for (_, request) in questions.of(user.id).await? {
                let state = match request.state {
                    State::Pending if request.has_expired(opened.clock.now()) => "expired",
                    State::Pending => "pending",
                    State::Approved(_) | State::Redeeming { .. } => "approved",
                    State::Redeemed => "redeemed",
                    State::Denied(_) => "denied",
                    State::Cancelled => "cancelled",
                };
                listing.row(serde_json::json!({
                    "id": request.id,
                    "client": request.client,
                    "state": state,
                    "expires_at": request.expires_at.to_string(),
                }));
            }
            listing.print(format)
        }
        Action::Cancel { username, request: id } => {
            let user = find(&opened, &username).await?;
            let all = questions.of(user.id).await?;
            if !all.iter().any(|(_, request)| request.id == id) {
                return Err(Exit::not_found("there is no such request of this person"));
            }
            let (ledger, writing) = Ledger::new(opened.database.clone());
            let settle = Settle {
                requests: questions.requests.clone(),
                inboxes: questions.inboxes.clone(),
                bell: DeviceBell::new(store),
                directory: Arc::clone(&opened.directory),
                ledger,
            };
            let manage = ManageRequests {
                trail: Arc::new(Trail::new(opened.database.clone())),
                questions,
                settle,
                desk: opened.desk(),
                max_expiry: Duration::ZERO,
            };
            let cancelling = async move {
                let cancelled = manage.cancel_of(&Administrator::command_line(), user.id, id).await;
                // With it the last sender goes, and the writer ends.
                drop(manage);
                cancelled
            };
            tokio::join!(cancelling, writing).0?;
            say(&format!("{id}  cancelled"));
            Ok(())
        }
    }
}
