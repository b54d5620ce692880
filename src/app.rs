//! The composition root: the only room that builds adapters and wires use cases to routes.

mod administration;
mod sign_in;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nod_device::Issuer;
use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt as _, IntoEndpoint as _, Response, Route};
use poem_openapi::OpenApiService;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, OffsetClock};
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::inbox::Inbox;
use crate::domain::password::hash::{Hasher, Pepper};
use crate::domain::signing_key::Schedule;
use crate::entropy::Entropy;
use crate::http::admin::AdminGate;
use crate::http::backchannel_authentication::BackchannelAuthenticationApi;
use crate::http::beside::Beside;
use crate::http::device::DeviceApi;
use crate::http::device::events::Streams;
use crate::http::discovery::{Discovery, Documents, Published, path};
use crate::http::error::Errors;
use crate::http::headers::Headers;
use crate::http::health::{self, Draining};
use crate::http::metrics as metrics_page;
use crate::http::registration::RegistrationApi;
use crate::http::token::TokenApi;
use crate::http::token_management::TokenManagementApi;
use crate::http::userinfo::UserInfoApi;
use crate::http::{dev, openapi};
use crate::outbound::egress::Egress;
use crate::outbound::jwks::JwksCache;
use crate::secret::{MasterKey, Secret};
use crate::store::embedded::EmbeddedStore;
use crate::store::ephemeral::{Attempts, Ephemeral, Purpose, Replay, Shelf, StoreError};
use crate::store::kept::Kept;
use crate::store::measured::Measured;
use crate::store::redis::{RedisStore, Settings as RedisSettings};
use crate::store::shelves::DeviceBell;
use crate::store::sql::Database;
use crate::store::sql::bootstrap::BootstrapTokens;
use crate::store::sql::clients::Clients;
use crate::store::sql::devices::Devices;
use crate::store::sql::directory::Directory;
use crate::store::sql::keys::SigningKeys;
use crate::store::sql::ledger::{Decisions, Ledger};
use crate::store::sql::outbox::Outbox;
use crate::store::sql::passwords::Passwords;
use crate::store::sql::people::People;
use crate::store::sql::registration::Registration;
use crate::store::sql::retention::Retention;
use crate::store::sql::sessions::Sessions;
use crate::store::sql::settings::{CheckMasterKey, WrongMasterKey};
use crate::store::sql::tokens::Tokens;
use crate::store::sql::trail::Trail;
use crate::store::sql::webhooks::Webhooks;
use crate::usecase::admin::Desk;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::admin::bootstrap::Bootstrap;
use crate::usecase::admin::deliver::Told;
use crate::usecase::authenticate_client::{AuthenticateClient, ClientKeys, Failures};
use crate::usecase::authenticate_device::{AuthenticateDevice, Nonces};
use crate::usecase::cancel::Cancel;
use crate::usecase::check_password::CheckPassword;
use crate::usecase::client_credentials::ClientCredentials;
use crate::usecase::decide::Decide;
use crate::usecase::dev::Dev;
use crate::usecase::exchange_token::ExchangeToken;
use crate::usecase::hashing::{HashSettings, Hashing};
use crate::usecase::held::Held;
use crate::usecase::inbox::ReadInbox;
use crate::usecase::introspect::Introspect;
use crate::usecase::issue::{Issue, Lifetimes};
use crate::usecase::measure::Measure;
use crate::usecase::pair_device::PairDevice;
use crate::usecase::pairing_keys::RecognisePairingKeys;
use crate::usecase::password_ladder::PasswordLadder;
use crate::usecase::prove_possession::ProvePossession;
use crate::usecase::readiness::Readiness;
use crate::usecase::record_refusal::RecordRefusal;
use crate::usecase::redeem::Redeem;
use crate::usecase::refresh::Refresh;
use crate::usecase::register_client::{Admission, RegisterClient};
use crate::usecase::request_authentication::{Policy, RequestAuthentication};
use crate::usecase::revoke::Revoke;
use crate::usecase::set_password::SetPassword;
use crate::usecase::settle::Settle;
use crate::usecase::sign_in::read_request::Rules;
use crate::usecase::signing_keys::{KeyRing, TendKeys};
use crate::web;
use crate::web::assets::Assets;
use crate::web::dev::Keep;
use crate::web::docs::Docs;
use crate::web::provider::Browsed;
use crate::worker::{self, RetellDecisions, Worker};

/// What a server needs to know.
pub struct Settings {
    pub issuer: String,
    pub ephemeral: EphemeralStore,
    pub master_key: Secret<[u8; 32]>,
    pub policy: Policy,
    /// How long a poll of a long-polling client is held.
    pub hold: Duration,
    pub lifetimes: Lifetimes,
    pub authorization: Rules,
    pub schedule: Schedule,
    pub max_devices: u32,
    pub pairing_key_lifetime: Duration,
    pub failed_authentications: u32,
    pub hashing: HashSettings,
    /// Tries to log in with a password a minute, from one network.
    pub password_tries: u32,
    /// Who may register a client.
    pub registration: Admission,
    /// Registrations an hour, from one network.
    pub registrations: u32,
    pub egress: Egress,
    /// Adds `/dev`.
    pub dev_mode: bool,
}

pub enum EphemeralStore {
    Embedded,
    Redis(RedisSettings),
    /// One that a test built around another.
    Given(Arc<dyn Ephemeral>),
}

/// A server, ready to be put behind sockets.
pub struct App {
    pub public: BoxEndpoint<'static, Response>,
    pub ops: BoxEndpoint<'static, Response>,
    pub documents: Documents,
    pub parts: Parts,
    pub draining: Draining,
}

impl App {
    /// Puts the pages of dev mode around the server. Before there is anybody to serve, since the
    /// virtual phones of the pages call it like all others; `clock` is the one it was built with.
    pub fn with_dev_pages(self, clock: Arc<OffsetClock>, keep: Keep, worker: &Worker) -> Result<Self, StartError> {
        let parts = &self.parts;
        let needs = web::dev::Needs {
            issuer: parts.ring.issuer.clone(),
            clock: Arc::clone(&clock),
            dev: Arc::new(Dev {
                directory: Arc::clone(&parts.directory),
                devices: parts.devices.clone(),
                recognise: Arc::clone(&parts.recognise),
                people: People::new(parts.database.clone(), Arc::clone(&parts.directory)),
                requests: parts.requests.clone(),
                inboxes: parts.inboxes.clone(),
                clock,
                entropy: Arc::clone(&parts.entropy),
                lifetime: Duration::from_secs(60),
                introspect: Introspect {
                    tokens: parts.tokens.clone(),
                    directory: Arc::clone(&parts.directory),
                    keys: Arc::clone(&parts.ring),
                    clock: Arc::clone(&parts.clock),
                    issuer: parts.ring.issuer.clone(),
                },
            }),
            keys: Arc::clone(&parts.ring),
            entropy: Arc::clone(&parts.entropy),
            keep,
            told: parts.told.subscribe(),
        };
        let (public, work) = web::dev::around(self.public, needs).map_err(StartError::Pages)?;
        worker.run(work);
        Ok(Self { public, ..self })
    }
}

/// What the command line, dev mode and tests reach into.
#[derive(Clone)]
pub struct Parts {
    pub database: Database,
    pub ephemeral: Arc<dyn Ephemeral>,
    pub directory: Arc<Directory>,
    pub devices: Devices,
    pub recognise: Arc<RecognisePairingKeys>,
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub ledger: Ledger,
    pub keys: Arc<TendKeys>,
    pub ring: Arc<KeyRing>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub settle: Settle,
    pub retell: RetellDecisions,
    pub tokens: Tokens,
    pub bootstrap: Arc<Bootstrap>,
    pub trail: Arc<Trail>,
    pub refusals: RecordRefusal,
    pub check_password: Arc<CheckPassword>,
    pub set_password: Arc<SetPassword>,
    /// What webhooks are told. Only dev mode listens.
    pub told: broadcast::Sender<Arc<Told>>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    MasterKey(#[from] WrongMasterKey),
    #[error("the issuer is no address of a server: {0}")]
    Issuer(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the pages of dev mode cannot be made: {0}")]
    Pages(String),
}

/// Builds a server on a database whose tables exist. `shutdown` ends what waits or streams.
pub async fn build(
    settings: Settings,
    database: Database,
    (clock, entropy): (Arc<dyn Clock>, Arc<Entropy>),
    worker: &Worker,
    shutdown: CancellationToken,
) -> Result<App, StartError> {
    let master = Arc::new(MasterKey::new(&settings.master_key));
    CheckMasterKey::new(database.clone()).check(&master, &entropy).await?;
    let issuer = Issuer::parse(&settings.issuer).map_err(|error| StartError::Issuer(error.to_string()))?;

    let ephemeral = ephemeral(&settings.ephemeral, &database, (&clock, &entropy), worker).await?;
    let ephemeral: Arc<dyn Ephemeral> = Arc::new(Measured(ephemeral));
    let parts = parts(&settings, database, ephemeral, (clock, entropy), &master, worker);
    parts.keys.tend().await?;
    run_beside(&parts, worker);
    administration::tell_webhooks(&settings, &parts, &master, worker);
    sign_in::tell_logouts(&settings, &parts, worker);

    let wiring = Wiring { settings, issuer, parts, master, shutdown };
    let (public, documents) = wiring.public();
    let draining = Draining::default();
    let ops = wiring.ops(draining.clone());
    Ok(App { public, ops, documents, parts: wiring.parts, draining })
}

async fn ephemeral(
    which: &EphemeralStore,
    database: &Database,
    (clock, entropy): (&Arc<dyn Clock>, &Arc<Entropy>),
    worker: &Worker,
) -> Result<Arc<dyn Ephemeral>, StoreError> {
    Ok(match which {
        EphemeralStore::Redis(redis) => {
            let (store, listening) = RedisStore::connect(redis, Arc::clone(clock), Arc::clone(entropy))?;
            worker.run(listening);
            let store = Arc::new(store);
            let checked = Arc::clone(&store);
            worker.run(async move { complain_once(&checked).await });
            store
        }
        EphemeralStore::Embedded => {
            let (store, working) = EmbeddedStore::open(database, Arc::clone(clock), Arc::clone(entropy)).await?;
            worker.run(working);
            let store = Arc::new(store);
            let purged = Arc::clone(&store);
            worker.repeat("purge", Duration::from_secs(10), move || worker::purge(Arc::clone(&purged)));
            store
        }
        EphemeralStore::Given(store) => Arc::clone(store),
    })
}

/// Says what an operator should change, once Redis answers: one that evicts forgets replay marks.
async fn complain_once(store: &RedisStore) {
    let complaints = loop {
        match store.check_policy().await {
            Ok(complaints) => break complaints,
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    for complaint in complaints {
        tracing::warn!(%complaint, "Redis is not set up for this");
    }
}

fn parts(
    settings: &Settings,
    database: Database,
    ephemeral: Arc<dyn Ephemeral>,
    (clock, entropy): (Arc<dyn Clock>, Arc<Entropy>),
    master: &Arc<MasterKey>,
    worker: &Worker,
) -> Parts {
    let (directory, looking) = Directory::new(database.clone());
    worker.run(looking);
    let (ledger, writing) = Ledger::new(database.clone());
    worker.finish(writing);
    let ring = Arc::new(KeyRing::new(settings.issuer.clone()));
    let keys = Arc::new(TendKeys {
        keys: SigningKeys::new(database.clone(), Arc::clone(&directory)),
        ring: Arc::clone(&ring),
        master: Arc::clone(master),
        schedule: settings.schedule,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    });
    let requests = Shelf::new(Arc::clone(&ephemeral));
    let inboxes = Shelf::new(Arc::clone(&ephemeral));
    let settle = Settle {
        requests: requests.clone(),
        inboxes: inboxes.clone(),
        bell: DeviceBell::new(Arc::clone(&ephemeral)),
        directory: Arc::clone(&directory),
        ledger: ledger.clone(),
    };
    let retell = RetellDecisions {
        outbox: Outbox::new(database.clone()),
        decisions: Decisions::new(database.clone()),
        settle: settle.clone(),
        clock: Arc::clone(&clock),
    };
    let refusals = RecordRefusal::new(ledger.clone(), Arc::clone(&clock), Arc::clone(&entropy));
    let hasher = Hasher { pepper: Pepper::new(master), cost: settings.hashing.cost };
    let hashing = Arc::new(Hashing::new(hasher, &settings.hashing, Arc::clone(&entropy)));
    let ladder = PasswordLadder::new(Shelf::new(Arc::clone(&ephemeral)), master);
    let check_password = CheckPassword {
        passwords: Passwords::new(database.clone()),
        hashing: Arc::clone(&hashing),
        ladder: ladder.clone(),
        attempts: Attempts::new(Arc::clone(&ephemeral)),
        ledger: ledger.clone(),
        refusals: refusals.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        tries: settings.password_tries,
    };
    let set_password = SetPassword {
        passwords: Passwords::new(database.clone()),
        directory: Arc::clone(&directory),
        hashing,
        ladder,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let bootstrap = Bootstrap {
        tokens: BootstrapTokens::new(database.clone(), Arc::clone(&directory)),
        desk: Desk { clock: Arc::clone(&clock), entropy: Arc::clone(&entropy) },
        file: Mutex::default(),
    };
    Parts {
        bootstrap: Arc::new(bootstrap),
        told: broadcast::Sender::new(64),
        trail: Arc::new(Trail::new(database.clone())),
        refusals,
        check_password: Arc::new(check_password),
        set_password: Arc::new(set_password),
        devices: Devices::new(database.clone(), Arc::clone(&directory)),
        recognise: Arc::new(RecognisePairingKeys::new(master)),
        tokens: Tokens::new(database.clone()),
        database,
        ephemeral,
        directory,
        requests,
        inboxes,
        ledger,
        keys,
        ring,
        clock,
        entropy,
        settle,
        retell,
    }
}

/// What runs beside the requests.
fn run_beside(parts: &Parts, worker: &Worker) {
    let directory = Arc::clone(&parts.directory);
    worker::tend_keys(worker, Arc::clone(&parts.keys), move || directory.keys_epoch());
    let retell = parts.retell.clone();
    worker.run(async move {
        if let Err(error) = retell.retell_recent().await {
            tracing::warn!(%error, "recent decisions were not told again");
        }
    });
    let retell = parts.retell.clone();
    worker.repeat("retell decisions", Duration::from_millis(500), move || {
        let retell = retell.clone();
        async move { retell.run().await }
    });
    let (tokens, clock) = (parts.tokens.clone(), Arc::clone(&parts.clock));
    worker.repeat_from_now("forget ended tokens", Duration::from_secs(60), move || {
        let (tokens, now) = (tokens.clone(), clock.now());
        async move { tokens.purge(now, 1000).await.map(drop) }
    });
    let refusals = parts.refusals.clone();
    worker.repeat("count refusals", Duration::from_secs(10), move || {
        let refusals = refusals.clone();
        async move {
            refusals.write_numbers().await;
            Ok(())
        }
    });
    let (sessions, clock) = (Sessions::new(parts.database.clone()), Arc::clone(&parts.clock));
    worker.repeat_from_now("forget ended sessions", Duration::from_secs(60), move || {
        let (sessions, now) = (sessions.clone(), clock.now());
        async move { sessions.purge(now, 1000).await.map(drop) }
    });
    let (retention, clock) = (Retention::new(parts.database.clone()), Arc::clone(&parts.clock));
    worker.repeat_from_now("forget what is old", Duration::from_secs(600), move || {
        let (retention, now) = (retention.clone(), clock.now());
        // In small steps: a long one would hold up whoever decides.
        async move {
            while retention.purge(now, 500).await? >= 500 {}
            Ok(())
        }
    });
}

/// Use cases and endpoints, on the parts.
struct Wiring {
    settings: Settings,
    issuer: Issuer,
    parts: Parts,
    master: Arc<MasterKey>,
    shutdown: CancellationToken,
}

impl Wiring {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.parts.clock)
    }

    fn entropy(&self) -> Arc<Entropy> {
        Arc::clone(&self.parts.entropy)
    }

    fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.parts.directory)
    }

    fn store(&self) -> Arc<dyn Ephemeral> {
        Arc::clone(&self.parts.ephemeral)
    }

    fn public(&self) -> (BoxEndpoint<'static, Response>, Documents) {
        let issuer = &self.settings.issuer;
        let keys = Arc::new(ClientKeys::new(JwksCache::new(self.settings.egress.clone())));
        let read = Arc::new(self.read_request(Arc::clone(&keys)));
        let authenticate = Arc::new(self.authenticate_client(keys));
        let introspect = Arc::new(self.introspect());
        let nonces = Nonces::new(self.master.derive("device nonce"));
        let dpop_nonces = Nonces::new(self.master.derive("DPoP nonce"));
        let prove = Arc::new(ProvePossession {
            replay: Replay::new(self.store(), Purpose::DpopReplay),
            nonces: dpop_nonces.clone(),
            clock: self.clock(),
            issuer: issuer.clone(),
        });
        let apis = (
            self.backchannel(Arc::clone(&authenticate)),
            self.token(Arc::clone(&authenticate), Arc::clone(&prove), &introspect),
            self.pushed_authorization_request(Arc::clone(&authenticate), Arc::clone(&prove), Arc::clone(&read)),
            self.device_authorization(Arc::clone(&authenticate)),
            self.token_management(authenticate, Arc::clone(&introspect)),
            UserInfoApi {
                introspect: Arc::clone(&introspect),
                prove,
                keys: Arc::clone(&self.parts.ring),
                entropy: self.entropy(),
            },
            self.registration(),
            self.device(nonces.clone()),
            self.admin(&introspect),
        );
        let api = OpenApiService::new(apis, "Nod", env!("CARGO_PKG_VERSION"));
        let openapi = openapi::Published::new(api.spec());
        let mut routes = Route::new();
        if self.settings.dev_mode {
            routes = routes.nest("/dev", dev::routes(Arc::new(self.dev())));
        }
        let (discovery, ring) = (self.discovery(), Arc::clone(&self.parts.ring));
        let documents = Documents { discovery, openapi: openapi.clone(), ring };
        let base: Arc<str> = issuer.as_str().into();
        let inner = AdminGate {
            inner: Beside { routes, api: api.into_endpoint() },
            authorize: Arc::new(Authorize { introspect }),
            idempotency: self.idempotency(),
            openapi: openapi.clone(),
        };
        let inner = Browsed { provider: Arc::new(self.provider(read)), inner };
        let inner = Assets(Docs::new(openapi.clone(), issuer, self.settings.dev_mode, inner));
        let record = self.parts.refusals.clone();
        (
            Errors {
                inner: Published { documents: documents.clone(), inner },
                record,
                nonces,
                dpop_nonces,
                clock: self.clock(),
                issuer: base,
                openapi,
            }
            .with(Headers::new(self.entropy()))
            .boxed(),
            documents,
        )
    }

    fn discovery(&self) -> Discovery {
        let registers = self.settings.registration != Admission::Nobody;
        Discovery::new(&self.settings.issuer, registers, &self.settings.authorization)
    }

    fn registration(&self) -> RegistrationApi {
        let register = RegisterClient {
            admission: self.settings.registration,
            most: self.settings.registrations,
            registration: Registration::new(self.parts.database.clone(), self.directory()),
            clients: Clients::new(self.parts.database.clone(), self.directory()),
            attempts: Attempts::new(self.store()),
            egress: self.settings.egress.clone(),
            desk: Desk { clock: self.clock(), entropy: self.entropy() },
            issuer: self.settings.issuer.clone(),
        };
        RegistrationApi { register }
    }

    fn ops(&self, draining: Draining) -> BoxEndpoint<'static, Response> {
        let readiness = Arc::new(Readiness { database: self.parts.database.clone(), ephemeral: self.store() });
        let outbox = Outbox::new(self.parts.database.clone());
        let webhooks = Webhooks::new(self.parts.database.clone());
        let measure = Arc::new(Measure { outbox, webhooks, clock: self.clock() });
        let routes = Route::new().at("/metrics", metrics_page::endpoint(measure));
        routes.nest("/", health::routes(readiness, draining)).map_to_response().boxed()
    }

    fn authenticate_client(&self, keys: Arc<ClientKeys>) -> AuthenticateClient {
        let issuer = &self.settings.issuer;
        // [protocol.md C34] the issuer, and every endpoint that an assertion may be sent to.
        let audiences = [
            "",
            path::TOKEN,
            path::PUSHED_AUTHORIZATION_REQUEST,
            path::BACKCHANNEL_AUTHENTICATION,
            path::DEVICE_AUTHORIZATION,
            path::REVOCATION,
            path::INTROSPECTION,
        ];
        AuthenticateClient {
            directory: self.directory(),
            replay: Replay::new(self.store(), Purpose::AssertionReplay),
            clock: self.clock(),
            audiences: audiences.map(|path| format!("{issuer}{path}")).to_vec(),
            keys,
            failures: Failures::new(self.settings.failed_authentications),
        }
    }

    fn backchannel(&self, authenticate: Arc<AuthenticateClient>) -> BackchannelAuthenticationApi {
        let request = RequestAuthentication {
            requests: self.parts.requests.clone(),
            inboxes: self.parts.inboxes.clone(),
            bell: DeviceBell::new(self.store()),
            directory: self.directory(),
            ledger: self.parts.ledger.clone(),
            tokens: self.parts.tokens.clone(),
            keys: Arc::clone(&self.parts.ring),
            clock: self.clock(),
            entropy: self.entropy(),
            policy: self.settings.policy,
        };
        BackchannelAuthenticationApi { authenticate, request }
    }

    fn token(
        &self,
        authenticate: Arc<AuthenticateClient>,
        prove: Arc<ProvePossession>,
        introspect: &Arc<Introspect>,
    ) -> TokenApi {
        let issue = Arc::new(Issue {
            issuer: self.settings.issuer.clone(),
            keys: Arc::clone(&self.parts.ring),
            entropy: self.entropy(),
            lifetimes: self.settings.lifetimes,
        });
        let redeem = Redeem {
            requests: self.parts.requests.clone(),
            directory: self.directory(),
            ledger: self.parts.ledger.clone(),
            decisions: Decisions::new(self.parts.database.clone()),
            issue: Arc::clone(&issue),
            clock: self.clock(),
            entropy: self.entropy(),
            hold: self.settings.hold,
            interval: self.settings.policy.interval,
            held: Held::default(),
            shutdown: self.shutdown.clone(),
        };
        let client_credentials = ClientCredentials {
            issue: Arc::clone(&issue),
            ledger: self.parts.ledger.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let refresh = Refresh {
            tokens: self.parts.tokens.clone(),
            ledger: self.parts.ledger.clone(),
            directory: self.directory(),
            issue: Arc::clone(&issue),
            master: Arc::clone(&self.master),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let exchange_code = self.exchange_code(&issue);
        let redeem_device = self.redeem_device(&issue);
        let exchange_token = ExchangeToken {
            introspect: Arc::clone(introspect),
            issue: Arc::clone(&issue),
            ledger: self.parts.ledger.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        TokenApi {
            authenticate,
            prove,
            exchange_code,
            redeem,
            redeem_device,
            refresh,
            client_credentials,
            exchange_token,
        }
    }

    fn token_management(
        &self,
        authenticate: Arc<AuthenticateClient>,
        introspect: Arc<Introspect>,
    ) -> TokenManagementApi {
        let cancel = Cancel {
            requests: self.parts.requests.clone(),
            settle: self.parts.settle.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        let revoke = Revoke {
            introspect: Arc::clone(&introspect),
            cancel,
            tokens: self.parts.tokens.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
        };
        TokenManagementApi {
            authenticate,
            revoke,
            introspect,
            keys: Arc::clone(&self.parts.ring),
            clock: self.clock(),
            issuer: self.settings.issuer.clone(),
        }
    }

    fn introspect(&self) -> Introspect {
        Introspect {
            tokens: self.parts.tokens.clone(),
            directory: self.directory(),
            keys: Arc::clone(&self.parts.ring),
            clock: self.clock(),
            issuer: self.settings.issuer.clone(),
        }
    }

    fn device(&self, nonces: Nonces) -> DeviceApi {
        let inbox = ReadInbox {
            requests: self.parts.requests.clone(),
            inboxes: self.parts.inboxes.clone(),
            directory: self.directory(),
            bell: DeviceBell::new(self.store()),
            clock: self.clock(),
        };
        DeviceApi {
            authenticate: AuthenticateDevice {
                directory: self.directory(),
                devices: self.parts.devices.clone(),
                replay: Replay::new(self.store(), Purpose::ProofReplay),
                clock: self.clock(),
                entropy: self.entropy(),
                issuer: self.settings.issuer.clone(),
                nonces,
                keys: Kept::new(100_000),
            },
            pair: PairDevice {
                devices: self.parts.devices.clone(),
                recognise: Arc::clone(&self.parts.recognise),
                attempts: Attempts::new(self.store()),
                bell: DeviceBell::new(self.store()),
                clock: self.clock(),
                entropy: self.entropy(),
                issuer: self.settings.issuer.clone(),
                max_per_user: self.settings.max_devices,
            },
            decide: Decide {
                inbox: inbox.clone(),
                settle: self.parts.settle.clone(),
                decisions: Decisions::new(self.parts.database.clone()),
                clock: self.clock(),
                entropy: self.entropy(),
            },
            inbox,
            clock: self.clock(),
            issuer: self.issuer.clone(),
            streams: Streams::default(),
        }
    }

    fn dev(&self) -> Dev {
        Dev {
            directory: self.directory(),
            devices: self.parts.devices.clone(),
            recognise: Arc::clone(&self.parts.recognise),
            people: People::new(self.parts.database.clone(), self.directory()),
            requests: self.parts.requests.clone(),
            inboxes: self.parts.inboxes.clone(),
            clock: self.clock(),
            entropy: self.entropy(),
            lifetime: self.settings.pairing_key_lifetime,
            introspect: self.introspect(),
        }
    }
}
