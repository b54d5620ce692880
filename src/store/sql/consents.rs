//! What people let clients have without being asked again.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{Database, Row, Transaction, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::client::Client;
use crate::protocol::id::{ClientId, ConsentId, UserId};
use crate::protocol::scope::Scope;
use crate::store::ephemeral::StoreError;

/// What a person lets a client have, or has to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// `None`: given to the version before, which named none.
    pub id: Option<ConsentId>,
    pub scope: Scope,
}

impl Given {
    /// Whether this is all of what was agreed to then, and was not taken back since.
    pub fn covers(&self, wanted: &Self) -> bool {
        self.id == wanted.id && wanted.scope.is_within(&self.scope)
    }

    /// The columns `scope` and `id`, from the first one on.
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { scope: row.parsed(0, Scope::parse)?, id: row.uuid_if_any(1)?.map(ConsentId::new) })
    }
}

#[derive(Clone, Debug)]
pub struct Consents {
    database: Database,
}

impl Consents {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub async fn find(&self, user: UserId, client: &ClientId) -> Result<Option<Given>, StoreError> {
        let sql = "SELECT scope, id FROM consent WHERE user_id = $1 AND client_id = $2";
        let row = self.database.find(sql, [bytes(user.uuid()), client.as_str().into()]).await?;
        row.as_ref().map(Given::of).transpose()
    }

    /// What people have to have agreed to, in this consent, before the client has this. `None`: it need not ask.
    pub fn needed(client: &Client, scope: &Scope, id: Option<ConsentId>) -> Option<Given> {
        let implied = client.sign_in.as_ref().is_some_and(|sign_in| sign_in.implied_consent);
        (!implied).then(|| Given { id, scope: scope.clone() })
    }

    /// Whether a client may have now what it needed to ask for: it may have been taken back. Given again since, it is
    /// another consent, and nothing of the first one comes back to life.
    pub async fn cover(&self, user: UserId, client: &ClientId, needed: Option<&Given>) -> Result<bool, StoreError> {
        let Some(needed) = needed else { return Ok(true) };
        Ok(self.find(user, client).await?.is_some_and(|given| given.covers(needed)))
    }

    /// What a person has given, to whom, and since when: the newest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<(ClientId, Scope, Timestamp)>, StoreError> {
        let sql = "SELECT client_id, scope, given_at FROM consent WHERE user_id = $1 ORDER BY given_at DESC, client_id";
        let rows = self.database.find_all(sql, [bytes(user.uuid())]).await?;
        let given =
            rows.iter().map(|row| Ok((row.parsed(0, ClientId::parse)?, row.parsed(1, Scope::parse)?, row.time(2)?)));
        given.collect()
    }

    /// Adds to what was given before. The answer names the consent that stands now: a new one by its event.
    pub async fn add(
        &self,
        user: UserId,
        client: &ClientId,
        scope: &Scope,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<ConsentId>, StoreError> {
        let added: Result<Option<ConsentId>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            // Two first ones at the same time are one consent, so the row says which. Whoever comes second waits for it
            // here, and adds to what the first one has written: what is not there yet is not locked by reading it.
            let sql = "INSERT INTO consent (user_id, client_id, scope, given_at, id) VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT (user_id, client_id) DO UPDATE SET scope = consent.scope RETURNING scope, id";
            let at = now.millis().into();
            let values = [bytes(user.uuid()), client.as_str().into(), scope.as_str().into(), at, bytes(event.id)];
            let row = transaction.find(sql, values).await?.ok_or(StoreError::Corrupt("a consent without a row"))?;
            let given = Given::of(&row)?;
            let both = given.scope.and(scope);
            if both != given.scope {
                let sql = "UPDATE consent SET scope = $1 WHERE user_id = $2 AND client_id = $3";
                let values = [both.as_str().into(), bytes(user.uuid()), client.as_str().into()];
                transaction.execute(sql, values).await?;
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(given.id)
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
) -> Result<HashMap<(UserId, &'c ClientId), Given>, WriteError> {
    // In one order on all nodes, so that no two wait for each other.
    let given: BTreeMap<(Uuid, &str), &ClientId> =
        given.into_iter().map(|(user, client)| ((user.uuid(), client.as_str()), client)).collect();
    let mut held = HashMap::new();
    for ((user, _), client) in given {
        let sql = "SELECT scope, id FROM consent WHERE user_id = $1 AND client_id = $2";
        if let Some(row) = transaction.find_locked(sql, [bytes(user), client.as_str().into()]).await? {
            held.insert((UserId::new(user), client), Given::of(&row)?);
        }
    }
    Ok(held)
}
