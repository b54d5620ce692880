//! Who failed how often to give whose password, or user code ([`crate::domain::ladder`]).

use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::ladder::{Climbed, DAY, Ladder};
use crate::metrics::{Limit, metrics};
use crate::protocol::id::UserId;
use crate::secret::{Digest, MasterKey};
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::usecase::Error;

/// By which way somebody comes. Each has a ladder of its own: who guesses from somewhere keeps nobody from
/// their own device, and whoever has stolen that gets no further than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Password,
    PasswordOnKnownDevice,
    /// At whatever client [CIBA §7.1.2].
    UserCode,
}

impl Path {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Password => b"password",
            Self::PasswordOnKnownDevice => b"password, known device",
            Self::UserCode => b"user code",
        }
    }

    const fn limit(self) -> Limit {
        match self {
            Self::Password | Self::PasswordOnKnownDevice => Limit::Passwords,
            Self::UserCode => Limit::CibaUserCodes,
        }
    }
}

/// Whose password or code it would be. Nobody's is counted as well, or the wait would tell who exists.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    User(UserId),
    Nobody { username: &'a str },
}

#[derive(Clone)]
pub struct PasswordLadder {
    shelf: Shelf<Ladder>,
    key: ring::hmac::Key,
}

impl PasswordLadder {
    pub fn new(shelf: Shelf<Ladder>, master: &MasterKey) -> Self {
        Self { shelf, key: master.derive("password ladder v1") }
    }

    fn id(&self, whose: Whose<'_>, path: Path) -> Digest<Ladder> {
        let whose = match whose {
            Whose::User(id) => [b"user\0", id.uuid().as_bytes().as_slice()].concat(),
            Whose::Nobody { username } => [b"name\0", username.as_bytes()].concat(),
        };
        Digest::keyed(&self.key, &[path.tag(), b"\0", &whose].concat())
    }

    /// Counts a try as a failure before anything is looked at for it. Answers the how many'th it would be.
    pub(super) async fn climb(&self, whose: Whose<'_>, path: Path, now: Timestamp) -> Result<u32, Error> {
        match self.shelf.upsert(&self.id(whose, path), DAY, |ladder: Ladder| ladder.climb(now)).await? {
            Climbed::To(failures) => Ok(failures),
            Climbed::Wait(retry_after) => {
                metrics().limited(path.limit());
                Err(Error::TooMany { retry_after: retry_after.max(Duration::from_secs(1)) })
            }
        }
    }

    /// Nobody could look at the try.
    pub(super) async fn withdraw(&self, whose: Whose<'_>, path: Path) -> Result<(), StoreError> {
        let id = self.id(whose, path);
        self.shelf.update(&id, Lifetime::Keep, |ladder| (ladder.withdraw(), ())).await.map(drop)
    }

    /// A success.
    pub(super) async fn forget(&self, whose: Whose<'_>, path: Path) -> Result<(), StoreError> {
        self.shelf.remove(&self.id(whose, path)).await
    }
}
