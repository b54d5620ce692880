//! What is forgotten, and when. Decisions with their evidence and grants stay.

use std::time::Duration;

use super::Database;
use super::idempotency::KEPT;
use crate::clock::Timestamp;
use crate::store::ephemeral::StoreError;

const DAY: Duration = Duration::from_secs(86_400);

/// The audit trail, as long as somebody may have to answer for it.
const AUDIT: Duration = Duration::from_secs(400 * 86_400);
/// Refusals: whoever knocks at the door fills the trail with them.
const REFUSALS: Duration = Duration::from_secs(30 * 86_400);

/// What was told to webhooks, or could not be.
const DELIVERIES: Duration = Duration::from_secs(30 * 86_400);

#[derive(Clone, Debug)]
pub struct Retention {
    database: Database,
}

impl Retention {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Deletes at most `limit` rows of each kind; answers how many.
    pub async fn purge(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let ended = [
            (
                "DELETE FROM pairing_key WHERE digest IN (SELECT digest FROM pairing_key WHERE expires_at <= $1 LIMIT $2)",
                DAY,
            ),
            (
                "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE result = 'refused' AND at <= $1 \
                 ORDER BY at LIMIT $2)",
                REFUSALS,
            ),
            ("DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at <= $1 ORDER BY at LIMIT $2)", AUDIT),
            (
                "DELETE FROM idempotency WHERE (principal, key_digest) IN \
                 (SELECT principal, key_digest FROM idempotency WHERE created_at <= $1 LIMIT $2)",
                KEPT,
            ),
            (
                "DELETE FROM webhook_delivery WHERE id IN \
                 (SELECT id FROM webhook_delivery WHERE finished_at <= $1 LIMIT $2)",
                DELIVERIES,
            ),
        ];
        let mut purged = 0;
        for (sql, age) in ended {
            let before = now - age;
            purged += self.database.execute(sql, [before.millis().into(), i64::from(limit).into()]).await?;
        }
        Ok(purged)
    }
}
