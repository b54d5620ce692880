//! A person chooses another password. Nobody else does: administrators can demand a change, and cannot know
//! what comes of it.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::password::hash::Verdict;
use crate::domain::password::{Malformed, NewPassword, Password, Refused};
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::protocol::id::UserId;
use crate::store::sql::directory::Directory;
use crate::store::sql::passwords::{Over, Passwords, Set};
use crate::usecase::Error;
use crate::usecase::check_password::Confirmed;
use crate::usecase::hashing::Hashing;
use crate::usecase::password_ladder::{PasswordLadder, Path, Whose};

pub struct SetPassword {
    pub passwords: Passwords,
    pub directory: Arc<Directory>,
    pub hashing: Arc<Hashing>,
    pub ladder: PasswordLadder,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    Changed(Changed),
    Refused(Refused),
    /// The password that was confirmed is theirs no more: another was chosen meanwhile, or the person may
    /// not log in, or is gone. Whoever asked has to begin anew.
    NotConfirmed,
}

/// What follows is the caller's: every session, code and flow that came of the old password ends now
/// [security.md case 27], but the one in which it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    pub user: UserId,
    /// What [`Confirmed::changed_at`] is from now on. What has another one came of another password: to compare
    /// them is exact, whatever the clocks of the nodes say.
    pub at: Timestamp,
}

impl SetPassword {
    #[tracing::instrument(level = "debug", name = "set_password", skip_all)]
    pub async fn set(&self, confirmed: &Confirmed, password: Password) -> Result<Chosen, Error> {
        let id = confirmed.user();
        let Some(user) = self.directory.user(&id).await?.filter(|user| user.is_active()) else {
            return Ok(Chosen::NotConfirmed);
        };
        let before = self.passwords.find(id).await?;
        let Some(before) = before.filter(|before| before.changed_at == confirmed.changed_at()) else {
            return Ok(Chosen::NotConfirmed);
        };
        let same = password.again();
        let new = match password.chosen_by(&user.username) {
            Ok(new) => new,
            Err(refused) => return Ok(Chosen::Refused(refused)),
        };
        match self.hashing.look(id, same, Some(before.hash)).await?.verdict {
            // What has to be changed would stay as it is.
            Verdict::Right | Verdict::RightButOutdated => return Ok(Chosen::Refused(Refused::Unchanged)),
            Verdict::Wrong | Verdict::Unreadable => {}
        }
        match self.store(&user, Over::ChosenAt(before.changed_at), new).await? {
            Set::At(at) => Ok(Chosen::Changed(Changed { user: id, at })),
            Set::No => Ok(Chosen::NotConfirmed),
        }
    }

    /// The first one, without asking whether it is good: for the people of dev mode, whose passwords
    /// everybody knows. `false`: there is one.
    pub async fn seed(&self, user: &User, password: &str) -> Result<bool, SeedError> {
        if self.passwords.find(user.id).await.map_err(Error::from)?.is_some() {
            return Ok(false);
        }
        let new = Password::presented(password)?.well_known();
        Ok(self.store(user, Over::Nothing, new).await? != Set::No)
    }

    async fn store(&self, user: &User, over: Over, new: NewPassword) -> Result<Set, Error> {
        let hash = self.hashing.make(user.id, new).await?;
        // After the hash: what began while it was computed is before the change.
        let now = self.clock.now();
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::PasswordChanged).user(user.id);
        let set = self.passwords.set(user.id, over, &hash, now, &event).await?;
        if set != Set::No {
            // Failures to guess the old one say nothing of this one.
            for path in [Path::Password, Path::PasswordOnKnownDevice] {
                if let Err(error) = self.ladder.forget(Whose::User(user.id), path).await {
                    tracing::warn!(%error, "failures before a change of the password still count");
                }
            }
        }
        Ok(set)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Failed(#[from] Error),
}
