//! The SQL side: SQLite or PostgreSQL, the same tables and the same statements.
//!
//! Statements are written out: each has a constant text, which both engines prepare once per
//! connection, and its verdict is its row count. SQLite allows one writer at a time, so there is one
//! writing connection, and every transaction takes the write lock when it begins (`BEGIN IMMEDIATE`);
//! a transaction that reads first and wants to write later would fail instead of waiting.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nod_migrations::Migrator;
use sea_orm::sqlx;
use sea_orm::sqlx::error::ErrorKind as SqlErrorKind;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, SqlErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _, Value,
};
use sea_orm_migration::MigratorTrait as _;
use tokio::time::timeout;

use self::connect::{BUSY, postgres_pools, private, private_file, sqlite_pools};
use self::insert::Insert;
pub(super) use self::insert::Placeholders;
pub(super) use self::row::Row;
use self::row::{bytes, bytes_if_any, digest_bytes, rows};
use super::ephemeral::StoreError;
use crate::domain::audit::Event;
use crate::failpoint::waiting;
use crate::metrics::{SqlCall, metrics};
use crate::secret::Secret;

pub mod alone;
pub mod app_standings;
pub mod audit;
pub mod besides;
pub mod bootstrap;
pub mod clients;
mod connect;
pub mod consents;
pub mod decisions;
pub mod device_passcodes;
pub mod devices;
mod diagnosis;
pub mod directory;
pub mod first_phone;
pub mod fleet;
pub mod idempotency;
mod insert;
pub mod keys;
pub mod ledger;
pub mod otp_devices;
pub mod outbox;
mod pairing_keys;
pub mod passkeys;
pub mod passwords;
pub mod people;
pub mod push;
pub mod registration;
pub mod remembered_browsers;
pub mod retention;
mod row;
pub mod sessions;
pub mod settings;
pub mod sign_on;
pub mod tokens;
pub mod totp_devices;
pub mod trail;
pub mod user_codes;
pub mod webhooks;

/// No request waits longer for the database, whatever the reason.
const PATIENCE: Duration = Duration::from_secs(1);

/// A migration may wait longer for other processes than a request.
const BUSY_MIGRATION: Duration = Duration::from_secs(5);

const POSTGRES_CONNECTIONS: u32 = 8;

/// One reads and one writes; what is left is for readiness and the purge.
const EPHEMERAL_CONNECTIONS: u32 = 2;

/// The advisory locks of PostgreSQL that are ours, each for one thing: two things under one number would
/// wait for each other.
mod lock {
    /// Whoever changes the tables, until its commit.
    pub(super) const MIGRATION: i64 = 5_641_170;
    /// Whoever writes the audit trail, until its commit.
    pub(super) const TRAIL: i64 = 5_641_171;
    /// The node that has the database to itself, as long as it runs.
    pub(super) const ALONE: i64 = 5_641_172;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Clone, Debug)]
pub struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    engine: Engine,
    url: Arc<Secret<String>>,
    in_memory: bool,
    trail: audit::Remembered,
    /// Not for what only keeps ephemeral state: its calls are counted as such.
    measured: bool,
}

/// Why a write was refused.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A unique value is in use already; the text names the constraint and holds no value.
    #[error("taken: {0}")]
    Taken(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(constraint)) => Self::Taken(constraint),
            Some(_) | None => Self::Store(unavailable(error)),
        }
    }
}

impl WriteError {
    /// Whether the database is well and one of the rows is to blame: a constraint, a value that it
    /// does not take, or a conflict with somebody else's rows.
    fn is_about_rows(&self) -> bool {
        match self {
            Self::Taken(_) | Self::Store(StoreError::Corrupt(_)) => true,
            Self::Store(StoreError::Contended) => false,
            Self::Store(StoreError::Unavailable(source)) => {
                let Some(DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
                    source.downcast_ref()
                else {
                    return false;
                };
                let sqlx::Error::Database(error) = error.as_ref() else { return false };
                let code = error.code().unwrap_or_default();
                // PostgreSQL: data exceptions and rollbacks of transactions that met.
                error.kind() != SqlErrorKind::Other || code.starts_with("22") || code.starts_with("40")
            }
        }
    }

    /// For a write that breaks no constraint unless something is badly wrong.
    fn unexpected(self) -> StoreError {
        match self {
            Self::Taken(constraint) => StoreError::unavailable(format!("unexpectedly taken: {constraint}")),
            Self::Store(error) => error,
        }
    }
}

fn unavailable(error: DbErr) -> StoreError {
    StoreError::unavailable(error)
}

impl Database {
    /// Opens `sqlite:<path>`, `sqlite::memory:` or `postgres://..`. A SQLite file is created; a
    /// PostgreSQL server need not be there yet.
    pub async fn connect(url: &Secret<String>) -> Result<Self, StoreError> {
        if url.expose().starts_with("postgres://") || url.expose().starts_with("postgresql://") {
            Self::postgres(url)
        } else {
            Self::sqlite(url).await
        }
    }

    async fn sqlite(url: &Secret<String>) -> Result<Self, StoreError> {
        let text = url.expose();
        let options = SqliteConnectOptions::from_str(text).map_err(StoreError::unavailable)?;
        let in_memory = text.contains(":memory:") || text.contains("mode=memory");
        if !in_memory {
            private(options.get_filename())?;
        }
        // A commit that was answered survives a power cut.
        let (writer, reader) = sqlite_pools(options.synchronous(SqliteSynchronous::Full), in_memory).await?;
        let (url, trail) = (Arc::new(url.clone()), audit::Remembered::default());
        Ok(Self { writer, reader, engine: Engine::Sqlite, url, in_memory, trail, measured: true })
    }

    fn postgres(url: &Secret<String>) -> Result<Self, StoreError> {
        let (writer, reader) = postgres_pools(url, POSTGRES_CONNECTIONS, "on")?;
        let (url, trail) = (Arc::new(url.clone()), audit::Remembered::default());
        Ok(Self { writer, reader, engine: Engine::Postgres, url, in_memory: false, trail, measured: true })
    }

    /// Connections for state that need not survive a power cut, and the table for it. For a SQLite
    /// file it is another file beside it: the database is not kept waiting, and a backup of it does
    /// not bring back what was used up since.
    pub(super) async fn ephemeral(&self) -> Result<Self, StoreError> {
        const TABLE: &str = "
            CREATE TABLE IF NOT EXISTS ephemeral (
                key BLOB PRIMARY KEY NOT NULL,
                value BLOB NOT NULL,
                version BIGINT NOT NULL,
                expires_at BIGINT NOT NULL
            ) WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS ephemeral_expiry ON ephemeral (expires_at);";
        let (writer, reader) = match self.engine {
            Engine::Sqlite if self.in_memory => (self.writer.clone(), self.reader.clone()),
            Engine::Sqlite => {
                let options = SqliteConnectOptions::from_str(self.url.expose()).map_err(StoreError::unavailable)?;
                let mut file = options.get_filename().as_os_str().to_owned();
                file.push("-ephemeral");
                private(Path::new(&file))?;
                sqlite_pools(options.filename(file).synchronous(SqliteSynchronous::Normal), false).await?
            }
            Engine::Postgres => postgres_pools(&self.url, EPHEMERAL_CONNECTIONS, "off")?,
        };
        if self.engine == Engine::Sqlite {
            writer.execute_unprepared(TABLE).await.map_err(unavailable)?;
        }
        let (url, trail) = (Arc::clone(&self.url), audit::Remembered::default());
        Ok(Self { writer, reader, engine: self.engine, url, in_memory: self.in_memory, trail, measured: false })
    }

    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// Brings the schema up to date, in one transaction and alone, however many nodes start at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let wait = |wait: Duration| format!("PRAGMA busy_timeout = {}", wait.as_millis());
        match self.engine {
            Engine::Sqlite => {
                self.writer.execute_unprepared(&wait(BUSY_MIGRATION)).await.map_err(unavailable)?;
                let done = self.migrate_alone().await;
                self.writer.execute_unprepared(&wait(waiting(BUSY))).await.map_err(unavailable)?;
                done
            }
            Engine::Postgres => self.migrate_alone().await,
        }
    }

    async fn migrate_alone(&self) -> Result<(), StoreError> {
        let transaction = self.begin_unbounded().await.map_err(unavailable)?;
        if self.engine == Engine::Postgres {
            transaction
                .execute_unprepared(&format!(
                    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                     SELECT pg_advisory_xact_lock({})",
                    lock::MIGRATION
                ))
                .await
                .map_err(unavailable)?;
        }
        Migrator::up(&transaction, None).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)
    }

    /// The migrations that this version brings and the database does not have yet.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let pending =
            bounded(async { Migrator::get_pending_migrations_read_only(&self.reader).await.map_err(unavailable) })
                .await?;
        Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
    }

    /// The same, each with what it does, as SQL of this database.
    pub async fn migration_plan(&self) -> Result<Vec<(String, String)>, StoreError> {
        let does = |name: &str| nod_migrations::sql(name, self.engine.backend()).unwrap_or_default();
        let pending = self.pending_migrations().await?;
        Ok(pending.into_iter().map(|name| (name.clone(), does(&name))).collect())
    }

    /// Whether the database can be written to now: for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match timeout(waiting(PATIENCE) / 2, self.probe()).await {
            Ok(answer) => answer.map_err(unavailable),
            Err(elapsed) => Err(StoreError::unavailable(elapsed)),
        }
    }

    async fn probe(&self) -> Result<(), DbErr> {
        match self.engine {
            // Takes the write lock and lets it go.
            Engine::Sqlite => self.begin_unbounded().await?.rollback().await,
            // A standby answers everything but writes.
            Engine::Postgres => {
                let row = self.writer.query_one_raw(self.statement("SELECT pg_is_in_recovery()", [])).await?;
                let standby: bool = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(true);
                if standby { Err(DbErr::Custom("the server is a standby".to_owned())) } else { Ok(()) }
            }
        }
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        self.engine.statement(sql, values)
    }

    /// Takes the write lock of SQLite; on PostgreSQL, rows are locked as they are touched.
    async fn begin(&self) -> Result<Transaction, WriteError> {
        let begin = self.measured.then(Instant::now);
        let inner = self.begin_unbounded().await.inspect_err(|_| sql_took(SqlCall::Transaction, begin, true))?;
        Ok(Transaction { inner, engine: self.engine, noted: Mutex::default(), trail: self.trail.clone(), begin })
    }

    async fn begin_unbounded(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: (self.engine == Engine::Sqlite).then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.writer.begin_with_options(options).await
    }

    /// One statement, and its event if it changed something. `false`: it did not.
    async fn change(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value> + Send,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let changed: Result<_, WriteError> = bounded(async {
            let transaction = self.begin().await?;
            if transaction.execute(sql, values).await? == 0 {
                return Ok(false);
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        changed.map_err(WriteError::unexpected)
    }

    /// One statement on its own; answers how many rows it changed.
    pub(super) async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, StoreError> {
        let statement = self.statement(sql, values);
        let call = async { Ok(self.writer.execute_raw(statement).await.map_err(unavailable)?.rows_affected()) };
        self.timed(SqlCall::Write, call).await
    }

    /// One statement on its own that writes and answers rows.
    pub(super) async fn execute_returning(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql, values);
        let call = async { Ok(rows(self.writer.query_all_raw(statement).await.map_err(unavailable)?)) };
        self.timed(SqlCall::Write, call).await
    }

    pub(super) async fn find(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<Row>, StoreError> {
        let statement = self.statement(sql, values);
        let call = async { Ok(self.reader.query_one_raw(statement).await.map_err(unavailable)?.map(Row)) };
        self.timed(SqlCall::Read, call).await
    }

    /// The number that a statement answers.
    pub(super) async fn count(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, StoreError> {
        let row = self.find(sql, values).await?.ok_or(StoreError::Corrupt("a count without an answer"))?;
        Ok(row.get::<i64>(0)?.unsigned_abs())
    }

    pub(super) async fn find_all(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql, values);
        let call = async { Ok(rows(self.reader.query_all_raw(statement).await.map_err(unavailable)?)) };
        self.timed(SqlCall::Read, call).await
    }

    /// [`bounded`], and counted.
    async fn timed<T>(
        &self,
        call: SqlCall,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begin = self.measured.then(Instant::now);
        let answer = bounded(work).await;
        sql_took(call, begin, answer.is_err());
        answer
    }
}

impl Engine {
    const fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }

    fn statement(self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }
}

/// Rolls back unless it is committed.
struct Transaction {
    inner: DatabaseTransaction,
    engine: Engine,
    /// Events for the trail.
    noted: Mutex<Vec<audit::Noted>>,
    trail: audit::Remembered,
    begin: Option<Instant>,
}

impl Transaction {
    async fn commit(self) -> Result<(), WriteError> {
        let last = self.write_trail().await?;
        let Self { inner, begin, trail, .. } = self;
        let committed = inner.commit().await;
        sql_took(SqlCall::Transaction, begin, committed.is_err());
        committed?;
        if let Some(last) = last {
            trail.set(last);
        }
        Ok(())
    }

    /// Commits what was changed in an area, with its events. Whoever knows the area from memory is to be told.
    async fn commit_change(self, area: directory::Area, events: &[&Event]) -> Result<directory::Change, WriteError> {
        self.record(events);
        let change = self.change(area).await?;
        self.commit().await?;
        Ok(change)
    }

    /// Answers how many rows were changed.
    async fn execute(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, WriteError> {
        self.run(self.engine.statement(sql, values)).await
    }

    async fn run(&self, statement: Statement) -> Result<u64, WriteError> {
        Ok(self.inner.execute_raw(statement).await?.rows_affected())
    }

    async fn find(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Option<Row>, WriteError> {
        Ok(self.inner.query_one_raw(self.engine.statement(sql, values)).await?.map(Row))
    }

    async fn find_all(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<Row>, WriteError> {
        Ok(rows(self.inner.query_all_raw(self.engine.statement(sql, values)).await?))
    }

    /// As `find`, and nobody else changes the row until this transaction ends. On SQLite the whole
    /// database is ours already.
    async fn find_locked(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Option<Row>, WriteError> {
        match self.engine {
            Engine::Sqlite => self.find(sql, values).await,
            Engine::Postgres => self.find(&format!("{sql} FOR UPDATE"), values).await,
        }
    }

    /// Inserts many rows. Answers what `insert` says to answer for each row that went in.
    async fn insert(&self, insert: &Insert, rows: Vec<Vec<Value>>) -> Result<Vec<Row>, WriteError> {
        let mut answers = Vec::new();
        for statement in insert.statements(self.engine, rows) {
            if insert.answers() {
                answers.extend(self.inner.query_all_raw(statement).await?.into_iter().map(Row));
            } else {
                self.inner.execute_raw(statement).await?;
            }
        }
        Ok(answers)
    }

    /// Inserts many rows. Answers how many went in, which costs less than to have each of them answer.
    async fn insert_counted(&self, insert: &Insert, rows: Vec<Vec<Value>>) -> Result<u64, WriteError> {
        let mut count = 0;
        for statement in insert.statements(self.engine, rows) {
            count += self.run(statement).await?;
        }
        Ok(count)
    }
}

/// Runs a statement or a transaction, for as long as a request may wait. What is cut off rolls back.
pub(super) async fn bounded<T, E: From<StoreError>>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    match timeout(waiting(PATIENCE), call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(StoreError::unavailable(elapsed).into()),
    }
}

fn sql_took(call: SqlCall, begin: Option<Instant>, failed: bool) {
    if let Some(begin) = begin {
        metrics().sql(call, begin.elapsed(), failed);
    }
}
