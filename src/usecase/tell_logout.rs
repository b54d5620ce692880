//! Telling relying parties that a session has ended [BCL §2.5]: what the outbox has for them is signed and
//! sent, again when there is no answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::Client;
use crate::domain::logout::{Ended, PAUSES, TOKEN_LIFETIME};
use crate::domain::subject::Subjects;
use crate::entropy::Entropy;
use crate::outbound::egress::Egress;
use crate::outbound::logout::{CONTENT_TYPE, body, tell};
use crate::outbound::verdict::Verdict;
use crate::protocol::id::ClientId;
use crate::protocol::logout_token::{Events, LogoutTokenClaims, TYP};
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Batch, Kind, Leased, Outbox};
use crate::usecase::signing_keys::KeyRing;
use crate::usecase::told::{Told, Watchers, Whom};

/// The lease: each may have to wait for as long as a call may.
const BATCH: Batch = Batch { kind: Kind::Logout, taken: 64, at_once: 16, lease: Duration::from_secs(60) };

/// For so long somebody who signs out waits to read who could not be told: their session has ended by then.
const MOMENT: Duration = Duration::from_secs(1);

/// The worker takes over after that, where the moment was too short.
const LEASE_OF_A_MOMENT: Duration = Duration::from_secs(5);

pub struct TellLogout {
    pub outbox: Outbox,
    pub directory: Arc<Directory>,
    pub keys: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub egress: Egress,
    pub watchers: Watchers,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl TellLogout {
    /// Sends what is due.
    pub async fn run(&self) -> Result<(), StoreError> {
        self.outbox.drain(BATCH, &*self.clock, |row| self.deliver(row)).await
    }

    /// Tells at once whom it can, and answers who does not know yet. They are told later: each is in the outbox.
    pub async fn at_once(&self, ended: Vec<Ended>) -> Vec<ClientId> {
        let until = Instant::now() + MOMENT;
        let told = stream::iter(ended).map(|ended| async move {
            let told = timeout_at(until, self.tell_now(&ended)).await;
            (!told.is_ok_and(|told| told)).then_some(ended.client)
        });
        let missed: Vec<Option<ClientId>> = told.buffered(BATCH.at_once).collect().await;
        missed.into_iter().flatten().collect()
    }

    /// Whether the client knows, or is being told by somebody else.
    async fn tell_now(&self, ended: &Ended) -> bool {
        let id = (ended.id(), Kind::Logout);
        match self.outbox.lease_one(id, LEASE_OF_A_MOMENT, self.clock.now()).await {
            Ok(Some(row)) => match self.deliver_once(&row).await {
                Ok(told) => told,
                Err(error) => {
                    self.outbox.try_again(&row, &error, self.clock.now()).await;
                    false
                }
            },
            Ok(None) => true,
            Err(error) => {
                tracing::warn!(%error, "word of a logout waits for the worker");
                false
            }
        }
    }

    async fn deliver(&self, row: Leased) {
        if let Err(error) = self.deliver_once(&row).await {
            self.outbox.try_again(&row, &error, self.clock.now()).await;
        }
    }

    /// Whether the client knows, or there is nobody to tell.
    async fn deliver_once(&self, row: &Leased) -> Result<bool, StoreError> {
        let Some(ended) = Ended::decode(&row.payload) else {
            self.outbox.throw_away(row).await?;
            return Ok(true);
        };
        // As the client is now: it may have moved, or be gone.
        let client = self.directory.client(&ended.client).await?;
        let uri = client.as_ref().and_then(|client| client.logout()?.backchannel.as_ref());
        let (Some(client), Some(uri)) = (&client, uri.and_then(|to| Url::parse(&to.uri).ok())) else {
            self.outbox.done(row.id).await?;
            return Ok(true);
        };
        let token = self.keys.sign(client, TYP, &self.claims(&ended, row, client))?;
        let begun = Instant::now();
        let verdict = tell(&self.egress, uri.clone(), &token).await;
        self.watchers.tell(|| Told {
            whom: Whom::Client(client.id.clone()),
            url: uri,
            headers: vec![("content-type".to_owned(), CONTENT_TYPE.to_owned())],
            body: body(&token).into_bytes(),
            outcome: verdict.answer(),
            took: begun.elapsed(),
        });
        match verdict {
            Verdict::Told(status) => {
                tracing::info!(client.id = %client.id, status, "told of a logout");
                self.outbox.done(row.id).await?;
                return Ok(true);
            }
            Verdict::Refused(status) => self.give_up(row, &ended, format!("status {status}")).await?,
            Verdict::NotNow(status) => self.later(row, &ended, format!("status {status}")).await?,
            Verdict::Failed(error) => self.later(row, &ended, error.to_string()).await?,
        }
        Ok(false)
    }

    fn claims(&self, ended: &Ended, row: &Leased, client: &Client) -> LogoutTokenClaims {
        let now = self.clock.now();
        LogoutTokenClaims {
            iss: self.keys.issuer.clone(),
            sub: self.subjects.of(client, ended.user),
            aud: client.id.to_string(),
            iat: now.seconds(),
            exp: (now + TOKEN_LIFETIME).seconds(),
            jti: row.id.to_string(),
            sid: ended.session.to_string(),
            events: Events::default(),
        }
    }

    /// Again after a pause, or never.
    async fn later(&self, row: &Leased, ended: &Ended, why: String) -> Result<(), StoreError> {
        let Some(pause) = PAUSES.after(row.attempts) else { return self.give_up(row, ended, why).await };
        tracing::warn!(client.id = %ended.client, attempt = row.attempts, why, "not told of a logout");
        self.outbox.retry(row, self.clock.now() + pause).await
    }

    async fn give_up(&self, row: &Leased, ended: &Ended, why: String) -> Result<(), StoreError> {
        tracing::warn!(client.id = %ended.client, attempts = row.attempts, why, "not told of a logout, for good");
        let now: Timestamp = self.clock.now();
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::SessionEndNotTold);
        self.ledger.audit(event.client(&ended.client).user(ended.user).refused(why)).await;
        self.outbox.done(row.id).await
    }
}
