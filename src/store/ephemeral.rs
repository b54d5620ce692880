//! The port for state with a deadline, and the one concurrency idea built on it: compare-and-swap
//! of a pure transition. The store stays dumb; rules stay in `domain`.

mod shelf;
mod wakeups;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

#[cfg(test)]
pub(super) use self::shelf::encode;
pub use self::shelf::{Found, Shelf, Shelved};
pub use self::wakeups::{Switchboard, Wakeups};

/// Why a store gave no answer. Never an answer in itself: it becomes a 503.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store cannot be reached: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a stored value cannot be read: {0}")]
    Corrupt(&'static str),
    #[error("a value was changed by others at every try")]
    Contended,
}

impl StoreError {
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

/// What a value is for. Each purpose has a key space of its own, so that no handle of one kind can
/// ever be found as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `domain::authentication_request::AuthenticationRequest` by digest of its `auth_req_id`.
    AuthenticationRequest,
    /// `domain::ping::Callback` by digest of the `auth_req_id`.
    Callback,
    /// The questions that wait for one user.
    Inbox,
    /// Client assertion `jti` (RFC 7523 §3).
    AssertionReplay,
    /// `jti` of a signed question [CIBA §7.1.1].
    QuestionReplay,
    /// `jti` of a `login_hint_token` [CIBA §7.1].
    HintReplay,
    /// Device proof `jti`.
    ProofReplay,
    /// Wrong guesses within a window.
    Attempts,
    /// `domain::flow::Flow` by digest of its `flowId`.
    Flow,
    /// `domain::code::Code` by digest of the authorization code.
    Code,
    /// `domain::pushed_request::PushedRequest` by digest of what ends its `request_uri`.
    PushedRequest,
    /// `jti` of DPoP proofs [RFC 9449 §11.1].
    DpopReplay,
    /// `jti` of request objects [RFC 9101].
    RequestObjectReplay,
    /// `domain::device_authorization::DeviceAuthorization` by digest of its device code.
    DeviceAuthorization,
    /// Which device shows a user code.
    UserCode,
    /// `domain::passkey::OfAccount` by digest of its identifier.
    Ceremony,
    /// `domain::ladder::Ladder`: failures in a row, on one path to one account.
    Ladder,
    /// `domain::recovery::Recovery` by its name.
    Recovery,
    /// `domain::flow::errand::ErrandFlow` by digest of its `flowId`.
    ErrandFlow,
    /// `domain::enrolment::Offer` by digest of its ticket.
    Enrolment,
    /// In which transaction a mobile payload was shown, by key and `jti`.
    PayloadReplay,
    /// `domain::flow::of_browser::FlowsOfBrowser` by digest of the browser's key.
    FlowsOfBrowser,
    /// `domain::push_allowance::PushAllowance` by person.
    PushAllowance,
    /// `domain::otp_guard::OtpGuard` by person.
    OtpGuard,
    /// `domain::otp::Delivery` by the name of the code.
    Delivery,
    /// `domain::otp::Withdrawn` by the name of the code.
    WithdrawnCode,
    /// `domain::occasion::PaidText` by the row of the outbox.
    PaidText,
    /// `domain::otp_ranges::RangeTally` by channel and range.
    RangeTally,
    /// `domain::silence::Silence` by device.
    Silence,
    /// `domain::silent_push::SilentPushes` by installation.
    SilentPushes,
    /// `domain::pairing_guesses::PairingGuesses` by installation key, and by network.
    PairingGuesses,
    /// `domain::flow::Asking` by flow and version.
    Asking,
    /// `domain::device_authentication::DeviceAuthentication` by its name.
    DeviceAuthentication,
    /// `domain::otp::GivenAddress` by its name.
    GivenAddress,
    /// `domain::device_log::DeviceLog` by its support ID.
    DeviceLog,
}

impl Purpose {
    pub const fn tag(self) -> u8 {
        match self {
            Self::AuthenticationRequest => b'r',
            Self::Callback => b'n',
            Self::Inbox => b'i',
            Self::AssertionReplay => b'a',
            Self::QuestionReplay => b'b',
            Self::HintReplay => b'h',
            Self::ProofReplay => b'p',
            Self::Attempts => b't',
            Self::Flow => b'f',
            Self::Code => b'c',
            Self::PushedRequest => b'q',
            Self::DpopReplay => b'j',
            Self::RequestObjectReplay => b'o',
            Self::DeviceAuthorization => b'g',
            Self::UserCode => b'u',
            Self::Ceremony => b'k',
            Self::Ladder => b'l',
            Self::Recovery => b'w',
            Self::ErrandFlow => b'e',
            Self::Enrolment => b'm',
            Self::PayloadReplay => b'y',
            Self::FlowsOfBrowser => b's',
            Self::PushAllowance => b'x',
            Self::OtpGuard => b'v',
            Self::Delivery => b'd',
            Self::WithdrawnCode => b'W',
            Self::PaidText => b'4',
            Self::RangeTally => b'z',
            Self::Silence => b'U',
            Self::SilentPushes => b'1',
            Self::PairingGuesses => b'2',
            Self::Asking => b'3',
            Self::DeviceAuthentication => b'A',
            Self::GivenAddress => b'O',
            Self::DeviceLog => b'L',
        }
    }
}

/// A key: the purpose's tag, then the bytes of the identifier (at most 64).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    fn new(purpose: Purpose, id: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + id.len());
        bytes.push(purpose.tag());
        bytes.extend_from_slice(id);
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Which state of a value somebody has seen. It grows by one with every swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u32);

impl Version {
    /// What a swap makes of it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    pub value: Vec<u8>,
    pub version: Version,
}

/// What a swap does to the time that a value has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    Keep,
    Renew(Duration),
}

/// Something that may have changed. A wake-up is a hint: it may be lost or be one too many, so
/// whoever is woken reads the state again, and nobody relies on being woken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic(Vec<u8>);

impl Topic {
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// "The value under this key has changed."
    pub fn of(key: &Key) -> Self {
        Self(key.0.clone())
    }
}

/// State with a deadline, shared by all nodes. Every call answers within a bounded time (half a
/// second for Redis), with an error when the store is away.
#[async_trait]
pub trait Ephemeral: Send + Sync {
    /// Stores `value` unless the key is taken. `false`: taken. This alone is the replay check.
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError>;

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError>;

    /// Replaces the value if it is still the one seen. `false`: it was changed or is gone.
    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError>;

    async fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// Adds one to a counter that ends `window` after its first increment; answers the new count.
    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError>;

    /// Wakes everyone on every node who watches `topic`.
    async fn wake(&self, topic: &Topic);

    /// From the moment this returns, no wake-up of `topic` on a working store is missed.
    async fn watch(&self, topic: &Topic) -> Wakeups;

    /// Whether the store works now: for readiness.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One-time identifiers of one purpose: whoever brings one first may pass.
#[derive(Clone)]
pub struct Replay {
    store: Arc<dyn Ephemeral>,
    purpose: Purpose,
}

impl Replay {
    pub fn new(store: Arc<dyn Ephemeral>, purpose: Purpose) -> Self {
        Self { store, purpose }
    }

    /// `true` the first time. `issuer` is part of the mark: equal `jti` of two issuers are two.
    pub async fn first_use(&self, issuer: &[u8], jti: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(&(issuer.len() as u64).to_be_bytes());
        context.update(issuer);
        context.update(jti);
        self.store.insert(&Key::new(self.purpose, context.finish().as_ref()), &[], lifetime).await
    }
}

/// Counted tries within a window.
#[derive(Clone)]
pub struct Attempts(Arc<dyn Ephemeral>);

impl Attempts {
    pub fn new(store: Arc<dyn Ephemeral>) -> Self {
        Self(store)
    }

    /// Counts first, so that a limit compared with the answer holds under any concurrency.
    pub async fn count(&self, what: &str, who: &[u8], window: Duration) -> Result<u32, StoreError> {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(what.as_bytes());
        context.update(&[0]);
        context.update(who);
        self.0.count(&Key::new(Purpose::Attempts, context.finish().as_ref()), window).await
    }
}
