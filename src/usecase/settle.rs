//! A decision is made: SQL has the last word, then the request, the inbox and everyone who waits
//! are told. Used by whoever decides, and by the worker that repairs what a crash cut in two.

use std::sync::Arc;

use crate::domain::audit::Event;
use crate::domain::authentication_request::{AuthenticationRequest, Decision, State};
use crate::domain::decision::Record;
use crate::domain::inbox::Inbox;
use crate::failpoint;
use crate::protocol::id::{AuthReqId, NotificationId, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::{Decided, Ledger, Told};

#[derive(Clone)]
pub struct Settle {
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub bell: DeviceBell,
    pub directory: Arc<Directory>,
    pub ledger: Ledger,
}

impl Settle {
    /// Commits a decision and tells everyone. `Decided::Already`: somebody was faster, and nothing
    /// was changed.
    pub async fn settle(&self, record: Record, event: Event) -> Result<Decided, StoreError> {
        let Record { request_digest, notification, user, .. } = record;
        let outcome = record.outcome.clone();
        let decided = self.ledger.decide(record, event).await?;
        failpoint::hit("K7");
        // Whoever was slower tells once more what stands: the faster one may have died on the way.
        let stands = match &decided {
            Decided::First => &outcome,
            Decided::Already(earlier) => earlier,
        };
        if let Err(error) = self.tell(&request_digest, user, notification, stands).await {
            // Committed is committed. The outbox row of the decision makes the worker repeat this.
            tracing::warn!(auth_req.digest = %request_digest, %error, "a decision waits in the outbox");
        }
        Ok(decided)
    }

    /// Whether a committed decision has arrived everywhere. Mostly it has.
    pub async fn has_arrived(&self, told: &Told) -> Result<bool, StoreError> {
        let pending = self.requests.get(&told.request).await?.is_some_and(|request| request.state == State::Pending);
        // The telling may also have been cut off after its first half.
        let waits = self
            .inboxes
            .get(&told.user)
            .await?
            .is_some_and(|inbox| inbox.find(told.notification).is_some_and(|entry| !entry.is_decided()));
        Ok(!pending && !waits)
    }

    /// Tells a committed decision once more.
    pub async fn tell_again(&self, record: &Record) -> Result<(), StoreError> {
        self.tell(&record.request_digest, record.user, record.notification, &record.outcome).await
    }

    /// Idempotent.
    async fn tell(
        &self,
        request: &Digest<AuthReqId>,
        user: UserId,
        notification: NotificationId,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        self.requests.update(request, Lifetime::Keep, |value| (value.decided(decision), ())).await?;
        failpoint::hit("K8");
        self.requests.wake(request).await;
        self.inboxes.update(&user, Lifetime::Keep, |inbox| (inbox.decided(notification), ())).await?;
        failpoint::hit("K9");
        for (device, _) in self.directory.devices_of(&user).await?.iter() {
            self.bell.ring(&device.installation).await;
        }
        Ok(())
    }
}
