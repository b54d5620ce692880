//! Everything that runs beside the requests. It owns every task and ends them in order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::protocol::id::RequestId;
use crate::store::embedded::EmbeddedStore;
use crate::store::ephemeral::StoreError;
use crate::store::sql::decisions::{Decisions, Told};
use crate::store::sql::outbox::{Batch, Kind, Leased, Outbox};
use crate::usecase::settle::Settle;
use crate::usecase::signing_keys::TendKeys;

/// Many at the same time: most of it is waiting for the store.
const BATCH: Batch = Batch { kind: Kind::Decision, taken: 128, at_once: 32, lease: Duration::from_secs(2) };
/// A store that writes its log once a second may lose this much when it is killed.
const FORGETFUL: Duration = Duration::from_millis(2500);

/// The tasks of a server.
#[derive(Debug, Default)]
pub struct Worker {
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Those among them that end before the others.
    first: TaskTracker,
    first_stop: CancellationToken,
}

impl Worker {
    /// Runs until the server stops. `future` may end before that.
    pub fn run(&self, future: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = future => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Runs to its own end, which the stop waits for: what must still be written.
    pub fn finish(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(future);
    }

    /// Is told of the stop before all others, while they are still there for it, and comes to its own end.
    pub fn finish_first<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (task, counted) = (task(self.first_stop.clone()), self.first.token());
        self.tasks.spawn(async move {
            task.await;
            drop(counted);
        });
    }

    /// Does something again and again, with a pause before each time. An error is told and tried again.
    pub fn repeat<F>(&self, name: &'static str, pause: Duration, job: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), StoreError>> + Send,
    {
        self.repeat_after(pause, name, pause, job);
    }

    /// The same, and the first time at once: for what a server that restarts often would never come to.
    pub fn repeat_from_now<F>(&self, name: &'static str, pause: Duration, job: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), StoreError>> + Send,
    {
        self.repeat_after(Duration::ZERO, name, pause, job);
    }

    fn repeat_after<F>(
        &self,
        first: Duration,
        name: &'static str,
        pause: Duration,
        mut job: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = Result<(), StoreError>> + Send,
    {
        self.run(async move {
            tokio::time::sleep(first).await;
            loop {
                if let Err(error) = job().await {
                    tracing::warn!(job = name, %error, "a background job failed");
                }
                tokio::time::sleep(pause).await;
            }
        });
    }

    /// Ends all tasks, at most after `patience`.
    pub async fn stop(self, patience: Duration) {
        let half = patience / 2;
        self.first_stop.cancel();
        self.first.close();
        // Whoever is not done yet goes on, with what is left by then.
        let _ = tokio::time::timeout(half, self.first.wait()).await;
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(half, self.tasks.wait()).await.is_err() {
            tracing::warn!("some background tasks did not end in time");
        }
    }
}

/// Tells decisions whose telling was cut off by a crash, or forgotten by a store that lost its last
/// second: SQL knows them.
#[derive(Clone)]
pub struct RetellDecisions {
    pub outbox: Outbox,
    pub decisions: Decisions,
    pub settle: Settle,
    pub clock: Arc<dyn Clock>,
}

impl RetellDecisions {
    pub async fn run(&self) -> Result<(), StoreError> {
        self.outbox.drain(BATCH, &*self.clock, |row| self.deliver(row)).await
    }

    /// At start: a store that came back with older state may ask about what is long decided.
    pub async fn retell_recent(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for record in self.decisions.still_polled(now).await? {
            self.settle.tell_again(&record).await?;
        }
        Ok(())
    }

    async fn deliver(&self, row: Leased) {
        if let Err(error) = self.deliver_once(&row).await {
            self.outbox.try_again(&row, &error, self.clock.now()).await;
        }
    }

    async fn deliver_once(&self, row: &Leased) -> Result<(), StoreError> {
        let Some(told) = Told::decode(&row.payload) else { return self.outbox.throw_away(row).await };
        let request = RequestId::new(row.id);
        self.retell(request, &told).await?;
        // It has arrived, but the store may still forget its last second: the lease runs out, and it is
        // looked at once more.
        if self.clock.now() >= row.created_at + FORGETFUL {
            self.settle.ledger.told(request);
        }
        Ok(())
    }

    async fn retell(&self, request: RequestId, told: &Told) -> Result<(), StoreError> {
        if self.settle.has_arrived(told).await? {
            return Ok(());
        }
        match self.decisions.find(request).await? {
            Some(record) => self.settle.tell_again(&record).await,
            None => Ok(()),
        }
    }
}

pub async fn purge(store: Arc<EmbeddedStore>) -> Result<(), StoreError> {
    while store.purge(500).await? >= 500 {}
    Ok(())
}

/// Reads the keys again when another node changed them; does what is due by age once a minute.
pub fn tend_keys(worker: &Worker, keys: Arc<TendKeys>, changed: impl Fn() -> i64 + Send + Sync + 'static) {
    let loading = Arc::clone(&keys);
    let changed = Arc::new(changed);
    let seen = Arc::new(std::sync::atomic::AtomicI64::new(i64::MIN));
    worker.repeat("load signing keys", Duration::from_millis(500), move || {
        let (keys, changed, seen) = (Arc::clone(&loading), Arc::clone(&changed), Arc::clone(&seen));
        async move {
            let epoch = changed();
            if seen.load(std::sync::atomic::Ordering::Relaxed) != epoch {
                keys.load().await?;
                seen.store(epoch, std::sync::atomic::Ordering::Relaxed);
            }
            Ok(())
        }
    });
    worker.repeat("tend signing keys", Duration::from_secs(60), move || {
        let keys = Arc::clone(&keys);
        async move { keys.tend().await }
    });
}

/// A boxed background future, as the stores hand them out.
pub type Background = BoxFuture<'static, ()>;
