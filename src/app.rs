//! The composition root: the only file that builds adapters and wires use cases to routes.

use std::sync::Arc;
use std::time::Duration;

use nod_device::Issuer;
use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt as _, Response, Route, get};
use poem_openapi::OpenApiService;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::inbox::Inbox;
use crate::domain::signing_key::Schedule;
use crate::entropy::Entropy;
use crate::http::backchannel_authentication::BackchannelAuthenticationApi;
use crate::http::device::{self, DeviceApi};
use crate::http::discovery::{self, Discovery, path};
use crate::http::error::{Audit, Errors};
use crate::http::headers::Headers;
use crate::http::health::{self, Draining};
use crate::http::token::TokenApi;
use crate::http::token_management::TokenManagementApi;
use crate::http::userinfo::UserInfoApi;
use crate::http::{authorization, dev};
use crate::outbound::egress::Egress;
use crate::outbound::jwks::JwksCache;
use crate::secret::{MasterKey, Secret};
use crate::store::embedded::EmbeddedStore;
use crate::store::ephemeral::{Attempts, Ephemeral, Purpose, Replay, Shelf, StoreError};
use crate::store::redis::{RedisStore, Settings as RedisSettings};
use crate::store::shelves::DeviceBell;
use crate::store::sql::Database;
use crate::store::sql::devices::Devices;
use crate::store::sql::directory::Directory;
use crate::store::sql::keys::SigningKeys;
use crate::store::sql::ledger::{Decisions, Ledger};
use crate::store::sql::outbox::Outbox;
use crate::store::sql::settings::{CheckMasterKey, WrongMasterKey};
use crate::store::sql::tokens::Tokens;
use crate::usecase::authenticate_client::{AuthenticateClient, ClientKeys, Failures};
use crate::usecase::authenticate_device::{AuthenticateDevice, Nonces};
use crate::usecase::cancel::Cancel;
use crate::usecase::decide::Decide;
use crate::usecase::dev::Dev;
use crate::usecase::inbox::ReadInbox;
use crate::usecase::introspect::Introspect;
use crate::usecase::issue::{Issue, Lifetimes};
use crate::usecase::pair_device::PairDevice;
use crate::usecase::readiness::Readiness;
use crate::usecase::redeem::{Held, Redeem};
use crate::usecase::refresh::Refresh;
use crate::usecase::request_authentication::{Policy, RequestAuthentication};
use crate::usecase::revoke::Revoke;
use crate::usecase::settle::Settle;
use crate::usecase::signing_keys::{KeyRing, TendKeys};
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
    pub schedule: Schedule,
    pub max_devices: u32,
    pub pairing_key_lifetime: Duration,
    pub failed_authentications: u32,
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
    pub parts: Parts,
    pub draining: Draining,
}

/// What the command line, dev mode and tests reach into.
#[derive(Clone)]
pub struct Parts {
    pub database: Database,
    pub ephemeral: Arc<dyn Ephemeral>,
    pub directory: Arc<Directory>,
    pub devices: Devices,
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub ledger: Ledger,
    pub keys: Arc<TendKeys>,
    pub ring: Arc<KeyRing>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
    pub retell: RetellDecisions,
    pub tokens: Tokens,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    MasterKey(#[from] WrongMasterKey),
    #[error("the issuer is no address of a server: {0}")]
    Issuer(String),
    #[error(transparent)]
    Store(#[from] StoreError),
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

    let ephemeral: Arc<dyn Ephemeral> = match settings.ephemeral {
        EphemeralStore::Redis(redis) => {
            let (store, listening) = RedisStore::connect(&redis, Arc::clone(&clock), Arc::clone(&entropy))?;
            worker.run(listening);
            Arc::new(store)
        }
        EphemeralStore::Embedded => {
            let store = Arc::new(EmbeddedStore::new(database.clone(), Arc::clone(&clock), Arc::clone(&entropy)));
            let purged = Arc::clone(&store);
            worker.repeat("purge", Duration::from_secs(10), move || worker::purge(Arc::clone(&purged)));
            store
        }
        EphemeralStore::Given(store) => store,
    };
    let (directory, looking) = Directory::new(database.clone());
    worker.run(looking);
    let (ledger, writing) = Ledger::new(database.clone());
    worker.finish(writing);

    let requests: Shelf<AuthenticationRequest> = Shelf::new(Arc::clone(&ephemeral));
    let inboxes: Shelf<Inbox> = Shelf::new(Arc::clone(&ephemeral));
    let bell = DeviceBell::new(Arc::clone(&ephemeral));
    let devices = Devices::new(database.clone(), Arc::clone(&directory));
    let tokens = Tokens::new(database.clone());
    let issuer = settings.issuer;
    let ring = Arc::new(KeyRing::new(issuer.clone()));
    let keys = Arc::new(TendKeys {
        keys: SigningKeys::new(database.clone(), Arc::clone(&directory)),
        ring: Arc::clone(&ring),
        master: Arc::clone(&master),
        schedule: settings.schedule,
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    });
    keys.tend().await?;
    let epochs = Arc::clone(&directory);
    worker::tend_keys(worker, Arc::clone(&keys), move || epochs.keys_epoch());

    let settle = Settle {
        requests: requests.clone(),
        inboxes: inboxes.clone(),
        bell: bell.clone(),
        directory: Arc::clone(&directory),
        ledger: ledger.clone(),
    };
    let retell = RetellDecisions {
        outbox: Outbox::new(database.clone()),
        decisions: Decisions::new(database.clone()),
        settle: settle.clone(),
        clock: Arc::clone(&clock),
    };
    let retelling = retell.clone();
    worker.repeat("retell decisions", Duration::from_millis(500), move || {
        let retell = retelling.clone();
        async move { retell.run().await }
    });

    let authenticate = Arc::new(AuthenticateClient {
        directory: Arc::clone(&directory),
        replay: Replay::new(Arc::clone(&ephemeral), Purpose::AssertionReplay),
        clock: Arc::clone(&clock),
        audiences: ["", path::TOKEN, path::BACKCHANNEL_AUTHENTICATION, path::REVOCATION, path::INTROSPECTION]
            .map(|path| format!("{issuer}{path}"))
            .to_vec(),
        keys: ClientKeys::default(),
        jwks: JwksCache::new(settings.egress),
        failures: Failures::new(settings.failed_authentications),
    });
    let issue = Arc::new(Issue {
        issuer: issuer.clone(),
        keys: Arc::clone(&ring),
        entropy: Arc::clone(&entropy),
        lifetimes: settings.lifetimes,
    });
    let introspect = Arc::new(Introspect {
        tokens: tokens.clone(),
        directory: Arc::clone(&directory),
        keys: Arc::clone(&ring),
        clock: Arc::clone(&clock),
        issuer: issuer.clone(),
    });
    let backchannel = BackchannelAuthenticationApi {
        authenticate: Arc::clone(&authenticate),
        request: RequestAuthentication {
            requests: requests.clone(),
            inboxes: inboxes.clone(),
            bell: bell.clone(),
            directory: Arc::clone(&directory),
            ledger: ledger.clone(),
            keys: Arc::clone(&ring),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            policy: settings.policy,
        },
    };
    let token = TokenApi {
        authenticate: Arc::clone(&authenticate),
        redeem: Redeem {
            requests: requests.clone(),
            directory: Arc::clone(&directory),
            ledger: ledger.clone(),
            issue: Arc::clone(&issue),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            hold: settings.hold,
            held: Held::default(),
            shutdown,
        },
        refresh: Refresh {
            tokens: tokens.clone(),
            directory: Arc::clone(&directory),
            issue,
            master: Arc::clone(&master),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        },
    };
    let management = TokenManagementApi {
        authenticate,
        revoke: Revoke {
            introspect: Arc::clone(&introspect),
            cancel: Cancel {
                requests: requests.clone(),
                settle: settle.clone(),
                clock: Arc::clone(&clock),
                entropy: Arc::clone(&entropy),
            },
            tokens: tokens.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        },
        introspect: Arc::clone(&introspect),
        issuer: issuer.clone(),
    };
    let inbox = ReadInbox {
        requests: requests.clone(),
        inboxes: inboxes.clone(),
        directory: Arc::clone(&directory),
        bell: bell.clone(),
        clock: Arc::clone(&clock),
    };
    let nonces = Nonces::new(master.derive("device nonce"));
    let device_api = Arc::new(DeviceApi {
        authenticate: AuthenticateDevice {
            directory: Arc::clone(&directory),
            devices: devices.clone(),
            replay: Replay::new(Arc::clone(&ephemeral), Purpose::ProofReplay),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            issuer: issuer.clone(),
            nonces: nonces.clone(),
            keys: moka::sync::Cache::new(100_000),
        },
        pair: PairDevice {
            devices: devices.clone(),
            directory: Arc::clone(&directory),
            attempts: Attempts::new(Arc::clone(&ephemeral)),
            bell,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            issuer: issuer.clone(),
            max_per_user: settings.max_devices,
        },
        decide: Decide { inbox: inbox.clone(), settle, clock: Arc::clone(&clock), entropy: Arc::clone(&entropy) },
        inbox,
        directory: Arc::clone(&directory),
        clock: Arc::clone(&clock),
        issuer: Issuer::parse(&issuer).map_err(|error| StartError::Issuer(error.to_string()))?,
    });

    let userinfo = UserInfoApi { introspect, entropy: Arc::clone(&entropy) };
    let api = OpenApiService::new((backchannel, token, management, userinfo), "Nod", env!("CARGO_PKG_VERSION"));
    let mut routes = Route::new()
        .at(path::DISCOVERY, get(discovery::discovery))
        .at(path::AUTHORIZATION_SERVER, get(discovery::discovery))
        .at(path::JWKS, get(discovery::jwks))
        .at(path::AUTHORIZATION, get(authorization::not_yet).post(authorization::not_yet))
        .nest("/device", device::routes(device_api));
    if settings.dev_mode {
        let dev = Arc::new(Dev {
            directory: Arc::clone(&directory),
            devices: devices.clone(),
            requests: requests.clone(),
            inboxes: inboxes.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            lifetime: settings.pairing_key_lifetime,
        });
        let issuer: Arc<str> = issuer.as_str().into();
        routes = routes.nest("/dev", dev::routes(dev)).at("/", get(dev::first_page.data(issuer)));
    }
    let routes = routes.nest("/", api).data(Discovery::new(&issuer)).data(Arc::clone(&ring));
    let audit = Audit { ledger: ledger.clone(), clock: Arc::clone(&clock), entropy: Arc::clone(&entropy), nonces };
    let public = Errors { inner: routes, audit }.with(Headers::new(Arc::clone(&entropy))).boxed();

    let draining = Draining::default();
    let readiness = Arc::new(Readiness { database: database.clone(), ephemeral: Arc::clone(&ephemeral) });
    let ops = Route::new().nest("/", health::routes(readiness, draining.clone())).map_to_response().boxed();
    let parts = Parts {
        database,
        ephemeral,
        directory,
        devices,
        requests,
        inboxes,
        ledger,
        keys,
        ring,
        clock,
        entropy,
        retell,
        tokens,
    };
    Ok(App { public, ops, parts, draining })
}

/// The `OpenAPI` document of the endpoints.
pub fn openapi() -> String {
    use poem_openapi::OpenApi as _;
    let _ = BackchannelAuthenticationApi::meta;
    String::new()
}
