//! The audit trail: rows that are only ever added, in the transaction of what they tell of. When the
//! answer of a commit was lost, its events are written again, and are there once.
//!
//! Each row follows from the one before it ([`crate::domain::trail`]), so whoever writes knows the last
//! one, and nobody else writes meanwhile. On SQLite that is so anyway. On PostgreSQL it takes a lock,
//! as the last thing before the commit: no other lock is waited for while it is held, and the numbers
//! of the rows are in the order of the commits. Who reads on from a number misses nothing.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::Value;

use super::{Database, Engine, Insert, Row, Transaction, WriteError, bytes, bytes_if_any, lock};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::trail::{Content, Entry, Hash, Head, NOTHING, Said};
use crate::store::ephemeral::StoreError;

const INSERT: Insert = Insert {
    into: "audit (seq, id, at, action, result, reason, client_id, user_id, device_id, request_id, actor, hash)",
    columns: 12,
    and: "ON CONFLICT (id) DO NOTHING",
};

/// The last row, wherever it is now.
const LAST: &str = "
SELECT seq, hash FROM (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS kept
UNION ALL SELECT seq, hash FROM (SELECT seq, hash FROM audit_stub ORDER BY seq DESC LIMIT 1) AS taken
UNION ALL SELECT seq, hash FROM audit_begin
ORDER BY seq DESC LIMIT 1";

/// Whether a row is the last one. Another process may have written since, or retention may have taken.
const IS_LAST: &str = "EXISTS (SELECT 1 FROM audit AS last WHERE last.seq = ? AND last.hash = ? \
    AND NOT EXISTS (SELECT 1 FROM audit WHERE seq > last.seq) \
    AND NOT EXISTS (SELECT 1 FROM audit_stub WHERE seq > last.seq))";

/// The last row that this process has written to a SQLite file, which mostly is the last one of all.
/// It is believed only under [`IS_LAST`].
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered(Arc<Mutex<Option<Head>>>);

impl Remembered {
    fn get(&self) -> Option<Head> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After the commit, not before it.
    pub(super) fn set(&self, head: Head) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
    }
}

const PAGE: &str = "
SELECT seq, at, result, hash, NULL AS content, id, action, reason, client_id, user_id, device_id, request_id, actor
FROM audit WHERE seq > $1
UNION ALL
SELECT seq, at, result, hash, content, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM audit_stub WHERE seq > $1
ORDER BY seq LIMIT $2";

/// An event that is written with the commit.
pub(super) struct Noted {
    at: Timestamp,
    result: &'static str,
    content: Content,
}

impl Transaction {
    /// Goes into the trail when this transaction is committed.
    pub(super) fn record(&self, events: &[&Event]) {
        let noted = events.iter().map(|event| Noted {
            at: event.at,
            result: event.outcome.as_str(),
            content: Content::of(event),
        });
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).extend(noted);
    }

    /// Writes what was recorded: the last thing before the commit. Answers the last row then.
    pub(super) async fn write_trail(&self) -> Result<Option<Head>, WriteError> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.is_empty() {
            return Ok(None);
        }
        if let Some(last) = self.trail.get().filter(|_| self.engine == Engine::Sqlite)
            && let Some(head) = self.append_to(last, &noted).await?
        {
            return Ok(Some(head));
        }
        if self.engine == Engine::Postgres {
            self.execute("SELECT pg_advisory_xact_lock($1)", [lock::TRAIL.into()]).await?;
        }
        // A statement of its own: it must see what was committed while we waited.
        let row = self.find(LAST, []).await?.ok_or(StoreError::Corrupt("the audit trail has no beginning"))?;
        // A row without a hash is from before the chain, or was put in around us. We go on; who verifies tells.
        let last = Head { seq: row.get(0)?, hash: hash(&row, 1)?.unwrap_or(NOTHING) };
        let (head, rows) = chained(last, &noted)?;
        if self.insert_counted(&INSERT, rows).await? == noted.len() as u64 {
            return Ok(Some(head));
        }
        // Some are there since a commit that lost its answer, so what follows them here is chained to nothing.
        let written = self.find_all("SELECT id FROM audit WHERE seq > $1", [last.seq.into()]).await?;
        let mut new = written.iter().map(|row| row.uuid(0)).collect::<Result<HashSet<_>, _>>()?;
        self.execute("DELETE FROM audit WHERE seq > $1", [last.seq.into()]).await?;
        let noted: Vec<Noted> = noted.into_iter().filter(|noted| new.remove(&noted.content.id)).collect();
        let (head, rows) = chained(last, &noted)?;
        self.insert(&INSERT, rows).await?;
        Ok(Some(head))
    }

    /// Appends to a row if it is the last one. `None`: it is not, or some of the events are there already,
    /// and nothing was written.
    async fn append_to(&self, last: Head, noted: &[Noted]) -> Result<Option<Head>, WriteError> {
        let (mut head, mut left, mut written) = (last, noted, 0);
        while !left.is_empty() {
            let (these, rest) = left.split_at(Insert::next_of(left.len()));
            let (then, rows) = chained(head, these)?;
            let of = [head.seq.into(), head.hash.as_slice().into()];
            written += self.run(INSERT.statement_if(rows, IS_LAST, of)).await?;
            (head, left) = (then, rest);
        }
        if written == noted.len() as u64 {
            return Ok(Some(head));
        }
        if written > 0 {
            // So it was the last one, and what is behind it is ours.
            self.execute("DELETE FROM audit WHERE seq > $1", [last.seq.into()]).await?;
        }
        Ok(None)
    }
}

/// The rows of events that follow a row, and the last one of them.
fn chained(last: Head, noted: &[Noted]) -> Result<(Head, Vec<Vec<Value>>), StoreError> {
    let (mut head, mut rows) = (last, Vec::with_capacity(noted.len()));
    for Noted { at, result, content } in noted {
        head = head.then(*at, result, &content.digest()).ok_or(StoreError::Corrupt("the audit trail is at its end"))?;
        rows.push(values(&head, *at, result, content));
    }
    Ok((head, rows))
}

fn values(head: &Head, at: Timestamp, result: &'static str, content: &Content) -> Vec<Value> {
    vec![
        head.seq.into(),
        bytes(content.id),
        at.millis().into(),
        content.action.as_str().into(),
        result.into(),
        content.reason.clone().into(),
        content.client.clone().into(),
        bytes_if_any(content.user),
        bytes_if_any(content.device),
        bytes_if_any(content.request),
        content.actor.clone().into(),
        head.hash.as_slice().into(),
    ]
}

fn hash(row: &Row, column: usize) -> Result<Option<Hash>, StoreError> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    // What is no hash was not written by us, and follows from nothing.
    Ok(bytes.map(|bytes| bytes.try_into().unwrap_or(NOTHING)))
}

/// The columns of a row from `column` on: `id, action, reason, client_id, user_id, device_id, request_id, actor`.
pub(super) fn content(row: &Row, column: usize) -> Result<Content, StoreError> {
    Ok(Content {
        id: row.uuid(column)?,
        action: row.get(column + 1)?,
        reason: row.get(column + 2)?,
        client: row.get(column + 3)?,
        user: row.uuid_if_any(column + 4)?,
        device: row.uuid_if_any(column + 5)?,
        request: row.uuid_if_any(column + 6)?,
        actor: row.get(column + 7)?,
    })
}

/// The trail, for who reads it.
#[derive(Clone, Debug)]
pub struct Chain {
    database: Database,
}

impl Chain {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// The end of what is gone: the chain can be computed from here on.
    pub async fn begin(&self) -> Result<Head, StoreError> {
        let row = self.database.find("SELECT seq, hash FROM audit_begin", []).await?;
        let row = row.ok_or(StoreError::Corrupt("the audit trail has no beginning"))?;
        Ok(Head { seq: row.get(0)?, hash: hash(&row, 1)?.unwrap_or(NOTHING) })
    }

    /// At most `limit` rows after this one, kept or taken, in their order.
    pub async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let rows = self.database.find_all(PAGE, [seq.into(), i64::from(limit).into()]).await?;
        rows.iter().map(entry).collect()
    }
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let taken: Option<Vec<u8>> = row.get(4)?;
    Ok(Entry {
        seq: row.get(0)?,
        at: row.time(1)?,
        result: row.get(2)?,
        hash: hash(row, 3)?,
        said: match taken {
            Some(digest) => Said::Taken(digest.try_into().unwrap_or(NOTHING)),
            // What cannot be read was changed: it follows from nothing.
            None => content(row, 5).map_or(Said::Taken(NOTHING), Said::Kept),
        },
    })
}
