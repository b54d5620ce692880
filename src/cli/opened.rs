//! The data of a server, opened for a command.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Place;
use crate::cli::exit::Exit;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Loaded, Sources, parse_master_key};
use crate::domain::password::hash::{Hasher, Pepper};
use crate::domain::profile::Profiles;
use crate::domain::signing_key::Schedule;
use crate::entropy::Entropy;
use crate::outbound::egress::Egress;
use crate::secret::{MasterKey, Secret};
use crate::store::embedded::EmbeddedStore;
use crate::store::ephemeral::{Ephemeral, Shelf, StoreError};
use crate::store::redis::{RedisStore, Settings as RedisSettings};
use crate::store::shelves::DeviceBell;
use crate::store::sql::Database;
use crate::store::sql::directory::Directory;
use crate::store::sql::keys::SigningKeys;
use crate::store::sql::ledger::Ledger;
use crate::store::sql::outbox::{Kind, Outbox};
use crate::store::sql::trail::Trail;
use crate::store::sql::user_codes::UserCodes;
use crate::store::sql::webhooks::Webhooks;
use crate::usecase::admin::Desk;
use crate::usecase::admin::user_codes::ManageUserCodes;
use crate::usecase::admin::webhooks::ManageWebhooks;
use crate::usecase::hashing::{HashSettings, Hashing};
use crate::usecase::pairing_keys::RecognisePairingKeys;
use crate::usecase::password_ladder::PasswordLadder;
use crate::usecase::push::queue::QueuePushes;
use crate::usecase::settle::{OutboxBell, Settle};
use crate::usecase::signing_keys::{KeyRing, TendKeys};
use crate::usecase::tell_person::TellPerson;
use crate::worker::Worker;

pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) directory: Arc<Directory>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<Entropy>,
    ephemeral: Option<RedisSettings>,
    master_key: Secret<[u8; 32]>,
    /// `None`: dev mode's.
    config: Option<Config>,
    /// Ends with the command.
    worker: Worker,
    schedule: Schedule,
    pub(super) pairing_key_lifetime: Duration,
    hashing: HashSettings,
    pub(super) issuer: String,
    /// What the server holds every client to.
    pub(super) profiles: Profiles,
    /// No question waits longer.
    pub(super) max_expiry: Duration,
}

impl Opened {
    /// Opens the database and says so when its tables are not up to date.
    pub(super) async fn new(place: &Place) -> Result<Self, Exit> {
        let opened = Self::unchecked(place).await?;
        let pending = opened.database.pending_migrations().await?;
        if pending.is_empty() {
            Ok(opened)
        } else {
            Err(Exit::config(format!("{} migrations are pending: run `nod migrate up`", pending.len())))
        }
    }

    pub(super) async fn unchecked(place: &Place) -> Result<Self, Exit> {
        let mut schedule = Schedule::default();
        let mut pairing_key_lifetime = Duration::from_secs(600);
        let mut max_expiry = super::dev::MAX_EXPIRY;
        let mut hashing = HashSettings::default();
        let mut profiles = Profiles::default();
        let mut issuer = "http://localhost:8080".to_owned();
        let mut config = None;
        let (url, ephemeral, master_key) = if place.config.is_empty() {
            dev_mode(&place.data_dir)?
        } else {
            let loaded = Loaded::load(&Sources { files: place.config.clone(), flags: Vec::new() })?;
            issuer.clone_from(&loaded.config.issuer);
            max_expiry = loaded.config.ciba.max_expiry;
            schedule = super::serve::schedule(&loaded.config);
            profiles = super::serve::profiles(&loaded.config);
            hashing = super::serve::hashing(&loaded.config);
            pairing_key_lifetime = loaded.config.devices.pairing_key_lifetime;
            let ephemeral = redis(&loaded);
            config = Some(loaded.config);
            (loaded.secrets.database_url, ephemeral, loaded.secrets.master_key)
        };
        let database = Database::connect(&url).await?;
        let (directory, _) = Directory::new(database.clone());
        Ok(Self {
            database,
            directory,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Entropy::default()),
            ephemeral,
            master_key,
            config,
            worker: Worker::default(),
            schedule,
            pairing_key_lifetime,
            hashing,
            issuer,
            profiles,
            max_expiry,
        })
    }

    /// For the rules of administration.
    pub(super) fn desk(&self) -> Desk {
        Desk { clock: Arc::clone(&self.clock), entropy: Arc::clone(&self.entropy) }
    }

    /// Letters and texts are carried by the server.
    pub(super) fn tell(&self) -> TellPerson {
        let letters = self.config.as_ref().and_then(|config| config.mail.host.as_ref()).map(|_| Kind::Mail);
        let texts = self.config.as_ref().and_then(|config| config.sms.sender.as_ref()).map(|_| Kind::Text);
        TellPerson {
            directory: Arc::clone(&self.directory),
            outbox: letters.or(texts).map(|kind| (Outbox::new(self.database.clone()), kind)),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }

    pub(super) fn recognise_pairing_keys(&self) -> Arc<RecognisePairingKeys> {
        Arc::new(RecognisePairingKeys::new(&MasterKey::new(&self.master_key)))
    }

    pub(super) async fn user_codes(&self) -> Result<ManageUserCodes, StoreError> {
        let master = MasterKey::new(&self.master_key);
        let hasher = Hasher { pepper: Pepper::new(&master), cost: self.hashing.cost };
        Ok(ManageUserCodes {
            codes: UserCodes::new(self.database.clone()),
            hashing: Arc::new(Hashing::new(hasher, &self.hashing, Arc::clone(&self.entropy))),
            ladder: PasswordLadder::new(Shelf::new(self.ephemeral().await?), &master),
            desk: self.desk(),
        })
    }

    pub(super) fn webhooks(&self) -> Result<ManageWebhooks, Exit> {
        // Nothing is called from here, but what is registered has to be something that the server may call.
        let outbound = self.config.as_ref().map_or_else(|| Ok(super::dev::egress()), super::serve::egress)?;
        Ok(ManageWebhooks {
            webhooks: Webhooks::new(self.database.clone()),
            trail: Arc::new(Trail::new(self.database.clone())),
            master: Arc::new(MasterKey::new(&self.master_key)),
            egress: Egress::new(&outbound).map_err(|error| Exit::config(format!("outbound: {error}")))?,
            desk: self.desk(),
        })
    }

    pub(super) async fn ephemeral(&self) -> Result<Arc<dyn Ephemeral>, StoreError> {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        if let Some(settings) = &self.ephemeral {
            // Commands wake others and are woken by nobody: the listening half stays idle.
            return Ok(Arc::new(RedisStore::connect(settings, clock, entropy)?.0));
        }
        let (store, working) = EmbeddedStore::open(&self.database, clock, entropy).await?;
        self.worker.run(working);
        Ok(Arc::new(store))
    }

    /// Decides questions; and what writes for that, which ends when the other is dropped.
    pub(super) fn settle(&self, store: &Arc<dyn Ephemeral>) -> (Settle, impl Future<Output = ()> + use<>) {
        let (ledger, writing) = Ledger::new(self.database.clone());
        let settle = Settle {
            requests: Shelf::new(Arc::clone(store)),
            inboxes: Shelf::new(Arc::clone(store)),
            bell: DeviceBell::new(Arc::clone(store)),
            directory: Arc::clone(&self.directory),
            ledger,
            pings: OutboxBell::default(),
            // A server sends them.
            pushes: QueuePushes {
                outbox: Outbox::new(self.database.clone()),
                bell: OutboxBell::default(),
                entropy: Arc::clone(&self.entropy),
            },
        };
        (settle, writing)
    }

    pub(super) fn keys(&self) -> TendKeys {
        TendKeys {
            keys: SigningKeys::new(self.database.clone(), Arc::clone(&self.directory)),
            ring: Arc::new(KeyRing::new(String::new())),
            master: Arc::new(MasterKey::new(&self.master_key)),
            schedule: self.schedule,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }
}

pub(super) fn redis(loaded: &Loaded) -> Option<RedisSettings> {
    let prefix = loaded.config.ephemeral.prefix.clone();
    loaded.secrets.redis_url.clone().map(|url| RedisSettings { url, prefix })
}

type Dev = (Secret<String>, Option<RedisSettings>, Secret<[u8; 32]>);

fn dev_mode(directory: &Path) -> Result<Dev, Exit> {
    let file = directory.join("master.key");
    let text = std::fs::read_to_string(&file).map_err(|_| {
        Exit::config(format!(
            "no data of dev mode in {}: start `nod dev` first, or name a configuration with -c",
            directory.display()
        ))
    })?;
    let key = parse_master_key(&text).ok_or_else(|| Exit::config(format!("{} is no key", file.display())))?;
    Ok((Secret::new(format!("sqlite:{}", directory.join("dev.db").display())), None, key))
}
