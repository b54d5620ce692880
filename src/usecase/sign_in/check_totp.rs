//! A person brings the code that an authenticator app shows [RFC 6238; flows.md A.1.3].

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::ladder::DAY;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::otp_guard::{OtpGuard, Tried};
use crate::domain::totp::{TotpDevice, TotpMethod, Typing};
use crate::protocol::flow_api::FlowRefusal;
use crate::protocol::id::{DeviceId, UserId};
use crate::secret::MasterKey;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::sign_in::send_code::{NotSent, Standing};

pub struct CheckTotp {
    pub devices: TotpDevices,
    /// Those of the codes that are sent: who guesses may not go on by the next way.
    pub guards: Shelf<OtpGuard>,
    pub master: Arc<MasterKey>,
    pub clock: Arc<dyn Clock>,
}

impl CheckTotp {
    /// A code of this app is waited for from now on.
    pub(super) async fn ask(
        &self,
        devices: &[DeviceId],
        selected: &TotpDevice,
        policy: &MfaPolicy,
    ) -> Result<Result<Typing, NotSent>, StoreError> {
        let now = self.clock.now();
        if self.guards.get(&selected.user).await?.is_some_and(|guard| guard.is_locked(now)) {
            return Ok(Err(NotSent::Locked));
        }
        let method = TotpMethod { attempts: policy.attempts(), ..policy.totp };
        Ok(Ok(Typing { devices: devices.to_vec(), selected: selected.id, method }))
    }

    /// Whether this is a code that the app shows about now, and that nobody has brought before.
    pub(super) async fn check(
        &self,
        user: UserId,
        typing: &Typing,
        typed: &str,
    ) -> Result<Result<(), FlowRefusal>, StoreError> {
        let (now, whose) = (self.clock.now(), (user, typing.selected));
        let one_more = |guard: OtpGuard| guard.attempt(typing.method.tries(), None, now);
        let Tried::Looked { left } = self.guards.upsert(&user, DAY, one_more).await? else {
            return Ok(Err(NotSent::Locked.refusal()));
        };
        if let Some(device) = self.devices.find(user, typing.selected).await?.filter(TotpDevice::is_active) {
            let key = device.opened(&self.master).ok_or(StoreError::Corrupt("the key of an authenticator app"))?;
            let step = key.step_of(typed, now, typing.method.passcode_grace_period, device.last_step);
            // [RFC 6238 §5.2] of many who bring it at once, on whatever node, one has it.
            if let Some(step) = step
                && self.devices.spend(whose, step).await?
            {
                self.guards.upsert(&user, DAY, |guard| (guard.succeeded(), ())).await?;
                return Ok(Ok(()));
            }
        }
        Ok(Err(if left == 0 { NotSent::Locked.refusal() } else { FlowRefusal::wrong_code(left) }))
    }

    /// How it stands with the codes of a flow. Changes nothing.
    pub(super) async fn standing(&self, user: UserId, typing: &Typing) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        let guard = self.guards.get(&user).await?.unwrap_or_default();
        let attempts_remaining = guard.left(typing.method.tries(), None, now);
        Ok(Standing { attempts_remaining, resend_in: None, delivery: None })
    }
}
