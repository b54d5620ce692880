//! What we call others with, for those who watch: the pages of dev mode.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use url::Url;

use crate::protocol::id::ClientId;

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    Webhook,
    /// At an address that it has registered.
    Client(ClientId),
}

/// One try. It has the secrets of the call, so it does not print.
pub struct Told {
    pub whom: Whom,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The status of the answer, or why there is none.
    pub outcome: Result<u16, String>,
    pub took: Duration,
}

/// Those who watch. Only dev mode does.
#[derive(Clone)]
pub struct Watchers(broadcast::Sender<Arc<Told>>);

impl Watchers {
    /// Whoever is so many tries behind misses the oldest.
    pub fn new(behind: usize) -> Self {
        Self(broadcast::Sender::new(behind))
    }

    pub fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.0.subscribe()
    }

    /// Without anybody who watches, nothing is put together.
    pub fn tell(&self, told: impl FnOnce() -> Told) {
        if self.0.receiver_count() > 0 {
            // Whoever listened may be gone: that is their loss.
            let _ = self.0.send(Arc::new(told()));
        }
    }
}
