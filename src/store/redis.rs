//! The ephemeral store on Redis, for several nodes.
//!
//! Redis decides fast and may forget; nothing that must hold for ever rests here. A value is stored
//! as its version (4 bytes, big endian) and its bytes. Two scripts, both of one key; everything
//! else is a plain command.

mod gather;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use redis::aio::{ConnectionManager, ConnectionManagerConfig, PubSubSink, PubSubStream};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo as _, RedisResult, Script,
    ServerErrorKind, Value, cmd, pipe,
};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

use self::gather::Gathered;
use super::ephemeral::{Ephemeral, Key, Lifetime, StoreError, Switchboard, Topic, Version, Versioned, Wakeups};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failpoint::waiting;
use crate::secret::Secret;

/// No call waits longer. A command that ran out of time may still be executed later: each one is
/// either a compare-and-swap, or harmless when it happens twice.
const PATIENCE: Duration = Duration::from_millis(400);

/// How long a peer may leave sent bytes unacknowledged before its connection counts as dead.
const UNACKNOWLEDGED: Duration = Duration::from_millis(1500);

/// Replaces a value whose version is still the one seen.
const SWAP: &str = "
if redis.call('GETRANGE', KEYS[1], 0, 3) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1";

/// Counts; the first increment starts the window.
const COUNT: &str = "
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return n";

#[derive(Debug)]
pub struct Settings {
    /// `redis://` or `rediss://`, with user and password where needed.
    pub url: Secret<String>,
    /// What every key and the wake-up channel start with, so that two installations can share one
    /// Redis and an ACL can name our keys.
    pub prefix: String,
}

/// Something about the Redis server that breaks what we rely on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Complaint {
    #[error("the clocks of this node and of Redis differ by {milliseconds} ms")]
    ClockSkew { milliseconds: i64 },
    #[error("Redis may evict live keys: maxmemory-policy is {policy}, it must be noeviction")]
    Evicts { policy: String },
    #[error("Redis forgets pending requests when it restarts: appendonly is off")]
    NotAppendOnly,
}

/// How far the clocks may be apart before it is worth a complaint.
const TOLERATED_SKEW: i64 = 1000;

pub struct RedisStore {
    connection: Gathered,
    prefix: Vec<u8>,
    channel: Vec<u8>,
    swap: Script,
    count: Script,
    /// Marks our own wake-ups, which we have already delivered when they come back to us.
    node: [u8; 8],
    switchboard: Arc<Switchboard>,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    skew: AtomicI64,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedisStore")
    }
}

impl RedisStore {
    /// Does not talk to Redis yet: a server starts without it and is not ready.
    ///
    /// The future listens for the wake-ups of other nodes and gathers commands, until it is dropped.
    /// Without it, nobody on this node is woken by another, and each command goes by itself.
    pub fn connect(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static + use<>), StoreError> {
        let client = Client::open(connection_info(settings.url.expose())?).map_err(StoreError::unavailable)?;
        let config = ConnectionManagerConfig::new()
            // A retry here would make every caller wait for the reconnection. Without it, a call
            // fails at once while Redis is away, and starts the next attempt to connect.
            .set_number_of_retries(0)
            .set_connection_timeout(Some(waiting(PATIENCE)))
            .set_response_timeout(Some(waiting(PATIENCE)))
            .set_pipeline_buffer_size(1024);
        let connection =
            ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(StoreError::unavailable)?;

        let (connection, carrying) = Gathered::new(connection);
        let prefix = settings.prefix.as_bytes().to_vec();
        let channel = [prefix.as_slice(), b"wake"].concat();
        let node = entropy.bytes();
        let switchboard = Arc::new(Switchboard::default());
        let listening = listen(client, channel.clone(), node, Arc::clone(&switchboard));
        let store = Self {
            connection,
            prefix,
            channel,
            swap: Script::new(SWAP),
            count: Script::new(COUNT),
            node,
            switchboard,
            clock,
            entropy,
            skew: AtomicI64::new(0),
        };
        // Each is looked at when it is woken itself.
        let beside: FuturesUnordered<_> = [listening.boxed(), carrying.boxed()].into_iter().collect();
        Ok((store, beside.collect()))
    }

    /// What an operator should change. Empty: all is well.
    pub async fn check_policy(&self) -> Result<Vec<Complaint>, StoreError> {
        self.ping().await?;
        let mut complaints = Vec::new();
        let milliseconds = self.skew.load(Ordering::Relaxed);
        if milliseconds.abs() > TOLERATED_SKEW {
            complaints.push(Complaint::ClockSkew { milliseconds });
        }
        let mut connection = self.connection.direct();
        let (memory, persistence): (String, String) =
            bounded(pipe().cmd("INFO").arg("memory").cmd("INFO").arg("persistence").query_async(&mut connection))
                .await?;
        match field(&memory, "maxmemory_policy") {
            Some("noeviction") | None => {}
            Some(policy) => complaints.push(Complaint::Evicts { policy: policy.to_owned() }),
        }
        if field(&persistence, "aof_enabled") == Some("0") {
            complaints.push(Complaint::NotAppendOnly);
        }
        Ok(complaints)
    }

    fn key(&self, key: &Key) -> Vec<u8> {
        [self.prefix.as_slice(), key.as_bytes()].concat()
    }

    /// Calls a script that Redis knows by its digest.
    async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &Key,
        arguments: impl Fn(&mut Cmd) + Send,
    ) -> RedisResult<T> {
        let call = || {
            let mut call = cmd("EVALSHA");
            call.arg(script.get_hash()).arg(1).arg(self.key(key));
            arguments(&mut call);
            call
        };
        match self.connection.ask(call()).await {
            // Redis is new, or was restarted.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script.load_async(&mut self.connection.direct()).await?;
                self.connection.ask(call()).await
            }
            answer => answer,
        }
    }
}

#[async_trait]
impl Ephemeral for RedisStore {
    async fn insert(&self, key: &Key, value: &[u8], lifetime: Duration) -> Result<bool, StoreError> {
        let first = Version(u32::from_be_bytes(self.entropy.bytes()));
        let mut command = cmd("SET");
        command.arg(self.key(key)).arg(framed(first, value)).arg("NX").arg("PX").arg(milliseconds(lifetime));
        let answer: Value = bounded(self.connection.ask(command)).await?;
        Ok(answer != Value::Nil)
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        let mut command = cmd("GET");
        command.arg(self.key(key));
        let found: Option<Vec<u8>> = bounded(self.connection.ask(command)).await?;
        found
            .map(|mut bytes| {
                let version = bytes.first_chunk().ok_or(StoreError::Corrupt("a value without version"))?;
                let version = Version(u32::from_be_bytes(*version));
                bytes.drain(..4);
                Ok(Versioned { value: bytes, version })
            })
            .transpose()
    }

    async fn swap(&self, key: &Key, seen: Version, value: &[u8], lifetime: Lifetime) -> Result<bool, StoreError> {
        let arguments = |call: &mut Cmd| {
            call.arg(&seen.0.to_be_bytes()[..]).arg(framed(seen.next(), value));
            match lifetime {
                Lifetime::Keep => call.arg(""),
                Lifetime::Renew(lifetime) => call.arg(milliseconds(lifetime)),
            };
        };
        bounded(self.run(&self.swap, key, arguments)).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let mut command = cmd("DEL");
        command.arg(self.key(key));
        bounded(self.connection.ask(command)).await
    }

    async fn count(&self, key: &Key, window: Duration) -> Result<u32, StoreError> {
        let arguments = |call: &mut Cmd| {
            call.arg(milliseconds(window));
        };
        bounded(self.run(&self.count, key, arguments)).await
    }

    async fn wake(&self, topic: &Topic) {
        self.switchboard.wake(topic);
        let message = [&self.node, topic.as_bytes()].concat();
        let mut command = cmd("PUBLISH");
        command.arg(&self.channel).arg(message);
        // A hint needs no answer, and follows what it is about on the same connection.
        let Err(command) = self.connection.post(command) else { return };
        let sent: Result<(), _> = bounded(self.connection.ask(command)).await;
        if let Err(error) = sent {
            // Whoever waits on another node reads again by its own clock.
            debug!(%error, "a wake-up did not reach the other nodes");
        }
    }

    async fn watch(&self, topic: &Topic) -> Wakeups {
        self.switchboard.watch(topic)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.connection.direct();
        let before = self.clock.now().millis();
        // A write too: a replica, a full memory or a full disk answer everything but writes.
        let mut commands = pipe();
        let probe = [self.prefix.as_slice(), b"ping"].concat();
        commands.cmd("SET").arg(probe).arg(1).arg("PX").arg(1000).ignore().cmd("TIME");
        let ((seconds, micros),): ((i64, i64),) = bounded(commands.query_async(&mut connection)).await?;
        let after = self.clock.now().millis();
        let theirs = seconds.saturating_mul(1000).saturating_add(micros / 1000);
        let ours = before.midpoint(after);
        self.skew.store(theirs.saturating_sub(ours), Ordering::Relaxed);
        Ok(())
    }
}

fn connection_info(url: &str) -> Result<ConnectionInfo, StoreError> {
    let info = url.into_connection_info().map_err(StoreError::unavailable)?;
    // Our commands are the only ones to be permitted in an ACL.
    let redis = info.redis_settings().clone().set_skip_set_lib_name();
    let tcp = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(UNACKNOWLEDGED);
    Ok(info.set_redis_settings(redis).set_tcp_settings(tcp))
}

fn framed(version: Version, value: &[u8]) -> Vec<u8> {
    [&version.0.to_be_bytes(), value].concat()
}

/// At least one: Redis refuses to store for no time at all.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim().split_once(':').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

async fn bounded<T>(call: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
    match timeout(waiting(PATIENCE), call).await {
        Ok(answer) => answer.map_err(StoreError::unavailable),
        Err(elapsed) => Err(StoreError::unavailable(elapsed)),
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Delivers the wake-ups of other nodes, on a connection of its own, and comes back by itself.
async fn listen(client: Client, channel: Vec<u8>, node: [u8; 8], switchboard: Arc<Switchboard>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match timeout(2 * waiting(PATIENCE), subscribe(&client, &channel)).await {
            Ok(Ok((sink, messages))) => {
                pause = FIRST_PAUSE;
                info!("listening for the wake-ups of other nodes");
                // Anything may have been missed until now.
                switchboard.wake_all();
                deliver(sink, messages, node, &switchboard).await;
                warn!("lost the connection for wake-ups; connecting again");
            }
            Ok(Err(error)) => debug!(%error, "cannot subscribe to wake-ups"),
            Err(_) => debug!("cannot subscribe to wake-ups in time"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn subscribe(client: &Client, channel: &[u8]) -> RedisResult<(PubSubSink, PubSubStream)> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    Ok(subscription.split())
}

/// Returns when the connection is of no use any more.
async fn deliver(mut sink: PubSubSink, mut messages: PubSubStream, node: [u8; 8], switchboard: &Switchboard) {
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { return };
                match message.get_payload_bytes().split_first_chunk() {
                    Some((from, topic)) if *from != node => switchboard.wake(&Topic::from_bytes(topic.to_vec())),
                    Some(_) | None => {}
                }
            }
            // A connection that broke without a word would otherwise be listened to for ever.
            _ = heartbeat.tick() => match timeout(waiting(PATIENCE), sink.ping::<Value>()).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}
