//! Which node has the database to itself. Nodes without Redis do not wake each other, so that there
//! should be one; who else is there cannot be asked, but a lock can be held.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::str::FromStr as _;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _};

use super::{Database, Engine, bounded, lock, private_file};
use crate::store::ephemeral::StoreError;

/// Nobody else has the database to itself until this is dropped.
pub struct Alone {
    _held: Held,
}

enum Held {
    Nothing,
    File { _locked: File },
    Connection { _locked: Box<PgConnection> },
}

impl Alone {
    /// With a SQLite file that need not be there yet: whoever wants to remove it looks first. `None`: another
    /// node holds it.
    pub fn with_file(database: &Path) -> io::Result<Option<Self>> {
        Ok(lock_beside(database)?.map(|held| Self { _held: held }))
    }
}

/// What the file is called that is locked, beside a SQLite file of this name.
pub const BESIDE: &str = "-node";

/// The operating system lets go of it however the process ends.
fn lock_beside(database: &Path) -> io::Result<Option<Held>> {
    let mut name = database.as_os_str().to_owned();
    name.push(BESIDE);
    let file = private_file().create(true).truncate(false).open(name)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held::File { _locked: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Database {
    /// `None`: another node holds it.
    pub async fn alone(&self) -> Result<Option<Alone>, StoreError> {
        let held = match self.engine {
            Engine::Sqlite if self.in_memory => Some(Held::Nothing),
            Engine::Sqlite => self.lock_file()?,
            Engine::Postgres => bounded(self.lock_session()).await?,
        };
        Ok(held.map(|held| Alone { _held: held }))
    }

    fn lock_file(&self) -> Result<Option<Held>, StoreError> {
        let options = SqliteConnectOptions::from_str(self.url.expose()).map_err(StoreError::unavailable)?;
        lock_beside(options.get_filename()).map_err(StoreError::unavailable)
    }

    /// A session of its own: it ends with its connection, or soon after the machine of the node is gone.
    async fn lock_session(&self) -> Result<Option<Held>, StoreError> {
        let options = PgConnectOptions::from_str(self.url.expose()).map_err(StoreError::unavailable)?;
        let options = options.application_name("nod").options([
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        let mut session = options.disable_statement_logging().connect().await.map_err(StoreError::unavailable)?;
        let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(lock::ALONE);
        let locked: bool = lock.fetch_one(&mut session).await.map_err(StoreError::unavailable)?;
        Ok(locked.then(|| Held::Connection { _locked: Box::new(session) }))
    }
}
