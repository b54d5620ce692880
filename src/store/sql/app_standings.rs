//! What people have said of apps that are no devices of theirs [flows.md F10]. Nothing here is kept in memory.

use super::directory::device_status_text;
use super::{Database, Transaction, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::device::Status;
use crate::domain::mobile_app::{Standing, Stands};
use crate::protocol::id::{MfaPolicyId, UserId};
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct AppStandings {
    database: Database,
}

const BLOCKS: &str = "SELECT 1 FROM app_standing WHERE user_id = $1 AND jkt = $2 AND standing = $3";

impl AppStandings {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Writes what somebody has let in. Nothing, where they are stopped by now, or have another password than the one that
    /// was chosen then: whoever let in the app may be somebody else.
    pub async fn let_in(&self, stands: &Stands, password: Option<Timestamp>) -> Result<(), StoreError> {
        let written: Result<(), WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if !transaction.lock_user(stands.user).await?.is_some_and(|user| user.is_active()) {
                return Ok(());
            }
            if let Some(chosen_at) = password
                && !transaction.has_password(stands.user, chosen_at).await?
            {
                return Ok(());
            }
            write(&transaction, vec![stands]).await?;
            transaction.commit().await
        })
        .await;
        written.map_err(WriteError::unexpected)
    }

    /// Whether the user wants nothing of the app with this key.
    pub async fn blocks(&self, user: UserId, jkt: &str) -> Result<bool, StoreError> {
        let values = [bytes(user.uuid()), jkt.into(), Standing::Blocked.as_str().into()];
        Ok(self.database.find(BLOCKS, values).await?.is_some())
    }

    /// Of the app with this key, for whoever is asked by this policy. What a device let in ends with the trust in it.
    pub async fn find(
        &self,
        user: UserId,
        jkt: &str,
        policy: &MfaPolicyId,
        now: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        let sql = "SELECT standing, mfa_policy_id FROM app_standing \
                   WHERE user_id = $1 AND jkt = $2 AND (until IS NULL OR until > $3) AND (standing = $4 OR EXISTS \
                   (SELECT 1 FROM device WHERE device.id = app_standing.device_id \
                   AND device.user_id = app_standing.user_id AND device.status = $5))";
        let values = [
            bytes(user.uuid()),
            jkt.into(),
            now.millis().into(),
            Standing::Blocked.as_str().into(),
            device_status_text(Status::Active).into(),
        ];
        let Some(row) = self.database.find(sql, values).await? else { return Ok(None) };
        let standing = row.parsed(0, Standing::parse)?;
        let by: String = row.get(1)?;
        Ok(Some(standing).filter(|standing| *standing == Standing::Blocked || by == policy.as_str()))
    }
}

/// What was said last is what counts, but after a no for good: whoever says yes to another question did not hear of it.
pub(super) async fn write(transaction: &Transaction, mut said: Vec<&Stands>) -> Result<(), WriteError> {
    // In one order on all nodes, as the decisions.
    said.sort_by_key(|stands| (stands.user.uuid(), stands.jkt.as_str()));
    for Stands { user, device, jkt, standing, policy, until, said_at } in said {
        let sql = "INSERT INTO app_standing (user_id, jkt, device_id, standing, mfa_policy_id, until, said_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, jkt) DO UPDATE SET \
                   device_id = excluded.device_id, standing = excluded.standing, \
                   mfa_policy_id = excluded.mfa_policy_id, until = excluded.until, said_at = excluded.said_at \
                   WHERE app_standing.standing <> $8 OR excluded.standing = $8";
        let values = [
            bytes(user.uuid()),
            jkt.as_str().into(),
            bytes(device.uuid()),
            standing.as_str().into(),
            policy.as_str().into(),
            until.map(Timestamp::millis).into(),
            said_at.millis().into(),
            Standing::Blocked.as_str().into(),
        ];
        transaction.execute(sql, values).await?;
    }
    Ok(())
}

impl Transaction {
    /// Whether the user, whose lock we hold, wants nothing of the app with this key.
    pub(super) async fn blocks(&self, user: UserId, jkt: &str) -> Result<bool, WriteError> {
        let values = [bytes(user.uuid()), jkt.into(), Standing::Blocked.as_str().into()];
        Ok(self.find(BLOCKS, values).await?.is_some())
    }

    /// Whatever let the user in ends: no app is theirs without a question any more.
    pub(super) async fn forget_let_in(&self, user: UserId) -> Result<(), WriteError> {
        let sql = "DELETE FROM app_standing WHERE user_id = $1 AND standing = $2";
        self.execute(sql, [bytes(user.uuid()), Standing::LetIn.as_str().into()]).await?;
        Ok(())
    }

    /// The app is a device of the user now: what was said of it before counts no more.
    pub(super) async fn forget_standing(&self, user: UserId, jkt: &str) -> Result<(), WriteError> {
        let sql = "DELETE FROM app_standing WHERE user_id = $1 AND jkt = $2";
        self.execute(sql, [bytes(user.uuid()), jkt.into()]).await?;
        Ok(())
    }
}
