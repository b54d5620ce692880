//! A person brings the code that an authenticator app shows, or a phone that no push reaches [RFC 6238; flows.md A.1.3, F9].

use std::sync::Arc;

use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::Event;
use crate::domain::flow::NewTotp;
use crate::domain::ladder::DAY;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::otp_guard::{OtpGuard, Tried};
use crate::domain::totp::{TotpDevice, TotpMethod, Typing};
use crate::entropy::Entropy;
use crate::protocol::flow_api::{FlowErrorCode, FlowRefusal};
use crate::protocol::id::{DeviceId, UserId};
use crate::protocol::totp::TotpKey;
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::besides::Besides;
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
        if self.is_locked(selected.user).await? {
            return Ok(Err(NotSent::Locked));
        }
        Ok(Ok(Typing { devices: devices.to_vec(), selected: selected.id, method: method(policy) }))
    }

    /// Whether no code of this person is looked at now.
    pub(super) async fn is_locked(&self, user: UserId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        Ok(self.guards.get(&user).await?.is_some_and(|guard| guard.is_locked(now)))
    }

    /// A key for an app that somebody makes on the way. It is of nobody until the app has shown a code.
    pub(super) fn begin(&self, policy: &MfaPolicy, entropy: &Entropy) -> NewTotp {
        let (id, key) = (DeviceId::new(entropy.uuid()), TotpKey::new(entropy.bytes()));
        let sealed = self.master.seal(&TotpDevice::place(id), key.expose(), entropy);
        NewTotp::new(id, &sealed, method(policy))
    }

    /// The key of that app, for whoever makes it.
    pub(super) fn key_of(&self, user: UserId, new: &NewTotp) -> Result<TotpKey, StoreError> {
        let now = self.clock.now();
        made(user, new, now).opened(&self.master).ok_or(StoreError::Corrupt("the key of an authenticator app"))
    }

    /// Whether this is a code that the app shows about now: then it is one of the person's, who has nothing but what
    /// `besides` allows. `password`: when the one was chosen that they gave.
    pub(super) async fn activate(
        &self,
        user: UserId,
        new: &NewTotp,
        typed: &str,
        (password, besides, event): (Option<Timestamp>, Besides, &Event),
    ) -> Result<Result<(), FlowRefusal>, StoreError> {
        let now = self.clock.now();
        let one_more = |guard: OtpGuard| guard.attempt(new.method.tries(), None, now);
        let Tried::Looked { left } = self.guards.upsert(&user, DAY, one_more).await? else {
            return Ok(Err(NotSent::Locked.refusal()));
        };
        let key = self.key_of(user, new)?;
        let Some(step) = key.step_of(typed, now, new.method.passcode_grace_period, None) else {
            return Ok(Err(if left == 0 { NotSent::Locked.refusal() } else { FlowRefusal::wrong_code(left) }));
        };
        // A right code is no guess, whatever comes of it.
        self.guards.upsert(&user, DAY, |guard| (guard.succeeded(), ())).await?;
        let device = TotpDevice { activated_at: Some(now), last_step: Some(step), ..made(user, new, now) };
        if !self.devices.add_first(&device, (password, besides), event).await? {
            let why = "there is a second factor already, or another password was chosen since";
            return Ok(Err(FlowRefusal::new(FlowErrorCode::RequestFailed, why)));
        }
        Ok(Ok(()))
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

    /// The same of any of these apps, where no policy asks. `Err`: how many more may be wrong; none, and no code is looked at.
    pub(in crate::usecase) async fn check_any(
        &self,
        user: UserId,
        apps: &[DeviceId],
        typed: &str,
    ) -> Result<Result<(), u32>, StoreError> {
        let (method, now) = (TotpMethod::default(), self.clock.now());
        let one_more = |guard: OtpGuard| guard.attempt(method.tries(), None, now);
        let Tried::Looked { left } = self.guards.upsert(&user, DAY, one_more).await? else { return Ok(Err(0)) };
        for app in apps {
            let typing = Typing { devices: Vec::new(), selected: *app, method };
            if self.taken(user, &typing, (typed, now)).await? {
                self.guards.upsert(&user, DAY, |guard| (guard.succeeded(), ())).await?;
                return Ok(Ok(()));
            }
        }
        Ok(Err(left))
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
    pub(super) async fn standing(&self, user: UserId, method: TotpMethod) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        let guard = self.guards.get(&user).await?.unwrap_or_default();
        let attempts_remaining = guard.left(method.tries(), None, now);
        Ok(Standing { attempts_remaining, resend_in: None, delivery: None })
    }
}

/// As the policy has it, where the strictest way says how many may be wrong.
fn method(policy: &MfaPolicy) -> TotpMethod {
    TotpMethod { attempts: policy.attempts(), ..policy.totp }
}

/// As it is kept once it is somebody's.
fn made(user: UserId, new: &NewTotp, now: Timestamp) -> TotpDevice {
    let (id, key) = (new.device, new.key());
    TotpDevice { id, user, nickname: None, key, activated_at: None, last_step: None, created_at: now }
}

/// What an authenticator app reads from a QR code: whose key it is, and where.
pub(in crate::usecase) fn key_uri(key: &TotpKey, issuer: &str, username: &str) -> Secret<String> {
    let host = Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
    key.uri(host.as_deref().unwrap_or(issuer), username)
}
