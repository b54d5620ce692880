//! Authenticator apps of people: their keys are made for administrators, who hand them over by a way of their own.

use std::sync::Arc;

use serde::Deserialize;

use crate::domain::audit::Action;
use crate::domain::totp::{TotpDevice, TotpMethod, TotpStatus};
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{DeviceId, UserId};
use crate::protocol::totp::TotpKey;
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::StoreError;
use crate::store::sql::otp_devices::Added;
use crate::store::sql::people::People;
use crate::store::sql::totp_devices::TotpDevices;
use crate::usecase::admin::client_metadata::Problems;
use crate::usecase::admin::otp_devices::{MOST, check_nickname};
use crate::usecase::admin::{AdminError, Administrator, Desk};
use crate::usecase::sign_in::check_totp::key_uri;

pub struct ManageTotpDevices {
    pub devices: TotpDevices,
    pub people: People,
    pub master: Arc<MasterKey>,
    pub issuer: String,
    pub desk: Desk,
}

/// What is to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTotpDevice {
    #[serde(default)]
    pub nickname: Option<String>,
}

/// With the key, which nobody reads again [security.md 149].
#[derive(Debug)]
pub struct MadeTotpDevice {
    pub device: TotpDevice,
    /// In base32, as people type it.
    pub secret: Secret<String>,
    /// As an app reads it from a QR code.
    pub key_uri: Secret<String>,
}

impl ManageTotpDevices {
    /// The oldest first. There are few.
    pub async fn list(&self, user: UserId) -> Result<Vec<TotpDevice>, AdminError> {
        if self.people.find(user).await?.is_none() {
            return Err(AdminErrorCode::NotFound.into());
        }
        Ok(self.devices.of_user(user).await?)
    }

    pub async fn read(&self, user: UserId, id: DeviceId) -> Result<TotpDevice, AdminError> {
        Ok(self.devices.find(user, id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    pub async fn add(
        &self,
        by: &Administrator,
        user: UserId,
        new: NewTotpDevice,
    ) -> Result<MadeTotpDevice, AdminError> {
        let NewTotpDevice { nickname } = new;
        let mut problems = Problems::default();
        check_nickname(nickname.as_deref(), &mut problems);
        if !problems.0.is_empty() {
            return Err(AdminError::invalid(problems.0));
        }
        let person = self.people.find(user).await?.ok_or(AdminErrorCode::NotFound)?;
        let (id, key) = (DeviceId::new(self.desk.entropy.uuid()), TotpKey::new(self.desk.entropy.bytes()));
        let sealed = self.master.seal(&TotpDevice::place(id), key.expose(), &self.desk.entropy);
        let created_at = self.desk.now();
        let device = TotpDevice { id, user, nickname, key: sealed, activated_at: None, last_step: None, created_at };
        let event = self.desk.event(by, Action::TotpDeviceAdded).user(user).device(id);
        match self.devices.add(&device, MOST, &event).await? {
            Added::Yes => {}
            Added::NoUser => return Err(AdminErrorCode::NotFound.into()),
            Added::Taken | Added::TooMany => return Err(AdminError::invalid(vec![too_many()])),
        }
        let key_uri = key_uri(&key, &self.issuer, &person.username);
        Ok(MadeTotpDevice { secret: key.base32(), key_uri, device })
    }

    /// With the first code, which is worth nothing after that. Once is enough: again, it is refused.
    pub async fn activate(
        &self,
        by: &Administrator,
        (user, id): (UserId, DeviceId),
        otp: &Secret<String>,
    ) -> Result<TotpDevice, AdminError> {
        let device = self.read(user, id).await?;
        let wrong = |detail| AdminError::invalid(vec![FieldProblem::new("/otp", FieldCode::Invalid, detail)]);
        let again = "The device is active already.";
        if device.status() == TotpStatus::Active {
            return Err(wrong(again));
        }
        let now = self.desk.now();
        let key = device.opened(&self.master).ok_or(StoreError::Corrupt("the key of an authenticator app"))?;
        // Whose clock is wrong is told now, and not at the next sign-in.
        let windows = TotpMethod::default().passcode_grace_period;
        let Some(step) = key.step_of(otp.expose(), now, windows, None) else {
            return Err(wrong("Not the code that the app shows now."));
        };
        let event = self.desk.event(by, Action::TotpDeviceActivated).user(user).device(id);
        if self.devices.activate((user, id), step, (now, &event)).await? {
            Ok(TotpDevice { activated_at: Some(now), last_step: Some(step), ..device })
        } else {
            Err(wrong(again))
        }
    }

    /// Its codes are worth nothing any more.
    pub async fn delete(&self, by: &Administrator, user: UserId, id: DeviceId) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::TotpDeviceRemoved).user(user).device(id);
        if self.devices.delete(user, id, &event).await? { Ok(()) } else { Err(AdminErrorCode::NotFound.into()) }
    }
}

fn too_many() -> FieldProblem {
    FieldProblem::new("", FieldCode::NotAllowed, "The user has five already.")
}
