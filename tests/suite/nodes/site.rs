//! A site: one database, one store, any number of nodes on them, and what is true in them.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nod::app::{self, App, EphemeralStore, Mail, Settings};
use nod::clock::{Clock, SystemClock};
use nod::domain::audit::{Action, Event};
use nod::domain::inbox::Limits;
use nod::domain::user::{Status, User};
use nod::entropy::Entropy;
use nod::http::remote::TrustedProxies;
use nod::http::server::{self, Edge};
use nod::outbound::egress::{Egress, EgressSettings};
use nod::protocol::id::UserId;
use nod::secret::{MasterKey, Secret};
use nod::store::embedded::EmbeddedStore;
use nod::store::ephemeral::{Ephemeral, Shelf};
use nod::store::redis::{RedisStore, Settings as RedisSettings};
use nod::store::sql::Database;
use nod::store::sql::devices::Devices;
use nod::store::sql::directory::Directory;
use nod::store::sql::ledger::Ledger;
use nod::store::sql::outbox::{Kind, Outbox};
use nod::store::sql::people::People;
use nod::usecase::certificates::Certificates;
use nod::usecase::issue::Lifetimes;
use nod::usecase::pairing_keys::{self, RecognisePairingKeys};
use nod::usecase::register_client::Admission;
use nod::usecase::request_authentication::Policy;
use nod::worker::Worker;
use sea_orm::ConnectionTrait as _;
use tokio_util::sync::CancellationToken;

use self::facts::Facts;
use self::node::Lock;
pub(crate) use self::node::{Inside, Node};
use super::cutter::Cutter;
use super::{ISSUER, PATIENT, until};
use crate::backends::{self, Postgres, Redis};
use crate::world::template::give_keys;
use crate::world::{Authority, MASTER_KEY};

mod facts;
mod node;
mod parties;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Sql<'a> {
    /// A file that all processes share.
    Sqlite,
    Postgres(&'a Postgres),
}

/// Where pending requests are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pending<'a> {
    Embedded,
    Redis(&'a Redis),
}

pub(crate) struct Site {
    directory: tempfile::TempDir,
    sql: String,
    /// How the nodes come to the database.
    way: String,
    /// URL and prefix.
    redis: Option<(String, String)>,
    /// How the nodes come to Redis, where that is not its URL.
    redis_way: Option<String>,
    database: Database,
    known: Arc<Directory>,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    pub(crate) facts: Facts,
    nodes: AtomicU32,
    /// How many questions of one client may wait for one person.
    pub(crate) at_a_time: u32,
    /// More lines for the configuration of nodes.
    pub(crate) settings: String,
    /// Of the nodes that start from now on.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Where they write their log, if not into files of their own.
    pub(crate) log: Option<File>,
}

impl Site {
    pub(crate) async fn new(sql: Sql<'_>, pending: Pending<'_>) -> Self {
        static SITES: AtomicU32 = AtomicU32::new(0);
        let directory = tempfile::Builder::new().prefix("nod-site-").tempdir().expect("a directory");
        let sql = match sql {
            Sql::Sqlite => format!("sqlite:{}", directory.path().join("nod.db").display()),
            Sql::Postgres(server) => server.database(),
        };
        let redis = match pending {
            Pending::Embedded => None,
            Pending::Redis(server) => Some((server.url(), format!("site{}:", SITES.fetch_add(1, Ordering::SeqCst)))),
        };
        let database = Database::connect(&Secret::new(sql.clone())).await.expect("a database");
        database.migrate().await.expect("tables");
        let (known, _) = Directory::new(database.clone());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        // Each node would take longer to make its own than most tests take to run.
        give_keys(&database, clock.now()).await;
        let entropy = Arc::new(Entropy::default());
        let ephemeral: Arc<dyn Ephemeral> = match &redis {
            None => embedded_store(&database, &clock, &entropy).await,
            Some(redis) => Arc::new(redis_store(redis, &clock, &entropy)),
        };
        let facts = Facts {
            sql: sea_orm::Database::connect(&sql).await.expect("a database"),
            requests: Shelf::new(Arc::clone(&ephemeral)),
            inboxes: Shelf::new(Arc::clone(&ephemeral)),
            codes: Shelf::new(ephemeral),
        };
        let key: String = MASTER_KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file = File::options();
        file.write(true).create_new(true).mode(0o600);
        let mut file = file.open(directory.path().join("master.key")).expect("a file");
        std::io::Write::write_all(&mut file, key.as_bytes()).expect("a written key");
        let (way, nodes, at_a_time) = (sql.clone(), AtomicU32::new(0), 100_000);
        let (settings, environment) = (String::new(), Vec::new());
        Self {
            directory,
            sql,
            way,
            redis,
            redis_way: None,
            database,
            known,
            clock,
            entropy,
            facts,
            nodes,
            at_a_time,
            settings,
            environment,
            log: None,
        }
    }

    /// A file of the site.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its nodes wait for their stores, however busy the machine is.
    pub(crate) fn patient(mut self) -> Self {
        self.environment.push((PATIENT.0, PATIENT.1.to_owned()));
        self
    }

    /// Its nodes may call this machine, over TLS with certificates of this authority.
    pub(crate) fn may_call_home(mut self, authority: &Authority) -> Self {
        let file = self.directory.path().join("authority.pem");
        std::fs::write(&file, authority.pem()).expect("a written certificate");
        self.settings = format!("outbound.allow = [\"127.0.0.0/8\"]\noutbound.extra_ca = \"{}\"", file.display());
        self
    }

    /// Nodes come to the database by this line from now on; we ourselves go past it.
    pub(crate) fn nodes_go_through(&mut self, line: &Cutter) {
        let mut url = url::Url::parse(&self.sql).expect("a URL");
        url.set_port(Some(line.at.port())).expect("a server");
        self.way = url.into();
    }

    /// And to Redis at this place: where a line begins, or where nobody is.
    pub(crate) fn nodes_go_to_redis_at(&mut self, place: &str) {
        self.redis_way = Some(format!("redis://{place}"));
    }

    /// Nodes are somebody else to the database than we are.
    pub(crate) fn nodes_log_in_as(&mut self, role: &str) {
        let mut url = url::Url::parse(&self.way).expect("a URL");
        url.set_username(role).expect("a server");
        self.way = url.into();
    }

    pub(crate) async fn person(&self, username: &str) -> UserId {
        let now = self.clock.now();
        let user = User {
            id: UserId::new(self.entropy.uuid()),
            username: username.to_owned(),
            name: None,
            email: None,
            email_verified: false,
            status: Status::Active,
            created_at: now,
            updated_at: now,
        };
        let people = People::new(self.database.clone(), Arc::clone(&self.known));
        assert!(people.create(&user, &self.event(Action::UserCreated)).await.expect("a database"));
        user.id
    }

    /// What an administrator does, past all nodes.
    pub(crate) async fn sets_status(&self, username: &str, status: Status) {
        let user = self.known.user_by_username(username).await.expect("a database").expect("a person");
        let people = People::new(self.database.clone(), Arc::clone(&self.known));
        let event = self.event(Action::UserUpdated).user(user.id);
        let change = |user: User| User { status, ..user };
        people.update(user.id, &event, self.clock.now(), change).await.expect("a database");
    }

    /// A letter, where nobody carries any.
    pub(crate) async fn letter(&self) {
        let outbox = Outbox::new(self.database.clone());
        outbox.put(self.entropy.uuid(), Kind::Mail, b"{}", self.clock.now()).await.expect("a database");
    }

    pub(crate) async fn pairing_key(&self, user: UserId) -> String {
        let devices = Devices::new(self.database.clone(), Arc::clone(&self.known));
        let key = pairing_keys::draw(&self.entropy);
        let now = self.clock.now();
        let event = self.event(Action::PairingKeyCreated);
        let end = now + Duration::from_secs(600);
        let recognise = RecognisePairingKeys::new(&MasterKey::new(&Secret::new(MASTER_KEY)));
        devices.create_pairing_key(user, &recognise.digest(&key), now, end, &event).await.expect("a database");
        key.expose().clone()
    }

    fn event(&self, action: Action) -> Event {
        Event::new(self.entropy.uuid(), self.clock.now(), action)
    }

    /// Starts a node and waits until it is ready.
    pub(crate) async fn node(&self) -> Node {
        let node = self.start(None);
        node.becomes_ready(Duration::from_secs(30)).await;
        node
    }

    /// A node that ends as by a power cut when it comes to this place.
    pub(crate) async fn node_that_dies_at(&self, place: &str) -> Node {
        let node = self.start(Some(place));
        node.becomes_ready(Duration::from_secs(30)).await;
        node
    }

    pub(crate) fn start(&self, failpoint: Option<&str>) -> Node {
        let number = self.nodes.fetch_add(1, Ordering::SeqCst);
        let place = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let (public, ops) = (place(backends::free_port()), place(backends::free_port()));
        let ephemeral = match &self.redis {
            // What `nod serve` refuses without being told: several nodes beside the database.
            None => "ephemeral.url = \"embedded\"\ndanger.shared_embedded = true".to_owned(),
            Some((url, prefix)) => {
                let url = self.redis_way.as_ref().unwrap_or(url);
                format!("ephemeral.url = \"{url}\"\nephemeral.prefix = \"{prefix}\"")
            }
        };
        let text = format!(
            "issuer = \"{ISSUER}\"\n\
             listen.public = \"{public}\"\nlisten.ops = \"{ops}\"\n\
             proxy.trusted = [\"127.0.0.0/8\"]\n\
             database.url = \"{}\"\n{ephemeral}\n\
             keys.master_key_file = \"{}\"\n\
             ciba.interval = \"1s\"\n\
             limits.requests_per_user = 100000\nlimits.requests_per_client_and_user = {}\n\
             limits.failed_authentications = 100000\n\
             limits.backchannel_requests = 10000000\n\
             limits.questions_per_user = 10000000\n\
             limits.introspections = 100000\n\
             {}\n",
            self.way,
            self.directory.path().join("master.key").display(),
            self.at_a_time,
            self.settings,
        );
        let config = self.directory.path().join(format!("node{number}.toml"));
        std::fs::write(&config, text).expect("a written configuration");
        let log = self.path(&format!("node{number}.log"));
        let output = match &self.log {
            Some(elsewhere) => elsewhere.try_clone().expect("a log"),
            None => File::create(&log).expect("a log"),
        };
        // Where a file may not grow, that is an error, as on a full disk, and not the end of the process.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" serve -c \"$1\"", env!("CARGO_BIN_EXE_nod")]).arg(&config);
        command.stdin(Stdio::null()).stdout(output.try_clone().expect("a log")).stderr(output);
        command.current_dir(self.directory.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        match failpoint {
            Some(place) => command.env("NOD_FAILPOINT", place),
            None => command.env_remove("NOD_FAILPOINT"),
        };
        let child = command.spawn().expect("the binary");
        Node::new(child, public, ops, log)
    }

    /// A command of the command line, on the data of the first node.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        self.commanded(arguments).output().expect("the binary")
    }

    /// One that ends as by a power cut when it comes to this place.
    pub(crate) fn command_that_dies_at(&self, place: &str, arguments: &[&str]) -> Output {
        self.commanded(arguments).env("NOD_FAILPOINT", place).output().expect("the binary")
    }

    fn commanded(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nod"));
        command.args(arguments).args(["-c", "node0.toml"]).current_dir(self.directory.path());
        command
    }

    /// A node in this process, on a store that a test wraps around the site's own.
    pub(crate) async fn inside(
        &self,
        clock: Arc<dyn Clock>,
        wrap: impl FnOnce(Arc<dyn Ephemeral>) -> Arc<dyn Ephemeral>,
    ) -> Inside {
        let (worker, shutdown) = (Worker::default(), CancellationToken::new());
        let database = Database::connect(&Secret::new(self.sql.clone())).await.expect("a database");
        let store: Arc<dyn Ephemeral> = match &self.redis {
            None => embedded_store(&database, &clock, &self.entropy).await,
            Some((url, prefix)) => {
                let settings = RedisSettings { url: Secret::new(url.clone()), prefix: prefix.clone() };
                let (store, listening) =
                    RedisStore::connect(&settings, Arc::clone(&clock), Arc::clone(&self.entropy)).expect("a store");
                worker.run(listening);
                Arc::new(store)
            }
        };
        let settings = Settings {
            issuer: ISSUER.to_owned(),
            ephemeral: EphemeralStore::Given(wrap(store)),
            master_key: Secret::new(MASTER_KEY),
            policy: Policy {
                default_expiry: Duration::from_secs(120),
                max_expiry: Duration::from_secs(300),
                interval: 1,
                uniform: false,
                limits: Limits { per_user: 100_000, per_client_and_user: 100_000 },
            },
            hold: Duration::from_secs(25),
            lifetimes: Lifetimes {
                access: Duration::from_secs(600),
                id: Duration::from_secs(300),
                refresh_idle: Duration::from_secs(86_400),
                refresh_absolute: Duration::from_secs(86_400),
            },
            hashing: nod::usecase::hashing::HashSettings::default(),
            password_tries: 100_000,
            recoveries: 100_000,
            recovery: nod::domain::recovery::Means::Both,
            mail: Mail::Nobody,
            sms: app::Texts::default(),
            voice: app::Texts::default(),
            otps: 20,
            registration: Admission::Nobody,
            registrations: 20,
            flows: nod::usecase::sign_in::limit_flows::MostFlows { begun: 100_000, missed: 100_000, of_browser: 20 },
            profiles: nod::domain::profile::Profiles::default(),
            trusted: nod::protocol::trusted_issuers::TrustedIssuers::default(),
            hint_issuers: nod::protocol::trusted_issuers::TrustedIssuers::default(),
            authorization: nod::usecase::sign_in::read_request::Rules::default(),
            certificates: Certificates::default(),
            schedule: nod::domain::signing_key::Schedule::default(),
            max_devices: 5,
            payloads: nod::usecase::device_trust::read_payload::PayloadRules::default(),
            pairing_key_lifetime: Duration::from_secs(600),
            failed_authentications: 100_000,
            backchannel_requests: 10_000_000,
            questions_per_user: 10_000_000,
            pushed_requests: 100_000,
            introspections: 100_000,
            egress: Egress::new(&EgressSettings::default()).expect("an egress client"),
            push: nod::outbound::push::Addresses::default(),
            dev_mode: false,
        };
        let entropy = Arc::clone(&self.entropy);
        let app = app::build(settings, database, (clock, entropy), &worker, shutdown.clone()).await.expect("a server");
        let App { public: endpoint, parts, .. } = app;
        let wanted = SocketAddr::from(([127, 0, 0, 1], 0));
        let (listener, _) = server::bind_next_free(wanted, 0).await.expect("a port");
        let public = listener.local_addr().expect("an address");
        let edge = Edge {
            proxies: TrustedProxies::new(vec!["127.0.0.0/8".parse().expect("a network")]),
            public: Some(parts.refusals.clone()),
            ..Edge::default()
        };
        worker.run(server::serve(listener, endpoint, edge, shutdown.clone()));
        Inside { public, _parts: parts, worker: Some(worker), shutdown }
    }

    /// The ledger of a node that does nothing else.
    #[expect(clippy::disallowed_methods, reason = "the test owns its tasks")]
    pub(crate) async fn ledger(&self) -> Ledger {
        let database = Database::connect(&Secret::new(self.sql.clone())).await.expect("a database");
        let (ledger, writing) = Ledger::new(database);
        tokio::spawn(writing);
        ledger
    }

    /// Holds the write lock of the SQLite file, as another process that works on it does.
    pub(crate) async fn lock(&self) -> Lock {
        let mut options = sea_orm::ConnectOptions::new(self.sql.clone());
        options.max_connections(1);
        let connection = sea_orm::Database::connect(options).await.expect("a database");
        until("a lock", Duration::from_secs(3), || async {
            connection.execute_unprepared("BEGIN IMMEDIATE").await.ok()
        })
        .await;
        Lock(connection)
    }
}

#[expect(clippy::disallowed_methods, reason = "the test owns its tasks")]
async fn embedded_store(database: &Database, clock: &Arc<dyn Clock>, entropy: &Arc<Entropy>) -> Arc<dyn Ephemeral> {
    let (store, working) =
        EmbeddedStore::open(database, Arc::clone(clock), Arc::clone(entropy)).await.expect("a store");
    tokio::spawn(working);
    Arc::new(store)
}

fn redis_store((url, prefix): &(String, String), clock: &Arc<dyn Clock>, entropy: &Arc<Entropy>) -> RedisStore {
    let settings = RedisSettings { url: Secret::new(url.clone()), prefix: prefix.clone() };
    RedisStore::connect(&settings, Arc::clone(clock), Arc::clone(entropy)).expect("a store").0
}
