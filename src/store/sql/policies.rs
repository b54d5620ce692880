//! Sign-on policies. Who signs in reads them through the [`Directory`].

use std::sync::Arc;

use super::directory::{Area, Directory};
use super::sign_on::{document, policy};
use super::{Database, WriteError, bounded};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::policy::SignOnPolicy;
use crate::protocol::id::PolicyId;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Policies {
    database: Database,
    directory: Arc<Directory>,
}

/// Whoever names a policy keeps it where it is.
const USED: &str = "SELECT 1 FROM client WHERE policy_id = $1 UNION ALL \
                    SELECT 1 FROM sign_on_settings WHERE policy_id = $1 LIMIT 1";

impl Policies {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// `false`: the identifier is taken.
    pub async fn create(&self, policy: &SignOnPolicy, event: &Event) -> Result<bool, StoreError> {
        let created: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction
                .execute(
                    "INSERT INTO sign_on_policy (id, document, application_id, created_at, updated_at) \
                 VALUES ($1, $2, $3, $4, $4)",
                    [policy.id.as_str().into(), document(policy)?, shown_by(policy), policy.created_at.millis().into()],
                )
                .await?;
            transaction.commit_change(Area::SignOn, &[event]).await
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

    /// Applies `change`, unless it refuses, while nobody else can change it. The identifier stays. `None`: there
    /// is no such policy.
    pub async fn update_if<E: Send>(
        &self,
        id: &PolicyId,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(SignOnPolicy) -> Result<SignOnPolicy, E> + Send,
    ) -> Result<Option<Result<SignOnPolicy, E>>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "SELECT document FROM sign_on_policy WHERE id = $1";
            let Some(row) = transaction.find_locked(sql, [id.as_str().into()]).await? else { return Ok(None) };
            let policy = match change(policy(&row, 0)?) {
                Ok(policy) => SignOnPolicy { id: id.clone(), ..policy },
                Err(refused) => return Ok(Some(Err(refused))),
            };
            transaction
                .execute(
                    "UPDATE sign_on_policy SET document = $1, application_id = $2, updated_at = $3 WHERE id = $4",
                    [document(&policy)?, shown_by(&policy), now.millis().into(), id.as_str().into()],
                )
                .await?;
            let change = transaction.commit_change(Area::SignOn, &[event]).await?;
            Ok(Some(Ok((policy, change))))
        })
        .await;
        Ok(updated.map_err(WriteError::unexpected)?.map(|updated| {
            updated.map(|(policy, change)| {
                self.directory.changed(change);
                policy
            })
        }))
    }

    /// Deletes it, unless `check` refuses, which is told whether anything names it.
    pub async fn delete_if<E: Send>(
        &self,
        id: &PolicyId,
        event: &Event,
        check: impl FnOnce(&SignOnPolicy, bool) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "SELECT document FROM sign_on_policy WHERE id = $1";
            let Some(row) = transaction.find_locked(sql, [id.as_str().into()]).await? else { return Ok(None) };
            let used = transaction.find(USED, [id.as_str().into()]).await?.is_some();
            if let Err(refused) = check(&policy(&row, 0)?, used) {
                return Ok(Some(Err(refused)));
            }
            transaction.execute("DELETE FROM sign_on_policy WHERE id = $1", [id.as_str().into()]).await?;
            let change = transaction.commit_change(Area::SignOn, &[event]).await?;
            Ok(Some(Ok(change)))
        })
        .await;
        Ok(deleted.map_err(WriteError::unexpected)?.map(|deleted| deleted.map(|change| self.directory.changed(change))))
    }

    /// As the database has it, past all that is remembered.
    pub async fn find(&self, id: &PolicyId) -> Result<Option<SignOnPolicy>, StoreError> {
        let sql = "SELECT document FROM sign_on_policy WHERE id = $1";
        let row = self.database.find(sql, [id.as_str().into()]).await?;
        row.map(|row| policy(&row, 0)).transpose()
    }

    /// At most `limit`, newest first, those after a place in that order only.
    pub async fn newest(&self, after: Option<(i64, String)>, limit: u32) -> Result<Vec<SignOnPolicy>, StoreError> {
        let (at, id) = after.unwrap_or((i64::MAX, String::new()));
        let sql = "SELECT document FROM sign_on_policy WHERE (created_at, id) < ($1, $2) \
                   ORDER BY created_at DESC, id DESC LIMIT $3";
        let rows = self.database.find_all(sql, [at.into(), id.into(), i64::from(limit).into()]).await?;
        rows.iter().map(|row| policy(row, 0)).collect()
    }

    /// All of them, in the order of their identifiers.
    pub async fn all(&self) -> Result<Vec<SignOnPolicy>, StoreError> {
        let rows = self.database.find_all("SELECT document FROM sign_on_policy ORDER BY id", []).await?;
        rows.iter().map(|row| policy(row, 0)).collect()
    }
}

/// The application that it names, for the database to keep.
fn shown_by(policy: &SignOnPolicy) -> sea_orm::Value {
    policy.application.as_ref().map(|application| application.as_str().to_owned()).into()
}
