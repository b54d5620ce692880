//! The live channel: server-sent events for one installation. What is sent follows from the state,
//! not from messages: after each ring the stream looks into the inboxes and tells the differences,
//! so nothing is missed when a ring is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use nod_device::event_stream::SILENT_VERIFY;
use nod_device::messages::Canceled;
use nod_device::proof::Purpose;
use nod_device::{self as wire, Notification};
use poem::http::header;
use poem::web::sse::{Event, SSE};
use poem::{IntoResponse as _, Request, Response};
use tokio::time::Instant;

use crate::http::device::DeviceApi;
use crate::http::error::Failure;
use crate::http::server::CallTime;
use crate::metrics::{Limit, OneMore, metrics};
use crate::protocol::id::{InstallationId, NotificationId};
use crate::usecase::StoreError;
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError};
use crate::usecase::device_trust::silent::AnswerSilently;
use crate::usecase::inbox::{ReadInbox, Wakeups};

/// An app reconnects at least this often, so that a revoked one does not listen for ever.
const LONGEST: Duration = Duration::from_secs(3600);

/// How often an open stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often the stream looks by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Live channels of one installation on one node: an app needs one, and one more while it reconnects.
const STREAMS: usize = 4;

/// More pushes that nobody sees than wait for one installation at a time.
const REMEMBERED: usize = 32;

/// The open live channels.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<HashMap<InstallationId, Open>>>);

/// Those of one installation.
#[derive(Debug, Default)]
struct Open {
    count: usize,
    /// The open questions that one of them was told.
    told: HashSet<wire::NotificationId>,
}

/// One of them; closed when dropped.
struct Stream {
    streams: Streams,
    installation: InstallationId,
    _counted: OneMore,
}

impl Streams {
    fn open(&self, installation: InstallationId) -> Option<Stream> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_installation = open.entry(installation).or_default();
        if of_installation.count >= STREAMS {
            return None;
        }
        of_installation.count += 1;
        Some(Stream { streams: self.clone(), installation, _counted: OneMore::of(&metrics().live_channels) })
    }
}

impl Stream {
    /// `true`: the installation hears of this question for the first time, as far as we know.
    fn tells(&self, question: wire::NotificationId) -> bool {
        self.change(|open| open.told.insert(question))
    }

    fn is_over(&self, question: wire::NotificationId) {
        self.change(|open| open.told.remove(&question));
    }

    fn change(&self, change: impl FnOnce(&mut Open) -> bool) -> bool {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        // As long as there is one of them, its entry is there.
        open.get_mut(&self.installation).is_some_and(change)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_installation) = open.get_mut(&self.installation) {
            of_installation.count -= 1;
            if of_installation.count == 0 {
                open.remove(&self.installation);
            }
        }
    }
}

struct Listening {
    stream: Stream,
    inbox: ReadInbox,
    silent: AnswerSilently,
    caller: AuthenticatedInstallation,
    time: CallTime,
    wakeups: Wakeups,
    told: HashSet<wire::NotificationId>,
    /// The last pushes that nobody sees, so that each is told once.
    pushed: VecDeque<wire::NotificationId>,
    queue: Vec<Event>,
    until: Instant,
    over: bool,
}

pub(super) async fn listen(api: &DeviceApi, http: &Request) -> poem::Result<Response> {
    let caller = api.authenticated(http, Purpose::Read, None).await?;
    let stream = api.streams.open(caller.installation.id);
    if stream.is_none() {
        metrics().limited(Limit::LiveChannels);
    }
    let stream = stream.ok_or_else(|| Failure::device(DeviceError::TooMany { retry_after: Duration::from_secs(5) }))?;
    let time = CallTime::of(http);
    time.extend(LONGEST + Duration::from_secs(10));
    // Listen first, then look: what happens in between rings.
    let wakeups = api.inbox.listen(&caller.installation.id).await;
    let mut listening = Listening {
        stream,
        inbox: api.inbox.clone(),
        silent: api.silent.clone(),
        caller,
        time,
        wakeups,
        told: HashSet::new(),
        pushed: VecDeque::new(),
        queue: vec![Event::message("{}").event_type("ready")],
        until: Instant::now() + LONGEST,
        over: false,
    };
    listening.look().await.map_err(crate::http::device::unavailable)?;
    listening.queue.reverse();
    let stream = stream::unfold(listening, |mut listening| async move {
        let event = listening.next().await?;
        Some((event, listening))
    });
    let mut response = SSE::new(stream.boxed()).keep_alive(KEEP_ALIVE).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

impl Listening {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            let look_again = Instant::now() + LOOK_AGAIN;
            tokio::select! {
                () = self.wakeups.woken() => {}
                () = tokio::time::sleep_until(look_again.min(self.until)) => {}
                () = self.time.shutdown().clone().cancelled_owned() => return None,
            }
            if Instant::now() >= self.until {
                return None;
            }
            if let Err(error) = self.look().await {
                // The app comes back, and learns then how things are.
                tracing::warn!(%error, "a live channel ends");
                return None;
            }
            self.queue.reverse();
        }
    }

    /// Compares what is with what was told.
    async fn look(&mut self) -> Result<(), StoreError> {
        let devices = self.inbox.devices_of(&self.caller).await?;
        if devices.is_empty() {
            self.queue.push(Event::message("{}").event_type("unpaired"));
            self.over = true;
            return Ok(());
        }
        let pending = self.inbox.pending(&devices).await?;
        let gone: Vec<_> = self
            .told
            .iter()
            .filter(|told| !pending.iter().any(|notification| notification.notification_id == **told))
            .copied()
            .collect();
        for id in gone {
            self.told.remove(&id);
            self.stream.is_over(id);
            let reason = self.inbox.ended(&devices, NotificationId::new(id.uuid())).await?;
            self.push("canceled", &Canceled { notification_id: id, reason });
        }
        for notification in pending {
            if self.told.insert(notification.notification_id) {
                self.push_notification(&notification);
            }
        }
        for message in self.silent.told(&self.caller).await? {
            if self.pushed.contains(&message.notification_id) {
                continue;
            }
            if self.pushed.len() >= REMEMBERED {
                self.pushed.pop_front();
            }
            self.pushed.push_back(message.notification_id);
            self.push(SILENT_VERIFY, &message);
        }
        Ok(())
    }

    fn push_notification(&mut self, notification: &Notification) {
        // Two that listen with one installation are one phone.
        if self.stream.tells(notification.notification_id) {
            tracing::info!(
                device.id = %notification.device_id,
                notification.id = %notification.notification_id,
                "notify"
            );
        }
        self.push("notification", notification);
    }

    fn push<T: serde::Serialize>(&mut self, kind: &str, data: &T) {
        let data = serde_json::to_string(data).unwrap_or_default();
        self.queue.push(Event::message(data).event_type(kind));
    }
}
