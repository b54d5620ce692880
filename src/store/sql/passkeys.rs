//! Passkeys of people. Nothing here is kept in memory.

use super::besides::Besides;
use super::{Database, Row, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::passkey::{Passkey, PasskeyName};
use crate::protocol::id::{PasskeyId, UserId};
use crate::protocol::webauthn::{CredentialId, Key, Proved};
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Passkeys {
    database: Database,
}

/// What became of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    Yes,
    /// The person has as many as one may have, or something else where it is to be the first.
    TooMany,
    /// It is somebody's already.
    Taken,
    /// The password that was given is theirs no more.
    AnotherPassword,
    /// There is no such person, or none who may sign in.
    NoUser,
}

const COLUMNS: &str = "id, user_id, credential_id, public_key, sign_count, name, backup_eligible, \
                       backed_up, created_at, last_used_at";

impl Passkeys {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Those of a person, the oldest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Passkey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM passkey WHERE user_id = $1 ORDER BY created_at, id");
        self.database.find_all(&sql, [bytes(user.uuid())]).await?.iter().map(passkey).collect()
    }

    pub async fn of_credential(&self, credential: &CredentialId) -> Result<Option<Passkey>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM passkey WHERE credential_id = $1");
        self.database.find(&sql, [credential.as_bytes().into()]).await?.as_ref().map(passkey).transpose()
    }

    /// `most`: as many as the person may have then, who has nothing else but what `besides` allows. `password`: when the one
    /// was chosen that has to be theirs still.
    pub async fn add(
        &self,
        passkey: &Passkey,
        (most, besides): (u32, Besides),
        password: Option<Timestamp>,
        event: &Event,
    ) -> Result<Added, StoreError> {
        let added: Result<Added, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            // Whoever adds one at the same time waits here, of whatever kind it is, so that nobody has more than one may have.
            let Some(user) = transaction.lock_user(passkey.user).await? else { return Ok(Added::NoUser) };
            if !user.is_active() {
                return Ok(Added::NoUser);
            }
            if let Some(chosen_at) = password {
                let sql = "SELECT 1 FROM password WHERE user_id = $1 AND changed_at = $2";
                let values = [bytes(passkey.user.uuid()), chosen_at.millis().into()];
                if transaction.find(sql, values).await?.is_none() {
                    return Ok(Added::AnotherPassword);
                }
            }
            let sql = "SELECT COUNT(*) FROM passkey WHERE user_id = $1";
            let row = transaction.find(sql, [bytes(passkey.user.uuid())]).await?;
            let count: i64 = row.map(|row| row.get(0)).transpose()?.unwrap_or_default();
            if count >= i64::from(most) || !transaction.has_only(passkey.user, besides).await? {
                return Ok(Added::TooMany);
            }
            let sql = "INSERT INTO passkey (id, user_id, credential_id, public_key, sign_count, name, \
                       backup_eligible, backed_up, created_at, last_used_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)";
            let values = [
                bytes(passkey.id.uuid()),
                bytes(passkey.user.uuid()),
                passkey.credential.as_bytes().into(),
                passkey.key.text().into(),
                i64::from(passkey.sign_count).into(),
                passkey.name.as_str().into(),
                passkey.backup_eligible.into(),
                passkey.backed_up.into(),
                passkey.created_at.millis().into(),
            ];
            transaction.execute(sql, values).await?;
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

    /// It was used. `false`: it is gone, or was used with another counter meanwhile.
    pub async fn used(&self, passkey: &Passkey, proved: Proved, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE passkey SET sign_count = $1, backed_up = $2, last_used_at = $3 \
                   WHERE id = $4 AND sign_count = $5";
        let values = [
            i64::from(proved.sign_count).into(),
            proved.backed_up.into(),
            now.millis().into(),
            bytes(passkey.id.uuid()),
            i64::from(passkey.sign_count).into(),
        ];
        Ok(self.database.execute(sql, values).await? == 1)
    }

    /// `false`: the person has none of that name.
    pub async fn rename(
        &self,
        user: UserId,
        id: PasskeyId,
        name: &PasskeyName,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE passkey SET name = $1 WHERE id = $2 AND user_id = $3";
        self.database.change(sql, [name.as_str().into(), bytes(id.uuid()), bytes(user.uuid())], event).await
    }

    /// `false`: the person has none of that name.
    pub async fn delete(&self, user: UserId, id: PasskeyId, event: &Event) -> Result<bool, StoreError> {
        let sql = "DELETE FROM passkey WHERE id = $1 AND user_id = $2";
        self.database.change(sql, [bytes(id.uuid()), bytes(user.uuid())], event).await
    }
}

fn passkey(row: &Row) -> Result<Passkey, StoreError> {
    let sign_count: i64 = row.get(4)?;
    Ok(Passkey {
        id: PasskeyId::new(row.uuid(0)?),
        user: UserId::new(row.uuid(1)?),
        credential: CredentialId::new(row.get(2)?),
        key: row.parsed(3, Key::parse)?,
        sign_count: u32::try_from(sign_count).map_err(|_| StoreError::Corrupt("a counter of a passkey"))?,
        name: row.parsed(5, PasskeyName::parse)?,
        backup_eligible: row.get(6)?,
        backed_up: row.get(7)?,
        created_at: row.time(8)?,
        last_used_at: row.time_if_any(9)?,
    })
}
