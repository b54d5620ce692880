//! Changes of users.

use std::sync::Arc;

use super::directory::{Area, Change, Directory, profile, user, user_status_text};
use super::{Database, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::user::User;
use crate::protocol::id::{InstallationId, UserId};
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct People {
    database: Database,
    directory: Arc<Directory>,
}

/// What became of a change to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Updated {
    User(User),
    Unknown,
    UsernameTaken,
}

impl People {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// `false`: the username is taken.
    pub async fn create(&self, user: &User, event: &Event) -> Result<bool, StoreError> {
        let created: Result<Change, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction
                .execute(
                    "INSERT INTO account (id, username, document, status, created_at, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    [
                        bytes(user.id.uuid()),
                        user.username.as_str().into(),
                        profile(user).into(),
                        user_status_text(user.status).into(),
                        user.created_at.millis().into(),
                        user.updated_at.millis().into(),
                    ],
                )
                .await?;
            transaction.record(&[event]);
            let change = transaction.change(Area::People).await?;
            transaction.commit().await?;
            Ok(change)
        })
        .await;
        match created {
            Ok(change) => {
                self.directory.changed(change);
                Ok(true)
            }
            Err(WriteError::Taken(_)) => Ok(false),
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    /// Applies `change` to the user as it is now, while nobody else can change it: to lock, disable,
    /// rename. Identifier and time of creation stay.
    pub async fn update(
        &self,
        id: UserId,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(User) -> User + Send,
    ) -> Result<Updated, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(before) = transaction.lock_user(id).await? else { return Ok(None) };
            let created_at = before.created_at;
            let user = User { id, created_at, updated_at: now, ..change(before) };
            transaction
                .execute(
                    "UPDATE account SET username = $1, document = $2, status = $3, updated_at = $4 WHERE id = $5",
                    [
                        user.username.as_str().into(),
                        profile(&user).into(),
                        user_status_text(user.status).into(),
                        user.updated_at.millis().into(),
                        bytes(id.uuid()),
                    ],
                )
                .await?;
            transaction.record(&[event]);
            let change = transaction.change(Area::People).await?;
            transaction.commit().await?;
            Ok(Some((user, change)))
        })
        .await;
        match updated {
            Ok(Some((user, change))) => {
                self.directory.changed(change);
                Ok(Updated::User(user))
            }
            Ok(None) => Ok(Updated::Unknown),
            Err(WriteError::Taken(_)) => Ok(Updated::UsernameTaken),
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    /// Deletes the user with devices and pairing keys, and revokes every grant. Decisions, evidence
    /// and audit stay. `false`: there is no such user.
    pub async fn delete(&self, id: UserId, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.lock_user(id).await?.is_none() {
                return Ok(None);
            }
            let sql = "SELECT installation_id FROM device WHERE user_id = $1 ORDER BY installation_id";
            let installations = transaction.find_all(sql, [bytes(id.uuid())]).await?;
            transaction.execute("DELETE FROM account WHERE id = $1", [bytes(id.uuid())]).await?;
            for row in installations {
                transaction.delete_if_unpaired(InstallationId::new(row.uuid(0)?)).await?;
            }
            transaction
                .execute(
                    "UPDATE token_grant SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL",
                    [now.millis().into(), bytes(id.uuid())],
                )
                .await?;
            transaction.record(&[event]);
            let change = transaction.change(Area::People).await?;
            transaction.commit().await?;
            Ok(Some(change))
        })
        .await;
        let deleted = deleted.map_err(WriteError::unexpected)?;
        if let Some(change) = deleted {
            self.directory.changed(change);
        }
        Ok(deleted.is_some())
    }

    /// At most `limit` users in the order of their names, those after `after` only.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError> {
        let sql = "SELECT id, username, document, status, created_at, updated_at FROM account \
                   WHERE username > $1 ORDER BY username LIMIT $2";
        let rows = self.database.find_all(sql, [after.unwrap_or("").into(), i64::from(limit).into()]).await?;
        rows.iter().map(user).collect()
    }
}
