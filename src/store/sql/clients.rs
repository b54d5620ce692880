//! Changes of clients. Reads on the hot path go through the [`Directory`].

use std::sync::Arc;

use super::directory::{Area, Change, Directory, client};
use super::{Database, WriteError, bounded};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::client::Client;
use crate::protocol::id::ClientId;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Clients {
    database: Database,
    directory: Arc<Directory>,
}

impl Clients {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// `false`: the identifier is taken.
    pub async fn create(&self, client: &Client, event: &Event) -> Result<bool, StoreError> {
        let document = document(client)?;
        let created: Result<Change, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction
                .execute(
                    "INSERT INTO client (id, document, disabled, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
                    [
                        client.id.as_str().into(),
                        document.into(),
                        client.disabled.into(),
                        client.created_at.millis().into(),
                    ],
                )
                .await?;
            transaction.record(&[event]);
            let change = transaction.change(Area::Clients).await?;
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

    /// Applies `change` to the client as it is now, while nobody else can change it. The identifier
    /// stays. Answers the client as it became; `None`: there is no such client.
    pub async fn update(
        &self,
        id: &ClientId,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(Client) -> Client + Send,
    ) -> Result<Option<Client>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "SELECT document FROM client WHERE id = $1";
            let Some(row) = transaction.find_locked(sql, [id.as_str().into()]).await? else { return Ok(None) };
            let client = Client { id: id.clone(), ..change(client(&row)?) };
            transaction
                .execute(
                    "UPDATE client SET document = $1, disabled = $2, updated_at = $3 WHERE id = $4",
                    [document(&client)?.into(), client.disabled.into(), now.millis().into(), id.as_str().into()],
                )
                .await?;
            transaction.record(&[event]);
            let change = transaction.change(Area::Clients).await?;
            transaction.commit().await?;
            Ok(Some((client, change)))
        })
        .await;
        Ok(updated.map_err(WriteError::unexpected)?.map(|(client, change)| {
            self.directory.changed(change);
            client
        }))
    }

    /// Deletes the client and revokes all that it was granted. `false`: there is no such client.
    pub async fn delete(&self, id: &ClientId, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.execute("DELETE FROM client WHERE id = $1", [id.as_str().into()]).await? == 0 {
                return Ok(None);
            }
            transaction
                .execute(
                    "UPDATE token_grant SET revoked_at = $1 WHERE client_id = $2 AND revoked_at IS NULL",
                    [now.millis().into(), id.as_str().into()],
                )
                .await?;
            transaction.record(&[event]);
            let change = transaction.change(Area::Clients).await?;
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

    /// At most `limit` clients in the order of their identifiers, those after `after` only.
    pub async fn list(&self, after: Option<&ClientId>, limit: u32) -> Result<Vec<Client>, StoreError> {
        let after = after.map_or("", ClientId::as_str);
        let sql = "SELECT document FROM client WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = self.database.find_all(sql, [after.into(), i64::from(limit).into()]).await?;
        rows.iter().map(client).collect()
    }
}

fn document(client: &Client) -> Result<String, StoreError> {
    serde_json::to_string(client).map_err(|_| StoreError::Corrupt("a client that cannot be written"))
}
