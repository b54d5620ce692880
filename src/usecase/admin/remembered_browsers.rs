//! Browsers in which people are not asked for a second factor, as administrators take that back: for whoever lost a laptop.

use crate::domain::audit::Action;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::UserId;
use crate::store::sql::people::People;
use crate::store::sql::remembered_browsers::RememberedBrowsers;
use crate::usecase::admin::{AdminError, Administrator, Desk};

pub struct ManageRememberedBrowsers {
    pub browsers: RememberedBrowsers,
    pub people: People,
    pub desk: Desk,
}

impl ManageRememberedBrowsers {
    /// No browser spares a person a second factor any more. `false`: none did. `NotFound`: there is no such person.
    pub async fn forget(&self, by: &Administrator, user: UserId) -> Result<bool, AdminError> {
        if self.people.find(user).await?.is_none() {
            return Err(AdminErrorCode::NotFound.into());
        }
        let event = self.desk.event(by, Action::SecondFactorEvaluated).user(user).of("remember_me_withdrawn");
        Ok(self.browsers.forget(user, &event).await?)
    }
}
