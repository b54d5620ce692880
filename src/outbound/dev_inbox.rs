//! Where messages go in dev mode: nobody gets them, and whoever tries things out can read them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::courier::{Courier, Letter, Text, Undelivered};
use super::push::Message;
use crate::clock::{Clock, Timestamp};
use crate::domain::push::{Provider, Push, Told};
use crate::protocol::id::{DeviceId, NotificationId, RequestId};

/// Enough for whoever looks at them.
const KEPT: usize = 50;
/// Whoever watches and is so many behind misses the oldest.
const BEHIND: usize = 256;

pub struct DevInbox {
    letters: Mutex<VecDeque<Arc<Received>>>,
    texts: Mutex<VecDeque<Arc<ReceivedText>>>,
    pushes: Mutex<VecDeque<Arc<ReceivedPush>>>,
    handed: broadcast::Sender<Handed>,
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

/// What a phone would get by its push service.
#[derive(Clone)]
pub struct ReceivedPush {
    pub device: DeviceId,
    /// What the phone calls itself.
    pub phone: Option<String>,
    pub provider: Provider,
    pub request: RequestId,
    pub notification: NotificationId,
    pub told: Told,
    /// What the app reads of it, as JSON. Of a silent one that is a secret.
    pub says: String,
    pub at: Timestamp,
    /// Of no use afterwards.
    pub expires_at: Timestamp,
}

/// What was just handed over.
#[derive(Clone)]
pub enum Handed {
    Letter(Arc<Received>),
    Text(Arc<ReceivedText>),
    Push(Arc<ReceivedPush>),
}

impl DevInbox {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (letters, texts, pushes) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { letters, texts, pushes, handed: broadcast::Sender::new(BEHIND), clock }
    }

    /// The newest first.
    pub fn letters(&self) -> Vec<Arc<Received>> {
        listed(&self.letters)
    }

    /// The newest first.
    pub fn texts(&self) -> Vec<Arc<ReceivedText>> {
        listed(&self.texts)
    }

    /// The newest first.
    pub fn pushes(&self) -> Vec<Arc<ReceivedPush>> {
        listed(&self.pushes)
    }

    /// All that comes from now on.
    pub fn listen(&self) -> broadcast::Receiver<Handed> {
        self.handed.subscribe()
    }

    /// In place of a push service.
    pub fn take_push(&self, push: &Push, provider: Provider, phone: Option<String>, message: &Message) {
        let received = ReceivedPush {
            device: push.device,
            phone,
            provider,
            request: push.request,
            notification: message.notification,
            told: message.told,
            // Nothing in it that JSON does not have.
            says: serde_json::to_string(&message.body()).unwrap_or_default(),
            at: self.clock.now(),
            expires_at: message.expires_at,
        };
        self.tell(Handed::Push(keep(&self.pushes, received)));
    }

    fn tell(&self, handed: Handed) {
        // Nobody need watch.
        let _ = self.handed.send(handed);
    }
}

fn listed<T>(kept: &Mutex<VecDeque<Arc<T>>>) -> Vec<Arc<T>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Arc::clone).collect()
}

fn keep<T>(kept: &Mutex<VecDeque<Arc<T>>>, received: T) -> Arc<T> {
    let received = Arc::new(received);
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_front(Arc::clone(&received));
    kept.truncate(KEPT);
    received
}

#[async_trait]
impl Courier for DevInbox {
    async fn deliver(&self, letter: &Letter) -> Result<(), Undelivered> {
        let received = Received { letter: letter.clone(), at: self.clock.now() };
        self.tell(Handed::Letter(keep(&self.letters, received)));
        Ok(())
    }
}

#[async_trait]
impl Courier<Text> for DevInbox {
    async fn deliver(&self, text: &Text) -> Result<(), Undelivered> {
        let received = ReceivedText { text: text.clone(), at: self.clock.now() };
        self.tell(Handed::Text(keep(&self.texts, received)));
        Ok(())
    }
}
