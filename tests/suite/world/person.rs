//! Users, and what an administrator does with them.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use nod::clock::Clock as _;
use nod::domain::audit::Action;
use nod::domain::password::NewPassword;
use nod::domain::user::{Status, User};
use nod::protocol::id::UserId;
use nod::store::sql::devices::{Devices, KeyCreated};
use nod::store::sql::people::{People, Updated};
use nod::store::sql::user_codes::UserCodes;
use nod::usecase::pairing_keys;
use nod_device::PairingKey;

use super::{Inner, Phone, World, seconds};

#[must_use]
pub(crate) struct PersonBuilder {
    world: Arc<Inner>,
    username: String,
    phones: usize,
    password: Option<String>,
    user_code: Option<String>,
}

impl PersonBuilder {
    pub(super) fn new(world: Arc<Inner>, username: &str) -> Self {
        Self { world, username: username.to_owned(), phones: 0, password: None, user_code: None }
    }

    /// One more phone, really paired. The first one is the primary device.
    pub(crate) fn with_phone(mut self) -> Self {
        self.phones += 1;
        self
    }

    /// One that may be any text.
    pub(crate) fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// What clients with `backchannel_user_code_parameter` have to give.
    pub(crate) fn with_user_code(mut self, code: &str) -> Self {
        self.user_code = Some(code.to_owned());
        self
    }

    async fn create(self) -> Person {
        let Self { world, username, phones, password, user_code } = self;
        let now = world.clock.now();
        let user = User {
            id: UserId::new(world.entropy.uuid()),
            name: Some(format!("The real {username}")),
            email: Some(format!("{username}@{}.example", world.entropy.uuid())),
            email_verified: true,
            username,
            status: Status::Active,
            created_at: now,
            updated_at: now,
        };
        // [house 23] never hints, never mail addresses. Hints here are names that any line may hold.
        let (people, event) = (people(&world), world.event(Action::UserCreated).user(user.id));
        let created = user.clone();
        assert!(world.among_servers(async move { people.create(&created, &event).await }).await.unwrap());
        if let Some(password) = password {
            world.guard(&password);
            let (set, user) = (Arc::clone(&world.parts().set_password), user.clone());
            assert!(world.among_servers(async move { set.seed(&user, &password).await }).await.unwrap());
        }
        let (username, email) = (user.username, user.email.unwrap());
        let mut person = Person { id: user.id, username, email, world, phones: Vec::new() };
        if let Some(code) = user_code {
            person.set_user_code(&code).await;
        }
        for _ in 0..phones {
            let phone = Phone::new(Arc::clone(&person.world));
            person.pair(phone).await;
        }
        person
    }
}

impl IntoFuture for PersonBuilder {
    type Output = Person;
    type IntoFuture = Pin<Box<dyn Future<Output = Person>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}

pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) phones: Vec<Phone>,
    world: Arc<Inner>,
}

fn people(world: &Inner) -> People {
    People::new(world.parts().database.clone(), Arc::clone(&world.parts().directory))
}

impl Person {
    /// The same person after a restart.
    pub(crate) fn in_world(mut self, world: &World) -> Self {
        self.world = Arc::clone(&world.inner);
        for phone in &mut self.phones {
            phone.move_into(Arc::clone(&world.inner));
        }
        self
    }

    /// The first phone.
    pub(crate) fn phone(&self) -> &Phone {
        &self.phones[0]
    }

    /// What an administrator hands out; `None` when there are too many.
    pub(crate) async fn new_pairing_key(&self) -> Option<PairingKey> {
        let parts = self.world.parts();
        let devices = Devices::new(parts.database.clone(), Arc::clone(&parts.directory));
        let key = pairing_keys::draw(&self.world.entropy);
        self.world.guard(key.expose());
        let (user, digest, now) = (self.id, parts.recognise.digest(&key), self.world.clock.now());
        let event = self.world.event(Action::PairingKeyCreated).user(user);
        let created = async move { devices.create_pairing_key(user, &digest, now, now + seconds(600), &event).await };
        let created = self.world.among_servers(created).await.unwrap();
        (created == KeyCreated::Yes).then(|| PairingKey::parse(key.expose()).unwrap())
    }

    pub(crate) async fn pairing_key(&self) -> PairingKey {
        self.new_pairing_key().await.expect("a pairing key")
    }

    /// Pairs a phone, one that serves others already or a new one, and keeps it.
    pub(crate) async fn pair(&mut self, mut phone: Phone) -> &Phone {
        let answer = phone.pair(&self.pairing_key().await).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        self.phones.push(phone);
        self.phones.last().unwrap()
    }

    async fn update(&self, change: impl FnOnce(User) -> User + Send + 'static) {
        let (people, event) = (people(&self.world), self.world.event(Action::UserUpdated).user(self.id));
        let (id, now) = (self.id, self.world.clock.now());
        let changed = async move { people.update(id, &event, now, change).await };
        assert!(matches!(self.world.among_servers(changed).await.unwrap(), Updated::User(_)));
    }

    pub(crate) async fn set_status(&self, status: Status) {
        self.update(move |user| User { status, ..user }).await;
    }

    pub(crate) async fn rename(&self, username: &'static str) {
        self.update(move |user| User { username: username.to_owned(), ..user }).await;
    }

    pub(crate) async fn email_unverified(&self) {
        self.update(move |user| User { email_verified: false, ..user }).await;
    }

    pub(crate) async fn set_email(&self, address: &str) {
        let email = Some(address.to_owned());
        self.update(move |user| User { email, ..user }).await;
    }

    pub(crate) async fn set_user_code(&self, code: &str) {
        self.world.guard(code);
        let parts = self.world.parts();
        let (codes, hashing) = (UserCodes::new(parts.database.clone()), Arc::clone(&parts.check_password.hashing));
        let (id, event, now) = (self.id, self.world.event(Action::UserCodeSet).user(self.id), self.world.clock.now());
        let code = NewPassword::user_code(code).unwrap();
        let set = async move { codes.set(id, &hashing.make(id, code).await.unwrap(), (&event, now)).await };
        assert!(self.world.among_servers(set).await.unwrap(), "no such person");
    }

    pub(crate) async fn lock(&self) {
        self.set_status(Status::Locked).await;
    }

    pub(crate) async fn unlock(&self) {
        self.set_status(Status::Active).await;
    }

    pub(crate) async fn delete(&self) {
        let (people, event) = (people(&self.world), self.world.event(Action::UserDeleted).user(self.id));
        let (id, now) = (self.id, self.world.clock.now());
        assert!(self.world.among_servers(async move { people.delete(id, &event, now).await }).await.unwrap());
    }
}
