//! Where passwords are hashed: few at a time, and no more may wait than will have their turn soon. Whoever
//! logs in must not keep those waiting who approve and redeem.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::domain::password::hash::{Cost, Hasher, OutOfMemory, PasswordHash, Verdict};
use crate::domain::password::{NewPassword, Password};
use crate::entropy::Entropy;
use crate::metrics::{Limit, metrics};
use crate::protocol::id::UserId;
use crate::store::ephemeral::StoreError;
use crate::usecase::Error;
use crate::usecase::admin::AdminError;

#[derive(Clone, Copy, Debug)]
pub struct HashSettings {
    pub cost: Cost,
    /// Hashes at the same time; not more than there are processors.
    pub at_once: u32,
    /// So many may wait for their turn.
    pub queue: u32,
    /// No longer than this.
    pub patience: Duration,
}

impl Default for HashSettings {
    fn default() -> Self {
        Self { cost: Cost::default(), at_once: 2, queue: 32, patience: PATIENCE }
    }
}

/// How long somebody waits for a turn.
pub const PATIENCE: Duration = Duration::from_secs(2);

pub struct Hashing {
    hasher: Arc<Hasher>,
    entropy: Arc<Entropy>,
    /// Those that are hashed, and those that may wait.
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    patience: Duration,
    tally: Arc<Tally>,
}

/// What was looked at.
#[derive(Debug)]
pub struct Looked {
    pub verdict: Verdict,
    /// The same password hashed as it should be, where that has changed.
    pub anew: Option<PasswordHash>,
}

/// Why nothing was hashed.
#[derive(Debug, thiserror::Error)]
pub enum Unhashed {
    #[error("busy; again in {} s", retry_after.as_secs())]
    Busy { retry_after: Duration },
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<Unhashed> for Error {
    fn from(unhashed: Unhashed) -> Self {
        match unhashed {
            Unhashed::Busy { retry_after } => Self::Busy { retry_after },
            Unhashed::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<Unhashed> for AdminError {
    fn from(unhashed: Unhashed) -> Self {
        match unhashed {
            Unhashed::Busy { retry_after } => Self::TooMany { retry_after },
            Unhashed::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// What hashing has cost until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub hashes: u64,
    /// KiB times iterations, of all together.
    pub work: u64,
    pub most_at_once: u32,
}

#[derive(Debug, Default)]
struct Tally {
    hashes: AtomicU64,
    work: AtomicU64,
    now: AtomicU32,
    most: AtomicU32,
}

impl Tally {
    /// One computation of Argon2: none happens elsewhere.
    fn count<T>(&self, cost: Cost, hash: impl FnOnce() -> T) -> T {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let done = hash();
        self.now.fetch_sub(1, Ordering::SeqCst);
        self.hashes.fetch_add(1, Ordering::SeqCst);
        self.work.fetch_add(u64::from(cost.memory) * u64::from(cost.iterations), Ordering::SeqCst);
        done
    }
}

impl Hashing {
    pub fn new(hasher: Hasher, settings: &HashSettings, entropy: Arc<Entropy>) -> Self {
        let processors = available_parallelism().map_or(1, std::num::NonZero::get);
        let at_once = usize::try_from(settings.at_once).unwrap_or(usize::MAX).clamp(1, processors);
        let queue = usize::try_from(settings.queue).unwrap_or(0).min(Semaphore::MAX_PERMITS / 2);
        Self {
            hasher: Arc::new(hasher),
            entropy,
            places: Arc::new(Semaphore::new(at_once + queue)),
            turns: Arc::new(Semaphore::new(at_once)),
            patience: settings.patience,
            tally: Arc::default(),
        }
    }

    /// One hash, whatever comes of it; two of what was right and is outdated. Without a stored one it is
    /// looked at a decoy: that takes as long.
    pub async fn look(
        &self,
        user: UserId,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Looked, Unhashed> {
        let (salt, decoy) = (self.entropy.bytes(), (self.entropy.bytes(), self.entropy.bytes()));
        self.in_turn(move |hasher, tally| {
            let stored = stored.unwrap_or_else(|| hasher.decoy(decoy));
            let verdict = tally.count(hasher.price(&stored), || hasher.verify(user, &password, &stored))?;
            let anew = (verdict == Verdict::RightButOutdated)
                .then(|| tally.count(hasher.cost, || hasher.rehash(user, &password, salt)))
                .transpose()?;
            Ok(Looked { verdict, anew })
        })
        .await
    }

    pub async fn make(&self, user: UserId, password: NewPassword) -> Result<PasswordHash, Unhashed> {
        let salt = self.entropy.bytes();
        self.in_turn(move |hasher, tally| tally.count(hasher.cost, || hasher.hash(user, &password, salt))).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher, &Tally) -> Result<T, OutOfMemory> + Send + 'static,
    ) -> Result<T, Unhashed> {
        let busy = || {
            metrics().limited(Limit::PasswordHashes);
            Unhashed::Busy { retry_after: Duration::from_secs(1) }
        };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let turn = timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await.map_err(|_| busy())?;
        let (hasher, tally) = (Arc::clone(&self.hasher), Arc::clone(&self.tally));
        // Whoever gives up meanwhile does not stop the hash, so it keeps its turn until it is done.
        let done = spawn_blocking(move || {
            let _until_done = (place, turn);
            work(&hasher, &tally)
        });
        Ok(done.await.map_err(StoreError::unavailable)?.map_err(StoreError::unavailable)?)
    }

    pub fn spent(&self) -> Spent {
        Spent {
            hashes: self.tally.hashes.load(Ordering::SeqCst),
            work: self.tally.work.load(Ordering::SeqCst),
            most_at_once: self.tally.most.load(Ordering::SeqCst),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::future::join_all;
    use uuid::Uuid;

    use super::*;
    use crate::domain::password::hash::Pepper;
    use crate::secret::{MasterKey, Secret};

    fn hashing(memory: u32, queue: u32, patience: Duration) -> Hashing {
        let pepper = Pepper::new(&MasterKey::new(&Secret::new([7; 32])));
        let cost = Cost { memory, iterations: 1 };
        let settings = HashSettings { cost, at_once: 2, queue, patience };
        Hashing::new(Hasher { pepper, cost }, &settings, Arc::new(Entropy::seeded(1)))
    }

    async fn look(hashing: &Hashing) -> Result<Looked, Unhashed> {
        hashing.look(UserId::new(Uuid::nil()), Password::presented("tulips").unwrap(), None).await
    }

    fn at_once() -> u32 {
        available_parallelism().map_or(1, |processors| u32::try_from(processors.get()).unwrap().min(2))
    }

    #[tokio::test]
    async fn security_165_of_two_hundred_at_once_two_are_hashed_and_32_wait() {
        let hashing = hashing(32 * 1024, 32, Duration::from_secs(60));
        let looked = join_all((0..200).map(|_| look(&hashing))).await;
        let busy = looked.iter().filter(|looked| matches!(looked, Err(Unhashed::Busy { .. }))).count();
        // All have asked before the first is done.
        assert_eq!(looked.iter().filter(|looked| looked.is_ok()).count(), 32 + usize::try_from(at_once()).unwrap());
        assert_eq!(busy, 200 - 32 - usize::try_from(at_once()).unwrap());
        let spent = hashing.spent();
        assert_eq!((spent.hashes, spent.most_at_once), (u64::from(32 + at_once()), at_once()));
    }

    #[tokio::test]
    async fn security_165_nobody_waits_longer_than_is_said() {
        let hashing = hashing(256 * 1024, 32, Duration::from_millis(20));
        let begin = Instant::now();
        let first = join_all((0..at_once()).map(|_| look(&hashing)));
        let (first, late) = tokio::join!(first, async {
            let late = look(&hashing).await;
            (late, begin.elapsed())
        });
        assert!(first.iter().all(Result::is_ok));
        assert!(matches!(late.0, Err(Unhashed::Busy { .. })), "{:?}", late.0);
        assert!(late.1 < begin.elapsed(), "it did not wait for the others");
    }

    #[tokio::test]
    async fn who_gives_up_leaves_no_room_for_others_until_the_hash_is_done() {
        let hashing = hashing(64 * 1024, 2, Duration::from_secs(60));
        for _ in 0..20 {
            let given_up = timeout(Duration::from_millis(2), look(&hashing)).await;
            assert!(given_up.is_err() || matches!(given_up, Ok(Err(Unhashed::Busy { .. }))), "{given_up:?}");
        }
        assert!(look(&hashing).await.is_ok());
        assert!(hashing.spent().most_at_once <= at_once(), "{:?}", hashing.spent());
    }
}
