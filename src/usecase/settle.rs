//! A decision is made: SQL has the last word, then the request, the inbox and everyone who waits
//! are told. Used by whoever decides, and by the worker that repairs what a crash cut in two.

use std::sync::Arc;

use futures_util::future::try_join;
use tokio::sync::Notify;

use crate::domain::audit::Event;
use crate::domain::authentication_request::{Asker, AuthenticationRequest, Decision, Denial, State};
use crate::domain::decision::Record;
use crate::domain::inbox::Inbox;
use crate::failpoint;
use crate::metrics::{self, metrics};
use crate::protocol::id::{AuthReqId, NotificationId, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::{Found, Lifetime, Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::decisions::Told;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::{Also, Decided, Ledger};
use crate::usecase::push::queue::{Over, QueuePushes};

#[derive(Clone)]
pub struct Settle {
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub bell: DeviceBell,
    pub directory: Arc<Directory>,
    pub ledger: Ledger,
    pub pings: OutboxBell,
    pub pushes: QueuePushes,
}

/// Rings where the outbox is emptied: there is something to send now.
#[derive(Clone, Debug, Default)]
pub struct OutboxBell(Arc<Notify>);

impl OutboxBell {
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Returns when it was rung since the last return.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}

/// Request and inbox as the one who decides has seen them: what is still so is not read again.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub request: Option<Found<AuthenticationRequest>>,
    pub inbox: Option<Found<Inbox>>,
}

impl Settle {
    /// Commits a decision and what goes with it, and tells everyone. `Decided::Already`: somebody was faster,
    /// and nothing was changed.
    pub async fn settle(&self, record: Record, event: Event, also: Also, seen: Seen) -> Result<Decided, StoreError> {
        let Record { request_digest, notification, user, .. } = record;
        let (outcome, over) = (record.outcome.clone(), Over::of(&record));
        let waited = record.decided_at.since(record.issued_at);
        let (locks, pings) = (also.locked.is_some(), also.ping.is_some());
        let decided = self.ledger.decide_and(record, event, also).await?;
        if locks && let Err(error) = self.directory.look().await {
            // It looks by itself every half second, and knows nobody while it cannot.
            tracing::warn!(%error, "this node will hear later that a person was locked");
        }
        if decided == Decided::First {
            metrics().decided(counted(&outcome), waited);
        }
        failpoint::hit("K7");
        // Whoever was slower tells once more what stands: the faster one may have died on the way.
        let stands = match &decided {
            Decided::First => &outcome,
            Decided::Already(earlier) => earlier,
        };
        match self.tell(&request_digest, user, notification, stands, seen).await {
            Ok(asker) if decided == Decided::First => self.take_back(&over, asker, user).await,
            Ok(_) => {}
            // Committed is committed. The outbox row of the decision makes the worker repeat this.
            Err(error) => {
                tracing::warn!(auth_req.digest = %request_digest, %error, "a decision waits in the outbox");
            }
        }
        if pings {
            self.pings.ring();
        }
        Ok(decided)
    }

    /// Phones that show the question, and do not listen, are told that it is over. It is of help, and no more.
    async fn take_back(&self, over: &Over, asker: Option<Asker>, user: UserId) {
        let Some(asker) = asker else { return };
        // They were rung a moment ago: this is from memory.
        if let Ok(devices) = self.directory.devices_of(&user).await {
            self.pushes.ended(over, asker, &devices).await;
        }
    }

    /// Whether a committed decision has arrived everywhere. Mostly it has.
    pub async fn has_arrived(&self, told: &Told) -> Result<bool, StoreError> {
        let (request, inbox) = try_join(self.requests.get(&told.request), self.inboxes.get(&told.user)).await?;
        let pending = request.is_some_and(|request| request.state == State::Pending);
        // The telling may also have been cut off after its first half.
        let waits = inbox.is_some_and(|inbox| inbox.find(told.notification).is_some_and(|entry| !entry.is_decided()));
        Ok(!pending && !waits)
    }

    /// Tells a committed decision once more.
    pub async fn tell_again(&self, record: &Record) -> Result<(), StoreError> {
        let Record { request_digest, user, notification, outcome, .. } = record;
        self.tell(request_digest, *user, *notification, outcome, Seen::default()).await.map(drop)
    }

    /// Idempotent. Answers who waited, where the request is still known.
    async fn tell(
        &self,
        request: &Digest<AuthReqId>,
        user: UserId,
        notification: NotificationId,
        decision: &Decision,
        seen: Seen,
    ) -> Result<Option<Asker>, StoreError> {
        let decided = |value: AuthenticationRequest| {
            let asker = value.asker;
            (value.decided(decision), asker)
        };
        let asker = match seen.request {
            Some(found) => self.requests.change(request, found, Lifetime::Keep, decided).await?.map(|(asker, _)| asker),
            None => self.requests.update(request, Lifetime::Keep, decided).await?,
        };
        failpoint::hit("K8");
        self.requests.wake(request).await;
        let answered = |inbox: Inbox| (inbox.decided(notification), ());
        match seen.inbox {
            Some(found) => self.inboxes.change(&user, found, Lifetime::Keep, answered).await.map(drop)?,
            None => self.inboxes.update(&user, Lifetime::Keep, answered).await.map(drop)?,
        }
        failpoint::hit("K9");
        for (device, _) in self.directory.devices_of(&user).await?.iter() {
            self.bell.ring(&device.installation).await;
        }
        Ok(asker)
    }
}

const fn counted(decision: &Decision) -> metrics::Decided {
    match decision {
        Decision::Approved(_) => metrics::Decided::Approved,
        Decision::Cancelled => metrics::Decided::Cancelled,
        Decision::Denied(Denial::Refused | Denial::Blocked) => metrics::Decided::Denied,
        Decision::Denied(Denial::WrongNumber) => metrics::Decided::WrongNumber,
        Decision::Denied(Denial::BiometricsRejected) => metrics::Decided::BiometricsRejected,
        Decision::Denied(Denial::Reported) => metrics::Decided::Reported,
        Decision::Denied(Denial::NoDevice | Denial::Withheld) => metrics::Decided::NoDevice,
    }
}
