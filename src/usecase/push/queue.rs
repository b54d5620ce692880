//! What is to be told to phones is put in the outbox, and the sender is rung. It is of help, and no more: a phone that is
//! not told finds the question when it asks, so nothing fails because of it [reliability F21, F22].

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::authentication_request::{Asker, AuthenticationRequest};
use crate::domain::decision::Record;
use crate::domain::device::{Device, Installation};
use crate::domain::flow::{Flow, Verifying};
use crate::domain::push::{Provider, Push, Told};
use crate::entropy::Entropy;
use crate::protocol::id::{AuthReqId, ClientId, DeviceId, NotificationId, RequestId, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;
use crate::store::sql::outbox::{Kind, Outbox};
use crate::usecase::settle::OutboxBell;

/// For so long a test is of use to whoever looks at the phone.
const TEST: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub struct QueuePushes {
    pub outbox: Outbox,
    pub bell: OutboxBell,
    pub entropy: Arc<Entropy>,
}

/// A question that was decided: what others are told of it.
pub struct Over {
    notification: NotificationId,
    request: RequestId,
    digest: Digest<AuthReqId>,
    client: ClientId,
    user: UserId,
    issued_at: Timestamp,
    expires_at: Timestamp,
    decided_at: Timestamp,
    by: Option<DeviceId>,
}

impl Over {
    pub fn of(record: &Record) -> Self {
        Self {
            notification: record.notification,
            request: record.request,
            digest: record.request_digest,
            client: record.client.clone(),
            user: record.user,
            issued_at: record.issued_at,
            expires_at: record.expires_at,
            decided_at: record.decided_at,
            by: record.device,
        }
    }

    /// What is told to a phone that shows it.
    fn push(&self, device: &Device, installation: &Installation) -> Push {
        Push {
            told: Told::Ended,
            notification: self.notification,
            request: self.request,
            digest: self.digest,
            client: Some(self.client.clone()),
            user: self.user,
            device: device.id,
            installation: installation.id,
            expires_at: self.expires_at,
        }
    }

    /// Whether a phone shows what is over. Whoever answered knows.
    fn is_shown_on(&self, asker: Asker, device: &Device) -> bool {
        asker.asks(device.id) && Some(device.id) != self.by && device.may_answer(self.issued_at)
    }
}

impl QueuePushes {
    /// There is a question, for whoever of these is reached.
    pub async fn question(
        &self,
        request: &AuthenticationRequest,
        digest: &Digest<AuthReqId>,
        devices: &[(Device, Arc<Installation>)],
    ) {
        let reached = devices.iter().filter(|(_, installation)| installation.rung_by().is_some());
        let pushes = reached.map(|(device, installation)| Push {
            told: Told::Question,
            notification: request.notification,
            request: request.id,
            digest: *digest,
            client: Some(request.client.clone()),
            user: request.user,
            device: device.id,
            installation: installation.id,
            expires_at: request.expires_at,
        });
        self.put(pushes.collect(), request.issued_at).await;
    }

    /// The app is to answer, and nobody is to see it. Nothing is done where no service reaches it.
    pub async fn silent(
        &self,
        (flow, user): (&Flow, UserId),
        verifying: &Verifying,
        installation: &Installation,
        now: Timestamp,
    ) {
        if installation.rung_by().is_none() {
            return;
        }
        let push = Push {
            told: Told::Silent,
            notification: verifying.notification,
            request: flow.transaction,
            // There is no question behind it.
            digest: Digest::of(verifying.notification.uuid().as_bytes()),
            client: Some(flow.client.clone()),
            user,
            device: verifying.device,
            installation: verifying.installation,
            expires_at: verifying.expires_at,
        };
        self.put(vec![push], now).await;
    }

    /// There is none any more, for whoever shows it.
    pub async fn ended(&self, over: &Over, asker: Asker, devices: &[(Device, Arc<Installation>)]) {
        // A phone knows itself when the time is over.
        if over.decided_at >= over.expires_at {
            return;
        }
        // A browser has to show something for every push, and there is nothing to show.
        let silently = |installation: &Installation| installation.rung_by().is_some_and(|by| by != Provider::WebPush);
        let shown = devices
            .iter()
            .filter(|(device, installation)| silently(installation) && over.is_shown_on(asker, device))
            .map(|(device, installation)| over.push(device, installation));
        self.put(shown.collect(), over.decided_at).await;
    }

    /// Nothing is asked: somebody wants to see that this device is reached, so it is said when it cannot be written down.
    pub async fn test(&self, device: &Device, now: Timestamp) -> Result<(), StoreError> {
        let notification = NotificationId::new(self.entropy.uuid());
        let push = Push {
            told: Told::Test,
            notification,
            // There is none.
            request: RequestId::new(self.entropy.uuid()),
            digest: Digest::of(notification.uuid().as_bytes()),
            client: None,
            user: device.user,
            device: device.id,
            installation: device.installation,
            expires_at: now + TEST,
        };
        self.outbox.put(self.entropy.ordered_uuid(now), Kind::Push, &push.encode(), now).await?;
        self.bell.ring();
        Ok(())
    }

    async fn put(&self, pushes: Vec<Push>, now: Timestamp) {
        let Some(Push { request, .. }) = pushes.first() else { return };
        let payloads = pushes.iter().map(|push| (self.entropy.ordered_uuid(now), push.encode()));
        match self.outbox.put_all(Kind::Push, payloads, now).await {
            Ok(()) => self.bell.ring(),
            Err(error) => tracing::warn!(request.id = %request, %error, "phones are not told"),
        }
    }
}
