//! Devices and pairing keys as administrators see and change them.

use sea_orm::Value;

use super::devices::{Devices, KeyCreated, Unpaired};
use super::directory::{Area, BOTH, both, device_status_text, installation};
use super::{Row, WriteError, bounded, bytes, bytes_if_any, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::device::{Device, Installation, Status};
use crate::protocol::id::{DeviceId, NativeApplicationId, PairingKey, PairingKeyId, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

/// A place in a list that is ordered by time and identifier, newest first.
pub type After = (i64, Vec<u8>);

/// The place before all.
pub(super) fn first() -> After {
    (i64::MAX, Vec::new())
}

/// Where a list ends that has nothing older.
pub(super) fn since(since: Option<Timestamp>) -> Value {
    since.map_or(i64::MIN, Timestamp::millis).into()
}

/// A pairing key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPairingKey {
    pub id: PairingKeyId,
    pub user: UserId,
    /// The app that it is for. `None`: any.
    pub application: Option<NativeApplicationId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// The columns of one.
const KEY: &str = "id, user_id, created_at, expires_at, used_at, application_id FROM pairing_key";

/// Which devices are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceFilter {
    pub user: Option<UserId>,
    pub status: Option<Status>,
}

impl Devices {
    /// At most `limit` devices, those paired last first.
    pub async fn newest(
        &self,
        filter: DeviceFilter,
        after: Option<After>,
        limit: u32,
    ) -> Result<Vec<(Device, Installation)>, StoreError> {
        let (at, id) = after.unwrap_or_else(first);
        let sql = format!(
            "SELECT {BOTH} WHERE (d.paired_at, d.id) < ($1, $2) AND ($3 IS NULL OR d.user_id = $3) \
             AND ($4 IS NULL OR d.status = $4) ORDER BY d.paired_at DESC, d.id DESC LIMIT $5"
        );
        let values = [
            at.into(),
            id.into(),
            bytes_if_any(filter.user.map(UserId::uuid)),
            filter.status.map(|status| device_status_text(status).to_owned()).into(),
            i64::from(limit).into(),
        ];
        self.database().find_all(&sql, values).await?.iter().map(both).collect()
    }

    /// How many devices there are that were not paired before a time.
    pub async fn count(&self, filter: DeviceFilter, since: Option<Timestamp>) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM device WHERE paired_at >= $1 AND ($2 IS NULL OR user_id = $2) \
                   AND ($3 IS NULL OR status = $3)";
        let values: [Value; 3] = [
            self::since(since),
            bytes_if_any(filter.user.map(UserId::uuid)),
            filter.status.map(|status| device_status_text(status).to_owned()).into(),
        ];
        self.database().count(sql, values).await
    }

    /// A device as the database has it.
    pub async fn find(&self, id: DeviceId) -> Result<Option<(Device, Installation)>, StoreError> {
        let row = self.database().find(&format!("SELECT {BOTH} WHERE d.id = $1"), [bytes(id.uuid())]).await?;
        row.as_ref().map(both).transpose()
    }

    /// Applies `change` to nickname and status of a device, while nobody else can change it, unless it
    /// refuses. `event` is completed with device and user.
    pub async fn update_if<E: Send>(
        &self,
        id: DeviceId,
        event: Event,
        change: impl FnOnce(&Device, &Installation) -> Result<Device, E> + Send,
    ) -> Result<Option<Result<(Device, Installation), E>>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database().begin().await?;
            let Some((before, installation)) = transaction.lock_both(id).await? else { return Ok(None) };
            let device = match change(&before, &installation) {
                Ok(device) => device,
                Err(refused) => return Ok(Some(Err(refused))),
            };
            let user = device.user;
            transaction
                .execute(
                    "UPDATE device SET nickname = $1, status = $2 WHERE id = $3",
                    [device.nickname.clone().into(), device_status_text(device.status).into(), bytes(id.uuid())],
                )
                .await?;
            let change = transaction.commit_change(Area::People, &[&event.device(id).user(user)]).await?;
            Ok(Some(Ok(((device, installation), change))))
        })
        .await;
        Ok(updated.map_err(WriteError::unexpected)?.map(|updated| {
            updated.map(|(both, change)| {
                self.directory().changed(change);
                both
            })
        }))
    }

    /// Makes a device the one that is asked first. The one that was takes its place in the order.
    pub async fn make_primary_if<E: Send>(
        &self,
        id: DeviceId,
        event: Event,
        check: impl FnOnce(&Device, &Installation) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(Device, Installation), E>>, StoreError> {
        let moved: Result<_, WriteError> = bounded(async {
            let transaction = self.database().begin().await?;
            let Some((device, installation)) = transaction.lock_both(id).await? else { return Ok(None) };
            if let Err(refused) = check(&device, &installation) {
                return Ok(Some(Err(refused)));
            }
            if device.is_primary() {
                return Ok(Some(Ok(((device, installation), None))));
            }
            let (user, place) = (device.user, i64::from(device.position));
            // No two devices of a user are ever at one place: the first steps behind all, the other
            // takes its place, and the first goes where that one was.
            transaction
                .execute(
                    "UPDATE device SET position = (SELECT MAX(position) + 1 FROM device WHERE user_id = $1) \
                     WHERE user_id = $1 AND position = 0",
                    [bytes(user.uuid())],
                )
                .await?;
            transaction.execute("UPDATE device SET position = 0 WHERE id = $1", [bytes(id.uuid())]).await?;
            transaction
                .execute(
                    "UPDATE device SET position = $2 WHERE user_id = $1 AND position = \
                     (SELECT MAX(position) FROM device WHERE user_id = $1) AND id <> $3",
                    [bytes(user.uuid()), place.into(), bytes(id.uuid())],
                )
                .await?;
            let change = transaction.commit_change(Area::People, &[&event.device(id).user(user)]).await?;
            Ok(Some(Ok(((Device { position: 0, ..device }, installation), Some(change)))))
        })
        .await;
        Ok(moved.map_err(WriteError::unexpected)?.map(|moved| {
            moved.map(|(both, change)| {
                if let Some(change) = change {
                    self.directory().changed(change);
                }
                both
            })
        }))
    }

    /// As [`Devices::unpair`], unless `check` refuses. `event` is completed with device and user.
    pub async fn unpair_if<E: Send>(
        &self,
        id: DeviceId,
        event: Event,
        check: impl FnOnce(&Device, &Installation) -> Result<(), E> + Send,
    ) -> Result<Option<Result<Unpaired, E>>, StoreError> {
        let unpaired: Result<_, WriteError> = bounded(async {
            let transaction = self.database().begin().await?;
            let Some((device, installation)) = transaction.lock_both(id).await? else { return Ok(None) };
            if let Err(refused) = check(&device, &installation) {
                return Ok(Some(Err(refused)));
            }
            let unpaired = transaction.unpair(device).await?;
            let change =
                transaction.commit_change(Area::People, &[&event.device(id).user(unpaired.device.user)]).await?;
            Ok(Some(Ok((unpaired, change))))
        })
        .await;
        Ok(unpaired.map_err(WriteError::unexpected)?.map(|unpaired| {
            unpaired.map(|(unpaired, change)| {
                self.directory().changed(change);
                unpaired
            })
        }))
    }

    /// As [`Devices::create_pairing_key`], with a name by which the key is listed and revoked.
    pub async fn create_named_key(
        &self,
        key: &StoredPairingKey,
        digest: &Digest<PairingKey>,
        event: &Event,
    ) -> Result<KeyCreated, StoreError> {
        let named = (Some(key.id), key.application.as_ref());
        self.create_key(named, key.user, digest, (key.created_at, key.expires_at), event).await
    }

    /// At most `limit` pairing keys that have a name, newest first.
    pub async fn newest_keys(
        &self,
        user: Option<UserId>,
        after: Option<After>,
        limit: u32,
    ) -> Result<Vec<StoredPairingKey>, StoreError> {
        let (at, id) = after.unwrap_or_else(first);
        let sql = format!(
            "SELECT {KEY} WHERE id IS NOT NULL AND (created_at, id) < ($1, $2) AND ($3 IS NULL OR user_id = $3) \
             ORDER BY created_at DESC, id DESC LIMIT $4"
        );
        let values: [Value; 4] = [at.into(), id.into(), bytes_if_any(user.map(UserId::uuid)), i64::from(limit).into()];
        self.database().find_all(&sql, values).await?.iter().map(stored_key).collect()
    }

    /// How many pairing keys there are that have a name.
    pub async fn count_keys(&self, user: Option<UserId>, since: Option<Timestamp>) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM pairing_key WHERE id IS NOT NULL AND created_at >= $1 \
                   AND ($2 IS NULL OR user_id = $2)";
        self.database().count(sql, [self::since(since), bytes_if_any(user.map(UserId::uuid))]).await
    }

    pub async fn find_key(&self, id: PairingKeyId) -> Result<Option<StoredPairingKey>, StoreError> {
        let sql = format!("SELECT {KEY} WHERE id = $1");
        self.database().find(&sql, [bytes(id.uuid())]).await?.as_ref().map(stored_key).transpose()
    }

    /// Forgets a pairing key, unless `check` refuses. `event` is completed with its user. `None`: there is
    /// none.
    pub async fn revoke_key_if<E: Send>(
        &self,
        id: PairingKeyId,
        event: Event,
        check: impl FnOnce(&StoredPairingKey) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let revoked: Result<_, WriteError> = bounded(async {
            let transaction = self.database().begin().await?;
            let sql = format!("SELECT {KEY} WHERE id = $1");
            let Some(row) = transaction.find_locked(&sql, [bytes(id.uuid())]).await? else { return Ok(None) };
            let key = stored_key(&row)?;
            if let Err(refused) = check(&key) {
                return Ok(Some(Err(refused)));
            }
            transaction.execute("DELETE FROM pairing_key WHERE id = $1", [bytes(id.uuid())]).await?;
            transaction.record(&[&event.user(key.user)]);
            transaction.commit().await?;
            Ok(Some(Ok(())))
        })
        .await;
        revoked.map_err(WriteError::unexpected)
    }

    pub(super) async fn create_key(
        &self,
        (id, application): (Option<PairingKeyId>, Option<&NativeApplicationId>),
        user: UserId,
        digest: &Digest<PairingKey>,
        (now, expires_at): (Timestamp, Timestamp),
        event: &Event,
    ) -> Result<KeyCreated, StoreError> {
        let created: Result<_, WriteError> = bounded(async {
            let transaction = self.database().begin().await?;
            if transaction.lock_user(user).await?.is_none() {
                return Ok(KeyCreated::UnknownUser);
            }
            if transaction.has_enough_keys(user, now).await? {
                return Ok(KeyCreated::TooMany);
            }
            if !transaction.lock_application(application).await? {
                return Ok(KeyCreated::UnknownApplication);
            }
            transaction
                .execute(
                    "INSERT INTO pairing_key (digest, id, user_id, created_at, expires_at, application_id) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    [
                        digest_bytes(digest),
                        bytes_if_any(id.map(PairingKeyId::uuid)),
                        bytes(user.uuid()),
                        now.millis().into(),
                        expires_at.millis().into(),
                        application.map(|application| application.as_str().to_owned()).into(),
                    ],
                )
                .await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(KeyCreated::Yes)
        })
        .await;
        created.map_err(WriteError::unexpected)
    }
}

impl super::Transaction {
    /// A device under the lock of its user, and its installation.
    async fn lock_both(&self, id: DeviceId) -> Result<Option<(Device, Installation)>, WriteError> {
        let Some(device) = self.lock_device(id).await? else { return Ok(None) };
        let sql = "SELECT id, jkt, public_jwk, next_jkt, document, created_at FROM installation WHERE id = $1";
        let row = self.find(sql, [bytes(device.installation.uuid())]).await?;
        let row = row.ok_or(StoreError::Corrupt("a device without installation"))?;
        Ok(Some((device, installation(&row, 0)?)))
    }
}

fn stored_key(row: &Row) -> Result<StoredPairingKey, StoreError> {
    Ok(StoredPairingKey {
        id: PairingKeyId::new(row.uuid(0)?),
        user: UserId::new(row.uuid(1)?),
        created_at: row.time(2)?,
        expires_at: row.time(3)?,
        used_at: row.time_if_any(4)?,
        application: row.parsed_if_any(5, NativeApplicationId::parse)?,
    })
}
