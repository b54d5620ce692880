//! Signing keys.

use std::sync::Arc;

use crate::domain::audit::Action;
use crate::domain::signing_key::StoredKey;
use crate::protocol::admin_error::AdminErrorCode;
use crate::store::ephemeral::StoreError;
use crate::usecase::admin::{AdminError, Administrator, Desk, Precondition};
use crate::usecase::signing_keys::{Rotated, TendKeys};

pub struct ManageKeys {
    pub keys: Arc<TendKeys>,
    pub desk: Desk,
}

impl ManageKeys {
    pub async fn list(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.keys.keys.load().await
    }

    /// Replaces the current key of each algorithm; the old ones verify until they retire. In an
    /// emergency also by keys that relying parties cannot know yet.
    pub async fn rotate(&self, by: &Administrator, emergency: bool) -> Result<Vec<StoredKey>, AdminError> {
        if emergency {
            self.keys.rotate_now(Some(&by.actor)).await?;
        } else if let Rotated::NotYet { until } = self.keys.rotate(Some(&by.actor)).await? {
            return Err(AdminError::later(AdminErrorCode::KeyNotKnownYet, until.since(self.desk.now())));
        }
        Ok(self.list().await?)
    }

    /// Ends a replaced key before its time: what it signed counts no more.
    pub async fn retire(
        &self,
        by: &Administrator,
        kid: &str,
        unchanged: Precondition<'_, StoredKey>,
    ) -> Result<StoredKey, AdminError> {
        let named = |keys: Vec<StoredKey>| keys.into_iter().find(|key| key.kid == kid);
        let key = named(self.list().await?).ok_or(AdminErrorCode::NotFound)?;
        // Of a key nothing changes but its state, and out of another state it is not retired below.
        if !unchanged(&key) {
            return Err(AdminErrorCode::PreconditionFailed.into());
        }
        let event = self.desk.event(by, Action::KeyRetired);
        if !self.keys.retire(kid, &event).await? {
            return Err(AdminErrorCode::KeyNotRetiring.into());
        }
        Ok(named(self.list().await?).ok_or(AdminErrorCode::NotFound)?)
    }
}
