//! Where phones are reached, and as whom the operator calls those who reach them. Who has a token is kept in memory, by
//! the [`Directory`]; the tokens and the keys are not.

use std::sync::Arc;

use super::devices::Unpaired;
use super::directory::{Area, Change, DEVICE, Directory, device};
use super::{Database, Row, WriteError, bounded, bytes, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::device::Device;
use crate::domain::push::{Environment, Provider, PushToken};
use crate::domain::push_credentials::Facts;
use crate::protocol::id::{InstallationId, NativeApplicationId, UserId};
use crate::secret::Sealed;
use crate::store::ephemeral::StoreError;

/// Whoever hands in the same token at the same moment makes the other try again.
const TRIES: usize = 3;

#[derive(Clone, Debug)]
pub struct PushTokens {
    database: Database,
    directory: Arc<Directory>,
}

/// What became of a token that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Yes,
    /// No device of the installation may be asked.
    NoDevice,
}

const TOKEN: &str =
    "installation_id, application_id, provider, environment, digest, sealed, registered_at FROM push_token";

impl PushTokens {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    pub async fn find(&self, installation: InstallationId) -> Result<Option<PushToken>, StoreError> {
        let sql = format!("SELECT {TOKEN} WHERE installation_id = $1");
        self.database.find(&sql, [bytes(installation.uuid())]).await?.as_ref().map(token).transpose()
    }

    /// Whose phone an installation is.
    pub async fn devices(&self, installation: InstallationId) -> Result<Vec<Device>, StoreError> {
        let sql = format!("SELECT {DEVICE} WHERE installation_id = $1 ORDER BY user_id");
        self.database.find_all(&sql, [bytes(installation.uuid())]).await?.iter().map(device).collect()
    }

    /// In the place of any other of the installation. A token that was another installation's is that one's no more
    /// [security.md 95].
    pub async fn put(&self, token: &PushToken, event: &Event) -> Result<Put, StoreError> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.put_once(token, event).await {
                Err(WriteError::Taken(_)) if tries > 0 => {}
                other => return other.map_err(WriteError::unexpected),
            }
        }
    }

    async fn put_once(&self, token: &PushToken, event: &Event) -> Result<Put, WriteError> {
        let id = || bytes(token.installation.uuid());
        bounded(async {
            let transaction = self.database.begin().await?;
            // Under its lock, so that one that is just unpaired, or blocked, is not reached all the same [security.md 94].
            transaction.find_locked("SELECT id FROM installation WHERE id = $1", [id()]).await?;
            let sql = "SELECT 1 FROM device WHERE installation_id = $1 AND status = 'active' LIMIT 1";
            if transaction.find(sql, [id()]).await?.is_none() {
                return Ok(Put::NoDevice);
            }
            let sql = "DELETE FROM push_token WHERE digest = $1 AND installation_id <> $2";
            transaction.execute(sql, [digest_bytes(&token.digest), id()]).await?;
            let sql = "INSERT INTO push_token \
                       (installation_id, application_id, provider, environment, digest, sealed, registered_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (installation_id) DO UPDATE SET \
                       application_id = excluded.application_id, provider = excluded.provider, \
                       environment = excluded.environment, digest = excluded.digest, sealed = excluded.sealed, \
                       registered_at = excluded.registered_at";
            let values = [
                id(),
                token.application.as_str().into(),
                token.provider.as_str().into(),
                token.environment.as_str().into(),
                digest_bytes(&token.digest),
                token.sealed.as_bytes().into(),
                token.registered_at.millis().into(),
            ];
            transaction.execute(sql, values).await?;
            let change = transaction.commit_change(Area::People, &[event]).await?;
            self.directory.changed(change);
            Ok(Put::Yes)
        })
        .await
    }

    /// `false`: it had none.
    pub async fn remove(&self, installation: InstallationId, event: &Event) -> Result<bool, StoreError> {
        let removed: Result<Option<Change>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "DELETE FROM push_token WHERE installation_id = $1";
            if transaction.execute(sql, [bytes(installation.uuid())]).await? == 0 {
                return Ok(None);
            }
            transaction.commit_change(Area::People, &[event]).await.map(Some)
        })
        .await;
        let removed = removed.map_err(WriteError::unexpected)?;
        Ok(removed.map(|change| self.directory.changed(change)).is_some())
    }

    /// Whether the person wants the installation to be told by a push. `false`: nothing has changed.
    pub async fn allow(
        &self,
        installation: InstallationId,
        allowed: bool,
        now: Timestamp,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let changed: Result<Option<Change>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let id = bytes(installation.uuid());
            let changed = if allowed {
                let sql = "UPDATE installation SET pushes_off_since = NULL \
                           WHERE id = $1 AND pushes_off_since IS NOT NULL";
                transaction.execute(sql, [id]).await?
            } else {
                let sql = "UPDATE installation SET pushes_off_since = $2 WHERE id = $1 AND pushes_off_since IS NULL";
                transaction.execute(sql, [id, now.millis().into()]).await?
            };
            if changed == 0 {
                return Ok(None);
            }
            transaction.commit_change(Area::People, &[event]).await.map(Some)
        })
        .await;
        let changed = changed.map_err(WriteError::unexpected)?;
        Ok(changed.map(|change| self.directory.changed(change)).is_some())
    }

    /// It was found to be good for the other environment. Nothing happens to one that was handed in since.
    pub async fn is_for(&self, token: &PushToken, environment: Environment) -> Result<(), StoreError> {
        let sql =
            "UPDATE push_token SET environment = $1 WHERE installation_id = $2 AND digest = $3 AND registered_at = $4";
        let [id, digest, registered_at] = as_seen(token);
        self.database.execute(sql, [environment.as_str().into(), id, digest, registered_at]).await.map(drop)
    }

    /// Forgets a token that is worth nothing, unless the app has handed one in since. `false`: it has.
    pub async fn drop(&self, token: &PushToken, event: &Event) -> Result<bool, StoreError> {
        let dropped: Result<Option<Change>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.execute(DROP, as_seen(token)).await? == 0 {
                return Ok(None);
            }
            transaction.commit_change(Area::People, &[event]).await.map(Some)
        })
        .await;
        let dropped = dropped.map_err(WriteError::unexpected)?;
        Ok(dropped.map(|change| self.directory.changed(change)).is_some())
    }

    /// [flows.md F5] The same, and ends the trust in the installation, whoever's it is. `event` makes one for each device.
    /// `None`: the app has handed in another one since.
    pub async fn drop_and_unpair(
        &self,
        token: &PushToken,
        event: impl Fn(&Device) -> Event + Send,
    ) -> Result<Option<Vec<Unpaired>>, StoreError> {
        let id = || bytes(token.installation.uuid());
        let dropped: Result<Option<(Vec<Unpaired>, Change)>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            // People before their installation, and all in one order.
            let sql = "SELECT user_id FROM device WHERE installation_id = $1 ORDER BY user_id";
            for row in transaction.find_all(sql, [id()]).await? {
                transaction.lock_user(UserId::new(row.uuid(0)?)).await?;
            }
            transaction.find_locked("SELECT id FROM installation WHERE id = $1", [id()]).await?;
            if transaction.execute(DROP, as_seen(token)).await? == 0 {
                return Ok(None);
            }
            let sql = format!("SELECT {DEVICE} WHERE installation_id = $1 ORDER BY user_id");
            let (mut unpaired, mut events) = (Vec::new(), Vec::new());
            for row in transaction.find_all(&sql, [id()]).await? {
                let device = device(&row)?;
                events.push(event(&device));
                unpaired.push(transaction.unpair(device).await?);
            }
            let events: Vec<_> = events.iter().collect();
            let change = transaction.commit_change(Area::People, &events).await?;
            Ok(Some((unpaired, change)))
        })
        .await;
        Ok(dropped.map_err(WriteError::unexpected)?.map(|(unpaired, change)| {
            self.directory.changed(change);
            unpaired
        }))
    }
}

const DROP: &str = "DELETE FROM push_token WHERE installation_id = $1 AND digest = $2 AND registered_at = $3";

/// The very token, as it was handed in then [flows.md F5].
fn as_seen(token: &PushToken) -> [sea_orm::Value; 3] {
    [bytes(token.installation.uuid()), digest_bytes(&token.digest), token.registered_at.millis().into()]
}

fn token(row: &Row) -> Result<PushToken, StoreError> {
    Ok(PushToken {
        installation: InstallationId::new(row.uuid(0)?),
        application: row.parsed(1, NativeApplicationId::parse)?,
        provider: row.parsed(2, Provider::parse)?,
        environment: row.parsed(3, Environment::parse)?,
        digest: row.digest(4)?,
        sealed: Sealed::from_bytes(row.get(5)?),
        registered_at: row.time(6)?,
    })
}

#[derive(Clone, Debug)]
pub struct PushCredentials {
    database: Database,
}

/// What may be seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub provider: Provider,
    pub facts: Facts,
    pub updated_at: Timestamp,
}

impl PushCredentials {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub async fn of(&self, application: &NativeApplicationId) -> Result<Vec<Seen>, StoreError> {
        let sql =
            "SELECT provider, document, updated_at FROM push_credentials WHERE application_id = $1 ORDER BY provider";
        self.database.find_all(sql, [application.as_str().into()]).await?.iter().map(seen).collect()
    }

    /// As they are sealed, and since when.
    pub async fn find(
        &self,
        application: &NativeApplicationId,
        provider: Provider,
    ) -> Result<Option<(Sealed, Timestamp)>, StoreError> {
        let sql = "SELECT sealed, updated_at FROM push_credentials WHERE application_id = $1 AND provider = $2";
        let row = self.database.find(sql, [application.as_str().into(), provider.as_str().into()]).await?;
        row.map(|row| Ok((Sealed::from_bytes(row.get(0)?), row.time(1)?))).transpose()
    }

    /// In the place of any others. `false`: there is no such application.
    pub async fn put(
        &self,
        application: &NativeApplicationId,
        (Seen { provider, facts, updated_at }, sealed): (&Seen, &Sealed),
        event: &Event,
    ) -> Result<bool, StoreError> {
        let document = serde_json::to_string(facts).map_err(|_| StoreError::Corrupt("what cannot be written"))?;
        let put: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = "SELECT id FROM native_application WHERE id = $1";
            if transaction.find_locked(sql, [application.as_str().into()]).await?.is_none() {
                return Ok(false);
            }
            let sql = "INSERT INTO push_credentials (application_id, provider, document, sealed, updated_at) \
                       VALUES ($1, $2, $3, $4, $5) ON CONFLICT (application_id, provider) DO UPDATE SET \
                       document = excluded.document, sealed = excluded.sealed, updated_at = excluded.updated_at";
            let values = [
                application.as_str().into(),
                provider.as_str().into(),
                document.as_str().into(),
                sealed.as_bytes().into(),
                updated_at.millis().into(),
            ];
            transaction.execute(sql, values).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        put.map_err(WriteError::unexpected)
    }

    /// `false`: there are none.
    pub async fn remove(
        &self,
        application: &NativeApplicationId,
        provider: Provider,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM push_credentials WHERE application_id = $1 AND provider = $2";
        self.database.change(sql, [application.as_str().into(), provider.as_str().into()], event).await
    }
}

fn seen(row: &Row) -> Result<Seen, StoreError> {
    let document: String = row.get(1)?;
    Ok(Seen {
        provider: row.parsed(0, Provider::parse)?,
        facts: serde_json::from_str(&document).map_err(|_| StoreError::Corrupt("credentials that cannot be read"))?,
        updated_at: row.time(2)?,
    })
}
