//! What this server counts, with what only the database knows.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::metrics::{Backlogs, metrics};
use crate::store::sql::outbox::{Kind, Outbox};
use crate::store::sql::webhooks::Webhooks;

pub struct Measure {
    pub outbox: Outbox,
    pub webhooks: Webhooks,
    pub clock: Arc<dyn Clock>,
}

impl Measure {
    pub async fn text(&self) -> String {
        let now = self.clock.now();
        let (decisions, logouts, pings, letters, texts, pushes, webhooks) = tokio::join!(
            self.outbox.backlog(Kind::Decision),
            self.outbox.backlog(Kind::Logout),
            self.outbox.backlog(Kind::Ping),
            self.outbox.backlog(Kind::Mail),
            self.outbox.backlog(Kind::Text),
            self.outbox.backlog(Kind::Push),
            self.webhooks.backlog()
        );
        let waits =
            |(rows, oldest): (u64, Option<Timestamp>)| (rows, oldest.map(|at| now.since(at)).unwrap_or_default());
        metrics().text(&Backlogs {
            decisions: decisions.ok().map(waits),
            logouts: logouts.ok().map(waits),
            pings: pings.ok().map(waits),
            letters: letters.ok().map(waits),
            texts: texts.ok().map(waits),
            pushes: pushes.ok().map(waits),
            webhooks: webhooks.ok().map(waits),
        })
    }
}
