//! Somebody who cannot be asked as the policy would have it: what is locked is that way, and never the person
//! [flows.md H.4; security.md 5.7, case 122].

use crate::domain::flow::{Flow, SecondFactor};
use crate::protocol::id::{DeviceId, MfaPolicyId};
use crate::store::ephemeral::StoreError;
use crate::usecase::sign_in::second_factor::{NotAsked, SecondFactors};
use crate::usecase::sign_in::send_code::{Asker, NotSent};

impl SecondFactors {
    /// The person is asked on the first of their devices; where they are asked too often on phones, in the next way; and
    /// where that costs another message, or lets in a new device, they say in which. Refused, there is no other way.
    pub(super) async fn asked_first(
        &self,
        flow: Flow,
        policy: &MfaPolicyId,
        (first, asker): (DeviceId, Asker<'_>),
    ) -> Result<Result<Option<Flow>, NotAsked>, StoreError> {
        let not = match self.asked_on(flow.clone(), policy, (first, asker)).await? {
            Ok(asked) => return Ok(Ok(asked)),
            Err(not) => not,
        };
        let others = self.others(&flow, first, &not).await?;
        let Some(next) = others.first() else { return Ok(Err(not)) };
        if matches!(not, NotAsked::Push) && flow.newcomer.is_none() {
            match self.asked_on(flow.clone(), policy, (*next, asker)).await? {
                Ok(asked) => return Ok(Ok(asked)),
                Err(NotAsked::Code(NotSent::TooOften)) if others.len() > 1 => {}
                Err(NotAsked::Push | NotAsked::Code(_)) => return Ok(Err(not)),
            }
        }
        Ok(Ok(Some(flow)))
    }

    /// The devices for which the same limit does not hold.
    async fn others(&self, flow: &Flow, first: DeviceId, not: &NotAsked) -> Result<Vec<DeviceId>, StoreError> {
        let Some(user) = flow.user() else { return Ok(Vec::new()) };
        let devices = flow.second_factor.as_ref().map(SecondFactor::devices).unwrap_or_default();
        let devices = devices.iter().copied();
        Ok(match not {
            // All phones have one.
            NotAsked::Push => {
                let phones = self.evaluate.directory.devices_of(&user).await?;
                devices.filter(|device| !phones.iter().any(|(phone, _)| phone.id == *device)).collect()
            }
            // Each address has one of its own.
            NotAsked::Code(NotSent::TooOften) => devices.filter(|device| *device != first).collect(),
            // All codes have one, whatever shows or brings them, and those come last.
            NotAsked::Code(NotSent::Locked) => Vec::new(),
        })
    }
}
