//! One whole run: servers and stores are started, filled, measured in turns and ended.

mod embedded;

use base64::Engine as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nod::clock::{Clock as _, SystemClock};
use nod::domain::authentication_request::AuthenticationRequest;
use nod::domain::inbox::Inbox;
use nod::entropy::Entropy;
use nod::protocol::id::AuthReqId;
use nod::secret::Secret;
use nod::store::ephemeral::{Ephemeral, Shelf};
use nod::store::redis::{RedisStore, Settings};
use redis::aio::MultiplexedConnection;
use serde_json::{Map, Value, json};

use crate::backends::{Postgres, Redis};
use crate::cast::{self, Kind, RelyingParty};
use crate::driver::Wire;
use crate::machine::{self, Cores, Server};
use crate::phone::{PREFIX, Phones, Source, configuration};
use crate::profile::Recording;
use crate::provider::{self, Browsers};
use crate::report::{self, Figure};
use crate::scenario::{Flow, Sample, Side, Stand, documents, flows, pending_polls, whole_flow};
use crate::waiting::Waiting;
use crate::{Arguments, Part, Result, bare};

/// How much of everything.
#[derive(Clone, Copy)]
struct Scale {
    rounds: usize,
    /// People, each with one phone; a flow for each of them in one round.
    flows: usize,
    polls: usize,
    documents: usize,
    outstanding: &'static [usize],
}

impl Scale {
    fn of(arguments: &Arguments) -> Self {
        let scale = if arguments.quick {
            Self { rounds: 2, flows: 600, polls: 4_000, documents: 20_000, outstanding: &[1_000, 10_000] }
        } else {
            Self { rounds: 5, flows: 2_000, polls: 12_000, documents: 60_000, outstanding: &[1_000, 10_000, 100_000] }
        };
        Self { rounds: arguments.rounds.unwrap_or(scale.rounds), ..scale }
    }
}

struct Stage<'a> {
    arguments: &'a Arguments,
    cores: &'a Cores,
    scale: Scale,
    home: PathBuf,
    redis: Redis,
    redis_pid: String,
    admin: MultiplexedConnection,
    entropy: Arc<Entropy>,
    /// Those with opaque access tokens, those with signed ones, and those that browsers come from.
    parties: Vec<RelyingParty>,
    jwt_parties: Vec<RelyingParty>,
    sites: Vec<RelyingParty>,
    figures: Vec<Figure>,
    facts: Map<String, Value>,
}

/// A `nod` with the phones that it knows.
struct Nod {
    server: Server,
    phones: Phones,
}

pub(crate) async fn run(arguments: &Arguments, cores: &Cores) -> Result<()> {
    let start = Instant::now();
    let machine = machine::describe(cores);
    println!("{}", serde_json::to_string_pretty(&machine)?);
    let home = tempfile::Builder::new().prefix("run-").tempdir_in(output_directory()?)?;
    let mut stage = Stage::set(arguments, cores, home.path()).await?;
    stage.play().await?;
    for figure in &stage.figures {
        figure.print_latencies();
    }
    println!("{}", serde_json::to_string_pretty(&stage.facts)?);
    let record = json!({
        "machine": machine,
        "quick": arguments.quick,
        "connections": arguments.connections,
        "seconds": start.elapsed().as_secs(),
        "figures": stage.figures.iter().map(Figure::json).collect::<Vec<_>>(),
        "facts": stage.facts,
    });
    let file = output_directory()?.join(if arguments.quick { "load-quick.json" } else { "load.json" });
    std::fs::write(&file, serde_json::to_vec_pretty(&record)?)?;
    println!("{} after {} s", file.display(), start.elapsed().as_secs());
    Ok(())
}

fn output_directory() -> Result<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

impl<'a> Stage<'a> {
    async fn set(arguments: &'a Arguments, cores: &'a Cores, home: &Path) -> Result<Self> {
        let entropy = Arc::new(Entropy::default());
        let key = home.join("master-key");
        std::fs::write(&key, base64::engine::general_purpose::STANDARD.encode(entropy.bytes::<32>()))?;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;

        let redis = Redis::start();
        let mut admin = redis::Client::open(redis.url())?.get_multiplexed_async_connection().await?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut admin).await?;
        let redis_pid = field(&info, "process_id").ok_or("Redis without a number")?.to_owned();
        Ok(Self {
            arguments,
            cores,
            scale: Scale::of(arguments),
            home: home.to_owned(),
            redis,
            redis_pid,
            admin,
            entropy,
            parties: cast::relying_parties(Kind::Backchannel)?,
            jwt_parties: cast::relying_parties(Kind::Signed)?,
            sites: cast::relying_parties(Kind::SignIn)?,
            figures: Vec::new(),
            facts: Map::new(),
        })
    }

    async fn play(&mut self) -> Result<()> {
        let database = self.sqlite("nod").await?;
        let url = database.0.clone();
        let nod = self.nod("nod", database, &self.redis.url())?;
        self.idle("redis", &nod).await;
        let bare = self.bare(nod.server.address).await?;
        report::print_head(self.arguments.connections);

        if self.arguments.wants(Part::Documents) {
            self.documents(&bare, &nod).await?;
        }
        if self.arguments.wants(Part::Flow) {
            self.flow(&bare, &nod).await?;
        }
        if self.arguments.wants(Part::Variants) {
            self.variants(&nod).await?;
        }
        if self.arguments.wants(Part::Poll) {
            self.poll(&bare, &nod).await?;
        }
        if self.arguments.wants(Part::Provider) {
            self.provider(&nod, &url).await?;
        }
        let (now, most) = nod.server.memory();
        self.facts.insert("resident_bytes_after_load".to_owned(), json!({ "now": now, "most": most }));
        drop((nod, bare));
        if self.arguments.wants(Part::Embedded) {
            self.embedded().await?;
        }
        if self.arguments.wants(Part::Postgres) {
            self.postgres().await?;
        }
        Ok(())
    }

    fn everybody(&self) -> impl Iterator<Item = &RelyingParty> {
        self.parties.iter().chain(&self.jwt_parties).chain(&self.sites)
    }

    fn stand<'s>(&'s self, server: &'s Server) -> Stand<'s> {
        Stand { server, redis: &self.redis_pid, connections: self.arguments.connections }
    }

    fn record(&mut self, figure: Figure) {
        figure.print();
        self.figures.push(figure);
    }

    /// A new SQLite database with all people in it, and their phones.
    async fn sqlite(&self, name: &str) -> Result<(String, Phones)> {
        let file = self.home.join(format!("{name}.db"));
        // Every change is one durable commit. Filling goes to memory, where those cost nothing; what is
        // measured is on the disk.
        let memory = Path::new("/dev/shm");
        let directory = tempfile::tempdir_in(if memory.is_dir() { memory } else { &self.home })?;
        let built = directory.path().join("nod.db");
        let url = format!("sqlite:{}", built.display());
        let phones = Phones::pair(&url, self.everybody(), self.scale.flows).await?;
        for suffix in ["", "-wal"] {
            let from = directory.path().join(format!("nod.db{suffix}"));
            if from.exists() {
                std::fs::copy(from, self.home.join(format!("{name}.db{suffix}")))?;
            }
        }
        Ok((format!("sqlite:{}", file.display()), phones))
    }

    fn nod(&self, name: &str, (database, phones): (String, Phones), ephemeral: &str) -> Result<Nod> {
        let (public, ops) = (machine::free_address()?, machine::free_address()?);
        let file = self.home.join(format!("{name}.toml"));
        std::fs::write(&file, configuration(&self.home, public, ops, &database, ephemeral))?;
        let program = Path::new(env!("CARGO_BIN_EXE_nod"));
        let arguments = ["serve", "-c", &file.display().to_string()];
        let server = Server::start(self.cores, public, program, &arguments, &self.home.join(format!("{name}.log")))?;
        Ok(Nod { server, phones })
    }

    /// The bare server, with the documents that `nod` serves.
    async fn bare(&self, nod: SocketAddr) -> Result<Server> {
        let mut wire = Wire::connect(nod).await?;
        let file = |name: &str| self.home.join(name).display().to_string();
        let (discovery, jwks, clients) = (file("discovery.json"), file("jwks.json"), file("clients.json"));
        std::fs::write(&discovery, wire.get("/.well-known/openid-configuration").await?.expect(200)?)?;
        std::fs::write(&jwks, wire.get("/pf/JWKS").await?.expect(200)?)?;
        cast::write_public_keys(&self.parties, Path::new(&clients))?;
        let address = machine::free_address()?;
        let (listen, redis) = (address.to_string(), self.redis.url());
        let arguments = ["bare", "--issuer", cast::ISSUER, "--listen", &listen, "--redis", &redis];
        let files = ["--clients", &clients, "--discovery", &discovery, "--jwks", &jwks];
        let arguments = [&arguments[..], &files[..]].concat();
        Server::start(self.cores, address, &std::env::current_exe()?, &arguments, &self.home.join("bare.log"))
    }

    /// The driver's own view of `nod`'s Redis.
    fn redis_store(&self) -> Result<Arc<dyn Ephemeral>> {
        let settings = Settings { url: Secret::new(self.redis.url()), prefix: PREFIX.to_owned() };
        let (store, working) = RedisStore::connect(&settings, Arc::new(SystemClock), Arc::clone(&self.entropy))?;
        beside(working);
        Ok(Arc::new(store))
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(redis::cmd("FLUSHALL").query_async(&mut self.admin).await?)
    }

    async fn idle(&mut self, store: &str, nod: &Nod) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (resident, _) = nod.server.memory();
        self.facts.insert(format!("resident_bytes_idle_{store}"), json!(resident));
    }

    async fn documents(&mut self, bare: &Server, nod: &Nod) -> Result<()> {
        let mut figure = Figure::new("discovery and JWKS", Some(1.3));
        for round in 0..self.scale.rounds {
            figure.bare.push(documents(self.stand(bare), self.scale.documents).await?);
            let recording = self.profile(&nod.server, (round == 0).then_some("documents"))?;
            figure.nod.push(documents(self.stand(&nod.server), self.scale.documents).await?);
            if let Some(recording) = recording {
                recording.end()?;
            }
        }
        self.record(figure);
        Ok(())
    }

    /// The first round meets caches that are empty, and is a figure of its own.
    async fn flow(&mut self, bare: &Server, nod: &Nod) -> Result<()> {
        let source = Source::Store(Shelf::new(self.redis_store()?));
        let mut first = Figure::new("whole flow, everybody for the first time", None);
        let mut figure = Figure::new("whole flow", Some(2.3));
        for round in 0..=self.scale.rounds {
            self.flush().await?;
            let flows = self.flows(&self.parties);
            let figure = if round == 0 { &mut first } else { &mut figure };
            figure.bare.push(whole_flow(self.stand(bare), Side::Bare, flows.clone()).await?);
            let profile = (round == 1).then_some("flow");
            figure.nod.push(self.flow_of_nod(nod, &source, flows, profile).await?);
        }
        self.record(first);
        self.record(figure);
        Ok(())
    }

    fn flows<'f>(&self, parties: &'f [RelyingParty]) -> Vec<Flow<'f>> {
        flows(self.scale.flows, parties, &self.entropy)
    }

    async fn flow_of_nod(
        &self,
        nod: &Nod,
        source: &Source,
        flows: Vec<Flow<'_>>,
        profile: Option<&str>,
    ) -> Result<Sample> {
        nod.phones.synchronize(&mut Wire::connect(nod.server.address).await?).await?;
        let recording = self.profile(&nod.server, profile)?;
        let sample = whole_flow(self.stand(&nod.server), Side::Nod(&nod.phones, source), flows).await?;
        if let Some(recording) = recording {
            recording.end()?;
        }
        Ok(sample)
    }

    fn profile(&self, server: &Server, name: Option<&str>) -> Result<Option<Recording>> {
        let (Some(directory), Some(name)) = (&self.arguments.profile, name) else { return Ok(None) };
        Recording::start(&server.pid, directory, name).map(Some)
    }

    async fn variants(&mut self, nod: &Nod) -> Result<()> {
        let store = Source::Store(Shelf::new(self.redis_store()?));
        let mut fetched = Figure::new("whole flow, and the phone fetches its inbox", None);
        let mut signed = Figure::new("whole flow, signed access token", None);
        for _ in 0..self.scale.rounds.min(3) {
            self.flush().await?;
            fetched.nod.push(self.flow_of_nod(nod, &Source::Inbox, self.flows(&self.parties), None).await?);
            self.flush().await?;
            signed.nod.push(self.flow_of_nod(nod, &store, self.flows(&self.jwt_parties), None).await?);
        }
        self.record(fetched);
        self.record(signed);
        Ok(())
    }

    /// People who are signed in already come from a site and go back to it.
    async fn provider(&mut self, nod: &Nod, url: &str) -> Result<()> {
        let browsers = Browsers::sign_in(url, &nod.phones, &self.entropy).await?;
        let names = [
            "code flow of somebody who is signed in",
            "refresh",
            "client credentials",
            "UserInfo, opaque access token",
            "introspection, opaque access token",
        ];
        let mut figures = names.map(|name| Figure::new(name, None));
        // What comes first meets empty caches, and does not count.
        for round in 0..=self.scale.rounds {
            let stand = self.stand(&nod.server);
            let (code, given) = provider::code_flow(stand, &browsers, &self.sites, &self.entropy).await?;
            let (refresh, given) = provider::refresh(stand, given, &self.entropy).await?;
            let own = provider::client_credentials(stand, self.scale.flows, &self.sites, &self.entropy).await?;
            let userinfo = provider::userinfo(stand, self.scale.polls, &given).await?;
            let introspection = provider::introspection(stand, self.scale.polls, &given, &self.entropy).await?;
            if round > 0 {
                let samples = [code, refresh, own, userinfo, introspection];
                figures.iter_mut().zip(samples).for_each(|(figure, sample)| figure.nod.push(sample));
            }
        }
        for figure in figures {
            self.record(figure);
        }
        Ok(())
    }

    /// More and more requests wait, each for another person.
    async fn poll(&mut self, bare: &Server, nod: &Nod) -> Result<()> {
        self.memory().await?;
        self.flush().await?;
        let store = self.redis_store()?;
        let mut waiting = Waiting::default();
        for &count in self.scale.outstanding {
            let new = waiting.grow(&self.parties, count, &store, &self.entropy).await?;
            self.grow_bare(&waiting.requests[new..]).await?;
            let mut figure = Figure::new(&format!("pending poll, {count} outstanding"), Some(1.4));
            for round in 0..self.scale.rounds {
                let polls = waiting.polls(self.scale.polls, &self.parties, &self.entropy);
                figure.bare.push(pending_polls(self.stand(bare), polls.clone()).await?);
                let profile = (round == 0 && Some(&count) == self.scale.outstanding.last()).then_some("poll");
                let recording = self.profile(&nod.server, profile)?;
                figure.nod.push(pending_polls(self.stand(&nod.server), polls).await?);
                if let Some(recording) = recording {
                    recording.end()?;
                }
            }
            self.record(figure);
        }
        let parts = self.bytes_of_keys(&waiting).await?;
        self.facts.insert("redis_bytes_of_keys".to_owned(), parts);
        Ok(())
    }

    /// What pending requests take, alone in Redis.
    async fn memory(&mut self) -> Result<()> {
        let store = self.redis_store()?;
        for &count in self.scale.outstanding {
            self.flush().await?;
            let before = self.used_memory().await?;
            Waiting::default().grow(&self.parties, count, &store, &self.entropy).await?;
            let bytes = (self.used_memory().await? - before) / i64::try_from(count)?;
            self.facts.insert(format!("redis_bytes_per_request_of_{count}"), json!(bytes));
        }
        Ok(())
    }

    async fn used_memory(&mut self) -> Result<i64> {
        // What clients have in their buffers would be counted as well.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let info: String = redis::cmd("INFO").arg("memory").query_async(&mut self.admin).await?;
        let number = |name: &str| field(&info, name).and_then(|value| value.parse::<i64>().ok()).unwrap_or(0);
        Ok(number("used_memory") - number("mem_clients_normal") - number("mem_aof_buffer"))
    }

    async fn grow_bare(&mut self, new: &[(usize, String)]) -> Result<()> {
        let until = SystemClock.now().seconds() + 600;
        for some in new.chunks(1000) {
            let mut pipe = redis::pipe();
            for (party, id) in some {
                let (key, value) = bare::outstanding(self.parties[*party].id.as_str(), id, "somebody", until);
                pipe.cmd("SET").arg(key).arg(value).arg("PX").arg(600_000).ignore();
            }
            pipe.query_async::<()>(&mut self.admin).await?;
        }
        Ok(())
    }

    /// What Redis says that one key of each kind takes.
    async fn bytes_of_keys(&mut self, waiting: &Waiting) -> Result<Value> {
        let (_, id) = waiting.requests.first().ok_or("nothing waits")?;
        let user = waiting.users.first().ok_or("nobody waits")?;
        let digest = AuthReqId::presented(id).digest();
        let request = Shelf::<AuthenticationRequest>::key(&digest);
        let inbox = Shelf::<Inbox>::key(user);
        let mut sizes = Map::new();
        for (name, key) in [("request", request), ("inbox", inbox)] {
            let key = [PREFIX.as_bytes(), key.as_bytes()].concat();
            let size: Option<i64> = redis::cmd("MEMORY").arg("USAGE").arg(key).query_async(&mut self.admin).await?;
            sizes.insert(name.to_owned(), json!(size));
        }
        Ok(sizes.into())
    }

    async fn postgres(&mut self) -> Result<()> {
        let server = Postgres::start();
        let url = server.database();
        let phones = Phones::pair(&url, self.everybody(), self.scale.flows).await?;
        let nod = self.nod("postgres", (url, phones), &self.redis.url())?;
        let source = Source::Store(Shelf::new(self.redis_store()?));
        let mut figure = Figure::new("whole flow, PostgreSQL and Redis", None);
        for round in 0..=self.scale.rounds.min(2) {
            self.flush().await?;
            let sample = self.flow_of_nod(&nod, &source, self.flows(&self.parties), None).await?;
            if round > 0 {
                figure.nod.push(sample);
            }
        }
        self.record(figure);
        Ok(())
    }
}

/// Runs until this program ends.
#[expect(clippy::disallowed_methods, reason = "a store of the driver needs somebody who works for it")]
fn beside(working: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(working);
}

/// A line of Redis' `INFO`.
fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.split_once(':').filter(|(key, _)| *key == name).map(|(_, value)| value.trim()))
}
