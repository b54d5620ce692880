//! The app on a trusted device is asked for more than its key: a push that nobody sees goes to it, and it answers with what
//! was in it [flows.md F3, H.4].

use std::sync::Arc;

use nod_device::proof::Statement;
use nod_device::{ProofValue, PushMessage};

use crate::clock::Clock;
use crate::domain::device::Status;
use crate::domain::flow::{Flow, Verifying};
use crate::domain::mfa_policy::Extra;
use crate::domain::silent_push::{Heard, LIFETIME, Outcome, ProofValues, SilentPush, SilentPushes, State};
use crate::entropy::Entropy;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::{DeviceId, InstallationId, NotificationId, UserId};
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::directory::Directory;
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError};
use crate::usecase::push::queue::QueuePushes;

/// Asks.
pub struct VerifySilently {
    pub silent: Shelf<SilentPushes>,
    pub directory: Arc<Directory>,
    pub pushes: QueuePushes,
    pub bell: DeviceBell,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl VerifySilently {
    /// `None`: the device has just gone. It is no question to anybody, and counts for no limit of those [T3.10].
    pub async fn begin(
        &self,
        flow: &Flow,
        (user, device): (UserId, DeviceId),
        extra: Extra,
    ) -> Result<Option<Verifying>, StoreError> {
        let now = self.clock.now();
        let devices = self.directory.devices_of(&user).await?;
        let Some((_, installation)) = devices.iter().find(|(own, _)| own.id == device) else { return Ok(None) };
        let notification = NotificationId::new(self.entropy.uuid());
        let expires_at = now + extra.timeout;
        let push = SilentPush { notification, device, expires_at, state: State::Pending };
        let add = |all: SilentPushes| (all.with(push.clone(), now), ());
        // Saved first: an app that answers at once is heard.
        self.silent.upsert(&installation.id, LIFETIME, add).await?;
        let verifying = Verifying { device, installation: installation.id, notification, expires_at };
        self.pushes.silent((flow, user), &verifying, installation, now).await;
        self.bell.ring(&installation.id).await;
        Ok(Some(verifying))
    }

    /// `None`: the app may still answer.
    pub async fn outcome(&self, verifying: &Verifying) -> Result<Option<Outcome>, StoreError> {
        let all = self.silent.get(&verifying.installation).await?.unwrap_or_default();
        Ok(all.outcome(verifying.notification, self.clock.now()))
    }
}

/// Takes answers.
#[derive(Clone)]
pub struct AnswerSilently {
    pub silent: Shelf<SilentPushes>,
    pub values: ProofValues,
    pub directory: Arc<Directory>,
    pub clock: Arc<dyn Clock>,
}

impl AnswerSilently {
    /// What was in the push, signed by the installation to which it went: once, and in time.
    pub async fn answer(
        &self,
        caller: &AuthenticatedInstallation,
        notification: NotificationId,
        value: &ProofValue,
    ) -> Result<(), DeviceError> {
        let installation = caller.installation.id;
        let Statement::Ack(signed) = &caller.proof.claims.statement else {
            return Err(DeviceErrorCode::ProofInvalid.into());
        };
        let own = signed.installation_id.uuid() == installation.uuid();
        if !own || signed.notification_id.uuid() != notification.uuid() {
            let why = "signed for another push, or in the name of another installation";
            return Err(DeviceRefusal::new(DeviceErrorCode::ProofMismatch, why).into());
        }
        let all = self.silent.get(&installation).await?.unwrap_or_default();
        let about = all.device(notification);
        let device = about.and_then(|id| caller.devices.iter().find(|device| device.id == id));
        match device.map(|device| device.status) {
            Some(Status::Active) => {}
            Some(Status::Blocked) => return Err(DeviceErrorCode::DeviceBlocked.into()),
            // Those of others are not there at all.
            None => return Err(DeviceErrorCode::NotificationNotFound.into()),
        }
        let right = self.values.is(installation, notification, value);
        let now = self.clock.now();
        let answer = |all: SilentPushes| all.answered(notification, right, now);
        match self.silent.update(&installation, Lifetime::Keep, answer).await?.unwrap_or(Heard::Unknown) {
            Heard::Confirmed => Ok(()),
            Heard::Wrong => Err(DeviceErrorCode::PushValueInvalid.into()),
            Heard::Already => Err(DeviceErrorCode::AlreadyDecided.into()),
            Heard::TooLate => Err(DeviceErrorCode::Expired.into()),
            Heard::Unknown => Err(DeviceErrorCode::NotificationNotFound.into()),
        }
    }

    /// What an app is told that listens: where a push service reaches it, that one carries it, and nobody else does.
    pub async fn told(&self, caller: &AuthenticatedInstallation) -> Result<Vec<PushMessage>, StoreError> {
        let Some(paired) = self.directory.installation_by_jkt(&caller.proof.jkt).await? else { return Ok(Vec::new()) };
        let installation = &paired.installation;
        if installation.rung_by().is_some() {
            return Ok(Vec::new());
        }
        let Some(all) = self.silent.get(&installation.id).await? else { return Ok(Vec::new()) };
        let active =
            |id: DeviceId| paired.devices.iter().any(|device| device.id == id && device.status == Status::Active);
        let waiting = all.waiting(self.clock.now()).filter(|push| active(push.device));
        Ok(waiting.map(|push| self.message(paired.installation.id, push.notification)).collect())
    }

    fn message(&self, installation: InstallationId, notification: NotificationId) -> PushMessage {
        let value = self.values.of(installation, notification);
        PushMessage::silent_verify(nod_device::NotificationId::new(notification.uuid()), value)
    }
}
