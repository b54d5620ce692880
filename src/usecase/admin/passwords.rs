//! The passwords of people, as administrators see them: whether the next sign-in leads to another one. Nobody but
//! its owner chooses it, and nothing of it is shown.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AdminError, Administrator, Desk, Precondition, take_read_only};
use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::UserId;
use crate::protocol::merge_patch;
use crate::store::sql::passwords::{Passwords, StoredPassword};

pub struct ManagePasswords {
    pub passwords: Passwords,
    pub desk: Desk,
}

/// What is told of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub must_change: bool,
    pub changed_at: Timestamp,
}

/// What may be changed of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Demand {
    /// Taken out [RFC 7396], nothing is demanded.
    #[serde(default)]
    must_change: bool,
}

impl From<&StoredPassword> for Told {
    fn from(stored: &StoredPassword) -> Self {
        Self { must_change: stored.must_change, changed_at: stored.changed_at }
    }
}

impl ManagePasswords {
    /// `NotFound`: the person has none.
    pub async fn read(&self, id: UserId) -> Result<Told, AdminError> {
        let found = self.passwords.find(id).await?;
        Ok(found.as_ref().map(Told::from).ok_or(AdminErrorCode::NotFound)?)
    }

    /// Applies a merge patch [RFC 7396] to what may be changed.
    pub async fn update(
        &self,
        by: &Administrator,
        id: UserId,
        patch: Value,
        unchanged: Precondition<'_, Told>,
    ) -> Result<Told, AdminError> {
        self.change(by, id, |told| if unchanged(told) { patched(*told, patch) } else { Err(changed()) }).await
    }

    /// Whether the next sign-in leads to another one. `NotFound`: the person has none.
    pub async fn demand(&self, by: &Administrator, id: UserId, must_change: bool) -> Result<Told, AdminError> {
        self.change(by, id, |_| Ok(must_change)).await
    }

    async fn change(
        &self,
        by: &Administrator,
        id: UserId,
        change: impl FnOnce(&Told) -> Result<bool, AdminError> + Send,
    ) -> Result<Told, AdminError> {
        let event = |must_change| {
            let action = if must_change { Action::PasswordChangeRequired } else { Action::PasswordChangeWaived };
            self.desk.event(by, action).user(id)
        };
        let change = |stored: &StoredPassword| change(&Told::from(stored));
        let stored = self.passwords.demand_if(id, event, change).await?.ok_or(AdminErrorCode::NotFound)??;
        Ok(Told::from(&stored))
    }
}

fn changed() -> AdminError {
    AdminErrorCode::PreconditionFailed.into()
}

fn patched(told: Told, mut patch: Value) -> Result<bool, AdminError> {
    take_read_only(&mut patch, [("changed_at", told.changed_at.to_string().into())])?;
    let before = serde_json::to_value(Demand { must_change: told.must_change }).unwrap_or_default();
    let demand: Demand = serde_json::from_value(merge_patch::apply(before, patch)).map_err(|_| {
        AdminError::because(AdminErrorCode::InvalidRequest, "the patched password does not have the documented members")
    })?;
    Ok(demand.must_change)
}
