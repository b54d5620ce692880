//! Passwords of people, each as the hash that rests. Nothing here is kept in memory.

use uuid::Uuid;

use super::outbox::{self, Kind};
use super::sessions::end_others;
use super::{Database, Row, WriteError, bounded, bytes};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::password::hash::PasswordHash;
use crate::protocol::id::{SessionId, UserId};
use crate::store::ephemeral::StoreError;

#[derive(Clone, Debug)]
pub struct Passwords {
    database: Database,
}

/// What rests of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPassword {
    pub hash: PasswordHash,
    /// It may be used once more, to choose another.
    pub must_change: bool,
    /// When it was chosen: each one is later than the one before it.
    pub changed_at: Timestamp,
}

/// Over what a password is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The one that was chosen then, if it still is there.
    ChosenAt(Timestamp),
    Nothing,
}

/// What follows when it is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Then<'a> {
    /// The session that goes on; all others of the person end.
    pub stays: Option<SessionId>,
    /// What the person is written about it.
    pub letter: Option<(Uuid, &'a [u8])>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    At(Timestamp),
    /// What is there is something else; or the user is gone.
    No,
}

const FIND: &str = "SELECT phc, pepper_id, must_change, changed_at FROM password WHERE user_id = $1";

impl Passwords {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    pub async fn find(&self, user: UserId) -> Result<Option<StoredPassword>, StoreError> {
        self.database.find(FIND, [bytes(user.uuid())]).await?.as_ref().map(stored).transpose()
    }

    /// Nobody has to change it: the person has just chosen it. Whatever came of the one before ends with it.
    pub async fn set(
        &self,
        user: UserId,
        over: Over,
        hash: &PasswordHash,
        (event, now): (&Event, Timestamp),
        then: Then<'_>,
    ) -> Result<Set, StoreError> {
        let set: Result<Set, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.lock_user(user).await?.is_none() {
                return Ok(Set::No);
            }
            let before = transaction.find(FIND, [bytes(user.uuid())]).await?.as_ref().map(stored).transpose()?;
            let changed_at = match (over, before) {
                (Over::Nothing, None) => now,
                // Later, whatever the clock of this node says: what began before it must be told from what follows.
                (Over::ChosenAt(seen), Some(before)) if before.changed_at == seen => {
                    now.max(seen + std::time::Duration::from_millis(1))
                }
                (Over::Nothing | Over::ChosenAt(_), _) => return Ok(Set::No),
            };
            transaction
                .execute(
                    "INSERT INTO password (user_id, phc, pepper_id, must_change, changed_at) \
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, \
                     pepper_id = excluded.pepper_id, must_change = excluded.must_change, \
                     changed_at = excluded.changed_at",
                    [
                        bytes(user.uuid()),
                        hash.phc.as_str().into(),
                        hash.pepper.as_str().into(),
                        false.into(),
                        changed_at.millis().into(),
                    ],
                )
                .await?;
            // [security.md case 27] after the password: who signs in with the old one meanwhile waits for this
            // transaction, and finds another password.
            end_others(&transaction, user, then.stays, now).await?;
            if let Some((id, letter)) = then.letter {
                transaction.insert(&outbox::INSERT, vec![outbox::row(id, Kind::Mail, letter, now, now)]).await?;
            }
            transaction.record(&[event]);
            transaction.commit().await?;
            Ok(Set::At(changed_at))
        })
        .await;
        set.map_err(WriteError::unexpected)
    }

    /// Puts a new hash of the same password in the place of the one that was verified. `false`: that one is
    /// there no more. Each hash has a salt of its own, so its text is its version.
    pub async fn replace(&self, user: UserId, seen: &PasswordHash, anew: &PasswordHash) -> Result<bool, StoreError> {
        let sql = "UPDATE password SET phc = $1, pepper_id = $2 WHERE user_id = $3 AND phc = $4 AND pepper_id = $5";
        let values = [
            anew.phc.as_str().into(),
            anew.pepper.as_str().into(),
            bytes(user.uuid()),
            seen.phc.as_str().into(),
            seen.pepper.as_str().into(),
        ];
        Ok(self.database.execute(sql, values).await? == 1)
    }

    /// Whether the next login is to choose another, as `change` says of what is there; it may refuse. What is as it was
    /// is no event. `None`: there is no password.
    pub async fn demand_if<E: Send>(
        &self,
        user: UserId,
        event: impl FnOnce(bool) -> Event + Send,
        change: impl FnOnce(&StoredPassword) -> Result<bool, E> + Send,
    ) -> Result<Option<Result<StoredPassword, E>>, StoreError> {
        let demanded: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            if transaction.lock_user(user).await?.is_none() {
                return Ok(None);
            }
            let found = transaction.find(FIND, [bytes(user.uuid())]).await?.as_ref().map(stored).transpose()?;
            let Some(before) = found else { return Ok(None) };
            let must_change = match change(&before) {
                Ok(must_change) if must_change == before.must_change => return Ok(Some(Ok(before))),
                Ok(must_change) => must_change,
                Err(refused) => return Ok(Some(Err(refused))),
            };
            let sql = "UPDATE password SET must_change = $1 WHERE user_id = $2";
            transaction.execute(sql, [must_change.into(), bytes(user.uuid())]).await?;
            transaction.record(&[&event(must_change)]);
            transaction.commit().await?;
            Ok(Some(Ok(StoredPassword { must_change, ..before })))
        })
        .await;
        demanded.map_err(WriteError::unexpected)
    }
}

fn stored(row: &Row) -> Result<StoredPassword, StoreError> {
    Ok(StoredPassword {
        hash: PasswordHash { phc: row.get(0)?, pepper: row.get(1)? },
        must_change: row.get(2)?,
        changed_at: row.time(3)?,
    })
}
