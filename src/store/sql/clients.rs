//! Changes of clients. Reads on the hot path go through the [`Directory`].

use std::sync::Arc;

use super::directory::{Area, Change, Directory, client};
use super::{Database, Transaction, WriteError, bounded, fleet};
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

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Yes,
    Taken,
    /// The caller may not register such a client, or no longer.
    NotPermitted,
}

impl Clients {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// `false`: the identifier is taken.
    pub async fn create(&self, client: &Client, event: &Event) -> Result<bool, StoreError> {
        Ok(self.create_if(client, None, event, |_| true).await? == Created::Yes)
    }

    /// Creates a client if `permitted`, which is shown the client `own` as it is at this moment.
    pub async fn create_if(
        &self,
        client: &Client,
        own: Option<&ClientId>,
        event: &Event,
        permitted: impl FnOnce(Option<&Client>) -> bool + Send,
    ) -> Result<Created, StoreError> {
        let created: Result<Option<Change>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let (own, _) = transaction.lock_clients(own, None).await?;
            if !permitted(own.as_ref()) {
                return Ok(None);
            }
            transaction.insert_client(client).await?;
            let change = transaction.commit_change(Area::Clients, &[event]).await?;
            Ok(Some(change))
        })
        .await;
        match created {
            Ok(Some(change)) => {
                self.directory.changed(change);
                Ok(Created::Yes)
            }
            Ok(None) => Ok(Created::NotPermitted),
            Err(WriteError::Taken(_)) => Ok(Created::Taken),
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
        let change = |_: Option<Client>, client: Client| Ok::<_, std::convert::Infallible>(change(client));
        Ok(self.update_if(id, None, event, now, change).await?.map(|Ok(client)| client))
    }

    /// As [`Clients::update`], and `change` may refuse. It is shown the client `own` as well, as it is
    /// at this moment.
    pub async fn update_if<E: Send>(
        &self,
        id: &ClientId,
        own: Option<&ClientId>,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(Option<Client>, Client) -> Result<Client, E> + Send,
    ) -> Result<Option<Result<Client, E>>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let (own, Some(client)) = transaction.lock_clients(own, Some(id)).await? else { return Ok(None) };
            let client = match change(own, client) {
                Ok(client) => Client { id: id.clone(), ..client },
                Err(refused) => return Ok(Some(Err(refused))),
            };
            transaction
                .execute(
                    "UPDATE client SET document = $1, disabled = $2, policy_id = $3, updated_at = $4 WHERE id = $5",
                    [
                        document(&client)?.into(),
                        client.disabled.into(),
                        policy(&client),
                        now.millis().into(),
                        id.as_str().into(),
                    ],
                )
                .await?;
            let change = transaction.commit_change(Area::Clients, &[event]).await?;
            Ok(Some(Ok((client, change))))
        })
        .await;
        Ok(updated.map_err(WriteError::unexpected)?.map(|updated| {
            updated.map(|(client, change)| {
                self.directory.changed(change);
                client
            })
        }))
    }

    /// Deletes the client and revokes all that it was granted. `false`: there is no such client.
    pub async fn delete(&self, id: &ClientId, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let check = |_: Option<&Client>, _: &Client, _: bool| Ok::<_, std::convert::Infallible>(());
        Ok(self.delete_if(id, None, event, now, check).await?.is_some())
    }

    /// As [`Clients::delete`], and `check` may refuse, which is told whether a native application names the client.
    pub async fn delete_if<E: Send>(
        &self,
        id: &ClientId,
        own: Option<&ClientId>,
        event: &Event,
        now: Timestamp,
        check: impl FnOnce(Option<&Client>, &Client, bool) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let (own, Some(client)) = transaction.lock_clients(own, Some(id)).await? else { return Ok(None) };
            let named = "SELECT 1 FROM native_application WHERE client_id = $1";
            let named = transaction.find(named, [id.as_str().into()]).await?.is_some();
            if let Err(refused) = check(own.as_ref(), &client, named) {
                return Ok(Some(Err(refused)));
            }
            transaction.execute("DELETE FROM client WHERE id = $1", [id.as_str().into()]).await?;
            // Another one of this name was allowed nothing. Before the grants: none rests on it after that.
            transaction.execute("DELETE FROM consent WHERE client_id = $1", [id.as_str().into()]).await?;
            transaction
                .execute(
                    "UPDATE token_grant SET revoked_at = $1 WHERE client_id = $2 AND revoked_at IS NULL",
                    [now.millis().into(), id.as_str().into()],
                )
                .await?;
            let change = transaction.commit_change(Area::Clients, &[event]).await?;
            Ok(Some(Ok(change)))
        })
        .await;
        Ok(deleted.map_err(WriteError::unexpected)?.map(|deleted| deleted.map(|change| self.directory.changed(change))))
    }

    /// The client as the database has it, past all that is remembered.
    pub async fn find(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let row = self.database.find("SELECT document FROM client WHERE id = $1", [id.as_str().into()]).await?;
        row.as_ref().map(client).transpose()
    }

    /// At most `limit` clients, newest first, those after a place in that order only.
    pub async fn newest(&self, after: Option<(i64, String)>, limit: u32) -> Result<Vec<Client>, StoreError> {
        let (at, id) = after.unwrap_or((i64::MAX, String::new()));
        let sql = "SELECT document FROM client WHERE (created_at, id) < ($1, $2) \
                   ORDER BY created_at DESC, id DESC LIMIT $3";
        let rows = self.database.find_all(sql, [at.into(), id.into(), i64::from(limit).into()]).await?;
        rows.iter().map(client).collect()
    }

    /// How many clients there are that were not made before a time.
    pub async fn count(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.database.count("SELECT COUNT(*) FROM client WHERE created_at >= $1", [fleet::since(since)]).await
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

/// The policy that it names, for the database to keep.
fn policy(client: &Client) -> sea_orm::Value {
    let named = client.sign_in.as_ref().and_then(|sign_in| sign_in.policy.as_ref());
    named.map(|policy| policy.as_str().to_owned()).into()
}

impl Transaction {
    pub(super) async fn insert_client(&self, client: &Client) -> Result<(), WriteError> {
        self.execute(
            "INSERT INTO client (id, document, disabled, policy_id, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5)",
            [
                client.id.as_str().into(),
                document(client)?.into(),
                client.disabled.into(),
                policy(client),
                client.created_at.millis().into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Two clients, which may be one, as they are until this transaction ends. Locked in one order, so
    /// that two who change each other do not wait for each other.
    async fn lock_clients(
        &self,
        own: Option<&ClientId>,
        other: Option<&ClientId>,
    ) -> Result<(Option<Client>, Option<Client>), WriteError> {
        let mut ids: Vec<&ClientId> = own.into_iter().chain(other).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let sql = "SELECT document FROM client WHERE id = $1";
            if let Some(row) = self.find_locked(sql, [id.as_str().into()]).await? {
                found.push(client(&row)?);
            }
        }
        let of = |id: Option<&ClientId>| found.iter().find(|client| id == Some(&client.id)).cloned();
        Ok((of(own), of(other)))
    }
}
