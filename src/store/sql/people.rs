//! Changes of users.

use std::sync::Arc;

use super::directory::{Area, Change, Directory, profile, user, user_status_text};
use super::fleet::{self, After, first};
use super::sessions::end_all;
use super::{Database, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::user::{Status, User};
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
            let change = transaction.commit_change(Area::People, &[event]).await?;
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
    /// rename. Identifier and time of creation stay. The sessions of somebody who is locked or disabled end.
    pub async fn update(
        &self,
        id: UserId,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(User) -> User + Send,
    ) -> Result<Updated, StoreError> {
        self.update_or_not(id, event, now, |user| Some(change(user))).await
    }

    /// `None` from `change`: nothing is changed, and the answer says nothing.
    async fn update_or_not(
        &self,
        id: UserId,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(User) -> Option<User> + Send,
    ) -> Result<Updated, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(before) = transaction.lock_user(id).await? else { return Ok(None) };
            let (created_at, was_active) = (before.created_at, before.is_active());
            let Some(changed) = change(before) else { return Ok(None) };
            let user = User { id, created_at, updated_at: now, ..changed };
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
            if was_active && !user.is_active() {
                end_all(&transaction, id, now).await?;
            }
            let change = transaction.commit_change(Area::People, &[event]).await?;
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

    /// As [`People::update`], and `change` may refuse.
    pub async fn update_if<E: Send>(
        &self,
        id: UserId,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(User) -> Result<User, E> + Send,
    ) -> Result<Result<Updated, E>, StoreError> {
        let mut refused = None;
        let changed = self
            .update_or_not(id, event, now, |user| match change(user) {
                Ok(user) => Some(user),
                Err(error) => {
                    refused = Some(error);
                    None
                }
            })
            .await?;
        Ok(refused.map_or(Ok(changed), Err))
    }

    /// Deletes the user with devices and pairing keys, and revokes every grant. Decisions, evidence
    /// and audit stay. `false`: there is no such user.
    pub async fn delete(&self, id: UserId, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let check = |_: &User| Ok::<_, std::convert::Infallible>(());
        Ok(self.delete_if(id, event, now, check).await?.is_some())
    }

    /// As [`People::delete`], and `check` may refuse.
    pub async fn delete_if<E: Send>(
        &self,
        id: UserId,
        event: &Event,
        now: Timestamp,
        check: impl FnOnce(&User) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(user) = transaction.lock_user(id).await? else { return Ok(None) };
            if let Err(refused) = check(&user) {
                return Ok(Some(Err(refused)));
            }
            let sql = "SELECT installation_id FROM device WHERE user_id = $1 ORDER BY installation_id";
            let installations = transaction.find_all(sql, [bytes(id.uuid())]).await?;
            end_all(&transaction, id, now).await?;
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
            let change = transaction.commit_change(Area::People, &[event]).await?;
            Ok(Some(Ok(change)))
        })
        .await;
        Ok(deleted.map_err(WriteError::unexpected)?.map(|deleted| deleted.map(|change| self.directory.changed(change))))
    }

    /// The user as the database has it.
    pub async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let sql = "SELECT id, username, document, status, created_at, updated_at FROM account WHERE id = $1";
        self.database.find(sql, [bytes(id.uuid())]).await?.as_ref().map(user).transpose()
    }

    /// At most `limit` users, newest first.
    pub async fn newest(
        &self,
        username: Option<&str>,
        status: Option<Status>,
        after: Option<After>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        // PostgreSQL refuses such a text; nobody is called so.
        if username.is_some_and(|username| username.contains('\0')) {
            return Ok(Vec::new());
        }
        let (at, id) = after.unwrap_or_else(first);
        let sql = "SELECT id, username, document, status, created_at, updated_at FROM account \
                   WHERE (created_at, id) < ($1, $2) AND ($3 IS NULL OR username = $3) \
                   AND ($4 IS NULL OR status = $4) ORDER BY created_at DESC, id DESC LIMIT $5";
        let values = [
            at.into(),
            id.into(),
            username.map(str::to_owned).into(),
            status.map(|status| user_status_text(status).to_owned()).into(),
            i64::from(limit).into(),
        ];
        self.database.find_all(sql, values).await?.iter().map(user).collect()
    }

    /// How many users there are that were not made before a time.
    pub async fn count(
        &self,
        username: Option<&str>,
        status: Option<Status>,
        since: Option<Timestamp>,
    ) -> Result<u64, StoreError> {
        // As in `newest`.
        if username.is_some_and(|username| username.contains('\0')) {
            return Ok(0);
        }
        let sql = "SELECT COUNT(*) FROM account WHERE created_at >= $1 AND ($2 IS NULL OR username = $2) \
                   AND ($3 IS NULL OR status = $3)";
        let values = [
            fleet::since(since),
            username.map(str::to_owned).into(),
            status.map(|status| user_status_text(status).to_owned()).into(),
        ];
        self.database.count(sql, values).await
    }

    /// At most `limit` users in the order of their names, those after `after` only.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<User>, StoreError> {
        let sql = "SELECT id, username, document, status, created_at, updated_at FROM account \
                   WHERE username > $1 ORDER BY username LIMIT $2";
        let rows = self.database.find_all(sql, [after.unwrap_or("").into(), i64::from(limit).into()]).await?;
        rows.iter().map(user).collect()
    }
}
