//! What a phone sees: the questions that wait for its users, by asking or by listening.

use std::sync::Arc;

use nod_device::{CancelReason, Kind, Notification, NumberMatching};

use crate::clock::{Clock, Timestamp};
use crate::domain::authentication_request::{AuthenticationRequest, Challenge, Undecidable};
use crate::domain::client::Client;
use crate::domain::device::Device;
use crate::domain::inbox::Inbox;
use crate::domain::prompt::Prompt;
use crate::domain::user::User;
use crate::protocol::device_error::DeviceErrorCode;
use crate::protocol::id::{AuthReqId, InstallationId, NotificationId};
use crate::secret::Digest;
pub use crate::store::ephemeral::Wakeups;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::directory::Directory;
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError};
use crate::usecase::settle::Seen;

#[derive(Clone)]
pub struct ReadInbox {
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub directory: Arc<Directory>,
    pub bell: DeviceBell,
    pub clock: Arc<dyn Clock>,
}

/// A question and everything that an answer to it is checked against.
#[derive(Clone, Debug)]
pub struct Question {
    pub request: AuthenticationRequest,
    pub digest: Digest<AuthReqId>,
    pub client: Arc<Client>,
    pub prompt: Prompt,
    /// For whoever decides.
    pub seen: Seen,
}

impl ReadInbox {
    /// All questions that one of `devices` may answer now, oldest first.
    pub async fn pending(&self, devices: &[Device]) -> Result<Vec<Notification>, StoreError> {
        let now = self.clock.now();
        let mut notifications = Vec::new();
        for device in devices {
            let Some(inbox) = self.inboxes.get(&device.user).await? else { continue };
            for entry in inbox.live(now) {
                if let Some(question) = self.question(device, &entry.request).await?
                    && question.request.is_pending(now)
                {
                    notifications.push(question.notification(device, now));
                }
            }
        }
        notifications.sort_by_key(|notification| notification.issued_at);
        Ok(notifications)
    }

    /// One question of one of `devices`, whether it is still open or not.
    pub async fn find<'d>(
        &self,
        devices: &'d [Device],
        id: NotificationId,
    ) -> Result<(&'d Device, Question), DeviceError> {
        for device in devices {
            let Some(found) = self.inboxes.find(&device.user).await? else { continue };
            let inbox = found.value()?;
            let Some(entry) = inbox.find(id) else { continue };
            if let Some(mut question) = self.question(device, &entry.request).await? {
                question.seen.inbox = Some(found);
                return Ok((device, question));
            }
        }
        Err(DeviceErrorCode::NotificationNotFound.into())
    }

    /// `None` when it is gone, or not for this device.
    async fn question(&self, device: &Device, digest: &Digest<AuthReqId>) -> Result<Option<Question>, StoreError> {
        let Some(found) = self.requests.find(digest).await? else { return Ok(None) };
        let request = found.value()?;
        if !request.asks(device) {
            return Ok(None);
        }
        let Some(client) = self.directory.client(&request.client).await?.filter(|client| !client.disabled) else {
            return Ok(None);
        };
        if !self.directory.user(&device.user).await?.is_some_and(|user| user.is_active()) {
            return Ok(None);
        }
        let prompt = Prompt::new(&request, &client);
        let seen = Seen { request: Some(found), inbox: None };
        Ok(Some(Question { request, digest: *digest, client, prompt, seen }))
    }

    /// Why a question that was open is so no longer.
    pub async fn ended(&self, devices: &[Device], id: NotificationId) -> Result<CancelReason, StoreError> {
        match self.find(devices, id).await {
            Ok((_, question)) => Ok(match question.request.decidable(self.clock.now()) {
                Err(Undecidable::Expired) => CancelReason::Expired,
                Err(Undecidable::AlreadyDecided) => CancelReason::AlreadyDecided,
                Ok(()) | Err(Undecidable::Cancelled) => CancelReason::Canceled,
            }),
            Err(DeviceError::Unavailable(error)) => Err(error),
            Err(DeviceError::Refused(_) | DeviceError::TooMany { .. }) => Ok(CancelReason::Canceled),
        }
    }

    /// Whose devices these are.
    pub async fn users_of(&self, devices: &[Device]) -> Result<Vec<(Device, Arc<User>)>, StoreError> {
        let mut users = Vec::new();
        for device in devices {
            if let Some(user) = self.directory.user(&device.user).await? {
                users.push((device.clone(), user));
            }
        }
        Ok(users)
    }

    /// The devices of an installation now. Its key may have changed since it called.
    pub async fn devices_of(&self, caller: &AuthenticatedInstallation) -> Result<Vec<Device>, StoreError> {
        if let Some(paired) = self.directory.installation_by_jkt(&caller.proof.jkt).await? {
            return Ok(paired.devices.clone());
        }
        let mut devices = Vec::new();
        for known in &caller.devices {
            let of_user = self.directory.devices_of(&known.user).await?;
            devices.extend(of_user.iter().map(|(device, _)| device).filter(|device| device.id == known.id).cloned());
        }
        Ok(devices)
    }

    pub async fn listen(&self, installation: &InstallationId) -> Wakeups {
        self.bell.listen(installation).await
    }
}

impl Question {
    pub fn notification(&self, device: &Device, now: Timestamp) -> Notification {
        let time = |at: Timestamp| nod_device::Timestamp::from_millis(at.millis());
        Notification {
            notification_id: nod_device::NotificationId::new(self.request.notification.uuid()),
            device_id: nod_device::DeviceId::new(device.id.uuid()),
            user_id: nod_device::UserId::new(device.user.uuid()),
            kind: if self.request.newcomer().is_some() { Kind::ApproveNewDevice } else { Kind::Authentication },
            title: self.prompt.title.clone(),
            body: self.prompt.body.clone(),
            client_context: self.prompt.context.clone(),
            new_device: self.prompt.new_device.clone(),
            number_matching: match self.request.challenge {
                Challenge::None => None,
                Challenge::Pick { options, .. } => {
                    Some(NumberMatching::SelectNumber { options: options.map(u32::from).to_vec() })
                }
                Challenge::Type { .. } => Some(NumberMatching::EnterManually),
            },
            issued_at: time(self.request.issued_at),
            expires_at: time(self.request.expires_at),
            timeout_duration: self.request.expires_at.since(now).as_secs(),
        }
    }
}
