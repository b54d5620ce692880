//! What trusted devices make one-time passcodes of. Nothing here is kept in memory.

use super::{Database, bytes};
use crate::domain::totp::DevicePasscode;
use crate::protocol::id::{DeviceId, UserId};
use crate::secret::Sealed;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct DevicePasscodes {
    database: Database,
}

impl DevicePasscodes {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// A device that has a key keeps it.
    pub async fn add(&self, device: DeviceId, key: &Sealed) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO device_passcode (device_id, key_sealed) VALUES ($1, $2) ON CONFLICT (device_id) DO NOTHING";
        self.database.execute(sql, [bytes(device.uuid()), key.as_bytes().into()]).await?;
        Ok(())
    }

    /// `None`: it is no device of the person, or has none.
    pub async fn find(&self, user: UserId, device: DeviceId) -> Result<Option<DevicePasscode>, StoreError> {
        let sql = "SELECT p.key_sealed, p.last_step FROM device_passcode p JOIN device d ON d.id = p.device_id \
                   WHERE d.id = $1 AND d.user_id = $2";
        let Some(row) = self.database.find(sql, [bytes(device.uuid()), bytes(user.uuid())]).await? else {
            return Ok(None);
        };
        Ok(Some(DevicePasscode { device, key: Sealed::from_bytes(row.get(0)?), last_step: row.get(1)? }))
    }

    /// Takes the passcode of `step`, and with it all before. `false`: it was taken, or a newer one [RFC 6238 §5.2].
    pub async fn spend(&self, device: DeviceId, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE device_passcode SET last_step = $1 WHERE device_id = $2 \
                   AND (last_step IS NULL OR last_step < $1)";
        Ok(self.database.execute(sql, [step.into(), bytes(device.uuid())]).await? == 1)
    }
}
