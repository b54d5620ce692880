//! How often a client may do what needs no person, on each node [security.md 5.6].

use std::time::Duration;

use crate::clock::Timestamp;
use crate::metrics::{Limit, metrics};
use crate::protocol::id::ClientId;
use crate::usecase::Error;
use crate::usecase::tally::Tally;

const WINDOW: Duration = Duration::from_secs(1);

/// So many a second of each client. Counted once it is known who asks: nobody uses up what is another's.
#[derive(Clone)]
pub struct Rate {
    tally: Tally<ClientId>,
    most: u32,
    limit: Limit,
}

impl Rate {
    pub fn of_pushed_requests(most: u32) -> Self {
        Self::new(most, Limit::PushedRequests)
    }

    pub fn of_introspections(most: u32) -> Self {
        Self::new(most, Limit::Introspections)
    }

    fn new(most: u32, limit: Limit) -> Self {
        Self { tally: Tally::new(WINDOW), most, limit }
    }

    pub fn count(&self, client: &ClientId, now: Timestamp) -> Result<(), Error> {
        let (count, retry_after) = self.tally.count(client.clone(), now);
        if count <= self.most {
            return Ok(());
        }
        metrics().limited(self.limit);
        Err(Error::TooMany { retry_after })
    }
}
