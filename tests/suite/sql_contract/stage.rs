//! Two nodes on one database, and what stands on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nod::clock::Timestamp;
use nod::domain::audit::{Action, Event};
use nod::domain::authentication_request::{Approval, Decision};
use nod::domain::decision::Record;
use nod::domain::device::About;
use nod::domain::grant::{Grant, StoredAccessToken, StoredRefreshToken};
use nod::domain::user::{self, User};
use nod::entropy::Entropy;
use nod::protocol::acr::Acr;
use nod::protocol::extent::Extent;
use nod::protocol::id::{
    ClientId, DeviceId, GrantId, InstallationId, NotificationId, OpaqueAccessToken, PairingKey, RefreshToken,
    RequestId, UserId,
};
use nod::protocol::scope::Scope;
use nod::secret::{Digest, Secret};
use nod::store::sql::Database;
use nod::store::sql::app_standings::AppStandings;
use nod::store::sql::clients::Clients;
use nod::store::sql::consents::Consents;
use nod::store::sql::decisions::Decisions;
use nod::store::sql::devices::{Claimed, Devices, KeyCreated, Newcomer, Pairing};
use nod::store::sql::directory::Directory;
use nod::store::sql::keys::SigningKeys;
use nod::store::sql::ledger::{Granted, Ledger};
use nod::store::sql::otp_devices::OtpDevices;
use nod::store::sql::outbox::Outbox;
use nod::store::sql::passwords::Passwords;
use nod::store::sql::people::People;
use nod::store::sql::sessions::Sessions;
use nod::store::sql::tokens::Tokens;
use nod::store::sql::totp_devices::TotpDevices;
use nod::store::sql::user_codes::UserCodes;
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::backends::Postgres;

/// One node: what a server has in hand.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) directory: Arc<Directory>,
    pub(super) clients: Clients,
    pub(super) consents: Consents,
    pub(super) people: People,
    pub(super) devices: Devices,
    pub(super) tokens: Tokens,
    pub(super) totps: TotpDevices,
    pub(super) addresses: OtpDevices,
    pub(super) passwords: Passwords,
    pub(super) user_codes: UserCodes,
    pub(super) sessions: Sessions,
    pub(super) keys: SigningKeys,
    pub(super) outbox: Outbox,
    pub(super) ledger: Ledger,
    pub(super) decisions: Decisions,
    pub(super) standings: AppStandings,
}

pub(super) struct Stage {
    pub(super) nodes: [Node; 2],
    pub(super) url: String,
    pub(super) entropy: Entropy,
    _workers: JoinSet<()>,
    _directory: Option<tempfile::TempDir>,
}

impl Node {
    pub(super) async fn start(url: &str, workers: &mut JoinSet<()>) -> Self {
        let database = Database::connect(&Secret::new(url.to_owned())).await.unwrap();
        database.migrate().await.unwrap();
        let (directory, looking) = Directory::new(database.clone());
        let (ledger, writing) = Ledger::new(database.clone());
        workers.spawn(looking);
        workers.spawn(writing);
        Self {
            clients: Clients::new(database.clone(), directory.clone()),
            consents: Consents::new(database.clone()),
            people: People::new(database.clone(), directory.clone()),
            devices: Devices::new(database.clone(), directory.clone()),
            keys: SigningKeys::new(database.clone(), directory.clone()),
            tokens: Tokens::new(database.clone()),
            totps: TotpDevices::new(database.clone()),
            addresses: OtpDevices::new(database.clone()),
            passwords: Passwords::new(database.clone()),
            user_codes: UserCodes::new(database.clone()),
            sessions: Sessions::new(database.clone()),
            outbox: Outbox::new(database.clone()),
            standings: AppStandings::new(database.clone()),
            decisions: Decisions::new(database),
            directory,
            ledger,
        }
    }
}

impl Stage {
    pub(super) async fn on(url: String, directory: Option<tempfile::TempDir>) -> Self {
        let mut workers = JoinSet::new();
        // Both at once, as a rolling start does.
        let nodes = {
            let (mut first, mut second) = (JoinSet::new(), JoinSet::new());
            let nodes = tokio::join!(Node::start(&url, &mut first), Node::start(&url, &mut second));
            workers.spawn(async move { while first.join_next().await.is_some() {} });
            workers.spawn(async move { while second.join_next().await.is_some() {} });
            nodes
        };
        Self { nodes: nodes.into(), url, entropy: Entropy::seeded(7), _workers: workers, _directory: directory }
    }

    pub(super) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::on(format!("sqlite:{}/nod.db", directory.path().display()), Some(directory)).await
    }

    pub(super) async fn postgres() -> Self {
        Self::on(Postgres::shared().database(), None).await
    }

    pub(super) fn node(&self, n: usize) -> Node {
        self.nodes[n % 2].clone()
    }

    pub(super) async fn count(&self, sql: &str) -> i64 {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    pub(super) async fn execute(&self, sql: &str) {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        connection.execute_unprepared(sql).await.unwrap();
    }

    pub(super) fn event(&self, action: Action) -> Event {
        Event::new(self.entropy.uuid(), now(), action)
    }

    pub(super) async fn user(&self, username: &str) -> User {
        let user = User {
            id: UserId::new(self.entropy.uuid()),
            username: username.to_owned(),
            name: Some("Alice".to_owned()),
            email: None,
            email_verified: false,
            status: user::Status::Active,
            created_at: now(),
            updated_at: now(),
        };
        assert!(self.nodes[0].people.create(&user, &self.event(Action::UserCreated)).await.unwrap());
        user
    }

    pub(super) async fn pairing_key(&self, user: &User) -> Digest<PairingKey> {
        let key = Digest::of(&self.entropy.bytes::<16>());
        let event = self.event(Action::PairingKeyCreated);
        let created = self.nodes[0].devices.create_pairing_key(user.id, &key, now(), later(600), &event).await;
        assert_eq!(created.unwrap(), KeyCreated::Yes);
        key
    }

    pub(super) async fn claim(&self, node: usize, key: Digest<PairingKey>, jkt: &str, max_devices: u32) -> Claimed {
        let about = About { platform: Some("android".to_owned()), ..About::default() };
        let newcomer = Newcomer {
            application: None,
            jkt,
            public_jwk: "{}",
            about: &about,
            new_installation: InstallationId::new(self.entropy.uuid()),
            new_device: DeviceId::new(self.entropy.uuid()),
            max_devices,
        };
        self.node(node).devices.claim(&key, &newcomer, now(), self.event(Action::DevicePaired)).await.unwrap()
    }

    pub(super) async fn pair(&self, user: &User, jkt: &str) -> Pairing {
        paired(self.claim(0, self.pairing_key(user).await, jkt, 10).await)
    }

    pub(super) fn record(request: RequestId, outcome: Decision) -> Record {
        Record {
            request,
            request_digest: Digest::of(b"auth_req_id"),
            notification: NotificationId::new(Uuid::from_u128(1)),
            client: shop(),
            user: UserId::new(Uuid::from_u128(2)),
            device: match &outcome {
                Decision::Approved(approval) => Some(approval.device),
                Decision::Denied(_) | Decision::Cancelled => None,
            },
            outcome,
            acr: Acr::Device,
            evidence: Some("header.payload.signature".to_owned()),
            context_hash: Some("hash".to_owned()),
            shown: Some("{}".to_owned()),
            decided_at: now(),
            scope: Scope::parse("openid").unwrap(),
            issued_at: now(),
            expires_at: now() + Duration::from_secs(120),
        }
    }

    pub(super) fn approval(&self) -> Decision {
        Decision::Approved(Approval { device: DeviceId::new(self.entropy.uuid()), at: now(), choice: None })
    }

    pub(super) fn grant(&self, request: Option<RequestId>) -> (Grant, StoredRefreshToken, StoredAccessToken) {
        let grant = Grant {
            id: GrantId::new(self.entropy.uuid()),
            request,
            client: shop(),
            user: UserId::new(self.entropy.uuid()),
            device: None,
            session: None,
            bound_to: None,
            scope: Scope::parse("openid profile").unwrap(),
            extent: Extent::default(),
            acr: Acr::Device,
            amr: "pop swk user".to_owned(),
            authenticated_at: now(),
            created_at: now(),
            revoked_at: None,
        };
        let access = StoredAccessToken {
            digest: Digest::<OpaqueAccessToken>::of(&self.entropy.bytes::<16>()),
            grant: grant.id,
            bound_to: None,
            scope: grant.scope.clone(),
            extent: grant.extent.clone(),
            issued_at: now(),
            expires_at: later(300),
        };
        let refresh = self.refresh_token(grant.id);
        (grant, refresh, access)
    }

    pub(super) fn refresh_token(&self, grant: GrantId) -> StoredRefreshToken {
        StoredRefreshToken {
            digest: Digest::<RefreshToken>::of(&self.entropy.bytes::<16>()),
            grant,
            issued_at: now(),
            expires_at: later(1000),
            absolute_expires_at: later(5000),
        }
    }

    pub(super) async fn granted(&self) -> (Grant, StoredRefreshToken, StoredAccessToken) {
        let (grant, refresh, access) = self.grant(None);
        let event = self.event(Action::RequestRedeemed);
        let ledger = &self.nodes[0].ledger;
        let granted = ledger.grant(grant.clone(), Some(refresh.clone()), Some(access.clone()), event).await.unwrap();
        assert_eq!(granted, Granted::First);
        (grant, refresh, access)
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub(super) fn later(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

pub(super) fn shop() -> ClientId {
    ClientId::parse("shop").unwrap()
}

pub(super) fn paired(claimed: Claimed) -> Pairing {
    match claimed {
        Claimed::Paired(pairing) => *pairing,
        other @ (Claimed::Invalid | Claimed::Full) => panic!("{other:?}"),
    }
}

pub(super) async fn until(mut done: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(10), "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}
