//! `/admin/v1/audit`: what happened.

use std::sync::Arc;

use poem_openapi::param::Query;
use poem_openapi::{Enum, Object, OpenApi};

use crate::domain::audit::Action;
use crate::http::Tag;
use crate::http::admin::access::{Admin, AuditRead};
use crate::http::admin::closed::closed;
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::reply::{Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permission;
use crate::protocol::id::{DeviceId, RequestId, UserId};
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::AdminError;
use crate::usecase::admin::events::{EventDocument, ReadTrail, Wanted};

pub struct AuditApi {
    pub trail: Arc<ReadTrail>,
    pub cursors: Cursors,
}

closed! {
    #[doc = "What can happen."]
    EventType: Action = Action::ALL.iter().map(|action| action.as_str());
}

/// Whether it was done or refused.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum EventResult {
    Done,
    Refused,
}

/// Something that happened. Never a secret, a hint, a message or an address.
#[derive(Clone, Debug, Object)]
#[oai(rename = "Event", skip_serializing_if_is_none)]
pub struct EventBody {
    pub id: String,
    /// An `EventType`, or one that only a newer version knows.
    #[oai(rename = "type")]
    pub kind: String,
    /// RFC 3339.
    pub time: String,
    pub result: String,
    /// Why, for a refusal.
    pub reason: Option<String>,
    /// Whose hand did it: `client:` and a `client_id`, `bootstrap` or `command_line`. Absent when it was
    /// the client, the person or the device itself.
    pub actor: Option<String>,
    pub client_id: Option<String>,
    pub user_id: Option<String>,
    pub device_id: Option<String>,
    pub request_id: Option<String>,
}

/// Part of the audit trail.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct EventPage {
    pub items: Vec<EventBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<EventDocument> for EventBody {
    fn from(event: EventDocument) -> Self {
        let EventDocument { id, kind, time, result, reason, actor, client_id, user_id, device_id, request_id } = event;
        Self { id, kind, time, result, reason, actor, client_id, user_id, device_id, request_id }
    }
}

/// An identifier in a filter. One that cannot be is a mistake of the caller.
pub(super) fn named<T>(
    kind: Kind,
    parameter: &'static str,
    text: Option<&str>,
    make: impl Fn(uuid::Uuid) -> T,
) -> Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    let refuse =
        || AdminError::parameter(AdminErrorCode::InvalidRequest, parameter, "An identifier of another kind, or none.");
    Ok(Some(make(public_id::decode(kind, text).ok_or_else(refuse)?)))
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminAudit")]
impl AuditApi {
    /// Read the audit trail
    ///
    /// Newest first: what was done, and what was refused.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/audit", method = "get", operation_id = "listAuditEvents")]
    async fn list(
        &self,
        #[oai(scope = "Permission::AuditRead")] admin: Admin<AuditRead>,
        /// Of this type only.
        #[oai(name = "type")]
        kind: Query<Option<EventType>>,
        result: Query<Option<EventResult>>,
        /// About this client only.
        client_id: Query<Option<String>>,
        /// About this user only.
        user_id: Query<Option<String>>,
        /// About this device only.
        device_id: Query<Option<String>>,
        /// About this authentication request only.
        request_id: Query<Option<String>>,
        /// Not before this time.
        created_after: Query<Option<DateTime>>,
        /// Before this time.
        created_before: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<EventPage>> {
        let Admin { .. } = admin;
        let wanted = Wanted {
            action: kind.0.map(|EventType(kind)| kind.to_owned()),
            result: result.0.map(|result| match result {
                EventResult::Done => "done".to_owned(),
                EventResult::Refused => "refused".to_owned(),
            }),
            client: client_id.0.filter(|id| !id.contains('\0')),
            user: named(Kind::User, "user_id", user_id.0.as_deref(), UserId::new)?,
            device: named(Kind::Device, "device_id", device_id.0.as_deref(), DeviceId::new)?,
            request: named(Kind::Request, "request_id", request_id.0.as_deref(), RequestId::new)?,
            since: created_after.0.map(|DateTime(at)| at),
            until: created_before.0.map(|DateTime(at)| at),
        };
        let list = format!("audit {wanted:?}");
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let found = self.trail.list(&wanted, after, page::limit(limit.0)).await?;
        Ok(Shown::of(EventPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.trail.count(&wanted)).await?,
            items: found.items.into_iter().map(EventBody::from).collect(),
        }))
    }
}
