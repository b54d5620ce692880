//! Somebody looks after their devices on the way of a sign-in: names them, says which phone is asked first, removes what
//! they no longer have. They have shown a second factor in this sign-in by then [flows.md A.1.3, H.7].

use std::sync::Arc;

use crate::domain::device::nickname;
use crate::domain::flow::{Flow, SecondFactor};
use crate::domain::passkey::Passkey;
use crate::protocol::acr::Acr;
use crate::protocol::flow_api::{Action, DetailCode, FlowErrorCode, FlowRefusal, Members};
use crate::protocol::id::{DeviceId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::passwords::Passwords;
use crate::usecase::change_devices::{ChangeDevices, Whose};
use crate::usecase::sign_in::Known;
use crate::usecase::sign_in::advance::FlowError;

pub struct LookAfterDevices {
    pub known: Arc<Known>,
    pub changes: Arc<ChangeDevices>,
    pub passwords: Passwords,
}

/// What somebody wants of a device.
enum Change {
    AskedFirst,
    Removed,
    Called(String),
}

impl LookAfterDevices {
    /// What whoever runs the flow wants of it. `language`: in which the person is told of a phone that is removed, a BCP 47
    /// tag. `None`: it cannot be done now.
    pub(super) async fn act(
        &self,
        flow: Flow,
        action: Action,
        members: &Members,
        language: &str,
    ) -> Result<Option<Flow>, FlowError> {
        if action == Action::ResumeAuthentication {
            return Ok(flow.resumed());
        }
        let Some(user) = flow.user() else { return Ok(None) };
        let only = self.only_by(&flow, user).await?;
        if action == Action::ManageDevices {
            let may = flow.may_manage();
            return match flow.managed(only.as_deref()) {
                None if may => Err(not_enough().into()),
                next => Ok(next),
            };
        }
        if !flow.manages() {
            return Ok(None);
        }
        if !self.is_still_them(&flow, user).await? {
            return Ok(flow.unproved());
        }
        // Somebody has made a passkey since then.
        if only.is_some() && !matches!(flow.second_factor, Some(SecondFactor::PasskeyVerified(_))) {
            return Err(not_enough().into());
        }
        let (change, target) = read(action, members)?;
        let named = members.text(target).and_then(|id| id.parse().ok());
        let device = named.ok_or_else(|| none_of_theirs(target))?;
        // Of many who want something at once one gets it: what is refused has changed nothing.
        let factors = &self.known.second_factors;
        let claim = factors.claim(&flow).await?;
        let changed = self.change((&flow, user), (device, &change), language).await;
        if !matches!(changed, Ok(true)) {
            factors.claims.remove(&claim).await?;
        }
        if !changed? {
            return Err(none_of_theirs(target).into());
        }
        Ok(match change {
            Change::Removed => flow.without_device(device),
            Change::AskedFirst | Change::Called(_) => Some(flow),
        })
    }

    async fn change(
        &self,
        (flow, user): (&Flow, UserId),
        (device, change): (DeviceId, &Change),
        language: &str,
    ) -> Result<bool, StoreError> {
        let whose = Whose { user, within: Some(flow) };
        match change {
            Change::AskedFirst => self.changes.make_primary(whose, device).await,
            Change::Called(nickname) => self.changes.rename(whose, device, nickname).await,
            Change::Removed => Ok(self.changes.remove(whose, device, language).await?
                || self.changes.remove_passkey(whose, device).await?),
        }
    }

    /// With which devices alone somebody shows that it is them: a password and a code must not be enough to take passkeys
    /// away. `None`: with any, since they have none, or have signed in with one.
    async fn only_by(&self, flow: &Flow, user: UserId) -> Result<Option<Vec<DeviceId>>, StoreError> {
        if flow.authenticated.as_ref().is_some_and(|how| how.acr == Acr::Passkey) {
            return Ok(None);
        }
        let passkeys = self.known.second_factors.evaluate.passkeys.of_user(user).await?;
        Ok((!passkeys.is_empty()).then(|| passkeys.iter().map(Passkey::device).collect()))
    }

    /// Whether what they have shown still counts: they are not stopped, and have the device still by which they have shown
    /// it, and the password that they gave.
    async fn is_still_them(&self, flow: &Flow, user: UserId) -> Result<bool, StoreError> {
        if !self.known.directory.user(&user).await?.is_some_and(|user| user.is_active()) {
            return Ok(false);
        }
        if let Some(device) = flow.shown_by()
            && !self.have(user, device).await?
        {
            return Ok(false);
        }
        let Some(chosen) = flow.password else { return Ok(true) };
        Ok(self.passwords.find(user).await?.is_some_and(|own| own.changed_at == chosen))
    }

    /// Whether they have this device still, of whatever kind it is, and nobody has blocked it.
    async fn have(&self, user: UserId, device: DeviceId) -> Result<bool, StoreError> {
        let factors = &self.known.second_factors;
        Ok(factors.evaluate.is_there(user, device).await?
            || factors.codes.devices.own.find(user, device).await?.is_some()
            || factors.totps.devices.find(user, device).await?.is_some()
            || factors.evaluate.passkeys.of_user(user).await?.iter().any(|passkey| passkey.device() == device))
    }
}

/// What is wanted, and the member that names the device.
fn read(action: Action, members: &Members) -> Result<(Change, &'static str), FlowRefusal> {
    Ok(if action == Action::SetDefaultDevice {
        (Change::AskedFirst, "deviceRef")
    } else if action == Action::RemoveDevice {
        (Change::Removed, "deviceRef")
    } else {
        let name = nickname(members.text("nickname").unwrap_or_default()).ok_or_else(|| {
            let why = "a name that is empty, too long, or has control characters";
            FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some("nickname"), why)
        })?;
        (Change::Called(name), "id")
    })
}

fn none_of_theirs(target: &'static str) -> FlowRefusal {
    FlowRefusal::invalid(DetailCode::InvalidDevice, Some(target), "a device with which that cannot be done")
}

fn not_enough() -> FlowRefusal {
    let refusal = FlowRefusal::new(FlowErrorCode::RequestFailed, "whoever has passkeys shows one");
    refusal.about(DetailCode::InvalidDevice, None)
}
