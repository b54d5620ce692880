//! Authenticator apps of people. Nothing here is kept in memory.

use sea_orm::Value;

use super::besides::Besides;
use super::otp_devices::{Added, add, add_first};
use super::{Database, Row, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::totp::TotpDevice;
use crate::protocol::id::{DeviceId, UserId};
use crate::secret::Sealed;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct TotpDevices {
    database: Database,
}

const COLUMNS: &str = "id, user_id, nickname, key_sealed, activated_at, last_step, created_at";
const INSERT: &str = "INSERT INTO totp_device (id, user_id, nickname, key_sealed, activated_at, last_step, created_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7)";

impl TotpDevices {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Those of a person, the oldest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<TotpDevice>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM totp_device WHERE user_id = $1 ORDER BY created_at, id");
        self.database.find_all(&sql, [bytes(user.uuid())]).await?.iter().map(totp_device).collect()
    }

    /// `None`: the person has none of that name.
    pub async fn find(&self, user: UserId, id: DeviceId) -> Result<Option<TotpDevice>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM totp_device WHERE id = $1 AND user_id = $2");
        let found = self.database.find(&sql, [bytes(id.uuid()), bytes(user.uuid())]).await?;
        found.as_ref().map(totp_device).transpose()
    }

    /// `most`: as many as the person may have then.
    pub async fn add(&self, device: &TotpDevice, most: u32, event: &Event) -> Result<Added, StoreError> {
        let count = "SELECT COUNT(*) FROM totp_device WHERE user_id = $1";
        add(&self.database, (device.user, count, most), (INSERT, values(device)), event).await
    }

    /// One that has shown already that it has the key, of somebody who may sign in and has none, nor anything but what
    /// `besides` allows. `password`: when the one was chosen that has to be theirs still. `false`: they may not, or have
    /// that, or have another password.
    pub async fn add_first(
        &self,
        device: &TotpDevice,
        (password, besides): (Option<Timestamp>, Besides),
        event: &Event,
    ) -> Result<bool, StoreError> {
        let same = "SELECT 1 FROM totp_device WHERE user_id = $1 AND activated_at IS NOT NULL LIMIT 1";
        let of = [bytes(device.user.uuid())];
        add_first(&self.database, (device.user, password, besides), (same, of), (INSERT, values(device)), event).await
    }

    /// The code of `step` has shown that an app has the key. `false`: one has before.
    pub async fn activate(
        &self,
        (user, id): (UserId, DeviceId),
        step: i64,
        (now, event): (Timestamp, &Event),
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE totp_device SET activated_at = $1, last_step = $2 \
                   WHERE id = $3 AND user_id = $4 AND activated_at IS NULL";
        let values = [now.millis().into(), step.into(), bytes(id.uuid()), bytes(user.uuid())];
        self.database.change(sql, values, event).await
    }

    /// Takes the code of `step`, and with it all before. `false`: it was taken, or a newer one [RFC 6238 §5.2].
    pub async fn spend(&self, (user, id): (UserId, DeviceId), step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE totp_device SET last_step = $1 WHERE id = $2 AND user_id = $3 \
                   AND activated_at IS NOT NULL AND last_step < $1";
        let values = [step.into(), bytes(id.uuid()), bytes(user.uuid())];
        Ok(self.database.execute(sql, values).await? == 1)
    }

    /// `false`: the person has none of that name.
    pub async fn delete(&self, user: UserId, id: DeviceId, event: &Event) -> Result<bool, StoreError> {
        let sql = "DELETE FROM totp_device WHERE id = $1 AND user_id = $2";
        self.database.change(sql, [bytes(id.uuid()), bytes(user.uuid())], event).await
    }
}

fn values(device: &TotpDevice) -> [Value; 7] {
    [
        bytes(device.id.uuid()),
        bytes(device.user.uuid()),
        device.nickname.clone().into(),
        device.key.as_bytes().into(),
        device.activated_at.map(Timestamp::millis).into(),
        device.last_step.into(),
        device.created_at.millis().into(),
    ]
}

fn totp_device(row: &Row) -> Result<TotpDevice, StoreError> {
    Ok(TotpDevice {
        id: DeviceId::new(row.uuid(0)?),
        user: UserId::new(row.uuid(1)?),
        nickname: row.get(2)?,
        key: Sealed::from_bytes(row.get(3)?),
        activated_at: row.time_if_any(4)?,
        last_step: row.get(5)?,
        created_at: row.time(6)?,
    })
}
