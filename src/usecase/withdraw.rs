//! A device is gone: blocked, unpaired, or without its app. What was asked on it, and on no other, is asked no more, so that
//! whoever waits for an answer goes on with what else there is [flows.md F5].

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::Asker;
use crate::domain::decision::Record;
use crate::domain::device::Device;
use crate::entropy::Entropy;
use crate::store::ephemeral::StoreError;
use crate::store::sql::ledger::Also;
use crate::usecase::settle::{Seen, Settle};

/// Why a question was withdrawn, besides [`APP_UNINSTALLED`](crate::usecase::push::forget::APP_UNINSTALLED).
pub const DEVICE_BLOCKED: &str = "device_blocked";
pub const DEVICE_UNPAIRED: &str = "device_unpaired";

#[derive(Clone)]
pub struct WithdrawQuestions {
    pub settle: Settle,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl WithdrawQuestions {
    /// All that wait for this device of its person. That it is gone is committed by then, and stays so whatever comes of
    /// this: a flow that asks whether there is an answer looks itself whether there can be one.
    pub async fn of(&self, device: &Device, why: &'static str) {
        if let Err(error) = self.withdraw(device, why).await {
            tracing::warn!(device.id = %device.id, %error, "questions on a device that is gone were not withdrawn");
        }
    }

    async fn withdraw(&self, device: &Device, why: &'static str) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(inbox) = self.settle.inboxes.get(&device.user).await? else { return Ok(()) };
        for entry in inbox.live(now) {
            let Some(request) = self.settle.requests.get(&entry.request).await? else { continue };
            // What a client asks, other phones may answer, unless a policy has named this one; and the client does not learn
            // that it is gone.
            if request.asker != Asker::Flow(device.id) || !request.is_pending(now) {
                continue;
            }
            let event = Event::new(self.entropy.ordered_uuid(now), now, Action::RequestCancelled)
                .client(&request.client)
                .user(request.user)
                .device(device.id)
                .request(request.id)
                .of(why);
            let record = Record::cancelled(&request, entry.request, now);
            self.settle.settle(record, event, Also::default(), Seen::default()).await?;
        }
        Ok(())
    }
}
