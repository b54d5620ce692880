//! What people let clients have without being asked again.

use super::{Database, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
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
                       ON CONFLICT (user_id, client_id) DO UPDATE SET scope = $3, given_at = $4";
            let scope = before.map_or_else(|| scope.clone(), |before| before.and(scope));
            let values = [bytes(user.uuid()), client.as_str().into(), scope.as_str().into(), now.millis().into()];
            transaction.execute(sql, values).await?;
            transaction.record(&[event]);
            transaction.commit().await
        })
        .await;
        added.map_err(WriteError::unexpected)
    }

    /// Forgets what was given to a client. `false`: there was nothing.
    pub async fn forget(&self, user: UserId, client: &ClientId, event: &Event) -> Result<bool, StoreError> {
        let sql = "DELETE FROM consent WHERE user_id = $1 AND client_id = $2";
        self.database.change(sql, [bytes(user.uuid()), client.as_str().into()], event).await
    }
}
