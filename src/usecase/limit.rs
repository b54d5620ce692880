//! So many tries within a time, and no more.

use std::time::Duration;

use crate::metrics::{self, metrics};
use crate::store::ephemeral::{Attempts, StoreError};

/// How many of what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most<'a> {
    pub(super) what: &'a str,
    pub(super) times: u32,
    pub(super) window: Duration,
    /// As what it is counted when somebody runs into it.
    pub(super) limit: metrics::Limit,
}

/// One more of `who`, counted first, so that it holds however many come at once. `Some`: one too many, and after
/// which time it is not.
pub(super) async fn limit(attempts: &Attempts, most: Most<'_>, who: &[u8]) -> Result<Option<Duration>, StoreError> {
    let over = attempts.count(most.what, who, most.window).await? > most.times;
    if over {
        metrics().limited(most.limit);
    }
    Ok(over.then_some(most.window))
}
