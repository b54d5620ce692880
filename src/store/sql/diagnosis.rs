//! What an operator wants to know of a database.

use sea_orm::sqlx;
use sea_orm::{ConnectionTrait as _, DbErr, RuntimeErr};

use super::{Database, Engine, unavailable};
use crate::clock::Timestamp;
use crate::store::ephemeral::StoreError;

impl Database {
    /// Its own clock. `None`: it has ours.
    pub async fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.engine == Engine::Sqlite {
            return Ok(None);
        }
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
        self.find(sql, []).await?.map(|row| row.time(0)).transpose()
    }

    /// Whether what was answered survives a power cut.
    pub async fn is_durable(&self) -> Result<bool, StoreError> {
        if self.engine == Engine::Sqlite {
            // Every connection of ours says so itself.
            return Ok(true);
        }
        let row = self.find("SELECT current_setting('fsync')", []).await?;
        row.map(|row| row.get::<String>(0)).transpose().map(|fsync| fsync.as_deref() == Some("on"))
    }

    /// What is wrong with the file of a SQLite database. All of it is read, and nobody says how long that may take.
    /// PostgreSQL looks after its own.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        if self.engine != Engine::Sqlite {
            return Ok(None);
        }
        match self.reader.query_one_raw(self.statement("PRAGMA quick_check(1)", [])).await {
            Ok(row) => {
                let said: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(unavailable)?;
                Ok(said.filter(|said| said != "ok"))
            }
            Err(error) if is_damage(&error) => Ok(Some(error.to_string())),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// Whether SQLite gave up because of what it read.
fn is_damage(error: &DbErr) -> bool {
    /// `SQLITE_CORRUPT` and `SQLITE_NOTADB`. Above the lowest byte, a code says more of the same.
    const DAMAGED: [u32; 2] = [11, 26];
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let sqlx::Error::Database(error) = error.as_ref() else { return false };
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| DAMAGED.contains(&(code & 0xff)))
}
