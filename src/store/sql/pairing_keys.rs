//! Pairing keys in the transactions that make and use them.

use super::{Transaction, WriteError, bytes, digest_bytes, sign_on};
use crate::clock::Timestamp;
use crate::domain::device::About;
use crate::protocol::id::{NativeApplicationId, PairingKey, UserId};
use crate::secret::Digest;

/// Pairing keys that one user may have at a time.
const LIVE_KEYS: i64 = 20;

impl Transaction {
    /// Whose key it is, and for which app.
    pub(super) async fn find_key(
        &self,
        key: &Digest<PairingKey>,
    ) -> Result<Option<(UserId, Option<NativeApplicationId>)>, WriteError> {
        let sql = "SELECT user_id, application_id FROM pairing_key WHERE digest = $1";
        let Some(row) = self.find(sql, [digest_bytes(key)]).await? else { return Ok(None) };
        Ok(Some((UserId::new(row.uuid(0)?), row.parsed_if_any(1, NativeApplicationId::parse)?)))
    }

    /// Whether an app calls itself by a name of the application that a key is for. That one is there, stays until this
    /// transaction ends, and is not another one that was made since under the same name. Without one, any app will do.
    pub(super) async fn is_app_of_key(
        &self,
        key: &Digest<PairingKey>,
        application: Option<&NativeApplicationId>,
        about: &About,
    ) -> Result<bool, WriteError> {
        let Some(application) = application else { return Ok(true) };
        let sql = "SELECT document FROM native_application WHERE id = $1 \
                   AND created_at <= (SELECT created_at FROM pairing_key WHERE digest = $2)";
        let values = [application.as_str().into(), digest_bytes(key)];
        let Some(row) = self.find_locked(sql, values).await? else { return Ok(false) };
        let registered = sign_on::native_application(&row, 0)?;
        Ok(about.application.as_deref().is_some_and(|package| registered.is_called(package)))
    }

    /// Whether the user, whose lock we hold, has as many live keys as one may have.
    pub(super) async fn has_enough_keys(&self, user: UserId, now: Timestamp) -> Result<bool, WriteError> {
        let live = self
            .find(
                "SELECT COUNT(*) FROM pairing_key WHERE user_id = $1 AND used_at IS NULL AND expires_at > $2",
                [bytes(user.uuid()), now.millis().into()],
            )
            .await?
            .map(|row| row.get::<i64>(0))
            .transpose()?;
        Ok(live.is_none_or(|live| live >= LIVE_KEYS))
    }

    /// Whether the key was live, and is used now.
    pub(super) async fn use_key(
        &self,
        key: &Digest<PairingKey>,
        jkt: &str,
        now: Timestamp,
    ) -> Result<bool, WriteError> {
        let used = self
            .execute(
                "UPDATE pairing_key SET used_at = $1, used_by = $2 \
                 WHERE digest = $3 AND used_at IS NULL AND expires_at > $1",
                [now.millis().into(), jkt.into(), digest_bytes(key)],
            )
            .await?;
        Ok(used == 1)
    }

    /// Whether it is this phone that has used the key, and the key would be good still.
    pub(super) async fn has_used_key(
        &self,
        key: &Digest<PairingKey>,
        jkt: &str,
        now: Timestamp,
    ) -> Result<bool, WriteError> {
        let sql = "SELECT 1 FROM pairing_key WHERE digest = $1 AND used_by = $2 AND expires_at > $3";
        Ok(self.find(sql, [digest_bytes(key), jkt.into(), now.millis().into()]).await?.is_some())
    }
}
