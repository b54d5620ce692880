//! The passkeys of people, as administrators see them: for whoever lost the device.

use crate::domain::audit::Action;
use crate::domain::passkey::Passkey;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::{PasskeyId, UserId};
use crate::protocol::public_id::{self, Kind};
use crate::store::sql::passkeys::Passkeys;
use crate::store::sql::people::People;
use crate::usecase::admin::{AdminError, Administrator, Desk};

pub struct ManagePasskeys {
    pub passkeys: Passkeys,
    pub people: People,
    pub desk: Desk,
}

pub fn passkey_id(text: &str) -> Result<PasskeyId, AdminError> {
    Ok(public_id::decode(Kind::Passkey, text).map(PasskeyId::new).ok_or(AdminErrorCode::NotFound)?)
}

impl ManagePasskeys {
    /// The oldest first. There are few.
    pub async fn list(&self, user: UserId) -> Result<Vec<Passkey>, AdminError> {
        if self.people.find(user).await?.is_none() {
            return Err(AdminErrorCode::NotFound.into());
        }
        Ok(self.passkeys.of_user(user).await?)
    }

    /// It signs nobody in any more. Sessions go on.
    pub async fn delete(&self, by: &Administrator, user: UserId, id: PasskeyId) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::PasskeyRemoved).user(user);
        let deleted = self.passkeys.delete(user, id, &event).await?;
        if deleted { Ok(()) } else { Err(AdminErrorCode::NotFound.into()) }
    }
}
