//! Somebody types the code that a device shows [RFC 8628 §3.3]: the beginning of a flow in which they look
//! at what they are about to connect, sign in, and agree.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::client::{Client, GrantType};
use crate::domain::device_authorization::{DeviceAuthorization, ShownCode};
use crate::domain::flow::{Flow, ForDevice, Start};
use crate::domain::ladder::{Climbed, DAY, Ladder};
use crate::entropy::Entropy;
use crate::metrics::{Limit, metrics};
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::id::{BrowserKey, DeviceCode, FlowId};
use crate::protocol::user_code::UserCode;
use crate::secret::Digest;
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::usecase::sign_in::shown::Shown;
use crate::usecase::sign_in::{Browser, Known, Seen, left};

pub struct Connect {
    pub known: Arc<Known>,
    pub flows: Shelf<Flow>,
    pub devices: Shelf<DeviceAuthorization>,
    pub codes: Shelf<ShownCode>,
    pub ladder: Shelf<Ladder>,
    pub shown: Arc<Shown>,
    /// What makes digests of user codes.
    pub key: ring::hmac::Key,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// A person looks at the device.
#[derive(Debug)]
pub struct Begun {
    pub seen: Box<Seen>,
    /// For a browser that had none.
    pub key: Option<BrowserKey>,
}

/// Why there is nothing to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    Missing,
    Unknown,
    Expired,
    /// Too many were wrong from here.
    SlowDown(Duration),
}

impl Connect {
    #[tracing::instrument(level = "debug", name = "connect_device", skip_all)]
    pub async fn begin(
        &self,
        typed: &str,
        browser: &Browser,
        from: IpAddr,
        ui_locales: Option<&str>,
    ) -> Result<Result<Begun, NotFound>, StoreError> {
        let now = self.clock.now();
        let Some(code) = UserCode::typed(typed) else {
            return Ok(Err(if typed.trim().is_empty() { NotFound::Missing } else { NotFound::Unknown }));
        };
        // [RFC 8628 §5.1] counted before anything is looked up.
        let step = self.step(from);
        if let Climbed::Wait(wait) = self.ladder.upsert(&step, DAY, |ladder: Ladder| ladder.climb(now)).await? {
            metrics().limited(Limit::UserCodes);
            return Ok(Err(NotFound::SlowDown(wait.max(Duration::from_secs(1)))));
        }
        let (digest, device, client) = match self.find(&code, now).await? {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        // Only the try is taken back. Who could begin anew with a code of their own would guess on.
        self.ladder.update(&step, Lifetime::Keep, |ladder| (ladder.withdraw(), ())).await?;
        let for_device = ForDevice { code: digest, user_code: code, confirmed: false };
        self.flow(for_device, (device, client), browser, ui_locales, now).await.map(Ok)
    }

    /// By network: there is nobody yet whose path could be counted.
    fn step(&self, from: IpAddr) -> Digest<Ladder> {
        Digest::keyed(&self.key, format!("ladder\0{from}").as_bytes())
    }

    async fn find(
        &self,
        code: &UserCode,
        now: Timestamp,
    ) -> Result<Result<(Digest<DeviceCode>, DeviceAuthorization, Arc<Client>), NotFound>, StoreError> {
        let Some(ShownCode { device: digest }) = self.codes.get(&ShownCode::id_of(&self.key, code)).await? else {
            return Ok(Err(NotFound::Unknown));
        };
        let Some(device) = self.devices.get(&digest).await? else { return Ok(Err(NotFound::Unknown)) };
        if device.has_expired(now) {
            return Ok(Err(NotFound::Expired));
        }
        if !device.waits(now) {
            return Ok(Err(NotFound::Unknown));
        }
        let client = self.known.client(&device.client).await?.filter(|client| client.may(GrantType::DeviceCode));
        Ok(client.map(|client| (digest, device, client)).ok_or(NotFound::Unknown))
    }

    async fn flow(
        &self,
        for_device: ForDevice,
        (device, client): (DeviceAuthorization, Arc<Client>),
        browser: &Browser,
        ui_locales: Option<&str>,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let session = self.known.session(browser, now).await?;
        let user = session.as_ref().map(|session| session.user);
        let judged = self.known.judged(Arc::clone(&client), user, now).await?;
        let (key, fresh) = browser.recognised(&self.entropy);
        let start = Start {
            transaction: device.request,
            client: device.client,
            request: AuthorizationRequest::of_device(device.scope, ui_locales),
            browser: key,
            cookieless: false,
            meant: None,
            device: Some(for_device),
        };
        let flow = self.known.asking(Flow::begin(start, session.as_ref(), &judged.around()), &judged).await?;
        let id = FlowId::new(self.entropy.alphanumeric());
        self.flows.insert(&id.digest(), &flow, left(&flow, now)).await?;
        let seen = self.shown.seen(&id, flow, client).await?;
        Ok(Begun { seen: Box::new(seen), key: fresh })
    }
}
