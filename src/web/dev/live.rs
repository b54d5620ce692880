//! `GET /dev/events`: server-sent events for pages and for scripts. `message` carries a message in
//! short and can be resumed (`Last-Event-ID`); `change` says that a page has something new to show.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use poem::http::header;
use poem::web::Data;
use poem::web::sse::{Event, SSE};
use poem::{IntoResponse as _, Request, Response, handler};
use tokio::sync::watch;

use super::Pages;
use super::summary::Line;
use super::wire::{Content, Wire};
use crate::http::server::CallTime;

const LONGEST: Duration = Duration::from_secs(3600);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What happens within one moment is told as one change.
const MOMENT: Duration = Duration::from_millis(30);

struct Listening {
    wire: Arc<Wire>,
    changes: watch::Receiver<u64>,
    time: CallTime,
    /// Told up to here.
    told: u64,
    queue: VecDeque<Event>,
}

#[handler]
pub(super) fn events(Data(pages): Data<&Arc<Pages>>, request: &Request) -> Response {
    let resumed = request.header("last-event-id").and_then(|id| id.parse().ok());
    let time = CallTime::of(request);
    time.extend(LONGEST);
    let wire = Arc::clone(&pages.wire);
    let mut changes = wire.watch();
    changes.mark_changed();
    let told = resumed.unwrap_or_else(|| wire.last());
    let listening = Listening { wire, changes, time, told, queue: VecDeque::new() };
    let events = stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((event, listening))
    });
    let mut response = SSE::new(events.boxed()).keep_alive(KEEP_ALIVE).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

impl Listening {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                () = self.time.shutdown().clone().cancelled_owned() => return None,
            }
            tokio::time::sleep(MOMENT).await;
            let version = *self.changes.borrow_and_update();
            self.tell_messages();
            self.queue.push_back(Event::message(version.to_string()).event_type("change"));
        }
    }

    /// Messages in the order of their numbers: one without an answer yet holds up those after it, so
    /// that resuming misses none. But not for ever: a poll that is held is told when it is answered.
    fn tell_messages(&mut self) {
        for message in self.wire.messages().iter().filter(|message| message.number > self.told) {
            if matches!(message.content, Content::Call { answer: None, .. }) {
                continue;
            }
            let line = serde_json::to_string(&Line::of(&self.wire, message)).unwrap_or_default();
            self.queue.push_back(Event::message(line).event_type("message").id(message.number.to_string()));
        }
        self.told = self.wire.last();
    }
}
