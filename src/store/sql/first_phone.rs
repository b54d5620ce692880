//! Pairing keys by which somebody makes their second factor in a sign-in [flows.md A.1.3, F19].

use super::devices::{Devices, KeyCreated};
use super::directory::device_status_text;
use super::{Transaction, WriteError, bounded, bytes, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::device::Status;
use crate::domain::user::User;
use crate::protocol::id::{DeviceId, PairingKey, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

/// Whether a phone has come with such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    NotYet,
    /// It is this device.
    As(DeviceId),
    /// None will, or the one that did is no device any more.
    Never,
}

impl Devices {
    /// A key that is good for as long as the person has no other second factor than now. `password`: when the one was
    /// chosen that has to be theirs until then. `UnknownUser`: they may not sign in, or have another one by now.
    pub async fn create_key_in_flow(
        &self,
        (user, password): (UserId, Option<Timestamp>),
        key: &Digest<PairingKey>,
        (now, expires_at): (Timestamp, Timestamp),
        event: &Event,
    ) -> Result<KeyCreated, StoreError> {
        let created: Result<_, WriteError> = bounded(async {
            let transaction = self.database().begin().await?;
            if !transaction.lock_user(user).await?.as_ref().is_some_and(User::is_active) {
                return Ok(KeyCreated::UnknownUser);
            }
            if let Some(chosen_at) = password
                && !transaction.has_password(user, chosen_at).await?
            {
                return Ok(KeyCreated::UnknownUser);
            }
            if transaction.has_enough_keys(user, now).await? {
                return Ok(KeyCreated::TooMany);
            }
            let sql = "INSERT INTO pairing_key (digest, user_id, created_at, expires_at, factors, password_at) \
                       VALUES ($1, $2, $3, $4, $5, $6)";
            let values = [
                digest_bytes(key),
                bytes(user.uuid()),
                now.millis().into(),
                expires_at.millis().into(),
                transaction.factors_of(user).await?.into(),
                password.map(Timestamp::millis).into(),
            ];
            transaction.execute(sql, values).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(KeyCreated::Yes)
        })
        .await;
        created.map_err(WriteError::unexpected)
    }

    /// Whether a phone has come with this key of theirs.
    pub async fn came(&self, user: UserId, key: &Digest<PairingKey>, now: Timestamp) -> Result<Came, StoreError> {
        let sql = "SELECT k.used_at, k.expires_at, d.id FROM pairing_key k \
                   LEFT JOIN installation i ON i.jkt = k.used_by \
                   LEFT JOIN device d ON d.installation_id = i.id AND d.user_id = k.user_id AND d.status = $1 \
                   WHERE k.digest = $2 AND k.user_id = $3";
        let values = [device_status_text(Status::Active).into(), digest_bytes(key), bytes(user.uuid())];
        let Some(row) = self.database().find(sql, values).await? else { return Ok(Came::Never) };
        if let Some(device) = row.uuid_if_any(2)? {
            return Ok(Came::As(DeviceId::new(device)));
        }
        let waits = row.time_if_any(0)?.is_none() && now < row.time(1)?;
        Ok(if waits { Came::NotYet } else { Came::Never })
    }

    /// Nobody waits for a phone with this key any more. One that has come stays what it is.
    pub async fn forget_key(&self, key: &Digest<PairingKey>) -> Result<(), StoreError> {
        let sql = "DELETE FROM pairing_key WHERE digest = $1 AND used_at IS NULL";
        self.database().execute(sql, [digest_bytes(key)]).await?;
        Ok(())
    }
}

impl Transaction {
    /// Whether what a key was bound to is so still of its user, whose lock we hold. One that was made in no sign-in is
    /// bound to nothing.
    pub(super) async fn holds(&self, key: &Digest<PairingKey>, user: UserId) -> Result<bool, WriteError> {
        let sql = "SELECT factors, password_at FROM pairing_key WHERE digest = $1 AND user_id = $2";
        let Some(row) = self.find(sql, [digest_bytes(key), bytes(user.uuid())]).await? else { return Ok(false) };
        if let Some(chosen_at) = row.time_if_any(1)?
            && !self.has_password(user, chosen_at).await?
        {
            return Ok(false);
        }
        match row.get::<Option<i64>>(0)? {
            Some(before) => Ok(self.factors_of(user).await? == before),
            None => Ok(true),
        }
    }

    /// How many second factors the user has, whose lock we hold, by whatever policy they count.
    async fn factors_of(&self, user: UserId) -> Result<i64, WriteError> {
        let sql = "SELECT (SELECT COUNT(*) FROM device WHERE user_id = $1 AND status = $2) \
                   + (SELECT COUNT(*) FROM otp_device WHERE user_id = $1) \
                   + (SELECT COUNT(*) FROM totp_device WHERE user_id = $1 AND activated_at IS NOT NULL) \
                   + (SELECT COUNT(*) FROM passkey WHERE user_id = $1)";
        let row = self.find(sql, [bytes(user.uuid()), device_status_text(Status::Active).into()]).await?;
        Ok(row.map(|row| row.get::<i64>(0)).transpose()?.unwrap_or_default())
    }
}
