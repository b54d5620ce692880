//! What is written down: the state that a refused request must not change, and the audit trail.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nod::clock::{Clock as _, Timestamp};
use nod::domain::audit::Action;
use redis::aio::MultiplexedConnection;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, QueryResult};

use super::Inner;

/// All rows of all tables but the audit trail, and all that waits in the ephemeral store but the
/// marks of used identifiers and the counters.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digest(BTreeMap<String, Vec<String>>);

impl Digest {
    pub(super) async fn of(inner: &Inner) -> Self {
        let mut tables = tables(inner).await;
        tables.remove("audit");
        // They come and go with the worker.
        tables.remove("outbox");
        if let Some(rows) = tables.get_mut("ephemeral") {
            let counted = |row: &String| {
                ["61", "70", "74", "6c", "6a", "32", "33"].iter().any(|tag| row.contains(&format!("key={tag}")))
            };
            // What is over is there for nobody, whether or not it was swept away already.
            let now = inner.clock.now();
            let over = |row: &String| {
                let until = row.rsplit_once("expires_at=").and_then(|(_, until)| until.parse().ok());
                until.is_some_and(|until| Timestamp::from_millis(until) <= now)
            };
            rows.retain(|row| !counted(row) && !over(row));
        }
        if let Some(redis) = &inner.redis {
            tables.insert("redis".to_owned(), redis_values(redis, b"aptlj23").await);
        }
        Self(tables)
    }

    fn difference(&self, other: &Self) -> String {
        let mut text = String::new();
        for (table, rows) in &other.0 {
            let before = self.0.get(table).cloned().unwrap_or_default();
            for row in rows.iter().filter(|row| !before.contains(row)) {
                let _ = writeln!(text, "+ {table}: {row}");
            }
            for row in before.iter().filter(|row| !rows.contains(row)) {
                let _ = writeln!(text, "- {table}: {row}");
            }
        }
        text
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

/// One event of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Audited {
    pub(crate) action: String,
    pub(crate) result: String,
    pub(crate) reason: Option<String>,
    pub(crate) client: Option<String>,
}

/// The state and the audit trail at one moment.
pub(crate) struct Watch {
    inner: Arc<Inner>,
    state: Digest,
    /// The last event before.
    seq: i64,
}

impl Watch {
    pub(super) async fn begin(inner: Arc<Inner>) -> Self {
        // Of the refusals before, none is counted together with those that come.
        for node in &inner.nodes {
            let refusals = node.parts.refusals.clone();
            inner.among_servers(async move { refusals.finish().await }).await;
        }
        let seq = settled(&inner).await;
        let state = Digest::of(&inner).await;
        Self { inner, state, seq }
    }

    /// What was recorded since.
    pub(crate) async fn events(&self) -> Vec<Audited> {
        audit_after(&self.inner, self.seq).await
    }

    pub(crate) async fn nothing_changed(&self, what: &str) {
        let now = Digest::of(&self.inner).await;
        assert!(self.state == now, "{what} changed something:\n{}", self.state.difference(&now));
    }

    pub(crate) async fn something_changed(&self, what: &str) {
        assert!(self.state != Digest::of(&self.inner).await, "{what}: nothing changed");
    }

    /// A refused request changes nothing, and leaves one event that says so.
    pub(crate) async fn only_a_refusal(&self, what: &str) -> Audited {
        self.nothing_changed(what).await;
        let mut events = self.events().await;
        assert_eq!(events.len(), 1, "{what} leaves one event, not {events:#?}");
        let event = events.remove(0);
        assert_eq!(event.result, "refused", "{what}: {event:?}");
        assert!(event.reason.as_ref().is_some_and(|reason| !reason.is_empty()), "{what}: {event:?}");
        event
    }

    /// Nothing at all: what is part of the protocol is no refusal.
    pub(crate) async fn nothing(&self, what: &str) {
        self.nothing_changed(what).await;
        let events = self.events().await;
        assert!(events.is_empty(), "{what} left {events:#?}");
    }
}

const BARRIER: &str = "the test looks here";

async fn audit_after(inner: &Inner, seq: i64) -> Vec<Audited> {
    settled(inner).await;
    let sql = format!(
        "SELECT action, result, reason, client_id FROM audit \
         WHERE seq > {seq} AND coalesce(reason, '') <> '{BARRIER}' ORDER BY seq"
    );
    query(inner, &sql)
        .await
        .iter()
        .map(|row| Audited {
            action: row.try_get_by_index(0).unwrap(),
            result: row.try_get_by_index(1).unwrap(),
            reason: row.try_get_by_index(2).unwrap(),
            client: row.try_get_by_index(3).unwrap(),
        })
        .collect()
}

/// Events are written in the background, in order: when one of ours is there, all before it are.
/// Answers the number of the last one.
async fn settled(inner: &Inner) -> i64 {
    let waiting = inner.barriers.fetch_add(inner.nodes.len(), Ordering::SeqCst) + inner.nodes.len();
    for node in &inner.nodes {
        let event = inner.event(Action::InputRefused).refused(BARRIER);
        let ledger = node.parts.ledger.clone();
        inner.among_servers(async move { ledger.audit(event).await }).await;
    }
    let begin = Instant::now();
    loop {
        let sql = format!("SELECT COUNT(*), MAX(seq) FROM audit WHERE reason = '{BARRIER}'");
        let row = query(inner, &sql).await.remove(0);
        let (written, last): (i64, Option<i64>) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        if written >= i64::try_from(waiting).unwrap() {
            return last.unwrap();
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "the audit trail is written");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(super) async fn dump(inner: &Inner) -> String {
    let mut text = String::new();
    for (table, rows) in tables(inner).await {
        for row in rows {
            let _ = writeln!(text, "{table}: {row}");
        }
    }
    if let Some(redis) = &inner.redis {
        for value in redis_values(redis, b"apt").await {
            let _ = writeln!(text, "redis: {value}");
        }
    }
    text
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Each row as text, binary columns in lower-case hexadecimal.
async fn tables(inner: &Inner) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    let mut all = query(inner, &rows_of_all_tables(inner).await).await;
    if let Some(beside) = &inner.ephemeral {
        let line = "'key=' || lower(hex(key)) || ' value=' || lower(hex(value)) || ' version=' || version \
                    || ' expires_at=' || expires_at";
        let sql = format!("SELECT 'ephemeral', group_concat({line}, char(10)) FROM ephemeral");
        all.extend(query_at(inner, beside, &sql).await);
    }
    for row in all {
        let (table, lines): (String, Option<String>) =
            (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        let mut lines: Vec<String> = lines.unwrap_or_default().lines().map(str::to_owned).collect();
        lines.sort();
        tables.insert(table, lines);
    }
    tables
}

/// One statement for it all, one answered row for each table: every row that comes back costs a
/// switch between threads. The tables are the same in every world, so it is made once.
async fn rows_of_all_tables(inner: &Inner) -> String {
    static STATEMENTS: [OnceLock<String>; 2] = [OnceLock::new(), OnceLock::new()];
    let postgres = inner.sql.get_database_backend() == DbBackend::Postgres;
    let made = &STATEMENTS[usize::from(postgres)];
    if let Some(statement) = made.get() {
        return statement.clone();
    }
    let names = if postgres {
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    };
    let mut selects = Vec::new();
    for row in query(inner, names).await {
        let table: String = row.try_get_by_index(0).unwrap();
        let columns = if postgres {
            format!("SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'")
        } else {
            format!("SELECT name FROM pragma_table_info('{table}')")
        };
        let shown: Vec<String> = query(inner, &columns)
            .await
            .iter()
            .map(|row| {
                let column: String = row.try_get_by_index(0).unwrap();
                if postgres {
                    format!("'{column}=' || coalesce(replace({column}::text, '\\x', ''), '-')")
                } else {
                    format!(
                        "'{column}=' || CASE typeof({column}) WHEN 'blob' THEN lower(hex({column})) \
                         WHEN 'null' THEN '-' ELSE {column} END"
                    )
                }
            })
            .collect();
        let line = shown.join(" || ' ' || ");
        let all =
            if postgres { format!("string_agg({line}, chr(10))") } else { format!("group_concat({line}, char(10))") };
        selects.push(format!("SELECT '{table}', {all} FROM {table}"));
    }
    made.get_or_init(|| selects.join(" UNION ALL ")).clone()
}

async fn query(inner: &Inner, sql: &str) -> Vec<QueryResult> {
    query_at(inner, &inner.sql, sql).await
}

async fn query_at(inner: &Inner, connection: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let (connection, sql) = (connection.clone(), sql.to_owned());
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    inner.among_servers(async move { connection.query_all_raw(statement).await }).await.unwrap()
}

/// A connection, and each key with the letter after its prefix, which is the purpose of its value.
async fn redis_keys((url, prefix): &(String, String)) -> (MultiplexedConnection, Vec<(u8, Vec<u8>)>) {
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{prefix}*");
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg(&pattern).query_async(&mut connection).await.unwrap();
    let purpose = |key: &[u8]| key.get(prefix.len()).copied().unwrap_or_default();
    (connection, keys.into_iter().map(|key| (purpose(&key), key)).collect())
}

/// How long each key is there yet; `None`: for ever.
pub(super) async fn lifetimes(inner: &Inner) -> Vec<(u8, Option<Duration>)> {
    let (mut connection, keys) = redis_keys(inner.redis.as_ref().expect("a world with Redis")).await;
    let mut lifetimes = Vec::new();
    for (purpose, key) in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
        // It has just ended.
        if left != -2 {
            lifetimes.push((purpose, u64::try_from(left).ok().map(Duration::from_millis)));
        }
    }
    lifetimes
}

async fn redis_values(at: &(String, String), but: &[u8]) -> Vec<String> {
    let (mut connection, keys) = redis_keys(at).await;
    let mut values = Vec::new();
    for (purpose, key) in keys {
        if but.contains(&purpose) {
            continue;
        }
        let value: Option<Vec<u8>> = redis::cmd("GET").arg(&key).query_async(&mut connection).await.unwrap();
        values.push(format!("{} = {}", hex(&key), hex(&value.unwrap_or_default())));
    }
    values.sort();
    values
}
