//! Redis that goes away and comes back, and that is not set up as it should be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nod::clock::{Clock as _, ManualClock, SystemClock};
use nod::entropy::Entropy;
use nod::secret::Secret;
use nod::store::ephemeral::{Ephemeral as _, StoreError, Topic};
use nod::store::redis::{Complaint, RedisStore, Settings};
use tokio::task::JoinSet;

use super::{LONG, is_woken, key, redis_node, until};
use crate::backends::Redis;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_every_call_fails_soon_and_works_again_soon() {
    let redis = Redis::start();
    let mut listeners = JoinSet::new();
    let store = redis_node(&redis, "", &mut listeners);
    let other = redis_node(&redis, "", &mut listeners);
    store.insert(&key("k"), b"value", LONG).await.unwrap();
    let mut wakeups = other.watch(&Topic::of(&key("k"))).await;
    until(async || {
        store.wake(&Topic::of(&key("k"))).await;
        is_woken(&mut wakeups, Duration::from_millis(20)).await
    })
    .await;

    redis.kill();
    for _ in 0..10 {
        let start = Instant::now();
        assert!(matches!(store.get(&key("k")).await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    let mut wakeups = other.watch(&Topic::of(&key("other"))).await;
    redis.revive();
    let start = Instant::now();
    until(async || store.get(&key("k")).await.is_ok()).await;
    assert!(start.elapsed() < Duration::from_secs(2));
    // The subscription comes back by itself, and wakes everyone, since it may have missed something.
    assert!(is_woken(&mut wakeups, Duration::from_secs(2)).await);
    store.wake(&Topic::of(&key("other"))).await;
    assert!(is_woken(&mut wakeups, LONG).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_is_not_waited_for() {
    let redis = Redis::start();
    let mut listeners = JoinSet::new();
    let store = redis_node(&redis, "", &mut listeners);
    store.ping().await.unwrap();
    redis.pause();
    let start = Instant::now();
    assert!(matches!(store.get(&key("k")).await, Err(StoreError::Unavailable(_))));
    assert!(start.elapsed() < Duration::from_millis(600));
    redis.unpause();
    let start = Instant::now();
    until(async || store.ping().await.is_ok()).await;
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_without_redis() {
    let redis = Redis::start();
    redis.kill();
    let mut listeners = JoinSet::new();
    let store = redis_node(&redis, "", &mut listeners);
    assert!(store.ping().await.is_err());
    redis.revive();
    until(async || store.ping().await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_would_lose_keys_is_complained_about() {
    let redis = Redis::start();
    let mut listeners = JoinSet::new();
    let store = redis_node(&redis, "", &mut listeners);
    assert_eq!(store.check_policy().await.unwrap(), []);
    redis.command("CONFIG SET maxmemory-policy allkeys-lru");
    redis.command("CONFIG SET appendonly no");
    let policy = "allkeys-lru".to_owned();
    assert_eq!(store.check_policy().await.unwrap(), [Complaint::Evicts { policy }, Complaint::NotAppendOnly]);

    let settings = Settings { url: Secret::new(redis.url()), prefix: String::new() };
    let clock = Arc::new(ManualClock::new(SystemClock.now() - Duration::from_secs(5)));
    let (late, _) = RedisStore::connect(&settings, clock, Arc::new(Entropy::default())).unwrap();
    let complaints = late.check_policy().await.unwrap();
    assert!(matches!(complaints.first(), Some(Complaint::ClockSkew { milliseconds: 4_000.. })), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_no_writes_is_not_ready() {
    let redis = Redis::start();
    let mut listeners = JoinSet::new();
    let store = redis_node(&redis, "", &mut listeners);
    store.ping().await.unwrap();
    redis.command("REPLICAOF 127.0.0.1 1");
    assert!(store.ping().await.is_err());
    assert!(matches!(store.insert(&key("k"), b"", LONG).await, Err(StoreError::Unavailable(_))));
}
