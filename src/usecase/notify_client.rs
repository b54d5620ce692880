//! Telling clients in ping mode that their requests were decided [CIBA §10.2]: what the outbox has for
//! them is sent, again when there is no answer, and never before the decision is there to be fetched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::{AuthenticationRequest, State};
use crate::domain::client::Client;
use crate::domain::ping::{PAUSES, Ping};
use crate::entropy::Entropy;
use crate::failpoint;
use crate::metrics::{Delivered, metrics};
use crate::outbound::client_callback::{body, ping};
use crate::outbound::egress::Egress;
use crate::outbound::verdict::Verdict;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::decisions::Decisions;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Kind, Leased, Outbox};
use crate::usecase::callbacks::{Callbacks, Opened};
use crate::usecase::pump::pump;
use crate::usecase::settle::Settle;
use crate::usecase::told::{Told, Watchers, Whom};

/// A row is ours for this long: longer than a call lasts with all that goes with it, so that no other node calls as
/// well.
const LEASE: Duration = Duration::from_secs(8);

pub struct NotifyClient {
    pub outbox: Outbox,
    pub decisions: Decisions,
    pub requests: Shelf<AuthenticationRequest>,
    pub callbacks: Callbacks,
    pub settle: Settle,
    pub directory: Arc<Directory>,
    pub egress: Egress,
    pub watchers: Watchers,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl NotifyClient {
    /// Sends what is due, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        pump(&self.settle.pings, stop, |most| self.take(most), |row| self.deliver(row)).await;
    }

    async fn take(&self, most: u32) -> Result<Vec<Leased>, StoreError> {
        let taken = self.outbox.lease(Kind::Ping, most, LEASE, self.clock.now()).await?;
        if !taken.is_empty() {
            failpoint::hit("K30");
        }
        Ok(taken)
    }

    async fn deliver(&self, row: Leased) {
        if let Err(error) = self.deliver_once(&row).await {
            self.outbox.try_again(&row, &error, self.clock.now()).await;
        }
    }

    async fn deliver_once(&self, row: &Leased) -> Result<(), StoreError> {
        match Ping::decode(&row.payload) {
            Some(told) => self.tell(row, &told).await,
            None => self.outbox.throw_away(row).await,
        }
    }

    async fn tell(&self, row: &Leased, told: &Ping) -> Result<(), StoreError> {
        // Whoever polls by now, or is gone, is not given up either.
        let Some((client, endpoint)) = self.listens(told).await? else { return self.end(row, told).await };
        if !told.is_of_use(self.clock.now()) {
            return self.give_up(row, told, "too late".to_owned()).await;
        }
        let Some(opened) = self.to_be_told(row, told, &client).await? else { return self.end(row, told).await };
        let begun = Instant::now();
        let verdict = ping(&self.egress, endpoint.clone(), &opened.auth_req_id, &opened.token).await;
        failpoint::hit("K31");
        self.watchers.tell(|| seen(told, endpoint, &opened, &verdict, begun.elapsed()));
        match verdict {
            Verdict::Told(status) => {
                tracing::info!(client.id = %told.client, request.id = %told.request, status, "ping");
                metrics().pinged(Delivered::Delivered);
                self.record(told, None).await;
                self.end(row, told).await
            }
            Verdict::Refused(status) => self.give_up(row, told, format!("status {status}")).await,
            Verdict::NotNow(status) => self.later(row, told, format!("status {status}")).await,
            Verdict::Failed(error) => self.later(row, told, error.to_string()).await,
        }
    }

    /// Where the client is told, as it is now: it may have moved, or be gone.
    async fn listens(&self, told: &Ping) -> Result<Option<(Arc<Client>, Url)>, StoreError> {
        let client = self.directory.client(&told.client).await?.filter(|client| !client.disabled);
        Ok(client.and_then(|client| {
            let endpoint = Url::parse(client.notification_endpoint()?).ok()?;
            Some((client, endpoint))
        }))
    }

    /// How it is told, if it still has to be.
    async fn to_be_told(&self, row: &Leased, told: &Ping, client: &Client) -> Result<Option<Opened>, StoreError> {
        let (request, opened) = try_join(self.requests.get(&told.digest), self.callbacks.find(&told.digest)).await?;
        let Some(opened) = opened else {
            // After a try, it may have been heard. Without one, the store has forgotten it.
            if row.attempts <= 1 {
                self.not_told(told, "what it is made from is gone".to_owned()).await;
            }
            return Ok(None);
        };
        match request.map(|request| request.state) {
            // It came by itself, and has its tokens.
            Some(State::Redeemed) => return Ok(None),
            // [reliability I14] whoever is told comes at once, and has to find the decision.
            Some(State::Pending) => {
                if let Some(record) = self.decisions.find(told.request).await? {
                    self.settle.tell_again(&record).await?;
                }
            }
            Some(State::Approved(_) | State::Redeeming { .. } | State::Denied(_) | State::Cancelled) | None => {}
        }
        // Another one may have its name by now.
        Ok((client.created_at == opened.client_since).then_some(opened))
    }

    /// Again after a pause, or never.
    async fn later(&self, row: &Leased, told: &Ping, why: String) -> Result<(), StoreError> {
        let again = PAUSES.after(row.attempts).map(|pause| self.clock.now() + pause).filter(|at| told.is_of_use(*at));
        let Some(again) = again else { return self.give_up(row, told, why).await };
        tracing::warn!(client.id = %told.client, request.id = %told.request, attempt = row.attempts, why, "not pinged");
        metrics().pinged(Delivered::Failed);
        self.outbox.retry(row, again).await
    }

    async fn give_up(&self, row: &Leased, told: &Ping, why: String) -> Result<(), StoreError> {
        self.not_told(told, why).await;
        self.end(row, told).await
    }

    async fn not_told(&self, told: &Ping, why: String) {
        tracing::warn!(client.id = %told.client, request.id = %told.request, why, "not pinged, for good");
        metrics().pinged(Delivered::GaveUp);
        self.record(told, Some(why)).await;
    }

    /// What it was made from goes first: cut off here, the row comes again and finds nothing to send. One of
    /// the two is enough for that.
    async fn end(&self, row: &Leased, told: &Ping) -> Result<(), StoreError> {
        let forgotten = self.callbacks.forget(&told.digest).await;
        failpoint::hit("K32");
        self.outbox.done(row.id).await?;
        forgotten
    }

    async fn record(&self, told: &Ping, failed: Option<String>) {
        let now: Timestamp = self.clock.now();
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::RequestPinged)
            .client(&told.client)
            .user(told.user)
            .request(told.request);
        self.ledger
            .audit(match failed {
                Some(why) => event.refused(why),
                None => event,
            })
            .await;
    }
}

/// What a ping looks like to those who watch.
fn seen(told: &Ping, url: Url, opened: &Opened, verdict: &Verdict, took: Duration) -> Told {
    let token = opened.token.expose().expose();
    Told {
        whom: Whom::Client(told.client.clone()),
        url,
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("authorization".to_owned(), format!("Bearer {token}")),
        ],
        body: body(&opened.auth_req_id),
        outcome: verdict.answer(),
        took,
    }
}
