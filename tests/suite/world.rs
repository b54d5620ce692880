//! The whole server on real sockets, and the people around it: relying parties, users, phones.
//!
//! Time stands still until a test moves it. Chance is seeded by the name of the test. The database
//! is a SQLite file in memory, unless a test asks for another one. When a world ends it looks around:
//! nothing may be left in the outbox, and no secret that was handed out may be found in the log or
//! in the database.

mod answer;
pub(crate) mod authenticator;
mod browser;
mod certificates;
mod certified;
mod checks;
mod client;
mod contract;
mod digest;
mod jose;
mod log;
mod person;
mod phone;
mod prover;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use nod::app::{self, App, EphemeralStore, Mail, Parts, Settings, StartError};
use nod::clock::{Clock, ManualClock, OffsetClock, Timestamp};
use nod::domain::audit::{Action, Event};
use nod::domain::inbox::Limits;
use nod::domain::password::hash::Cost;
use nod::domain::profile::Profiles;
use nod::domain::signing_key::Schedule;
use nod::entropy::Entropy;
use nod::http::second_port::SecondPort;
use nod::http::server::{Edge, bind_next_free, serve};
use nod::outbound::dev_inbox::Received;
use nod::outbound::egress::{Egress, EgressSettings};
use nod::protocol::software_statement::TrustedIssuers;
use nod::secret::Secret;
use nod::store::redis::Settings as RedisSettings;
use nod::store::sql::Database;
use nod::store::sql::directory::Directory;
use nod::store::sql::keys::SigningKeys;
use nod::store::sql::outbox::{Kind, Outbox};
use nod::usecase::certificates::Certificates;
use nod::usecase::hashing::HashSettings;
use nod::usecase::issue::Lifetimes;
use nod::usecase::register_client::Admission;
use nod::usecase::request_authentication::Policy;
use nod::usecase::sign_in::read_request::Rules;
use nod::web::dev::Keep;
use nod::worker::Worker;
use reqwest::{Method, RequestBuilder};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::answer::{Answer, Tokens};
pub(crate) use self::browser::{
    AUTHORIZE, Browser, CALLBACK, CHALLENGE, Callback, FLOWS, LOGOUT, Page, SIGNED_OUT, VERIFIER, asked,
};
pub(crate) use self::certificates::{Authority, Identity, named};
pub(crate) use self::certified::Caller;
use self::certified::Door;
pub(crate) use self::client::{Asked, Client, ClientBuilder, basic, enc};
pub(crate) use self::contract::EXAMPLES;
pub(crate) use self::digest::Watch;
pub(crate) use self::jose::{Jwk, at_hash, b64, compact, decoded, verify};
pub(crate) use self::person::{Person, PersonBuilder};
pub(crate) use self::phone::{Crafted, Phone};
pub(crate) use self::prover::Prover;
use crate::backends::{Postgres, Redis};

pub(crate) const PAR: &str = "/as/par.oauth2";
pub(crate) const TOKEN: &str = "/as/token.oauth2";
pub(crate) const BC_AUTHORIZE: &str = "/as/bc-auth.ciba";
pub(crate) const REVOKE: &str = "/as/revoke_token.oauth2";
pub(crate) const INTROSPECT: &str = "/as/introspect.oauth2";
pub(crate) const USERINFO: &str = "/idp/userinfo.openid";
pub(crate) const JWKS: &str = "/pf/JWKS";
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const REGISTER: &str = "/as/clients.oauth2";
pub(crate) const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// When every world begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Of every world that asks for no other.
pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];

pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A server, or several that share everything, and nobody around it yet.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    inner: Arc<Inner>,
    plan: Arc<Plan>,
    restarts: u64,
    runtime: Option<Runtime>,
    _directory: Option<tempfile::TempDir>,
}

/// What the actors hold.
pub(crate) struct Inner {
    issuer: String,
    clock: Arc<ManualClock>,
    /// The chance of the actors, apart from that of the server.
    entropy: Arc<Entropy>,
    http: reqwest::Client,
    nodes: Vec<Node>,
    handle: tokio::runtime::Handle,
    sql: sea_orm::DatabaseConnection,
    /// The file beside the database, where SQLite keeps what waits.
    ephemeral: Option<sea_orm::DatabaseConnection>,
    /// URL and prefix.
    redis: Option<(String, String)>,
    /// What must never be written down anywhere.
    canaries: Arc<Mutex<Vec<String>>>,
    log_begins: usize,
    /// Events of the tests' own in the audit trail, to see that all before them are written.
    barriers: Arc<AtomicUsize>,
}

struct Node {
    base: String,
    /// The second port.
    door: Option<Door>,
    parts: Parts,
    shutdown: CancellationToken,
    served: TaskTracker,
    worker: Mutex<Option<Worker>>,
}

/// What every node of a world is built from.
struct Plan {
    url: String,
    redis: Option<(String, String)>,
    edge: Edge,
    changes: Vec<Change>,
    seed: u64,
    dev_pages: bool,
    mutual_tls: bool,
}

type Change = Box<dyn Fn(&mut Settings) + Send + Sync>;

/// Where a world keeps its things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    Sqlite,
    Postgres,
}

pub(crate) struct Builder {
    backing: Backing,
    redis: bool,
    nodes: usize,
    edge: Edge,
    begin: Timestamp,
    changes: Vec<Change>,
    dev_pages: bool,
    mutual_tls: bool,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with().start().await
    }

    pub(crate) fn with() -> Builder {
        Builder {
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

    /// A relying party with `client_secret_basic` and the CIBA grant, unless told otherwise.
    pub(crate) fn client(&self, id: &str) -> ClientBuilder {
        ClientBuilder::new(Arc::clone(&self.inner), id)
    }

    /// A client with `client_secret_basic` that is there already.
    pub(crate) fn known_client(&self, id: &str, secret: &str) -> Client {
        Client::known(Arc::clone(&self.inner), id, secret)
    }

    pub(crate) fn user(&self, username: &str) -> PersonBuilder {
        PersonBuilder::new(Arc::clone(&self.inner), username)
    }

    /// A phone with a key of its own, paired with nobody.
    pub(crate) fn phone(&self) -> Phone {
        Phone::new(Arc::clone(&self.inner))
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The world as another node shows it.
    pub(crate) fn at(&self, node: usize) -> AtNode<'_> {
        AtNode { world: self, node }
    }

    /// A request to the first node that no actor makes.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.inner.request(0, method, path)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Answer {
        Answer::of(self.request(Method::GET, USERINFO).header("authorization", format!("Bearer {access_token}"))).await
    }

    /// The socket of the first node, for those who speak bytes.
    pub(crate) fn address(&self) -> SocketAddr {
        self.inner.nodes[0].base.trim_start_matches("http://").parse().unwrap()
    }

    /// The stop of one node, as SIGTERM begins it.
    pub(crate) fn shut_down(&self, node: usize) {
        self.inner.nodes[node].shutdown.cancel();
    }

    /// Until all sockets of a stopped node are closed.
    pub(crate) async fn stopped(&self, node: usize) {
        let served = &self.inner.nodes[node].served;
        tokio::time::timeout(seconds(5), served.wait()).await.expect("the node stops");
    }

    /// The end of a node, with all that it does last.
    pub(crate) async fn ends(&self, node: usize) {
        self.shut_down(node);
        self.stopped(node).await;
        let worker = self.inner.nodes[node].worker.lock().unwrap().take().expect("a node that has not ended");
        worker.stop(seconds(4)).await;
    }

    pub(crate) fn nodes(&self) -> usize {
        self.inner.nodes.len()
    }

    /// All nodes stop, and one begins anew with what they left. Actors move over by `in_world`.
    pub(crate) async fn restart(&mut self) {
        for node in &self.inner.nodes {
            node.shutdown.cancel();
            node.served.wait().await;
            let worker = node.worker.lock().unwrap().take();
            if let Some(worker) = worker {
                worker.stop(Duration::from_millis(1)).await;
            }
        }
        let (plan, issuer, clock) = (Arc::clone(&self.plan), self.inner.issuer.clone(), Arc::clone(&self.clock));
        // With chance of its own, so that no identifier comes twice.
        let n = 100 + self.restarts;
        self.restarts += 1;
        let node = self.among_servers(async move { plan.start(n, &issuer, &clock, listener().await).await }).await;
        let old = &self.inner;
        self.inner = Arc::new(Inner {
            issuer: old.issuer.clone(),
            clock: Arc::clone(&old.clock),
            entropy: Arc::clone(&old.entropy),
            http: old.http.clone(),
            nodes: vec![node],
            handle: old.handle.clone(),
            sql: old.sql.clone(),
            ephemeral: old.ephemeral.clone(),
            redis: old.redis.clone(),
            canaries: Arc::clone(&old.canaries),
            log_begins: old.log_begins,
            barriers: Arc::clone(&old.barriers),
        });
    }

    /// Whether one more server, with this master key, starts on the same data.
    pub(crate) async fn start_another(&self, master_key: [u8; 32]) -> Result<(), StartError> {
        let (plan, issuer, clock) = (Arc::clone(&self.plan), self.inner.issuer.clone(), Arc::clone(&self.clock));
        let started = async move {
            let settings = Settings { master_key: Secret::new(master_key), ..plan.settings(&issuer) };
            plan.build(98, settings, clock, (&Worker::default(), CancellationToken::new())).await.map(|_| ())
        };
        self.among_servers(started).await
    }

    /// Parts of the first node, for what has no endpoint.
    pub(crate) fn parts(&self) -> &Parts {
        self.inner.parts()
    }

    /// Letters to people that stay here, whichever node had them to send; the newest first.
    pub(crate) fn inbox(&self) -> Vec<Arc<Received>> {
        let inboxes = self.inner.nodes.iter().filter_map(|node| node.parts.carriers.dev_inbox.as_ref());
        let mut letters: Vec<_> = inboxes.flat_map(|inbox| inbox.letters()).collect();
        letters.sort_by_key(|received| std::cmp::Reverse(received.at));
        letters
    }

    /// Runs something among the server's tasks, where its connections live.
    pub(crate) async fn among_servers<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        self.inner.among_servers(future).await
    }

    /// Looks now; to be compared with later.
    pub(crate) async fn watch(&self) -> Watch {
        Watch::begin(Arc::clone(&self.inner)).await
    }

    /// The rows of one table as text.
    pub(crate) async fn rows(&self, table: &str) -> Vec<String> {
        let start = format!("{table}: ");
        self.dump().await.lines().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
    }

    /// Changes what no actor can change.
    pub(crate) async fn sql(&self, statement: &'static str) {
        use sea_orm::ConnectionTrait as _;
        let sql = self.inner.sql.clone();
        self.among_servers(async move { sql.execute_unprepared(statement).await }).await.unwrap();
    }

    /// Every row of every table as text, for tests that look for something there.
    pub(crate) async fn dump(&self) -> String {
        digest::dump(&self.inner).await
    }

    /// What was logged since this world began, by any test.
    pub(crate) fn log(&self) -> String {
        log::since(self.inner.log_begins)
    }

    /// The claims of a token of this server, after its signature was verified with the published keys.
    pub(crate) async fn verified(&self, token: &str) -> (serde_json::Value, serde_json::Value) {
        let jwks = self.get(JWKS).await.json();
        verify(token, &jwks)
    }

    /// Something that must not be found in the log, nor in the database.
    pub(crate) fn guard(&self, secret: &str) {
        self.inner.guard(secret);
    }
}

/// One node of several.
pub(crate) struct AtNode<'w> {
    world: &'w World,
    node: usize,
}

impl AtNode<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.world.inner.request(self.node, method, path)
    }
}

impl Inner {
    fn request(&self, node: usize, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.nodes[node].base))
    }

    fn parts(&self) -> &Parts {
        &self.nodes[0].parts
    }

    async fn among_servers<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        self.handle.spawn(future).await.unwrap()
    }

    fn event(&self, action: Action) -> Event {
        Event::new(self.entropy.uuid(), self.clock.now(), action)
    }

    fn guard(&self, secret: &str) {
        if secret.len() >= 8 {
            self.canaries.lock().unwrap().push(secret.to_owned());
        }
    }
}

impl Builder {
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

async fn listener() -> TcpListener {
    bind_next_free("127.0.0.1:0".parse().unwrap(), 0).await.unwrap().0
}

impl Plan {
    fn settings(&self, issuer: &str) -> Settings {
        let mut settings = settings(issuer.to_owned());
        self.changes.iter().for_each(|change| change(&mut settings));
        if let Some((url, prefix)) = &self.redis {
            let redis = RedisSettings { url: Secret::new(url.clone()), prefix: prefix.clone() };
            settings.ephemeral = EphemeralStore::Redis(redis);
        }
        settings
    }

    async fn build(
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
            give_keys(&database).await;
        }
        let entropy = Arc::new(Entropy::seeded(self.seed.wrapping_add(n + 1)));
        app::build(settings, database, (clock, entropy), worker, shutdown).await
    }

    async fn start(&self, n: u64, issuer: &str, clock: &Arc<ManualClock>, listener: TcpListener) -> Node {
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

impl Drop for World {
    fn drop(&mut self) {
        let runtime = self.runtime.take().unwrap();
        if !std::thread::panicking() {
            let inner = &self.inner;
            // On a thread of its own: the one of the test may be driving a runtime.
            let looked = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(look_around(inner))).join());
            if let Err(panic) = looked {
                runtime.shutdown_background();
                std::panic::resume_unwind(panic);
            }
        }
        for node in &self.inner.nodes {
            node.shutdown.cancel();
        }
        runtime.shutdown_background();
    }
}

/// What holds at the end of every test.
async fn look_around(inner: &Arc<Inner>) {
    // The arrival of decisions is checked a few seconds later.
    inner.clock.advance(seconds(15));
    inner.parts().retell.run().await.unwrap();
    let outbox = Outbox::new(inner.parts().database.clone());
    let begin = Instant::now();
    while outbox.backlog(Kind::Decision).await.unwrap().0 > 0 {
        // The server's own worker may have one of them in its hands.
        assert!(begin.elapsed() < seconds(2), "the outbox is not empty at the end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (log, dump) = (log::since(inner.log_begins), digest::dump(inner).await);
    for canary in inner.canaries.lock().unwrap().iter() {
        assert!(!log.contains(canary), "a secret was logged: {canary}");
        assert!(!dump.contains(canary), "a secret is in the database: {canary}");
        assert!(!dump.contains(&digest::hex(canary.as_bytes())), "a secret is in the database: {canary}");
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

fn settings(issuer: String) -> Settings {
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
        certificates: Certificates::default(),
        schedule: Schedule::default(),
        max_devices: 5,
        pairing_key_lifetime: seconds(600),
        failed_authentications: 10,
        // The usual cost is 60 ms of a processor, and more in a build that is not optimized.
        hashing: HashSettings { cost: Cost { memory: 64, iterations: 1 }, ..HashSettings::default() },
        password_tries: 20,
        recoveries: 10,
        mail: Mail::Nobody,
        registration: Admission::Nobody,
        registrations: 20,
        egress: egress(),
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

/// A directory that no disk sees, where there is such a thing.
fn in_memory(what: &str) -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let parent = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix(&format!("nod-{what}-")).tempdir_in(parent).unwrap()
}

/// A database with its tables and its signing keys: an RSA key takes longer to make than most tests
/// take to run, so all worlds begin with the same ones.
fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    static COPIES: AtomicU32 = AtomicU32::new(0);
    TEMPLATE.get_or_init(|| {
        let directory = in_memory("template");
        let file = directory.path().join("nod.db");
        let copy = directory.path().join(format!("copy{}.db", COPIES.fetch_add(1, Ordering::SeqCst)));
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
                let runtime = runtime.unwrap();
                runtime.block_on(make_template(&file, &copy));
                runtime.shutdown_background();
            });
            made.join().unwrap();
        });
        std::fs::read(copy).unwrap()
    })
}

/// The keys of the template, to a database that was not copied from it.
async fn give_keys(database: &Database) {
    let keys_of = |database: &Database| {
        let (directory, _) = Directory::new(database.clone());
        SigningKeys::new(database.clone(), directory)
    };
    let keys = keys_of(database);
    if !keys.load().await.unwrap().is_empty() {
        return;
    }
    let directory = in_memory("keys");
    let file = directory.path().join("nod.db");
    std::fs::write(&file, template()).unwrap();
    let template = Database::connect(&Secret::new(format!("sqlite:{}", file.display()))).await.unwrap();
    for key in keys_of(&template).load().await.unwrap() {
        let event = Event::new(Entropy::default().uuid(), BEGIN, Action::KeyCreated);
        keys.insert(&key, &event).await.unwrap();
    }
}

async fn make_template(file: &Path, copy: &Path) {
    use sea_orm::ConnectionTrait as _;
    let url = format!("sqlite:{}", file.display());
    let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
    database.migrate().await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(BEGIN));
    let entropy = Arc::new(Entropy::seeded(0));
    let (worker, shutdown) = (Worker::default(), CancellationToken::new());
    let issuer = "http://localhost:1".to_owned();
    let app = app::build(settings(issuer), database, (clock, entropy), &worker, shutdown).await.unwrap();
    // The current keys are there; now the next ones too, so that no world has any to make.
    app.parts.keys.tend().await.unwrap();
    let sql = sea_orm::Database::connect(&url).await.unwrap();
    sql.execute_unprepared(&format!("VACUUM INTO '{}'", copy.display())).await.unwrap();
}
