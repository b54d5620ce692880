//! What is still to be told to somebody, committed together with what it tells of. The worker
//! leases rows, tells, and deletes them; a row whose lease ends untold comes up again, on any node.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use sea_orm::Value;
use uuid::Uuid;

use super::{Database, Engine, Insert, Placeholders, Row, Transaction, WriteError, bounded, bytes};
use crate::clock::{Clock, Timestamp};
use crate::store::ephemeral::StoreError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A decision to be told to request, inbox and devices; its id is the request's.
    Decision,
    /// The end of a session, to be told to one of its clients.
    Logout,
    /// A decision, to be told to the client that asked.
    Ping,
    /// A letter to a person ([`crate::domain::occasion`]).
    Mail,
    /// The same, to their telephone.
    Text,
    /// Word to a phone ([`crate::domain::push`]).
    Push,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Logout => "logout",
            Self::Ping => "ping",
            Self::Mail => "mail",
            Self::Text => "text",
            Self::Push => "push",
        }
    }

    /// For the log.
    pub const fn plainly(self) -> &'static str {
        match self {
            Self::Decision => "a decision",
            Self::Logout => "word of a logout",
            Self::Ping => "a ping",
            Self::Mail => "a letter",
            Self::Text => "a text",
            Self::Push => "a push",
        }
    }
}

/// How much of a kind one node delivers at a time.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    pub kind: Kind,
    /// Rows that are taken in one go.
    pub taken: u32,
    /// How many of them are delivered at the same time.
    pub at_once: usize,
    /// Longer than all that were taken can last: for so long, no other node takes them.
    pub lease: Duration,
}

/// A row that is ours to deliver until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    pub id: Uuid,
    pub kind: Kind,
    pub payload: Vec<u8>,
    pub created_at: Timestamp,
    /// This attempt included.
    pub attempts: u32,
}

pub(super) const INSERT: Insert = Insert {
    into: "outbox (id, kind, payload, created_at, due_at, attempts)",
    columns: 6,
    and: "ON CONFLICT (id) DO NOTHING",
};

pub(super) fn row(id: Uuid, kind: Kind, payload: &[u8], now: Timestamp, due: Timestamp) -> Vec<Value> {
    vec![bytes(id), kind.as_str().into(), payload.into(), now.millis().into(), due.millis().into(), 0_i64.into()]
}

pub(super) async fn delete(transaction: &Transaction, ids: &[Uuid]) -> Result<(), WriteError> {
    let mut left = ids;
    while !left.is_empty() {
        let (these, rest) = left.split_at(Insert::next_of(left.len()));
        left = rest;
        let mut sql = "DELETE FROM outbox WHERE id IN (".to_owned();
        Placeholders::new(transaction.engine).list(&mut sql, these.len());
        sql.push(')');
        transaction.execute(&sql, these.iter().copied().map(bytes)).await?;
    }
    Ok(())
}

#[derive(Clone, Debug)]
pub struct Outbox {
    database: Database,
}

impl Outbox {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Takes at most `limit` rows of a kind that are due, oldest first. Nobody else gets them for `lease`.
    pub async fn lease(
        &self,
        kind: Kind,
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Leased>, StoreError> {
        // Mostly there are none: to see that, nobody needs the lock for writing.
        let due = "SELECT 1 FROM outbox WHERE due_at <= $1 AND kind = $2 LIMIT 1";
        if self.database.find(due, [now.millis().into(), kind.as_str().into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        // A lease is a later due time. Other nodes skip the rows that one is just taking.
        let sql = match self.database.engine() {
            Engine::Sqlite => {
                "UPDATE outbox SET due_at = $1, attempts = attempts + 1 WHERE id IN \
                 (SELECT id FROM outbox WHERE due_at <= $2 AND kind = $4 ORDER BY due_at LIMIT $3) \
                 RETURNING id, payload, created_at, attempts"
            }
            Engine::Postgres => {
                "UPDATE outbox SET due_at = $1, attempts = attempts + 1 WHERE id IN \
                 (SELECT id FROM outbox WHERE due_at <= $2 AND kind = $4 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
                 RETURNING id, payload, created_at, attempts"
            }
        };
        let values =
            [(now + lease).millis().into(), now.millis().into(), i64::from(limit).into(), kind.as_str().into()];
        let rows = self.database.execute_returning(sql, values).await?;
        rows.iter()
            .map(|row| {
                let attempts: i64 = row.get(3)?;
                Ok(Leased {
                    id: row.uuid(0)?,
                    kind,
                    payload: row.get(1)?,
                    created_at: row.time(2)?,
                    attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    /// Takes one row that nobody has taken yet, due as it is. `None`: somebody has.
    pub async fn lease_one(
        &self,
        (id, kind): (Uuid, Kind),
        lease: Duration,
        now: Timestamp,
    ) -> Result<Option<Leased>, StoreError> {
        let sql = "UPDATE outbox SET due_at = $1, attempts = 1 WHERE id = $2 AND attempts = 0 \
                   RETURNING payload, created_at";
        let rows = self.database.execute_returning(sql, [(now + lease).millis().into(), bytes(id)]).await?;
        let leased = |row: &Row| Ok(Leased { id, kind, payload: row.get(0)?, created_at: row.time(1)?, attempts: 1 });
        rows.first().map(leased).transpose()
    }

    /// What belongs to no other change.
    pub async fn put(&self, id: Uuid, kind: Kind, payload: &[u8], now: Timestamp) -> Result<(), StoreError> {
        self.put_for_later(id, kind, payload, (now, now)).await
    }

    /// The same, due at another time.
    pub async fn put_for_later(
        &self,
        id: Uuid,
        kind: Kind,
        payload: &[u8],
        (now, due): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO {} VALUES ($1, $2, $3, $4, $5, $6) {}", INSERT.into, INSERT.and);
        self.database.execute(&sql, row(id, kind, payload, now, due)).await.map(drop)
    }

    /// Several at once: all of them, or none.
    pub async fn put_all(
        &self,
        kind: Kind,
        payloads: impl IntoIterator<Item = (Uuid, Vec<u8>)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = payloads.into_iter().map(|(id, payload)| row(id, kind, &payload, now, now)).collect();
        let put: Result<(), WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction.insert(&INSERT, rows).await?;
            transaction.commit().await
        })
        .await;
        put.map_err(WriteError::unexpected)
    }

    /// Delivers what is due, until there is nothing more.
    pub async fn drain<F: Future<Output = ()>>(
        &self,
        batch: Batch,
        clock: &dyn Clock,
        deliver: impl Fn(Leased) -> F,
    ) -> Result<(), StoreError> {
        loop {
            let leased = self.lease(batch.kind, batch.taken, batch.lease, clock.now()).await?;
            let full = leased.len() >= batch.taken as usize;
            stream::iter(leased).map(&deliver).buffer_unordered(batch.at_once).collect::<()>().await;
            if !full {
                return Ok(());
            }
        }
    }

    /// A row that nobody can read would come back for ever, and nobody could read it then either.
    pub async fn throw_away(&self, row: &Leased) -> Result<(), StoreError> {
        tracing::error!(row.id = %row.id, "{} cannot be read, and is thrown away", row.kind.plainly());
        self.done(row.id).await
    }

    /// What could not be looked at, or written down, is tried again. Without a database, that is when its lease ends.
    pub async fn try_again(&self, row: &Leased, error: &StoreError, now: Timestamp) {
        tracing::warn!(row.id = %row.id, attempt = row.attempts, %error, "{} comes again", row.kind.plainly());
        if let Err(error) = self.retry(row, now + backoff(row.attempts)).await {
            tracing::warn!(row.id = %row.id, %error, "{} comes again when its lease is over", row.kind.plainly());
        }
    }

    /// Delivered, or given up.
    pub async fn done(&self, id: Uuid) -> Result<(), StoreError> {
        self.database.execute("DELETE FROM outbox WHERE id = $1", [bytes(id)]).await?;
        Ok(())
    }

    /// Not delivered: due again at `at`, unless somebody else has leased it meanwhile.
    pub async fn retry(&self, row: &Leased, at: Timestamp) -> Result<(), StoreError> {
        self.database
            .execute(
                "UPDATE outbox SET due_at = $1 WHERE id = $2 AND attempts = $3",
                [at.millis().into(), bytes(row.id), i64::from(row.attempts).into()],
            )
            .await?;
        Ok(())
    }

    /// How many rows of a kind wait, and since when the oldest does: for metrics and for tests.
    pub async fn backlog(&self, kind: Kind) -> Result<(u64, Option<Timestamp>), StoreError> {
        let sql = "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE kind = $1";
        let row = self.database.find(sql, [kind.as_str().into()]).await?;
        let row = row.ok_or(StoreError::Corrupt("a count without an answer"))?;
        let count: i64 = row.get(0)?;
        Ok((count.unsigned_abs(), row.time_if_any(1)?))
    }
}

/// When to try again after the `attempts`th failure: 1, 2, 4 .. 60 seconds.
pub fn backoff(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(6)).min(Duration::from_mins(1))
}
