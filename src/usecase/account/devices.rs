//! The devices of somebody who is signed in: phones, addresses for codes, authenticator apps. Whoever changes them has
//! shown within the last minutes that it is still them ([`super::confirm`]) [flows.md A.1.3, D.5].

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::device::{Device, Status, nickname};
use crate::domain::occasion::Notice;
use crate::domain::otp::OtpDevice;
use crate::domain::totp::TotpDevice;
use crate::entropy::Entropy;
use crate::protocol::id::{DeviceId, PairingKey, PairingKeyId, UserId};
use crate::secret::Secret;
use crate::store::ephemeral::StoreError;
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::{Devices, KeyCreated, Unpaired};
use crate::store::sql::directory;
use crate::store::sql::fleet::StoredPairingKey;
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::account::passkeys::{Outcome, Signed};
use crate::usecase::pairing_keys::{self, RecognisePairingKeys};
use crate::usecase::sign_in::Known;
use crate::usecase::tell_person::TellPerson;
use crate::usecase::withdraw::{DEVICE_UNPAIRED, WithdrawQuestions};

pub struct OwnDevices {
    pub known: Arc<Known>,
    pub devices: Devices,
    pub addresses: OtpDevices,
    pub totps: TotpDevices,
    pub recognise: Arc<RecognisePairingKeys>,
    pub bell: DeviceBell,
    pub withdraw: WithdrawQuestions,
    pub tell: TellPerson,
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

/// A device is another person's, or not theirs to choose.
struct NotTheirs;

fn theirs(device: &Device, user: UserId) -> Result<(), NotTheirs> {
    if device.user == user { Ok(()) } else { Err(NotTheirs) }
}

impl OwnDevices {
    pub async fn of(&self, user: UserId) -> Result<Owned, StoreError> {
        Ok(Owned {
            phones: self.known.directory.devices_of(&user).await?,
            addresses: self.addresses.of_user(user).await?,
            totps: self.totps.of_user(user).await?,
        })
    }

    /// Names a phone.
    pub async fn rename(&self, signed: &Signed, id: DeviceId, name: &str) -> Result<Outcome, StoreError> {
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        let Some(nickname) = nickname(name) else { return Ok(Outcome::BadName) };
        let (user, event) = (signed.user.id, self.event(Action::DeviceUpdated));
        let renamed = self.devices.update_if(id, event, |device, _| {
            theirs(device, user).map(|()| Device { nickname: Some(nickname), ..device.clone() })
        });
        Ok(if matches!(renamed.await?, Some(Ok(_))) { Outcome::Done } else { Outcome::Unknown })
    }

    /// Makes it the phone that is asked first, unless an administrator has blocked it.
    pub async fn make_primary(&self, signed: &Signed, id: DeviceId) -> Result<Outcome, StoreError> {
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        let (user, event) = (signed.user.id, self.event(Action::DeviceUpdated));
        let moved = self.devices.make_primary_if(id, event, |device, _| match device.status {
            Status::Active => theirs(device, user),
            Status::Blocked => Err(NotTheirs),
        });
        let moved = moved.await?;
        Ok(if matches!(moved, Some(Ok(_))) { Outcome::Done } else { Outcome::Unknown })
    }

    /// It vouches for nobody any more, whatever it is, and what waits for it waits no longer. `language`: in which the person is
    /// told of a phone, a BCP 47 tag.
    #[tracing::instrument(level = "debug", name = "remove_device", skip_all)]
    pub async fn remove(&self, signed: &Signed, id: DeviceId, language: &str) -> Result<Outcome, StoreError> {
        if !signed.fresh {
            return Ok(Outcome::ConfirmFirst);
        }
        let user = signed.user.id;
        let event = |action| self.event(action).user(user).device(id);
        let removed = self.unpair(user, id, language).await?
            || self.addresses.delete(user, id, &event(Action::OtpDeviceRemoved)).await?
            || self.totps.delete(user, id, &event(Action::TotpDeviceRemoved)).await?;
        if removed {
            tracing::info!(user.id = %user, device.id = %id, "device removed by its person");
        }
        Ok(if removed { Outcome::Done } else { Outcome::Unknown })
    }

    /// `false`: no phone of theirs is called so.
    async fn unpair(&self, user: UserId, id: DeviceId, language: &str) -> Result<bool, StoreError> {
        let event = self.event(Action::DeviceUnpaired);
        let unpaired = self.devices.unpair_if(id, event, |device, _| theirs(device, user)).await?;
        let Some(Ok(Unpaired { device, .. })) = unpaired else { return Ok(false) };
        self.bell.ring(&device.installation).await;
        self.withdraw.of(&device, DEVICE_UNPAIRED).await;
        self.tell.of(user, Notice::Removed, None, language).await;
        Ok(true)
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
            created_at: now,
            expires_at: now + self.lifetime,
            used_at: None,
        };
        let event = self.event(Action::PairingKeyCreated).user(user);
        let created = self.devices.create_named_key(&stored, &self.recognise.digest(&key), &event).await?;
        Ok(match created {
            KeyCreated::Yes => Ok(NewKey { id: stored.id, key, left: self.lifetime }),
            KeyCreated::TooMany => Err(Outcome::TooMany),
            KeyCreated::UnknownUser => Err(Outcome::Unknown),
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
