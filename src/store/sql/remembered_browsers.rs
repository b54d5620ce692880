//! Browsers in which people are not asked for a second factor for some time. Nothing here is kept in memory.

use super::{Database, Transaction, WriteError, bounded, bytes, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::remembered::Remembered;
use crate::domain::sign_on::SignOn;
use crate::protocol::id::{DeviceId, MfaPolicyId, RememberedKey, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct RememberedBrowsers {
    database: Database,
}

impl RememberedBrowsers {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// What is kept of this browser for somebody who is asked by this policy.
    pub async fn find(
        &self,
        key: &Digest<RememberedKey>,
        user: UserId,
        policy: &MfaPolicyId,
    ) -> Result<Option<Remembered>, StoreError> {
        let sql = "SELECT device_id, since, until FROM remembered_browser \
                   WHERE key_digest = $1 AND user_id = $2 AND mfa_policy_id = $3";
        let values = [digest_bytes(key), bytes(user.uuid()), policy.as_str().into()];
        let Some(row) = self.database.find(sql, values).await? else { return Ok(None) };
        Ok(Some(Remembered {
            user,
            policy: policy.clone(),
            device: DeviceId::new(row.uuid(0)?),
            since: row.time(1)?,
            until: row.time(2)?,
        }))
    }

    /// The browser has another key from now on, whatever it had: one that was planted there, or seen, is worth nothing any
    /// more, and what was kept of others who use it goes on. `false`: nothing is written, since the person is stopped by
    /// now, or has another password than the one that was chosen then.
    pub async fn remember(
        &self,
        (key, before): (&Digest<RememberedKey>, Option<&Digest<RememberedKey>>),
        remembered: &Remembered,
        password: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let Remembered { user, policy, device, since, until } = remembered;
        let written: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if !transaction.lock_user(*user).await?.is_some_and(|user| user.is_active()) {
                return Ok(false);
            }
            if let Some(chosen_at) = password
                && !transaction.has_password(*user, chosen_at).await?
            {
                return Ok(false);
            }
            if let Some(before) = before {
                let sql = "UPDATE remembered_browser SET key_digest = $1 WHERE key_digest = $2";
                transaction.execute(sql, [digest_bytes(key), digest_bytes(before)]).await?;
            }
            let sql = "INSERT INTO remembered_browser (key_digest, user_id, mfa_policy_id, device_id, since, until) \
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key_digest, user_id, mfa_policy_id) DO UPDATE SET \
                       device_id = excluded.device_id, since = excluded.since, until = excluded.until";
            let values = [
                digest_bytes(key),
                bytes(user.uuid()),
                policy.as_str().into(),
                bytes(device.uuid()),
                since.millis().into(),
                until.millis().into(),
            ];
            transaction.execute(sql, values).await?;
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        written.map_err(WriteError::unexpected)
    }
}

impl RememberedBrowsers {
    /// In how many browsers somebody may not be asked, by the policies as they are now.
    pub async fn count(&self, user: UserId, sign_on: &SignOn, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "SELECT key_digest, mfa_policy_id, device_id, since, until FROM remembered_browser \
                   WHERE user_id = $1 AND until > $2";
        let mut browsers = Vec::<Digest<RememberedKey>>::new();
        for row in self.database.find_all(sql, [bytes(user.uuid()), now.millis().into()]).await? {
            let policy = row.parsed(1, MfaPolicyId::parse)?;
            let (device, since, until) = (DeviceId::new(row.uuid(2)?), row.time(3)?, row.time(4)?);
            let remembered = Remembered { user, policy, device, since, until };
            let key = row.digest(0)?;
            let counts = sign_on.mfa_policy(&remembered.policy).is_some_and(|policy| remembered.counts(policy, now));
            if counts && !browsers.contains(&key) {
                browsers.push(key);
            }
        }
        Ok(u64::try_from(browsers.len()).unwrap_or(u64::MAX))
    }

    /// Somebody is asked everywhere again. `false`: they are already; nothing is recorded then.
    pub async fn forget(&self, user: UserId, event: &Event) -> Result<bool, StoreError> {
        let sql = "DELETE FROM remembered_browser WHERE user_id = $1";
        self.database.change(sql, [bytes(user.uuid())], event).await
    }
}

impl Transaction {
    /// The user is asked everywhere again.
    pub(super) async fn forget_browsers(&self, user: UserId) -> Result<(), WriteError> {
        self.execute("DELETE FROM remembered_browser WHERE user_id = $1", [bytes(user.uuid())]).await?;
        Ok(())
    }
}
