//! A device asks to be connected [RFC 8628 §3.1]: it gets a code to poll with, and one to show.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::audit::{Action, Event};
use crate::domain::authentication_request::{Polling, REMEMBER};
use crate::domain::client::GrantType;
use crate::domain::device_authorization::{DeviceAuthorization, ShownCode, State};
use crate::entropy::Entropy;
use crate::metrics::Limit;
use crate::protocol::admin_scope::is_administrative;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{DeviceCode, RequestId};
use crate::protocol::scope::Scope;
use crate::protocol::user_code::UserCode;
use crate::store::ephemeral::{Attempts, Shelf, StoreError};
use crate::store::sql::ledger::Ledger;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::limit::{Most, limit};

/// Long enough to find the other device, and to sign in there.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// [RFC 8628 §3.2]
const INTERVAL: u16 = 5;

/// From one network.
const MOST: Most<'_> = Most {
    what: "device authorization",
    times: 60,
    window: Duration::from_secs(60),
    limit: Limit::DeviceAuthorizations,
};

/// Another code is drawn when one is in use.
const TRIES: u32 = 10;

pub struct AuthorizeDevice {
    pub devices: Shelf<DeviceAuthorization>,
    pub shown: Shelf<ShownCode>,
    pub attempts: Attempts,
    /// What makes digests of user codes.
    pub key: ring::hmac::Key,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// [RFC 8628 §3.2]
#[derive(Debug)]
pub struct Waiting {
    pub request: RequestId,
    pub device_code: DeviceCode,
    pub user_code: UserCode,
    pub expires_in: Duration,
    pub interval: u16,
}

impl AuthorizeDevice {
    #[tracing::instrument(level = "debug", name = "authorize_device", skip_all)]
    pub async fn authorize(
        &self,
        client: &AuthenticatedClient,
        scope: Option<&str>,
        from: IpAddr,
    ) -> Result<Waiting, Error> {
        let now = self.clock.now();
        client.needs(GrantType::DeviceCode)?;
        let registered = client.scope.only(|name| !is_administrative(name));
        let scope = Scope::asked(scope, registered)
            .ok_or(Refusal::new(ErrorCode::InvalidScope, "A scope is malformed, unknown or not for this client."))?;
        // Anybody can call themselves as a public client is called, and what is asked for here is kept.
        if let Some(retry_after) = limit(&self.attempts, MOST, from.to_string().as_bytes()).await? {
            return Err(Error::TooMany { retry_after });
        }
        let device_code = DeviceCode::new(self.entropy.token());
        let device = DeviceAuthorization {
            request: RequestId::new(self.entropy.ordered_uuid(now)),
            client: client.id.clone(),
            scope,
            expires_at: now + LIFETIME,
            polling: Polling { interval: INTERVAL, last: None },
            state: State::Pending,
        };
        self.devices.insert(&device_code.digest(), &device, LIFETIME + REMEMBER).await?;
        let user_code = self.show(&device_code).await?;
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::DeviceAuthorizationRequested)
            .client(&client.id)
            .request(device.request);
        self.ledger.audit(event).await;
        Ok(Waiting { request: device.request, device_code, user_code, expires_in: LIFETIME, interval: INTERVAL })
    }

    /// A code that no other device shows now.
    async fn show(&self, device_code: &DeviceCode) -> Result<UserCode, StoreError> {
        let shown = ShownCode { device: device_code.digest() };
        for _ in 0..TRIES {
            let code = UserCode::draw(|limit| self.entropy.below(limit));
            if self.shown.insert(&ShownCode::id_of(&self.key, &code), &shown, LIFETIME + REMEMBER).await? {
                return Ok(code);
            }
        }
        Err(StoreError::Contended)
    }
}
