//! A provider that fails is left alone for some time, so that nobody waits for what will not come [reliability.md F23].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::courier::{Courier, Undelivered};
use crate::clock::Clock;
use crate::domain::breaker::Breaker;

/// Nothing is handed over for so long, and after it one message.
const REST: Duration = Duration::from_secs(30);

/// A courier that is left alone when it fails.
pub struct Spared<C> {
    inner: C,
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
}

impl<C> Spared<C> {
    pub fn new(inner: C, clock: Arc<dyn Clock>) -> Self {
        Self { inner, breaker: Mutex::new(Breaker::new(REST, REST)), clock }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<M: Sync, C: Courier<M>> Courier<M> for Spared<C> {
    async fn deliver(&self, message: &M) -> Result<(), Undelivered> {
        if self.breaker().admits(self.clock.now()).is_err() {
            return Err(Undelivered::NotNow("the provider failed too often, and is left alone".to_owned()));
        }
        let delivered = self.inner.deliver(message).await;
        match &delivered {
            Err(Undelivered::NotNow(_) | Undelivered::Unclear(_)) => self.breaker().failed(self.clock.now()),
            // What it has something against, it has looked at.
            Ok(()) | Err(Undelivered::NotThis(_) | Undelivered::Never(_)) => self.breaker().worked(),
        }
        delivered
    }

    fn knows_repeats(&self) -> bool {
        self.inner.knows_repeats()
    }
}
