//! A refused request leaves one event in the audit trail, and nothing else; a flood of them leaves a
//! number ([`crate::domain::refusals`]).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Actor, Event};
use crate::domain::refusals::{Kind, Tally};
use crate::entropy::Entropy;
use crate::protocol::id::ClientId;
use crate::store::sql::ledger::Ledger;

/// Clones count together.
#[derive(Clone)]
pub struct RecordRefusal {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    tally: Arc<Mutex<Tally>>,
}

impl RecordRefusal {
    pub fn new(ledger: Ledger, clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Self {
        Self { ledger, clock, entropy, tally: Arc::default() }
    }

    /// `reason` is our own words or a code, never what was sent.
    pub async fn record(&self, action: Action, reason: String, client: Option<ClientId>) {
        self.count(Kind { action, reason, client, actor: None }).await;
    }

    /// As [`RecordRefusal::record`], for whoever administers.
    pub async fn record_by(&self, action: Action, reason: String, actor: Option<Actor>) {
        self.count(Kind { action, reason, client: None, actor }).await;
    }

    async fn count(&self, kind: Kind) {
        let now = self.clock.now();
        let told = self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(kind, now);
        if let Some((kind, more)) = told.before {
            self.write_number(kind, more, now).await;
        }
        if let Some(kind) = told.alone {
            self.write(kind, now).await;
        }
    }

    /// Writes the numbers that are due.
    pub async fn write_numbers(&self) {
        let now = self.clock.now();
        let over = self.tally.lock().unwrap_or_else(PoisonError::into_inner).over(now);
        for (kind, more) in over {
            self.write_number(kind, more, now).await;
        }
    }

    /// Writes all numbers: nobody will be there to write them later.
    pub async fn finish(&self) {
        let now = self.clock.now();
        let all = self.tally.lock().unwrap_or_else(PoisonError::into_inner).all();
        for (kind, more) in all {
            self.write_number(kind, more, now).await;
        }
    }

    async fn write_number(&self, kind: Kind, more: u64, now: Timestamp) {
        let reason = format!("{}, and {more} times more", kind.reason);
        self.write(Kind { reason, ..kind }, now).await;
    }

    async fn write(&self, kind: Kind, now: Timestamp) {
        let mut event = Event::new(self.entropy.ordered_uuid(now), now, kind.action).refused(kind.reason);
        event.client = kind.client;
        event.actor = kind.actor;
        self.ledger.audit(event).await;
    }
}

impl fmt::Debug for RecordRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRefusal").field("tally", &self.tally).finish_non_exhaustive()
    }
}
