//! A push service says that an app is gone: its token is dropped, and where the operator of the app wants it so, the
//! phone is nobody's device any more [flows.md F5].

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::{Asker, AuthenticationRequest};
use crate::domain::decision::Record;
use crate::domain::device::Device;
use crate::domain::native_application::NativeApplication;
use crate::domain::push::{Push, PushToken};
use crate::entropy::Entropy;
use crate::protocol::id::DeviceId;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::ledger::Also;
use crate::store::sql::push::PushTokens;
use crate::usecase::settle::{Seen, Settle};

/// Why a device is none any more, or is not reached any more.
pub const APP_UNINSTALLED: &str = "app_uninstalled";

pub struct ForgetPhone {
    pub tokens: PushTokens,
    pub requests: Shelf<AuthenticationRequest>,
    pub settle: Settle,
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
            return self.tokens.drop(token, &event).await;
        }
        let event = |device: &Device| event(Action::DeviceUnpaired).user(device.user).device(device.id);
        let Some(unpaired) = self.tokens.drop_and_unpair(token, event).await? else { return Ok(false) };
        self.bell.ring(&token.installation).await;
        for gone in &unpaired {
            tracing::info!(device.id = %gone.device.id, user.id = %gone.device.user, "device unpaired: the app is gone");
        }
        self.withdraw(push).await?;
        Ok(true)
    }

    /// A sign-in that waits for this phone, and for no other, goes on at once with what else there is.
    async fn withdraw(&self, push: &Push) -> Result<(), StoreError> {
        let Some(request) = self.requests.get(&push.digest).await? else { return Ok(()) };
        let now = self.clock.now();
        let waits: Option<DeviceId> = match request.asker {
            Asker::Flow(chosen) => Some(chosen),
            // Other phones may answer; and nobody else learns that this one is gone.
            Asker::Client => None,
        };
        if waits != Some(push.device) || !request.is_pending(now) {
            return Ok(());
        }
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::RequestCancelled)
            .client(&request.client)
            .user(request.user)
            .device(push.device)
            .request(request.id)
            .of(APP_UNINSTALLED);
        let record = Record::cancelled(&request, push.digest, now);
        self.settle.settle(record, event, Also::default(), Seen::default()).await.map(drop)
    }
}
