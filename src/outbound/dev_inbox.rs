//! Where letters go in dev mode: nobody gets them, and whoever tries things out can read them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::courier::{Courier, Letter, Undelivered};
use crate::clock::{Clock, Timestamp};

/// Enough for whoever looks at them.
const KEPT: usize = 50;

pub struct DevInbox {
    letters: Mutex<VecDeque<Arc<Received>>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Debug)]
pub struct Received {
    pub letter: Letter,
    pub at: Timestamp,
}

impl DevInbox {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { letters: Mutex::default(), clock }
    }

    /// The newest first.
    pub fn letters(&self) -> Vec<Arc<Received>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Arc::clone).collect()
    }
}

#[async_trait]
impl Courier for DevInbox {
    async fn deliver(&self, letter: &Letter) -> Result<(), Undelivered> {
        let received = Received { letter: letter.clone(), at: self.clock.now() };
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push_front(Arc::new(received));
        letters.truncate(KEPT);
        Ok(())
    }
}
