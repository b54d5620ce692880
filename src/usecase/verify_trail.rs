//! Is the audit trail what was written? Read in pages, so that it may be as long as it likes.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::trail::{Broken, Entry, Head, Walk};
use crate::store::ephemeral::StoreError;
use crate::store::sql::audit::Chain;

const PAGE: u32 = 1000;

pub struct VerifyTrail {
    pub chain: Chain,
    pub clock: Arc<dyn Clock>,
}

/// How much of the trail is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Whole,
    /// All of it, and this has to be in it.
    WholeWith(Head),
    /// What came after this.
    Since(Head),
}

#[derive(Clone, Debug)]
pub struct Verified {
    /// How far it is as it was written.
    pub head: Head,
    pub kept: u64,
    /// Rows that retention has emptied.
    pub taken: u64,
    pub broken: Option<Broken>,
}

impl VerifyTrail {
    pub async fn verify(&self, reach: Reach) -> Result<Verified, StoreError> {
        loop {
            let begin = self.chain.begin().await?;
            let verified = self.walk(begin, reach).await?;
            // Retention may have moved the beginning along while we read there.
            if verified.broken.is_none() || self.chain.begin().await? == begin {
                return Ok(verified);
            }
        }
    }

    async fn walk(&self, begin: Head, reach: Reach) -> Result<Verified, StoreError> {
        let now = self.clock.now();
        let mut walk = match reach {
            Reach::Whole => Walk::whole(begin, None, now),
            Reach::WholeWith(head) | Reach::Since(head) if head == begin => Walk::whole(begin, None, now),
            Reach::WholeWith(head) => Walk::whole(begin, Some(head), now),
            Reach::Since(head) => Walk::on_from(head, now),
        };
        let verified =
            |walk: &Walk, broken| Verified { head: *walk.head(), kept: walk.kept, taken: walk.taken, broken };
        loop {
            let page = self.chain.after(walk.head().seq, PAGE).await?;
            for entry in &page {
                if let Err(broken) = walk.step(entry) {
                    return Ok(verified(&walk, Some(broken)));
                }
            }
            if page.len() < PAGE as usize {
                let broken = walk.end().err();
                return Ok(verified(&walk, broken));
            }
        }
    }

    /// Every row after the head, page by page.
    pub async fn read(&self, after: i64) -> Result<Vec<Entry>, StoreError> {
        self.chain.after(after, PAGE).await
    }
}
