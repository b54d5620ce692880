//! Our signing keys at rest. Each step of a key's life is one transaction; of two nodes that take
//! the same step, one does it.

use std::sync::Arc;

use super::directory::{Area, Change, Directory};
use super::{Database, Row, WriteError, bounded};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::signing_key::{State, StoredKey};
use crate::protocol::algorithm::Algorithm;
use crate::secret::Sealed;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct SigningKeys {
    database: Database,
    directory: Arc<Directory>,
}

impl SigningKeys {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// All keys, newest first; the retired ones without their private part.
    pub async fn load(&self) -> Result<Vec<StoredKey>, StoreError> {
        let sql = "SELECT kid, alg, state, public_jwk, sealed_private, created_at, activated_at, retiring_at \
                   FROM signing_key ORDER BY created_at DESC, kid";
        self.database.find_all(sql, []).await?.iter().map(key).collect()
    }

    /// `false`: the algorithm has a key in this state already.
    pub async fn insert(&self, key: &StoredKey, event: &Event) -> Result<bool, StoreError> {
        let inserted: Result<Change, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction
                .execute(
                    "INSERT INTO signing_key \
                     (kid, alg, state, public_jwk, sealed_private, created_at, activated_at, retiring_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    [
                        key.kid.as_str().into(),
                        key.algorithm.as_str().into(),
                        state_text(key.state).into(),
                        key.public_jwk.as_str().into(),
                        key.sealed_private.as_bytes().into(),
                        key.created_at.millis().into(),
                        key.activated_at.map(Timestamp::millis).into(),
                        key.retiring_at.map(Timestamp::millis).into(),
                    ],
                )
                .await?;
            let change = transaction.commit_change(Area::Keys, &[event]).await?;
            Ok(change)
        })
        .await;
        self.told(inserted.map(Some))
    }

    /// The named next key becomes current where there is none. `false`: there is one, which another node made
    /// at the same time; then the named key stays the next one, or never was.
    pub async fn promote_first(&self, kid: &str, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let promoted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            // Of two that see no current key, the index lets one through.
            let promoted = transaction
                .execute(
                    "UPDATE signing_key SET state = 'current', activated_at = $1 WHERE kid = $2 AND state = 'next' \
                     AND NOT EXISTS (SELECT 1 FROM signing_key AS other \
                     WHERE other.alg = signing_key.alg AND other.state = 'current')",
                    [now.millis().into(), kid.into()],
                )
                .await?;
            if promoted == 0 {
                return Ok(None);
            }
            let change = transaction.commit_change(Area::Keys, &[event]).await?;
            Ok(Some(change))
        })
        .await;
        self.told(promoted)
    }

    /// The named next key becomes current, and the current one begins to retire. `false`: it is not
    /// the next key any more.
    pub async fn promote(&self, kid: &str, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let promoted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction
                .execute(
                    "UPDATE signing_key SET state = 'retiring', retiring_at = $1 WHERE state = 'current' AND alg = \
                     (SELECT alg FROM signing_key WHERE kid = $2 AND state = 'next')",
                    [now.millis().into(), kid.into()],
                )
                .await?;
            let promoted = transaction
                .execute(
                    "UPDATE signing_key SET state = 'current', activated_at = $1 WHERE kid = $2 AND state = 'next'",
                    [now.millis().into(), kid.into()],
                )
                .await?;
            if promoted == 0 {
                return Ok(None);
            }
            let change = transaction.commit_change(Area::Keys, &[event]).await?;
            Ok(Some(change))
        })
        .await;
        self.told(promoted)
    }

    /// A retiring key is no longer published, and its private part is erased. `false`: it was not
    /// retiring.
    pub async fn retire(&self, kid: &str, event: &Event) -> Result<bool, StoreError> {
        let retired: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let retired = transaction
                .execute(
                    "UPDATE signing_key SET state = 'retired', sealed_private = $1 \
                     WHERE kid = $2 AND state = 'retiring'",
                    [Vec::<u8>::new().into(), kid.into()],
                )
                .await?;
            if retired == 0 {
                return Ok(None);
            }
            let change = transaction.commit_change(Area::Keys, &[event]).await?;
            Ok(Some(change))
        })
        .await;
        self.told(retired)
    }

    fn told(&self, changed: Result<Option<Change>, WriteError>) -> Result<bool, StoreError> {
        match changed {
            Ok(Some(change)) => {
                self.directory.changed(change);
                Ok(true)
            }
            Ok(None) | Err(WriteError::Taken(_)) => Ok(false),
            Err(WriteError::Store(error)) => Err(error),
        }
    }
}

/// Reads `kid, alg, state, public_jwk, sealed_private, created_at, activated_at, retiring_at`.
fn key(row: &Row) -> Result<StoredKey, StoreError> {
    Ok(StoredKey {
        kid: row.get(0)?,
        algorithm: row.parsed(1, Algorithm::parse)?,
        state: row.parsed(2, state)?,
        public_jwk: row.get(3)?,
        sealed_private: Sealed::from_bytes(row.get(4)?),
        created_at: row.time(5)?,
        activated_at: row.time_if_any(6)?,
        retiring_at: row.time_if_any(7)?,
    })
}

fn state(text: &str) -> Option<State> {
    [State::Next, State::Current, State::Retiring, State::Retired].into_iter().find(|state| state_text(*state) == text)
}

const fn state_text(state: State) -> &'static str {
    match state {
        State::Next => "next",
        State::Current => "current",
        State::Retiring => "retiring",
        State::Retired => "retired",
    }
}
