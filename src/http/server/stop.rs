//! How connections end when the server does.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Poll, Waker};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// Connections are to end when they have nothing to do.
pub(super) const FINISH: u8 = 1;
/// Connections are to end.
pub(super) const CLOSE: u8 = 2;

/// Tells every connection to end.
///
/// A cancellation token would do, but to poll one is to lock all of them, and a connection is polled
/// with every packet. This is looked at with every packet, and locked once.
#[derive(Default)]
pub(super) struct Stop {
    stage: AtomicU8,
    told: Notify,
}

impl Stop {
    pub(super) fn announce(&self, stage: u8) {
        self.stage.fetch_max(stage, Ordering::AcqRel);
        self.told.notify_waiters();
    }

    /// Lets `work` run until it ends, or until this stage is announced.
    pub(super) async fn unless<F: Future>(&self, stage: u8, mut work: Pin<&mut F>) -> Option<F::Output> {
        let mut told = pin!(self.told.notified());
        let mut waker: Option<Waker> = None;
        poll_fn(|cx| {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            if waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                waker = Some(cx.waker().clone());
                // Ready or not: what was announced is seen below.
                let _ = told.as_mut().poll(cx);
            }
            if self.stage.load(Ordering::Acquire) >= stage { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
}

pub(super) struct CloseOnDrop(pub(super) Arc<Stop>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.announce(CLOSE);
    }
}

/// Runs HTTP/2 streams as tasks that the shutdown waits for.
#[derive(Clone)]
pub(super) struct Tracked(pub(super) TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
