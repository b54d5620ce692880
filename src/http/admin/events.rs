//! `GET /admin/v1/events`: what happens, as server-sent events.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use poem::http::header::{self, HeaderValue};
use poem::web::sse::{Event, SSE};
use poem::{IntoResponse, Request, Response};
use poem_openapi::param::{Header, Query};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type as _;
use poem_openapi::{ApiResponse, OpenApi};
use tokio::time::Instant;

use crate::domain::audit::Action;
use crate::http::Tag;
use crate::http::admin::access::{Admin, EventsRead};
use crate::http::admin::audit::EventBody;
use crate::http::admin::page::Cursors;
use crate::http::admin::reply::{Refused, Result};
use crate::http::admin::token;
use crate::http::server::CallTime;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permission;
use crate::secret::Secret;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::admin::events::{EventDocument, ReadTrail};
use crate::usecase::admin::{AdminError, Position};

/// Listeners reconnect at least this often.
const LONGEST: Duration = Duration::from_secs(3600);
const LOOK: Duration = Duration::from_millis(500);
/// A token that ended is noticed within this time.
const CHECK: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const BATCH: u32 = 200;
/// Open streams on one node: of one client, and of all.
const OF_ONE: usize = 8;
const OF_ALL: usize = 64;
/// The name of the list that the identifiers of events are cursors of.
const LIST: &str = "events";

pub struct EventsApi {
    pub trail: Arc<ReadTrail>,
    pub authorize: Arc<Authorize>,
    pub cursors: Cursors,
    pub streams: Streams,
}

/// The open streams, by caller.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<HashMap<String, usize>>>);

/// One of them; closed when dropped.
struct Open {
    streams: Streams,
    caller: String,
}

impl Streams {
    fn open(&self, caller: String) -> Option<Open> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= OF_ALL || open.get(&caller).is_some_and(|count| *count >= OF_ONE) {
            return None;
        }
        *open.entry(caller.clone()).or_default() += 1;
        Some(Open { streams: self.clone(), caller })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

/// A stream of events.
pub struct Streamed(SSE);

impl IntoResponse for Streamed {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl ApiResponse for Streamed {
    fn meta() -> MetaResponses {
        let response = MetaResponse {
            description: "Events, one after the other. `data` is an `Event`, `id` is for `Last-Event-ID`.",
            status: Some(200),
            status_range: None,
            content: vec![MetaMediaType { content_type: "text/event-stream", schema: EventBody::schema_ref() }],
            headers: vec![],
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        EventBody::register(registry);
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminEvents")]
impl EventsApi {
    /// Listen to events
    ///
    /// Server-sent events: what happens from now on, or from where `Last-Event-ID` says. The first one,
    /// `ready`, only tells where that is. What was refused is not told.
    #[oai(path = "/events", method = "get", operation_id = "streamEvents")]
    async fn stream(
        &self,
        #[oai(scope = "Permission::EventsRead")] admin: Admin<EventsRead>,
        http: &Request,
        /// Only these types, separated by commas.
        types: Query<Option<String>>,
        /// The `id` of the last event that was received.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
    ) -> Result<Streamed> {
        let types = types.0.as_deref().map(parse_types).transpose()?;
        let unknown = |_| {
            AdminError::parameter(AdminErrorCode::InvalidCursor, "Last-Event-ID", "None that this stream has given.")
        };
        let position = match self.cursors.open(LIST, last_event_id.0.as_deref()).map_err(unknown)? {
            Some(position) => position.at,
            None => self.trail.end().await?,
        };
        let (_, token) = token(http)?.ok_or(AdminErrorCode::TokenRequired)?;
        let token = Secret::new(token.to_owned());
        let open = self.streams.open(admin.actor.text());
        let open = open.ok_or_else(|| Refused::from(AdminError::TooMany { retry_after: Duration::from_secs(5) }))?;
        let time = CallTime::of(http);
        time.extend(LONGEST + Duration::from_secs(10));
        let now = Instant::now();
        let listening = Listening {
            _open: open,
            trail: Arc::clone(&self.trail),
            authorize: Arc::clone(&self.authorize),
            cursors: self.cursors.clone(),
            token,
            time,
            types,
            position,
            queue: VecDeque::new(),
            checked: now,
            until: now + LONGEST,
        };
        let ready = Event::message("{}").event_type("ready").id(listening.id(position));
        let events = stream::unfold(listening, |mut listening| async move {
            let event = listening.next().await?;
            Some((event, listening))
        });
        let events = stream::iter([ready]).chain(events);
        Ok(Streamed(SSE::new(events.boxed()).keep_alive(KEEP_ALIVE)))
    }
}

fn parse_types(text: &str) -> Result<HashSet<String>> {
    let types = text.split(',').map(str::trim).filter(|kind| !kind.is_empty());
    let known = types.map(|kind| Action::parse(kind).map(|action| action.as_str().to_owned()));
    let refuse = || AdminError::parameter(AdminErrorCode::InvalidRequest, "types", "One of them is no type of event.");
    Ok(known.collect::<Option<_>>().ok_or_else(refuse)?)
}

struct Listening {
    _open: Open,
    trail: Arc<ReadTrail>,
    authorize: Arc<Authorize>,
    cursors: Cursors,
    token: Secret<String>,
    time: CallTime,
    types: Option<HashSet<String>>,
    position: i64,
    queue: VecDeque<(i64, EventDocument)>,
    checked: Instant,
    until: Instant,
}

impl Listening {
    fn id(&self, at: i64) -> String {
        self.cursors.next(LIST, Some(&Position { at, id: Vec::new() })).unwrap_or_default()
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((at, event)) = self.queue.pop_front() {
                let data = serde_json::to_string(&event).unwrap_or_default();
                return Some(Event::message(data).event_type(event.kind).id(self.id(at)));
            }
            if Instant::now() >= self.until || !self.may_listen().await {
                return None;
            }
            match self.trail.follow(self.position, BATCH).await {
                Ok((position, events)) => {
                    self.position = position;
                    let types = &self.types;
                    let wanted = |event: &EventDocument| types.as_ref().is_none_or(|types| types.contains(&event.kind));
                    self.queue.extend(events.into_iter().filter(|(_, event)| wanted(event)));
                }
                Err(error) => {
                    // The listener comes back, and goes on where it was.
                    tracing::warn!(%error, "a stream of events ends");
                    return None;
                }
            }
            if self.queue.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = self.time.shutdown().clone().cancelled_owned() => return None,
                }
            }
        }
    }

    /// The token is looked at again, as at each call.
    async fn may_listen(&mut self) -> bool {
        if self.checked.elapsed() < CHECK {
            return true;
        }
        self.checked = Instant::now();
        let administrator = self.authorize.still(self.token.expose()).await;
        administrator.is_ok_and(|administrator| administrator.permissions.allow(Permission::EventsRead))
    }
}
