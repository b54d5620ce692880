//! Who is signed in in which browser.

use super::{Database, Row, WriteError, bounded, bytes, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::session::{Authentication, IDLE, LONGEST, Session};
use crate::protocol::acr::Acr;
use crate::protocol::id::{SessionId, SessionToken, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Sessions {
    database: Database,
}

impl Sessions {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// A session that lives.
    pub async fn find(&self, token: &Digest<SessionToken>, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let sql = "SELECT id, user_id, acr, amr, auth_time, created_at, seen_at \
                   FROM session WHERE token_digest = $1 AND seen_at > $2 AND created_at > $3";
        let values = [digest_bytes(token), (now - IDLE).millis().into(), (now - LONGEST).millis().into()];
        let row = self.database.find(sql, values).await?;
        row.map(|row| session(&row, *token)).transpose()
    }

    /// Begins a session, and ends the one that the browser had: whatever was planted or seen there before
    /// somebody signed in is worth nothing afterwards.
    pub async fn begin(&self, session: &Session, replaces: Option<SessionId>, event: &Event) -> Result<(), StoreError> {
        let begun: Result<(), WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if let Some(old) = replaces {
                transaction.execute("DELETE FROM session WHERE id = $1", [bytes(old.uuid())]).await?;
            }
            let sql = "INSERT INTO session (id, token_digest, user_id, acr, amr, auth_time, created_at, seen_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let values = [
                bytes(session.id.uuid()),
                digest_bytes(&session.token),
                bytes(session.user.uuid()),
                session.authentication.acr.as_str().into(),
                session.authentication.amr.as_str().into(),
                session.authentication.at.millis().into(),
                session.created_at.millis().into(),
                session.seen_at.millis().into(),
            ];
            transaction.execute(sql, values).await?;
            transaction.record(&[event]);
            transaction.commit().await
        })
        .await;
        begun.map_err(WriteError::unexpected)
    }

    /// The session was used.
    pub async fn seen(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE session SET seen_at = $1 WHERE id = $2 AND seen_at < $1";
        self.database.execute(sql, [now.millis().into(), bytes(id.uuid())]).await.map(drop)
    }

    /// `false`: it had ended already.
    pub async fn end(&self, id: SessionId, event: &Event) -> Result<bool, StoreError> {
        let ended: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.execute("DELETE FROM session WHERE id = $1", [bytes(id.uuid())]).await? == 0 {
                return Ok(false);
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        ended.map_err(WriteError::unexpected)
    }

    /// Whether the session is still there.
    pub async fn is_live(&self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM session WHERE id = $1 AND seen_at > $2 AND created_at > $3";
        let values = [bytes(id.uuid()), (now - IDLE).millis().into(), (now - LONGEST).millis().into()];
        Ok(self.database.find(sql, values).await?.is_some())
    }

    /// Deletes at most `limit` sessions that ended.
    pub async fn purge(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let sql = "DELETE FROM session WHERE id IN \
                   (SELECT id FROM session WHERE seen_at <= $1 OR created_at <= $2 LIMIT $3)";
        let values = [(now - IDLE).millis().into(), (now - LONGEST).millis().into(), i64::from(limit).into()];
        self.database.execute(sql, values).await
    }
}

fn session(row: &Row, token: Digest<SessionToken>) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::new(row.uuid(0)?),
        token,
        user: UserId::new(row.uuid(1)?),
        authentication: Authentication { acr: row.parsed(2, Acr::parse)?, amr: row.get(3)?, at: row.time(4)? },
        created_at: row.time(5)?,
        seen_at: row.time(6)?,
    })
}
