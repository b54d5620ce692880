//! `nod request`: questions that wait for an answer.

use std::sync::Arc;

use clap::Subcommand;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::cli::listing::{Format, Listing};
use crate::cli::opened::Opened;
use crate::cli::terminal::say;
use crate::cli::user::find;
use crate::domain::audit;
use crate::domain::authentication_request::{AuthenticationRequest, Decision, State};
use crate::domain::decision::Record;
use crate::domain::inbox::Inbox;
use crate::protocol::id::{AuthReqId, RequestId, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::Shelf;
use crate::store::shelves::DeviceBell;
use crate::store::sql::ledger::{Decided, Ledger};
use crate::usecase::settle::{Seen, Settle};

#[derive(Subcommand)]
pub(super) enum Action {
    /// The questions of a person, newest last
    #[command(after_long_help = "Examples:\n  nod request list bob\n  nod request list bob --json | jq -r .id")]
    List {
        username: String,
        #[command(flatten)]
        format: Format,
    },
    /// Withdraws a question: its client is refused, its devices are told
    #[command(after_long_help = "Examples:
  nod request cancel bob 6c1d2e7a-0b9f-4a4e-8f00-2b6d3c1a9e55
  nod request cancel bob \"$(nod request list bob --json | jq -r .id)\"")]
    Cancel { username: String, request: RequestId },
}

pub(super) async fn run(action: Action, place: &Place) -> Result<(), Exit> {
    let opened = Opened::new(place).await?;
    let store = opened.ephemeral().await?;
    let requests: Shelf<AuthenticationRequest> = Shelf::new(Arc::clone(&store));
    let inboxes: Shelf<Inbox> = Shelf::new(Arc::clone(&store));
    match action {
        Action::List { username, format } => {
            let mut listing = Listing::new(&["id", "client", "state", "expires_at"]);
            let user = find(&opened, &username).await?;
            for (_, request) in of_user(&requests, &inboxes, user.id).await? {
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
            let all = of_user(&requests, &inboxes, user.id).await?;
            let (digest, request) = all
                .into_iter()
                .find(|(_, request)| request.id == id)
                .ok_or_else(|| Exit::not_found("there is no such request of this person"))?;
            if request.decidable(opened.clock.now()).is_err() {
                return Err(Exit::conflict("the request is decided or expired"));
            }
            let (ledger, writing) = Ledger::new(opened.database.clone());
            let settle = Settle {
                requests,
                inboxes,
                bell: DeviceBell::new(store),
                directory: Arc::clone(&opened.directory),
                ledger: ledger.clone(),
            };
            let record = Record {
                request: request.id,
                request_digest: digest,
                notification: request.notification,
                client: request.client.clone(),
                user: user.id,
                device: None,
                outcome: Decision::Cancelled,
                acr: request.acr,
                scope: request.scope.clone(),
                issued_at: request.issued_at,
                expires_at: request.expires_at,
                evidence: None,
                context_hash: None,
                shown: None,
                decided_at: opened.clock.now(),
            };
            let event =
                opened.event(audit::Action::RequestCancelled).client(&request.client).user(user.id).request(request.id);
            let cancelling = async move {
                let decided = settle.settle(record, event, Seen::default()).await;
                // With them the last sender goes, and the writer ends.
                drop((settle, ledger));
                decided
            };
            match tokio::join!(cancelling, writing).0? {
                Decided::First => {
                    say(&format!("{id}  cancelled"));
                    Ok(())
                }
                Decided::Already(_) => Err(Exit::conflict("the request was decided just now")),
            }
        }
    }
}

async fn of_user(
    requests: &Shelf<AuthenticationRequest>,
    inboxes: &Shelf<Inbox>,
    user: UserId,
) -> Result<Vec<(Digest<AuthReqId>, AuthenticationRequest)>, Exit> {
    let mut found = Vec::new();
    let Some(inbox) = inboxes.get(&user).await? else { return Ok(found) };
    for entry in inbox.entries() {
        if let Some(request) = requests.get(&entry.request).await? {
            found.push((entry.request, request));
        }
    }
    Ok(found)
}
