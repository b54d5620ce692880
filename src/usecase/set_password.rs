//! A person chooses another password. Nobody else does: administrators can demand a change, and cannot know
//! what comes of it.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::occasion::Occasion;
use crate::domain::password::hash::Verdict;
use crate::domain::password::{Malformed, NewPassword, Password, Refused};
use crate::domain::recovery::Recovery;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::protocol::id::{SessionId, UserId};
use crate::store::sql::directory::Directory;
use crate::store::sql::passwords::{Over, Passwords, Set, Then};
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
    /// Somebody carries letters.
    pub writes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    Changed(NowTheirs),
    Refused(Refused),
    /// The password that was confirmed is theirs no more: another was chosen meanwhile, or the person may
    /// not log in, or is gone. Whoever asked has to begin anew.
    NotConfirmed,
}

/// Every session that came of the old password has ended with it, and with them codes and tokens that were
/// given there [security.md case 27]; a flow that began with it comes to no session any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NowTheirs {
    pub user: UserId,
    /// What [`Confirmed::changed_at`] is from now on. What has another one came of another password: to compare
    /// them is exact, whatever the clocks of the nodes say.
    pub at: Timestamp,
}

impl SetPassword {
    /// In place of one that was just given. `stays`: the session in which the person does it.
    #[tracing::instrument(level = "debug", name = "set_password", skip_all)]
    pub async fn set(
        &self,
        confirmed: &Confirmed,
        password: Password,
        stays: Option<SessionId>,
        language: &str,
    ) -> Result<Chosen, Error> {
        let over = Over::ChosenAt(confirmed.changed_at());
        let follows = Follows { action: Action::PasswordChanged, stays, language: Some(language) };
        self.choose(confirmed.user(), over, password, follows).await
    }

    /// In place of a forgotten one, or of none.
    pub async fn reset(&self, recovery: &Recovery, password: Password, language: &str) -> Result<Chosen, Error> {
        let over = recovery.instead_of.map_or(Over::Nothing, Over::ChosenAt);
        let follows = Follows { action: Action::PasswordReset, stays: None, language: Some(language) };
        self.choose(recovery.user, over, password, follows).await
    }

    async fn choose(&self, id: UserId, over: Over, password: Password, follows: Follows<'_>) -> Result<Chosen, Error> {
        let Some(user) = self.directory.user(&id).await?.filter(|user| user.is_active()) else {
            return Ok(Chosen::NotConfirmed);
        };
        let before = self.passwords.find(id).await?;
        let expected = match over {
            Over::ChosenAt(at) => before.as_ref().is_some_and(|before| before.changed_at == at),
            Over::Nothing => before.is_none(),
        };
        if !expected {
            return Ok(Chosen::NotConfirmed);
        }
        let same = password.again();
        let new = match password.chosen_by(&user.username) {
            Ok(new) => new,
            Err(refused) => return Ok(Chosen::Refused(refused)),
        };
        if let Some(before) = before {
            match self.hashing.look(id, same, Some(before.hash)).await?.verdict {
                // What has to be changed would stay as it is.
                Verdict::Right | Verdict::RightButOutdated => return Ok(Chosen::Refused(Refused::Unchanged)),
                Verdict::Wrong | Verdict::Unreadable => {}
            }
        }
        match self.store(&user, over, new, follows).await? {
            Set::At(at) => Ok(Chosen::Changed(NowTheirs { user: id, at })),
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
        let follows = Follows { action: Action::PasswordChanged, stays: None, language: None };
        Ok(self.store(user, Over::Nothing, new, follows).await? != Set::No)
    }

    async fn store(&self, user: &User, over: Over, new: NewPassword, follows: Follows<'_>) -> Result<Set, Error> {
        let hash = self.hashing.make(user.id, new).await?;
        // After the hash: what began while it was computed is before the change.
        let now = self.clock.now();
        let event = Event::new(self.entropy.ordered_uuid(now), now, follows.action).user(user.id);
        let occasion = follows.language.filter(|_| self.writes).map(|language| {
            let occasion = Occasion::PasswordChanged { user: user.id, language: language.to_owned() };
            (self.entropy.uuid(), occasion.encode())
        });
        let letter = occasion.as_ref().map(|(id, occasion)| (*id, occasion.as_slice()));
        let then = Then { stays: follows.stays, letter };
        let set = self.passwords.set(user.id, over, &hash, (&event, now), then).await?;
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

/// What is recorded and told of a change.
#[derive(Clone, Copy)]
struct Follows<'a> {
    action: Action,
    stays: Option<SessionId>,
    /// In which the person is written to about it; `None`: not at all.
    language: Option<&'a str>,
}

#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Failed(#[from] Error),
}
