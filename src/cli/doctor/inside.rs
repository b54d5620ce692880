//! What can be seen from the server's own machine: the stores, the keys, the certificate's file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Findings;
use super::certificate;
use crate::cli::opened::redis;
use crate::cli::serve::{dev_data, schedule};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::Loaded;
use crate::domain::signing_key::{Due, State, StoredKey};
use crate::entropy::Entropy;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::origin::is_same_site;
use crate::secret::MasterKey;
use crate::store::ephemeral::{Ephemeral as _, StoreError};
use crate::store::redis::{Complaint, RedisStore};
use crate::store::sql::directory::Directory;
use crate::store::sql::keys::SigningKeys;
use crate::store::sql::settings::{CheckMasterKey, Found};
use crate::store::sql::sign_on::Applications;
use crate::store::sql::{Database, Engine};
use crate::usecase::signing_keys::{KeyRing, TendKeys};

/// More than this, and a token or a proof of one machine is too old or too young for another.
const TOLERATED_SKEW: Duration = Duration::from_secs(1);

/// A large file takes longer to read, and the other checks wait.
const WHOLE: Duration = Duration::from_secs(10);

/// Answers the keys that the server publishes, so that they can be looked for outside; and the database, where its tables
/// are what they should be.
pub(super) async fn look(loaded: &Loaded, findings: &mut Findings) -> (Vec<String>, Option<Database>) {
    let mut usable = None;
    let mut kids = Vec::new();
    if let Some(database) = database(loaded, findings).await {
        match inside_database(loaded, &database, findings).await {
            Ok(None) => {}
            Ok(Some(found)) => {
                kids = found;
                usable = Some(database);
            }
            Err(error) => findings.unreachable("database", error.to_string()),
        }
    }
    ephemeral(loaded, findings).await;
    if let Some(file) = &loaded.config.tls.cert {
        certificate::file(file, findings);
    }
    proxies(loaded, findings);
    (kids, usable)
}

async fn database(loaded: &Loaded, findings: &mut Findings) -> Option<Database> {
    let url = loaded.secrets.database_url.expose();
    if let Some(file) = url.strip_prefix("sqlite:") {
        // Opening it would make it.
        let path = file.trim_start_matches("//").split('?').next().unwrap_or_default();
        if !path.starts_with(':') && !std::path::Path::new(path).exists() {
            findings.unreachable("database", format!("there is no {path}: `nod migrate up` makes it"));
            return None;
        }
    }
    let started = Instant::now();
    let database = match Database::connect(&loaded.secrets.database_url).await {
        Ok(database) => database,
        Err(error) => {
            findings.unreachable("database", error.to_string());
            return None;
        }
    };
    if let Err(error) = database.ping().await {
        findings.unreachable("database", error.to_string());
        return None;
    }
    let took = started.elapsed();
    match tokio::time::timeout(WHOLE, database.damage()).await {
        Ok(Ok(None)) => {}
        Err(_) => findings.odd("database", format!("not all of it was read in {} s", WHOLE.as_secs())),
        Ok(Ok(Some(damage))) => {
            findings.wrong("database", format!("damaged: {damage}"));
            return None;
        }
        Ok(Err(error)) => {
            findings.unreachable("database", error.to_string());
            return None;
        }
    }
    let engine = if database.engine() == Engine::Sqlite { "SQLite" } else { "PostgreSQL" };
    findings.good("database", format!("{engine} takes writes, in {} ms", took.as_millis()));
    Some(database)
}

async fn inside_database(
    loaded: &Loaded,
    database: &Database,
    findings: &mut Findings,
) -> Result<Option<Vec<String>>, StoreError> {
    let pending = database.pending_migrations().await?;
    if !pending.is_empty() {
        findings.wrong("migrations", format!("{} pending: `nod migrate up`", pending.len()));
        return Ok(None);
    }
    findings.good("migrations", "up to date");
    let before = SystemClock.now();
    if let Some(theirs) = database.clock().await? {
        let ours = Timestamp::from_millis(before.millis().midpoint(SystemClock.now().millis()));
        let skew = theirs.since(ours).max(ours.since(theirs));
        let what = format!("{} ms apart from the database's", skew.as_millis());
        findings.add("clock", if skew > TOLERATED_SKEW { super::State::Wrong } else { super::State::Good }, what);
    }
    if !database.is_durable().await? {
        findings.wrong("durability", "fsync is off: a power cut loses what was answered");
    }
    if let Some(found) = dev_data(loaded, database).await?.filter(|_| !loaded.config.danger.dev_data) {
        findings.wrong("dev data", found);
    }
    applications(loaded, database, findings).await?;
    keys(loaded, database, findings).await.map(Some)
}

/// [flows.md F14] Browsers keep our cookie back from the pages of another site, and without it there is no flow.
async fn applications(loaded: &Loaded, database: &Database, findings: &mut Findings) -> Result<(), StoreError> {
    let (directory, _) = Directory::new(database.clone());
    for application in Applications::new(database.clone(), directory).all().await? {
        let redirectless = application.client_for_redirectless_mode.is_some();
        if !redirectless && !is_same_site(&loaded.config.issuer, application.url.as_str()) {
            let what = "is on another site than the issuer: browsers keep the cookie of a flow back from it";
            findings.odd("application", format!("{} {what}", application.id));
        }
    }
    Ok(())
}

async fn keys(loaded: &Loaded, database: &Database, findings: &mut Findings) -> Result<Vec<String>, StoreError> {
    let master = Arc::new(MasterKey::new(&loaded.secrets.master_key));
    match CheckMasterKey::new(database.clone()).look(&master).await? {
        Found::Fits => {}
        Found::Other => {
            findings.wrong("master key", "it is not the one that this database was made with");
            return Ok(Vec::new());
        }
        Found::Nothing => {
            findings.good("master key", "the database has none yet: the first start binds it");
            return Ok(Vec::new());
        }
    }
    let (directory, _) = Directory::new(database.clone());
    let tend = TendKeys {
        keys: SigningKeys::new(database.clone(), directory),
        ring: Arc::new(KeyRing::new(String::new())),
        master,
        schedule: schedule(&loaded.config),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Entropy::default()),
    };
    // Reads only; it opens every key that signs.
    match tend.load().await {
        Ok(()) => findings.good("master key", "opens the signing keys"),
        Err(error) => findings.wrong("master key", format!("does not open the signing keys: {error}")),
    }
    let stored = tend.keys.load().await?;
    let now = SystemClock.now();
    for algorithm in Algorithm::SIGNING {
        let own: Vec<StoredKey> = stored.iter().filter(|key| key.algorithm == algorithm).cloned().collect();
        one_algorithm(algorithm, &own, &tend.schedule.due(&own, now), now, findings);
    }
    let published = stored.iter().filter(|key| key.state != State::Retired);
    Ok(published.map(|key| key.kid.clone()).collect())
}

fn one_algorithm(algorithm: Algorithm, own: &[StoredKey], due: &[Due], now: Timestamp, findings: &mut Findings) {
    let Some(current) = own.iter().find(|key| key.state == State::Current) else {
        findings.odd("keys", format!("{algorithm}: none yet, the first start makes it"));
        return;
    };
    let days = |since: Timestamp| now.since(since).as_secs() / 86_400;
    let age = days(current.activated_at.unwrap_or(current.created_at));
    let overdue = due.iter().any(|due| matches!(due, Due::Promote(_) | Due::Retire(_)));
    let next =
        if own.iter().any(|key| key.state == State::Next) { "the next one is announced" } else { "no next one yet" };
    let what = format!("{algorithm}: signs since {age} days, {next}");
    if overdue {
        findings.odd("keys", format!("{what}; a change is due, and a running server would make it"));
    } else {
        findings.good("keys", what);
    }
}

async fn ephemeral(loaded: &Loaded, findings: &mut Findings) {
    let Some(settings) = redis(loaded) else {
        findings.good("pending", "beside the database: for one node");
        return;
    };
    let connected = RedisStore::connect(&settings, Arc::new(SystemClock), Arc::new(Entropy::default()));
    let (store, _) = match connected {
        Ok(connected) => connected,
        Err(error) => return findings.unreachable("redis", error.to_string()),
    };
    let started = Instant::now();
    // The first call may only begin to connect.
    let mut answer = store.ping().await;
    for _ in 0..5 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        answer = store.ping().await;
    }
    if let Err(error) = answer {
        return findings.unreachable("redis", error.to_string());
    }
    findings.good("redis", format!("takes writes, in {} ms", started.elapsed().as_millis()));
    match store.check_policy().await {
        Err(error) => findings.unreachable("redis", error.to_string()),
        Ok(complaints) => {
            for complaint in &complaints {
                let name = match complaint {
                    Complaint::ClockSkew { .. } => "clock",
                    Complaint::Evicts { .. } => "eviction",
                    Complaint::NotAppendOnly => "persistence",
                };
                findings.wrong(name, complaint.to_string());
            }
            if complaints.is_empty() {
                findings.good("redis", "noeviction, append-only, and its clock agrees");
            }
        }
    }
}

fn proxies(loaded: &Loaded, findings: &mut Findings) {
    let trusted = &loaded.config.proxy.trusted;
    if trusted.iter().any(|network| network.prefix_len() == 0) {
        findings.wrong("proxy", "proxy.trusted is everybody: anybody can invent an address");
    } else if !trusted.is_empty() {
        let trusted: Vec<_> = trusted.iter().map(ToString::to_string).collect();
        findings.good("proxy", format!("X-Forwarded-For is believed from {}", trusted.join(", ")));
    }
}
