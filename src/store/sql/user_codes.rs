//! The user codes of people [CIBA §7.1.2], each as the hash that rests. Nothing here is kept in memory.

use super::{Database, Row, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::password::hash::PasswordHash;
use crate::protocol::id::UserId;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct UserCodes {
    database: Database,
}

/// What rests of a user code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUserCode {
    pub hash: PasswordHash,
    pub changed_at: Timestamp,
}

impl UserCodes {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub async fn find(&self, user: UserId) -> Result<Option<StoredUserCode>, StoreError> {
        let sql = "SELECT phc, pepper_id, changed_at FROM user_code WHERE user_id = $1";
        self.database.find(sql, [bytes(user.uuid())]).await?.as_ref().map(stored).transpose()
    }

    /// In the place of any other. `false`: there is no such user.
    pub async fn set(
        &self,
        user: UserId,
        hash: &PasswordHash,
        (event, now): (&Event, Timestamp),
    ) -> Result<bool, StoreError> {
        let set: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.lock_user(user).await?.is_none() {
                return Ok(false);
            }
            let sql = "INSERT INTO user_code (user_id, phc, pepper_id, changed_at) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, pepper_id = excluded.pepper_id, \
                       changed_at = excluded.changed_at";
            let (phc, pepper) = (hash.phc.as_str().into(), hash.pepper.as_str().into());
            transaction.execute(sql, [bytes(user.uuid()), phc, pepper, now.millis().into()]).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        set.map_err(WriteError::unexpected)
    }

    /// Puts a new hash of the same code in the place of the one that was verified. `false`: that one is there no more.
    pub async fn replace(&self, user: UserId, seen: &PasswordHash, anew: &PasswordHash) -> Result<bool, StoreError> {
        let sql = "UPDATE user_code SET phc = $1, pepper_id = $2 WHERE user_id = $3 AND phc = $4 AND pepper_id = $5";
        let values = [
            anew.phc.as_str().into(),
            anew.pepper.as_str().into(),
            bytes(user.uuid()),
            seen.phc.as_str().into(),
            seen.pepper.as_str().into(),
        ];
        Ok(self.database.execute(sql, values).await? == 1)
    }

    /// `false`: there is none.
    pub async fn remove(&self, user: UserId, event: &Event) -> Result<bool, StoreError> {
        let removed: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.execute("DELETE FROM user_code WHERE user_id = $1", [bytes(user.uuid())]).await? == 0 {
                return Ok(false);
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        removed.map_err(WriteError::unexpected)
    }
}

fn stored(row: &Row) -> Result<StoredUserCode, StoreError> {
    let hash = PasswordHash { phc: row.get(0)?, pepper: row.get(1)? };
    Ok(StoredUserCode { hash, changed_at: row.time(2)? })
}
