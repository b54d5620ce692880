//! `nod request`: questions that wait for an answer.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
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
    List { username: String },
    /// Withdraws a question: its client is refused, its devices are told
    Cancel { username: String, request: RequestId },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let store = opened.ephemeral().await?;
    let questions = Questions { requests: Shelf::new(Arc::clone(&store)), inboxes: Shelf::new(Arc::clone(&store)) };
    match action {
        Action::List { username } => {
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
                say(&format!("{}  {:<16}  {state:<9}  until {}", request.id, request.client, request.expires_at));
            }
            Ok(())
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
