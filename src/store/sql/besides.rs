//! Second factors of a person that are no phones, as far as phones depend on them.

use super::{Transaction, WriteError, bytes};
use crate::protocol::id::UserId;

/// What a person may have besides, who is to have one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Besides {
    Anything,
    /// No second factor at all.
    Nothing,
    /// Nothing but passkeys, which are no second factor to them.
    Passkeys,
}

impl Besides {
    /// Where it is to be the first one. `passkeys`: those are a second factor to the person.
    pub const fn none(passkeys: bool) -> Self {
        if passkeys { Self::Nothing } else { Self::Passkeys }
    }
}

impl Transaction {
    /// Whether the user, whose lock we hold, has a second factor that is no phone.
    pub(super) async fn has_factor(&self, user: UserId, besides: Besides) -> Result<bool, WriteError> {
        let codes = "SELECT 1 FROM otp_device WHERE user_id = $1 UNION ALL \
                     SELECT 1 FROM totp_device WHERE user_id = $1 AND activated_at IS NOT NULL";
        let sql = match besides {
            Besides::Nothing => format!("{codes} UNION ALL SELECT 1 FROM passkey WHERE user_id = $1 LIMIT 1"),
            Besides::Passkeys => format!("{codes} LIMIT 1"),
            Besides::Anything => return Ok(false),
        };
        Ok(self.find(&sql, [bytes(user.uuid())]).await?.is_some())
    }

    /// Whether the user, whose lock we hold, has nothing but what `besides` allows, and no phone.
    pub(super) async fn has_only(&self, user: UserId, besides: Besides) -> Result<bool, WriteError> {
        if besides == Besides::Anything {
            return Ok(true);
        }
        let (phones, _) = self.devices_and_next(user).await?;
        Ok(phones == 0 && !self.has_factor(user, besides).await?)
    }
}
