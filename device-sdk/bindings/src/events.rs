//! The stream of questions. The app's HTTP stack holds the connection; what comes out of it is read here.

use std::sync::{Mutex, PoisonError};

use nod_device::event_stream::{self, Decoder, Frame};
use nod_device::messages::Canceled;
use nod_device::{Error, Notification, PushMessage};

use crate::error::Result;

#[derive(Clone, Debug, uniffi::Enum)]
pub enum Event {
    /// The server listens too. What is still pending follows.
    Ready,
    Asked {
        notification: Box<Notification>,
    },
    /// The question is no longer open: take it off the screen.
    Canceled {
        canceled: Canceled,
    },
    /// Where no push service reaches the app: `Device.acknowledge`, and show nothing.
    Silent {
        push: PushMessage,
    },
    /// The installation is no longer paired. The last event.
    Unpaired,
    /// One that this version does not understand.
    NotUnderstood {
        code: String,
    },
}

impl Event {
    /// Nothing for events that this version does not know.
    fn of(frame: &Frame) -> Option<Self> {
        frame.silent().map(|push| Self::Silent { push }).or_else(|| frame.read().map(Self::from))
    }
}

impl From<event_stream::Event> for Event {
    fn from(event: event_stream::Event) -> Self {
        match event {
            event_stream::Event::Ready => Self::Ready,
            event_stream::Event::Notification(notification) => Self::Asked { notification },
            event_stream::Event::Canceled(canceled) => Self::Canceled { canceled },
            event_stream::Event::Unpaired => Self::Unpaired,
            event_stream::Event::Trouble(error) => Self::NotUnderstood { code: error.code().to_owned() },
        }
    }
}

/// Of one connection: make another for the next. The server is silent for 15 seconds at most; after 40 without a byte,
/// connect again.
#[derive(Default, uniffi::Object)]
pub struct EventDecoder(Mutex<Decoder>);

#[uniffi::export]
impl EventDecoder {
    #[uniffi::constructor]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the answer, and gives the events that they complete. After an error the connection is of no
    /// use.
    pub fn push(&self, bytes: Vec<u8>) -> Result<Vec<Event>> {
        let mut decoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = decoder.push(&bytes).map_err(|_| Error::Answer { status: 200, what: "an event is too long" })?;
        Ok(frames.iter().filter_map(Event::of).collect())
    }
}
