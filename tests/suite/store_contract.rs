//! What every ephemeral store promises, tested alike on each: the table of a SQLite database in
//! memory and in a file, the table of a PostgreSQL database, and Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use nod::clock::{ManualClock, SystemClock, Timestamp};
use nod::entropy::Entropy;
use nod::secret::Secret;
use nod::store::embedded::EmbeddedStore;
use nod::store::ephemeral::{
    Attempts, Ephemeral, Key, Lifetime, Purpose, Replay, Shelf, Shelved, StoreError, Topic, Version, Versioned, Wakeups,
};
use nod::store::redis::{RedisStore, Settings};
use nod::store::sql::Database;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::backends::{Postgres, Redis};

mod away;

/// Two instances on the same data, as two nodes have them.
struct Stage {
    store: Arc<dyn Ephemeral>,
    other: Arc<dyn Ephemeral>,
    /// Absent where the store itself measures time.
    clock: Option<Arc<ManualClock>>,
    crosses_nodes: bool,
    _workers: JoinSet<()>,
    _directory: Option<tempfile::TempDir>,
}

/// Long enough for a real server under load, short enough to wait for.
const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_mins(1);

impl Stage {
    async fn embedded(url: String, directory: Option<tempfile::TempDir>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
        database.migrate().await.unwrap();
        // A memory database cannot be opened twice.
        let again =
            if url.contains("memory") { database.clone() } else { Database::connect(&Secret::new(url)).await.unwrap() };
        let mut workers = JoinSet::new();
        Self {
            store: Arc::new(embedded_node(&database, clock.clone(), &mut workers).await),
            other: Arc::new(embedded_node(&again, clock.clone(), &mut workers).await),
            clock: Some(clock),
            crosses_nodes: false,
            _workers: workers,
            _directory: directory,
        }
    }

    async fn sqlite_memory() -> Self {
        Self::embedded("sqlite::memory:".to_owned(), None).await
    }

    async fn sqlite_file() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::embedded(format!("sqlite:{}/nod.db", directory.path().display()), Some(directory)).await
    }

    async fn postgres() -> Self {
        Self::embedded(Postgres::shared().database(), None).await
    }

    async fn redis() -> Self {
        static STAGES: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("test{}:", STAGES.fetch_add(1, Ordering::SeqCst));
        let mut listeners = JoinSet::new();
        let store = redis_node(Redis::shared(), &prefix, &mut listeners);
        let other = redis_node(Redis::shared(), &prefix, &mut listeners);
        let stage = Self {
            store: Arc::new(store),
            other: Arc::new(other),
            clock: None,
            crosses_nodes: true,
            _workers: listeners,
            _directory: None,
        };
        // Both listen as soon as a wake-up arrives from the other one.
        for (from, to) in [(&stage.store, &stage.other), (&stage.other, &stage.store)] {
            let topic = Topic::from_bytes(b"ready".to_vec());
            let mut wakeups = to.watch(&topic).await;
            until(async || {
                from.wake(&topic).await;
                is_woken(&mut wakeups, Duration::from_millis(20)).await
            })
            .await;
        }
        stage
    }

    async fn pass(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }
}

async fn embedded_node(database: &Database, clock: Arc<ManualClock>, workers: &mut JoinSet<()>) -> EmbeddedStore {
    let (store, working) = EmbeddedStore::open(database, clock, Arc::new(Entropy::default())).await.unwrap();
    workers.spawn(working);
    store
}

fn redis_node(redis: &Redis, prefix: &str, listeners: &mut JoinSet<()>) -> RedisStore {
    let settings = Settings { url: Secret::new(redis.url()), prefix: prefix.to_owned() };
    let (store, listening) =
        RedisStore::connect(&settings, Arc::new(SystemClock), Arc::new(Entropy::default())).unwrap();
    listeners.spawn(listening);
    store
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(10), "it never came");
    }
}

async fn is_woken(wakeups: &mut Wakeups, within: Duration) -> bool {
    timeout(within, wakeups.woken()).await.is_ok()
}

/// A value of some type that rests in a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tally(u32);

impl Shelved for Tally {
    const PURPOSE: Purpose = Purpose::Inbox;
    type Id = str;

    fn id(id: &str) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

fn key(name: &str) -> Key {
    Shelf::<Tally>::key(name)
}

/// Lets everyone else run between a read and the write that follows it: a race test without this
/// proves nothing.
struct Yielding(Arc<dyn Ephemeral>);

#[async_trait]
impl Ephemeral for Yielding {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        self.0.insert(key, value, lifetime).await
    }
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let found = self.0.get(key).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        found
    }
    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        self.0.swap(key, seen, value, lifetime).await
    }
    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.0.remove(key).await
    }
    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        self.0.count(key, window).await
    }
    async fn wake(&self, topic: &Topic) {
        self.0.wake(topic).await;
    }
    async fn watch(&self, topic: &Topic) -> Wakeups {
        self.0.watch(topic).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
}

macro_rules! on_every_store {
    ($($test:ident)*) => {
        on_every_store!(sqlite_memory: $($test)*);
        on_every_store!(sqlite_file: $($test)*);
        on_every_store!(postgres: $($test)*);
        on_every_store!(redis: $($test)*);
    };
    ($store:ident: $($test:ident)*) => {
        mod $store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Stage::$store().await).await;
            })*
        }
    };
}

on_every_store! {
    a_key_is_taken_once
    what_was_stored_is_found_on_both_nodes
    a_swap_needs_the_version_that_is_there
    a_swap_of_something_gone_is_refused
    a_value_ends_with_its_lifetime
    a_swap_keeps_the_deadline_unless_told_otherwise
    a_key_is_free_again_after_its_value_ended
    a_version_of_an_earlier_life_does_not_fit
    a_removed_value_is_gone
    a_count_starts_over_after_its_window
    counts_of_many_are_all_counted
    a_watcher_is_woken_at_once_on_its_own_node
    a_wakeup_before_it_is_awaited_is_not_lost
    a_wakeup_crosses_nodes
    many_updates_at_once_all_count
    of_two_who_go_on_from_what_they_found_one_does
    one_of_many_uses_is_the_first
    values_of_any_bytes_come_back
    a_store_that_works_says_so
}

async fn a_key_is_taken_once(stage: Stage) {
    assert!(stage.store.insert(&key("k"), b"first", LONG).await.unwrap());
    assert!(!stage.other.insert(&key("k"), b"second", LONG).await.unwrap());
    assert_eq!(stage.store.get(&key("k")).await.unwrap().unwrap().value, b"first");
}

async fn what_was_stored_is_found_on_both_nodes(stage: Stage) {
    assert_eq!(stage.other.get(&key("k")).await.unwrap(), None);
    stage.store.insert(&key("k"), b"value", LONG).await.unwrap();
    let here = stage.store.get(&key("k")).await.unwrap().unwrap();
    assert_eq!(here.value, b"value");
    assert_eq!(stage.other.get(&key("k")).await.unwrap(), Some(here));
    assert_eq!(stage.store.get(&key("other")).await.unwrap(), None);
}

async fn a_swap_needs_the_version_that_is_there(stage: Stage) {
    stage.store.insert(&key("k"), b"0", LONG).await.unwrap();
    let seen = stage.store.get(&key("k")).await.unwrap().unwrap().version;
    assert!(stage.store.swap(&key("k"), seen, b"1", Lifetime::Keep).await.unwrap());
    assert!(!stage.other.swap(&key("k"), seen, b"x", Lifetime::Keep).await.unwrap());
    assert!(!stage.other.swap(&key("k"), seen, b"x", Lifetime::Renew(LONG)).await.unwrap());
    let found = stage.other.get(&key("k")).await.unwrap().unwrap();
    assert_eq!((found.value.as_slice(), found.version), (&b"1"[..], Version(seen.0.wrapping_add(1))));
    assert!(stage.other.swap(&key("k"), found.version, b"2", Lifetime::Keep).await.unwrap());
    assert_eq!(stage.store.get(&key("k")).await.unwrap().unwrap().value, b"2");
}

async fn a_swap_of_something_gone_is_refused(stage: Stage) {
    assert!(!stage.store.swap(&key("k"), Version(0), b"x", Lifetime::Keep).await.unwrap());
    assert!(!stage.store.swap(&key("k"), Version(0), b"x", Lifetime::Renew(LONG)).await.unwrap());
    stage.store.insert(&key("k"), b"0", SHORT).await.unwrap();
    let seen = stage.store.get(&key("k")).await.unwrap().unwrap().version;
    stage.pass(SHORT).await;
    assert!(!stage.store.swap(&key("k"), seen, b"x", Lifetime::Renew(LONG)).await.unwrap());
    assert_eq!(stage.store.get(&key("k")).await.unwrap(), None);
}

async fn a_value_ends_with_its_lifetime(stage: Stage) {
    stage.store.insert(&key("k"), b"0", SHORT).await.unwrap();
    stage.store.insert(&key("long"), b"0", LONG).await.unwrap();
    assert!(stage.store.get(&key("k")).await.unwrap().is_some());
    stage.pass(SHORT).await;
    assert_eq!(stage.store.get(&key("k")).await.unwrap(), None);
    assert!(stage.store.get(&key("long")).await.unwrap().is_some());
}

async fn a_swap_keeps_the_deadline_unless_told_otherwise(stage: Stage) {
    for name in ["kept", "renewed"] {
        stage.store.insert(&key(name), b"0", SHORT).await.unwrap();
        let seen = stage.store.get(&key(name)).await.unwrap().unwrap().version;
        let lifetime = if name == "kept" { Lifetime::Keep } else { Lifetime::Renew(LONG) };
        assert!(stage.store.swap(&key(name), seen, b"1", lifetime).await.unwrap());
    }
    stage.pass(SHORT).await;
    assert_eq!(stage.store.get(&key("kept")).await.unwrap(), None);
    assert!(stage.store.get(&key("renewed")).await.unwrap().is_some());
}

async fn a_key_is_free_again_after_its_value_ended(stage: Stage) {
    assert!(stage.store.insert(&key("k"), b"old", SHORT).await.unwrap());
    stage.pass(SHORT).await;
    assert!(stage.store.insert(&key("k"), b"new", LONG).await.unwrap());
    assert_eq!(stage.store.get(&key("k")).await.unwrap().unwrap().value, b"new");
}

async fn a_version_of_an_earlier_life_does_not_fit(stage: Stage) {
    stage.store.insert(&key("k"), b"old", LONG).await.unwrap();
    let seen = stage.store.get(&key("k")).await.unwrap().unwrap().version;
    stage.store.remove(&key("k")).await.unwrap();
    stage.store.insert(&key("k"), b"new", LONG).await.unwrap();
    assert!(!stage.store.swap(&key("k"), seen, b"late", Lifetime::Keep).await.unwrap());
    assert_eq!(stage.store.get(&key("k")).await.unwrap().unwrap().value, b"new");
}

async fn a_removed_value_is_gone(stage: Stage) {
    stage.store.insert(&key("k"), b"0", LONG).await.unwrap();
    stage.other.remove(&key("k")).await.unwrap();
    assert_eq!(stage.store.get(&key("k")).await.unwrap(), None);
    stage.store.remove(&key("k")).await.unwrap();
    assert!(stage.store.insert(&key("k"), b"1", LONG).await.unwrap());
}

async fn a_count_starts_over_after_its_window(stage: Stage) {
    let attempts = Attempts::new(stage.store.clone());
    assert_eq!(attempts.count("pairing", b"alice", SHORT).await.unwrap(), 1);
    assert_eq!(attempts.count("pairing", b"alice", SHORT).await.unwrap(), 2);
    assert_eq!(Attempts::new(stage.other.clone()).count("pairing", b"alice", LONG).await.unwrap(), 3);
    assert_eq!(attempts.count("pairing", b"bob", SHORT).await.unwrap(), 1);
    stage.pass(SHORT).await;
    assert_eq!(attempts.count("pairing", b"alice", SHORT).await.unwrap(), 1);
}

async fn counts_of_many_are_all_counted(stage: Stage) {
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let attempts = Attempts::new(if n % 2 == 0 { stage.store.clone() } else { stage.other.clone() });
        tasks.spawn(async move { attempts.count("pairing", b"alice", LONG).await.unwrap() });
    }
    let mut counts = tasks.join_all().await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=64).collect::<Vec<_>>());
}

async fn a_watcher_is_woken_at_once_on_its_own_node(stage: Stage) {
    let (topic, another) = (Topic::of(&key("k")), Topic::of(&key("l")));
    let mut wakeups = stage.store.watch(&topic).await;
    stage.store.wake(&another).await;
    assert!(!is_woken(&mut wakeups, Duration::from_millis(30)).await);
    stage.store.wake(&topic).await;
    assert!(is_woken(&mut wakeups, Duration::ZERO).await);
    assert!(!is_woken(&mut wakeups, Duration::from_millis(30)).await, "woken twice for one wake-up");
}

async fn a_wakeup_before_it_is_awaited_is_not_lost(stage: Stage) {
    for _ in 0..50 {
        let mut wakeups = stage.store.watch(&Topic::of(&key("k"))).await;
        stage.store.wake(&Topic::of(&key("k"))).await;
        tokio::task::yield_now().await;
        assert!(is_woken(&mut wakeups, LONG).await);
    }
}

async fn a_wakeup_crosses_nodes(stage: Stage) {
    let topic = Topic::of(&key("k"));
    for _ in 0..50 {
        let mut wakeups = stage.other.watch(&topic).await;
        stage.store.wake(&topic).await;
        let patience = if stage.crosses_nodes { LONG } else { Duration::from_millis(1) };
        assert_eq!(is_woken(&mut wakeups, patience).await, stage.crosses_nodes);
    }
}

async fn many_updates_at_once_all_count(stage: Stage) {
    stage.store.insert(&key("unused"), b"", LONG).await.unwrap();
    let nodes = [stage.store.clone(), stage.other.clone()].map(|node| Shelf::new(Arc::new(Yielding(node)) as Arc<_>));
    let [shelf, _] = &nodes;
    assert!(shelf.insert("k", &Tally(0), LONG).await.unwrap());
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let shelf = nodes[n % 2].clone();
        tasks.spawn(
            async move { shelf.update("k", Lifetime::Keep, |Tally(n)| (Tally(n + 1), n)).await.unwrap().unwrap() },
        );
    }
    let mut seen = tasks.join_all().await;
    seen.sort_unstable();
    assert_eq!(seen, (0..64).collect::<Vec<_>>());
    assert_eq!(shelf.get("k").await.unwrap(), Some(Tally(64)));
}

async fn of_two_who_go_on_from_what_they_found_one_does(stage: Stage) {
    let [here, there] = [stage.store.clone(), stage.other.clone()].map(Shelf::<Tally>::new);
    assert!(here.insert("k", &Tally(0), LONG).await.unwrap());
    let mut found = here.find("k").await.unwrap().unwrap();
    let mut also_found = there.find("k").await.unwrap().unwrap();
    assert!(here.step("k", &mut found, &Tally(1), Lifetime::Keep).await.unwrap());
    assert!(!there.step("k", &mut also_found, &Tally(2), Lifetime::Keep).await.unwrap());
    assert_eq!((found.value().unwrap(), also_found.value().unwrap()), (Tally(1), Tally(0)));
    assert!(here.replace("k", &found, &Tally(3), Lifetime::Keep).await.unwrap(), "from there");
    assert_eq!(there.get("k").await.unwrap(), Some(Tally(3)));
}

async fn one_of_many_uses_is_the_first(stage: Stage) {
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let replay =
            Replay::new(if n % 2 == 0 { stage.store.clone() } else { stage.other.clone() }, Purpose::AssertionReplay);
        tasks.spawn(async move { replay.first_use(b"shop", b"jti-1", LONG).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|first| *first).count(), 1);
    let replay = Replay::new(stage.store.clone(), Purpose::AssertionReplay);
    assert!(replay.first_use(b"another shop", b"jti-1", LONG).await.unwrap());
    let proofs = Replay::new(stage.store.clone(), Purpose::ProofReplay);
    assert!(proofs.first_use(b"shop", b"jti-1", LONG).await.unwrap());
}

async fn values_of_any_bytes_come_back(stage: Stage) {
    for (n, value) in [vec![], vec![0], vec![0xff; 3], (0..=255).collect(), vec![7; 100_000]].into_iter().enumerate() {
        let key = key(&n.to_string());
        stage.store.insert(&key, &value, LONG).await.unwrap();
        let found = stage.store.get(&key).await.unwrap().unwrap();
        assert_eq!(found.value, value);
        assert!(stage.store.swap(&key, found.version, &value, Lifetime::Keep).await.unwrap());
        assert_eq!(stage.store.get(&key).await.unwrap().unwrap().value, value);
    }
}

async fn a_store_that_works_says_so(stage: Stage) {
    stage.store.ping().await.unwrap();
}

#[tokio::test]
async fn a_purge_deletes_what_ended_and_nothing_else() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
    let database = Database::connect(&Secret::new("sqlite::memory:".to_owned())).await.unwrap();
    database.migrate().await.unwrap();
    let mut workers = JoinSet::new();
    let store = embedded_node(&database, clock.clone(), &mut workers).await;
    for n in 0..10 {
        store.insert(&key(&format!("short{n}")), b"", SHORT).await.unwrap();
    }
    store.insert(&key("long"), b"", LONG).await.unwrap();
    assert_eq!(store.purge(100).await.unwrap(), 0);
    clock.advance(SHORT);
    assert_eq!(store.purge(4).await.unwrap(), 4);
    assert_eq!(store.purge(100).await.unwrap(), 6);
    assert!(store.get(&key("long")).await.unwrap().is_some());
}
