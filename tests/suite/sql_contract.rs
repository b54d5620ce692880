//! What the SQL side promises, tested alike on SQLite and PostgreSQL, by two nodes on one database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nod::clock::{ManualClock, Timestamp};
use nod::domain::audit::{Action, Event};
use nod::domain::authentication_request::{Approval, Decision, Denial};
use nod::domain::client::{AccessTokenFormat, Authentication, Client, Secrets};
use nod::domain::decision::Record;
use nod::domain::device::{About, Device, Status};
use nod::domain::grant::{Grant, REUSE_GRACE, Rotation, StoredAccessToken, StoredRefreshToken};
use nod::domain::password::hash::PasswordHash;
use nod::domain::signing_key::{Schedule, State, StoredKey};
use nod::domain::user::{self, User};
use nod::entropy::Entropy;
use nod::protocol::acr::Acr;
use nod::protocol::algorithm::Algorithm;
use nod::protocol::extent::Extent;
use nod::protocol::id::{
    ClientId, DeviceId, GrantId, InstallationId, NotificationId, OpaqueAccessToken, PairingKey, RefreshToken,
    RequestId, UserId,
};
use nod::protocol::scope::Scope;
use nod::secret::{Digest, MasterKey, Sealed, Secret};
use nod::store::ephemeral::StoreError;
use nod::store::sql::Database;
use nod::store::sql::clients::Clients;
use nod::store::sql::devices::{Claim, Claimed, Devices, KeyCreated, Pairing};
use nod::store::sql::directory::Directory;
use nod::store::sql::keys::SigningKeys;
use nod::store::sql::ledger::{Decided, Decisions, Granted, Ledger};
use nod::store::sql::outbox::{Kind, Outbox};
use nod::store::sql::passwords::{Over, Passwords, Set};
use nod::store::sql::people::{People, Updated};
use nod::store::sql::tokens::{Presented, Tokens};
use nod::usecase::signing_keys::{KeyRing, TendKeys};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::backends::Postgres;

/// One node: what a server has in hand.
#[derive(Clone)]
struct Node {
    directory: Arc<Directory>,
    clients: Clients,
    people: People,
    devices: Devices,
    tokens: Tokens,
    passwords: Passwords,
    keys: SigningKeys,
    outbox: Outbox,
    ledger: Ledger,
    decisions: Decisions,
}

struct Stage {
    nodes: [Node; 2],
    url: String,
    entropy: Entropy,
    _workers: JoinSet<()>,
    _directory: Option<tempfile::TempDir>,
}

impl Node {
    async fn start(url: &str, workers: &mut JoinSet<()>) -> Self {
        let database = Database::connect(&Secret::new(url.to_owned())).await.unwrap();
        database.migrate().await.unwrap();
        let (directory, looking) = Directory::new(database.clone());
        let (ledger, writing) = Ledger::new(database.clone());
        workers.spawn(looking);
        workers.spawn(writing);
        Self {
            clients: Clients::new(database.clone(), directory.clone()),
            people: People::new(database.clone(), directory.clone()),
            devices: Devices::new(database.clone(), directory.clone()),
            keys: SigningKeys::new(database.clone(), directory.clone()),
            tokens: Tokens::new(database.clone()),
            passwords: Passwords::new(database.clone()),
            outbox: Outbox::new(database.clone()),
            decisions: Decisions::new(database),
            directory,
            ledger,
        }
    }
}

impl Stage {
    async fn on(url: String, directory: Option<tempfile::TempDir>) -> Self {
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

    async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::on(format!("sqlite:{}/nod.db", directory.path().display()), Some(directory)).await
    }

    async fn postgres() -> Self {
        Self::on(Postgres::shared().database(), None).await
    }

    fn node(&self, n: usize) -> Node {
        self.nodes[n % 2].clone()
    }

    async fn count(&self, sql: &str) -> i64 {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    }

    async fn execute(&self, sql: &str) {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        connection.execute_unprepared(sql).await.unwrap();
    }

    fn event(&self, action: Action) -> Event {
        Event::new(self.entropy.uuid(), now(), action)
    }

    async fn user(&self, username: &str) -> User {
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

    async fn pairing_key(&self, user: &User) -> Digest<PairingKey> {
        let key = Digest::of(&self.entropy.bytes::<16>());
        let event = self.event(Action::PairingKeyCreated);
        let created = self.nodes[0].devices.create_pairing_key(user.id, &key, now(), later(600), &event).await;
        assert_eq!(created.unwrap(), KeyCreated::Yes);
        key
    }

    async fn claim(&self, node: usize, key: Digest<PairingKey>, jkt: &str, max_devices: u32) -> Claimed {
        let about = About { platform: Some("android".to_owned()), ..About::default() };
        let claim = Claim {
            key,
            jkt,
            public_jwk: "{}",
            about: &about,
            new_installation: InstallationId::new(self.entropy.uuid()),
            new_device: DeviceId::new(self.entropy.uuid()),
            max_devices,
        };
        self.node(node).devices.claim(&claim, now(), self.event(Action::DevicePaired)).await.unwrap()
    }

    async fn pair(&self, user: &User, jkt: &str) -> Pairing {
        paired(self.claim(0, self.pairing_key(user).await, jkt, 10).await)
    }

    fn record(request: RequestId, outcome: Decision) -> Record {
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

    fn approval(&self) -> Decision {
        Decision::Approved(Approval { device: DeviceId::new(self.entropy.uuid()), at: now() })
    }

    fn grant(&self, request: Option<RequestId>) -> (Grant, StoredRefreshToken, StoredAccessToken) {
        let grant = Grant {
            id: GrantId::new(self.entropy.uuid()),
            request,
            client: shop(),
            user: UserId::new(self.entropy.uuid()),
            device: None,
            session: None,
            bound_to: None,
            scope: Scope::parse("openid profile").unwrap(),
            extent: Extent::of_resources(vec!["https://api.example".to_owned()]),
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

    fn refresh_token(&self, grant: GrantId) -> StoredRefreshToken {
        StoredRefreshToken {
            digest: Digest::<RefreshToken>::of(&self.entropy.bytes::<16>()),
            grant,
            issued_at: now(),
            expires_at: later(1000),
            absolute_expires_at: later(5000),
        }
    }

    async fn granted(&self) -> (Grant, StoredRefreshToken, StoredAccessToken) {
        let (grant, refresh, access) = self.grant(None);
        let event = self.event(Action::RequestRedeemed);
        let ledger = &self.nodes[0].ledger;
        let granted = ledger.grant(grant.clone(), Some(refresh.clone()), Some(access.clone()), event).await.unwrap();
        assert_eq!(granted, Granted::First);
        (grant, refresh, access)
    }
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn later(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

fn shop() -> ClientId {
    ClientId::parse("shop").unwrap()
}

fn paired(claimed: Claimed) -> Pairing {
    match claimed {
        Claimed::Paired(pairing) => *pairing,
        other @ (Claimed::Invalid | Claimed::Full) => panic!("{other:?}"),
    }
}

async fn until(mut done: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(10), "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

macro_rules! on_every_engine {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Stage::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Stage::postgres().await).await;
            })*
        }
    };
}

on_every_engine! {
    a_change_of_a_client_is_seen_everywhere_soon
    every_change_of_a_client_at_once_counts
    a_deleted_client_loses_its_grants
    a_locked_user_is_seen_everywhere_within_a_second
    a_username_is_taken_once
    a_deleted_user_leaves_no_device_and_no_grant
    a_password_is_set_over_the_one_that_was_seen
    a_hash_is_swapped_for_the_one_that_was_seen
    a_password_goes_with_its_user
    a_pairing_key_makes_one_device
    a_pairing_key_ends_by_time_and_with_its_user
    a_user_has_few_live_pairing_keys
    a_user_has_few_devices
    the_first_device_is_primary_and_the_next_follows_it
    one_phone_can_be_the_device_of_two_people
    a_phone_that_pairs_again_stays_the_same_device
    a_blocked_device_does_not_come_back_by_pairing
    a_rotated_key_is_adopted_with_its_first_use
    a_decision_is_made_once
    a_report_locks_the_person_when_it_is_the_first_answer
    many_decisions_are_all_kept
    a_told_decision_leaves_the_outbox
    a_grant_is_given_once
    in_one_group_the_first_one_wins
    one_bad_row_does_not_hurt_its_group
    a_ledger_that_ends_has_written_everything
    a_refresh_token_is_used_once_and_given_again_for_a_moment
    a_reused_refresh_token_ends_its_grant
    an_unknown_or_expired_refresh_token_changes_nothing
    a_revoked_token_is_not_found
    ended_tokens_are_purged
    a_signing_key_lives_its_life_once
    nodes_that_start_at_once_make_the_first_keys_once
    an_outbox_row_goes_to_one_worker
    an_untold_row_comes_up_again
}

fn client() -> Client {
    Client {
        id: shop(),
        name: "Shop".to_owned(),
        disabled: false,
        authentication: Authentication::ClientSecretBasic(Secrets(Vec::new())),
        grants: std::collections::BTreeSet::new(),
        scope: Scope::parse("openid").unwrap(),
        id_token_signed_response_alg: Algorithm::ES256,
        access_token_format: AccessTokenFormat::Jwt,
        resources: Vec::new(),
        backchannel: None,
        userinfo_signed_response_alg: None,
        introspection_signed_response_alg: None,
        dpop_bound_access_tokens: false,
        sign_in: None,
        registered: None,
        token_exchange: None,
        may_act: None,
        created_at: now(),
    }
}

async fn a_change_of_a_client_is_seen_everywhere_soon(stage: Stage) {
    let [here, there] = &stage.nodes;
    assert!(there.directory.client(&shop()).await.unwrap().is_none());
    assert!(here.directory.client(&shop()).await.unwrap().is_none());
    assert!(here.clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap());
    assert!(!there.clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap());
    assert_eq!(here.directory.client(&shop()).await.unwrap().unwrap().name, "Shop");
    let waited = until(async || there.directory.client(&shop()).await.unwrap().is_some()).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");

    let disable = |client: Client| Client { disabled: true, ..client };
    let event = stage.event(Action::ClientUpdated);
    assert!(here.clients.update(&shop(), &event, now(), disable).await.unwrap().unwrap().disabled);
    assert!(here.directory.client(&shop()).await.unwrap().unwrap().disabled);
    let waited = until(async || there.directory.client(&shop()).await.unwrap().unwrap().disabled).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert_eq!(there.clients.list(None, 10).await.unwrap().len(), 1);
    assert_eq!(there.clients.list(Some(&shop()), 10).await.unwrap().len(), 0);
    let other = ClientId::parse("other").unwrap();
    assert!(here.clients.update(&other, &event, now(), disable).await.unwrap().is_none());
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 2);
}

async fn every_change_of_a_client_at_once_counts(stage: Stage) {
    stage.nodes[0].clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..12 {
        let (node, event) = (stage.node(n), stage.event(Action::ClientUpdated));
        tasks.spawn(async move {
            let change = |client: Client| Client { name: format!("{}.", client.name), ..client };
            node.clients.update(&shop(), &event, now(), change).await.unwrap().unwrap();
        });
    }
    tasks.join_all().await;
    assert_eq!(stage.nodes[0].clients.list(None, 1).await.unwrap()[0].name, "Shop............");
}

async fn a_deleted_client_loses_its_grants(stage: Stage) {
    let [here, _] = &stage.nodes;
    here.clients.create(&client(), &stage.event(Action::ClientCreated)).await.unwrap();
    let (grant, _, _) = stage.granted().await;
    assert_eq!(here.tokens.active_grant(grant.id).await.unwrap(), Some(grant.clone()));
    assert!(here.clients.delete(&shop(), &stage.event(Action::ClientDeleted), later(1)).await.unwrap());
    assert!(!here.clients.delete(&shop(), &stage.event(Action::ClientDeleted), later(1)).await.unwrap());
    assert_eq!(here.tokens.active_grant(grant.id).await.unwrap(), None);
    assert!(here.directory.client(&shop()).await.unwrap().is_none());
}

async fn a_locked_user_is_seen_everywhere_within_a_second(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert_eq!(*here.directory.user(&alice.id).await.unwrap().unwrap(), alice);
    until(async || there.directory.user_by_username("alice").await.unwrap().is_some()).await;
    assert!(there.directory.user(&alice.id).await.unwrap().unwrap().is_active());

    let lock = |user: User| User { status: user::Status::Locked, ..user };
    let updated = here.people.update(alice.id, &stage.event(Action::UserUpdated), later(1), lock).await.unwrap();
    let Updated::User(locked) = updated else { panic!("{updated:?}") };
    assert_eq!(*here.directory.user(&alice.id).await.unwrap().unwrap(), locked);
    assert_eq!(*here.directory.user_by_username("alice").await.unwrap().unwrap(), locked);
    let waited = until(async || !there.directory.user(&alice.id).await.unwrap().unwrap().is_active()).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert!(!there.directory.user_by_username("alice").await.unwrap().unwrap().is_active());
}

async fn a_username_is_taken_once(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let again = User { id: UserId::new(stage.entropy.uuid()), ..alice.clone() };
    assert!(!there.people.create(&again, &stage.event(Action::UserCreated)).await.unwrap());
    let event = stage.event(Action::UserUpdated);
    let rename = |user: User| User { username: "alice".to_owned(), ..user };
    assert_eq!(here.people.update(bob.id, &event, now(), rename).await.unwrap(), Updated::UsernameTaken);
    let nobody = UserId::new(stage.entropy.uuid());
    assert_eq!(here.people.update(nobody, &event, now(), rename).await.unwrap(), Updated::Unknown);
    let names: Vec<_> = here.people.list(None, 10).await.unwrap().into_iter().map(|user| user.username).collect();
    assert_eq!(names, ["alice", "bob"]);
    assert!(here.directory.user_by_username("Alice").await.unwrap().is_none());
    assert!(here.directory.user_by_username("a\0lice").await.unwrap().is_none());
}

async fn a_deleted_user_leaves_no_device_and_no_grant(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    stage.pair(&alice, "own").await;
    stage.pair(&alice, "shared").await;
    stage.pair(&bob, "shared").await;
    stage.pairing_key(&alice).await;
    let (mut grant, _, _) = stage.grant(None);
    grant.user = alice.id;
    here.ledger.grant(grant.clone(), None, None, stage.event(Action::RequestRedeemed)).await.unwrap();

    assert!(here.people.delete(alice.id, &stage.event(Action::UserDeleted), later(1)).await.unwrap());
    assert!(!here.people.delete(alice.id, &stage.event(Action::UserDeleted), later(1)).await.unwrap());
    assert!(here.directory.user(&alice.id).await.unwrap().is_none());
    assert!(here.directory.devices_of(&alice.id).await.unwrap().is_empty());
    assert!(here.directory.installation_by_jkt("own").await.unwrap().is_none());
    assert_eq!(here.directory.installation_by_jkt("shared").await.unwrap().unwrap().devices.len(), 1);
    assert!(here.tokens.active_grant(grant.id).await.unwrap().is_none());
    assert_eq!(stage.count("SELECT COUNT(*) FROM installation").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM pairing_key WHERE used_at IS NULL").await, 0);
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash { phc: format!("$argon2id${text}"), pepper: "a pepper".to_owned() }
}

async fn a_password_is_set_over_the_one_that_was_seen(stage: Stage) {
    let (alice, [here, there]) = (stage.user("alice").await, &stage.nodes);
    let set = async |node: &Node, over: Over, text: &str, at: Timestamp| {
        let event = stage.event(Action::PasswordChanged).user(alice.id);
        node.passwords.set(alice.id, over, &hash(text), at, &event).await.unwrap()
    };
    assert!(here.passwords.find(alice.id).await.unwrap().is_none());
    assert_eq!(set(here, Over::ChosenAt(now()), "none", now()).await, Set::No);
    assert_eq!(set(here, Over::Nothing, "first", now()).await, Set::At(now()));
    assert_eq!(set(there, Over::Nothing, "again", later(9)).await, Set::No);
    let stored = there.passwords.find(alice.id).await.unwrap().unwrap();
    assert_eq!((stored.hash, stored.must_change, stored.changed_at), (hash("first"), false, now()));
    assert!(there.passwords.require_change(alice.id, &stage.event(Action::PasswordChangeRequired)).await.unwrap());
    assert!(here.passwords.find(alice.id).await.unwrap().unwrap().must_change);

    // Of those who come at once, one; and later than the one before, though its clock is behind.
    let nodes: Vec<Node> = (0..16).map(|n| stage.node(n)).collect();
    let early = Timestamp::from_millis(now().millis() - 5000);
    let sets = nodes.iter().zip(["a", "b", "c", "d"].iter().cycle());
    let sets = sets.map(|(node, text)| set(node, Over::ChosenAt(now()), text, early));
    let sets: Vec<Set> = futures_util::future::join_all(sets).await;
    let at = Timestamp::from_millis(now().millis() + 1);
    assert_eq!(sets.iter().filter(|set| **set == Set::At(at)).count(), 1, "{sets:?}");
    assert_eq!(sets.iter().filter(|set| **set == Set::No).count(), 15, "{sets:?}");
    let stored = here.passwords.find(alice.id).await.unwrap().unwrap();
    assert_eq!((stored.must_change, stored.changed_at), (false, at));
    let events = "SELECT COUNT(*) FROM audit WHERE action LIKE 'password.%'";
    assert_eq!(stage.count(events).await, 3, "one for each that was set, and one for the demand");
}

async fn a_hash_is_swapped_for_the_one_that_was_seen(stage: Stage) {
    let (alice, [here, there]) = (stage.user("alice").await, &stage.nodes);
    let event = || stage.event(Action::PasswordChanged).user(alice.id);
    here.passwords.set(alice.id, Over::Nothing, &hash("old"), now(), &event()).await.unwrap();
    assert!(!here.passwords.replace(alice.id, &hash("another"), &hash("anew")).await.unwrap());
    let renamed = PasswordHash { pepper: "another pepper".to_owned(), ..hash("old") };
    assert!(!here.passwords.replace(alice.id, &renamed, &hash("anew")).await.unwrap());
    assert!(here.passwords.replace(alice.id, &hash("old"), &hash("anew")).await.unwrap());
    let stored = there.passwords.find(alice.id).await.unwrap().unwrap();
    assert_eq!((stored.hash, stored.changed_at), (hash("anew"), now()));

    // Whoever has verified the old one comes after the change.
    let changed = there.passwords.set(alice.id, Over::ChosenAt(now()), &hash("chosen"), later(1), &event()).await;
    assert_eq!(changed.unwrap(), Set::At(later(1)));
    assert!(!here.passwords.replace(alice.id, &hash("anew"), &hash("undone")).await.unwrap());
    assert_eq!(here.passwords.find(alice.id).await.unwrap().unwrap().hash, hash("chosen"));
}

async fn a_password_goes_with_its_user(stage: Stage) {
    let (alice, here) = (stage.user("alice").await, stage.node(0));
    let event = || stage.event(Action::PasswordChanged).user(alice.id);
    here.passwords.set(alice.id, Over::Nothing, &hash("hers"), now(), &event()).await.unwrap();
    assert!(here.people.delete(alice.id, &stage.event(Action::UserDeleted), later(1)).await.unwrap());
    assert_eq!(stage.count("SELECT COUNT(*) FROM password").await, 0);
    let set = here.passwords.set(alice.id, Over::Nothing, &hash("hers"), later(2), &event()).await;
    assert_eq!(set.unwrap(), Set::No);
    assert!(!here.passwords.require_change(alice.id, &event()).await.unwrap());
    assert!(!here.passwords.replace(alice.id, &hash("hers"), &hash("anew")).await.unwrap());
}

async fn a_pairing_key_makes_one_device(stage: Stage) {
    let alice = stage.user("alice").await;
    let stage = Arc::new(stage);
    let key = stage.pairing_key(&alice).await;
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let stage = stage.clone();
        tasks.spawn(async move { stage.claim(n, key, &format!("jkt{n}"), 10).await });
    }
    let claimed = tasks.join_all().await;
    assert_eq!(claimed.iter().filter(|claimed| matches!(claimed, Claimed::Paired(_))).count(), 1);
    assert_eq!(claimed.iter().filter(|claimed| **claimed == Claimed::Invalid).count(), 15);
    assert_eq!(stage.count("SELECT COUNT(*) FROM device").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM installation").await, 1);
    assert_eq!(
        stage.count("SELECT COUNT(*) FROM audit WHERE action = 'device.paired' AND user_id IS NOT NULL").await,
        1
    );
    let devices = stage.nodes[0].directory.devices_of(&alice.id).await.unwrap();
    let (device, installation) = &devices[0];
    assert_eq!((device.status, device.position, device.paired_at), (Status::Active, 0, now()));
    assert_eq!(installation.about.platform.as_deref(), Some("android"));
}

async fn a_pairing_key_ends_by_time_and_with_its_user(stage: Stage) {
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert_eq!(stage.claim(0, Digest::of(b"unknown"), "jkt", 10).await, Claimed::Invalid);
    let ended = Digest::of(b"ended");
    let event = stage.event(Action::PairingKeyCreated);
    let earlier = now() - Duration::from_secs(600);
    here.devices.create_pairing_key(alice.id, &ended, earlier, now(), &event).await.unwrap();
    assert_eq!(stage.claim(0, ended, "jkt", 10).await, Claimed::Invalid);

    let key = stage.pairing_key(&alice).await;
    let set = |status| move |user: User| User { status, ..user };
    let event = stage.event(Action::UserUpdated);
    here.people.update(alice.id, &event, now(), set(user::Status::Locked)).await.unwrap();
    assert_eq!(stage.claim(0, key, "jkt", 10).await, Claimed::Invalid);
    here.people.update(alice.id, &event, now(), set(user::Status::Active)).await.unwrap();
    paired(stage.claim(0, key, "jkt", 10).await);
    assert_eq!(stage.claim(0, key, "jkt", 10).await, Claimed::Invalid);
}

async fn a_user_has_few_live_pairing_keys(stage: Stage) {
    let alice = stage.user("alice").await;
    let mut tasks = JoinSet::new();
    for n in 0..24 {
        let (node, event) = (stage.node(n), stage.event(Action::PairingKeyCreated));
        tasks.spawn(async move {
            let key = Digest::of(&n.to_be_bytes());
            node.devices.create_pairing_key(alice.id, &key, now(), later(60), &event).await.unwrap()
        });
    }
    let created = tasks.join_all().await;
    assert_eq!(created.iter().filter(|created| **created == KeyCreated::Yes).count(), 20);
    let [here, _] = &stage.nodes;
    let event = stage.event(Action::PairingKeyCreated);
    // The others have ended by then.
    let created = here.devices.create_pairing_key(alice.id, &Digest::of(b"k"), later(60), later(90), &event).await;
    assert_eq!(created.unwrap(), KeyCreated::Yes);
    let nobody = UserId::new(stage.entropy.uuid());
    let created = here.devices.create_pairing_key(nobody, &Digest::of(b"l"), now(), later(60), &event).await;
    assert_eq!(created.unwrap(), KeyCreated::UnknownUser);
}

async fn a_user_has_few_devices(stage: Stage) {
    let alice = stage.user("alice").await;
    let stage = Arc::new(stage);
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let (stage, key) = (stage.clone(), stage.pairing_key(&alice).await);
        tasks.spawn(async move { (key, stage.claim(n, key, &format!("jkt{n}"), 3).await) });
    }
    let claimed = tasks.join_all().await;
    assert_eq!(claimed.iter().filter(|(_, claimed)| matches!(claimed, Claimed::Paired(_))).count(), 3);
    let (left, _) = claimed.iter().find(|(_, claimed)| *claimed == Claimed::Full).unwrap();
    let devices = stage.nodes[0].directory.devices_of(&alice.id).await.unwrap();
    let positions: Vec<_> = devices.iter().map(|(device, _)| device.position).collect();
    assert_eq!(positions, [0, 1, 2]);
    assert_eq!(stage.count("SELECT COUNT(*) FROM installation").await, 3);
    // The key of a phone that found no room still works when there is room.
    stage.nodes[0].devices.unpair(devices[1].0.id, &stage.event(Action::DeviceUnpaired)).await.unwrap();
    paired(stage.claim(1, *left, "late", 3).await);
}

async fn the_first_device_is_primary_and_the_next_follows_it(stage: Stage) {
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    let (first, second) = (stage.pair(&alice, "first").await.device, stage.pair(&alice, "second").await.device);
    let third = stage.pair(&alice, "third").await.device;
    assert!(first.is_primary() && !second.is_primary() && !third.is_primary());
    let event = stage.event(Action::DeviceUnpaired);
    let unpaired = here.devices.unpair(first.id, &event).await.unwrap().unwrap();
    assert_eq!((unpaired.device, unpaired.promoted), (first.clone(), Some(second.id)));
    let devices = here.directory.devices_of(&alice.id).await.unwrap();
    let order: Vec<_> = devices.iter().map(|(device, _)| (device.id, device.is_primary())).collect();
    assert_eq!(order, [(second.id, true), (third.id, false)]);
    assert!(here.directory.installation_by_jkt("first").await.unwrap().is_none());
    assert_eq!(here.devices.unpair(first.id, &event).await.unwrap(), None);
    assert_eq!(here.devices.unpair(third.id, &event).await.unwrap().unwrap().promoted, None);
    let renamed = here.devices.rename(second.id, Some("my phone"), &event).await.unwrap().unwrap();
    assert_eq!(renamed.nickname.as_deref(), Some("my phone"));
}

async fn one_phone_can_be_the_device_of_two_people(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let (of_alice, of_bob) = (stage.pair(&alice, "phone").await, stage.pair(&bob, "phone").await);
    assert_eq!(of_alice.installation, of_bob.installation);
    assert_ne!(of_alice.device.id, of_bob.device.id);
    let found = here.directory.installation_by_jkt("phone").await.unwrap().unwrap();
    assert_eq!(found.devices.len(), 2);
    let event = stage.event(Action::DeviceUnpaired);
    here.devices.unpair(of_alice.device.id, &event).await.unwrap().unwrap();
    let found = here.directory.installation_by_jkt("phone").await.unwrap().unwrap();
    assert_eq!(found.devices, std::slice::from_ref(&of_bob.device));
    here.devices.unpair(of_bob.device.id, &event).await.unwrap().unwrap();
    assert!(here.directory.installation_by_jkt("phone").await.unwrap().is_none());
}

async fn a_phone_that_pairs_again_stays_the_same_device(stage: Stage) {
    let alice = stage.user("alice").await;
    let first = stage.pair(&alice, "phone").await.device;
    assert_eq!(stage.pair(&alice, "phone").await.device, first);
    assert_eq!(stage.nodes[0].directory.devices_of(&alice.id).await.unwrap().len(), 1);
}

async fn a_blocked_device_does_not_come_back_by_pairing(stage: Stage) {
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    let device = stage.pair(&alice, "phone").await.device;
    let event = stage.event(Action::DeviceBlocked);
    let blocked = here.devices.set_status(device.id, Status::Blocked, &event).await.unwrap().unwrap();
    assert_eq!(blocked, Device { status: Status::Blocked, ..device });
    let key = stage.pairing_key(&alice).await;
    assert_eq!(stage.claim(0, key, "phone", 10).await, Claimed::Invalid);
    let devices = here.directory.devices_of(&alice.id).await.unwrap();
    assert_eq!(devices[0].0.status, Status::Blocked);
}

async fn a_rotated_key_is_adopted_with_its_first_use(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (alice, bob) = (stage.user("alice").await, stage.user("bob").await);
    let phone = stage.pair(&alice, "old").await.installation;
    stage.pair(&bob, "taken").await;
    let event = stage.event(Action::DeviceKeyRotated);
    assert!(!here.devices.announce_key(phone.id, "taken", "{}", &event).await.unwrap());
    assert!(here.devices.announce_key(phone.id, "new", "{\"new\":1}", &event).await.unwrap());
    for jkt in ["old", "new"] {
        let found = here.directory.installation_by_jkt(jkt).await.unwrap().unwrap();
        assert_eq!((found.installation.id, found.installation.next_jkt.as_deref()), (phone.id, Some("new")));
    }
    assert!(!here.devices.adopt_key(phone.id, "other", &event).await.unwrap());
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let (node, event) = (stage.node(n), event.clone());
        tasks.spawn(async move { node.devices.adopt_key(phone.id, "new", &event).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|adopted| *adopted).count(), 1);
    until(async || there.directory.installation_by_jkt("old").await.unwrap().is_none()).await;
    let found = there.directory.installation_by_jkt("new").await.unwrap().unwrap();
    assert_eq!((found.installation.jkt.as_str(), found.installation.public_jwk.as_str()), ("new", "{\"new\":1}"));
    assert_eq!(found.installation.next_jkt, None);
}

async fn a_decision_is_made_once(stage: Stage) {
    for round in 0..5 {
        let request = RequestId::new(stage.entropy.uuid());
        let mut tasks = JoinSet::new();
        for n in 0..64 {
            let outcome = match n % 3 {
                0 => stage.approval(),
                1 => Decision::Denied(Denial::Reported),
                _ => Decision::Cancelled,
            };
            let (node, event) = (stage.node(n), stage.event(Action::RequestApproved).request(request));
            let record = Stage::record(request, outcome.clone());
            tasks.spawn(async move { (outcome, node.ledger.decide(record, event).await.unwrap()) });
        }
        let verdicts = tasks.join_all().await;
        let winners: Vec<_> = verdicts.iter().filter(|(_, decided)| *decided == Decided::First).collect();
        assert_eq!(winners.len(), 1);
        let (stands, _) = winners[0];
        for (_, decided) in &verdicts {
            assert!(*decided == Decided::First || *decided == Decided::Already(stands.clone()), "{decided:?}");
        }
        let kept = stage.nodes[1].decisions.find(request).await.unwrap().unwrap();
        assert_eq!((&kept.outcome, kept.evidence.as_deref()), (stands, Some("header.payload.signature")));
        assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, round + 1, "one event for one decision");
        assert_eq!(stage.count("SELECT COUNT(*) FROM outbox").await, round + 1);
    }
}

async fn a_report_locks_the_person_when_it_is_the_first_answer(stage: Stage) {
    let [here, there] = &stage.nodes;
    let alice = stage.user("alice").await;
    let report = |request: RequestId| {
        let record = Record { user: alice.id, ..Stage::record(request, Decision::Denied(Denial::Reported)) };
        let (event, locked) = (stage.event(Action::RequestReported), stage.event(Action::UserLocked));
        async move { here.ledger.decide_and_lock(record, event, locked).await.unwrap() }
    };
    let locked = "SELECT COUNT(*) FROM account WHERE status = 'locked'";
    let events = "SELECT COUNT(*) FROM audit WHERE action = 'user.locked'";
    let approved = RequestId::new(stage.entropy.uuid());
    let record = Record { user: alice.id, ..Stage::record(approved, stage.approval()) };
    there.ledger.decide(record, stage.event(Action::RequestApproved)).await.unwrap();
    assert!(matches!(report(approved).await, Decided::Already(_)));
    assert_eq!((stage.count(locked).await, stage.count(events).await), (0, 0));

    // Reports of several questions at the same time, and no person is locked twice.
    let reports = (0..8).map(|_| report(RequestId::new(stage.entropy.uuid())));
    assert!(futures_util::future::join_all(reports).await.iter().all(|decided| *decided == Decided::First));
    assert_eq!((stage.count(locked).await, stage.count(events).await), (1, 1));
    until(async || !there.directory.user(&alice.id).await.unwrap().unwrap().is_active()).await;
}

async fn many_decisions_are_all_kept(stage: Stage) {
    let mut tasks = JoinSet::new();
    for n in 0..500 {
        let record = Stage::record(RequestId::new(stage.entropy.uuid()), stage.approval());
        let (node, event) = (stage.node(n), stage.event(Action::RequestApproved));
        tasks.spawn(async move { node.ledger.decide(record, event).await.unwrap() });
    }
    assert!(tasks.join_all().await.iter().all(|decided| *decided == Decided::First));
    assert_eq!(stage.count("SELECT COUNT(*) FROM decision").await, 500);
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 500);
    assert_eq!(stage.count("SELECT COUNT(*) FROM outbox").await, 500);
}

async fn a_told_decision_leaves_the_outbox(stage: Stage) {
    let [here, _] = &stage.nodes;
    let mut requests = Vec::new();
    for _ in 0..100 {
        let request = RequestId::new(stage.entropy.uuid());
        let record = Stage::record(request, Decision::Cancelled);
        here.ledger.decide(record, stage.event(Action::RequestCancelled)).await.unwrap();
        requests.push(request);
    }
    assert_eq!(here.outbox.lease(Kind::Decision, 10, Duration::from_secs(5), now()).await.unwrap(), [], "not due yet");
    for request in &requests[1..] {
        here.ledger.told(*request);
    }
    until(async || here.outbox.backlog(Kind::Decision).await.unwrap() == (1, Some(now()))).await;
    let leased = here.outbox.lease(Kind::Decision, 10, Duration::from_secs(5), later(1)).await.unwrap();
    assert_eq!(leased.iter().map(|row| row.id).collect::<Vec<_>>(), [requests[0].uuid()]);
}

async fn a_grant_is_given_once(stage: Stage) {
    for _ in 0..5 {
        let request = RequestId::new(stage.entropy.uuid());
        let mut tasks = JoinSet::new();
        for n in 0..64 {
            let (grant, refresh, access) = stage.grant(Some(request));
            let (node, event) = (stage.node(n), stage.event(Action::RequestRedeemed));
            tasks.spawn(async move {
                let granted = node.ledger.grant(grant, Some(refresh.clone()), Some(access.clone()), event).await;
                (granted.unwrap(), refresh, access)
            });
        }
        let mut winners = 0;
        for (granted, refresh, access) in tasks.join_all().await {
            let first = granted == Granted::First;
            winners += u32::from(first);
            let tokens = &stage.nodes[0].tokens;
            assert_eq!(tokens.refresh_token(&refresh.digest).await.unwrap().is_some(), first);
            assert_eq!(tokens.access_token(&access.digest, now()).await.unwrap().is_some(), first);
        }
        assert_eq!(winners, 1);
    }
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 5);
    assert_eq!(stage.count("SELECT COUNT(*) FROM refresh_token").await, 5);
}

async fn in_one_group_the_first_one_wins(stage: Stage) {
    let database = Database::connect(&Secret::new(stage.url.clone())).await.unwrap();
    let (ledger, writing) = Ledger::new(database);
    let request = RequestId::new(stage.entropy.uuid());
    let (mut decisions, mut grants) = (JoinSet::new(), JoinSet::new());
    for n in 0..20 {
        let outcome = if n % 2 == 0 { stage.approval() } else { Decision::Cancelled };
        let (record, event) = (Stage::record(request, outcome.clone()), stage.event(Action::RequestApproved));
        let deciding = ledger.clone();
        decisions.spawn(async move { (outcome, deciding.decide(record, event).await.unwrap()) });
        let (grant, refresh, _) = stage.grant(Some(request));
        let (granting, event) = (ledger.clone(), stage.event(Action::RequestRedeemed));
        grants.spawn(async move { granting.grant(grant, Some(refresh), None, event).await.unwrap() });
    }
    // All of them wait before anything is written.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut writer = JoinSet::new();
    writer.spawn(writing);
    let decisions = decisions.join_all().await;
    let winners: Vec<_> = decisions.iter().filter(|(_, decided)| *decided == Decided::First).collect();
    assert_eq!(winners.len(), 1);
    let stands = Decided::Already(winners[0].0.clone());
    assert_eq!(decisions.iter().filter(|(_, decided)| *decided == stands).count(), 19);
    assert_eq!(grants.join_all().await.into_iter().filter(|granted| *granted == Granted::First).count(), 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM refresh_token").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 2);
}

async fn one_bad_row_does_not_hurt_its_group(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (taken, _, _) = stage.granted().await;
    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let (mut grant, refresh, _) = stage.grant(Some(RequestId::new(stage.entropy.uuid())));
        if n == 10 {
            grant.id = taken.id;
        }
        let (ledger, event) = (here.ledger.clone(), stage.event(Action::RequestRedeemed));
        tasks.spawn(async move { (n, ledger.grant(grant, Some(refresh), None, event).await) });
    }
    here.ledger.audit(stage.event(Action::InputRefused).refused("a\0b")).await;
    for (n, granted) in tasks.join_all().await {
        assert_eq!(granted.is_ok(), n != 10, "{n}: {granted:?}");
    }
    until(async || stage.count("SELECT COUNT(*) FROM audit").await == 1 + 19 + 1).await;
}

async fn a_ledger_that_ends_has_written_everything(stage: Stage) {
    let database = Database::connect(&Secret::new(stage.url.clone())).await.unwrap();
    let (ledger, writing) = Ledger::new(database);
    for _ in 0..300 {
        ledger.audit(stage.event(Action::InputRefused)).await;
    }
    drop(ledger);
    writing.await;
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit").await, 300);
}

impl Stage {
    fn presented(&self, digest: Digest<RefreshToken>, grant: GrantId) -> Presented {
        let successor = self.refresh_token(grant);
        Presented {
            digest,
            sealed_successor: Sealed::from_bytes(successor.digest.as_bytes().to_vec()),
            successor,
            access: None,
            rotated: self.event(Action::TokenRefreshed),
            reused: self.event(Action::TokenReused),
        }
    }
}

async fn a_refresh_token_is_used_once_and_given_again_for_a_moment(stage: Stage) {
    let (grant, refresh, _) = stage.granted().await;
    let mut tasks = JoinSet::new();
    for n in 0..32 {
        let (node, presented) = (stage.node(n), stage.presented(refresh.digest, grant.id));
        tasks.spawn(
            async move { (presented.successor.digest, node.tokens.rotate(&presented, later(1)).await.unwrap()) },
        );
    }
    let rotations = tasks.join_all().await;
    let rotated: Vec<_> = rotations
        .iter()
        .filter_map(|(successor, rotation)| {
            matches!(rotation, Rotation::Rotated(of) if *of == grant).then_some(successor)
        })
        .collect();
    assert_eq!(rotated.len(), 1);
    let again = rotations.iter().filter(
        |(_, rotation)| matches!(rotation, Rotation::Again(_, sealed) if sealed.as_bytes() == rotated[0].as_bytes()),
    );
    assert_eq!(again.count(), 31, "everyone else is given the same successor");
    assert_eq!(stage.count("SELECT COUNT(*) FROM refresh_token WHERE used_at IS NULL").await, 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'token.refreshed'").await, 1);
    let next = stage.presented(*rotated[0], grant.id);
    assert!(matches!(stage.nodes[1].tokens.rotate(&next, later(2)).await.unwrap(), Rotation::Rotated(_)));
}

async fn a_reused_refresh_token_ends_its_grant(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (grant, refresh, access) = stage.granted().await;
    let first = stage.presented(refresh.digest, grant.id);
    assert!(matches!(here.tokens.rotate(&first, now()).await.unwrap(), Rotation::Rotated(_)));
    let thief = stage.presented(refresh.digest, grant.id);
    let late = now() + REUSE_GRACE;
    assert!(matches!(there.tokens.rotate(&thief, late).await.unwrap(), Rotation::Reused(of) if of.id == grant.id));
    let next = stage.presented(first.successor.digest, grant.id);
    assert!(matches!(here.tokens.rotate(&next, late).await.unwrap(), Rotation::Invalid));
    assert!(here.tokens.access_token(&access.digest, now()).await.unwrap().is_none());
    assert!(here.tokens.active_grant(grant.id).await.unwrap().is_none());
    assert!(matches!(there.tokens.rotate(&thief, late).await.unwrap(), Rotation::Invalid));
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'token.reused'").await, 1);
}

async fn an_unknown_or_expired_refresh_token_changes_nothing(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (grant, refresh, _) = stage.granted().await;
    let rotate = async |digest, at| here.tokens.rotate(&stage.presented(digest, grant.id), at).await.unwrap();
    assert!(matches!(rotate(Digest::of(b"unknown"), later(1)).await, Rotation::Invalid));
    assert!(matches!(rotate(refresh.digest, refresh.expires_at).await, Rotation::Invalid));
    assert!(matches!(rotate(refresh.digest, later(1)).await, Rotation::Rotated(_)));
    assert!(here.tokens.active_grant(grant.id).await.unwrap().is_some());
}

async fn a_revoked_token_is_not_found(stage: Stage) {
    let [here, there] = &stage.nodes;
    let (grant, refresh, access) = stage.granted().await;
    let (token, of) = there.tokens.access_token(&access.digest, now()).await.unwrap().unwrap();
    assert_eq!((token.scope, token.expires_at, of), (access.scope.clone(), access.expires_at, grant.clone()));
    assert!(there.tokens.access_token(&access.digest, access.expires_at).await.unwrap().is_none());
    let event = || stage.event(Action::TokenRevoked);
    assert!(here.tokens.revoke_access_token(&access.digest, &event()).await.unwrap());
    assert!(!here.tokens.revoke_access_token(&access.digest, &event()).await.unwrap());
    assert!(there.tokens.access_token(&access.digest, now()).await.unwrap().is_none());

    assert_eq!(here.tokens.active_grant_of_jwt(grant.id, "jti").await.unwrap(), Some(grant.clone()));
    assert!(here.tokens.revoke_jwt("jti", later(300), &event()).await.unwrap());
    assert!(!here.tokens.revoke_jwt("jti", later(300), &event()).await.unwrap());
    assert_eq!(there.tokens.active_grant_of_jwt(grant.id, "jti").await.unwrap(), None);
    assert!(there.tokens.active_grant_of_jwt(grant.id, "another").await.unwrap().is_some());

    assert_eq!(there.tokens.refresh_token(&refresh.digest).await.unwrap().unwrap().1, grant);
    here.tokens.add_access_token(&access, &stage.event(Action::TokenRefreshed)).await.unwrap();
    assert!(here.tokens.revoke_grant(grant.id, &event(), later(1)).await.unwrap());
    assert!(!there.tokens.revoke_grant(grant.id, &event(), later(1)).await.unwrap());
    assert!(there.tokens.refresh_token(&refresh.digest).await.unwrap().is_none());
    assert!(there.tokens.access_token(&access.digest, now()).await.unwrap().is_none());
    assert!(there.tokens.active_grant_of_jwt(grant.id, "another").await.unwrap().is_none());
    let presented = stage.presented(refresh.digest, grant.id);
    assert!(matches!(there.tokens.rotate(&presented, later(1)).await.unwrap(), Rotation::Invalid));
    assert_eq!(stage.count("SELECT COUNT(*) FROM audit WHERE action = 'token.revoked'").await, 3);
}

async fn ended_tokens_are_purged(stage: Stage) {
    let [here, _] = &stage.nodes;
    let (_, refresh, access) = stage.granted().await;
    here.tokens.revoke_jwt("jti", later(300), &stage.event(Action::TokenRevoked)).await.unwrap();
    assert_eq!(here.tokens.purge(now(), 100).await.unwrap(), 0);
    assert_eq!(here.tokens.purge(access.expires_at, 100).await.unwrap(), 2);
    assert_eq!(here.tokens.purge(refresh.expires_at, 100).await.unwrap(), 0, "its reuse would still be noticed");
    assert_eq!(here.tokens.purge(refresh.absolute_expires_at, 100).await.unwrap(), 1);
}

async fn nodes_that_start_at_once_make_the_first_keys_once(stage: Stage) {
    for round in 0..4 {
        stage.execute("DELETE FROM signing_key").await;
        let mut tending = JoinSet::new();
        for n in 0..2 {
            let node = TendKeys {
                keys: stage.node(n).keys,
                ring: Arc::new(KeyRing::new(String::new())),
                master: Arc::new(MasterKey::new(&Secret::new([7; 32]))),
                schedule: Schedule::default(),
                clock: Arc::new(ManualClock::new(now())),
                entropy: Arc::new(Entropy::default()),
            };
            tending.spawn(async move { node.tend().await });
        }
        for tended in tending.join_all().await {
            tended.unwrap();
        }
        let mut states = stage.nodes[0].keys.load().await.unwrap();
        states.sort_by_key(|key| (key.algorithm.as_str(), key.state));
        let states: Vec<_> = states.iter().map(|key| (key.algorithm, key.state)).collect();
        let wanted = |of: Algorithm| [State::Next, State::Current].map(|state| states.contains(&(of, state)));
        assert!(
            Algorithm::SIGNING.into_iter().all(|algorithm| wanted(algorithm) == [true, true]),
            "{round}: {states:?}"
        );
        assert_eq!(states.len(), 6, "none retires that has just begun: {round}: {states:?}");
    }
}

async fn a_signing_key_lives_its_life_once(stage: Stage) {
    let key = |kid: &str, state| StoredKey {
        kid: kid.to_owned(),
        algorithm: Algorithm::ES256,
        state,
        public_jwk: "{}".to_owned(),
        sealed_private: Sealed::from_bytes(vec![1, 2, 3]),
        created_at: now(),
        activated_at: (state == State::Current).then(now),
        retiring_at: None,
    };
    let once = async |what: &str, kids: [&'static str; 2]| {
        let mut tasks = JoinSet::new();
        for (n, kid) in kids.into_iter().enumerate() {
            let (node, event, what) = (stage.node(n), stage.event(Action::KeyRotated), what.to_owned());
            tasks.spawn(async move {
                let done = match what.as_str() {
                    "create" => node.keys.insert(&key(kid, State::Current), &event).await,
                    "announce" => node.keys.insert(&key(kid, State::Next), &event).await,
                    "promote" => node.keys.promote(kid, &event, later(1)).await,
                    _ => node.keys.retire(kid, &event).await,
                };
                (kid, done.unwrap())
            });
        }
        let done = tasks.join_all().await;
        assert_eq!(done.iter().filter(|(_, done)| *done).count(), 1, "{what}: {done:?}");
        done.into_iter().find(|(_, done)| *done).unwrap().0
    };
    let first = once("create", ["a", "b"]).await;
    let epoch = stage.nodes[0].directory.keys_epoch();
    let second = once("announce", ["c", "d"]).await;
    until(async || stage.nodes[0].directory.keys_epoch() > epoch).await;
    assert_eq!(once("promote", [second, second]).await, second);
    let keys = stage.nodes[1].keys.load().await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.state)).collect();
    assert!(states.contains(&(second, State::Current)) && states.contains(&(first, State::Retiring)), "{states:?}");
    assert_eq!(keys[0].sealed_private.as_bytes(), [1, 2, 3]);
    once("retire", [first, first]).await;
    let left = stage.nodes[1].keys.load().await.unwrap();
    assert_eq!(left.iter().filter(|key| key.state != State::Retired).count(), 1);
    assert_eq!(stage.count("SELECT COUNT(*) FROM signing_key WHERE length(sealed_private) = 0").await, 1);
    assert!(!stage.nodes[0].keys.promote("unknown", &stage.event(Action::KeyRotated), later(2)).await.unwrap());
    let keys = stage.nodes[0].keys.load().await.unwrap();
    assert_eq!(keys.iter().filter(|key| key.state == State::Current).count(), 1);
}

async fn an_outbox_row_goes_to_one_worker(stage: Stage) {
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
        let (node, event) = (stage.node(n), stage.event(Action::RequestCancelled));
        tasks.spawn(async move { node.ledger.decide(record, event).await.unwrap() });
    }
    tasks.join_all().await;
    let mut workers = JoinSet::new();
    for n in 0..4 {
        let node = stage.node(n);
        workers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let rows = node.outbox.lease(Kind::Decision, 7, Duration::from_secs(5), later(2)).await.unwrap();
                if rows.is_empty()
                    && node.outbox.lease(Kind::Decision, 7, Duration::from_secs(5), later(2)).await.unwrap().is_empty()
                {
                    return taken;
                }
                taken.extend(rows.into_iter().map(|row| row.id));
            }
        });
    }
    let mut taken: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    let all = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((all, taken.len()), (100, 100));
}

async fn an_untold_row_comes_up_again(stage: Stage) {
    let [here, there] = &stage.nodes;
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    here.ledger.decide(record, stage.event(Action::RequestCancelled)).await.unwrap();
    let lease = Duration::from_secs(5);
    let first = here.outbox.lease(Kind::Decision, 10, lease, later(1)).await.unwrap().remove(0);
    assert_eq!(first.attempts, 1);
    assert!(there.outbox.lease(Kind::Decision, 10, lease, later(5)).await.unwrap().is_empty());
    let second = there.outbox.lease(Kind::Decision, 10, lease, later(6)).await.unwrap().remove(0);
    assert_eq!((second.id, second.attempts), (first.id, 2));
    here.outbox.retry(&first, later(6)).await.unwrap();
    assert!(
        here.outbox.lease(Kind::Decision, 10, lease, later(7)).await.unwrap().is_empty(),
        "it is not ours any more"
    );
    there.outbox.retry(&second, later(8)).await.unwrap();
    let third = here.outbox.lease(Kind::Decision, 10, lease, later(8)).await.unwrap().remove(0);
    here.outbox.done(third.id).await.unwrap();
    assert_eq!(here.outbox.backlog(Kind::Decision).await.unwrap(), (0, None));
}

// The database goes away and comes back.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_node_knows_nothing_and_recovers() {
    let postgres = Postgres::start();
    let stage = Stage::on(postgres.database(), None).await;
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert!(here.directory.user(&alice.id).await.unwrap().is_some());

    postgres.kill();
    let waited = until(async || here.directory.user(&alice.id).await.is_err()).await;
    assert!(waited < Duration::from_millis(1500), "a cache must not hide a dead database: {waited:?}");
    let start = Instant::now();
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    let decided = here.ledger.decide(record.clone(), stage.event(Action::RequestCancelled)).await;
    assert!(matches!(decided, Err(StoreError::Unavailable(_))), "{decided:?}");
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    for _ in 0..50 {
        here.ledger.audit(stage.event(Action::InputRefused)).await;
    }

    postgres.revive();
    let waited = until(async || here.directory.user(&alice.id).await.is_ok()).await;
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    let event = stage.event(Action::RequestCancelled);
    until(async || here.ledger.decide(record.clone(), event.clone()).await.is_ok()).await;
    until(async || stage.count("SELECT COUNT(*) FROM audit WHERE action = 'input.refused'").await == 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_not_waited_for() {
    let postgres = Postgres::start();
    let stage = Stage::on(postgres.database(), None).await;
    let [here, _] = &stage.nodes;
    let alice = stage.user("alice").await;
    assert!(here.directory.user(&alice.id).await.unwrap().is_some());
    postgres.pause();
    let start = Instant::now();
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    assert!(here.ledger.decide(record.clone(), stage.event(Action::RequestCancelled)).await.is_err());
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    let start = Instant::now();
    assert!(here.directory.user(&alice.id).await.is_err());
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    postgres.unpause();
    let waited = until(async || {
        let event = stage.event(Action::RequestCancelled);
        here.directory.user(&alice.id).await.is_ok() && here.ledger.decide(record.clone(), event).await.is_ok()
    })
    .await;
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    assert_eq!(stage.count("SELECT COUNT(*) FROM decision").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_process_has_locked_is_not_waited_for() {
    let stage = Stage::sqlite().await;
    let [here, _] = &stage.nodes;
    let other = sea_orm::Database::connect(&stage.url).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let start = Instant::now();
    let record = Stage::record(RequestId::new(stage.entropy.uuid()), Decision::Cancelled);
    let decided = here.ledger.decide(record.clone(), stage.event(Action::RequestCancelled)).await;
    assert!(matches!(decided, Err(StoreError::Unavailable(_))), "{decided:?}");
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    assert!(here.directory.user_by_username("alice").await.unwrap().is_none(), "reading goes on");
    other.execute_unprepared("ROLLBACK").await.unwrap();
    let event = stage.event(Action::RequestCancelled);
    let decided = here.ledger.decide(record, event).await.unwrap();
    assert_eq!(decided, Decided::First, "what was not answered was not done");
}

/// In a database of the version before, a commit whose answer was lost may have left its events twice.
#[tokio::test]
async fn events_that_are_there_twice_become_one() {
    let directory = tempfile::tempdir().unwrap();
    for url in [Postgres::shared().database(), format!("sqlite:{}/nod.db", directory.path().display())] {
        let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
        database.migrate().await.unwrap();
        let raw = sea_orm::Database::connect(&url).await.unwrap();
        let backend = raw.get_database_backend();
        let write = async |id: u8, reason: &str| {
            let sql = "INSERT INTO audit (seq, id, at, action, result, reason) \
                       SELECT COALESCE(MAX(seq), 0) + 1, $1, 0, 'input.refused', 'refused', $2 FROM audit";
            let values = [vec![id; 16].into(), reason.into()];
            raw.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await
        };
        let before = "DROP INDEX audit_id; \
                      DELETE FROM seaql_migrations WHERE version = 'm0002_events_are_there_once'";
        raw.execute_unprepared(before).await.unwrap();
        for (id, reason) in [(1, "one"), (2, "two"), (1, "one"), (3, "three"), (1, "one")] {
            write(id, reason).await.unwrap();
        }
        database.migrate().await.unwrap();
        let rows = raw.query_all_raw(Statement::from_string(backend, "SELECT reason FROM audit ORDER BY seq"));
        let rows = rows.await.unwrap();
        let reasons: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(reasons, ["one", "two", "three"]);
        assert!(write(2, "again").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_says_what_it_lacks_and_whether_it_works() {
    let postgres = Postgres::start();
    for url in [postgres.database(), "sqlite::memory:".to_owned()] {
        let database = Database::connect(&Secret::new(url.clone())).await.unwrap();
        database.ping().await.unwrap();
        assert_eq!(
            database.pending_migrations().await.unwrap(),
            [
                "m0001_first",
                "m0002_events_are_there_once",
                "m0003_administration",
                "m0004_audit_chain",
                "m0005_passwords",
                "m0006_sign_in",
                "m0007_sign_on",
                "m0008_extent",
                "m0009_bound_tokens",
                "m0010_initial_access_tokens"
            ]
        );
        database.migrate().await.unwrap();
        database.migrate().await.unwrap();
        assert!(database.pending_migrations().await.unwrap().is_empty());
        if url.starts_with("postgres") {
            postgres.kill();
            let start = Instant::now();
            assert!(database.ping().await.is_err());
            assert!(start.elapsed() < Duration::from_millis(600));
        }
    }
}
