//! Who is signed in where, for those who have to end it.

use crate::domain::audit::Action;
use crate::domain::session::Session;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::{SessionId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::sessions::Sessions;
use crate::usecase::admin::{AdminError, Administrator, Desk};

pub struct ManageSessions {
    pub sessions: Sessions,
    pub desk: Desk,
}

impl ManageSessions {
    /// Those of a person that live, newest first.
    pub async fn list(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.sessions.of_user(user, self.desk.now()).await
    }

    /// Ends a session and what was given in it; clients that want to be are told. `NotFound`: the person has no such
    /// session, or it has ended.
    pub async fn end(&self, by: &Administrator, user: UserId, id: SessionId) -> Result<(), AdminError> {
        if !self.list(user).await?.iter().any(|session| session.id == id) {
            return Err(AdminErrorCode::NotFound.into());
        }
        let event = self.desk.event(by, Action::SessionEnded).user(user);
        match self.sessions.end(id, &event, self.desk.now()).await? {
            Some(_) => Ok(()),
            None => Err(AdminErrorCode::NotFound.into()),
        }
    }
}
