//! Telling relying parties that a session has ended [BCL §2.5]: what the outbox has for them is signed and
//! sent, again when there is no answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::Client;
use crate::domain::logout::{Ended, PAUSES, TOKEN_LIFETIME};
use crate::domain::subject::Subjects;
use crate::entropy::Entropy;
use crate::outbound::egress::Egress;
use crate::outbound::logout::tell;
use crate::outbound::verdict::Verdict;
use crate::protocol::logout_token::{Events, LogoutTokenClaims, TYP};
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Kind, Leased, Outbox};
use crate::usecase::signing_keys::KeyRing;

const TAKEN: u32 = 64;
/// Calls at a time, on one node.
const AT_ONCE: usize = 16;
/// Longer than all that were taken can last, so many at a time, when each has to wait for as long as a call may.
const LEASE: Duration = Duration::from_secs(60);

pub struct TellLogout {
    pub outbox: Outbox,
    pub directory: Arc<Directory>,
    pub keys: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub egress: Egress,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl TellLogout {
    /// Sends what is due.
    pub async fn run(&self) -> Result<(), StoreError> {
        loop {
            let taken = self.outbox.lease(Kind::Logout, TAKEN, LEASE, self.clock.now()).await?;
            let full = taken.len() >= TAKEN as usize;
            let mut sent = stream::iter(taken).map(|row| self.deliver(row)).buffer_unordered(AT_ONCE);
            while let Some(result) = sent.next().await {
                // The others were tried as well: one that could not be written down comes again.
                if let Err(error) = result {
                    tracing::warn!(%error, "word of a logout comes again");
                }
            }
            if !full {
                return Ok(());
            }
        }
    }

    async fn deliver(&self, row: Leased) -> Result<(), StoreError> {
        let Ok(ended) = serde_json::from_slice::<Ended>(&row.payload) else {
            // It would come back for ever, and nobody can read it then either.
            tracing::error!(row.id = %row.id, "word of a logout cannot be read, and is thrown away");
            return self.outbox.done(row.id).await;
        };
        // As the client is now: it may have moved, or be gone.
        let client = self.directory.client(&ended.client).await?;
        let uri = client.as_ref().and_then(|client| client.logout()?.backchannel.as_ref());
        let (Some(client), Some(uri)) = (&client, uri.and_then(|to| Url::parse(&to.uri).ok())) else {
            return self.outbox.done(row.id).await;
        };
        let token = self.keys.sign(client, TYP, &self.claims(&ended, &row, client))?;
        match tell(&self.egress, uri, &token).await {
            Verdict::Told(status) => {
                tracing::info!(client.id = %client.id, status, "told of a logout");
                self.outbox.done(row.id).await
            }
            Verdict::Refused(status) => self.give_up(&row, &ended, format!("status {status}")).await,
            Verdict::NotNow(status) => self.later(&row, &ended, format!("status {status}")).await,
            Verdict::Failed(error) => self.later(&row, &ended, error.to_string()).await,
        }
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
