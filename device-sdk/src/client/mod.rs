//! The client: tokio and reqwest around the core.

mod connection;
mod devices;
mod enrollment;
mod events;
mod keys;
mod self_test;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use self::connection::Clock;
use self::connection::{Connection, Key, Request, Settings, Timing};
pub use self::devices::Devices;
pub use self::enrollment::{PairingObject, UnpairedClient, UnpairedState};
pub use self::events::Events;
use crate::call::Call;
use crate::decide;
use crate::error::Error;
use crate::id::{DeviceId, InstallationId, NotificationId};
use crate::issuer::Issuer;
use crate::jwk::PublicJwk;
use crate::messages::{
    AckAnswer, AckStatus, DecisionAnswer, InstallationInfo, LogsAnswer, LogsRequest, Me, MyUser, PairedUser, Pairing,
    PairingRequest, Pending, PushToken, RotateAnswer, TestPushAnswer,
};
use crate::notification::{Decision, DenyReason, NewDeviceChoice, Notification};
use crate::pairing_link::PairingKey;
use crate::problem::Code;
use crate::proof::{DeviceKey, KeyError};
use crate::push::{PushKind, PushMessage};
use crate::software_key::{SoftwareKey, StoredKey};
use crate::timestamp::Timestamp;
pub use crate::verify::verify;

/// What an app stores between two starts. It holds the private key (unless that lives in hardware):
/// keep it where secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedState {
    pub issuer: Issuer,
    pub installation_id: InstallationId,
    pub users: Vec<PairedDevice>,
    /// Nothing when the app brought a key of its own: then it brings it again to restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<StoredKey>,
}

/// One person on this installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairedDevice {
    pub device_id: DeviceId,
    pub user: PairedUser,
}

/// One installation on one phone, paired with one server, for one or more people. Cheap to clone;
/// clones share everything.
#[derive(Clone)]
pub struct DeviceClient {
    connection: Arc<Connection>,
    installation_id: InstallationId,
    users: Arc<Mutex<Vec<PairedDevice>>>,
}

/// What an app may want to bring along.
#[derive(Default)]
pub struct DeviceClientBuilder {
    key: Option<Arc<dyn DeviceKey>>,
    clock: Option<Clock>,
    trust_only: Vec<Vec<u8>>,
    timing: Timing,
}

impl DeviceClientBuilder {
    /// A key that lives elsewhere, in place of a [`SoftwareKey`]. It signs on a thread that may block.
    #[must_use]
    pub fn key(mut self, key: Arc<dyn DeviceKey>) -> Self {
        self.key = Some(key);
        self
    }

    /// In place of the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// A certification authority (DER) of one's own. When there is one, the system's are not trusted.
    #[must_use]
    pub fn trust_only(mut self, certificate: Vec<u8>) -> Self {
        self.trust_only.push(certificate);
        self
    }

    #[cfg(test)]
    fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Spends the pairing key. What comes back should be stored at once ([`DeviceClient::state`]):
    /// the pairing exists on the server now, and its key only here.
    pub async fn pair(
        self,
        issuer: &str,
        pairing_key: &PairingKey,
        installation: &InstallationInfo,
    ) -> Result<(DeviceClient, Pairing), Error> {
        let issuer = Issuer::parse(issuer)?;
        let (key, settings) = self.new_key()?;
        let connection = Arc::new(Connection::new(issuer, key, settings)?);
        let pairing = connection.ask::<Pairing>(pair_call(pairing_key, installation)).await?;
        Ok((DeviceClient::first(connection, &pairing), pairing))
    }

    pub fn restore(self, state: PairedState) -> Result<DeviceClient, Error> {
        let (key, settings) = self.stored_key(state.key.as_ref())?;
        let connection = Arc::new(Connection::new(state.issuer, key, settings)?);
        let users = Arc::new(Mutex::new(state.users));
        Ok(DeviceClient { connection, installation_id: state.installation_id, users })
    }

    fn new_key(self) -> Result<(Key, Settings), KeyError> {
        let key = match self.key {
            Some(key) => Key::Foreign(key),
            None => Key::Software(Arc::new(SoftwareKey::generate()?)),
        };
        Ok((key, Settings { clock: self.clock, trust_only: self.trust_only, timing: self.timing }))
    }

    fn stored_key(self, stored: Option<&StoredKey>) -> Result<(Key, Settings), KeyError> {
        let key = match (self.key, stored) {
            (Some(key), _) => Key::Foreign(key),
            (None, Some(stored)) => Key::Software(Arc::new(SoftwareKey::from_stored(stored)?)),
            (None, None) => return Err(KeyError::Unavailable),
        };
        Ok((key, Settings { clock: self.clock, trust_only: self.trust_only, timing: self.timing }))
    }
}

impl fmt::Debug for DeviceClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceClientBuilder")
    }
}

fn pair_call(pairing_key: &PairingKey, installation: &InstallationInfo) -> Call {
    Call::pair(&PairingRequest { pairing_key: pairing_key.clone(), installation: installation.clone() })
}

fn paired_device(pairing: &Pairing) -> PairedDevice {
    PairedDevice { device_id: pairing.device_id, user: pairing.user.clone() }
}

impl DeviceClient {
    pub fn builder() -> DeviceClientBuilder {
        DeviceClientBuilder::default()
    }

    /// Pairs with a new [`SoftwareKey`]; see [`DeviceClientBuilder::pair`].
    pub async fn pair(
        issuer: &str,
        pairing_key: &PairingKey,
        installation: &InstallationInfo,
    ) -> Result<(Self, Pairing), Error> {
        Self::builder().pair(issuer, pairing_key, installation).await
    }

    /// From what [`DeviceClient::state`] gave. Sends nothing.
    pub fn restore(state: PairedState) -> Result<Self, Error> {
        Self::builder().restore(state)
    }

    /// What to store. It changes with [`DeviceClient::pair_another`], [`RotatedKey::activate`] and
    /// [`DeviceClient::unpair`].
    pub fn state(&self) -> PairedState {
        self.state_with(&self.connection.key())
    }

    fn state_with(&self, key: &Key) -> PairedState {
        let key = match key {
            Key::Software(key) => Some(key.to_stored()),
            Key::Foreign(_) => None,
        };
        PairedState {
            issuer: self.connection.issuer().clone(),
            installation_id: self.installation_id,
            users: self.users().clone(),
            key,
        }
    }

    fn users(&self) -> MutexGuard<'_, Vec<PairedDevice>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn issuer(&self) -> &Issuer {
        self.connection.issuer()
    }

    pub const fn installation_id(&self) -> InstallationId {
        self.installation_id
    }

    pub fn public_jwk(&self) -> PublicJwk {
        self.connection.key().as_dyn().public_jwk()
    }

    /// The server's time as well as it is known here: for countdowns against `expires_at`.
    pub fn now(&self) -> Timestamp {
        self.connection.now()
    }

    /// Another person on this phone: the same installation and key, a new device.
    pub async fn pair_another(
        &self,
        pairing_key: &PairingKey,
        installation: &InstallationInfo,
    ) -> Result<Pairing, Error> {
        let pairing = self.connection.ask::<Pairing>(pair_call(pairing_key, installation)).await?;
        self.join(&pairing)?;
        Ok(pairing)
    }

    /// For the first person of an installation.
    fn first(connection: Arc<Connection>, pairing: &Pairing) -> Self {
        let users = Arc::new(Mutex::new(vec![paired_device(pairing)]));
        Self { connection, installation_id: pairing.installation_id, users }
    }

    /// As the server knows it.
    fn known(connection: Arc<Connection>, me: Me) -> Self {
        let users = me.users.into_iter().map(|MyUser { user_id, username, name, device_id, .. }| PairedDevice {
            device_id,
            user: PairedUser { user_id, username, name },
        });
        Self { connection, installation_id: me.installation_id, users: Arc::new(Mutex::new(users.collect())) }
    }

    /// One person more, or the same with another name.
    fn join(&self, pairing: &Pairing) -> Result<(), Error> {
        if pairing.installation_id != self.installation_id {
            return Err(Error::Answer { status: 201, what: "another installation" });
        }
        let mut users = self.users();
        users.retain(|paired| paired.device_id != pairing.device_id);
        users.push(paired_device(pairing));
        Ok(())
    }

    /// Open questions to all people of this installation.
    pub async fn pending(&self) -> Result<Vec<Notification>, Error> {
        self.connection.ask::<Pending>(Call::pending()).await.map(|pending| pending.notifications)
    }

    pub async fn notification(&self, id: NotificationId) -> Result<Notification, Error> {
        let notification = self.connection.ask::<Notification>(Call::notification(id)).await?;
        if notification.notification_id == id {
            Ok(notification)
        } else {
            Err(Error::Answer { status: 200, what: "another notification" })
        }
    }

    /// Yes, to exactly what `notification` says. `number` when it asks for one; `amr` is how the
    /// phone knew the person [RFC 8176]. When the server's answer got lost, the same can be said again
    /// while the question lasts; so can a no.
    pub async fn approve(&self, notification: &Notification, number: Option<u32>, amr: &[String]) -> Result<(), Error> {
        let call = decide::approve(notification, self.installation_id, number, amr, self.connection.now())?;
        self.decide(call, Decision::Approved).await
    }

    /// What becomes of a new device, where `notification` asks for that. What else is said is for a yes.
    pub async fn choose(
        &self,
        notification: &Notification,
        choice: NewDeviceChoice,
        number: Option<u32>,
        amr: &[String],
    ) -> Result<(), Error> {
        let call = decide::choose(notification, self.installation_id, choice, number, amr, self.connection.now())?;
        let expected = match choice {
            NewDeviceChoice::Trusted | NewDeviceChoice::Once => Decision::Approved,
            NewDeviceChoice::Deny | NewDeviceChoice::Block => Decision::Denied,
        };
        self.decide(call, expected).await
    }

    pub async fn deny(&self, notification: &Notification, reason: DenyReason) -> Result<(), Error> {
        self.decide(decide::deny(notification, self.installation_id, reason), Decision::Denied).await
    }

    async fn decide(&self, call: Call, expected: Decision) -> Result<(), Error> {
        let DecisionAnswer { status } = self.connection.ask(call).await?;
        if status == expected { Ok(()) } else { Err(Error::Answer { status: 200, what: "the opposite decision" }) }
    }

    /// Questions as they come, and what becomes of them. See [`Events`]. A push that nobody is to see is answered on the
    /// way, where no push service carries it.
    pub fn events(&self) -> Events {
        Events::new(self.connection.clone(), self.installation_id)
    }

    /// What a platform handed over: the data of a message of FCM, the payload of one of APNs, the text of one of Web
    /// Push. A push that nobody is to see is answered here.
    pub async fn process_remote_notification(&self, json: &[u8]) -> Result<RemoteNotification, Error> {
        let Some(push) = PushMessage::read(json) else { return Ok(RemoteNotification::Nothing) };
        let id = push.notification_id;
        match (push.kind, push.pv) {
            (PushKind::Authentication, _) => {
                let question = self.notification(id).await?;
                Ok(RemoteNotification::Question(Box::new(question)))
            }
            (PushKind::AuthCanceled, _) => Ok(RemoteNotification::Canceled(id)),
            (PushKind::Test, _) => Ok(RemoteNotification::Test),
            (PushKind::SilentVerify, Some(pv)) => {
                let answer: AckAnswer = self.connection.ask(Call::acknowledge(self.installation_id, id, pv)).await?;
                match answer.status {
                    AckStatus::Done => Ok(RemoteNotification::Verified),
                    AckStatus::Unknown => Ok(RemoteNotification::Nothing),
                }
            }
            (PushKind::SilentVerify, None) | (PushKind::Other, _) => Ok(RemoteNotification::Nothing),
        }
    }

    pub async fn me(&self) -> Result<Me, Error> {
        self.connection.ask(Call::me()).await
    }

    /// Agrees with the server on a new [`SoftwareKey`]. The old one stays in use, and valid, until
    /// [`RotatedKey::activate`]: store the new state between the two, and no crash loses the pairing.
    pub async fn rotate_key(&self) -> Result<RotatedKey, Error> {
        self.rotate_to(Key::Software(Arc::new(SoftwareKey::generate()?))).await
    }

    /// The same with a key that lives elsewhere.
    pub async fn rotate_key_to(&self, new: Arc<dyn DeviceKey>) -> Result<RotatedKey, Error> {
        self.rotate_to(Key::Foreign(new)).await
    }

    async fn rotate_to(&self, new: Key) -> Result<RotatedKey, Error> {
        let request = Request::Rotation { installation_id: self.installation_id, new: new.clone() };
        let RotateAnswer { installation_id } = self.connection.ask_for(request).await?;
        if installation_id == self.installation_id {
            Ok(RotatedKey { client: self.clone(), new })
        } else {
            Err(Error::Answer { status: 200, what: "another installation" })
        }
    }

    /// Where a push reaches this app from now on: whenever it starts, and whenever its platform gives it another token.
    pub async fn set_push_token(&self, token: &PushToken) -> Result<(), Error> {
        self.connection.tell(Call::set_push_token(token)).await
    }

    /// No push reaches this app any more. It still finds questions when it asks, or listens.
    pub async fn remove_push_token(&self) -> Result<(), Error> {
        self.connection.tell(Call::remove_push_token()).await
    }

    /// Whether this app rings: what its person wants. Where it does not, it still finds questions when it asks, or listens,
    /// and is not the first to be asked where there is another way. The token stays handed in.
    pub async fn allow_push_notifications(&self, allowed: bool) -> Result<(), Error> {
        self.connection.tell(Call::allow_push_notifications(allowed)).await
    }

    /// Has a push sent to this phone that asks nothing: it comes as a [`PushKind::Test`](crate::PushKind). `false`: no
    /// push service reaches it, or it is not to ring.
    pub async fn test_remote_notification(&self) -> Result<bool, Error> {
        Ok(self.connection.ask::<TestPushAnswer>(Call::test_push()).await?.sent)
    }

    /// Sends what the app has noted down, 16384 bytes at most, to whoever helps its person. What comes back is to be shown
    /// to them: they read it out.
    pub async fn send_logs(&self, log: &str) -> Result<String, Error> {
        let request = LogsRequest { log: log.to_owned() };
        Ok(self.connection.ask::<LogsAnswer>(Call::send_logs(&request)).await?.support_id)
    }

    /// Takes one person off this phone.
    pub async fn unpair_device(&self, device: DeviceId) -> Result<(), Error> {
        self.connection.tell(Call::unpair(device)).await?;
        self.users().retain(|paired| paired.device_id != device);
        Ok(())
    }

    /// Takes everybody off this phone. Can be called again when it failed half-way; a server that
    /// does not know this installation (any more) is fine with it.
    pub async fn unpair(&self) -> Result<(), Error> {
        let devices: Vec<DeviceId> = self.users().iter().map(|paired| paired.device_id).collect();
        for device in devices {
            match self.unpair_device(device).await {
                Ok(()) => {}
                Err(error) if error.refusal() == Some(&Code::DeviceUnknown) => {
                    self.users().clear();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What came by a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteNotification {
    /// Show it, and have the person answer.
    Question(Box<Notification>),
    /// Show it no more.
    Canceled(NotificationId),
    /// It was answered. There is nothing to be shown.
    Verified,
    /// Somebody looks whether pushes get here. They do.
    Test,
    /// It is for somebody else, or of a newer server.
    Nothing,
}

impl fmt::Debug for DeviceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceClient({} at {})", self.installation_id, self.connection.issuer())
    }
}

/// A key that the server accepts and the client does not use yet.
#[must_use = "the client keeps its old key until `activate`"]
pub struct RotatedKey {
    client: DeviceClient,
    new: Key,
}

impl RotatedKey {
    /// What to store before [`RotatedKey::activate`].
    pub fn state(&self) -> PairedState {
        self.client.state_with(&self.new)
    }

    /// From now on the client signs with the new key; its first use ends the old one.
    pub fn activate(self) {
        self.client.connection.set_key(self.new);
    }
}

impl fmt::Debug for RotatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RotatedKey({})", self.new.as_dyn().public_jwk().thumbprint())
    }
}
