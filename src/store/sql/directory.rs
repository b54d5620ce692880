//! Who and what we know: clients, people and their devices, read on every request and changed
//! seldom. Answers come from memory without asking the database.
//!
//! Every change counts up an *epoch* in its own transaction. Each node reads the epochs three times
//! a second; what it has cached under an earlier one counts no more. Whoever could not read them for
//! a second does not know what was changed, and asks or fails rather than answer from memory
//! [reliability I12].

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::{Database, Engine, Row, Transaction, WriteError, bytes, sign_on};
use crate::clock::Timestamp;
use crate::domain::client::Client;
use crate::domain::device::{self, About, Device, Installation};
use crate::domain::push::Provider;
use crate::domain::sign_on::SignOn;
use crate::domain::user::{self, User};
use crate::protocol::id::{ClientId, DeviceId, InstallationId, NativeApplicationId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::kept::Kept;

/// How often a node looks whether something was changed elsewhere.
const LOOK: Duration = Duration::from_millis(300);

/// Knowledge older than this is no knowledge.
const FRESH: Duration = Duration::from_secs(1);

/// How long one look may take; then whoever waits is told that the database is away.
const LOOK_TIMEOUT: Duration = Duration::from_millis(500);

const ENTRIES: usize = 100_000;

/// What an epoch is counted for. The name is its row in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Clients,
    People,
    Keys,
    /// Policies, applications, and the settings beside them.
    SignOn,
}

impl Area {
    const ALL: [Self; 4] = [Self::Clients, Self::People, Self::Keys, Self::SignOn];

    const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::People => "people",
            Self::Keys => "keys",
            Self::SignOn => "sign_on",
        }
    }
}

/// The devices of a user, primary first, each with its installation.
pub type Devices = Arc<Vec<(Device, Arc<Installation>)>>;

/// An installation and the devices that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    pub installation: Installation,
    pub devices: Vec<Device>,
}

type Remembered<K, V> = Kept<K, (i64, Option<V>)>;

pub struct Directory {
    database: Database,
    clients: Remembered<ClientId, Arc<Client>>,
    users: Remembered<UserId, Arc<User>>,
    usernames: Remembered<String, Arc<User>>,
    emails: Remembered<String, Arc<User>>,
    devices: Remembered<UserId, Devices>,
    installations: Remembered<String, Arc<Paired>>,
    /// All of it is one entry.
    sign_on: Remembered<(), Arc<SignOn>>,
    epochs: Epochs,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Directory")
    }
}

impl Directory {
    /// The future looks for changes of other nodes until it is dropped. Without it, the directory
    /// looks when somebody asks.
    pub fn new(database: Database) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let directory = Arc::new(Self {
            database,
            clients: Kept::new(ENTRIES),
            users: Kept::new(ENTRIES),
            usernames: Kept::new(ENTRIES),
            emails: Kept::new(ENTRIES),
            devices: Kept::new(ENTRIES),
            installations: Kept::new(ENTRIES),
            sign_on: Kept::new(2),
            epochs: Epochs::default(),
        });
        let looking = Arc::clone(&directory);
        let look = async move {
            loop {
                if let Err(error) = looking.look().await {
                    warn!(%error, "cannot look for changes");
                }
                sleep(LOOK).await;
            }
        };
        (directory, look)
    }

    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        self.remembered(&self.clients, Area::Clients, id, async {
            let sql = "SELECT document FROM client WHERE id = $1";
            let row = self.database.find(sql, [id.as_str().into()]).await?;
            row.map(|row| Ok(Arc::new(client(&row)?))).transpose()
        })
        .await
    }

    pub async fn user(&self, id: &UserId) -> Result<Option<Arc<User>>, StoreError> {
        self.remembered(&self.users, Area::People, id, async {
            let sql = "SELECT id, username, document, status, created_at, updated_at FROM account WHERE id = $1";
            let row = self.database.find(sql, [bytes(id.uuid())]).await?;
            row.map(|row| Ok(Arc::new(user(&row)?))).transpose()
        })
        .await
    }

    pub async fn user_by_username(&self, username: &str) -> Result<Option<Arc<User>>, StoreError> {
        self.remembered(&self.usernames, Area::People, username, async {
            // PostgreSQL refuses such a text; nobody is called so.
            if username.contains('\0') {
                return Ok(None);
            }
            let sql = "SELECT id, username, document, status, created_at, updated_at FROM account WHERE username = $1";
            let row = self.database.find(sql, [username.into()]).await?;
            row.map(|row| Ok(Arc::new(user(&row)?))).transpose()
        })
        .await
    }

    /// Whose mail address this is, verified and compared as text. Where two have it, it is nobody's.
    pub async fn user_by_email(&self, address: &str) -> Result<Option<Arc<User>>, StoreError> {
        self.remembered(&self.emails, Area::People, address, async {
            // PostgreSQL refuses such a text; nobody has it.
            if address.contains('\0') {
                return Ok(None);
            }
            let sql = match self.database.engine() {
                Engine::Sqlite => {
                    "SELECT id, username, document, status, created_at, updated_at FROM account \
                     WHERE json_extract(document, '$.email') = $1 \
                     AND json_extract(document, '$.email_verified') LIMIT 2"
                }
                Engine::Postgres => {
                    "SELECT id, username, document, status, created_at, updated_at FROM account \
                     WHERE CAST(document AS json) ->> 'email' = $1 \
                     AND CAST(document AS json) ->> 'email_verified' = 'true' LIMIT 2"
                }
            };
            match self.database.find_all(sql, [address.into()]).await?.as_slice() {
                [row] => Ok(Some(Arc::new(user(row)?))),
                _ => Ok(None),
            }
        })
        .await
    }

    /// The devices of a user, blocked ones too, primary first. Empty for an unknown user.
    pub async fn devices_of(&self, user: &UserId) -> Result<Devices, StoreError> {
        let devices = self
            .remembered(&self.devices, Area::People, user, async {
                let sql = format!("SELECT {BOTH} WHERE d.user_id = $1 ORDER BY d.position");
                let rows = self.database.find_all(&sql, [bytes(user.uuid())]).await?;
                let devices = rows.iter().map(|row| both(row).map(|(device, of)| (device, Arc::new(of))));
                Ok(Some(Arc::new(devices.collect::<Result<Vec<_>, StoreError>>()?)))
            })
            .await?;
        Ok(devices.unwrap_or_default())
    }

    /// Whether a device is one of this user still, and may speak for them.
    pub async fn may_answer(&self, user: &UserId, device: DeviceId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.devices_of(user).await?.iter().any(|(own, _)| own.id == device && own.may_answer(now)))
    }

    /// The installation whose key has this thumbprint, be it the present one or an announced one.
    pub async fn installation_by_jkt(&self, jkt: &str) -> Result<Option<Arc<Paired>>, StoreError> {
        self.remembered(&self.installations, Area::People, jkt, async {
            let sql = format!("SELECT {BOTH} WHERE i.jkt = $1 OR i.next_jkt = $1 ORDER BY d.paired_at, d.id");
            let rows = self.database.find_all(&sql, [jkt.into()]).await?;
            let Some(first) = rows.first() else { return Ok(None) };
            let (_, installation) = both(first)?;
            let devices = rows.iter().map(device).collect::<Result<Vec<_>, StoreError>>()?;
            Ok(Some(Arc::new(Paired { installation, devices })))
        })
        .await
    }

    /// What operators have decided about signing in.
    pub async fn sign_on(&self) -> Result<Arc<SignOn>, StoreError> {
        let sign_on = self.remembered(&self.sign_on, Area::SignOn, &(), async {
            let rows = self.database.find_all(sign_on::ALL, []).await?;
            sign_on::read(&rows).map(|sign_on| Some(Arc::new(sign_on)))
        });
        sign_on.await?.ok_or(StoreError::Corrupt("no sign-on settings"))
    }

    /// Grows whenever a signing key is made, promoted or retired on any node.
    pub fn keys_epoch(&self) -> i64 {
        self.epochs.of(Area::Keys).load(Ordering::Acquire)
    }

    async fn remembered<K, Q, V>(
        &self,
        cache: &Remembered<K, V>,
        area: Area,
        key: &Q,
        load: impl Future<Output = Result<Option<V>, StoreError>>,
    ) -> Result<Option<V>, StoreError>
    where
        K: Hash + Eq + std::borrow::Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        V: Clone,
    {
        self.look_if_stale().await?;
        // Taken before the database is read: what changes meanwhile makes this entry an old one.
        let epoch = self.epochs.of(area).load(Ordering::Acquire);
        if let Some((since, value)) = cache.get(key)
            && since == epoch
        {
            return Ok(value);
        }
        let value = load.await?;
        cache.insert(key.to_owned(), (epoch, value.clone()));
        Ok(value)
    }

    async fn look_if_stale(&self) -> Result<(), StoreError> {
        if self.epochs.are_fresh() {
            return Ok(());
        }
        // One asks for all. Whoever queued behind a failure fails with it.
        let mut failed = self.epochs.looking.lock().await;
        if self.epochs.are_fresh() {
            return Ok(());
        }
        if failed.is_some_and(|at| at.elapsed() < LOOK) {
            return Err(StoreError::unavailable("the directory cannot tell what was changed"));
        }
        let looked = self.look().await;
        *failed = looked.is_err().then(Instant::now);
        looked
    }

    /// Reads the epochs: from now on this node knows what was committed before, by whomever.
    pub async fn look(&self) -> Result<(), StoreError> {
        let (started, own) = (Instant::now(), self.epochs.own_changes.load(Ordering::Acquire));
        let read = self.database.find_all("SELECT name, value FROM epoch", []);
        let rows = timeout(LOOK_TIMEOUT, read).await.map_err(StoreError::unavailable)??;
        let mut went_back = false;
        {
            let _changes = self.epochs.changing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // What we changed ourselves meanwhile is newer than what was read.
            let undisturbed = self.epochs.own_changes.load(Ordering::Acquire) == own;
            for row in &rows {
                let (name, value): (String, i64) = (row.get(0)?, row.get(1)?);
                for area in Area::ALL.into_iter().filter(|area| area.name() == name) {
                    let epoch = self.epochs.of(area);
                    if undisturbed {
                        went_back |= epoch.swap(value, Ordering::AcqRel) > value;
                    } else {
                        epoch.fetch_max(value, Ordering::AcqRel);
                    }
                }
            }
            self.epochs.looked_at(started);
        }
        if went_back {
            // The database was restored: an old number may come to mean something else.
            self.forget();
        }
        Ok(())
    }

    fn forget(&self) {
        self.clients.clear();
        self.users.clear();
        self.usernames.clear();
        self.emails.clear();
        self.devices.clear();
        self.installations.clear();
        self.sign_on.clear();
    }

    /// A change of our own was committed: it counts on this node at once.
    pub(super) fn changed(&self, change: Change) {
        let _changes = self.epochs.changing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.epochs.own_changes.fetch_add(1, Ordering::AcqRel);
        self.epochs.of(change.area).fetch_max(change.epoch, Ordering::AcqRel);
    }
}

/// A change that will count when its transaction is committed.
#[derive(Clone, Copy, Debug)]
#[must_use = "tell the directory after the commit"]
pub(super) struct Change {
    area: Area,
    epoch: i64,
}

impl Transaction {
    /// Counts a change. The last statement of its transaction: whoever comes second waits here.
    pub(super) async fn change(&self, area: Area) -> Result<Change, WriteError> {
        let row = self
            .find("UPDATE epoch SET value = value + 1 WHERE name = $1 RETURNING value", [area.name().into()])
            .await?
            .ok_or(StoreError::Corrupt("an epoch is missing"))?;
        Ok(Change { area, epoch: row.get(0)? })
    }
}

struct Epochs {
    clients: AtomicI64,
    people: AtomicI64,
    keys: AtomicI64,
    sign_on: AtomicI64,
    start: Instant,
    /// Milliseconds after `start` at which the epochs were last known to be right.
    known: AtomicU64,
    own_changes: AtomicU64,
    changing: std::sync::Mutex<()>,
    /// When the last look failed.
    looking: Mutex<Option<Instant>>,
}

impl Default for Epochs {
    fn default() -> Self {
        Self {
            clients: AtomicI64::new(0),
            people: AtomicI64::new(0),
            keys: AtomicI64::new(0),
            sign_on: AtomicI64::new(0),
            start: Instant::now(),
            known: AtomicU64::new(0),
            own_changes: AtomicU64::new(0),
            changing: std::sync::Mutex::new(()),
            looking: Mutex::new(None),
        }
    }
}

impl Epochs {
    const fn of(&self, area: Area) -> &AtomicI64 {
        match area {
            Area::Clients => &self.clients,
            Area::People => &self.people,
            Area::Keys => &self.keys,
            Area::SignOn => &self.sign_on,
        }
    }

    /// Never at first: zero is before the first look.
    fn are_fresh(&self) -> bool {
        let known = self.known.load(Ordering::Acquire);
        known > 0 && self.start.elapsed() < Duration::from_millis(known) + FRESH
    }

    fn looked_at(&self, at: Instant) {
        let millis = u64::try_from(at.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        self.known.fetch_max(millis.max(1), Ordering::AcqRel);
    }
}

pub(super) fn client(row: &Row) -> Result<Client, StoreError> {
    let document: String = row.get(0)?;
    serde_json::from_str(&document).map_err(|_| StoreError::Corrupt("a client that cannot be read"))
}

/// What of a user is in the document.
#[derive(Serialize, Deserialize)]
struct Profile {
    name: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

pub(super) fn profile(user: &User) -> String {
    let User { name, email, email_verified, .. } = user.clone();
    // Two texts and a flag always become JSON.
    serde_json::to_string(&Profile { name, email, email_verified }).unwrap_or_default()
}

/// Reads `id, username, document, status, created_at, updated_at`.
pub(super) fn user(row: &Row) -> Result<User, StoreError> {
    let document: String = row.get(2)?;
    let Profile { name, email, email_verified } =
        serde_json::from_str(&document).map_err(|_| StoreError::Corrupt("a user that cannot be read"))?;
    Ok(User {
        id: UserId::new(row.uuid(0)?),
        username: row.get(1)?,
        name,
        email,
        email_verified,
        status: row.parsed(3, user_status)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}

fn user_status(text: &str) -> Option<user::Status> {
    [user::Status::Active, user::Status::Locked, user::Status::Disabled]
        .into_iter()
        .find(|status| user_status_text(*status) == text)
}

pub(super) const fn user_status_text(status: user::Status) -> &'static str {
    match status {
        user::Status::Active => "active",
        user::Status::Locked => "locked",
        user::Status::Disabled => "disabled",
    }
}

/// What [`both`] reads, of all that are.
pub(super) const BOTH: &str = "d.id, d.user_id, d.installation_id, d.nickname, d.status, d.position, d.paired_at, \
                               d.application_id, i.id, i.jkt, i.public_jwk, i.next_jkt, i.document, i.created_at, \
                               (SELECT p.provider FROM push_token p WHERE p.installation_id = i.id), \
                               i.pushes_off_since \
                               FROM device d JOIN installation i ON i.id = d.installation_id";

/// What [`device`] reads.
pub(super) const DEVICE: &str =
    "id, user_id, installation_id, nickname, status, position, paired_at, application_id FROM device";

pub(super) fn both(row: &Row) -> Result<(Device, Installation), StoreError> {
    let pushed_by = row.parsed_if_any(14, Provider::parse)?;
    let off_since: Option<i64> = row.get(15)?;
    Ok((device(row)?, Installation { pushed_by, pushes_off: off_since.is_some(), ..installation(row, 8)? }))
}

pub(super) fn device(row: &Row) -> Result<Device, StoreError> {
    let position: i64 = row.get(5)?;
    let application: Option<String> = row.get(7)?;
    Ok(Device {
        id: DeviceId::new(row.uuid(0)?),
        user: UserId::new(row.uuid(1)?),
        installation: InstallationId::new(row.uuid(2)?),
        application: application.as_deref().and_then(NativeApplicationId::parse),
        nickname: row.get(3)?,
        status: row.parsed(4, device_status)?,
        position: u32::try_from(position).map_err(|_| StoreError::Corrupt("a position out of range"))?,
        paired_at: row.time(6)?,
    })
}

fn device_status(text: &str) -> Option<device::Status> {
    [device::Status::Active, device::Status::Blocked].into_iter().find(|status| device_status_text(*status) == text)
}

pub(super) const fn device_status_text(status: device::Status) -> &'static str {
    match status {
        device::Status::Active => "active",
        device::Status::Blocked => "blocked",
    }
}

/// Reads `id, jkt, public_jwk, next_jkt, document, created_at`, from column `at` on. Whether it is reached by a push, and
/// may be, is not among them.
pub(super) fn installation(row: &Row, at: usize) -> Result<Installation, StoreError> {
    let document: String = row.get(at + 4)?;
    let about: About =
        serde_json::from_str(&document).map_err(|_| StoreError::Corrupt("an installation that cannot be read"))?;
    Ok(Installation {
        id: InstallationId::new(row.uuid(at)?),
        jkt: row.get(at + 1)?,
        public_jwk: row.get(at + 2)?,
        next_jkt: row.get(at + 3)?,
        about,
        pushed_by: None,
        pushes_off: false,
        created_at: row.time(at + 5)?,
    })
}
