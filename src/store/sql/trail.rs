//! Reading the audit trail, in the order in which it was written.

use uuid::Uuid;

use super::{Database, Row};
use crate::clock::Timestamp;
use crate::store::ephemeral::StoreError;

/// One event as it rests.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub seq: i64,
    pub id: Uuid,
    pub at: Timestamp,
    pub action: String,
    pub result: String,
    pub reason: Option<String>,
    pub client: Option<String>,
    pub user: Option<Uuid>,
    pub device: Option<Uuid>,
    pub request: Option<Uuid>,
}

#[derive(Clone, Debug)]
pub struct Trail {
    database: Database,
}

impl Trail {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// At most `limit` events with a higher number, lower numbers first. On PostgreSQL, one with a lower
    /// number may appear a moment after one with a higher number.
    pub async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let sql = "SELECT seq, id, at, action, result, reason, client_id, user_id, device_id, request_id FROM audit \
                   WHERE seq > $1 ORDER BY seq LIMIT $2";
        self.database.find_all(sql, [seq.into(), i64::from(limit).into()]).await?.iter().map(recorded).collect()
    }

    /// The number after which all events are that happened at `at` or later. Zero: all of them.
    pub async fn number_before(&self, at: Timestamp) -> Result<i64, StoreError> {
        let first = "SELECT MIN(seq) FROM audit WHERE at >= $1";
        if let Some(seq) = self.number(first, at).await? {
            return Ok(seq - 1);
        }
        Ok(self.number("SELECT MAX(seq) FROM audit WHERE at < $1", at).await?.unwrap_or(0))
    }

    async fn number(&self, sql: &str, at: Timestamp) -> Result<Option<i64>, StoreError> {
        match self.database.find(sql, [at.millis().into()]).await? {
            Some(row) => row.get(0),
            None => Ok(None),
        }
    }
}

fn recorded(row: &Row) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        seq: row.get(0)?,
        id: row.uuid(1)?,
        at: row.time(2)?,
        action: row.get(3)?,
        result: row.get(4)?,
        reason: row.get(5)?,
        client: row.get(6)?,
        user: row.uuid_if_any(7)?,
        device: row.uuid_if_any(8)?,
        request: row.uuid_if_any(9)?,
    })
}
