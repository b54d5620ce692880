//! The composition root: the only room that builds adapters and wires use cases to routes.

mod administration;
mod devices;
mod direct;
mod mail;
mod parts;
mod push;
mod sign_in;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use nod_device::Issuer;
use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt as _, IntoEndpoint as _, Response, Route};
use poem_openapi::OpenApiService;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, OffsetClock};
use crate::domain::profile::Profiles;
use crate::domain::recovery::Means;
use crate::domain::signing_key::Schedule;
use crate::entropy::Entropy;
use crate::http::admin::AdminGate;
use crate::http::cross_origin::CrossOrigin;
use crate::http::discovery::{Discovery, Documents, Published};
use crate::http::dispatch::Dispatch;
use crate::http::error::Errors;
use crate::http::flow::FlowApi;
use crate::http::headers::Headers;
use crate::http::health::{self, Draining};
use crate::http::metrics as metrics_page;
use crate::http::registration::RegistrationApi;
use crate::http::userinfo::UserInfoApi;
use crate::http::{dev, openapi};
use crate::outbound::egress::Egress;
use crate::outbound::jwks::JwksCache;
use crate::outbound::push::Addresses;
use crate::protocol::trusted_issuers::TrustedIssuers;
use crate::secret::{MasterKey, Secret};
use crate::store::ephemeral::{Attempts, Ephemeral, Purpose, Replay, Shelf, StoreError};
use crate::store::kept::Kept;
use crate::store::measured::Measured;
use crate::store::redis::Settings as RedisSettings;
use crate::store::sql::Database;
use crate::store::sql::clients::Clients;
use crate::store::sql::directory::Directory;
use crate::store::sql::outbox::Outbox;
use crate::store::sql::people::People;
use crate::store::sql::registration::Registration;
use crate::store::sql::settings::{CheckMasterKey, WrongMasterKey};
use crate::store::sql::webhooks::Webhooks;
use crate::usecase::admin::Desk;
use crate::usecase::admin::authorize::Authorize;
use crate::usecase::authenticate_client::ClientKeys;
use crate::usecase::authenticate_device::Nonces;
use crate::usecase::certificates::Certificates;
use crate::usecase::dev::Dev;
use crate::usecase::dev::stories::Stories;
use crate::usecase::device_trust::read_payload::PayloadRules;
use crate::usecase::hashing::HashSettings;
use crate::usecase::introspect::Introspect;
use crate::usecase::issue::Lifetimes;
use crate::usecase::measure::Measure;
use crate::usecase::prove_possession::ProvePossession;
use crate::usecase::readiness::Readiness;
use crate::usecase::register_client::{Admission, RegisterClient};
use crate::usecase::request_authentication::Policy;
use crate::usecase::sign_in::limit_flows::MostFlows;
use crate::usecase::sign_in::read_request::Rules;
use crate::usecase::use_token::UseToken;
use crate::web;
use crate::web::assets::Assets;
use crate::web::dev::Keep;
use crate::web::docs::Docs;
use crate::web::provider::Browsed;
use crate::worker::Worker;

pub use self::mail::{Carriers, Mail, Texts, TextsBy};
pub use self::parts::Parts;

/// Whose pages and letters these are.
const BRAND: &str = "Nod";

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
    pub profiles: Profiles,
    /// Whose software statements are believed.
    pub trusted: TrustedIssuers,
    /// Who may say in a `login_hint_token` whom to ask, besides clients for themselves.
    pub hint_issuers: TrustedIssuers,
    /// How client certificates get here, and whose are worth something.
    pub certificates: Certificates,
    pub schedule: Schedule,
    pub max_devices: u32,
    /// What apps show of themselves at a sign-in.
    pub payloads: PayloadRules,
    pub pairing_key_lifetime: Duration,
    pub failed_authentications: u32,
    /// Backchannel requests that a client may make in a minute, and how often a person may be asked so in an hour.
    pub backchannel_requests: u32,
    pub questions_per_user: u32,
    /// Requests that a client may push in a second, and tokens that it may look behind.
    pub pushed_requests: u32,
    pub introspections: u32,
    pub hashing: HashSettings,
    /// Tries to log in with a password a minute, from one network.
    pub password_tries: u32,
    /// Messages about forgotten passwords an hour that may be asked for from one network.
    pub recoveries: u32,
    /// What they have in them.
    pub recovery: Means,
    pub mail: Mail,
    pub sms: Texts,
    /// Calls.
    pub voice: Texts,
    /// Texts and calls with codes an hour that may be asked for from one network.
    pub otps: u32,
    /// Who may register a client.
    pub registration: Admission,
    /// Registrations an hour, from one network.
    pub registrations: u32,
    /// Flows of one network and of one browser.
    pub flows: MostFlows,
    pub egress: Egress,
    /// Where the push services are.
    pub push: Addresses,
    /// Adds `/dev`, and pushes to phones stay there.
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
    pub flow_api: FlowApi,
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
                flows: Shelf::new(Arc::clone(&parts.ephemeral)),
                codes: Shelf::new(Arc::clone(&parts.ephemeral)),
                waiting: Shelf::new(Arc::clone(&parts.ephemeral)),
                clock,
                entropy: Arc::clone(&parts.entropy),
                lifetime: Duration::from_secs(60),
                introspect: Introspect {
                    tokens: parts.tokens.clone(),
                    directory: Arc::clone(&parts.directory),
                    keys: Arc::clone(&parts.ring),
                    subjects: Arc::clone(&parts.subjects),
                    clock: Arc::clone(&parts.clock),
                    issuer: parts.ring.issuer.clone(),
                },
                stories: Stories::new(&parts.database, &parts.directory),
            }),
            keys: Arc::clone(&parts.ring),
            entropy: Arc::clone(&parts.entropy),
            keep,
            told: parts.watchers.listen(),
            inbox: parts.carriers.dev_inbox.clone(),
        };
        let (public, work) = web::dev::around(self.public, needs).map_err(StartError::Pages)?;
        worker.run(work);
        Ok(Self { public, ..self })
    }
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

    let ephemeral = parts::ephemeral(&settings.ephemeral, &database, (&clock, &entropy), worker).await?;
    let ephemeral: Arc<dyn Ephemeral> = Arc::new(Measured(ephemeral));
    let parts = parts::parts(&settings, database, ephemeral, (clock, entropy), &master, worker);
    parts.keys.tend().await?;
    parts::run_beside(&parts, worker);
    administration::tell_webhooks(&settings, &parts, &master, worker);
    sign_in::tell_logouts(&settings, &parts, worker);
    tokens::ping_clients(&settings, &parts, worker);
    mail::send(&settings, &parts, &master, worker);
    push::send(&settings, &parts, &master, worker);

    let wiring = Wiring { settings, issuer, parts, master, shutdown };
    let (public, documents, flow_api) = wiring.public();
    let draining = Draining::default();
    let ops = wiring.ops(draining.clone());
    Ok(App { public, ops, documents, flow_api, parts: wiring.parts, draining })
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

    fn public(&self) -> (BoxEndpoint<'static, Response>, Documents, FlowApi) {
        let issuer = &self.settings.issuer;
        let keys = Arc::new(ClientKeys::new(JwksCache::new(self.settings.egress.clone())));
        let read = Arc::new(self.read_request(Arc::clone(&keys)));
        let authenticate = Arc::new(self.authenticate_client(Arc::clone(&keys)));
        let introspect = Arc::new(self.introspect());
        let nonces = Nonces::new(self.master.derive("device nonce"));
        let dpop_nonces = Nonces::new(self.master.derive("DPoP nonce"));
        let prove = Arc::new(ProvePossession {
            replay: Replay::new(self.store(), Purpose::DpopReplay),
            nonces: dpop_nonces.clone(),
            keys: Kept::new(10_000),
            clock: self.clock(),
            issuer: issuer.clone(),
            alias: self.settings.certificates.alias.clone(),
        });
        let issue = Arc::new(self.issue());
        let tokens = Arc::new(UseToken {
            introspect: Arc::clone(&introspect),
            prove: Arc::clone(&prove),
            profiles: self.settings.profiles,
        });
        let authorize = Arc::new(Authorize { tokens: Arc::clone(&tokens) });
        let apis = (
            self.backchannel(Arc::clone(&authenticate), Arc::clone(&prove), keys),
            self.token(Arc::clone(&authenticate), Arc::clone(&prove), &introspect, &issue),
            self.pushed_authorization_request(Arc::clone(&authenticate), prove, Arc::clone(&read)),
            self.device_authorization(Arc::clone(&authenticate)),
            self.token_management(authenticate, introspect, Arc::clone(&issue)),
            UserInfoApi { tokens, issue: Arc::clone(&issue), entropy: self.entropy() },
            self.registration(),
            self.device(nonces.clone()),
            self.admin(&authorize),
        );
        let openapi = openapi::Published::of(&apis);
        let api = OpenApiService::new(apis, "Nod", env!("CARGO_PKG_VERSION"));
        let mut routes = Route::new();
        if self.settings.dev_mode {
            routes = routes.nest("/dev", dev::routes(Arc::new(self.dev())));
        }
        let (discovery, ring) = (self.discovery(), Arc::clone(&self.parts.ring));
        let documents = Documents { discovery, openapi: openapi.clone(), ring };
        let base: Arc<str> = issuer.as_str().into();
        let inner = AdminGate {
            inner: Dispatch {
                routes,
                api: api.into_endpoint(),
                device_authentications: self.device_authentications(&authorize),
            },
            authorize,
            idempotency: self.idempotency(),
            openapi: openapi.clone(),
        };
        let provider = Arc::new(self.provider(read, issue));
        let flow_api = provider.flow_api.clone();
        let inner = Browsed { provider, inner };
        let inner = Assets(Docs::new(openapi.clone(), issuer, self.settings.dev_mode, inner));
        let record = self.parts.refusals.clone();
        (
            CrossOrigin(Errors {
                inner: Published { documents: documents.clone(), inner },
                record,
                nonces,
                dpop_nonces,
                clock: self.clock(),
                issuer: base,
                openapi,
            })
            .with(Headers::new(self.entropy()))
            .boxed(),
            documents,
            flow_api,
        )
    }

    fn discovery(&self) -> Discovery {
        let registers = self.settings.registration != Admission::Nobody;
        let Settings { issuer, authorization, profiles, certificates, .. } = &self.settings;
        Discovery::new(issuer, registers, authorization, &profiles.of_all(), certificates)
    }

    fn registration(&self) -> RegistrationApi {
        let register = RegisterClient {
            admission: self.settings.registration,
            most: self.settings.registrations,
            registration: Registration::new(self.parts.database.clone(), self.directory()),
            clients: Clients::new(self.parts.database.clone(), self.directory()),
            attempts: Attempts::new(self.store()),
            egress: self.settings.egress.clone(),
            profiles: self.settings.profiles,
            trusted: self.settings.trusted.clone(),
            desk: Desk { clock: self.clock(), entropy: self.entropy() },
            issuer: self.settings.issuer.clone(),
            certificates: self.settings.certificates.clone(),
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
}
