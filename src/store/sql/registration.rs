//! Clients that register themselves, and the tokens that they may do so with.

use std::sync::Arc;

use super::directory::{Area, Change, Directory};
use super::fleet::{self, After, first};
use super::{Database, Row, Transaction, WriteError, bounded, bytes, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::client::Client;
use crate::domain::initial_access_token::InitialAccessToken;
use crate::protocol::id::{InitialAccessTokenId, InitialToken};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Registration {
    database: Database,
    directory: Arc<Directory>,
}

const TOKEN: &str = "SELECT id, used, max_uses, created_at, expires_at FROM initial_access_token";

impl Registration {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// Creates a client, at the cost of one use of `token`. `false`: it is unknown, expired, or used up.
    pub async fn register(
        &self,
        client: &Client,
        token: Option<&Digest<InitialToken>>,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let registered: Result<Option<Change>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if let Some(token) = token
                && !transaction.use_initial_token(token, now).await?
            {
                return Ok(None);
            }
            transaction.insert_client(client).await?;
            Ok(Some(transaction.commit_change(Area::Clients, &[event]).await?))
        })
        .await;
        let change = registered.map_err(WriteError::unexpected)?;
        Ok(change.map(|change| self.directory.changed(change)).is_some())
    }

    pub async fn create_token(
        &self,
        token: &InitialAccessToken,
        digest: &Digest<InitialToken>,
        event: &Event,
    ) -> Result<(), StoreError> {
        let created: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "INSERT INTO initial_access_token (id, digest, used, max_uses, created_at, expires_at) \
                       VALUES ($1, $2, $3, $4, $5, $6)";
            let values = [
                bytes(token.id.uuid()),
                digest_bytes(digest),
                i64::from(token.used).into(),
                i64::from(token.max_uses).into(),
                token.created_at.millis().into(),
                token.expires_at.millis().into(),
            ];
            transaction.execute(sql, values).await?;
            transaction.record(&[event]);
            transaction.commit().await
        })
        .await;
        created.map_err(WriteError::unexpected)
    }

    pub async fn newest_tokens(&self, after: Option<After>, limit: u32) -> Result<Vec<InitialAccessToken>, StoreError> {
        let (at, id) = after.unwrap_or_else(first);
        let sql = format!("{TOKEN} WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3");
        let rows = self.database.find_all(&sql, [at.into(), id.into(), i64::from(limit).into()]).await?;
        rows.iter().map(token).collect()
    }

    pub async fn count_tokens(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM initial_access_token WHERE created_at >= $1";
        self.database.count(sql, [fleet::since(since)]).await
    }

    pub async fn find_token(&self, id: InitialAccessTokenId) -> Result<Option<InitialAccessToken>, StoreError> {
        let row = self.database.find(&format!("{TOKEN} WHERE id = $1"), [bytes(id.uuid())]).await?;
        row.as_ref().map(token).transpose()
    }

    /// Clients that were registered with it stay. `None`: there is no such token.
    pub async fn revoke_token_if<E: Send>(
        &self,
        id: InitialAccessTokenId,
        event: &Event,
        check: impl FnOnce(&InitialAccessToken) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let revoked: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let row = transaction.find_locked(&format!("{TOKEN} WHERE id = $1"), [bytes(id.uuid())]).await?;
            let Some(row) = row else { return Ok(None) };
            if let Err(refused) = check(&token(&row)?) {
                return Ok(Some(Err(refused)));
            }
            transaction.execute("DELETE FROM initial_access_token WHERE id = $1", [bytes(id.uuid())]).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(Ok(())))
        })
        .await;
        revoked.map_err(WriteError::unexpected)
    }
}

impl Transaction {
    /// However many come at once, the count is the verdict.
    async fn use_initial_token(&self, token: &Digest<InitialToken>, now: Timestamp) -> Result<bool, WriteError> {
        let sql = "UPDATE initial_access_token SET used = used + 1 \
                   WHERE digest = $1 AND expires_at > $2 AND used < max_uses";
        Ok(self.execute(sql, [digest_bytes(token), now.millis().into()]).await? > 0)
    }
}

fn token(row: &Row) -> Result<InitialAccessToken, StoreError> {
    let count = |at| Ok::<_, StoreError>(u32::try_from(row.get::<i64>(at)?).unwrap_or(u32::MAX));
    Ok(InitialAccessToken {
        id: InitialAccessTokenId::new(row.uuid(0)?),
        used: count(1)?,
        max_uses: count(2)?,
        created_at: row.time(3)?,
        expires_at: row.time(4)?,
    })
}
