//! `GET /events`: server-sent events [WHATWG HTML §9.2], read as bytes arrive.

use crate::error::Error;
use crate::messages::Canceled;
use crate::notification::Notification;
use crate::push::PushMessage;

/// What the server tells while the app listens.
#[derive(Clone, Debug)]
pub enum Event {
    /// The server listens too: from here on nothing is missed. Comes again after each reconnect,
    /// followed by what is still pending.
    Ready,
    Notification(Box<Notification>),
    /// The question is no longer open: take it off the screen.
    Canceled(Canceled),
    /// The installation is no longer paired. The last event.
    Unpaired,
    /// Something failed: the stream broke, could not be opened, or carried what is not understood.
    /// It goes on by itself; an app may want to show that it is offline.
    Trouble(Error),
}

/// The event that carries a push to an app that no push service reaches.
pub const SILENT_VERIFY: &str = "silent_verify";

/// More than any event of a Nod server holds.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// The server sent an event that is too long to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is too long")]
pub struct TooLong;

/// One event as it stood in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub event: String,
    pub data: String,
}

/// Splits the stream into frames. Comments (the keep-alive) and unknown fields vanish here.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    /// The last byte was a CR: an LF now belongs to it.
    after_cr: bool,
    /// A byte order mark may stand before the first line, and only there.
    past_first_line: bool,
    event: String,
    data: String,
    has_data: bool,
}

impl Decoder {
    /// Takes the next bytes and gives the frames that they complete. After an error the stream is
    /// of no use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => frames.extend(self.end_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                return Err(TooLong);
            }
        }
        Ok(frames)
    }

    fn end_line(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.past_first_line, true);
        let line = String::from_utf8_lossy(&line);
        let line = if first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            // `id` and `retry` too: what is missed is sent again anyway, and our pauses are our own.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Frame> {
        let frame = Frame { event: std::mem::take(&mut self.event), data: std::mem::take(&mut self.data) };
        // An event without data is none.
        std::mem::take(&mut self.has_data).then_some(frame)
    }
}

impl Frame {
    /// A push that nobody sees, where no push service carries it. The client answers it, and the app hears nothing of it.
    pub fn silent(&self) -> Option<PushMessage> {
        (self.event == SILENT_VERIFY).then(|| PushMessage::read(self.data.as_bytes())).flatten()
    }

    /// Nothing for events that this version does not know.
    pub fn read(&self) -> Option<Event> {
        match self.event.as_str() {
            "ready" => Some(Event::Ready),
            "notification" => Some(self.parse(|notification| Event::Notification(Box::new(notification)))),
            "canceled" => Some(self.parse(Event::Canceled)),
            "unpaired" => Some(Event::Unpaired),
            _ => None,
        }
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, event: impl FnOnce(T) -> Event) -> Event {
        match serde_json::from_str(&self.data) {
            Ok(data) => event(data),
            Err(_) => Event::Trouble(Error::Answer { status: 200, what: "an event" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(event: &str, data: &str) -> Frame {
        Frame { event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn frames_are_the_same_however_the_bytes_arrive() {
        let stream = "\u{feff}: hello\n\nevent: ready\ndata: {}\n\r\nevent:a\rdata:1\rdata: 2\r\r:\nid: 7\nretry: 1\n\
                      data\n\nevent: nothing\n\ndata: ü\r\ndata: ä\r\n\r\ndata: cut";
        let expected = vec![frame("ready", "{}"), frame("a", "1\n2"), frame("", ""), frame("", "ü\nä")];
        for size in 1..=stream.len() {
            let mut decoder = Decoder::default();
            let frames: Vec<_> =
                stream.as_bytes().chunks(size).flat_map(|bytes| decoder.push(bytes).unwrap()).collect();
            assert_eq!(frames, expected, "{size}");
        }
    }

    #[test]
    fn an_endless_event_is_not_kept() {
        let half = "x".repeat(MAX_EVENT_BYTES / 2);
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(format!("data:{half}\n").as_bytes()), Ok(vec![]));
        assert_eq!(decoder.push(format!("data:{half}").as_bytes()), Err(TooLong));
        let mut decoder = Decoder::default();
        for _ in 0..4 {
            assert_eq!(decoder.push(format!("data:{half}\n\n").as_bytes()).unwrap().len(), 1);
        }
    }

    #[test]
    fn known_events_are_read_and_unknown_ones_skipped() {
        assert!(matches!(frame("ready", "{}").read(), Some(Event::Ready)));
        assert!(matches!(frame("unpaired", "{}").read(), Some(Event::Unpaired)));
        assert!(frame("weather", "{}").read().is_none());
        assert!(frame("", "{}").read().is_none());
        let canceled = r#"{"notificationId":"bbbbbbbb-cccc-4ddd-8eee-ffffffffffff","reason":"SOMETHING_NEW"}"#;
        assert!(matches!(frame("canceled", canceled).read(), Some(Event::Canceled(_))));
        assert!(matches!(frame("notification", "{}").read(), Some(Event::Trouble(Error::Answer { .. }))));
    }
}
