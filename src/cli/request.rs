//! `nod request`: questions that wait for an answer.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::identifier;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::cli::user::find;
use crate::clock::Timestamp;
use crate::domain::authentication_request::State;
use crate::protocol::id::RequestId;
use crate::store::ephemeral::{Ephemeral, Shelf, StoreError};
use crate::store::sql::trail::Trail;
use crate::usecase::admin::Administrator;
use crate::usecase::admin::requests::{Filter, ManageRequests, Overview, Questions, Status, request_id};

#[derive(Subcommand)]
pub(super) enum Action {
    /// The questions of a person, newest last; without one, those of everybody that wait, newest first
    #[command(after_long_help = "Examples:\n  nod request list\n  nod request list bob --json | jq -r .id")]
    List {
        /// Whose, by user name
        username: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// One question, answered ones too
    #[command(after_long_help = "Examples:
  nod request show 6c1d2e7a-0b9f-4a4e-8f00-2b6d3c1a9e55
  nod request show req_3c3mq7m2wz99798008dmy3s7jn --json")]
    Show {
        /// Its id, as `nod request list` or the admin API has it
        request: String,
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
        Action::List { username: None, format } => {
            let manage = manage(&opened, questions, &store).0;
            let filter = Filter { status: Some(Status::Pending), ..Filter::default() };
            let mut listing = Listing::new(&["id", "client", "user", "state", "expires_at"]);
            let mut after = None;
            loop {
                let page = manage.list(&filter, after, PAGE).await?;
                for request in &page.items {
                    listing.row(row(&opened, request).await?);
                }
                after = page.next;
                if after.is_none() {
                    return listing.print(format);
                }
            }
        }
        Action::Show { request, format } => {
            let manage = manage(&opened, questions, &store).0;
            let id = request.parse().or_else(|_| request_id(&request))?;
            let mut listing =
                Listing::new(&["id", "client", "user", "state", "created_at", "expires_at", "decided_at"]);
            listing.row(row(&opened, &manage.read(id).await?).await?);
            listing.print(format)
        }
        Action::List { username: Some(username), format } => {
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
            let (manage, writing) = manage(&opened, questions, &store);
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

/// How many are read in one go.
const PAGE: u32 = 200;

/// The rules, and what writes for them: it ends when they are dropped.
fn manage(
    opened: &Opened,
    questions: Questions,
    store: &Arc<dyn Ephemeral>,
) -> (ManageRequests, impl Future<Output = ()> + use<>) {
    let (settle, writing) = opened.settle(store);
    let trail = Arc::new(Trail::new(opened.database.clone()));
    (ManageRequests { trail, questions, settle, desk: opened.desk(), max_expiry: opened.max_expiry }, writing)
}

async fn row(opened: &Opened, request: &Overview) -> Result<serde_json::Value, StoreError> {
    let user = match &request.user {
        Some(id) => opened.directory.user(id).await?.map(|user| user.username.clone()),
        None => None,
    };
    let state = match request.status {
        Status::Pending => "pending",
        Status::Approved => "approved",
        Status::Denied => "denied",
        Status::Cancelled => "cancelled",
        Status::Expired => "expired",
        Status::Redeemed => "redeemed",
    };
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    Ok(serde_json::json!({
        "id": request.id,
        "client": request.client,
        "user": user,
        "state": state,
        "created_at": request.created_at.to_string(),
        "expires_at": time(request.expires_at),
        "decided_at": time(request.decided_at),
        "redeemed_at": time(request.redeemed_at),
        "device": request.device,
        "reason": request.reason,
    }))
}
