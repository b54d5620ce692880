//! A person has forgotten their password, and shows by a message to their address who they are.
//!
//! Whoever asks learns nothing: the same is counted and written whether there is such a person or not. Who
//! it is, and whether there is an address, is found out when the message is written
//! ([`send_mail`](super::send_mail)), and a code that belongs to nobody is as wrong as any other.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::audit::Action;
use crate::domain::occasion::Occasion;
use crate::domain::password::{Password, Refused};
use crate::domain::recovery::{LIFETIME, Means, Recovery, RecoverySecrets, TRIES};
use crate::entropy::Entropy;
use crate::metrics::Limit;
use crate::protocol::id::{RecoveryId, UserId};
use crate::store::ephemeral::{Attempts, Lifetime, Shelf, StoreError};
use crate::store::sql::outbox::{Kind, Outbox};
use crate::usecase::Error;
use crate::usecase::check_password::network;
use crate::usecase::limit::{Most, limit};
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::set_password::{Chosen, SetPassword};

/// [security.md 5.6] what is counted within it.
const WINDOW: Duration = Duration::from_secs(3600);
/// Messages about one account.
pub const PER_NAME: u32 = 3;

pub struct RecoverPassword {
    pub attempts: Attempts,
    pub recoveries: Shelf<Recovery>,
    pub outbox: Outbox,
    pub secrets: RecoverySecrets,
    pub set: Arc<SetPassword>,
    pub refusals: RecordRefusal,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    /// An hour, from one network.
    pub per_network: u32,
    pub means: Means,
}

/// What a typed code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    Right(UserId),
    Wrong,
    /// Nobody looks any more.
    TooOften,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    Done,
    Refused(Refused),
    /// The message is worth nothing any more: it is old, or another password was chosen since.
    Late,
}

impl RecoverPassword {
    /// A message goes out, if there is somebody to send it to. What it has in it belongs to the answer.
    #[tracing::instrument(level = "debug", name = "ask_recovery", skip_all)]
    pub async fn ask(&self, username: &str, from: IpAddr, language: &str) -> Result<RecoveryId, Error> {
        self.admit("recovery, network", network(from).to_string().as_bytes(), self.per_network).await?;
        self.admit("recovery, name", username.as_bytes(), PER_NAME).await?;
        let (id, now) = (RecoveryId::new(self.entropy.uuid()), self.clock.now());
        let occasion = Occasion::PasswordForgotten { username: username.to_owned(), language: language.to_owned() };
        self.outbox.put(id.uuid(), Kind::Mail, &occasion.encode(), now).await?;
        Ok(id)
    }

    async fn admit(&self, what: &str, who: &[u8], most: u32) -> Result<(), Error> {
        let most = Most { what, times: most, window: WINDOW, limit: Limit::Recoveries };
        match limit(&self.attempts, most, who).await? {
            Some(retry_after) => Err(Error::TooMany { retry_after }),
            None => Ok(()),
        }
    }

    /// The code of a message, as it was typed.
    #[tracing::instrument(level = "debug", name = "check_recovery_code", skip_all)]
    pub async fn check_code(&self, id: RecoveryId, typed: &str) -> Result<Typed, StoreError> {
        let most = Most { what: "recovery code", times: TRIES, window: LIFETIME, limit: Limit::Recoveries };
        if limit(&self.attempts, most, id.uuid().as_bytes()).await?.is_some() {
            return Ok(Typed::TooOften);
        }
        let recovery = self.live(id).await?;
        let right = self.means.has_code() && self.secrets.is_code(id, typed);
        match recovery {
            Some(recovery) if right => Ok(Typed::Right(recovery.user)),
            Some(_) | None => {
                self.refusals.record(Action::PasswordReset, "wrong code".to_owned(), None).await;
                Ok(Typed::Wrong)
            }
        }
    }

    /// The link of a message. Opening it changes nothing: what looks through mail for dangers opens it too.
    pub async fn open(&self, link: &str) -> Result<Option<(RecoveryId, UserId)>, StoreError> {
        let Some(id) = self.secrets.opened(link).filter(|_| self.means.has_link()) else { return Ok(None) };
        Ok(self.live(id).await?.map(|recovery| (id, recovery.user)))
    }

    /// The new password. Once: another one stands in the place of the forgotten one then.
    #[tracing::instrument(level = "debug", name = "reset_password", skip_all)]
    pub async fn reset(&self, id: RecoveryId, password: Password, language: &str) -> Result<Reset, Error> {
        let Some(recovery) = self.live(id).await? else { return Ok(Reset::Late) };
        match self.set.reset(&recovery, password, language).await? {
            Chosen::Refused(refused) => Ok(Reset::Refused(refused)),
            Chosen::NotConfirmed => Ok(Reset::Late),
            Chosen::Changed(_) => {
                // It stays, spent: a letter that is sent again would begin one that is gone anew.
                let now = self.clock.now();
                let spent = |recovery: Recovery| (Recovery { expires_at: now, ..recovery }, ());
                if let Err(error) = self.recoveries.update(&id, Lifetime::Keep, spent).await {
                    tracing::debug!(%error, "a recovery that is over looks as if it were not, and is worth nothing");
                }
                Ok(Reset::Done)
            }
        }
    }

    async fn live(&self, id: RecoveryId) -> Result<Option<Recovery>, StoreError> {
        let now = self.clock.now();
        Ok(self.recoveries.get(&id).await?.filter(|recovery| !recovery.has_expired(now)))
    }
}
