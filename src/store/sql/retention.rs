//! What is forgotten, and when. Decisions with their evidence and grants stay.

use std::time::Duration;

use super::audit::content;
use super::idempotency::KEPT as ANSWERS_KEPT;
use super::{Database, Insert, Row, Transaction, WriteError, bounded};
use crate::clock::Timestamp;
use crate::domain::trail::{KEPT, NOTHING, REFUSALS_KEPT};
use crate::store::ephemeral::StoreError;

const DAY: Duration = Duration::from_secs(86_400);

/// What is left of rows of the audit trail. Rows of before the chain leave nothing.
const STUBS: Insert =
    Insert { into: "audit_stub (seq, at, result, content, hash)", columns: 5, and: "ON CONFLICT (seq) DO NOTHING" };

const TAKE_REFUSALS: &str = "DELETE FROM audit WHERE seq IN \
    (SELECT seq FROM audit WHERE result = 'refused' AND at <= $1 ORDER BY at LIMIT $2) \
    RETURNING seq, at, result, hash, id, action, reason, client_id, user_id, device_id, request_id, actor";

const TAKE: &str = "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at <= $1 ORDER BY at LIMIT $2) \
    RETURNING seq, at, result, hash, id, action, reason, client_id, user_id, device_id, request_id, actor";

/// What was told to webhooks, or could not be; and what nobody registers with any more.
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
                "DELETE FROM initial_access_token WHERE id IN \
                 (SELECT id FROM initial_access_token WHERE expires_at <= $1 LIMIT $2)",
                DELIVERIES,
            ),
            (
                "DELETE FROM idempotency WHERE (principal, key_digest) IN \
                 (SELECT principal, key_digest FROM idempotency WHERE created_at <= $1 LIMIT $2)",
                ANSWERS_KEPT,
            ),
            (
                "DELETE FROM webhook_delivery WHERE id IN \
                 (SELECT id FROM webhook_delivery WHERE finished_at <= $1 LIMIT $2)",
                DELIVERIES,
            ),
            (
                "DELETE FROM app_standing WHERE (user_id, jkt) IN \
                 (SELECT user_id, jkt FROM app_standing WHERE until <= $1 LIMIT $2)",
                Duration::ZERO,
            ),
            (
                "DELETE FROM remembered_browser WHERE (key_digest, user_id, mfa_policy_id) IN \
                 (SELECT key_digest, user_id, mfa_policy_id FROM remembered_browser WHERE until <= $1 LIMIT $2)",
                Duration::ZERO,
            ),
        ];
        let mut purged = 0;
        for (sql, age) in ended {
            let before = now - age;
            purged += self.database.execute(sql, [before.millis().into(), i64::from(limit).into()]).await?;
        }
        for (sql, age) in [(TAKE_REFUSALS, REFUSALS_KEPT), (TAKE, KEPT)] {
            purged += bounded(self.take(sql, now - age, limit)).await.map_err(WriteError::unexpected)?;
        }
        bounded(self.shorten(now, limit)).await.map_err(WriteError::unexpected)?;
        Ok(purged)
    }

    /// Rows of the trail leave what the chain needs.
    async fn take(&self, sql: &str, before: Timestamp, limit: u32) -> Result<u64, WriteError> {
        let transaction = self.database.begin().await?;
        let taken = transaction.find_all(sql, [before.millis().into(), i64::from(limit).into()]).await?;
        let stubs = taken.iter().filter_map(|row| stub(row).transpose()).collect::<Result<_, _>>()?;
        transaction.insert(&STUBS, stubs).await?;
        transaction.commit().await?;
        Ok(taken.len() as u64)
    }

    /// Where the trail begins with nothing but old stubs, they are not needed either: all but the last
    /// one, whose age shows that those before it were due.
    async fn shorten(&self, now: Timestamp, limit: u32) -> Result<(), WriteError> {
        let transaction = self.database.begin().await?;
        let sql = "SELECT seq, at, hash FROM audit_stub \
                   WHERE seq < (SELECT COALESCE(MIN(seq), 9223372036854775807) FROM audit WHERE hash IS NOT NULL) \
                   ORDER BY seq LIMIT $1";
        let stubs = transaction.find_all(sql, [i64::from(limit).into()]).await?;
        let mut old = Vec::with_capacity(stubs.len());
        for row in &stubs {
            if row.time(1)? > now - KEPT {
                break;
            }
            old.push(row);
        }
        let Some([last, _]) = old.last_chunk::<2>() else { return Ok(()) };
        let (seq, hash): (i64, Vec<u8>) = (last.get(0)?, last.get(2)?);
        transaction.shorten(seq, hash).await?;
        transaction.commit().await
    }
}

impl Transaction {
    async fn shorten(&self, seq: i64, hash: Vec<u8>) -> Result<(), WriteError> {
        self.execute("DELETE FROM audit_stub WHERE seq <= $1", [seq.into()]).await?;
        self.execute("UPDATE audit_begin SET seq = $1, hash = $2 WHERE seq < $1", [seq.into(), hash.into()]).await?;
        Ok(())
    }
}

fn stub(row: &Row) -> Result<Option<Vec<sea_orm::Value>>, StoreError> {
    let hash: Option<Vec<u8>> = row.get(3)?;
    let Some(hash) = hash else { return Ok(None) };
    let (seq, at, result): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    // What cannot be read was changed, and stays so.
    let content = content(row, 4).map_or(NOTHING, |content| content.digest());
    Ok(Some(vec![seq.into(), at.into(), result.into(), content.as_slice().into(), hash.into()]))
}
