//! An app says where it is reached, and that it is no more. Nobody reads it again [security.md 94, 95, 149].

use std::sync::Arc;

use nod_device::messages::PushToken as Wire;
use url::Url;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::device::{Device, Installation, Status};
use crate::domain::push::{Environment, Provider, PushToken, Token};
use crate::domain::sign_on::SignOn;
use crate::entropy::Entropy;
use crate::outbound::egress::Egress;
use crate::outbound::web_push::Subscription;
use crate::protocol::device_error::{DeviceErrorCode, DeviceRefusal};
use crate::protocol::id::NativeApplicationId;
use crate::secret::{Digest, MasterKey, Secret};
use crate::store::sql::directory::Directory;
use crate::store::sql::push::{PushTokens, Put};
use crate::usecase::authenticate_device::{AuthenticatedInstallation, DeviceError};

/// None of the services has longer ones; a subscription of a browser is the longest.
const LONGEST: usize = 4096;

#[derive(Clone)]
pub struct RegisterPush {
    pub tokens: PushTokens,
    pub directory: Arc<Directory>,
    pub egress: Egress,
    pub master: Arc<MasterKey>,
    /// By it, a token is known again.
    pub recognise: ring::hmac::Key,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// Where somebody wants to be reached.
struct Wanted {
    provider: Provider,
    environment: Environment,
    token: Secret<String>,
    /// What is one installation's alone.
    own: String,
}

impl RegisterPush {
    pub async fn put(&self, caller: &AuthenticatedInstallation, token: Wire) -> Result<(), DeviceError> {
        self.register(&caller.installation, &caller.devices, token).await
    }

    /// The same for one that has just become a device, and is known by its key.
    pub async fn put_of_key(&self, jkt: &str, token: Wire) -> Result<(), DeviceError> {
        let paired = self.directory.installation_by_jkt(jkt).await?.ok_or(DeviceErrorCode::DeviceUnknown)?;
        self.register(&paired.installation, &paired.devices, token).await
    }

    /// From now on, the installation is reached there and nowhere else.
    async fn register(&self, installation: &Installation, devices: &[Device], token: Wire) -> Result<(), DeviceError> {
        let device = speaks(devices)?;
        let wanted = self.wanted(token)?;
        let application = application_of(installation, devices, &*self.directory.sign_on().await?);
        let application = application.ok_or(DeviceErrorCode::PushUnavailable)?;
        let now = self.clock.now();
        let known_by = format!("{} {}", wanted.provider, wanted.own);
        let token = PushToken {
            installation: installation.id,
            application,
            provider: wanted.provider,
            environment: wanted.environment,
            digest: Digest::<Token>::keyed(&self.recognise, known_by.as_bytes()),
            sealed: self.master.seal(
                &PushToken::place(installation.id),
                wanted.token.expose().as_bytes(),
                &self.entropy,
            ),
            registered_at: now,
        };
        let event = self.event(Action::DevicePushTokenSet, device).of(wanted.provider.as_str());
        match self.tokens.put(&token, &event).await? {
            Put::Yes => Ok(()),
            Put::NoDevice => Err(DeviceErrorCode::DeviceBlocked.into()),
        }
    }

    /// It is not reached any more. It still finds questions when it asks.
    pub async fn remove(&self, caller: &AuthenticatedInstallation) -> Result<(), DeviceError> {
        let device = speaks(&caller.devices)?;
        let event = self.event(Action::DevicePushTokenRemoved, device);
        self.tokens.remove(caller.installation.id, &event).await?;
        Ok(())
    }

    /// Whether the person wants the phone to ring: theirs is the last word, whatever token there is. Where it does not, it
    /// still finds questions when it asks, or listens.
    pub async fn allow(&self, caller: &AuthenticatedInstallation, allowed: bool) -> Result<(), DeviceError> {
        let device = speaks(&caller.devices)?;
        let event = self.event(if allowed { Action::DevicePushEnabled } else { Action::DevicePushDisabled }, device);
        self.tokens.allow(caller.installation.id, allowed, self.clock.now(), &event).await?;
        Ok(())
    }

    fn event(&self, action: Action, device: &Device) -> Event {
        let now = self.clock.now();
        Event::new(self.entropy.ordered_uuid(now), now, action).user(device.user).device(device.id)
    }

    fn wanted(&self, Wire { provider, environment, token }: Wire) -> Result<Wanted, DeviceRefusal> {
        let refused = |why: &'static str| DeviceRefusal::new(DeviceErrorCode::InvalidRequest, why);
        let provider = Provider::of_device_api(&provider).ok_or_else(|| refused("no such provider of pushes"))?;
        let environment =
            Environment::parse(&environment).ok_or_else(|| refused("no such environment of a push token"))?;
        let token = Secret::new(token);
        let text = token.expose();
        let bad = || refused("not a push token of that provider");
        if text.is_empty() || text.len() > LONGEST {
            return Err(bad());
        }
        let own = match provider {
            Provider::Fcm if text.bytes().all(|byte| byte.is_ascii_graphic()) => text.clone(),
            Provider::Apns if (32..=400).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                text.to_ascii_lowercase()
            }
            // The browser may change its keys, and the subscription is the same.
            Provider::WebPush => self.endpoint(text).ok_or_else(bad)?.into(),
            Provider::Fcm | Provider::Apns => return Err(bad()),
        };
        Ok(Wanted { provider, environment, token, own })
    }

    /// Of a subscription that may be called. Sending looks again, and closer [security.md 81].
    fn endpoint(&self, json: &str) -> Option<Url> {
        let subscription = Subscription::parse(json)?;
        self.egress.check_url(&subscription.endpoint).ok().map(|()| subscription.endpoint)
    }
}

/// The one in whose name it is said. Where all are blocked, nobody is heard [security.md 94].
fn speaks(devices: &[Device]) -> Result<&Device, DeviceError> {
    devices.iter().find(|device| device.status == Status::Active).ok_or_else(|| DeviceErrorCode::DeviceBlocked.into())
}

/// By whose credentials it is reached: those of the application by which it was enrolled. One that was paired with a key
/// is believed what it calls itself: what it gains is word that says nothing, to a token of its own.
fn application_of(installation: &Installation, devices: &[Device], sign_on: &SignOn) -> Option<NativeApplicationId> {
    let enrolled = devices.iter().filter_map(|device| device.application.as_ref());
    let mut known = enrolled.filter_map(|id| sign_on.native_application(id));
    let called = || {
        let name = installation.about.application.as_deref()?;
        sign_on.native_applications().find(|application| application.is_called(name))
    };
    known.next().or_else(called).map(|application| application.id.clone())
}
