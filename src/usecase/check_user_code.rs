//! Is this the user code of the person whom a client wants to ask [CIBA §7.1.2]?
//!
//! Whoever asks learns nothing else: a wrong code, no code, nobody there, all are refused in the same words, after one
//! hash of one cost, and whoever failed waits before the next try is looked at.

use std::sync::Arc;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::domain::password::Password;
use crate::domain::password::hash::Verdict;
use crate::domain::user::User;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::UserId;
use crate::secret::Secret;
use crate::store::sql::user_codes::UserCodes;
use crate::usecase::Error;
use crate::usecase::hashing::{Hashing, Looked};
use crate::usecase::password_ladder::{PasswordLadder, Path, Whose};

pub struct CheckUserCode {
    pub codes: UserCodes,
    pub hashing: Arc<Hashing>,
    pub ladder: PasswordLadder,
}

impl CheckUserCode {
    /// `hint`: as whom nobody was looked for.
    #[tracing::instrument(level = "debug", name = "check_user_code", skip_all)]
    pub async fn check(
        &self,
        user: Option<&User>,
        hint: &str,
        code: &Secret<String>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let whose = user.map_or(Whose::Nobody { username: hint }, |user| Whose::User(user.id));
        let failures = self.ladder.climb(whose, Path::UserCode, now).await?;
        match self.look(user, code).await {
            Ok(None) => Ok(self.ladder.forget(whose, Path::UserCode).await?),
            Ok(Some(reason)) => {
                let detail = match user {
                    Some(user) => format!("user {}: {reason}, failure {failures} in a row", user.id),
                    None => reason.to_owned(),
                };
                Err(Refusal::new(ErrorCode::InvalidUserCode, "The user code is wrong.").because(detail).into())
            }
            Err(error) => {
                if let Err(error) = self.ladder.withdraw(whose, Path::UserCode).await {
                    tracing::debug!(%error, "a try that nobody looked at counts as a failure");
                }
                Err(error)
            }
        }
    }

    /// The same calls for everybody. Inside: why it is not the right one.
    async fn look(&self, user: Option<&User>, code: &Secret<String>) -> Result<Option<&'static str>, Error> {
        // Nobody's identifier is looked for like any other.
        let id = user.map_or(UserId::new(Uuid::nil()), |user| user.id);
        let stored = self.codes.find(id).await?;
        let hash = stored.as_ref().map(|stored| stored.hash.clone());
        let Looked { verdict, anew } = self.hashing.look(id, Password::user_code(code.expose()), hash).await?;
        let (Some(_), Some(stored)) = (user, stored) else {
            return Ok(Some(if user.is_some() { "there is no user code" } else { "nobody is behind the hint" }));
        };
        match verdict {
            Verdict::Right | Verdict::RightButOutdated => {}
            Verdict::Wrong => return Ok(Some("wrong user code")),
            Verdict::Unreadable => {
                tracing::error!(user.id = %id, "the hash of a user code cannot be read, or has another pepper");
                return Ok(Some("the hash cannot be read"));
            }
        }
        if let Some(anew) = anew {
            // One that was changed meanwhile is not touched; that it stays as it was is no reason to refuse.
            match self.codes.replace(id, &stored.hash, &anew).await {
                Ok(replaced) => tracing::debug!(replaced, "a user code was hashed anew"),
                Err(error) => tracing::warn!(%error, "a user code keeps its outdated hash"),
            }
        }
        Ok(None)
    }
}
