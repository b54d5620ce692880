//! A push service says that an app is gone: its token is dropped, and where the operator of the app wants it so, the
//! phone is nobody's device any more [flows.md F5].

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::device::Device;
use crate::domain::native_application::NativeApplication;
use crate::domain::occasion::Notice;
use crate::domain::push::{Push, PushToken};
use crate::entropy::Entropy;
use crate::store::ephemeral::StoreError;
use crate::store::shelves::DeviceBell;
use crate::store::sql::push::PushTokens;
use crate::usecase::tell_person::TellPerson;
use crate::usecase::withdraw::WithdrawQuestions;
use crate::words::Locale;

/// Why a device is none any more, or is not reached any more.
pub const APP_UNINSTALLED: &str = "app_uninstalled";

pub struct ForgetPhone {
    pub tokens: PushTokens,
    pub withdraw: WithdrawQuestions,
    pub tell: TellPerson,
    pub bell: DeviceBell,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl ForgetPhone {
    /// `false`: the app has handed in another token since, and nothing was done.
    pub async fn forget(
        &self,
        token: &PushToken,
        application: &NativeApplication,
        push: &Push,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let event = |action: Action| Event::new(self.entropy.ordered_uuid(now), now, action).of(APP_UNINSTALLED);
        if !application.automatic_unpairing {
            let event = event(Action::DevicePushTokenRemoved).user(push.user).device(push.device);
            if !self.tokens.drop(token, &event).await? {
                return Ok(false);
            }
            // It stays the device of whoever has it, and rings for none of them.
            for device in self.tokens.devices(token.installation).await? {
                self.withdraw.of(&device, APP_UNINSTALLED).await;
            }
            return Ok(true);
        }
        let event = |device: &Device| event(Action::DeviceUnpaired).user(device.user).device(device.id);
        let Some(unpaired) = self.tokens.drop_and_unpair(token, event).await? else { return Ok(false) };
        self.bell.ring(&token.installation).await;
        for gone in &unpaired {
            tracing::info!(device.id = %gone.device.id, user.id = %gone.device.user, "device unpaired: the app is gone");
            self.withdraw.of(&gone.device, APP_UNINSTALLED).await;
            self.tell.of(gone.device.user, Notice::Removed, None, Locale::default().tag()).await;
        }
        Ok(true)
    }
}
