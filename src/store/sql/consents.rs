//! What people let clients have without being asked again.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{Database, Transaction, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::client::Client;
use crate::protocol::id::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Consents {
    database: Database,
}

impl Consents {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub async fn find(&self, user: UserId, client: &ClientId) -> Result<Option<Scope>, StoreError> {
        let sql = "SELECT scope FROM consent WHERE user_id = $1 AND client_id = $2";
        let row = self.database.find(sql, [bytes(user.uuid()), client.as_str().into()]).await?;
        row.map(|row| row.parsed(0, Scope::parse)).transpose()
    }

    /// What people have to have agreed to before the client has this. `None`: it need not ask.
    pub fn needed<'s>(client: &Client, scope: &'s Scope) -> Option<&'s Scope> {
        let implied = client.sign_in.as_ref().is_some_and(|sign_in| sign_in.implied_consent);
        Some(scope).filter(|_| !implied)
    }

    /// Whether the client may have this now, as far as it has to ask: what was given may have been taken back.
    pub async fn cover(&self, user: UserId, client: &Client, scope: &Scope) -> Result<bool, StoreError> {
        let Some(scope) = Self::needed(client, scope) else { return Ok(true) };
        Ok(self.find(user, &client.id).await?.is_some_and(|given| scope.is_within(&given)))
    }

    /// What a person has given, to whom, and since when: the newest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<(ClientId, Scope, Timestamp)>, StoreError> {
        let sql = "SELECT client_id, scope, given_at FROM consent WHERE user_id = $1 ORDER BY given_at DESC, client_id";
        let rows = self.database.find_all(sql, [bytes(user.uuid())]).await?;
        let given =
            rows.iter().map(|row| Ok((row.parsed(0, ClientId::parse)?, row.parsed(1, Scope::parse)?, row.time(2)?)));
        given.collect()
    }

    /// Adds to what was given before.
    pub async fn add(
        &self,
        user: UserId,
        client: &ClientId,
        scope: &Scope,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let added: Result<(), WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "SELECT scope FROM consent WHERE user_id = $1 AND client_id = $2";
            let before = transaction.find_locked(sql, [bytes(user.uuid()), client.as_str().into()]).await?;
            let before = before.map(|row| row.parsed(0, Scope::parse)).transpose()?;
            let sql = "INSERT INTO consent (user_id, client_id, scope, given_at) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (user_id, client_id) DO UPDATE SET scope = $3";
            let scope = before.map_or_else(|| scope.clone(), |before| before.and(scope));
            let values = [bytes(user.uuid()), client.as_str().into(), scope.as_str().into(), now.millis().into()];
            transaction.execute(sql, values).await?;
            transaction.record(&[event]);
            transaction.commit().await
        })
        .await;
        added.map_err(WriteError::unexpected)
    }

    /// Takes back what was given to a client, and ends all grants that it has of this person. `false`: there was nothing;
    /// nothing is recorded then. The row goes first. Whoever is about to commit a grant for it holds the row ([`held`]),
    /// so all grants are there by now, or there will be none.
    pub async fn withdraw(
        &self,
        user: UserId,
        client: &ClientId,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let withdrawn: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "DELETE FROM consent WHERE user_id = $1 AND client_id = $2";
            if transaction.execute(sql, [bytes(user.uuid()), client.as_str().into()]).await? == 0 {
                return Ok(false);
            }
            let sql = "UPDATE token_grant SET revoked_at = $1 \
                       WHERE user_id = $2 AND client_id = $3 AND revoked_at IS NULL";
            let values = [now.millis().into(), bytes(user.uuid()), client.as_str().into()];
            transaction.execute(sql, values).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        withdrawn.map_err(WriteError::unexpected)
    }
}

/// What these people let these clients have. None of it is taken back before this transaction ends.
pub(super) async fn held<'c>(
    transaction: &Transaction,
    given: impl IntoIterator<Item = (UserId, &'c ClientId)>,
) -> Result<HashMap<(UserId, &'c ClientId), Scope>, WriteError> {
    // In one order on all nodes, so that no two wait for each other.
    let given: BTreeMap<(Uuid, &str), &ClientId> =
        given.into_iter().map(|(user, client)| ((user.uuid(), client.as_str()), client)).collect();
    let mut held = HashMap::new();
    for ((user, _), client) in given {
        let sql = "SELECT scope FROM consent WHERE user_id = $1 AND client_id = $2";
        if let Some(row) = transaction.find_locked(sql, [bytes(user), client.as_str().into()]).await? {
            held.insert((UserId::new(user), client), row.parsed(0, Scope::parse)?);
        }
    }
    Ok(held)
}
