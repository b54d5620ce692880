//! Real nodes: `nod serve` processes that share a database and a store, and the parties around them.
//! Nothing here is a double: the processes are the binary, and the parties speak HTTP to them.

mod cutter;
mod people;
mod site;
mod slow;
mod wire;

pub(crate) use cutter::{Cutter, INSERT, Lost, SWAP};
pub(crate) use people::{Phone, RelyingParty, polled_to_the_end};
pub(crate) use site::{Inside, Node, Pending, Site, Sql};
pub(crate) use slow::Slow;
pub(crate) use wire::{Answer, Held, get, request, send, volley};

use std::future::Future;
use std::time::{Duration, Instant};

/// What the relying party and the phones believe to speak to; the nodes stand behind a proxy.
pub(crate) const ISSUER: &str = "https://id.example.com";

/// For nodes of a test that asks who wins, or what is left after a crash, and not how long anything takes:
/// they wait ten times as long for their stores, since a busy machine is no fault of a store.
pub(crate) const PATIENT: (&str, &str) = ("NOD_PATIENCE", "10");

/// Asks until the answer is there. Panics when it is not in time.
pub(crate) async fn until<T, F>(what: &str, within: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
