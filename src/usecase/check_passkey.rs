//! Is this a passkey of somebody, and whose?
//!
//! Whoever asks learns nothing else. Which credential there is, whose it is and what was the matter is in the
//! audit trail.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::passkey::{Ceremony, Passkey, Purpose};
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::protocol::id::{ClientId, DeviceId, UserId};
use crate::protocol::webauthn::{
    Asked, Assertion, CredentialId, Expected, Known, Owner, Proved, RelyingParty, Unproved,
};
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::passkeys::Passkeys;
use crate::usecase::record_refusal::RecordRefusal;

pub struct CheckPasskey {
    pub passkeys: Passkeys,
    pub directory: Arc<Directory>,
    /// `None`: browsers have no passkeys for this issuer.
    pub party: Option<RelyingParty>,
    pub ledger: Ledger,
    pub refusals: RecordRefusal,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// What a browser brought.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The credential that answers, in JSON.
    pub assertion: &'a str,
    pub ceremony: &'a Ceremony,
    /// Of the page that asked.
    pub origin: &'a str,
    /// Who it has to be, where somebody has proved to be one already.
    pub user: Option<UserId>,
    /// For whom somebody signs in, where that is known.
    pub client: Option<&'a ClientId>,
}

/// Why it is not.
#[derive(Debug)]
struct Refused {
    user: Option<UserId>,
    why: &'static str,
}

impl From<Unproved> for Refused {
    fn from(why: Unproved) -> Self {
        Self { user: None, why: why.why() }
    }
}

impl CheckPasskey {
    /// A challenge for one try. With `user`, for the passkeys of that person; `None`: there are none.
    pub async fn begin(&self, user: Option<UserId>, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        let Some(party) = &self.party else { return Ok(None) };
        let allowed: Vec<CredentialId> = match user {
            Some(user) => self.passkeys.of_user(user).await?.into_iter().map(|passkey| passkey.credential).collect(),
            // Any: who has one is told to nobody who has proved nothing.
            None => Vec::new(),
        };
        if user.is_some() && allowed.is_empty() {
            return Ok(None);
        }
        Ok(Some(ceremony(Purpose::Prove, party.ask(&allowed), now)?))
    }

    /// The same for one passkey of a person alone. `None`: it is gone.
    pub async fn begin_with(
        &self,
        user: UserId,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        let Some(party) = &self.party else { return Ok(None) };
        let own = self.passkeys.of_user(user).await?.into_iter().find(|passkey| passkey.device() == device);
        own.map(|passkey| ceremony(Purpose::Prove, party.ask(&[passkey.credential]), now)).transpose()
    }

    /// For whoever makes one, and has `has`. `None`: browsers make none for us.
    pub fn begin_new(&self, user: &User, has: &[CredentialId], now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        let Some(party) = &self.party else { return Ok(None) };
        let name = user.name.as_deref().unwrap_or(&user.username);
        let owner = Owner { handle: user.id.uuid(), username: &user.username, name };
        Ok(Some(ceremony(Purpose::Register, party.ask_for_new(owner, has), now)?))
    }

    /// For whoever has none yet. `None`: browsers make none for us, or there is no such person.
    pub async fn begin_first(&self, user: UserId, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        match self.directory.user(&user).await? {
            Some(user) => self.begin_new(&user, &[], now),
            None => Ok(None),
        }
    }

    /// `None`: it proves nothing.
    #[tracing::instrument(level = "debug", name = "check_passkey", skip_all)]
    pub async fn check(&self, attempt: Attempt<'_>) -> Result<Option<UserId>, StoreError> {
        let now = self.clock.now();
        let event = |user| {
            let event = Event::new(self.entropy.ordered_uuid(now), now, Action::PasskeyChecked).user(user);
            match attempt.client {
                Some(client) => event.client(client),
                None => event,
            }
        };
        match self.look(attempt, now).await? {
            Ok(user) => {
                self.ledger.audit(event(user)).await;
                Ok(Some(user))
            }
            Err(Refused { user, why }) => {
                tracing::info!(detail = why, "passkey refused");
                if let Some(user) = user {
                    self.ledger.audit(event(user).refused(why)).await;
                } else {
                    // Anybody can make up credentials: those are counted together.
                    let client = attempt.client.cloned();
                    self.refusals.record(Action::PasskeyChecked, why.to_owned(), client).await;
                }
                Ok(None)
            }
        }
    }

    async fn look(&self, attempt: Attempt<'_>, now: Timestamp) -> Result<Result<UserId, Refused>, StoreError> {
        let refused = |user, why| Ok(Err(Refused { user, why }));
        if !attempt.ceremony.is_live(now) || attempt.ceremony.purpose != Purpose::Prove {
            return refused(None, "the challenge has expired");
        }
        let assertion = match Assertion::parse(attempt.assertion) {
            Ok(assertion) => assertion,
            Err(why) => return Ok(Err(why.into())),
        };
        let Some(passkey) = self.passkeys.of_credential(assertion.id()).await? else {
            return refused(None, "there is no such passkey");
        };
        let proved = match self.verified(&assertion, attempt, &passkey) {
            Ok(proved) => proved,
            // Signed by the key, and still refused: that is about the person whose it is.
            Err(why @ Unproved::Counter) => return refused(Some(passkey.user), why.why()),
            Err(why) => return Ok(Err(why.into())),
        };
        if attempt.user.is_some_and(|user| user != passkey.user) {
            return refused(Some(passkey.user), Unproved::User.why());
        }
        let user = self.directory.user(&passkey.user).await?;
        if !user.is_some_and(|user| user.is_active()) {
            return refused(Some(passkey.user), "the user is locked or disabled");
        }
        if !self.passkeys.used(&passkey, proved, now).await? {
            return refused(Some(passkey.user), "the passkey is gone, or was used at the same time");
        }
        Ok(Ok(passkey.user))
    }

    fn verified(&self, assertion: &Assertion, attempt: Attempt<'_>, passkey: &Passkey) -> Result<Proved, Unproved> {
        let party = self.party.as_ref().ok_or(Unproved::Origin)?;
        let expected = Expected { party, origin: attempt.origin, asked: &attempt.ceremony.asked };
        let known = Known {
            key: &passkey.key,
            sign_count: passkey.sign_count,
            backup_eligible: passkey.backup_eligible,
            handle: passkey.user.uuid(),
            named: attempt.user.is_some(),
        };
        assertion.verify(&expected, &known)
    }
}

fn ceremony(purpose: Purpose, asked: Option<Asked>, begun_at: Timestamp) -> Result<Ceremony, StoreError> {
    let asked = asked.ok_or(StoreError::Corrupt("what a passkey is asked"))?;
    Ok(Ceremony { purpose, asked, begun_at })
}
