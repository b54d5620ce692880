//! The port for state with a deadline, and the one concurrency idea built on it: compare-and-swap
//! of a pure transition. The store stays dumb; rules stay in `domain`.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

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
    /// `domain::otp_ranges::RangeTally` by channel and range.
    RangeTally,
    /// `domain::silence::Silence` by device.
    Silence,
    /// `domain::silent_push::SilentPushes` by installation.
    SilentPushes,
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
            Self::RangeTally => b'z',
            Self::Silence => b'U',
            Self::SilentPushes => b'1',
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

/// The wake-ups of one topic, from [`Ephemeral::watch`].
#[derive(Debug)]
pub struct Wakeups {
    receiver: watch::Receiver<u64>,
    _topic: Arc<watch::Sender<u64>>,
}

impl Wakeups {
    /// Returns when the topic was woken since `watch`, or since the last return.
    pub async fn woken(&mut self) {
        if self.receiver.changed().await.is_err() {
            // The sender lives as long as we do; this arm is for the type system.
            std::future::pending::<()>().await;
        }
    }
}

/// The local half of waking: topics that somebody on this node watches.
#[derive(Debug, Default)]
pub struct Switchboard(Mutex<HashMap<Topic, Weak<watch::Sender<u64>>>>);

impl Switchboard {
    pub fn watch(&self, topic: &Topic) -> Wakeups {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = topics.get(topic).and_then(Weak::upgrade).unwrap_or_else(|| {
            if topics.len() % 1024 == 1023 {
                topics.retain(|_, sender| sender.strong_count() > 0);
            }
            let sender = Arc::new(watch::Sender::new(0));
            topics.insert(topic.clone(), Arc::downgrade(&sender));
            sender
        });
        Wakeups { receiver: sender.subscribe(), _topic: sender }
    }

    pub fn wake(&self, topic: &Topic) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match topics.get(topic).map(Weak::upgrade) {
            Some(Some(sender)) => sender.send_modify(|n| *n = n.wrapping_add(1)),
            Some(None) => {
                topics.remove(topic);
            }
            None => {}
        }
    }

    /// For a subscription that was down for a while: anything may have been missed.
    pub fn wake_all(&self) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics.retain(|_, sender| match sender.upgrade() {
            Some(sender) => {
                sender.send_modify(|n| *n = n.wrapping_add(1));
                true
            }
            None => false,
        });
    }
}

/// A type that rests in the ephemeral store, and how it is found.
pub trait Shelved: Serialize + DeserializeOwned + Send + Sync + 'static {
    const PURPOSE: Purpose;
    type Id: ?Sized + Sync;

    fn id(id: &Self::Id) -> Vec<u8>;
}

/// Stored values start with this byte; a value of another format is refused, never guessed at.
const FORMAT: u8 = 1;

/// How often `update` tries again when others are faster. Each round, one of them gets through.
const TRIES: u32 = 100;

/// A value as somebody has seen it.
pub struct Found<T> {
    found: Versioned,
    holds: PhantomData<fn() -> T>,
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        Self { found: self.found.clone(), holds: PhantomData }
    }
}

impl<T> std::fmt::Debug for Found<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({:?})", self.found.version)
    }
}

impl<T: Shelved> Found<T> {
    pub fn value(&self) -> Result<T, StoreError> {
        decode(&self.found.value)
    }
}

/// The values of one type: the only way to reach them.
pub struct Shelf<T> {
    store: Arc<dyn Ephemeral>,
    holds: PhantomData<fn() -> T>,
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self { store: Arc::clone(&self.store), holds: PhantomData }
    }
}

impl<T> std::fmt::Debug for Shelf<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shelf")
    }
}

impl<T: Shelved> Shelf<T> {
    pub fn new(store: Arc<dyn Ephemeral>) -> Self {
        Self { store, holds: PhantomData }
    }

    pub fn key(id: &T::Id) -> Key {
        Key::new(T::PURPOSE, &T::id(id))
    }

    /// `false`: the identifier is taken.
    pub async fn insert(&self, id: &T::Id, value: &T, lifetime: Duration) -> Result<bool, StoreError> {
        self.store.insert(&Self::key(id), &encode(value)?, lifetime).await
    }

    pub async fn get(&self, id: &T::Id) -> Result<Option<T>, StoreError> {
        self.store.get(&Self::key(id)).await?.map(|found| decode(&found.value)).transpose()
    }

    /// The value as it is now, to be changed later by [`Shelf::change`].
    pub async fn find(&self, id: &T::Id) -> Result<Option<Found<T>>, StoreError> {
        Ok(self.store.get(&Self::key(id)).await?.map(|found| Found { found, holds: PhantomData }))
    }

    /// Applies a pure transition and stores its result, again and again until nobody else was
    /// faster. A transition that changes nothing writes nothing. `None`: there is no such value.
    pub async fn update<O>(
        &self,
        id: &T::Id,
        lifetime: Lifetime,
        transition: impl Fn(T) -> (T, O) + Send + Sync,
    ) -> Result<Option<O>, StoreError> {
        let Some(found) = self.find(id).await? else { return Ok(None) };
        Ok(self.change(id, found, lifetime, transition).await?.map(|(outcome, _)| outcome))
    }

    /// As [`Shelf::update`], on a value that was read before: when it still is so, it is not read
    /// again. Answers the value as it became, too.
    pub async fn change<O>(
        &self,
        id: &T::Id,
        found: Found<T>,
        lifetime: Lifetime,
        transition: impl Fn(T) -> (T, O) + Send + Sync,
    ) -> Result<Option<(O, Found<T>)>, StoreError> {
        let key = Self::key(id);
        let mut found = found.found;
        for _ in 0..TRIES {
            let (next, outcome) = transition(decode(&found.value)?);
            let next = encode(&next)?;
            if next == found.value {
                return Ok(Some((outcome, Found { found, holds: PhantomData })));
            }
            if self.store.swap(&key, found.version, &next, lifetime).await? {
                let found = Versioned { value: next, version: found.version.next() };
                return Ok(Some((outcome, Found { found, holds: PhantomData })));
            }
            match self.store.get(&key).await? {
                Some(newer) => found = newer,
                None => return Ok(None),
            }
        }
        Err(StoreError::Contended)
    }

    /// Stores what was made of a value in more than one step. `false`: it was changed meanwhile, and stays
    /// as it is.
    pub async fn replace(
        &self,
        id: &T::Id,
        found: &Found<T>,
        next: &T,
        lifetime: Lifetime,
    ) -> Result<bool, StoreError> {
        self.store.swap(&Self::key(id), found.found.version, &encode(next)?, lifetime).await
    }

    pub async fn remove(&self, id: &T::Id) -> Result<(), StoreError> {
        self.store.remove(&Self::key(id)).await
    }

    /// Tells every node that the value under `id` has changed.
    pub async fn wake(&self, id: &T::Id) {
        self.store.wake(&Topic::of(&Self::key(id))).await;
    }

    pub async fn watch(&self, id: &T::Id) -> Wakeups {
        self.store.watch(&Topic::of(&Self::key(id))).await
    }
}

impl<T: Shelved + Default> Shelf<T> {
    /// As [`Shelf::update`], starting from the default when nothing is there. The value then lives
    /// for `lifetime` from now.
    pub async fn upsert<O>(
        &self,
        id: &T::Id,
        lifetime: Duration,
        transition: impl Fn(T) -> (T, O) + Send + Sync,
    ) -> Result<O, StoreError> {
        let found = self.find(id).await?;
        self.upsert_found(id, found, lifetime, transition).await
    }

    /// As [`Shelf::upsert`], on what was read before.
    pub async fn upsert_found<O>(
        &self,
        id: &T::Id,
        found: Option<Found<T>>,
        lifetime: Duration,
        transition: impl Fn(T) -> (T, O) + Send + Sync,
    ) -> Result<O, StoreError> {
        let key = Self::key(id);
        let mut found = found.map(|found| found.found);
        for _ in 0..TRIES {
            let done = if let Some(found) = found {
                let (next, outcome) = transition(decode(&found.value)?);
                let next = encode(&next)?;
                let unchanged = next == found.value;
                (unchanged || self.store.swap(&key, found.version, &next, Lifetime::Renew(lifetime)).await?)
                    .then_some(outcome)
            } else {
                let (next, outcome) = transition(T::default());
                self.store.insert(&key, &encode(&next)?, lifetime).await?.then_some(outcome)
            };
            if let Some(outcome) = done {
                return Ok(outcome);
            }
            found = self.store.get(&key).await?;
        }
        Err(StoreError::Contended)
    }
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

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![FORMAT]).map_err(|_| StoreError::Corrupt("a value cannot be encoded"))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&FORMAT, value)) => {
            postcard::from_bytes(value).map_err(|_| StoreError::Corrupt("a value of another shape"))
        }
        Some(_) | None => Err(StoreError::Corrupt("a value of another format")),
    }
}
