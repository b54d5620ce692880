//! The tokens by which the first administrator comes into being.

use std::sync::Arc;

use super::directory::{Area, Directory, client};
use super::{Database, Transaction, WriteError, bounded, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::client::Client;
use crate::protocol::admin_scope::ADMIN;
use crate::protocol::id::BootstrapToken;
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct BootstrapTokens {
    database: Database,
    directory: Arc<Directory>,
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    Yes,
    /// Unknown, expired, used; or there is an administrator.
    Invalid,
    /// A client of this identifier exists. The token was not used.
    Taken,
}

impl BootstrapTokens {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    /// Stores a token, unless there is an administrator. `false`: there is.
    pub async fn offer(
        &self,
        token: &Digest<BootstrapToken>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let offered: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            transaction.execute("DELETE FROM bootstrap_token WHERE expires_at <= $1", [now.millis().into()]).await?;
            let wanted = !transaction.has_administrator().await?;
            if wanted {
                transaction
                    .execute(
                        "INSERT INTO bootstrap_token (digest, expires_at) VALUES ($1, $2)",
                        [digest_bytes(token), expires_at.millis().into()],
                    )
                    .await?;
            }
            transaction.commit().await?;
            Ok(wanted)
        })
        .await;
        offered.map_err(WriteError::unexpected)
    }

    /// Uses a token, and with it all others: creates the first administrator.
    pub async fn spend(
        &self,
        token: &Digest<BootstrapToken>,
        first: &Client,
        event: &Event,
        now: Timestamp,
    ) -> Result<Spent, StoreError> {
        let spent: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            // First, and not last as elsewhere: whoever comes second waits here, and then sees the
            // administrator that the first one made.
            let change = transaction.change(Area::Clients).await?;
            let deleted = transaction
                .execute(
                    "DELETE FROM bootstrap_token WHERE digest = $1 AND expires_at > $2",
                    [digest_bytes(token), now.millis().into()],
                )
                .await?;
            if deleted == 0 || transaction.has_administrator().await? {
                return Ok(None);
            }
            transaction.insert_client(first).await?;
            transaction.execute("DELETE FROM bootstrap_token", []).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(change))
        })
        .await;
        match spent {
            Ok(Some(change)) => {
                self.directory.changed(change);
                Ok(Spent::Yes)
            }
            Ok(None) => Ok(Spent::Invalid),
            Err(WriteError::Taken(_)) => Ok(Spent::Taken),
            Err(WriteError::Store(error)) => Err(error),
        }
    }
}

impl Transaction {
    /// Whether a client has all rights, be it disabled: whoever disabled it can enable it again.
    async fn has_administrator(&self) -> Result<bool, WriteError> {
        // The text only narrows down what is read.
        let candidates = self.find_all("SELECT document FROM client WHERE document LIKE '%nod:admin%'", []).await?;
        for row in candidates {
            if client(&row)?.scope.contains(ADMIN) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
