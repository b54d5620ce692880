//! The devices of somebody who is signed in: phones, addresses for codes, authenticator apps. Whoever changes them has
//! shown within the last minutes that it is still them ([`super::confirm`]) [flows.md A.1.3, D.5].

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::device::nickname;
use crate::domain::otp::OtpDevice;
use crate::domain::totp::TotpDevice;
use crate::entropy::Entropy;
use crate::protocol::id::{DeviceId, PairingKey, PairingKeyId, UserId};
use crate::secret::Secret;
use crate::store::ephemeral::StoreError;
use crate::store::sql::devices::{Devices, KeyCreated};
use crate::store::sql::directory;
use crate::store::sql::fleet::StoredPairingKey;
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::account::passkeys::{Outcome, Signed};
use crate::usecase::change_devices::{ChangeDevices, Whose};
use crate::usecase::pairing_keys::{self, RecognisePairingKeys};
use crate::usecase::sign_in::Known;

pub struct OwnDevices {
    pub known: Arc<Known>,
    pub devices: Devices,
    pub addresses: OtpDevices,
    pub totps: TotpDevices,
    pub changes: Arc<ChangeDevices>,
    pub recognise: Arc<RecognisePairingKeys>,
    /// How long a pairing key is good.
    pub lifetime: Duration,
    pub issuer: String,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// What somebody has.
#[derive(Debug)]
pub struct Owned {
    /// The primary one first.
    pub phones: directory::Devices,
    /// The oldest first, as the apps.
    pub addresses: Vec<OtpDevice>,
    pub totps: Vec<TotpDevice>,
    /// In so many browsers they are not asked for any of it.
    pub browsers: u64,
}

/// A pairing key as it was just made.
#[derive(Debug)]
pub struct NewKey {
    pub id: PairingKeyId,
    pub key: PairingKey,
    /// How long it is good.
    pub left: Duration,
}

/// Whether a phone has come with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    Yes,
    /// For so long one may.
    NotYet(Duration),
    /// None will: it is over, or there is no such key of theirs.
    Never,
}

/// Somebody on the pages of their account.
fn whose(signed: &Signed) -> Whose<'static> {
    Whose { user: signed.user.id, within: None }
}

const fn came_of(changed: bool) -> Outcome {
    if changed { Outcome::Done } else { Outcome::Unknown }
}

impl OwnDevices {
    pub async fn of(&self, user: UserId) -> Result<Owned, StoreError> {
        let sign_on = self.known.directory.sign_on().await?;
        let (remembered, now) = (&self.known.second_factors.evaluate.remembered, self.clock.now());
        Ok(Owned {
            phones: self.known.directory.devices_of(&user).await?,
            addresses: self.addresses.of_user(user).await?,
            totps: self.totps.of_user(user).await?,
            browsers: remembered.count(user, &sign_on, now).await?,
        })
    }

    /// They are asked in every browser again. Nobody has to show anything first who wants to be asked more.
    pub async fn forget_browsers(&self, user: UserId) -> Result<Outcome, StoreError> {
        let event = self.event(Action::SecondFactorEvaluated).user(user).of("remember_me_withdrawn");
        let forgotten = self.known.second_factors.evaluate.remembered.forget(user, &event).await?;
        Ok(if forgotten { Outcome::Done } else { Outcome::Unknown })
    }

    /// Names a phone.
    pub async fn rename(&self, signed: &Signed, id: DeviceId, name: &str) -> Result<Outcome, StoreError> {
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        let Some(nickname) = nickname(name) else { return Ok(Outcome::BadName) };
        Ok(came_of(self.changes.rename_phone(whose(signed), id, &nickname).await?))
    }

    /// Makes it the phone that is asked first, unless an administrator has blocked it.
    pub async fn make_primary(&self, signed: &Signed, id: DeviceId) -> Result<Outcome, StoreError> {
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        Ok(came_of(self.changes.make_primary(whose(signed), id).await?))
    }

    /// It vouches for nobody any more, whatever it is, and what waits for it waits no longer. `language`: in which the person is
    /// told of a phone, a BCP 47 tag.
    pub async fn remove(&self, signed: &Signed, id: DeviceId, language: &str) -> Result<Outcome, StoreError> {
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        Ok(came_of(self.changes.remove(whose(signed), id, language).await?))
    }

    /// A key with which a phone becomes theirs. `Err`: why there is none.
    #[tracing::instrument(level = "debug", name = "add_phone", skip_all)]
    pub async fn add(&self, signed: &Signed) -> Result<Result<NewKey, Outcome>, StoreError> {
        if !signed.fresh {
            return Ok(Err(Outcome::ConfirmFirst));
        }
        let (user, now) = (signed.user.id, self.clock.now());
        let key = pairing_keys::draw(&self.entropy);
        let stored = StoredPairingKey {
            id: PairingKeyId::new(self.entropy.uuid()),
            user,
            application: None,
            created_at: now,
            expires_at: now + self.lifetime,
            used_at: None,
        };
        let event = self.event(Action::PairingKeyCreated).user(user);
        let created = self.devices.create_named_key(&stored, &self.recognise.digest(&key), &event).await?;
        Ok(match created {
            KeyCreated::Yes => Ok(NewKey { id: stored.id, key, left: self.lifetime }),
            KeyCreated::TooMany => Err(Outcome::TooMany),
            KeyCreated::UnknownUser | KeyCreated::UnknownApplication => Err(Outcome::Unknown),
        })
    }

    /// What a phone takes as a link.
    pub fn link(&self, key: &PairingKey) -> Result<Secret<String>, StoreError> {
        pairing_keys::link(&self.issuer, key)
    }

    /// Whether a phone has come with this key of theirs.
    pub async fn came(&self, user: UserId, id: PairingKeyId) -> Result<Came, StoreError> {
        let Some(stored) = self.devices.find_key(id).await?.filter(|key| key.user == user) else {
            return Ok(Came::Never);
        };
        let now = self.clock.now();
        Ok(if stored.used_at.is_some() {
            Came::Yes
        } else if now < stored.expires_at {
            Came::NotYet(stored.expires_at.since(now))
        } else {
            Came::Never
        })
    }

    fn event(&self, action: Action) -> Event {
        let now = self.clock.now();
        Event::new(self.entropy.ordered_uuid(now), now, action)
    }
}
