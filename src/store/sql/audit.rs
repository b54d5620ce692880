//! The audit trail: rows that are only ever added, in the transaction of what they tell of. When the
//! answer of a commit was lost, its events are written again, and are there once.

use sea_orm::Value;

use super::{Insert, Transaction, WriteError, bytes, bytes_if_any};
use crate::domain::audit::{Actor, Event};
use crate::protocol::id::{DeviceId, RequestId, UserId};

const INSERT: Insert = Insert {
    into: "audit (id, at, action, result, reason, client_id, user_id, device_id, request_id, actor)",
    columns: 10,
    and: "ON CONFLICT (id) DO NOTHING",
};

impl Transaction {
    pub(super) async fn record(&self, events: &[&Event]) -> Result<(), WriteError> {
        self.insert(&INSERT, events.iter().map(|event| values(event)).collect()).await?;
        Ok(())
    }
}

fn values(event: &Event) -> Vec<Value> {
    vec![
        bytes(event.id),
        event.at.millis().into(),
        event.action.as_str().into(),
        event.outcome.as_str().into(),
        // PostgreSQL keeps no NUL in a text, and one bad event must not hold up its group.
        event.reason.as_ref().map(|reason| reason.replace('\0', "\u{fffd}")).into(),
        event.client.as_ref().map(|client| client.as_str().to_owned()).into(),
        bytes_if_any(event.user.map(UserId::uuid)),
        bytes_if_any(event.device.map(DeviceId::uuid)),
        bytes_if_any(event.request.map(RequestId::uuid)),
        event.actor.as_ref().map(Actor::text).into(),
    ]
}
