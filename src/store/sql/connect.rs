//! How a database is reached: files, pools, and what each connection is told.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use tokio::time::{Instant, sleep, timeout};

use super::{BUSY_MIGRATION, PATIENCE};
use crate::failpoint::waiting;
use crate::secret::Secret;
use crate::store::ephemeral::StoreError;

/// For a connection from the pool, a new one included. Shorter than [`PATIENCE`], so that the reason
/// is told apart.
const ACQUIRE: Duration = Duration::from_millis(800);

/// SQLite waits this long for another process to let go of the file. It is less than [`PATIENCE`]:
/// a statement that waited longer would run after its caller has been told that it did not.
pub(super) const BUSY: Duration = Duration::from_millis(800);

/// PostgreSQL ends a statement that nobody waits for any more.
const STATEMENT: Duration = Duration::from_secs(2);

/// Statements kept prepared per connection: all of ours, and those of many rows for each number of rows.
const PREPARED: usize = 512;

const SQLITE_READERS: u32 = 2;

/// An idle PostgreSQL connection is checked before it is used if it rested this long: after a restart
/// of the server all resting connections are dead.
const RESTED: Duration = Duration::from_secs(1);

/// A new file is its owner's alone: it has people in it, and pending requests. What SQLite puts beside it
/// gets the same rights. A file that is there already keeps the rights that somebody gave it.
pub(super) fn private(file: &Path) -> Result<(), StoreError> {
    match private_file().create_new(true).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::unavailable(format!("{}: {error}", file.display()))),
    }
}

/// For writing, and if it is made, for its owner alone.
pub(super) fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// A writer and readers. Those of a memory database are one: it is its connection.
pub(super) async fn sqlite_pools(
    options: SqliteConnectOptions,
    in_memory: bool,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true)
        .busy_timeout(waiting(BUSY))
        .statement_cache_capacity(PREPARED)
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16000")
        .pragma("journal_size_limit", "67108864")
        // A page that many commits change is copied back once for all of them.
        .pragma("wal_autocheckpoint", "4000")
        .disable_statement_logging();
    // Never closed for being idle or old.
    let pool = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(waiting(ACQUIRE));
    // A memory database ends with its connection, and has no disk that could be full.
    let pool = if in_memory { pool } else { without_remains(pool) };
    let begun = Instant::now();
    let writer = loop {
        match pool.clone().connect_with(options.clone()).await {
            Ok(writer) => break writer,
            Err(error) if opens_later(&error) && begun.elapsed() < BUSY_MIGRATION => {
                sleep(BUSY_MIGRATION / 50).await;
            }
            Err(error) => return Err(StoreError::unavailable(error)),
        }
    };
    let reader = if in_memory {
        writer.clone()
    } else {
        let options = options.read_only(true).create_if_missing(false).pragma("mmap_size", "134217728");
        pool.max_connections(SQLITE_READERS).connect_lazy_with(options)
    };
    Ok((writer.into(), reader.into()))
}

/// SQLite ends a transaction by itself when its `COMMIT` cannot be written, as on a full disk. To sqlx it is open
/// still, since its rollback finds none: no other one could begin on that connection for as long as the node runs.
fn without_remains(pool: SqlitePoolOptions) -> SqlitePoolOptions {
    pool.after_release(|connection, _| {
        Box::pin(async move {
            if connection.is_in_transaction() {
                // What was dropped is rolled back before this is answered.
                connection.ping().await?;
            }
            Ok(!connection.is_in_transaction())
        })
    })
}

/// Two that open a new file at once: the change to WAL does not wait for its turn. And where the disk is slow,
/// a file that nobody holds takes longer to open than a connection may take later.
fn opens_later(error: &sqlx::Error) -> bool {
    let busy = error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("5"));
    busy || matches!(error, sqlx::Error::PoolTimedOut)
}

/// A pool for writing and one for reading, so that neither takes the other's connections.
pub(super) fn postgres_pools(
    url: &Secret<String>,
    connections: u32,
    synchronous_commit: &str,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let options = PgConnectOptions::from_str(url.expose())
        .map_err(StoreError::unavailable)?
        .application_name("nod")
        .statement_cache_capacity(PREPARED)
        .options([
            ("statement_timeout", waiting(STATEMENT).as_millis().to_string().as_str()),
            ("lock_timeout", waiting(PATIENCE).as_millis().to_string().as_str()),
            // The node has stopped in the middle, and everybody waits for the end of the audit trail.
            ("idle_in_transaction_session_timeout", "2000"),
            ("synchronous_commit", synchronous_commit),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(waiting(ACQUIRE))
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move {
                if rested.idle_for < RESTED {
                    return Ok(true);
                }
                Ok(matches!(timeout(waiting(ACQUIRE) / 4, connection.ping()).await, Ok(Ok(()))))
            })
        })
        // A connection whose peer vanished without a word must not keep its place in the pool until
        // TCP gives up after a quarter of an hour.
        .after_release(|connection, _| {
            Box::pin(async move {
                match timeout(waiting(PATIENCE), connection.ping()).await {
                    Ok(answer) => answer.map(|()| true),
                    Err(_) => Err(sqlx::Error::PoolTimedOut),
                }
            })
        });
    let writer = pool.clone().connect_lazy_with(options.clone());
    Ok((writer.into(), pool.connect_lazy_with(options).into()))
}
