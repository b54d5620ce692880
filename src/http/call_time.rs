//! How long one request may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use poem::{FromRequest, Request, RequestBody};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a client may take to send its body, unless the listener says otherwise.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The time of one request: an extension of it, and an extractor for the handler.
#[derive(Clone, Debug)]
pub struct CallTime {
    began: Instant,
    /// Milliseconds after `began`.
    until: Arc<AtomicU64>,
    body: Duration,
    // Not a clone of the token for each request: to clone one is to lock all of them.
    shutdown: Arc<CancellationToken>,
}

impl CallTime {
    pub(super) fn new(handler: Duration, body: Duration, shutdown: Arc<CancellationToken>) -> Self {
        let until = Arc::new(AtomicU64::new(millis(handler)));
        Self { began: Instant::now(), until, body, shutdown }
    }

    /// The time of this request; without a server around it, as much as it takes.
    pub fn of(request: &Request) -> Self {
        request.data::<Self>().cloned().unwrap_or_else(|| Self::new(Duration::MAX, BODY_DEADLINE, Arc::default()))
    }

    /// Lets the handler run this long from now, for one that waits on purpose.
    pub fn extend(&self, by: Duration) {
        self.until.fetch_max(millis(self.began.elapsed().saturating_add(by)), Ordering::Relaxed);
    }

    /// Cancelled when the server begins to shut down. Whatever waits or streams ends with it.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    pub(super) const fn body(&self) -> Duration {
        self.body
    }

    pub(super) fn deadline(&self) -> Instant {
        let until = Duration::from_millis(self.until.load(Ordering::Relaxed));
        // Further away than a clock can tell is as good as a century.
        self.began.checked_add(until).unwrap_or(self.began + Duration::from_secs(u32::MAX.into()))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl<'a> FromRequest<'a> for CallTime {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::of(request))
    }
}
