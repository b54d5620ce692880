//! One installation at one server, for one person or more. An app that serves several servers has one for each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nod_device::encryption::encrypt_mobile_payload;
use nod_device::id_token::{Expectations, Offer};
use nod_device::messages::{
    AckAnswer, AckStatus, DecisionAnswer, Enrollment, InstallationInfo, LogsAnswer, LogsRequest, Me, PairedUser,
    Pairing, PairingRequest, Pending, PushToken, RotateAnswer, RotateRequest, TestPushAnswer,
};
use nod_device::notification::{Decision, DenyReason, NewDeviceChoice, Notification};
use nod_device::payload::{PayloadFacts, PushState, generate_mobile_payload};
use nod_device::problem::Code;
use nod_device::proof::{DeviceKey as _, KeyError, RotationClaims};
use nod_device::push::PushMessage;
use nod_device::self_test::Findings;
use nod_device::verify::is_signed_by;
use nod_device::{Call, DeviceId, Error, InstallationId, Issuer, NotificationId, PairingKey, Timestamp, decide};
use serde::{Deserialize, Serialize};

use crate::error::{DeviceError, Result};
use crate::http::{Clock, Http, HttpRequest};
use crate::key::{Key, SigningKey};
use crate::offer::{PairingOffer, Processed};
use crate::session::Session;
use crate::types::Check;

const EVENT_STREAM: &str = "text/event-stream";
/// Signed by nothing else: it has not the form of a JWS.
const PHRASE: &[u8] = b"nod-device self test";

#[derive(uniffi::Object)]
pub struct Device {
    pub(crate) session: Session,
    paired: Mutex<Paired>,
}

/// Who is paired. Without an installation there is nobody.
#[derive(Clone, Default)]
struct Paired {
    installation_id: Option<InstallationId>,
    users: Vec<PairedDevice>,
}

/// `Device.state`
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    issuer: Issuer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    installation_id: Option<InstallationId>,
    users: Vec<PairedDevice>,
}

/// One person on this installation.
#[derive(Clone, Debug, Serialize, Deserialize, uniffi::Record)]
#[serde(rename_all = "camelCase")]
pub struct PairedDevice {
    pub device_id: DeviceId,
    pub user: PairedUser,
}

fn another(what: &'static str) -> DeviceError {
    Error::Answer { status: 200, what }.into()
}

#[uniffi::export]
impl Device {
    /// A new installation. Sends nothing.
    #[uniffi::constructor(default(clock = None))]
    pub fn new(
        issuer: &str,
        key: Arc<dyn SigningKey>,
        http: Arc<dyn Http>,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Self> {
        let issuer = Issuer::parse(issuer).map_err(Error::from)?;
        Ok(Self { session: Session::new(issuer, Key::new(key)?, http, clock), paired: Mutex::default() })
    }

    /// From what `state` gave, with the same key. Sends nothing.
    #[uniffi::constructor(default(clock = None))]
    pub fn restore(
        state: &str,
        key: Arc<dyn SigningKey>,
        http: Arc<dyn Http>,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Self> {
        let stored: Stored = serde_json::from_str(state).map_err(|_| DeviceError::not_a_state())?;
        let Stored { issuer, installation_id, users } = stored;
        let paired = Mutex::new(Paired { installation_id, users });
        Ok(Self { session: Session::new(issuer, Key::new(key)?, http, clock), paired })
    }

    /// What to store between two starts, as JSON. It holds no secret: the key is where the app keeps it. It changes with a
    /// pairing, and with `unpair`.
    pub fn state(&self) -> String {
        let Paired { installation_id, users } = self.paired().clone();
        let stored = Stored { issuer: self.session.issuer.clone(), installation_id, users };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    pub fn issuer(&self) -> String {
        self.session.issuer.to_string()
    }

    /// Nothing before the first pairing.
    pub fn installation_id(&self) -> Option<InstallationId> {
        self.paired().installation_id
    }

    pub fn users(&self) -> Vec<PairedDevice> {
        self.paired().users.clone()
    }

    /// The server's time as well as it is known here: for countdowns against `expires_at`.
    pub fn now(&self) -> Timestamp {
        self.session.now()
    }

    /// Spends a pairing key of twelve digits: the first person on this phone, or one more. Store `state` at once.
    pub fn pair(&self, pairing_key: &str, installation: InstallationInfo) -> Result<Pairing> {
        let pairing_key = PairingKey::parse(pairing_key).map_err(Error::from)?;
        let pairing = self.session.ask::<Pairing>(&Call::pair(&PairingRequest { pairing_key, installation }))?;
        self.join(&pairing);
        Ok(pairing)
    }

    /// For one sign-in: as its parameter `mobilePayload`, or in a step of the flow API. Made anew each time.
    pub fn generate_mobile_payload(&self, facts: PayloadFacts) -> Result<String> {
        let mut facts = facts;
        facts.sdk_version.get_or_insert_with(|| env!("CARGO_PKG_VERSION").to_owned());
        let (key, fresh) = (self.session.key(), self.session.fresh()?);
        let installation_id = self.installation_id();
        let payload = generate_mobile_payload(&facts, &self.session.issuer, installation_id, &key, &fresh);
        Ok(payload.map_err(Error::from)?)
    }

    /// The same, which nobody but the server can read: in a URL it has to be so. Asks for the issuer's key, unless it knows it
    /// since less than an hour.
    pub fn generate_encrypted_mobile_payload(&self, facts: PayloadFacts) -> Result<String> {
        // Asked first: a payload is good for two minutes from when it was signed.
        let key = self.session.payload_key()?;
        let payload = self.generate_mobile_payload(facts)?;
        Ok(encrypt_mobile_payload(&payload, &key).map_err(Error::from)?)
    }

    /// What an ID token means for this phone. To be asked after each sign-in that carried a payload.
    pub fn process_id_token(self: Arc<Self>, id_token: &str, expected: Expectations) -> Result<Processed> {
        Ok(match self.session.process_id_token(id_token, &expected)? {
            nod_device::Processed::Nothing => Processed::Nothing,
            nod_device::Processed::NotEnrolled { reason } => {
                Processed::NotEnrolled { reason: reason.as_str().to_owned() }
            }
            nod_device::Processed::Offer(Offer { ticket, expires_at: _ }) => {
                // The server knows whether the ticket is this key's, and what to show to the person.
                let enrollment = self.session.ask::<Enrollment>(&Call::enrollment(&ticket))?;
                Processed::Offer { offer: Arc::new(PairingOffer { device: self, ticket, enrollment }) }
            }
        })
    }

    /// Open questions to all people of this installation.
    pub fn pending(&self) -> Result<Vec<Notification>> {
        Ok(self.session.ask::<Pending>(&Call::pending())?.notifications)
    }

    /// The question that a push is about.
    pub fn notification(&self, id: NotificationId) -> Result<Notification> {
        let notification = self.session.ask::<Notification>(&Call::notification(id))?;
        if notification.notification_id == id { Ok(notification) } else { Err(another("another notification")) }
    }

    /// The answer to a push that nobody is to see, as soon as it is there. For any other, nothing is sent.
    pub fn acknowledge(&self, push: PushMessage) -> Result<()> {
        let Some(pv) = push.pv else { return Ok(()) };
        let call = Call::acknowledge(self.paired_as()?, push.notification_id, pv);
        let AckAnswer { status } = self.session.ask(&call)?;
        match status {
            AckStatus::Done => Ok(()),
            AckStatus::Unknown => Err(another("another word than that it was heard")),
        }
    }

    /// Yes, to exactly what `notification` says. `number` when it asks for one; `amr` is how the phone knew the person
    /// [RFC 8176], for example `face`.
    pub fn approve(&self, notification: Notification, number: Option<u32>, amr: Vec<String>) -> Result<()> {
        let call = decide::approve(&notification, self.paired_as()?, number, &amr, self.now()).map_err(Error::from)?;
        self.decide(&call, Decision::Approved)
    }

    /// What becomes of a new device, where `notification` asks for that. `number` and `amr` are for a yes.
    pub fn choose(
        &self,
        notification: Notification,
        choice: NewDeviceChoice,
        number: Option<u32>,
        amr: Vec<String>,
    ) -> Result<()> {
        let chosen = decide::choose(&notification, self.paired_as()?, choice, number, &amr, self.now());
        let expected = match choice {
            NewDeviceChoice::Trusted | NewDeviceChoice::Once => Decision::Approved,
            NewDeviceChoice::Deny | NewDeviceChoice::Block => Decision::Denied,
        };
        self.decide(&chosen.map_err(Error::from)?, expected)
    }

    pub fn deny(&self, notification: Notification, reason: DenyReason) -> Result<()> {
        self.decide(&decide::deny(&notification, self.paired_as()?, reason), Decision::Denied)
    }

    /// The request that opens the stream of questions, good for a minute. Its answer is for an `EventDecoder`.
    pub fn events_request(&self) -> Result<HttpRequest> {
        Ok(self.session.request(&Call::events(), EVENT_STREAM)?)
    }

    /// What the server knows of this installation.
    pub fn me(&self) -> Result<Me> {
        Ok(self.session.ask(&Call::me())?)
    }

    /// Agrees with the server on a new key. The old one stays in use, and valid, until `RotatedKey.activate`: store which
    /// key is which between the two, and no crash loses the pairing.
    pub fn rotate_key(self: Arc<Self>, new: Arc<dyn SigningKey>) -> Result<Arc<RotatedKey>> {
        let (installation_id, new) = (self.paired_as()?, Key::new(new)?);
        let answer = self.session.ask_made::<RotateAnswer>(&|| {
            let claims = RotationClaims::new(self.session.issuer.as_str(), installation_id, &self.session.fresh()?);
            Ok(Call::rotate(&RotateRequest { new_jwk: new.public_jwk(), proof_by_new: claims.sign(&new)? }))
        })?;
        if answer.installation_id == installation_id {
            Ok(Arc::new(RotatedKey { device: self, new }))
        } else {
            Err(another("another installation"))
        }
    }

    /// Where a push reaches this app from now on: whenever it starts, and whenever its platform gives it another token.
    pub fn set_push_token(&self, token: PushToken) -> Result<()> {
        Ok(self.session.tell(&Call::set_push_token(&token))?)
    }

    /// No push reaches this app any more. It still finds questions when it asks, or listens.
    pub fn remove_push_token(&self) -> Result<()> {
        Ok(self.session.tell(&Call::remove_push_token())?)
    }

    /// Whether this app rings: what its person wants. Where it does not, it still finds questions when it asks, or listens.
    pub fn allow_push_notifications(&self, allowed: bool) -> Result<()> {
        Ok(self.session.tell(&Call::allow_push_notifications(allowed))?)
    }

    /// Has a push sent to this phone that asks nothing. `false`: no push service reaches it, or it is not to ring.
    pub fn test_remote_notification(&self) -> Result<bool> {
        Ok(self.session.ask::<TestPushAnswer>(&Call::test_push())?.sent)
    }

    /// Sends what the app has noted down, 16384 bytes at most, to whoever helps its person. What comes back is to be shown
    /// to them: they read it out.
    pub fn send_logs(&self, log: &str) -> Result<String> {
        let request = LogsRequest { log: log.to_owned() };
        Ok(self.session.ask::<LogsAnswer>(&Call::send_logs(&request))?.support_id)
    }

    /// Takes one person off this phone.
    pub fn unpair_device(&self, device: DeviceId) -> Result<()> {
        self.session.tell(&Call::unpair(device))?;
        self.paired().users.retain(|paired| paired.device_id != device);
        Ok(())
    }

    /// Takes everybody off this phone. Can be called again when it failed half-way.
    pub fn unpair(&self) -> Result<()> {
        for PairedDevice { device_id, .. } in self.users() {
            match self.session.tell(&Call::unpair(device_id)) {
                Ok(()) => self.paired().users.retain(|paired| paired.device_id != device_id),
                Err(error) if error.refusal() == Some(&Code::DeviceUnknown) => self.paired().users.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether this phone would be asked, and if not, why not. It hands in the push token that `push` has, and changes
    /// nothing else. Whether events arrive, the app's own connection shows.
    pub fn self_test(&self, push: Option<PushState>) -> Vec<Check> {
        let key = self.session.key();
        let signed = key.sign(PHRASE).and_then(|signature| {
            if is_signed_by(&key.public_jwk(), PHRASE, &signature) { Ok(()) } else { Err(KeyError::Damaged) }
        });
        let me = self.session.ask::<Me>(&Call::me());
        let local = self.session.local();
        let issuer_keys = self.session.fetch_keys().map(drop);
        let push = push.as_ref().map(|push| (push, self.session.tell(&Call::set_push_token(&push.token))));
        let devices: Vec<_> = self.users().iter().map(|paired| paired.device_id).collect();
        let findings = Findings { key: signed, me, local, devices: &devices, issuer_keys, events: None, push };
        findings.judge().into_iter().map(Check::from).collect()
    }
}

impl Device {
    fn paired(&self) -> MutexGuard<'_, Paired> {
        self.paired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What decisions are signed as.
    fn paired_as(&self) -> Result<InstallationId> {
        self.installation_id().ok_or_else(DeviceError::not_paired)
    }

    /// One person more, or the same with another name. A server that had taken everybody off this phone knows it by
    /// another name now: then those who were on it are not any more.
    pub(crate) fn join(&self, pairing: &Pairing) {
        let mut paired = self.paired();
        if paired.installation_id != Some(pairing.installation_id) {
            *paired = Paired { installation_id: Some(pairing.installation_id), users: Vec::new() };
        }
        paired.users.retain(|known| known.device_id != pairing.device_id);
        paired.users.push(PairedDevice { device_id: pairing.device_id, user: pairing.user.clone() });
    }

    fn decide(&self, call: &Call, expected: Decision) -> Result<()> {
        let DecisionAnswer { status } = self.session.ask(call)?;
        if status == expected { Ok(()) } else { Err(another("the opposite decision")) }
    }
}

/// A key that the server accepts and the device does not use yet.
#[derive(uniffi::Object)]
pub struct RotatedKey {
    device: Arc<Device>,
    new: Key,
}

#[uniffi::export]
impl RotatedKey {
    /// From now on the device signs with the new key; its first use ends the old one.
    pub fn activate(&self) {
        self.device.session.set_key(self.new.clone());
    }
}
