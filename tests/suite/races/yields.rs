//! A store that yields where races are lost, and a clock that is ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use nod::clock::{Clock, SystemClock, Timestamp};
use nod::entropy::Entropy;
use nod::store::ephemeral::{Ephemeral, Key, Lifetime, StoreError, Topic, Version, Versioned, Wakeups};

/// The machine's clock, and as much ahead of it as the test says.
#[derive(Debug, Default)]
pub(super) struct Ahead(AtomicU64);

impl Ahead {
    pub(super) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).expect("a short time"), Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Lets others run between a read and what follows it, and before every first use.
pub(super) struct Yielding {
    pub(super) store: Arc<dyn Ephemeral>,
    pub(super) entropy: Entropy,
}

impl Yielding {
    async fn others_first(&self) {
        match self.entropy.below(16) {
            0 => tokio::time::sleep(Duration::from_millis(20)).await,
            n if n < 6 => tokio::task::yield_now().await,
            n => tokio::time::sleep(Duration::from_micros(u64::from(n) * 100)).await,
        }
    }
}

#[async_trait]
impl Ephemeral for Yielding {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        self.others_first().await;
        self.store.insert(key, value, lifetime).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let found = self.store.get(key).await;
        self.others_first().await;
        found
    }

    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        self.store.swap(key, seen, value, lifetime).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.store.remove(key).await
    }

    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        self.store.count(key, window).await
    }

    async fn wake(&self, topic: &Topic) {
        self.store.wake(topic).await;
    }

    async fn watch(&self, topic: &Topic) -> Wakeups {
        self.store.watch(topic).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}
