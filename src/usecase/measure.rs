//! What this server counts, with what only the database knows.

use std::sync::Arc;

use crate::clock::Clock;
use crate::metrics::metrics;
use crate::store::sql::outbox::Outbox;

pub struct Measure {
    pub outbox: Outbox,
    pub clock: Arc<dyn Clock>,
}

impl Measure {
    pub async fn text(&self) -> String {
        let now = self.clock.now();
        let backlog = self.outbox.backlog().await.ok();
        metrics().text(backlog.map(|(rows, oldest)| (rows, oldest.map(|at| now.since(at)).unwrap_or_default())))
    }
}
