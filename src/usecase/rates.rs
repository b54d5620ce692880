//! How often a client may do something, or have somebody asked, on each node [security.md 5.6].

use std::hash::Hash;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::metrics::{Limit, metrics};
use crate::protocol::id::{ClientId, UserId};
use crate::usecase::Error;
use crate::usecase::tally::Tally;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// So many within a time of each client, or about each person. Counted once it is known who asks: nobody uses up what
/// is another's.
#[derive(Clone)]
pub struct Rate<K: Eq + Hash = ClientId> {
    tally: Tally<K>,
    most: u32,
    limit: Limit,
}

impl Rate {
    /// In a second.
    pub fn of_pushed_requests(most: u32) -> Self {
        Self::new(most, SECOND, Limit::PushedRequests)
    }

    /// In a second.
    pub fn of_introspections(most: u32) -> Self {
        Self::new(most, SECOND, Limit::Introspections)
    }

    /// In a minute.
    pub fn of_backchannel_requests(most: u32) -> Self {
        Self::new(most, MINUTE, Limit::BackchannelRequests)
    }
}

impl Rate<UserId> {
    /// In an hour, whichever clients ask.
    pub fn of_questions(most: u32) -> Self {
        Self::new(most, HOUR, Limit::QuestionsPerUser)
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static> Rate<K> {
    fn new(most: u32, window: Duration, limit: Limit) -> Self {
        Self { tally: Tally::new(window), most, limit }
    }

    pub fn count(&self, whose: &K, now: Timestamp) -> Result<(), Error> {
        let (count, retry_after) = self.tally.count(whose.clone(), now);
        if count <= self.most {
            return Ok(());
        }
        metrics().limited(self.limit);
        Err(Error::TooMany { retry_after })
    }
}
