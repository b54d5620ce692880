//! What an operator wants to know of a database.

use super::{Database, Engine};
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
}
