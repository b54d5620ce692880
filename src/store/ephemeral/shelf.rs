//! The values of one type in the ephemeral store, changed by compare-and-swap of a pure transition.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Ephemeral, Key, Lifetime, Purpose, StoreError, Topic, Version, Versioned, Wakeups};

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
    pub const fn version(&self) -> Version {
        self.found.version
    }

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

    /// As [`Shelf::replace`], for whoever goes on from there: what was found is then what was stored.
    pub async fn step(
        &self,
        id: &T::Id,
        found: &mut Found<T>,
        next: &T,
        lifetime: Lifetime,
    ) -> Result<bool, StoreError> {
        let value = encode(next)?;
        let version = found.found.version;
        let first = self.store.swap(&Self::key(id), version, &value, lifetime).await?;
        if first {
            found.found = Versioned { value, version: version.next() };
        }
        Ok(first)
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

pub(in crate::store) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
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
