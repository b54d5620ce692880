//! Who is signed in in which browser.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::directory::client;
use super::{Database, Engine, Row, Transaction, WriteError, bounded, bytes, digest_bytes, outbox};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::client::Client;
use crate::domain::logout::Ended;
use crate::domain::session::{Authentication, IDLE, LONGEST, Session};
use crate::protocol::acr::Acr;
use crate::protocol::id::{SessionId, SessionToken, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Sessions {
    database: Database,
}

/// What the browser had until somebody signed in there.
#[derive(Clone, Copy, Debug)]
pub struct Replaced<'a> {
    pub session: &'a Session,
    /// Recorded when it ends: it was another person's.
    pub ended: &'a Event,
}

impl Sessions {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// A session that lives.
    pub async fn find(&self, token: &Digest<SessionToken>, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let sql = "SELECT id, user_id, acr, amr, auth_time, created_at, seen_at, second_at \
                   FROM session WHERE token_digest = $1 AND seen_at > $2 AND created_at > $3";
        let values = [digest_bytes(token), (now - IDLE).millis().into(), (now - LONGEST).millis().into()];
        let row = self.database.find(sql, values).await?;
        row.map(|row| session(&row, *token)).transpose()
    }

    /// Those of a person that live, newest first.
    pub async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let sql = "SELECT id, user_id, acr, amr, auth_time, created_at, seen_at, second_at, token_digest FROM session \
                   WHERE user_id = $1 AND seen_at > $2 AND created_at > $3 ORDER BY created_at DESC, id";
        let values = [bytes(user.uuid()), (now - IDLE).millis().into(), (now - LONGEST).millis().into()];
        let rows = self.database.find_all(sql, values).await?;
        rows.iter().map(|row| session(row, row.digest(8)?)).collect()
    }

    /// Begins a session in place of the one that the browser had: whatever was planted or seen there before
    /// somebody signed in is worth nothing afterwards. Answers which session it is: where the same person
    /// proved something again, the one that there was goes on, so that it ends with all that was given in it.
    /// `password`: when the one was chosen that the person gave. `None`: another is theirs by now, and nothing
    /// has begun.
    pub async fn begin(
        &self,
        session: &Session,
        replaces: Option<Replaced<'_>>,
        password: Option<Timestamp>,
        event: &Event,
    ) -> Result<Option<SessionId>, StoreError> {
        let begun: Result<Option<SessionId>, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if let Some(Replaced { session: old, ended }) = replaces {
                if old.user == session.user {
                    if renew(&transaction, old, session, password).await? {
                        transaction.record(&[event]);
                        transaction.commit().await?;
                        return Ok(Some(old.id));
                    }
                } else if end(&transaction, old.id, session.created_at).await?.is_some() {
                    transaction.record(&[ended]);
                }
            }
            if !insert(&transaction, session, password).await? {
                return Ok(None);
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(session.id))
        })
        .await;
        begun.map_err(WriteError::unexpected)
    }

    /// The person has proved something again: the session goes on under another name. `false`: it has ended since, or
    /// `password` is that of the person no more.
    pub async fn renew(
        &self,
        old: &Session,
        session: &Session,
        password: Option<Timestamp>,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let renewed: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if !renew(&transaction, old, session, password).await? {
                return Ok(false);
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(true)
        })
        .await;
        renewed.map_err(WriteError::unexpected)
    }

    /// The session was used.
    pub async fn seen(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE session SET seen_at = $1 WHERE id = $2 AND seen_at < $1";
        self.database.execute(sql, [now.millis().into(), bytes(id.uuid())]).await.map(drop)
    }

    /// The person has shown a second factor in it.
    pub async fn shown_second(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE session SET second_at = $1 WHERE id = $2";
        self.database.execute(sql, [now.millis().into(), bytes(id.uuid())]).await.map(drop)
    }

    /// Ends a session and what was given in it, and has those clients called that want to be. Answers the
    /// clients of the session, called or not. `None`: it had ended already.
    pub async fn end(&self, id: SessionId, event: &Event, now: Timestamp) -> Result<Option<Vec<Client>>, StoreError> {
        let ended: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(told) = end(&transaction, id, now).await? else { return Ok(None) };
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Some(told))
        })
        .await;
        ended.map_err(WriteError::unexpected)
    }

    /// Whoever would be told that the session has ended.
    pub async fn told(&self, id: SessionId) -> Result<Vec<Client>, StoreError> {
        let rows = self.database.find_all(CLIENTS, [bytes(id.uuid())]).await?;
        let mut clients = clients(&rows)?;
        clients.retain(|client| client.logout().is_some());
        Ok(clients)
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

/// `false`: the password that was given is that of the person no more. Whoever is about to change it holds the
/// account, so this waits for them, and looks at what there is then; whoever comes later finds the session.
async fn insert(transaction: &Transaction, session: &Session, password: Option<Timestamp>) -> Result<bool, WriteError> {
    const INTO: &str = "INSERT INTO session (id, token_digest, user_id, acr, amr, auth_time, created_at, seen_at)";
    const ALL: &str = "$1, $2, $3, $4, $5, $6, $7, $8";
    let mut values = vec![
        bytes(session.id.uuid()),
        digest_bytes(&session.token),
        bytes(session.user.uuid()),
        session.authentication.acr.as_str().into(),
        session.authentication.amr.as_str().into(),
        session.authentication.at.millis().into(),
        session.created_at.millis().into(),
        session.seen_at.millis().into(),
    ];
    let sql = match password {
        None => format!("{INTO} VALUES ({ALL})"),
        Some(chosen_at) => {
            values.push(chosen_at.millis().into());
            let theirs = "account JOIN password ON password.user_id = account.id \
                          WHERE account.id = $3 AND password.changed_at = $9";
            // In this order, which is that of whoever changes a password.
            let held = match transaction.engine {
                Engine::Sqlite => "",
                Engine::Postgres => " FOR KEY SHARE OF account FOR SHARE OF password",
            };
            format!("{INTO} SELECT {ALL} FROM {theirs}{held}")
        }
    };
    Ok(transaction.execute(&sql, values).await? > 0)
}

/// The session goes on under a name that nobody has seen. `false`: it is not what it was.
async fn renew(
    transaction: &Transaction,
    old: &Session,
    session: &Session,
    password: Option<Timestamp>,
) -> Result<bool, WriteError> {
    let sql = "UPDATE session SET token_digest = $1, acr = $2, amr = $3, auth_time = $4, created_at = $5, \
               seen_at = $6, second_at = COALESCE($7, second_at) WHERE id = $8 AND token_digest = $9 AND ($10 IS NULL OR EXISTS \
               (SELECT 1 FROM password WHERE password.user_id = session.user_id AND password.changed_at = $10))";
    let values = [
        digest_bytes(&session.token),
        session.authentication.acr.as_str().into(),
        session.authentication.amr.as_str().into(),
        session.authentication.at.millis().into(),
        session.created_at.millis().into(),
        session.seen_at.millis().into(),
        session.second_at.map(Timestamp::millis).into(),
        bytes(old.id.uuid()),
        digest_bytes(&old.token),
        password.map(Timestamp::millis).into(),
    ];
    Ok(transaction.execute(sql, values).await? > 0)
}

/// The row goes first. Whoever is about to commit a grant of this session holds the row ([`held`]), so all
/// grants are there by now, or there will be none; and so are all the clients that are to be told.
async fn end(transaction: &Transaction, id: SessionId, now: Timestamp) -> Result<Option<Vec<Client>>, WriteError> {
    let sql = "DELETE FROM session WHERE id = $1 RETURNING user_id";
    let Some(row) = transaction.find(sql, [bytes(id.uuid())]).await? else { return Ok(None) };
    let user = UserId::new(row.uuid(0)?);
    // [OIDCC §11] what was given for the time when the person is not there stays.
    let sql = "UPDATE token_grant SET revoked_at = $1 WHERE session_id = $2 AND revoked_at IS NULL \
               AND ' ' || scope || ' ' NOT LIKE '% offline!_access %' ESCAPE '!'";
    transaction.execute(sql, [now.millis().into(), bytes(id.uuid())]).await?;
    tell(transaction, (id, user), now).await.map(Some)
}

/// Whoever got tokens in a session knows its `sid`, and nobody else does.
const CLIENTS: &str =
    "SELECT document FROM client WHERE id IN (SELECT client_id FROM token_grant WHERE session_id = $1)";

fn clients(rows: &[Row]) -> Result<Vec<Client>, StoreError> {
    rows.iter().map(client).collect()
}

async fn tell(
    transaction: &Transaction,
    (session, user): (SessionId, UserId),
    now: Timestamp,
) -> Result<Vec<Client>, WriteError> {
    let clients = clients(&transaction.find_all(CLIENTS, [bytes(session.uuid())]).await?)?;
    let called = clients.iter().filter(|client| client.logout().is_some_and(|logout| logout.backchannel.is_some()));
    let words = called.map(|client| {
        let ended = Ended { session, user, client: client.id.clone() };
        outbox::row(ended.id(), outbox::Kind::Logout, &ended.encode(), now, now)
    });
    transaction.insert(&outbox::INSERT, words.collect()).await?;
    Ok(clients)
}

/// Ends all sessions of a person, as [`Sessions::end`] does, without events: whatever ends them all says so.
pub(super) async fn end_all(transaction: &Transaction, user: UserId, now: Timestamp) -> Result<(), WriteError> {
    end_others(transaction, user, None, now).await
}

/// The same, but for one. Who used to be let in by an app without being asked is asked again, too, and so is who was not asked
/// in some browser.
pub(super) async fn end_others(
    transaction: &Transaction,
    user: UserId,
    stays: Option<SessionId>,
    now: Timestamp,
) -> Result<(), WriteError> {
    // In one order on all nodes, so that no two wait for each other.
    let sql = "SELECT id FROM session WHERE user_id = $1 ORDER BY id";
    for row in transaction.find_all(sql, [bytes(user.uuid())]).await? {
        let id = SessionId::new(row.uuid(0)?);
        if stays != Some(id) {
            end(transaction, id, now).await?;
        }
    }
    transaction.forget_let_in(user).await?;
    transaction.forget_browsers(user).await
}

/// Those of these sessions that have not ended. None of them ends before this transaction does: a row that
/// was written is held until then.
pub(super) async fn held(
    transaction: &Transaction,
    sessions: impl IntoIterator<Item = SessionId>,
) -> Result<HashSet<SessionId>, WriteError> {
    // In one order on all nodes, so that no two wait for each other.
    let sessions: BTreeSet<Uuid> = sessions.into_iter().map(SessionId::uuid).collect();
    let mut held = HashSet::new();
    for id in sessions {
        let sql = "UPDATE session SET seen_at = seen_at WHERE id = $1";
        if transaction.execute(sql, [bytes(id)]).await? > 0 {
            held.insert(SessionId::new(id));
        }
    }
    Ok(held)
}

fn session(row: &Row, token: Digest<SessionToken>) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::new(row.uuid(0)?),
        token,
        user: UserId::new(row.uuid(1)?),
        authentication: Authentication { acr: row.parsed(2, Acr::parse)?, amr: row.get(3)?, at: row.time(4)? },
        created_at: row.time(5)?,
        seen_at: row.time(6)?,
        second_at: row.time_if_any(7)?,
    })
}
