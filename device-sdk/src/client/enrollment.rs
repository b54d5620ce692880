//! Automatic enrollment: the sign-in carries a mobile payload, the ID token comes back with an offer,
//! the person says yes or no (flows.md F2).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::connection::{Connection, Key};
use super::{DeviceClient, DeviceClientBuilder, pair_call};
use crate::call::Call;
use crate::encryption::encrypt_mobile_payload;
use crate::enrollment::EnrollmentTicket;
use crate::error::Error;
use crate::id::InstallationId;
use crate::id_token::{Expectations, Offer, Processed};
use crate::issuer::Issuer;
use crate::jwk::PublicJwk;
use crate::messages::{
    ApproveEnrollmentRequest, Enrollment, EnrollmentApplication, EnrollmentUser, InstallationInfo, Me, Pairing,
    PushToken,
};
use crate::pairing_link::PairingKey;
use crate::payload::{PayloadFacts, generate_mobile_payload};
use crate::problem::Code;
use crate::proof::DeviceKey;
use crate::software_key::StoredKey;
use crate::timestamp::Timestamp;

/// An installation that is nobody's device yet: a key and a server to show it to. Cheap to clone;
/// clones share everything.
#[derive(Clone)]
pub struct UnpairedClient {
    connection: Arc<Connection>,
}

/// What an app stores before anybody is paired, so that the key that made the payload is there when
/// the ID token comes back. Keep it where secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnpairedState {
    pub issuer: Issuer,
    /// Nothing when the app brought a key of its own: then it brings it again to restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<StoredKey>,
}

impl DeviceClientBuilder {
    /// A new installation, for an app whose people enroll by signing in. Sends nothing.
    pub fn unpaired(self, issuer: &str) -> Result<UnpairedClient, Error> {
        let issuer = Issuer::parse(issuer)?;
        let (key, settings) = self.new_key()?;
        Ok(UnpairedClient { connection: Arc::new(Connection::new(issuer, key, settings)?) })
    }

    pub fn restore_unpaired(self, state: UnpairedState) -> Result<UnpairedClient, Error> {
        let (key, settings) = self.stored_key(state.key.as_ref())?;
        Ok(UnpairedClient { connection: Arc::new(Connection::new(state.issuer, key, settings)?) })
    }
}

impl UnpairedClient {
    /// With a new [`SoftwareKey`](crate::SoftwareKey); see [`DeviceClientBuilder::unpaired`].
    pub fn new(issuer: &str) -> Result<Self, Error> {
        DeviceClient::builder().unpaired(issuer)
    }

    /// From what [`UnpairedClient::state`] gave. Sends nothing.
    pub fn restore(state: UnpairedState) -> Result<Self, Error> {
        DeviceClient::builder().restore_unpaired(state)
    }

    pub fn state(&self) -> UnpairedState {
        let key = match self.connection.key() {
            Key::Software(key) => Some(key.to_stored()),
            Key::Foreign(_) => None,
        };
        UnpairedState { issuer: self.connection.issuer().clone(), key }
    }

    pub fn issuer(&self) -> &Issuer {
        self.connection.issuer()
    }

    pub fn public_jwk(&self) -> PublicJwk {
        self.connection.key().as_dyn().public_jwk()
    }

    /// See [`DeviceClient::generate_mobile_payload`].
    pub async fn generate_mobile_payload(&self, facts: &PayloadFacts) -> Result<String, Error> {
        self.connection.generate_mobile_payload(facts, None).await
    }

    /// See [`DeviceClient::generate_encrypted_mobile_payload`].
    pub async fn generate_encrypted_mobile_payload(&self, facts: &PayloadFacts) -> Result<String, Error> {
        self.connection.generate_encrypted_mobile_payload(facts, None).await
    }

    /// See [`DeviceClient::process_id_token`].
    pub async fn process_id_token(
        &self,
        id_token: &str,
        expected: &Expectations,
    ) -> Result<Processed<PairingObject>, Error> {
        process(&self.connection, None, id_token, expected).await
    }

    /// As [`DeviceClient::pair`], by the key of this client. Where its [`state`](UnpairedClient::state) was stored before
    /// and the answer got lost, the same call makes up for it as long as the pairing key is good.
    pub async fn pair(
        &self,
        pairing_key: &PairingKey,
        installation: &InstallationInfo,
    ) -> Result<(DeviceClient, Pairing), Error> {
        let pairing = self.connection.ask::<Pairing>(pair_call(pairing_key, installation)).await?;
        Ok((DeviceClient::first(self.connection.clone(), &pairing), pairing))
    }

    /// What this installation is by now. To be asked after the answer to a yes or to a pairing was lost, however long ago:
    /// nothing, where it is nobody's device.
    pub async fn recover(&self) -> Result<Option<DeviceClient>, Error> {
        match self.connection.ask::<Me>(Call::me()).await {
            Ok(me) => Ok(Some(DeviceClient::known(self.connection.clone(), me))),
            Err(Error::Refused { problem, .. }) if problem.code == Code::DeviceUnknown => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for UnpairedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnpairedClient({})", self.connection.issuer())
    }
}

impl DeviceClient {
    /// For one sign-in: as its parameter `mobilePayload`, or in a step of the flow API. Good for two
    /// minutes, and made anew each time.
    pub async fn generate_mobile_payload(&self, facts: &PayloadFacts) -> Result<String, Error> {
        self.connection.generate_mobile_payload(facts, Some(self.installation_id)).await
    }

    /// The same, which nobody but the server can read: in a URL it has to be so. It asks for the issuer's key, unless it
    /// knows it since less than an hour.
    pub async fn generate_encrypted_mobile_payload(&self, facts: &PayloadFacts) -> Result<String, Error> {
        self.connection.generate_encrypted_mobile_payload(facts, Some(self.installation_id)).await
    }

    /// What an ID token means for this phone. To be asked after each sign-in that carried a payload:
    /// the token is checked against the issuer's keys, and an offer against the server.
    pub async fn process_id_token(
        &self,
        id_token: &str,
        expected: &Expectations,
    ) -> Result<Processed<PairingObject>, Error> {
        process(&self.connection, Some(self), id_token, expected).await
    }
}

impl Connection {
    async fn generate_mobile_payload(
        &self,
        facts: &PayloadFacts,
        installation_id: Option<InstallationId>,
    ) -> Result<String, Error> {
        let mut facts = facts.clone();
        facts.sdk_version.get_or_insert_with(|| env!("CARGO_PKG_VERSION").to_owned());
        let (issuer, fresh) = (self.issuer().clone(), self.fresh()?);
        let sign = move |key: &dyn DeviceKey| generate_mobile_payload(&facts, &issuer, installation_id, key, &fresh);
        Ok(self.with_key(sign).await??)
    }

    async fn generate_encrypted_mobile_payload(
        &self,
        facts: &PayloadFacts,
        installation_id: Option<InstallationId>,
    ) -> Result<String, Error> {
        // Asked first: a payload is good for two minutes from when it was signed.
        let key = self.payload_key().await?;
        let payload = self.generate_mobile_payload(facts, installation_id).await?;
        Ok(encrypt_mobile_payload(&payload, &key)?)
    }
}

async fn process(
    connection: &Arc<Connection>,
    paired: Option<&DeviceClient>,
    id_token: &str,
    expected: &Expectations,
) -> Result<Processed<PairingObject>, Error> {
    Ok(match connection.process_id_token(id_token, expected).await? {
        Processed::Nothing => Processed::Nothing,
        Processed::NotEnrolled { reason } => Processed::NotEnrolled { reason },
        Processed::Offer(Offer { ticket, expires_at: _ }) => {
            // The server knows whether the ticket is this key's, and what to show to the person.
            let enrollment = connection.ask::<Enrollment>(Call::enrollment(&ticket)).await?;
            let (connection, paired) = (connection.clone(), paired.cloned());
            Processed::Offer(PairingObject { connection, paired, ticket, enrollment })
        }
    })
}

/// The offer to make this phone a device of the person who signed in. Dropped, it changes nothing:
/// the server asks again at the next sign-in.
#[derive(Clone)]
#[must_use = "the person is to be asked"]
pub struct PairingObject {
    connection: Arc<Connection>,
    /// Where this installation serves somebody else already.
    paired: Option<DeviceClient>,
    ticket: EnrollmentTicket,
    enrollment: Enrollment,
}

impl PairingObject {
    pub const fn user(&self) -> &EnrollmentUser {
        &self.enrollment.user
    }

    pub const fn application(&self) -> &EnrollmentApplication {
        &self.enrollment.application
    }

    pub const fn expires_at(&self) -> Timestamp {
        self.enrollment.expires_at
    }

    pub const fn ticket(&self) -> &EnrollmentTicket {
        &self.ticket
    }

    /// Yes. What comes back should be stored at once ([`DeviceClient::state`]): the pairing exists on
    /// the server now, and its key only here. A client that was paired before comes back itself, with
    /// one person more. When the server's answer got lost, the same can be said again; and there is
    /// [`UnpairedClient::recover`].
    pub async fn approve(
        &self,
        installation: &InstallationInfo,
        push_token: Option<&PushToken>,
    ) -> Result<(DeviceClient, Pairing), Error> {
        let request = ApproveEnrollmentRequest { installation: installation.clone(), push_token: push_token.cloned() };
        let pairing = self.connection.ask::<Pairing>(Call::approve_enrollment(&self.ticket, &request)).await?;
        let client = match &self.paired {
            Some(client) => {
                client.join(&pairing)?;
                client.clone()
            }
            None => DeviceClient::first(self.connection.clone(), &pairing),
        };
        Ok((client, pairing))
    }

    /// No. The person stays signed in.
    pub async fn deny(&self) -> Result<(), Error> {
        self.connection.tell(Call::deny_enrollment(&self.ticket)).await
    }
}

impl fmt::Debug for PairingObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairingObject({} at {})", self.enrollment.application.id, self.connection.issuer())
    }
}
