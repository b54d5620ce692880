//! What the outbox has is taken as far as there is room for it, and delivered one beside the other.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::store::ephemeral::StoreError;
use crate::store::sql::outbox::Leased;
use crate::usecase::settle::OutboxBell;

/// Deliveries at a time, on one node.
const AT_ONCE: u32 = 32;
/// Between two looks at what others left.
const PAUSE: Duration = Duration::from_millis(500);

/// Delivers what is due, until `stop`; what is due then, and what is on its way, is brought to its end. Whoever is slow
/// to answer holds up nobody else. `take` leases so many at most; the bell says that there is something at once.
pub(super) async fn pump<T, D>(
    bell: &OutboxBell,
    stop: CancellationToken,
    take: impl Fn(u32) -> T,
    deliver: impl Fn(Leased) -> D,
) where
    T: Future<Output = Result<Vec<Leased>, StoreError>>,
    D: Future<Output = ()>,
{
    let mut calls = FuturesUnordered::new();
    let mut pauses = tokio::time::interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut look, mut stopping) = (true, false);
    loop {
        let free = AT_ONCE.saturating_sub(u32::try_from(calls.len()).unwrap_or(AT_ONCE));
        // There may be more.
        let mut full = free == 0;
        if look && free > 0 {
            let taken = take(free).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the outbox waits");
                Vec::new()
            });
            full = taken.len() >= free as usize;
            calls.extend(taken.into_iter().map(&deliver));
        }
        if stopping && calls.is_empty() {
            break;
        }
        tokio::select! {
            // The last who were answered may have left something.
            () = stop.cancelled(), if !stopping => (look, stopping) = (true, true),
            // What this node left is taken at once; what others left, and what is due again, soon.
            () = bell.rung(), if !stopping => look = true,
            _ = pauses.tick(), if !stopping => look = true,
            Some(()) = calls.next() => look = full,
        }
    }
}
