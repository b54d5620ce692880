//! `nod serve`: the production server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::{self, App, EphemeralStore, Settings};
use crate::cli::certificates::{certificates, forwarded, second_edge};
use crate::cli::dev;
use crate::cli::exit::Exit;
use crate::cli::mail::mail;
use crate::cli::opened::redis;
use crate::cli::posture::dangers;
use crate::cli::server_certificate::Files;
use crate::cli::texts::texts;
use crate::clock::{Clock, SystemClock};
use crate::config::{
    Binding, Code, Config, ConfigError, Loaded, LogFormat, PayloadEncryption, Problem, Reading, RecoveryMeans,
    RegistrationMode, SecurityProfile, UnknownUser,
};
use crate::domain::inbox::Limits;
use crate::domain::password::Password;
use crate::domain::password::hash::{Cost, Hasher, Pepper, Verdict};
use crate::domain::profile::{Profile, Profiles};
use crate::domain::recovery::Means;
use crate::domain::signing_key::Schedule;
use crate::entropy::Entropy;
use crate::http::remote::{Cleartext, TrustedProxies};
use crate::http::second_port::SecondPort;
use crate::http::server::{self, Edge};
use crate::http::tls;
use crate::outbound::egress::{Egress, EgressSettings};
use crate::outbound::push::Addresses;
use crate::protocol::id::ClientId;
use crate::protocol::trusted_issuers::TrustedIssuers;
use crate::secret::MasterKey;
use crate::store::ephemeral::StoreError;
use crate::store::sql::Database;
use crate::store::sql::alone::Alone;
use crate::store::sql::directory::Directory;
use crate::store::sql::passwords::Passwords;
use crate::telemetry::{self, Format, Reader};
use crate::usecase::admin::bootstrap::OfferError;
use crate::usecase::device_trust::read_payload::PayloadRules;
use crate::usecase::hashing::HashSettings;
use crate::usecase::issue::Lifetimes;
use crate::usecase::register_client::Admission;
use crate::usecase::request_authentication::Policy;
use crate::usecase::sign_in::limit_flows::MostFlows;
use crate::usecase::sign_in::read_request::Rules;
use crate::worker::Worker;

pub(super) async fn run(place: &super::Settings, logging: super::Logging) -> Result<(), Exit> {
    let reading = Reading::new(&place.sources());
    let mut loaded = reading.usable().map_err(|reading| ConfigError::refused(reading.all_problems()))?;
    let refusals = std::mem::take(&mut loaded.refusals);
    let config = &loaded.config;
    let format = match config.log.format {
        LogFormat::Json => Format::Json,
        LogFormat::Text => Format::Text,
    };
    let _log = telemetry::start(logging.format(format), logging.detail(), Reader::Operator);
    let settings = settings(&loaded)?;
    let certificate = Files::read(config)?;
    let shown = certificate.as_ref().map(|files| Arc::clone(&files.shown));
    let wrong = |error: tls::TlsError| Exit::config(format!("tls: {error}"));
    let tls = shown.clone().map(tls::server_config).transpose().map_err(wrong)?;

    let database = Database::connect(&loaded.secrets.database_url).await?;
    if let Some(damage) = patiently(async || database.damage().await).await? {
        return Err(Exit::failed(format!("the database is damaged: {damage}\nbring back a backup (docs/backup.md)")));
    }
    let _alone = safe_to_start(&loaded, &database, refusals).await?;
    for key in dangers(&loaded) {
        tracing::warn!(setting = key, "an override of a safety rule is set");
    }
    let pending = patiently(async || database.pending_migrations().await).await?;
    if !pending.is_empty() {
        return Err(Exit::config(format!(
            "{} migrations are pending: run `nod migrate up -c ..` with the same configuration",
            pending.len()
        )));
    }
    let worker = Worker::default();
    if let Some(files) = certificate {
        worker.run(files.tend());
    }
    let shutdown = CancellationToken::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy = Arc::new(Entropy::default());
    let app = app::build(settings, database, (clock, entropy), &worker, shutdown.clone()).await?;

    offer_first_administrator(&app, &bootstrap_file(&loaded)).await?;

    let public = listen(config.listen.public).await?;
    let second = match config.mtls.listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let ops = listen(config.listen.ops).await?;
    tracing::info!(
        issuer = config.issuer,
        public = %config.listen.public,
        ops = %config.listen.ops,
        tls = tls.is_some(),
        mtls = config.mtls.listen.map(tracing::field::display),
        "ready"
    );
    let refusals = app.parts.refusals.clone();
    let mut limits = server::Limits::default();
    limits.connections = config.limits.connections;
    limits.connections_per_peer = config.limits.connections_per_ip;
    let proxies = TrustedProxies::new(config.proxy.trusted.clone());
    let (refusals, documents) = (Some(refusals), Some(app.documents.clone()));
    let flow_api = Some(app.flow_api.clone());
    let (forwarded, cleartext) = (forwarded(config), cleartext(config));
    let edge = Edge { limits, tls, proxies, forwarded, cleartext, public: refusals, documents, flow_api };
    let second = second.map(|listener| Ok::<_, Exit>((listener, second_edge(shown, &edge)?))).transpose()?;
    serve(app, (public, edge), second, ops, worker, shutdown).await
}

/// The reasons against starting that the configuration gives, and those that the database gives, in one
/// list. Where there is none: the claim to be the only node, for as long as it is held.
async fn safe_to_start(
    loaded: &Loaded,
    database: &Database,
    mut refusals: Vec<Problem>,
) -> Result<Option<Alone>, Exit> {
    let looked = if refusals.is_empty() {
        let ask = async || {
            database.ping().await?;
            look_into(loaded, database).await
        };
        patiently(ask).await
    } else {
        look_into(loaded, database).await
    };
    let (found, alone) = match looked {
        Ok(looked) => looked,
        // What is known already counts, whether the database answers or not.
        Err(error) if refusals.is_empty() => return Err(error.into()),
        Err(_) => (Vec::new(), None),
    };
    refusals.extend(found);
    if refusals.is_empty() { Ok(alone) } else { Err(ConfigError::refused(refusals).into()) }
}

/// A database that starts at the same time as the server, as after a power cut, is waited for this long.
const STARTING: Duration = Duration::from_secs(10);

/// No call waits long for a database; the start does, for one that does not answer yet.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut waited = false;
    let deadline = Instant::now() + STARTING;
    loop {
        match ask().await {
            Err(StoreError::Unavailable(error)) if Instant::now() < deadline => {
                if !waited {
                    tracing::warn!(%error, "the database does not answer: trying again for {} s", STARTING.as_secs());
                }
                waited = true;
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            done => return done,
        }
    }
}

async fn look_into(loaded: &Loaded, database: &Database) -> Result<(Vec<Problem>, Option<Alone>), StoreError> {
    let mut refusals = Vec::new();
    let danger = &loaded.config.danger;
    if !danger.dev_data
        && database.pending_migrations().await?.is_empty()
        && let Some(found) = dev_data(loaded, database).await?
    {
        let help = "delete it (nod client delete, nod user delete), or start with a database of its own, or set danger.dev_data";
        refusals.push(Problem::found(Code::DevData, found, help));
    }
    let mut alone = None;
    if loaded.secrets.redis_url.is_none() && !danger.shared_embedded {
        alone = claim(async || database.alone().await).await?;
        if alone.is_none() {
            let message = "another node serves this database, and pending requests are not in Redis";
            let help = "stop it, or set ephemeral.url to a Redis for both, or set danger.shared_embedded";
            refusals.push(Problem::found(Code::SharedEmbedded, message, help));
        }
    }
    Ok((refusals, alone))
}

/// Waits a moment for a node that is about to end.
pub(super) async fn claim<E>(alone: impl AsyncFn() -> Result<Option<Alone>, E>) -> Result<Option<Alone>, E> {
    for _ in 0..8 {
        if let Some(alone) = alone().await? {
            return Ok(Some(alone));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    alone().await
}

/// A client or a person with what dev mode gives them, and everybody knows.
pub(super) async fn dev_data(loaded: &Loaded, database: &Database) -> Result<Option<String>, StoreError> {
    let (directory, _) = Directory::new(database.clone());
    for (id, _, secret) in dev::CLIENTS {
        let Some(known) = ClientId::parse(id) else { continue };
        let open = directory.client(&known).await?.is_some_and(|client| {
            let secrets = client.authentication.secrets();
            secrets.is_some_and(|secrets| secrets.accept(secret.as_bytes(), SystemClock.now()))
        });
        if open {
            return Ok(Some(format!("the client {id} still has the secret that dev mode gives it")));
        }
    }
    let pepper = Pepper::new(&MasterKey::new(&loaded.secrets.master_key));
    let hasher = Hasher { pepper, cost: Cost::default() };
    for (username, _) in dev::PEOPLE {
        let Some(user) = directory.user_by_username(username).await? else { continue };
        let Some(stored) = Passwords::new(database.clone()).find(user.id).await? else { continue };
        let Ok(password) = Password::presented(username) else { continue };
        let verdict = hasher.verify(user.id, &password, &stored.hash).map_err(StoreError::unavailable)?;
        if matches!(verdict, Verdict::Right | Verdict::RightButOutdated) {
            return Ok(Some(format!("the user {username} still has the password that dev mode gives them")));
        }
    }
    Ok(None)
}

/// Beside the configuration, unless it says where.
fn bootstrap_file(loaded: &Loaded) -> PathBuf {
    let usual = || {
        let beside = loaded.values.files.first().map_or(Path::new(""), |file| file.as_path());
        beside.with_file_name("bootstrap-token")
    };
    loaded.config.admin.bootstrap_file.clone().unwrap_or_else(usual)
}

/// While there is no administrator, each start writes a token for the first one.
async fn offer_first_administrator(app: &App, file: &Path) -> Result<(), Exit> {
    match app.parts.bootstrap.offer(file).await {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!(
                file = %file.display(),
                "no administrator yet: POST /admin/v1/bootstrap with the token in this file makes the first one"
            );
        }
        Err(OfferError::Store(error)) => return Err(error.into()),
        // The server is of use without administrators; `nod client create` makes one as well.
        Err(error @ OfferError::File { .. }) => {
            tracing::warn!(%error, "no administrator yet, and no token for the first one: set admin.bootstrap_file");
        }
    }
    Ok(())
}

async fn serve(
    app: App,
    (public, edge): (TcpListener, Edge),
    second: Option<(TcpListener, Edge)>,
    ops: TcpListener,
    worker: Worker,
    shutdown: CancellationToken,
) -> Result<(), Exit> {
    let App { public: endpoint, ops: ops_endpoint, parts, draining, flow_api, .. } = app;
    let ops_down = CancellationToken::new();
    worker.finish(server::serve(ops, ops_endpoint, Edge::default(), ops_down.clone()));
    let endpoint = Arc::new(endpoint);
    let second = second
        .map(|(listener, edge)| server::serve(listener, SecondPort(Arc::clone(&endpoint)), edge, shutdown.clone()));
    let second = async move {
        if let Some(serving) = second {
            serving.await;
        }
    };
    let serving = join(server::serve(public, endpoint, edge, shutdown.clone()), second);
    tokio::pin!(serving);
    tokio::select! {
        _ = &mut serving => {}
        () = stopped() => {
            // Not ready first, then no new connections: a balancer sends nothing into a closing door.
            draining.0.store(true, Ordering::Relaxed);
            tracing::info!("stopping");
            shutdown.cancel();
            serving.await;
        }
    }
    ops_down.cancel();
    parts.refusals.finish().await;
    // With the last clone of the ledger gone, its writer commits what is left and ends.
    drop((parts, flow_api));
    worker.stop(Duration::from_secs(5)).await;
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Exit> {
    std::fs::read(file).map_err(|error| Exit::config(format!("{} cannot be read: {error}", file.display())))
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Exit> {
    TcpListener::bind(address).await.map_err(|error| Exit::failed(format!("cannot listen on {address}: {error}")))
}

/// Ctrl-C or SIGTERM.
pub(super) async fn stopped() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

fn cleartext(config: &Config) -> Cleartext {
    match (config.danger.plain_http, config.issuer.starts_with("https://")) {
        (true, _) => Cleartext::Everybody,
        (false, true) => Cleartext::Nobody,
        // There is no such issuer but on this machine.
        (false, false) => Cleartext::ThisMachine,
    }
}

fn payloads(config: &Config) -> PayloadRules {
    PayloadRules {
        max_age: config.payload.max_age,
        bound: config.payload.binding == Binding::Required,
        encrypted: config.payload.encryption == PayloadEncryption::Required,
    }
}

pub(super) fn schedule(config: &Config) -> Schedule {
    Schedule {
        rotate_after: config.keys.rotate_after,
        announce_before: config.keys.announce_before,
        retire_after: config.keys.retire_after,
    }
}

/// What every client is held to.
pub(super) fn profiles(config: &Config) -> Profiles {
    let server = config.profile.map(|profile| match profile {
        SecurityProfile::OAuth21 => Profile::OAuth21,
        SecurityProfile::Fapi2Security => Profile::Fapi2Security,
        SecurityProfile::Fapi2MessageSigning => Profile::Fapi2MessageSigning,
        SecurityProfile::FapiCiba => Profile::FapiCiba,
    });
    Profiles { server }
}

/// What holds for the authorization requests of every client.
pub(super) fn rules(config: &Config) -> Rules {
    let authorization = &config.authorization;
    Rules {
        require_pushed: authorization.require_pushed,
        session_management: authorization.session_management,
        details: authorization.details.clone().into(),
    }
}

pub(super) fn hashing(config: &Config) -> HashSettings {
    HashSettings {
        cost: Cost { memory: config.passwords.memory, iterations: config.passwords.iterations },
        at_once: config.passwords.hashes_at_once,
        queue: config.passwords.queue,
        ..HashSettings::default()
    }
}

/// Whose word counts, out of the file of a setting.
fn trusted(setting: &str, file: Option<&Path>) -> Result<TrustedIssuers, Exit> {
    let Some(file) = file else { return Ok(TrustedIssuers::default()) };
    TrustedIssuers::parse(&read(file)?).map_err(|error| Exit::config(format!("{setting}: {error}")))
}

/// What may be called besides the public internet.
pub(super) fn egress(config: &Config) -> Result<EgressSettings, Exit> {
    Ok(EgressSettings {
        allowed_networks: config.outbound.allow.clone(),
        extra_trust_anchors: config.outbound.extra_ca.as_deref().map(read).transpose()?.unwrap_or_default(),
        ..EgressSettings::default()
    })
}

fn settings(loaded: &Loaded) -> Result<Settings, Exit> {
    let config = &loaded.config;
    let outbound = egress(config)?;
    let statements = config.registration.software_statement_issuers.as_deref();
    let hints = config.ciba.login_hint_token_issuers.as_deref();
    let egress = Egress::new(&outbound).map_err(|error| Exit::config(format!("outbound: {error}")))?;
    let [sms, voice] = texts(loaded, &egress)?;
    Ok(Settings {
        issuer: config.issuer.clone(),
        ephemeral: redis(loaded).map_or(EphemeralStore::Embedded, EphemeralStore::Redis),
        master_key: loaded.secrets.master_key.clone(),
        policy: Policy {
            default_expiry: config.ciba.default_expiry,
            max_expiry: config.ciba.max_expiry,
            interval: u16::try_from(config.ciba.interval.as_secs()).unwrap_or(60),
            uniform: config.ciba.unknown_user == UnknownUser::Uniform,
            limits: Limits {
                per_user: config.limits.requests_per_user,
                per_client_and_user: config.limits.requests_per_client_and_user,
            },
        },
        hold: config.ciba.long_poll,
        lifetimes: Lifetimes {
            access: config.tokens.access,
            id: config.tokens.id,
            refresh_idle: config.tokens.refresh_idle,
            refresh_absolute: config.tokens.refresh_absolute,
        },
        authorization: rules(config),
        profiles: profiles(config),
        trusted: trusted("registration.software_statement_issuers", statements)?,
        hint_issuers: trusted("ciba.login_hint_token_issuers", hints)?,
        certificates: certificates(config)?,
        schedule: schedule(config),
        max_devices: config.devices.max_per_user,
        payloads: payloads(config),
        pairing_key_lifetime: config.devices.pairing_key_lifetime,
        failed_authentications: config.limits.failed_authentications,
        backchannel_requests: config.limits.backchannel_requests,
        questions_per_user: config.limits.questions_per_user,
        pushed_requests: config.limits.pushed_requests,
        introspections: config.limits.introspections,
        hashing: hashing(config),
        password_tries: config.limits.password_tries,
        recoveries: config.limits.recoveries,
        recovery: match config.mail.recovery {
            RecoveryMeans::Both => Means::Both,
            RecoveryMeans::Code => Means::Code,
            RecoveryMeans::Link => Means::Link,
        },
        mail: mail(loaded, &outbound.extra_trust_anchors)?,
        sms,
        voice,
        otps: config.limits.otps,
        registration: match config.registration.mode {
            RegistrationMode::Off => Admission::Nobody,
            RegistrationMode::Token => Admission::Invited,
            RegistrationMode::Open => Admission::Anybody,
        },
        registrations: config.limits.registrations,
        flows: MostFlows {
            begun: config.limits.flows,
            missed: config.limits.flow_misses,
            of_browser: config.limits.flows_per_browser,
        },
        egress,
        push: Addresses::default(),
        dev_mode: false,
    })
}
