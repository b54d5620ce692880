//! The audit trail, read: by those who look something up, and by those who follow it.

use sea_orm::Value;
use uuid::Uuid;

use super::fleet::since;
use super::{Database, Row, bytes, bytes_if_any};
use crate::clock::Timestamp;
use crate::protocol::id::{ClientId, DeviceId, RequestId, UserId};
use crate::store::ephemeral::StoreError;

/// One event, as it was written down. Words that only a newer version knows are words too.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its place in the trail.
    pub seq: i64,
    pub id: Uuid,
    pub at: Timestamp,
    pub action: String,
    pub result: String,
    pub reason: Option<String>,
    pub client: Option<String>,
    pub user: Option<UserId>,
    pub device: Option<DeviceId>,
    pub request: Option<RequestId>,
    pub actor: Option<String>,
}

/// Which events are listed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub action: Option<String>,
    pub result: Option<String>,
    pub client: Option<String>,
    pub user: Option<UserId>,
    pub device: Option<DeviceId>,
    pub request: Option<RequestId>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// What became of an authentication request, as far as SQL knows.
#[derive(Clone, Debug)]
pub struct Asked {
    pub seq: i64,
    pub at: Timestamp,
    pub id: RequestId,
    pub client: ClientId,
    /// `None`: nobody was behind the hint.
    pub user: Option<UserId>,
    /// Denied at once: the person had no device to ask.
    pub no_device: bool,
    pub decided: Option<DecidedRow>,
    pub redeemed_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct DecidedRow {
    pub outcome: String,
    pub reason: Option<String>,
    pub device: Option<DeviceId>,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a request has come to, where SQL can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Undecided,
    Approved,
    Denied,
    Cancelled,
    Redeemed,
}

/// Which requests are listed.
#[derive(Clone, Debug, Default)]
pub struct Requested {
    pub settled: Option<Settled>,
    pub client: Option<String>,
    pub user: Option<UserId>,
    pub since: Option<Timestamp>,
}

/// With [`Wanted::values`].
const WANTED: &str = "($1 IS NULL OR action = $1) AND ($2 IS NULL OR result = $2) AND ($3 IS NULL OR client_id = $3) \
                      AND ($4 IS NULL OR user_id = $4) AND ($5 IS NULL OR device_id = $5) \
                      AND ($6 IS NULL OR request_id = $6) AND at >= $7 AND at < $8";

impl Wanted {
    fn values(&self) -> [Value; 8] {
        [
            self.action.clone().into(),
            self.result.clone().into(),
            self.client.clone().into(),
            bytes_if_any(self.user.map(UserId::uuid)),
            bytes_if_any(self.device.map(DeviceId::uuid)),
            bytes_if_any(self.request.map(RequestId::uuid)),
            since(self.since),
            self.until.map_or(i64::MAX, Timestamp::millis).into(),
        ]
    }
}

const EVENT: &str = "seq, id, at, action, result, reason, client_id, user_id, device_id, request_id, actor";

#[derive(Debug)]
pub struct Trail {
    database: Database,
}

impl Trail {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// At most `limit` events, newest first, those before a place only.
    pub async fn page(&self, wanted: &Wanted, before: i64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let sql = format!("SELECT {EVENT} FROM audit WHERE {WANTED} AND seq < $9 ORDER BY seq DESC LIMIT $10");
        let values = wanted.values().into_iter().chain([before.into(), i64::from(limit).into()]);
        self.database.find_all(&sql, values).await?.iter().map(recorded).collect()
    }

    /// How many events there are.
    pub async fn count(&self, wanted: &Wanted) -> Result<u64, StoreError> {
        self.database.count(&format!("SELECT COUNT(*) FROM audit WHERE {WANTED}"), wanted.values()).await
    }

    /// The place of the last event.
    pub async fn end(&self) -> Result<i64, StoreError> {
        let row = self.database.find("SELECT COALESCE(MAX(seq), 0) FROM audit", []).await?;
        row.ok_or(StoreError::Corrupt("a count without an answer"))?.get(0)
    }

    /// At most `limit` events after a place, oldest first. Places are in the order of the commits
    /// ([`super::audit`]): whoever reads on from the last one misses none.
    pub async fn follow(&self, after: i64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let sql = format!("SELECT {EVENT} FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2");
        self.database.find_all(&sql, [after.into(), i64::from(limit).into()]).await?.iter().map(recorded).collect()
    }

    /// The place after which all events are that happened at `at` or later. Zero: all of them.
    pub async fn place_before(&self, at: Timestamp) -> Result<i64, StoreError> {
        let first = "SELECT MIN(seq) FROM audit WHERE at >= $1";
        if let Some(seq) = self.place(first, at).await? {
            return Ok(seq - 1);
        }
        Ok(self.place("SELECT MAX(seq) FROM audit WHERE at < $1", at).await?.unwrap_or(0))
    }

    async fn place(&self, sql: &str, at: Timestamp) -> Result<Option<i64>, StoreError> {
        match self.database.find(sql, [at.millis().into()]).await? {
            Some(row) => row.get(0),
            None => Ok(None),
        }
    }

    /// At most `limit` requests, newest first, those before a place only.
    pub async fn requests(&self, wanted: &Requested, before: i64, limit: u32) -> Result<Vec<Asked>, StoreError> {
        let settled = wanted.settled();
        let sql =
            format!("SELECT {ASKED} {FROM} AND {REQUESTED} {settled} AND a.seq < $4 ORDER BY a.seq DESC LIMIT $5");
        let values = wanted.values().into_iter().chain([before.into(), i64::from(limit).into()]);
        self.database.find_all(&sql, values).await?.iter().map(asked).collect()
    }

    /// How many requests there are.
    pub async fn count_requests(&self, wanted: &Requested) -> Result<u64, StoreError> {
        let sql = format!("SELECT COUNT(*) {FROM} AND {REQUESTED} {}", wanted.settled());
        self.database.count(&sql, wanted.values()).await
    }

    pub async fn request(&self, id: RequestId) -> Result<Option<Asked>, StoreError> {
        let row =
            self.database.find(&format!("SELECT {ASKED} {FROM} AND a.request_id = $1"), [bytes(id.uuid())]).await?;
        row.as_ref().map(asked).transpose()
    }
}

const ASKED: &str = "a.seq, a.at, a.request_id, a.client_id, a.user_id, a.reason, d.outcome, d.reason, d.device_id, \
                     d.decided_at, d.expires_at, g.created_at";
const FROM: &str = "FROM audit a LEFT JOIN decision d ON d.request_id = a.request_id \
                    LEFT JOIN token_grant g ON g.request_id = a.request_id \
                    AND (g.revoked_at IS NULL OR g.revoked_at > g.created_at) \
                    WHERE a.action = 'request.created' AND a.result = 'done'";
/// With [`Requested::values`].
const REQUESTED: &str = "($1 IS NULL OR a.client_id = $1) AND ($2 IS NULL OR a.user_id = $2) AND a.at >= $3";

impl Requested {
    const fn settled(&self) -> &'static str {
        match self.settled {
            None => "",
            Some(Settled::Undecided) => "AND d.request_id IS NULL AND (a.reason IS NULL OR a.reason <> 'no_device')",
            Some(Settled::Approved) => "AND d.outcome = 'approved' AND g.id IS NULL",
            Some(Settled::Denied) => "AND (d.outcome = 'denied' OR a.reason = 'no_device')",
            Some(Settled::Cancelled) => "AND d.outcome = 'cancelled'",
            Some(Settled::Redeemed) => "AND g.id IS NOT NULL",
        }
    }

    fn values(&self) -> [Value; 3] {
        [self.client.clone().into(), bytes_if_any(self.user.map(UserId::uuid)), since(self.since)]
    }
}

fn recorded(row: &Row) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        seq: row.get(0)?,
        id: row.uuid(1)?,
        at: row.time(2)?,
        action: row.get(3)?,
        result: row.get(4)?,
        reason: row.get(5)?,
        client: row.get(6)?,
        user: row.uuid_if_any(7)?.map(UserId::new),
        device: row.uuid_if_any(8)?.map(DeviceId::new),
        request: row.uuid_if_any(9)?.map(RequestId::new),
        actor: row.get(10)?,
    })
}

fn asked(row: &Row) -> Result<Asked, StoreError> {
    let reason: Option<String> = row.get(5)?;
    let outcome: Option<String> = row.get(6)?;
    let decided = outcome
        .map(|outcome| {
            Ok::<_, StoreError>(DecidedRow {
                outcome,
                reason: row.get(7)?,
                device: row.uuid_if_any(8)?.map(DeviceId::new),
                at: row.time(9)?,
                expires_at: row.time(10)?,
            })
        })
        .transpose()?;
    Ok(Asked {
        seq: row.get(0)?,
        at: row.time(1)?,
        id: RequestId::new(row.uuid(2)?),
        client: row.parsed(3, ClientId::parse)?,
        user: row.uuid_if_any(4)?.map(UserId::new),
        no_device: reason.as_deref() == Some("no_device"),
        decided,
        redeemed_at: row.time_if_any(11)?,
    })
}
