//! An administrator demands that a person chooses another password. Nobody else chooses it: the next sign-in
//! leads there.

use super::{AdminError, Administrator, Desk};
use crate::domain::audit::Action;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::UserId;
use crate::store::sql::passwords::Passwords;

pub struct RequirePasswordChange {
    pub passwords: Passwords,
    pub desk: Desk,
}

impl RequirePasswordChange {
    /// `NotFound`: the person has no password.
    pub async fn require(&self, by: &Administrator, id: UserId) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::PasswordChangeRequired).user(id);
        if self.passwords.require_change(id, &event).await? { Ok(()) } else { Err(AdminErrorCode::NotFound.into()) }
    }
}
