//! The passkeys of somebody who is signed in: made, named, removed. Whoever changes with what one signs in has
//! shown within the last minutes that it is still them ([`super::confirm`]).

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::passkey::{MOST, Passkey, PasskeyName, Purpose};
use crate::domain::session::{CHANGES, Session};
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::protocol::id::{CeremonyId, DeviceId, PasskeyId, UserId};
use crate::protocol::webauthn::{CredentialId, RelyingParty};
use crate::store::ephemeral::StoreError;
use crate::store::sql::passkeys::{Added, Passkeys};
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::account::ceremonies::Ceremonies;
use crate::usecase::add_passkey::{AddPasskey, Grounds, Made};
use crate::usecase::check_passkey::CheckPasskey;
use crate::usecase::sign_in::{Browser, Known};

pub struct OwnPasskeys {
    pub known: Arc<Known>,
    pub passkeys: Passkeys,
    pub totps: TotpDevices,
    pub add: Arc<AddPasskey>,
    pub check: Arc<CheckPasskey>,
    pub ceremonies: Ceremonies,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Who is signed in, and what they have.
#[derive(Debug)]
pub struct Signed {
    pub user: Arc<User>,
    pub session: Session,
    pub passkeys: Vec<Passkey>,
    /// Their authenticator apps that count.
    pub apps: Vec<DeviceId>,
    /// They show a passkey where they show something. One that was made just now is none yet for whoever has an app: where an
    /// MFA policy has no apps, a password alone makes one.
    pub shows_passkey: bool,
    /// Nothing has to be shown again before something is changed.
    pub fresh: bool,
}

impl Signed {
    /// Whether they show a code beside the password: whoever has passkeys shows one of those.
    pub fn shows_code(&self) -> bool {
        !self.shows_passkey && !self.apps.is_empty()
    }
}

/// A passkey that is about to be made.
#[derive(Debug)]
pub struct Begun {
    pub id: CeremonyId,
    /// For `navigator.credentials.create`.
    pub options: serde_json::Value,
}

/// What came of something that a person wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// First they are to show that it is them.
    ConfirmFirst,
    TooMany,
    /// What the browser brought is not what was asked for, or comes too late.
    Unproved,
    /// The name is empty or too long.
    BadName,
    /// There is no such passkey of theirs.
    Unknown,
}

impl OwnPasskeys {
    /// `None`: nobody is signed in in this browser.
    pub async fn signed(&self, browser: &Browser) -> Result<Option<Signed>, StoreError> {
        let now = self.clock.now();
        let Some(session) = self.known.session(browser, now).await? else { return Ok(None) };
        let Some(user) = self.known.directory.user(&session.user).await? else { return Ok(None) };
        let passkeys = self.passkeys.of_user(user.id).await?;
        let totps = self.totps.of_user(user.id).await?;
        let apps: Vec<DeviceId> = totps.iter().filter(|own| own.is_active()).map(|own| own.id).collect();
        let shows_passkey = passkeys.iter().any(|own| apps.is_empty() || own.created_at + CHANGES <= now);
        let fresh = session.lets_change(shows_passkey, !apps.is_empty(), now);
        Ok(Some(Signed { user, session, passkeys, apps, shows_passkey, fresh }))
    }

    /// `Err`: why none can be made.
    pub async fn begin(&self, signed: &Signed) -> Result<Result<Begun, Outcome>, StoreError> {
        let now = self.clock.now();
        if !signed.fresh {
            return Ok(Err(Outcome::ConfirmFirst));
        }
        if signed.passkeys.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
            return Ok(Err(Outcome::TooMany));
        }
        let has: Vec<CredentialId> = signed.passkeys.iter().map(|passkey| passkey.credential.clone()).collect();
        let Some(ceremony) = self.check.begin_new(&signed.user, &has, now)? else { return Ok(Err(Outcome::Unproved)) };
        let options = ceremony.asked.options();
        let id = self.ceremonies.begin(signed.session.id, ceremony).await?;
        Ok(Ok(Begun { id, options }))
    }

    /// The passkey is made: `attestation` is what the browser says of it.
    #[tracing::instrument(level = "debug", name = "register_passkey", skip_all)]
    pub async fn register(
        &self,
        signed: &Signed,
        id: &CeremonyId,
        attestation: &str,
        name: &str,
    ) -> Result<Outcome, StoreError> {
        let now = self.clock.now();
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        let Some(name) = PasskeyName::of_made(Some(name)) else { return Ok(Outcome::BadName) };
        let origin = self.add.party.as_ref().map(RelyingParty::origin).unwrap_or_default();
        let ceremony = self.ceremonies.take(id, (signed.session.id, Purpose::Register), now).await?;
        let (passkey, user) = (PasskeyId::new(self.entropy.uuid()), signed.user.id);
        let made = Made {
            id: passkey,
            user,
            attestation,
            ceremony: ceremony.as_ref(),
            origin,
            name,
            grounds: Grounds::Confirmed,
        };
        Ok(match self.add.add(made).await? {
            Some(Added::Yes) => Outcome::Done,
            Some(Added::TooMany) => Outcome::TooMany,
            Some(Added::Taken | Added::AnotherPassword | Added::NoUser) | None => Outcome::Unproved,
        })
    }

    pub async fn rename(&self, signed: &Signed, id: PasskeyId, name: &str) -> Result<Outcome, StoreError> {
        let Some(name) = PasskeyName::parse(name) else { return Ok(Outcome::BadName) };
        let event = self.event(Action::PasskeyUpdated, signed.user.id, self.clock.now());
        let renamed = self.passkeys.rename(signed.user.id, id, &name, &event).await?;
        Ok(if renamed { Outcome::Done } else { Outcome::Unknown })
    }

    pub async fn remove(&self, signed: &Signed, id: PasskeyId) -> Result<Outcome, StoreError> {
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        let event = self.event(Action::PasskeyRemoved, signed.user.id, self.clock.now());
        let removed = self.passkeys.delete(signed.user.id, id, &event).await?;
        Ok(if removed { Outcome::Done } else { Outcome::Unknown })
    }

    fn event(&self, action: Action, user: UserId, now: Timestamp) -> Event {
        Event::new(self.entropy.ordered_uuid(now), now, action).user(user)
    }
}
