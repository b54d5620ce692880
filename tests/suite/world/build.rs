//! How a world is made.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use nod::app::{self, App, EphemeralStore, Mail, Settings, StartError};
use nod::clock::{Clock, ManualClock, OffsetClock, Timestamp};
use nod::domain::inbox::Limits;
use nod::domain::password::hash::Cost;
use nod::domain::profile::Profiles;
use nod::domain::signing_key::Schedule;
use nod::entropy::Entropy;
use nod::http::second_port::SecondPort;
use nod::http::server::{Edge, bind_next_free, serve};
use nod::outbound::egress::{Egress, EgressSettings};
use nod::protocol::trusted_issuers::TrustedIssuers;
use nod::secret::Secret;
use nod::store::redis::Settings as RedisSettings;
use nod::store::sql::Database;
use nod::usecase::certificates::Certificates;
use nod::usecase::hashing::HashSettings;
use nod::usecase::issue::Lifetimes;
use nod::usecase::register_client::Admission;
use nod::usecase::request_authentication::Policy;
use nod::usecase::sign_in::limit_flows::MostFlows;
use nod::usecase::sign_in::read_request::Rules;
use nod::web::dev::Keep;
use nod::worker::Worker;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::certified::Door;
use super::template::{give_keys, in_memory, template};
use super::{BEGIN, Backing, Inner, MASTER_KEY, Node, World, log, seconds};
use crate::backends::{Postgres, Redis};

/// What every node of a world is built from.
pub(super) struct Plan {
    url: String,
    redis: Option<(String, String)>,
    edge: Edge,
    changes: Vec<Change>,
    seed: u64,
    dev_pages: bool,
    mutual_tls: bool,
}

type Change = Box<dyn Fn(&mut Settings) + Send + Sync>;

pub(crate) struct Builder {
    backing: Backing,
    redis: bool,
    nodes: usize,
    edge: Edge,
    begin: Timestamp,
    changes: Vec<Change>,
    dev_pages: bool,
    pub(super) mutual_tls: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            backing: Backing::Sqlite,
            redis: false,
            nodes: 1,
            edge: Edge::default(),
            begin: BEGIN,
            changes: Vec::new(),
            dev_pages: false,
            mutual_tls: false,
        }
    }

    pub(crate) fn backing(mut self, backing: Backing) -> Self {
        self.backing = backing;
        self
    }

    /// When the world begins, where that matters.
    pub(crate) fn begins(mut self, at: Timestamp) -> Self {
        self.begin = at;
        self
    }

    /// Requests that wait are kept in a real Redis.
    pub(crate) fn redis(mut self) -> Self {
        self.redis = true;
        self
    }

    pub(crate) fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    pub(crate) fn edge(mut self, change: impl FnOnce(&mut Edge)) -> Self {
        change(&mut self.edge);
        self
    }

    pub(crate) fn settings(mut self, change: impl Fn(&mut Settings) + Send + Sync + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// How long a poll of a long-polling client is held, in real time.
    pub(crate) fn hold(self, hold: Duration) -> Self {
        self.settings(move |settings| settings.hold = hold)
    }

    /// Many questions at a time: for tests of something else.
    pub(crate) fn generous(self) -> Self {
        self.settings(|settings| settings.policy.limits = Limits { per_user: 100, per_client_and_user: 100 })
    }

    /// Letters to people stay here, and tests read them.
    pub(crate) fn letters(self) -> Self {
        self.settings(|settings| settings.mail = Mail::DevInbox)
    }

    /// The pages of dev mode, and what it has for scripts.
    pub(crate) fn dev_mode(mut self) -> Self {
        self.dev_pages = true;
        self.letters().settings(|settings| settings.dev_mode = true)
    }

    pub(crate) async fn start(self) -> World {
        let log_begins = log::start();
        let seed = seed();
        let clock = Arc::new(ManualClock::new(self.begin));
        let (url, directory) = match self.backing {
            Backing::Sqlite => {
                let directory = in_memory("world");
                let file = directory.path().join("nod.db");
                std::fs::write(&file, template()).unwrap();
                (format!("sqlite:{}", file.display()), Some(directory))
            }
            Backing::Postgres => (Postgres::shared().database(), None),
        };
        let redis = self.redis.then(|| (Redis::shared().url(), format!("world{}:{seed}:", std::process::id())));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().thread_name("server").build();
        let runtime = runtime.unwrap();

        let Self { edge, changes, dev_pages, mutual_tls, .. } = self;
        let plan = Plan { url, redis, edge, changes, seed, dev_pages, mutual_tls };
        let (plan, nodes, clock_of_nodes) = (Arc::new(plan), self.nodes, Arc::clone(&clock));
        let planned = Arc::clone(&plan);
        let embedded_file = self.backing == Backing::Sqlite && !self.redis;
        let (issuer, nodes, sql, ephemeral) = runtime
            .spawn(async move {
                let mut listeners = Vec::new();
                for _ in 0..nodes {
                    listeners.push(listener().await);
                }
                let issuer = format!("http://localhost:{}", listeners[0].local_addr().unwrap().port());
                let mut running = Vec::new();
                for (n, listener) in (0..).zip(listeners) {
                    running.push(planned.start(n, &issuer, &clock_of_nodes, listener).await);
                }
                let open =
                    async |url: &str| sea_orm::Database::connect(sea_orm::ConnectOptions::new(url)).await.unwrap();
                let beside = if embedded_file { Some(open(&format!("{}-ephemeral", planned.url)).await) } else { None };
                (issuer, running, open(&planned.url).await, beside)
            })
            .await
            .unwrap();

        let inner = Inner {
            issuer,
            clock: Arc::clone(&clock),
            entropy: Arc::new(Entropy::seeded(seed)),
            http: http_client(),
            nodes,
            handle: runtime.handle().clone(),
            sql,
            ephemeral,
            redis: plan.redis.clone(),
            canaries: Arc::default(),
            log_begins,
            barriers: Arc::default(),
        };
        World { clock, inner: Arc::new(inner), plan, restarts: 0, runtime: Some(runtime), _directory: directory }
    }
}

pub(super) async fn listener() -> TcpListener {
    bind_next_free("127.0.0.1:0".parse().unwrap(), 0).await.unwrap().0
}

impl Plan {
    pub(super) fn settings(&self, issuer: &str) -> Settings {
        let mut settings = settings(issuer.to_owned());
        self.changes.iter().for_each(|change| change(&mut settings));
        if let Some((url, prefix)) = &self.redis {
            let redis = RedisSettings { url: Secret::new(url.clone()), prefix: prefix.clone() };
            settings.ephemeral = EphemeralStore::Redis(redis);
        }
        settings
    }

    pub(super) async fn build(
        &self,
        n: u64,
        settings: Settings,
        clock: Arc<dyn Clock>,
        (worker, shutdown): (&Worker, CancellationToken),
    ) -> Result<App, StartError> {
        let database = Database::connect(&Secret::new(self.url.clone())).await.unwrap();
        database.migrate().await.unwrap();
        // They are sealed with the usual master key.
        if *settings.master_key.expose() == MASTER_KEY {
            give_keys(&database, BEGIN).await;
        }
        let entropy = Arc::new(Entropy::seeded(self.seed.wrapping_add(n + 1)));
        app::build(settings, database, (clock, entropy), worker, shutdown).await
    }

    pub(super) async fn start(&self, n: u64, issuer: &str, clock: &Arc<ManualClock>, listener: TcpListener) -> Node {
        let (worker, shutdown) = (Worker::default(), CancellationToken::new());
        // In dev mode, people move the clock ahead of that of the world.
        let ahead = Arc::new(OffsetClock::new(Arc::<ManualClock>::clone(clock)));
        let time = if self.dev_pages {
            Arc::<OffsetClock>::clone(&ahead) as Arc<dyn Clock>
        } else {
            Arc::<ManualClock>::clone(clock)
        };
        let mut settings = self.settings(issuer);
        let second = if self.mutual_tls { Some(self::listener().await) } else { None };
        let door = second.as_ref().map(Door::at);
        if let Some(door) = &door {
            settings.certificates.arrive = true;
            settings.certificates.alias = Some(door.address.clone());
        }
        let app = self.build(n, settings, time, (&worker, shutdown.clone())).await.unwrap();
        let app = if self.dev_pages { app.with_dev_pages(ahead, Keep::nowhere(), &worker).unwrap() } else { app };
        let App { public, parts, flow_api, .. } = app;
        let base = format!("http://{}", listener.local_addr().unwrap());
        let served = TaskTracker::new();
        let edge = Edge { public: Some(parts.refusals.clone()), flow_api: Some(flow_api), ..self.edge.clone() };
        let public = Arc::new(public);
        if let (Some(listener), Some(door)) = (second, &door) {
            let edge = Edge { tls: Some(Arc::clone(&door.tls)), forwarded: None, ..edge.clone() };
            served.spawn(serve(listener, SecondPort(Arc::clone(&public)), edge, shutdown.clone()));
        }
        served.spawn(serve(listener, public, edge, shutdown.clone()));
        served.close();
        Node { base, door, parts, shutdown, served, worker: Mutex::new(Some(worker)) }
    }
}

fn http_client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(seconds(20))
        .build()
        .unwrap()
}

pub(super) fn settings(issuer: String) -> Settings {
    Settings {
        issuer,
        ephemeral: EphemeralStore::Embedded,
        master_key: Secret::new(MASTER_KEY),
        policy: Policy {
            default_expiry: seconds(120),
            max_expiry: seconds(300),
            interval: 5,
            uniform: false,
            limits: Limits { per_user: 3, per_client_and_user: 1 },
        },
        hold: seconds(1),
        lifetimes: Lifetimes {
            access: seconds(600),
            id: seconds(300),
            refresh_idle: seconds(14 * 86_400),
            refresh_absolute: seconds(90 * 86_400),
        },
        authorization: Rules::default(),
        profiles: Profiles::default(),
        trusted: TrustedIssuers::default(),
        hint_issuers: TrustedIssuers::default(),
        certificates: Certificates::default(),
        schedule: Schedule::default(),
        max_devices: 5,
        payloads: nod::usecase::device_trust::read_payload::PayloadRules::default(),
        pairing_key_lifetime: seconds(600),
        failed_authentications: 10,
        // In a world, no second passes by itself.
        backchannel_requests: 10_000,
        questions_per_user: 10_000,
        pushed_requests: 1000,
        introspections: 1000,
        // The usual cost is 60 ms of a processor, and more in a build that is not optimized.
        hashing: HashSettings { cost: Cost { memory: 64, iterations: 1 }, ..HashSettings::default() },
        password_tries: 20,
        recoveries: 10,
        recovery: nod::domain::recovery::Means::Both,
        mail: Mail::Nobody,
        sms: app::Texts::default(),
        voice: app::Texts::default(),
        otps: 20,
        registration: Admission::Nobody,
        registrations: 20,
        // In a world, no minute passes by itself.
        flows: MostFlows { begun: 1000, missed: 1000, of_browser: 20 },
        egress: egress(),
        push: nod::outbound::push::Addresses::default(),
        dev_mode: false,
    }
}

/// Everything private is refused, as in production. Reading the system's certificates takes longer
/// than most of what a world does, so it is done once.
fn egress() -> Egress {
    static EGRESS: OnceLock<Egress> = OnceLock::new();
    EGRESS.get_or_init(|| Egress::new(&EgressSettings::default()).unwrap()).clone()
}

/// The same for each run of a test; another one for each world.
fn seed() -> u64 {
    static WORLDS: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let mut worlds = WORLDS.lock().unwrap();
    let n = if let Some((_, n)) = worlds.iter_mut().find(|(name, _)| *name == test) {
        *n += 1;
        *n
    } else {
        worlds.push((test.clone(), 0));
        0
    };
    let mut hasher = DefaultHasher::new();
    (test, n).hash(&mut hasher);
    hasher.finish()
}
