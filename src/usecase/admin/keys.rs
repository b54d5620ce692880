//! Signing keys.

use std::sync::Arc;

use crate::domain::audit::Action;
use crate::domain::signing_key::StoredKey;
use crate::protocol::admin_error::AdminErrorCode;
use crate::store::ephemeral::StoreError;
use crate::usecase::admin::{AdminError, Administrator, Desk};
use crate::usecase::signing_keys::TendKeys;

pub struct ManageKeys {
    pub keys: Arc<TendKeys>,
    pub desk: Desk,
}

impl ManageKeys {
    pub async fn list(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.keys.keys.load().await
    }

    /// Replaces the current key of each algorithm now; the old ones verify until they retire.
    pub async fn rotate(&self, by: &Administrator) -> Result<Vec<StoredKey>, AdminError> {
        self.keys.rotate_now(Some(&by.actor)).await?;
        Ok(self.list().await?)
    }

    /// Ends a replaced key before its time: what it signed counts no more.
    pub async fn retire(&self, by: &Administrator, kid: &str) -> Result<StoredKey, AdminError> {
        let named = |keys: Vec<StoredKey>| keys.into_iter().find(|key| key.kid == kid);
        named(self.list().await?).ok_or(AdminErrorCode::NotFound)?;
        let event = self.desk.event(by, Action::KeyRetired);
        if !self.keys.retire(kid, &event).await? {
            return Err(AdminErrorCode::KeyNotRetiring.into());
        }
        Ok(named(self.list().await?).ok_or(AdminErrorCode::NotFound)?)
    }
}
