//! A refused request leaves one event in the audit trail, and nothing else.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Actor, Event};
use crate::entropy::Entropy;
use crate::protocol::id::ClientId;
use crate::store::sql::ledger::Ledger;

#[derive(Clone)]
pub struct RecordRefusal {
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl RecordRefusal {
    /// `reason` is our own words or a code, never what was sent.
    pub async fn record(&self, action: Action, reason: String, client: Option<ClientId>) {
        let now = self.clock.now();
        let mut event = Event::new(self.entropy.ordered_uuid(now), now, action).refused(reason);
        event.client = client;
        self.ledger.audit(event).await;
    }

    /// As [`RecordRefusal::record`], for whoever administers.
    pub async fn record_by(&self, action: Action, reason: String, actor: Option<Actor>) {
        let mut event = Event::new(self.entropy.uuid(), self.clock.now(), action).refused(reason);
        event.actor = actor;
        self.ledger.audit(event).await;
    }
}
