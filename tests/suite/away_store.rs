//! A store that is not there.

use std::time::Duration;

use async_trait::async_trait;
use nod::store::ephemeral::{Ephemeral, Key, Lifetime, StoreError, Topic, Version, Versioned, Wakeups};

/// Answers nothing but that.
pub(crate) struct Away;

#[async_trait]
impl Ephemeral for Away {
    async fn insert(&self, _: &Key, _: &[u8], _: Duration) -> Result<bool, StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn get(&self, _: &Key) -> Result<Option<Versioned>, StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn swap(&self, _: &Key, _: Version, _: &[u8], _: Lifetime) -> Result<bool, StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn remove(&self, _: &Key) -> Result<(), StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn count(&self, _: &Key, _: Duration) -> Result<u32, StoreError> {
        Err(StoreError::unavailable("away"))
    }

    async fn wake(&self, _: &Topic) {}

    async fn watch(&self, _: &Topic) -> Wakeups {
        unreachable!("nobody watches")
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(StoreError::unavailable("away"))
    }
}
