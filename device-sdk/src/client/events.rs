//! The event stream that does not end: opened again when it breaks, each question told once.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use reqwest::Response;

use super::connection::{Connection, Timing, unreachable};
use crate::call::Call;
use crate::error::Error;
use crate::event_stream::{Decoder, Event, Frame};
use crate::id::{InstallationId, NotificationId};
use crate::messages::AckAnswer;
use crate::problem::Code;
use crate::push::ProofValue;
use crate::system;

/// More questions than a person has open at a time.
const REMEMBERED: usize = 256;
/// However long a server asks to stay away, a person may be waiting.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The [`Stream`] that [`DeviceClient::events`](super::DeviceClient::events) gives. It connects when
/// it is first polled, works while it is polled and ends after [`Event::Unpaired`].
pub struct Events(Pin<Box<dyn Stream<Item = Event> + Send>>);

impl Events {
    pub(super) fn new(connection: Arc<Connection>, installation: InstallationId) -> Self {
        let listener = Listener {
            pauses: Pauses { timing: connection.timing, next: connection.timing.first_pause },
            connection,
            installation,
            open: None,
            silent: VecDeque::new(),
            told: VecDeque::new(),
            seen: VecDeque::new(),
            pause: None,
            over: false,
        };
        let events = stream::unfold(listener, async |mut listener| {
            let event = listener.next().await?;
            Some((event, listener))
        });
        // The end stays the end, however often it is asked for.
        Self(Box::pin(events.fuse()))
    }

    /// The next event; `None` after the last. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

struct Listener {
    connection: Arc<Connection>,
    installation: InstallationId,
    /// To be answered without the app.
    silent: VecDeque<(NotificationId, ProofValue)>,
    open: Option<(Response, Decoder)>,
    /// Read, but not yet handed out.
    told: VecDeque<Event>,
    seen: VecDeque<NotificationId>,
    pauses: Pauses,
    /// Before the stream is opened again.
    pause: Option<Duration>,
    over: bool,
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        loop {
            self.answer().await;
            if let Some(event) = self.told.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.fail(error);
            }
        }
    }

    /// Answers what the app has no part in. Somebody waits for it, so it comes before everything else.
    async fn answer(&mut self) {
        while let Some((id, pv)) = self.silent.front().copied() {
            // One that was not heard was not answered, as far as the server is concerned.
            let _: Result<AckAnswer, Error> = self.connection.ask(Call::acknowledge(self.installation, id, pv)).await;
            self.silent.pop_front();
        }
    }

    /// One step: opens the stream, or reads from it.
    async fn advance(&mut self) -> Result<(), Error> {
        let Some((response, decoder)) = &mut self.open else {
            if let Some(pause) = self.pause.take() {
                tokio::time::sleep(pause).await;
            }
            self.open = Some((self.connection.listen().await?, Decoder::default()));
            return Ok(());
        };
        let silence = self.connection.timing.silence;
        let read = tokio::time::timeout(silence, response.chunk()).await.map_err(|_| Error::Silent)?;
        let Some(bytes) = read.map_err(unreachable)? else {
            // A server that restarts ends its streams in good order: no trouble until it stays away.
            self.open = None;
            self.pause = Some(self.pauses.next());
            return Ok(());
        };
        let frames = decoder.push(&bytes).map_err(|_| Error::Answer { status: 200, what: "an event is too long" })?;
        self.silent
            .extend(frames.iter().filter_map(Frame::silent).filter_map(|push| Some((push.notification_id, push.pv?))));
        for event in frames.iter().filter_map(Frame::read) {
            self.hear(event);
            if self.over {
                break;
            }
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) {
        match &event {
            Event::Ready => self.pauses.reset(),
            Event::Notification(notification) => {
                if self.seen.contains(&notification.notification_id) {
                    return;
                }
                if self.seen.len() == REMEMBERED {
                    self.seen.pop_front();
                }
                self.seen.push_back(notification.notification_id);
            }
            Event::Unpaired => self.end(),
            Event::Canceled(_) | Event::Trouble(_) => {}
        }
        self.told.push_back(event);
    }

    fn fail(&mut self, error: Error) {
        self.open = None;
        if error.refusal() == Some(&Code::DeviceUnknown) {
            self.end();
            self.told.push_back(Event::Unpaired);
            return;
        }
        let asked = error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER);
        // What does not pass by itself (a blocked device) is asked seldom.
        let pause = if error.is_retryable() { self.pauses.next() } else { self.pauses.longest() };
        self.pause = Some(pause.max(asked));
        self.told.push_back(Event::Trouble(error));
    }

    fn end(&mut self) {
        self.over = true;
        self.open = None;
    }
}

/// Doubles from the first pause to the longest. Each is shortened by up to half at random, so that
/// the phones of a restarted server do not come back all at once.
struct Pauses {
    timing: Timing,
    next: Duration,
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.timing.longest_pause);
        spread(pause)
    }

    fn longest(&mut self) -> Duration {
        self.next = self.timing.longest_pause;
        spread(self.next)
    }

    /// Only a server that said it is ready is believed to be back.
    fn reset(&mut self) {
        self.next = self.timing.first_pause;
    }
}

fn spread(pause: Duration) -> Duration {
    let [part] = system::random().unwrap_or([255]);
    pause / 2 + pause / 2 * u32::from(part) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_start_again_when_the_server_is_ready() {
        let timing = Timing::default();
        let mut pauses = Pauses { timing, next: timing.first_pause };
        for millis in [200, 400, 800, 1600, 3200, 5000, 5000] {
            let whole = Duration::from_millis(millis);
            let pause = pauses.next();
            assert!(whole / 2 <= pause && pause <= whole, "{pause:?} of {whole:?}");
        }
        pauses.reset();
        assert!(pauses.next() <= timing.first_pause);
        assert!(pauses.longest() >= timing.longest_pause / 2);
    }
}
