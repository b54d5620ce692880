//! The user codes of people [CIBA §7.1.2]. An administrator sets them, and hands them over by a way of their own.

use std::sync::Arc;

use super::client_metadata::Problems;
use super::{AdminError, Administrator, Desk};
use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::password::NewPassword;
use crate::domain::password::user_code::Unfit;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode};
use crate::protocol::id::UserId;
use crate::secret::Secret;
use crate::store::sql::user_codes::UserCodes;
use crate::usecase::hashing::Hashing;
use crate::usecase::password_ladder::{PasswordLadder, Path, Whose};

pub struct ManageUserCodes {
    pub codes: UserCodes,
    pub hashing: Arc<Hashing>,
    pub ladder: PasswordLadder,
    pub desk: Desk,
}

impl ManageUserCodes {
    /// Since when there is one.
    pub async fn read(&self, user: UserId) -> Result<Timestamp, AdminError> {
        Ok(self.codes.find(user).await?.ok_or(AdminErrorCode::NotFound)?.changed_at)
    }

    /// In the place of any other.
    pub async fn set(&self, by: &Administrator, user: UserId, code: &Secret<String>) -> Result<(), AdminError> {
        let code = NewPassword::user_code(code.expose()).map_err(unfit)?;
        let hash = self.hashing.make(user, code).await?;
        let event = self.desk.event(by, Action::UserCodeSet).user(user);
        if !self.codes.set(user, &hash, (&event, self.desk.now())).await? {
            return Err(AdminErrorCode::NotFound.into());
        }
        // Failures to guess the old one say nothing of this one.
        if let Err(error) = self.ladder.forget(Whose::User(user), Path::UserCode).await {
            tracing::warn!(%error, "failures before a change of the user code still count");
        }
        Ok(())
    }

    /// Clients that have to give it can have the person asked no more.
    pub async fn remove(&self, by: &Administrator, user: UserId) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::UserCodeRemoved).user(user);
        if self.codes.remove(user, &event).await? { Ok(()) } else { Err(AdminErrorCode::NotFound.into()) }
    }
}

fn unfit(unfit: Unfit) -> AdminError {
    let mut problems = Problems::default();
    let (code, detail) = match unfit {
        Unfit::TooShort => (FieldCode::Invalid, "At least 6 characters."),
        Unfit::TooLong => (FieldCode::TooLong, "At most 32 bytes."),
        Unfit::Characters => (FieldCode::Invalid, "No control characters, and no white space at its ends."),
    };
    problems.add("/user_code", code, detail);
    AdminError::invalid(problems.0)
}
