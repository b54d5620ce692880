//! Requests that may come again: the same key and the same request have one effect and one answer.
//!
//! Effect and answer are not in one transaction. Where a server dies between them, nobody knows what
//! became of the request, and it is said so: a key never has two effects.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::audit::Actor;
use crate::protocol::admin_error::AdminErrorCode;
use crate::secret::{Digest, MasterKey, Sealed};
use crate::store::ephemeral::StoreError;
use crate::store::sql::idempotency::{Answers, IdempotencyKey, Known, Named, RequestFingerprint};
use crate::usecase::admin::{AdminError, Desk};

/// No request is worked on for longer.
const LONGEST: Duration = Duration::from_secs(60);

pub struct Idempotency {
    pub answers: Answers,
    /// Answers may hold secrets that are shown once.
    pub master: Arc<MasterKey>,
    pub desk: Desk,
}

/// What is remembered of an answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A key in use, until its answer is known.
pub struct Begun {
    principal: String,
    key: Digest<IdempotencyKey>,
}

pub enum Turn {
    /// Nobody has come with this key: go on, and say what came of it.
    First(Begun),
    /// The answer that was given.
    Again(Answer),
}

impl Begun {
    const fn named(&self) -> Named<'_> {
        Named { principal: self.principal.as_str(), key: self.key }
    }

    fn place(&self) -> String {
        format!("idempotency|answer|{}|{}", self.principal, self.key)
    }
}

impl Idempotency {
    /// `request`: all that makes it the same request.
    pub async fn begin(&self, actor: &Actor, key: &[u8], request: &[&[u8]]) -> Result<Turn, AdminError> {
        let now = self.desk.now();
        let mut whole = Vec::new();
        for part in request {
            whole.extend_from_slice(&(part.len() as u64).to_be_bytes());
            whole.extend_from_slice(part);
        }
        let fingerprint: Digest<RequestFingerprint> = Digest::of(&whole);
        let begun = Begun { principal: actor.text(), key: Digest::of(key) };
        match self.answers.begin(&begun.named(), &fingerprint, now).await? {
            Known::New => Ok(Turn::First(begun)),
            Known::Another => Err(AdminErrorCode::IdempotencyKeyReused.into()),
            Known::Begun(at) if now < at + LONGEST => {
                Err(AdminError::later(AdminErrorCode::RequestInProgress, Duration::from_secs(1)))
            }
            Known::Begun(_) => Err(AdminErrorCode::OutcomeUnknown.into()),
            Known::Answered(sealed) => Ok(Turn::Again(self.open(&begun, &sealed)?)),
        }
    }

    pub async fn answered(&self, begun: &Begun, answer: &Answer) -> Result<(), StoreError> {
        let plain = serde_json::to_vec(answer).map_err(|_| StoreError::Corrupt("an answer"))?;
        let sealed = self.master.seal(&begun.place(), &plain, &self.desk.entropy);
        self.answers.answer(&begun.named(), &sealed).await
    }

    /// The request was refused, and had no effect.
    pub async fn refused(&self, begun: &Begun) -> Result<(), StoreError> {
        self.answers.give_back(&begun.named()).await
    }

    fn open(&self, begun: &Begun, sealed: &Sealed) -> Result<Answer, StoreError> {
        let corrupt = || StoreError::Corrupt("a remembered answer");
        let plain = self.master.open(&begun.place(), sealed).map_err(|_| corrupt())?;
        serde_json::from_slice(plain.expose()).map_err(|_| corrupt())
    }
}
