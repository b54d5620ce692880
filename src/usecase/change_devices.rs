//! The devices of a person, changed by themselves: on the pages of their account, or on the way of a sign-in. Who asks for
//! it has found out first that it is them [flows.md A.1.3, D.5].

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::device::{Device, Status};
use crate::domain::flow::Flow;
use crate::domain::occasion::Notice;
use crate::domain::otp::OtpDevice;
use crate::domain::passkey::{Passkey, PasskeyName};
use crate::entropy::Entropy;
use crate::protocol::id::{DeviceId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::{Devices, Unpaired};
use crate::store::sql::otp_devices::OtpDevices;
use crate::store::sql::passkeys::Passkeys;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::tell_person::TellPerson;
use crate::usecase::withdraw::{DEVICE_UNPAIRED, WithdrawQuestions};

pub struct ChangeDevices {
    pub devices: Devices,
    pub addresses: OtpDevices,
    pub totps: TotpDevices,
    pub passkeys: Passkeys,
    pub bell: DeviceBell,
    pub withdraw: WithdrawQuestions,
    pub tell: TellPerson,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Who changes theirs, and where.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    pub user: UserId,
    /// The sign-in. `None`: they are signed in.
    pub within: Option<&'a Flow>,
}

/// A device is another person's, or not theirs to choose.
struct NotTheirs;

fn theirs(device: &Device, user: UserId) -> Result<(), NotTheirs> {
    if device.user == user { Ok(()) } else { Err(NotTheirs) }
}

impl ChangeDevices {
    /// `false`: no phone of theirs is called so.
    pub async fn rename_phone(&self, whose: Whose<'_>, id: DeviceId, nickname: &str) -> Result<bool, StoreError> {
        let (user, nickname) = (whose.user, nickname.to_owned());
        let event = self.event(whose, Action::DeviceUpdated);
        let renamed = self.devices.update_if(id, event, |device, _| {
            theirs(device, user).map(|()| Device { nickname: Some(nickname), ..device.clone() })
        });
        Ok(matches!(renamed.await?, Some(Ok(_))))
    }

    /// The same of a phone, of an address for codes or of a passkey.
    pub async fn rename(&self, whose: Whose<'_>, id: DeviceId, nickname: &str) -> Result<bool, StoreError> {
        if self.rename_phone(whose, id, nickname).await? {
            return Ok(true);
        }
        let event = self.event(whose, Action::OtpDeviceUpdated).user(whose.user).device(id);
        let renamed = self.addresses.update_if((whose.user, id), &event, |device| {
            Ok::<_, NotTheirs>(OtpDevice { nickname: Some(nickname.to_owned()), ..device.clone() })
        });
        if matches!(renamed.await?, Some(Ok(_))) {
            return Ok(true);
        }
        let passkey = self.passkey(whose.user, id).await?;
        let (Some(passkey), Some(name)) = (passkey, PasskeyName::parse(nickname)) else { return Ok(false) };
        let event = self.event(whose, Action::PasskeyUpdated).user(whose.user);
        self.passkeys.rename(whose.user, passkey.id, &name, &event).await
    }

    /// It is the phone that is asked first, unless an administrator has blocked it. `false`: no phone of theirs is called
    /// so, or it is blocked.
    pub async fn make_primary(&self, whose: Whose<'_>, id: DeviceId) -> Result<bool, StoreError> {
        let (user, event) = (whose.user, self.event(whose, Action::DeviceUpdated));
        let moved = self.devices.make_primary_if(id, event, |device, _| match device.status {
            Status::Active => theirs(device, user),
            Status::Blocked => Err(NotTheirs),
        });
        Ok(matches!(moved.await?, Some(Ok(_))))
    }

    /// It vouches for nobody any more, whatever it is but a passkey, and what waits for it waits no longer. `language`: in
    /// which the person is told of a phone, a BCP 47 tag. `false`: none of theirs is called so.
    #[tracing::instrument(level = "debug", name = "remove_device", skip_all)]
    pub async fn remove(&self, whose: Whose<'_>, id: DeviceId, language: &str) -> Result<bool, StoreError> {
        let user = whose.user;
        let event = |action| self.event(whose, action).user(user).device(id);
        let removed = self.unpair(whose, id, language).await?
            || self.addresses.delete(user, id, &event(Action::OtpDeviceRemoved)).await?
            || self.totps.delete(user, id, &event(Action::TotpDeviceRemoved)).await?;
        if removed {
            tracing::info!(user.id = %user, device.id = %id, "device removed by its person");
        }
        Ok(removed)
    }

    /// A passkey signs them in no more. `false`: none of theirs is called so.
    pub async fn remove_passkey(&self, whose: Whose<'_>, id: DeviceId) -> Result<bool, StoreError> {
        let Some(passkey) = self.passkey(whose.user, id).await? else { return Ok(false) };
        let event = self.event(whose, Action::PasskeyRemoved).user(whose.user);
        self.passkeys.delete(whose.user, passkey.id, &event).await
    }

    async fn passkey(&self, user: UserId, id: DeviceId) -> Result<Option<Passkey>, StoreError> {
        Ok(self.passkeys.of_user(user).await?.into_iter().find(|passkey| passkey.device() == id))
    }

    /// `false`: no phone of theirs is called so.
    async fn unpair(&self, whose: Whose<'_>, id: DeviceId, language: &str) -> Result<bool, StoreError> {
        let (user, event) = (whose.user, self.event(whose, Action::DeviceUnpaired));
        let unpaired = self.devices.unpair_if(id, event, |device, _| theirs(device, user)).await?;
        let Some(Ok(Unpaired { device, .. })) = unpaired else { return Ok(false) };
        self.bell.ring(&device.installation).await;
        self.withdraw.of(&device, DEVICE_UNPAIRED).await;
        self.tell.of(user, Notice::Removed, None, language).await;
        Ok(true)
    }

    fn event(&self, whose: Whose<'_>, action: Action) -> Event {
        let now = self.clock.now();
        let event = Event::new(self.entropy.ordered_uuid(now), now, action);
        match whose.within {
            Some(flow) => event.client(&flow.client).request(flow.transaction),
            None => event,
        }
    }
}
