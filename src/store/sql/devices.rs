//! Changes of devices: pairing, rotation of an installation's key, blocking, unpairing.
//!
//! Rows are locked in one order, so that no two changes wait for each other: the user, then the
//! application, then the installation, then the epoch.

use std::sync::Arc;

use super::besides::Besides;
use super::directory::{Area, BOTH, Change, DEVICE, Directory, both, device, device_status_text, installation, user};
use super::{Database, Transaction, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::device::{About, Device, Installation, Status};
use crate::domain::user::User;
use crate::failpoint;
use crate::protocol::id::{DeviceId, InstallationId, NativeApplicationId, PairingKey, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Devices {
    database: Database,
    directory: Arc<Directory>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCreated {
    Yes,
    /// The user has as many live keys as one may have.
    TooMany,
    UnknownUser,
    UnknownApplication,
}

/// A phone that wants to become a device.
#[derive(Debug)]
pub struct Newcomer<'a> {
    /// The native application that enrols it, if one does.
    pub application: Option<&'a NativeApplicationId>,
    /// The key that the phone has proved to hold: RFC 7638 thumbprint and JWK.
    pub jkt: &'a str,
    pub public_jwk: &'a str,
    pub about: &'a About,
    /// Used unless the installation is known by its key already.
    pub new_installation: InstallationId,
    pub new_device: DeviceId,
    pub max_devices: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    Paired(Box<Pairing>),
    /// Unknown, expired or used key, or a user who is not active: the same outside.
    Invalid,
    /// The user has as many devices as one may have. The key was not used.
    Full,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    pub user: User,
    pub device: Device,
    pub installation: Installation,
}

/// A device that is none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpaired {
    pub device: Device,
    /// The device that became primary in its place.
    pub promoted: Option<DeviceId>,
}

impl Devices {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub async fn create_pairing_key(
        &self,
        user: UserId,
        key: &Digest<PairingKey>,
        now: Timestamp,
        expires_at: Timestamp,
        event: &Event,
    ) -> Result<KeyCreated, StoreError> {
        self.create_key((None, None), user, key, (now, expires_at), event).await
    }

    /// Uses a pairing key, once, and makes the phone a device of its user, and of the native application that the key is
    /// for. `event` is completed with both. The phone that has used it already is told so again, and nothing changes.
    pub async fn claim(
        &self,
        key: &Digest<PairingKey>,
        newcomer: &Newcomer<'_>,
        now: Timestamp,
        event: Event,
    ) -> Result<Claimed, StoreError> {
        let claimed: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            // Read first, without trusting it: whose lock to take.
            let Some((user, application)) = transaction.find_key(key).await? else {
                return Ok((Claimed::Invalid, None));
            };
            let Some(owner) = transaction.lock_user(user).await?.filter(User::is_active) else {
                return Ok((Claimed::Invalid, None));
            };
            if !transaction.is_app_of_key(key, application.as_ref(), newcomer.about).await? {
                return Ok((Claimed::Invalid, None));
            }
            let newcomer = &Newcomer { application: application.as_ref(), ..*newcomer };
            if transaction.holds(key, owner.id).await? && transaction.use_key(key, newcomer.jkt, now).await? {
                failpoint::hit("K21");
                return transaction.pair(owner, newcomer, now, event).await;
            }
            if !transaction.has_used_key(key, newcomer.jkt, now).await? {
                return Ok((Claimed::Invalid, None));
            }
            let again = transaction.of_key(owner, newcomer.jkt).await?;
            Ok((again.map_or(Claimed::Invalid, |pairing| Claimed::Paired(Box::new(pairing))), None))
        })
        .await;
        self.claimed(claimed)
    }

    /// The device of an active user that has this key and is not blocked. Read under the user's lock, so that whoever is
    /// just pairing it has come to an end.
    pub async fn of_key(&self, user: UserId, jkt: &str) -> Result<Option<Pairing>, StoreError> {
        let paired: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(owner) = transaction.lock_user(user).await?.filter(User::is_active) else { return Ok(None) };
            transaction.of_key(owner, jkt).await
        })
        .await;
        paired.map_err(WriteError::unexpected)
    }

    /// Makes the phone a device of somebody who agreed to that, or their first one. `password`: when the one was chosen
    /// that has to be theirs still. `event` is completed with user and device.
    pub async fn enrol(
        &self,
        (user, password, besides): (UserId, Option<Timestamp>, Besides),
        newcomer: &Newcomer<'_>,
        now: Timestamp,
        event: Event,
    ) -> Result<Claimed, StoreError> {
        let enrolled: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(owner) = transaction.lock_user(user).await?.filter(User::is_active) else {
                return Ok((Claimed::Invalid, None));
            };
            if let Some(chosen_at) = password
                && !transaction.has_password(user, chosen_at).await?
            {
                return Ok((Claimed::Invalid, None));
            }
            if transaction.blocks(user, newcomer.jkt).await?
                || !transaction.lock_application(newcomer.application).await?
            {
                return Ok((Claimed::Invalid, None));
            }
            let (count, _) = transaction.devices_and_next(user).await?;
            if besides == Besides::Anything || (count == 0 && !transaction.has_factor(user, besides).await?) {
                return transaction.pair(owner, newcomer, now, event).await;
            }
            let is_full = count >= i64::from(newcomer.max_devices);
            Ok((if is_full { Claimed::Full } else { Claimed::Invalid }, None))
        })
        .await;
        self.claimed(enrolled)
    }

    fn claimed(&self, claimed: Result<(Claimed, Option<Change>), WriteError>) -> Result<Claimed, StoreError> {
        let (claimed, change) = claimed.map_err(WriteError::unexpected)?;
        if let Some(change) = change {
            self.directory.changed(change);
        }
        Ok(claimed)
    }

    /// Announces the next key of an installation. The present one stays valid until the next one is
    /// first used. `false`: the key belongs to an installation already, or there is none to rotate.
    pub async fn announce_key(
        &self,
        id: InstallationId,
        next_jkt: &str,
        next_jwk: &str,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let announced: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let changed = transaction
                .execute(
                    "UPDATE installation SET next_jkt = $1, next_jwk = $2 WHERE id = $3 \
                     AND NOT EXISTS (SELECT 1 FROM installation other WHERE other.jkt = $1)",
                    [next_jkt.into(), next_jwk.into(), bytes(id.uuid())],
                )
                .await?;
            if changed == 0 {
                return Ok(None);
            }
            let change = transaction.commit_change(Area::People, &[event]).await?;
            Ok(Some(change))
        })
        .await;
        match announced {
            Ok(change) => {
                if let Some(change) = change {
                    self.directory.changed(change);
                }
                Ok(change.is_some())
            }
            Err(WriteError::Taken(_)) => Ok(false),
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    /// The announced key was used: it is the key now, and the earlier one is none any more.
    /// `false`: somebody was faster, or nothing was announced. Nothing to do then.
    pub async fn adopt_key(&self, id: InstallationId, next_jkt: &str, event: &Event) -> Result<bool, StoreError> {
        let adopted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let changed = transaction
                .execute(
                    "UPDATE installation SET jkt = next_jkt, public_jwk = next_jwk, next_jkt = NULL, next_jwk = NULL \
                     WHERE id = $1 AND next_jkt = $2",
                    [bytes(id.uuid()), next_jkt.into()],
                )
                .await?;
            if changed == 0 {
                return Ok(None);
            }
            let change = transaction.commit_change(Area::People, &[event]).await?;
            Ok(Some(change))
        })
        .await;
        let adopted = adopted.map_err(WriteError::unexpected)?;
        if let Some(change) = adopted {
            self.directory.changed(change);
        }
        Ok(adopted.is_some())
    }

    /// Ends the trust in a device. When it was the primary one, the oldest of the others follows.
    /// `None`: there is no such device.
    pub async fn unpair(&self, id: DeviceId, event: &Event) -> Result<Option<Unpaired>, StoreError> {
        let unpaired: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(device) = transaction.lock_device(id).await? else { return Ok(None) };
            let unpaired = transaction.unpair(device).await?;
            let change = transaction.commit_change(Area::People, &[event]).await?;
            Ok(Some((unpaired, change)))
        })
        .await;
        Ok(unpaired.map_err(WriteError::unexpected)?.map(|(unpaired, change)| {
            self.directory.changed(change);
            unpaired
        }))
    }

    /// Blocks a device, or lets it answer again. `None`: there is no such device.
    pub async fn set_status(&self, id: DeviceId, status: Status, event: &Event) -> Result<Option<Device>, StoreError> {
        self.update(id, event, |device| Device { status, ..device }).await
    }

    pub async fn rename(
        &self,
        id: DeviceId,
        nickname: Option<&str>,
        event: &Event,
    ) -> Result<Option<Device>, StoreError> {
        self.update(id, event, |device| Device { nickname: nickname.map(str::to_owned), ..device }).await
    }

    async fn update(
        &self,
        id: DeviceId,
        event: &Event,
        change: impl FnOnce(Device) -> Device + Send,
    ) -> Result<Option<Device>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(device) = transaction.lock_device(id).await? else { return Ok(None) };
            let device = change(device);
            transaction
                .execute(
                    "UPDATE device SET nickname = $1, status = $2 WHERE id = $3",
                    [device.nickname.clone().into(), device_status_text(device.status).into(), bytes(id.uuid())],
                )
                .await?;
            let change = transaction.commit_change(Area::People, &[event]).await?;
            Ok(Some((device, change)))
        })
        .await;
        Ok(updated.map_err(WriteError::unexpected)?.map(|(device, change)| {
            self.directory.changed(change);
            device
        }))
    }
}

impl Transaction {
    pub(super) async fn lock_user(&self, id: UserId) -> Result<Option<User>, WriteError> {
        let sql = "SELECT id, username, document, status, created_at, updated_at FROM account WHERE id = $1";
        let row = self.find_locked(sql, [bytes(id.uuid())]).await?;
        Ok(row.map(|row| user(&row)).transpose()?)
    }

    /// Whether the user, whose lock we hold, has the password still that was chosen then.
    pub(super) async fn has_password(&self, user: UserId, chosen_at: Timestamp) -> Result<bool, WriteError> {
        let sql = "SELECT 1 FROM password WHERE user_id = $1 AND changed_at = $2";
        Ok(self.find(sql, [bytes(user.uuid()), chosen_at.millis().into()]).await?.is_some())
    }

    /// Deletes a device whose user's lock we hold.
    pub(super) async fn unpair(&self, device: Device) -> Result<Unpaired, WriteError> {
        self.execute("DELETE FROM device WHERE id = $1", [bytes(device.id.uuid())]).await?;
        let promoted = if device.is_primary() { self.promote_next(device.user).await? } else { None };
        self.delete_if_unpaired(device.installation).await?;
        Ok(Unpaired { device, promoted })
    }

    /// Locks the user of a device, and reads the device under that lock.
    pub(super) async fn lock_device(&self, id: DeviceId) -> Result<Option<Device>, WriteError> {
        let Some(row) = self.find("SELECT user_id FROM device WHERE id = $1", [bytes(id.uuid())]).await? else {
            return Ok(None);
        };
        self.lock_user(UserId::new(row.uuid(0)?)).await?;
        let row = self.find(&format!("SELECT {DEVICE} WHERE id = $1"), [bytes(id.uuid())]).await?;
        Ok(row.map(|row| device(&row)).transpose()?)
    }

    /// Pairs a phone with a user whose lock we hold. An installation that is a device of this user already stays the
    /// device that it is, but for the application where it has none yet; a blocked one is not let in again.
    async fn pair(
        self,
        owner: User,
        newcomer: &Newcomer<'_>,
        now: Timestamp,
        event: Event,
    ) -> Result<(Claimed, Option<Change>), WriteError> {
        let installation = self.installation_for(newcomer, now).await?;
        let (device, event) = match self.device_of(owner.id, installation.id).await? {
            Some(device) if device.status == Status::Blocked => return Ok((Claimed::Invalid, None)),
            Some(device) => self.as_application(device, newcomer, event).await?,
            None => match self.add_device(newcomer, owner.id, installation.id, now).await? {
                Some(device) => (device, event),
                None => return Ok((Claimed::Full, None)),
            },
        };
        self.forget_standing(owner.id, newcomer.jkt).await?;
        failpoint::hit("K22");
        let change = self.commit_change(Area::People, &[&event.user(owner.id).device(device.id)]).await?;
        Ok((Claimed::Paired(Box::new(Pairing { user: owner, device, installation })), Some(change)))
    }

    /// What the key is of a user whose lock we hold, unless that is blocked.
    async fn of_key(&self, owner: User, jkt: &str) -> Result<Option<Pairing>, WriteError> {
        let sql = format!("SELECT {BOTH} WHERE d.user_id = $1 AND i.jkt = $2");
        let Some(row) = self.find(&sql, [bytes(owner.id.uuid()), jkt.into()]).await? else { return Ok(None) };
        let (device, installation) = both(&row)?;
        let active = device.status == Status::Active;
        Ok(active.then_some(Pairing { user: owner, device, installation }))
    }

    /// The installation that has this key, or a new one.
    async fn installation_for(&self, newcomer: &Newcomer<'_>, now: Timestamp) -> Result<Installation, WriteError> {
        let about = serde_json::to_string(newcomer.about)
            .map_err(|_| StoreError::Corrupt("an installation that cannot be written"))?;
        // It may come with the key that it announced: that is a first use.
        self.execute(
            "UPDATE installation SET jkt = next_jkt, public_jwk = next_jwk, next_jkt = NULL, next_jwk = NULL \
             WHERE next_jkt = $1",
            [newcomer.jkt.into()],
        )
        .await?;
        self.execute(
            "INSERT INTO installation (id, jkt, public_jwk, document, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (jkt) DO UPDATE SET document = excluded.document",
            [
                bytes(newcomer.new_installation.uuid()),
                newcomer.jkt.into(),
                newcomer.public_jwk.into(),
                about.into(),
                now.millis().into(),
            ],
        )
        .await?;
        let sql = "SELECT id, jkt, public_jwk, next_jkt, document, created_at FROM installation WHERE jkt = $1";
        let row = self.find(sql, [newcomer.jkt.into()]).await?;
        let row = row.ok_or(StoreError::Corrupt("an installation that is neither new nor there"))?;
        Ok(installation(&row, 0)?)
    }

    async fn device_of(&self, user: UserId, installation: InstallationId) -> Result<Option<Device>, WriteError> {
        let sql = format!("SELECT {DEVICE} WHERE user_id = $1 AND installation_id = $2");
        let row = self.find(&sql, [bytes(user.uuid()), bytes(installation.uuid())]).await?;
        Ok(row.map(|row| device(&row)).transpose()?)
    }

    /// Whether the application is there, and stays until this transaction ends: it is not deleted while a device names it.
    pub(super) async fn lock_application(&self, named: Option<&NativeApplicationId>) -> Result<bool, WriteError> {
        let Some(application) = named else { return Ok(true) };
        let sql = "SELECT id FROM native_application WHERE id = $1";
        Ok(self.find_locked(sql, [application.as_str().into()]).await?.is_some())
    }

    /// A device that was paired with a key, for any app, becomes that of the application that enrols it: the event says so.
    async fn as_application(
        &self,
        device: Device,
        newcomer: &Newcomer<'_>,
        event: Event,
    ) -> Result<(Device, Event), WriteError> {
        let Some(application) = newcomer.application.filter(|_| device.application.is_none()) else {
            return Ok((device, event));
        };
        let sql = "UPDATE device SET application_id = $1 WHERE id = $2";
        self.execute(sql, [application.as_str().into(), bytes(device.id.uuid())]).await?;
        let event = Event { action: Action::DeviceUpdated, ..event }.of("application");
        Ok((Device { application: Some(application.clone()), ..device }, event))
    }

    /// How many devices the user has, whose lock we hold, and the position of a next one.
    pub(super) async fn devices_and_next(&self, user: UserId) -> Result<(i64, i64), WriteError> {
        let sql = "SELECT COUNT(*), COALESCE(MAX(position) + 1, 0) FROM device WHERE user_id = $1";
        let row = self.find(sql, [bytes(user.uuid())]).await?;
        let row = row.ok_or(StoreError::Corrupt("a count without an answer"))?;
        Ok((row.get(0)?, row.get(1)?))
    }

    /// `None`: the user, whose lock we hold, has enough.
    async fn add_device(
        &self,
        newcomer: &Newcomer<'_>,
        user: UserId,
        installation: InstallationId,
        now: Timestamp,
    ) -> Result<Option<Device>, WriteError> {
        let (count, position) = self.devices_and_next(user).await?;
        if count >= i64::from(newcomer.max_devices) {
            return Ok(None);
        }
        let device = Device {
            id: newcomer.new_device,
            user,
            installation,
            application: newcomer.application.cloned(),
            nickname: None,
            status: Status::Active,
            position: u32::try_from(position).map_err(|_| StoreError::Corrupt("a position out of range"))?,
            paired_at: now,
        };
        self.execute(
            "INSERT INTO device (id, user_id, installation_id, status, position, paired_at, application_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                bytes(device.id.uuid()),
                bytes(user.uuid()),
                bytes(installation.uuid()),
                device_status_text(device.status).into(),
                position.into(),
                now.millis().into(),
                newcomer.application.map(|application| application.as_str().to_owned()).into(),
            ],
        )
        .await?;
        Ok(Some(device))
    }

    async fn promote_next(&self, user: UserId) -> Result<Option<DeviceId>, WriteError> {
        let sql = "UPDATE device SET position = 0 WHERE id = \
                   (SELECT id FROM device WHERE user_id = $1 ORDER BY position LIMIT 1) RETURNING id";
        let row = self.find(sql, [bytes(user.uuid())]).await?;
        Ok(row.map(|row| row.uuid(0)).transpose()?.map(DeviceId::new))
    }

    /// An installation that is nobody's device any more is forgotten, and its key with it.
    pub(super) async fn delete_if_unpaired(&self, id: InstallationId) -> Result<(), WriteError> {
        // Locked first, so that the count is not that of a moment ago: somebody may just be pairing.
        let Some(_) = self.find_locked("SELECT id FROM installation WHERE id = $1", [bytes(id.uuid())]).await? else {
            return Ok(());
        };
        self.execute(
            "DELETE FROM installation WHERE id = $1 AND NOT EXISTS \
             (SELECT 1 FROM device WHERE device.installation_id = installation.id)",
            [bytes(id.uuid())],
        )
        .await?;
        Ok(())
    }
}
