//! Authentication applications. Who signs in reads them through the [`Directory`].

use std::sync::Arc;

use super::directory::{Area, Directory};
use super::sign_on::{application, document};
use super::{Database, WriteError, bounded};
use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::audit::Event;
use crate::protocol::id::ApplicationId;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Applications {
    database: Database,
    directory: Arc<Directory>,
}

/// Whoever names an application keeps it where it is.
const USED: &str = "SELECT 1 FROM sign_on_policy WHERE application_id = $1 UNION ALL \
                    SELECT 1 FROM sign_on_settings WHERE application_id = $1 LIMIT 1";

impl Applications {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// `false`: the identifier is taken.
    pub async fn create(&self, application: &Application, event: &Event) -> Result<bool, StoreError> {
        let created: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction
                .execute(
                    "INSERT INTO authentication_application (id, document, created_at, updated_at) \
                 VALUES ($1, $2, $3, $3)",
                    [application.id.as_str().into(), document(application)?, application.created_at.millis().into()],
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
    /// is no such application.
    pub async fn update_if<E: Send>(
        &self,
        id: &ApplicationId,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(Application) -> Result<Application, E> + Send,
    ) -> Result<Option<Result<Application, E>>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "SELECT document FROM authentication_application WHERE id = $1";
            let Some(row) = transaction.find_locked(sql, [id.as_str().into()]).await? else { return Ok(None) };
            let application = match change(application(&row, 0)?) {
                Ok(application) => Application { id: id.clone(), ..application },
                Err(refused) => return Ok(Some(Err(refused))),
            };
            transaction
                .execute(
                    "UPDATE authentication_application SET document = $1, updated_at = $2 WHERE id = $3",
                    [document(&application)?, now.millis().into(), id.as_str().into()],
                )
                .await?;
            let change = transaction.commit_change(Area::SignOn, &[event]).await?;
            Ok(Some(Ok((application, change))))
        })
        .await;
        Ok(updated.map_err(WriteError::unexpected)?.map(|updated| {
            updated.map(|(application, change)| {
                self.directory.changed(change);
                application
            })
        }))
    }

    /// Deletes it, unless `check` refuses, which is told whether anything names it.
    pub async fn delete_if<E: Send>(
        &self,
        id: &ApplicationId,
        event: &Event,
        check: impl FnOnce(&Application, bool) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "SELECT document FROM authentication_application WHERE id = $1";
            let Some(row) = transaction.find_locked(sql, [id.as_str().into()]).await? else { return Ok(None) };
            let used = transaction.find(USED, [id.as_str().into()]).await?.is_some();
            if let Err(refused) = check(&application(&row, 0)?, used) {
                return Ok(Some(Err(refused)));
            }
            transaction.execute("DELETE FROM authentication_application WHERE id = $1", [id.as_str().into()]).await?;
            let change = transaction.commit_change(Area::SignOn, &[event]).await?;
            Ok(Some(Ok(change)))
        })
        .await;
        Ok(deleted.map_err(WriteError::unexpected)?.map(|deleted| deleted.map(|change| self.directory.changed(change))))
    }

    /// As the database has it, past all that is remembered.
    pub async fn find(&self, id: &ApplicationId) -> Result<Option<Application>, StoreError> {
        let sql = "SELECT document FROM authentication_application WHERE id = $1";
        let row = self.database.find(sql, [id.as_str().into()]).await?;
        row.map(|row| application(&row, 0)).transpose()
    }

    /// At most `limit`, newest first, those after a place in that order only.
    pub async fn newest(&self, after: Option<(i64, String)>, limit: u32) -> Result<Vec<Application>, StoreError> {
        let (at, id) = after.unwrap_or((i64::MAX, String::new()));
        let sql = "SELECT document FROM authentication_application WHERE (created_at, id) < ($1, $2) \
                   ORDER BY created_at DESC, id DESC LIMIT $3";
        let rows = self.database.find_all(sql, [at.into(), id.into(), i64::from(limit).into()]).await?;
        rows.iter().map(|row| application(row, 0)).collect()
    }

    /// All of them, in the order of their identifiers.
    pub async fn all(&self) -> Result<Vec<Application>, StoreError> {
        let rows = self.database.find_all("SELECT document FROM authentication_application ORDER BY id", []).await?;
        rows.iter().map(|row| application(row, 0)).collect()
    }
}
