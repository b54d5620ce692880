//! What happened, for those who look it up and those who listen: the audit trail, with the identifiers
//! of the admin API.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::audit::Outcome;
use crate::protocol::id::{DeviceId, RequestId, UserId};
use crate::protocol::public_id::{self, Kind};
use crate::store::ephemeral::StoreError;
pub use crate::store::sql::trail::Wanted;
use crate::store::sql::trail::{Recorded, Trail};
use crate::usecase::admin::{Page, Position};

/// One event, as everybody is told it.
#[derive(Clone, Debug, Serialize)]
pub struct EventDocument {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339.
    pub time: String,
    pub result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl EventDocument {
    pub fn of(event: &Recorded) -> Self {
        Self {
            id: public_id::encode(Kind::Event, event.id),
            kind: event.action.clone(),
            time: event.at.to_string(),
            result: event.result.clone(),
            reason: event.reason.clone(),
            actor: event.actor.clone(),
            client_id: event.client.clone(),
            user_id: event.user.map(|id: UserId| public_id::encode(Kind::User, id.uuid())),
            device_id: event.device.map(|id: DeviceId| public_id::encode(Kind::Device, id.uuid())),
            request_id: event.request.map(|id: RequestId| public_id::encode(Kind::Request, id.uuid())),
        }
    }

    /// The body that a webhook is sent [Standard Webhooks, "payload structure"].
    pub fn body(&self) -> String {
        let data: Value = serde_json::to_value(self).unwrap_or_default();
        json!({ "type": self.kind, "timestamp": self.time, "data": data }).to_string()
    }
}

/// Listeners hear what happened, not what was refused: whoever knocks must not fill their ears.
pub fn is_told(event: &Recorded) -> bool {
    event.result == Outcome::Done.as_str()
}

pub struct ReadTrail {
    pub trail: Arc<Trail>,
}

impl ReadTrail {
    pub async fn list(
        &self,
        wanted: &Wanted,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Page<EventDocument>, StoreError> {
        let before = after.map_or(i64::MAX, |position| position.at);
        let found = self.trail.page(wanted, before, limit.saturating_add(1)).await?;
        let page = Page::of(found, limit, |event| Position { at: event.seq, id: Vec::new() });
        Ok(page.map(|event| EventDocument::of(&event)))
    }

    /// How many there are in all parts.
    pub async fn count(&self, wanted: &Wanted) -> Result<u64, StoreError> {
        self.trail.count(wanted).await
    }
}

impl ReadTrail {
    /// Where what happens from now on begins.
    pub async fn end(&self) -> Result<i64, StoreError> {
        self.trail.end().await
    }

    /// What happened after a place, as far as nothing can come in between any more: how far that is,
    /// and each event that is told, with its place.
    pub async fn follow(&self, after: i64, limit: u32) -> Result<(i64, Vec<(i64, EventDocument)>), StoreError> {
        let events = self.trail.follow(after, limit).await?;
        let last = events.last().map_or(after, |event| event.seq);
        let told = events.iter().filter(|event| is_told(event));
        Ok((last, told.map(|event| (event.seq, EventDocument::of(event))).collect()))
    }
}
