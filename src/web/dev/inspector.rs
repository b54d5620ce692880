//! `/dev/wire`: every message, one page for each request, and what to do with them.

use std::sync::Arc;

use askama::Template;
use poem::http::StatusCode;
use poem::web::{Data, Path, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;
use serde_json::json;

use super::Pages;
use super::clock::ahead;
use super::summary::{Line, name};
use super::view::{Depth, MessageView, Viewer, is_handshake};
use super::wire::{Actor, Content, Message};
use crate::protocol::id::RequestId;
use crate::protocol::public_id::{self, Kind};
use crate::web::page::{html, json, see_other, wants_html};

#[derive(Template)]
#[template(path = "dev/wire.html")]
struct WirePage {
    active: &'static str,
    ahead: Option<String>,
    /// Of one request, or all.
    request: Option<String>,
    messages: Vec<MessageView>,
    /// Those that the filter lets through are so many of so many.
    total: usize,
    /// Whether there are administrators and webhooks, who have lanes of their own.
    further: bool,
    actors: Vec<(String, bool)>,
    filter: Filter,
    reveal: bool,
    /// The same page with secrets shown or covered.
    toggled: String,
}

#[derive(Template)]
#[template(path = "dev/gone.html")]
struct GonePage {
    active: &'static str,
    ahead: Option<String>,
}

/// What to show, from the address, so that it can be bookmarked and passed on.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    actor: String,
    /// `errors`, `calls`, `events`
    #[serde(default)]
    kind: String,
    /// A part of an address, an error, a status or an identifier.
    #[serde(default)]
    text: String,
    #[serde(default)]
    reveal: String,
}

impl Filter {
    fn lets(&self, pages: &Pages, message: &Message) -> bool {
        let line = Line::of(&pages.wire, message);
        let is_error = line.error.is_some() && !is_handshake(line.error.as_deref());
        let kind = match self.kind.as_str() {
            "errors" => is_error,
            "calls" => matches!(message.content, Content::Call { .. } | Content::Delivery { .. }),
            "events" => matches!(message.content, Content::Event { .. } | Content::Handed { .. }),
            _ => true,
        };
        let status = line.status.map(|status| status.to_string()).unwrap_or_default();
        let words = [&line.what, &line.from, &line.to, &status];
        let more = [line.error.as_ref(), line.request.as_ref()];
        let text = self.text.trim().to_lowercase();
        let found = words.into_iter().chain(more.into_iter().flatten()).any(|word| word.to_lowercase().contains(&text));
        kind && found && (self.actor.is_empty() || name(&message.actor) == self.actor)
    }

    fn query(&self, reveal: bool) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("actor", &self.actor), ("kind", &self.kind), ("text", &self.text)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if reveal {
            query.append_pair("reveal", "1");
        }
        query.finish()
    }
}

#[handler]
pub(super) fn wire(Data(pages): Data<&Arc<Pages>>, Query(filter): Query<Filter>) -> Response {
    page(pages, None, pages.wire.messages(), filter)
}

#[handler]
pub(super) fn of_request(
    Data(pages): Data<&Arc<Pages>>,
    Path(text): Path<String>,
    Query(filter): Query<Filter>,
) -> Response {
    // As logs and devices write it, or as the admin API does.
    let prefixed = || public_id::decode(Kind::Request, &text).map(RequestId::new);
    let request = text.parse::<RequestId>().ok().or_else(prefixed);
    let messages = request.map(|request| pages.wire.of_request(request)).unwrap_or_default();
    if messages.is_empty() {
        return html(StatusCode::NOT_FOUND, &GonePage { active: "wire", ahead: ahead(pages) });
    }
    page(pages, Some(text), messages, filter)
}

fn page(pages: &Pages, request: Option<String>, messages: Vec<Arc<Message>>, filter: Filter) -> Response {
    let total = messages.len();
    let mut actors: Vec<String> = messages.iter().map(|message| name(&message.actor)).collect();
    actors.sort();
    actors.dedup();
    let further = |message: &Arc<Message>| matches!(message.actor, Actor::Admin(_) | Actor::Webhook(_));
    let further = messages.iter().any(further);
    let shown: Vec<_> = messages.into_iter().filter(|message| filter.lets(pages, message)).collect();
    let reveal = filter.reveal == "1";
    let depth = Depth { all: true, reveal };
    let viewer = Viewer { wire: &pages.wire, keys: &pages.keys, base: &pages.issuer, depth };
    html(
        StatusCode::OK,
        &WirePage {
            active: "wire",
            ahead: ahead(pages),
            request,
            messages: viewer.all(&shown),
            total,
            further,
            actors: actors
                .into_iter()
                .map(|actor| (actor == filter.actor, actor))
                .map(|(is, actor)| (actor, is))
                .collect(),
            toggled: filter.query(!reveal),
            filter,
            reveal,
        },
    )
}

#[handler]
pub(super) fn clear(Data(pages): Data<&Arc<Pages>>, request: &Request) -> Response {
    pages.wire.clear();
    if wants_html(request) { see_other("/dev/wire") } else { json(StatusCode::OK, &json!({ "cleared": true })) }
}

/// Sends a message again, byte by byte. Mostly to see that this is refused.
#[handler]
pub(super) async fn replay(Data(pages): Data<&Arc<Pages>>, request: &Request, Path(number): Path<u64>) -> Response {
    let message = pages.wire.find(number);
    let call = message.as_ref().and_then(|message| match &message.content {
        Content::Call { call, .. } => Some(call),
        Content::Event { .. } | Content::Handed { .. } | Content::Delivery { .. } => None,
    });
    let Some(call) = call else {
        return json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }));
    };
    let before = pages.wire.last();
    let replayed = pages.stage.shop.replay(call, number).await;
    let again = pages.wire.messages().into_iter().rev();
    let again = again.filter(|message| message.number > before).find(|message| message.replay_of == Some(number));
    let number = again.map_or(before, |message| message.number);
    match replayed {
        _ if wants_html(request) => see_other(&format!("/dev/wire#m{number}")),
        Ok(status) => json(StatusCode::OK, &json!({ "status": status, "number": number })),
        Err(trouble) => {
            json(StatusCode::BAD_GATEWAY, &json!({ "error": "unreachable", "error_description": trouble.0 }))
        }
    }
}
