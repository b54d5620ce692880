//! Where people get one-time codes. Nothing here is kept in memory.

use sea_orm::Value;

use super::besides::Besides;
use super::{Database, Row, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::otp::{Channel, OtpDevice};
use crate::protocol::id::{DeviceId, UserId};
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct OtpDevices {
    database: Database,
}

/// What became of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    Yes,
    /// The person has as many as one may have.
    TooMany,
    /// The person has it already.
    Taken,
    NoUser,
}

const COLUMNS: &str = "id, user_id, channel, target, nickname, created_at";
const INSERT: &str = "INSERT INTO otp_device (id, user_id, channel, target, nickname, created_at) \
                      VALUES ($1, $2, $3, $4, $5, $6)";

impl OtpDevices {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Those of a person, the oldest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<OtpDevice>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM otp_device WHERE user_id = $1 ORDER BY created_at, id");
        self.database.find_all(&sql, [bytes(user.uuid())]).await?.iter().map(otp_device).collect()
    }

    /// `None`: the person has none of that name.
    pub async fn find(&self, user: UserId, id: DeviceId) -> Result<Option<OtpDevice>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM otp_device WHERE id = $1 AND user_id = $2");
        let found = self.database.find(&sql, [bytes(id.uuid()), bytes(user.uuid())]).await?;
        found.as_ref().map(otp_device).transpose()
    }

    /// `most`: as many as the person may have then.
    pub async fn add(&self, device: &OtpDevice, most: u32, event: &Event) -> Result<Added, StoreError> {
        let count = "SELECT COUNT(*) FROM otp_device WHERE user_id = $1";
        add(&self.database, (device.user, count, most), (INSERT, values(device)), event).await
    }

    /// One from where a code has come back already, of somebody who may sign in and has none of this channel, nor anything
    /// but what `besides` allows. `password`: when the one was chosen that has to be theirs still. `false`: they may not, or
    /// have that, or have another password.
    pub async fn add_first(
        &self,
        device: &OtpDevice,
        (password, besides): (Option<Timestamp>, Besides),
        event: &Event,
    ) -> Result<bool, StoreError> {
        let same = "SELECT 1 FROM otp_device WHERE user_id = $1 AND channel = $2 LIMIT 1";
        let of = [bytes(device.user.uuid()), device.channel.as_str().into()];
        add_first(&self.database, (device.user, password, besides), (same, of), (INSERT, values(device)), event).await
    }

    /// Applies `change` to the nickname, while nobody else can change it, unless it refuses. `None`: the person has none
    /// of that name.
    pub async fn update_if<E: Send>(
        &self,
        (user, id): (UserId, DeviceId),
        event: &Event,
        change: impl FnOnce(&OtpDevice) -> Result<OtpDevice, E> + Send,
    ) -> Result<Option<Result<OtpDevice, E>>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let sql = format!("SELECT {COLUMNS} FROM otp_device WHERE id = $1 AND user_id = $2");
            let found = transaction.find_locked(&sql, [bytes(id.uuid()), bytes(user.uuid())]).await?;
            let Some(row) = found else { return Ok(None) };
            let device = match change(&otp_device(&row)?) {
                Ok(device) => device,
                Err(refused) => return Ok(Some(Err(refused))),
            };
            let sql = "UPDATE otp_device SET nickname = $1 WHERE id = $2";
            transaction.execute(sql, [device.nickname.clone().into(), bytes(id.uuid())]).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(Ok(device)))
        })
        .await;
        updated.map_err(WriteError::unexpected)
    }

    /// `false`: the person has none of that name.
    pub async fn delete(&self, user: UserId, id: DeviceId, event: &Event) -> Result<bool, StoreError> {
        let sql = "DELETE FROM otp_device WHERE id = $1 AND user_id = $2";
        self.database.change(sql, [bytes(id.uuid()), bytes(user.uuid())], event).await
    }
}

fn values(device: &OtpDevice) -> [Value; 6] {
    [
        bytes(device.id.uuid()),
        bytes(device.user.uuid()),
        device.channel.as_str().into(),
        device.target.as_str().into(),
        device.nickname.clone().into(),
        device.created_at.millis().into(),
    ]
}

/// One more row of a person, where those that `count` finds are fewer than `most`.
pub(super) async fn add<const N: usize>(
    database: &Database,
    (user, count, most): (UserId, &str, u32),
    (insert, values): (&str, [Value; N]),
    event: &Event,
) -> Result<Added, StoreError> {
    let added: Result<Added, WriteError> = bounded(async {
        let transaction = database.begin().await?;
        // Whoever adds one at the same time waits here, so that nobody has more than one may have.
        if transaction.lock_user(user).await?.is_none() {
            return Ok(Added::NoUser);
        }
        let row = transaction.find(count, [bytes(user.uuid())]).await?;
        let count: i64 = row.map(|row| row.get(0)).transpose()?.unwrap_or_default();
        if count >= i64::from(most) {
            return Ok(Added::TooMany);
        }
        transaction.execute(insert, values).await?;
        transaction.record(&[event]);
        transaction.commit().await?;
        Ok(Added::Yes)
    })
    .await;
    match added {
        Err(WriteError::Taken(_)) => Ok(Added::Taken),
        other => other.map_err(WriteError::unexpected),
    }
}

/// One row of a person who may sign in, where `same` finds nothing, and they have nothing but what `besides` allows.
/// `password`: when the one was chosen that has to be theirs still. `false`: they may not, or have that, or have another.
pub(super) async fn add_first<const M: usize, const N: usize>(
    database: &Database,
    (user, password, besides): (UserId, Option<Timestamp>, Besides),
    (same, of): (&str, [Value; M]),
    (insert, values): (&str, [Value; N]),
    event: &Event,
) -> Result<bool, StoreError> {
    let added: Result<bool, WriteError> = bounded(async {
        let transaction = database.begin().await?;
        // Whoever adds one at the same time waits here, of whatever kind it is, so that one of them is the first.
        if !transaction.lock_user(user).await?.is_some_and(|user| user.is_active()) {
            return Ok(false);
        }
        if let Some(chosen_at) = password
            && !transaction.has_password(user, chosen_at).await?
        {
            return Ok(false);
        }
        if transaction.find(same, of).await?.is_some() || !transaction.has_only(user, besides).await? {
            return Ok(false);
        }
        transaction.execute(insert, values).await?;
        transaction.record(&[event]);
        transaction.commit().await?;
        Ok(true)
    })
    .await;
    added.map_err(WriteError::unexpected)
}

fn otp_device(row: &Row) -> Result<OtpDevice, StoreError> {
    Ok(OtpDevice {
        id: DeviceId::new(row.uuid(0)?),
        user: UserId::new(row.uuid(1)?),
        channel: row.parsed(2, Channel::parse)?,
        target: row.get(3)?,
        nickname: row.get(4)?,
        created_at: row.time(5)?,
    })
}
