//! The ephemeral store in a table of the SQL database: what a single node needs, without Redis.
//!
//! A value is there until its deadline, which every statement checks by itself; `purge` only gives
//! the space back. Wake-ups stay in this process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::ephemeral::{Ephemeral, Key, Lifetime, StoreError, Switchboard, Topic, Version, Versioned, Wakeups};
use super::sql::{Database, Engine};
use crate::clock::Clock;
use crate::entropy::Entropy;

pub struct EmbeddedStore {
    database: Database,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    switchboard: Switchboard,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmbeddedStore")
    }
}

impl EmbeddedStore {
    pub fn new(database: Database, clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Self {
        Self { database, clock, entropy, switchboard: Switchboard::default() }
    }

    /// Deletes at most `limit` values whose time is over; answers how many there were.
    pub async fn purge(&self, limit: u32) -> Result<u64, StoreError> {
        // The outer condition again: a row may have been taken over between the two.
        let sql = match self.database.engine() {
            Engine::Sqlite => {
                "DELETE FROM ephemeral WHERE expires_at <= $1 AND key IN \
                 (SELECT key FROM ephemeral WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
            }
            Engine::Postgres => {
                "DELETE FROM ephemeral WHERE expires_at <= $1 AND key IN \
                 (SELECT key FROM ephemeral WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
                 FOR UPDATE SKIP LOCKED)"
            }
        };
        self.database.execute(sql, [self.clock.now().millis().into(), i64::from(limit).into()]).await
    }
}

#[async_trait]
impl Ephemeral for EmbeddedStore {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let first = u32::from_be_bytes(self.entropy.bytes());
        let inserted = self
            .database
            .execute(
                "INSERT INTO ephemeral (key, value, version, expires_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (key) DO UPDATE SET \
                 value = excluded.value, version = excluded.version, expires_at = excluded.expires_at \
                 WHERE ephemeral.expires_at <= $5",
                [
                    key.as_bytes().into(),
                    value.into(),
                    i64::from(first).into(),
                    (now + lifetime).millis().into(),
                    now.millis().into(),
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let now = self.clock.now().millis();
        let row = self
            .database
            .find(
                "SELECT value, version FROM ephemeral WHERE key = $1 AND expires_at > $2",
                [key.as_bytes().into(), now.into()],
            )
            .await?;
        row.map(|row| Ok(Versioned { value: row.get(0)?, version: Version(narrow(row.get(1)?)?) })).transpose()
    }

    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let renewed = match lifetime {
            Lifetime::Keep => None,
            Lifetime::Renew(lifetime) => Some((now + lifetime).millis()),
        };
        let swapped = self
            .database
            .execute(
                "UPDATE ephemeral SET value = $1, version = $2, expires_at = COALESCE($3, expires_at) \
                 WHERE key = $4 AND version = $5 AND expires_at > $6",
                [
                    value.into(),
                    i64::from(seen.0.wrapping_add(1)).into(),
                    renewed.into(),
                    key.as_bytes().into(),
                    i64::from(seen.0).into(),
                    now.millis().into(),
                ],
            )
            .await?;
        Ok(swapped == 1)
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.database.execute("DELETE FROM ephemeral WHERE key = $1", [key.as_bytes().into()]).await?;
        Ok(())
    }

    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        let now = self.clock.now();
        let rows = self
            .database
            .execute_returning(
                "INSERT INTO ephemeral (key, value, version, expires_at) VALUES ($1, $2, 1, $3) \
                 ON CONFLICT (key) DO UPDATE SET \
                 version = CASE WHEN ephemeral.expires_at <= $4 THEN 1 ELSE ephemeral.version + 1 END, \
                 expires_at = CASE WHEN ephemeral.expires_at <= $4 THEN $3 ELSE ephemeral.expires_at END \
                 RETURNING version",
                [key.as_bytes().into(), Vec::<u8>::new().into(), (now + window).millis().into(), now.millis().into()],
            )
            .await?;
        narrow(rows.first().ok_or(StoreError::Corrupt("a count without an answer"))?.get(0)?)
    }

    async fn wake(&self, topic: &Topic) {
        self.switchboard.wake(topic);
    }

    async fn watch(&self, topic: &Topic) -> Wakeups {
        self.switchboard.watch(topic)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}

fn narrow(version: i64) -> Result<u32, StoreError> {
    u32::try_from(version).map_err(|_| StoreError::Corrupt("a version out of range"))
}
