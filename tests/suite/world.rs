//! The whole server on real sockets, and the people around it: relying parties, users, phones.
//!
//! Time stands still until a test moves it. Chance is seeded by the name of the test. The database
//! is a SQLite file in memory, unless a test asks for another one. When a world ends it looks around:
//! nothing may be left in the outbox, and no secret that was handed out may be found in the log or
//! in the database.

mod answer;
pub(crate) mod authenticator;
pub(crate) mod authenticator_app;
mod browser;
mod build;
mod certificates;
mod certified;
mod checks;
mod client;
mod contract;
mod counted;
mod digest;
mod end;
mod jose;
mod log;
mod person;
mod phone;
mod prover;
pub(crate) mod template;

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nod::app::{Parts, Settings, StartError};
use nod::clock::{Clock, ManualClock, Timestamp};
use nod::domain::audit::{Action, Event};
use nod::entropy::Entropy;
use nod::outbound::dev_inbox::{Received, ReceivedText};
use nod::secret::Secret;
use nod::worker::Worker;
use reqwest::{Method, RequestBuilder};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::answer::{Answer, Tokens};
pub(crate) use self::browser::{
    AUTHORIZE, Browser, CALLBACK, CHALLENGE, Callback, FLOWS, LOGOUT, Page, SIGNED_OUT, VERIFIER, asked,
};
pub(crate) use self::build::Builder;
use self::build::{Plan, listener};
pub(crate) use self::certificates::{Authority, Identity, named};
pub(crate) use self::certified::Caller;
use self::certified::Door;
pub(crate) use self::client::{Asked, Client, ClientBuilder, basic, enc};
pub(crate) use self::contract::EXAMPLES;
pub(crate) use self::counted::{counted, limited};
pub(crate) use self::digest::Watch;
pub(crate) use self::jose::{Jwk, at_hash, b64, compact, decoded, verify};
pub(crate) use self::person::{Person, PersonBuilder};
pub(crate) use self::phone::{Crafted, Phone};
pub(crate) use self::prover::Prover;

pub(crate) const PAR: &str = "/as/par.oauth2";
pub(crate) const TOKEN: &str = "/as/token.oauth2";
pub(crate) const BC_AUTHORIZE: &str = "/as/bc-auth.ciba";
pub(crate) const REVOKE: &str = "/as/revoke_token.oauth2";
pub(crate) const INTROSPECT: &str = "/as/introspect.oauth2";
pub(crate) const USERINFO: &str = "/idp/userinfo.openid";
pub(crate) const CHECK_SESSION: &str = "/idp/check_session.openid";
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

/// Where a world keeps its things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    Sqlite,
    Postgres,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with().start().await
    }

    pub(crate) fn with() -> Builder {
        Builder::new()
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

    /// The same of texts and calls.
    pub(crate) fn texts(&self) -> Vec<Arc<ReceivedText>> {
        let inboxes = self.inner.nodes.iter().filter_map(|node| node.parts.carriers.dev_inbox.as_ref());
        let mut texts: Vec<_> = inboxes.flat_map(|inbox| inbox.texts()).collect();
        texts.sort_by_key(|received| std::cmp::Reverse(received.at));
        texts
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
    pub(crate) async fn sql(&self, statement: &str) {
        use sea_orm::ConnectionTrait as _;
        let (sql, statement) = (self.inner.sql.clone(), statement.to_owned());
        self.among_servers(async move { sql.execute_unprepared(&statement).await }).await.unwrap();
    }

    /// Every row of every table as text, for tests that look for something there.
    pub(crate) async fn dump(&self) -> String {
        digest::dump(&self.inner).await
    }

    /// What is in Redis: of each key its kind, and how long it is there yet if it ends by itself.
    pub(crate) async fn lifetimes(&self) -> Vec<(u8, Option<Duration>)> {
        digest::lifetimes(&self.inner).await
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
