//! Grants and the tokens that hang on them, after they were given.

use std::time::Duration;

use sea_orm::Value;

use super::{Database, Insert, Row, Transaction, WriteError, bounded, bytes, digest_bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::grant::{Grant, REUSE_GRACE, Rotation, StoredAccessToken, StoredRefreshToken};
use crate::protocol::acr::Acr;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::extent::Extent;
use crate::protocol::id::{ClientId, DeviceId, GrantId, OpaqueAccessToken, RefreshToken, RequestId, SessionId, UserId};
use crate::protocol::scope::Scope;
use crate::secret::{Digest, Sealed};
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Tokens {
    database: Database,
}

/// A refresh token that was presented by the client that has it, and what follows if it is live.
#[derive(Debug)]
pub struct Presented {
    pub digest: Digest<RefreshToken>,
    pub successor: StoredRefreshToken,
    /// The successor itself, for whoever did not get it the first time.
    pub sealed_successor: Sealed,
    pub access: Option<StoredAccessToken>,
    /// Recorded when the token is rotated.
    pub rotated: Event,
    /// Recorded when it was used before.
    pub reused: Event,
}

/// What an ID token says of where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenOf<'a> {
    pub user: UserId,
    pub client: &'a ClientId,
    pub session: Option<SessionId>,
    pub authenticated_at: Timestamp,
    pub issued_at: Timestamp,
}

impl Tokens {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// The grant, unless it was revoked.
    pub async fn active_grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let sql = format!("SELECT {GRANT} FROM token_grant g WHERE g.id = $1 AND g.revoked_at IS NULL");
        let row = self.database.find(&sql, [bytes(id.uuid())]).await?;
        row.map(|row| grant(&row, 0)).transpose()
    }

    /// Whether a person has given a client anything that still stands.
    pub async fn has_grant(&self, user: UserId, client: &ClientId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM token_grant WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL LIMIT 1";
        Ok(self.database.find(sql, [bytes(user.uuid()), client.as_str().into()]).await?.is_some())
    }

    /// The grant that an ID token was given under, unless it was revoked: of those that were there by then, the
    /// last one. What a person gave later, or in another session, is none of its business.
    pub async fn grant_behind(&self, token: &IdTokenOf<'_>) -> Result<Option<Grant>, StoreError> {
        let within = if token.session.is_some() { "g.session_id = $6" } else { "g.session_id IS NULL" };
        let sql = format!(
            "SELECT {GRANT} FROM token_grant g WHERE g.user_id = $1 AND g.client_id = $2 \
             AND g.auth_time >= $3 AND g.auth_time < $4 AND g.created_at < $5 AND {within} \
             ORDER BY g.created_at DESC LIMIT 1"
        );
        // Tokens tell seconds, and the database milliseconds.
        let after = |time: Timestamp| (time + Duration::from_secs(1)).millis();
        let values = [
            bytes(token.user.uuid()),
            token.client.as_str().into(),
            token.authenticated_at.millis().into(),
            after(token.authenticated_at).into(),
            after(token.issued_at).into(),
        ];
        let session = token.session.map(|session| bytes(session.uuid()));
        let row = self.database.find(&sql, values.into_iter().chain(session)).await?;
        let last = row.map(|row| grant(&row, 0)).transpose()?;
        Ok(last.filter(|grant| grant.revoked_at.is_none()))
    }

    /// The grant of a JWT access token, unless one of both was revoked.
    pub async fn active_grant_of_jwt(&self, id: GrantId, jti: &str) -> Result<Option<Grant>, StoreError> {
        let sql = format!(
            "SELECT {GRANT} FROM token_grant g WHERE g.id = $1 AND g.revoked_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM revoked_access_token r WHERE r.jti = $2)"
        );
        let row = self.database.find(&sql, [bytes(id.uuid()), jti.into()]).await?;
        row.map(|row| grant(&row, 0)).transpose()
    }

    /// Whether a JWT access token was given back.
    pub async fn is_revoked(&self, jti: &str) -> Result<bool, StoreError> {
        Ok(self.database.find("SELECT 1 FROM revoked_access_token WHERE jti = $1", [jti.into()]).await?.is_some())
    }

    /// An opaque access token and its grant, unless it has ended or was revoked.
    pub async fn access_token(
        &self,
        digest: &Digest<OpaqueAccessToken>,
        now: Timestamp,
    ) -> Result<Option<(StoredAccessToken, Grant)>, StoreError> {
        let sql = format!(
            "SELECT {GRANT}, t.scope, t.issued_at, t.expires_at, t.bound_to, t.extent \
             FROM access_token t JOIN token_grant g ON g.id = t.grant_id \
             WHERE t.digest = $1 AND t.expires_at > $2 AND g.revoked_at IS NULL"
        );
        let row = self.database.find(&sql, [digest_bytes(digest), now.millis().into()]).await?;
        row.map(|row| {
            let grant = grant(&row, 0)?;
            let token = StoredAccessToken {
                digest: *digest,
                grant: grant.id,
                bound_to: row.parsed_if_any(GRANT_COLUMNS + 3, Confirmation::parse)?,
                scope: row.parsed(GRANT_COLUMNS, Scope::parse)?,
                issued_at: row.time(GRANT_COLUMNS + 1)?,
                expires_at: row.time(GRANT_COLUMNS + 2)?,
                extent: extent(&row, GRANT_COLUMNS + 4)?,
            };
            Ok((token, grant))
        })
        .transpose()
    }

    /// A refresh token that could be used now, and its grant.
    pub async fn live_refresh_token(
        &self,
        digest: &Digest<RefreshToken>,
        now: Timestamp,
    ) -> Result<Option<(StoredRefreshToken, Grant)>, StoreError> {
        let live = "AND t.used_at IS NULL AND t.expires_at > $2 AND t.absolute_expires_at > $2";
        self.find_refresh_token(digest, live, Some(now.millis().into())).await
    }

    /// A refresh token and its grant, live or used or ended: what there is. `None` for one that was
    /// never given, or whose grant was revoked.
    pub async fn refresh_token(
        &self,
        digest: &Digest<RefreshToken>,
    ) -> Result<Option<(StoredRefreshToken, Grant)>, StoreError> {
        self.find_refresh_token(digest, "", None).await
    }

    async fn find_refresh_token(
        &self,
        digest: &Digest<RefreshToken>,
        and: &str,
        value: Option<Value>,
    ) -> Result<Option<(StoredRefreshToken, Grant)>, StoreError> {
        let sql = format!(
            "SELECT {GRANT}, t.issued_at, t.expires_at, t.absolute_expires_at \
             FROM refresh_token t JOIN token_grant g ON g.id = t.grant_id \
             WHERE t.digest = $1 AND g.revoked_at IS NULL {and}"
        );
        let row = self.database.find(&sql, [digest_bytes(digest)].into_iter().chain(value)).await?;
        row.map(|row| {
            let grant = grant(&row, 0)?;
            let token = StoredRefreshToken {
                digest: *digest,
                grant: grant.id,
                issued_at: row.time(GRANT_COLUMNS)?,
                expires_at: row.time(GRANT_COLUMNS + 1)?,
                absolute_expires_at: row.time(GRANT_COLUMNS + 2)?,
            };
            Ok((token, grant))
        })
        .transpose()
    }

    /// Uses a refresh token, once (RFC 9700 §4.14.2). The verdict is the row count of one guarded
    /// statement; what follows a used token is a transaction of its own, so that it stays although
    /// the request is refused.
    pub async fn rotate(&self, presented: &Presented, now: Timestamp) -> Result<Rotation, StoreError> {
        if let Some(grant) = bounded(self.use_once(presented, now)).await.map_err(WriteError::unexpected)? {
            return Ok(Rotation::Rotated(grant));
        }
        let sql = format!(
            "SELECT {GRANT}, t.used_at, t.successor_sealed, EXISTS (SELECT 1 FROM refresh_token s \
             WHERE s.grant_id = t.grant_id AND s.digest <> t.digest AND s.issued_at = t.used_at \
             AND s.used_at IS NOT NULL) \
             FROM refresh_token t JOIN token_grant g ON g.id = t.grant_id \
             WHERE t.digest = $1 AND g.revoked_at IS NULL AND t.absolute_expires_at > $2"
        );
        let values = [digest_bytes(&presented.digest), now.millis().into()];
        let Some(row) = self.database.find(&sql, values).await? else { return Ok(Rotation::Invalid) };
        let grant = grant(&row, 0)?;
        let successor: Option<Vec<u8>> = row.get(GRANT_COLUMNS + 1)?;
        match (row.time_if_any(GRANT_COLUMNS)?, successor) {
            (None, _) => Ok(Rotation::Invalid),
            // Once the successor was shown, the answer that gave it was not lost. Nor is a moment ago what is far
            // ahead, as it is when a clock was set back.
            (Some(used), Some(successor))
                if now < used + REUSE_GRACE && used < now + REUSE_GRACE && !row.get::<bool>(GRANT_COLUMNS + 2)? =>
            {
                Ok(Rotation::Again(grant, Sealed::from_bytes(successor)))
            }
            (Some(_), _) => {
                self.revoke_grant(grant.id, &presented.reused, now).await?;
                Ok(Rotation::Reused(grant))
            }
        }
    }

    /// Uses a refresh token that stays, and lives until then. `false`: it is not live, or was replaced.
    pub async fn keep(
        &self,
        digest: &Digest<RefreshToken>,
        until: Timestamp,
        access: Option<&StoredAccessToken>,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let kept: Result<bool, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let kept = transaction
                .execute(
                    "UPDATE refresh_token SET expires_at = $1 \
                     WHERE digest = $2 AND used_at IS NULL AND expires_at > $3 AND absolute_expires_at > $3 \
                     AND EXISTS (SELECT 1 FROM token_grant g WHERE g.id = refresh_token.grant_id \
                     AND g.revoked_at IS NULL)",
                    [until.millis().into(), digest_bytes(digest), now.millis().into()],
                )
                .await?;
            if kept == 0 {
                return Ok(false);
            }
            AccessRows::of(access).insert(&transaction).await?;
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        kept.map_err(WriteError::unexpected)
    }

    async fn use_once(&self, presented: &Presented, now: Timestamp) -> Result<Option<Grant>, WriteError> {
        let transaction = self.database.begin().await?;
        let used = transaction
            .execute(
                "UPDATE refresh_token SET used_at = $1, successor_sealed = $2 \
                 WHERE digest = $3 AND used_at IS NULL AND expires_at > $1 AND absolute_expires_at > $1 \
                 AND EXISTS (SELECT 1 FROM token_grant g WHERE g.id = refresh_token.grant_id \
                 AND g.revoked_at IS NULL)",
                [now.millis().into(), presented.sealed_successor.as_bytes().into(), digest_bytes(&presented.digest)],
            )
            .await?;
        if used == 0 {
            return Ok(None);
        }
        let sql =
            format!("SELECT {GRANT} FROM refresh_token t JOIN token_grant g ON g.id = t.grant_id WHERE t.digest = $1");
        let row = transaction.find(&sql, [digest_bytes(&presented.digest)]).await?;
        let grant = grant(&row.ok_or(StoreError::Corrupt("a refresh token without grant"))?, 0)?;
        transaction.insert(&INSERT_REFRESH, vec![refresh_row(&presented.successor)]).await?;
        AccessRows::of(&presented.access).insert(&transaction).await?;
        transaction.record(&[&presented.rotated]);
        transaction.commit().await?;
        Ok(Some(grant))
    }

    /// Stores an access token on its own: the one that goes with a successor given again.
    pub async fn add_access_token(&self, token: &StoredAccessToken, event: &Event) -> Result<(), StoreError> {
        let added: Result<(), WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            AccessRows::of([token]).insert(&transaction).await?;
            transaction.record(&[event]);
            transaction.commit().await
        })
        .await;
        added.map_err(WriteError::unexpected)
    }

    /// Ends a grant and every token of it. `false`: it had ended already; nothing is recorded then.
    pub async fn revoke_grant(&self, id: GrantId, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE token_grant SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
        self.database.change(sql, [now.millis().into(), bytes(id.uuid())], event).await
    }

    /// Ends what a sign-in gave. `false`: it gave nothing, or it had ended.
    pub async fn revoke_grant_of(&self, request: RequestId, event: &Event, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE token_grant SET revoked_at = $1 WHERE request_id = $2 AND revoked_at IS NULL";
        self.database.change(sql, [now.millis().into(), bytes(request.uuid())], event).await
    }

    /// Ends one opaque access token. `false`: there is none.
    pub async fn revoke_access_token(
        &self,
        digest: &Digest<OpaqueAccessToken>,
        event: &Event,
    ) -> Result<bool, StoreError> {
        self.database.change("DELETE FROM access_token WHERE digest = $1", [digest_bytes(digest)], event).await
    }

    /// Ends one JWT access token before its time. `false`: it was revoked already.
    pub async fn revoke_jwt(&self, jti: &str, expires_at: Timestamp, event: &Event) -> Result<bool, StoreError> {
        let sql = "INSERT INTO revoked_access_token (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING";
        self.database.change(sql, [jti.into(), expires_at.millis().into()], event).await
    }

    /// Deletes at most `limit` rows of each kind of token that ended; answers how many. A used
    /// refresh token stays until its absolute end: until then its reuse must be noticed.
    pub async fn purge(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        const ENDED: [&str; 3] = [
            "DELETE FROM access_token WHERE digest IN \
             (SELECT digest FROM access_token WHERE expires_at <= $1 LIMIT $2)",
            "DELETE FROM refresh_token WHERE digest IN \
             (SELECT digest FROM refresh_token WHERE absolute_expires_at <= $1 LIMIT $2)",
            "DELETE FROM revoked_access_token WHERE jti IN \
             (SELECT jti FROM revoked_access_token WHERE expires_at <= $1 LIMIT $2)",
        ];
        let mut purged = 0;
        for sql in ENDED {
            purged += self.database.execute(sql, [now.millis().into(), i64::from(limit).into()]).await?;
        }
        Ok(purged)
    }
}

/// The columns of a grant, in the order in which [`grant`] reads them.
const GRANT: &str = "g.id, g.request_id, g.client_id, g.user_id, g.device_id, g.scope, g.acr, g.amr, g.auth_time, \
                     g.created_at, g.revoked_at, g.session_id, g.bound_to, g.extent";
const GRANT_COLUMNS: usize = 14;

fn grant(row: &Row, at: usize) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: GrantId::new(row.uuid(at)?),
        request: row.uuid_if_any(at + 1)?.map(RequestId::new),
        client: row.parsed(at + 2, ClientId::parse)?,
        user: UserId::new(row.uuid(at + 3)?),
        device: row.uuid_if_any(at + 4)?.map(DeviceId::new),
        scope: row.parsed(at + 5, Scope::parse)?,
        acr: row.parsed(at + 6, Acr::parse)?,
        amr: row.get(at + 7)?,
        authenticated_at: row.time(at + 8)?,
        created_at: row.time(at + 9)?,
        revoked_at: row.time_if_any(at + 10)?,
        session: row.uuid_if_any(at + 11)?.map(SessionId::new),
        bound_to: row.parsed_if_any(at + 12, Confirmation::parse)?,
        extent: extent(row, at + 13)?,
    })
}

fn extent(row: &Row, at: usize) -> Result<Extent, StoreError> {
    let text: Option<String> = row.get(at)?;
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map(Option::unwrap_or_default).map_err(|_| StoreError::Corrupt("an extent that cannot be read"))
}

/// `None` where there is nothing: of most.
pub(super) fn extent_text(extent: &Extent) -> Option<Value> {
    // Texts and flags always become JSON.
    (!extent.is_empty()).then(|| serde_json::to_string(extent).unwrap_or_default().into())
}

pub(super) const INSERT_REFRESH: Insert = Insert {
    into: "refresh_token (digest, grant_id, issued_at, expires_at, absolute_expires_at)",
    columns: 5,
    and: "",
};

pub(super) fn refresh_row(token: &StoredRefreshToken) -> Vec<Value> {
    vec![
        digest_bytes(&token.digest),
        bytes(token.grant.uuid()),
        token.issued_at.millis().into(),
        token.expires_at.millis().into(),
        token.absolute_expires_at.millis().into(),
    ]
}

const INSERT_ACCESS: Insert =
    Insert { into: "access_token (digest, grant_id, scope, issued_at, expires_at, bound_to)", columns: 6, and: "" };

const INSERT_ACCESS_OF_AN_EXTENT: Insert = Insert {
    into: "access_token (digest, grant_id, scope, issued_at, expires_at, bound_to, extent)",
    columns: 7,
    and: "",
};

/// Access tokens to store. Most are for us and for all that was given: they are written without the column
/// that says otherwise.
#[derive(Default)]
pub(super) struct AccessRows {
    plain: Vec<Vec<Value>>,
    of_an_extent: Vec<Vec<Value>>,
}

impl AccessRows {
    fn of<'a>(tokens: impl IntoIterator<Item = &'a StoredAccessToken>) -> Self {
        let mut rows = Self::default();
        rows.extend(tokens);
        rows
    }

    pub(super) async fn insert(self, transaction: &Transaction) -> Result<(), WriteError> {
        transaction.insert(&INSERT_ACCESS, self.plain).await?;
        transaction.insert(&INSERT_ACCESS_OF_AN_EXTENT, self.of_an_extent).await?;
        Ok(())
    }
}

impl<'a> Extend<&'a StoredAccessToken> for AccessRows {
    fn extend<T: IntoIterator<Item = &'a StoredAccessToken>>(&mut self, tokens: T) {
        for token in tokens {
            let mut row = access_row(token);
            match extent_text(&token.extent) {
                Some(extent) => {
                    row.push(extent);
                    self.of_an_extent.push(row);
                }
                None => self.plain.push(row),
            }
        }
    }
}

fn access_row(token: &StoredAccessToken) -> Vec<Value> {
    vec![
        digest_bytes(&token.digest),
        bytes(token.grant.uuid()),
        token.scope.as_str().into(),
        token.issued_at.millis().into(),
        token.expires_at.millis().into(),
        token.bound_to.map(Confirmation::text).into(),
    ]
}
