//! Pairing keys in the transactions that make and use them.

use super::{Transaction, WriteError, bytes, digest_bytes};
use crate::clock::Timestamp;
use crate::protocol::id::{PairingKey, UserId};
use crate::secret::Digest;

/// Pairing keys that one user may have at a time.
const LIVE_KEYS: i64 = 20;

impl Transaction {
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
