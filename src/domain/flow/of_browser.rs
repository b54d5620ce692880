//! Which flows one browser has begun.

use serde::{Deserialize, Serialize};

use super::LONGEST;
use crate::clock::Timestamp;
use crate::protocol::id::FlowId;
use crate::secret::Digest;

/// The oldest first. Those that have ended since are among them: nobody writes here but who begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowsOfBrowser(Vec<(Digest<FlowId>, Timestamp)>);

impl FlowsOfBrowser {
    /// One more. The oldest make room for it: who could be refused here would be kept out by a page that has their
    /// browser begin flows.
    #[must_use]
    pub fn begun(self, id: Digest<FlowId>, now: Timestamp, most: usize) -> (Self, Vec<Digest<FlowId>>) {
        let mut live: Vec<_> = self.0.into_iter().filter(|(_, begun)| now < *begun + LONGEST).collect();
        live.push((id, now));
        let over = live.len().saturating_sub(most.max(1));
        let gone = live.drain(..over).map(|(id, _)| id).collect();
        (Self(live), gone)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn security_5_6_the_oldest_makes_room() {
        let (now, second) = (Timestamp::from_seconds(1_800_000_000), Duration::from_secs(1));
        let id = |n: u8| Digest::of(&[n]);
        let (two, gone) = FlowsOfBrowser::default().begun(id(1), now, 2).0.begun(id(2), now + second, 2);
        assert_eq!(gone, []);
        let (three, gone) = two.clone().begun(id(3), now + second, 2);
        assert_eq!((three.0.len(), gone), (2, vec![id(1)]));
        // What is over has made room by itself.
        let (later, gone) = two.begun(id(3), now + LONGEST, 2);
        assert_eq!((later.0.len(), gone), (2, Vec::new()));
    }
}
