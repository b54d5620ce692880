//! The devices of people, and the keys by which phones become some.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::device::{Device, Installation, Status};
use crate::domain::native_application::NativeApplication;
use crate::domain::occasion::Notice;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{DeviceId, NativeApplicationId, PairingKeyId, UserId};
use crate::protocol::public_id::{self, Kind};
use crate::secret::Secret;
use crate::store::ephemeral::StoreError;
use crate::store::shelves::DeviceBell;
use crate::store::sql::devices::{Devices, KeyCreated};
use crate::store::sql::directory::Directory;
pub use crate::store::sql::fleet::{DeviceFilter, StoredPairingKey};
use crate::usecase::admin::parts::part_id;
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition};
use crate::usecase::pairing_keys::{self, RecognisePairingKeys};
use crate::usecase::tell_person::TellPerson;
use crate::usecase::withdraw::{DEVICE_BLOCKED, DEVICE_UNPAIRED, WithdrawQuestions};
use crate::words::Locale;

pub struct ManageDevices {
    pub devices: Devices,
    pub bell: DeviceBell,
    pub withdraw: WithdrawQuestions,
    pub tell: TellPerson,
    pub desk: Desk,
}

/// A device and the app that it is.
pub type Whole = (Device, Installation);

pub fn device_id(text: &str) -> Result<DeviceId, AdminError> {
    Ok(public_id::decode(Kind::Device, text).map(DeviceId::new).ok_or(AdminErrorCode::NotFound)?)
}

pub fn pairing_key_id(text: &str) -> Result<PairingKeyId, AdminError> {
    Ok(public_id::decode(Kind::PairingKey, text).map(PairingKeyId::new).ok_or(AdminErrorCode::NotFound)?)
}

impl ManageDevices {
    pub async fn list(
        &self,
        filter: DeviceFilter,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Page<Whole>, StoreError> {
        let after = after.map(|position| (position.at, position.id));
        let found = self.devices.newest(filter, after, limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |(device, _)| Position {
            at: device.paired_at.millis(),
            id: device.id.uuid().as_bytes().to_vec(),
        }))
    }

    /// How many there are in all parts.
    pub async fn count(&self, filter: DeviceFilter, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.devices.count(filter, since).await
    }

    pub async fn read(&self, id: DeviceId) -> Result<Whole, AdminError> {
        Ok(self.devices.find(id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    /// Names a device; `None` takes the name away.
    pub async fn rename(
        &self,
        by: &Administrator,
        id: DeviceId,
        nickname: Option<Value>,
        unchanged: Precondition<'_, Whole>,
    ) -> Result<Whole, AdminError> {
        let nickname = nickname.map(read_nickname).transpose()?;
        let event = self.desk.event(by, Action::DeviceUpdated);
        let changed = self.devices.update_if(id, event, |device, installation| {
            if !unchanged(&(device.clone(), installation.clone())) {
                return Err(AdminErrorCode::PreconditionFailed);
            }
            let nickname = nickname.unwrap_or_else(|| device.nickname.clone());
            Ok(Device { nickname, ..device.clone() })
        });
        match changed.await? {
            None => Err(AdminErrorCode::NotFound.into()),
            Some(changed) => Ok(changed?),
        }
    }

    /// A blocked device is neither asked nor believed.
    pub async fn set_status(
        &self,
        by: &Administrator,
        id: DeviceId,
        status: Status,
        unchanged: Precondition<'_, Whole>,
    ) -> Result<Whole, AdminError> {
        let action = match status {
            Status::Active => Action::DeviceUnblocked,
            Status::Blocked => Action::DeviceBlocked,
        };
        let event = self.desk.event(by, action);
        let changed = self.devices.update_if(id, event, |device, installation| {
            if !unchanged(&(device.clone(), installation.clone())) {
                return Err(AdminErrorCode::PreconditionFailed);
            }
            Ok(Device { status, ..device.clone() })
        });
        let whole = changed.await?.ok_or(AdminErrorCode::NotFound)??;
        self.bell.ring(&whole.0.installation).await;
        if status == Status::Blocked {
            self.withdraw.of(&whole.0, DEVICE_BLOCKED).await;
        }
        Ok(whole)
    }

    /// Pushes something that asks nothing. `false`: no push service reaches it, or it is not to ring.
    pub async fn test_push(&self, id: DeviceId, unchanged: Precondition<'_, Whole>) -> Result<bool, AdminError> {
        let whole = self.read(id).await?;
        if !unchanged(&whole) {
            return Err(AdminErrorCode::PreconditionFailed.into());
        }
        let (device, installation) = &whole;
        if device.status == Status::Blocked || installation.rung_by().is_none() {
            return Ok(false);
        }
        self.withdraw.settle.pushes.test(device, self.desk.now()).await?;
        Ok(true)
    }

    /// Makes it the device that is asked first.
    pub async fn make_primary(
        &self,
        by: &Administrator,
        id: DeviceId,
        unchanged: Precondition<'_, Whole>,
    ) -> Result<Whole, AdminError> {
        let event = self.desk.event(by, Action::DeviceUpdated);
        let check = |device: &Device, installation: &Installation| {
            let whole = (device.clone(), installation.clone());
            if unchanged(&whole) { Ok(()) } else { Err(AdminErrorCode::PreconditionFailed) }
        };
        Ok(self.devices.make_primary_if(id, event, check).await?.ok_or(AdminErrorCode::NotFound)??)
    }

    /// Ends the trust in a device.
    pub async fn unpair(
        &self,
        by: &Administrator,
        id: DeviceId,
        unchanged: Precondition<'_, Whole>,
    ) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::DeviceUnpaired);
        let check = |device: &Device, installation: &Installation| {
            let whole = (device.clone(), installation.clone());
            if unchanged(&whole) { Ok(()) } else { Err(AdminErrorCode::PreconditionFailed) }
        };
        let unpaired = self.devices.unpair_if(id, event, check).await?.ok_or(AdminErrorCode::NotFound)??;
        self.bell.ring(&unpaired.device.installation).await;
        self.withdraw.of(&unpaired.device, DEVICE_UNPAIRED).await;
        self.tell.of(unpaired.device.user, Notice::Removed, None, Locale::default().tag()).await;
        Ok(())
    }
}

fn read_nickname(value: Value) -> Result<Option<String>, AdminError> {
    let refuse = |code, detail| Err(AdminError::invalid(vec![FieldProblem::new("/nickname", code, detail)]));
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.chars().count() > 64 => refuse(FieldCode::TooLong, "At most 64 characters."),
        Value::String(text) if text.is_empty() || text.chars().any(char::is_control) => {
            refuse(FieldCode::Invalid, "Empty, or with control characters.")
        }
        Value::String(text) => Ok(Some(text)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            refuse(FieldCode::Invalid, "It has to be a string.")
        }
    }
}

pub struct ManagePairingKeys {
    pub devices: Devices,
    pub directory: Arc<Directory>,
    pub recognise: Arc<RecognisePairingKeys>,
    pub desk: Desk,
    /// How long a key is good, unless the policy of the app that it is for says another time.
    pub lifetime: Duration,
    pub issuer: String,
}

/// A key as it was just made: the only time that it is shown.
#[derive(Debug)]
pub struct MadeKey {
    pub stored: StoredPairingKey,
    pub key: Secret<String>,
    /// What a QR code carries.
    pub link: Secret<String>,
}

fn no_application() -> AdminError {
    let problem = FieldProblem::new("/application", FieldCode::Unknown, "There is no such native application.");
    AdminError::invalid(vec![problem])
}

impl ManagePairingKeys {
    /// `application`: the `id` of the app that it is for. `None`: any.
    pub async fn create(
        &self,
        by: &Administrator,
        user: UserId,
        application: Option<&str>,
    ) -> Result<MadeKey, AdminError> {
        let (application, lifetime) = match application {
            Some(named) => {
                let (application, lifetime) = self.application(named).await?;
                (Some(application), lifetime)
            }
            None => (None, self.lifetime),
        };
        let key = pairing_keys::draw(&self.desk.entropy);
        let now = self.desk.now();
        let stored = StoredPairingKey {
            id: PairingKeyId::new(self.desk.entropy.uuid()),
            user,
            application,
            created_at: now,
            expires_at: now + lifetime,
            used_at: None,
        };
        let event = self.desk.event(by, Action::PairingKeyCreated).user(user);
        match self.devices.create_named_key(&stored, &self.recognise.digest(&key), &event).await? {
            KeyCreated::Yes => {}
            KeyCreated::TooMany => return Err(AdminErrorCode::TooManyPairingKeys.into()),
            KeyCreated::UnknownUser => return Err(AdminErrorCode::NotFound.into()),
            KeyCreated::UnknownApplication => return Err(no_application()),
        }
        let link = pairing_keys::link(&self.issuer, &key)?;
        Ok(MadeKey { stored, key: Secret::new(key.expose().clone()), link })
    }

    /// The app that is named, and how long a key is good that is for it.
    async fn application(&self, named: &str) -> Result<(NativeApplicationId, Duration), AdminError> {
        let sign_on = self.directory.sign_on().await?;
        let id = part_id::<NativeApplication>(named).ok_or_else(no_application)?;
        let application = sign_on.native_application(&id).ok_or_else(no_application)?;
        let client = self.directory.client(&application.client).await?;
        let said = client.and_then(|client| sign_on.pairing_key_lifetime(&id, &client));
        Ok((id, said.unwrap_or(self.lifetime)))
    }

    pub async fn list(
        &self,
        user: Option<UserId>,
        after: Option<Position>,
        limit: u32,
    ) -> Result<Page<StoredPairingKey>, StoreError> {
        let after = after.map(|position| (position.at, position.id));
        let found = self.devices.newest_keys(user, after, limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |key| Position {
            at: key.created_at.millis(),
            id: key.id.uuid().as_bytes().to_vec(),
        }))
    }

    /// How many there are in all parts.
    pub async fn count(&self, user: Option<UserId>, since: Option<Timestamp>) -> Result<u64, StoreError> {
        self.devices.count_keys(user, since).await
    }

    pub async fn read(&self, id: PairingKeyId) -> Result<StoredPairingKey, AdminError> {
        Ok(self.devices.find_key(id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    pub async fn revoke(
        &self,
        by: &Administrator,
        id: PairingKeyId,
        unchanged: Precondition<'_, StoredPairingKey>,
    ) -> Result<(), AdminError> {
        let event = self.desk.event(by, Action::PairingKeyRevoked);
        let check = |key: &StoredPairingKey| {
            if unchanged(key) { Ok(()) } else { Err(AdminErrorCode::PreconditionFailed) }
        };
        Ok(self.devices.revoke_key_if(id, event, check).await?.ok_or(AdminErrorCode::NotFound)??)
    }
}
