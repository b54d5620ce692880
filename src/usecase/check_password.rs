//! Is this the person's password? The only constructor of [`Confirmed`].
//!
//! Whoever asks learns nothing else: one hash of one cost is computed whether there is such a person or
//! not, has a password or not, is locked or not. What was the matter is in the audit trail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::ladder::MOST_FAILURES;
pub use crate::domain::password::Confirmed;
use crate::domain::password::Password;
use crate::domain::password::hash::Verdict;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::metrics::Limit;
use crate::protocol::id::{ClientId, UserId};
use crate::store::ephemeral::Attempts;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::passwords::{Passwords, StoredPassword};
use crate::usecase::Error;
use crate::usecase::hashing::{Hashing, Looked};
use crate::usecase::limit::{Most, limit};
use crate::usecase::password_ladder::{PasswordLadder, Path, Whose};
use crate::usecase::record_refusal::RecordRefusal;

pub struct CheckPassword {
    pub passwords: Passwords,
    pub hashing: Arc<Hashing>,
    pub ladder: PasswordLadder,
    pub attempts: Attempts,
    pub ledger: Ledger,
    pub refusals: RecordRefusal,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    /// A minute, from one network.
    pub tries: u32,
}

/// A try to log in.
pub struct Attempt<'a> {
    /// As it was typed.
    pub username: &'a str,
    /// Who is called so.
    pub user: Option<&'a User>,
    pub password: Password,
    pub caller: Caller<'a>,
}

#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The client's address, as `TrustedProxies::client` finds it.
    pub from: IpAddr,
    /// It has shown that this person has logged in there before: guesses of others do not keep it out.
    pub known_device: bool,
    /// For whom somebody logs in, where that is known.
    pub client: Option<&'a ClientId>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    Right(Confirmed),
    /// It is the password, and good for nothing but to choose another.
    MustChange(Confirmed),
    Wrong,
}

const WINDOW: Duration = Duration::from_secs(60);

impl CheckPassword {
    /// `TooMany` says nothing of the person either: it comes before anybody looks.
    #[tracing::instrument(level = "debug", name = "check_password", skip_all)]
    pub async fn check(&self, attempt: Attempt<'_>) -> Result<Checked, Error> {
        let now = self.clock.now();
        let Attempt { username, user, password, caller } = attempt;
        self.admit(caller.from).await?;
        let whose = user.map_or(Whose::Nobody { username }, |user| Whose::User(user.id));
        let path = if caller.known_device { Path::PasswordOnKnownDevice } else { Path::Password };
        let failures = self.ladder.climb(whose, path, now).await?;
        match self.look(user, password).await {
            Ok(Ok(stored)) => {
                let Some(user) = user else { return Ok(Checked::Wrong) };
                self.ladder.forget(whose, path).await?;
                self.ledger.audit(self.event(user, caller, now)).await;
                let confirmed = Confirmed::new(user.id, now, stored.changed_at);
                Ok(if stored.must_change { Checked::MustChange(confirmed) } else { Checked::Right(confirmed) })
            }
            Ok(Err(reason)) => {
                self.record(user, caller, now, reason, failures).await;
                Ok(Checked::Wrong)
            }
            Err(error) => {
                if let Err(error) = self.ladder.withdraw(whose, path).await {
                    tracing::debug!(%error, "a try that nobody looked at counts as a failure");
                }
                Err(error)
            }
        }
    }

    pub(super) async fn admit(&self, from: IpAddr) -> Result<(), Error> {
        let most = Most { what: "password", times: self.tries, window: WINDOW, limit: Limit::Passwords };
        match limit(&self.attempts, most, network(from).to_string().as_bytes()).await? {
            Some(retry_after) => Err(Error::TooMany { retry_after }),
            None => Ok(()),
        }
    }

    /// The same calls for everybody. Inside: what rests of the password that was right, or why it is none.
    async fn look(
        &self,
        user: Option<&User>,
        password: Password,
    ) -> Result<Result<StoredPassword, &'static str>, Error> {
        // Nobody's identifier is looked for like any other.
        let id = user.map_or(UserId::new(Uuid::nil()), |user| user.id);
        let stored = self.passwords.find(id).await?;
        let hash = stored.as_ref().map(|stored| stored.hash.clone());
        let Looked { verdict, anew } = self.hashing.look(id, password, hash).await?;
        let (Some(user), Some(stored)) = (user, stored) else {
            return Ok(Err(if user.is_some() { "there is no password" } else { "unknown user" }));
        };
        if !user.is_active() {
            return Ok(Err("the user is locked or disabled"));
        }
        match verdict {
            Verdict::Right | Verdict::RightButOutdated => {}
            Verdict::Wrong => return Ok(Err("wrong password")),
            Verdict::Unreadable => {
                tracing::error!(user.id = %id, "the hash of a password cannot be read, or has another pepper");
                return Ok(Err("the hash cannot be read"));
            }
        }
        if let Some(anew) = anew {
            // One that was changed meanwhile is not touched; that it stays as it was is no reason to refuse.
            match self.passwords.replace(id, &stored.hash, &anew).await {
                Ok(replaced) => tracing::debug!(replaced, "a password was hashed anew"),
                Err(error) => tracing::warn!(%error, "a password keeps its outdated hash"),
            }
        }
        Ok(Ok(stored))
    }

    fn event(&self, user: &User, caller: Caller<'_>, now: Timestamp) -> Event {
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::PasswordChecked).user(user.id);
        match caller.client {
            Some(client) => event.client(client),
            None => event,
        }
    }

    async fn record(&self, user: Option<&User>, caller: Caller<'_>, now: Timestamp, reason: &str, failures: u32) {
        let reason = if failures == MOST_FAILURES {
            format!("{reason}, {MOST_FAILURES} times in a row: this way is closed for a day")
        } else {
            reason.to_owned()
        };
        match user {
            Some(user) => self.ledger.audit(self.event(user, caller, now).refused(reason)).await,
            // Anybody can make up names, as many as they like: those are counted together.
            None => self.refusals.record(Action::PasswordChecked, reason, caller.client.cloned()).await,
        }
    }
}

/// What one caller can change of an address at will: /24 and /56 are what one of them is usually given.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (!0 << 8)).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 72)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_5_6_tries_are_counted_by_network() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.9"), "203.0.113.0");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.0");
        assert_ne!(of("203.0.114.9"), of("203.0.113.9"));
        assert_eq!(of("2001:db8:1:2ff:3:4:5:6"), "2001:db8:1:200::");
        assert_ne!(of("2001:db8:1:300::1"), of("2001:db8:1:2ff::1"));
    }
}
