//! The ephemeral store in a table of the SQL database: what a single node needs, without Redis.
//!
//! A value is there until its deadline, which every statement checks by itself; `purge` only gives
//! the space back. Wake-ups stay in this process.
//!
//! One statement costs a database nearly the same for one row as for many. So what is asked at the
//! same time is done together: one task reads, one writes, each takes all that waits. What touches
//! the same key is done one after the other, in the order in which it came.
//!
//! Unlike everything else in SQL, this may forget when the power fails (on SQLite all that was not yet
//! copied from the log, on PostgreSQL the last moments): nothing that must hold for ever rests here,
//! and what was decided is rebuilt from SQL. A killed process loses nothing. That saves a wait for the
//! disk per write. SQLite keeps it in a file of its own beside the database, so that the two do not
//! wait for each other.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sea_orm::Value;
use tokio::sync::{mpsc, oneshot};

use super::ephemeral::{Ephemeral, Key, Lifetime, StoreError, Switchboard, Topic, Version, Versioned, Wakeups};
use super::sql::{Database, Engine, Placeholders, bounded};
use crate::clock::Clock;
use crate::entropy::Entropy;

/// Rows of one statement. A power of two: see [`chunk`].
const GROUP: usize = 64;

/// What may wait before whoever asks next waits too.
const QUEUE: usize = 1024;

pub struct EmbeddedStore {
    database: Database,
    reads: mpsc::Sender<Read>,
    writes: mpsc::Sender<Write>,
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
    /// The future does the work: without it, every call ends in an error. It ends with the store.
    pub async fn open(
        database: &Database,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static + use<>), StoreError> {
        let database = database.ephemeral().await?;
        let (reads, to_read) = mpsc::channel(QUEUE);
        let (writes, to_write) = mpsc::channel(QUEUE);
        let reading = read(database.clone(), Arc::clone(&clock), to_read);
        let writing = write(database.clone(), Arc::clone(&clock), to_write);
        let working = async move {
            tokio::join!(reading, writing);
        };
        Ok((Self { database, reads, writes, clock, entropy, switchboard: Switchboard::default() }, working))
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

    async fn write<T>(&self, key: &Key, change: impl FnOnce(Answer<T>) -> Change) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let write = Write { key: key.as_bytes().to_vec(), change: change(answer) };
        answer_of(&self.writes, write, answered).await
    }
}

#[async_trait]
impl Ephemeral for EmbeddedStore {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        let version = u32::from_be_bytes(self.entropy.bytes());
        let (value, expires_at) = (value.to_vec(), (self.clock.now() + lifetime).millis());
        self.write(key, |answer| Change::Insert { value, version, expires_at, answer }).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let read = Read { key: key.as_bytes().to_vec(), answer };
        answer_of(&self.reads, read, answered).await
    }

    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        let expires_at = match lifetime {
            Lifetime::Keep => None,
            Lifetime::Renew(lifetime) => Some((self.clock.now() + lifetime).millis()),
        };
        let value = value.to_vec();
        self.write(key, |answer| Change::Swap { seen: seen.0, value, expires_at, answer }).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.write(key, |answer| Change::Remove { answer }).await
    }

    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        let expires_at = (self.clock.now() + window).millis();
        self.write(key, |answer| Change::Count { expires_at, answer }).await
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

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

struct Read {
    key: Vec<u8>,
    answer: Answer<Option<Versioned>>,
}

struct Write {
    key: Vec<u8>,
    change: Change,
}

enum Change {
    Insert { value: Vec<u8>, version: u32, expires_at: i64, answer: Answer<bool> },
    Swap { seen: u32, value: Vec<u8>, expires_at: Option<i64>, answer: Answer<bool> },
    Remove { answer: Answer<()> },
    Count { expires_at: i64, answer: Answer<u32> },
}

impl Write {
    /// Whoever gave up is told nothing any more, so nothing is done for them.
    fn is_abandoned(&self) -> bool {
        match &self.change {
            Change::Insert { answer, .. } | Change::Swap { answer, .. } => answer.is_closed(),
            Change::Remove { answer } => answer.is_closed(),
            Change::Count { answer, .. } => answer.is_closed(),
        }
    }
}

async fn answer_of<Q, T>(
    queue: &mpsc::Sender<Q>,
    question: Q,
    answered: oneshot::Receiver<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    bounded(async {
        queue.send(question).await.map_err(|_| StoreError::unavailable("the store is closed"))?;
        answered.await.map_err(|_| StoreError::unavailable("the store is closed"))?
    })
    .await
}

/// Takes a power of two of what is left: a handful of statements that stay prepared, not one for
/// each count.
fn chunk<T>(left: &mut Vec<T>) -> Vec<T> {
    let count = 1 << left.len().clamp(1, GROUP).ilog2();
    left.drain(..count.min(left.len())).collect()
}

async fn read(database: Database, clock: Arc<dyn Clock>, mut queue: mpsc::Receiver<Read>) {
    let mut waiting = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut waiting, GROUP).await > 0 {
        let mut wanted: HashMap<Vec<u8>, Vec<Answer<Option<Versioned>>>> = HashMap::new();
        for Read { key, answer } in waiting.drain(..) {
            wanted.entry(key).or_default().push(answer);
        }
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        while !wanted.is_empty() {
            let some = chunk(&mut wanted);
            let found = find(&database, some.iter().map(|(key, _)| key.as_slice()), clock.now().millis()).await;
            for (key, answers) in some {
                for answer in answers {
                    drop(answer.send(match &found {
                        Ok(found) => Ok(found.get(&key).cloned()),
                        Err(error) => Err(again(error)),
                    }));
                }
            }
        }
    }
}

async fn find(
    database: &Database,
    keys: impl Iterator<Item = &[u8]>,
    now: i64,
) -> Result<HashMap<Vec<u8>, Versioned>, StoreError> {
    let mut places = Placeholders::new(database.engine());
    let mut values: Vec<Value> = keys.map(Value::from).collect();
    let mut sql = "SELECT key, value, version FROM ephemeral WHERE key IN (".to_owned();
    places.list(&mut sql, values.len());
    sql.push_str(") AND expires_at > ");
    places.next(&mut sql);
    values.push(now.into());
    let mut found = HashMap::new();
    for row in database.find_all(&sql, values).await? {
        found.insert(row.get(0)?, Versioned { value: row.get(1)?, version: Version(narrow(row.get(2)?)?) });
    }
    Ok(found)
}

async fn write(database: Database, clock: Arc<dyn Clock>, mut queue: mpsc::Receiver<Write>) {
    let mut waiting = VecDeque::new();
    let mut taken = Vec::with_capacity(GROUP);
    loop {
        if waiting.is_empty() && queue.recv_many(&mut taken, GROUP).await == 0 {
            return;
        }
        waiting.extend(taken.drain(..));
        while waiting.len() < GROUP && queue.try_recv().map(|write| waiting.push_back(write)).is_ok() {}
        // One change of a key at a time; the others keep their order for the next round.
        let (mut keys, mut group, mut later) = (HashSet::new(), Vec::new(), VecDeque::new());
        for write in waiting.drain(..).filter(|write| !write.is_abandoned()) {
            if group.len() < GROUP && keys.insert(write.key.clone()) {
                group.push(write);
            } else {
                later.push_back(write);
            }
        }
        waiting = later;
        change(&database, group, clock.now().millis()).await;
    }
}

/// Changes of different keys, each kind with one statement.
async fn change(database: &Database, writes: Vec<Write>, now: i64) {
    let (mut inserts, mut keeps, mut renewals) = (Vec::new(), Vec::new(), Vec::new());
    let (mut removals, mut counts) = (Vec::new(), Vec::new());
    for Write { key, change } in writes {
        match change {
            Change::Insert { value, version, expires_at, answer } => {
                let row = vec![value.into(), i64::from(version).into(), expires_at.into()];
                inserts.push(Pending { key, row, answer });
            }
            Change::Swap { seen, value, expires_at, answer } => {
                let next = i64::from(seen.wrapping_add(1));
                let mut row = vec![i64::from(seen).into(), value.into(), next.into()];
                row.extend(expires_at.map(Value::from));
                if expires_at.is_some() { &mut renewals } else { &mut keeps }.push(Pending { key, row, answer });
            }
            Change::Remove { answer } => removals.push(Pending { key, row: Vec::new(), answer }),
            Change::Count { expires_at, answer } => {
                let row = vec![Vec::<u8>::new().into(), 1_i64.into(), expires_at.into()];
                counts.push(Pending { key, row, answer });
            }
        }
    }
    run(database, &INSERT, inserts, now, |found| Ok(found.is_some())).await;
    run(database, &SWAP, keeps, now, |found| Ok(found.is_some())).await;
    run(database, &SWAP_AND_RENEW, renewals, now, |found| Ok(found.is_some())).await;
    run(database, &REMOVE, removals, now, |_| Ok(())).await;
    run(database, &COUNT, counts, now, |found| narrow(found.ok_or(StoreError::Corrupt("a count without an answer"))?))
        .await;
}

/// One row of a statement, and who waits for what becomes of it.
struct Pending<T> {
    key: Vec<u8>,
    row: Vec<Value>,
    answer: Answer<T>,
}

/// A statement over rows of values, the key first. It answers `key, version` of each row that it
/// changed. In its text, `:rows` stands for the rows and `:now` for the time.
struct Many {
    sql: &'static str,
    columns: usize,
    asks_time: usize,
}

const INSERT: Many = Many {
    sql: "INSERT INTO ephemeral (key, value, version, expires_at) VALUES :rows \
          ON CONFLICT (key) DO UPDATE SET \
          value = excluded.value, version = excluded.version, expires_at = excluded.expires_at \
          WHERE ephemeral.expires_at <= :now RETURNING key, version",
    columns: 4,
    asks_time: 1,
};

const SWAP: Many = Many {
    sql: "WITH change (key, seen, value, next) AS (VALUES :rows) \
          UPDATE ephemeral SET value = change.value, version = change.next FROM change \
          WHERE ephemeral.key = change.key AND ephemeral.version = change.seen AND ephemeral.expires_at > :now \
          RETURNING ephemeral.key, ephemeral.version",
    columns: 4,
    asks_time: 1,
};

const SWAP_AND_RENEW: Many = Many {
    sql: "WITH change (key, seen, value, next, expires_at) AS (VALUES :rows) \
          UPDATE ephemeral SET value = change.value, version = change.next, expires_at = change.expires_at \
          FROM change \
          WHERE ephemeral.key = change.key AND ephemeral.version = change.seen AND ephemeral.expires_at > :now \
          RETURNING ephemeral.key, ephemeral.version",
    columns: 5,
    asks_time: 1,
};

const REMOVE: Many = Many {
    sql: "WITH change (key) AS (VALUES :rows) \
          DELETE FROM ephemeral WHERE key IN (SELECT key FROM change) RETURNING key, version",
    columns: 1,
    asks_time: 0,
};

const COUNT: Many = Many {
    sql: "INSERT INTO ephemeral (key, value, version, expires_at) VALUES :rows \
          ON CONFLICT (key) DO UPDATE SET \
          version = CASE WHEN ephemeral.expires_at <= :now THEN 1 ELSE ephemeral.version + 1 END, \
          expires_at = CASE WHEN ephemeral.expires_at <= :now THEN excluded.expires_at ELSE ephemeral.expires_at END \
          RETURNING key, version",
    columns: 4,
    asks_time: 2,
};

impl Many {
    fn sql(&self, engine: Engine, count: usize) -> String {
        let mut places = Placeholders::new(engine);
        let (before, after) = self.sql.split_once(":rows").unwrap_or((self.sql, ""));
        let mut sql = String::with_capacity(self.sql.len() + count * self.columns * 5);
        sql.push_str(before);
        places.rows(&mut sql, count, self.columns);
        let mut parts = after.split(":now");
        sql.push_str(parts.next().unwrap_or_default());
        for part in parts {
            places.next(&mut sql);
            sql.push_str(part);
        }
        sql
    }
}

async fn run<T>(
    database: &Database,
    many: &Many,
    mut pending: Vec<Pending<T>>,
    now: i64,
    verdict: impl Fn(Option<i64>) -> Result<T, StoreError>,
) {
    while !pending.is_empty() {
        let some = chunk(&mut pending);
        let sql = many.sql(database.engine(), some.len());
        let mut values = Vec::with_capacity(some.len() * many.columns + many.asks_time);
        let mut waiting = Vec::with_capacity(some.len());
        for Pending { key, row, answer } in some {
            values.push(key.as_slice().into());
            values.extend(row);
            waiting.push((key, answer));
        }
        values.extend(std::iter::repeat_n(Value::from(now), many.asks_time));
        let changed = changed(database, &sql, values).await;
        for (key, answer) in waiting {
            drop(answer.send(match &changed {
                Ok(changed) => verdict(changed.get(&key).copied()),
                Err(error) => Err(again(error)),
            }));
        }
    }
}

async fn changed(database: &Database, sql: &str, values: Vec<Value>) -> Result<HashMap<Vec<u8>, i64>, StoreError> {
    let rows = database.execute_returning(sql, values).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The same error once more, for the next who waits for the same statement.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(source) => StoreError::unavailable(source.to_string()),
        StoreError::Corrupt(what) => StoreError::Corrupt(what),
        StoreError::Contended => StoreError::Contended,
    }
}

fn narrow(version: i64) -> Result<u32, StoreError> {
    u32::try_from(version).map_err(|_| StoreError::Corrupt("a version out of range"))
}
