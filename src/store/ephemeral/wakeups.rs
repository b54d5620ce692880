//! Who on this node waits for a change of what is in the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;

use super::Topic;

/// The wake-ups of one topic, from [`Ephemeral::watch`].
#[derive(Debug)]
pub struct Wakeups {
    receiver: watch::Receiver<u64>,
    _topic: Arc<watch::Sender<u64>>,
}

impl Wakeups {
    /// Returns when the topic was woken since `watch`, or since the last return.
    pub async fn woken(&mut self) {
        if self.receiver.changed().await.is_err() {
            // The sender lives as long as we do; this arm is for the type system.
            std::future::pending::<()>().await;
        }
    }
}

/// The local half of waking: topics that somebody on this node watches.
#[derive(Debug, Default)]
pub struct Switchboard(Mutex<HashMap<Topic, Weak<watch::Sender<u64>>>>);

impl Switchboard {
    pub fn watch(&self, topic: &Topic) -> Wakeups {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = topics.get(topic).and_then(Weak::upgrade).unwrap_or_else(|| {
            if topics.len() % 1024 == 1023 {
                topics.retain(|_, sender| sender.strong_count() > 0);
            }
            let sender = Arc::new(watch::Sender::new(0));
            topics.insert(topic.clone(), Arc::downgrade(&sender));
            sender
        });
        Wakeups { receiver: sender.subscribe(), _topic: sender }
    }

    pub fn wake(&self, topic: &Topic) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match topics.get(topic).map(Weak::upgrade) {
            Some(Some(sender)) => sender.send_modify(|n| *n = n.wrapping_add(1)),
            Some(None) => {
                topics.remove(topic);
            }
            None => {}
        }
    }

    /// For a subscription that was down for a while: anything may have been missed.
    pub fn wake_all(&self) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics.retain(|_, sender| match sender.upgrade() {
            Some(sender) => {
                sender.send_modify(|n| *n = n.wrapping_add(1));
                true
            }
            None => false,
        });
    }
}
