//! Decisions, as they are kept: how a row is written and read. The ledger commits them.

use sea_orm::Value;
use uuid::Uuid;

use super::{Database, Insert, Row, Transaction, WriteError, bytes, bytes_if_any, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::authentication_request::{self, Approval, Decision, Denial};
use crate::domain::decision::Record;
use crate::domain::mobile_app::Choice;
use crate::protocol::acr::Acr;
use crate::protocol::id::{AuthReqId, ClientId, DeviceId, NotificationId, RequestId, UserId};
use crate::protocol::scope::Scope;
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

/// What was decided, with its evidence: for whoever repairs, and for whoever must prove it.
#[derive(Clone, Debug)]
pub struct Decisions {
    database: Database,
}

impl Decisions {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub async fn find(&self, request: RequestId) -> Result<Option<Record>, StoreError> {
        self.find_by("request_id = $1", bytes(request.uuid())).await
    }

    /// For a request whose fast copy was lost after it was decided.
    pub async fn find_by_digest(&self, request: &Digest<AuthReqId>) -> Result<Option<Record>, StoreError> {
        self.find_by("request_digest = $1", digest_bytes(request)).await
    }

    /// Decisions of requests whose clients may still poll, at most the last 10 000.
    pub async fn still_polled(&self, now: Timestamp) -> Result<Vec<Record>, StoreError> {
        let sql = format!("SELECT {RECORD} FROM decision WHERE expires_at > $1 ORDER BY expires_at DESC LIMIT 10000");
        let since = now - authentication_request::FINALISE;
        self.database.find_all(&sql, [since.millis().into()]).await?.iter().map(record).collect()
    }

    /// Whether the approval was found to be worth nothing when it was redeemed: its grant never lived.
    pub async fn was_withheld(&self, request: RequestId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM token_grant WHERE request_id = $1 AND revoked_at = created_at";
        Ok(self.database.find(sql, [bytes(request.uuid())]).await?.is_some())
    }

    async fn find_by(&self, condition: &str, value: Value) -> Result<Option<Record>, StoreError> {
        let row = self.database.find(&format!("SELECT {RECORD} FROM decision WHERE {condition}"), [value]).await?;
        row.as_ref().map(record).transpose()
    }
}

/// Where a decision has to arrive: enough to look whether it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub request: Digest<AuthReqId>,
    pub user: UserId,
    pub notification: NotificationId,
}

impl Told {
    pub(super) fn of(record: &Record) -> Self {
        Self { request: record.request_digest, user: record.user, notification: record.notification }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        [&self.request.as_bytes()[..], self.user.uuid().as_bytes(), self.notification.uuid().as_bytes()].concat()
    }

    /// Reads the payload of an outbox row.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (request, rest) = payload.split_first_chunk::<32>()?;
        let (user, notification) = rest.split_first_chunk::<16>()?;
        Some(Self {
            request: Digest::from_bytes(*request),
            user: UserId::new(Uuid::from_bytes(*user)),
            notification: NotificationId::new(Uuid::from_bytes(notification.try_into().ok()?)),
        })
    }
}

pub(super) const INSERT: Insert = Insert {
    into: "decision (request_id, request_digest, notification_id, client_id, user_id, device_id, outcome, reason, \
           acr, evidence, context_hash, decided_at, scope, issued_at, expires_at, shown)",
    columns: 16,
    and: "ON CONFLICT (request_id) DO NOTHING RETURNING request_id",
};

/// The values of [`INSERT`].
pub(super) fn row(record: &Record) -> Vec<Value> {
    let (outcome, reason) = match &record.outcome {
        Decision::Approved(approval) => (APPROVED, approval.choice.map(Choice::as_str)),
        Decision::Denied(denial) => (DENIED, Some(denial.as_str())),
        Decision::Cancelled => (CANCELLED, None),
    };
    vec![
        bytes(record.request.uuid()),
        digest_bytes(&record.request_digest),
        bytes(record.notification.uuid()),
        record.client.as_str().into(),
        bytes(record.user.uuid()),
        bytes_if_any(record.device.map(DeviceId::uuid)),
        outcome.into(),
        reason.map(str::to_owned).into(),
        record.acr.as_str().into(),
        record.evidence.clone().into(),
        record.context_hash.clone().into(),
        record.decided_at.millis().into(),
        record.scope.as_str().into(),
        record.issued_at.millis().into(),
        record.expires_at.millis().into(),
        record.shown.clone().into(),
    ]
}

/// The decision that stands, inside of the transaction that came too late.
pub(super) async fn standing(transaction: &Transaction, request: RequestId) -> Result<Decision, WriteError> {
    let row = transaction
        .find(
            "SELECT outcome, reason, device_id, decided_at FROM decision WHERE request_id = $1",
            [bytes(request.uuid())],
        )
        .await?
        .ok_or(StoreError::Corrupt("a decision that is neither new nor there"))?;
    Ok(decision_of(&row)?)
}

/// The columns that [`record`] reads, in its order.
const RECORD: &str = "outcome, reason, device_id, decided_at, request_digest, notification_id, client_id, user_id, acr, \
                      evidence, context_hash, request_id, scope, issued_at, expires_at, shown";

fn record(row: &Row) -> Result<Record, StoreError> {
    Ok(Record {
        request: RequestId::new(row.uuid(11)?),
        request_digest: row.digest(4)?,
        notification: NotificationId::new(row.uuid(5)?),
        client: row.parsed(6, ClientId::parse)?,
        user: UserId::new(row.uuid(7)?),
        device: row.uuid_if_any(2)?.map(DeviceId::new),
        outcome: decision_of(row)?,
        acr: row.parsed(8, Acr::parse)?,
        scope: row.parsed(12, Scope::parse)?,
        issued_at: row.time(13)?,
        expires_at: row.time(14)?,
        evidence: row.get(9)?,
        context_hash: row.get(10)?,
        shown: row.get(15)?,
        decided_at: row.time(3)?,
    })
}

/// Reads `outcome, reason, device_id, decided_at`, the first columns of `row`.
fn decision_of(row: &Row) -> Result<Decision, StoreError> {
    let outcome: String = row.get(0)?;
    match outcome.as_str() {
        APPROVED => {
            let device = row.uuid_if_any(2)?.ok_or(StoreError::Corrupt("an approval without device"))?;
            let choice = row.get::<Option<String>>(1)?.map(|text| Choice::parse(&text));
            let choice = choice.map(|known| known.ok_or(StoreError::Corrupt("an approval with an unknown choice")));
            let (device, at) = (DeviceId::new(device), row.time(3)?);
            Ok(Decision::Approved(Approval { device, at, choice: choice.transpose()? }))
        }
        DENIED => Ok(Decision::Denied(row.parsed(1, Denial::parse)?)),
        CANCELLED => Ok(Decision::Cancelled),
        _ => Err(StoreError::Corrupt("a decision with an unknown outcome")),
    }
}

const APPROVED: &str = "approved";
const DENIED: &str = "denied";
const CANCELLED: &str = "cancelled";
