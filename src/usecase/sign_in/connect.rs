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
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{BrowserKey, ClientId, FlowId, RequestId};
use crate::protocol::parameters::Parameters;
use crate::protocol::user_code::UserCode;
use crate::secret::Digest;
use crate::store::ephemeral::{Lifetime, Shelf, StoreError};
use crate::usecase::Error;
use crate::usecase::sign_in::limit_flows::LimitFlows;
use crate::usecase::sign_in::send_code::Asker;
use crate::usecase::sign_in::shown::Shown;
use crate::usecase::sign_in::{Browser, Known, Seen};

pub struct Connect {
    pub known: Arc<Known>,
    pub flows: Shelf<Flow>,
    pub limits: Arc<LimitFlows>,
    pub devices: Shelf<DeviceAuthorization>,
    pub codes: Shelf<ShownCode>,
    pub ladder: Shelf<Ladder>,
    pub shown: Arc<Shown>,
    /// Whoever has forgotten a password can be written to.
    pub recoverable: bool,
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

/// A device that waits, found by its code.
#[derive(Debug)]
pub struct Waiting {
    pub client: Arc<Client>,
    device: DeviceAuthorization,
    shown: ForDevice,
}

/// In whose hands a flow is.
#[derive(Clone, Copy, Debug)]
pub struct Hands<'a> {
    pub browser: &'a Browser,
    pub key: Digest<BrowserKey>,
    pub from: IpAddr,
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
    ) -> Result<Result<Begun, NotFound>, Error> {
        let now = self.clock.now();
        let waiting = match self.look_up(typed, from, now).await? {
            Ok(waiting) => waiting,
            Err(why) => return Ok(Err(why)),
        };
        match self.limits.admit(from).await {
            Ok(()) => {}
            Err(Error::TooMany { retry_after }) => return Ok(Err(NotFound::SlowDown(retry_after))),
            Err(error) => return Err(error),
        }
        let client = Arc::clone(&waiting.client);
        let (key, fresh) = browser.recognised(&self.entropy);
        let hands = Hands { browser, key, from };
        let flow = self.flow(waiting, hands, ui_locales, now).await?;
        let seen = self.kept(flow, client, now).await?;
        Ok(Ok(Begun { seen: Box::new(seen), key: fresh }))
    }

    /// The same without a page of ours [flows.md A.1.7]: the code is the first thing that the flow asks for. The
    /// client that runs it is not the one that waits, and has to be registered for that.
    pub async fn begin_redirectless(
        &self,
        parameters: &Parameters,
        browser: &Browser,
        from: IpAddr,
    ) -> Result<Begun, Error> {
        let now = self.clock.now();
        let refused = || {
            let told = "The client is unknown, or may not run flows without a browser.";
            Refusal::new(ErrorCode::UnauthorizedClient, told)
        };
        let id = parameters.get("client_id").and_then(ClientId::parse).ok_or_else(refused)?;
        let client = self.known.client(&id).await?.ok_or_else(refused)?;
        if !self.known.directory.sign_on().await?.permits_redirectless(&client) {
            return Err(refused().into());
        }
        self.limits.admit(from).await?;
        let cookieless = client.sign_in.as_ref().is_some_and(|sign_in| sign_in.cookieless);
        let nobody = Browser::default();
        let (key, fresh) = if cookieless { &nobody } else { browser }.recognised(&self.entropy);
        let start = Start {
            transaction: RequestId::new(self.entropy.ordered_uuid(now)),
            client: id,
            request: AuthorizationRequest::of_device(client.scope.clone(), parameters.get("ui_locales")),
            browser: key,
            from: Some(from),
            cookieless,
            recoverable: self.recoverable,
            meant: None,
            device: None,
            app: None,
        };
        let seen = self.kept(Flow::awaiting_code(start, now), client, now).await?;
        let (state, key) = if cookieless { (fresh, None) } else { (None, fresh) };
        Ok(Begun { seen: Box::new(Seen { state, ..seen }), key })
    }

    async fn kept(&self, flow: Flow, client: Arc<Client>, now: Timestamp) -> Result<Seen, StoreError> {
        let id = FlowId::new(self.entropy.alphanumeric());
        self.limits.keep(&id, &flow, now).await?;
        self.shown.seen(&id, flow, client).await
    }

    /// The device that shows this code.
    pub async fn look_up(
        &self,
        typed: &str,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Result<Waiting, NotFound>, StoreError> {
        let Some(code) = UserCode::typed(typed) else {
            return Ok(Err(if typed.trim().is_empty() { NotFound::Missing } else { NotFound::Unknown }));
        };
        // [RFC 8628 §5.1] counted before anything is looked up.
        let step = self.step(from);
        if let Climbed::Wait(wait) = self.ladder.upsert(&step, DAY, |ladder: Ladder| ladder.climb(now)).await? {
            metrics().limited(Limit::UserCodes);
            return Ok(Err(NotFound::SlowDown(wait.max(Duration::from_secs(1)))));
        }
        let waiting = match self.find(code, now).await? {
            Ok(waiting) => waiting,
            Err(why) => return Ok(Err(why)),
        };
        // Only the try is taken back. Who could begin anew with a code of their own would guess on.
        self.ladder.update(&step, Lifetime::Keep, |ladder| (ladder.withdraw(), ())).await?;
        Ok(Ok(waiting))
    }

    /// By network: there is nobody yet whose path could be counted.
    fn step(&self, from: IpAddr) -> Digest<Ladder> {
        Digest::keyed(&self.key, format!("ladder\0{from}").as_bytes())
    }

    async fn find(&self, code: UserCode, now: Timestamp) -> Result<Result<Waiting, NotFound>, StoreError> {
        let Some(ShownCode { device: digest }) = self.codes.get(&ShownCode::id_of(&self.key, &code)).await? else {
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
        let shown = ForDevice { code: digest, user_code: code, confirmed: false };
        Ok(client.map(|client| Waiting { client, device, shown }).ok_or(NotFound::Unknown))
    }

    /// The flow in which somebody connects it.
    pub async fn flow(
        &self,
        Waiting { client, device, shown }: Waiting,
        Hands { browser, key, from }: Hands<'_>,
        ui_locales: Option<&str>,
        now: Timestamp,
    ) -> Result<Flow, StoreError> {
        let session = self.known.session(browser, now).await?;
        let user = session.as_ref().map(|session| session.user);
        let judged = self.known.judged(client, user, now).await?;
        let start = Start {
            transaction: device.request,
            client: device.client,
            request: AuthorizationRequest::of_device(device.scope, ui_locales),
            browser: key,
            from: Some(from),
            cookieless: false,
            recoverable: self.recoverable,
            meant: None,
            device: Some(shown),
            app: None,
        };
        // Nobody is written to before they have done something.
        let begun = Flow::begin(start, session.as_ref(), &judged.around()).in_browser(browser.remembered_by());
        self.known.asking(begun, &judged, Asker::unseen()).await
    }
}
