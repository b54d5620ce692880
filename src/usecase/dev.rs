//! What a person does by hand and a script cannot: dev mode does it for the script.

pub mod stories;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use self::stories::Stories;
use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::client::KeySource;
use crate::domain::code::Code;
use crate::domain::device_authorization::DeviceAuthorization;
use crate::domain::flow::{Flow, SecondFactor};
use crate::domain::inbox::Inbox;
use crate::domain::user::{Status, User};
use crate::entropy::Entropy;
pub use crate::outbound::dev_inbox::{DevInbox, Handed, Received, ReceivedPush, ReceivedText};
use crate::protocol::id::{
    AuthReqId, AuthorizationCode, ClientId, DeviceCode, FlowId, NotificationId, PairingKey, RequestId,
};
use crate::protocol::jwt::{AcceptedTyp, JwtError, KeySet, Unverified};
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::devices::{Devices, KeyCreated};
use crate::store::sql::directory::Directory;
use crate::store::sql::people::People;
use crate::usecase::introspect::Introspect;
use crate::usecase::pairing_keys::{self, RecognisePairingKeys};

pub struct Dev {
    pub directory: Arc<Directory>,
    pub devices: Devices,
    pub recognise: Arc<RecognisePairingKeys>,
    pub people: People,
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub flows: Shelf<Flow>,
    pub codes: Shelf<Code>,
    /// Devices that somebody is to connect.
    pub waiting: Shelf<DeviceAuthorization>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub lifetime: Duration,
    pub introspect: Introspect,
    pub stories: Stories,
}

/// What a sign-in is called.
#[derive(Clone, Copy, Debug)]
pub struct SignIn {
    pub transaction: RequestId,
    /// By which operators and devices know the question of its second factor.
    pub question: Option<(RequestId, NotificationId)>,
}

/// What the keys that a client has registered say of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Vouched {
    /// It is signed with this key, by its name or else by its thumbprint.
    By { client: ClientId, key: String },
    /// None of the keys that it may be signed with has signed it.
    Broken,
    /// It is of nobody whose keys are here.
    #[default]
    Nobody,
}

impl Dev {
    /// Who signed a token of a type that clients sign; `client_id` is whose it is where the token does not say so.
    /// Keys behind a `jwks_uri` are not fetched for that.
    pub async fn vouch(&self, text: &str, typ: AcceptedTyp, client_id: Option<&str>) -> Result<Vouched, StoreError> {
        let Ok(token) = Unverified::parse(text) else { return Ok(Vouched::Nobody) };
        let named = token.untrusted_party().ok().and_then(|party| party.iss.map(Cow::into_owned));
        let Some(id) = named.as_deref().or(client_id).and_then(ClientId::parse) else { return Ok(Vouched::Nobody) };
        let Some(client) = self.directory.client(&id).await? else { return Ok(Vouched::Nobody) };
        let Some(KeySource::Jwks(jwks)) = client.keys() else { return Ok(Vouched::Nobody) };
        let Ok(keys) = KeySet::parse(jwks.to_string().as_bytes()) else { return Ok(Vouched::Nobody) };
        Ok(match keys.verify::<serde_json::Value>(&token, token.algorithm(), typ) {
            Ok(verified) => {
                let key = token.kid().map_or_else(|| verified.signed_by().to_string(), str::to_owned);
                Vouched::By { client: id, key }
            }
            Err(JwtError::Signature) => Vouched::Broken,
            Err(_) => Vouched::Nobody,
        })
    }

    pub async fn number(&self, username: &str, id: NotificationId) -> Result<Option<u8>, StoreError> {
        let Some(user) = self.directory.user_by_username(username).await? else { return Ok(None) };
        let Some(inbox) = self.inboxes.get(&user.id).await? else { return Ok(None) };
        let Some(entry) = inbox.find(id) else { return Ok(None) };
        let request = self.requests.get(&entry.request).await?;
        Ok(request.and_then(|request| request.challenge.number()))
    }

    /// The names of a request for operators and for devices, from the one that its client has.
    pub async fn request_of(&self, id: &AuthReqId) -> Result<Option<(RequestId, NotificationId)>, StoreError> {
        let request = self.requests.get(&id.digest()).await?;
        Ok(request.map(|request| (request.id, request.notification)))
    }

    /// What operators call the sign-in that has this flow, and the question that it puts to a device.
    pub async fn sign_in_of(&self, flow: &FlowId) -> Result<Option<SignIn>, StoreError> {
        let Some(flow) = self.flows.get(&flow.digest()).await? else { return Ok(None) };
        let question = match flow.second_factor.as_ref().and_then(SecondFactor::pushed) {
            Some(pushed) => self.requests.get(&pushed.digest).await?,
            None => None,
        };
        let question = question.map(|request| (request.id, request.notification));
        Ok(Some(SignIn { transaction: flow.transaction, question }))
    }

    /// What operators call the connection of the device that has this code.
    pub async fn device_behind(&self, code: &DeviceCode) -> Result<Option<RequestId>, StoreError> {
        let waiting = self.waiting.get(&code.digest()).await?;
        Ok(waiting.map(|waiting| waiting.request))
    }

    /// And the one that this code is worth.
    pub async fn sign_in_behind(&self, code: &AuthorizationCode) -> Result<Option<RequestId>, StoreError> {
        let code = self.codes.get(&code.digest()).await?;
        Ok(code.map(|code| code.transaction))
    }

    /// Whose access token this is, while it is good for something.
    pub async fn client_of(&self, token: &str) -> Result<Option<ClientId>, StoreError> {
        let active = self.introspect.here(token).await?;
        Ok(active.map(|active| active.client.id.clone()))
    }

    /// What the phone with this key calls itself.
    pub async fn phone(&self, thumbprint: &str) -> Result<Option<String>, StoreError> {
        let paired = self.directory.installation_by_jkt(thumbprint).await?;
        Ok(paired.and_then(|paired| paired.installation.about.name.clone()))
    }

    /// What an administrator does after a report, when there is nothing to it.
    pub async fn unlock(&self, username: &str) -> Result<(), StoreError> {
        let user = self.directory.user_by_username(username).await?;
        let Some(user) = user.filter(|user| user.status == Status::Locked) else { return Ok(()) };
        let now = self.clock.now();
        let event = Event::new(self.entropy.uuid(), now, Action::UserUpdated).user(user.id);
        self.people.update(user.id, &event, now, |user| User { status: Status::Active, ..user }).await.map(drop)
    }

    pub async fn pairing_key(&self, username: &str) -> Result<Option<PairingKey>, StoreError> {
        let Some(user) = self.directory.user_by_username(username).await? else { return Ok(None) };
        let now = self.clock.now();
        let key = pairing_keys::draw(&self.entropy);
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::PairingKeyCreated).user(user.id);
        let (digest, until) = (self.recognise.digest(&key), now + self.lifetime);
        let created = self.devices.create_pairing_key(user.id, &digest, now, until, &event).await?;
        Ok((created == KeyCreated::Yes).then_some(key))
    }
}
