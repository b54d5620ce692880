//! Where messages go in dev mode: nobody gets them, and whoever tries things out can read them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::courier::{Courier, Letter, Text, Undelivered};
use crate::clock::{Clock, Timestamp};

/// Enough for whoever looks at them.
const KEPT: usize = 50;

pub struct DevInbox {
    letters: Mutex<VecDeque<Arc<Received>>>,
    texts: Mutex<VecDeque<Arc<ReceivedText>>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Debug)]
pub struct Received {
    pub letter: Letter,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct ReceivedText {
    pub text: Text,
    pub at: Timestamp,
}

impl DevInbox {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { letters: Mutex::default(), texts: Mutex::default(), clock }
    }

    /// The newest first.
    pub fn letters(&self) -> Vec<Arc<Received>> {
        listed(&self.letters)
    }

    /// The newest first.
    pub fn texts(&self) -> Vec<Arc<ReceivedText>> {
        listed(&self.texts)
    }
}

fn listed<T>(kept: &Mutex<VecDeque<Arc<T>>>) -> Vec<Arc<T>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Arc::clone).collect()
}

fn keep<T>(kept: &Mutex<VecDeque<Arc<T>>>, received: T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_front(Arc::new(received));
    kept.truncate(KEPT);
}

#[async_trait]
impl Courier for DevInbox {
    async fn deliver(&self, letter: &Letter) -> Result<(), Undelivered> {
        keep(&self.letters, Received { letter: letter.clone(), at: self.clock.now() });
        Ok(())
    }
}

#[async_trait]
impl Courier<Text> for DevInbox {
    async fn deliver(&self, text: &Text) -> Result<(), Undelivered> {
        keep(&self.texts, ReceivedText { text: text.clone(), at: self.clock.now() });
        Ok(())
    }
}
