//! A person brings the code that an authenticator app shows, or a phone that no push reaches [RFC 6238; flows.md A.1.3, F9].

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::ladder::DAY;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::otp_guard::{OtpGuard, Tried};
use crate::domain::totp::{TotpDevice, TotpMethod, Typing};
use crate::protocol::flow_api::FlowRefusal;
use crate::protocol::id::{DeviceId, UserId};
use crate::secret::MasterKey;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::device_passcodes::DevicePasscodes;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::sign_in::send_code::{NotSent, Standing};

pub struct CheckTotp {
    pub devices: TotpDevices,
    pub passcodes: DevicePasscodes,
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
        let now = self.clock.now();
        let one_more = |guard: OtpGuard| guard.attempt(typing.method.tries(), None, now);
        let Tried::Looked { left } = self.guards.upsert(&user, DAY, one_more).await? else {
            return Ok(Err(NotSent::Locked.refusal()));
        };
        if self.taken(user, typing, (typed, now)).await? {
            self.guards.upsert(&user, DAY, |guard| (guard.succeeded(), ())).await?;
            return Ok(Ok(()));
        }
        Ok(Err(if left == 0 { NotSent::Locked.refusal() } else { FlowRefusal::wrong_code(left) }))
    }

    /// [RFC 6238 §5.2] of many who bring a code at once, on whatever node, one has it.
    async fn taken(&self, user: UserId, typing: &Typing, (typed, now): (&str, Timestamp)) -> Result<bool, StoreError> {
        let (selected, windows) = (typing.selected, typing.method.passcode_grace_period);
        if let Some(device) = self.devices.find(user, selected).await?.filter(TotpDevice::is_active) {
            let key = device.opened(&self.master).ok_or(StoreError::Corrupt("the key of an authenticator app"))?;
            return match key.step_of(typed, now, windows, device.last_step) {
                Some(step) => self.devices.spend((user, selected), step).await,
                None => Ok(false),
            };
        }
        let Some(phone) = self.passcodes.find(user, selected).await? else { return Ok(false) };
        let key =
            phone.opened(&self.master).ok_or(StoreError::Corrupt("the key of the one-time passcodes of a device"))?;
        match key.step_of(typed, now, windows, phone.last_step) {
            Some(step) => self.passcodes.spend(selected, step).await,
            None => Ok(false),
        }
    }

    /// By which rules a one-time passcode of this phone does as well as its answer. `None`: none is looked at.
    pub(super) async fn instead(
        &self,
        user: UserId,
        phone: DeviceId,
        policy: &MfaPolicy,
    ) -> Result<Option<TotpMethod>, StoreError> {
        if !policy.mobile_otp.enabled || self.passcodes.find(user, phone).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(TotpMethod { attempts: policy.attempts(), ..policy.mobile_otp }))
    }

    /// How it stands with the codes of a flow. Changes nothing.
    pub(super) async fn standing(&self, user: UserId, typing: &Typing) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        let guard = self.guards.get(&user).await?.unwrap_or_default();
        let attempts_remaining = guard.left(typing.method.tries(), None, now);
        Ok(Standing { attempts_remaining, resend_in: None, delivery: None })
    }
}
