//! Answers to requests that may come again under the same key.

use std::time::Duration;

use super::{Database, digest_bytes};
use crate::clock::Timestamp;
use crate::secret::{Digest, Sealed};
use crate::store::ephemeral::StoreError;

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_secs(86_400);

#[derive(Clone, Debug)]
pub struct Answers {
    database: Database,
}

/// Marks digests of `Idempotency-Key`s.
#[derive(Debug)]
pub enum IdempotencyKey {}

/// Marks digests of whole requests.
#[derive(Debug)]
pub enum RequestFingerprint {}

/// One key of one caller.
#[derive(Clone, Debug)]
pub struct Named<'a> {
    pub principal: &'a str,
    pub key: Digest<IdempotencyKey>,
}

/// What is known of a key.
#[derive(Debug)]
pub enum Known {
    /// Nothing: it is ours now, and so is the request.
    New,
    /// It was used for another request.
    Another,
    Answered(Sealed),
    /// Somebody has begun, then, and has not answered.
    Begun(Timestamp),
}

impl Answers {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Takes the key, or says what is known of it. Of all who come with it, one takes it.
    pub async fn begin(
        &self,
        named: &Named<'_>,
        request: &Digest<RequestFingerprint>,
        now: Timestamp,
    ) -> Result<Known, StoreError> {
        let taken = self
            .database
            .execute(
                "INSERT INTO idempotency (principal, key_digest, fingerprint, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (principal, key_digest) DO UPDATE SET fingerprint = excluded.fingerprint, \
                 created_at = excluded.created_at, answer_sealed = NULL WHERE idempotency.created_at <= $5",
                [
                    named.principal.into(),
                    digest_bytes(&named.key),
                    digest_bytes(request),
                    now.millis().into(),
                    // What is that old is forgotten, be it still there or not.
                    (now - KEPT).millis().into(),
                ],
            )
            .await?;
        if taken == 1 {
            return Ok(Known::New);
        }
        let sql = "SELECT fingerprint, created_at, answer_sealed FROM idempotency \
                   WHERE principal = $1 AND key_digest = $2";
        let row = self.database.find(sql, [named.principal.into(), digest_bytes(&named.key)]).await?;
        // Refused and given back between the two statements.
        let Some(row) = row else { return Ok(Known::Begun(now)) };
        if row.digest::<RequestFingerprint>(0)? != *request {
            return Ok(Known::Another);
        }
        let answer: Option<Vec<u8>> = row.get(2)?;
        Ok(match answer {
            Some(sealed) => Known::Answered(Sealed::from_bytes(sealed)),
            None => Known::Begun(row.time(1)?),
        })
    }

    pub async fn answer(&self, named: &Named<'_>, sealed: &Sealed) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency SET answer_sealed = $1 WHERE principal = $2 AND key_digest = $3";
        let values = [sealed.as_bytes().into(), named.principal.into(), digest_bytes(&named.key)];
        self.database.execute(sql, values).await.map(drop)
    }

    /// The request had no effect: the key may be used again.
    pub async fn give_back(&self, named: &Named<'_>) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency WHERE principal = $1 AND key_digest = $2 AND answer_sealed IS NULL";
        self.database.execute(sql, [named.principal.into(), digest_bytes(&named.key)]).await.map(drop)
    }
}
