//! An ephemeral store, with its calls timed and counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::ephemeral::{Ephemeral, Key, Lifetime, StoreError, Topic, Version, Versioned, Wakeups};
use crate::metrics::{EphemeralCall, metrics};

pub struct Measured(pub Arc<dyn Ephemeral>);

async fn timed<T>(
    call: EphemeralCall,
    work: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let begin = Instant::now();
    let answer = work.await;
    metrics().ephemeral(call, begin.elapsed(), answer.is_err());
    answer
}

#[async_trait]
impl Ephemeral for Measured {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        timed(EphemeralCall::Insert, self.0.insert(key, value, lifetime)).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        timed(EphemeralCall::Get, self.0.get(key)).await
    }

    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        timed(EphemeralCall::Swap, self.0.swap(key, seen, value, lifetime)).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        timed(EphemeralCall::Remove, self.0.remove(key)).await
    }

    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        timed(EphemeralCall::Count, self.0.count(key, window)).await
    }

    async fn wake(&self, topic: &Topic) {
        let begin = Instant::now();
        self.0.wake(topic).await;
        metrics().ephemeral(EphemeralCall::Wake, begin.elapsed(), false);
    }

    async fn watch(&self, topic: &Topic) -> Wakeups {
        let begin = Instant::now();
        let wakeups = self.0.watch(topic).await;
        metrics().ephemeral(EphemeralCall::Watch, begin.elapsed(), false);
        wakeups
    }

    async fn ping(&self) -> Result<(), StoreError> {
        timed(EphemeralCall::Ping, self.0.ping()).await
    }
}
